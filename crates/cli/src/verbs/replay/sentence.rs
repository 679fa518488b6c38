//! What a fact says, for people.

use std::collections::BTreeMap;

use gennaker_engine::{Event, announcement::About};
use gennaker_model::{
    Execution, Map, Stage, StageId,
    execution::{Delivery, Receipt},
};

use crate::text::{count, instant_ms};

/// Names of the stages that were seen so far.
#[derive(Default)]
pub(super) struct Names(BTreeMap<StageId, String>);

/// A sentence, and whether it is of interest to those who do not look into the engine.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) is_shown: bool,
}

impl Names {
    fn learn(&mut self, stage: &Stage) {
        let name = if stage.name.is_empty() {
            &stage.kind
        } else {
            &stage.name
        };
        self.0.insert(stage.id.clone(), name.clone());
    }

    fn learn_all(&mut self, execution: &Execution) {
        for stage in &execution.stages {
            self.learn(stage);
        }
    }

    fn of(&self, stage: &StageId) -> String {
        self.0
            .get(stage)
            .cloned()
            .unwrap_or_else(|| stage.to_string())
    }
}

impl Said {
    pub(super) fn shown(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_shown: true,
        }
    }

    fn noted(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_shown: false,
        }
    }
}

/// What a fact says; remembers the stages that it brings.
pub(super) fn sentence(event: &Event, names: &mut Names) -> Said {
    match event {
        Event::Created { execution, parent } => {
            names.learn_all(execution);
            let by = parent
                .as_ref()
                .map_or(String::new(), |parent| format!(" by {}", parent.execution));
            Said::shown(format!(
                "created{by}: {}",
                count(execution.stages.len(), "stage")
            ))
        }
        Event::TextsEvaluated { execution } => {
            names.learn_all(execution);
            Said::shown("the expressions of its configuration were evaluated")
        }
        Event::Queued { .. } => Said::shown("waits for other executions of its pipeline"),
        Event::NotificationsEvaluated { .. } => {
            Said::noted("expressions in its notifications are evaluated")
        }
        Event::SlotGranted => Said::shown("waits no more for other executions"),
        Event::ExecutionStarted { .. } => Said::shown("RUNNING"),
        Event::ExecutionEnded { status, .. } => Said::shown(status.to_string()),
        Event::CancelRequested { by, reason } => {
            let why = reason
                .as_ref()
                .map_or(String::new(), |reason| format!(": {reason}"));
            Said::shown(format!("cancel requested by {by}{why}"))
        }
        Event::ExecutionPaused { by, .. } => Said::shown(format!("PAUSED by {by}")),
        Event::ExecutionResumed { by, .. } => Said::shown(format!("resumed by {by}")),
        Event::ExecutionReopened => Said::shown("NOT_STARTED again"),
        Event::StageAdded { stage, .. } => {
            names.learn(stage);
            Said::shown(format!("{} came to be", names.of(&stage.id)))
        }
        Event::StageStarted { stage, tasks, .. } => Said::shown(format!(
            "{} RUNNING, {}",
            names.of(stage),
            count(tasks.len(), "task")
        )),
        Event::StagePaused { stage, .. } => Said::shown(format!("{} PAUSED", names.of(stage))),
        Event::StageEnded { stage, status, .. } => {
            Said::shown(format!("{} {status}", names.of(stage)))
        }
        Event::StageRemoved { stage } => Said::shown(format!("{} removed", names.of(stage))),
        Event::StageChanged {
            stage,
            context,
            outputs,
            removed,
            outputs_removed,
        } => {
            let mut parts = Vec::new();
            parts.extend(keys("context", context, removed));
            parts.extend(keys("outputs", outputs, outputs_removed));
            Said::noted(format!("{} {}", names.of(stage), parts.join("; ")))
        }
        Event::StageModified { stage, by } => {
            Said::shown(format!("{} changed by {}", names.of(stage), by.user))
        }
        Event::TaskStarted { stage, task, .. } => {
            Said::noted(format!("{} task {task} RUNNING", names.of(stage)))
        }
        Event::TaskEnded {
            stage,
            task,
            status,
            ..
        } => {
            let text = format!("{} task {task} {status}", names.of(stage));
            if status.is_failure() {
                Said::shown(text)
            } else {
                Said::noted(text)
            }
        }
        Event::RestartRequested { restart } => Said::shown(format!(
            "{} is to begin anew, asked by {}",
            names.of(&restart.stage),
            restart.user
        )),
        Event::StagesReset { stages, .. } => {
            let stages: Vec<String> = stages.iter().map(|stage| names.of(stage)).collect();
            Said::shown(format!("NOT_STARTED again: {}", stages.join(", ")))
        }
        Event::LoopRestarted { stage } => {
            Said::shown(format!("{} goes through its loop again", names.of(stage)))
        }
        Event::TasksRepeated { stage } => {
            Said::shown(format!("{} does its tasks again", names.of(stage)))
        }
        Event::StageScheduled { stage, at } => Said::shown(format!(
            "{} waits until {}",
            names.of(stage),
            instant_ms(*at)
        )),
        Event::QuestionOpened { stage } => {
            Said::shown(format!("{} waits for a person", names.of(stage)))
        }
        Event::QuestionClosed { stage } => Said::noted(format!(
            "{} does not wait for a person any more",
            names.of(stage)
        )),
        Event::ChildLinked { stage, child, .. } => {
            Said::shown(format!("{} has the child {child}", names.of(stage)))
        }
        Event::ChildEnded { result, .. } => Said::shown(format!(
            "the child {} of {} ended {}",
            result.name,
            names.of(&result.stage),
            result.status
        )),
        Event::AttemptOpened { attempt, open } => Said::noted(format!(
            "{} attempt {attempt}: {} for the pool {}",
            names.of(&open.stage),
            open.kind,
            open.pool
        )),
        Event::AttemptEnded { attempt } => Said::noted(format!("attempt {attempt} over")),
        Event::TimerArmed { timer, due } => Said::noted(format!(
            "{} timer {} due {}",
            names.of(&timer.stage),
            purpose(timer),
            instant_ms(*due)
        )),
        Event::TimerCleared { timer } => Said::noted(format!(
            "{} timer {} cleared",
            names.of(&timer.stage),
            purpose(timer)
        )),
        Event::LookupOpened { lookup, stage, .. } => Said::noted(format!(
            "{} asks for {}",
            names.of(stage),
            String::from(lookup.clone())
        )),
        Event::LookupAnswered { lookup, .. } => {
            Said::noted(format!("answered: {}", String::from(lookup.clone())))
        }
        Event::PeerQueued { peer } => {
            Said::noted(format!("message {} for {}", peer.number, peer.to))
        }
        Event::PeerAnswered { to, number } => {
            Said::noted(format!("message {number} for {to} was taken"))
        }
        Event::PeerTaken { from, number } => Said::noted(format!("message {number} of {from}")),
        Event::Announced {
            number,
            announcement,
        } => {
            let what = match &announcement.about {
                About::Execution => "the execution".to_owned(),
                About::Stage { stage } => names.of(stage),
                About::Task { stage, task } => format!("{} task {task}", names.of(stage)),
            };
            Said::noted(format!(
                "announcement {number}: {what} {}",
                announcement.moment
            ))
        }
        Event::AnnouncementsStored { numbers } => {
            let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
            Said::noted(format!(
                "the broker has announcement {}",
                numbers.join(", ")
            ))
        }
        Event::NoticeOpened {
            number, receipt, ..
        } => Said::shown(format!(
            "notification {number} is due: {} by {}{}",
            receipt.when,
            receipt.kind,
            to(receipt)
        )),
        Event::NoticeDelayed { number, reason } => Said::noted(format!(
            "notification {number} is tried again{}",
            because(reason.as_ref())
        )),
        Event::NoticeSettled {
            number,
            status,
            reason,
            ..
        } => match status {
            Delivery::Delivered => Said::shown(format!("notification {number} was delivered")),
            Delivery::Failed | Delivery::Pending => Said::shown(format!(
                "notification {number} is given up{}",
                because(reason.as_ref())
            )),
        },
        Event::Interrupted => Said::noted("the decision was cut short"),
        Event::Continued => Said::noted("and went on"),
        Event::CommandAnswered { seen } => Said::noted(format!("command {} answered", seen.id)),
    }
}

fn to(receipt: &Receipt) -> String {
    let address = receipt.to.as_ref();
    address.map_or(String::new(), |address| format!(" to {address}"))
}

fn because(reason: Option<&String>) -> String {
    reason.map_or(String::new(), |reason| format!(": {reason}"))
}

/// `context +a, b, -c`; nothing when nothing was changed.
fn keys(what: &str, set: &Map, removed: &[String]) -> Option<String> {
    let mut keys: Vec<String> = set.keys().map(|key| format!("+{key}")).collect();
    keys.extend(removed.iter().map(|key| format!("-{key}")));
    (!keys.is_empty()).then(|| format!("{what} {}", keys.join(" ")))
}

fn purpose(timer: &gennaker_engine::Timer) -> &'static str {
    match timer.purpose {
        gennaker_engine::Purpose::Again => "again",
        gennaker_engine::Purpose::Timeout => "timeout",
        gennaker_engine::Purpose::Closing => "closing",
    }
}
