//! Triggers of the type `nexus` (events reference 4.8 and 13.4): what a Nexus says by a webhook.
//!
//! Igor has an address of its own for all searches and chooses the search by node or repository, as its settings say. Here the
//! address names it: `POST /webhooks/nexus/SEARCH`. Like Igor, only assets of Maven count that are new or changed, and of these
//! the one that every version has, `….pom`.
//!
//! Source: igor `NexusEventPoster`, echo `NexusEventHandler`.

use gennaker_model::Map;
use serde_json::{Value, json};

use super::{Check, Event, equal, text};

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    let source = &event.header.source;
    equal("search", Some(source), trigger, "nexusSearchName")?;
    artifact(&event.payload).map(drop)
}

/// The artifact that the webhook is about, or why it is about none.
pub(super) fn artifact(payload: &Map) -> Result<Value, String> {
    let action = text(payload, "action").unwrap_or_default();
    if !["CREATED", "UPDATED"].contains(&action) {
        return Err(format!(
            "the action is {action:?}, and only CREATED and UPDATED count"
        ));
    }
    let asset = payload.get("asset").and_then(Value::as_object);
    let Some(asset) = asset else {
        return Err("the webhook names no asset".to_owned());
    };
    let format = text(asset, "format").unwrap_or_default();
    if format != "maven2" {
        return Err(format!("the format is {format:?}, and only maven2 counts"));
    }
    let name = text(asset, "name").unwrap_or_default();
    let no_pom = || format!("the asset is {name:?}, and only a .pom counts");
    if !name.ends_with(".pom") {
        return Err(no_pom());
    }
    // `org/acme/web/1.2/web-1.2.pom`
    let mut parts: Vec<&str> = name.trim_start_matches('/').split('/').collect();
    let (Some(_), Some(version), Some(artifact)) = (parts.pop(), parts.pop(), parts.pop()) else {
        return Err(no_pom());
    };
    if parts.is_empty() {
        return Err(no_pom());
    }
    let group = parts.join(".");
    Ok(json!({
        "type": "maven/file",
        "name": format!("{group}:{artifact}"),
        "version": version,
        "reference": format!("{group}:{artifact}:{version}"),
        "provenance": text(payload, "repositoryName"),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::matching::{
        Origin, Verdict,
        testing::{fired, reason, verdict_on},
    };

    fn verdict(more: Value) -> Option<Verdict> {
        let mut body = json!({"timestamp": "t", "nodeId": "n", "initiator": "i", "repositoryName": "releases", "action": "CREATED",
            "asset": {"format": "maven2", "name": "org/acme/web/1.2/web-1.2.pom"}});
        let fields = body.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let trigger = json!({"type": "nexus", "enabled": true, "nexusSearchName": "releases"});
        verdict_on("nexus", "releases", Origin::Outside, &body, trigger)
    }

    #[test]
    fn a_new_version_fires_and_the_rest_says_why_not() {
        assert_eq!(
            fired(verdict(json!({})))["artifacts"],
            json!([{"type": "maven/file", "name": "org.acme:web", "version": "1.2", "reference": "org.acme:web:1.2",
                "provenance": "releases"}])
        );
        for (more, wanted) in [
            (
                json!({"action": "DELETED"}),
                "the action is \"DELETED\", and only CREATED and UPDATED count",
            ),
            (
                json!({"asset": {"format": "npm", "name": "a.pom"}}),
                "the format is \"npm\", and only maven2 counts",
            ),
            (
                json!({"asset": {"format": "maven2", "name": "a/b/1/b-1.jar"}}),
                "the asset is \"a/b/1/b-1.jar\", and only a .pom counts",
            ),
            (
                json!({"asset": {"format": "maven2", "name": "b-1.pom"}}),
                "the asset is \"b-1.pom\", and only a .pom counts",
            ),
            (json!({"asset": 7}), "the webhook names no asset"),
        ] {
            assert_eq!(reason(verdict(more)), wanted);
        }
    }
}
