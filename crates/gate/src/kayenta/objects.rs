//! What lies in storage: lists of series, lists of pairs, archives. Source: Kayenta `MetricSetListController`,
//! `MetricSetPairListController`, `CanaryResultArchiveController`.

use axum::http::StatusCode;
use gennaker_model::canary_reads::{Group, Read};
use serde_json::{Value, json};

use super::{missing, text};
use crate::{
    Gate,
    answer::Answer,
    call::{Call, uuid},
    problem::Problem,
};

/// `GET /metricSetList`: the ids.
pub(crate) async fn sets(gate: Gate, call: Call) -> Result<Answer, Problem> {
    list(&gate, &call, Group::MetricSets).await
}

/// `GET /metricSetList/{id}`.
pub(crate) async fn set(gate: Gate, call: Call) -> Result<Answer, Problem> {
    get(&gate, &call, Group::MetricSets).await
}

/// `POST /metricSetList`.
pub(crate) async fn put_sets(gate: Gate, call: Call) -> Result<Answer, Problem> {
    put_list(&gate, &call, Group::MetricSets, "metricSetListId").await
}

/// `DELETE /metricSetList/{id}`: 204.
pub(crate) async fn delete_sets(gate: Gate, call: Call) -> Result<Answer, Problem> {
    delete(&gate, &call, Group::MetricSets).await
}

/// `GET /metricSetPairList`: the ids.
pub(crate) async fn pairs(gate: Gate, call: Call) -> Result<Answer, Problem> {
    list(&gate, &call, Group::MetricPairs).await
}

/// `GET /metricSetPairList/{id}`.
pub(crate) async fn pair_list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    get(&gate, &call, Group::MetricPairs).await
}

/// `GET /metricSetPairList/{id}?storageAccountName=`, as Gate calls it.
pub(crate) async fn pair_list_of_gate(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let account = text(&call, "storageAccountName");
    Ok(Answer::json(
        found(&gate, Group::MetricPairs, account, call.param("id")).await?,
    ))
}

/// `GET /metricSetPairList/{id}/{pairId}`.
pub(crate) async fn pair(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.param("id");
    let pairs = found(&gate, Group::MetricPairs, text(&call, "accountName"), id).await?;
    let wanted = call.param("pairId");
    let pairs = pairs.as_array().map_or(&[][..], Vec::as_slice);
    let pair = pairs.iter().find(|pair| pair["id"] == wanted);
    pair.map(|pair| Answer::json(pair.clone())).ok_or_else(|| {
        Problem::not_found(format!(
            "Metric set pair '{wanted}' of list '{id}' not found."
        ))
    })
}

/// `POST /metricSetPairList`.
pub(crate) async fn put_pairs(gate: Gate, call: Call) -> Result<Answer, Problem> {
    put_list(&gate, &call, Group::MetricPairs, "metricSetPairListId").await
}

/// `DELETE /metricSetPairList/{id}`: 204.
pub(crate) async fn delete_pairs(gate: Gate, call: Call) -> Result<Answer, Problem> {
    delete(&gate, &call, Group::MetricPairs).await
}

/// `GET /canaryResultArchive`: the ids.
pub(crate) async fn archives(gate: Gate, call: Call) -> Result<Answer, Problem> {
    list(&gate, &call, Group::Archive).await
}

/// `GET /canaryResultArchive/{id}`, and `GET /judges/comparison/{id}`.
pub(crate) async fn archive(gate: Gate, call: Call) -> Result<Answer, Problem> {
    get(&gate, &call, Group::Archive).await
}

/// `GET /judges/comparison/{id}`.
pub(crate) async fn comparison(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let account = text(&call, "storageAccountName");
    let document = found(&gate, Group::Archive, account, call.param("id")).await?;
    Ok(Answer::json(document))
}

/// `POST /canaryResultArchive?pipelineId=`: the id is drawn when there is none.
pub(crate) async fn put_archive(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = text(&call, "pipelineId").unwrap_or_else(|| uuid(call.random));
    keep_archive(&gate, &call, id, false).await
}

/// `PUT /canaryResultArchive/{id}`.
pub(crate) async fn replace_archive(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.param("id").to_owned();
    keep_archive(&gate, &call, id, true).await
}

/// `DELETE /canaryResultArchive/{id}`: 204.
pub(crate) async fn delete_archive(gate: Gate, call: Call) -> Result<Answer, Problem> {
    delete(&gate, &call, Group::Archive).await
}

/// `GET /v2/canaries/series/{id}?storageAccountName=`: all that a picture of an analysis needs.
pub(crate) async fn series(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let read = Read::Series {
        account: text(&call, "storageAccountName"),
        id: call.param("id").to_owned(),
    };
    Ok(Answer::json(gate.ask_kayenta(None, read).await?))
}

/// An object of a group.
pub(crate) async fn found(
    gate: &Gate,
    group: Group,
    account: Option<String>,
    id: &str,
) -> Result<Value, Problem> {
    let id = id.to_owned();
    gate.ask_kayenta(None, Read::Get { group, account, id })
        .await
}

async fn list(gate: &Gate, call: &Call, group: Group) -> Result<Answer, Problem> {
    let account = text(call, "accountName");
    let listed = gate
        .ask_kayenta(None, Read::List { group, account })
        .await?;
    Ok(Answer::json(listed))
}

async fn get(gate: &Gate, call: &Call, group: Group) -> Result<Answer, Problem> {
    let account = text(call, "accountName");
    Ok(Answer::json(
        found(gate, group, account, call.param("id")).await?,
    ))
}

async fn put_list(
    gate: &Gate,
    call: &Call,
    group: Group,
    word: &'static str,
) -> Result<Answer, Problem> {
    let account = text(call, "accountName");
    let body = match call.json()? {
        Some(list @ Value::Array(_)) => list,
        Some(_) | None => return Err(Problem::malformed_json("a list is expected")),
    };
    let id = uuid(call.random);
    let read = Read::Put {
        group,
        account,
        id: id.clone(),
        exists: None,
        by_id: false,
        body,
    };
    gate.ask_kayenta(None, read).await?;
    Ok(Answer::json(json!({ word: id })))
}

async fn keep_archive(
    gate: &Gate,
    call: &Call,
    id: String,
    exists: bool,
) -> Result<Answer, Problem> {
    let account = text(call, "accountName");
    let body = call.object()?;
    if id.is_empty() {
        return Err(missing("pipelineId"));
    }
    let read = Read::Put {
        group: Group::Archive,
        account,
        id: id.clone(),
        exists: Some(exists),
        by_id: true,
        body: body.into(),
    };
    gate.ask_kayenta(None, read).await?;
    Ok(Answer::json(json!({ "pipelineId": id })))
}

async fn delete(gate: &Gate, call: &Call, group: Group) -> Result<Answer, Problem> {
    let read = Read::Delete {
        group,
        account: text(call, "accountName"),
        id: call.param("id").to_owned(),
    };
    gate.ask_kayenta(None, read).await?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}
