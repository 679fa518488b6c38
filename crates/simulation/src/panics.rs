//! Panics of a run, wherever they are caught: the scheduler survives a decision that panics, a scope survives a task, but no
//! simulated input is meant to cause one.

use std::{cell::RefCell, panic, sync::Once};

thread_local! {
    /// The panics of the run on this thread; `None` while there is no run.
    static PANICS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

static INSTALLED: Once = Once::new();

/// Begins to listen on this thread; ends when dropped.
pub(crate) struct Panics(());

impl Panics {
    pub fn listen() -> Self {
        INSTALLED.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                let recorded = PANICS.with_borrow_mut(|panics| {
                    panics.as_mut().map(|panics| panics.push(info.to_string()))
                });
                if recorded.is_none() {
                    before(info);
                }
            }));
        });
        PANICS.set(Some(Vec::new()));
        Self(())
    }

    /// The first panic since the run began.
    pub fn first(&self) -> Option<String> {
        PANICS.with_borrow(|panics| panics.as_ref().and_then(|panics| panics.first().cloned()))
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        PANICS.set(None);
    }
}
