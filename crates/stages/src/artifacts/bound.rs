//! The artifact that a stage means by the id of an expected one.

use gennaker_engine::graph;
use gennaker_model::{Execution, Map, Stage};
use serde_json::{Value, json};

use super::{Artifact, Expected, LIST_MAX};

/// The artifact that is bound to the expected artifact `id`: by the stage itself, else by its nearest ancestor that knows the
/// id, else by the trigger. One without account has that of what was expected. `context` is the stage's, evaluated.
///
/// Source: orca `ArtifactUtils.getBoundArtifactForId`.
#[must_use]
pub fn bound(execution: &Execution, stage: &Stage, context: &Map, id: &str) -> Option<Artifact> {
    const KEY: &str = "resolvedExpectedArtifacts";
    if id.is_empty() {
        return None;
    }
    let ancestors = graph::ancestors(execution, stage);
    let emitted = ancestors
        .iter()
        .filter_map(|ancestor| ancestor.outputs.get(KEY));
    let lists = context
        .get(KEY)
        .into_iter()
        .chain(emitted)
        .chain(execution.trigger.get(KEY));
    let expected = lists
        .filter_map(Value::as_array)
        .flatten()
        .take(LIST_MAX)
        .find(|expected| expected.get("id").and_then(Value::as_str) == Some(id))?;
    let bound = Artifact::read(expected.get("boundArtifact")?, "boundArtifact").ok()?;
    if bound
        .text("artifactAccount")
        .is_some_and(|account| !account.is_empty())
    {
        return Some(bound);
    }
    let pattern = Expected::read(expected, KEY).ok()?.pattern;
    let Some(account) = pattern.text("artifactAccount") else {
        return Some(bound);
    };
    let mut with_account = bound.to_value();
    with_account["artifactAccount"] = json!(account);
    Artifact::read(&with_account, "boundArtifact").ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn resolved(id: &str, bound: Value, account: Option<&str>) -> Value {
        json!([{"id": id, "matchArtifact": {"artifactAccount": account}, "boundArtifact": bound}])
    }

    #[test]
    fn the_nearest_wins_and_the_trigger_is_last() {
        let stages = json!([
            {"id": "S1", "refId": "1", "type": "x", "name": "x", "status": "SUCCEEDED",
             "outputs": {"resolvedExpectedArtifacts": resolved("a", json!({"name": "far"}), None)}},
            {"id": "S2", "refId": "2", "type": "x", "name": "x", "status": "SUCCEEDED", "requisiteStageRefIds": ["1"],
             "outputs": {"resolvedExpectedArtifacts": resolved("a", json!({"name": "near"}), Some("hub"))}},
            {"id": "S3", "refId": "3", "type": "x", "name": "x", "status": "RUNNING", "requisiteStageRefIds": ["2"]},
        ]);
        let trigger = json!({"type": "manual", "resolvedExpectedArtifacts":
            resolved("t", json!({"name": "received", "artifactAccount": "own"}), Some("hub"))});
        let execution = testing::execution(&stages, &trigger);
        let stage = &execution.stages[2];
        let name = |context: Value, id: &str| {
            let found = bound(&execution, stage, context.as_object().unwrap(), id);
            found.map(|found| {
                let text = |field: &str| found.text(field).unwrap_or_default().to_owned();
                (text("name"), text("artifactAccount"))
            })
        };
        let of = |name: &str, account: &str| Some((name.to_owned(), account.to_owned()));
        assert_eq!(name(json!({}), "a"), of("near", "hub"));
        assert_eq!(name(json!({}), "t"), of("received", "own"));
        assert_eq!(name(json!({}), "nobody"), None);
        assert_eq!(name(json!({}), ""), None);
        let own = json!({"resolvedExpectedArtifacts": resolved("a", json!({"name": "own"}), None)});
        assert_eq!(name(own, "a"), of("own", ""));
    }
}
