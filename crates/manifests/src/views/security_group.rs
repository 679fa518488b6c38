//! NetworkPolicies as security groups: their ports.

use serde_json::{Value, json};

use super::{Inventory, resource, with};
use crate::Manifest;

/// `GET /securityGroups/…`.
pub(super) fn whole(inventory: &Inventory, policy: &Manifest) -> Value {
    let id = policy.full_name();
    with(
        resource(inventory, policy),
        json!({
            "accountName": inventory.account(), "id": id, "application": crate::moniker::of(policy).app, "type": "kubernetes",
            "cloudProvider": "kubernetes", "inboundRules": rules(policy, "ingress"), "outboundRules": rules(policy, "egress"),
            "summary": {"name": id, "id": id},
        }),
    )
}

/// Each port once; peers have no place in Spinnaker's model.
fn rules(policy: &Manifest, direction: &str) -> Vec<Value> {
    let rules = policy.at(&["spec", direction]).and_then(Value::as_array);
    let ports = rules
        .into_iter()
        .flatten()
        .filter_map(|rule| rule.get("ports")?.as_array())
        .flatten();
    let mut shown: Vec<Value> = Vec::new();
    for port in ports {
        let rule = json!({"protocol": port.get("protocol"), "portRanges": range(port)});
        if !shown.contains(&rule) {
            shown.push(rule);
        }
    }
    shown
}

fn range(port: &Value) -> Value {
    let range = |number: Option<i64>, end: Option<i64>, name: Option<&str>| json!([{"startPort": number, "endPort": end, "startPortName": name, "endPortName": name}]);
    match port.get("port") {
        Some(Value::Number(number)) => {
            let number = number.as_i64();
            let end = port.get("endPort").and_then(Value::as_i64).or(number);
            range(number, end, None)
        }
        Some(Value::String(text)) => match text.parse::<i64>() {
            Ok(number) => range(Some(number), Some(number), None),
            Err(_) => range(None, None, Some(text)),
        },
        _ => Value::Null,
    }
}
