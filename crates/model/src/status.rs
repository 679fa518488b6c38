//! Spinnaker's `ExecutionStatus` and its four properties.

use serde::{Deserialize, Serialize};

/// Status of an execution, a stage or a task.
///
/// Source: orca `ExecutionStatus.java`. `Stopped` counts as successful *and* as a failure, as it does there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Nothing has happened yet.
    NotStarted,
    /// Work is under way, or waited for.
    Running,
    /// A person paused the execution.
    Paused,
    /// Accepted in documents; the engine never sets it.
    Suspended,
    /// Ended well.
    Succeeded,
    /// Failed, but the pipeline goes on.
    FailedContinue,
    /// Failed, and what depends on it does not run.
    Terminal,
    /// Ended by a person or by the failure of another branch.
    Canceled,
    /// A task's answer: go back to the start of the loop.
    Redirect,
    /// Failed, and only this branch halts.
    Stopped,
    /// Not run, and that is fine.
    Skipped,
    /// Held back by admission control.
    Buffered,
}

impl Status {
    /// Every status, in Spinnaker's order.
    pub const ALL: [Self; 12] = [
        Self::NotStarted,
        Self::Running,
        Self::Paused,
        Self::Suspended,
        Self::Succeeded,
        Self::FailedContinue,
        Self::Terminal,
        Self::Canceled,
        Self::Redirect,
        Self::Stopped,
        Self::Skipped,
        Self::Buffered,
    ];

    /// The name on the wire, for example `FAILED_CONTINUE`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "NOT_STARTED",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Suspended => "SUSPENDED",
            Self::Succeeded => "SUCCEEDED",
            Self::FailedContinue => "FAILED_CONTINUE",
            Self::Terminal => "TERMINAL",
            Self::Canceled => "CANCELED",
            Self::Redirect => "REDIRECT",
            Self::Stopped => "STOPPED",
            Self::Skipped => "SKIPPED",
            Self::Buffered => "BUFFERED",
        }
    }

    /// Reads the name on the wire; `None` for a word that is no status.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_complete(self) -> bool {
        matches!(
            self,
            Self::Canceled
                | Self::Succeeded
                | Self::Stopped
                | Self::Skipped
                | Self::Terminal
                | Self::FailedContinue
        )
    }

    /// Whether what depends on it must not run.
    #[must_use]
    pub const fn is_halt(self) -> bool {
        matches!(self, Self::Terminal | Self::Canceled | Self::Stopped)
    }

    /// Whether Spinnaker calls it a success (`Stopped` included).
    #[must_use]
    pub const fn is_successful(self) -> bool {
        matches!(self, Self::Succeeded | Self::Stopped | Self::Skipped)
    }

    /// Whether Spinnaker calls it a failure (`Stopped` included).
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Terminal | Self::Stopped | Self::FailedContinue)
    }

    /// Whether stages downstream may start (SUCCEEDED, FAILED_CONTINUE or SKIPPED).
    #[must_use]
    pub const fn lets_downstream_start(self) -> bool {
        matches!(self, Self::Succeeded | Self::FailedContinue | Self::Skipped)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_name_is_what_serde_writes() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("running"), None);
    }

    #[test]
    fn classes_are_those_of_the_reference_table() {
        let row = |status: Status| {
            (
                status.is_complete(),
                status.is_halt(),
                status.is_successful(),
                status.is_failure(),
            )
        };
        assert_eq!(row(Status::Running), (false, false, false, false));
        assert_eq!(row(Status::Succeeded), (true, false, true, false));
        assert_eq!(row(Status::FailedContinue), (true, false, false, true));
        assert_eq!(row(Status::Terminal), (true, true, false, true));
        assert_eq!(row(Status::Canceled), (true, true, false, false));
        assert_eq!(row(Status::Stopped), (true, true, true, true));
        assert_eq!(row(Status::Skipped), (true, false, true, false));
    }
}
