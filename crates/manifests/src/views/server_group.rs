//! ReplicaSets, StatefulSets, DaemonSets, Jobs and CronJobs as server groups; Deployments as their managers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Inventory, canonical, instance, resource, with};
use crate::moniker::{self, Names};
use crate::{Manifest, Native, artifact, traffic};

/// `GET /applications/{app}/serverGroups?expand=false`.
pub(super) fn summary(inventory: &Inventory, group: &Manifest) -> Value {
    let moniker = moniker::of(group);
    let pods = pods(inventory, group);
    let (balancers, disabled) = balancers(inventory, group);
    json!({
        "name": group.full_name(), "account": inventory.account(), "region": group.namespace(), "cluster": moniker.cluster,
        "type": "kubernetes", "cloudProvider": "kubernetes", "application": application(group), "isDisabled": disabled,
        "vpcId": null, "instanceType": null, "moniker": moniker, "createdTime": group.created_ms(), "capacity": capacity(group),
        "instances": pods.iter().map(|pod| instance::summary(pod)).collect::<Vec<_>>(),
        "instanceCounts": instance::counts(&pods), "loadBalancers": balancers, "targetGroups": null, "securityGroups": [],
        "buildInfo": build_info(group), "serverGroupManagers": managers(inventory, group),
        "labels": group.labels().cloned().unwrap_or_default(), "tags": null, "providerMetadata": null,
    })
}

/// `GET /applications/{app}/serverGroups/{account}/{region}/{name}`.
pub(super) fn whole(inventory: &Inventory, group: &Manifest) -> Value {
    let pods = pods(inventory, group);
    let (balancers, disabled) = balancers(inventory, group);
    let build_info = build_info(group);
    let summary = json!({"serverGroupName": group.name(), "imageId": null, "imageName": null, "image": null, "buildInfo": build_info});
    with(
        resource(inventory, group),
        json!({
            "type": "kubernetes", "cloudProvider": "kubernetes", "disabled": disabled, "capacity": capacity(group),
            "instances": pods.iter().map(|pod| instance::whole(inventory, pod)).collect::<Vec<_>>(),
            "instanceCounts": instance::counts(&pods), "loadBalancers": balancers,
            "serverGroupManagers": managers(inventory, group), "securityGroups": [], "launchConfig": {}, "zones": [],
            "buildInfo": build_info, "imagesSummary": {"summaries": [summary]},
        }),
    )
}

/// `GET /applications/{app}/serverGroups?expand=true`.
pub(super) fn expanded(inventory: &Inventory, group: &Manifest) -> Value {
    let moniker = moniker::of(group);
    let more = json!({
        "accountName": inventory.account(), "cluster": moniker.cluster, "application": moniker.app, "stack": moniker.stack,
        "freeFormDetail": moniker.detail,
    });
    match whole(inventory, group) {
        Value::Object(map) => with(map, more),
        other => other,
    }
}

/// `GET /applications/{app}/serverGroupManagers`.
pub(super) fn manager(inventory: &Inventory, manager: &Manifest) -> Value {
    let summary = |group: &Manifest| {
        json!({
            "name": group.full_name(), "account": inventory.account(), "namespace": group.namespace(), "region": group.namespace(),
            "moniker": moniker::of(group),
        })
    };
    let groups: Vec<Value> = inventory
        .owned(manager, Native::ReplicaSet)
        .map(summary)
        .collect();
    with(
        resource(inventory, manager),
        json!({"cloudProvider": "kubernetes", "serverGroups": groups}),
    )
}

/// As a load balancer shows it.
pub(super) fn balanced(inventory: &Inventory, group: &Manifest) -> Value {
    let (_, disabled) = balancers(inventory, group);
    let pods = pods(inventory, group);
    json!({
        "name": group.full_name(), "account": inventory.account(), "region": group.namespace(), "isDisabled": disabled,
        "cloudProvider": "kubernetes", "detachedInstances": [],
        "instances": pods.iter().map(|pod| instance::balanced(pod)).collect::<Vec<_>>(),
    })
}

fn pods<'a>(inventory: &'a Inventory, group: &'a Manifest) -> Vec<&'a Manifest> {
    inventory.owned(group, Native::Pod).collect()
}

/// The load balancers that are there and those of the annotation, and whether only the latter have some: it is disabled.
fn balancers(inventory: &Inventory, group: &Manifest) -> (Vec<String>, bool) {
    let related: BTreeSet<String> = inventory
        .balancers(group)
        .iter()
        .map(|service| service.full_name().to_string())
        .collect();
    let explicit: BTreeSet<String> = traffic::load_balancers(group)
        .iter()
        .map(|name| canonical(name))
        .collect();
    let disabled = related.is_empty() && !explicit.is_empty();
    (related.union(&explicit).cloned().collect(), disabled)
}

fn capacity(group: &Manifest) -> Value {
    json!({"min": null, "max": null, "desired": group.replicas().unwrap_or(0), "pinned": false})
}

fn build_info(group: &Manifest) -> Value {
    let images = artifact::find(group)
        .into_iter()
        .filter(|found| found.artifact_type.as_deref() == Some("docker/image"));
    json!({"images": images.filter_map(|image| image.reference).collect::<Vec<_>>()})
}

/// Their names stand without the kind, only here.
fn managers(inventory: &Inventory, group: &Manifest) -> Vec<Value> {
    let shown = |manager: &Manifest| json!({"account": inventory.account(), "location": manager.namespace(), "name": manager.name()});
    inventory.managers(group).map(shown).collect()
}

/// Of the name alone, as Clouddriver's view of lists has it; the moniker says what is meant.
fn application(group: &Manifest) -> Option<String> {
    Names::parse(group.name()).app
}
