//! `/artifacts/…`: what Gate hands on to Clouddriver about artifacts (reference of the clouds 3.2). Source: gate
//! `ArtifactController`.
//!
//! The accounts are those of the settings, without their secrets; what they hold, workers tell.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_model::artifact_reads::{Account, POOL, Question, Read, VERSION, place};
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, pool::Asked, problem::Problem};

/// Longest wait for a worker: what it may take to read an artifact, and a little.
const WAIT: Duration = Duration::from_secs(65);

/// `GET /artifacts/credentials`: accounts and what they read, those of one name together.
pub(crate) async fn credentials(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for account in gate.artifact_accounts() {
        let types = account.types.iter().map(String::as_str);
        match all.iter_mut().find(|(name, _)| *name == account.name) {
            Some((_, known)) => known.extend(types),
            None => all.push((&account.name, types.collect())),
        }
    }
    let all = all
        .into_iter()
        .map(|(name, types)| json!({"name": name, "types": types}));
    Ok(Answer::json(Value::Array(all.collect())))
}

/// `PUT /artifacts/fetch`: the content of the artifact in the body.
pub(crate) async fn fetch(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let artifact = Value::Object(call.object()?);
    let text = |key: &str| {
        artifact
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let account = gate.reader(text("artifactAccount"), text("type"), text("name"))?;
    let content = gate
        .ask_reader(
            account,
            Read::Fetch {
                artifact: artifact.clone(),
            },
        )
        .await?;
    let content = content.as_str().and_then(|text| STANDARD.decode(text).ok());
    let content =
        content.ok_or_else(|| Problem::internal("The content of the artifact cannot be read"))?;
    let mut response = Response::new(Body::from(content));
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(Answer::Other(response))
}

/// `GET /artifacts/account/{account}/names?type=`.
pub(crate) async fn names(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (account, kind) = (call.param("account").to_owned(), wanted(&call, "type")?);
    let reader = gate.reader(&account, &kind, &kind)?;
    Ok(Answer::json(
        gate.ask_reader(reader, Read::Names { account, kind })
            .await?,
    ))
}

/// `GET /artifacts/account/{account}/versions?type=&artifactName=`.
pub(crate) async fn versions(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (account, kind) = (call.param("account").to_owned(), wanted(&call, "type")?);
    let name = wanted(&call, "artifactName")?;
    let reader = gate.reader(&account, &kind, &name)?;
    let read = Read::Versions {
        account,
        kind,
        name,
    };
    Ok(Answer::json(gate.ask_reader(reader, read).await?))
}

impl Gate {
    fn artifact_accounts(&self) -> &[Account] {
        &self.config().artifacts
    }

    /// The account that reads a type: the one with this name, or the only one.
    fn reader(&self, name: &str, kind: &str, shown: &str) -> Result<&Account, Problem> {
        let mut readers = self
            .artifact_accounts()
            .iter()
            .filter(|account| account.reads(kind));
        if name.is_empty() {
            return match (readers.next(), readers.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(Problem::bad_request(format!(
                    "An artifact account must be supplied to download this artifact: {shown}"
                ))),
            };
        }
        readers.find(|account| account.name == name).ok_or_else(|| {
            Problem::not_found(format!(
                "Credentials '{name}' supporting artifact type '{kind}' cannot be found"
            ))
        })
    }

    async fn ask_reader(&self, account: &Account, read: Read) -> Result<Value, Problem> {
        let question = Question { v: VERSION, read };
        let asked = Asked {
            pool: POOL,
            place: &place(&account.name),
            zone: account.zone.as_deref(),
            does: &format!("reads artifacts of account {}", account.name),
            otherwise: "The artifact cannot be read",
        };
        self.ask_pool(&asked, &question, WAIT).await
    }
}

fn wanted(call: &Call, name: &str) -> Result<String, Problem> {
    let value = call.query(name).filter(|value| !value.is_empty());
    let missing = || Problem::bad_request(format!("Required parameter '{name}' is not present."));
    value.map(str::to_owned).ok_or_else(missing)
}
