//! What executions tell, and what comes of it: each end starts each pipeline that waits for it exactly once, each notification that was
//! taken was sent, and what was to be told to everybody was stored.

use std::collections::{BTreeMap, BTreeSet};

use gennaker_engine::{Event, State, announcement::About, notice};
use gennaker_intake::matching::ended;
use gennaker_model::{EffectId, ExecutionId, execution::Delivery};
use serde_json::Value;

use crate::promise::Promise;

/// A pipeline that starts when another one ends.
#[derive(Clone, Debug)]
pub(crate) struct Follower {
    /// Its id.
    pub id: String,
    /// The id of the one that it waits for.
    pub follows: String,
    /// How that has to end.
    pub status: Vec<String>,
}

/// What was told, and what came of it.
#[derive(Default)]
pub(crate) struct Told {
    followers: Vec<Follower>,
    /// Ends of executions that somebody waits for, and how many of them were announced.
    ends: BTreeMap<ExecutionId, (u64, u64)>,
    /// Starts that are due: the event's id and the follower's.
    due: BTreeSet<(String, String)>,
    started: BTreeMap<(String, String), ExecutionId>,
    /// Announcements that everybody is to hear, and those that the broker has.
    forwarded: BTreeSet<String>,
    stored: BTreeSet<String>,
    delivered: BTreeSet<EffectId>,
    /// Notifications that are open: those whose channel can be asked must be delivered.
    sure: BTreeSet<(ExecutionId, u64)>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Executions that were started by the end of another one.
    pub followed: u64,
    /// Notifications that were delivered.
    pub delivered: u64,
    /// Those that were given up.
    pub given_up: u64,
    /// Announcements to everybody.
    pub forwarded: u64,
}

impl Told {
    pub fn expect(&mut self, followers: Vec<Follower>) {
        self.followers = followers;
    }

    pub fn counts(&self) -> Counts {
        Counts {
            followed: self.started.len() as u64,
            forwarded: self.forwarded.len() as u64,
            ..self.counts
        }
    }

    /// Starts that are due and have not happened, in words.
    pub fn open(&self) -> impl Iterator<Item = String> {
        let open = self
            .due
            .iter()
            .filter(|due| !self.started.contains_key(*due));
        open.map(|(event, follower)| format!("event {event} has not started {follower}"))
    }

    /// The broker has an announcement to everybody.
    pub fn stored(&mut self, payload: &[u8]) {
        let event: Value = serde_json::from_slice(payload).unwrap_or_default();
        let id = event.get("eventId").and_then(Value::as_str);
        self.stored.extend(id.map(str::to_owned));
    }

    /// A fact about an execution, whose state was this before.
    pub fn fact(
        &mut self,
        id: &ExecutionId,
        state: Option<&State>,
        event: &Event,
    ) -> Result<(), (Promise, String)> {
        match event {
            Event::Created { execution, .. } => {
                let started_by = execution.trigger.get("eventId").and_then(Value::as_str);
                if let Some((event, own)) = started_by.zip(execution.pipeline_config_id.clone()) {
                    return self.started_by(id, event.to_owned(), own);
                }
            }
            Event::ExecutionEnded { .. } if self.is_followed(state) => {
                self.ends.entry(id.clone()).or_default().0 += 1;
            }
            Event::Announced {
                number,
                announcement,
            } => {
                if announcement.forwarded {
                    self.forwarded.insert(format!("{id}.{number}"));
                }
                if announcement.about == About::Execution
                    && announcement.triggers
                    && self.is_followed(state)
                {
                    self.ends.entry(id.clone()).or_default().1 += 1;
                    let pipeline = state.and_then(|state| state.doc.pipeline_config_id.as_ref());
                    let word = ended::word(announcement.status);
                    let waiting = self.followers.iter().filter(|it| {
                        Some(&it.follows) == pipeline && it.status.iter().any(|it| it == word)
                    });
                    let event = format!("pipeline-{id}.{number}");
                    let due = waiting.map(|it| (event.clone(), it.id.clone()));
                    self.due.extend(due);
                }
            }
            Event::NoticeOpened { number, notice, .. } => {
                let text = |key: &str| notice.entry.get(key).and_then(Value::as_str);
                if text("simKind") == Some("probed") && text("simAnswer").is_none() {
                    self.sure.insert((id.clone(), *number));
                }
            }
            Event::NoticeSettled {
                number,
                status,
                reason,
                ..
            } => {
                let is_sure = self.sure.remove(&(id.clone(), *number));
                if *status == Delivery::Delivered {
                    self.counts.delivered += 1;
                    let place = notice::place(*number);
                    let effect = EffectId::of(id, &place, 0, "notification", 0);
                    if !self.delivered.insert(effect) {
                        let sentence = format!("notification {number} of {id} was settled twice");
                        return Err((Promise::NeverBackwards, sentence));
                    }
                } else {
                    self.counts.given_up += 1;
                    // A task whose workers die ten times is given up.
                    let unlucky = reason.as_deref().is_some_and(|it| it.contains("deliver"));
                    if is_sure && !unlucky {
                        let sentence =
                            format!("notification {number} of {id} was given up: {reason:?}");
                        return Err((Promise::Told, sentence));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An execution was deleted, with what it still had to tell people.
    pub fn deleted(&mut self, id: &ExecutionId) {
        self.sure.retain(|(execution, _)| execution != id);
    }

    /// Notifications that their channel has taken, by the identity of the effect.
    pub fn delivered(&self) -> impl Iterator<Item = &EffectId> {
        self.delivered.iter()
    }

    /// What must have happened by the end.
    pub fn end(&self) -> Result<(), (Promise, String)> {
        for (id, (ended, announced)) in &self.ends {
            if ended != announced {
                let sentence =
                    format!("execution {id} ended {ended} times, and announced {announced} ends");
                return Err((Promise::Told, sentence));
            }
        }
        if let Some(open) = self.open().next() {
            return Err((Promise::Told, open));
        }
        if let Some((id, number)) = self.sure.first() {
            let sentence = format!("notification {number} of {id} was never settled");
            return Err((Promise::Told, sentence));
        }
        match self.forwarded.difference(&self.stored).next() {
            None => Ok(()),
            Some(lost) => Err((
                Promise::Told,
                format!("announcement {lost} was told to nobody"),
            )),
        }
    }

    fn is_followed(&self, state: Option<&State>) -> bool {
        let pipeline = state.and_then(|state| state.doc.pipeline_config_id.as_ref());
        let mut followers = self.followers.iter();
        pipeline.is_some_and(|pipeline| followers.any(|it| it.follows == *pipeline))
    }

    fn started_by(
        &mut self,
        id: &ExecutionId,
        event: String,
        follower: String,
    ) -> Result<(), (Promise, String)> {
        let key = (event, follower);
        let (event, follower) = &key;
        if !self.due.contains(&key) {
            let sentence = format!("{event} has started {follower}, which does not wait for it");
            return Err((Promise::Told, sentence));
        }
        if let Some(first) = self.started.get(&key) {
            let sentence = format!("{event} has started {follower} twice, as {first} and {id}");
            return Err((Promise::EffectOnce, sentence));
        }
        self.started.insert(key, id.clone());
        Ok(())
    }
}
