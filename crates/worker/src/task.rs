//! What a task implementation provides, and what it may say about its end.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use gennaker_model::{Map, work::TaskMessage};
use serde_json::Value;

use crate::{Answers, Ctx};

/// One kind of task of a pool. Implementations hold what they need (a client, a store) and no state of a run.
pub trait Task: Send + Sync {
    /// The name under which the engine asks for it, for example `createWebhook`.
    fn kind(&self) -> &'static str;

    /// What it does outside, for this message: it may depend on the input (a GET may be sent twice, a POST may not).
    fn effect(&self, message: &TaskMessage) -> Effect;

    /// Does it. Every call with an effect goes through [`Ctx::call`].
    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>>;

    /// Looks whether the effect happened. Asked only of kinds whose [`Effect`] is [`Effect::Probe`], when a worker was
    /// lost or a call had no answer, and only after that call can no longer arrive.
    fn probe<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Probed> {
        let _ = ctx;
        Box::pin(async { Probed::Unknown("this kind of task has no probe".to_owned()) })
    }

    /// Stops what was started; `reference` is what the target calls it, if that is known. Doing it twice is harmless.
    ///
    /// The default stops nothing and says so.
    fn stop<'a>(
        &'a self,
        ctx: &'a Ctx,
        reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        let _ = reference;
        let remains = format!(
            "what {} did, or may have done, cannot be taken back",
            ctx.message().kind
        );
        Box::pin(async { Ok(Stopped::Remains(remains)) })
    }

    /// The sentence with which a stage fails when nobody can find out whether the effect happened.
    fn unknown(&self, message: &TaskMessage) -> String {
        format!(
            "{} may have been carried out: its worker was lost or got no answer, the target cannot be asked, and doing it \
             twice is not safe",
            message.kind
        )
    }
}

/// What a task does outside, as far as it matters when a worker is lost in the middle.
///
/// The longest single call is declared in milliseconds; it must leave room in the 30 s that a heartbeat lasts, so more than
/// 29 s are not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: a read, a look at progress. No ledger entry is kept, and it is simply run again.
    None,
    /// Something that can be found again with [`Task::probe`].
    Probe {
        /// Longest call.
        call_ms_max: u64,
    },
    /// Something that may be done twice with the same result.
    Repeatable {
        /// Longest call.
        call_ms_max: u64,
    },
    /// Something that can neither be found again nor be done twice: it is never retried blindly.
    Blind {
        /// Longest call.
        call_ms_max: u64,
    },
}

impl Effect {
    /// Longest single call in milliseconds, if there is an effect.
    #[must_use]
    pub const fn call_ms_max(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Probe { call_ms_max }
            | Self::Repeatable { call_ms_max }
            | Self::Blind { call_ms_max } => Some(call_ms_max),
        }
    }
}

/// A task that did what it should.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// Merged into the stage's context.
    pub context: Map,
    /// Merged into the stage's outputs.
    pub outputs: Map,
    /// What the target calls what was done: a queue item, an operation id.
    pub reference: Option<String>,
}

/// A task that did not; the worker acts on the class alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// Nothing is final, and nothing was done that a repetition would double: look again.
    RetryLater {
        /// Wait at least so long.
        after: Duration,
        /// Merged into the stage's context.
        context: Map,
    },
    /// It will not work, for a reason that a person reads.
    GiveUp(Box<GiveUp>),
    /// Ended because it was asked to, with nothing done; or the target says that it was cancelled.
    Cancelled {
        /// Merged into the stage's context.
        context: Map,
    },
    /// A call was made and nobody knows whether it arrived.
    Unknown {
        /// What happened, for people.
        what: String,
    },
}

/// Why a task is given up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GiveUp {
    /// What goes to `context.exception`; `None` when the context says it all.
    pub exception: Option<Value>,
    /// Merged into the stage's context.
    pub context: Map,
    /// Merged into the stage's outputs.
    pub outputs: Map,
}

impl Failure {
    /// Ends the task with this exception and nothing else.
    #[must_use]
    pub fn give_up(exception: Value) -> Self {
        Self::GiveUp(Box::new(GiveUp {
            exception: Some(exception),
            ..GiveUp::default()
        }))
    }

    /// Ends the task because it was asked to.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::Cancelled {
            context: Map::new(),
        }
    }

    /// Looks again after this time, with nothing to tell.
    #[must_use]
    pub fn retry_later(after: Duration) -> Self {
        Self::RetryLater {
            after,
            context: Map::new(),
        }
    }
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq)]
pub enum Probed {
    /// The effect did not happen.
    NotThere,
    /// It happened; this is what the task would have reported.
    There(Done),
    /// The target does not answer, for this reason.
    Unknown(String),
}

/// What became of the wish to stop something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It is stopped, or was over.
    Gone,
    /// Something remains, in a sentence for people.
    Remains(String),
}

/// The task kinds of one pool.
#[derive(Clone, Default)]
pub struct Registry {
    tasks: std::collections::BTreeMap<&'static str, Arc<dyn Task>>,
    answers: Vec<Arc<dyn Answers>>,
}

impl Registry {
    /// A registry of these kinds. Of two with the same name the later one counts.
    #[must_use]
    pub fn new(tasks: impl IntoIterator<Item = Arc<dyn Task>>) -> Self {
        Self {
            tasks: tasks.into_iter().map(|task| (task.kind(), task)).collect(),
            answers: Vec::new(),
        }
    }

    /// The same, with answers to questions beside the tasks.
    #[must_use]
    pub fn answering(mut self, answers: Arc<dyn Answers>) -> Self {
        self.answers.push(answers);
        self
    }

    /// What answers questions.
    pub(crate) fn answers(&self) -> &[Arc<dyn Answers>] {
        &self.answers
    }

    /// The kind with this name.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<&Arc<dyn Task>> {
        self.tasks.get(kind)
    }

    /// The names, sorted.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.tasks.keys().copied()
    }
}
