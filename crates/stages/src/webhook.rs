//! `webhook`: call an address, perhaps wait until it says that it is done. Source: orca `WebhookStage` (reference 6.8).

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, Step, TaskDefinition,
    definition::{PlanError, Remote},
};
use gennaker_model::Map;
use serde_json::Value;

use crate::{
    bind_artifacts::{self, BIND},
    catalogue::StageType,
    field::{Field, FieldType},
    preconfigured, read, wait,
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
                    "Where the status address comes from; getMethod, the same address, if absent.",
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
                    "Seconds between the start of the stage and the first poll.",
                ),
                Field::optional(
                    "statusEndpoint",
                    FieldType::Text,
                    "Address that is polled; with monitorOnly, url if absent.",
                ),
                Field::optional(
                    "monitorOnly",
                    FieldType::Boolean,
                    "Only poll; call nothing. Needs waitForCompletion.",
                ),
                Field::optional(
                    "cancelEndpoint",
                    FieldType::Text,
                    "Address that is called once when the stage is cancelled or fails; whatever it answers changes nothing.",
                ),
                Field::optional(
                    "cancelMethod",
                    FieldType::Text,
                    "HTTP method of that call; POST if absent.",
                ),
                Field::optional(
                    "cancelPayload",
                    FieldType::Any,
                    "JSON that is sent as its body.",
                ),
                Field::optional(
                    "signalCancellation",
                    FieldType::Boolean,
                    "Whether Spinnaker's UI shows the fields for cancelling; it changes nothing.",
                ),
                Field::optional(
                    "account",
                    FieldType::Text,
                    "Name of a webhook account. As in a Spinnaker that has no account processor, it changes nothing.",
                ),
                Field::optional(
                    "parameterValues",
                    FieldType::Map,
                    "Values that the other fields can use, as in ${parameterValues['name']}.",
                ),
                bind_artifacts::FIELD,
                Field::optional(
                    "idempotent",
                    FieldType::Boolean,
                    "A POST or PATCH may be sent again when it is not known whether it arrived (an addition of Gennaker).",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&CREATE, &MONITOR, &BIND] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[
            "[createWebhook]",
            "[waitBeforeMonitorWebhook]",
            "[monitorWebhook]",
            "[bindProducedArtifacts]",
        ]
    }

    fn differs(&self) -> &'static str {
        "A cancelled stage calls its `cancelEndpoint` also when it was cancelled during the first call. A request that may not be \
         repeated safely is not sent again after the loss of a worker, unless the stage says `idempotent`. Where calls may go is \
         the setting `outbound`, not a list of allowed requests."
    }
}

impl Webhook {
    /// The tasks of a stage with this evaluated context.
    pub(crate) fn tasks_of(own: &Map) -> Result<Plan, PlanError> {
        let monitor_only = read::boolean(own, "monitorOnly") == Some(true);
        let waits = read::boolean(own, "waitForCompletion") == Some(true);
        if monitor_only && !waits {
            return Err(PlanError {
                class: "UserException",
                message:
                    "Can't specify monitorOnly = true and waitForCompletion = false at the same time"
                        .to_owned(),
            });
        }
        let pause = own
            .get("waitBeforeMonitor")
            .filter(|pause| read::number(pause).is_some_and(|seconds| seconds > 0.0));
        let mut plan = Plan::default();
        if !monitor_only {
            plan.tasks.push(PlannedTask::of(&CREATE));
        }
        if waits {
            if let Some(pause) = pause {
                // The wait task counts from the start of the stage, as every wait.
                if !own.contains_key("waitTime") {
                    plan.context.insert("waitTime".to_owned(), pause.clone());
                }
                let wait = PlannedTask::of(&wait::WAIT).named("waitBeforeMonitorWebhook");
                plan.tasks.push(wait);
            }
            plan.tasks.push(PlannedTask::of(&MONITOR));
        }
        if own.contains_key("expectedArtifacts") {
            plan.tasks.push(PlannedTask::of(&BIND));
        }
        Ok(plan)
    }
}

impl StageDefinition for Webhook {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let mut plan = Self::tasks_of(&context.stage.context)?;
        if context.stage.context.contains_key(preconfigured::NAME_KEY) {
            // Whatever somebody has written there: secret headers are not for a stage that says itself where it calls.
            plan.context
                .insert(preconfigured::NAME_KEY.to_owned(), Value::Null);
        }
        Ok(plan)
    }

    fn patched(&self, _context: &Map, mut patch: Map, _roles: Option<&[String]>) -> Map {
        patch.shift_remove(preconfigured::NAME_KEY);
        patch
    }

    /// Orca does this when the stage fails, and when it is cancelled while it is being monitored; here also when it is cancelled
    /// during the call, which may have arrived.
    fn cancel(&self, context: &Map) -> Option<Remote> {
        read::text(context, "cancelEndpoint").map(|_| Remote {
            pool: "notify",
            kind: "cancelWebhook",
            effect: true,
        })
    }
}
