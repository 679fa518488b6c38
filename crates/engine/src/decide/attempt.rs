//! Opening attempts: the one place where a message for a pool is made.

use gennaker_model::{AttemptId, Map, StageId};
use serde_json::Value;

use super::draft::Draft;
use crate::{
    effect::Effect,
    event::Event,
    state::{Aside, Attempt},
};

/// A piece of work for a pool.
pub(super) struct Work<'a> {
    /// Id of the task, or the word that stands in its place.
    pub task: &'a str,
    pub pool: &'a str,
    pub kind: &'a str,
    /// Whether it changes anything outside.
    pub effect: bool,
    /// Past this instant (epoch milliseconds) its result is of no use.
    pub deadline_ms: Option<i64>,
}

impl Draft<'_> {
    /// Opens an attempt at a piece of work of a stage. Its input is the stage's context, or what is looked up.
    pub(super) fn open(&mut self, stage: &StageId, work: Work<'_>, aside: Option<Aside>) {
        let held = self.stage(stage);
        self.publish(Attempt {
            stage: stage.clone(),
            task: work.task.to_owned(),
            kind: work.kind.to_owned(),
            pool: work.pool.to_owned(),
            zone: held.and_then(|held| {
                let by_account = || self.context.catalogue.zone(work.pool, &held.context);
                zone_of(&held.context).or_else(by_account)
            }),
            effect: work.effect.then(|| self.state.turn_of(stage)),
            deadline_ms: work.deadline_ms,
            since: self.now(),
            ending: None,
            aside,
        });
    }

    /// Records an attempt and asks for its publication. Its number is never used again.
    pub(super) fn publish(&mut self, attempt: Attempt) {
        let number = AttemptId(self.state.book.attempts_used + 1);
        let message = self
            .state
            .message_of(number, &attempt, self.context.partition);
        self.emit(Event::AttemptOpened {
            attempt: number,
            open: Box::new(attempt),
        });
        self.effect(Effect::Dispatch(Box::new(message)));
    }
}

/// The zone that a stage is pinned to.
fn zone_of(context: &Map) -> Option<String> {
    context
        .get("zone")
        .and_then(Value::as_str)
        .filter(|zone| !zone.is_empty() && !zone.contains("${"))
        .map(str::to_owned)
}
