//! A task that writes one document: what it does is a function, how it ends is the same for all.

use gennaker_model::{Map, work::TaskMessage};
use gennaker_store::{SaveError, Store};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};

use super::{CALL_MAX, REPEATABLE, failure};

/// What the task does; gives back what it leaves in the stage's context. It is repeatable.
pub(super) type Work = for<'a> fn(&'a Store, &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>>;

/// A task kind with its work.
pub(crate) struct Job {
    store: Store,
    kind: &'static str,
    /// The request that it was in Spinnaker, for the exception that clients read.
    method: &'static str,
    work: Work,
}

/// Why the work was not done.
pub(super) enum Trouble {
    /// The input makes no sense, in words for people.
    Input(String),
    /// The store refused or failed.
    Save(SaveError),
}

impl Job {
    pub(super) fn new(store: &Store, kind: &'static str, method: &'static str, work: Work) -> Self {
        Self {
            store: store.clone(),
            kind,
            method,
            work,
        }
    }
}

impl Task for Job {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let done = ctx
                .call(CALL_MAX, |_| (self.work)(&self.store, ctx))
                .await?;
            match done {
                Ok(context) => Ok(Done {
                    context,
                    ..Done::default()
                }),
                Err(Trouble::Input(problem)) => {
                    Err(failure::illegal(self.kind, &problem, ctx.now_ms()))
                }
                Err(Trouble::Save(error)) => Err(failure::failure(
                    self.kind,
                    self.method,
                    &error,
                    ctx.now_ms(),
                )),
            }
        })
    }
}

impl From<String> for Trouble {
    fn from(problem: String) -> Self {
        Self::Input(problem)
    }
}

impl From<SaveError> for Trouble {
    fn from(error: SaveError) -> Self {
        Self::Save(error)
    }
}
