//! Questions that a pool answers beside its tasks: reads without a record, for who waits for the answer (a plan of a pipeline, the
//! start of one).

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::{
    asks::{self, Answerer},
    shared::Shared,
};

/// Answers to questions of one kind.
pub trait Answers: Send + Sync {
    /// What stands in the subject behind the pool.
    fn about(&self) -> &'static str;

    /// The answer. It changes nothing outside, takes no longer than whoever asks waits, and says in its own words what went wrong.
    fn answer<'a>(&'a self, question: Bytes) -> BoxFuture<'a, Bytes>;
}

/// Answers until the worker stops.
pub(crate) fn run(
    shared: &Shared,
    pool: &str,
    answers: &Arc<dyn Answers>,
) -> impl Future<Output = ()> + Send + use<> {
    let about = vec![answers.about().to_owned()];
    let answers = Arc::clone(answers);
    let answerer: Answerer = Arc::new(move |_, question| {
        let answers = Arc::clone(&answers);
        Box::pin(async move { answers.answer(question).await })
    });
    asks::run(
        shared.bus.clone(),
        shared.clock.clone(),
        pool.to_owned(),
        about,
        answerer,
        shared.scope.clone(),
    )
}
