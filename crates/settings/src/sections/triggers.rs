//! `[triggers]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What starts pipelines by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Triggers {
    /// Whether triggers of the type `cron` fire.
    pub cron: bool,
    /// The time zone of their schedules, by its IANA name (Echo's `scheduler.cron.timezone`).
    pub time_zone: String,
    /// How far to look back after a start for instants of schedules that nobody was there to see, in milliseconds; 0 drops
    /// them, as Echo does. Of several of one schedule only the last is made up for, and none from before its pipeline was saved
    /// last.
    #[schemars(range(min = 0, max = 86_400_000))]
    pub cron_catch_up_ms: u64,
}

impl Default for Triggers {
    fn default() -> Triggers {
        Triggers {
            cron: true,
            time_zone: "America/Los_Angeles".to_owned(),
            cron_catch_up_ms: 600_000,
        }
    }
}
