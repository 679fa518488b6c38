//! Triggers of the type `s3`: objects in buckets that are polled. Spinnaker has none; there it takes a queue and a `pubsub` trigger.
//!
//! `{"type": "s3", "search": "<name in the settings>", "key": "<pattern of the whole key>"}`.

use gennaker_model::Map;

use super::{Check, Event, constraints::matches_whole, equal, text};

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    equal("search", text(&event.payload, "search"), trigger, "search")?;
    let key = text(&event.payload, "key").unwrap_or_default();
    let Some(wanted) = text(trigger, "key").filter(|wanted| !wanted.trim().is_empty()) else {
        return Ok(());
    };
    match matches_whole(wanted, key)? {
        true => Ok(()),
        false => Err(format!(
            "the key is {key:?}, which {wanted:?} does not match as a whole"
        )),
    }
}

pub(super) fn complete(event: &Event, fired: &mut Map) {
    fired.insert("payload".to_owned(), event.payload.clone().into());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::matching::{
        Origin,
        testing::{fired, reason, verdict_on},
    };

    #[test]
    fn a_key_is_matched_as_a_whole() {
        let body = json!({"search": "drops", "bucket": "b", "key": "in/a.csv"});
        let verdict = |key: &str| {
            let trigger = json!({"type": "s3", "enabled": true, "search": "drops", "key": key});
            verdict_on("s3", "drops", Origin::Inside, &body, trigger)
        };
        for key in ["", "in/.*\\.csv"] {
            assert_eq!(fired(verdict(key))["payload"]["key"], "in/a.csv");
        }
        assert_eq!(
            reason(verdict("a.csv")),
            "the key is \"in/a.csv\", which \"a.csv\" does not match as a whole"
        );
    }
}
