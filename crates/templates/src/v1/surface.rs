//! What others see of a configuration that is not expanded. Source: orca `TemplatedPipelineModelMutator`.

use std::rc::Rc;

use gennaker_model::Map;
use serde_json::Value;

use super::{
    defaults, merge, merged,
    model::{Configuration, Template},
    read,
};
use crate::{
    Request, load,
    problem::Halt,
    render::{Context, Renderer},
};

/// The configuration with triggers, parameters and the like at its top.
pub(crate) fn surface(
    document: &Map,
    request: &Request<'_>,
    renderer: &Renderer<'_>,
) -> Result<Map, Halt> {
    let config = read(document, request)?;
    let trigger = Rc::new(Value::Object(request.trigger.clone()));
    let application = Value::from(config.application.clone());
    let mut context = Context::new(&application, &trigger);
    let template = match found(&config, renderer, &context) {
        Ok(template) => template,
        Err(halt @ Halt::Needs(_)) => return Err(halt),
        // Without its template a configuration still has what it says itself.
        Err(Halt::Render(_) | Halt::Wrong(_)) => Template::default(),
    };
    context.variables.extend(defaults(&template.variables));
    context.variables.extend(config.variables.clone());

    let mut pipeline = request.config.clone();
    let (below, above) = (template.settings, &config.settings);
    let concurrent = [
        config
            .inherits("concurrentExecutions")
            .then_some(&below.concurrent),
        Some(&above.concurrent),
    ];
    for said in concurrent.into_iter().flatten() {
        for (key, value) in said {
            pipeline.insert(key.clone(), value.clone());
        }
    }
    let inherited = |what: &str, list: Vec<Map>| match config.inherits(what) {
        true => list,
        false => Vec::new(),
    };
    for (key, list) in [
        (
            "triggers",
            merge::distinct(
                inherited("triggers", below.triggers),
                above.triggers.clone(),
            ),
        ),
        (
            "parameterConfig",
            merge::named(
                inherited("parameters", below.parameters),
                above.parameters.clone(),
            ),
        ),
        (
            "notifications",
            merge::named(
                inherited("notifications", below.notifications),
                above.notifications.clone(),
            ),
        ),
        (
            "expectedArtifacts",
            merge::distinct(
                inherited("expectedArtifacts", below.artifacts),
                above.artifacts.clone(),
            ),
        ),
    ] {
        if list.is_empty() {
            continue;
        }
        let list = Value::from_iter(list.into_iter().map(Value::Object));
        // What cannot be rendered without a trigger stays as it is written.
        let list = match renderer.deep(&list, &context) {
            Ok(rendered) => rendered,
            Err(halt @ Halt::Needs(_)) => return Err(halt),
            Err(Halt::Render(_) | Halt::Wrong(_)) => list,
        };
        pipeline.insert(key.to_owned(), list);
    }
    Ok(pipeline)
}

/// A source that depends on the trigger has no template yet.
fn found(
    config: &Configuration,
    renderer: &Renderer<'_>,
    context: &Context,
) -> Result<Template, Halt> {
    match &config.source {
        Some(source) if !source.contains("{{") && !source.contains("{%") => {
            let chain = load::chain(source, renderer)?;
            merged(chain, config, renderer, context)
        }
        Some(_) | None => Ok(Template::default()),
    }
}
