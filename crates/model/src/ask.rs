//! Questions to the workers of a pool that are no tasks: reads of which nothing is recorded.
//!
//! They go to the core subject `gk.ask.<pool>.<what>`. Whoever asks repeats a question that has no answer.

use serde::{Deserialize, Serialize};

/// Version of the questions and answers here.
pub const VERSION: u8 = 1;

/// The pool whose workers read addresses.
pub const ADDRESS_POOL: &str = "notify";

/// What stands in place of an account in the subject of questions about addresses.
pub const ADDRESS: &str = "address";

/// What stands at an address? Answered by [`AddressRead`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadAddress {
    /// [`VERSION`].
    pub v: u8,
    /// `http://`, `https://`, or `file://` where the worker allows it.
    pub url: String,
}

/// What a worker found at an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AddressRead {
    /// The text.
    Text(String),
    /// Why there is none: a sentence for people.
    Failed(String),
}
