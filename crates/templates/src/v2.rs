//! The second generation. Source: orca `v2schema`, `V2TemplateLoaderHandler`, `V2GraphMutator`.
//!
//! No Jinja: a template is a pipeline whose texts refer to `${templateVariables.x}`. Here only the reference and the defaults of
//! variables are evaluated; the rest is when the pipeline is submitted (evaluator v3) or its stages run (v4), with the values that
//! travel as `templateVariables`.

mod stages;

use gennaker_expressions::{Data, Environment, Root, contains_expression, evaluate_json};
use gennaker_model::Map;
use serde_json::{Value, json};

use crate::{
    CONCURRENCY, Request,
    fields::{Fields, Read},
    java, load,
    problem::{Halt, Problem, stops},
    render::Renderer,
    variables::{Wanted, assign, whose},
};

/// How the reference of a stored template begins.
const STORED: &str = "spinnaker://";

const SCHEMA: &str = "v2";

/// A variable of a template.
#[derive(Clone, Debug)]
struct Variable {
    name: String,
    kind: Option<String>,
    default: Value,
    nullable: bool,
}

/// The plain pipeline of a configuration.
pub(crate) fn expand(
    config: &Map,
    request: &Request<'_>,
    renderer: &Renderer<'_>,
) -> Result<Map, Halt> {
    let fields = Fields::of(config, "");
    let shape = |cause: String| Halt::from(Problem::malformed(cause));
    let template = template_of(config, request, renderer)?;
    let problems = validate(&template, fields.maps("stages").map_err(shape)?.is_empty());
    if stops(&problems, request.plan) {
        return Err(Halt::Wrong(problems));
    }
    let variables = variables_of(&template, config, request)?;
    let given = fields.map("variables").map_err(shape)?;
    let mut values: Map = given
        .into_iter()
        .filter(|(name, _)| variables.iter().any(|it| it.name == *name))
        .collect();
    let wanted: Vec<Wanted<'_>> = variables.iter().map(Variable::wanted).collect();
    let text = |key: &str| config.get(key).and_then(Value::as_str);
    let whose = whose(text("application"), text("name"), text("pipelineConfigId"));
    assign(&wanted, &mut values, &whose)?;

    let mut pipeline = pipeline_of(&template)?;
    let charge = |units| renderer.charge(units);
    stages::place(&mut pipeline, config, &charge)?;
    let own = |key: &str| request.config.get(key).filter(|value| !value.is_null());
    let id = own("id").or(config.get("pipelineConfigId")).map(java::text);
    let mut put = |key: &str, value: Value| {
        pipeline.insert(key.to_owned(), value);
    };
    put("id", id.unwrap_or_else(|| "unknown".to_owned()).into());
    put("application", fields.value("application"));
    if let Some(execution) = own("executionId") {
        put("executionId", execution.clone());
    }
    let name = fields.text("name").map_err(shape)?;
    put(
        "name",
        name.unwrap_or_else(|| "Unnamed Execution".to_owned())
            .into(),
    );
    for (key, default) in CONCURRENCY {
        if !pipeline.contains_key(key) {
            let said = own(key).cloned().unwrap_or_else(default);
            pipeline.insert(key.to_owned(), said);
        }
    }
    inherit(&mut pipeline, config)?;
    pipeline.insert("templateVariables".to_owned(), values.into());
    if pipeline.get("source").is_none_or(Value::is_null) {
        let source = json!({"type": "templatedPipeline", "version": SCHEMA});
        pipeline.insert("source".to_owned(), source);
    }
    Ok(pipeline)
}

/// The configuration with what it inherits at its top.
pub(crate) fn surface(
    config: &Map,
    request: &Request<'_>,
    renderer: &Renderer<'_>,
) -> Result<Map, Halt> {
    let template = template_of(config, request, renderer)?;
    let mut pipeline = pipeline_of(&template)?;
    inherit(&mut pipeline, config)?;
    let mut surface = request.config.clone();
    for key in [
        "triggers",
        "parameterConfig",
        "notifications",
        "expectedArtifacts",
    ] {
        if let Some(value) = pipeline.shift_remove(key) {
            surface.insert(key.to_owned(), value);
        }
    }
    Ok(surface)
}

/// The template that the configuration refers to, once its reference is evaluated.
fn template_of(config: &Map, request: &Request<'_>, renderer: &Renderer<'_>) -> Result<Map, Halt> {
    let Some(Value::Object(artifact)) = config.get("template") else {
        return Err(Problem::malformed("the configuration has no template").into());
    };
    let mut root = scope(config, request);
    root.insert("pipelineTemplate".to_owned(), Value::Null);
    let artifact = evaluated(&artifact.clone().into(), &root, request);
    let reference = artifact.get("reference").and_then(Value::as_str);
    let reference = reference.unwrap_or_default();
    if let Some(stored) = reference.strip_prefix(STORED) {
        return load::stored(&key_of(stored), renderer);
    }
    // An artifact of any other type needs the credentials of its account.
    let kind = artifact.get("type").and_then(Value::as_str);
    let is_plain = matches!(
        kind,
        None | Some("" | "http/file" | "front50/pipelineTemplate")
    );
    let is_address = ["http://", "https://", "file://"]
        .iter()
        .any(|scheme| reference.starts_with(scheme));
    if is_plain && is_address {
        return load::load(reference, renderer);
    }
    let cause = format!(
        "Error resolving pipeline template: '{reference}' of type {} is neither a stored template (spinnaker://…) nor an address of type \
         http/file; artifacts of other types are not fetched for templates yet",
        kind.unwrap_or("null")
    );
    Err(Problem::unexpected(cause).into())
}

/// `id`, `id:tag`, `id@sha256:digest`; a digest says more than a tag beside it.
fn key_of(reference: &str) -> String {
    let Some((id, digest)) = reference.split_once('@') else {
        return reference.to_owned();
    };
    let id = id.split(':').next().unwrap_or_default();
    let digest = digest.strip_prefix("sha256:").unwrap_or(digest);
    format!("{id}@sha256:{digest}")
}

fn validate(template: &Map, config_has_no_stages: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    let schema = template.get("schema").unwrap_or(&Value::Null);
    if schema != SCHEMA {
        problems.push(Problem::new(format!(
            "template schema version is unsupported: expected '{SCHEMA}', got '{}'",
            java::text(schema)
        )));
    }
    if template.get("protect") == Some(&Value::Bool(true)) && !config_has_no_stages {
        problems.push(
            Problem::new(
                "Modification of the stage graph (adding, removing, editing) is disallowed",
            )
            .because("The template being used has marked itself as protected"),
        );
    }
    problems
}

impl Variable {
    fn read(fields: Fields<'_>) -> Read<Self> {
        Ok(Self {
            name: fields.text("name")?.unwrap_or_default(),
            kind: fields.text("type")?,
            default: fields.value("defaultValue"),
            nullable: fields.flag("nullable")?,
        })
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            name: &self.name,
            kind: self.kind.as_deref(),
            default: &self.default,
            nullable: self.nullable,
        }
    }
}

/// The variables of a template; their defaults may refer to the trigger and to each other.
fn variables_of(
    template: &Map,
    config: &Map,
    request: &Request<'_>,
) -> Result<Vec<Variable>, Halt> {
    let fields = Fields::of(template, "");
    let mut variables = fields
        .each("variables", Variable::read)
        .map_err(|cause| Halt::from(Problem::loading(cause)))?;
    let mut root = scope(config, request);
    for variable in &variables {
        if variable.nullable || !variable.default.is_null() {
            root.insert(variable.name.clone(), variable.default.clone());
        }
    }
    if let Some(Value::Object(given)) = config.get("variables") {
        root.extend(given.clone());
    }
    for variable in &mut variables {
        if contains_expression(&variable.default) {
            variable.default = evaluated(&variable.default, &root, request);
        }
    }
    Ok(variables)
}

fn pipeline_of(template: &Map) -> Result<Map, Halt> {
    match template.get("pipeline") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(pipeline)) => Ok(pipeline.clone()),
        Some(_) => Err(Problem::loading("pipeline must be an object").into()),
    }
}

/// Lists of template and configuration together, each thing once; the template's are marked. Source:
/// `V2SchemaExecutionGenerator`.
fn inherit(pipeline: &mut Map, config: &Map) -> Result<(), Halt> {
    let shape = |cause: String| Halt::from(Problem::malformed(cause));
    let fields = Fields::of(config, "");
    let excluded = fields.texts("exclude").map_err(shape)?.unwrap_or_default();
    for (key, named) in [
        ("notifications", "notifications"),
        ("parameterConfig", "parameters"),
        ("triggers", "triggers"),
    ] {
        let mut list: Vec<Value> = Vec::new();
        if !excluded.iter().any(|it| it == named) {
            let inherited = Fields::of(pipeline, "pipeline").maps(key);
            for mut thing in inherited.map_err(|cause| Halt::from(Problem::loading(cause)))? {
                thing.insert("inherited".to_owned(), true.into());
                list.push(thing.into());
            }
        }
        for thing in fields.maps(named).map_err(shape)? {
            let thing = Value::Object(thing);
            if !list.contains(&thing) {
                list.push(thing);
            }
        }
        pipeline.insert(key.to_owned(), list.into());
    }
    Ok(())
}

/// What the reference and defaults may name.
fn scope(config: &Map, request: &Request<'_>) -> Map {
    let mut scope = Map::new();
    let application = config.get("application").cloned();
    scope.insert("application".to_owned(), application.unwrap_or(Value::Null));
    scope.insert("trigger".to_owned(), request.trigger.clone().into());
    scope
}

struct Scope<'a> {
    own: &'a Map,
    trigger: &'a Map,
}

impl Root for Scope<'_> {
    fn own(&self) -> &Map {
        self.own
    }

    fn trigger(&self) -> Option<Data<'_>> {
        Some(Data::Map(self.trigger))
    }
}

/// A value with its expressions evaluated; names that are unknown give null.
fn evaluated(value: &Value, own: &Map, request: &Request<'_>) -> Value {
    if !contains_expression(value) {
        return value.clone();
    }
    let mut environment = Environment::fixed(request.now_ms, request.seed);
    environment.limits = *request.limits;
    let root = Scope {
        own,
        trigger: request.trigger,
    };
    evaluate_json(value, &root, &environment).value
}
