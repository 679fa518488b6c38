//! What the API asks workers about build servers, on `gk.ask.<pool>.<master>`, and what they answer (`events.md` 10 of the
//! reference: the routes of Igor).
//!
//! A question goes to one worker that serves the master. It is a read: whoever gets no answer asks again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the messages in this module.
pub const VERSION: u8 = 1;

/// The pool whose workers answer.
pub const POOL: &str = "jenkins";

/// Under which name a master is asked for.
#[must_use]
pub fn place(master: &str) -> String {
    format!("master:{master}")
}

/// A build server as it is listed: nothing in it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Master {
    /// Its name.
    pub name: String,
    /// Its kind, as Gate's `?type=` writes it: `jenkins`, `travis`, `gitlab_ci`, `concourse`.
    pub kind: String,
    /// The zone whose workers reach it; none for all.
    pub zone: Option<String>,
    /// Roles by permission; nobody named: everybody.
    pub permissions: BTreeMap<String, Vec<String>>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// [`VERSION`].
    pub v: u8,
    /// The master.
    pub master: String,
    /// What is asked.
    pub read: Read,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "read", rename_all = "camelCase", deny_unknown_fields)]
pub enum Read {
    /// The names of the jobs: a list.
    Jobs,
    /// The configuration of a job: an object.
    Job {
        /// The job.
        job: String,
    },
    /// The builds of a job: a list.
    Builds {
        /// The job.
        job: String,
    },
    /// A build: an object.
    Build {
        /// The job.
        job: String,
        /// The build's number.
        number: u64,
    },
    /// A build with its properties, for a trigger: an object with `buildInfo`, and with `properties` and `artifacts` where there are
    /// any.
    Trigger {
        /// The job.
        job: String,
        /// The build's number.
        number: u64,
        /// The file of properties, if the trigger names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        property_file: Option<String>,
    },
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// [`VERSION`].
    pub v: u8,
    /// The HTTP status with which Igor would answer.
    pub status: u16,
    /// What was asked for; a sentence for people when the status is not 200.
    pub body: Value,
}
