//! Search over names, applications and clusters.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Inventory, cluster_names};
use crate::kind::SpinnakerKind;
use crate::{Kind, Manifest, moniker};

/// `GET /search`: the results of one type (`serverGroups`, `instances`, a kind, `clusters`, `applications`) whose name, account,
/// namespace, application or cluster holds `query`, in any case; at most `limit`.
#[must_use]
pub fn search(
    inventories: &[Inventory],
    result_type: &str,
    query: &str,
    limit: usize,
) -> Vec<Value> {
    let query = query.to_lowercase();
    let mut results = match result_type {
        "applications" => applications(inventories, &query),
        "clusters" => clusters(inventories, &query),
        _ => objects(inventories, result_type, &query, limit),
    };
    results.truncate(limit);
    results
}

fn applications(inventories: &[Inventory], query: &str) -> Vec<Value> {
    let found = apps(inventories)
        .into_iter()
        .filter(|app| app.to_lowercase().contains(query));
    let shown = |app: String| json!({"provider": "kubernetes", "type": "applications", "group": "applications", "name": app, "application": app});
    found.map(shown).collect()
}

fn clusters(inventories: &[Inventory], query: &str) -> Vec<Value> {
    let mut results = Vec::new();
    for app in apps(inventories) {
        for inventory in inventories {
            for cluster in cluster_names(inventory, &app) {
                let account = inventory.account();
                if holds(query, [account, &app, &cluster]) {
                    results.push(json!({
                        "provider": "kubernetes", "type": "clusters", "group": "clusters", "account": account,
                        "application": app, "name": cluster, "cluster": cluster,
                    }));
                }
            }
        }
    }
    results
}

fn apps(inventories: &[Inventory]) -> BTreeSet<String> {
    let objects = inventories.iter().flat_map(Inventory::with_application);
    objects
        .filter_map(|object| moniker::of(object).app)
        .collect()
}

fn objects(inventories: &[Inventory], result_type: &str, query: &str, limit: usize) -> Vec<Value> {
    let shown_as = SpinnakerKind::parse(result_type);
    let kind = Kind::parse(result_type);
    let mut results = Vec::new();
    for inventory in inventories {
        for object in inventory.all() {
            let is = inventory.spinnaker_kind(object);
            let wanted = match shown_as {
                SpinnakerKind::Unclassified => object.kind() == kind,
                shown_as => is == shown_as,
            };
            if !wanted {
                continue;
            }
            if results.len() >= limit {
                return results;
            }
            results.extend(result(inventory, object, is, query));
        }
    }
    results
}

fn result(
    inventory: &Inventory,
    object: &Manifest,
    shown_as: SpinnakerKind,
    query: &str,
) -> Option<Value> {
    let moniker = moniker::of(object);
    let (app, cluster) = (
        moniker.app.unwrap_or_default(),
        moniker.cluster.unwrap_or_default(),
    );
    let has_app = !matches!(
        shown_as,
        SpinnakerKind::Instances | SpinnakerKind::Configs | SpinnakerKind::Unclassified
    );
    let direct = holds(
        query,
        [inventory.account(), object.namespace(), object.name()],
    );
    let related = has_app && holds(query, ["", &app, &cluster]);
    if !direct && !related {
        return None;
    }
    let name = object.full_name().to_string();
    let mut result = json!({
        "provider": "kubernetes", "type": shown_as.name(), "group": object.kind(), "kubernetesKind": object.kind(),
        "account": inventory.account(), "namespace": object.namespace(), "region": object.namespace(), "name": name,
    });
    let own = match shown_as {
        SpinnakerKind::ServerGroups => Some("serverGroup"),
        SpinnakerKind::Instances => Some("instanceId"),
        SpinnakerKind::LoadBalancers => Some("loadBalancer"),
        SpinnakerKind::SecurityGroups => Some("id"),
        SpinnakerKind::ServerGroupManagers => Some("serverGroupManager"),
        SpinnakerKind::Configs | SpinnakerKind::Unclassified => None,
    };
    if let Some(own) = own {
        result[own] = name.into();
    }
    if has_app {
        result["application"] = app.into();
        result["cluster"] = cluster.into();
    }
    Some(result)
}

fn holds(query: &str, texts: [&str; 3]) -> bool {
    texts.iter().any(|text| text.to_lowercase().contains(query))
}
