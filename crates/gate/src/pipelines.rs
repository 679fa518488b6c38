//! Saving and deleting pipelines: each is an ad-hoc task that Gate waits for, so that it shows in the list of tasks.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gennaker_model::{Execution, Map};
use gennaker_store::Kind;
use serde_json::{Value, json};

use crate::{
    Gate, answer::Answer, call::Call, configs, jobs, problem::Problem, tasks, view, wait,
    warnings::Warnings,
};

/// Where a bulk save without application is listed. Source: gate `PipelineController.bulksavePipeline`.
const BULK_APPLICATION: &str = "bulk_save_placeholder_app";

/// `POST /pipelines`. Source: gate `PipelineController.savePipeline`.
pub(crate) async fn save(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let pipeline = call.document()?;
    let job = json!({
        "type": "savePipeline",
        "pipeline": jobs::encoded(Kind::Pipeline, &pipeline)?,
        "user": call.user(),
        "staleCheck": call.query_bool("staleCheck", false)?,
    });
    let (document, warnings) = run(&gate, &call, &pipeline, "Save", job).await?;
    if let Some(id) = saved_id(&document, &pipeline) {
        gate.store().refresh(Kind::Pipeline, &id).await?;
    }
    Ok(warnings.on(Answer::empty()))
}

/// `PUT /pipelines/{id}`. Source: gate `PipelineController.updatePipeline`.
pub(crate) async fn update(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let mut pipeline = call.document()?;
    let id = call.param("id").to_owned();
    match pipeline.get("id") {
        None | Some(Value::Null) => {
            pipeline.insert("id".to_owned(), id.clone().into());
        }
        Some(Value::String(other)) if *other == id => {}
        Some(other) => {
            let other = other
                .as_str()
                .map_or_else(|| other.to_string(), str::to_owned);
            return Err(Problem::pipeline(format!(
                "The provided id {other} doesn't match the existing pipeline id {id}"
            )));
        }
    }
    let job = json!({
        "type": "updatePipeline",
        "pipeline": jobs::encoded(Kind::Pipeline, &pipeline)?,
        "user": call.user(),
        "staleCheck": call.query_bool("staleCheck", false)?,
    });
    let (_, warnings) = run(&gate, &call, &pipeline, "Update", job).await?;
    gate.store().refresh(Kind::Pipeline, &id).await?;
    let stored = gate.store().pipeline(&id).await?.ok_or_else(|| {
        Problem::not_found(format!("Pipeline configuration not found (id: {id})"))
    })?;
    // As in a list, the place of the pipeline counts only those before it.
    let application = stored.text("application").unwrap_or_default();
    let listed = gate.store().pipelines().of(application).await?;
    let body = listed
        .into_iter()
        .find(|listed| listed.id() == id)
        .map_or(stored.body, |listed| listed.body);
    Ok(warnings.on(Answer::json(body)))
}

/// `DELETE /pipelines/{application}/{name}`: silent when there is no such pipeline, as in Gate.
pub(crate) async fn delete(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (application, name) = (call.param("application"), call.param("name"));
    let Some(stored) = gate.store().pipelines().by_name(application, name).await? else {
        return Ok(Answer::empty());
    };
    let job = json!({
        "type": "deletePipeline",
        "pipeline": jobs::encoded(Kind::Pipeline, &stored.body)?,
        "user": call.user(),
    });
    run(&gate, &call, &stored.body, "Delete", job).await?;
    gate.store().refresh(Kind::Pipeline, stored.id()).await?;
    Ok(Answer::empty())
}

/// `POST /pipelines/bulksave`: answers what was saved and what was not.
pub(crate) async fn bulk_save(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let Some(Value::Array(pipelines)) = call.json()? else {
        return Err(Problem::malformed_json("a list of pipelines is expected"));
    };
    if let Some(place) = pipelines.iter().position(|pipeline| !pipeline.is_object()) {
        return Err(Problem::malformed_json(format_args!(
            "[{place}] is no object"
        )));
    }
    call.exactly()?;
    let application = call.query("application").unwrap_or(BULK_APPLICATION);
    let mut list = vec![json!({
        "type": "savePipeline",
        "pipelines": BASE64_STANDARD.encode(Value::Array(pipelines.clone()).to_string()),
        "user": call.user(),
        "isBulkSavingPipelines": true,
        "staleCheck": call.query_bool("staleCheck", false)?,
    })];
    let warnings = Warnings::of_jobs(&gate, &mut list).await;
    let id = tasks::run(
        &gate,
        &call,
        application,
        "Bulk save pipelines",
        list,
        Map::new(),
    )
    .await?;
    let document = wait::for_task(&gate, &id, wait::BULK_SAVE).await?;
    jobs::check(&document, "Pipeline save")?;
    for pipeline in pipelines.iter().filter_map(Value::as_object) {
        let application = pipeline.get("application").and_then(Value::as_str);
        let name = pipeline.get("name").and_then(Value::as_str);
        if let (Some(application), Some(name)) = (application, name)
            && let Some(stored) = gate.store().pipelines().by_name(application, name).await?
        {
            gate.store().refresh(Kind::Pipeline, stored.id()).await?;
        }
    }
    let saved = view::learned(&document, "bulksave").cloned();
    Ok(warnings.on(Answer::json(saved.unwrap_or(Value::Null))))
}

/// Runs the job and waits; a task that did not succeed is the client's 400, with the first error as message.
async fn run(
    gate: &Gate,
    call: &Call,
    pipeline: &Map,
    verb: &str,
    job: Value,
) -> Result<(Execution, Warnings), Problem> {
    let text = |field: &str| {
        pipeline
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let application = text("application");
    if application.trim().is_empty() {
        return Err(Problem::pipeline(configs::REQUIRED_FIELDS));
    }
    let description = format!("{verb} pipeline '{}'", text("name"));
    let mut list = vec![job];
    let warnings = Warnings::of_jobs(gate, &mut list).await;
    let id = tasks::run(gate, call, application, &description, list, Map::new()).await?;
    let document = wait::for_task(gate, &id, wait::SAVE).await?;
    jobs::check(&document, &format!("Pipeline {}", verb.to_lowercase()))?;
    Ok((document, warnings))
}

/// The id under which the task saved the pipeline.
fn saved_id(document: &Execution, pipeline: &Map) -> Option<String> {
    view::learned(document, "pipeline.id")
        .or_else(|| pipeline.get("id"))
        .and_then(Value::as_str)
        .map(str::to_owned)
}
