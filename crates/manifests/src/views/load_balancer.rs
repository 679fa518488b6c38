//! Services and Ingresses as load balancers.

use serde_json::{Value, json};

use super::{Inventory, resource, server_group, with};
use crate::Manifest;

/// `GET /applications/{app}/loadBalancers`.
pub(super) fn whole(inventory: &Inventory, service: &Manifest) -> Value {
    before(inventory, service, &inventory.balanced(service))
}

/// With some of its server groups.
pub(super) fn before(inventory: &Inventory, service: &Manifest, groups: &[&Manifest]) -> Value {
    let groups: Vec<Value> = groups
        .iter()
        .map(|group| server_group::balanced(inventory, group))
        .collect();
    with(
        resource(inventory, service),
        json!({"type": "kubernetes", "cloudProvider": "kubernetes", "serverGroups": groups}),
    )
}
