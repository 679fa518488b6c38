//! Questions of the API about what workers alone can see: clouds, build systems.
//!
//! Each account of the process is a subject of its own, so that a question for an account that nobody serves is refused at once.
//! Workers that serve the same account share its questions. An answer that nobody waits for any more is not finished.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_bus::{Bus, Question, subject};
use gennaker_runtime::{Backoff, Clock, Scope};
use tokio::sync::Semaphore;

/// Members of this group share the questions of an account.
const GROUP: &str = "gk-ask";
/// Questions about one account that are answered at the same time; the others of that account wait.
const AT_ONCE: usize = 16;
/// Longest work on one question, whatever the asker says.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Answers a question about an account; the bytes are its own affair.
pub type Answerer = Arc<dyn Fn(String, Bytes) -> BoxFuture<'static, Bytes> + Send + Sync>;

/// Answers the questions about these accounts of a pool until the scope ends.
pub async fn run(
    bus: Bus,
    clock: Clock,
    pool: String,
    accounts: Vec<String>,
    answerer: Answerer,
    scope: Scope,
) {
    for (number, account) in accounts.into_iter().enumerate() {
        let asked = Asked {
            bus: bus.clone(),
            clock: clock.clone(),
            pool: pool.clone(),
            account,
            answerer: Arc::clone(&answerer),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            scope: scope.clone(),
        };
        scope.spawn("asks", asked.run(number as u64));
    }
    scope.cancelled().await;
}

/// The questions about one account.
struct Asked {
    bus: Bus,
    clock: Clock,
    pool: String,
    account: String,
    answerer: Answerer,
    places: Arc<Semaphore>,
    scope: Scope,
}

impl Asked {
    async fn run(self, seed: u64) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5), seed);
        let subject = subject::ask(&self.pool, &self.account);
        let mut questions = loop {
            match self.bus.serve(subject.clone(), Some(GROUP)).await {
                Ok(questions) => break questions,
                Err(gennaker_bus::Error::Closed) => return,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "questions about account {} cannot be heard yet",
                        self.account
                    );
                    tokio::select! {
                        biased;
                        () = self.scope.cancelled() => return,
                        () = self.clock.sleep(backoff.next_delay()) => {}
                    }
                }
            }
        };
        loop {
            let question = tokio::select! {
                biased;
                () = self.scope.cancelled() => return,
                question = questions.next() => match question {
                    Some(question) => question,
                    None => return,
                },
            };
            // Here, and not in the task: what cannot be begun waits at the broker's end of the connection, and is bounded there.
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                return;
            };
            let answer = (self.answerer)(self.account.clone(), question.payload.clone());
            self.scope.spawn("answer", async move {
                answer_one(question, answer).await;
                drop(place);
            });
        }
    }
}

async fn answer_one(question: Question, answer: BoxFuture<'static, Bytes>) {
    if !question.responder.is_awaited() {
        return;
    }
    let Ok(answer) = tokio::time::timeout(ANSWER_WITHIN, answer).await else {
        return;
    };
    if let Err(error) = question.responder.send(answer).await {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "an answer was not sent"
        );
    }
}

#[cfg(test)]
mod tests {
    use gennaker_bus::{CommandError, memory::Broker};

    use super::*;

    #[tokio::test]
    async fn questions_reach_who_serves_the_account_and_nobody_else() {
        let broker = Broker::new(1);
        let (worker, gate) = (Bus::memory(&broker, "worker"), Bus::memory(&broker, "gate"));
        let answerer: Answerer = Arc::new(|account, payload| {
            Box::pin(async move { [account.as_bytes(), b" ", &payload[..]].concat().into() })
        });
        let scope = Scope::root("test");
        let accounts = vec!["prod".to_owned(), "a.b c".to_owned()];
        let serve = run(
            worker,
            Clock::system(),
            "deploy".to_owned(),
            accounts,
            answerer,
            scope.clone(),
        );
        scope.spawn("serve", serve);
        let ask = |account: &str| {
            let (gate, subject) = (gate.clone(), subject::ask("deploy", account));
            async move {
                gate.ask(subject, Bytes::from_static(b"?"), Duration::from_secs(5))
                    .await
            }
        };
        // Until it listens, nobody does.
        let answer = loop {
            match ask("prod").await {
                Err(CommandError::NoOwner) => tokio::task::yield_now().await,
                other => break other,
            }
        };
        assert_eq!(answer.unwrap(), "prod ?");
        assert_eq!(ask("a.b c").await.unwrap(), "a.b c ?");
        assert!(matches!(ask("other").await, Err(CommandError::NoOwner)));
        assert!(scope.shutdown(Duration::from_secs(5)).await.is_clean());
    }
}
