//! The submit sequence of a pipeline (orchestration reference 4.2) and of an ad-hoc task.
//!
//! Source: orca `OperationsController`, `ExecutionLauncher`, `PipelineBuilder`.

use std::{collections::BTreeSet, sync::Arc};

use gennaker_engine::{Lookup, Rules, submit};
use gennaker_model::{
    Execution, ExecutionId, ExecutionType, Map, Stage, StageId, Status,
    command::Start,
    execution::Authentication,
    freeze::{Freeze, Target},
    routing::fnv1a64,
};
use gennaker_stages::artifacts::Artifact;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{artifacts, parameters};

/// Most stages that a configuration may have.
pub const STAGES_MAX: usize = 2_000;

/// What a start may look at.
#[derive(Clone, Copy, Debug)]
pub struct StartContext<'a> {
    /// Epoch milliseconds.
    pub now: i64,
    /// Numbers that operators may set: those of the decisions that follow.
    pub rules: &'a Rules,
    /// The freeze of its application or pipeline, if there is one.
    pub frozen: Option<&'a Freeze>,
    /// The artifacts of the most recent execution of the pipeline; `None` when they are not known.
    pub prior: Option<&'a [Artifact]>,
}

/// An execution that is ready to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The document; TERMINAL when the start failed.
    pub execution: Execution,
    /// Why it failed, as the caller is told.
    pub error: Option<StartError>,
    /// What must be looked up before its texts can be evaluated; see [`gennaker_engine::start`].
    pub needs: Vec<Lookup>,
}

/// Why a configuration cannot be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The pipeline is disabled.
    #[error("Pipeline is disabled and cannot be started.")]
    Disabled,
    /// Nothing new is to be started.
    #[error("{what} is frozen by {} since {}: {}", freeze.by, instant(freeze.at_ms), freeze.reason)]
    Frozen {
        /// The application or pipeline.
        what: &'static str,
        /// Who, when and why.
        freeze: Freeze,
    },
    /// A stage has no type.
    #[error(
        "type missing from pipeline '{pipeline}' in application '{application}', stage name: '{stage}'"
    )]
    TypeMissing {
        /// Name of the pipeline.
        pipeline: String,
        /// Its application.
        application: String,
        /// Name of the stage, or `null`.
        stage: String,
    },
    /// A field has a value that cannot be read.
    #[error("{path}: {problem}")]
    Field {
        /// Where, for example `stages[2].refId`.
        path: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The artifacts that it expects are not there.
    #[error(transparent)]
    Artifacts(#[from] artifacts::Error),
    /// Whoever planned the pipeline sent the errors instead.
    #[error("{0}")]
    Planned(String),
    /// It stands for another pipeline, and nobody has made that; see [`crate::templated`].
    #[error("the pipeline is made from a template, and was not expanded")]
    Templated,
    /// The caller asked for a failed execution to be recorded.
    #[error("{0}")]
    Asked(String),
}

/// Makes the execution that a start asks for.
#[must_use]
pub fn prepare(start: &Start, context: &StartContext<'_>) -> Prepared {
    let mut trigger = normalized_trigger(start);
    let resolved = artifacts::resolve_at_start(&start.config, &mut trigger, context.prior);
    let mut execution = skeleton(start, trigger, context);
    let stages = match &start.error {
        Some(message) => Err(StartError::Asked(message.clone())),
        None => check(&start.config)
            .and_then(|()| thawed(context.frozen))
            .and_then(|()| Ok(resolved?))
            .and_then(|()| stages(start, &execution)),
    };
    match stages {
        Ok(stages) => {
            execution.stages = stages;
            evaluated(execution, context.rules)
        }
        Err(error) => {
            execution.status = Status::Terminal;
            execution.canceled = true;
            execution.canceled_by = Some("system".to_owned());
            execution.cancellation_reason = Some(format!("Failed on startup: {error}"));
            Prepared {
                execution,
                error: Some(error),
                needs: Vec::new(),
            }
        }
    }
}

/// Evaluates what can be evaluated before the run. Where something must be looked up first, nothing is: the engine does it when
/// the answers are there.
fn evaluated(execution: Execution, rules: &Rules) -> Prepared {
    let mut evaluated = execution.clone();
    let needs = submit::evaluate(&mut evaluated, rules, &|_| None);
    Prepared {
        execution: if needs.is_empty() {
            evaluated
        } else {
            execution
        },
        error: None,
        needs,
    }
}

/// Trigger: an object with a type, a user and merged parameters, whatever came in.
pub(crate) fn normalized_trigger(start: &Start) -> Map {
    let mut trigger = start.trigger.clone();
    if !trigger.get("type").is_some_and(Value::is_string) {
        trigger.insert("type".to_owned(), json!("manual"));
    }
    if !trigger.get("user").is_some_and(Value::is_string) {
        let user = if start.user.is_empty() {
            "[anonymous]"
        } else {
            &start.user
        };
        trigger.insert("user".to_owned(), json!(user));
    }
    trigger.insert(
        "parameters".to_owned(),
        Value::Object(parameters::with_defaults(&start.config, &trigger)),
    );
    for key in [
        "artifacts",
        "notifications",
        "resolvedExpectedArtifacts",
        "expectedArtifacts",
    ] {
        if !trigger.get(key).is_some_and(Value::is_array) {
            trigger.insert(key.to_owned(), json!([]));
        }
    }
    for key in ["rebake", "dryRun", "strategy"] {
        if !trigger.get(key).is_some_and(Value::is_boolean) {
            let set = trigger
                .get(key)
                .and_then(Value::as_str)
                .is_some_and(|text| text.eq_ignore_ascii_case("true"));
            trigger.insert(key.to_owned(), json!(set));
        }
    }
    trigger
}

fn skeleton(start: &Start, trigger: Map, context: &StartContext<'_>) -> Execution {
    let config = &start.config;
    let is_pipeline = start.kind == ExecutionType::Pipeline;
    let text = |key: &str| {
        config
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let root = match &start.parent {
        Some(parent) => parent.root.clone(),
        None => root_of_parent(&trigger).unwrap_or_else(|| start.execution.clone()),
    };
    let notifications = config
        .get("notifications")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    Execution {
        kind: start.kind,
        id: start.execution.clone(),
        root_id: is_pipeline.then_some(root),
        application: text("application").unwrap_or_else(|| "spinnaker_unknown".to_owned()),
        name: if is_pipeline { text("name") } else { None },
        description: if is_pipeline {
            None
        } else {
            text("description").or_else(|| text("name"))
        },
        pipeline_config_id: if is_pipeline { text("id") } else { None },
        build_time: context.now,
        start_time: None,
        end_time: None,
        start_time_expiry: integer(config.get("startTimeExpiry")),
        status: Status::NotStarted,
        canceled: false,
        canceled_by: None,
        cancellation_reason: None,
        limit_concurrent: boolean(config.get("limitConcurrent")),
        max_concurrent_executions: integer(config.get("maxConcurrentExecutions")).unwrap_or(0),
        keep_waiting_pipelines: boolean(config.get("keepWaitingPipelines")),
        stages: Vec::new(),
        authentication: Authentication {
            user: if start.user.is_empty() {
                "anonymous".to_owned()
            } else {
                start.user.clone()
            },
            allowed_accounts: Vec::new(),
        },
        paused: None,
        origin: Some(start.origin.clone()).filter(|origin| !origin.is_empty()),
        trigger: Arc::new(trigger),
        source: config
            .get("source")
            .filter(|source| source.is_object())
            .cloned(),
        notifications: Arc::new(notifications),
        initial_config: Arc::default(),
        system_notifications: Vec::new(),
        notification_receipts: Arc::default(),
        spel_evaluator: text("spelEvaluator"),
        template_variables: match config.get("templateVariables") {
            Some(Value::Object(variables)) if !variables.is_empty() => {
                Some(Arc::new(variables.clone()))
            }
            Some(_) | None => None,
        },
    }
}

/// The root of the execution whose end started this one.
fn root_of_parent(trigger: &Map) -> Option<ExecutionId> {
    let parent = trigger.get("parentExecution")?;
    let root = parent.get("rootId").or_else(|| parent.get("id"))?;
    ExecutionId::new(root.as_str()?).ok()
}

fn check(config: &Map) -> Result<(), StartError> {
    if boolean(config.get("disabled")) {
        return Err(StartError::Disabled);
    }
    if gennaker_templates::is_templated(config) {
        return Err(StartError::Templated);
    }
    match config.get("errors") {
        None | Some(Value::Null) => Ok(()),
        Some(errors) => {
            let listed = errors.as_array().map_or(&[][..], Vec::as_slice);
            Err(StartError::Planned(gennaker_templates::reason_of(listed)))
        }
    }
}

fn thawed(frozen: Option<&Freeze>) -> Result<(), StartError> {
    let Some(freeze) = frozen else { return Ok(()) };
    Err(StartError::Frozen {
        what: match freeze.target {
            Target::Application(_) => "The application",
            Target::Pipeline(_) => "The pipeline",
        },
        freeze: freeze.clone(),
    })
}

fn instant(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(|_| at_ms.to_string(), |at| at.to_string())
}

/// Whether the start needs to know the artifacts of the most recent execution of the pipeline.
#[must_use]
pub fn needs_prior(start: &Start) -> bool {
    start.kind == ExecutionType::Pipeline && artifacts::falls_back_on_prior(&start.config)
}

fn stages(start: &Start, execution: &Execution) -> Result<Vec<Arc<Stage>>, StartError> {
    let empty = Vec::new();
    let written = match start.config.get("stages") {
        None | Some(Value::Null) => &empty,
        Some(Value::Array(stages)) => stages,
        Some(_) => return Err(field("stages", "must be a list of stages")),
    };
    if written.len() > STAGES_MAX {
        return Err(field(
            "stages",
            &format!("has {} stages; the limit is {STAGES_MAX}", written.len()),
        ));
    }
    let linear = !written
        .iter()
        .any(|stage| stage.get("refId").is_some_and(|ref_id| !ref_id.is_null()));
    let mut used = BTreeSet::new();
    let mut stages = Vec::with_capacity(written.len());
    for (index, stage) in written.iter().enumerate() {
        let stage = one_stage(start, execution, index, stage, linear)?;
        if !used.insert(stage.ref_id.clone()) {
            let problem = format!(
                "{:?} is used by an earlier stage; each stage needs its own refId",
                stage.ref_id
            );
            return Err(field(&format!("stages[{index}].refId"), &problem));
        }
        stages.push(Arc::new(stage));
    }
    Ok(stages)
}

fn one_stage(
    start: &Start,
    execution: &Execution,
    index: usize,
    written: &Value,
    linear: bool,
) -> Result<Stage, StartError> {
    let path = |key: &str| format!("stages[{index}].{key}");
    let Value::Object(written) = written else {
        return Err(field(&format!("stages[{index}]"), "must be an object"));
    };
    let mut context = written.clone();
    let Some(Value::String(mut kind)) = context.shift_remove("type").filter(|kind| !kind.is_null())
    else {
        return Err(StartError::TypeMissing {
            pipeline: execution.name.clone().unwrap_or_default(),
            application: execution.application.clone(),
            stage: written
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or("null")
                .to_owned(),
        });
    };
    if let Some(provider) = written.get("providerType").and_then(Value::as_str)
        && !matches!(provider, "aws" | "titus" | "")
    {
        kind = format!("{kind}_{provider}");
    }
    let name = match written.get("name") {
        None | Some(Value::Null) => kind.clone(),
        Some(Value::String(name)) => name.clone(),
        Some(_) => return Err(field(&path("name"), "must be text")),
    };
    if start.kind == ExecutionType::Pipeline {
        context.shift_remove("name");
    }
    let ref_id = ref_id(context.shift_remove("refId"), index, linear)
        .ok_or_else(|| field(&path("refId"), "must be text such as \"1\""))?;
    let requisites = context.shift_remove("requisiteStageRefIds");
    let requisite_stage_ref_ids = if linear {
        index
            .checked_sub(1)
            .map(|before| before.to_string())
            .into_iter()
            .collect()
    } else {
        requisites_of(requisites)
            .ok_or_else(|| field(&path("requisiteStageRefIds"), "must be a list of refIds"))?
    };
    let start_time_expiry = match context.shift_remove("startTimeExpiry") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let expiry = integer(Some(&value));
            Some(expiry.ok_or_else(|| {
                field(
                    &path("startTimeExpiry"),
                    "must be text with epoch milliseconds",
                )
            })?)
        }
    };
    Ok(Stage {
        id: stage_id(execution, index),
        ref_id,
        requisite_stage_ref_ids,
        kind,
        name,
        start_time: None,
        end_time: None,
        start_time_expiry,
        status: Status::NotStarted,
        context: Arc::new(context),
        outputs: Arc::default(),
        tasks: Vec::new(),
        synthetic_stage_owner: None,
        parent_stage_id: None,
        scheduled_time: None,
        last_modified: None,
    })
}

/// A number is read as its decimal text: a safe superset of Orca, which fails on it.
fn ref_id(written: Option<Value>, index: usize, linear: bool) -> Option<String> {
    if linear {
        return Some(index.to_string());
    }
    match written {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    }
}

fn requisites_of(written: Option<Value>) -> Option<Vec<String>> {
    match written {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(list)) => list
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Some(text),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
            .collect(),
        Some(_) => None,
    }
}

fn stage_id(execution: &Execution, index: usize) -> StageId {
    let seed = format!("{}/{index}", execution.id);
    let random = (u128::from(fnv1a64(seed.as_bytes())) << 16) | (index as u128 & 0xffff);
    StageId::derived(execution.build_time, random)
}

fn field(path: &str, problem: &str) -> StartError {
    StartError::Field {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}

/// Booleans are parsed from their text form, so `"true"` works; null counts as absent (Orca fails on it).
pub(crate) fn boolean(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

fn integer(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
