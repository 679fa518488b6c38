//! Who wrote a document and when: the fields that a save sets itself, each kind in Front50's way.

use gennaker_model::Map;
use serde_json::Value;

use crate::Kind;

const AUTHOR: &str = "lastModifiedBy";

/// How a kind tells its times.
struct Times {
    /// Field of the last change.
    updated: &'static str,
    /// Field of the creation, if the kind has one.
    created: Option<&'static str>,
    /// Whether they are texts of milliseconds instead of numbers.
    are_texts: bool,
}

const fn times(kind: Kind) -> Times {
    match kind {
        Kind::Application => Times {
            updated: "updateTs",
            created: Some("createTs"),
            are_texts: true,
        },
        // A pipeline gets no key that Front50 does not add: clients compare what they sent with what they read.
        Kind::Pipeline | Kind::Strategy | Kind::Template => Times {
            updated: "updateTs",
            created: None,
            are_texts: true,
        },
        Kind::Project | Kind::Delivery => Times {
            updated: "updateTs",
            created: Some("createTs"),
            are_texts: false,
        },
        Kind::PluginInfo => Times {
            updated: "lastModified",
            created: Some("createTs"),
            are_texts: false,
        },
        // Kayenta's; written with the same times as texts beside them.
        Kind::CanaryConfig => Times {
            updated: "updatedTimestamp",
            created: Some("createdTimestamp"),
            are_texts: false,
        },
        Kind::Permission
        | Kind::Notification
        | Kind::ServiceAccount
        | Kind::EntityTags
        | Kind::Snapshot
        | Kind::PluginVersions => Times {
            updated: "lastModified",
            created: None,
            are_texts: false,
        },
    }
}

/// Sets author and times of a document that is about to be written over `before`.
pub(crate) fn stamp(kind: Kind, body: &mut Map, before: Option<&Map>, user: &str, now_ms: i64) {
    let times = times(kind);
    let value = |ms: i64| match times.are_texts {
        true => Value::from(ms.to_string()),
        false => Value::from(ms),
    };
    let last_ms = before
        .and_then(|before| updated_ms(kind, before))
        .unwrap_or(0);
    // Strictly later than before: the time is the fingerprint of the stale check.
    let update_ms = now_ms.max(last_ms.saturating_add(1));
    if let Some(field) = times.created {
        let created = match before {
            Some(before) => before.get(field).cloned(),
            None => Some(value(update_ms)),
        };
        if let Some(created) = created {
            body.insert(field.to_owned(), created);
        }
    }
    body.insert(AUTHOR.to_owned(), user.into());
    body.insert(times.updated.to_owned(), value(update_ms));
}

/// Whether a submitted field is one of those that [`stamp`] sets.
pub(crate) fn is_own(kind: Kind, field: &str) -> bool {
    let times = times(kind);
    field == AUTHOR || field == times.updated || times.created == Some(field)
}

/// When a document was last changed, as it says itself.
pub(crate) fn updated_ms(kind: Kind, body: &Map) -> Option<i64> {
    match body.get(times(kind).updated)? {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_i64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Sets when a document was last changed.
pub(crate) fn set_updated(kind: Kind, body: &mut Map, time_ms: i64) {
    let times = times(kind);
    let value = match times.are_texts {
        true => Value::from(time_ms.to_string()),
        false => Value::from(time_ms),
    };
    body.insert(times.updated.to_owned(), value);
}

/// Whether `prepared` says what is stored already, by the same user: a call that ran twice.
pub(crate) fn is_repeat(kind: Kind, stored: &Map, prepared: &Map) -> bool {
    let updated = times(kind).updated;
    stored.len() == prepared.len()
        && prepared
            .iter()
            .all(|(field, value)| field == updated || stored.get(field) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn each_kind_has_its_fields() {
        for (kind, expected) in [
            (
                Kind::Application,
                json!({"createTs": "5", "lastModifiedBy": "me", "updateTs": "5"}),
            ),
            (
                Kind::Pipeline,
                json!({"lastModifiedBy": "me", "updateTs": "5"}),
            ),
            (
                Kind::Project,
                json!({"createTs": 5, "lastModifiedBy": "me", "updateTs": 5}),
            ),
            (
                Kind::Notification,
                json!({"lastModifiedBy": "me", "lastModified": 5}),
            ),
        ] {
            let mut body = Map::new();
            stamp(kind, &mut body, None, "me", 5);
            assert_eq!(Value::Object(body.clone()), expected, "{kind:?}");
            assert!(body.keys().all(|field| is_own(kind, field)));
        }
    }

    #[test]
    fn time_only_rises_and_creation_stays() {
        let before = map(json!({"createTs": "1", "updateTs": "9", "lastModifiedBy": "you"}));
        let mut body = Map::new();
        stamp(Kind::Application, &mut body, Some(&before), "me", 5);
        assert_eq!(
            Value::Object(body.clone()),
            json!({"createTs": "1", "lastModifiedBy": "me", "updateTs": "10"})
        );
        assert!(is_repeat(
            Kind::Application,
            &map(json!({"createTs": "1", "updateTs": "77", "lastModifiedBy": "me"})),
            &body
        ));
        assert!(!is_repeat(Kind::Application, &before, &body));
    }
}
