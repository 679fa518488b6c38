//! `[triggers]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

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
    /// The secret with which webhooks are signed that triggers of the type `git` without a secret of their own look at (Echo's
    /// `trigger.git.shared-secret`). A file is better: environments and settings files are shown around.
    pub git_shared_secret: Option<Secret<String>>,
    /// File with that secret; white space at its end does not count. It is read again at each use.
    pub git_shared_secret_file: Option<String>,
    /// Templates that find artifacts in webhooks (Echo's `webhooks.artifacts.sources`).
    pub artifact_templates: Vec<ArtifactTemplate>,
    /// A time in which pipelines with `respectQuietPeriod` are not started by triggers of some types.
    pub quiet_period: QuietPeriod,
}

/// A template that finds artifacts in the webhooks of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ArtifactTemplate {
    /// The last part of the webhook's address.
    pub source: String,
    /// File with a Jinja template that makes a JSON list of artifacts; names in it are keys of the webhook's body. It is read
    /// when the process starts.
    pub template_file: String,
}

/// A time in which some triggers fire nothing (Echo's `quiet-period`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QuietPeriod {
    /// Its first instant, such as `2026-12-20T00:00:00Z`; with `end_iso`. Unset: there is none.
    pub start_iso: Option<String>,
    /// Its end.
    pub end_iso: Option<String>,
    /// Types of triggers that are held back.
    pub suppressed_trigger_types: Vec<String>,
}

impl QuietPeriod {
    /// First instant and end in epoch milliseconds, when there are both and they can be read.
    #[must_use]
    pub fn bounds_ms(&self) -> Option<(i64, i64)> {
        let instant = |text: &Option<String>| {
            let instant: jiff::Timestamp = text.as_deref()?.parse().ok()?;
            Some(instant.as_millisecond())
        };
        Some((instant(&self.start_iso)?, instant(&self.end_iso)?))
    }
}

impl Default for Triggers {
    fn default() -> Triggers {
        Triggers {
            cron: true,
            time_zone: "America/Los_Angeles".to_owned(),
            cron_catch_up_ms: 600_000,
            git_shared_secret: None,
            git_shared_secret_file: None,
            artifact_templates: Vec::new(),
            quiet_period: QuietPeriod::default(),
        }
    }
}
