//! Switches: triggers of a type, or all, start nothing until they are switched on again. Our addition, for what Echo does with
//! `scheduler.triggers` and `orca` in its dynamic settings.

use serde::{Deserialize, Serialize};

/// Prefix of the keys of all switches in the bucket `gk_cfg`.
pub const KEYS: &str = "switch";

/// What stands for triggers of every type.
pub const ALL: &str = "triggers";

/// Triggers that are switched off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Switch {
    /// Their type in lower case, or [`ALL`].
    pub name: String,
    /// Who switched them off.
    pub by: String,
    /// When, epoch milliseconds.
    pub at_ms: i64,
    /// Why.
    pub reason: String,
}

impl Switch {
    /// Whether it is about triggers of a type.
    #[must_use]
    pub fn holds(&self, kind: &str) -> bool {
        self.name == ALL || self.name.eq_ignore_ascii_case(kind)
    }
}
