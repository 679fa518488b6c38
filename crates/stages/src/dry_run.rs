//! Dry runs: with the setting `scheduler.dry_runs` and `trigger.dryRun` the tasks of most stages are not planned, and one task stands
//! for them that does nothing. What a notification of the type `dryrun` has started is one without the setting, too: nobody wants it
//! to run. Source: orca `DryRunStage`, `DryRunStageDefinitionBuilderFactory`, `DryRunTask` (reference 6.17).
//!
//! Orca makes up outputs for bakes and jobs of Amazon and Titus, which are not here; of all other stages a dry run has none.

use gennaker_engine::{TaskDefinition, TaskResult};
use gennaker_model::{Execution, Stage, Status};
use serde_json::Value;

/// The task that stands for all others.
pub(crate) static DRY_RUN: TaskDefinition = TaskDefinition {
    name: "dry run",
    class: "com.netflix.spinnaker.orca.dryrun.DryRunTask",
    step: |_| TaskResult::of(Status::Succeeded).into(),
    timeout_ms: None,
    timeout_overridable: false,
};

/// Types whose tasks run also in a dry run. The type counts, not the alias.
const FOR_REAL: [&str; 7] = [
    "determineTargetServerGroup",
    "evaluateVariables",
    "findImage",
    "findImageFromTags",
    "manualJudgment",
    "pipeline",
    "rollbackCluster",
];

/// The type of the triggers of what a notification has started.
const NOTIFIED: &str = "dryrun";

/// The stages that start other pipelines. Those run dry only where the setting says so.
const CALLING: &str = "pipeline";

/// The task that stands for those of the stage, if the execution is a dry run. `is_set`: the setting.
pub(crate) fn stand_in(
    execution: &Execution,
    stage: &Stage,
    is_set: bool,
) -> Option<&'static TaskDefinition> {
    let trigger = &execution.trigger;
    let is_dry = is_set && trigger.get("dryRun").and_then(Value::as_bool) == Some(true);
    let is_notified = trigger.get("type").and_then(Value::as_str) == Some(NOTIFIED);
    let runs_for_real = runs_for_real(stage) && (is_set || stage.kind != CALLING);
    ((is_dry || is_notified) && !runs_for_real).then_some(&DRY_RUN)
}

fn runs_for_real(stage: &Stage) -> bool {
    FOR_REAL.contains(&stage.kind.as_str())
        || (stage.kind == "checkPreconditions" && looks_at_expressions(stage))
}

/// Of a stage that checks preconditions, or of one of them.
fn looks_at_expressions(stage: &Stage) -> bool {
    let is_expression =
        |holder: &Value, key: &str| holder.get(key).and_then(Value::as_str) == Some("expression");
    let own = stage
        .context
        .get("preconditionType")
        .and_then(Value::as_str);
    let listed = stage.context.get("preconditions").and_then(Value::as_array);
    own == Some("expression")
        || listed.is_some_and(|listed| listed.iter().all(|it| is_expression(it, "type")))
}
