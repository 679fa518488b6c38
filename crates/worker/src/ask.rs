//! Questions that a pool answers beside its tasks: reads without a record, for who waits for the answer (a plan of a pipeline, the
//! start of one).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_bus::{Question, QuestionStream, subject};
use gennaker_runtime::Backoff;
use tokio::sync::Semaphore;

use crate::shared::Shared;

/// Questions of one kind that a process answers at the same time; of more it takes no note, and whoever asked asks again.
const ANSWERS_MAX: usize = 16;

/// The members of this group share the questions.
const GROUP: &str = "workers";

/// Answers to questions of one kind.
pub trait Answers: Send + Sync {
    /// What stands in the subject behind the pool.
    fn about(&self) -> &'static str;

    /// The answer. It changes nothing outside, takes no longer than whoever asks waits, and says in its own words what went wrong.
    fn answer<'a>(&'a self, question: Bytes) -> BoxFuture<'a, Bytes>;
}

/// Answers until the worker stops.
pub(crate) async fn run_answers(shared: Arc<Shared>, pool: String, answers: Arc<dyn Answers>) {
    let stop = shared.scope.token().clone();
    let Some(mut questions) = listen(&shared, &pool, answers.about()).await else {
        return;
    };
    let slots = Arc::new(Semaphore::new(ANSWERS_MAX));
    loop {
        let question = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            question = questions.next() => match question {
                Some(question) => question,
                None => return,
            },
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            tracing::debug!("a question to pool {pool} is left to another worker");
            continue;
        };
        let answers = Arc::clone(&answers);
        shared.scope.spawn("answer", async move {
            let Question {
                payload, responder, ..
            } = question;
            let answer = answers.answer(payload).await;
            // Who gets no answer asks again.
            let _ = responder.send(answer).await;
            drop(slot);
        });
    }
}

async fn listen(shared: &Shared, pool: &str, about: &str) -> Option<QuestionStream> {
    let stop = shared.scope.token();
    let (shortest, longest) = (Duration::from_millis(200), Duration::from_secs(5));
    let mut backoff = Backoff::new(shortest, longest, shared.seed);
    loop {
        match shared
            .bus
            .serve(subject::ask(pool, about), Some(GROUP))
            .await
        {
            Ok(questions) => return Some(questions),
            Err(gennaker_bus::Error::Closed) => return None,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "questions to pool {pool} cannot be heard yet"
                );
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return None,
                    () = shared.clock.sleep(backoff.next_delay()) => {}
                }
            }
        }
    }
}
