//! What the long-running verbs say to a person.
//!
//! Through these functions and not `println!`: a reader that went away must not take the server with it.

use std::io::Write as _;

pub(crate) use gennaker_telemetry::chain;

/// A line of what was asked for.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A line about what goes on.
pub(crate) fn note(line: &str) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "{line}");
}
