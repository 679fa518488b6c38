//! `concourse`: waits for a build that a job of Concourse reports (orchestration reference 6.9). Source: orca `ConcourseStage`.
//!
//! The job reports its build by `POST /concourse/stage/start`, which patches the stage. In Spinnaker such a report is kept in the
//! memory of one process for five minutes; here it is part of the execution, also when it comes before the stage waits.

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::{Cleared, PlanError, Remote},
};
use gennaker_model::{Map, Stage, Status};

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
    jenkins::POOL,
    read,
};

/// The stage type.
pub(crate) struct Concourse;

/// The job that has reported.
const JOB: &str = "jobName";

/// Its build.
const NUMBER: &str = "buildNumber";

static START: TaskDefinition = TaskDefinition {
    name: "waitForConcourseJobStartTask",
    class: "com.netflix.spinnaker.orca.igor.tasks.WaitForConcourseJobStartTask",
    step: await_report,
    timeout_ms: Some(60 * 60 * 1000),
    timeout_overridable: true,
};

static COMPLETION: TaskDefinition = TaskDefinition {
    name: "waitForConcourseJobCompletionTask",
    class: "com.netflix.spinnaker.orca.igor.tasks.WaitForConcourseJobCompletionTask",
    step: |_| {
        Step::Dispatch(Remote {
            pool: POOL,
            kind: "waitForConcourseJobCompletion",
            effect: false,
        })
    },
    timeout_ms: Some(3 * 24 * 60 * 60 * 1000),
    timeout_overridable: true,
};

impl StageType for Concourse {
    fn names(&self) -> &'static [&'static str] {
        &["concourse"]
    }

    fn summary(&self) -> &'static str {
        "Waits until a job of Concourse reports a build, and for the end of that build."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required("master", FieldType::Text, "The server, `concourse-<name>`."),
                Field::required("teamName", FieldType::Text, "The team."),
                Field::required(
                    "pipelineName",
                    FieldType::Text,
                    "The pipeline of Concourse.",
                ),
                Field::optional(
                    "resourceName",
                    FieldType::Text,
                    "The resource through which Concourse learns of the stage.",
                ),
                Field::optional(
                    "parameters",
                    FieldType::Map,
                    "What the job reads of the stage.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&START, &COMPLETION] }
    }

    fn differs(&self) -> &'static str {
        "A report is never lost and may come before the stage waits. A build that waits in Concourse is waited for. `buildInfo` is kept. \
         Cancelling the stage does not stop the build, as in Spinnaker: Concourse began it."
    }
}

impl StageDefinition for Concourse {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&START, &COMPLETION]))
    }

    fn restarted(&self, _stage: &Stage, _by_child: bool) -> Cleared {
        Cleared::keys(&[JOB, NUMBER, "buildInfo"])
    }
}

fn await_report(context: &TaskContext<'_>) -> Step {
    let own = context.context;
    let has_number = own.get(NUMBER).and_then(read::number).is_some();
    if read::text(own, JOB).is_some() && has_number {
        return TaskResult::of(Status::Succeeded).into();
    }
    Step::Ask {
        context: Map::new(),
    }
}
