//! `/images/…`, `/charts/…`: what registries hold. Source: gate `ImageController`, clouddriver-docker
//! `DockerRegistryImageController`.
//!
//! The accounts are those of the settings, without their secrets; what they hold, workers tell. Clouddriver answers from a cache of
//! all tags; here the registry is asked, so a search over all of a large one should name a repository.

use std::time::Duration;

use gennaker_model::registry_reads::{Account, Find, POOL, Question, Read, VERSION, place};
use serde_json::Value;

use crate::{Gate, answer::Answer, call::Call, pool::Asked, problem::Problem};

/// Longest wait for a worker.
const WAIT: Duration = Duration::from_secs(65);

/// What the provider is called; Deck sends the first, some clients nothing.
const PROVIDERS: [&str; 2] = ["dockerRegistry", "docker"];

/// `GET /images/find?provider=dockerRegistry&q=&account=&count=`.
pub(crate) async fn find(gate: Gate, call: Call) -> Result<Answer, Problem> {
    found(&gate, &call, false).await
}

/// `GET /charts/find?provider=dockerRegistry&q=&account=&count=`.
pub(crate) async fn find_charts(gate: Gate, call: Call) -> Result<Answer, Problem> {
    found(&gate, &call, true).await
}

/// `GET /images/tags?provider=&account=&repository=`, and the same for charts.
pub(crate) async fn tags(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let given = |name: &str| call.query(name).filter(|value| !value.is_empty());
    let missing =
        |name: &str| Problem::bad_request(format!("Required parameter '{name}' is not present."));
    let account = given("account")
        .ok_or_else(|| missing("account"))?
        .to_owned();
    let repository = given("repository")
        .ok_or_else(|| missing("repository"))?
        .to_owned();
    if !is_registry(given("provider")) {
        return Ok(Answer::json(Value::Array(Vec::new())));
    }
    match registry(&gate, &account) {
        Some(account) => {
            let told = gate
                .ask_registry(account, Read::Tags { repository })
                .await?;
            Ok(Answer::json(told))
        }
        None => Ok(Answer::json(Value::Array(Vec::new()))),
    }
}

async fn found(gate: &Gate, call: &Call, is_chart: bool) -> Result<Answer, Problem> {
    let given = |name: &str| call.query(name).filter(|value| !value.is_empty());
    let count = given("count").map(str::parse::<u64>).transpose();
    let count = count.map_err(|_| Problem::bad_request("count must be a whole number"))?;
    let (provider, account) = (given("provider"), given("account"));
    // Regions are of clouds.
    let _ = given("region");
    let find = Find {
        is_chart,
        query: given("q").map(str::to_owned),
        repository: given("repository").map(str::to_owned),
        tag: given("tag").map(str::to_owned),
        details: given("includeDetails") == Some("true"),
        count,
    };
    if !is_registry(provider) {
        return Ok(Answer::json(Value::Array(Vec::new())));
    }
    let wanted = |one: &&Account| {
        account.is_none_or(|name| name == one.name) && (!is_chart || one.has_charts)
    };
    let mut all: Vec<Value> = Vec::new();
    for one in gate.registries().iter().filter(wanted) {
        let room = count.map(|count| count.saturating_sub(all.len() as u64));
        if room == Some(0) {
            break;
        }
        let find = Find {
            count: room,
            ..find.clone()
        };
        if let Value::Array(images) = gate.ask_registry(one, Read::Find(find)).await? {
            all.extend(images);
        }
    }
    Ok(Answer::json(Value::Array(all)))
}

fn is_registry(provider: Option<&str>) -> bool {
    provider.is_none_or(|provider| PROVIDERS.contains(&provider))
}

fn registry<'g>(gate: &'g Gate, name: &str) -> Option<&'g Account> {
    gate.registries()
        .iter()
        .find(|account| account.name == name)
}

impl Gate {
    fn registries(&self) -> &[Account] {
        &self.config().registries
    }

    async fn ask_registry(&self, account: &Account, read: Read) -> Result<Value, Problem> {
        let question = Question { v: VERSION, read };
        let asked = Asked {
            pool: POOL,
            place: &place(&account.name),
            zone: account.zone.as_deref(),
            does: &format!("reads the registry of account {}", account.name),
            otherwise: "The registry cannot be read",
        };
        self.ask_pool(&asked, &question, WAIT).await
    }
}
