//! Triggers of the type `helm` (events reference 4.8): charts in repositories that are polled.
//!
//! Source: echo `HelmEventHandler`. The name of the chart is not compared: `expectedArtifactIds` does that.

use gennaker_model::Map;

use super::{Check, Event, equal, semver, text};

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    equal(
        "account",
        text(&event.payload, "account"),
        trigger,
        "account",
    )?;
    let version = text(&event.payload, "version").unwrap_or_default();
    let Some(wanted) = text(trigger, "version").filter(|wanted| !wanted.trim().is_empty()) else {
        return Ok(());
    };
    match semver::satisfies(version, wanted)? {
        true => Ok(()),
        false => Err(format!(
            "the version is {version:?}, which is not in the range {wanted:?}"
        )),
    }
}

pub(super) fn complete(event: &Event, fired: &mut Map) {
    for (key, from) in [
        ("artifactName", "chart"),
        ("version", "version"),
        ("digest", "digest"),
    ] {
        if let Some(value) = event.payload.get(from).filter(|value| !value.is_null()) {
            fired.insert(key.to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::matching::{
        Origin, Verdict,
        testing::{fired, reason, verdict_on},
    };

    fn verdict(trigger: Value) -> Option<Verdict> {
        let body = json!({"account": "charts", "chart": "web", "version": "1.4.0", "digest": "d",
            "artifacts": [{"type": "helm/chart", "name": "web", "version": "1.4.0", "reference": "charts"}]});
        let mut whole =
            json!({"type": "helm", "enabled": true, "account": "charts", "chart": "another"});
        let fields = whole.as_object_mut().unwrap();
        fields.extend(trigger.as_object().unwrap().clone());
        verdict_on("helm", "charts", Origin::Inside, &body, whole)
    }

    #[test]
    fn a_version_is_in_a_range() {
        for range in ["", "^1.2.0", "1.x", ">=1.0.0 <2.0.0"] {
            let trigger = fired(verdict(json!({"version": range})));
            assert_eq!(trigger["artifactName"], "web", "the chart is not compared");
            assert_eq!(trigger["version"], "1.4.0");
        }
        assert_eq!(
            reason(verdict(json!({"version": "~1.3"}))),
            "the version is \"1.4.0\", which is not in the range \"~1.3\""
        );
        assert_eq!(
            reason(verdict(json!({"version": "newest"}))),
            "the range \"newest\" cannot be read: \"newest\" is no version"
        );
        assert_eq!(
            reason(verdict(json!({"account": "other"}))),
            "the account is \"charts\", the trigger wants \"other\""
        );
    }
}
