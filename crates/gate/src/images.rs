//! `/images/…`, `/charts/…`: what registries hold. Source: gate `ImageController`, clouddriver-docker
//! `DockerRegistryImageController`.
//!
//! The accounts are those of the settings, without their secrets; what they hold, workers tell. Clouddriver answers from a cache of
//! all tags; here the registry is asked, so a search over all of a large one should name a repository.

use std::time::Duration;

use gennaker_bus::{CommandError, subject};
use gennaker_model::registry_reads::{
    Account, Answer as Told, Find, POOL, Question, Read, VERSION, place,
};
use serde_json::Value;

use crate::{Gate, answer::Answer, call::Call, problem::Problem};

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
        let payload =
            serde_json::to_vec(&question).map_err(|error| Problem::internal(error.to_string()))?;
        let subject = subject::ask(POOL, &place(&account.name));
        let zone = account.zone.as_deref();
        let zone = zone.map_or("any zone".to_owned(), |zone| format!("zone {zone}"));
        let nobody = |why: &str| {
            Problem::unavailable(format!(
                "No worker of pool {POOL} in {zone} reads the registry of account {}{why}",
                account.name
            ))
        };
        let answer = match self.bus().ask(subject, payload.into(), WAIT).await {
            Ok(answer) => answer,
            Err(CommandError::NoOwner) => return Err(nobody("")),
            Err(error) => return Err(nobody(&format!(" and answers: {error}"))),
        };
        let told: Told = serde_json::from_slice(&answer).map_err(|error| {
            Problem::internal(format!(
                "The answer about account {} cannot be read: {error}",
                account.name
            ))
        })?;
        let message = || {
            told.body
                .as_str()
                .unwrap_or("The registry cannot be read")
                .to_owned()
        };
        match told.status {
            200 => Ok(told.body),
            404 => Err(Problem::not_found(message())),
            _ => Err(Problem::unavailable(message())),
        }
    }
}
