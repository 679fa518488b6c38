//! Documents that lie at addresses: templates that are named by `http(s)://` or `file://`.
//!
//! The network and the policy about addresses are the workers': one of the pool `notify` is asked. Nothing is recorded, and a question
//! without an answer is repeated.

use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::{Bus, CommandError, subject};
use gennaker_model::ask::{ADDRESS, ADDRESS_POOL, AddressRead, ReadAddress, VERSION};

/// How long one worker has: it tries twice.
const TRY: Duration = Duration::from_secs(60);

/// How long it is asked again while no worker is there: longer than a process takes to start anew.
const PATIENCE: Duration = Duration::from_secs(20);

/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(500);

/// Longest address in bytes.
const URL_BYTES_MAX: usize = 8 * 1024;

/// Reads addresses by asking workers.
#[derive(Clone)]
pub(crate) struct Addresses {
    bus: Bus,
}

impl Addresses {
    pub(crate) fn new(bus: &Bus) -> Self {
        Self { bus: bus.clone() }
    }

    /// The text at an address.
    ///
    /// # Errors
    /// Why there is none: a sentence for people.
    pub(crate) async fn read(&self, url: &str) -> Result<String, String> {
        if url.len() > URL_BYTES_MAX {
            return Err(format!("the address is longer than {URL_BYTES_MAX} bytes"));
        }
        let question = ReadAddress {
            v: VERSION,
            url: url.to_owned(),
        };
        let question = serde_json::to_vec(&question)
            .map_err(|error| format!("the question cannot be written: {error}"))?;
        let question = Bytes::from(question);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let subject = subject::ask(ADDRESS_POOL, ADDRESS);
            let trouble = match self.bus.ask(subject, question.clone(), TRY).await {
                Ok(answer) => return understood(&answer),
                Err(error @ CommandError::TooLarge { .. }) => return Err(error.to_string()),
                Err(CommandError::NoOwner) => {
                    format!("no worker of pool {ADDRESS_POOL} is there to read it")
                }
                Err(error @ (CommandError::Timeout | CommandError::Disconnected)) => {
                    format!("no worker of pool {ADDRESS_POOL} has read it: {error}")
                }
            };
            if tokio::time::Instant::now() >= deadline {
                return Err(trouble);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn understood(answer: &Bytes) -> Result<String, String> {
    match serde_json::from_slice(answer) {
        Ok(AddressRead::Text(text)) => Ok(text),
        Ok(AddressRead::Failed(reason)) => Err(reason),
        Err(error) => Err(format!("the worker's answer cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use gennaker_bus::memory::Broker;
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_is_asked_until_one_is_there() {
        let broker = Broker::new(1);
        let (asker, worker) = (Bus::memory(&broker, "a"), Bus::memory(&broker, "b"));
        let addresses = Addresses::new(&asker);
        let nobody = addresses.read("https://x.io/t").await.unwrap_err();
        assert_eq!(nobody, "no worker of pool notify is there to read it");
        let answering = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let subject = subject::ask(ADDRESS_POOL, ADDRESS);
            let mut questions = worker.serve(subject, None).await.unwrap();
            for answer in [json!({"text": "a: 1"}), json!({"failed": "no"}), json!(7)] {
                let question = questions.next().await.unwrap();
                let asked: ReadAddress = serde_json::from_slice(&question.payload).unwrap();
                assert_eq!(asked.url, "https://x.io/t");
                let answer = serde_json::to_vec(&answer).unwrap();
                question.responder.send(answer.into()).await.unwrap();
            }
        };
        let asking = async {
            let url = "https://x.io/t";
            assert_eq!(addresses.read(url).await.unwrap(), "a: 1");
            assert_eq!(addresses.read(url).await.unwrap_err(), "no");
            let odd = addresses.read(url).await.unwrap_err();
            assert!(
                odd.starts_with("the worker's answer cannot be read"),
                "{odd}"
            );
        };
        tokio::join!(answering, asking);
        let long = "x".repeat(URL_BYTES_MAX + 1);
        assert!(addresses.read(&long).await.unwrap_err().contains("longer"));
    }
}
