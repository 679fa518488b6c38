//! `checkPreconditions`: go on only if. Source: orca `CheckPreconditionsStage` and its tasks (reference 6.3).

use gennaker_engine::{
    NewStage, Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::PlanError,
};
use gennaker_model::{Map, Status};
use serde_json::{Value, json};

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
    kubernetes, read,
};

/// The stage type.
pub(crate) struct CheckPreconditions;

static EXPRESSION: TaskDefinition = TaskDefinition {
    name: "checkPrecondition",
    class: "com.netflix.spinnaker.orca.pipeline.tasks.ExpressionPreconditionTask",
    step: check_expression,
    timeout_ms: None,
    timeout_overridable: false,
};

static STAGE_STATUS: TaskDefinition = TaskDefinition {
    name: "checkPrecondition",
    class: "com.netflix.spinnaker.orca.pipeline.tasks.StageStatusPreconditionTask",
    step: check_stage_status,
    timeout_ms: None,
    timeout_overridable: false,
};

/// A worker counts.
static CLUSTER_SIZE: TaskDefinition = TaskDefinition {
    name: "checkPrecondition",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.cluster.ClusterSizePreconditionTask",
    step: |_| kubernetes::look("checkClusterSize"),
    timeout_ms: Some(5 * 60 * 1000),
    timeout_overridable: false,
};

static NOOP: TaskDefinition = TaskDefinition {
    name: "checkPrecondition",
    class: "com.netflix.spinnaker.orca.pipeline.tasks.NoopPreconditionTask",
    step: |_| Step::Done(TaskResult::of(Status::Succeeded)),
    timeout_ms: None,
    timeout_overridable: false,
};

impl StageType for CheckPreconditions {
    fn names(&self) -> &'static [&'static str] {
        &["checkPreconditions"]
    }

    fn summary(&self) -> &'static str {
        "Goes on only if every precondition holds; all are checked at the same time."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[Field::required(
                "preconditions",
                FieldType::List,
                "List of {type: expression | stageStatus | clusterSize | noop, failPipeline, context: {…}}.",
            )]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&EXPRESSION, &STAGE_STATUS, &CLUSTER_SIZE, &NOOP] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &["checkPrecondition (of a stage before it for each precondition)"]
    }

    fn differs(&self) -> &'static str {
        "The precondition clusterSize works on kubernetes only, which it is taken for if no cloudProvider is named: `regions` are namespaces, \
         and the server groups of a cluster such as \"replicaSet web\" are counted in the cluster itself, not in a cache."
    }
}

impl StageDefinition for CheckPreconditions {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        match read::text(&context.stage.context, "preconditionType") {
            Some("expression") => Ok(Plan::of_tasks([&EXPRESSION])),
            Some("stageStatus") => Ok(Plan::of_tasks([&STAGE_STATUS])),
            Some("noop") => Ok(Plan::of_tasks([&NOOP])),
            Some("clusterSize") => cluster_size(&context.stage.context),
            Some(other) => Err(PlanError {
                class: "IllegalStateException",
                message: format!("no Precondition implementation for type {other}"),
            }),
            None => one_stage_each(&context.stage.context),
        }
    }
}

fn one_stage_each(context: &Map) -> Result<Plan, PlanError> {
    let preconditions = context
        .get("preconditions")
        .and_then(Value::as_array)
        .ok_or_else(|| PlanError::argument("the stage has no list of preconditions"))?;
    let mut before = Vec::new();
    for precondition in preconditions {
        let Value::Object(precondition) = precondition else {
            return Err(PlanError::argument(
                "each precondition must be an object with a type",
            ));
        };
        let kind = read::text(precondition, "type")
            .ok_or_else(|| PlanError::argument("each precondition must have a type"))?
            .to_owned();
        let mut own = context.clone();
        own.shift_remove("preconditions");
        own.extend(
            precondition
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        own.shift_remove("type");
        own.insert("preconditionType".to_owned(), json!(kind));
        let mut inner = own
            .get("context")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        for key in ["cluster", "regions", "credentials"] {
            if let (false, Some(value)) = (inner.contains_key(key), context.get(key)) {
                inner.insert(key.to_owned(), value.clone());
            }
        }
        own.insert("context".to_owned(), Value::Object(inner));
        before.push(NewStage {
            kind: "checkPreconditions".to_owned(),
            name: format!("Check precondition ({kind})"),
            context: own,
            requires: Vec::new(),
        });
    }
    Ok(Plan {
        before,
        ..Plan::default()
    })
}

/// What is counted is checked here; the account goes where a worker of its zone is found by it.
fn cluster_size(context: &Map) -> Result<Plan, PlanError> {
    kubernetes::check_provider(context)?;
    let none = Map::new();
    let inner = context.get("context").and_then(Value::as_object);
    let inner = inner.unwrap_or(&none);
    let needed = |key: &str| {
        read::text(inner, key).ok_or_else(|| {
            PlanError::argument(format!(
                "a clusterSize precondition needs {key} in its context"
            ))
        })
    };
    needed("cluster")?;
    let account = needed("credentials")?;
    let regions = inner.get("regions").and_then(Value::as_array);
    if regions.is_none_or(Vec::is_empty) {
        return Err(PlanError::argument(
            "a clusterSize precondition needs regions in its context: the namespaces in which it counts",
        ));
    }
    let comparison = read::text(inner, "comparison").unwrap_or("==");
    if !["<", "<=", "==", ">=", ">"].contains(&comparison) {
        return Err(PlanError::argument(format!(
            "a clusterSize precondition compares by <, <=, ==, >= or >, and not by {comparison:?}"
        )));
    }
    let mut plan = Plan::of_tasks([&CLUSTER_SIZE]);
    plan.context
        .insert("credentials".to_owned(), json!(account));
    Ok(plan)
}

/// The text is wrapped in `${…}` and evaluated, so both `a == b` and an already evaluated `${a == b}` work.
fn check_expression(context: &TaskContext<'_>) -> Step {
    let mut inner = context
        .context
        .get("context")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let text = inner
        .get("expression")
        .map_or_else(|| "false".to_owned(), gennaker_engine::scope::text_of);
    let evaluated = (context.evaluate)(&Value::String(format!("${{{text}}}")), context.context);
    if let Some(lookup) = evaluated.needs.first() {
        return Step::Lookup(lookup.clone());
    }
    let result = gennaker_engine::scope::text_of(&evaluated.value);
    let holds = result.trim().eq_ignore_ascii_case("true");
    inner.insert("expressionResult".to_owned(), Value::String(result));
    let mut learned = Map::new();
    learned.insert("context".to_owned(), Value::Object(inner));
    let status = if holds {
        Status::Succeeded
    } else {
        Status::Terminal
    };
    TaskResult {
        context: learned,
        ..TaskResult::of(status)
    }
    .into()
}

/// The first stage with that name must have exactly that status.
fn check_stage_status(context: &TaskContext<'_>) -> Step {
    let inner = context
        .context
        .get("context")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let (Some(name), Some(wanted)) = (
        read::text(&inner, "stageName"),
        read::text(&inner, "stageStatus"),
    ) else {
        let message = "a stageStatus precondition needs a stageName and a stageStatus";
        return TaskResult::thrown(context, "IllegalArgumentException", message).into();
    };
    let Some(stage) = context
        .state
        .doc
        .stages
        .iter()
        .find(|stage| stage.name == name)
    else {
        let message =
            format!("Failed to find stage {name} in execution. Please specify a valid stage name");
        return TaskResult::thrown(context, "IllegalArgumentException", &message).into();
    };
    if stage.status.as_str() == wanted {
        TaskResult::of(Status::Succeeded).into()
    } else {
        let message = format!(
            "The status of stage {name} was asserted to be {wanted}, but was actually {}",
            stage.status
        );
        TaskResult::thrown(context, "IllegalStateException", &message).into()
    }
}
