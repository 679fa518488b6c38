//! Whether a process runs, is suspended or was killed, for what it does beside the bus.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

/// What a process may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Suspended,
    Dead,
}

/// The life of one process. Clones are the same life.
///
/// Who waits is woken in the order of their coming: `watch` would draw that order at random.
#[derive(Clone)]
pub(crate) struct Life(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    turned: Notify,
    busy: AtomicUsize,
}

/// Something that a process is in the middle of, until it is dropped.
pub(crate) struct Busy(Life);

impl Life {
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            state: Mutex::new(State::Running),
            turned: Notify::new(),
            busy: AtomicUsize::new(0),
        }))
    }

    pub fn suspend(&self) {
        self.turn(State::Suspended);
    }

    pub fn go_on(&self) {
        self.turn(State::Running);
    }

    pub fn end(&self) {
        self.turn(State::Dead);
    }

    /// Returns when the process may go on; never, when it was killed.
    pub async fn running(&self) {
        loop {
            let mut turned = pin!(self.0.turned.notified());
            // Registered before the look, so that a turn in between is not missed.
            turned.as_mut().enable();
            if *self.lock() == State::Running {
                return;
            }
            turned.await;
        }
    }

    /// Marks the process as being in the middle of something that a fault would hurt.
    pub fn begin(&self) -> Busy {
        self.0.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    pub fn is_busy(&self) -> bool {
        self.0.busy.load(Ordering::Relaxed) > 0
    }

    fn turn(&self, to: State) {
        let mut state = self.lock();
        if *state != State::Dead {
            *state = to;
        }
        drop(state);
        self.0.turned.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}
