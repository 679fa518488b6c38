//! Standalone analyses: a canary with its intervals and no pipeline around it. Source: Kayenta
//! `StandaloneCanaryAnalysisController`, `CanaryAnalysisService` (canary reference 4.7).
//!
//! One is an ad-hoc task with two stages, so it survives whatever pipelines survive.

use gennaker_model::{Execution, Map, Stage, canary_reads::Group, command::Request};
use gennaker_store::Kind;
use serde_json::{Value, json};

use super::objects::found;
use crate::{Gate, answer::Answer, call::Call, canary_runs, jobs, problem::Problem, tasks};

/// Where an analysis is listed that names no application (Kayenta).
const AD_HOC: &str = "ad-hoc";

const INTERVALS: &str = "setupAndExecuteCanariesStage";
const VERDICT: &str = "generateCanaryAnalysisResultStage";

/// `POST /standalone_canary_analysis/{id}`: a request, for a stored configuration.
pub(crate) async fn start_stored(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let request = call.object()?;
    let id = call.param("id").to_owned();
    let config = gate.store().canary_config(&id).await?;
    let config = config
        .ok_or_else(|| Problem::not_found(format!("Canary config '{id}' does not exist.")))?;
    let named = ("canaryConfigId", id.into());
    start(&gate, &call, &config.body, named, request).await
}

/// `POST /standalone_canary_analysis`: `{canaryConfig, executionRequest}`.
pub(crate) async fn start_given(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let body = call.object()?;
    let part = |key: &str| {
        let found = body.get(key).and_then(Value::as_object).cloned();
        found.ok_or_else(|| {
            Problem::bad_request(format!("{key} must be provided for ad-hoc requests"))
        })
    };
    let (config, request) = (part("canaryConfig")?, part("executionRequest")?);
    let given = jobs::encoded(Kind::CanaryConfig, &config)?.into();
    start(&gate, &call, &config, ("canaryConfig", given), request).await
}

/// `GET /standalone_canary_analysis/{id}`: from the execution, and from the archive when that is gone.
pub(crate) async fn get(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let storage = call.query("storageAccountName").map(str::to_owned);
    let id = call.execution("id", "Canary analysis execution")?;
    let request = Request::Read {
        execution: id.clone(),
    };
    let document = gate.owners().read(&id, call.ask("read", request)).await?;
    let Some(document) = document else {
        let archived = found(&gate, Group::StandaloneArchive, storage, id.as_str()).await?;
        return Ok(Answer::json(archived));
    };
    let is_one = document.stages.iter().any(|stage| stage.kind == INTERVALS);
    if !is_one {
        return Err(Problem::not_found(format!(
            "Canary analysis execution not found (id: {id})"
        )));
    }
    Ok(Answer::json(view(&document)))
}

async fn start(
    gate: &Gate,
    call: &Call,
    config: &Map,
    named: (&str, Value),
    request: Map,
) -> Result<Answer, Problem> {
    let canary = canary_config(call, named, &request)?;
    canary_runs::check(config, &as_checked(&request))?;
    let mut verdict = Map::new();
    for (key, value) in [
        ("type", VERDICT.into()),
        ("name", "Generate Canary Analysis Result".into()),
        ("refId", "2".into()),
        ("requisiteStageRefIds", json!(["1"])),
        ("user", call.query("user").unwrap_or("anonymous").into()),
        ("canaryAnalysisExecutionRequest", request.into()),
    ] {
        verdict.insert(key.to_owned(), value);
    }
    for name in [
        "parentPipelineExecutionId",
        "metricsAccountName",
        "storageAccountName",
        "configurationAccountName",
    ] {
        if let Some(value) = call.query(name) {
            verdict.insert(name.to_owned(), value.into());
        }
    }
    if let Some(id) = canary.get("canaryConfigId") {
        verdict.insert("canaryConfigId".to_owned(), id.clone());
    }
    // A score that is too low ends the intervals, and the verdict follows all the same.
    let intervals = json!({"type": INTERVALS, "name": "Setup and Execute Canaries", "refId": "1", "requisiteStageRefIds": [],
        "continuePipeline": true, "failPipeline": false, "canaryConfig": canary});
    let application = call.query("application").unwrap_or(AD_HOC);
    let jobs = vec![intervals, verdict.into()];
    let description = "Standalone Canary Analysis Pipeline";
    let id = tasks::run(gate, call, application, description, jobs, Map::new()).await?;
    Ok(Answer::json(json!({ "canaryAnalysisExecutionId": id })))
}

/// The request in the words of a canary stage: the intervals are computed in the same way.
fn canary_config(call: &Call, named: (&str, Value), request: &Map) -> Result<Map, Problem> {
    let bad = |said: &str| Problem::bad_request(said.to_owned());
    let scopes = request.get("scopes").and_then(Value::as_array);
    let scopes = scopes.filter(|scopes| !scopes.is_empty() && scopes.iter().all(Value::is_object));
    let scopes =
        scopes.ok_or_else(|| bad("Canary stage configuration must contain at least one scope."))?;
    if !request.get("thresholds").is_some_and(Value::is_object) {
        return Err(bad("Execution request must contain thresholds"));
    }
    let minutes = |key: &str| match request.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value
            .as_i64()
            .filter(|minutes| (0..=1_000_000).contains(minutes))
        {
            Some(minutes) => Ok(Some(minutes)),
            None => Err(Problem::bad_request(format!(
                "{key} must be a number of minutes, and is {value}"
            ))),
        },
    };
    let lifetime = minutes("lifetimeDurationMins")?;
    let has_end = scopes[0]["endTimeIso"]
        .as_str()
        .is_some_and(|end| !end.is_empty());
    if lifetime.is_none() && !has_end {
        return Err(bad(
            "Canary stage configuration must include either `endTime` or `lifetimeDuration`.",
        ));
    }
    let mut canary = Map::new();
    canary.insert(named.0.to_owned(), named.1);
    for name in [
        "metricsAccountName",
        "storageAccountName",
        "configurationAccountName",
    ] {
        if let Some(value) = call.query(name) {
            canary.insert(name.to_owned(), value.into());
        }
    }
    for (to, from) in [
        ("scopes", "scopes"),
        ("scoreThresholds", "thresholds"),
        ("siteLocal", "siteLocal"),
    ] {
        if let Some(value) = request.get(from) {
            canary.insert(to.to_owned(), value.clone());
        }
    }
    if let Some(minutes) = lifetime {
        canary.insert(
            "lifetimeDuration".to_owned(),
            format!("PT{minutes}M").into(),
        );
    }
    for (to, from) in [
        ("beginCanaryAnalysisAfterMins", "beginAfterMins"),
        ("lookbackMins", "lookbackMins"),
        ("canaryAnalysisIntervalMins", "analysisIntervalMins"),
    ] {
        if let Some(minutes) = minutes(from)? {
            canary.insert(to.to_owned(), minutes.into());
        }
    }
    let offset = scopes[0]["controlOffsetInMinutes"].clone();
    canary.insert("baselineAnalysisOffsetInMins".to_owned(), offset);
    Ok(canary)
}

/// The request as Kayenta's checks of a single analysis read it: scopes by name.
fn as_checked(request: &Map) -> Map {
    let scopes = request.get("scopes").and_then(Value::as_array);
    let named = scopes.into_iter().flatten().map(|scope| {
        let name = scope["scopeName"].as_str().filter(|name| !name.is_empty());
        (name.unwrap_or("default").to_owned(), json!({}))
    });
    let mut checked = Map::new();
    checked.insert("scopes".to_owned(), named.collect::<Map>().into());
    checked.insert("thresholds".to_owned(), json!({}));
    checked
}

fn view(document: &Execution) -> Value {
    let of_kind = |kind: &str| document.stages.iter().find(|stage| stage.kind == kind);
    let verdict = of_kind(VERDICT);
    let gathered = verdict.and_then(|stage| stage.context.get("standaloneCanaryAnalysis"));
    let mut view = match gathered {
        Some(Value::Object(gathered)) => gathered.clone(),
        _ => Map::new(),
    };
    let status = document.status.to_string();
    let stages: Vec<Value> = document.stages.iter().map(|stage| told(stage)).collect();
    for (key, value) in [
        ("application", json!(document.application)),
        ("pipelineId", json!(document.id)),
        ("stageStatus", stages.into()),
        ("complete", document.status.is_complete().into()),
        ("status", status.to_lowercase().into()),
        ("executionStatus", status.into()),
    ] {
        view.insert(key.to_owned(), value);
    }
    for name in [
        "user",
        "canaryAnalysisExecutionRequest",
        "canaryConfigId",
        "metricsAccountName",
        "storageAccountName",
    ] {
        if !view.contains_key(name)
            && let Some(value) = verdict.and_then(|stage| stage.context.get(name))
        {
            view.insert(name.to_owned(), value.clone());
        }
    }
    let results = view
        .get_mut("canaryAnalysisExecutionResult")
        .and_then(|result| result.get_mut("canaryExecutionResults"))
        .and_then(Value::as_array_mut);
    for result in results.into_iter().flatten() {
        let of_run = |stage: &&std::sync::Arc<Stage>| {
            stage.context.get("canaryPipelineExecutionId") == Some(&result["executionId"])
        };
        let run = document.stages.iter().find(of_run);
        let analysis = run.and_then(|run| run.outputs.get("canaryAnalysis"));
        if let Some(judged) = analysis.and_then(|analysis| analysis.get("result")) {
            result["result"] = judged.clone();
        }
    }
    view.into()
}

fn told(stage: &Stage) -> Value {
    let mut told = json!({"type": stage.kind, "name": stage.name, "status": stage.status.to_string().to_lowercase()});
    if let Some(id) = stage.context.get("canaryPipelineExecutionId") {
        told["executionId"] = id.clone();
    }
    told
}
