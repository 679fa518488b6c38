//! Versions as the tools print them.

use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A version number. What follows the three numbers (`rc1`, `-beta`) is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub(super) major: u32,
    pub(super) minor: u32,
    pub(super) patch: u32,
}

impl Version {
    pub(super) const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Finds the version in what a tool prints about itself: `nats-server: v2.15.1`, `go version go1.26.8 linux/amd64`,
    /// `cargo-deny 0.20.2`. That is the first word with numbers that are joined by dots; a missing patch is 0.
    pub(super) fn find(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(Self::in_word)
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

/// Asks a program for its version.
pub(super) fn of_program(program: &Path, argument: &str) -> Result<Version> {
    let shown = program.display();
    let output = Command::new(program)
        .arg(argument)
        .output()
        .with_context(|| format!("failed to start {shown}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("`{shown} {argument}` failed: {}", output.status);
    }
    Version::find(&text).with_context(|| {
        format!(
            "`{shown} {argument}` printed no version but {:?}",
            text.trim()
        )
    })
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_version_that_real_tools_print() {
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
}
