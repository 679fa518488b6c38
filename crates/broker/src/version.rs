//! Versions as programs print them.

use std::fmt;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to tell its version.
const TELL_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Most bytes of its answer that are read.
const ANSWER_BYTES_MAX: u64 = 4096;

/// A version number. What follows the three numbers (`rc1`, `-beta`) is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

/// Why a program told no version.
#[derive(Debug, thiserror::Error)]
pub enum Untold {
    /// It cannot be started.
    #[error("{}", reason(.0))]
    Start(#[source] std::io::Error),
    /// It took too long, ended with a failure, or printed something else.
    #[error("it does not tell its version")]
    Nothing,
}

impl Version {
    /// From its three numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Finds the version in what a program prints about itself: `nats-server: v2.15.1`, `go version go1.26.8 linux/amd64`,
    /// `cargo-deny 0.20.2`. That is the first word with numbers that are joined by dots; a missing patch is 0.
    pub fn find(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(Self::in_word)
    }

    /// Asks a program, for at most ten seconds.
    ///
    /// # Errors
    /// See [`Untold`].
    pub fn of_program(program: &Path, argument: &str) -> Result<Self, Untold> {
        let mut child = Command::new(program)
            .arg(argument)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Untold::Start)?;
        let until = Instant::now() + TELL_WITHIN;
        let ended = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status.success(),
                Ok(None) if Instant::now() < until => std::thread::sleep(LOOK_EVERY),
                Ok(None) | Err(_) => {
                    // It may end in this moment, which is what we want.
                    let _ = child.kill();
                    let _ = child.wait();
                    break false;
                }
            }
        };
        let mut text = Vec::new();
        if let Some(out) = child.stdout.take().filter(|_| ended) {
            out.take(ANSWER_BYTES_MAX)
                .read_to_end(&mut text)
                .map_err(Untold::Start)?;
        }
        Self::find(&String::from_utf8_lossy(&text)).ok_or(Untold::Nothing)
    }

    fn in_word(word: &str) -> Option<Self> {
        let numbers = word.trim_start_matches(|c: char| !c.is_ascii_digit());
        let mut parts = numbers.splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let minor = leading_number(parts.next()?)?;
        let patch = parts.next().and_then(leading_number).unwrap_or(0);
        Some(Self {
            major,
            minor,
            patch,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

/// What the operating system says, without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error")
        .map_or(text.as_str(), |(text, _)| text)
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_version_that_real_programs_print() {
        let cases = [
            ("nats-server: v2.15.1\n", (2, 15, 1)),
            ("nats-server: v2.9.10\n", (2, 9, 10)),
            ("nats-server: v2.16.0-preview.1\n", (2, 16, 0)),
            ("go version go1.26.8 linux/amd64\n", (1, 26, 8)),
            ("go version go1.25rc1 darwin/arm64\n", (1, 25, 0)),
            (
                "go version devel go1.27-5d23f7e5a1 linux/amd64\n",
                (1, 27, 0),
            ),
            ("cargo-deny 0.20.2\n", (0, 20, 2)),
        ];
        for (text, (major, minor, patch)) in cases {
            assert_eq!(
                Version::find(text),
                Some(Version::new(major, minor, patch)),
                "{text}"
            );
        }
    }

    #[test]
    fn finds_none_where_none_is() {
        for text in [
            "",
            "nats-server",
            "version 7",
            "v2.x",
            "99999999999.1.1",
            "built in 2026",
        ] {
            assert_eq!(Version::find(text), None, "{text}");
        }
    }

    #[test]
    fn compares_by_number() {
        assert!(Version::new(2, 9, 10) < Version::new(2, 14, 4));
        assert!(Version::new(2, 14, 4) < Version::new(2, 15, 0));
    }

    #[test]
    fn says_why_a_program_tells_none() {
        let missing = Version::of_program(Path::new("/no/such/program"), "--version").unwrap_err();
        assert_eq!(missing.to_string(), "no such file or directory");
        // It ends well and prints nothing.
        let silent = Version::of_program(Path::new("true"), "--version-of-what").unwrap_err();
        assert!(matches!(silent, Untold::Nothing), "{silent}");
    }
}
