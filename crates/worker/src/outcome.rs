//! From what a task says to what the owner is told.

use std::time::Duration;

use gennaker_model::{
    Map,
    work::{Outcome, TaskMessage},
};
use serde_json::Value;

use crate::{Done, Failure, GiveUp, exception};

/// Pause before a task is published again whose time seems to be over.
const OVERDUE_AGAIN: Duration = Duration::from_secs(1);

pub(crate) fn succeeded(done: Done) -> Outcome {
    Outcome::Succeeded {
        context: done.context,
        outputs: done.outputs,
    }
}

pub(crate) fn failed(why: GiveUp) -> Outcome {
    Outcome::Failed {
        exception: why.exception,
        context: why.context,
        outputs: why.outputs,
    }
}

pub(crate) fn running(after: Duration, context: Map) -> Outcome {
    Outcome::Running {
        again_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
        context,
    }
}

pub(crate) fn with_exception(exception: Value) -> Outcome {
    Outcome::Failed {
        exception: Some(exception),
        context: Map::new(),
        outputs: Map::new(),
    }
}

/// The outcome of a task whose time ran out before anybody started it: nothing was done, and whether its time is really over the owner
/// says, whose clock counts and who knows of pauses.
pub(crate) fn overdue(message: &TaskMessage, now_ms: i64) -> Option<Outcome> {
    let late = message
        .deadline_ms
        .is_some_and(|deadline| deadline <= now_ms);
    late.then(|| running(OVERDUE_AGAIN, Map::new()))
}

/// The outcome of a task without effect.
pub(crate) fn plain(message: &TaskMessage, result: Result<Done, Failure>, now_ms: i64) -> Outcome {
    match result {
        Ok(done) => succeeded(done),
        Err(Failure::GiveUp(why)) => failed(*why),
        Err(Failure::RetryLater { after, context }) => running(after, context),
        Err(Failure::Cancelled { context }) => Outcome::Canceled { context },
        Err(Failure::Unknown { what }) => with_exception(exception::unexpected(
            &message.kind,
            "TaskFailure",
            &what,
            now_ms,
        )),
    }
}
