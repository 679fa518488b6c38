//! Questions under way, whose answers may come in several messages.
//!
//! The client library keeps one waiting place per request and drops what comes after the first message, so this keeps
//! its own: one subscription for all questions of the connection, and one task that hands answers out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::connection::Connection;
use super::wire;
use crate::backend::{Answers, Raw};
use crate::error::Error;

type Waiting = Arc<Mutex<Table>>;

#[derive(Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, mpsc::UnboundedSender<Raw>>,
}

pub(super) struct Asks {
    prefix: String,
    waiting: Waiting,
    task: AbortHandle,
}

struct Forget {
    id: u64,
    waiting: Waiting,
    watcher: AbortHandle,
}

impl Asks {
    pub(super) async fn start(client: &async_nats::Client) -> Result<Self, Error> {
        let prefix = client.new_inbox();
        let mut subscriber = client
            .subscribe(format!("{prefix}.*"))
            .await
            .map_err(|error| Error::unavailable(format!("subscribe: {error}")))?;
        let waiting = Waiting::default();
        let table = Arc::clone(&waiting);
        // It ends with the connection: by `stop`, or when the last handle is dropped.
        let task = tokio::spawn(async move {
            while let Some(message) = subscriber.next().await {
                let id = message
                    .subject
                    .rsplit('.')
                    .next()
                    .and_then(|id| id.parse().ok());
                let sender = id.and_then(|id: u64| lock(&table).open.get(&id).cloned());
                if let Some(sender) = sender {
                    // Whoever asked may have given up.
                    let _ = sender.send(wire::raw(message));
                }
            }
        });
        Ok(Self {
            prefix,
            waiting,
            task: task.abort_handle(),
        })
    }

    /// A reply address, and what comes to it until the connection is lost.
    pub(super) fn register(&self, connection: &Connection) -> (String, Answers) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut table = lock(&self.waiting);
        table.next += 1;
        let id = table.next;
        table.open.insert(id, sender);
        drop(table);
        let lost = connection.lost();
        let waiting = Arc::clone(&self.waiting);
        let watcher = tokio::spawn(async move {
            lost.await;
            lock(&waiting).open.remove(&id);
        });
        let forget = Forget {
            id,
            waiting: Arc::clone(&self.waiting),
            watcher: watcher.abort_handle(),
        };
        let answers = Answers {
            receiver,
            _guard: Box::new(forget),
        };
        (format!("{}.{id}", self.prefix), answers)
    }

    pub(super) fn stop(&self) {
        self.task.abort();
        lock(&self.waiting).open.clear();
    }
}

impl Drop for Asks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Drop for Forget {
    fn drop(&mut self) {
        self.watcher.abort();
        lock(&self.waiting).open.remove(&self.id);
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, Table> {
    waiting
        .lock()
        .expect("nothing panics while it holds this lock")
}
