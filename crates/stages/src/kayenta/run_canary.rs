//! `runCanary`: one analysis. Source: orca `RunCanaryPipelineStage`, `RunKayentaCanaryTask`, `MonitorKayentaCanaryTask`.

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::{PlanError, Remote},
};
use gennaker_model::{Map, Status};
use serde_json::Value;

use super::{
    RUN,
    config::{Thresholds, integer},
};
use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// `runCanary`.
pub(crate) struct RunCanary;

/// Longest analysis: metrics of many sources, each tried several times.
const TIMEOUT_MS: i64 = 12 * 60 * 60 * 1000;

/// Fetches, mixes and judges. It changes nothing outside, so it is simply run again when a worker is lost.
static ANALYSE: TaskDefinition = TaskDefinition {
    name: "runCanary",
    class: "com.netflix.spinnaker.orca.kayenta.tasks.RunKayentaCanaryTask",
    step: |_| {
        Step::Dispatch(Remote {
            pool: "canary",
            kind: "runCanary",
            effect: false,
        })
    },
    timeout_ms: Some(TIMEOUT_MS),
    timeout_overridable: true,
};

/// Looks at the score that came of it.
static MONITOR: TaskDefinition = TaskDefinition {
    name: "monitorCanary",
    class: "com.netflix.spinnaker.orca.kayenta.tasks.MonitorKayentaCanaryTask",
    step: monitor,
    timeout_ms: None,
    timeout_overridable: false,
};

impl StageType for RunCanary {
    fn names(&self) -> &'static [&'static str] {
        &[RUN]
    }

    fn summary(&self) -> &'static str {
        "One canary analysis; made by a canary stage, or by a request for one."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::optional(
                    "canaryConfigId",
                    FieldType::Text,
                    "Id of the configuration.",
                ),
                Field::optional(
                    "canaryConfigName",
                    FieldType::Text,
                    "Name of the configuration, when there is no id; one of this application.",
                ),
                Field::optional(
                    "canaryConfig",
                    FieldType::Any,
                    "The configuration itself, as base64 of its JSON or as an object (an addition of Gennaker).",
                ),
                Field::required(
                    "scopes",
                    FieldType::Map,
                    "By name {controlScope, experimentScope}, each {scope, location, start, end, step, extendedScopeParams}.",
                ),
                Field::required("scoreThresholds", FieldType::Map, "{pass, marginal}."),
                Field::optional(
                    "metricsAccountName",
                    FieldType::Text,
                    "Account of the metric source; the first one if absent.",
                ),
                Field::optional(
                    "storageAccountName",
                    FieldType::Text,
                    "Account of the storage that keeps the result; the first one if absent.",
                ),
                Field::optional(
                    "continuePipeline",
                    FieldType::Boolean,
                    "A score that is too low ends FAILED_CONTINUE.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&ANALYSE, &MONITOR] }
    }

    fn differs(&self) -> &'static str {
        "A configuration named by `canaryConfigName` is found by the same task, not by one of its own."
    }
}

impl StageDefinition for RunCanary {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let own = &context.stage.context;
        let has_document = own
            .get("canaryConfig")
            .is_some_and(|config| !config.is_null());
        let is_named = |key| read::text(own, key).is_some();
        if !has_document && !is_named("canaryConfigId") && !is_named("canaryConfigName") {
            return Err(PlanError::argument(
                "Canary config must be specified as either UUID or name string",
            ));
        }
        Ok(Plan::of_tasks([&ANALYSE, &MONITOR]))
    }
}

fn monitor(context: &TaskContext<'_>) -> Step {
    let Some((status, learned)) = judged(context.context) else {
        let message = "the analysis left no score";
        return TaskResult::thrown(context, "IllegalStateException", message).into();
    };
    TaskResult {
        context: learned,
        ..TaskResult::of(status)
    }
    .into()
}

/// What a score makes of its stage, and what is learned by it; nothing without a score. Orca reads the score and the thresholds as
/// whole numbers, and a score *at* the marginal threshold fails.
pub(super) fn judged(own: &Map) -> Option<(Status, Map)> {
    let score = integer(own.get("canaryScoreExact"))?;
    let mut learned = Map::new();
    learned.insert("canaryScore".to_owned(), score.into());
    let is_above = match own.get("hasExactThresholds") {
        // A standalone analysis of Kayenta has decimals.
        Some(Value::Bool(true)) => {
            let exact = own.get("canaryScoreExact").and_then(read::number);
            let marginal = own.get("scoreThresholds").map(|it| &it["marginal"]);
            exact > Some(marginal.and_then(read::number).unwrap_or(0.0))
        }
        _ => score > Thresholds::read(own).marginal,
    };
    if is_above {
        return Some((Status::Succeeded, learned));
    }
    let message = "Canary score is not above the marginal score threshold.";
    learned.insert("canaryScoreMessage".to_owned(), message.into());
    let goes_on = own.get("continuePipeline") == Some(&Value::Bool(true));
    Some(match goes_on {
        true => (Status::FailedContinue, learned),
        false => (Status::Terminal, learned),
    })
}
