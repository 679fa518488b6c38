//! Takes one task with an effect through the ledger: reads the entry, does what [`crate::ledger::decide`] says, again until
//! there is something to report. All IO of the ledger is here; all rules are there.

mod conclusion;
mod keeping;
mod outside;

use std::{sync::Arc, time::Duration};

use gennaker_model::{
    Map,
    work::{Order, Outcome, TaskMessage},
};

pub(crate) use keeping::run_guarded;

use crate::{
    Ctx, Effect, Failure, Task,
    book::{Book, Written},
    holds::Hold,
    intent::Intent,
    ledger::{self, Entry, Me, State, Step},
    metrics, outcome,
    shared::Shared,
};
use keeping::{Halt, Watch};
use outside::{Asked, Settled};

/// How often a task with a probe is tried when its calls keep getting lost.
const ROUNDS_MAX: u32 = 3;

/// Milliseconds until a call that got lost, and may be repeated, is made again.
const LOST_AGAIN_MS: u64 = 10_000;

/// How long a message waits for a worker that understands it.
pub(crate) const NOT_MINE: Duration = Duration::from_secs(30);

/// What becomes of the task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// Tell the owner, then acknowledge.
    Report(Outcome),
    /// Acknowledge without a word, for this reason.
    Drop(&'static str),
    /// Another worker shall have it, after this time.
    HandBack(Duration),
}

/// One attempt at one effect.
#[derive(Clone)]
pub(crate) struct Driver {
    pub shared: Arc<Shared>,
    pub book: Book,
    pub task: Arc<dyn Task>,
    pub effect: Effect,
    pub message: Arc<TaskMessage>,
    /// Which delivery of the message this is, from 1.
    pub delivered: u64,
    pub hold: Arc<Hold>,
}

/// Another worker has the entry; this is what we did, if anything.
struct Lost {
    reference: Option<String>,
}

impl Driver {
    pub(crate) async fn drive(&self) -> End {
        let mut ours: Option<Lost> = None;
        let mut watch = Watch::default();
        loop {
            let Ok(found) = self.book.read().await else {
                return End::HandBack(NOT_MINE);
            };
            let look = watch.look(found.as_ref(), self.shared.clock.now_ms());
            let revision = found.as_ref().map_or(0, |found| found.revision);
            let entry = found.map(|found| found.entry);
            let noted = match entry.as_ref().map(|entry| &entry.state) {
                Some(State::Intent { reference, .. }) => reference.clone(),
                Some(State::Idle { .. } | State::Done { .. } | State::Closed { .. }) | None => None,
            };
            match ledger::decide(entry.as_ref(), look, self.me()) {
                Step::Claim => {
                    if let Some(end) = self.unwanted() {
                        // Another delivery of this attempt may be on its way to the same step: it must find the end.
                        let End::Report(outcome) = &end else {
                            return end;
                        };
                        let attempt = self.message.attempt;
                        let outcome = Some(outcome.clone());
                        if self.put(revision, State::Idle { attempt, outcome }).await {
                            return end;
                        }
                        continue;
                    }
                    let Some(intent) = self.intent(revision, None).await else {
                        continue;
                    };
                    match self.perform(&intent).await {
                        Ok(end) => return end,
                        Err(lost) => ours = Some(lost),
                    }
                }
                Step::Seal => {
                    if self.seal(revision, None).await {
                        return closed(None);
                    }
                }
                Step::TakeOver { quiet_ms } => {
                    if let Err(halt) = self.going_on() {
                        return halt.into();
                    }
                    let Some(intent) = self.intent(revision, noted).await else {
                        continue;
                    };
                    metrics::taken_over(&self.message.pool, self.task.kind());
                    tracing::warn!(
                        "the effect was left open by a worker that is gone; it is taken over and looked for"
                    );
                    let end = match self.message.order {
                        Order::Run => self.adopt(&intent, quiet_ms).await,
                        Order::Close => self.close_taken(&intent, quiet_ms).await,
                    };
                    match end {
                        Ok(end) => return end,
                        Err(lost) => ours = Some(lost),
                    }
                }
                Step::Hold { look_ms } => {
                    if let Err(halt) = self.pause(millis(look_ms)).await {
                        return halt.into();
                    }
                }
                Step::Report { outcome, reference } => {
                    self.reconcile(ours.as_ref(), Settled::of(outcome, reference))
                        .await;
                    return End::Report(outcome.clone());
                }
                Step::Undo {
                    reference,
                    happened,
                } => {
                    let stopped = if happened {
                        self.undo(None, reference).await
                    } else {
                        Ok(None)
                    };
                    let remains = match stopped {
                        Ok(remains) => remains,
                        Err(halt) => return halt.into(),
                    };
                    if self.seal(revision, remains.clone()).await {
                        return closed(remains);
                    }
                }
                Step::ReportClosed { remains } => {
                    self.reconcile(ours.as_ref(), Settled::Nothing).await;
                    return closed(remains.map(str::to_owned));
                }
                Step::Drop => {
                    self.reconcile(ours.as_ref(), Settled::Nothing).await;
                    return End::Drop("its effect was closed");
                }
            }
        }
    }

    /// Ends a task that must not be run any more: with what the ledger says, or else with `outcome`, which the ledger says from
    /// then on, so that a slower worker does not carry out what was reported as not done.
    pub(crate) async fn put_aside(&self, outcome: Outcome) -> End {
        let attempt = self.message.attempt;
        loop {
            let Ok(found) = self.book.read().await else {
                return End::HandBack(NOT_MINE);
            };
            let revision = found.as_ref().map_or(0, |found| found.revision);
            let state = found.map(|found| found.entry.state);
            let state = match (state, self.message.order) {
                (Some(State::Done { outcome, .. }), Order::Run) => return End::Report(outcome),
                (Some(State::Closed { .. }), Order::Run) => {
                    return End::Drop("its effect was closed");
                }
                (Some(State::Closed { remains, .. }), Order::Close) => return closed(remains),
                (Some(State::Intent { reference, .. }), Order::Run) => State::Done {
                    attempt,
                    outcome: outcome.clone(),
                    reference,
                    uncertain: true,
                },
                (Some(State::Idle { .. }) | None, Order::Run) => State::Done {
                    attempt,
                    outcome: outcome.clone(),
                    reference: None,
                    uncertain: false,
                },
                (Some(_) | None, Order::Close) => {
                    let remains = match &outcome {
                        Outcome::Closed { remains, .. } => remains.clone(),
                        _ => None,
                    };
                    State::Closed { attempt, remains }
                }
            };
            if self.put(revision, state).await {
                self.probe_late();
                return End::Report(outcome);
            }
        }
    }

    /// Runs the task under an own intent.
    async fn perform(&self, intent: &Intent) -> Result<End, Lost> {
        let ctx = self.ctx(Some(intent));
        let mut what = String::new();
        for _ in 0..ROUNDS_MAX {
            what = match self.keeping(intent, run_guarded(&self.task, &ctx)).await {
                Err(Failure::Unknown { what }) => what,
                Err(Failure::Cancelled { .. }) if self.is_broken_off(intent).await => {
                    if self.is_stopping() {
                        // The intent stays: whoever takes it over finds out how far this came.
                        return Ok(End::HandBack(Duration::ZERO));
                    }
                    "it was cancelled in the middle".to_owned()
                }
                known => return self.conclude(intent, known).await,
            };
            tracing::warn!(task.problem = %what, "nobody knows what came of task {}", self.message.kind);
            match self.effect {
                Effect::Blind { .. } => break,
                Effect::None | Effect::Repeatable { .. } => {
                    self.settling(intent).await;
                    let again = Failure::retry_later(Duration::from_millis(LOST_AGAIN_MS));
                    return self.conclude(intent, Err(again)).await;
                }
                Effect::Probe { .. } => {}
            }
            self.settling(intent).await;
            match self.ask(Some(intent)).await {
                Asked::There(done) => return self.conclude(intent, Ok(done)).await,
                Asked::NotThere => {}
                Asked::Stopping => return Ok(End::HandBack(Duration::ZERO)),
                Asked::Silent(why) => {
                    what = why;
                    break;
                }
            }
        }
        self.conclude(intent, Err(self.unknown(&what))).await
    }

    /// Goes on with what a lost worker left.
    async fn adopt(&self, intent: &Intent, quiet_ms: i64) -> Result<End, Lost> {
        self.keeping(intent, self.shared.clock.sleep(millis(quiet_ms)))
            .await;
        let end = match self.effect {
            Effect::None | Effect::Repeatable { .. } => self.perform(intent).await,
            Effect::Blind { .. } => {
                self.conclude(intent, Err(self.unknown("its worker was lost")))
                    .await
            }
            Effect::Probe { .. } => match self.ask(Some(intent)).await {
                Asked::There(done) => self.conclude(intent, Ok(done)).await,
                Asked::NotThere => self.perform(intent).await,
                Asked::Silent(why) => self.conclude(intent, Err(self.unknown(&why))).await,
                Asked::Stopping => Ok(End::HandBack(Duration::ZERO)),
            },
        };
        self.probe_late();
        end
    }

    /// Closes an effect whose worker was lost.
    async fn close_taken(&self, intent: &Intent, quiet_ms: i64) -> Result<End, Lost> {
        self.keeping(intent, self.shared.clock.sleep(millis(quiet_ms)))
            .await;
        let remains = match self.undo(Some(intent), None).await {
            Ok(remains) => remains,
            // The intent stays, for whoever takes it over.
            Err(halt) => return Ok(halt.into()),
        };
        let state = State::Closed {
            attempt: self.message.attempt,
            remains: remains.clone(),
        };
        let end = match intent.settle(state).await {
            Ok(_) => Ok(closed(remains)),
            Err(_) => Err(Lost { reference: None }),
        };
        self.probe_late();
        end
    }

    /// Whether a run that says it did nothing ended because it was asked to, after it had made calls.
    async fn is_broken_off(&self, intent: &Intent) -> bool {
        let repeatable = matches!(self.effect, Effect::Repeatable { .. });
        !repeatable && self.hold.cancel.is_cancelled() && intent.was_called().await
    }

    async fn seal(&self, revision: u64, remains: Option<String>) -> bool {
        let state = State::Closed {
            attempt: self.message.attempt,
            remains,
        };
        self.put(revision, state).await
    }

    async fn put(&self, revision: u64, state: State) -> bool {
        matches!(
            self.book.write(revision, &Entry::new(state)).await,
            Written::Done(_)
        )
    }

    async fn intent(&self, revision: u64, noted: Option<String>) -> Option<Intent> {
        let (clock, worker) = (&self.shared.clock, &self.shared.me);
        Intent::write(
            &self.book,
            clock,
            worker,
            self.message.attempt,
            revision,
            noted,
            &self.hold.cancel,
        )
        .await
    }

    /// How a task ends that nobody started and nobody wants any more.
    fn unwanted(&self) -> Option<End> {
        match self.going_on() {
            Err(Halt::Aborted) => Some(End::Report(Outcome::Canceled {
                context: Map::new(),
            })),
            Err(Halt::Stopping) => Some(End::HandBack(Duration::ZERO)),
            Ok(()) => outcome::overdue(&self.message, self.shared.clock.now_ms()).map(End::Report),
        }
    }

    fn ctx(&self, intent: Option<&Intent>) -> Ctx {
        Ctx {
            message: Arc::clone(&self.message),
            clock: self.shared.clock.clone(),
            cancel: intent.map_or(&self.hold.cancel, Intent::cancel).clone(),
            intent: intent.cloned(),
            call_max: self.effect.call_ms_max().map(Duration::from_millis),
        }
    }

    fn me(&self) -> Me<'_> {
        Me {
            worker: &self.shared.me,
            attempt: self.message.attempt,
            order: self.message.order,
        }
    }
}

fn closed(remains: Option<String>) -> End {
    End::Report(Outcome::Closed {
        remains,
        context: Map::new(),
    })
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
