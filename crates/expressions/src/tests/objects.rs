//! Execution, stage, task and trigger; the root; expressions often seen.

use serde_json::json;

use super::DocumentRoot;
use super::{NOW, check_stage, execution, map_root, shown};
use crate::{Environment, evaluate_json, evaluate_text};

#[test]
fn the_root_of_a_stage() {
    check_stage(
        "6",
        &[
            ("mine", "\"context\""),
            ("k", "\"failed\""),
            ("image", "\"web-7\""),
            ("account", "INFO"),
            ("n", "INFO"),
            ("n ?: 'x'", "\"x\""),
            ("#root['image']", "\"web-7\""),
            ("#root.containsKey('image')", "false"),
            ("#root.containsKey('mine')", "true"),
            ("trigger.type", "\"jenkins\""),
            ("trigger.nope", "INFO"),
            ("trigger.payload.repository.name", "\"shop-web\""),
            ("parameters.env", "\"prod\""),
            ("parameters[\"version\"] ?: \"latest\"", "\"latest\""),
            ("scmInfo.branch", "\"feature\""),
            ("scmInfo.sha1", "\"bbb\""),
            ("templateVariables.team", "\"blue\""),
            ("l[0] + l[1]", "3"),
        ],
    );
}

#[test]
fn executions_are_objects() {
    check_stage(
        "6",
        &[
            ("execution.id", "\"01EXEC\""),
            ("execution['id']", "\"01EXEC\""),
            ("execution[id]", "ERROR No index"),
            ("execution.application", "\"shop\""),
            ("execution.status", "\"RUNNING\""),
            ("execution.status == 'RUNNING'", "true"),
            ("execution.status.name()", "\"RUNNING\""),
            ("execution.canceled", "false"),
            ("execution.limitConcurrent", "false"),
            ("execution.cancellationReason", "INFO"),
            ("execution.type", "ERROR rejected due to return type"),
            ("execution.source", "ERROR rejected due to return type"),
            (
                "execution.nope",
                "ERROR requested getter nope not found on type class com.netflix.spinnaker.orca.pipeline.model.PipelineExecutionImpl",
            ),
            ("execution['nope']", "ERROR requested getter nope not found"),
            ("execution.authentication.user", "\"ann@example.com\""),
            (
                "execution[\"authentication\"][\"user\"]",
                "\"ann@example.com\"",
            ),
            (
                "execution.authentication.allowedAccounts.contains('prod')",
                "true",
            ),
            ("execution.trigger.user", "\"ann@example.com\""),
            ("execution[\"trigger\"][\"user\"]", "\"ann@example.com\""),
            (
                "execution.trigger.payload",
                "ERROR requested getter payload not found on type class com.netflix.spinnaker.orca.pipeline.model.JenkinsTrigger",
            ),
            (
                "execution.trigger.other.payload.repository.name",
                "\"shop-web\"",
            ),
            ("execution.trigger.buildInfo.number", "17"),
            (
                "execution.trigger.artifacts[0].reference",
                "\"registry/web:1\"",
            ),
            ("execution.trigger.parameters.env", "\"prod\""),
            ("execution.stages.size()", "7"),
            (
                "execution.stages.![name]",
                "[\"Bake\",\"Approve\",\"Deploy\",\"Servers\",\"Test\",\"Vars\",\"Before\"]",
            ),
            (
                "execution.stages.?[type == 'manualJudgment'].![context.judgmentInput]",
                "[\"yes\"]",
            ),
            (
                "execution.stages.^[name == 'Deploy'].outputs.manifests[0].metadata.name",
                "\"web\"",
            ),
            (
                "execution.stages.?[name == mine]",
                "ERROR requested getter mine not found",
            ),
            ("execution.stages.?[name == #root.mine]", "[]"),
            ("execution.stages.?[name matches '.*ake'].size()", "1"),
            ("execution.getStages().size()", "7"),
            ("execution.stageById('S2').name", "\"Approve\""),
        ],
    );
}

#[test]
fn stages_are_objects() {
    check_stage(
        "6",
        &[
            ("#stage('Bake').status", "\"SUCCEEDED\""),
            ("#stage('Bake')['status']", "\"SUCCEEDED\""),
            ("#stage('Bake').status == 'SUCCEEDED'", "true"),
            ("'SUCCEEDED' == #stage('Bake').status", "true"),
            ("#stage('Bake').status + '!'", "\"SUCCEEDED!\""),
            ("#stage('Bake').status.complete", "true"),
            ("#stage('Bake').hasSucceeded", "true"),
            ("#stage('Test').hasFailed", "true"),
            ("#stage('Test').hasSucceeded", "false"),
            ("#stage('Bake').startTime", "1700000001000"),
            ("#stage('Bake').endTime", "INFO"),
            ("#stage('Bake').type", "\"bake\""),
            (
                "#stage('Bake').lastModified",
                "ERROR rejected due to return type",
            ),
            (
                "#stage('Bake').syntheticStageOwner",
                "ERROR rejected due to return type",
            ),
            (
                "#stage('Bake').nope",
                "ERROR requested getter nope not found on type class com.netflix.spinnaker.orca.pipeline.model.StageExecutionImpl",
            ),
            ("#stage('Approve').context.lastModifiedBy", "\"bob\""),
            ("#stage('Approve').context.image", "\"web-7\""),
            ("#stage('Approve').context['image']", "\"web-7\""),
            ("#stage('Approve').context.nope", "INFO"),
            ("#stage('Approve').outputs.image", "INFO"),
            (
                "#stage('Bake')[\"outputs\"][\"artifacts\"][0][\"reference\"]",
                "\"web@sha\"",
            ),
            ("#stage('Bake').tasks[0].name", "\"createBake\""),
            ("#stage('Bake').tasks.![status]", "[\"SUCCEEDED\"]"),
            ("#stage('Before').parent.name", "\"Vars\""),
            ("#stage('Before').topLevelStage.name", "\"Vars\""),
            ("#stage('Bake').parent", "INFO"),
            ("#stage('Before').context.k", "\"failed\""),
            ("#stage('Test').join", "true"),
            ("#stage('Approve').manualJudgmentType", "true"),
            ("#stage('Bake').execution.id", "\"01EXEC\""),
            ("#stage('Test').requisiteStageRefIds", "[\"3\",\"4\"]"),
            ("#stage('Bake') == #stage('S1')", "true"),
            ("#stage('Bake').context.size()", "2"),
        ],
    );
}

#[test]
fn ancestors_nearest_first_in_list_order() {
    check_stage(
        "6<1",
        &[
            (
                "#currentStage().ancestors().![name]",
                "[\"Before\",\"Vars\",\"Test\",\"Deploy\",\"Servers\",\"Approve\",\"Bake\"]",
            ),
            ("k", "\"failed\""),
        ],
    );
}

#[test]
fn two_parents_with_one_key_the_first_in_the_list_wins() {
    for ids in [json!(["1", "2"]), json!(["2", "1"])] {
        let execution = json!({"stages": [
            {"id": "a", "refId": "1", "outputs": {"x": "first"}},
            {"id": "b", "refId": "2", "outputs": {"x": "second"}},
            {"id": "c", "refId": "3", "requisiteStageRefIds": ids, "context": {}}
        ]});
        let root = DocumentRoot::stage(&execution, "3").unwrap();
        assert_eq!(
            evaluate_text("${x}", &root, &Environment::fixed(NOW, 0)).value,
            "first"
        );
    }
}

#[test]
fn expressions_often_seen() {
    check_stage(
        "6",
        &[
            ("trigger.buildInfo.number", "17"),
            ("trigger.buildInfo.scm[0].branch", "\"master\""),
            (
                "trigger[\"artifacts\"].?[type == \"docker/image\"][0].reference",
                "\"registry/web:1\"",
            ),
            (
                "#toJson(parameters)",
                "\"{\\\"env\\\":\\\"prod\\\",\\\"replicas\\\":\\\"3\\\"}\"",
            ),
            ("#toInt(parameters.replicas) * 2", "6"),
            (
                "new java.text.SimpleDateFormat(\"yyyyMMddHHmm\").format(new java.util.Date())",
                "\"202503141509\"",
            ),
            ("#triggerResolvedArtifact(\"app\")[\"version\"]", "\"1.2\""),
            ("parameters.env == 'prod' ? 3 : 1", "3"),
            (
                "execution.stages.?[type == 'wait'].size() > 0 && parameters.env == 'prod'",
                "true",
            ),
        ],
    );
}

#[test]
fn submitted_documents_refuse_unknown_names() {
    let root = map_root(
        json!({"trigger": {"type": "manual", "parameters": {"p": 1}}, "templateVariables": {"v": 2}}),
    );
    let mut env = Environment::fixed(NOW, 0);
    env.allow_unknown_keys = false;
    let document = json!({
        "a": "${parameters.p}", "b": "${templateVariables.v}", "c": "${missing}", "d": "${#stage('x').name}",
        "e": "${trigger['nope']}", "f": "${scmInfo ?: 'none'}", "g": "${trigger.type}"
    });
    let evaluation = evaluate_json(&document, &root, &env);
    assert_eq!(evaluation.value["a"], 1);
    assert_eq!(evaluation.value["b"], 2);
    assert_eq!(evaluation.value["c"], "${missing}");
    assert_eq!(evaluation.value["d"], "${#stage('x').name}");
    assert_eq!(evaluation.value["f"], "none");
    assert_eq!(evaluation.value["g"], "manual");
    let entry = &evaluation.summary.0["missing"][0];
    assert_eq!(
        entry.description,
        "Failed to evaluate [c] requested getter missing not found on type class java.util.HashMap - EL1021E: A problem \
         occurred whilst attempting to access the property 'missing': 'requested getter missing not found on type class \
         java.util.HashMap'"
    );
    assert_eq!(
        entry.exception_type.as_deref(),
        Some("java.lang.IllegalArgumentException")
    );
    assert!(evaluation.summary.0.contains_key("trigger['nope']"));
}

#[test]
fn whole_objects_become_their_documents() {
    let mut execution = execution();
    let root_document = execution.clone();
    let root = DocumentRoot::stage(&root_document, "6").unwrap();
    let env = Environment::fixed(NOW, 0);
    // Orca's mapper leaves null members out.
    let context = execution["stages"][5]["context"].as_object_mut().unwrap();
    assert!(context.shift_remove("n").is_some_and(|n| n.is_null()));
    assert_eq!(evaluate_text("${execution}", &root, &env).value, execution);
    let stage = evaluate_text("${#stage('Bake')}", &root, &env).value;
    assert_eq!(stage["outputs"]["image"], "web-7");
    assert!(shown(&evaluate_text("x ${execution}", &root, &env)).contains("EL1001E"));
}
