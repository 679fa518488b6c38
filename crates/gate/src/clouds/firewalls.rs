//! Firewalls, also called security groups: NetworkPolicies. Source: gate `FirewallController`, `SecurityGroupController`, clouddriver
//! `SecurityGroupController`.

use gennaker_manifests::views;
use gennaker_model::reads::Ask;
use gennaker_settings::KubernetesAccount;
use serde_json::{Map, Value, json};

use super::{PROVIDER, is_meant};
use crate::{Gate, answer::Answer, call::Call, problem::Problem};

const KIND: &str = "networkPolicy";

/// `GET /securityGroups`: `{account: {provider: {region: [summary]}}}`.
pub(crate) async fn all(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let all = gate.all(&ask()).await?;
    let mut shown = Map::new();
    for inventory in &all.inventories {
        let regions = by_region(views::security_groups(std::slice::from_ref(inventory)));
        if !regions.is_empty() {
            shown.insert(inventory.account().to_owned(), json!({ PROVIDER: regions }));
        }
    }
    Ok(all.told(Answer::json(Value::Object(shown))))
}

/// `GET /securityGroups/{account}`: `{region: [summary]}`.
pub(crate) async fn of_account(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let account = account(&gate, &call)?;
    if !is_meant(call.query("provider")) {
        return Ok(Answer::json(json!({})));
    }
    let had = gate.had(account, ask()).await?;
    let regions = by_region(views::security_groups(std::slice::from_ref(&had.inventory)));
    Ok(had.told(Answer::json(Value::Object(regions))))
}

/// `GET /securityGroups/{account}/{region}`: the whole of each.
pub(crate) async fn of_region(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let account = account(&gate, &call)?;
    if !is_meant(call.query("provider")) {
        return Ok(Answer::json(json!([])));
    }
    let region = call.param("region").to_owned();
    let had = gate.had(account, ask()).await?;
    let mut groups = views::security_groups(std::slice::from_ref(&had.inventory));
    groups.retain(|group| group["region"] == *region);
    Ok(had.told(Answer::json(Value::Array(groups))))
}

/// `GET /securityGroups/{account}/{region}/{name}`.
pub(crate) async fn one(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (region, name) = (call.param("region"), call.param("name"));
    let had = gate.had(account(&gate, &call)?, ask()).await?;
    match views::security_group(&had.inventory, region, name) {
        Some(shown) => Ok(had.told(Answer::json(shown))),
        None => Err(Problem::not_found(format!(
            "Security group not found (name: {name}, region: {region})"
        ))),
    }
}

fn account<'a>(gate: &'a Gate, call: &Call) -> Result<&'a KubernetesAccount, Problem> {
    gate.kubernetes_account(call.param("account"))
}

fn ask() -> Ask {
    Ask::Kinds {
        kinds: vec![KIND.to_owned()],
    }
}

/// The summaries of each region.
fn by_region(groups: Vec<Value>) -> Map<String, Value> {
    let mut regions = Map::new();
    for mut group in groups {
        let region = group["region"].as_str().unwrap_or_default().to_owned();
        let summaries = regions.entry(region).or_insert_with(|| json!([]));
        if let Value::Array(summaries) = summaries {
            summaries.push(group["summary"].take());
        }
    }
    regions
}
