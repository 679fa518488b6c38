//! The world outside: a target that is called, asked and told to stop, and that writes down each call by its key.
//!
//! A call that was sent arrives, whatever becomes of the caller; the answer may be slow, late or lost. What a task asks for
//! stands in the keys `sim…` of its stage (see [`crate::pipelines`]).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gennaker_model::{Map, work::TaskMessage};
use gennaker_runtime::Scope;
use tokio::{sync::oneshot, time::sleep};

use crate::{
    promise::{Promise, Verdict},
    random::Random,
    trace::Trace,
    witness::Witness,
};

/// Longest a call may still be under way after its caller gave up: well below what the ledger waits.
const LATE_MS_MAX: u64 = 2_000;

/// The target. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Outside {
    state: Arc<Mutex<State>>,
    witness: Arc<Mutex<Witness>>,
    verdict: Verdict,
    trace: Trace,
    /// Calls on the wire.
    wire: Scope,
}

struct State {
    random: Random,
    /// By idempotency key.
    keys: BTreeMap<String, Calls>,
    /// How often it was told that what a stage began is not wanted any more, by key.
    cancels: BTreeMap<String, u64>,
    /// How many answers of a probe are lost, in percent.
    deaf_percent: u64,
    effects: u64,
    probes: u64,
}

#[derive(Default)]
struct Calls {
    started: u64,
    arrived: u64,
    effects: Vec<Effect>,
}

struct Effect {
    reference: String,
    stopped: bool,
}

/// What the target says to a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// It was done, and is called so.
    Done(String),
    /// Nothing was done; come again.
    Busy,
    /// Nothing was done and nothing will be.
    Rejected,
}

/// How a call goes.
struct Way {
    arrives_ms: u64,
    answers_ms: u64,
    silent: bool,
}

impl Outside {
    pub fn new(
        random: Random,
        witness: Arc<Mutex<Witness>>,
        verdict: Verdict,
        trace: Trace,
    ) -> Self {
        let state = State {
            random,
            keys: BTreeMap::new(),
            cancels: BTreeMap::new(),
            deaf_percent: 0,
            effects: 0,
            probes: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            witness,
            verdict,
            trace,
            wire: Scope::root("wire"),
        }
    }

    /// So many of a hundred probes get no answer from now on.
    pub fn set_deaf(&self, percent: u64) {
        self.lock().deaf_percent = percent;
    }

    /// Calls the target. What is first polled is sent.
    pub async fn call(&self, node: &str, message: &TaskMessage, limit: Duration) -> Answer {
        let way = self.begin(node, message, limit);
        let (answer, answered) = oneshot::channel();
        let (this, message) = (self.clone(), message.clone());
        self.wire.spawn("call", async move {
            sleep(Duration::from_millis(way.arrives_ms)).await;
            let said = this.arrive(&message);
            sleep(Duration::from_millis(way.answers_ms)).await;
            if !way.silent {
                // The caller may have given up.
                let _ = answer.send(said);
            }
        });
        match answered.await {
            Ok(answer) => answer,
            Err(_) => std::future::pending().await,
        }
    }

    /// Whether the effect of this key is there; `Err` when the target does not answer.
    pub async fn probe(&self, key: &str) -> Result<Option<String>, ()> {
        let (wait_ms, deaf) = {
            let mut state = self.lock();
            let percent = state.deaf_percent;
            state.probes += 1;
            (state.random.between(1..=50), state.random.percent(percent))
        };
        sleep(Duration::from_millis(wait_ms)).await;
        if deaf {
            return Err(());
        }
        let state = self.lock();
        let effects = state
            .keys
            .get(key)
            .map(|calls| calls.effects.as_slice())
            .unwrap_or_default();
        Ok(effects
            .iter()
            .find(|effect| !effect.stopped)
            .map(|effect| effect.reference.clone()))
    }

    /// Stops what was started under a key.
    pub async fn stop(&self, key: &str, reference: Option<&str>) {
        let wait_ms = self.lock().random.between(1..=50);
        sleep(Duration::from_millis(wait_ms)).await;
        let mut state = self.lock();
        let effects = state.keys.get_mut(key).map(|calls| &mut calls.effects);
        for effect in effects
            .into_iter()
            .flatten()
            .filter(|effect| reference.is_none_or(|reference| effect.reference == reference))
        {
            effect.stopped = true;
            self.trace
                .line(|| format!("outside: {} is stopped", effect.reference));
        }
    }

    /// A stage that has ended tells that what it began is not wanted any more.
    pub async fn cancel(&self, message: &TaskMessage) {
        let key = key_of(message);
        let wanted = {
            let mut witness = self.witness.lock().unwrap_or_else(PoisonError::into_inner);
            witness.catch_up();
            witness.cancellations().iter().any(|id| id.as_str() == key)
        };
        self.trace.line(|| format!("outside: {key} is cancelled"));
        if !wanted {
            self.verdict.broken(
                Promise::EffectOnce,
                format!("{key} was cancelled although its stage has not failed"),
            );
        }
        let wait_ms = {
            let mut state = self.lock();
            *state.cancels.entry(key).or_default() += 1;
            state.random.between(1..=100)
        };
        sleep(Duration::from_millis(wait_ms)).await;
    }

    /// Whether a cancellation under this key has come.
    pub fn was_cancelled(&self, key: &str) -> bool {
        self.lock().cancels.contains_key(key)
    }

    /// Whether anything happened under a key, stopped or not.
    pub fn happened(&self, key: &str) -> bool {
        self.lock()
            .keys
            .get(key)
            .is_some_and(|calls| !calls.effects.is_empty())
    }

    /// How many calls were made and how many had an effect.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.lock();
        (
            state.keys.values().map(|calls| calls.started).sum(),
            state.effects,
        )
    }

    /// How often it was asked what had happened.
    pub fn probes(&self) -> u64 {
        self.lock().probes
    }

    /// The moment at which a call leaves the worker.
    fn begin(&self, node: &str, message: &TaskMessage, limit: Duration) -> Way {
        let key = key_of(message);
        let (allowed, expected) = {
            let mut witness = self.witness.lock().unwrap_or_else(PoisonError::into_inner);
            witness.catch_up();
            let allowed = witness.may_call(&message.execution, &message.stage, &message.task);
            let expected = witness.effect(&message.execution, &message.stage, &message.task);
            (allowed, expected)
        };
        self.trace.line(|| {
            format!(
                "outside: {node} calls for {key}, attempt {}",
                message.attempt
            )
        });
        if let Err(why) = allowed {
            self.verdict.broken(
                Promise::EffectOnce,
                format!(
                    "{node} called for {key} (attempt {}) {why}",
                    message.attempt
                ),
            );
        }
        if message.effect != expected {
            self.verdict.broken(
                Promise::EffectOnce,
                format!("{node} called with key {key} where {expected:?} is due"),
            );
        }
        let mut state = self.lock();
        let calls = state.keys.entry(key.clone()).or_default();
        calls.started += 1;
        if calls.started > 1 && is_kind(&message.input, "blind") {
            self.verdict.broken(
                Promise::EffectOnce,
                format!("{node} called again for {key}, which can neither be found nor done twice"),
            );
        }
        let started = calls.started;
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(0);
        let late = message.input.get("simLate").is_some() && started == 1;
        Way {
            arrives_ms: if late {
                limit_ms + state.random.between(0..=LATE_MS_MAX)
            } else {
                state.random.between(1..=100)
            },
            answers_ms: number(&message.input, "simSlowMs") + state.random.between(1..=100),
            silent: started <= number(&message.input, "simSilent"),
        }
    }

    /// The moment at which a call reaches the target.
    fn arrive(&self, message: &TaskMessage) -> Answer {
        let key = key_of(message);
        let mut guard = self.lock();
        let state = &mut *guard;
        let calls = state.keys.entry(key.clone()).or_default();
        calls.arrived += 1;
        if message.input.get("simAnswer").is_some() {
            return Answer::Rejected;
        }
        if calls.arrived <= number(&message.input, "simBusy") {
            return Answer::Busy;
        }
        let reference = format!("{key}/{}", calls.effects.len() + 1);
        calls.effects.push(Effect {
            reference: reference.clone(),
            stopped: false,
        });
        state.effects += 1;
        self.trace.line(|| format!("outside: {reference} happens"));
        if calls.effects.len() > 1 && is_kind(&message.input, "probed") {
            self.verdict.broken(Promise::EffectOnce, format!("{reference} is the second effect of one task, although its target could be asked"));
        }
        Answer::Done(reference)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_of(message: &TaskMessage) -> String {
    message
        .effect
        .as_ref()
        .map_or_else(|| "no key".to_owned(), ToString::to_string)
}

fn is_kind(input: &Map, kind: &str) -> bool {
    input.get("simKind").and_then(serde_json::Value::as_str) == Some(kind)
}

fn number(input: &Map, field: &str) -> u64 {
    input
        .get(field)
        .and_then(serde_json::Value::as_u64)
        .unwrap_or(0)
}
