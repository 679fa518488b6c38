//! `kayentaCanary` and the stages that it makes: canary analysis. Source: orca-kayenta (canary reference 3).
//!
//! ```text
//! kayentaCanary
//! ├─ runCanaryIntervals
//! │   ├─ wait "Warmup Wait"
//! │   ├─ wait "Interval Wait #1", runCanary "Run Canary #1", wait "Interval Wait #2", …
//! └─ task aggregateCanaryResults
//! ```
//!
//! The analysis itself, from the metrics to the score, is one task of the pool `canary`.

mod aggregate;
mod config;
mod intervals;
mod run_canary;
mod standalone;
#[cfg(test)]
mod tests;

use gennaker_engine::{
    NewStage, Plan, PlanContext, PlannedTask, StageDefinition, TaskDefinition,
    definition::PlanError,
};
use gennaker_model::Map;
use serde_json::{Value, json};

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
};
use aggregate::AGGREGATE;
use config::Config;
pub(crate) use run_canary::RunCanary;
pub(crate) use standalone::GenerateCanaryAnalysisResult;

/// `kayentaCanary`.
pub(crate) struct KayentaCanary;

/// `runCanaryIntervals`.
pub(crate) struct RunCanaryIntervals;

const INTERVALS: &str = "runCanaryIntervals";
/// The same in a standalone analysis of Kayenta.
const STANDALONE: &str = "setupAndExecuteCanariesStage";
const RUN: &str = "runCanary";

/// Most analyses of one stage.
const RUNS_MAX: i64 = 1_000;

impl StageType for KayentaCanary {
    fn names(&self) -> &'static [&'static str] {
        &["kayentaCanary"]
    }

    fn summary(&self) -> &'static str {
        "Compares metrics of a canary with those of a baseline, and fails when the score is too low."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "canaryConfig",
                    FieldType::Map,
                    "What is compared, when and how: canaryConfigId or canaryConfigName, scopes, scoreThresholds, lifetimeDuration, \
                     beginCanaryAnalysisAfterMins, baselineAnalysisOffsetInMins, lookbackMins, canaryAnalysisIntervalMins, \
                     metricsAccountName, storageAccountName, configurationAccountName.",
                ),
                Field::optional(
                    "analysisType",
                    FieldType::Word(&["realTime", "realTimeAutomatic", "retrospective"]),
                    "For the editor; what happens depends on deployments and endTimeIso.",
                ),
                Field::optional(
                    "continuePipeline",
                    FieldType::Boolean,
                    "An analysis that fails ends FAILED_CONTINUE.",
                ),
                Field::optional(
                    "deployments",
                    FieldType::Map,
                    "Server groups to deploy for the analysis. Not built: the stage fails when it is set.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&AGGREGATE] }
    }

    fn differs(&self) -> &'static str {
        "`deployments` (realTimeAutomatic) is refused: deploy with stages before it. An analysis is one task and has no execution of \
         its own, so `canaryPipelineExecutionId` names the execution and the stage."
    }
}

impl StageDefinition for KayentaCanary {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let own = &context.stage.context;
        let config = Config::read(own)?;
        if own.get("deployments").is_some_and(|it| !it.is_null()) {
            return Err(PlanError::argument(
                "deployments of a canary stage are not built yet: deploy baseline and canary with stages before this one, and name \
                 them in its scopes",
            ));
        }
        config.check()?;
        let mut intervals = Map::new();
        for key in ["canaryConfig", "continuePipeline"] {
            if let Some(value) = own.get(key) {
                intervals.insert(key.to_owned(), value.clone());
            }
        }
        Ok(Plan {
            tasks: vec![PlannedTask::of(&AGGREGATE)],
            before: vec![NewStage {
                kind: INTERVALS.to_owned(),
                name: "Run Canary Intervals".to_owned(),
                context: intervals,
                requires: Vec::new(),
            }],
            context: Map::new(),
        })
    }
}

impl StageType for RunCanaryIntervals {
    fn names(&self) -> &'static [&'static str] {
        &[INTERVALS, STANDALONE]
    }

    fn summary(&self) -> &'static str {
        "The waits and analyses of a canary stage, or of a standalone analysis; made by it."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[Field::required(
                "canaryConfig",
                FieldType::Map,
                "That of the canary stage.",
            )]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        &[]
    }
}

impl StageDefinition for RunCanaryIntervals {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let own = &context.stage.context;
        let config = Config::read(own)?;
        config.check()?;
        let windows = intervals::windows(&config, context.now)?;
        let kind = context.stage.kind.as_str();
        let mut before = Vec::new();
        let mut add = |kind: &str, name: String, context: Map| {
            let requires = before.len().checked_sub(1).into_iter().collect();
            before.push(NewStage {
                kind: kind.to_owned(),
                name,
                context,
                requires,
            });
        };
        if config.begin_after_mins > 0 {
            add(
                "wait",
                "Warmup Wait".to_owned(),
                wait(config.begin_after_mins),
            );
        }
        for (number, window) in windows.list.iter().enumerate() {
            let number = number + 1;
            if windows.are_live {
                let minutes = windows.interval_mins;
                add("wait", format!("Interval Wait #{number}"), wait(minutes));
            }
            let mut context = config.for_run(window);
            // A standalone analysis says by it that its verdict follows; a bad score ends its intervals all the same.
            let goes_on = match kind {
                STANDALONE => {
                    // Kayenta's thresholds have decimals, orca's have not.
                    let exact = own
                        .get("canaryConfig")
                        .map(|it| it["scoreThresholds"].clone());
                    context.insert("scoreThresholds".to_owned(), exact.unwrap_or_default());
                    context.insert("hasExactThresholds".to_owned(), true.into());
                    None
                }
                _ => own.get("continuePipeline").cloned(),
            };
            context.insert(
                "continuePipeline".to_owned(),
                goes_on.unwrap_or(Value::Bool(false)),
            );
            add(RUN, format!("Run Canary #{number}"), context);
        }
        Ok(Plan {
            before,
            ..Plan::default()
        })
    }
}

fn wait(minutes: i64) -> Map {
    [("waitTime".to_owned(), json!(minutes.saturating_mul(60)))]
        .into_iter()
        .collect()
}
