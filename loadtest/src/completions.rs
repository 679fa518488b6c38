//! Which executions are complete, as the server's feed says (`GET /v2/feed`, server-sent events).
//!
//! The feed gives hints, and hints may be lost. So who waits also looks by itself now and then; how often the hint had indeed been
//! lost is counted and printed.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::oneshot;

use crate::api::{APPLICATION, Api};
use crate::http::Events;

/// How long a hint is waited for before the execution is read.
const LOOK_AFTER: Duration = Duration::from_millis(1_000);
/// Ends of executions that nobody asked about are forgotten beyond this count.
const UNCLAIMED_MAX: usize = 65_536;

/// An execution that ended.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    /// When we learned of it.
    pub at: Instant,
    /// Whether it succeeded.
    pub succeeded: bool,
}

/// A subscription to the feed, shared by all clients of a load.
#[derive(Clone)]
pub struct Completions {
    address: SocketAddr,
    slots: Rc<RefCell<HashMap<String, Slot>>>,
    lost: Rc<Cell<u64>>,
}

enum Slot {
    Waiting(oneshot::Sender<Completion>),
    /// The end was told before the answer to the start.
    Done(Completion),
}

impl Completions {
    /// Of the server at this address; nothing is heard until [`Completions::run`].
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            slots: Rc::default(),
            lost: Rc::default(),
        }
    }

    /// Follows the feed until dropped; connects again when it breaks.
    pub async fn run(&self) {
        let path = format!("/v2/feed?topics=application:{APPLICATION}");
        loop {
            if let Ok(mut events) = Events::open(self.address, &path).await {
                while events
                    .read(|name, data| self.take(name, data))
                    .await
                    .is_ok()
                {}
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How many ends were found by reading, because their hint did not come.
    pub fn lost(&self) -> u64 {
        self.lost.get()
    }

    /// Waits for the end of an execution.
    ///
    /// # Errors
    /// No hint came and the execution cannot be read either, until `patience` ends.
    pub async fn wait(&self, id: &str, api: &mut Api, patience: Duration) -> Result<Completion> {
        let until = Instant::now() + patience;
        let mut receiver = match self.slots.borrow_mut().remove(id) {
            Some(Slot::Done(completion)) => return Ok(completion),
            Some(Slot::Waiting(_)) | None => None,
        };
        let mut receiver = receiver.get_or_insert_with(|| {
            let (sender, receiver) = oneshot::channel();
            self.slots
                .borrow_mut()
                .insert(id.to_owned(), Slot::Waiting(sender));
            receiver
        });
        loop {
            if let Ok(Ok(completion)) = tokio::time::timeout(LOOK_AFTER, &mut receiver).await {
                return Ok(completion);
            }
            let looked = api.execution(id).await;
            let status = looked
                .as_ref()
                .ok()
                .and_then(|document| document["status"].as_str());
            if let Some(succeeded) = status.and_then(end_of) {
                self.slots.borrow_mut().remove(id);
                self.lost.set(self.lost.get() + 1);
                return Ok(Completion {
                    at: Instant::now(),
                    succeeded,
                });
            }
            if Instant::now() > until {
                self.slots.borrow_mut().remove(id);
                let status = looked?["status"].clone();
                anyhow::bail!("execution {id} is {status} after {patience:?}");
            }
        }
    }

    fn take(&self, name: &str, data: &str) {
        // Read by searching: the names here hold nothing that JSON would escape, and there are thousands a second.
        let field = |label: &str| {
            data.split_once(label)
                .and_then(|(_, rest)| rest.split_once('"'))
                .map(|(value, _)| value)
        };
        if name != "patch" {
            return;
        }
        let (Some(id), Some(succeeded)) =
            (field("\"id\":\""), field("\"status\":\"").and_then(end_of))
        else {
            return;
        };
        let completion = Completion {
            at: Instant::now(),
            succeeded,
        };
        let mut slots = self.slots.borrow_mut();
        match slots.remove(id) {
            // It went away in between: it looks by itself.
            Some(Slot::Waiting(sender)) => drop(sender.send(completion)),
            Some(Slot::Done(_)) | None => {
                if slots.len() > UNCLAIMED_MAX {
                    slots.retain(|_, slot| matches!(slot, Slot::Waiting(_)));
                }
                slots.insert(id.to_owned(), Slot::Done(completion));
            }
        }
    }
}

/// Whether a status is an end, and a good one.
fn end_of(status: &str) -> Option<bool> {
    match status {
        "SUCCEEDED" => Some(true),
        "TERMINAL" | "CANCELED" | "STOPPED" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_comes_before_its_question_is_kept() {
        let completions = Completions::new(SocketAddr::from(([127, 0, 0, 1], 1)));
        completions.take("patch", r#"{"id":"A","changed":{"status":"RUNNING"}}"#);
        completions.take("patch", r#"{"id":"B","changed":{"status":"TERMINAL"}}"#);
        completions.take("hb", r#"{"id":"C","changed":{"status":"SUCCEEDED"}}"#);
        let slots = completions.slots.borrow();
        assert!(
            slots.len() == 1
                && matches!(
                    slots["B"],
                    Slot::Done(Completion {
                        succeeded: false,
                        ..
                    })
                )
        );
    }
}
