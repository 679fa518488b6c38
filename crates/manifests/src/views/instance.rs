//! Pods as instances.

use serde_json::{Value, json};

use super::{Inventory, resource, with};
use crate::Manifest;

/// `GET /instances/…`; its name is the uid, which the UI tells instances apart by.
pub(super) fn whole(inventory: &Inventory, pod: &Manifest) -> Value {
    with(
        resource(inventory, pod),
        json!({
            "name": pod.uid(), "humanReadableName": pod.full_name(), "zone": pod.namespace(), "cloudProvider": "kubernetes",
            "type": "kubernetes", "launchTime": null, "health": health(pod), "healthState": state(pod),
        }),
    )
}

/// As a list of server groups shows it.
pub(super) fn summary(pod: &Manifest) -> Value {
    json!({
        "id": pod.uid(), "name": pod.full_name(), "healthState": state(pod), "launchTime": null,
        "availabilityZone": pod.namespace(), "health": health(pod),
    })
}

/// As a load balancer shows it: its health is one map, in which the last container's wins.
pub(super) fn balanced(pod: &Manifest) -> Value {
    let merged: crate::Map = health(pod)
        .into_iter()
        .filter_map(|item| item.as_object().cloned())
        .flatten()
        .collect();
    json!({"id": pod.uid(), "name": pod.full_name(), "zone": pod.namespace(), "health": merged})
}

/// How many there are in each state.
pub(super) fn counts(pods: &[&Manifest]) -> Value {
    let of = |wanted: &str| pods.iter().filter(|pod| state(pod) == wanted).count();
    json!({
        "total": pods.len(), "up": of("Up"), "down": of("Down"), "unknown": of("Unknown"), "outOfService": of("OutOfService"),
        "starting": of("Starting"),
    })
}

/// One entry for the pod, one for each of its containers (`KubernetesHealth`). The member `platform` is Clouddriver's.
fn health(pod: &Manifest) -> Vec<Value> {
    if pod.at(&["status"]).is_none_or(Value::is_null) {
        return Vec::new();
    }
    let phase = pod
        .at(&["status", "phase"])
        .and_then(Value::as_str)
        .unwrap_or_default();
    let of_pod = match phase.to_ascii_lowercase().as_str() {
        "pending" => "Down",
        "running" => "Up",
        _ => "Unknown",
    };
    let mut all = vec![
        json!({"state": of_pod, "source": "Pod", "type": "kubernetes/pod", "platform": "platform"}),
    ];
    let containers = pod
        .at(&["status", "containerStatuses"])
        .and_then(Value::as_array);
    for container in containers.into_iter().flatten() {
        let state = match container.get("ready") {
            Some(Value::Bool(true)) => "Up",
            _ => "Down",
        };
        let name = container
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        all.push(json!({"state": state, "source": format!("Container {name}"), "type": "kubernetes/container", "platform": "platform"}));
    }
    all
}

/// `KubernetesModelUtil.getHealthState` over the states that [`health`] can have.
fn state(pod: &Manifest) -> &'static str {
    let health = health(pod);
    let states: Vec<&str> = health
        .iter()
        .filter_map(|item| item.get("state")?.as_str())
        .collect();
    let known: Vec<&&str> = states.iter().filter(|state| **state != "Unknown").collect();
    if !known.is_empty() && known.iter().all(|state| **state == "Up") {
        "Up"
    } else if states.contains(&"Down") {
        "Down"
    } else {
        "Unknown"
    }
}
