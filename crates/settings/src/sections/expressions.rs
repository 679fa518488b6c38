//! `[expressions]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the expressions of pipelines (`${…}`) are evaluated.
///
/// What they gave is recorded with the execution: a change concerns what is evaluated from then on. All schedulers and
/// API processes of an installation should have the same values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Expressions {
    /// The time zone of dates that name none (`new java.text.SimpleDateFormat(…)`, `T(java.time.LocalDate).now()`), by
    /// its IANA name. The default is that of Spinnaker's cron triggers and execution windows; Orca itself takes the zone
    /// of its machines, so name that one when pipelines come from there.
    pub time_zone: String,
    /// The longest expression, in characters without `${` and `}`.
    #[schemars(range(min = 256, max = 100_000))]
    pub length_chars_max: u32,
    /// The deepest nesting of brackets, operands and conditionals in one expression. Deeper ones would need larger stacks.
    #[schemars(range(min = 8, max = 64))]
    pub nesting_max: u32,
    /// The largest result of one expression, in bytes.
    #[schemars(range(min = 1_024, max = 16_777_216))]
    pub result_bytes_max: u64,
    /// The most steps that one regular expression may take on one text.
    #[schemars(range(min = 1_000, max = 10_000_000))]
    pub regex_steps_max: u64,
}

impl Default for Expressions {
    fn default() -> Expressions {
        Expressions {
            time_zone: "America/Los_Angeles".to_owned(),
            length_chars_max: 10_000,
            nesting_max: 64,
            result_bytes_max: 8 << 20,
            regex_steps_max: 1_000_000,
        }
    }
}
