//! Triggers of the type `pipeline` (events reference 4.6): the end of an execution starts other pipelines.
//!
//! Orca starts them itself, from a listener (`DependentPipelineExecutionListener`, `DependentPipelineStarter`), and loses the start when it
//! dies just then. Here the end is an event as any other, with a verdict on each trigger.

use std::collections::BTreeMap;

use gennaker_engine::{Telling, announcement::About, decide::shown_parent};
use gennaker_model::{Execution, Map, Status};
use gennaker_stages::artifacts::{Artifact, Matcher, of_execution};
use serde_json::{Value, json};

use super::{Check, Event, Header, Origin, VERSION, text};

/// The kind of such events.
pub const PIPELINE: &str = "pipeline";

/// Artifacts of a parent that come with its end.
const ARTIFACTS_MAX: usize = 2_000;

/// The event of an end: header and body. `None` when it is the end of no configured pipeline.
///
/// Its identity is that of the announcement: told again it starts nothing again, while an execution that is restarted ends again.
#[must_use]
pub fn event(telling: &Telling) -> Option<(Header, Value)> {
    let announcement = &telling.announcement;
    if announcement.about != About::Execution {
        return None;
    }
    let execution = Execution {
        status: announcement.status,
        ..telling.execution.clone()
    };
    let header = Header {
        v: VERSION,
        id: format!("pipeline-{}", telling.id()),
        kind: PIPELINE.to_owned(),
        source: execution.pipeline_config_id.clone()?,
        at_ms: announcement.at,
        headers: BTreeMap::new(),
        origin: Origin::Inside,
    };
    let artifacts: Vec<Value> = of_execution(&execution)
        .iter()
        .take(ARTIFACTS_MAX)
        .map(Artifact::to_value)
        .collect();
    let body = json!({
        "status": word(announcement.status),
        "artifacts": artifacts,
        "execution": shown_parent(&execution),
    });
    Some((header, body))
}

/// What triggers call the status of an execution that is over.
#[must_use]
pub const fn word(status: Status) -> &'static str {
    match status {
        Status::Canceled => "canceled",
        Status::Suspended => "suspended",
        Status::Succeeded => "successful",
        Status::NotStarted
        | Status::Running
        | Status::Paused
        | Status::FailedContinue
        | Status::Terminal
        | Status::Redirect
        | Status::Stopped
        | Status::Skipped
        | Status::Buffered => "failed",
    }
}

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    let (ended, name) = (&event.header.source, parent_text(event, "name"));
    match text(trigger, "pipeline").filter(|id| !id.is_empty()) {
        None => return Err("the trigger names no pipeline".to_owned()),
        Some(wanted) if wanted == ended => {}
        Some(wanted) => {
            return Err(format!(
                "the pipeline {name:?} with the id {ended:?} has ended, the trigger waits for {wanted:?}"
            ));
        }
    }
    let status = text(&event.payload, "status").unwrap_or_default();
    let wanted: Vec<&str> = match trigger.get("status") {
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(word)) => vec![word],
        Some(_) | None => Vec::new(),
    };
    if wanted.contains(&status) {
        return Ok(());
    }
    if wanted.is_empty() {
        return Err("the trigger lists no status".to_owned());
    }
    Err(format!(
        "the execution of {name:?} ended as {status:?}, the trigger wants {}",
        wanted.join(", ")
    ))
}

/// The trigger of the child, as Orca's starter makes it, beside what is configured.
pub(super) fn complete(event: &Event, config: &Map, fired: &mut Map) {
    let ids = expected_artifacts(event, config, fired);
    let parent = event.payload.get("execution").cloned();
    let trigger = parent.as_ref().and_then(|parent| parent.get("trigger"));
    let run_as = text(fired, "runAsUser").filter(|user| !user.is_empty());
    let user = run_as
        .or_else(|| trigger.and_then(|trigger| trigger.get("user")?.as_str()))
        .or_else(|| {
            let held = parent.as_ref()?.pointer("/authentication/user")?;
            held.as_str()
        });
    let user = user.unwrap_or("[anonymous]").to_owned();
    let dry_run = trigger.and_then(|trigger| trigger.get("dryRun"));
    let dry_run = dry_run.cloned().unwrap_or(json!(false));
    let correlation = format!(
        "{}_null_{}_{}",
        parent_text(event, "id"),
        text(config, "id").unwrap_or_default(),
        parent
            .as_ref()
            .and_then(|it| it.get("startTime"))
            .cloned()
            .unwrap_or(Value::Null),
    );
    fired.insert("user".to_owned(), json!(user));
    fired.insert("parentPipelineStageId".to_owned(), Value::Null);
    fired.insert("parameters".to_owned(), json!({}));
    fired.insert("strategy".to_owned(), json!(false));
    fired.insert("dryRun".to_owned(), dry_run);
    fired.insert("isPipeline".to_owned(), json!(true));
    fired.insert("correlationId".to_owned(), json!(correlation));
    fired.insert("expectedArtifactIds".to_owned(), ids.into());
    fired.insert("parentExecution".to_owned(), parent.unwrap_or(Value::Null));
}

/// The trigger's own ids, and those of the expected artifacts of the pipeline that one of the parent's artifacts matches.
fn expected_artifacts(event: &Event, config: &Map, trigger: &Map) -> Vec<Value> {
    let mut ids: Vec<Value> = match trigger.get("expectedArtifactIds") {
        Some(Value::Array(ids)) => ids.clone(),
        Some(_) | None => Vec::new(),
    };
    let artifacts: Vec<Artifact> = event
        .artifacts
        .iter()
        .filter_map(|artifact| Artifact::read(artifact, "artifacts").ok())
        .collect();
    let expected = config.get("expectedArtifacts").and_then(Value::as_array);
    for item in expected.into_iter().flatten() {
        let Some(id) = item.get("id").filter(|id| !ids.contains(id)) else {
            continue;
        };
        let wanted = item.get("matchArtifact");
        let Some(Ok(wanted)) = wanted.map(|it| Artifact::read(it, "matchArtifact")) else {
            continue;
        };
        let matcher = Matcher::of(&wanted);
        // A pattern that cannot be compared matches nothing.
        if artifacts
            .iter()
            .any(|artifact| matcher.matches(artifact).unwrap_or(false))
        {
            ids.push(id.clone());
        }
    }
    ids
}

fn parent_text<'a>(event: &'a Event, field: &str) -> &'a str {
    let parent = event.payload.get("execution");
    let held = parent.and_then(|parent| parent.get(field)?.as_str());
    held.unwrap_or_default()
}

#[cfg(test)]
mod tests;
