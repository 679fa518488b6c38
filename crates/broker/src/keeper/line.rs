//! What a keeper says.

use std::fmt;

/// A line on the keeper's standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// An earlier server of this folder still lives; it is being waited for.
    Waiting,
    /// The server has started.
    Started {
        /// Its process.
        pid: u32,
    },
    /// The server takes connections.
    Ready {
        /// On this port of the loopback address.
        port: u16,
    },
    /// The server could not be started, or ended by itself.
    Failed {
        /// Why.
        reason: String,
    },
}

impl Line {
    /// Reads a line; nothing if it is none of a keeper's.
    pub fn read(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        Some(match word {
            "waiting" => Self::Waiting,
            "started" => Self::Started {
                pid: rest.parse().ok()?,
            },
            "ready" => Self::Ready {
                port: rest.parse().ok()?,
            },
            "failed" => Self::Failed {
                reason: rest.to_owned(),
            },
            _ => return None,
        })
    }
}

/// As [`Line::read`] reads it.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("waiting"),
            Self::Started { pid } => write!(f, "started {pid}"),
            Self::Ready { port } => write!(f, "ready {port}"),
            Self::Failed { reason } => write!(f, "failed {}", reason.replace(['\n', '\r'], " ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_survive_the_pipe() {
        for line in [
            Line::Waiting,
            Line::Started { pid: 7 },
            Line::Ready { port: 4222 },
            Line::Failed {
                reason: "no room left".to_owned(),
            },
        ] {
            assert_eq!(Line::read(&line.to_string()), Some(line));
        }
        assert_eq!(Line::read("ready soon"), None);
    }
}
