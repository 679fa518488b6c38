//! Applications' clusters, server groups, managers, load balancers, instances. Source: gate `ClusterController`,
//! `ServerGroupController`, `ServerGroupManagerController`, `LoadBalancerController`, `InstanceController`, and the controllers of the
//! same names in clouddriver.

use std::time::Duration;

use gennaker_manifests::{Kind, views};
use gennaker_model::reads::Ask;
use serde_json::{Map, Value, json};

use super::{PROVIDER, is_meant};
use super::{
    ask::{All, Had},
    wanted::WantedClusters,
};
use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// How long an application's own page waits for its clusters: it is there without them, too.
const OVERVIEW_WAIT: Duration = Duration::from_secs(3);

/// What an application's document says of its clusters.
pub(crate) struct Overview {
    /// Accounts that have some, in their order.
    pub(crate) accounts: Vec<String>,
    /// `{account: [{name, provider, loadBalancers, serverGroups}]}`
    pub(crate) clusters: Value,
    all: All,
}

impl Overview {
    /// The answer, with how old it is and what is missing in it.
    pub(crate) fn told(&self, answer: Answer) -> Answer {
        self.all.told(answer)
    }
}

/// What an application has in the accounts that tell it soon enough. Source: clouddriver `ApplicationsController`
/// (`ApplicationClusterViewModel`).
pub(crate) async fn overview(gate: &Gate, application: &str) -> Overview {
    let all = gate.all_within(&of(application), OVERVIEW_WAIT).await;
    let mut accounts = Vec::new();
    let mut clusters = Map::new();
    for inventory in &all.inventories {
        let Some(Value::Array(whole)) = views::account_clusters(inventory, application) else {
            continue;
        };
        let names = |list: &Value| -> Vec<Value> {
            let list = list.as_array().into_iter().flatten();
            list.map(|it| it["name"].clone()).collect()
        };
        let shown = |cluster: &Value| {
            json!({
                "name": cluster["name"], "provider": PROVIDER,
                "loadBalancers": names(&cluster["loadBalancers"]), "serverGroups": names(&cluster["serverGroups"]),
            })
        };
        accounts.push(inventory.account().to_owned());
        let shown = whole.iter().map(shown).collect();
        clusters.insert(inventory.account().to_owned(), Value::Array(shown));
    }
    Overview {
        accounts,
        clusters: Value::Object(clusters),
        all,
    }
}

/// `GET /applications/{application}/clusters`.
pub(crate) async fn of_application(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let app = call.param("application");
    let all = gate.all(&of(app)).await?;
    Ok(all.told(Answer::json(views::clusters(&all.inventories, app))))
}

/// `GET /applications/{application}/clusters/{account}`.
pub(crate) async fn of_account(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (app, account) = (call.param("application"), call.param("account"));
    let none = || {
        let account = call.param("account");
        Problem::not_found(format!(
            "No clusters found for application {app}, account {account}"
        ))
    };
    let had = gate.had(gate.kubernetes_account(account)?, of(app)).await?;
    let shown = views::account_clusters(&had.inventory, app).ok_or_else(none)?;
    Ok(had.told(Answer::json(shown)))
}

/// `GET /applications/{application}/clusters/{account}/{cluster}`: of each provider one.
pub(crate) async fn of_name(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (answer, cluster) = one(&gate, &call).await?;
    Ok(answer.told(Answer::json(json!([cluster]))))
}

/// `GET /applications/{application}/clusters/{account}/{cluster}/{type}`.
pub(crate) async fn of_type(gate: Gate, call: Call) -> Result<Answer, Problem> {
    check_type(&call)?;
    let (answer, cluster) = one(&gate, &call).await?;
    Ok(answer.told(Answer::json(cluster)))
}

/// `GET /applications/{application}/clusters/{account}/{cluster}/{type}/serverGroups`.
pub(crate) async fn server_groups_of_cluster(gate: Gate, call: Call) -> Result<Answer, Problem> {
    check_type(&call)?;
    part(gate, call, "serverGroups").await
}

/// `GET /applications/{application}/clusters/{account}/{cluster}/serverGroups`.
pub(crate) async fn server_groups_of_any_type(gate: Gate, call: Call) -> Result<Answer, Problem> {
    part(gate, call, "serverGroups").await
}

/// `GET /applications/{application}/clusters/{account}/{cluster}/{type}/loadBalancers`.
pub(crate) async fn load_balancers_of_cluster(gate: Gate, call: Call) -> Result<Answer, Problem> {
    check_type(&call)?;
    part(gate, call, "loadBalancers").await
}

/// `GET /applications/{application}/clusters/{account}/{cluster}/serverGroups/{serverGroup}`, with and without a type.
pub(crate) async fn server_group_of_cluster(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let wanted = call.param("serverGroup").to_owned();
    let (answer, cluster) = one(&gate, &call).await?;
    let groups = cluster["serverGroups"].as_array().into_iter().flatten();
    let found: Vec<&Value> = groups.filter(|group| group["name"] == *wanted).collect();
    match found.is_empty() {
        true => Err(Problem::not_found(format!(
            "Server group not found (id: {wanted})"
        ))),
        false => Ok(answer.told(Answer::json(json!(found)))),
    }
}

/// `GET /applications/{application}/clusters/{account}/{cluster}/{cloudProvider}/{scope}/serverGroups/target/{target}`: Spinnaker's
/// neutral names for the newest, the one before it, the oldest.
pub(crate) async fn target(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (scope, target) = (
        call.param("scope").to_owned(),
        call.param("target").to_owned(),
    );
    let only_enabled = call.query_bool("onlyEnabled", true)?;
    let (answer, cluster) = one(&gate, &call).await?;
    let groups = cluster["serverGroups"].as_array().into_iter().flatten();
    let mut groups: Vec<&Value> = groups
        .filter(|group| group["region"] == *scope && !(only_enabled && group["isDisabled"] == true))
        .collect();
    groups.sort_by_key(|group| group["createdTime"].as_i64());
    let size = |group: &&Value| group["capacity"]["desired"].as_i64();
    let found = match target.to_ascii_lowercase().as_str() {
        "current_asg_dynamic" | "current_asg" | "current" | "newest" => groups.last(),
        "ancestor_asg_dynamic" | "ancestor_asg" | "ancestor" | "previous" => groups
            .len()
            .checked_sub(2)
            .and_then(|place| groups.get(place)),
        "oldest_asg_dynamic" | "oldest_asg" | "oldest" => groups.first(),
        "largest" => groups.iter().max_by_key(|group| size(group)),
        "fail" if groups.len() > 1 => {
            return Err(Problem::not_found(
                "Target is FAIL and more than one server group was found",
            ));
        }
        "fail" => groups.first(),
        other => {
            return Err(Problem::bad_request(format!(
                "No target is called '{other}'"
            )));
        }
    };
    match found {
        Some(group) => Ok(answer.told(Answer::json((*group).clone()))),
        None => Err(Problem::not_found(format!(
            "No server group found for target {target} in {scope}"
        ))),
    }
}

/// `GET /applications/{application}/serverGroups`.
pub(crate) async fn server_groups(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let app = call.param("application");
    let expand = call.query_bool("expand", false)?;
    let wanted = WantedClusters::read(&call)?;
    if !is_meant(call.query("cloudProvider")) {
        return Ok(Answer::json(json!([])));
    }
    let all = gate.all(&of(app)).await?;
    let mut shown = views::server_groups(&all.inventories, app, expand);
    if let Value::Array(groups) = &mut shown {
        groups.retain(|group| wanted.has(group));
    }
    Ok(all.told(Answer::json(shown)))
}

/// `GET /applications/{application}/serverGroups/{account}/{region}/{name}`, and the older address without application.
pub(crate) async fn server_group(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (region, name) = (call.param("region"), call.param("name"));
    let had = gate.had_of(call.param("account"), region, name).await?;
    let missing = || Problem::not_found(format!("Server group not found (id: {name})"));
    let mut shown = views::server_group(&had.inventory, region, name).ok_or_else(missing)?;
    shown["insightActions"] = json!([]);
    Ok(had.told(Answer::json(shown)))
}

/// `GET /serverGroups`, by applications or by ids.
pub(crate) async fn server_groups_by(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (applications, ids) = (call.query_list("applications"), call.query_list("ids"));
    if applications.is_empty() == ids.is_empty() {
        return Err(Problem::bad_request(
            "Provide either 'applications' or 'ids' parameter (but not both)",
        ));
    }
    if !is_meant(call.query("cloudProvider")) {
        return Ok(Answer::json(json!([])));
    }
    let mut shown = Vec::new();
    for app in &applications {
        let all = gate.all(&of(app)).await?;
        if let Value::Array(groups) = views::server_groups(&all.inventories, app, false) {
            shown.extend(groups);
        }
    }
    for id in &ids {
        let mut parts = id.splitn(3, ':');
        let (Some(account), Some(region), Some(name)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(Problem::bad_request(format!(
                "'{id}' is not account:region:name"
            )));
        };
        let had = gate.had_of(account, region, name).await?;
        shown.extend(views::server_group(&had.inventory, region, name));
    }
    Ok(Answer::json(Value::Array(shown)))
}

/// `GET /applications/{application}/serverGroupManagers`.
pub(crate) async fn managers(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let app = call.param("application");
    let all = gate.all(&of(app)).await?;
    Ok(all.told(Answer::json(views::server_group_managers(
        &all.inventories,
        app,
    ))))
}

/// `GET /applications/{application}/loadBalancers`.
pub(crate) async fn load_balancers(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let app = call.param("application");
    let all = gate.all(&of(app)).await?;
    Ok(all.told(Answer::json(views::load_balancers(&all.inventories, app))))
}

/// `GET /loadBalancers/{account}/{region}/{name}`.
pub(crate) async fn load_balancer(gate: Gate, call: Call) -> Result<Answer, Problem> {
    if !is_meant(call.query("provider")) {
        return Ok(Answer::json(json!([])));
    }
    let (region, name) = (call.param("region"), call.param("name"));
    let had = gate.had_of(call.param("account"), region, name).await?;
    Ok(had.told(Answer::json(views::load_balancer(
        &had.inventory,
        region,
        name,
    ))))
}

/// `GET /applications/{application}/rawResources`.
pub(crate) async fn raw_resources(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let app = call.param("application");
    let all = gate.all(&of(app)).await?;
    let passes = |account: &str, kind: &Kind| gate.shows_raw(account, kind);
    Ok(all.told(Answer::json(views::raw_resources(
        &all.inventories,
        app,
        &passes,
    ))))
}

/// `GET /instances/{account}/{region}/{id}`.
pub(crate) async fn instance(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (region, id) = (call.param("region"), call.param("id"));
    let had = gate.had_of(call.param("account"), region, id).await?;
    let missing = || Problem::not_found(format!("Instance not found (id: {id})"));
    let mut shown = views::instance(&had.inventory, region, id).ok_or_else(missing)?;
    shown["insightActions"] = json!([]);
    Ok(had.told(Answer::json(shown)))
}

impl Gate {
    /// The objects beside one object of an account.
    async fn had_of(&self, account: &str, namespace: &str, name: &str) -> Result<Had, Problem> {
        let ask = Ask::Beside {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        self.had(self.kubernetes_account(account)?, ask).await
    }

    /// Whether the page of raw resources shows a kind of an account.
    fn shows_raw(&self, account: &str, kind: &Kind) -> bool {
        let Ok(account) = self.kubernetes_account(account) else {
            return false;
        };
        let kind = kind.to_string();
        let fits = |patterns: &[String]| {
            // Checked when the settings were read.
            patterns.iter().any(|pattern| {
                regex::Regex::new(&format!("^(?:{pattern})$"))
                    .is_ok_and(|pattern| pattern.is_match(&kind))
            })
        };
        match account.raw_kinds.is_empty() {
            true => !fits(&account.raw_omit_kinds),
            false => fits(&account.raw_kinds),
        }
    }
}

fn of(application: &str) -> Ask {
    Ask::Application {
        application: application.to_owned(),
    }
}

fn check_type(call: &Call) -> Result<(), Problem> {
    let kind = call.param("type");
    match is_meant(Some(kind)) {
        true => Ok(()),
        false => Err(Problem::not_found(format!(
            "No clusters of type {kind}: there is {PROVIDER} only"
        ))),
    }
}

/// The cluster that an address names.
async fn one(gate: &Gate, call: &Call) -> Result<(Had, Value), Problem> {
    let (app, account, name) = (
        call.param("application"),
        call.param("account"),
        call.param("cluster"),
    );
    let had = gate.had(gate.kubernetes_account(account)?, of(app)).await?;
    match views::cluster(&had.inventory, app, name) {
        Some(cluster) => Ok((had, cluster)),
        None => Err(Problem::not_found(format!(
            "Cluster not found (application: {app}, account: {account}, name: {name})"
        ))),
    }
}

async fn part(gate: Gate, call: Call, key: &str) -> Result<Answer, Problem> {
    let (answer, mut cluster) = one(&gate, &call).await?;
    Ok(answer.told(Answer::json(cluster[key].take())))
}
