//! Pipeline templates of both generations: read directly, written by tasks that are waited for.
//!
//! Source: gate `PipelineTemplatesController`, `V2PipelineTemplatesController`. The first generation answers 202 although the
//! task is done: Terraform reads the template straight after.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use gennaker_model::{Execution, Map};
use gennaker_store::{Kind, TemplateVersion};
use gennaker_templates::Expansion;
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, configs, jobs, plans, problem::Problem, view};

/// Where a template is listed that has no scope of its own.
const APPLICATION: &str = "spinnaker";

/// `GET /pipelineTemplates` and `GET /v2/pipelineTemplates`.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let listed = gate.store().templates(&scopes(&call)).await?;
    Ok(Answer::json(configs::bodies(listed)))
}

/// `GET /v2/pipelineTemplates/versions`.
pub(crate) async fn versions(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let listed = gate.store().template_versions(&scopes(&call)).await?;
    let by_id: Map = listed
        .into_iter()
        .map(|(id, versions)| (id, configs::bodies(versions).into()))
        .collect();
    Ok(Answer::json(by_id))
}

/// `GET /pipelineTemplates/{id}` and `GET /v2/pipelineTemplates/{id}?tag=&digest=`.
pub(crate) async fn get(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.param("id");
    let version = version(&call)?;
    let found = gate.store().template(id, version).await?;
    let found = found.ok_or_else(|| {
        let key = version.key_of(id);
        Problem::not_found(format!("Pipeline template not found (id: {key})"))
    })?;
    Ok(Answer::json(found.body))
}

/// `GET /pipelineTemplates/resolve?source=&executionId=&pipelineConfigId=`: a template of the first generation with all that it is
/// made from. A source that is made by Jinja sees the trigger of that execution, or of the newest of that pipeline.
///
/// Source: orca `PipelineTemplateController.getPipelineTemplate`.
pub(crate) async fn resolve(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let Some(source) = call.query("source") else {
        return Err(Problem::bad_request("template source must not be empty"));
    };
    let mut execution = None;
    if source.contains("{{") || source.contains("{%") {
        let text = |name: &str| call.query(name).map(str::to_owned);
        execution =
            plans::newest(&gate, &call, text("executionId"), text("pipelineConfigId")).await;
    }
    let (application, trigger) = match &execution {
        Some(execution) => (execution.application.as_str(), Some(&*execution.trigger)),
        None => ("", None),
    };
    let resolved = gate.store().expand(|answers| {
        match gennaker_templates::resolve(source, application, trigger, answers) {
            Expansion::Needs(need) => Err(need),
            done => Ok(done),
        }
    });
    match resolved.await {
        Expansion::Done(template) => Ok(Answer::json(template)),
        Expansion::Invalid(problems) => {
            let errors = problems.iter().map(|it| it.to_value()).collect();
            let message = "Could not load pipeline template from source";
            Err(Problem::template(message, errors))
        }
        Expansion::Plain | Expansion::Needs(_) => {
            Err(Problem::internal("a template is a template"))
        }
    }
}

/// `GET /pipelineConfigs/{id}/convertToTemplate`: a pipeline as a template of the first generation, in YAML.
pub(crate) async fn convert(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.param("id");
    let stored = gate.store().pipeline(id).await?.ok_or_else(|| {
        Problem::not_found(format!("Pipeline configuration not found (id: {id})"))
    })?;
    let mut response = Response::new(Body::from(gennaker_templates::convert(&stored.body)));
    let kind = HeaderValue::from_static("text/x-yaml;charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(Answer::Other(response))
}

/// `GET /pipelineTemplates/{id}/dependents?recursive=`, and the same of the second generation.
pub(crate) async fn dependents(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let recursive = call.query_bool("recursive", false)?;
    let dependents = match recursive {
        true => gate.store().dependents_of_line(call.param("id")).await?,
        false => gate.store().dependents(call.param("id")).await?,
    };
    let listed: Vec<Value> = dependents
        .iter()
        .map(|it| json!({"application": it.application, "pipelineConfigId": it.config_id, "pipelineName": it.name}))
        .collect();
    Ok(Answer::json(listed))
}

/// `POST /pipelineTemplates`.
pub(crate) async fn create_v1(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let template = call.object()?;
    let job = json!({
        "type": "createPipelineTemplate",
        "pipelineTemplate": jobs::encoded(Kind::Template, &template)?,
        "user": call.user(),
    });
    let application = application_of(&template);
    let document = write(&gate, &call, &application, "Create", id_of(&template), job).await?;
    jobs::check(&document, "Pipeline template create")?;
    Ok(jobs::accepted(&document))
}

/// `POST /pipelineTemplates/{id}`.
pub(crate) async fn update_v1(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let template = call.object()?;
    let id = call.param("id");
    let job = json!({
        "type": "updatePipelineTemplate",
        "id": id,
        "pipelineTemplate": jobs::encoded(Kind::Template, &template)?,
        "skipPlanDependents": call.query_bool("skipPlanDependents", false)?,
        "user": call.user(),
    });
    let application = application_of(&template);
    let document = write(&gate, &call, &application, "Update", id, job).await?;
    jobs::check(&document, "Pipeline template update")?;
    Ok(jobs::accepted(&document))
}

/// `DELETE /pipelineTemplates/{id}?application=`.
pub(crate) async fn delete_v1(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.param("id");
    let job = json!({
        "type": "deletePipelineTemplate",
        "pipelineTemplateId": id,
        "user": call.user(),
    });
    let application = call.query("application").unwrap_or(APPLICATION);
    let document = write(&gate, &call, application, "Delete", id, job).await?;
    jobs::check(&document, "Pipeline template delete")?;
    Ok(jobs::accepted(&document))
}

/// `POST /v2/pipelineTemplates/create?tag=`: answers the finished task, also when it failed.
pub(crate) async fn create_v2(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let mut template = call.object()?;
    match template.get("schema") {
        None | Some(Value::Null) => {
            template.insert("schema".to_owned(), "v2".into());
        }
        Some(schema) if schema == "v2" => {}
        // Gate answers 500 here; nothing is wrong with the server.
        Some(_) => {
            return Err(Problem::bad_request(
                "Pipeline template schema version is invalid",
            ));
        }
    }
    let mut job = json!({
        "type": "createV2PipelineTemplate",
        "pipelineTemplate": jobs::encoded(Kind::Template, &template)?,
        "user": call.user(),
    });
    if let Some(tag) = call.query("tag") {
        job["tag"] = tag.into();
    }
    let application = application_of(&template);
    let document = write(&gate, &call, &application, "Create", id_of(&template), job).await?;
    Ok(Answer::json(view::task(&document)?))
}

/// `POST /v2/pipelineTemplates/update/{id}?tag=&skipPlanDependents=`.
pub(crate) async fn update_v2(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let template = call.object()?;
    let id = call.param("id");
    let mut job = json!({
        "type": "updateV2PipelineTemplate",
        "id": id,
        "pipelineTemplate": jobs::encoded(Kind::Template, &template)?,
        "skipPlanDependents": call.query_bool("skipPlanDependents", false)?,
        "user": call.user(),
    });
    if let Some(tag) = call.query("tag") {
        job["tag"] = tag.into();
    }
    let application = application_of(&template);
    let document = write(&gate, &call, &application, "Update", id, job).await?;
    Ok(Answer::json(view::task(&document)?))
}

/// `DELETE /v2/pipelineTemplates/{id}?tag=&digest=&application=`. Gate says 200, and `spin` insists on 202. Gate says so even
/// when the task failed, at which neither `spin` nor Deck looks; here that is a 400 with the reason.
pub(crate) async fn delete_v2(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.param("id");
    version(&call)?;
    let mut job = json!({
        "type": "deleteV2PipelineTemplate",
        "pipelineTemplateId": id,
        "user": call.user(),
    });
    for field in ["tag", "digest"] {
        if let Some(value) = call.query(field) {
            job[field] = value.into();
        }
    }
    let application = call.query("application").unwrap_or(APPLICATION);
    let document = write(&gate, &call, application, "Delete", id, job).await?;
    jobs::check(&document, "Pipeline template delete")?;
    Ok(Answer::Json(StatusCode::ACCEPTED, view::task(&document)?))
}

/// Runs the job and brings the lists of this process up to what it wrote: several documents, so all that was written.
async fn write(
    gate: &Gate,
    call: &Call,
    application: &str,
    verb: &str,
    id: &str,
    job: Value,
) -> Result<Execution, Problem> {
    let description = format!("{verb} pipeline template '{id}'");
    let document = jobs::run(gate, call, application, &description, job).await?;
    gate.store().catch_up().await?;
    Ok(document)
}

fn version(call: &Call) -> Result<TemplateVersion<'_>, Problem> {
    match (call.query("tag"), call.query("digest")) {
        (Some(_), Some(_)) => Err(Problem::bad_request(
            "Cannot query pipeline by 'tag' and 'digest' simultaneously. Specify one of 'tag' or 'digest'.",
        )),
        (Some(tag), None) => Ok(TemplateVersion::Tag(tag)),
        (None, Some(digest)) => Ok(TemplateVersion::Digest(digest)),
        (None, None) => Ok(TemplateVersion::Untagged),
    }
}

fn scopes(call: &Call) -> Vec<String> {
    let mut scopes = call.query_list("scopes");
    // Deck asks for one.
    scopes.extend(call.query_list("scope"));
    scopes
}

/// The template's only scope, unless that is everywhere. Source: gate `getApplicationFromTemplate`.
fn application_of(template: &Map) -> String {
    let scopes = template
        .get("metadata")
        .and_then(|metadata| metadata.get("scopes")?.as_array());
    match scopes.map(Vec::as_slice) {
        Some([Value::String(only)]) if !only.trim().is_empty() => only.clone(),
        Some(_) | None => APPLICATION.to_owned(),
    }
}

fn id_of(template: &Map) -> &str {
    template
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default()
}
