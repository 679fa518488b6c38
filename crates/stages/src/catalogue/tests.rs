use std::collections::BTreeMap;

use gennaker_engine::{Catalogue as _, PlanContext, definition::PlanError};
use serde_json::{Value, json};

use super::*;
use crate::testing;

#[test]
fn names_are_unique_and_classes_mean_one_task() {
    let mut names = BTreeMap::new();
    let mut classes: BTreeMap<&str, &TaskDefinition> = BTreeMap::new();
    for stage in CATALOGUE.types() {
        assert!(!stage.summary().is_empty());
        for name in stage.names() {
            assert!(names.insert(*name, ()).is_none(), "{name} twice");
        }
        for task in stage.tasks() {
            let held = classes.entry(task.class).or_insert(task);
            assert!(std::ptr::eq(*held, *task), "{} means two tasks", task.class);
        }
    }
}

/// Task names in order, as people see them; a loop in braces.
fn planned(kind: &str, context: Value) -> Result<Vec<String>, PlanError> {
    let execution = testing::execution(&json!([]), &json!({"type": "manual"}));
    let stage = testing::stage(kind, context.as_object().unwrap().clone());
    let context = PlanContext {
        execution: &execution,
        stage: &stage,
        now: 1_000,
    };
    let definition = CATALOGUE.stage(kind).unwrap();
    let plan = definition.plan(&context)?;
    for task in &plan.tasks {
        let known = CATALOGUE.task(task.definition.class);
        assert!(
            known.is_some_and(|known| std::ptr::eq(known, task.definition)),
            "the class of {} leads elsewhere",
            task.name
        );
    }
    let before = plan.before.iter().map(|stage| format!("<{}", stage.name));
    let tasks = plan.tasks.iter().map(|task| {
        let open = if task.loop_start { "{" } else { "" };
        let close = if task.loop_end { "}" } else { "" };
        format!("{open}{}{close}", task.name)
    });
    Ok(before.chain(tasks).collect())
}

macro_rules! rows {
    ($($test:ident: $kind:literal { $($context:tt)* } => $tasks:expr;)*) => { $(
        #[test]
        fn $test() {
            let tasks = planned($kind, json!({ $($context)* }));
            let tasks = tasks.unwrap_or_else(|error| panic!("{error}"));
            let wanted: &[&str] = &$tasks;
            assert_eq!(tasks, wanted);
        }
    )* };
}

// One test for each row of the tables, and for each condition in it (orchestration reference 6.2 to 6.8, 6.12).
rows! {
    row_wait: "wait" {"waitTime": 1} => ["wait"];
    row_wait_until: "waitUntil" {"epochMillis": 1} => ["waitUntil"];
    row_noop: "noop" {} => [];
    row_check_preconditions: "checkPreconditions"
        {"preconditions": [{"type": "expression"}, {"type": "stageStatus"}, {"type": "noop"}]} =>
        ["<Check precondition (expression)", "<Check precondition (stageStatus)", "<Check precondition (noop)"];
    row_check_preconditions_without_any: "checkPreconditions" {"preconditions": []} => [];
    row_precondition_expression: "checkPreconditions" {"preconditionType": "expression"} => ["checkPrecondition"];
    row_precondition_stage_status: "checkPreconditions" {"preconditionType": "stageStatus"} => ["checkPrecondition"];
    row_precondition_noop: "checkPreconditions" {"preconditionType": "noop"} => ["checkPrecondition"];
    row_evaluate_variables: "evaluateVariables" {"variables": []} => ["evaluateVariables"];
    row_evaluate_artifacts: "evaluateArtifacts" {} => ["evaluateArtifacts", "bindArtifacts"];
    row_depends_on_execution: "dependsOnExecution" {} => ["dependsOnExecution"];
    row_execution_window: "restrictExecutionDuringTimeWindow" {} => ["suspendExecutionDuringTimeWindow"];

    row_pipeline: "pipeline" {"pipeline": "p"} => ["startPipeline", "monitorPipeline"];
    row_pipeline_with_execution: "pipeline" {"executionId": "E"} => ["monitorPipeline"];
    row_pipeline_with_null_execution: "pipeline" {"executionId": null} => ["startPipeline", "monitorPipeline"];
    row_pipeline_without_waiting: "pipeline" {"waitForCompletion": false} => ["startPipeline"];
    row_pipeline_without_waiting_in_text: "pipeline" {"waitForCompletion": "False"} => ["startPipeline"];
    row_pipeline_with_artifacts: "pipeline" {"expectedArtifacts": []} =>
        ["startPipeline", "monitorPipeline", "bindProducedArtifacts"];
    row_monitor_pipeline: "monitorPipeline" {"executionIds": ["E"]} => ["monitorPipeline"];
    row_monitor_pipeline_with_artifacts: "monitorPipeline" {"expectedArtifacts": []} =>
        ["monitorPipeline", "bindProducedArtifacts"];
    row_save_pipeline: "savePipeline" {} => ["savePipeline", "waitForPipelineSave"];
    row_update_pipeline: "updatePipeline" {} => ["updatePipeline"];
    row_delete_pipeline: "deletePipeline" {} => ["deletePipeline"];
    row_reorder_pipelines: "reorderPipelines" {} => ["reorderPipelines"];
    row_save_pipelines_from_artifact: "savePipelinesFromArtifact" {} => [
        "getPipelinesFromArtifact", "{preparePipelineToSaveTask", "savePipeline", "waitForPipelineSave",
        "checkPipelineResults", "checkForRemainingPipelines}", "savePipelinesCompleteTask"];
    row_upsert_plugin_info: "upsertPluginInfo" {} => ["upsertPluginInfo"];
    row_delete_plugin_info: "deletePluginInfo" {} => ["deletePluginInfo"];
    row_upsert_entity_tags: "upsertEntityTags" {} => ["upsertEntityTags", "monitorUpsert"];
    row_bulk_upsert_entity_tags: "bulkUpsertEntityTags" {} => ["bulkUpsertEntityTags", "monitorUpsert"];
    row_delete_entity_tags: "deleteEntityTags" {} => ["deleteEntityTags", "monitorDelete"];
    row_load_plugin_release: "loadPluginRelease" {} => ["loadPluginRelease", "extractPluginDependencies"];
    row_set_preferred_plugin_release: "setPreferredPluginRelease" {} => ["setPreferredPluginVersion"];
    row_create_pipeline_template: "createPipelineTemplate" {} => ["createPipelineTemplate"];
    row_update_pipeline_template: "updatePipelineTemplate" {"skipPlanDependents": true} => ["updatePipelineTemplate"];
    row_delete_pipeline_template: "deletePipelineTemplate" {} => ["deletePipelineTemplate"];
    row_create_v2_pipeline_template: "createV2PipelineTemplate" {} => ["createV2PipelineTemplate"];
    row_update_v2_pipeline_template: "updateV2PipelineTemplate" {} => ["updateV2PipelineTemplate"];
    row_delete_v2_pipeline_template: "deleteV2PipelineTemplate" {} => ["deleteV2PipelineTemplate"];

    row_jenkins: "jenkins" {"master": "ci", "job": "j"} =>
        ["startJenkinsJob", "waitForJenkinsJobStart", "monitorJenkinsJob", "getBuildArtifacts"];
    row_jenkins_with_all: "jenkins" {"master": "ci", "job": "j", "propertyFile": "p", "expectedArtifacts": []} => [
        "startJenkinsJob", "waitForJenkinsJobStart", "monitorJenkinsJob", "getBuildProperties", "getBuildArtifacts",
        "bindProducedArtifacts"];
    row_jenkins_without_waiting: "jenkins" {"waitForCompletion": "false", "propertyFile": "p"} =>
        ["startJenkinsJob", "waitForJenkinsJobStart"];
    row_script: "script" {"command": "x"} => ["startScript", "waitForScriptStart", "monitorScript"];
    row_script_with_properties: "script" {"command": "x", "propertyFile": "p"} =>
        ["startScript", "waitForScriptStart", "monitorScript", "getBuildProperties"];
    row_get_properties: "getProperties" {} => ["getPropertiesFile"];

    row_create_application: "createApplication" {} => ["createApplication"];
    row_update_application: "updateApplication" {} => ["updateApplication"];
    row_upsert_application: "upsertApplication" {} => ["upsertApplication"];
    row_delete_application: "deleteApplication" {} => ["verifyNoDependencies", "deleteApplication"];
    row_upsert_project: "upsertProject" {} => ["upsertProject"];
    row_delete_project: "deleteProject" {} => ["deleteProject"];

    row_manual_judgment: "manualJudgment" {} => ["waitForJudgment"];

    row_webhook: "webhook" {} => ["createWebhook"];
    row_webhook_that_waits: "webhook" {"waitForCompletion": "true", "waitBeforeMonitor": "3", "expectedArtifacts": []} =>
        ["createWebhook", "waitBeforeMonitorWebhook", "monitorWebhook", "bindProducedArtifacts"];
    row_webhook_that_monitors_only: "webhook" {"monitorOnly": true, "waitForCompletion": true, "waitBeforeMonitor": 0} =>
        ["monitorWebhook"];

    row_find_artifact_from_execution: "findArtifactFromExecution" {} => ["findArtifactFromExecution"];
    row_bake_manifest: "bakeManifest" {} => ["createBake", "bindProducedArtifacts"];
    row_bake_cloud_foundry_manifest: "bakeCloudFoundryManifest" {} => ["createBake", "bindProducedArtifacts"];

    row_deploy_manifest: "deployManifest" {} => ["resolveDeploySourceManifest", "deployManifest", "monitorDeploy", "promoteOutputs",
        "waitForManifestToStabilize", "cleanupArtifacts", "monitorCleanup", "promoteOutputs", "bindProducedArtifacts"];
    row_delete_manifest: "deleteManifest" {} => ["resolveTargetManifest", "deleteManifest", "monitorDelete", "promoteOutputs"];
    row_patch_manifest: "patchManifest" {} => ["resolveTargetManifest", "resolvePatchSourceManifest", "patchManifest",
        "monitorPatch", "promoteOutputs", "waitForManifestToStabilize", "bindProducedArtifacts"];
    row_scale_manifest: "scaleManifest" {} =>
        ["resolveTargetManifest", "scaleManifest", "monitorScale", "waitForManifestToStabilize"];
    row_undo_rollout_manifest: "undoRolloutManifest" {} =>
        ["undoRolloutManifest", "monitorUndoRollout", "waitForManifestToStabilize"];
    row_pause_rollout_manifest: "pauseRolloutManifest" {} => ["pauseRolloutManifest", "monitorPauseRollout"];
    row_resume_rollout_manifest: "resumeRolloutManifest" {} =>
        ["resumeRolloutManifest", "monitorResumeRollout", "waitForManifestToStabilize"];
    row_rolling_restart_manifest: "rollingRestartManifest" {} => ["rollingRestartManifest", "monitorRollingRestart"];
    row_enable_manifest: "enableManifest" {} =>
        ["resolveTargetManifest", "enableManifest", "monitorEnable", "waitForManifestToStabilize"];
    row_disable_manifest: "disableManifest" {} =>
        ["resolveTargetManifest", "disableManifest", "monitorDisable", "waitForManifestToStabilize"];
    row_find_artifacts_from_resource: "findArtifactsFromResource" {} =>
        ["resolveTargetManifest", "findArtifactsFromResource", "bindProducedArtifacts"];
    row_run_job: "runJob" {"manifest": {}} => ["runJob", "monitorDeploy", "promoteOutputs", "waitOnJobCompletion"];
    row_run_job_without_waiting: "runJobManifest" {"waitForCompletion": "false"} => ["runJob", "monitorDeploy"];
    row_run_job_with_artifacts: "runJob" {"source": "text", "expectedArtifacts": [], "consumeArtifactSource": "artifact"} => ["runJob",
        "monitorDeploy", "promoteOutputs", "waitOnJobCompletion", "bindProducedArtifacts", "consumeArtifact"];
}

/// Time limit in seconds of each task, and whether `stageTimeoutMs` replaces it (`o`).
#[test]
fn time_limits_are_those_of_the_tables() {
    for (kind, wanted) in [
        ("wait", "wait -"),
        ("waitUntil", "waitUntil 2147483"),
        ("dependsOnExecution", "dependsOnExecution 7200o"),
        ("bakeManifest", "createBake 300, bindProducedArtifacts -"),
        (
            "pipeline",
            "startPipeline -, monitorPipeline 43200o, bindProducedArtifacts -",
        ),
        (
            "monitorPipeline",
            "monitorPipeline 43200o, bindProducedArtifacts -",
        ),
        ("savePipeline", "savePipeline 30, waitForPipelineSave 90"),
        ("deletePipeline", "deletePipeline 30"),
        (
            "loadPluginRelease",
            "loadPluginRelease 120, extractPluginDependencies -",
        ),
        ("setPreferredPluginRelease", "setPreferredPluginVersion 120"),
        ("createPipelineTemplate", "createPipelineTemplate 60"),
        ("deleteV2PipelineTemplate", "deleteV2PipelineTemplate 60"),
        ("upsertApplication", "upsertApplication 3600"),
        (
            "deleteApplication",
            "verifyNoDependencies -, deleteApplication 3600",
        ),
        ("manualJudgment", "waitForJudgment 259200o"),
        ("pageApplicationOwner", "pageApplicationOwner 300"),
        ("jira", "createJiraIssue 300"),
        (
            "gremlin",
            "launchGremlinAttack -, monitorGremlinAttack 900o",
        ),
        (
            "runMultiplePipelines",
            "parsePipelinesYamlTask -, runMultiplePipelines -, monitorMultiplePipelinesTask 86400o, saveOutputsForDetailsTask -",
        ),
        (
            "webhook",
            "createWebhook 300o, monitorWebhook 3600o, bindProducedArtifacts -",
        ),
        (
            "scaleManifest",
            "resolveTargetManifest 300, scaleManifest 3600, monitor 3600, waitForManifestToStabilize 1800o",
        ),
        (
            "runJob",
            "runJob 3600, monitorDeploy 3600, promoteOutputs -, waitOnJobCompletion 7200o, bindProducedArtifacts -, \
             consumeArtifact 300",
        ),
    ] {
        let stage = CATALOGUE.find(kind).unwrap();
        let limits: Vec<String> = stage
            .tasks()
            .iter()
            .map(|task| {
                let limit = task.timeout_ms.map(|ms| (ms / 1000).to_string());
                let limit = limit.unwrap_or_else(|| "-".to_owned());
                let mark = if task.timeout_overridable { "o" } else { "" };
                format!("{} {limit}{mark}", task.name)
            })
            .collect();
        assert_eq!(limits.join(", "), wanted);
    }
}

#[test]
fn what_is_not_built_says_so_and_is_not_in_the_catalogue() {
    for (kind, because) in [
        ("upsertDeliveryConfig", "Keel"),
        ("deleteDeliveryConfig", "Keel"),
        ("importDeliveryConfig", "Keel"),
        ("publishDeliveryConfig", "Keel"),
        ("waitForCondition", "cloud providers"),
        ("saveSnapshot", "snapshots"),
        ("restoreSnapshot", "snapshots"),
        ("deleteSnapshot", "snapshots"),
    ] {
        assert!(CATALOGUE.find(kind).is_none(), "{kind} is built");
        let error = planned(kind, json!({})).unwrap_err();
        assert_eq!(error.class, "UnsupportedOperationException");
        let begins = format!("stages of type {kind} are not built yet: ");
        assert!(error.message.starts_with(&begins), "{error}");
        assert!(error.message.contains(because), "{error}");
    }
    assert!(CATALOGUE.stage("nobodyKnowsThis").is_none());
}

#[test]
fn plans_that_make_no_sense_say_why() {
    for (kind, context, class, message) in [
        (
            "checkPreconditions",
            json!({}),
            "IllegalArgumentException",
            "the stage has no list of preconditions",
        ),
        (
            "checkPreconditions",
            json!({"preconditionType": "moon"}),
            "IllegalStateException",
            "no Precondition implementation for type moon",
        ),
        (
            "checkPreconditions",
            json!({"preconditionType": "clusterSize", "cloudProvider": "aws"}),
            "UnsupportedOperationException",
            "the cloud provider aws is not built; stages of this type work on kubernetes only",
        ),
        (
            "checkPreconditions",
            json!({"preconditionType": "clusterSize", "context": {"credentials": "prod", "cluster": "replicaSet web", "regions": []}}),
            "IllegalArgumentException",
            "a clusterSize precondition needs regions in its context: the namespaces in which it counts",
        ),
        (
            "checkPreconditions",
            json!({"preconditionType": "clusterSize", "context": {"credentials": "prod", "cluster": "replicaSet web", "regions": ["a"],
                "comparison": "!="}}),
            "IllegalArgumentException",
            "a clusterSize precondition compares by <, <=, ==, >= or >, and not by \"!=\"",
        ),
        (
            "webhook",
            json!({"monitorOnly": true}),
            "UserException",
            "Can't specify monitorOnly = true and waitForCompletion = false at the same time",
        ),
        (
            "deployManifest",
            json!({"cloudProvider": "aws"}),
            "UnsupportedOperationException",
            "the cloud provider aws is not built; stages of this type work on kubernetes only",
        ),
        (
            "deployManifest",
            json!({"trafficManagement": {"enabled": true, "options": {"strategy": "rollingredblack"}}}),
            "IllegalArgumentException",
            "Unknown rollout strategy 'rollingredblack': manifests are rolled out by none, redblack, bluegreen or highlander. A \
             Deployment rolls itself out step by step; its strategy is part of the manifest",
        ),
        (
            "preconfiguredWebhook",
            json!({}),
            "PreconfiguredWebhookNotFoundException",
            "Could not find a stage named 'preconfiguredWebhook'",
        ),
    ] {
        let error = planned(kind, context).unwrap_err();
        assert_eq!((error.class, error.message.as_str()), (class, message));
    }
}
