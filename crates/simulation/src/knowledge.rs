//! What clients were told, and the check that nothing they are told later takes it back.
//!
//! An answer counts against what was known when its question was sent: two questions that are under way at the same time
//! may be answered in either order.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gennaker_model::{Execution, ExecutionId, StageId, Status, Task};

/// What all clients of a run know. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Knowledge(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// Newest log sequence that an answer stood for, by partition.
    sequences: BTreeMap<u32, u64>,
    executions: BTreeMap<ExecutionId, Told>,
}

/// What was told about one execution.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Somebody has asked for its deletion: from now on it may be gone.
    pub deleting: bool,
    pub deleted: bool,
    /// A restart was asked for: what had ended may go on.
    pub restarted: bool,
    pub cancelled: bool,
    pub paused: bool,
    pub resumed: bool,
    /// Keys that were set in stages.
    pub marks: Vec<(StageId, String)>,
    seen: Option<Arc<Seen>>,
}

/// The statuses of a document.
#[derive(Debug)]
struct Seen {
    sequence: u64,
    status: Status,
    stages: BTreeMap<StageId, (String, Status, Vec<Status>)>,
}

impl Knowledge {
    /// The newest sequence that an answer of a partition stood for.
    pub fn sequence(&self, partition: u32) -> u64 {
        self.lock().sequences.get(&partition).copied().unwrap_or(0)
    }

    pub fn answered(&self, partition: u32, sequence: u64) {
        let mut inner = self.lock();
        let newest = inner.sequences.entry(partition).or_default();
        *newest = (*newest).max(sequence);
    }

    /// What was told about an execution; `None` when nobody knows that it exists.
    pub fn told(&self, execution: &ExecutionId) -> Option<Told> {
        self.lock().executions.get(execution).cloned()
    }

    /// Writes down what was told.
    pub fn learn(&self, execution: &ExecutionId, what: impl FnOnce(&mut Told)) {
        what(self.lock().executions.entry(execution.clone()).or_default());
    }

    /// Takes a document that was answered.
    pub fn saw(&self, document: &Execution, sequence: u64) {
        let seen = Seen::of(document, sequence);
        self.learn(&document.id, |told| {
            if told
                .seen
                .as_ref()
                .is_none_or(|held| held.sequence <= sequence)
            {
                told.seen = Some(Arc::new(seen));
            }
        });
    }

    pub fn executions(&self) -> Vec<ExecutionId> {
        self.lock().executions.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    /// Why a document contradicts what was told, if it does.
    pub fn contradiction(&self, document: &Execution) -> Option<String> {
        let id = &document.id;
        if self.deleted {
            return Some(format!(
                "execution {id} is there again after it was deleted"
            ));
        }
        if self.cancelled && !self.restarted && !document.canceled {
            return Some(format!(
                "execution {id} does not know that it was cancelled"
            ));
        }
        let paused = document.paused.as_ref();
        if self.paused && paused.and_then(|paused| paused.pause_time).is_none() {
            return Some(format!("execution {id} does not know that it was paused"));
        }
        if self.resumed && paused.and_then(|paused| paused.resume_time).is_none() {
            return Some(format!("execution {id} does not know that it was resumed"));
        }
        for (stage, key) in &self.marks {
            let kept = document
                .stage(stage)
                .map_or(self.restarted, |stage| stage.context.contains_key(key));
            if !kept {
                return Some(format!(
                    "stage {stage} of execution {id} has lost {key}, which was acknowledged"
                ));
            }
        }
        self.seen
            .as_ref()
            .filter(|_| !self.restarted)
            .and_then(|seen| seen.contradiction(document))
    }
}

impl Seen {
    fn of(document: &Execution, sequence: u64) -> Self {
        let stages = document.stages.iter().map(|stage| {
            let tasks = stage.tasks.iter().map(|task| task.status).collect();
            (
                stage.id.clone(),
                (stage.ref_id.clone(), stage.status, tasks),
            )
        });
        Self {
            sequence,
            status: document.status,
            stages: stages.collect(),
        }
    }

    fn contradiction(&self, document: &Execution) -> Option<String> {
        let id = &document.id;
        if !may_become(self.status, document.status) {
            return Some(format!(
                "execution {id} was {} and is {} now",
                self.status, document.status
            ));
        }
        for (stage, (ref_id, before, tasks)) in &self.stages {
            let Some(now) = document.stage(stage) else {
                // A part that never started may be taken away.
                if *before == Status::NotStarted {
                    continue;
                }
                return Some(format!(
                    "stage {ref_id} of execution {id} was {before} and is gone now"
                ));
            };
            if !may_become(*before, now.status) {
                return Some(format!(
                    "stage {ref_id} of execution {id} was {before} and is {} now",
                    now.status
                ));
            }
            let again = looped(&now.tasks, tasks);
            let back = tasks
                .iter()
                .zip(&now.tasks)
                .enumerate()
                .find(|(place, (before, now))| {
                    !may_become(**before, now.status) && !again.contains(place)
                });
            if tasks.len() > now.tasks.len() || back.is_some() {
                return Some(format!(
                    "a task of stage {ref_id} of execution {id} went back: {back:?}"
                ));
            }
        }
        None
    }
}

/// The tasks that may be done again, by place: those of a loop, until one behind it had started.
fn looped(tasks: &[Task], before: &[Status]) -> Range<usize> {
    let first = tasks.iter().position(|task| task.loop_start);
    let last = tasks.iter().rposition(|task| task.loop_end);
    let (Some(first), Some(last)) = (first, last) else {
        return 0..0;
    };
    let mut behind = before.iter().skip(last + 1);
    match behind.any(|status| *status != Status::NotStarted) {
        true => 0..0,
        false => first..last + 1,
    }
}

/// Whether one status may be followed by another, in any number of steps.
fn may_become(before: Status, now: Status) -> bool {
    before == now || (!before.is_complete() && now != Status::NotStarted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_of_a_loop_may_be_done_again_until_one_behind_it_has_started() {
        use Status::{NotStarted, Running, Succeeded};
        let task = |place: usize| -> Task {
            let task = serde_json::json!({"id": place.to_string(), "implementingClass": "c", "name": "n", "status": "NOT_STARTED",
                "stageStart": false, "stageEnd": false, "loopStart": place == 1, "loopEnd": place == 2});
            serde_json::from_value(task).unwrap()
        };
        let tasks: Vec<Task> = (0..4).map(task).collect();
        assert_eq!(
            looped(&tasks, &[Succeeded, Succeeded, Running, NotStarted]),
            1..3
        );
        assert_eq!(
            looped(&tasks, &[Succeeded, Succeeded, Succeeded, Running]),
            0..0
        );
        assert_eq!(looped(&tasks[3..], &[Succeeded]), 0..0, "there is no loop");
    }

    #[test]
    fn status_goes_forward_only() {
        for (before, now, may) in [
            (Status::NotStarted, Status::Succeeded, true),
            (Status::Running, Status::Paused, true),
            (Status::Paused, Status::Running, true),
            (Status::Running, Status::NotStarted, false),
            (Status::Succeeded, Status::Running, false),
            (Status::Succeeded, Status::Terminal, false),
        ] {
            assert_eq!(may_become(before, now), may, "{before} to {now}");
        }
    }
}
