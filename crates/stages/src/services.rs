//! Stages that call a service of the installation: `jira`, `pageApplicationOwner`, `gremlin`. Source: orca `JiraStage`,
//! `PageApplicationOwnerStage`, `GremlinStage` (reference 6.7 and 6.17).

use gennaker_engine::{
    Cleared, Plan, PlanContext, StageDefinition, Step, TaskDefinition,
    definition::{PlanError, Remote},
};
use gennaker_model::{Map, Stage};

use crate::{
    catalogue::StageType,
    document_job::document_jobs,
    field::{Field, FieldType},
    read,
};

document_jobs! {
    /// The stage type `jira`.
    Jira {
        names: &["jira"],
        summary: "Creates an issue in Jira.",
        fields: &[
            Field::required(
                "fields",
                FieldType::Map,
                "The issue: {project: {key}, issuetype: {name}, summary, description, …}, as Jira's API takes it.",
            ),
            Field::optional("update", FieldType::Map, "Links to other issues, as Jira's API takes them."),
        ],
        task: "createJiraIssue",
        class: "com.netflix.spinnaker.orca.echo.tasks.CreateJiraIssueTask",
        timeout_ms: 5 * 60 * 1000,
        differs: "Where Jira is, the setting `services.jira` says. A call that may have arrived is not repeated, because Jira cannot be \
                  asked what became of it.",
    }

    /// The stage type `pageApplicationOwner`.
    PageApplicationOwner {
        names: &["pageApplicationOwner"],
        summary: "Pages those who answer for applications, by PagerDuty.",
        fields: &[
            Field::required("message", FieldType::Text, "What they read."),
            Field::optional("applications", FieldType::List, "Applications; the `pdApiKey` of each is paged."),
            Field::optional("keys", FieldType::List, "Further keys of services in PagerDuty; at most 100 in all."),
            Field::optional("details", FieldType::Map, "More about it; `from` is the user if absent."),
        ],
        task: "pageApplicationOwner",
        class: "com.netflix.spinnaker.orca.echo.tasks.PageApplicationOwnerTask",
        timeout_ms: 5 * 60 * 1000,
        differs: "Where PagerDuty is, the setting `services.pager_duty` says. An event carries an `incident_key`, so that it can be sent \
                  again without a second page.",
    }
}

/// The stage type `gremlin`.
pub(crate) struct Gremlin;

static LAUNCH: TaskDefinition = TaskDefinition {
    name: "launchGremlinAttack",
    class: "com.netflix.spinnaker.orca.gremlin.tasks.LaunchGremlinAttackTask",
    step: |_| remote("launchGremlinAttack", true),
    timeout_ms: None,
    timeout_overridable: false,
};

static MONITOR: TaskDefinition = TaskDefinition {
    name: "monitorGremlinAttack",
    class: "com.netflix.spinnaker.orca.gremlin.tasks.MonitorGremlinAttackTask",
    step: |_| remote("monitorGremlinAttack", false),
    timeout_ms: Some(15 * 60 * 1000),
    timeout_overridable: true,
};

const POOL: &str = "notify";

/// What Gremlin calls the attack.
const GUID: &str = "gremlinAttackGuid";

/// Set when it is over.
const TERMINAL: &str = "isGremlinTerminal";

impl StageType for Gremlin {
    fn names(&self) -> &'static [&'static str] {
        &["gremlin"]
    }

    fn summary(&self) -> &'static str {
        "Runs an attack of Gremlin and waits for its end."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "gremlinCommandTemplateId",
                    FieldType::Text,
                    "Id of the template of what is done.",
                ),
                Field::required(
                    "gremlinTargetTemplateId",
                    FieldType::Text,
                    "Id of the template of whom it is done to.",
                ),
                Field::optional(
                    "gremlinApiKey",
                    FieldType::Text,
                    "The API key; that of the setting `services.gremlin` if absent.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&LAUNCH, &MONITOR] }
    }

    fn differs(&self) -> &'static str {
        "A stage needs no `gremlinApiKey`, which everybody can read who can read the pipeline: an installation can have one key. An \
         attack that was over before the stage was cancelled is not halted."
    }
}

impl StageDefinition for Gremlin {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&LAUNCH, &MONITOR]))
    }

    fn restarted(&self, _stage: &Stage, _by_child: bool) -> Cleared {
        Cleared::keys(&[GUID, TERMINAL])
    }

    fn cancel(&self, context: &Map) -> Option<Remote> {
        let is_over = read::boolean(context, TERMINAL) == Some(true);
        let attack = read::text(context, GUID).filter(|_| !is_over);
        attack.map(|_| Remote {
            pool: POOL,
            kind: "haltGremlinAttack",
            effect: true,
        })
    }
}

fn remote(kind: &'static str, effect: bool) -> Step {
    let pool = POOL;
    Step::Dispatch(Remote { pool, kind, effect })
}
