//! The first generation. Source: orca `v1schema`.
//!
//! The order is Orca's: values of variables, modules, partials, what the configuration inherits, rendering, places of stages,
//! changes of what is inherited, conditions.

mod control;
mod generate;
mod merge;
mod model;
mod place;
mod render;
mod resolve;
mod surface;
mod validate;

use std::rc::Rc;

use gennaker_expressions::Limits;
use gennaker_model::Map;
use serde_json::Value;

use crate::{
    Request, load,
    problem::{Halt, Problem, stops},
    render::{Context, Renderer},
    variables::{Wanted, assign, whose},
    yaml,
};
use model::{Configuration, Settings, Template, Variable};

pub use resolve::resolve;
pub(crate) use surface::surface;

/// The plain pipeline of a configuration.
pub(crate) fn expand(
    document: &Map,
    request: &Request<'_>,
    mut renderer: Renderer<'_>,
) -> Result<Map, Halt> {
    let mut config = read(document, request)?;
    let more = request
        .config
        .get("notifications")
        .and_then(Value::as_array);
    for notification in more.into_iter().flatten().filter_map(Value::as_object) {
        // What Orca has stored repeats those of the configuration.
        if !config.settings.notifications.contains(notification) {
            config.settings.notifications.push(notification.clone());
        }
    }
    let trigger = Rc::new(Value::Object(request.trigger.clone()));
    let application = Value::from(config.application.clone());
    let context = Context::new(&application, &trigger);
    let mut template = template_of(&mut config, request, &renderer, &context)?;

    let problems = validate::configuration(&config, &template);
    if stops(&problems, request.plan) {
        return Err(Halt::Wrong(problems));
    }
    let problems = validate::template(&template, !config.stages.is_empty());
    if stops(&problems, request.plan) {
        return Err(Halt::Wrong(problems));
    }
    let whose = whose(
        config.application.as_deref(),
        config.name.as_deref(),
        config.config_id.as_deref(),
    );
    assign(&wanted(&template.variables), &mut config.variables, &whose)?;
    template.modules = merge::by_id(template.modules, std::mem::take(&mut config.modules));
    template.partials = merge::by_id(template.partials, std::mem::take(&mut config.partials));
    inherit(&mut template.settings, &config);

    let defaults = defaults(&template.variables);
    let mut context = context;
    context.variables.extend(defaults.clone());
    context.variables.extend(config.variables.clone());
    renderer.know(std::mem::take(&mut template.modules), defaults);
    let expanded = render::all(&mut template, &mut config, &renderer, &mut context)?;
    let charge = |units| renderer.charge(units);
    place::all(&mut template, &config, &expanded, &charge)?;
    control::all(&mut template.stages)?;
    place::trim(&mut template.stages, &charge)?;
    Ok(generate::pipeline(template, config, request))
}

/// The configuration, with the names that the pipeline itself has. Source: `TemplatedPipelineModelMutator.mapRootPipelineConfigs`.
fn read(document: &Map, request: &Request<'_>) -> Result<Configuration, Halt> {
    let mut config =
        Configuration::read(document).map_err(|cause| Halt::from(Problem::malformed(cause)))?;
    let own = |key: &str| {
        let text = request.config.get(key).and_then(Value::as_str);
        text.map(str::to_owned)
    };
    config.application = own("application").or(config.application);
    config.name = own("name").or(config.name);
    config.config_id = own("id").or(config.config_id);
    Ok(config)
}

/// The template of a configuration, in one piece, with the defaults of its variables rendered.
fn template_of(
    config: &mut Configuration,
    request: &Request<'_>,
    renderer: &Renderer<'_>,
    context: &Context,
) -> Result<Template, Halt> {
    let sent = request.config.get("template").filter(|_| request.plan);
    if let Some(Value::Object(sent)) = sent {
        let chain = load::chain_of(sent.clone(), renderer)?;
        return merged(chain, config, renderer, context);
    }
    let Some(source) = &config.source else {
        return Ok(Template {
            variables: config.variables.iter().map(variable_of).collect(),
            ..Template::default()
        });
    };
    let mut seen = context.clone();
    seen.variables.extend(config.variables.clone());
    let source = renderer.text(source, &seen)?;
    let chain = load::chain(&source, renderer)?;
    config.source = Some(source.clone());
    let mut template = merged(chain, config, renderer, context)?;
    template.source.get_or_insert(source);
    Ok(template)
}

fn variable_of((name, value): (&String, &Value)) -> Variable {
    Variable {
        name: name.clone(),
        kind: None,
        default: value.clone(),
        nullable: false,
        merge: false,
        remove: false,
        notes: Map::new(),
    }
}

/// A line of templates as one. Defaults may refer to other variables, and a list of stages may be one text that makes them.
///
/// Source: `TemplateLoader.preRenderStagesAndVariables`.
fn merged(
    chain: Vec<Map>,
    config: &Configuration,
    renderer: &Renderer<'_>,
    context: &Context,
) -> Result<Template, Halt> {
    let mut variables = Vec::new();
    for template in &chain {
        let fields = crate::fields::Fields::of(template, "");
        let own = fields.each("variables", Variable::read);
        variables = merge::named(variables, own.map_err(Problem::loading)?);
    }
    let mut context = context.clone();
    context.variables.extend(defaults(&variables));
    context.variables.extend(config.variables.clone());
    for variable in &mut variables {
        if let Value::String(text) = &variable.default {
            variable.default = renderer.graph(text, &context)?;
        }
        let held = context.variables.get(&variable.name);
        if held.is_none_or(Value::is_null) && (variable.nullable || !variable.default.is_null()) {
            let (name, value) = (variable.name.clone(), variable.default.clone());
            context.variables.insert(name, value);
        }
    }
    let mut templates = Vec::with_capacity(chain.len());
    for mut template in chain {
        template.shift_remove("variables");
        if let Some(Value::String(text)) = template.get("stages") {
            let stages = stages_in(text, renderer, &context)?;
            template.insert("stages".to_owned(), stages);
        }
        templates.push(Template::read(&template).map_err(Problem::loading)?);
    }
    let mut merged = merge::templates(templates)?;
    merged.variables = variables;
    Ok(merged)
}

fn stages_in(text: &str, renderer: &Renderer<'_>, context: &Context) -> Result<Value, Halt> {
    let failed =
        || Problem::loading("the stages of a template are one text, and it could not be rendered");
    let rendered = renderer
        .text(text, context)
        .map_err(|halt| halt.within(failed))?;
    renderer.charge(rendered.len())?;
    let limits: &Limits = renderer.limits;
    yaml::document(&rendered, limits).map_err(|error| {
        let problem = failed().holding(vec![Problem::new(error)]);
        Halt::Wrong(vec![problem])
    })
}

fn wanted(variables: &[Variable]) -> Vec<Wanted<'_>> {
    let wanted = variables.iter().map(|variable| Wanted {
        name: &variable.name,
        kind: variable.kind.as_deref(),
        default: &variable.default,
        nullable: variable.nullable,
    });
    wanted.collect()
}

/// Variables that have a value without a configuration, or may be null.
fn defaults(variables: &[Variable]) -> Map {
    variables
        .iter()
        .filter(|it| it.nullable || !it.default.is_null())
        .map(|it| (it.name.clone(), it.default.clone()))
        .collect()
}

/// Drops what the configuration does not inherit. Source: `PipelineConfigInheritanceTransform`.
fn inherit(settings: &mut Settings, config: &Configuration) {
    if !config.inherits("concurrentExecutions") {
        settings.concurrent.clear();
    }
    for (what, list) in [
        ("triggers", &mut settings.triggers),
        ("parameters", &mut settings.parameters),
        ("expectedArtifacts", &mut settings.artifacts),
        ("notifications", &mut settings.notifications),
    ] {
        if !config.inherits(what) {
            list.clear();
        }
    }
}
