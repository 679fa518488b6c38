//! Triggers of the type `plugin` (events reference 4.8): releases of plugins in the document store.
//!
//! Source: echo `PluginEventHandler`. The plugin is not compared.

use gennaker_model::Map;

use super::{Check, Event, text};

/// What a release is when nobody says.
const PUBLISHED: &str = "PUBLISHED";

/// What a release says of itself.
const FIELDS: [&str; 9] = [
    "pluginId",
    "version",
    "releaseDate",
    "requires",
    "parsedRequires",
    "binaryUrl",
    "sha512sum",
    "provider",
    "description",
];

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    let of = |map, field| {
        text(map, field)
            .filter(|kind| !kind.is_empty())
            .unwrap_or(PUBLISHED)
    };
    let found = of(&event.payload, "pluginEventType");
    let wanted = of(trigger, "pluginEventType");
    match found.eq_ignore_ascii_case(wanted) {
        true => Ok(()),
        false => Err(format!(
            "the event is {found:?}, the trigger wants {wanted:?}"
        )),
    }
}

pub(super) fn complete(event: &Event, fired: &mut Map) {
    for key in FIELDS {
        if let Some(value) = event.payload.get(key).filter(|value| !value.is_null()) {
            fired.insert(key.to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::matching::{
        Origin,
        testing::{fired, reason, verdict_on},
    };

    #[test]
    fn a_release_fires_whatever_the_plugin() {
        let body = json!({"pluginEventType": "PUBLISHED", "pluginId": "acme.hello", "version": "1.0.1", "requires": "orca>=8"});
        let verdict = |wanted: &str| {
            let trigger = json!({"type": "plugin", "enabled": true, "pluginEventType": wanted, "pluginId": "other"});
            verdict_on("plugin", "front50", Origin::Inside, &body, trigger)
        };
        for wanted in ["", "published"] {
            let trigger = fired(verdict(wanted));
            assert_eq!(trigger["pluginId"], "acme.hello");
            assert_eq!(trigger["version"], "1.0.1");
        }
        assert_eq!(
            reason(verdict("PREFERRED_VERSION_UPDATED")),
            "the event is \"PUBLISHED\", the trigger wants \"PREFERRED_VERSION_UPDATED\""
        );
    }
}
