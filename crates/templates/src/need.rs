//! What an expansion must know from outside.

use gennaker_model::Map;

/// A question of an expansion. The caller finds the answer and expands again: the same input gives the same questions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The stored template under this key: `id`, `id:tag` or `id@sha256:digest`.
    Template(String),
    /// The document at an `http(s)` address.
    Address(String),
    /// The id of a pipeline by name: `{% pipelineid %}`.
    Pipeline {
        /// Its application.
        application: String,
        /// Its name.
        name: String,
    },
    /// The id of a strategy by name: `{% strategyid %}`.
    Strategy {
        /// Its application.
        application: String,
        /// Its name.
        name: String,
    },
}

/// What the outside says to a [`Need`].
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A template.
    Template(Map),
    /// The id of a pipeline or strategy.
    Id(String),
    /// The text at an address.
    Text(String),
    /// There is no such thing.
    Missing,
    /// It could not be found out, for this reason.
    Failed(String),
}

/// Finds answers; `None` for what has not been asked yet.
pub type Answers<'a> = dyn Fn(&Need) -> Option<Answer> + 'a;
