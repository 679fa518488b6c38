//! Which status may follow which. Anything else is an error that names both ends: status never moves backwards.
//!
//! | from | to |
//! |---|---|
//! | NOT_STARTED | RUNNING, or any complete status |
//! | RUNNING | PAUSED, or any complete status |
//! | PAUSED | RUNNING, or any complete status |
//! | a complete status | nothing |

use gennaker_model::Status;

/// A move that the table does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot go from {from} to {to}")]
pub struct Illegal {
    /// The execution, stage or task.
    pub what: String,
    /// Where it stands.
    pub from: Status,
    /// Where it was to go.
    pub to: Status,
}

/// Checks one move of one thing; `what` names it in the error.
///
/// # Errors
/// [`Illegal`] when the table does not have the move.
pub fn check(what: &str, from: Status, to: Status) -> Result<(), Illegal> {
    if allowed(from, to) {
        Ok(())
    } else {
        Err(Illegal {
            what: what.to_owned(),
            from,
            to,
        })
    }
}

/// Whether the table has the move.
#[must_use]
pub const fn allowed(from: Status, to: Status) -> bool {
    match from {
        Status::NotStarted => matches!(to, Status::Running) || to.is_complete(),
        Status::Running => matches!(to, Status::Paused) || to.is_complete(),
        Status::Paused => matches!(to, Status::Running) || to.is_complete(),
        Status::Succeeded
        | Status::FailedContinue
        | Status::Terminal
        | Status::Canceled
        | Status::Stopped
        | Status::Skipped
        | Status::Suspended
        | Status::Redirect
        | Status::Buffered => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_thing_stays_finished() {
        for from in Status::ALL
            .into_iter()
            .filter(|status| status.is_complete())
        {
            for to in Status::ALL {
                assert!(!allowed(from, to), "{from} to {to}");
            }
        }
    }

    #[test]
    fn the_error_names_both_ends() {
        let error = check("stage 1", Status::Succeeded, Status::Running).unwrap_err();
        assert_eq!(
            error.to_string(),
            "stage 1 cannot go from SUCCEEDED to RUNNING"
        );
    }
}
