//! Why an execution failed, and what a running one waits for: the chain from the execution through child executions to the
//! stage at its end, and the sentences that the stage left behind.
//!
//! Where Orca puts failure texts: `context.exception` (`DefaultExceptionHandler.java`), `context.webhook`,
//! `context.expressionEvaluationSummary`; a `pipeline` stage names its child in `context.executionId`.

#[cfg(test)]
mod tests;

use gennaker_model::Status;
use serde_json::Value;

use crate::{
    Failure,
    gate::Gate,
    snapshot::{Snapshot, is_asking, millis, name, stages, status, text},
    text::{count, duration, encode, first_line},
};

/// Most executions of a queue that are counted.
const AHEAD_MAX: usize = 100;

/// Most levels of child executions that are followed.
const DEPTH_MAX: usize = 16;

/// Most executions of one stage that are looked at.
const CHILDREN_MAX: usize = 50;

/// One step of the chain: a stage of an execution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hop {
    pub(crate) execution: String,
    pub(crate) title: String,
    pub(crate) stage: String,
    pub(crate) kind: String,
    pub(crate) status: Status,
    pub(crate) took_ms: Option<i64>,
}

/// The chain and what its last stage says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cause {
    pub(crate) chain: Vec<Hop>,
    pub(crate) reasons: Vec<String>,
}

/// Follows a failure to its leaf, reading child executions as needed. A child that cannot be read ends the chain with what
/// the parent knows.
pub(crate) async fn of(gate: &Gate, execution: &Value) -> Cause {
    let mut cause = Cause::default();
    let mut current = execution.clone();
    while let Some(stage) = failing_stage(&current) {
        let snapshot = Snapshot::read(&current);
        cause.chain.push(Hop {
            execution: snapshot.id.clone(),
            title: snapshot.title(),
            stage: name(stage),
            kind: text(stage, "type").unwrap_or_default(),
            status: status(stage),
            took_ms: millis(stage, "endTime")
                .zip(millis(stage, "startTime"))
                .map(|(end, start)| end - start),
        });
        cause.reasons = reasons(stage);
        if cause.chain.len() >= DEPTH_MAX {
            break;
        }
        let mut children = children_of(stage);
        children.retain(|child| cause.chain.iter().all(|hop| hop.execution != *child));
        match failed_among(gate, &children).await {
            Some(document) => current = document,
            None => break,
        }
    }
    if cause.reasons.is_empty() {
        cause.reasons = execution_reasons(execution);
    }
    cause
}

/// The only child, or the first of several that failed.
async fn failed_among(gate: &Gate, children: &[String]) -> Option<Value> {
    for child in children {
        let document = read_execution(gate, child).await.ok()?;
        if children.len() == 1 || failing_stage(&document).is_some() {
            return Some(document);
        }
    }
    None
}

/// One execution by its id.
pub(crate) async fn read_execution(gate: &Gate, id: &str) -> Result<Value, Failure> {
    gate.get(
        &format!("execution {id}"),
        &format!("/pipelines/{}", encode(id)),
    )
    .await
}

/// The stage at the bottom of the failure: no failed part of its own, and among those the one that ended first.
pub(crate) fn failing_stage(execution: &Value) -> Option<&Value> {
    let all = stages(execution);
    let failed = |wanted: fn(Status) -> bool| {
        all.iter()
            .filter(move |stage| wanted(status(stage)))
            .filter(move |stage| {
                !all.iter()
                    .any(|part| part["parentStageId"] == stage["id"] && wanted(status(part)))
            })
            .min_by_key(|stage| millis(stage, "endTime").unwrap_or(i64::MAX))
    };
    match status(execution) {
        Status::Succeeded | Status::Skipped => None,
        _ => failed(|status| status == Status::Terminal).or_else(|| {
            failed(|status| matches!(status, Status::Stopped | Status::FailedContinue))
        }),
    }
}

/// Everything the stage says about its failure, most specific first, without repeats.
pub(crate) fn reasons(stage: &Value) -> Vec<String> {
    let context = &stage["context"];
    let mut found: Vec<String> = Vec::new();
    let mut add = |text: &str| {
        let text = text.trim();
        if !text.is_empty() && !found.iter().any(|known| known.contains(text)) {
            found.push(text.to_owned());
        }
    };
    exception(&context["exception"], &mut add);
    for task in stage["tasks"].as_array().into_iter().flatten() {
        if status(task).is_failure() {
            exception(&task["taskExceptionDetails"]["exception"], &mut add);
        }
    }
    for webhook in [&context["webhook"]["monitor"], &context["webhook"]] {
        if let Some(error) = webhook["error"].as_str() {
            add(error);
        }
        let code = webhook["statusCodeValue"].as_i64().unwrap_or_default();
        if code >= 400 {
            add(&format!(
                "the webhook was answered with {code}{}",
                body_text(&webhook["body"])
            ));
        }
    }
    if context["judgmentStatus"]
        .as_str()
        .is_some_and(|judged| judged.eq_ignore_ascii_case("stop"))
    {
        let by = text(context, "lastModifiedBy")
            .or_else(|| text(&stage["lastModified"], "user"))
            .map_or(String::new(), |user| format!(" by {user}"));
        add(&format!("judged stop{by}"));
    }
    for key in ["failureMessage", "canaryScoreMessage"] {
        if let Some(message) = text(context, key) {
            add(&message);
        }
    }
    for summary in context["expressionEvaluationSummary"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.values())
        .flat_map(|entries| entries.as_array().into_iter().flatten())
    {
        if let Some(description) = summary["description"].as_str() {
            add(description);
        }
    }
    found
}

/// Sentences about what the execution waits for; children are read as needed.
pub(crate) async fn waiting(gate: &Gate, execution: &Value, now_ms: i64) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut open = vec![(execution.clone(), 0)];
    while let Some((current, depth)) = open.pop() {
        let (found, children) = waits(&current, now_ms);
        let prefix = if depth == 0 {
            String::new()
        } else {
            format!("child {}: ", Snapshot::read(&current).title())
        };
        sentences.extend(
            found
                .into_iter()
                .map(|sentence| format!("{prefix}{sentence}")),
        );
        let ahead = ahead_of(gate, &current, now_ms).await;
        sentences.extend(ahead.map(|sentence| format!("{prefix}{sentence}")));
        for child in children {
            if depth < DEPTH_MAX && sentences.len() < 100 {
                match read_execution(gate, &child).await {
                    Ok(document) => open.push((document, depth + 1)),
                    Err(failure) => sentences.push(format!("{prefix}{}", failure.sentence)),
                }
            }
        }
    }
    sentences
}

/// Which executions of its pipeline are before one that waits for its turn; nothing for others, or if nobody says.
async fn ahead_of(gate: &Gate, execution: &Value, now_ms: i64) -> Option<String> {
    if status(execution) != Status::NotStarted {
        return None;
    }
    let config = text(execution, "pipelineConfigId")?;
    let built = millis(execution, "buildTime")?;
    let path = format!(
        "/executions?pipelineConfigIds={}&statuses=RUNNING,PAUSED,SUSPENDED,NOT_STARTED&limit={AHEAD_MAX}&expand=false",
        encode(&config)
    );
    let open = gate.get("the executions before it", &path).await.ok()?;
    let own = text(execution, "id");
    let (mut running, mut queued) = (Vec::new(), 0);
    for other in open.as_array()?.iter().filter(|it| text(it, "id") != own) {
        if status(other) != Status::NotStarted {
            let snapshot = Snapshot::read(other);
            let since = snapshot.took_ms(now_ms).map_or(String::new(), duration);
            running.push(format!("{} ({} {since})", snapshot.id, snapshot.status));
        } else if millis(other, "buildTime").is_some_and(|before| before < built) {
            queued += 1;
        }
    }
    let queue = match queued {
        0 => None,
        queued => Some(format!("{queued} queued before it")),
    };
    let running = match running.is_empty() {
        true => None,
        false => Some(running.join(", ")),
    };
    let parts: Vec<String> = running.into_iter().chain(queue).collect();
    (!parts.is_empty()).then(|| format!("before it: {}", parts.join("; ")))
}

/// What one execution waits for, and the children it waits for.
fn waits(execution: &Value, now_ms: i64) -> (Vec<String>, Vec<String>) {
    let all = stages(execution);
    let mut sentences = match status(execution) {
        Status::NotStarted => vec![not_started(execution)],
        Status::Buffered => vec!["it is held back until there is room to run it".to_owned()],
        Status::Paused => {
            let by =
                text(&execution["paused"], "pausedBy").unwrap_or_else(|| "somebody".to_owned());
            vec![format!("{by} paused it")]
        }
        _ => Vec::new(),
    };
    let mut children = Vec::new();
    let running = |stage: &&Value| status(stage) == Status::Running;
    for stage in all.iter().filter(running).filter(|stage| {
        !all.iter()
            .any(|part| part["parentStageId"] == stage["id"] && status(part) == Status::Running)
    }) {
        sentences.push(format!(
            "{} {}",
            name(stage),
            stage_waits(stage, execution, now_ms)
        ));
        children.extend(children_of(stage));
    }
    if sentences.is_empty() && !status(execution).is_complete() {
        let ahead = all
            .iter()
            .filter(|stage| status(stage) == Status::NotStarted)
            .count();
        sentences.push(format!(
            "no stage runs now; {} to come",
            count(ahead, "stage")
        ));
    }
    (sentences, children)
}

fn not_started(execution: &Value) -> String {
    let most = execution["maxConcurrentExecutions"]
        .as_i64()
        .unwrap_or_default();
    if execution["limitConcurrent"] == true {
        "it waits for its turn: this pipeline runs one execution at a time".to_owned()
    } else if most > 0 {
        format!("it waits for its turn: this pipeline runs {most} executions at a time")
    } else {
        "it has not started yet".to_owned()
    }
}

fn stage_waits(stage: &Value, execution: &Value, now_ms: i64) -> String {
    let context = &stage["context"];
    let since = millis(stage, "startTime").map(|start| now_ms - start);
    let running = since.map_or_else(
        || "runs".to_owned(),
        |ms| format!("has run for {}", duration(ms)),
    );
    if is_asking(stage) {
        return format!(
            "waits for a person: gennaker judge {} --stage {:?}",
            text(execution, "id").unwrap_or_default(),
            text(stage, "refId").unwrap_or_else(|| name(stage))
        );
    }
    if let Some(at) = millis(stage, "scheduledTime").filter(|at| *at > now_ms) {
        return format!(
            "waits for its execution window, in {}",
            duration(at - now_ms)
        );
    }
    match stage["type"].as_str().unwrap_or_default() {
        "wait" => {
            let wait = &context["waitTime"];
            let seconds = wait.as_f64().or_else(|| wait.as_str()?.parse().ok());
            match (seconds, millis(stage, "startTime")) {
                (Some(seconds), Some(start)) if seconds > 0.0 => {
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "a float beyond i64 saturates"
                    )]
                    let left = start.saturating_add((seconds * 1000.0) as i64) - now_ms;
                    format!("waits for another {}", duration(left))
                }
                _ => running,
            }
        }
        "pipeline" | "runMultiplePipelines" => match children_of(stage).as_slice() {
            [] => format!("{running}, its child execution has not started"),
            [child] => format!("waits for its child execution {child}"),
            children => format!("waits for its {} child executions", children.len()),
        },
        "webhook" => {
            let monitor = &context["webhook"]["monitor"];
            let last = [monitor, &context["webhook"]].into_iter().find_map(|at| {
                let code = at["statusCodeValue"].as_i64()?;
                let progress =
                    text(at, "progressMessage").map_or(String::new(), |text| format!(", {text}"));
                Some(format!("; last answer {code}{progress}"))
            });
            format!("{running}{}", last.unwrap_or_default())
        }
        _ => match stage["tasks"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|task| status(task) == Status::Running)
        {
            Some(task) => {
                let why = text(context, "waitsFor").map_or(String::new(), |why| format!(": {why}"));
                format!("{running}, now in task {}{why}", name(task))
            }
            None => running,
        },
    }
}

/// What an execution says that failed before any stage did.
fn execution_reasons(execution: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(reason) = text(execution, "cancellationReason") {
        found.push(match text(execution, "canceledBy") {
            Some(by) => format!("canceled by {by}: {reason}"),
            None => reason,
        });
    } else if let Some(by) = text(execution, "canceledBy") {
        found.push(format!("canceled by {by}"));
    }
    for notice in execution["systemNotifications"]
        .as_array()
        .into_iter()
        .flatten()
    {
        found.extend(text(notice, "message"));
    }
    if found.is_empty() && stages(execution).is_empty() && status(execution) == Status::Terminal {
        found.push("the pipeline has no stages".to_owned());
    }
    found
}

fn exception(exception: &Value, add: &mut impl FnMut(&str)) {
    let details = &exception["details"];
    for error in details["errors"].as_array().into_iter().flatten() {
        match error.as_str() {
            Some(text) => add(text),
            None => add(&error.to_string()),
        }
    }
    for key in ["error", "message"] {
        // Orca's heading for whatever it did not expect says nothing when the errors below it do.
        if let Some(text) = details[key].as_str()
            && (text != "Unexpected Task Failure"
                || details["errors"].as_array().is_none_or(Vec::is_empty))
        {
            add(text);
        }
    }
    if let Some(text) = exception["message"].as_str() {
        add(text);
    }
}

fn body_text(body: &Value) -> String {
    let text = match body {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match first_line(&text, 160) {
        line if line.is_empty() => String::new(),
        line => format!(": {line}"),
    }
}

/// The executions that a stage started, as it names them: one, or several in their order.
fn children_of(stage: &Value) -> Vec<String> {
    let named = |key: &str| text(&stage["context"], key).or_else(|| text(&stage["outputs"], key));
    match stage["type"].as_str() {
        Some("pipeline") => named("executionId").into_iter().collect(),
        Some("runMultiplePipelines") => {
            let ids = stage["context"]["executionIds"].as_array();
            let ids = ids.into_iter().flatten().filter_map(Value::as_str);
            ids.take(CHILDREN_MAX).map(str::to_owned).collect()
        }
        Some(_) | None => Vec::new(),
    }
}
