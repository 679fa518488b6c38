//! Tasks that several stage types share.

use gennaker_engine::{Step, TaskContext, TaskDefinition, TaskResult};
use gennaker_model::{Map, Status};
use serde_json::Value;

use super::{given, remote, strategy};
use crate::read;

/// Context key of what a deployment has found before it applied: for each workload the revision to go back to.
pub(super) const REVISIONS: &str = "revisionsBefore";

/// Context key of what was applied so far, also when the operation failed in the middle.
pub(super) const APPLIED: &str = "appliedManifests";

/// Annotation that asks for old versions to be deleted.
const HISTORY: &str = "strategy.spinnaker.io/max-version-history";

const MINUTE_MS: i64 = 60 * 1000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Time limit of an operation: what Orca's `monitor…` tasks wait for it.
pub(super) const OPERATION_MS: Option<i64> = Some(HOUR_MS);

/// `resolveTargetManifest`.
pub(super) static RESOLVE_TARGET: TaskDefinition = TaskDefinition {
    name: "resolveTargetManifest",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.ResolveTargetManifestTask",
    step: |context| match read::text(context.context, "criteria") {
        None => TaskResult::of(Status::Succeeded).into(),
        Some(_) => remote("resolveTargetManifest", false),
    },
    timeout_ms: Some(5 * MINUTE_MS),
    timeout_overridable: false,
};

/// The tasks that wait for an operation in Orca, under many names.
pub(crate) static MONITOR: TaskDefinition = TaskDefinition {
    name: "monitor",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.MonitorKatoTask",
    step: monitor,
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

/// `monitorDeploy` of `deployManifest`.
pub(super) static MONITOR_DEPLOY: TaskDefinition = TaskDefinition {
    name: "monitorDeploy",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.MonitorDeployManifestTask",
    step: |_| TaskResult::of(Status::Succeeded).into(),
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

/// `promoteOutputs`.
pub(super) static PROMOTE: TaskDefinition = TaskDefinition {
    name: "promoteOutputs",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.PromoteManifestKatoOutputsTask",
    step: promote,
    timeout_ms: None,
    timeout_overridable: false,
};

/// `waitForManifestToStabilize`.
pub(super) static STABILIZE: TaskDefinition = TaskDefinition {
    name: "waitForManifestToStabilize",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.WaitForManifestStableTask",
    step: stabilize,
    timeout_ms: Some(30 * MINUTE_MS),
    timeout_overridable: true,
};

/// `cleanupArtifacts`.
pub(super) static CLEANUP: TaskDefinition = TaskDefinition {
    name: "cleanupArtifacts",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.artifacts.CleanupArtifactsTask",
    step: cleanup,
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

/// The limit of [`STABILIZE`] that a stage sets itself, milliseconds. Source: orca `WaitForManifestStableTask.getDynamicTimeout`.
pub(super) fn stable_ms(task: &str, context: &Map) -> Option<i64> {
    if task != STABILIZE.name {
        return None;
    }
    let minutes = read::number(context.get("stableManifestTimeoutMinutes")?)?;
    // Beyond some centuries it does not matter.
    #[expect(clippy::cast_possible_truncation, reason = "clamped to what fits")]
    let limit = (minutes * 60_000.0).clamp(0.0, 1e15) as i64;
    Some(limit)
}

/// An operation has ended with its task, so there is nothing to wait for; a strategy needs to know what was there before.
fn monitor(context: &TaskContext<'_>) -> Step {
    if context.task.name == strategy::LOOKS_IN && strategy::is_wanted(context.context) {
        return remote("findOldReplicaSets", false);
    }
    TaskResult::of(Status::Succeeded).into()
}

/// Copies the results of the operation to the outputs, under their dotted names.
fn promote(context: &TaskContext<'_>) -> Step {
    let mut outputs = Map::new();
    for key in [
        "outputs.manifests",
        "outputs.manifestNamesByNamespace",
        "outputs.boundArtifacts",
        "outputs.createdArtifacts",
    ] {
        if let Some(value) = given(context.context, key) {
            outputs.insert(key.to_owned(), value.clone());
        }
    }
    let mut learned = Map::new();
    if let Some(created) = outputs.get("outputs.createdArtifacts") {
        learned.insert("artifacts".to_owned(), created.clone());
        outputs.insert("artifacts".to_owned(), created.clone());
    }
    if read::boolean(context.context, "noOutput") == Some(true) {
        outputs.clear();
    }
    // The second time there is nothing new.
    outputs.retain(|key, value| context.stage.outputs.get(key) != Some(value));
    learned.retain(|key, value| context.context.get(key) != Some(value));
    TaskResult {
        context: learned,
        outputs,
        ..TaskResult::of(Status::Succeeded)
    }
    .into()
}

fn stabilize(context: &TaskContext<'_>) -> Step {
    let deployed = context.context.get("outputs.manifestNamesByNamespace");
    let named = deployed.and_then(Value::as_object).is_some_and(|names| {
        names
            .values()
            .any(|names| names.as_array().is_some_and(|names| !names.is_empty()))
    });
    if !named && given(context.context, "manifest.name").is_none() {
        return TaskResult::of(Status::Succeeded).into();
    }
    remote("waitForManifestToStabilize", false)
}

fn cleanup(context: &TaskContext<'_>) -> Step {
    let deployed = context.context.get("outputs.manifests");
    let is_wanted = deployed.and_then(Value::as_array).is_some_and(|list| {
        list.iter().any(|manifest| {
            let annotations = manifest.pointer("/metadata/annotations");
            annotations.is_some_and(|annotations| annotations.get(HISTORY).is_some())
        })
    });
    if is_wanted {
        remote("cleanupArtifacts", true)
    } else {
        TaskResult::of(Status::Succeeded).into()
    }
}
