//! What the API and the UI show of live objects: Spinnaker's JSON for clusters, server groups, load balancers, …
//!
//! A reader fetches the objects of [`KINDS`] of every account, makes an [`Inventory`] of each, and asks here. Which accounts and
//! applications a person may see, the caller decides. Lists are in a stable order, where Clouddriver's are sets.
//!
//! Source: clouddriver `caching/view/model` and `caching/view/provider` of the Kubernetes provider.

mod instance;
mod inventory;
mod load_balancer;
mod search;
mod security_group;
mod server_group;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::kind::{CustomKinds, SpinnakerKind};
use crate::{
    Coordinates, FullName, Kind, Manifest, Map, Native, annotations, artifact, moniker, redact,
    stability,
};

pub use inventory::Inventory;
pub use search::search;

/// The kinds that the views show.
pub const KINDS: [Native; 10] = [
    Native::Deployment,
    Native::ReplicaSet,
    Native::StatefulSet,
    Native::DaemonSet,
    Native::Job,
    Native::CronJob,
    Native::Pod,
    Native::Service,
    Native::Ingress,
    Native::NetworkPolicy,
];

/// `GET /applications/{app}/clusters`: `{account: [cluster]}`.
#[must_use]
pub fn clusters(inventories: &[Inventory], app: &str) -> Value {
    let named = inventories.iter().map(|inventory| {
        (
            inventory.account().to_owned(),
            cluster_names(inventory, app),
        )
    });
    let named = named.filter(|(_, names)| !names.is_empty());
    Value::Object(
        named
            .map(|(account, names)| (account, names.into_iter().collect()))
            .collect(),
    )
}

/// `GET /applications/{app}/clusters/{account}`: all clusters whole; none when there are none.
#[must_use]
pub fn account_clusters(inventory: &Inventory, app: &str) -> Option<Value> {
    let names = cluster_names(inventory, app);
    let whole: Vec<Value> = names
        .iter()
        .filter_map(|name| cluster(inventory, app, name))
        .collect();
    (!whole.is_empty()).then(|| whole.into())
}

/// `GET /applications/{app}/clusters/{account}/{cluster}`: one cluster; none when there is none.
#[must_use]
pub fn cluster(inventory: &Inventory, app: &str, cluster: &str) -> Option<Value> {
    let is_member = |object: &&Manifest| {
        let moniker = moniker::of(object);
        moniker.app.as_deref() == Some(app) && moniker.cluster.as_deref() == Some(cluster)
    };
    let groups: Vec<&Manifest> = inventory
        .of(SpinnakerKind::ServerGroups)
        .filter(is_member)
        .collect();
    if groups.is_empty()
        && !inventory
            .of(SpinnakerKind::ServerGroupManagers)
            .any(|object| is_member(&object))
    {
        return None;
    }
    // A load balancer shows those of its server groups that belong to the cluster.
    let mut before: BTreeMap<Coordinates, (&Manifest, Vec<&Manifest>)> = BTreeMap::new();
    for group in &groups {
        for service in inventory.balancers(group) {
            let entry = before.entry(Coordinates::of(service));
            entry.or_insert((service, Vec::new())).1.push(group);
        }
    }
    let balancers = before.values();
    Some(json!({
        "name": cluster, "type": "kubernetes", "accountName": inventory.account(), "application": app,
        "moniker": {"app": app, "cluster": cluster},
        "serverGroups": groups.iter().map(|group| server_group::whole(inventory, group)).collect::<Vec<_>>(),
        "loadBalancers": balancers.map(|(service, groups)| load_balancer::before(inventory, service, groups)).collect::<Vec<_>>(),
    }))
}

/// `GET /applications/{app}/serverGroups`; `expand` shows them whole.
#[must_use]
pub fn server_groups(inventories: &[Inventory], app: &str, expand: bool) -> Value {
    let mut groups = Vec::new();
    for inventory in inventories {
        for group in of_app(inventory, SpinnakerKind::ServerGroups, app) {
            groups.push(match expand {
                true => server_group::expanded(inventory, group),
                false => server_group::summary(inventory, group),
            });
        }
    }
    groups.into()
}

/// `GET /applications/{app}/serverGroups/{account}/{region}/{name}`, `name` as `"replicaSet web-v001"`.
#[must_use]
pub fn server_group(inventory: &Inventory, namespace: &str, name: &str) -> Option<Value> {
    let group = inventory.named(namespace, name)?;
    Some(server_group::whole(inventory, group))
}

/// `GET /applications/{app}/serverGroupManagers`.
#[must_use]
pub fn server_group_managers(inventories: &[Inventory], app: &str) -> Value {
    let mut managers = Vec::new();
    for inventory in inventories {
        for manager in of_app(inventory, SpinnakerKind::ServerGroupManagers, app) {
            managers.push(server_group::manager(inventory, manager));
        }
    }
    managers.into()
}

/// `GET /applications/{app}/loadBalancers`, sorted by name.
#[must_use]
pub fn load_balancers(inventories: &[Inventory], app: &str) -> Value {
    let mut balancers = Vec::new();
    for inventory in inventories {
        for service in of_app(inventory, SpinnakerKind::LoadBalancers, app) {
            let name = service.full_name().to_string().to_lowercase();
            balancers.push((name, load_balancer::whole(inventory, service)));
        }
    }
    balancers.sort_by(|(a, _), (b, _)| a.cmp(b));
    balancers
        .into_iter()
        .map(|(_, balancer)| balancer)
        .collect()
}

/// `GET /loadBalancers/{account}/{region}/{name}`: a list of at most one.
#[must_use]
pub fn load_balancer(inventory: &Inventory, namespace: &str, name: &str) -> Value {
    let found = inventory.named(namespace, name);
    found
        .map(|service| load_balancer::whole(inventory, service))
        .into_iter()
        .collect()
}

/// `GET /securityGroups`: all of these accounts, as a list.
#[must_use]
pub fn security_groups(inventories: &[Inventory]) -> Vec<Value> {
    let mut groups = Vec::new();
    for inventory in inventories {
        let policies = inventory.of(SpinnakerKind::SecurityGroups);
        groups.extend(policies.map(|policy| security_group::whole(inventory, policy)));
    }
    groups
}

/// `GET /securityGroups/{account}/{region}/{name}`.
#[must_use]
pub fn security_group(inventory: &Inventory, namespace: &str, name: &str) -> Option<Value> {
    let policy = inventory.named(namespace, name)?;
    Some(security_group::whole(inventory, policy))
}

/// `GET /instances/{account}/{region}/{name}`: a pod by `"pod web-abc"` or by its uid.
#[must_use]
pub fn instance(inventory: &Inventory, namespace: &str, name: &str) -> Option<Value> {
    let by_uid = || {
        inventory
            .of(SpinnakerKind::Instances)
            .find(|pod| pod.namespace() == namespace && pod.uid() == name)
    };
    let pod = inventory.named(namespace, name).or_else(by_uid)?;
    Some(instance::whole(inventory, pod))
}

/// `GET /applications/{app}/rawResources`: every object of an application; `lets_pass` is the account's filter of kinds.
#[must_use]
pub fn raw_resources(
    inventories: &[Inventory],
    app: &str,
    lets_pass: &dyn Fn(&str, &Kind) -> bool,
) -> Value {
    let mut resources = Vec::new();
    for inventory in inventories {
        let of_app = inventory
            .all()
            .filter(|object| moniker::of(object).app.as_deref() == Some(app));
        for object in of_app.filter(|object| lets_pass(inventory.account(), &object.kind())) {
            resources.push(Value::Object(resource(inventory, object)));
        }
    }
    resources.into()
}

/// `GET /applications`: the applications that objects name, with their clusters by account: `[{name, attributes, clusterNames}]`.
#[must_use]
pub fn applications(inventories: &[Inventory]) -> Vec<Value> {
    let mut by_app: BTreeMap<String, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
    for inventory in inventories {
        for object in inventory.with_application() {
            let moniker = moniker::of(object);
            let Some(app) = moniker.app else { continue };
            let clusters = by_app.entry(app).or_default();
            let has_cluster = matches!(
                inventory.spinnaker_kind(object),
                SpinnakerKind::ServerGroups | SpinnakerKind::ServerGroupManagers
            );
            if let (Some(cluster), true) = (moniker.cluster, has_cluster) {
                clusters
                    .entry(inventory.account())
                    .or_default()
                    .insert(cluster);
            }
        }
    }
    let shown = by_app.into_iter().map(|(app, clusters)| json!({"name": app, "attributes": {"name": app}, "clusterNames": clusters}));
    shown.collect()
}

/// `GET /manifests/{account}/{location}/{name}` of a live object and its events. Secrets are redacted, where Spinnaker shows them.
///
/// # Errors
/// [`stability::UnsupportedVersion`]
pub fn manifest(
    account: &str,
    object: &Manifest,
    events: &[Value],
    metrics: &[Value],
) -> Result<Value, stability::UnsupportedVersion> {
    let mut shown = object.clone();
    redact::manifest(&mut shown);
    let mut events = events.to_vec();
    let time = |event: &Value| {
        let text = |field| event.get(field).and_then(Value::as_str).map(str::to_owned);
        text("lastTimestamp")
            .or_else(|| text("firstTimestamp"))
            .unwrap_or_else(|| "n/a".to_owned())
    };
    events.sort_by_key(time);
    events.iter_mut().for_each(redact::value);
    let artifacts: Vec<Value> = artifact::find(object)
        .iter()
        .map(artifact::Artifact::to_value)
        .collect();
    Ok(json!({
        "account": account, "name": object.full_name(), "location": object.namespace(), "moniker": moniker::of(object),
        "manifest": shown, "status": stability::status(object)?, "artifacts": artifacts, "events": events, "warnings": [],
        "metrics": metrics,
    }))
}

/// `spinnakerKindMap` of `GET /credentials?expand=true`: kind to Spinnaker's kind.
#[must_use]
pub fn spinnaker_kind_map(custom: &CustomKinds) -> Value {
    let native = Native::all().map(|native| (native.name().to_owned(), native.spinnaker_kind()));
    let registered = custom
        .iter()
        .map(|(kind, custom)| (kind.to_string(), custom.spinnaker_kind));
    Value::Object(
        native
            .chain(registered)
            .map(|(kind, shown)| (kind, shown.name().into()))
            .collect(),
    )
}

fn cluster_names(inventory: &Inventory, app: &str) -> BTreeSet<String> {
    let groups = of_app(inventory, SpinnakerKind::ServerGroups, app);
    let managers = of_app(inventory, SpinnakerKind::ServerGroupManagers, app);
    groups
        .chain(managers)
        .filter_map(|object| moniker::of(object).cluster)
        .collect()
}

fn of_app<'a>(
    inventory: &'a Inventory,
    kind: SpinnakerKind,
    app: &'a str,
) -> impl Iterator<Item = &'a Manifest> {
    inventory
        .of(kind)
        .filter(move |object| moniker::of(object).app.as_deref() == Some(app))
}

/// What all objects show.
fn resource(inventory: &Inventory, object: &Manifest) -> Map {
    let shown = json!({
        "account": inventory.account(), "name": object.full_name(), "namespace": object.namespace(), "region": object.namespace(),
        "displayName": object.name(), "apiVersion": object.api_version(), "kind": object.kind(),
        "labels": object.labels().cloned().unwrap_or_default(), "moniker": moniker::of(object), "createdTime": object.created_ms(),
    });
    match shown {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn with(mut map: Map, more: Value) -> Value {
    if let Value::Object(more) = more {
        map.extend(more);
    }
    map.into()
}

/// A load balancer of an annotation, in its canonical spelling.
fn canonical(name: &str) -> String {
    FullName::parse(name).map_or_else(|_| name.to_owned(), |name| name.to_string())
}

fn is_ignored(object: &Manifest) -> bool {
    annotations::boolean(object, annotations::IGNORE_CACHING) == Some(true)
}
