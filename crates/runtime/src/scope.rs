//! A tree of tasks: who runs, who stops it, and what became of it.
//!
//! A [`Scope`] is a node of one tree. Its tasks and those of the scopes below it are its own: cancelling it cancels
//! them, and [`Scope::shutdown`] returns only when they have ended or the deadline has passed. A task holds its place
//! in every scope from its own up to the root, so a child scope can be dropped without losing track of what runs in it.
//!
//! A panic ends its task and nothing else, is logged once, and stands in the report. Where a process must not go on
//! without a task, the task is started by [`Scope::keep`]: its end, however it came, stops the whole tree, because a
//! process that runs without its owner loop looks alive and is not.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

/// A node in the tree of tasks. Clones are the same node.
#[derive(Debug, Clone)]
pub struct Scope {
    node: Arc<Node>,
}

/// What [`Scope::shutdown`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Tasks that panicked since the scope began, oldest first; at most [`Report::PANICS_MAX`] are kept.
    pub panicked: Vec<Panicked>,
    /// Full names of the tasks that had not ended by the deadline and were aborted, in order of their start.
    pub late: Vec<String>,
    /// Full name of the first task started by [`Scope::keep`] that ended before it was asked to.
    pub ended_early: Option<String>,
}

impl Report {
    /// How many panics a scope remembers.
    pub const PANICS_MAX: usize = 64;

    /// Whether nothing panicked, everything ended in time and nothing ended early.
    pub fn is_clean(&self) -> bool {
        *self == Report::default()
    }
}

/// A task that panicked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked {
    /// Full name of the task.
    pub task: String,
    /// The panic's message.
    pub message: String,
}

impl Scope {
    /// The root of a new tree.
    pub fn root(name: &str) -> Scope {
        Scope::with(name.to_owned(), CancellationToken::new(), None)
    }

    /// A scope below this one, cancelled with it and able to end alone.
    #[must_use]
    pub fn child(&self, name: &str) -> Scope {
        let name = format!("{}/{name}", self.node.name);
        Scope::with(
            name,
            self.node.token.child_token(),
            Some(Arc::clone(&self.node)),
        )
    }

    /// The full name: those of the scopes above and this one, joined by slashes.
    pub fn name(&self) -> &str {
        &self.node.name
    }

    /// The token that tells the tasks of this scope to stop. Cancelling it is the same as [`Scope::cancel`]; pass
    /// children to code that may only listen.
    pub fn token(&self) -> &CancellationToken {
        &self.node.token
    }

    /// Asks everything in this scope to stop, without waiting.
    pub fn cancel(&self) {
        self.node.token.cancel();
    }

    /// Returns when this scope was asked to stop. Cancel-safe.
    pub async fn cancelled(&self) {
        self.node.token.cancelled().await;
    }

    /// Whether this scope was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.node.token.is_cancelled()
    }

    /// How many tasks run here and below.
    pub fn tasks(&self) -> usize {
        self.node.lock().live.len()
    }

    /// Runs `future` in this scope. It should watch [`Scope::token`] and end soon after it is cancelled. After the
    /// scope, or one above it, has shut down nothing starts any more: the future is dropped and `None` returned.
    ///
    /// The handle stops that one task at its next await; dropping it does nothing.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn<F>(&self, name: &str, future: F) -> Option<AbortHandle>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.start(name, future, false)
    }

    /// As [`Scope::spawn`], for a task that the process cannot do without: if it ends or panics before the scope was
    /// cancelled, the whole tree is cancelled and the report of the root names it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn keep<F>(&self, name: &str, future: F) -> Option<AbortHandle>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.start(name, future, true)
    }

    /// Returns when no task runs here or below, without asking any to stop. Cancel-safe.
    pub async fn idle(&self) {
        loop {
            let changed = self.node.changed.notified();
            let mut changed = pin!(changed);
            // Registered before the look, so that a task ending in between is not missed.
            changed.as_mut().enable();
            if self.node.lock().live.is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// Asks everything in this scope to stop, waits until it has, at most for `deadline`, aborts the rest and says what
    /// happened. Nothing can be started in the scope afterwards.
    ///
    /// An aborted task ends at its next await; one that never awaits cannot be stopped, and its name stands in the
    /// report.
    pub async fn shutdown(&self, deadline: Duration) -> Report {
        self.cancel();
        // Tasks may start others while they end, so the scope closes only when it is found empty.
        let ended = tokio::time::timeout(deadline, async {
            loop {
                self.idle().await;
                if self.node.lock().close_if_idle() {
                    return;
                }
            }
        })
        .await
        .is_ok();
        let mut state = self.node.lock();
        state.closed = true;
        let mut report = Report {
            panicked: state.panicked.clone(),
            late: Vec::new(),
            ended_early: state.ended_early.clone(),
        };
        if !ended {
            for task in state.live.values() {
                report.late.push(task.name.to_string());
                if let Some(handle) = &task.handle {
                    handle.abort();
                }
            }
        }
        report
    }

    /// Stops everything in this scope at its next await, without waiting for it and without letting it end in order;
    /// nothing can be started afterwards. For owners that are dropped and cannot wait.
    pub fn abort(&self) {
        self.cancel();
        let mut state = self.node.lock();
        state.closed = true;
        for task in state.live.values() {
            if let Some(handle) = &task.handle {
                handle.abort();
            }
        }
    }

    fn with(name: String, token: CancellationToken, parent: Option<Arc<Node>>) -> Scope {
        let node = Node {
            name,
            token,
            parent,
            state: Mutex::default(),
            changed: Notify::new(),
        };
        Scope {
            node: Arc::new(node),
        }
    }

    fn start<F>(&self, name: &str, future: F, vital: bool) -> Option<AbortHandle>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let place = Place::take(&self.node, name)?;
        let (id, node) = (place.id, Arc::clone(&place.node));
        #[expect(
            clippy::disallowed_methods,
            reason = "the place in the tree is what somebody waits for"
        )]
        let handle = tokio::spawn(run(future, place, vital)).abort_handle();
        for node in node.chain() {
            // The task may have ended already; its entry is then gone and stays so.
            if let Some(task) = node.lock().live.get_mut(&id) {
                task.handle = Some(handle.clone());
            }
        }
        Some(handle)
    }
}

#[derive(Debug)]
struct Node {
    name: String,
    token: CancellationToken,
    parent: Option<Arc<Node>>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    /// By a number that rises with each start.
    live: BTreeMap<u64, Task>,
    panicked: Vec<Panicked>,
    ended_early: Option<String>,
}

#[derive(Debug)]
struct Task {
    name: Arc<str>,
    handle: Option<AbortHandle>,
}

impl Node {
    /// This node and those above it.
    fn chain(&self) -> impl Iterator<Item = &Node> {
        std::iter::successors(Some(self), |node| node.parent.as_deref())
    }

    /// Nothing that runs under the lock can panic half way, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn close_if_idle(&mut self) -> bool {
        self.closed = self.live.is_empty();
        self.closed
    }
}

/// A task's entry in its scope and those above; leaves them when dropped, however the task ended.
struct Place {
    id: u64,
    name: Arc<str>,
    node: Arc<Node>,
}

impl Place {
    fn take(node: &Arc<Node>, name: &str) -> Option<Place> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let place = Place {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name: format!("{}/{name}", node.name).into(),
            node: Arc::clone(node),
        };
        for node in place.node.chain() {
            let mut state = node.lock();
            if state.closed {
                drop(state);
                tracing::debug!(task.name = %place.name, "a task was not started because its scope has ended");
                return None;
            }
            state.live.insert(
                place.id,
                Task {
                    name: Arc::clone(&place.name),
                    handle: None,
                },
            );
        }
        Some(place)
    }

    fn panicked(&self, payload: &(dyn Any + Send)) {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "panic without a message".to_owned());
        tracing::error!(task.name = %self.name, panic.message = %message, "a task panicked");
        for node in self.node.chain() {
            let mut state = node.lock();
            if state.panicked.len() < Report::PANICS_MAX {
                let task = self.name.to_string();
                state.panicked.push(Panicked {
                    task,
                    message: message.clone(),
                });
            }
        }
    }

    fn ended_early(&self) {
        tracing::error!(task.name = %self.name, "a task that must not end has ended; stopping the process's tasks");
        for node in self.node.chain() {
            node.lock()
                .ended_early
                .get_or_insert_with(|| self.name.to_string());
            node.token.cancel();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for node in self.node.chain() {
            let mut state = node.lock();
            let removed = state.live.remove(&self.id).is_some();
            let idle = state.live.is_empty();
            drop(state);
            if removed && idle {
                node.changed.notify_waiters();
            }
        }
    }
}

/// Runs a task to its end, its panic included.
async fn run<F: Future<Output = ()>>(future: F, place: Place, vital: bool) {
    let outcome = {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            // A future that panicked is never polled again, so what it left half done is seen by nobody but its owner's
            // destructor.
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
                Err(payload) => Poll::Ready(Err(payload)),
            }
        })
        .await
    };
    if let Err(payload) = outcome {
        place.panicked(&*payload);
    }
    if vital && !place.node.token.is_cancelled() {
        place.ended_early();
    }
}

#[cfg(test)]
mod tests;
