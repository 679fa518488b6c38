//! Where manifests come from: the stage itself or an artifact; and which artifacts are bound into them (Kubernetes reference 4
//! and 5.2.1). Source: orca `ManifestEvaluator`, `ResolvePatchSourceManifestTask`.
//!
//! A worker fetches the artifact and reports RUNNING with the documents in the context; then the task is looked at again, its
//! context evaluated, and goes on as if the documents had been there from the start. A document that holds `${` and must not be
//! evaluated is kept as an artifact `embedded/base64`, which nobody evaluates by mistake.

use gennaker_engine::{PlanContext, Step, TaskContext, TaskResult, scope};
use gennaker_model::{Map, Status};
use serde_json::{Value, json};

use super::{given, remote};
use crate::{
    artifacts::{self, Artifact},
    read,
};

/// Context key that says that the artifact was fetched.
pub(super) const FETCHED: &str = "manifestArtifactFetched";

/// Context key of what is deployed.
const MANIFESTS: &str = "manifests";

/// Context key of the artifact that a worker fetches, found when the stage is planned.
const RESOLVED: &str = "resolvedManifestArtifact";

/// Types whose `reference` is the content itself; they are bound into no manifest.
const CONTENTS: [&str; 2] = ["embedded/base64", "remote/base64"];

/// Keys of an entry of `requiredArtifacts`.
const BINDING: (&str, &str) = ("expectedArtifactId", "artifact");

/// What the plan of a stage with a source adds to its context.
pub(super) fn planned(context: &PlanContext<'_>) -> Map {
    let own = &context.stage.context;
    let mut learned = Map::new();
    if !is_artifact(own) {
        return learned;
    }
    let keys = ("manifestArtifactId", "manifestArtifact");
    let found = artifact_of(context.execution, context.stage, own, own, keys);
    let account = read::text(own, "manifestArtifactAccount");
    let resolved = found.map(|artifact| {
        let mut artifact = artifact.to_value();
        if let Some(account) = account {
            artifact["artifactAccount"] = json!(account);
        }
        artifact
    });
    if let Some(resolved) = resolved {
        learned.insert(RESOLVED.to_owned(), resolved);
    }
    learned
}

/// Whether the manifests come from an artifact.
fn is_artifact(context: &Map) -> bool {
    read::text(context, "source").is_some_and(|source| source.eq_ignore_ascii_case("artifact"))
}

/// The bound artifact of an id, else one that stands there.
fn artifact_of(
    execution: &gennaker_model::Execution,
    stage: &gennaker_model::Stage,
    context: &Map,
    entry: &Map,
    (id, inline): (&str, &str),
) -> Option<Artifact> {
    match read::text(entry, id) {
        Some(id) => artifacts::bound(execution, stage, context, id),
        None => {
            let value = given(entry, inline)?;
            Artifact::read(value, inline).ok()
        }
    }
}

/// `resolveDeploySourceManifest` and what is like it. The first of `keys` that is there holds the manifests of the
/// stage itself; `none` is said when there is none. They end in `manifests`.
pub(super) fn resolve(context: &TaskContext<'_>, keys: &[&str], none: &str) -> Step {
    match resolved(context, keys, none) {
        Ok(step) => step,
        Err(message) => TaskResult::thrown(context, "IllegalArgumentException", &message).into(),
    }
}

fn resolved(context: &TaskContext<'_>, keys: &[&str], none: &str) -> Result<Step, String> {
    let own = context.context;
    let is_fetched = read::boolean(own, FETCHED) == Some(true);
    if is_artifact(own) && !is_fetched {
        let Some(artifact) = given(own, RESOLVED) else {
            return Err("No manifest artifact was specified.".to_owned());
        };
        let account = artifact.get("artifactAccount").and_then(Value::as_str);
        let kind = artifact.get("type").and_then(Value::as_str);
        // What carries its content needs nobody to fetch it.
        let carries = kind.is_some_and(|kind| CONTENTS.contains(&kind));
        if account.is_none_or(str::is_empty) && !carries {
            return Err("No manifest artifact account was specified.".to_owned());
        }
        return Ok(remote("fetchManifests", false));
    }
    let held = match is_fetched {
        true => given(own, MANIFESTS),
        false => keys.iter().find_map(|key| given(own, key)),
    };
    let manifests = flattened(held.ok_or_else(|| none.to_owned())?);
    if read::boolean(own, "failOnFailedExpressions") == Some(true)
        && let Some(failed) = failed_expressions(own)
    {
        return Err(format!("Failure evaluating manifest expressions: {failed}"));
    }
    let required = required(context)?;
    let optional = artifacts::visible(&context.state.doc, context.stage, own);
    let optional: Vec<Value> = optional
        .iter()
        .filter(|artifact| {
            !artifact
                .text("type")
                .is_some_and(|kind| CONTENTS.contains(&kind))
        })
        .map(Artifact::to_value)
        .collect();
    let mut learned = Map::new();
    learned.insert(MANIFESTS.to_owned(), Value::Array(manifests.clone()));
    learned.insert("requiredArtifacts".to_owned(), Value::Array(required));
    learned.insert("optionalArtifacts".to_owned(), Value::Array(optional));
    let mut outputs = learned.clone();
    let of_secret = names_a_secret(own);
    let shown = manifests
        .iter()
        .map(|manifest| without_secrets(manifest, of_secret))
        .collect();
    outputs.insert(MANIFESTS.to_owned(), Value::Array(shown));
    if read::boolean(own, "noOutput") == Some(true) {
        outputs.clear();
    }
    // What stands there already is not said again: it may be large, and it may hold a Secret, which the history need not tell.
    learned.retain(|key, value| own.get(key) != Some(value));
    Ok(TaskResult {
        context: learned,
        outputs,
        ..TaskResult::of(Status::Succeeded)
    }
    .into())
}

/// The artifacts that must be bound, from both fields.
fn required(context: &TaskContext<'_>) -> Result<Vec<Value>, String> {
    let own = context.context;
    let (doc, stage) = (&context.state.doc, context.stage);
    let mut found = Vec::new();
    let missing =
        |id: &str| format!("No artifact with id {id} could be found in the pipeline context.");
    for id in list(own, "requiredArtifactIds") {
        let id = scope::text_of(id);
        let artifact = artifacts::bound(doc, stage, own, &id).ok_or_else(|| missing(&id))?;
        push(&mut found, artifact.to_value());
    }
    for entry in list(own, "requiredArtifacts") {
        let Value::Object(fields) = entry else {
            return Err("requiredArtifacts must be a list of objects".to_owned());
        };
        let is_binding = fields.contains_key(BINDING.0) || fields.contains_key(BINDING.1);
        let artifact = match is_binding {
            true => artifact_of(doc, stage, own, fields, BINDING).ok_or_else(|| {
                missing(read::text(fields, "expectedArtifactId").unwrap_or("null"))
            })?,
            // What an earlier run of the stage has left.
            false => {
                Artifact::read(entry, "requiredArtifacts").map_err(|error| error.to_string())?
            }
        };
        push(&mut found, artifact.to_value());
    }
    Ok(found)
}

fn push(found: &mut Vec<Value>, artifact: Value) {
    if !found.contains(&artifact) {
        found.push(artifact);
    }
}

fn list<'a>(context: &'a Map, key: &str) -> impl Iterator<Item = &'a Value> {
    context
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Documents that are lists count as their elements, null ones as nothing (a `---` at the end of a text).
fn flattened(manifests: &Value) -> Vec<Value> {
    let outer = match manifests {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let inner = outer.iter().flat_map(|manifest| match manifest {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    });
    inner
        .filter(|manifest| !manifest.is_null())
        .cloned()
        .collect()
}

/// The annotation in which an apply keeps a copy of the object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether the one object that the stage names is a Secret: what is patched into it is one, too, and does not say so.
fn names_a_secret(context: &Map) -> bool {
    let named = read::text(context, "manifestName").and_then(|name| name.split(' ').next());
    let kinds = named.into_iter().chain(read::text(context, "kind"));
    kinds.into_iter().any(is_secret)
}

fn is_secret(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("secret")
}

/// The manifest as outputs show it: those are read by every later stage, and the data of a Secret is nobody's business there.
/// `of_secret`: it is a patch of one.
fn without_secrets(manifest: &Value, of_secret: bool) -> Value {
    let kind = manifest.get("kind").and_then(Value::as_str);
    let mut shown = manifest.clone();
    let Value::Object(fields) = &mut shown else {
        return shown;
    };
    if of_secret || kind.is_some_and(is_secret) {
        fields.shift_remove("data");
        fields.shift_remove("stringData");
        // Of an operation of a patch.
        fields.shift_remove("value");
        let metadata = fields.get_mut("metadata").and_then(Value::as_object_mut);
        let annotations = metadata.and_then(|it| it.get_mut("annotations")?.as_object_mut());
        annotations.map(|it| it.shift_remove(LAST_APPLIED));
    }
    if let Some(Value::Array(items)) = fields.get_mut("items") {
        // A list of objects is shown as its parts are.
        for item in items {
            *item = without_secrets(item, of_secret || kind == Some("SecretList"));
        }
    }
    if manifest
        .get("type")
        .and_then(Value::as_str)
        .is_some_and(|kind| CONTENTS.contains(&kind))
    {
        // Nobody can tell from here whether it is one.
        shown["reference"] = Value::Null;
    }
    shown
}

/// The expressions of the context that could not be evaluated.
fn failed_expressions(context: &Map) -> Option<String> {
    let summary = context.get(scope::SUMMARY)?.as_object()?;
    let failed: Vec<&str> = summary
        .values()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|entry| entry.get("description")?.as_str())
        .collect();
    (!failed.is_empty()).then(|| failed.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(fields: Value) -> Map {
        fields.as_object().unwrap().clone()
    }

    #[test]
    fn outputs_have_no_value_of_a_secret_wherever_it_stands() {
        let secret = json!({"kind": "Secret", "data": {"a": "planted"}, "stringData": {"b": "planted"},
            "metadata": {"name": "s", "annotations": {LAST_APPLIED: "planted", "kept": "x"}}});
        let list = |kind: &str| json!({"kind": kind, "items": [{"data": {"a": "planted"}, "kind": secret["kind"]}]});
        let operation = json!({"op": "replace", "path": "/data/a", "value": "planted"});
        for (manifest, of_secret) in [
            (secret.clone(), false),
            (list("List"), false),
            (
                json!({"kind": "SecretList", "items": [{"data": {"a": "planted"}}]}),
                false,
            ),
            (json!({"data": {"a": "planted"}}), true),
            (operation, true),
        ] {
            let shown = without_secrets(&manifest, of_secret).to_string();
            assert!(!shown.contains("planted"), "{shown}");
        }
        let shown = without_secrets(&secret, false);
        assert_eq!(
            shown["metadata"],
            json!({"name": "s", "annotations": {"kept": "x"}})
        );
        let map = json!({"kind": "ConfigMap", "data": {"a": "b"}});
        assert_eq!(without_secrets(&map, false), map);
    }

    #[test]
    fn a_patch_of_a_secret_is_known_by_its_target() {
        for (fields, is) in [
            (json!({"manifestName": "secret s"}), true),
            (json!({"manifestName": "Secret s"}), true),
            (json!({"kind": "secret"}), true),
            (json!({"manifestName": "configMap secret"}), false),
            (json!({}), false),
        ] {
            assert_eq!(names_a_secret(&context(fields.clone())), is, "{fields}");
        }
    }
}
