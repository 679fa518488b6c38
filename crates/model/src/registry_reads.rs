//! What the API asks workers about registries of images, on `gk.ask.<pool>.<place>`, and what they answer.
//!
//! A question goes to one worker that serves the account. It is a read: whoever gets no answer asks again.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the messages in this module.
pub const VERSION: u8 = 1;

/// The pool whose workers answer: those that reach clusters reach their registries.
pub const POOL: &str = "deploy";

/// Under which name an account of a registry is asked for: accounts of clouds may have the same one.
#[must_use]
pub fn place(account: &str) -> String {
    format!("registry:{account}")
}

/// An account as it is listed: nothing in it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// The zone whose workers reach it; none for all.
    pub zone: Option<String>,
    /// Whether it names repositories that hold charts.
    pub has_charts: bool,
}

/// A question about an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// [`VERSION`].
    pub v: u8,
    /// What is asked.
    pub read: Read,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "read", rename_all = "camelCase")]
pub enum Read {
    /// The tags of a repository: a list of texts.
    Tags {
        /// The repository.
        repository: String,
    },
    /// Images: a list of objects.
    Find(Find),
}

/// Which images are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Find {
    /// Charts, and no images.
    pub is_chart: bool,
    /// What the repository holds, or `repository:tag`; stars stand for anything.
    pub query: Option<String>,
    /// Exactly this repository.
    pub repository: Option<String>,
    /// Exactly this tag.
    pub tag: Option<String>,
    /// Whether digests and labels are wanted, where the account reads them.
    pub details: bool,
    /// How many at most.
    pub count: Option<u64>,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// [`VERSION`].
    pub v: u8,
    /// A status of HTTP.
    pub status: u16,
    /// What was asked for; a sentence for people when the status is not 200.
    pub body: Value,
}
