//! Starting executions.

use axum::http::StatusCode;
use gennaker_intake::{notifications, parameters, templated};
use gennaker_model::{
    ExecutionId, ExecutionType, Map,
    command::{Reply, Request, Start},
    routing,
};
use serde_json::{Value, json};

use crate::{
    Gate,
    answer::Answer,
    builds,
    call::{Call, uuid},
    configs, observe,
    once::{self, Drawn},
    owners::{Said, unexpected},
    plans,
    problem::Problem,
};

/// `POST /pipelines/{application}/{name}`: the trigger, flat or wrapped in `{"trigger": …}`.
///
/// Source: gate `PipelineController.invokePipelineConfig`, `PipelineService.trigger`.
pub(crate) async fn by_name(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (application, name) = (call.param("application"), call.param("name"));
    let config = configs::find(&gate, application, name).await?;
    let trigger = trigger_of(&call)?;
    let declared = plans::surface(&gate, &call, &config).await;
    if let Some(missing) = parameters::missing(declared.as_ref().unwrap_or(&config), &trigger) {
        return Err(Problem::bad_request(format!(
            "Required parameter {missing} is missing"
        )));
    }
    let drawn = drawn(&gate, &call, "pipeline", &config).await?;
    let id = send(&gate, &call, &drawn, config, trigger, |message| {
        format!("Unable to trigger pipeline (application: {application}, pipelineNameOrId: {name}). Error: {message}")
    })
    .await?;
    Ok(accepted(json!({"ref": format!("/pipelines/{id}")})))
}

/// `POST /pipelines/v2/{application}/{name}`: as above, with the id of the event in the answer. A refused start has left
/// a failed execution under the id that is answered.
///
/// Source: gate `PipelineController.invokePipelineConfigViaEcho`; there the execution appears later, here it exists.
pub(crate) async fn v2(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (application, name) = (call.param("application"), call.param("name"));
    let config = configs::find(&gate, application, name).await?;
    let mut trigger = trigger_of(&call)?;
    let drawn = drawn(&gate, &call, "pipeline", &config).await?;
    let event = drawn.event.clone().unwrap_or_default();
    trigger.insert("eventId".to_owned(), event.clone().into());
    trigger.insert("executionId".to_owned(), drawn.id.clone().into());
    let id = execution_id(&drawn)?;
    let said = ask(&gate, &call, &id, &drawn, config, trigger).await?;
    match said {
        Said::Reply(reply) => drop(started(reply)?),
        Said::Refusal(refusal) if refusal.execution.is_some() => {}
        Said::Refusal(refusal) => return Err(refusal.into()),
    }
    Ok(accepted(
        json!({"eventId": event, "ref": format!("/pipelines/{id}")}),
    ))
}

/// `POST /pipelines/start`: a whole config that need not be stored, with its `trigger`. With `plan: true` it is answered as it
/// would run, and does not.
pub(crate) async fn ad_hoc(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let config = call.object()?;
    if config.get("plan").and_then(Value::as_bool) == Some(true) {
        return plans::submitted(&gate, &call, config).await;
    }
    let (config, trigger) = with_trigger(config, &call)?;
    let drawn = drawn(&gate, &call, "pipeline", &config).await?;
    let id = send(&gate, &call, &drawn, config, trigger, |message| message).await?;
    Ok(Answer::json(json!({"ref": format!("/pipelines/{id}")})))
}

/// `POST /orchestrate/{id}`: a stored pipeline by its id, with a trigger.
///
/// Source: orca `OperationsController.orchestratePipelineConfig`.
pub(crate) async fn by_id(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.param("id");
    let stored = gate.store().pipeline(id).await?.ok_or_else(|| {
        Problem::not_found(format!("Pipeline configuration not found (id: {id})"))
    })?;
    let trigger = trigger_of(&call)?;
    let drawn = drawn(&gate, &call, "pipeline", &stored.body).await?;
    let id = send(&gate, &call, &drawn, stored.body, trigger, |message| {
        message
    })
    .await?;
    Ok(Answer::json(json!({"ref": format!("/pipelines/{id}")})))
}

/// `POST /fail`: a configuration with `errorMessage`, of which a failed execution is recorded and nothing runs.
///
/// Source: orca `OperationsController.failPipeline`.
pub(crate) async fn failed(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let mut config = call.object()?;
    let message = match config.shift_remove("errorMessage") {
        Some(Value::String(message)) => message,
        None | Some(Value::Null) => "Unknown error".to_owned(),
        Some(_) => return Err(Problem::bad_request("errorMessage must be a string")),
    };
    let (config, trigger) = with_trigger(config, &call)?;
    let drawn = drawn(&gate, &call, "failed", &config).await?;
    let id = execution_id(&drawn)?;
    let start = Start {
        error: Some(message),
        ..start(&call, id.clone(), config, trigger)
    };
    let ask = call.ask("start", Request::Start(Box::new(start)));
    match gate.owners().ask_whole(&id, ask).await? {
        Said::Reply(reply) => drop(started(reply)?),
        // It is refused with the message that was asked for, and recorded.
        Said::Refusal(refusal) if refusal.execution.is_some() => {}
        Said::Refusal(refusal) => return Err(refusal.into()),
    }
    Ok(Answer::empty())
}

/// Starts an ad-hoc task and gives back its id.
pub(crate) async fn task(
    gate: &Gate,
    call: &Call,
    config: Map,
    trigger: Map,
) -> Result<ExecutionId, Problem> {
    let drawn = drawn(gate, call, "task", &config).await?;
    let id = execution_id(&drawn)?;
    let start = Start {
        kind: ExecutionType::Orchestration,
        ..start(call, id.clone(), config, trigger)
    };
    let ask = call.ask("start", Request::Start(Box::new(start)));
    started(gate.owners().ask(&id, ask).await?)
}

/// A configuration that came in a body, and the trigger that stood in it.
fn with_trigger(mut config: Map, call: &Call) -> Result<(Map, Map), Problem> {
    let named = templated::identity(&config);
    let application = named.get("application").and_then(Value::as_str);
    if application.is_none_or(|application| application.trim().is_empty()) {
        return Err(Problem::bad_request("The pipeline has no application"));
    }
    let trigger = match config.shift_remove("trigger") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(trigger)) => trigger,
        Some(_) => return Err(Problem::bad_request("trigger must be an object")),
    };
    Ok((config, completed(trigger, call)?))
}

/// The trigger in the body. Newer clients wrap it.
fn trigger_of(call: &Call) -> Result<Map, Problem> {
    let mut body = call.object_if_any()?.unwrap_or_default();
    let own = body.contains_key("type") || body.contains_key("parameters");
    if !own
        && let Some(Value::Object(_)) = body.get("trigger")
        && let Some(Value::Object(wrapped)) = body.shift_remove("trigger")
    {
        body = wrapped;
    }
    completed(body, call)
}

fn completed(mut trigger: Map, call: &Call) -> Result<Map, Problem> {
    let bad =
        |field: &str, wanted: &str| Err(Problem::bad_request(format!("{field} must be {wanted}")));
    match trigger.get("parameters") {
        None | Some(Value::Null | Value::Object(_)) => {}
        Some(_) => return bad("parameters", "an object"),
    }
    for field in ["artifacts", "notifications"] {
        match trigger.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) if items.iter().all(Value::is_object) => {}
            Some(_) => return bad(field, "a list of objects"),
        }
    }
    for (field, default) in [("type", "manual"), ("user", call.user())] {
        match trigger.get(field) {
            None | Some(Value::Null) => {
                trigger.insert(field.to_owned(), default.into());
            }
            Some(Value::String(_)) => {}
            Some(_) => return bad(field, "a string"),
        }
    }
    Ok(trigger)
}

/// Draws the id of the execution, once for all requests with the same idempotency key.
async fn drawn(gate: &Gate, call: &Call, what: &str, config: &Map) -> Result<Drawn, Problem> {
    let named = templated::identity(config);
    let text = |field: &str| {
        named
            .get(field)
            .and_then(Value::as_str)
            .filter(|it| !it.is_empty())
    };
    let application = text("application").unwrap_or_default();
    let routed_by = text("id").unwrap_or(application);
    let drawn = Drawn {
        id: routing::execution_id(call.at_ms, routed_by, call.draw()).to_string(),
        event: Some(uuid(call.random.rotate_left(64))),
        at_ms: call.at_ms,
    };
    let scope = format!("{what}/{application}/{routed_by}");
    once::drawn_once(gate, call, &scope, drawn).await
}

async fn send(
    gate: &Gate,
    call: &Call,
    drawn: &Drawn,
    config: Map,
    trigger: Map,
    told: impl Fn(String) -> String,
) -> Result<ExecutionId, Problem> {
    let id = execution_id(drawn)?;
    let plan = plans::Again::of(&config, &trigger);
    match ask(gate, call, &id, drawn, config, trigger).await? {
        Said::Reply(reply) => started(reply),
        Said::Refusal(mut refusal) => {
            if let Some(problem) = plan.told(gate, call, &refusal, &told).await {
                return Err(problem);
            }
            refusal.message = told(refusal.message);
            Err(refusal.into())
        }
    }
}

async fn ask(
    gate: &Gate,
    call: &Call,
    id: &ExecutionId,
    drawn: &Drawn,
    config: Map,
    mut trigger: Map,
) -> Result<Said, Problem> {
    builds::complete(gate, &mut trigger).await;
    let application = config.get("application").and_then(Value::as_str);
    let theirs = gate
        .store()
        .known_notifications(application.unwrap_or_default());
    let theirs = theirs.await?;
    let config =
        notifications::with_application(notifications::appended(config, &trigger), &theirs);
    let mut start = start(call, id.clone(), config, trigger);
    if let Some(event) = &drawn.event
        && !start.trigger.contains_key("eventId")
    {
        start
            .trigger
            .insert("eventId".to_owned(), event.clone().into());
    }
    let ask = call.ask("start", Request::Start(Box::new(start)));
    gate.owners().ask_whole(id, ask).await
}

fn start(call: &Call, execution: ExecutionId, config: Map, trigger: Map) -> Start {
    Start {
        execution,
        kind: ExecutionType::Pipeline,
        config,
        trigger,
        user: call.user().to_owned(),
        origin: call.origin().to_owned(),
        parent: None,
        error: None,
    }
}

fn started(reply: Reply) -> Result<ExecutionId, Problem> {
    match reply {
        Reply::Started { execution, .. } => {
            observe::started(&execution);
            Ok(execution)
        }
        other => Err(unexpected(&other)),
    }
}

fn execution_id(drawn: &Drawn) -> Result<ExecutionId, Problem> {
    ExecutionId::new(drawn.id.clone()).map_err(|error| Problem::internal(error.to_string()))
}

fn accepted(body: Value) -> Answer {
    Answer::Json(StatusCode::ACCEPTED, body)
}
