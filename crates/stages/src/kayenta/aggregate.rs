//! The verdict on a whole canary: that of its last analysis. Source: orca `AggregateCanaryResultsTask`.

use gennaker_engine::{Step, TaskContext, TaskDefinition, TaskResult};
use gennaker_model::{Map, Status};
use serde_json::Value;

use super::{INTERVALS, RUN, config::Thresholds};

pub(super) static AGGREGATE: TaskDefinition = TaskDefinition {
    name: "aggregateCanaryResults",
    class: "com.netflix.spinnaker.orca.kayenta.tasks.AggregateCanaryResultsTask",
    step: aggregate,
    timeout_ms: None,
    timeout_overridable: false,
};

fn aggregate(context: &TaskContext<'_>) -> Step {
    let stages = &context.state.doc.stages;
    let intervals = stages.iter().find(|stage| {
        stage.kind == INTERVALS && stage.parent_stage_id.as_ref() == Some(&context.stage.id)
    });
    let mut runs: Vec<(u64, f64)> = stages
        .iter()
        .filter(|stage| {
            stage.kind == RUN && stage.parent_stage_id.as_ref() == intervals.map(|it| &it.id)
        })
        .filter_map(|stage| {
            let (_, number) = stage.name.rsplit_once('#')?;
            Some((
                number.parse().ok()?,
                stage.context.get("canaryScore")?.as_f64()?,
            ))
        })
        .collect();
    runs.sort_by_key(|run| run.0);
    let scores: Vec<f64> = runs.iter().map(|run| run.1).collect();
    let config = context
        .context
        .get("canaryConfig")
        .and_then(Value::as_object);
    let thresholds = Thresholds::read(config.unwrap_or(&Map::new()));
    let Some(&last) = scores.last() else {
        let message = "There were no successful canary judgements to aggregate";
        return TaskResult::thrown(context, "IllegalStateException", message).into();
    };
    let (status, says) = verdict(last, thresholds);
    let mut learned = Map::new();
    learned.insert("canaryScores".to_owned(), scores.into());
    learned.insert(
        "canaryScoreMessage".to_owned(),
        format!("Final canary score {last:?} {says} score threshold.").into(),
    );
    if let Some(intervals) = intervals {
        learned.insert(
            "intervalStageId".to_owned(),
            intervals.id.to_string().into(),
        );
    }
    TaskResult {
        context: learned,
        ..TaskResult::of(status)
    }
    .into()
}

pub(super) fn verdict(last: f64, thresholds: Thresholds) -> (Status, &'static str) {
    let reaches = |threshold: i64| {
        #[expect(clippy::cast_precision_loss, reason = "thresholds are small")]
        let threshold = threshold as f64;
        last.partial_cmp(&threshold)
    };
    if reaches(thresholds.marginal).is_none_or(std::cmp::Ordering::is_le) {
        (Status::Terminal, "is not above the marginal")
    } else if reaches(thresholds.pass).is_none_or(std::cmp::Ordering::is_lt) {
        (Status::Terminal, "is below the pass")
    } else {
        (Status::Succeeded, "met or exceeded the pass")
    }
}
