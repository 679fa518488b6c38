//! `generateCanaryAnalysisResultStage`: what came of a standalone analysis. Source: Kayenta `GenerateCanaryAnalysisResultTask`,
//! `CanaryAnalysisExecutionResult` (canary reference 4.7).
//!
//! The verdict is left for the archive first and decides about the stage last, so that what failed is archived, too.

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::{PlanError, Remote},
};
use gennaker_model::{Execution, Map, Stage, Status};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::RUN;
use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// `generateCanaryAnalysisResultStage`.
pub(crate) struct GenerateCanaryAnalysisResult;

/// Longest time in which the storage must take the archive.
const TIMEOUT_MS: i64 = 60 * 60 * 1000;

/// Where the verdict stands in the context, for the API and for the archive.
const ANALYSIS: &str = "standaloneCanaryAnalysis";

static GATHER: TaskDefinition = TaskDefinition {
    name: "generateCanaryAnalysisResult",
    class: "com.netflix.kayenta.standalonecanaryanalysis.orca.task.GenerateCanaryAnalysisResultTask",
    step: gather,
    timeout_ms: None,
    timeout_overridable: false,
};

static ARCHIVE: TaskDefinition = TaskDefinition {
    name: "archiveCanaryAnalysis",
    class: "com.netflix.kayenta.standalonecanaryanalysis.event.listener.StandaloneCanaryAnalysisExecutionArchivalListener",
    step: |_| {
        Step::Dispatch(Remote {
            pool: "canary",
            kind: "archiveCanaryAnalysis",
            effect: false,
        })
    },
    timeout_ms: Some(TIMEOUT_MS),
    timeout_overridable: true,
};

static CONCLUDE: TaskDefinition = TaskDefinition {
    name: "concludeCanaryAnalysis",
    class: "com.netflix.kayenta.standalonecanaryanalysis.orca.task.ConcludeCanaryAnalysisTask",
    step: conclude,
    timeout_ms: None,
    timeout_overridable: false,
};

impl StageType for GenerateCanaryAnalysisResult {
    fn names(&self) -> &'static [&'static str] {
        &["generateCanaryAnalysisResultStage"]
    }

    fn summary(&self) -> &'static str {
        "The verdict on a standalone canary analysis; made by a request for one."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "canaryAnalysisExecutionRequest",
                    FieldType::Map,
                    "The request: thresholds, scopes, times.",
                ),
                Field::optional(
                    "storageAccountName",
                    FieldType::Text,
                    "Account of the storage that keeps the verdict; the first one if absent.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&GATHER, &ARCHIVE, &CONCLUDE] }
    }
}

impl StageDefinition for GenerateCanaryAnalysisResult {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&GATHER, &ARCHIVE, &CONCLUDE]))
    }
}

fn gather(context: &TaskContext<'_>) -> Step {
    let own = context.context;
    let execution = &context.state.doc;
    let document = document(execution, own, context.now);
    TaskResult {
        context: [(ANALYSIS.to_owned(), document)].into_iter().collect(),
        ..TaskResult::of(Status::Succeeded)
    }
    .into()
}

fn conclude(context: &TaskContext<'_>) -> Step {
    let result = &context.context.get(ANALYSIS);
    let passed =
        result.is_some_and(|it| it["canaryAnalysisExecutionResult"]["didPassThresholds"] == true);
    TaskResult::of(match passed {
        true => Status::Succeeded,
        false => Status::Terminal,
    })
    .into()
}

/// What `GET /standalone_canary_analysis/{id}` answers, without the verdict of each interval, which its stage has.
fn document(execution: &Execution, own: &Map, now_ms: i64) -> Value {
    let thresholds = own
        .get("canaryAnalysisExecutionRequest")
        .map(|it| &it["thresholds"]);
    let threshold = |name: &str| {
        let given = thresholds.and_then(|it| it.get(name));
        given.and_then(read::number).unwrap_or(0.0)
    };
    let mut runs: Vec<(u64, &Stage)> = execution
        .stages
        .iter()
        .filter(|stage| stage.kind == RUN)
        .filter_map(|stage| {
            let (_, number) = stage.name.rsplit_once('#')?;
            Some((number.parse().ok()?, &**stage))
        })
        .collect();
    runs.sort_by_key(|run| run.0);
    // Intervals that were never reached say nothing.
    let runs: Vec<&Stage> = runs.into_iter().map(|run| run.1).collect();
    let begun = || runs.iter().filter(|stage| stage.start_time.is_some());
    let scores: Vec<f64> = begun().map(|stage| score(stage)).collect();
    let has_scores = begun().any(|stage| stage.context.contains_key("canaryScoreExact"));
    let last = scores.last().copied().filter(|_| has_scores);
    let (passed, message) = verdict(last, threshold("marginal"), threshold("pass"));
    let results: Vec<Value> = begun().map(|stage| result(execution, stage)).collect();
    let has_warnings = results.iter().any(|result| {
        result["warnings"]
            .as_array()
            .is_some_and(|it| !it.is_empty())
    });
    let stages: Vec<Value> = execution.stages.iter().map(|stage| told(stage)).collect();
    let status = if passed {
        Status::Succeeded
    } else {
        Status::Terminal
    };
    let mut document = json!({
        "application": execution.application,
        "pipelineId": execution.id,
        "stageStatus": stages,
        "complete": true,
        "executionStatus": status.to_string(),
        "status": status.to_string().to_lowercase(),
        "canaryAnalysisExecutionResult": {
            "didPassThresholds": passed,
            "hasWarnings": has_warnings,
            "canaryScoreMessage": message,
            "canaryScores": scores,
            "canaryExecutionResults": results,
            "buildTimeIso": iso(execution.build_time),
            "startTimeIso": iso(execution.start_time.unwrap_or(execution.build_time)),
            "endTimeIso": iso(now_ms),
        },
    });
    for (name, ms) in [
        ("build", Some(execution.build_time)),
        ("start", execution.start_time),
        ("end", Some(now_ms)),
    ] {
        if let Some(ms) = ms {
            document[format!("{name}TimeMillis")] = ms.into();
            document[format!("{name}TimeIso")] = iso(ms).into();
        }
    }
    for name in [
        "user",
        "parentPipelineExecutionId",
        "canaryAnalysisExecutionRequest",
        "canaryConfigId",
        "metricsAccountName",
        "storageAccountName",
        "configurationAccountName",
    ] {
        if let Some(value) = own.get(name).filter(|value| !value.is_null()) {
            document[name] = value.clone();
        }
    }
    document
}

/// An analysis that left no score counts as 0.
fn score(stage: &Stage) -> f64 {
    let exact = stage.context.get("canaryScoreExact");
    exact.and_then(read::number).unwrap_or(0.0)
}

/// Orca's words about the last score, with thresholds that may have decimals.
fn verdict(last: Option<f64>, marginal: f64, pass: f64) -> (bool, String) {
    let Some(last) = last else {
        let message = "There were no successful canary judgements to aggregate";
        return (false, message.to_owned());
    };
    let says = |what: &str| format!("Final canary score {last:?} {what} score threshold.");
    if last <= marginal {
        (false, says("is not above the marginal"))
    } else if last < pass {
        (false, says("is below the pass"))
    } else {
        (true, says("met or exceeded the pass"))
    }
}

/// `CanaryExecutionResult` of one interval.
fn result(execution: &Execution, stage: &Stage) -> Value {
    let context = &stage.context;
    let id = format!("{}.{}", execution.id, stage.id);
    let mut result = json!({"executionId": id, "executionStatus": stage.status.to_string()});
    // The experiment's times; all scopes have the same.
    let scopes = context.get("scopes").and_then(Value::as_object);
    let scope = scopes.and_then(|scopes| scopes.values().next());
    let scope = scope.map_or(&Value::Null, |scope| &scope["experimentScope"]);
    for (name, field) in [("judgementStartTime", "start"), ("judgementEndTime", "end")] {
        if let Some(at) = scope[field].as_str() {
            result[format!("{name}Iso")] = at.into();
            if let Ok(at) = at.parse::<Timestamp>() {
                result[format!("{name}Millis")] = at.as_millisecond().into();
            }
        }
    }
    for name in [
        "warnings",
        "metricSetPairListId",
        "storageAccountName",
        "configurationAccountName",
        "exception",
    ] {
        if let Some(value) = context.get(name).filter(|value| !value.is_null()) {
            result[name] = value.clone();
        }
    }
    for (name, ms) in [
        ("build", Some(execution.build_time)),
        ("start", stage.start_time),
        ("end", stage.end_time),
    ] {
        if let Some(ms) = ms {
            result[format!("{name}TimeMillis")] = ms.into();
            result[format!("{name}TimeIso")] = iso(ms).into();
        }
    }
    result
}

fn told(stage: &Stage) -> Value {
    let mut told = json!({"type": stage.kind, "name": stage.name, "status": stage.status.to_string().to_lowercase()});
    if let Some(id) = stage.context.get("canaryPipelineExecutionId") {
        told["executionId"] = id.clone();
    }
    told
}

fn iso(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_compared_with_their_decimals() {
        let said = |last| verdict(last, 75.5, 95.0);
        assert_eq!(
            said(Some(75.5)),
            (
                false,
                "Final canary score 75.5 is not above the marginal score threshold.".to_owned()
            )
        );
        assert_eq!(
            said(Some(75.6)),
            (
                false,
                "Final canary score 75.6 is below the pass score threshold.".to_owned()
            )
        );
        assert_eq!(
            said(Some(95.0)),
            (
                true,
                "Final canary score 95.0 met or exceeded the pass score threshold.".to_owned()
            )
        );
        let (passed, message) = said(None);
        assert!(!passed && message.starts_with("There were no successful canary judgements"));
    }
}
