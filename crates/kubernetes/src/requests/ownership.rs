//! Who owns which field of an object: the way from client-side to server-side apply.
//!
//! Source: client-go `util/csaupgrade`, which kubectl uses for the same.

use gennaker_manifests::Manifest;
use serde_json::{Map, Value, json};

/// A JSON patch that gives the fields which `from` wrote by updates to the applications of `to`; none when `from` owns nothing.
///
/// It replaces the whole list, and names the version of the object that the list is of.
pub(super) fn hand_over(live: &Manifest, from: &str, to: &str) -> Option<Value> {
    let entries = live.at(&["metadata", "managedFields"])?.as_array()?;
    let is_of = |entry: &Value, manager: &str, operation: &str| {
        entry["manager"] == manager
            && entry["operation"] == operation
            && entry["subresource"].as_str().unwrap_or_default().is_empty()
    };
    let (old, mut kept): (Vec<Value>, Vec<Value>) = entries
        .iter()
        .cloned()
        .partition(|entry| is_of(entry, from, "Update"));
    let mut old = old.into_iter();
    let first = old.next()?;
    let place = match kept.iter().position(|entry| is_of(entry, to, "Apply")) {
        Some(place) => {
            merge_fields(&mut kept[place], &first);
            place
        }
        None => {
            let mut entry = first;
            entry["manager"] = to.into();
            entry["operation"] = "Apply".into();
            kept.push(entry);
            kept.len() - 1
        }
    };
    for entry in old {
        merge_fields(&mut kept[place], &entry);
    }
    let version = live.at(&["metadata", "resourceVersion"])?;
    Some(json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": kept},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]))
}

fn merge_fields(into: &mut Value, from: &Value) {
    if let (Some(Value::Object(into)), Some(Value::Object(from))) =
        (into.get_mut("fieldsV1"), from.get("fieldsV1"))
    {
        union(into, from);
    }
}

/// Fields are named by keys; what is below them are again fields.
fn union(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, theirs) in from {
        match (into.get_mut(key), theirs) {
            (Some(Value::Object(ours)), Value::Object(theirs)) => union(ours, theirs),
            (Some(_), _) => {}
            (None, theirs) => {
                into.insert(key.clone(), theirs.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(managed: Value) -> Manifest {
        Manifest::new(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "resourceVersion": "7", "managedFields": managed}
        }))
        .unwrap()
    }

    #[test]
    fn fields_of_updates_become_fields_of_applications() {
        let live = object(json!([
            {"manager": "kubectl-client-side-apply", "operation": "Update", "fieldsV1": {"f:data": {".": {}, "f:a": {}}}},
            {"manager": "controller", "operation": "Update", "fieldsV1": {"f:status": {}}},
            {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:data": {"f:b": {}}}},
        ]));
        let patch = hand_over(&live, "kubectl-client-side-apply", "kubectl").unwrap();
        assert_eq!(
            patch[0]["value"],
            json!([
                {"manager": "controller", "operation": "Update", "fieldsV1": {"f:status": {}}},
                {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:data": {"f:b": {}, ".": {}, "f:a": {}}}},
            ])
        );
        assert_eq!(patch[1]["value"], "7");
    }

    #[test]
    fn without_an_application_the_update_becomes_one() {
        let live = object(json!([
            {"manager": "kubectl-client-side-apply", "operation": "Update", "fieldsV1": {"f:data": {}}},
            {"manager": "kubectl-client-side-apply", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}},
        ]));
        let patch = hand_over(&live, "kubectl-client-side-apply", "kubectl").unwrap();
        assert_eq!(
            patch[0]["value"][1],
            json!({"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:data": {}}})
        );
        assert_eq!(patch[0]["value"][0]["subresource"], "status");
        assert_eq!(hand_over(&object(json!([])), "a", "b"), None);
    }
}
