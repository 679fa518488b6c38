//! Takes one task with an effect through the ledger: reads the entry, does what [`crate::ledger::decide`] says, again until
//! there is something to report. All IO of the ledger is here; all rules are there.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use gennaker_model::{
    Map,
    work::{Order, Outcome, TaskMessage},
};
use gennaker_runtime::{Backoff, CancellationToken};
use tokio::time::Instant;

use crate::{
    Ctx, Done, Effect, Failure, Probed, Stopped, Task,
    book::{Book, Found, Written},
    exception,
    holds::Hold,
    intent::{Intent, TooLarge},
    ledger::{self, Entry, Look, Me, State, Step},
    metrics, outcome,
    shared::Shared,
};

/// Longest run of a task; longer work is split into start and look.
pub(crate) const RUN_MAX: Duration = Duration::from_secs(600);

/// How often a target that does not answer is asked what happened, or told to stop.
const ASKS_MAX: u32 = 6;

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

/// Waiting ended because the task shall.
enum Halt {
    Aborted,
    Stopping,
}

/// What the target says.
enum Asked {
    There(Done),
    NotThere,
    Silent(String),
    /// The process stops before it is known.
    Stopping,
}

/// What a settled entry says is there.
#[derive(Clone, Copy)]
enum Settled<'e> {
    /// This one.
    There(&'e str),
    /// Nothing shall be there.
    Nothing,
    /// Something, and nobody wrote down what it is called.
    Nameless,
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
            match ledger::decide(entry.as_ref(), look, self.me()) {
                Step::Claim => {
                    if let Some(end) = self.unwanted() {
                        return end;
                    }
                    let Some(intent) = self.intent(revision).await else {
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
                    let Some(intent) = self.intent(revision).await else {
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
                        self.stop(None, reference).await
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

    /// Only what the ledger already says, for a task that must not be run any more.
    pub(crate) async fn recorded(&self) -> Option<Outcome> {
        let found = self.book.read().await.ok()??;
        match found.entry.state {
            State::Done { outcome, .. } => Some(outcome),
            State::Intent { .. } | State::Idle { .. } | State::Closed { .. } => None,
        }
    }

    /// Runs the task under an own intent.
    async fn perform(&self, intent: &Intent) -> Result<End, Lost> {
        let ctx = self.ctx(Some(intent));
        let mut what = String::new();
        for _ in 0..ROUNDS_MAX {
            what = match self.keeping(intent, run_guarded(&self.task, &ctx)).await {
                Err(Failure::Unknown { what }) => what,
                known => return self.conclude(intent, known).await,
            };
            tracing::warn!(task.problem = %what, "nobody knows whether the call of task {} arrived", self.message.kind);
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
        let remains = match self.effect {
            Effect::Probe { .. } => match self.ask(Some(intent)).await {
                Asked::There(done) => self.stop(Some(intent), done.reference.as_deref()).await,
                Asked::NotThere => Ok(None),
                Asked::Silent(why) => Ok(Some(format!(
                    "{} ({why})",
                    self.task.unknown(&self.message)
                ))),
                Asked::Stopping => Err(Halt::Stopping),
            },
            Effect::None | Effect::Repeatable { .. } | Effect::Blind { .. } => {
                self.stop(Some(intent), None).await
            }
        };
        let remains = match remains {
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

    /// Writes how the run ended, then says what to report.
    async fn conclude(&self, intent: &Intent, result: Result<Done, Failure>) -> Result<End, Lost> {
        let attempt = self.message.attempt;
        let mut reference = intent.reference().await;
        let (state, end) = match result {
            Ok(done) => {
                reference = done.reference.clone().or(reference);
                let outcome = outcome::succeeded(done);
                (
                    State::Done {
                        attempt,
                        outcome: outcome.clone(),
                        reference: reference.clone(),
                    },
                    End::Report(outcome),
                )
            }
            Err(Failure::GiveUp(why)) => {
                let outcome = outcome::failed(*why);
                (
                    State::Done {
                        attempt,
                        outcome: outcome.clone(),
                        reference: reference.clone(),
                    },
                    End::Report(outcome),
                )
            }
            Err(Failure::RetryLater { after, context }) => {
                let outcome = outcome::running(after, context);
                (
                    State::Idle {
                        attempt,
                        outcome: Some(outcome.clone()),
                    },
                    End::Report(outcome),
                )
            }
            Err(Failure::Cancelled { context }) => {
                let outcome = Outcome::Canceled { context };
                if self.hold.is_aborted() {
                    (
                        State::Idle {
                            attempt,
                            outcome: Some(outcome.clone()),
                        },
                        End::Report(outcome),
                    )
                } else if self.hold.cancel.is_cancelled() {
                    (
                        State::Idle {
                            attempt,
                            outcome: None,
                        },
                        End::HandBack(Duration::ZERO),
                    )
                } else {
                    (
                        State::Done {
                            attempt,
                            outcome: outcome.clone(),
                            reference: reference.clone(),
                        },
                        End::Report(outcome),
                    )
                }
            }
            Err(Failure::Unknown { what }) => {
                let outcome = self.failed("EffectUnknown", &what);
                (
                    State::Done {
                        attempt,
                        outcome: outcome.clone(),
                        reference: reference.clone(),
                    },
                    End::Report(outcome),
                )
            }
        };
        match intent.settle(state).await {
            Ok(Ok(())) => Ok(end),
            Ok(Err(TooLarge)) => {
                let outcome = self.failed(
                    "ResultTooLarge",
                    "the task was carried out, but its result is too large to be kept",
                );
                let state = State::Done {
                    attempt,
                    outcome: outcome.clone(),
                    reference: reference.clone(),
                };
                match intent.settle(state).await {
                    Ok(_) => Ok(End::Report(outcome)),
                    Err(_) => Err(Lost { reference }),
                }
            }
            Err(_) => Err(Lost { reference }),
        }
    }

    /// Stops whatever is there beside what the settled entry names: a call of ours, or of a worker that was suspended, may
    /// have arrived after the entry changed hands.
    async fn reconcile(&self, ours: Option<&Lost>, settled: Settled<'_>) {
        if let Some(reference) = ours.and_then(|lost| lost.reference.as_deref())
            && settled.is_stray(reference)
        {
            self.stop_stray(reference).await;
        }
        if !matches!(self.effect, Effect::Probe { .. }) || (ours.is_none() && self.delivered < 2) {
            return;
        }
        if let Asked::There(Done {
            reference: Some(reference),
            ..
        }) = self.ask(None).await
            && settled.is_stray(&reference)
        {
            self.stop_stray(&reference).await;
        }
    }

    async fn stop_stray(&self, reference: &str) {
        tracing::warn!(
            effect.reference = reference,
            "the effect happened twice; the one that is not adopted is stopped"
        );
        if let Ok(Some(remains)) = self.stop(None, Some(reference)).await {
            tracing::error!(effect.reference = reference, "{remains}");
        }
    }

    /// Looks once more, minutes after the entry changed hands.
    fn probe_late(&self) {
        if !matches!(self.effect, Effect::Probe { .. }) {
            return;
        }
        let stop = self.shared.scope.token().clone();
        let this = Self {
            hold: Arc::new(Hold::of_nothing(&stop)),
            ..self.clone()
        };
        self.shared.scope.spawn("late probe", async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = this.shared.clock.sleep(millis(ledger::LATE_PROBE_MS)) => {}
            }
            let Ok(Some(found)) = this.book.read().await else {
                return;
            };
            let settled = match &found.entry.state {
                State::Done {
                    outcome, reference, ..
                } => Settled::of(outcome, reference.as_deref()),
                State::Closed { .. } => Settled::Nothing,
                // Somebody is at it; it is theirs to look.
                State::Intent { .. } | State::Idle { .. } => return,
            };
            this.reconcile(Some(&Lost { reference: None }), settled)
                .await;
        });
    }

    /// Asks the target what happened, again while it does not answer.
    async fn ask(&self, intent: Option<&Intent>) -> Asked {
        let ctx = self.ctx_of_look(intent);
        let mut backoff =
            Backoff::new(Duration::from_secs(1), Duration::from_secs(15), self.seed());
        loop {
            let probe = AssertUnwindSafe(self.task.probe(&ctx)).catch_unwind();
            let why = match self.kept(intent, probe).await {
                Ok(Probed::There(done)) => return Asked::There(done),
                Ok(Probed::NotThere) => return Asked::NotThere,
                Ok(Probed::Unknown(why)) => why,
                Err(_) => "the probe panicked".to_owned(),
            };
            if self.is_stopping() {
                return Asked::Stopping;
            }
            if backoff.attempts() + 1 >= ASKS_MAX {
                return Asked::Silent(why);
            }
            let delay = backoff.next_delay();
            self.kept(intent, self.shared.clock.sleep(delay)).await;
        }
    }

    /// Stops what was started; gives back what could not be.
    async fn stop(
        &self,
        intent: Option<&Intent>,
        reference: Option<&str>,
    ) -> Result<Option<String>, Halt> {
        let ctx = self.ctx_of_look(intent);
        let mut backoff =
            Backoff::new(Duration::from_secs(1), Duration::from_secs(15), self.seed());
        loop {
            let stop = AssertUnwindSafe(self.task.stop(&ctx, reference)).catch_unwind();
            let why = match self.kept(intent, stop).await {
                Ok(Ok(Stopped::Gone)) => return Ok(None),
                Ok(Ok(Stopped::Remains(what))) => return Ok(Some(what)),
                Ok(Err(Failure::GiveUp(why))) => {
                    return Ok(Some(self.not_stopped(first_error(why.exception.as_ref()))));
                }
                Ok(Err(Failure::RetryLater { .. } | Failure::Cancelled { .. })) => {
                    "the target was not ready for it".to_owned()
                }
                Ok(Err(Failure::Unknown { what })) => what,
                Err(_) => "stopping it panicked".to_owned(),
            };
            if self.is_stopping() {
                return Err(Halt::Stopping);
            }
            if backoff.attempts() + 1 >= ASKS_MAX {
                return Ok(Some(self.not_stopped(&why)));
            }
            let delay = backoff.next_delay();
            self.kept(intent, self.shared.clock.sleep(delay)).await;
        }
    }

    async fn seal(&self, revision: u64, remains: Option<String>) -> bool {
        let state = State::Closed {
            attempt: self.message.attempt,
            remains,
        };
        matches!(
            self.book.write(revision, &Entry::new(state)).await,
            Written::Done(_)
        )
    }

    async fn intent(&self, revision: u64) -> Option<Intent> {
        let (clock, worker) = (&self.shared.clock, &self.shared.me);
        Intent::write(
            &self.book,
            clock,
            worker,
            self.message.attempt,
            revision,
            &self.hold.cancel,
        )
        .await
    }

    /// Waits until a call that ended for us can no longer arrive.
    async fn settling(&self, intent: &Intent) {
        self.keeping(intent, self.shared.clock.sleep(millis(ledger::SETTLE_MS)))
            .await;
    }

    /// Runs `work` and keeps the intent fresh meanwhile.
    async fn keeping<T>(&self, intent: &Intent, work: impl Future<Output = T>) -> T {
        let over = CancellationToken::new();
        let work = async {
            let result = work.await;
            over.cancel();
            result
        };
        // A renewal that has begun is finished: whether it was stored must be known.
        let (result, ()) = futures_util::future::join(work, intent.renew_until(&over)).await;
        result
    }

    async fn kept<T>(&self, intent: Option<&Intent>, work: impl Future<Output = T>) -> T {
        match intent {
            Some(intent) => self.keeping(intent, work).await,
            None => work.await,
        }
    }

    /// Waits, unless the task shall end.
    async fn pause(&self, time: Duration) -> Result<(), Halt> {
        tokio::select! {
            biased;
            () = self.hold.cancel.cancelled() => {}
            () = self.shared.clock.sleep(time) => {}
        }
        self.going_on()
    }

    fn going_on(&self) -> Result<(), Halt> {
        if self.hold.is_aborted() {
            Err(Halt::Aborted)
        } else if self.hold.cancel.is_cancelled() {
            Err(Halt::Stopping)
        } else {
            Ok(())
        }
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

    fn unknown(&self, what: &str) -> Failure {
        Failure::Unknown {
            what: format!("{} ({what})", self.task.unknown(&self.message)),
        }
    }

    fn failed(&self, class: &str, message: &str) -> Outcome {
        let now_ms = self.shared.clock.now_ms();
        outcome::with_exception(exception::unexpected(
            &self.message.kind,
            class,
            message,
            now_ms,
        ))
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

    /// For looking and stopping, which an abort does not end: it is what an abort asks for.
    fn ctx_of_look(&self, intent: Option<&Intent>) -> Ctx {
        Ctx {
            cancel: self.shared.scope.token().clone(),
            ..self.ctx(intent)
        }
    }

    fn is_stopping(&self) -> bool {
        self.shared.scope.is_cancelled()
    }

    fn not_stopped(&self, why: &str) -> String {
        format!("{} could not be stopped: {why}", self.message.kind)
    }

    fn me(&self) -> Me<'_> {
        Me {
            worker: &self.shared.me,
            attempt: self.message.attempt,
            order: self.message.order,
        }
    }

    fn seed(&self) -> u64 {
        self.shared.seed_for(&self.message)
    }
}

/// Runs a task, within [`RUN_MAX`], and survives its panic.
pub(crate) async fn run_guarded(task: &Arc<dyn Task>, ctx: &Ctx) -> Result<Done, Failure> {
    let run = AssertUnwindSafe(task.run(ctx)).catch_unwind();
    match tokio::time::timeout(RUN_MAX, run).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => {
            tracing::error!(
                "task {} panicked: this is a fault of Gennaker",
                ctx.message.kind
            );
            Err(Failure::Unknown {
                what: "the task panicked".to_owned(),
            })
        }
        Err(_) => {
            tracing::error!(
                "task {} did not end within {} s",
                ctx.message.kind,
                RUN_MAX.as_secs()
            );
            Err(Failure::Unknown {
                what: format!("the task did not end within {} s", RUN_MAX.as_secs()),
            })
        }
    }
}

/// For how long an entry has not changed before our eyes.
#[derive(Default)]
struct Watch {
    seen: Option<(u64, Instant)>,
}

impl Watch {
    fn look(&mut self, found: Option<&Found>, now_ms: i64) -> Look {
        let Some(found) = found else {
            self.seen = None;
            return Look {
                now_ms,
                stored_ms: 0,
                watched_ms: 0,
            };
        };
        let since = match self.seen {
            Some((revision, since)) if revision == found.revision => since,
            Some(_) | None => Instant::now(),
        };
        self.seen = Some((found.revision, since));
        let watched_ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
        Look {
            now_ms,
            stored_ms: found.stored_ms,
            watched_ms,
        }
    }
}

impl<'e> Settled<'e> {
    fn of(outcome: &Outcome, reference: Option<&'e str>) -> Self {
        match (reference, outcome) {
            (Some(reference), _) => Self::There(reference),
            (None, Outcome::Succeeded { .. }) => Self::Nameless,
            (None, _) => Self::Nothing,
        }
    }

    fn is_stray(self, reference: &str) -> bool {
        match self {
            Self::There(there) => there != reference,
            Self::Nothing => true,
            Self::Nameless => false,
        }
    }
}

impl From<Halt> for End {
    fn from(halt: Halt) -> Self {
        match halt {
            // Somebody may be at it: the closing that follows an abort settles it and reports.
            Halt::Aborted => Self::Drop("it was aborted while another worker had its effect"),
            Halt::Stopping => Self::HandBack(Duration::ZERO),
        }
    }
}

fn closed(remains: Option<String>) -> End {
    End::Report(Outcome::Closed {
        remains,
        context: Map::new(),
    })
}

fn first_error(exception: Option<&serde_json::Value>) -> &str {
    exception
        .and_then(|exception| exception.pointer("/details/errors/0")?.as_str())
        .unwrap_or("the target refused")
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
