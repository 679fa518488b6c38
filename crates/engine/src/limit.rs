//! How many executions of one pipeline may run at the same time (orchestration reference 4.1).
//!
//! The engine sees one execution; whether another one runs is known to the owner of the pipeline, who says so in
//! [`crate::Context::must_wait`] and lets a waiting execution go on by [`crate::Input::SlotGranted`].

use gennaker_model::{Execution, Status};

use crate::{decide::Draft, event::Event};

/// Most executions of the pipeline that may be RUNNING at once, this one included; `None` for any number.
#[must_use]
pub fn most(execution: &Execution) -> Option<usize> {
    execution.pipeline_config_id.as_ref()?;
    if execution.limit_concurrent {
        return Some(1);
    }
    let most = usize::try_from(execution.max_concurrent_executions).ok()?;
    (most > 0).then_some(most)
}

impl Draft<'_> {
    /// Whether the execution waits for others of its pipeline, as of now or since earlier.
    pub(crate) fn waits_for_others(&mut self) -> bool {
        if self.state.book.waits_since.is_some() {
            return true;
        }
        let waits = self.context.must_wait && most(&self.state.doc).is_some();
        if waits {
            self.emit(Event::Queued { at: self.now() });
        }
        waits
    }

    /// The owner lets it run.
    pub(crate) fn slot_granted(&mut self) {
        if self.state.book.waits_since.is_some() {
            self.emit(Event::SlotGranted);
            self.begin_execution();
        }
    }

    /// Too many wait already. Source: orca `SqlPendingExecutionService`.
    pub(crate) fn line_is_full(&mut self, waiting: usize) {
        if self.state.book.waits_since.is_some() && self.state.doc.status == Status::NotStarted {
            let reason = format!("Too many executions ({waiting}) already waiting to start");
            self.cancel("spinnaker", Some(reason));
        }
    }

    /// The owner lets a newer one run instead.
    pub(crate) fn superseded(&mut self) {
        if self.state.book.waits_since.is_some() && self.state.doc.status == Status::NotStarted {
            let reason = "A newer queued execution of the pipeline superseded this one".to_owned();
            self.cancel("spinnaker", Some(reason));
        }
    }
}
