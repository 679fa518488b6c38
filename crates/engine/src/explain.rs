//! Why is it waiting? One sentence per thing that an execution waits for.

use gennaker_model::{Stage, StageId, Status, command::Wait};

use crate::{
    graph, limit,
    lookup::{self, submission},
    notice,
    state::{Aside, Lookup, Purpose, State, Timer},
};

/// Everything that the execution waits for now.
#[must_use]
pub fn waits(state: &State) -> Vec<Wait> {
    let mut found = Vec::new();
    let submission = submission();
    if let Some(sentence) = looked_up(state, &submission) {
        found.push(Wait {
            stage: submission.clone(),
            name: "start".to_owned(),
            sentence,
            until_ms: None,
        });
    }
    if let (Some(_), Some(most)) = (state.book.waits_since, limit::most(&state.doc)) {
        let sentence =
            format!("waits until fewer than {most} other executions of its pipeline run");
        found.push(Wait {
            stage: submission.clone(),
            name: "start".to_owned(),
            sentence,
            until_ms: None,
        });
    }
    if let Some(stage) = state
        .book
        .restart
        .as_ref()
        .and_then(|restart| state.doc.stage(&restart.stage))
    {
        let sentence =
            "is to be restarted, once workers have closed what it and the stages after it began"
                .to_owned();
        found.push(wait(stage, sentence, None));
    }
    for stage in &state.doc.stages {
        match stage.status {
            Status::Running | Status::Paused
                if stage
                    .tasks
                    .iter()
                    .any(|task| matches!(task.status, Status::Running | Status::Paused)) =>
            {
                found.push(running(state, stage))
            }
            Status::Running | Status::Paused => found.extend(repeated(state, stage)),
            Status::NotStarted if state.doc.status == Status::Running => {
                let open: Vec<&str> = graph::upstream(&state.doc, stage)
                    .filter(|above| !above.status.lets_downstream_start())
                    .map(|above| above.name.as_str())
                    .collect();
                if !open.is_empty() {
                    found.push(wait(stage, format!("waits for {}", open.join(", ")), None));
                } else if let Some(sentence) = looked_up(state, &stage.id) {
                    found.push(wait(stage, sentence, None));
                }
            }
            _ => {}
        }
    }
    found.extend(told(state));
    if state.doc.status == Status::Paused {
        for item in &mut found {
            item.sentence.push_str(" (the execution is paused)");
        }
    }
    found
}

/// Notifications that are on their way. Nothing waits for them.
fn told(state: &State) -> Vec<Wait> {
    let open = state.book.notices.open.iter();
    open.map(|(number, notice)| {
        let place = notice::place(*number);
        let timer = Timer {
            stage: place.clone(),
            purpose: Purpose::Again,
        };
        let due = state.book.timers.get(&timer).copied();
        let held = state.doc.notification_receipts.iter();
        let reason = held
            .rev()
            .find(|it| it.number == *number)
            .and_then(|it| it.reason.as_deref());
        let kind = notice.entry.get("type").and_then(serde_json::Value::as_str);
        let what = format!("{} by {}", notice.when, kind.unwrap_or("?"));
        let sentence = match (due, reason) {
            (Some(_), Some(reason)) => {
                format!("{what} could not be sent and is tried again: {reason}")
            }
            (Some(_), None) => format!("{what} could not be sent and is tried again"),
            (None, _) => format!("a worker of pool {} is to send {what}", notice::POOL),
        };
        Wait {
            stage: place,
            name: "notification".to_owned(),
            sentence,
            until_ms: due,
        }
    })
    .collect()
}

/// A stage whose tasks are to be done again.
fn repeated(state: &State, stage: &Stage) -> Option<Wait> {
    let due = state.book.timers.get(&Timer {
        stage: stage.id.clone(),
        purpose: Purpose::Again,
    })?;
    let retry = stage.tasks.last()?.retry;
    let sentence = format!("failed and waits to be tried again (retry {retry})");
    Some(wait(stage, sentence, Some(*due)))
}

fn running(state: &State, stage: &Stage) -> Wait {
    let timer = |purpose| {
        state
            .book
            .timers
            .get(&Timer {
                stage: stage.id.clone(),
                purpose,
            })
            .copied()
    };
    if let Some((_, attempt)) = state.closing_of(&stage.id) {
        let sentence = format!(
            "waits for a worker of pool {} to stop {}",
            attempt.pool, attempt.kind
        );
        return wait(stage, sentence, timer(Purpose::Closing));
    }
    if let Some((number, attempt)) = state.attempt_of(&stage.id) {
        let zone = attempt
            .zone
            .as_deref()
            .map(|zone| format!(" in zone {zone}"))
            .unwrap_or_default();
        let sentence = format!(
            "waits for a worker of pool {}{zone} to finish {} (attempt {number})",
            attempt.pool, attempt.kind
        );
        return wait(stage, sentence, timer(Purpose::Timeout));
    }
    if state.book.questions.contains(&stage.id) {
        return wait(
            stage,
            "waits for a person to judge".to_owned(),
            timer(Purpose::Timeout),
        );
    }
    let children = state.children_of(&stage.id).iter();
    let open: Vec<String> = children
        .filter(|child| child.is_open())
        .map(|child| child.execution.to_string())
        .collect();
    if !open.is_empty() {
        let sentence = format!("waits for execution {}", open.join(", "));
        return wait(stage, sentence, timer(Purpose::Timeout));
    }
    if let Some(sentence) = looked_up(state, &stage.id) {
        return wait(stage, sentence, timer(Purpose::Timeout));
    }
    match timer(Purpose::Again) {
        Some(due) => wait(stage, until(state, &stage.id), Some(due)),
        None => wait(
            stage,
            "waits for nothing; the next audit moves it".to_owned(),
            None,
        ),
    }
}

/// What a stage with a timer waits for: its time, or other executions that it looks at again then.
fn until(state: &State, id: &StageId) -> String {
    let answers = state.book.asked.get(id).map(|asked| asked.answers.keys());
    let seen: Vec<String> = answers
        .into_iter()
        .flatten()
        .filter_map(|lookup| match lookup {
            Lookup::Execution(watched) => Some(watched.execution.to_string()),
            Lookup::Pipeline(_) | Lookup::Expression(_) | Lookup::Artifacts(_) => None,
        })
        .collect();
    if seen.is_empty() {
        "waits until its time has come".to_owned()
    } else {
        format!("waits for execution {}", seen.join(", "))
    }
}

/// What is being found out for a stage.
fn looked_up(state: &State, id: &StageId) -> Option<String> {
    if let Some((number, attempt)) = state.reads_of(id).next() {
        let url = match &attempt.aside {
            Some(Aside::Lookup(lookup)) => lookup::address_of(lookup).unwrap_or_default(),
            Some(Aside::Cancel | Aside::Notice(_)) | None => "",
        };
        return Some(format!(
            "waits for a worker of pool {} to read {} for an expression (attempt {number})",
            attempt.pool,
            lookup::shown(url)
        ));
    }
    let open = state.book.lookups.iter();
    let asked = open.into_iter().find(|(_, stages)| stages.contains(id));
    asked.map(|(lookup, _)| format!("waits for the answer to {}", String::from(lookup.clone())))
}

fn wait(stage: &Stage, sentence: String, until_ms: Option<i64>) -> Wait {
    Wait {
        stage: stage.id.clone(),
        name: stage.name.clone(),
        sentence,
        until_ms,
    }
}
