//! The artifacts with which an execution starts (orchestration reference 8.6).
//!
//! What an artifact is, and when an expected one matches, is said in [`gennaker_stages::artifacts`].
//! Source: orca `ArtifactUtils.resolveArtifacts`.

use gennaker_model::Map;
use gennaker_stages::artifacts::{
    Artifact, Expected, Malformed, Unresolved, read_all, read_expected, resolve,
};
use serde_json::Value;

/// Why the expected artifacts of a pipeline cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// One is missing, or is there more than once.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    /// Something in the configuration or the trigger is no artifact.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// Resolves the expected artifacts of `config` that the trigger asks for or that have something to fall back on, and puts
/// `artifacts`, `expectedArtifacts` and `resolvedExpectedArtifacts` into the trigger.
///
/// `prior` are the artifacts of the most recent execution of the pipeline. When they are not known (`None`), an expected
/// artifact that nothing but those could satisfy is left out.
///
/// # Errors
/// [`Error`]; the trigger is unchanged then.
pub fn resolve_at_start(
    config: &Map,
    trigger: &mut Map,
    prior: Option<&[Artifact]>,
) -> Result<(), Error> {
    let mut received: Vec<Artifact> = Vec::new();
    let given = [
        (config.get("receivedArtifacts"), "receivedArtifacts"),
        (trigger.get("artifacts"), "trigger.artifacts"),
    ];
    for (list, path) in given {
        for artifact in read_all(list, path)? {
            if !received.contains(&artifact) {
                received.push(artifact);
            }
        }
    }
    let ids = trigger.get("expectedArtifactIds").and_then(Value::as_array);
    let is_required = |expected: &Expected| {
        ids.is_some_and(|ids| ids.iter().any(|id| id.as_str() == Some(&expected.id)))
    };
    let mut expected = read_expected(config.get("expectedArtifacts"), "expectedArtifacts")?;
    expected.retain(|one| is_required(one) || one.use_default || one.use_prior);
    if prior.is_none() {
        expected = without_prior(expected, &received)?;
    }
    let resolved = resolve(&expected, &received, prior.unwrap_or_default(), true)?;
    for artifact in resolved.artifacts {
        if !received.contains(&artifact) {
            received.push(artifact);
        }
    }
    let received = received.iter().map(Artifact::to_value).collect();
    trigger.insert("artifacts".to_owned(), Value::Array(received));
    for key in ["expectedArtifacts", "resolvedExpectedArtifacts"] {
        trigger.insert(key.to_owned(), Value::Array(resolved.expected.clone()));
    }
    Ok(())
}

/// Whether an expected artifact of `config` may come from an earlier execution.
#[must_use]
pub fn falls_back_on_prior(config: &Map) -> bool {
    read_expected(config.get("expectedArtifacts"), "expectedArtifacts")
        .is_ok_and(|expected| expected.iter().any(|one| one.use_prior))
}

/// Leaves out what only an earlier execution could satisfy.
fn without_prior(
    expected: Vec<Expected>,
    received: &[Artifact],
) -> Result<Vec<Expected>, Unresolved> {
    let mut kept = Vec::with_capacity(expected.len());
    for one in expected {
        let falls_back_on_prior = one.use_prior && !(one.use_default && one.default.is_some());
        let alone = std::slice::from_ref(&one);
        match resolve(alone, received, &[], true) {
            Err(Unresolved::Unmatched(_)) if falls_back_on_prior => {}
            Err(other) => return Err(other),
            Ok(_) => kept.push(one),
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().cloned().unwrap()
    }

    fn start(expected: Value, trigger: Value) -> Result<Map, String> {
        let mut trigger = map(trigger);
        let config = map(json!({ "expectedArtifacts": expected }));
        resolve_at_start(&config, &mut trigger, None)
            .map(|()| trigger)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_required_is_bound_and_the_rest_left_out() {
        let expected = json!([
            {"id": "image", "matchArtifact": {"type": "docker/image"}},
            {"id": "other", "matchArtifact": {"type": "gcs/object"}},
            {"id": "file", "matchArtifact": {"type": "http/file"}, "useDefaultArtifact": true,
             "defaultArtifact": {"type": "http/file", "reference": "d"}}]);
        let image = json!({"type": "docker/image", "name": "a"});
        let trigger = start(
            expected,
            json!({"artifacts": [image, image], "expectedArtifactIds": ["image"]}),
        )
        .unwrap();
        let names = |key: &str, field: &str| -> Vec<Value> {
            let list = trigger[key].as_array().unwrap().iter();
            list.map(|item| item.pointer(field).cloned().unwrap_or(Value::Null))
                .collect()
        };
        assert_eq!(names("resolvedExpectedArtifacts", "/id"), ["image", "file"]);
        assert_eq!(
            names("resolvedExpectedArtifacts", "/boundArtifact/type"),
            ["docker/image", "http/file"]
        );
        assert_eq!(
            names("artifacts", "/type"),
            ["docker/image", "http/file"],
            "received, each once, then bound"
        );
        assert_eq!(
            trigger["expectedArtifacts"],
            trigger["resolvedExpectedArtifacts"]
        );
    }

    #[test]
    fn what_is_missing_or_there_twice_is_refused() {
        let expected = json!([{"id": "i", "matchArtifact": {"type": "t"}}]);
        let missing = start(expected.clone(), json!({"expectedArtifactIds": ["i"]})).unwrap_err();
        assert!(
            missing.starts_with("Unmatched expected artifact ExpectedArtifact("),
            "{missing}"
        );
        let two = json!([{"type": "t", "name": "1"}, {"type": "t", "name": "2"}]);
        let several = start(
            expected,
            json!({"expectedArtifactIds": ["i"], "artifacts": two}),
        )
        .unwrap_err();
        assert!(several.contains("matches multiple artifacts"), "{several}");
        let odd = start(json!({}), json!({})).unwrap_err();
        assert_eq!(odd, "expectedArtifacts must be a list");
    }

    #[test]
    fn prior_artifacts_are_used_where_they_are_known() {
        let config = map(
            json!({"expectedArtifacts": [{"id": "i", "matchArtifact": {"type": "t"}, "usePriorArtifact": true}]}),
        );
        let mut trigger = map(json!({"expectedArtifactIds": ["i"]}));
        resolve_at_start(&config, &mut trigger, None).unwrap();
        assert_eq!(trigger["resolvedExpectedArtifacts"], json!([]), "not known");
        let prior = read_all(Some(&json!([{"type": "t", "name": "before"}])), "prior").unwrap();
        resolve_at_start(&config, &mut trigger, Some(&prior)).unwrap();
        assert_eq!(
            trigger["resolvedExpectedArtifacts"][0]["boundArtifact"]["name"],
            "before"
        );
        let none = resolve_at_start(&config, &mut map(json!({})), Some(&[]));
        assert!(matches!(
            none,
            Err(Error::Unresolved(Unresolved::Unmatched(_)))
        ));
    }
}
