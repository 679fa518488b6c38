//! Why is it waiting? One sentence per thing that an execution waits for.

use gennaker_model::{Stage, Status, command::Wait};

use crate::{
    graph,
    state::{Purpose, State, Timer},
};

/// Everything that the execution waits for now.
#[must_use]
pub fn waits(state: &State) -> Vec<Wait> {
    let mut found = Vec::new();
    for stage in &state.doc.stages {
        match stage.status {
            Status::Running
                if stage
                    .tasks
                    .iter()
                    .any(|task| task.status == Status::Running) =>
            {
                found.push(running(state, stage))
            }
            Status::NotStarted if state.doc.status == Status::Running => {
                let open: Vec<&str> = graph::upstream(&state.doc, stage)
                    .filter(|above| !above.status.lets_downstream_start())
                    .map(|above| above.name.as_str())
                    .collect();
                if !open.is_empty() {
                    found.push(wait(stage, format!("waits for {}", open.join(", ")), None));
                }
            }
            _ => {}
        }
    }
    if state.doc.status == Status::Paused {
        for item in &mut found {
            item.sentence.push_str(" (the execution is paused)");
        }
    }
    found
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
            attempt.message.pool, attempt.message.kind
        );
        return wait(stage, sentence, timer(Purpose::Closing));
    }
    if let Some((number, attempt)) = state.attempt_of(&stage.id) {
        let zone = attempt
            .message
            .zone
            .as_deref()
            .map(|zone| format!(" in zone {zone}"))
            .unwrap_or_default();
        let sentence = format!(
            "waits for a worker of pool {}{zone} to finish {} (attempt {number})",
            attempt.message.pool, attempt.message.kind
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
    if let Some(child) = state
        .book
        .children
        .get(&stage.id)
        .filter(|child| child.result.is_none())
    {
        return wait(
            stage,
            format!("waits for execution {}", child.execution),
            timer(Purpose::Timeout),
        );
    }
    if let Some(lookup) = state
        .book
        .lookups
        .iter()
        .find(|(_, stages)| stages.contains(&stage.id))
        .map(|(lookup, _)| lookup)
    {
        return wait(
            stage,
            format!("waits for the answer to {}", String::from(lookup.clone())),
            None,
        );
    }
    match timer(Purpose::Again) {
        Some(due) => wait(stage, "waits until its time has come".to_owned(), Some(due)),
        None => wait(
            stage,
            "waits for nothing; the next audit moves it".to_owned(),
            None,
        ),
    }
}

fn wait(stage: &Stage, sentence: String, until_ms: Option<i64>) -> Wait {
    Wait {
        stage: stage.id.clone(),
        name: stage.name.clone(),
        sentence,
        until_ms,
    }
}
