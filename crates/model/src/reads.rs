//! What the API asks workers about clouds, on `gk.ask.<pool>.<account>`, and what they answer.
//!
//! A question goes to one worker that serves the account. It is a read: whoever gets no answer asks again.
//!
//! Ten thousand objects are one answer of many megabytes, and as a tree of values ten times that. So an answer of objects can be
//! written from texts ([`ObjectsAnswer`]), and a [`Reply`] is read straight into what it is.

mod objects;
mod reading;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use objects::ObjectsAnswer;

/// Version of the messages in this module.
pub const VERSION: u8 = 1;

/// The pool whose workers answer for clouds.
pub const POOL: &str = "deploy";

/// A question about one account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// [`VERSION`].
    pub v: u8,
    /// How long the answer is waited for, in milliseconds; a later one is of no use.
    pub wait_ms: u64,
    /// What is asked.
    pub ask: Ask,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "camelCase", deny_unknown_fields)]
pub enum Ask {
    /// The objects of an application, as they were last seen: [`Reply::Objects`].
    Application {
        /// The application.
        application: String,
    },
    /// The objects beside one object, as they were last seen: [`Reply::Objects`].
    Beside {
        /// Its namespace.
        namespace: String,
        /// Its full name, or its uid.
        name: String,
    },
    /// The objects of some kinds, as they were last seen: [`Reply::Objects`].
    Kinds {
        /// The kinds; none for all.
        kinds: Vec<String>,
    },
    /// Objects of some kinds whose name, namespace or application contains a text, as they were last seen: [`Reply::Objects`].
    Search {
        /// The kinds.
        kinds: Vec<String>,
        /// The text, in letters of any case.
        text: String,
        /// At most so many.
        limit: u32,
    },
    /// One object as it is now, as `GET /manifests` shows it: [`Reply::Value`].
    Manifest {
        /// Its namespace; empty for none.
        location: String,
        /// Its full name.
        name: String,
        /// With what happened to it lately, and what it uses.
        events: bool,
    },
    /// The coordinates of a cluster's objects as they are now: [`Reply::Value`], a list.
    Cluster {
        /// The namespace.
        location: String,
        /// The kind.
        kind: String,
        /// The application.
        application: String,
        /// The cluster.
        cluster: String,
    },
    /// One object of a cluster, by Spinnaker's criteria: [`Reply::Value`], its coordinates.
    Target {
        /// The namespace.
        location: String,
        /// The kind.
        kind: String,
        /// The application.
        application: String,
        /// The cluster.
        cluster: String,
        /// `newest`, …
        criteria: String,
    },
    /// What the containers of a pod printed: [`Reply::Value`], a list of `{name, output}`.
    Console {
        /// The namespace.
        namespace: String,
        /// The pod.
        pod: String,
    },
    /// The properties that a container of a pod printed: [`Reply::Value`].
    PodFile {
        /// The namespace.
        namespace: String,
        /// The pod.
        pod: String,
        /// The container.
        container: String,
    },
    /// The status of a Job: [`Reply::Value`].
    Job {
        /// The namespace.
        location: String,
        /// Its full name.
        name: String,
    },
    /// The namespaces that the account may see: [`Reply::Value`], a list.
    Namespaces,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// [`VERSION`].
    pub v: u8,
    /// What was found, or why nothing was.
    pub reply: Reply,
}

/// What was found, or why nothing was. Its written form begins with the field `reply`, which names the kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "reply", rename_all = "camelCase")]
pub enum Reply {
    /// Objects, as they were last seen.
    Objects {
        /// The objects, without what nobody is shown.
        objects: Vec<Value>,
        /// How long the cluster is cut off, in milliseconds; none when all is as of now.
        #[serde(skip_serializing_if = "Option::is_none")]
        age_ms: Option<u64>,
        /// What could not be read, by kind, and why.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        troubles: Vec<(String, String)>,
        /// Objects that did not fit into memory.
        left_out: u64,
    },
    /// What was asked for.
    Value {
        /// It.
        value: Value,
    },
    /// Nothing, for a reason.
    Refused {
        /// Of which class.
        code: Refused,
        /// A sentence for people.
        message: String,
    },
}

/// Classes of refusal; `gate` turns each into one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Refused {
    /// There is no such thing (404).
    NotFound,
    /// The question makes no sense (400).
    Invalid,
    /// The cluster, or the account's settings, forbid it (403).
    Forbidden,
    /// More than fits into an answer (413).
    TooLarge,
    /// The cluster does not answer, or too much is asked at once (503).
    Unavailable,
    /// Anything else that the cluster said, or a fault of ours (500).
    Failed,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn questions_and_answers_have_a_written_form() {
        let question = Question {
            v: VERSION,
            wait_ms: 5_000,
            ask: Ask::Console {
                namespace: "shop".to_owned(),
                pod: "web".to_owned(),
            },
        };
        let written = json!({"v": 1, "wait_ms": 5000, "ask": {"ask": "console", "namespace": "shop", "pod": "web"}});
        assert_eq!(serde_json::to_value(&question).unwrap(), written);
        assert_eq!(
            serde_json::from_value::<Question>(written).unwrap(),
            question
        );
        let answer = Answer {
            v: VERSION,
            reply: Reply::Refused {
                code: Refused::NotFound,
                message: "none".to_owned(),
            },
        };
        let written =
            json!({"v": 1, "reply": {"reply": "refused", "code": "notFound", "message": "none"}});
        assert_eq!(serde_json::to_value(&answer).unwrap(), written);
        assert_eq!(serde_json::from_value::<Answer>(written).unwrap(), answer);
        assert!(serde_json::from_value::<Ask>(json!({"ask": "more"})).is_err());
    }
}
