//! Everything an evaluation may depend on besides the data of the execution.
//!
//! The crate reads no clock, draws no randomness and opens no connection: time, zone, seed and the answers to questions
//! about the outside come in here, so that the same input gives the same bytes.

use std::fmt;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A question that only the outside can answer. Evaluation collects the ones that have no answer yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Lookup {
    /// Body of a GET request as text: `#fromUrl`, `#jsonFromUrl`, `#yamlFromUrl`, `#propertiesFromUrl`.
    Url {
        /// The address as the expression gave it; the address policy is the answerer's.
        url: String,
    },
    /// Id of a pipeline configuration by name: `#pipelineId`, `#pipelineIdOrNull`, `#pipelineIdInApplication`.
    Pipeline {
        /// Application that owns the pipeline.
        application: String,
        /// Name of the pipeline.
        name: String,
    },
    /// The application document: `#applicationMetadata`.
    Application {
        /// Application name.
        name: String,
    },
    /// Id of a canary configuration: `#canaryConfigNameToId`.
    CanaryConfig {
        /// Name of the configuration.
        name: String,
        /// Application that may use it.
        application: String,
    },
    /// Content of an artifact-store reference (`ref://…`), base64 text as stored.
    Reference {
        /// The whole `ref://…` text.
        uri: String,
    },
}

/// What the outside said to a [`Lookup`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum LookupAnswer {
    /// The value: text for addresses, ids and references, a map for an application.
    Found {
        /// The answer.
        value: serde_json::Value,
    },
    /// There is no such thing. Each function decides whether that is null or an error.
    Missing,
    /// It could not be found out.
    Failed {
        /// Java class name for `exceptionType`, when it is to look like the original; else a general one is shown.
        exception: Option<String>,
        /// Reason, as a person reads it.
        reason: String,
    },
}

/// Ceilings. Those without "ours" are Spring's (6.2.19) and have its error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Characters of one expression, without `${` and `}` (EL1079E).
    pub expression_chars_max: usize,
    /// Evaluated nodes of one expression (EL1085E).
    pub operations_max: u32,
    /// Ours: nesting of brackets, operands and conditionals in one expression.
    pub nesting_max: u32,
    /// Ours: bytes of one result, as JSON or text.
    pub result_bytes_max: usize,
    /// Ours: units of work of one expression. A unit is about ten nanoseconds: a fraction of what it takes to look at one
    /// value, or some characters of a text.
    pub work_max: u64,
    /// Ours: units of work of all expressions of one document together.
    pub document_work_max: u64,
    /// Ours: backtracking steps of one regular expression.
    pub regex_steps_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            expression_chars_max: 10_000,
            operations_max: 10_000,
            nesting_max: 64,
            result_bytes_max: 1 << 20,
            work_max: 1_000_000,
            document_work_max: 1_500_000,
            regex_steps_max: 1_000_000,
        }
    }
}

/// The outside of one evaluation, as recorded input.
pub struct Environment<'e> {
    /// The instant that every clock function gives, in epoch milliseconds.
    pub now_ms: i64,
    /// Zone of `LocalDate.now()`, `SimpleDateFormat`, `Date.toString()` and the like.
    pub zone: TimeZone,
    /// Start of the random sequence; same seed, same `Random`, `Math.random` and `UUID` values.
    pub seed: u64,
    /// Answers that are known already.
    pub lookups: &'e dyn Fn(&Lookup) -> Option<LookupAnswer>,
    /// Stages are evaluated with unknown names giving null, submitted documents with unknown names being errors.
    pub allow_unknown_keys: bool,
    /// Whether `ref://…` texts are replaced by what the artifact store holds.
    pub artifact_store: bool,
    /// Ceilings.
    pub limits: Limits,
    /// Whether the evaluation tells what it looked up for each text.
    pub trace: bool,
}

impl Environment<'_> {
    /// An environment in UTC that knows no answers, for stage evaluation.
    pub fn fixed(now_ms: i64, seed: u64) -> Environment<'static> {
        Environment {
            now_ms,
            zone: TimeZone::UTC,
            seed,
            lookups: &|_| None,
            allow_unknown_keys: true,
            artifact_store: false,
            limits: Limits::default(),
            trace: false,
        }
    }
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("now_ms", &self.now_ms)
            .field("zone", &self.zone.iana_name())
            .field("seed", &self.seed)
            .field("allow_unknown_keys", &self.allow_unknown_keys)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
