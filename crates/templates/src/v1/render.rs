//! Renders what a pipeline is made of: stages with their loops, partials, and the lists of the configuration.
//!
//! Source: orca `RenderTransform`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::model::{Configuration, Partial, Stage, Template};
use crate::{
    java,
    problem::{Halt, Problem},
    render::{Context, Renderer, as_text},
};

/// Most stages that loops and partials may make.
pub(super) const STAGES_MAX: usize = 2_000;

/// The stages that each use of a partial stands for, by the id of the stage that uses it.
pub(super) type Expanded = BTreeMap<String, Vec<Stage>>;

/// Renders everything of a template and a configuration.
pub(super) fn all(
    template: &mut Template,
    config: &mut Configuration,
    renderer: &Renderer<'_>,
    context: &mut Context,
) -> Result<Expanded, Halt> {
    let mut made = 0;
    for stages in [&mut template.stages, &mut config.stages] {
        loops(stages, renderer, context, &mut made)?;
    }
    for (stages, whose) in [
        (&mut template.stages, "template"),
        (&mut config.stages, "configuration"),
    ] {
        for stage in stages.iter_mut().filter(|it| !it.is_partial()) {
            context.location = format!("{whose}:stages.{}", stage.id);
            self::stage(stage, renderer, context, whose)?;
        }
    }
    let mut expanded = Expanded::new();
    for stages in [&mut template.stages, &mut config.stages] {
        for stage in stages.iter_mut().filter(|it| it.is_partial()) {
            let partials = &template.partials;
            use_of_partial(stage, partials, renderer, context, &mut expanded, &mut made)?;
        }
    }
    let (below, above) = (&mut template.settings, &mut config.settings);
    for (list, location) in [
        (&mut below.parameters, "template:configuration.parameters"),
        (
            &mut above.parameters,
            "configuration:configuration.parameters",
        ),
        (&mut below.triggers, "template:configuration.triggers"),
        (&mut above.triggers, "configuration:configuration.triggers"),
        (
            &mut below.notifications,
            "template:configuration.notifications",
        ),
        (
            &mut above.notifications,
            "configuration:configuration.notifications",
        ),
    ] {
        for item in list.iter_mut() {
            for (_, value) in item.iter_mut() {
                *value = renderer.deep(value, context).map_err(|halt| {
                    halt.within(|| {
                        Problem::new("Failed rendering configuration property").at(location)
                    })
                })?;
            }
        }
    }
    Ok(expanded)
}

/// Makes a copy of each looping stage for each element.
fn loops(
    stages: &mut [Stage],
    renderer: &Renderer<'_>,
    context: &Context,
    made: &mut usize,
) -> Result<(), Halt> {
    for stage in stages {
        let Some(over) = stage.loop_with.clone() else {
            continue;
        };
        let location = format!("template:stages.{}", stage.id);
        let elements = renderer.deep(&over.into(), context).map_err(|halt| {
            halt.within(|| Problem::new("Failed rendering loopWith value").at(&location))
        })?;
        let Value::Array(elements) = elements else {
            let class = java::class_name(&elements);
            let problem = Problem::new("Rendered loopWith value must be a list")
                .because(format!("Received type {class}"))
                .at(location);
            return Err(Halt::Render(vec![problem]));
        };
        let named = stage.id.contains("{{") && stage.id.contains("}}");
        for (index, element) in elements.into_iter().enumerate() {
            count(made, &stage.id)?;
            let mut copy = stage.clone();
            copy.looped.clear();
            copy.loop_with = None;
            copy.id = match named {
                true => renderer.text(&stage.id, &looping(context, &element))?,
                false => format!("{}{index}", stage.id),
            };
            copy.element = Some(element);
            stage.looped.push(copy);
        }
    }
    Ok(())
}

fn count(made: &mut usize, id: &str) -> Result<(), Halt> {
    *made += 1;
    match *made > STAGES_MAX {
        true => Err(Problem::malformed(format!(
            "loops and partials make more than {STAGES_MAX} stages (at stage '{id}')"
        ))
        .into()),
        false => Ok(()),
    }
}

fn looping(context: &Context, element: &Value) -> Context {
    let mut context = context.clone();
    let own = json!({ "value": element });
    context.variables.insert("templateLoop".to_owned(), own);
    context
}

fn stage(
    stage: &mut Stage,
    renderer: &Renderer<'_>,
    context: &Context,
    whose: &str,
) -> Result<(), Halt> {
    if stage.loop_with.is_some() {
        for copy in &mut stage.looped {
            let element = copy.element.clone().unwrap_or(Value::Null);
            self::stage(copy, renderer, &looping(context, &element), whose)?;
        }
        return Ok(());
    }
    let config = renderer.deep(&stage.config, context).map_err(|halt| {
        halt.within(|| Problem::new("Failed rendering stage").at(&context.location))
    })?;
    if !config.is_object() {
        let class = java::class_name(&config);
        let problem = Problem::new("A stage's rendered config must be a map")
            .because(format!("Received type {class}"))
            .at(&context.location);
        return Err(problem.into());
    }
    stage.config = config;
    let id = stage.id.clone();
    let property = |text: &str, name: &str| {
        let rendered = renderer.deep(&text.into(), context).map_err(|halt| {
            halt.within(|| {
                Problem::new("Failed rendering stage property")
                    .at(format!("{whose}:stages.{id}.{name}"))
            })
        });
        rendered.map(as_text)
    };
    stage.name = property(stage.shown_name(), "name")?;
    if let Some(comments) = &stage.comments {
        stage.comments = property(comments, "comments")?;
    }
    for condition in &mut stage.when {
        if let Some(text) = condition {
            *condition = property(text, "when")?;
        }
    }
    Ok(())
}

/// The stages that a stage stands for which uses a partial, or several of them if it loops.
fn use_of_partial(
    stage: &mut Stage,
    partials: &[Partial],
    renderer: &Renderer<'_>,
    context: &Context,
    expanded: &mut Expanded,
    made: &mut usize,
) -> Result<(), Halt> {
    let id = stage.partial_id();
    let Some(partial) = partials.iter().find(|it| it.id == id) else {
        let problem = Problem::new(format!("Unable to find Partial by ID: {id}"))
            .at(format!("template:stages.{}", stage.id));
        return Err(Halt::Render(vec![problem]));
    };
    if stage.loop_with.is_none() {
        return one_partial(stage, partial, renderer, context, expanded, made);
    }
    for copy in &mut stage.looped {
        let element = copy.element.clone().unwrap_or(Value::Null);
        let context = looping(context, &element);
        one_partial(copy, partial, renderer, &context, expanded, made)?;
    }
    Ok(())
}

fn one_partial(
    user: &mut Stage,
    partial: &Partial,
    renderer: &Renderer<'_>,
    context: &Context,
    expanded: &mut Expanded,
    made: &mut usize,
) -> Result<(), Halt> {
    let mut context = context.clone();
    context.location = format!("template:stages.{}", user.id);
    stage(user, renderer, &context, "template")?;
    for variable in &partial.variables {
        if !variable.default.is_null() && context.variable(&variable.name).is_none() {
            let default = variable.default.clone();
            context.variables.insert(variable.name.clone(), default);
        }
    }
    if let Value::Object(config) = &user.config {
        context.variables.extend(config.clone());
    }
    let whose = format!("partial:{}.{}", user.id, partial.id);
    context.location.clone_from(&whose);
    let mut stages = Vec::with_capacity(partial.stages.len());
    for inner in &partial.stages {
        if inner.is_partial() {
            let problem = Problem::new("Recursive partials support is not currently implemented")
                .at(format!("partial:{}", partial.id));
            return Err(Halt::Render(vec![problem]));
        }
        count(made, &user.id)?;
        let mut inner = inner.clone();
        inner.name = Some(inner.shown_name().to_owned());
        inner.id = format!("{}.{}", user.id, inner.id);
        for need in &mut inner.needs {
            *need = format!("{}.{need}", user.id);
        }
        let name = partial.name.as_deref().unwrap_or(&partial.id);
        inner.group = Some(format!("{name}: {}", user.shown_name()));
        stage(&mut inner, renderer, &context, &whose)?;
        stages.push(inner);
    }
    expanded.insert(user.id.clone(), stages);
    Ok(())
}
