//! What is known of a delivery that succeeded.

use gennaker_model::Map;
pub(crate) use gennaker_model::{shown_address, shown_key};
use serde_json::Value;

use crate::problem::Problem;

/// What a channel says of what it sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Whom it went to, as everybody may see it.
    pub to: Vec<String>,
    /// What the target calls it: the id of a message, the key of an issue.
    pub reference: Option<String>,
    /// The target's own words, or what was left out.
    pub note: Option<String>,
}

/// A delivery, or why there was nothing to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It was sent.
    Sent(Sent),
    /// Nothing had to be sent, for this reason.
    Ignored(String),
}

impl Receipt {
    /// As it is kept with an execution: `status`, `channel`, `to`, `reference`, `note`, `at` (epoch milliseconds).
    #[must_use]
    pub fn json(&self, channel: &str, now_ms: i64) -> Map {
        let mut all = Map::new();
        let mut put = |key: &str, value: Value| {
            all.insert(key.to_owned(), value);
        };
        match self {
            Self::Sent(sent) => {
                put("status", "sent".into());
                put("channel", channel.into());
                put("to", sent.to.clone().into());
                if let Some(reference) = &sent.reference {
                    put("reference", reference.clone().into());
                }
                if let Some(note) = &sent.note {
                    put("note", note.clone().into());
                }
            }
            Self::Ignored(reason) => {
                put("status", "ignored".into());
                put("channel", channel.into());
                put("note", reason.clone().into());
            }
        }
        put("at", now_ms.into());
        all
    }
}

/// Deliveries of one message to several addresses, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Several {
    sent: Sent,
    failed: Vec<(String, Problem)>,
}

impl Several {
    /// Notes how one of them ended; `address` as everybody may see it.
    pub(crate) fn note(&mut self, address: String, ended: Result<Option<String>, Problem>) {
        match ended {
            Ok(reference) => {
                self.sent.to.push(address);
                if self.sent.reference.is_none() {
                    self.sent.reference = reference;
                }
            }
            Err(problem) => self.failed.push((address, problem)),
        }
    }

    /// How all of them ended. What was delivered in part is not tried again as a whole.
    pub(crate) fn end(self) -> Result<Sent, Problem> {
        let Self { sent, mut failed } = self;
        if failed.is_empty() {
            return Ok(sent);
        }
        let is_later = |(_, problem): &(String, Problem)| {
            matches!(problem, Problem::Later { .. } | Problem::Stopped)
        };
        if sent.to.is_empty() && (failed.len() == 1 || failed.iter().all(is_later)) {
            return Err(failed.swap_remove(0).1);
        }
        let is_unknown = failed
            .iter()
            .any(|(_, problem)| matches!(problem, Problem::Unknown(_)));
        let list: Vec<String> = failed
            .iter()
            .map(|(address, problem)| format!("{address}: {problem}"))
            .collect();
        let some = if sent.to.is_empty() {
            ""
        } else {
            "Some notifications succeeded, but "
        };
        let reason = format!("{some}the following failed: {}", list.join(", "));
        Err(match is_unknown {
            true => Problem::Unknown(reason),
            false => Problem::Refused(reason),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_delivered_in_part_is_not_delivered_again() {
        let later = || Problem::later("busy");
        let mut one = Several::default();
        one.note("a".into(), Err(later()));
        assert_eq!(one.end(), Err(later()));

        let mut both = Several::default();
        both.note("a".into(), Ok(Some("1".into())));
        both.note("b".into(), Err(later()));
        let told = both.end().unwrap_err();
        let sentence = "Some notifications succeeded, but the following failed: b: busy";
        assert_eq!(told, Problem::refused(sentence));

        let mut all = Several::default();
        all.note("a".into(), Ok(Some("1".into())));
        all.note("b".into(), Ok(None));
        let sent = all.end().unwrap();
        assert_eq!((sent.to.len(), sent.reference.as_deref()), (2, Some("1")));
    }
}
