//! `deployManifest`: apply manifests and wait until they are stable (Kubernetes reference 5). Source: orca `DeployManifestStage`.

use gennaker_engine::{
    NewStage, Plan, PlanContext, PlannedTask, StageDefinition, TaskDefinition,
    definition::{Cleared, PlanError, Remote},
};
use gennaker_model::{Map, Stage};
use serde_json::{Value, json};

use super::{
    POOL, account, cleared, fields, given, remote, source, strategy,
    tasks::{
        self, APPLIED, CLEANUP, MONITOR, MONITOR_DEPLOY, OPERATION_MS, PROMOTE, REVISIONS,
        STABILIZE,
    },
};
use crate::{
    bind_artifacts::{self, BIND},
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// The stage type.
pub(crate) struct DeployManifest;

/// The field that asks for going back.
const UNDO: &str = "undoOnFailure";

static RESOLVE: TaskDefinition = TaskDefinition {
    name: "resolveDeploySourceManifest",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.ResolveDeploySourceManifestTask",
    step: |context| {
        let none = "No text manifest was specified.";
        source::resolve(context, &["manifests", "manifest"], none)
    },
    timeout_ms: Some(10 * 60 * 1000),
    timeout_overridable: false,
};

static DEPLOY: TaskDefinition = TaskDefinition {
    name: "deployManifest",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.DeployManifestTask",
    step: |_| remote("deployManifest", true),
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

impl StageType for DeployManifest {
    fn names(&self) -> &'static [&'static str] {
        &["deployManifest"]
    }

    fn summary(&self) -> &'static str {
        "Applies Kubernetes manifests, in the order of their kinds, and waits until the objects are stable."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                fields::ACCOUNT,
                fields::PROVIDER,
                Field::optional(
                    "moniker",
                    FieldType::Map,
                    "{app, cluster, stack, detail, sequence}: what the objects are annotated with; `app` is needed in practice.",
                ),
                Field::optional(
                    "source",
                    FieldType::Word(&["text", "artifact"]),
                    "Where the manifests come from; text if absent.",
                ),
                Field::optional(
                    "manifests",
                    FieldType::List,
                    "The manifests; lists among them are flattened, and null is left out.",
                ),
                Field::optional(
                    "manifest",
                    FieldType::Map,
                    "A single manifest, the older form.",
                ),
                fields::MANIFEST_ARTIFACT_ID,
                fields::MANIFEST_ARTIFACT,
                fields::MANIFEST_ARTIFACT_ACCOUNT,
                fields::SKIP_EVALUATION,
                fields::REQUIRED_ARTIFACT_IDS,
                fields::REQUIRED_ARTIFACTS,
                Field::optional(
                    "enableArtifactBinding",
                    FieldType::Boolean,
                    "Whether artifacts from outside the stage are bound; true if absent.",
                ),
                Field::optional(
                    "namespaceOverride",
                    FieldType::Text,
                    "Namespace of every manifest whose kind has one.",
                ),
                Field::optional(
                    "versioned",
                    FieldType::Boolean,
                    "Whether objects get a version in their name; if absent, ConfigMaps, Secrets, ReplicaSets and Pods do. The \
                     annotation strategy.spinnaker.io/versioned wins.",
                ),
                Field::optional(
                    "trafficManagement",
                    FieldType::Map,
                    "{enabled, options: {services, enableTraffic, strategy}}: Services that the workloads are attached to, and \
                     what becomes of older ReplicaSets: none, redblack, bluegreen or highlander.",
                ),
                Field::optional(
                    "relationships",
                    FieldType::Map,
                    "Of Spinnaker's web interface; it changes nothing.",
                ),
                Field::optional(
                    "labelSelectors",
                    FieldType::Map,
                    "{selectors: [{kind, key, values}]}: only manifests whose labels match are applied.",
                ),
                Field::optional(
                    "allowNothingSelected",
                    FieldType::Boolean,
                    "Succeed although no manifest matches.",
                ),
                Field::optional(
                    "skipSpecTemplateLabels",
                    FieldType::Boolean,
                    "Leave the labels of pod templates alone.",
                ),
                fields::STABLE_MINUTES,
                fields::INCLUDE_EVENTS,
                bind_artifacts::FIELD,
                fields::NO_OUTPUT,
                Field::optional(
                    UNDO,
                    FieldType::Boolean,
                    "When the stage fails, take the workloads back to the revision that they had before (an addition of Gennaker).",
                ),
                fields::ZONE,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const {
            &[
                &RESOLVE,
                &DEPLOY,
                &MONITOR_DEPLOY,
                &PROMOTE,
                &STABILIZE,
                &CLEANUP,
                &MONITOR,
                &BIND,
            ]
        }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[
            "resolveDeploySourceManifest",
            "deployManifest",
            "monitorDeploy",
            "promoteOutputs",
            "waitForManifestToStabilize",
            "cleanupArtifacts",
            "monitorCleanup",
            "promoteOutputs",
            "bindProducedArtifacts",
        ]
    }

    fn differs(&self) -> &'static str {
        "Objects are watched and not polled, so `messages` says what each waits for now, and does not grow. The data of a Secret, its \
         copy in the annotation of the last apply among them, is in no output. Two deployments at once never take the same version. A \
         worker that dies in the middle is followed by one that finds by the annotation `gennaker.io/effect` what was applied. A \
         stage that is cancelled or fails says in `appliedManifests` and `remains` what it has applied, which stays; with \
         `undoOnFailure` each Deployment, StatefulSet and DaemonSet goes back to the revision it had. `kato.tasks` leaves out the \
         manifests that `outputs.manifests` has. There is no `checkIfApplicationExists`."
    }
}

impl StageDefinition for DeployManifest {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        fields::check_provider(&context.stage.context)?;
        strategy::check(&context.stage.context)?;
        let mut plan = Plan::of_tasks([
            &RESOLVE,
            &DEPLOY,
            &MONITOR_DEPLOY,
            &PROMOTE,
            &STABILIZE,
            &CLEANUP,
        ]);
        plan.tasks
            .push(PlannedTask::of(&MONITOR).named(strategy::LOOKS_IN));
        plan.tasks.push(PlannedTask::of(&PROMOTE));
        plan.tasks.push(PlannedTask::of(&BIND));
        plan.context = source::planned(context);
        Ok(plan)
    }

    fn after(&self, context: &PlanContext<'_>) -> Result<Vec<NewStage>, PlanError> {
        strategy::stages(&context.stage.context)
    }

    fn on_failure(&self, context: &PlanContext<'_>) -> Result<Vec<NewStage>, PlanError> {
        Ok(undoing(&context.stage.context))
    }

    fn restarted(&self, _stage: &Stage, _by_child: bool) -> Cleared {
        cleared()
    }

    fn task_limit_ms(&self, task: &str, context: &Map) -> Option<i64> {
        tasks::stable_ms(task, context)
    }

    /// Says what stays.
    fn cancel(&self, context: &Map) -> Option<Remote> {
        let applied = given(context, APPLIED).and_then(Value::as_object)?;
        (!applied.is_empty()).then_some(Remote {
            pool: POOL,
            kind: "sayWhatRemains",
            effect: false,
        })
    }
}

/// The stages that take workloads back to where they were.
fn undoing(context: &Map) -> Vec<NewStage> {
    if read::boolean(context, UNDO) != Some(true) {
        return Vec::new();
    }
    let before = context.get(REVISIONS).and_then(Value::as_array);
    let mut stages: Vec<NewStage> = Vec::new();
    for workload in before.into_iter().flatten() {
        let mut own = Map::new();
        for key in ["manifestName", "location", "revision"] {
            own.insert(
                key.to_owned(),
                workload.get(key).cloned().unwrap_or(Value::Null),
            );
        }
        own.insert("account".to_owned(), json!(account(context)));
        own.insert("cloudProvider".to_owned(), json!("kubernetes"));
        if let Some(zone) = given(context, "zone") {
            own.insert("zone".to_owned(), zone.clone());
        }
        let name = workload.get("manifestName").and_then(Value::as_str);
        stages.push(NewStage {
            kind: "undoRolloutManifest".to_owned(),
            name: format!("Undo rollout of {}", name.unwrap_or_default()),
            context: own,
            requires: stages.len().checked_sub(1).into_iter().collect(),
        });
    }
    stages
}
