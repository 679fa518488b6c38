//! Taking out what must not be stored or shown.

use serde_json::Value;

use crate::{Manifest, Map, Native, annotations};

/// What stands in the place of a secret value.
pub const REDACTED: &str = "REDACTED";

/// Replaces the values of a Secret, in `data`, `stringData` and the annotation of what was applied last, by [`REDACTED`]; keys stay.
/// Takes `managedFields` away from every object. For whatever is persisted, shown or logged.
pub fn manifest(manifest: &mut Manifest) {
    object(manifest.as_map_mut(), 0);
}

/// Does so for every object anywhere within a value, in lists of objects and in texts of JSON within annotations.
pub fn value(value: &mut Value) {
    within(value, 0);
}

/// Does so for bodies of patches, anywhere within a value in lists called `manifests` or `patchBody`. They do not say of what they are
/// a part, so `data` and `stringData` of whatever names no kind is taken for a Secret's, merged or by operations.
pub fn patches(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match (key.as_str(), &mut *value) {
                    ("manifests" | "patchBody", Value::Array(bodies)) => {
                        bodies.iter_mut().for_each(patch)
                    }
                    ("manifests" | "patchBody", body @ Value::Object(_)) => patch(body),
                    _ => patches(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(patches),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn patch(body: &mut Value) {
    let Value::Object(map) = body else { return };
    if map.contains_key("kind") {
        return;
    }
    let path = map.get("path").and_then(Value::as_str).unwrap_or_default();
    let of_values = FIELDS
        .iter()
        .any(|field| path.trim_start_matches('/').starts_with(field));
    // The whole object is replaced by an operation on nothing.
    if (of_values || path.is_empty())
        && let Some(value) = map.get_mut("value")
    {
        redact(value);
    }
    for field in FIELDS {
        if let Some(values) = map.get_mut(field) {
            redact(values);
        }
    }
}

/// Takes `metadata.managedFields` away.
pub fn strip_managed_fields(manifest: &mut Manifest) {
    if let Some(Value::Object(metadata)) = manifest.as_map_mut().get_mut("metadata") {
        metadata.shift_remove("managedFields");
    }
}

/// Fields of a Secret that hold values.
const FIELDS: [&str; 2] = ["data", "stringData"];

/// How deep a text of JSON may lie within texts of JSON.
const TEXTS_MAX: u32 = 3;

fn within(value: &mut Value, texts: u32) {
    match value {
        Value::Object(map) => object(map, texts),
        Value::Array(items) => items.iter_mut().for_each(|item| within(item, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn object(map: &mut Map, texts: u32) {
    let secret = is_secret(map);
    if secret {
        for field in FIELDS {
            if let Some(values) = map.get_mut(field) {
                redact(values);
            }
        }
    }
    if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
        metadata.shift_remove("managedFields");
        let applied = metadata
            .get_mut("annotations")
            .and_then(|all| all.get_mut(annotations::LAST_APPLIED));
        if let Some(applied) = applied {
            last_applied(applied, secret, texts);
        }
    }
    for value in map.values_mut() {
        within(value, texts);
    }
}

fn is_secret(map: &Map) -> bool {
    let text = |key| map.get(key).and_then(Value::as_str).unwrap_or_default();
    crate::Kind::of(text("kind"), text("apiVersion")) == Native::Secret
}

fn redact(values: &mut Value) {
    match values {
        Value::Object(map) => map.values_mut().for_each(|value| *value = REDACTED.into()),
        Value::Null => {}
        // No shape of a Secret's: nothing of it is shown.
        other => *other = REDACTED.into(),
    }
}

/// The annotation holds the whole object again.
fn last_applied(applied: &mut Value, secret: bool, texts: u32) {
    let Value::String(text) = applied else {
        if secret {
            *applied = REDACTED.into();
        }
        return;
    };
    // Most objects hold none, and parsing is what costs.
    if !secret && !text.to_ascii_lowercase().contains("\"secret\"") {
        return;
    }
    match serde_json::from_str::<Value>(text) {
        Ok(mut inner) if texts < TEXTS_MAX => {
            let before = inner.clone();
            within(&mut inner, texts + 1);
            if inner != before {
                *text = inner.to_string();
            }
        }
        // What cannot be read of a Secret is not shown.
        Ok(_) | Err(_) if secret => REDACTED.clone_into(text),
        Ok(_) | Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{manifest, patches, value};
    use crate::Manifest;

    fn secret() -> Value {
        json!({
            "kind": "Secret", "apiVersion": "v1",
            "metadata": {
                "name": "s", "managedFields": [{"manager": "kubectl"}],
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration":
                        "{\"apiVersion\":\"v1\",\"data\":{\"password\":\"aHVudGVyMg==\"},\"kind\":\"Secret\",\"stringData\":{\"token\":\"hunter2\"}}\n",
                },
            },
            "data": {"password": "aHVudGVyMg=="}, "stringData": {"token": "hunter2"},
        })
    }

    #[test]
    fn nothing_of_a_secret_is_left_but_its_keys() {
        let mut object = Manifest::new(secret()).unwrap();
        manifest(&mut object);
        let text = object.clone().into_value().to_string();
        assert!(
            !text.contains("hunter2")
                && !text.contains("aHVudGVyMg")
                && !text.contains("managedFields"),
            "{text}"
        );
        assert_eq!(object.at(&["data"]), Some(&json!({"password": "REDACTED"})));
        assert_eq!(
            object.at(&["stringData"]),
            Some(&json!({"token": "REDACTED"}))
        );
    }

    #[test]
    fn secrets_are_found_wherever_they_lie() {
        let mut document =
            json!({"outputs.manifests": [secret()], "list": {"kind": "List", "items": [secret()]}});
        value(&mut document);
        let text = document.to_string();
        assert!(
            !text.contains("hunter2") && !text.contains("aHVudGVyMg"),
            "{text}"
        );
    }

    #[test]
    fn an_annotation_that_cannot_be_read_is_not_shown_for_a_secret() {
        let mut object = secret();
        object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
            "{hunter2".into();
        value(&mut object);
        assert!(!object.to_string().contains("hunter2"));
    }

    #[test]
    fn a_patch_says_nothing_of_values_and_all_of_the_rest() {
        let mut document = json!({"e": [{"context": {"manifests": [
            {"stringData": {"b": "planted"}, "metadata": {"labels": {"kept": "x"}}},
            {"op": "replace", "path": "/data/c", "value": "planted"},
            {"op": "replace", "path": "/spec/replicas", "value": 3},
            {"kind": "ConfigMap", "data": {"kept": "y"}},
        ], "patchBody": {"data": {"a": "planted"}}}}]});
        patches(&mut document);
        assert!(!document.to_string().contains("planted"), "{document}");
        let left = &document["e"][0]["context"]["manifests"];
        assert_eq!(left[0]["metadata"]["labels"]["kept"], "x");
        assert_eq!(left[2]["value"], 3);
        assert_eq!(left[3]["data"]["kept"], "y");
    }

    #[test]
    fn other_objects_keep_their_data() {
        let config = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, "data": {"a": "b"}});
        let mut shown = config.clone();
        value(&mut shown);
        assert_eq!(shown, config);
        // A custom resource that is called so has other rules; its owner knows what it holds.
        let other = json!({"kind": "Secret", "apiVersion": "example.com/v1", "metadata": {"name": "c"}, "data": {"a": "b"}});
        let mut shown = other.clone();
        value(&mut shown);
        assert_eq!(shown, other);
    }
}
