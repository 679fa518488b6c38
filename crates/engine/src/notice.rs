//! Notifications that are due: who is told what, and what became of it (events reference 7).
//!
//! Each is an effect of its own: opened by the decision that makes it due, sent by a task of the pool [`POOL`], tried again with growing
//! pauses, given up after [`LIFE_MS`]. It holds up nothing: neither a stage nor the end of the execution waits for one.

mod configured;

use std::collections::BTreeMap;

use gennaker_model::{
    Execution, ExecutionType, Map, Stage, StageId, Status, execution::Receipt, shown_address,
    shown_key,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::state::State;
pub use configured::{is_for, with_application};

/// The pool whose workers send notifications.
pub const POOL: &str = "notify";

/// The kind of the task that sends one. Its input is that of [`State::notice_input`]; what it puts into `outputs.receipt` is kept.
pub const KIND: &str = "sendNotification";

/// The word that stands in place of a task's id.
pub(crate) const TASK: &str = "notification";

/// How long a notification is tried to be sent, milliseconds.
pub const LIFE_MS: i64 = 60 * 60 * 1000;

/// First and longest pause between two tries, milliseconds.
pub(crate) const PAUSE_MS: (i64, i64) = (5_000, 5 * 60 * 1000);

/// Notifications of one execution that may be open at once; what is due beyond that is not sent, and says so.
pub const OPEN_MAX: usize = 200;

/// Receipts that an execution keeps; of settled ones the oldest go.
pub const RECEIPTS_MAX: usize = 500;

/// Shortest time between two reminders of one judgement, milliseconds: Orca looks at the stage that often.
pub(crate) const REMINDER_MS_MIN: i64 = 15_000;

/// A context larger than this, in bytes, is not sent along.
const CONTEXT_BYTES_MAX: usize = 64 * 1024;

/// Start of the ids that stand in place of a stage's.
const PLACE: &str = "notification-";

/// A notification that is due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Notice {
    /// The entry as it is configured, its expressions evaluated.
    pub entry: Map,
    /// The word of the entry that made it due: `pipeline.complete`, `manualJudgment`.
    pub when: String,
    /// Type of the event that it tells of: `orca:pipeline:complete`.
    pub event: String,
    /// When it became due, epoch milliseconds.
    pub at: i64,
    /// Status then of what it tells of.
    pub status: Status,
    /// The stage, unless it tells of the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageId>,
    /// What a person is asked, or has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgment: Option<Value>,
    /// Where people look at what it tells of.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub link: String,
    /// How often it could not be sent.
    #[serde(default)]
    pub failed: u32,
}

/// The notifications of an execution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notices {
    /// Highest number used.
    pub used: u64,
    /// Those that are neither delivered nor given up, by number.
    pub open: BTreeMap<u64, Notice>,
}

impl Notices {
    /// Whether there never was one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }
}

/// The id that stands in place of a stage's for what is done about a notification: no stage has it.
#[must_use]
pub fn place(number: u64) -> StageId {
    StageId::new(format!("{PLACE}{number}")).expect("a word and a number are an id")
}

/// The notification that a place is of; `None` for a stage's id.
#[must_use]
pub fn of_place(place: &StageId) -> Option<u64> {
    place.as_str().strip_prefix(PLACE)?.parse().ok()
}

/// The link to an execution, or to a stage of it, below the address under which people reach us; nothing without one. As Echo's and
/// Orca's deep links.
#[must_use]
pub fn link(base: &str, execution: &Execution, stage: Option<&Stage>) -> String {
    if base.is_empty() {
        return String::new();
    }
    let (base, application, id) = (
        base.trim_end_matches('/'),
        &execution.application,
        &execution.id,
    );
    match (execution.kind, stage) {
        (ExecutionType::Orchestration, _) => {
            format!("{base}/#/applications/{application}/tasks/{id}")
        }
        (ExecutionType::Pipeline, None) => {
            format!("{base}/#/applications/{application}/executions/details/{id}")
        }
        (ExecutionType::Pipeline, Some(stage)) => {
            // With an execution window the judgement is the second step of the stage.
            let step = stage
                .context
                .get("restrictExecutionDuringTimeWindow")
                .and_then(Value::as_bool)
                .map_or("", |windowed| if windowed { "&step=1" } else { "" });
            let ref_id = &stage.ref_id;
            format!(
                "{base}/#/applications/{application}/executions/details/{id}?refId={ref_id}{step}"
            )
        }
    }
}

impl Notice {
    /// The receipt of one that is neither delivered nor given up.
    pub(crate) fn receipt(&self, number: u64, doc: &Execution) -> Receipt {
        let text = |key: &str| self.entry.get(key).and_then(Value::as_str);
        let stage = self.stage.as_ref().and_then(|id| doc.stage(id));
        Receipt {
            number,
            kind: text("type").unwrap_or_default().to_owned(),
            to: text("address")
                .or(text("publisherName"))
                .map(|address| shown_to(text("type").unwrap_or_default(), address)),
            level: text("level").map(str::to_owned),
            when: self.when.clone(),
            stage: stage.map(|stage| stage.ref_id.clone()),
            at: self.at,
            status: gennaker_model::execution::Delivery::Pending,
            settled_at: None,
            tries: 0,
            reason: None,
            receipt: None,
        }
    }
}

impl State {
    /// What a worker is told of a notification: `{notification, when, event, execution, stage, link, judgment}`.
    #[must_use]
    pub fn notice_input(&self, number: u64) -> Map {
        let Some(notice) = self.book.notices.open.get(&number) else {
            return Map::new();
        };
        let stage = notice.stage.as_ref().and_then(|id| self.doc.stage(id));
        let execution_status = match stage {
            Some(_) => self.doc.status,
            None => notice.status,
        };
        let told = json!({
            "notification": notice.entry,
            "when": notice.when,
            "event": {"type": notice.event, "application": self.doc.application, "created": notice.at},
            "execution": told_execution(&self.doc, execution_status),
            "stage": stage.map(|stage| told_stage(stage, notice)),
            "link": notice.link,
            "judgment": notice.judgment,
        });
        match told {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}

fn told_execution(doc: &Execution, status: Status) -> Value {
    let mut trigger = (*doc.trigger).clone();
    if let Some(Value::Object(parent)) = trigger.get_mut("parentExecution") {
        parent.insert("stages".to_owned(), json!([]));
    }
    json!({
        "id": doc.id,
        "type": doc.kind,
        "application": doc.application,
        "name": doc.name,
        "description": doc.description,
        "pipelineConfigId": doc.pipeline_config_id,
        "status": status,
        "canceled": doc.canceled,
        "buildTime": doc.build_time,
        "startTime": doc.start_time,
        "endTime": doc.end_time,
        "buildInfo": trigger.get("buildInfo"),
        "authentication": doc.authentication,
        "trigger": trigger,
    })
}

fn told_stage(stage: &Stage, notice: &Notice) -> Value {
    let mut context = (*stage.context).clone();
    context.shift_remove("notifications");
    let bytes = serde_json::to_vec(&context).map_or(usize::MAX, |written| written.len());
    if bytes > CONTEXT_BYTES_MAX {
        context = Map::new();
    }
    json!({
        "id": stage.id,
        "refId": stage.ref_id,
        "name": stage.name,
        "type": stage.kind,
        "status": notice.status,
        "startTime": stage.start_time,
        "endTime": stage.end_time,
        "context": context,
    })
}

/// An address as everybody may see it. With the key of a service of PagerDuty anybody could page.
fn shown_to(kind: &str, address: &str) -> String {
    if kind.replace('_', "").eq_ignore_ascii_case("pagerduty") {
        return shown_key(address);
    }
    shown_address(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_service_is_not_told() {
        assert_eq!(shown_to("slack", "#ops"), "#ops");
        assert_eq!(shown_to("PAGER_DUTY", "0123456789abcdef"), "…cdef");
        assert_eq!(
            shown_to(
                "googlechat",
                "https://chat.example.com/v1/spaces/x?key=secret"
            ),
            "https://chat.example.com/…"
        );
    }

    #[test]
    fn a_place_is_read_back() {
        assert_eq!(of_place(&place(7)), Some(7));
        assert_eq!(of_place(&StageId::new("01ARZ").unwrap()), None);
    }
}
