//! The plain pipeline of a template. Source: orca `V1SchemaExecutionGenerator`.

use gennaker_model::Map;
use serde_json::{Value, json};

use super::{
    merge::named,
    model::{Configuration, Stage, Template},
};
use crate::{Request, java, stage_id};

/// The pipeline; only what stands here is taken over from the request.
pub(super) fn pipeline(template: Template, config: Configuration, request: &Request<'_>) -> Map {
    let own = |key: &str| request.config.get(key).filter(|value| !value.is_null());
    let mut pipeline = Map::new();
    let mut put = |key: &str, value: Value| {
        pipeline.insert(key.to_owned(), value);
    };
    let id = own("id").map(java::text).or(config.config_id.clone());
    put("id", id.unwrap_or_else(|| "unknown".to_owned()).into());
    put("application", config.application.clone().into());
    if let Some(source) = &template.source {
        let source = json!({"id": source, "type": "templatedPipeline", "version": "v1"});
        put("source", source);
    }
    if let Some(execution) = own("executionId") {
        put("executionId", execution.clone());
    }
    let name = config.name.clone();
    put(
        "name",
        name.unwrap_or_else(|| "Unnamed Execution".to_owned())
            .into(),
    );
    for (key, default) in crate::CONCURRENCY {
        let said = template.settings.concurrent.get(key).or_else(|| own(key));
        put(key, said.cloned().unwrap_or_else(default));
    }
    let (below, above) = (&template.settings, &config.settings);
    for (key, what, inherited, mine) in [
        (
            "notifications",
            "notifications",
            &below.notifications,
            &above.notifications,
        ),
        (
            "parameterConfig",
            "parameters",
            &below.parameters,
            &above.parameters,
        ),
        ("triggers", "triggers", &below.triggers, &above.triggers),
    ] {
        let list = match config.inherits(what) {
            true => named(inherited.clone(), mine.clone()),
            false => mine.clone(),
        };
        put(key, list.into_iter().map(Value::Object).collect());
    }
    let mut artifacts: Vec<Map> = Vec::new();
    let given = own("expectedArtifacts").and_then(Value::as_array);
    let given = given.into_iter().flatten().filter_map(Value::as_object);
    let inherited = below
        .artifacts
        .iter()
        .filter(|_| config.inherits("expectedArtifacts"));
    for artifact in inherited.chain(&above.artifacts).chain(given) {
        let id = artifact.get("id");
        match artifacts.iter_mut().find(|it| it.get("id") == id) {
            Some(held) => held.clone_from(artifact),
            None => artifacts.push(artifact.clone()),
        }
    }
    put(
        "expectedArtifacts",
        artifacts.into_iter().map(Value::Object).collect(),
    );
    let stages = template.stages.into_iter().map(|it| stage(it, request));
    put("stages", stages.collect());
    pipeline
}

fn stage(stage: Stage, request: &Request<'_>) -> Value {
    let mut made = Map::new();
    made.insert("id".to_owned(), stage_id(request.seed, &stage.id).into());
    made.insert("refId".to_owned(), stage.id.clone().into());
    made.insert("type".to_owned(), stage.kind.clone().into());
    made.insert("name".to_owned(), stage.shown_name().into());
    made.insert("requisiteStageRefIds".to_owned(), stage.needs.into());
    if let Some(group) = stage.group {
        made.insert("group".to_owned(), group.into());
    }
    if let Value::Object(config) = stage.config {
        made.extend(config);
    }
    Value::Object(made)
}
