//! What is kept of an object.

use gennaker_manifests::Native;
use serde_json::{Map, Value};

use crate::discovery::Resource;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const IGNORE: &str = "caching.spinnaker.io/ignore";
const APPLICATION: &str = "moniker.spinnaker.io/application";
/// What is kept of `metadata`.
const METADATA: [&str; 9] = [
    "name",
    "generateName",
    "namespace",
    "uid",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "annotations",
];
/// What is kept of an owner.
const OWNER: [&str; 5] = ["apiVersion", "kind", "name", "uid", "controller"];
/// What is kept of a container. Environments may hold secrets, and nobody is shown them here.
const CONTAINER: [&str; 3] = ["name", "image", "ports"];
/// What is kept of a pod's `spec`.
const POD_SPEC: [&str; 2] = ["nodeName", "serviceAccountName"];
const CONTAINERS: [&str; 2] = ["initContainers", "containers"];

/// Makes an object of the API small. None for one that is not to be shown.
pub(super) fn strip(
    object: Value,
    resource: &Resource,
    whole: bool,
    only_managed: bool,
) -> Option<Value> {
    let Value::Object(mut object) = object else {
        return None;
    };
    let Some(Value::Object(metadata)) = object.shift_remove("metadata") else {
        return None;
    };
    let annotation = |key: &str| metadata.get("annotations")?.get(key)?.as_str();
    if annotation(IGNORE).is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || (only_managed && annotation(APPLICATION).is_none())
    {
        return None;
    }
    let mut kept = Map::new();
    // Lists leave these two out, and lists of metadata say what they are themselves.
    kept.insert("apiVersion".to_owned(), resource.api_version().into());
    kept.insert("kind".to_owned(), resource.kind.clone().into());
    kept.insert(
        "metadata".to_owned(),
        Value::Object(strip_metadata(metadata)),
    );
    if whole {
        let native = resource.spinnaker_kind().native();
        let spec = object.shift_remove("spec").map(|spec| match native {
            Some(Native::Pod) => pod_spec(spec),
            _ => without_templates(spec),
        });
        for (key, value) in [("spec", spec), ("status", object.shift_remove("status"))] {
            if let Some(value) = value {
                kept.insert(key.to_owned(), value);
            }
        }
    }
    Some(Value::Object(kept))
}

fn strip_metadata(mut metadata: Map<String, Value>) -> Map<String, Value> {
    let mut kept = pick(&mut metadata, &METADATA);
    if let Some(Value::Object(annotations)) = kept.get_mut("annotations") {
        annotations.shift_remove(LAST_APPLIED);
    }
    if let Some(Value::Array(owners)) = metadata.shift_remove("ownerReferences") {
        let owners = owners
            .into_iter()
            .map(|owner| picked(owner, &OWNER))
            .collect();
        kept.insert("ownerReferences".to_owned(), Value::Array(owners));
    }
    kept
}

/// Everything but what pods are made of, of which only names and images stay.
fn without_templates(spec: Value) -> Value {
    let Value::Object(mut spec) = spec else {
        return spec;
    };
    if let Some(Value::Object(template)) = spec.get_mut("template") {
        if let Some(pod) = template.get_mut("spec") {
            *pod = pod_spec(pod.take());
        }
        if let Some(Value::Object(metadata)) = template.get_mut("metadata") {
            *metadata = strip_metadata(std::mem::take(metadata));
        }
    }
    // A CronJob's template of a Job, in which the template of a pod is.
    if let Some(Value::Object(job)) = spec.get_mut("jobTemplate")
        && let Some(job_spec) = job.get_mut("spec")
    {
        *job_spec = without_templates(job_spec.take());
    }
    spec.shift_remove("volumeClaimTemplates");
    Value::Object(spec)
}

fn pod_spec(spec: Value) -> Value {
    let Value::Object(mut spec) = spec else {
        return spec;
    };
    let mut kept = pick(&mut spec, &POD_SPEC);
    for list in CONTAINERS {
        if let Some(Value::Array(containers)) = spec.shift_remove(list) {
            let containers = containers
                .into_iter()
                .map(|it| picked(it, &CONTAINER))
                .collect();
            kept.insert(list.to_owned(), Value::Array(containers));
        }
    }
    Value::Object(kept)
}

fn picked(value: Value, keys: &[&str]) -> Value {
    match value {
        Value::Object(mut object) => Value::Object(pick(&mut object, keys)),
        other => other,
    }
}

fn pick(from: &mut Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    let mut kept = Map::with_capacity(keys.len());
    for key in keys {
        if let Some(value) = from.get_mut(*key) {
            kept.insert((*key).to_owned(), value.take());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource(kind: &str, group: &str) -> Resource {
        Resource {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            plural: String::new(),
            singular: String::new(),
            short_names: Vec::new(),
            namespaced: true,
            verbs: Vec::new(),
            subresources: Vec::new(),
        }
    }

    #[test]
    fn what_nobody_looks_at_is_not_kept() {
        let pod = json!({
            "metadata": {
                "name": "web-1", "namespace": "shop", "uid": "u", "managedFields": [1], "resourceVersion": "5",
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "uid": "o", "blockOwnerDeletion": true}]
            },
            "spec": {"volumes": [1], "nodeName": "n", "containers": [
                {"name": "c", "image": "i", "env": [{"name": "PASSWORD", "value": "secret"}]}
            ]},
            "status": {"phase": "Running"}
        });
        assert_eq!(
            strip(pod, &resource("Pod", ""), true, false),
            Some(json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "name": "web-1", "namespace": "shop", "uid": "u", "annotations": {"a": "b"},
                    "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "uid": "o"}]
                },
                "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]},
                "status": {"phase": "Running"}
            }))
        );
        let secret = json!({"metadata": {"name": "s"}, "data": {"a": "c2VjcmV0"}, "stringData": {}, "type": "Opaque"});
        assert_eq!(
            strip(secret, &resource("Secret", ""), false, false),
            Some(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}))
        );
        let cron = json!({"metadata": {"name": "c"}, "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {
            "metadata": {"labels": {"a": "b"}, "creationTimestamp": null},
            "spec": {"containers": [{"name": "c", "image": "i", "args": ["x"]}]}
        }}}}});
        let kept = strip(cron, &resource("CronJob", "batch"), true, false).unwrap();
        assert_eq!(
            kept["spec"]["jobTemplate"]["spec"]["template"]["spec"],
            json!({"containers": [{"name": "c", "image": "i"}]})
        );
    }

    #[test]
    fn what_is_to_be_ignored_is() {
        let object =
            |annotations: Value| json!({"metadata": {"name": "a", "annotations": annotations}});
        let services = resource("Service", "");
        assert_eq!(
            strip(
                object(json!({"caching.spinnaker.io/ignore": "true"})),
                &services,
                true,
                false
            ),
            None
        );
        assert_eq!(strip(object(json!({})), &services, true, true), None);
        assert!(
            strip(
                object(json!({"moniker.spinnaker.io/application": "shop"})),
                &services,
                true,
                true
            )
            .is_some()
        );
        assert_eq!(strip(json!("no object"), &services, true, false), None);
    }
}
