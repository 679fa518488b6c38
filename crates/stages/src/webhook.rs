//! `webhook`: call an address, perhaps wait until it says that it is done. Source: orca `WebhookStage` (reference 6.8).

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition,
    definition::{PlanError, Remote},
};

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
    read, wait,
};

/// The stage type.
pub(crate) struct Webhook;

static CREATE: TaskDefinition = TaskDefinition {
    name: "createWebhook",
    class: "com.netflix.spinnaker.orca.webhook.tasks.CreateWebhookTask",
    step: |_| {
        Step::Dispatch(Remote {
            pool: "notify",
            kind: "createWebhook",
            effect: true,
        })
    },
    timeout_ms: Some(5 * 60 * 1000),
    timeout_overridable: true,
};

static WAIT_BEFORE_MONITOR: TaskDefinition = TaskDefinition {
    name: "waitBeforeMonitorWebhook",
    class: "com.netflix.spinnaker.orca.webhook.tasks.WaitBeforeMonitorWebhookTask",
    step: wait_before_monitor,
    timeout_ms: None,
    timeout_overridable: false,
};

static MONITOR: TaskDefinition = TaskDefinition {
    name: "monitorWebhook",
    class: "com.netflix.spinnaker.orca.webhook.tasks.MonitorWebhookTask",
    step: |_| {
        Step::Dispatch(Remote {
            pool: "notify",
            kind: "monitorWebhook",
            effect: false,
        })
    },
    timeout_ms: Some(60 * 60 * 1000),
    timeout_overridable: true,
};

impl StageType for Webhook {
    fn names(&self) -> &'static [&'static str] {
        &["webhook"]
    }

    fn summary(&self) -> &'static str {
        "Sends an HTTP request and, if asked to, polls until the other side is done."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "url",
                    FieldType::Text,
                    "Address that is called (with monitorOnly, the one that is polled).",
                ),
                Field::optional("method", FieldType::Text, "HTTP method; POST if absent."),
                Field::optional("payload", FieldType::Any, "JSON that is sent as body."),
                Field::optional(
                    "customHeaders",
                    FieldType::Map,
                    "Headers; a value is text or a list of texts.",
                ),
                Field::optional(
                    "failFastStatusCodes",
                    FieldType::List,
                    "Status codes that fail the stage at once; [504] if absent.",
                ),
                Field::optional(
                    "webhookRetryStatusCodes",
                    FieldType::List,
                    "Further status codes after which the call is tried again.",
                ),
                Field::optional(
                    "retries",
                    FieldType::Map,
                    "Bounded retries: {\"<code>\": {\"maxAttempts\": n}}.",
                ),
                Field::optional(
                    "waitForCompletion",
                    FieldType::Boolean,
                    "Poll a status address until it says that it is done.",
                ),
                Field::optional(
                    "statusUrlResolution",
                    FieldType::Word(&["getMethod", "locationHeader", "webhookResponse"]),
                    "Where the status address comes from.",
                ),
                Field::optional(
                    "statusUrlJsonPath",
                    FieldType::Text,
                    "JSON path to the status address in the response.",
                ),
                Field::optional(
                    "statusJsonPath",
                    FieldType::Text,
                    "JSON path to the status in what the status address answers.",
                ),
                Field::optional(
                    "progressJsonPath",
                    FieldType::Text,
                    "JSON path to a text about progress.",
                ),
                Field::optional(
                    "successStatuses",
                    FieldType::Text,
                    "Words for success, comma separated.",
                ),
                Field::optional(
                    "canceledStatuses",
                    FieldType::Text,
                    "Words for canceled, comma separated.",
                ),
                Field::optional(
                    "terminalStatuses",
                    FieldType::Text,
                    "Words for failure, comma separated.",
                ),
                Field::optional(
                    "retryStatusCodes",
                    FieldType::List,
                    "Further status codes after which polling goes on.",
                ),
                Field::optional(
                    "waitBeforeMonitor",
                    FieldType::Number,
                    "Seconds between the call and the first poll.",
                ),
                Field::optional(
                    "monitorOnly",
                    FieldType::Boolean,
                    "Only poll; call nothing.",
                ),
                Field::optional(
                    "idempotent",
                    FieldType::Boolean,
                    "A POST or PATCH may be sent again when it is not known whether it arrived (an addition of Gennaker).",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&CREATE, &WAIT_BEFORE_MONITOR, &MONITOR] }
    }
}

impl StageDefinition for Webhook {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let own = &context.stage.context;
        if read::has_items(own, "expectedArtifacts") {
            return Err(PlanError::argument(
                "this release cannot bind expectedArtifacts of a webhook stage yet; remove them from the stage",
            ));
        }
        let monitor_only = read::boolean(own, "monitorOnly") == Some(true);
        let waits = monitor_only || read::boolean(own, "waitForCompletion") == Some(true);
        let pause = own
            .get("waitBeforeMonitor")
            .and_then(read::number)
            .unwrap_or(0.0)
            > 0.0;
        let tasks: [(bool, &'static TaskDefinition); 3] = [
            (!monitor_only, &CREATE),
            (waits && pause, &WAIT_BEFORE_MONITOR),
            (waits, &MONITOR),
        ];
        Ok(Plan::of_tasks(
            tasks
                .into_iter()
                .filter(|(wanted, _)| *wanted)
                .map(|(_, task)| task),
        ))
    }
}

fn wait_before_monitor(context: &TaskContext<'_>) -> Step {
    let seconds = context
        .context
        .get("waitBeforeMonitor")
        .and_then(read::number)
        .unwrap_or(0.0);
    let start = context.task.start_time.unwrap_or(context.now);
    wait::until(start, seconds, context.now)
}
