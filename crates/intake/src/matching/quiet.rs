//! The quiet period: a time in which automatic starts of some types are held back for the pipelines that respect it (events
//! reference 5).
//!
//! Source: echo `QuietPeriodIndicator`, `PipelineInitiator`.

use gennaker_model::Map;

use super::{is_true, text};

/// When triggers of some types fire nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuietPeriod {
    /// Its first instant, epoch milliseconds.
    pub from_ms: i64,
    /// Its end, epoch milliseconds; no longer part of it.
    pub until_ms: i64,
    /// The types that are held back.
    pub suppressed_types: Vec<String>,
}

impl QuietPeriod {
    /// Whether it is quiet at an instant.
    #[must_use]
    pub fn holds_at(&self, now_ms: i64) -> bool {
        (self.from_ms..self.until_ms).contains(&now_ms)
    }

    /// Why a trigger that fires is held back, if it is.
    #[must_use]
    pub fn holds_back(&self, config: &Map, trigger: &Map, now_ms: i64) -> Option<String> {
        let kind = text(trigger, "type")?;
        let is_meant = self.holds_at(now_ms)
            && config.get("respectQuietPeriod").is_some_and(is_true)
            && self
                .suppressed_types
                .iter()
                .any(|it| it.eq_ignore_ascii_case(kind));
        is_meant.then(|| {
            format!("it is a quiet period, which the pipeline respects: triggers of the type {kind:?} are held back")
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_pipelines_that_respect_it_and_types_that_it_names_are_held_back() {
        let period = QuietPeriod {
            from_ms: 10,
            until_ms: 20,
            suppressed_types: vec!["cron".to_owned(), "git".to_owned()],
        };
        for (respects, kind, now_ms, is_held) in [
            (json!(true), "cron", 10, true),
            (json!("true"), "GIT", 19, true),
            (json!(true), "cron", 20, false),
            (json!(true), "cron", 9, false),
            (json!(true), "webhook", 15, false),
            (json!(false), "cron", 15, false),
            (Value::Null, "cron", 15, false),
        ] {
            let config = json!({"respectQuietPeriod": respects});
            let trigger = json!({"type": kind});
            let (config, trigger) = (config.as_object().unwrap(), trigger.as_object().unwrap());
            let reason = period.holds_back(config, trigger, now_ms);
            assert_eq!(reason.is_some(), is_held, "{respects} {kind} {now_ms}");
        }
    }
}
