//! Pipelines that are made from templates: the plain pipeline that a configuration and its template stand for.
//!
//! A crate of its own and no part of `intake`: it is a language with its own parser, limits and error shape, `triggers` and `gate`
//! expand configurations without starting them, and nothing of it knows executions.
//!
//! [`expand`] gives the pipeline, or what is wrong, or the [`Need`]s that must be answered first: stored templates, documents at
//! addresses, ids of pipelines. The caller answers and calls again; the same input gives the same pipeline. [`surface`] gives what
//! others see of a configuration without expanding it: its triggers, parameters and the like. [`resolve`] and [`convert`] are
//! for people who write templates.
//!
//! | module | what it does |
//! |---|---|
//! | `load` | templates by their source, and the line they are made from |
//! | `v1` | the first generation: variables, modules, partials, loops, conditions, injected stages |
//! | `v2` | the second: SpEL variables, lists that are inherited unless excluded |
//! | `graph` | order and cycles of stages, injection |
//! | `render`, `jinja`, `yaml` | the texts of the first generation |
//! | `convert` | a plain pipeline as a template of the first generation |
//!
//! It must never load anything itself, read a clock or draw an id. No input makes it panic or run away: work, output, nesting,
//! stages and lines of templates are bounded, and what exceeds a bound says so.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod convert;
mod fields;
mod graph;
mod java;
mod jinja;
mod load;
mod need;
mod problem;
mod render;
mod text;
mod v1;
mod v2;
mod variables;
mod yaml;

use std::borrow::Cow;

use gennaker_model::{Map, routing::fnv1a64};
use serde_json::Value;

pub use convert::convert;
pub use gennaker_expressions::Limits;
pub use need::{Answer, Answers, Need};
pub use problem::{Problem, Severity, reason, reason_of};
pub use text::rendered;
pub use v1::resolve;

use problem::Halt;
use render::Renderer;

/// What a refused start or plan is told (`OperationsController`).
pub const INVALID: &str = "Pipeline template is invalid";

/// The type of a templated pipeline.
const TEMPLATED: &str = "templatedPipeline";

/// What holds for a field that nobody set.
type Unset = fn() -> Value;

/// How many executions may run, and what holds for a templated pipeline that says nothing: unlike a plain one it is limited.
const CONCURRENCY: [(&str, Unset); 3] = [
    ("limitConcurrent", || Value::Bool(true)),
    ("maxConcurrentExecutions", || Value::from(0)),
    ("keepWaitingPipelines", || Value::Bool(false)),
];

/// What is to be expanded.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The pipeline as it was saved or sent.
    pub config: &'a Map,
    /// What starts it; texts may refer to it.
    pub trigger: &'a Map,
    /// Nothing will run: a template in the request itself is used, and warnings are problems.
    pub plan: bool,
    /// Epoch milliseconds, for expressions.
    pub now_ms: i64,
    /// Makes the ids of stages differ from those of other executions.
    pub seed: u64,
    /// Ceilings of expressions and of what is read as YAML.
    pub limits: &'a Limits,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Expansion {
    /// It is made from no template.
    Plain,
    /// The plain pipeline.
    Done(Map),
    /// This must be known first.
    Needs(Need),
    /// It cannot be planned.
    Invalid(Vec<Problem>),
}

/// Whether a configuration is made from a template.
#[must_use]
pub fn is_templated(config: &Map) -> bool {
    generation(config).is_some()
}

/// Makes the plain pipeline of a configuration.
///
/// Source: orca `PipelineTemplatePreprocessor`.
#[must_use]
pub fn expand(request: &Request<'_>, answers: &Answers<'_>) -> Expansion {
    let Some(generation) = generation(request.config) else {
        return Expansion::Plain;
    };
    let renderer = Renderer::new(answers, request.limits);
    outcome(match generation {
        Generation::First(config) => v1::expand(&config, request, renderer),
        Generation::Second(config) => v2::expand(config, request, &renderer),
        Generation::Unknown(schema) => {
            Err(Problem::new(format!("unexpected schema version '{schema}'")).into())
        }
    })
}

/// The configuration with what its template contributes to those who only look at it: `triggers`, `parameterConfig`,
/// `notifications`, `expectedArtifacts`, and how many may run. Everything else is as it was written.
///
/// Orca stores the first generation so; here it is stored as it was sent. Source: orca `TemplatedPipelineModelMutator`, and for
/// the second generation what Echo sees of a planned one.
#[must_use]
pub fn surface(request: &Request<'_>, answers: &Answers<'_>) -> Expansion {
    let Some(generation) = generation(request.config) else {
        return Expansion::Plain;
    };
    let renderer = Renderer::new(answers, request.limits);
    outcome(match generation {
        Generation::First(config) => v1::surface(&config, request, &renderer),
        Generation::Second(config) => v2::surface(config, request, &renderer),
        Generation::Unknown(schema) => {
            Err(Problem::new(format!("unexpected schema version '{schema}'")).into())
        }
    })
}

/// Which language a configuration is written in, with its document.
enum Generation<'a> {
    First(Cow<'a, Map>),
    Second(&'a Map),
    Unknown(String),
}

fn generation(config: &Map) -> Option<Generation<'_>> {
    let set = |map: &Map, key: &str| map.get(key).filter(|it| !it.is_null()).map(java::text);
    let schema = set(config, "schema");
    if schema.as_deref() == Some("v2") && config.get("template").is_some_and(|it| !it.is_null()) {
        return Some(Generation::Second(config));
    }
    if config.get("type").and_then(Value::as_str) != Some(TEMPLATED) {
        return None;
    }
    let inner = config.get("config").and_then(Value::as_object);
    let schema = inner.and_then(|inner| set(inner, "schema")).or(schema);
    Some(match (schema.as_deref(), inner) {
        (Some("1"), Some(inner)) => Generation::First(Cow::Borrowed(inner)),
        (Some("1"), None) => Generation::First(Cow::Owned(Map::new())),
        (Some("v2"), Some(inner)) => Generation::Second(inner),
        (Some("v2"), None) => Generation::Second(config),
        (schema, _) => Generation::Unknown(schema.unwrap_or("null").to_owned()),
    })
}

fn outcome(result: Result<Map, Halt>) -> Expansion {
    match result {
        Ok(pipeline) => Expansion::Done(pipeline),
        Err(Halt::Needs(need)) => Expansion::Needs(need),
        Err(Halt::Render(problems) | Halt::Wrong(problems)) => Expansion::Invalid(problems),
    }
}

/// The id of a stage: looks random, and is the same for the same execution.
fn stage_id(seed: u64, stage: &str) -> String {
    let half = |salt: u8| {
        let text = format!("{salt}/{seed}/{stage}");
        fnv1a64(text.as_bytes())
    };
    let (high, low) = (half(1), half(2));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff,
    )
}
