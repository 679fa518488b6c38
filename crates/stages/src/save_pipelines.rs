//! `savePipelinesFromArtifact`: pipelines as code. Source: orca `SavePipelinesFromArtifactStage` and its tasks (reference 6.5).
//!
//! The artifact is a JSON object: application to list of pipelines. A worker reads it, and the pipelines are saved one after the
//! other in a loop. Orca keeps those that are left as objects in the context, where their expressions are evaluated as if they
//! were the stage's own; here all are kept as base64, so that a pipeline is saved as it was written.

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::{PlanError, Remote},
};
use gennaker_model::{Map, Status, Task};
use serde_json::{Value, json};

use crate::{
    artifacts,
    catalogue::StageType,
    field::{Field, FieldType},
    kubernetes,
    pipeline_documents::{self, SAVE, SAVE_TASKS},
    read,
};

/// The stage type.
pub(crate) struct SavePipelinesFromArtifact;

static GET: TaskDefinition = TaskDefinition {
    name: "getPipelinesFromArtifact",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.pipeline.GetPipelinesFromArtifactTask",
    step: |context| {
        let (pool, kind) = match needs_an_account(context.context) {
            // It comes back as an artifact that is its content, and the task is looked at again.
            true => (kubernetes::POOL, "fetchPipelines"),
            false => ("notify", "getPipelinesFromArtifact"),
        };
        Step::Dispatch(Remote {
            pool,
            kind,
            effect: false,
        })
    },
    timeout_ms: Some(2 * 60 * 1000),
    timeout_overridable: false,
};

static PREPARE: TaskDefinition = pure(
    "preparePipelineToSaveTask",
    "com.netflix.spinnaker.orca.clouddriver.tasks.pipeline.PreparePipelineToSaveTask",
    prepare,
);

static CHECK_RESULTS: TaskDefinition = pure(
    "checkPipelineResults",
    "com.netflix.spinnaker.orca.clouddriver.tasks.pipeline.CheckPipelineResultsTask",
    check_results,
);

static CHECK_REMAINING: TaskDefinition = pure(
    "checkForRemainingPipelines",
    "com.netflix.spinnaker.orca.clouddriver.tasks.pipeline.CheckForRemainingPipelinesTask",
    check_remaining,
);

static COMPLETE: TaskDefinition = pure(
    "savePipelinesCompleteTask",
    "com.netflix.spinnaker.orca.clouddriver.tasks.pipeline.SavePipelinesCompleteTask",
    complete,
);

/// Key of the pipelines. The list stays whole until the end: every change of it is recorded, and it may be long.
const LISTED: &str = "pipelinesToSave";

/// Key of how many of them were taken.
const TAKEN: &str = "pipelinesTaken";

const CREATED: &str = "pipelinesCreated";
const UPDATED: &str = "pipelinesUpdated";
const FAILED: &str = "pipelinesFailedToSave";

const fn pure(
    name: &'static str,
    class: &'static str,
    step: fn(&TaskContext<'_>) -> Step,
) -> TaskDefinition {
    TaskDefinition {
        name,
        class,
        step,
        timeout_ms: None,
        timeout_overridable: false,
    }
}

impl StageType for SavePipelinesFromArtifact {
    fn names(&self) -> &'static [&'static str] {
        &["savePipelinesFromArtifact"]
    }

    fn summary(&self) -> &'static str {
        "Saves the pipelines that an artifact holds."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::optional(
                    "pipelinesArtifactId",
                    FieldType::Text,
                    "Id of the expected artifact whose content is {application: [pipeline, …]}.",
                ),
                Field::optional(
                    "pipelinesArtifact",
                    FieldType::Map,
                    "The artifact itself, if no id is given.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const {
            &[
                &GET,
                &PREPARE,
                SAVE_TASKS[0],
                SAVE_TASKS[1],
                &CHECK_RESULTS,
                &CHECK_REMAINING,
                &COMPLETE,
            ]
        }
    }

    fn differs(&self) -> &'static str {
        "`pipelinesToSave` in the context holds base64 \
         and stays whole until the end, so that expressions in the pipelines are saved as they are and not evaluated. A pipeline that cannot be saved does not keep the \
         next ones from being saved, as the class of Orca means it."
    }
}

impl StageDefinition for SavePipelinesFromArtifact {
    /// The worker cannot look at other stages, so the artifact that an id means is found here.
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let looped = [
            &PREPARE,
            SAVE_TASKS[0],
            SAVE_TASKS[1],
            &CHECK_RESULTS,
            &CHECK_REMAINING,
        ];
        let last = looped.len() - 1;
        let mut plan = Plan::of_tasks([&GET]);
        plan.tasks.extend(
            looped
                .into_iter()
                .enumerate()
                .map(|(place, task)| PlannedTask {
                    loop_start: place == 0,
                    loop_end: place == last,
                    ..PlannedTask::of(task)
                }),
        );
        plan.tasks.push(PlannedTask::of(&COMPLETE));
        let own = &context.stage.context;
        if let Some(id) = read::text(own, "pipelinesArtifactId") {
            let found = artifacts::bound(context.execution, context.stage, own, id);
            let found = found.map_or(Value::Null, |found| found.to_value());
            plan.context.insert("pipelinesArtifact".to_owned(), found);
        }
        Ok(plan)
    }

    fn given_up(&self, task: &Task, context: &Map) -> Status {
        pipeline_documents::given_up(task, context)
    }

    fn restarted(
        &self,
        _stage: &gennaker_model::Stage,
        _by_child: bool,
    ) -> gennaker_engine::Cleared {
        gennaker_engine::Cleared::keys(&[CREATED, UPDATED, FAILED, LISTED, TAKEN])
    }
}

/// Whether the artifact is read through an account of artifacts, which workers of another pool have: all but what carries its content,
/// or is at an address that anybody may read.
fn needs_an_account(context: &Map) -> bool {
    let Some(Value::Object(artifact)) = context.get("pipelinesArtifact") else {
        return false;
    };
    match read::text(artifact, "type") {
        Some("embedded/base64") | None => false,
        Some("http/file") => read::text(artifact, "artifactAccount")
            .is_some_and(|account| !account.is_empty() && account != "no-auth-http-account"),
        Some(_) => true,
    }
}

fn prepare(context: &TaskContext<'_>) -> Step {
    let taken = taken(context);
    let Some(next) = listed(context).get(taken) else {
        return TaskResult::of(Status::Terminal).into();
    };
    let mut result = TaskResult::of(Status::Succeeded);
    let learned = &mut result.context;
    let of = |key: &str| next.get(key).cloned().unwrap_or(Value::Null);
    learned.insert("pipeline".to_owned(), of("pipeline"));
    learned.insert(TAKEN.to_owned(), json!(taken.saturating_add(1)));
    learned.insert("isSavingMultiplePipelines".to_owned(), json!(true));
    learned.insert("isExistingPipeline".to_owned(), of("isExisting"));
    // Whether it can be saved or not, what is said of it is about this one.
    for (key, field) in [
        ("application", "application"),
        ("pipeline.name", "name"),
        ("pipeline.id", "id"),
    ] {
        learned.insert(key.to_owned(), of(field));
    }
    result.into()
}

fn check_results(context: &TaskContext<'_>) -> Step {
    let own = context.context;
    let list = |key: &str| -> Vec<Value> {
        let list = own.get(key).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let (mut created, mut updated, mut failed) = (list(CREATED), list(UPDATED), list(FAILED));
    let tasks = &context.stage.tasks;
    if let Some(save) = tasks
        .iter()
        .rev()
        .find(|task| task.implementing_class == SAVE.class)
    {
        let of = |key: &str| own.get(key).cloned().unwrap_or(Value::Null);
        let pipeline = json!({
            "application": of("application"),
            "name": of("pipeline.name"),
            "id": of("pipeline.id"),
        });
        if !save.status.is_successful() {
            failed.push(pipeline);
        } else if read::boolean(own, "isExistingPipeline") == Some(true) {
            updated.push(pipeline);
        } else {
            created.push(pipeline);
        }
    }
    let mut result = TaskResult::of(Status::Succeeded);
    for (key, list) in [(CREATED, created), (UPDATED, updated), (FAILED, failed)] {
        result.context.insert(key.to_owned(), Value::Array(list));
    }
    result.into()
}

fn check_remaining(context: &TaskContext<'_>) -> Step {
    let status = if taken(context) < listed(context).len() {
        Status::Redirect
    } else {
        Status::Succeeded
    };
    TaskResult::of(status).into()
}

fn complete(context: &TaskContext<'_>) -> Step {
    let failed = context.context.get(FAILED).and_then(Value::as_array);
    let mut result = TaskResult::of(if failed.is_some_and(|failed| !failed.is_empty()) {
        Status::Terminal
    } else {
        Status::Succeeded
    });
    result.context.insert(LISTED.to_owned(), json!([]));
    result.into()
}

fn listed<'a>(context: &TaskContext<'a>) -> &'a [Value] {
    let listed = context.context.get(LISTED).and_then(Value::as_array);
    listed.map_or(&[], Vec::as_slice)
}

fn taken(context: &TaskContext<'_>) -> usize {
    let taken = context.context.get(TAKEN).and_then(Value::as_u64);
    taken.map_or(0, |taken| usize::try_from(taken).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_asked_for_what_they_alone_can_read() {
        for (artifact, needs) in [
            (
                json!({"type": "embedded/base64", "reference": "e30="}),
                false,
            ),
            (
                json!({"type": "http/file", "reference": "https://x"}),
                false,
            ),
            (
                json!({"type": "http/file", "artifactAccount": "no-auth-http-account"}),
                false,
            ),
            (
                json!({"type": "http/file", "artifactAccount": "with-password"}),
                true,
            ),
            (json!({"type": "s3/object", "reference": "s3://b/k"}), true),
            (json!({"type": "ivy/file"}), true),
            (Value::Null, false),
        ] {
            let mut context = Map::new();
            context.insert("pipelinesArtifact".to_owned(), artifact.clone());
            assert_eq!(needs_an_account(&context), needs, "{artifact}");
        }
    }
}
