//! Names of metrics, for people who write a configuration (Kayenta `MetadataController`, `MetricsService.getMetadata`).

use std::collections::BTreeMap;

use gennaker_model::Map;
use gennaker_outbound::Client;
use serde_json::{Value, json};

use crate::{
    accounts::{Account, SourceKind},
    question::{Question, Trouble},
    request::Scope,
};

/// Most names of an answer.
const NAMES_MAX: usize = 20_000;

/// How far back Datadog looks for metrics that reported, in seconds (Kayenta `metadata-caching-interval`, and a little).
const DATADOG_LOOKS_BACK_S: i64 = 3_600;

/// The metrics that a source knows, in the order of their names: `[{"name"}]`. Sources that cannot tell know none, as in Kayenta.
pub(crate) async fn metrics(
    client: &Client,
    account: &Account,
    filter: Option<&str>,
    now_ms: i64,
) -> Result<Value, Trouble> {
    let (query, scope) = (Map::new(), nowhere());
    let question = Question {
        client,
        account,
        metric: "metadata",
        query: &query,
        templates: None,
        scope: &scope,
    };
    let answer = match account.kind {
        SourceKind::Prometheus => {
            let answer = question.get("api/v1/label/__name__/values", &[]).await?;
            answer["data"].clone()
        }
        SourceKind::Datadog => {
            let from = (now_ms / 1000 - DATADOG_LOOKS_BACK_S).to_string();
            let answer = question.get("api/v1/metrics", &[("from", &from)]).await?;
            answer["metrics"].clone()
        }
        _ => return Ok(json!([])),
    };
    let names = answer.as_array().ok_or_else(|| {
        Trouble::Never(format!(
            "the {} account {} answered no list of metrics",
            account.kind.name(),
            account.name
        ))
    })?;
    let wanted = filter.unwrap_or_default().to_lowercase();
    let mut names: Vec<&str> = names
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| name.to_lowercase().contains(&wanted))
        .collect();
    names.sort_unstable();
    names.truncate(NAMES_MAX);
    Ok(names
        .into_iter()
        .map(|name| json!({ "name": name }))
        .collect())
}

/// The names of metrics belong to no scope.
fn nowhere() -> Scope {
    Scope {
        scope: None,
        location: None,
        start_ms: 0,
        end_ms: 0,
        step: 0,
        parameters: BTreeMap::new(),
    }
}
