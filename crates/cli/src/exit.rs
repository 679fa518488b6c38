//! How a command ends: the exit codes that scripts rely on, and the sentence that people read.

/// Every exit code of the client verbs. They are part of the interface and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; for `run` and `watch`: the execution succeeded.
    Succeeded = 0,
    /// The command itself failed.
    CommandError = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The execution ended TERMINAL or FAILED_CONTINUE.
    ExecutionFailed = 3,
    /// Not signed in, or not allowed.
    NotAllowed = 4,
    /// The execution was canceled or stopped.
    Canceled = 5,
    /// A stage waits for a person and `--no-wait-judgment` was given.
    StoppedForPerson = 6,
    /// The named object does not exist.
    NotFound = 7,
    /// Somebody else changed it first.
    Conflict = 8,
    /// Nothing answers at the server's address, or it cannot reach its engine.
    Unreachable = 9,
    /// A plan would change something.
    PlanChanges = 10,
    /// A plan or `lint` found errors.
    Findings = 11,
    /// `--timeout` passed; the execution goes on.
    Timeout = 124,
    /// Ctrl-C; the execution goes on.
    Interrupted = 130,
}

impl Exit {
    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// The table of exit codes, shown below the help of every verb.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  succeeded                          7  not found
    1  command error                      8  revision conflict
    2  usage                              9  engine unreachable
    3  execution failed                  10  plan has changes
    4  not signed in or not allowed      11  plan or lint has errors
    5  execution canceled or stopped    124  timeout (the execution goes on)
    6  stopped for a person             130  interrupted (the execution goes on)";

/// Why a command could not do its work: one sentence that names the object, what to do about it, and the request id under
/// which the server logged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code that goes with it.
    pub exit: Exit,
    /// What failed, as a lower-case sentence without a full stop.
    pub sentence: String,
    /// What the reader can do.
    pub fix: Option<String>,
    /// `X-SPINNAKER-REQUEST-ID` of the answer.
    pub request_id: Option<String>,
}

impl Failure {
    /// A failure with its sentence only.
    #[must_use]
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self {
            exit,
            sentence: sentence.into(),
            fix: None,
            request_id: None,
        }
    }

    /// A mistake on the command line.
    #[must_use]
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Usage, sentence)
    }

    /// A failure of the command itself.
    #[must_use]
    pub fn command(sentence: impl Into<String>) -> Self {
        Self::new(Exit::CommandError, sentence)
    }

    /// Adds what the reader can do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Adds the request id, where there is one.
    #[must_use]
    pub fn request(mut self, id: Option<String>) -> Self {
        self.request_id = id;
        self
    }

    /// The lines that go to the error output.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("error: {}", crate::text::clean(&self.sentence))];
        if let Some(fix) = &self.fix {
            lines.push(format!("  fix: {}", crate::text::clean(fix)));
        }
        if let Some(id) = &self.request_id {
            lines.push(format!("  request id: {}", crate::text::clean(id)));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_code() {
        for exit in [
            Exit::Succeeded,
            Exit::CommandError,
            Exit::Usage,
            Exit::ExecutionFailed,
            Exit::NotAllowed,
            Exit::Canceled,
            Exit::StoppedForPerson,
            Exit::NotFound,
            Exit::Conflict,
            Exit::Unreachable,
            Exit::PlanChanges,
            Exit::Findings,
            Exit::Timeout,
            Exit::Interrupted,
        ] {
            assert!(
                EXIT_CODES.contains(&format!(" {}  ", exit.code())),
                "{exit:?}"
            );
        }
    }

    #[test]
    fn a_failure_prints_sentence_fix_and_request_id_and_no_escape_codes() {
        let failure = Failure::new(Exit::NotFound, "pipeline '\u{1b}[31mx' does not exist")
            .fix("did you mean 'y'?")
            .request(Some("r-1".into()));
        assert_eq!(
            failure.lines(),
            [
                "error: pipeline '?[31mx' does not exist",
                "  fix: did you mean 'y'?",
                "  request id: r-1"
            ]
        );
    }
}
