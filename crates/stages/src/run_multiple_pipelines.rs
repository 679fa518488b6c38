//! `runMultiplePipelines`: several pipelines, level by level in the order of what they depend on. Source: orca
//! `RunMultiplePipelinesStage` and its tasks (reference 6.5), which were the plugin `Armory.RunMultiplePipelines`.
//!
//! A level is one round of a loop: `runMultiplePipelines` starts its children, `monitorMultiplePipelinesTask` waits until all of them
//! have ended. Each child has the name of its entry, from which its id is made.

mod apps;
mod deployed;

use gennaker_engine::{
    Cleared, ExpressionLookup, Lookup, LookupAnswer, Plan, PlanContext, PlannedTask,
    StageDefinition, Step, TaskContext, TaskDefinition, TaskResult, definition::PlanError,
    state::Child,
};
use gennaker_model::{Map, Stage, Status, command::ChildResult};
use serde_json::{Value, json};

use crate::{
    catalogue::StageType,
    executions::{self, Seen},
    field::{Field, FieldType},
    monitor_pipeline::{AGAIN_MS, append_error},
    pipeline, read,
};
use apps::App;
pub(crate) use deployed::deployed;

/// The stage type.
pub(crate) struct RunMultiplePipelines;

static PARSE: TaskDefinition = TaskDefinition {
    name: "parsePipelinesYamlTask",
    class: "com.netflix.spinnaker.orca.front50.tasks.ParsePipelinesYamlTask",
    step: parse,
    timeout_ms: None,
    timeout_overridable: false,
};

static RUN: TaskDefinition = TaskDefinition {
    name: "runMultiplePipelines",
    class: "com.netflix.spinnaker.orca.front50.tasks.RunMultiplePipelinesTask",
    step: run,
    timeout_ms: None,
    timeout_overridable: false,
};

static MONITOR: TaskDefinition = TaskDefinition {
    name: "monitorMultiplePipelinesTask",
    class: "com.netflix.spinnaker.orca.front50.tasks.MonitorMultiplePipelinesTask",
    step: monitor,
    timeout_ms: Some(24 * 60 * 60 * 1000),
    timeout_overridable: true,
};

static SAVE: TaskDefinition = TaskDefinition {
    name: "saveOutputsForDetailsTask",
    class: "com.netflix.spinnaker.orca.front50.tasks.SaveOutputsForDetailsTask",
    step: save,
    timeout_ms: None,
    timeout_overridable: false,
};

const YAML: &str = "yamlConfig";
const ORDER: &str = "orderOfExecutions";
const ORDER_SIZE: &str = "orderOfExecutionsSize";
const LEVEL: &str = "levelNumber";
const IDS: &str = "executionIds";
const SO_FAR: &str = "runMultiplePipelinesOutputs";
const IGNORE: &str = "ignoreUncompleted";
const EXECUTIONS: &str = "executionsList";

impl StageType for RunMultiplePipelines {
    fn names(&self) -> &'static [&'static str] {
        &["runMultiplePipelines"]
    }

    fn summary(&self) -> &'static str {
        "Starts several pipelines in the order of what they depend on, and waits for them."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    YAML,
                    FieldType::Any,
                    "A list with one object, {bundle_web: {name: {child_pipeline, arguments, depends_on}}}, or the same as YAML text; \
                     at most 100 names.",
                ),
                Field::optional(
                    "pipelineApplication",
                    FieldType::Text,
                    "Application of the pipelines; that of the execution if absent.",
                ),
                Field::optional(
                    "checkDuplicated",
                    FieldType::Boolean,
                    "Refuse a list that starts one pipeline twice with the same arguments; true if absent.",
                ),
                Field::optional(
                    IGNORE,
                    FieldType::Boolean,
                    "Go on to the next level when a pipeline has failed or was cancelled.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&PARSE, &RUN, &MONITOR, &SAVE] }
    }

    fn differs(&self) -> &'static str {
        "Pipelines that run end with the stage: Orca lets them run on when it is cancelled. If a pipeline of the list is not there or \
         is disabled, the stage fails and ends those of the same level; Orca leaves it out. An entry that depends on a missing one, or \
         on itself, is an error. `yamlConfig` stays in the context, so that the stage can be restarted; all pipelines are started \
         again then. The errors of the pipelines stand in `exception`. A pipeline that is restarted by itself does not restart the \
         stage."
    }
}

impl StageDefinition for RunMultiplePipelines {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let mut plan = Plan::of_tasks([&PARSE, &RUN, &MONITOR, &SAVE]);
        for (place, task) in plan.tasks.iter_mut().enumerate() {
            *task = PlannedTask {
                loop_start: place == 1,
                loop_end: place == 2,
                ..*task
            };
        }
        Ok(plan)
    }

    fn restarted(&self, _stage: &Stage, _by_child: bool) -> Cleared {
        Cleared {
            outputs_removed: vec![EXECUTIONS.to_owned()],
            ..Cleared::keys(&[ORDER, ORDER_SIZE, LEVEL, IDS, SO_FAR])
        }
    }
}

fn parse(context: &TaskContext<'_>) -> Step {
    let own = context.context;
    let illegal = |problem: &str| -> Step {
        TaskResult::thrown(context, "IllegalArgumentException", problem).into()
    };
    let listed = match apps::read(own.get(YAML)) {
        Ok(listed) => listed,
        Err(problem) => return illegal(&problem),
    };
    if read::boolean(own, "checkDuplicated") != Some(false) && apps::has_duplicates(&listed) {
        let message = "Detected two or more duplicated arguments and calling the same child_pipeline. You would have the same execution";
        return failed(Status::Terminal, own, &[message.to_owned()]).into();
    }
    let levels = match apps::levels(&listed) {
        Ok(levels) if levels.is_empty() => {
            let message = "Child Pipelines were not executed".to_owned();
            return failed(Status::Terminal, own, &[message]).into();
        }
        Ok(levels) => levels,
        Err(problem) => return illegal(&problem),
    };
    let order: Vec<Vec<Value>> = levels
        .iter()
        .map(|level| level.iter().map(|app| app.to_value()).collect())
        .collect();
    let ignores = read::boolean(own, IGNORE) == Some(true);
    let mut result = TaskResult::of(Status::Succeeded);
    let learned = &mut result.context;
    learned.insert(ORDER_SIZE.to_owned(), json!(order.len()));
    learned.insert(ORDER.to_owned(), json!(order));
    learned.insert(LEVEL.to_owned(), json!(0));
    learned.insert(IGNORE.to_owned(), json!(ignores));
    learned.insert(SO_FAR.to_owned(), json!([]));
    result.into()
}

/// Starts what has not been started of the level. All pipelines must be there before the first one is started.
fn run(context: &TaskContext<'_>) -> Step {
    let level = level_of(context.context);
    let order = context.context.get(ORDER).and_then(Value::as_array);
    let apps = order.and_then(|order| order.get(level)?.as_array());
    let apps: Vec<App> = apps
        .into_iter()
        .flatten()
        .filter_map(App::from_value)
        .collect();
    let mut open = Vec::new();
    for app in &apps {
        if started(context, &app.name).is_none() {
            match id_of(context, &app.pipeline) {
                Ok(id) => open.push((app, id)),
                Err(step) => return *step,
            }
        }
    }
    if let Some((app, id)) = open.first() {
        let child = pipeline::config_of(context, id).and_then(|config| {
            let made = pipeline::child_of(context, config, &app.arguments, Some(&app.name));
            made.map_err(|(class, message)| {
                Box::new(TaskResult::thrown(context, class, &message).into())
            })
        });
        return match child {
            Ok(child) => Step::StartChild(Box::new(child)),
            Err(step) => *step,
        };
    }
    let ids: Vec<&str> = apps
        .iter()
        .filter_map(|app| Some(started(context, &app.name)?.execution.as_str()))
        .collect();
    let mut left = order.cloned().unwrap_or_default();
    if let Some(level) = left.get_mut(level) {
        *level = json!([]);
    }
    let mut result = TaskResult::of(Status::Succeeded);
    result.context.insert(ORDER.to_owned(), left.into());
    result.context.insert(IDS.to_owned(), json!(ids));
    result.into()
}

/// Waits for the children of the level, and goes on to the next one.
fn monitor(context: &TaskContext<'_>) -> Step {
    let own = context.context;
    let ids: Vec<&str> = own
        .get(IDS)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let children = context.children();
    let of_level: Vec<&Child> = children
        .iter()
        .filter(|child| ids.contains(&child.execution.as_str()))
        .collect();
    let mut ended: Vec<(&Child, &ChildResult)> = Vec::with_capacity(of_level.len());
    for child in of_level {
        match &child.result {
            Some(result) => ended.push((child, result)),
            None => return Step::AwaitChild,
        }
    }
    let mut listed = own
        .get(SO_FAR)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for (child, result) in &ended {
        match shown(context, child, result) {
            Ok(shown) => listed.push(shown),
            Err(step) => return *step,
        }
    }
    let is = |wanted: fn(Status) -> bool| ended.iter().any(|(_, result)| wanted(result.status));
    let any_failed = is(|status| status.is_halt() && status != Status::Canceled);
    let all_succeeded = !is(|status| status != Status::Succeeded);
    let size = number(own, ORDER_SIZE);
    let next = level_of(own) + 1;
    let goes_on = all_succeeded || read::boolean(own, IGNORE) == Some(true);
    let mut result = if all_succeeded {
        TaskResult::of(Status::Succeeded)
    } else {
        let (status, sentence) = if any_failed {
            let sentence =
                "At least one monitored pipeline failed, look for errors in failed pipelines";
            (Status::Terminal, sentence)
        } else {
            let sentence = "At least one monitored pipeline was cancelled";
            (Status::Canceled, sentence)
        };
        let mut errors: Vec<String> = ended.iter().flat_map(|(_, it)| errors_of(it)).collect();
        errors.push(sentence.to_owned());
        failed(status, own, &errors)
    };
    if goes_on && next < size {
        result.status = Status::Redirect;
        result.context.insert(LEVEL.to_owned(), json!(next));
    } else if !all_succeeded {
        result.outputs.insert(EXECUTIONS.to_owned(), json!(listed));
        result.context.insert(ORDER.to_owned(), json!([]));
        result.context.insert(SO_FAR.to_owned(), json!([]));
        return result.into();
    }
    result.context.insert(SO_FAR.to_owned(), json!(listed));
    result.into()
}

/// Orca takes the two keys out of the context; here they are empty then. After a failure that is ignored the list stands there already,
/// which Orca replaces by nothing.
fn save(context: &TaskContext<'_>) -> Step {
    let mut result = TaskResult::of(Status::Succeeded);
    if !context.stage.outputs.contains_key(EXECUTIONS) {
        let listed = context.context.get(SO_FAR).cloned();
        let listed = listed.unwrap_or_else(|| json!([]));
        result.outputs.insert(EXECUTIONS.to_owned(), listed);
    }
    result.context.insert(ORDER.to_owned(), json!([]));
    result.context.insert(SO_FAR.to_owned(), json!([]));
    result.into()
}

/// One entry of the list that the stage puts out, or what must be known first.
fn shown(
    context: &TaskContext<'_>,
    child: &Child,
    result: &ChildResult,
) -> Result<Value, Box<Step>> {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), json!(child.execution));
    shown.insert("executionIdentifier".to_owned(), json!(child.name));
    match executions::look(context, child.execution.as_str(), false) {
        Seen::Unasked(lookup) => return Err(Box::new(Step::Lookup(lookup))),
        Seen::Failed => {
            return Err(Box::new(Step::Again {
                at: context.now + AGAIN_MS,
                context: Map::new(),
            }));
        }
        // Its start was refused.
        Seen::Missing => {}
        Seen::Told(told) => {
            for (key, value) in [
                ("startTime", told.get("startTime")),
                ("endTime", told.get("endTime")),
                ("artifactCreated", told.get(executions::DEPLOYED)),
            ] {
                shown.extend(value.map(|value| (key.to_owned(), value.clone())));
            }
        }
    }
    shown.insert("status".to_owned(), json!(result.status));
    Ok(shown.into())
}

/// The id of a pipeline by its name, or what must be done first, or instead.
fn id_of(context: &TaskContext<'_>, name: &str) -> Result<String, Box<Step>> {
    let application = context.get("pipelineApplication").and_then(Value::as_str);
    let application = application.unwrap_or(&context.state.doc.application);
    let lookup = Lookup::Expression(ExpressionLookup::Pipeline {
        application: application.to_owned(),
        name: name.to_owned(),
    });
    let message = match context.answer(&lookup) {
        None => return Err(Box::new(Step::Lookup(lookup))),
        Some(LookupAnswer::Found {
            value: Value::String(id),
        }) => return Ok(id.clone()),
        Some(LookupAnswer::Found { .. } | LookupAnswer::Missing) => {
            format!("Application {application} has no pipeline named {name}")
        }
        Some(LookupAnswer::Failed { reason, .. }) => {
            format!("The pipeline {name} could not be looked up: {reason}")
        }
    };
    let thrown = TaskResult::thrown(context, "ConfigurationException", &message);
    Err(Box::new(thrown.into()))
}

fn started<'a>(context: &'a TaskContext<'_>, name: &str) -> Option<&'a Child> {
    let mut children = context.children().iter();
    children.find(|child| child.name.as_deref() == Some(name))
}

fn failed(status: Status, own: &Map, errors: &[String]) -> TaskResult {
    let mut result = TaskResult::of(status);
    for error in errors {
        append_error(&mut result.context, own, error);
    }
    result
}

fn errors_of(result: &ChildResult) -> Vec<String> {
    let exception = result.exception.as_ref();
    let errors = exception.and_then(|it| it.pointer("/details/errors")?.as_array());
    let texts = errors.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn level_of(context: &Map) -> usize {
    number(context, LEVEL)
}

fn number(context: &Map, key: &str) -> usize {
    let number = context.get(key).and_then(Value::as_u64);
    number.map_or(0, |it| usize::try_from(it).unwrap_or(usize::MAX))
}
