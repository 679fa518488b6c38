//! Addresses that expressions read: what a worker is asked, and what its report says.
//!
//! Credentials and the network are the workers' (see `docs/adr/0004-lookups-of-addresses.md`), so an address is read by a task of
//! the pool [`POOL`], of kind [`KIND`]. Unlike the tasks of a stage it has no effect and no entry in the ledger, and it ends
//! nothing but the question: its report becomes [`crate::Event::LookupAnswered`].
//!
//! | part of the report | meaning |
//! |---|---|
//! | succeeded, output [`BODY`] | the text at the address |
//! | failed, context [`REASON`] and [`EXCEPTION`] | why there is none: words for people, and the Java class that Orca would name |

use gennaker_model::{ExecutionId, Map, StageId, Status, work::Outcome};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::state::{ExpressionLookup, Lookup, LookupAnswer};

/// An execution that a task waits for, and whether its outputs are asked for once it is complete.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Watched {
    /// Its id.
    pub execution: ExecutionId,
    /// Whether its outputs are wanted: they may be large, and the answer is kept until the task looks again.
    pub outputs: bool,
}

/// The newest execution of a pipeline, and which of its artifacts are asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewestOf {
    /// Id of the pipeline config.
    pub pipeline: String,
    /// Only executions with one of these statuses; empty means all.
    pub statuses: Vec<Status>,
    /// The refId of stages whose artifacts are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<String>,
}

/// The pool whose workers read addresses.
pub const POOL: &str = "notify";

/// Name of the task implementation there.
pub const KIND: &str = "readAddress";

/// What stands in place of a task's id.
pub const TASK: &str = "lookup";

/// Key of the address in the task's input.
pub const URL: &str = "url";

/// Key of the text in the report's outputs.
pub const BODY: &str = "body";

/// Key of the reason in the report's context.
pub const REASON: &str = "reason";

/// Key of the Java class in the report's context.
pub const EXCEPTION: &str = "exceptionType";

/// What stands in place of a stage's id for texts that are evaluated before any stage: name, trigger, notifications.
#[must_use]
pub fn submission() -> StageId {
    StageId::new("submission").expect("the word is an id")
}

/// The address that a lookup reads; `None` when the scheduler answers it from the documents.
#[must_use]
pub(crate) fn address_of(lookup: &Lookup) -> Option<&str> {
    match lookup {
        Lookup::Expression(ExpressionLookup::Url { url }) => Some(url),
        Lookup::Expression(
            ExpressionLookup::Pipeline { .. }
            | ExpressionLookup::Application { .. }
            | ExpressionLookup::CanaryConfig { .. }
            | ExpressionLookup::Reference { .. },
        )
        | Lookup::Pipeline(_)
        | Lookup::Execution(_)
        | Lookup::Artifacts(_) => None,
    }
}

/// What the worker needs to know.
#[must_use]
pub(crate) fn input_of(lookup: &Lookup) -> Map {
    address_of(lookup)
        .map(|url| (URL.to_owned(), json!(url)))
        .into_iter()
        .collect()
}

/// The answer in a report, whatever a worker says.
#[must_use]
pub(crate) fn answer_of(outcome: &Outcome) -> LookupAnswer {
    match outcome {
        Outcome::Succeeded { outputs, .. } => match outputs.get(BODY) {
            Some(Value::String(text)) => LookupAnswer::Found { value: json!(text) },
            _ => failed(None, "the worker brought no text"),
        },
        Outcome::Failed {
            exception, context, ..
        } => {
            let text = |key: &str| context.get(key).and_then(Value::as_str);
            // A task that was not run at all has only the exception that a stage would show.
            let thrown = exception
                .as_ref()
                .and_then(|exception| exception.pointer("/details/errors/0")?.as_str());
            let reason = text(REASON).or(thrown);
            failed(
                text(EXCEPTION),
                reason.unwrap_or("the worker gave no reason"),
            )
        }
        Outcome::Running { .. } | Outcome::Canceled { .. } | Outcome::Closed { .. } => {
            failed(None, "the worker gave up reading it")
        }
    }
}

/// A question that has no answer, for this reason.
#[must_use]
pub(crate) fn failed(exception: Option<&str>, reason: &str) -> LookupAnswer {
    LookupAnswer::Failed {
        exception: exception.map(str::to_owned),
        reason: reason.to_owned(),
    }
}

/// An address without what may be secret in it, for sentences: scheme, host and port.
#[must_use]
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "an address".to_owned();
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// About how many bytes an answer takes in the log.
#[must_use]
pub(crate) fn bytes_of(answer: &LookupAnswer) -> usize {
    match answer {
        LookupAnswer::Found {
            value: Value::String(text),
        } => text.len(),
        LookupAnswer::Found { value } => value.to_string().len(),
        LookupAnswer::Missing => 0,
        LookupAnswer::Failed { reason, .. } => reason.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_become_answers() {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let found = Outcome::Succeeded {
            context: Map::new(),
            outputs: map(json!({"body": "x"})),
        };
        assert_eq!(answer_of(&found), LookupAnswer::Found { value: json!("x") });
        let refused = Outcome::Failed {
            exception: None,
            context: map(json!({"reason": "no", "exceptionType": "java.lang.E"})),
            outputs: Map::new(),
        };
        assert_eq!(answer_of(&refused), failed(Some("java.lang.E"), "no"));
        let not_run = Outcome::Failed {
            exception: Some(json!({"details": {"errors": ["ten times"]}})),
            context: Map::new(),
            outputs: Map::new(),
        };
        assert_eq!(answer_of(&not_run), failed(None, "ten times"));
        for odd in [
            Outcome::Succeeded {
                context: Map::new(),
                outputs: Map::new(),
            },
            Outcome::Canceled {
                context: Map::new(),
            },
            Outcome::Running {
                again_ms: 1,
                context: Map::new(),
            },
        ] {
            assert!(matches!(answer_of(&odd), LookupAnswer::Failed { .. }));
        }
    }

    #[test]
    fn sentences_hide_what_may_be_secret() {
        assert_eq!(
            shown("https://user:pw@x.io:8443/token?secret=1"),
            "https://x.io:8443"
        );
        assert_eq!(shown("http://x.io?token=1"), "http://x.io");
        assert_eq!(shown("nonsense"), "an address");
    }
}
