//! Questions under way, whose answers may come in several messages.
//!
//! The client library keeps one waiting place per request and drops what comes after the first message, so this keeps
//! its own: one subscription for all questions of the connection, and one task that hands answers out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_channel::mpsc;
use futures_util::StreamExt;
use tokio::task::JoinSet;

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
    task: Mutex<JoinSet<()>>,
}

struct Forget {
    id: u64,
    waiting: Waiting,
}

impl Asks {
    pub(super) async fn start(
        client: &async_nats::Client,
        connection: &Connection,
    ) -> Result<Self, Error> {
        let prefix = client.new_inbox();
        let subscriber = client
            .subscribe(format!("{prefix}.*"))
            .await
            .map_err(|error| Error::unavailable(format!("subscribe: {error}")))?;
        let waiting = Waiting::default();
        // It ends with the connection: by `stop`, or when the last handle is dropped.
        let mut task = JoinSet::new();
        task.spawn(run(subscriber, connection.clone(), Arc::clone(&waiting)));
        Ok(Self {
            prefix,
            waiting,
            task: Mutex::new(task),
        })
    }

    /// A reply address, and what comes to it until the connection is lost.
    pub(super) fn register(&self) -> (String, Answers) {
        let (sender, receiver) = mpsc::unbounded();
        let mut table = lock(&self.waiting);
        table.next += 1;
        let id = table.next;
        table.open.insert(id, sender);
        drop(table);
        let forget = Forget {
            id,
            waiting: Arc::clone(&self.waiting),
        };
        let answers = Answers {
            receiver,
            _guard: Box::new(forget),
        };
        (format!("{}.{id}", self.prefix), answers)
    }

    /// Ends the task and waits for it.
    pub(super) async fn stop(&self) {
        let mut task = std::mem::take(
            &mut *self
                .task
                .lock()
                .expect("nothing panics while it holds this lock"),
        );
        task.shutdown().await;
        lock(&self.waiting).open.clear();
    }
}

impl Drop for Forget {
    fn drop(&mut self) {
        lock(&self.waiting).open.remove(&self.id);
    }
}

/// Hands answers out, and ends all questions when the connection is lost: their answers cannot come any more.
async fn run(mut subscriber: async_nats::Subscriber, connection: Connection, waiting: Waiting) {
    let mut losses = connection.losses();
    loop {
        tokio::select! {
            biased;
            message = subscriber.next() => {
                let Some(message) = message else { return };
                let id = message.subject.rsplit('.').next().and_then(|id| id.parse().ok());
                let sender = id.and_then(|id: u64| lock(&waiting).open.get(&id).cloned());
                if let Some(sender) = sender {
                    // Whoever asked may have given up.
                    let _ = sender.unbounded_send(wire::raw(message));
                }
            }
            () = losses.next() => lock(&waiting).open.clear(),
        }
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, Table> {
    waiting
        .lock()
        .expect("nothing panics while it holds this lock")
}
