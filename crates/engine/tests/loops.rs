//! Loops: a task that answers REDIRECT has the tasks of its loop done again, and what they do outside is something else then.
#![allow(clippy::unwrap_used, reason = "tests")]

use gennaker_engine::{
    Catalogue, Context, Effect, Input, Plan, PlanContext, PlannedTask, Rules, StageDefinition,
    State, Step, TaskContext, TaskDefinition, TaskResult, decide,
    definition::{PlanError, Remote},
    start,
};
use gennaker_model::{
    Map, Status,
    work::{Outcome, TaskMessage, TaskReport},
};
use serde_json::{Value, json};

static WORK: TaskDefinition = TaskDefinition {
    name: "work",
    class: "Work",
    step: |_| {
        Step::Dispatch(Remote {
            pool: "notify",
            kind: "work",
            effect: true,
        })
    },
    timeout_ms: None,
    timeout_overridable: false,
};

static LOOK: TaskDefinition = TaskDefinition {
    name: "look",
    class: "Look",
    step: look,
    timeout_ms: None,
    timeout_overridable: false,
};

/// Twice more, then on.
fn look(context: &TaskContext<'_>) -> Step {
    let rounds = context.context.get("rounds").and_then(Value::as_i64);
    let rounds = rounds.unwrap_or(0);
    let status = if rounds < 2 {
        Status::Redirect
    } else {
        Status::Succeeded
    };
    let mut result = TaskResult::of(status);
    result
        .context
        .insert("rounds".to_owned(), json!(rounds + 1));
    result.into()
}

struct Looping;

impl StageDefinition for Looping {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let bound = |definition, loop_start, loop_end| PlannedTask {
            loop_start,
            loop_end,
            ..PlannedTask::of(definition)
        };
        Ok(Plan {
            tasks: vec![bound(&WORK, true, false), bound(&LOOK, false, true)],
            ..Plan::default()
        })
    }
}

impl Catalogue for Looping {
    fn stage(&self, _kind: &str) -> Option<&dyn StageDefinition> {
        Some(self)
    }

    fn task(&self, class: &str) -> Option<&'static TaskDefinition> {
        [&WORK, &LOOK].into_iter().find(|task| task.class == class)
    }
}

fn dispatched(effects: &[Effect]) -> Option<TaskMessage> {
    effects.iter().find_map(|effect| match effect {
        Effect::Dispatch(message) => Some((**message).clone()),
        _ => None,
    })
}

fn done(message: &TaskMessage) -> Input {
    Input::Report(TaskReport {
        v: 1,
        execution: message.execution.clone(),
        stage: message.stage.clone(),
        task: message.task.clone(),
        attempt: message.attempt,
        worker: "w".to_owned(),
        outcome: Outcome::Succeeded {
            context: Map::new(),
            outputs: Map::new(),
        },
    })
}

#[test]
fn rule_3_5_redirect_does_the_loop_again_with_effects_and_attempts_of_its_own() {
    let rules = Rules::default();
    let context = Context {
        now: 1,
        catalogue: &Looping,
        rules: &rules,
        partition: 0,
        must_wait: false,
        listeners: &gennaker_engine::Nobody,
    };
    let document = serde_json::from_value(
        json!({"type": "PIPELINE", "id": "e", "application": "a", "buildTime": 1,
        "status": "NOT_STARTED", "authentication": {"user": "ann"}, "trigger": {}, "stages": [
            {"id": "s", "refId": "1", "requisiteStageRefIds": [], "type": "looping", "name": "loop",
             "status": "NOT_STARTED", "context": {}, "outputs": {}, "tasks": []}]}),
    )
    .unwrap();
    let mut decision = start(document, None, &[], &context);
    let mut effects = Vec::new();
    let mut first = None;
    while let Some(message) = dispatched(&decision.effects) {
        effects.push(message.effect.clone().unwrap().to_string());
        decision = decide(&decision.after, &done(&message), &context);
        first.get_or_insert(message);
    }
    assert_eq!(effects, ["e.s.0.1.0", "e.s.0.1.1", "e.s.0.1.2"]);
    let state: State = decision.after;
    assert_eq!(state.doc.status, Status::Succeeded);
    assert_eq!(state.book.attempts_used, 3);
    let stale = decide(&state, &done(&first.unwrap()), &context);
    assert!(stale.events.is_empty(), "the first round is over");
}
