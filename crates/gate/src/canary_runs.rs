//! Canary analyses outside of pipelines, and what came of any. Source: gate `V2CanaryController`, Kayenta `CanaryController`,
//! `ExecutionMapper`.
//!
//! An analysis is an ad-hoc task with one stage `runCanary`, and its id is that of the task. One that a pipeline made is called
//! `<execution>.<stage>`. What came of it stands in the execution, and in storage when that is gone (`docs/adr/0019`).

use axum::http::StatusCode;
use gennaker_model::{
    Execution, ExecutionId, Map, Stage, Status,
    canary_reads::Group,
    command::{ListQuery, Request},
};
use gennaker_store::Kind;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    Gate, answer::Answer, call::Call, executions, jobs, kayenta::objects::found, problem::Problem,
    tasks,
};

/// The type of the stage.
const RUN: &str = "runCanary";

/// Where an analysis is listed that names no application (Kayenta).
const AD_HOC: &str = "ad-hoc";

/// Executions of an application that are looked through for analyses, the newest.
const EXECUTIONS_MAX: u32 = 200;

/// `POST /v2/canaries/canary`: `{canaryConfig, executionRequest}`.
pub(crate) async fn start_given(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let body = call.object()?;
    let part = |key: &str| {
        let found = body.get(key).and_then(Value::as_object).cloned();
        found.ok_or_else(|| {
            Problem::bad_request(format!("{key} must be provided for ad-hoc requests"))
        })
    };
    let config = part("canaryConfig")?;
    let request = part("executionRequest")?;
    check(&config, &request)?;
    let mut job = Map::new();
    job.insert(
        "canaryConfig".to_owned(),
        jobs::encoded(Kind::CanaryConfig, &config)?.into(),
    );
    start(&gate, &call, job, &request).await
}

/// `POST /v2/canaries/canary/{configId}`: an execution request.
pub(crate) async fn start_stored(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let request = call.object()?;
    let id = call.param("id").to_owned();
    let config = gate.store().canary_config(&id).await?;
    let config = config
        .ok_or_else(|| Problem::not_found(format!("Canary config '{id}' does not exist.")))?;
    check(&config.body, &request)?;
    let mut job = Map::new();
    job.insert("canaryConfigId".to_owned(), id.into());
    start(&gate, &call, job, &request).await
}

/// `GET /v2/canaries/canary/{id}`.
pub(crate) async fn get(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let storage = call.query("storageAccountName").map(str::to_owned);
    let id = call.param("id");
    let missing = || Problem::not_found(format!("Canary execution '{id}' not found."));
    let archived = |document: Result<Value, Problem>| match document {
        Err(problem) if problem.status == StatusCode::NOT_FOUND => Err(missing()),
        document => document.map(Answer::json),
    };
    let (execution, stage) = match id.split_once('.') {
        Some((execution, stage)) => (execution, Some(stage)),
        None => (id, None),
    };
    let Ok(execution) = ExecutionId::new(execution) else {
        // A bucket may hold analyses of others under any id.
        return archived(found(&gate, Group::Archive, storage, id).await);
    };
    let ask = call.ask(
        "read",
        Request::Read {
            execution: execution.clone(),
        },
    );
    let Some(document) = gate.owners().read(&execution, ask).await? else {
        return archived(found(&gate, Group::Archive, storage, id).await);
    };
    let is_it = |candidate: &&std::sync::Arc<Stage>| {
        candidate.kind == RUN && stage.is_none_or(|stage| candidate.id.as_str() == stage)
    };
    let stage = document.stages.iter().find(is_it).ok_or_else(missing)?;
    if stage.outputs.contains_key("canaryAnalysis") {
        let of_stage = stage
            .context
            .get("storageAccountName")
            .and_then(Value::as_str);
        let storage = storage.or_else(|| of_stage.map(str::to_owned));
        let archived = found(&gate, Group::Archive, storage, &id_of(&document, stage)).await;
        if let Ok(archived) = archived {
            return Ok(Answer::json(archived));
        }
    }
    // It says the same but for the configuration.
    Ok(Answer::json(view(&document, stage)))
}

/// `GET /v2/canaries/{application}/executions` and `GET /canary/executions?application=`: analyses, newest first, those of
/// pipelines too.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let _ = call.query("storageAccountName");
    let of_path = call.params.iter().find(|(name, _)| *name == "application");
    let application = match of_path {
        Some((_, application)) => application.clone(),
        None => call.query("application").unwrap_or(AD_HOC).to_owned(),
    };
    let page = call.query_number("page", 1, (1, 1_000))?;
    let limit = call.query_number("limit", 20, (1, 100))?;
    let statuses: Vec<String> = call
        .statuses()?
        .iter()
        .map(|status| status.to_string().to_lowercase())
        .collect();
    let query = ListQuery {
        application: Some(application),
        limit: Some(EXECUTIONS_MAX),
        expand: true,
        ..ListQuery::default()
    };
    let partial = call.query_bool("partial", false)?;
    let listed = gate.owners().list(&call, &query, partial).await?;
    let mut found: Vec<(i64, Value)> = Vec::new();
    for document in &listed.found {
        for stage in document.stages.iter().filter(|stage| stage.kind == RUN) {
            let view = view(document, stage);
            let is_wanted = statuses.iter().any(|status| view["status"] == **status);
            if statuses.is_empty() || is_wanted {
                found.push((stage.start_time.unwrap_or(document.build_time), view));
            }
        }
    }
    found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let skipped = usize::try_from((page - 1).saturating_mul(limit)).unwrap_or(usize::MAX);
    let taken = usize::try_from(limit).unwrap_or(usize::MAX);
    let views = found.into_iter().skip(skipped).take(taken);
    let views: Value = views.map(|(_, view)| view).collect();
    Ok(executions::told(Answer::json(views), &listed.silent))
}

/// The id of an analysis: as the worker calls it.
fn id_of(document: &Execution, stage: &Stage) -> String {
    match stage.context.get("isOwnExecution") {
        Some(Value::Bool(true)) => document.id.to_string(),
        _ => format!("{}.{}", document.id, stage.id),
    }
}

/// Kayenta's checks before it launches anything.
pub(crate) fn check(config: &Map, request: &Map) -> Result<(), Problem> {
    let metrics = config.get("metrics").and_then(Value::as_array);
    let metrics = metrics.map_or(&[][..], Vec::as_slice);
    if metrics.is_empty() {
        return Err(Problem::bad_request(
            "The canary config must specify at least one metric. Otherwise we're not analyzing anything. :)",
        ));
    }
    let scopes = request
        .get("scopes")
        .and_then(Value::as_object)
        .filter(|scopes| !scopes.is_empty());
    let scopes = scopes.ok_or_else(|| {
        Problem::bad_request(
            "Canary metrics require scopes, but no scopes were provided in the execution request.",
        )
    })?;
    for metric in metrics {
        let name = metric["name"].as_str().unwrap_or_default();
        let Some(scope) = metric["scopeName"]
            .as_str()
            .filter(|scope| !scope.is_empty())
        else {
            return Err(Problem::bad_request(format!(
                "Canary scope for metric named '{name}' is null."
            )));
        };
        if !scopes.contains_key(scope) {
            return Err(Problem::bad_request(format!(
                "Canary metrics require scopes which were not provided in the execution request: [{scope}]"
            )));
        }
    }
    if !request.get("thresholds").is_some_and(Value::is_object) {
        return Err(Problem::bad_request(
            "Execution request must contain thresholds",
        ));
    }
    Ok(())
}

async fn start(gate: &Gate, call: &Call, mut job: Map, request: &Map) -> Result<Answer, Problem> {
    job.insert("isOwnExecution".to_owned(), true.into());
    job.insert("type".to_owned(), RUN.into());
    job.insert("name".to_owned(), "Run Canary".into());
    // A score that is too low is an answer here and no failure.
    job.insert("continuePipeline".to_owned(), true.into());
    for (key, of_request) in [
        ("scopes", "scopes"),
        ("scoreThresholds", "thresholds"),
        ("siteLocal", "siteLocal"),
        ("metadata", "metadata"),
    ] {
        if let Some(value) = request.get(of_request) {
            job.insert(key.to_owned(), value.clone());
        }
    }
    for name in [
        "metricsAccountName",
        "storageAccountName",
        "configurationAccountName",
        "parentPipelineExecutionId",
    ] {
        if let Some(value) = call.query(name).filter(|value| !value.is_empty()) {
            job.insert(name.to_owned(), value.into());
        }
    }
    let application = call
        .query("application")
        .filter(|name| !name.is_empty())
        .unwrap_or(AD_HOC);
    let description = "Standard Canary Pipeline";
    let id = tasks::run(
        gate,
        call,
        application,
        description,
        vec![job.into()],
        Map::new(),
    )
    .await?;
    Ok(Answer::json(json!({ "canaryExecutionId": id })))
}

fn view(document: &Execution, stage: &Stage) -> Value {
    let analysis = stage.outputs.get("canaryAnalysis");
    let complete = analysis.is_some() || stage.status.is_complete();
    // Judged is succeeded, whatever the score.
    let status = match analysis {
        Some(_) => Status::Succeeded,
        None => stage.status,
    };
    let status = status.to_string().to_lowercase();
    let mut view = json!({
        "application": document.application,
        "pipelineId": id_of(document, stage),
        "stageStatus": {"judge": status},
        "complete": complete,
        "status": status,
        "canaryExecutionRequest": {"scopes": stage.context.get("scopes"), "thresholds": stage.context.get("scoreThresholds")},
    });
    for name in [
        "canaryConfigId",
        "metricSetPairListId",
        "metricsAccountName",
        "configurationAccountName",
        "storageAccountName",
        "parentPipelineExecutionId",
        "exception",
    ] {
        if let Some(value) = stage.context.get(name).filter(|value| !value.is_null()) {
            view[name] = value.clone();
        }
    }
    if let Some(result) = analysis.and_then(|analysis| analysis.get("result")) {
        view["result"] = result.clone();
    }
    let times = [
        ("build", Some(document.build_time)),
        ("start", stage.start_time),
        ("end", stage.end_time),
    ];
    for (name, time) in times {
        if let Some(ms) = time {
            view[format!("{name}TimeMillis")] = ms.into();
            let iso = Timestamp::from_millisecond(ms)
                .map_or_else(|_| ms.to_string(), |at| at.to_string());
            view[format!("{name}TimeIso")] = iso.into();
        }
    }
    view
}
