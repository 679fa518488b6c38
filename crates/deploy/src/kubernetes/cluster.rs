//! One cluster for one run of a task: every call within the time that the effect's intent leaves, every failure with its sentence.

use std::time::Duration;

use gennaker_kubernetes::{Account, Error};
use gennaker_model::Map;
use gennaker_worker::{BoxFuture, Ctx, Failure};

use super::{CALL_MS_MAX, Patience, trouble};

/// How long a write that got no answer may still arrive: nobody looks before.
const SETTLE: Duration = Duration::from_secs(5);

/// A cluster, and who asks it.
pub(super) struct Cluster<'a> {
    pub account: &'a Account,
    pub ctx: &'a Ctx,
    patience: Patience,
}

impl<'a> Cluster<'a> {
    pub(super) fn new(account: &'a Account, ctx: &'a Ctx, patience: Patience) -> Self {
        Self {
            account,
            ctx,
            patience,
        }
    }

    /// Makes one call. What the cluster says comes back as it is; a call that got no answer counts as one, after the time in which
    /// it may still arrive.
    ///
    /// # Errors
    /// [`Failure::Cancelled`] when the task shall end.
    pub(super) fn ask<'c, T: Send + 'c>(
        &'c self,
        call: impl Future<Output = Result<T, Error>> + Send + 'c,
    ) -> BoxFuture<'c, Result<Result<T, Error>, Failure>> {
        // A request to a cluster is a large future, and tasks nest: neither lies in the other.
        let call = Box::pin(call);
        Box::pin(async move {
            let limit = Duration::from_millis(CALL_MS_MAX);
            match self.ctx.call(limit, |_| call).await {
                Ok(answer) => Ok(answer),
                Err(Failure::Unknown { .. }) => {
                    if self.ctx.effect_id().is_some() {
                        self.ctx.clock().sleep(SETTLE).await;
                    }
                    Ok(Err(Error::Timeout {
                        account: self.account.name().to_owned(),
                        after: limit,
                    }))
                }
                Err(other) => Err(other),
            }
        })
    }

    /// Makes one call that the operation cannot do without. `what` goes before the sentence of a failure.
    ///
    /// # Errors
    /// The end of the operation, or that it is tried again.
    pub(super) fn must<'c, T: Send + 'c>(
        &'c self,
        what: &'c str,
        call: impl Future<Output = Result<T, Error>> + Send + 'c,
    ) -> BoxFuture<'c, Result<T, Failure>> {
        let answer = self.ask(call);
        Box::pin(async move { answer.await?.map_err(|error| self.failed(what, &error)) })
    }

    /// What a failure means for the task.
    pub(super) fn failed(&self, what: &str, error: &Error) -> Failure {
        self.failed_with(what, error, Map::new())
    }

    /// It may work later without anybody changing anything, although the error does not look like it.
    pub(super) fn failed_for_now(&self, what: &str, error: &Error) -> Failure {
        let sentence = format!("{what}{}", trouble::sentence(error));
        trouble::again(self.ctx, self.patience, &sentence, None, Map::new())
    }

    /// The same, with what the stage shall know besides.
    pub(super) fn failed_with(&self, what: &str, error: &Error, known: Map) -> Failure {
        trouble::failed(self.ctx, self.patience, what, error, known)
    }
}
