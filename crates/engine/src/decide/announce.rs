//! What is told of what has just happened: to pipelines that wait for it, to those who follow all executions, and by notifications.
//!
//! Source: orca `EchoNotifyingExecutionListener`, `EchoNotifyingStageListener`, echo `AbstractEventNotificationAgent`
//! (events reference 6 and 7.3).

use gennaker_model::{ExecutionType, Map, Stage, StageId, Status};
use serde_json::Value;

use super::draft::Draft;
use crate::{
    announcement::{About, Announcement, Forwards, Moment},
    effect::Effect,
    event::Event,
    notice,
    rollup::flag,
    scope,
};

impl Draft<'_> {
    /// The execution has begun.
    pub(super) fn announce_start(&mut self) {
        self.notify_of_execution(Moment::Starting);
        self.announce(About::Execution, Moment::Starting, Status::Running, false);
    }

    /// The execution has ended.
    pub(super) fn announce_end(&mut self) {
        let doc = &self.state.doc;
        let status = doc.status;
        let pipeline = doc.pipeline_config_id.as_deref();
        let triggers = doc.kind == ExecutionType::Pipeline
            && pipeline.is_some_and(|pipeline| self.context.listeners.triggers(pipeline));
        let moment = match Moment::of_end(status) {
            Moment::Complete => Moment::Complete,
            Moment::Starting | Moment::Failed | Moment::Skipped => Moment::Failed,
        };
        self.notify_of_execution(moment);
        self.announce(About::Execution, moment, status, triggers);
    }

    /// The notifications of the application as they are now join those of the execution.
    pub(super) fn merge_application(&mut self) {
        let doc = &self.state.doc;
        if doc.kind != ExecutionType::Pipeline || doc.canceled {
            return;
        }
        let Some(theirs) = self.context.listeners.notifications(&doc.application) else {
            return;
        };
        if let Some(notifications) = notice::with_application(&doc.notifications, &theirs) {
            self.emit(Event::NotificationsEvaluated { notifications });
        }
    }

    /// What is to be told of a fact, if somebody may want to know.
    pub(super) fn told_of(&self, event: &Event) -> Option<Told> {
        let tasks = || self.context.listeners.forwards() >= Forwards::Tasks;
        let (stage, task, moment, status) = match event {
            Event::StageStarted { stage, .. } => (stage, None, Moment::Starting, Status::Running),
            Event::StageEnded { stage, status, .. } => {
                (stage, None, Moment::of_end(*status), *status)
            }
            Event::TaskStarted { stage, task, .. } if tasks() => {
                (stage, Some(task), Moment::Starting, Status::Running)
            }
            Event::TaskEnded {
                stage,
                task,
                status,
                ..
            } if tasks() => {
                let moment = match Moment::of_end(*status) {
                    Moment::Complete | Moment::Skipped => Moment::Complete,
                    Moment::Starting | Moment::Failed => Moment::Failed,
                };
                (stage, Some(task), moment, *status)
            }
            _ => return None,
        };
        Some(Told {
            stage: stage.clone(),
            task: task.cloned(),
            moment,
            status,
        })
    }

    /// Tells of a fact.
    pub(super) fn tell(&mut self, told: Told) {
        let Told {
            stage,
            task,
            moment,
            status,
        } = told;
        let about = match task {
            Some(task) => About::Task { stage, task },
            None => {
                self.notify_of_stage(&stage, moment, status);
                if self.context.listeners.forwards() == Forwards::Nothing {
                    return;
                }
                About::Stage { stage }
            }
        };
        self.announce(about, moment, status, false);
    }

    fn announce(&mut self, about: About, moment: Moment, status: Status, triggers: bool) {
        let forwarded = self.context.listeners.forwards() != Forwards::Nothing;
        if !triggers && !forwarded {
            return;
        }
        let number = self.state.book.announcements.used + 1;
        self.emit(Event::Announced {
            number,
            announcement: Box::new(Announcement {
                about,
                moment,
                at: self.now(),
                status,
                triggers,
                forwarded,
            }),
        });
        if let Some(telling) = self.state.telling(number) {
            self.effect(Effect::Announce(Box::new(telling)));
        }
    }

    /// The broker has these.
    pub(super) fn announcements_stored(&mut self, numbers: &[u64]) {
        let open = &self.state.book.announcements.open;
        let numbers: Vec<u64> = numbers
            .iter()
            .copied()
            .filter(|number| open.contains_key(number))
            .collect();
        if !numbers.is_empty() {
            self.emit(Event::AnnouncementsStored { numbers });
        }
    }

    /// Who is told that the execution has begun or ended. Nobody is, once it is cancelled.
    fn notify_of_execution(&mut self, moment: Moment) {
        let doc = &self.state.doc;
        if doc.notifications.is_empty() || doc.canceled || doc.status == Status::Canceled {
            return;
        }
        let (status, entries) = (doc.status, doc.notifications.clone());
        let word = About::Execution.word(doc.kind);
        let (when, kind) = (format!("{word}.{moment}"), format!("orca:{word}:{moment}"));
        for entry in entries.iter().filter_map(Value::as_object) {
            if notice::is_for(entry, &when) {
                self.open_notice(entry.clone(), &when, &kind, status, None, None);
            }
        }
    }

    /// Who is told that a stage has begun or ended. Synthetic stages, and those that are cancelled, are not told of.
    fn notify_of_stage(&mut self, id: &StageId, moment: Moment, status: Status) {
        let Some(stage) = self.stage(id) else { return };
        if stage.synthetic_stage_owner.is_some()
            || self.state.doc.canceled
            || status == Status::Canceled
            || flag(&stage.context, "sendNotifications") != Some(true)
        {
            return;
        }
        let (when, kind) = (format!("stage.{moment}"), format!("orca:stage:{moment}"));
        for entry in entries_of(&stage) {
            if notice::is_for(&entry, &when) {
                let entry = self.evaluated_entry(&stage, entry);
                self.open_notice(entry, &when, &kind, status, Some(id), None);
            }
        }
    }

    /// An entry with its expressions evaluated; what cannot be, or would have to be looked up, stays text.
    pub(super) fn evaluated_entry(&self, stage: &Stage, entry: Map) -> Map {
        let written = Value::Object(entry);
        let evaluated = scope::evaluate(&self.state, stage, &written, self.context);
        let bytes = serde_json::to_vec(&evaluated.value).map_or(usize::MAX, |it| it.len());
        let fits = evaluated.needs.is_empty() && bytes <= self.context.rules.context_bytes_max;
        match (evaluated.value, written) {
            (Value::Object(evaluated), _) if fits => evaluated,
            (_, Value::Object(written)) => written,
            _ => Map::new(),
        }
    }
}

/// A fact about a stage or a task of it, as it is told.
pub(super) struct Told {
    stage: StageId,
    task: Option<String>,
    moment: Moment,
    status: Status,
}

/// The notifications that a stage's context lists.
pub(super) fn entries_of(stage: &Stage) -> Vec<Map> {
    let listed = stage.context.get("notifications").and_then(Value::as_array);
    let entries = listed.into_iter().flatten().filter_map(Value::as_object);
    entries.cloned().collect()
}
