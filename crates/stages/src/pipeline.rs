//! `pipeline`: run another pipeline. Source: orca `PipelineStage`, `StartPipelineTask`, `MonitorPipelineTask` (reference 4.8, 6.5).

use gennaker_engine::{
    Cleared, Lookup, LookupAnswer, Plan, PlanContext, StageDefinition, Step, TaskContext,
    TaskDefinition, TaskResult,
    definition::{ChildStart, PlanError},
    scope,
};
use gennaker_model::{Map, Stage, Status};
use serde_json::{Value, json};

use crate::{
    artifacts::{self, Artifact, Matcher},
    bind_artifacts::{self, BIND},
    catalogue::StageType,
    field::{Field, FieldType},
    monitor_pipeline, read,
};

/// The stage type.
pub(crate) struct Pipeline;

static START: TaskDefinition = TaskDefinition {
    name: "startPipeline",
    class: "com.netflix.spinnaker.orca.front50.tasks.StartPipelineTask",
    step: start,
    timeout_ms: None,
    timeout_overridable: false,
};

/// The task that waits; also that of `monitorPipeline`.
pub(crate) static MONITOR: TaskDefinition = TaskDefinition {
    name: "monitorPipeline",
    class: "com.netflix.spinnaker.orca.front50.tasks.MonitorPipelineTask",
    step: monitor,
    timeout_ms: Some(12 * 60 * 60 * 1000),
    timeout_overridable: true,
};

impl StageType for Pipeline {
    fn names(&self) -> &'static [&'static str] {
        &["pipeline"]
    }

    fn summary(&self) -> &'static str {
        "Starts another pipeline and, unless told otherwise, waits for it."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required("pipeline", FieldType::Text, "Id of the pipeline to start."),
                Field::optional(
                    "application",
                    FieldType::Text,
                    "Application of that pipeline.",
                ),
                Field::optional(
                    "executionId",
                    FieldType::Text,
                    "An execution that runs already: it is waited for, and none is started.",
                ),
                Field::optional("pipelineParameters", FieldType::Map, "Its parameters."),
                Field::optional(
                    "waitForCompletion",
                    FieldType::Boolean,
                    "Wait for it; true if absent.",
                ),
                Field::optional(
                    "skipDownstreamOutput",
                    FieldType::Boolean,
                    "Do not take over its outputs.",
                ),
                Field::optional(
                    "skippable",
                    FieldType::Boolean,
                    "A person may skip the stage.",
                ),
                bind_artifacts::FIELD,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&START, &MONITOR, &BIND] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[
            "[startPipeline]",
            "[monitorPipeline]",
            "[bindProducedArtifacts]",
        ]
    }

    fn differs(&self) -> &'static str {
        "The stage is told of the end of its own child and does not look for it. An execution that it has not started (an \
         `executionId` in the stage) is watched and not cancelled with the stage. The default of `skipDownstreamOutput` cannot be \
         set for all stages."
    }
}

impl StageDefinition for Pipeline {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let own = &context.stage.context;
        let waits = read::boolean(own, "waitForCompletion") != Some(false);
        let binds = own.contains_key("expectedArtifacts");
        // Its child goes on, or another tool names the execution to wait for.
        let starts = own.get("executionId").is_none_or(Value::is_null);
        let tasks: [(bool, &'static TaskDefinition); 3] =
            [(starts, &START), (waits, &MONITOR), (binds, &BIND)];
        Ok(Plan::of_tasks(
            tasks
                .into_iter()
                .filter(|(wanted, _)| *wanted)
                .map(|(_, task)| task),
        ))
    }

    fn restarted(&self, _stage: &Stage, by_child: bool) -> Cleared {
        if by_child {
            Cleared::keys(&["status"])
        } else {
            Cleared::keys(&["status", "executionId", "executionName"])
        }
    }

    fn can_manually_skip(&self, context: &Map) -> bool {
        read::boolean(context, "skippable") == Some(true)
    }
}

fn start(context: &TaskContext<'_>) -> Step {
    if context.child().is_some() {
        return TaskResult::of(Status::Succeeded).into();
    }
    let own = context.context;
    let Some(id) = read::text(own, "pipelineId").or_else(|| read::text(own, "pipeline")) else {
        return TaskResult::thrown(
            context,
            "IllegalArgumentException",
            "the stage names no pipeline to start",
        )
        .into();
    };
    let config = match config_of(context, id) {
        Ok(config) => config,
        Err(step) => return *step,
    };
    let empty = Map::new();
    let supplied = own.get("pipelineParameters").and_then(Value::as_object);
    match child_of(context, config, supplied.unwrap_or(&empty), None) {
        Ok(child) => Step::StartChild(Box::new(child)),
        Err((class, message)) => TaskResult::thrown(context, class, &message).into(),
    }
}

/// The pipeline with this id, or what must be done first, or instead.
pub(crate) fn config_of(context: &TaskContext<'_>, id: &str) -> Result<Map, Box<Step>> {
    let lookup = Lookup::Pipeline(id.to_owned());
    let message = match context.answer(&lookup) {
        None => return Err(Box::new(Step::Lookup(lookup))),
        Some(LookupAnswer::Found {
            value: Value::Object(config),
        }) => match read::boolean(config, "disabled") {
            Some(true) => format!("The referenced pipeline is disabled ({id})"),
            Some(false) | None => return Ok(config.clone()),
        },
        Some(LookupAnswer::Found { .. } | LookupAnswer::Missing) => {
            format!("The referenced pipeline cannot be located ({id})")
        }
        Some(LookupAnswer::Failed { reason, .. }) => {
            format!("The referenced pipeline ({id}) could not be read: {reason}")
        }
    };
    let thrown = TaskResult::thrown(context, "ConfigurationException", &message);
    Err(Box::new(thrown.into()))
}

/// The start of a child with these parameters: `name` says which, where a stage has several.
///
/// # Errors
/// Class and message of the exception.
pub(crate) fn child_of(
    context: &TaskContext<'_>,
    config: Map,
    supplied: &Map,
    name: Option<&str>,
) -> Result<ChildStart, (&'static str, String)> {
    let doc = &context.state.doc;
    let user = scope::effective_user(doc, context.stage);
    let seen = artifacts::visible(doc, context.stage, context.context);
    let expected_ids = expected_ids(doc.pipeline_config_id.as_deref(), &config, &seen)?;
    let id = read::text(&config, "id").unwrap_or_default();
    let start_time = doc.start_time.unwrap_or(0);
    let mut correlation = format!("{}_{}_{id}_{start_time}", doc.id, context.stage.id);
    if let Some(name) = name {
        // The same pipeline may be started twice.
        correlation.push('_');
        correlation.push_str(name);
    }
    let dry_run = doc.trigger.get("dryRun").and_then(Value::as_bool);
    let seen: Vec<Value> = seen.iter().map(Artifact::to_value).collect();
    let trigger = json!({
        "type": "pipeline",
        "user": user,
        "parentPipelineStageId": context.stage.id,
        "parameters": parameters(supplied, &config),
        "strategy": read::boolean(supplied, "strategy") == Some(true),
        "correlationId": correlation,
        "artifacts": seen,
        "expectedArtifactIds": expected_ids,
        "dryRun": dry_run == Some(true),
    });
    let Value::Object(trigger) = trigger else {
        unreachable!("an object literal is an object")
    };
    Ok(ChildStart {
        name: name.map(str::to_owned),
        config,
        trigger,
        user,
        context: Map::new(),
    })
}

/// Declared parameters: the supplied value if the key is there, else the default; further supplied keys pass as well, and a
/// declared parameter whose value came out falsy takes the supplied one (reference 4.8).
fn parameters(supplied: &Map, config: &Map) -> Map {
    let mut merged = Map::new();
    for declared in config
        .get("parameterConfig")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let Some(name) = declared.get("name").and_then(Value::as_str) else {
            continue;
        };
        let value = supplied
            .get(name)
            .or_else(|| declared.get("default"))
            .cloned()
            .unwrap_or(Value::Null);
        merged.insert(name.to_owned(), value);
    }
    for (name, value) in supplied {
        merged.entry(name.clone()).or_insert_with(|| value.clone());
    }
    merged
}

/// The expected artifacts of the child that its start has to resolve: those that its own triggers on this pipeline name, and
/// those that one of the artifacts matches. Source: orca `DependentPipelineStarter`.
fn expected_ids(
    parent: Option<&str>,
    config: &Map,
    seen: &[Artifact],
) -> Result<Vec<String>, (&'static str, String)> {
    let triggers = config.get("triggers").and_then(Value::as_array);
    let on_parent = triggers.into_iter().flatten().filter(|trigger| {
        let text = |key: &str| trigger.get(key).and_then(Value::as_str);
        text("type") == Some("pipeline") && parent.is_some() && text("pipeline") == parent
    });
    let mut ids: Vec<String> = on_parent
        .filter_map(|trigger| trigger.get("expectedArtifactIds")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let expected = artifacts::read_expected(config.get("expectedArtifacts"), "expectedArtifacts")
        .map_err(|error| ("IllegalArgumentException", error.to_string()))?;
    for expected in &expected {
        let matcher = Matcher::of(&expected.pattern);
        for artifact in seen {
            let matches = matcher
                .matches(artifact)
                .map_err(|error| ("PatternSyntaxException", error.to_string()))?;
            if matches && !ids.contains(&expected.id) {
                ids.push(expected.id.clone());
            }
        }
    }
    Ok(ids)
}

fn monitor(context: &TaskContext<'_>) -> Step {
    if context.stage.kind == monitor_pipeline::KIND {
        return monitor_pipeline::several(context);
    }
    let Some(child) = context.child() else {
        return monitor_pipeline::one(context);
    };
    let Some(result) = &child.result else {
        return Step::AwaitChild;
    };
    let mut learned = Map::new();
    learned.insert("status".to_owned(), json!(result.status));
    let skip_outputs = read::boolean(context.context, "skipDownstreamOutput") == Some(true);
    let outputs = if skip_outputs {
        Map::new()
    } else {
        result.outputs.clone()
    };
    let status = match result.status {
        Status::Succeeded => Status::Succeeded,
        Status::Canceled => Status::Canceled,
        _ => Status::Terminal,
    };
    let exception = if status == Status::Succeeded {
        None
    } else {
        result.exception.clone()
    };
    if let Some(exception) = &exception {
        learned.insert("exception".to_owned(), exception.clone());
    }
    TaskResult {
        status,
        context: learned,
        outputs,
        exception,
    }
    .into()
}
