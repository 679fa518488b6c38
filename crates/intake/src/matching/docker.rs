//! Triggers of the types `docker` and `helm/oci` (events reference 4.3): tags in registries that are polled.
//!
//! Source: echo `DockerEventHandler`, `HelmOciEventHandler`.

use gennaker_model::Map;

use super::{Check, Event, constraints::matches_whole, equal, text};

/// The tag that an empty pattern does not mean.
const LATEST: &str = "latest";

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    equal(
        "account",
        text(&event.payload, "account"),
        trigger,
        "account",
    )?;
    equal(
        "repository",
        text(&event.payload, "repository"),
        trigger,
        "repository",
    )?;
    let Some(tag) = text(&event.payload, "tag").filter(|tag| !tag.is_empty()) else {
        return Err("the image has no tag".to_owned());
    };
    match text(trigger, "tag").filter(|wanted| !wanted.trim().is_empty()) {
        None if tag == LATEST => Err(format!(
            "the tag is {LATEST:?}, which a trigger without a tag does not mean; one that wants it must name it"
        )),
        None => Ok(()),
        Some(wanted) => match matches_whole(wanted, tag)? {
            true => Ok(()),
            false => Err(format!(
                "the tag is {tag:?}, which {wanted:?} does not match as a whole"
            )),
        },
    }
}

/// The tag that was found in place of the pattern, and the digest.
pub(super) fn complete(event: &Event, fired: &mut Map) {
    for key in ["tag", "digest"] {
        match event.payload.get(key) {
            Some(value) if !value.is_null() => {
                fired.insert(key.to_owned(), value.clone());
            }
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::matching::{Origin, Verdict, testing::verdict_on};

    fn event() -> Value {
        json!({"account": "hub", "registry": "index.docker.io", "repository": "org/app", "tag": "v12", "digest": "sha256:1",
            "artifacts": [{"type": "docker/image", "name": "index.docker.io/org/app", "version": "v12",
                "reference": "index.docker.io/org/app:v12"}]})
    }

    fn verdict(kind: &str, event: &Value, more: Value) -> Option<Verdict> {
        let mut trigger = json!({"type": kind, "enabled": true, "account": "hub", "organization": "other",
            "registry": "elsewhere", "repository": "org/app"});
        let fields = trigger.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        verdict_on(kind, "hub", Origin::Inside, event, trigger)
    }

    fn reason(event: &Value, more: Value) -> String {
        match verdict("docker", event, more) {
            Some(Verdict::Passes(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// `events.md` 14.3 and 14.4: the tag is matched as a whole, and an empty one excludes `latest`.
    #[test]
    fn a_tag_is_matched_as_a_whole_and_an_empty_one_excludes_latest() {
        for pattern in [r"^v\d+.*", "v12", ".*", "", " "] {
            let fired = verdict("docker", &event(), json!({"tag": pattern}));
            let Some(Verdict::Fires(trigger)) = fired else {
                panic!("{pattern:?}: {fired:?}");
            };
            assert_eq!(trigger["tag"], "v12");
            assert_eq!(trigger["digest"], "sha256:1");
            assert_eq!(trigger["artifacts"], event()["artifacts"]);
        }
        assert_eq!(
            reason(&event(), json!({"tag": "v1"})),
            "the tag is \"v12\", which \"v1\" does not match as a whole"
        );
        let mut latest = event();
        latest["tag"] = "latest".into();
        assert!(reason(&latest, json!({})).starts_with("the tag is \"latest\""));
        let named = verdict("docker", &latest, json!({"tag": "latest"}));
        assert!(matches!(named, Some(Verdict::Fires(_))));
    }

    #[test]
    fn account_and_repository_are_equal_exactly() {
        assert_eq!(
            reason(&event(), json!({"account": "Hub"})),
            "the account is \"hub\", the trigger wants \"Hub\""
        );
        assert_eq!(
            reason(&event(), json!({"repository": "org/application"})),
            "the repository is \"org/app\", the trigger wants \"org/application\""
        );
        assert_eq!(
            reason(&event(), json!({"repository": null})),
            "the trigger names no repository"
        );
        let mut untagged = event();
        untagged.as_object_mut().unwrap().shift_remove("tag");
        assert_eq!(reason(&untagged, json!({})), "the image has no tag");
    }

    #[test]
    fn charts_are_not_images_and_nobody_outside_claims_either() {
        let chart = verdict("helm/oci", &event(), json!({}));
        assert!(matches!(chart, Some(Verdict::Fires(_))));
        let image =
            json!({"type": "docker", "enabled": true, "account": "hub", "repository": "org/app"});
        let on = |kind: &str, origin| verdict_on(kind, "hub", origin, &event(), image.clone());
        assert_eq!(on("helm/oci", Origin::Inside), None);
        assert_eq!(on("docker", Origin::Outside), None);
    }
}
