//! Concurrency limits of pipelines (orchestration reference 4.1): who runs, who waits, who is next.
//!
//! All executions of a pipeline belong to one owner, so this is a look into its own memory. Nothing of it is stored: that an execution
//! runs or waits is in its own state, and the queue is what those states say. Source: orca `StartWaitingExecutionsHandler`.

use std::collections::{BTreeMap, BTreeSet};

use gennaker_engine::{State, limit};
use gennaker_model::{Execution, ExecutionId, Status};

use super::{Owner, work::Work};

/// Who of each pipeline runs and who waits.
#[derive(Default)]
pub(super) struct Limits {
    pipelines: BTreeMap<String, Line>,
}

/// The executions of one pipeline that matter.
#[derive(Default)]
struct Line {
    running: BTreeSet<ExecutionId>,
    waiting: BTreeMap<ExecutionId, Waiting>,
    /// Those of the waiting that are being let go on.
    granted: BTreeSet<ExecutionId>,
}

struct Waiting {
    since: i64,
    most: usize,
}

/// What the end of an execution means for those that wait.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Freed {
    next: Option<ExecutionId>,
    superseded: Vec<ExecutionId>,
}

impl Limits {
    /// Takes note of what an execution does now.
    pub fn note(&mut self, state: &State) {
        let doc = &state.doc;
        let Some(config) = &doc.pipeline_config_id else {
            return;
        };
        let runs = doc.status == Status::Running;
        let waits = state.book.waits_since.zip(limit::most(doc));
        if !runs && waits.is_none() && !self.pipelines.contains_key(config) {
            return;
        }
        let line = self.pipelines.entry(config.clone()).or_default();
        if runs {
            line.running.insert(doc.id.clone());
        } else {
            line.running.remove(&doc.id);
        }
        match waits {
            Some((since, most)) => {
                line.waiting.insert(doc.id.clone(), Waiting { since, most });
            }
            None => {
                line.waiting.remove(&doc.id);
                line.granted.remove(&doc.id);
            }
        }
        if line.running.is_empty() && line.waiting.is_empty() {
            self.pipelines.remove(config);
        }
    }

    /// Whether an execution that is about to start must wait for others.
    pub fn must_wait(&self, doc: &Execution) -> bool {
        let line = doc
            .pipeline_config_id
            .as_ref()
            .and_then(|config| self.pipelines.get(config));
        match (line, limit::most(doc)) {
            (Some(line), Some(most)) => line.taken_beside(&doc.id) >= most,
            (None, _) | (_, None) => false,
        }
    }

    /// An execution that did not wait has ended: the oldest of those that wait goes on, or the newest instead of all others.
    /// Its own flag decides.
    pub fn freed(&mut self, ended: &Execution) -> Freed {
        let line = ended
            .pipeline_config_id
            .as_ref()
            .and_then(|config| self.pipelines.get_mut(config));
        let Some(line) = line else {
            return Freed::default();
        };
        let in_line = line.in_line();
        let chosen = if ended.keep_waiting_pipelines {
            in_line.first()
        } else {
            in_line.last()
        };
        let Some(next) = chosen.filter(|next| line.is_free_for(next)).cloned() else {
            return Freed::default();
        };
        line.granted.insert(next.clone());
        let superseded = if ended.keep_waiting_pipelines {
            Vec::new()
        } else {
            in_line.into_iter().filter(|id| *id != next).collect()
        };
        Freed {
            next: Some(next),
            superseded,
        }
    }

    /// Executions that wait although nothing keeps them: whoever had to let them go on died.
    pub fn due(&mut self) -> Vec<ExecutionId> {
        self.pipelines.values_mut().flat_map(Line::due).collect()
    }

    /// The same of one pipeline: one that ran was paused, and does not count any more.
    pub fn due_beside(&mut self, paused: &Execution) -> Vec<ExecutionId> {
        let config = paused.pipeline_config_id.as_ref();
        let line = config.and_then(|config| self.pipelines.get_mut(config));
        line.map(Line::due).unwrap_or_default()
    }

    /// Whether an execution that is being let go on still may. One that was paused may have been resumed since, and nobody asks it to
    /// wait: then the place is taken, and this one is in line again.
    pub fn keeps(&mut self, granted: &Execution) -> bool {
        let is_taken = self.must_wait(granted);
        let config = granted.pipeline_config_id.as_ref();
        let line = config.and_then(|config| self.pipelines.get_mut(config));
        if let Some(line) = line.filter(|_| is_taken) {
            line.granted.remove(&granted.id);
        }
        !is_taken
    }

    /// How many others of its pipeline wait.
    pub fn waiting_beside(&self, doc: &Execution) -> usize {
        let config = doc.pipeline_config_id.as_ref();
        let line = config.and_then(|config| self.pipelines.get(config));
        let waiting = line.map(|line| line.waiting.keys());
        waiting
            .into_iter()
            .flatten()
            .filter(|id| **id != doc.id)
            .count()
    }
}

impl Line {
    /// How many places are taken by others than `id`.
    fn taken_beside(&self, id: &ExecutionId) -> usize {
        let taken = self.running.union(&self.granted);
        taken.filter(|other| *other != id).count()
    }

    fn due(&mut self) -> Vec<ExecutionId> {
        let mut due = Vec::new();
        for id in self.in_line() {
            if !self.is_free_for(&id) {
                break;
            }
            self.granted.insert(id.clone());
            due.push(id);
        }
        due
    }

    fn is_free_for(&self, id: &ExecutionId) -> bool {
        let most = self.waiting.get(id).map_or(0, |waiting| waiting.most);
        self.taken_beside(id) < most
    }

    /// Those that wait and are not being let go on, the one that came first first.
    fn in_line(&self) -> Vec<ExecutionId> {
        let mut found: Vec<(i64, &ExecutionId)> = self
            .waiting
            .iter()
            .filter(|(id, _)| !self.granted.contains(*id))
            .map(|(id, waiting)| (waiting.since, id))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, id)| id.clone()).collect()
    }
}

impl Owner {
    /// Takes note of what an execution does now, for all that is decided by looking at others.
    pub(super) fn note(&mut self, state: &State) {
        self.limits.note(state);
        self.correlations.note(state);
    }

    /// Whether an execution that is about to start must wait. As long as not every execution is known, a limited one waits.
    pub(super) fn must_wait(&self, doc: &Execution) -> bool {
        limit::most(doc).is_some() && (!self.index.complete || self.limits.must_wait(doc))
    }

    /// An execution has ended: who waits for its place goes on.
    pub(super) fn free_place(&mut self, ended: &Execution) {
        let Freed { next, superseded } = self.limits.freed(ended);
        self.ready.extend(next.map(Work::slot_granted));
        self.ready
            .extend(superseded.into_iter().map(Work::superseded));
    }

    /// An execution was paused: whoever waits for its place goes on at once.
    pub(super) fn lend_place(&mut self, paused: &Execution) {
        if self.index.complete {
            let due = self.limits.due_beside(paused);
            self.ready.extend(due.into_iter().map(Work::slot_granted));
        }
    }

    /// An execution waits now: it is one too many if as many wait as may.
    pub(super) fn limit_line(&mut self, queued: &Execution) {
        let Some(most) = self.around.config.waiting_max else {
            return;
        };
        let waiting = self.limits.waiting_beside(queued);
        if waiting >= most {
            let id = queued.id.clone();
            self.ready.push_back(Work::line_is_full(id, waiting));
        }
    }

    /// Whoever waits without need goes on.
    pub(super) fn let_go_on(&mut self) {
        if self.index.complete {
            let due = self.limits.due();
            self.ready.extend(due.into_iter().map(Work::slot_granted));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(id: &str, status: Status, waits_since: Option<i64>, most: i64, keep: bool) -> State {
        let doc = serde_json::from_value(json!({
            "type": "PIPELINE", "id": id, "application": "shop", "name": "deploy", "pipelineConfigId": "c",
            "buildTime": 1, "status": status, "stages": [], "authentication": {"user": "ann"}, "trigger": {},
            "maxConcurrentExecutions": most, "keepWaitingPipelines": keep,
        }))
        .unwrap();
        let mut state = State {
            doc,
            book: gennaker_engine::state::Book::default(),
            revision: 1,
        };
        state.book.waits_since = waits_since;
        state
    }

    fn id(text: &str) -> ExecutionId {
        ExecutionId::new(text).unwrap()
    }

    /// `a` runs; `b`, `c`, `d` wait in this order.
    fn line(most: i64, keep: bool) -> Limits {
        let mut limits = Limits::default();
        limits.note(&state("a", Status::Running, None, most, keep));
        for (at, name) in ["d", "c", "b"].into_iter().enumerate() {
            let since = 100 - i64::try_from(at).unwrap();
            limits.note(&state(name, Status::NotStarted, Some(since), most, keep));
        }
        limits
    }

    #[test]
    fn rule_4_1_by_default_the_newest_goes_on_and_the_others_are_cancelled() {
        let mut limits = line(1, false);
        assert!(limits.must_wait(&state("e", Status::NotStarted, None, 1, false).doc));
        let ended = state("a", Status::Succeeded, None, 1, false);
        limits.note(&ended);
        let freed = limits.freed(&ended.doc);
        assert_eq!(freed.next, Some(id("d")));
        assert_eq!(freed.superseded, [id("b"), id("c")]);
        let late = state("e", Status::NotStarted, None, 1, false);
        assert!(limits.must_wait(&late.doc), "the place is promised");
        assert_eq!(limits.freed(&ended.doc).next, None);
    }

    #[test]
    fn rule_4_1_keep_waiting_pipelines_lets_the_oldest_go_on_and_one_at_a_time() {
        let mut limits = line(1, true);
        let ended = state("a", Status::Canceled, None, 1, true);
        limits.note(&ended);
        let freed = limits.freed(&ended.doc);
        assert_eq!((freed.next, freed.superseded.len()), (Some(id("b")), 0));
        limits.note(&state("b", Status::Running, None, 1, true));
        assert_eq!(limits.freed(&ended.doc).next, None, "one runs");
    }

    #[test]
    fn rule_4_1_only_running_ones_count_and_nobody_is_forgotten() {
        let mut limits = line(2, false);
        assert_eq!(limits.due(), [id("b")]);
        limits.note(&state("b", Status::Running, None, 2, false));
        assert!(limits.due().is_empty());
        let paused = state("a", Status::Paused, None, 2, false);
        limits.note(&paused);
        assert_eq!(
            limits.due_beside(&paused.doc),
            [id("c")],
            "its place is free at once"
        );
        assert!(limits.due().is_empty(), "and promised");
        for name in ["a", "b", "c", "d"] {
            limits.note(&state(name, Status::Canceled, None, 2, false));
        }
        assert!(limits.pipelines.is_empty());
    }

    #[test]
    fn rule_4_1_the_flag_of_the_execution_that_completed_decides() {
        for (ended_keeps, next, superseded) in [(true, "b", 0), (false, "d", 2)] {
            let mut limits = line(1, !ended_keeps);
            let ended = state("a", Status::Succeeded, None, 1, ended_keeps);
            limits.note(&ended);
            let freed = limits.freed(&ended.doc);
            assert_eq!(freed.next, Some(id(next)));
            assert_eq!(freed.superseded.len(), superseded);
        }
    }

    #[test]
    fn rule_4_1_those_that_wait_are_counted_beside_the_one_that_comes() {
        let limits = line(1, true);
        let late = state("e", Status::NotStarted, Some(200), 1, true);
        assert_eq!(limits.waiting_beside(&late.doc), 3);
        assert_eq!(
            limits.waiting_beside(&state("b", Status::NotStarted, None, 1, true).doc),
            2
        );
        let mut other = late.doc;
        other.pipeline_config_id = Some("other".to_owned());
        assert_eq!(limits.waiting_beside(&other), 0);
    }

    #[test]
    fn rule_4_1_a_place_that_a_resumed_one_took_back_is_not_given_away() {
        let mut limits = line(2, true);
        limits.note(&state("b", Status::Running, None, 2, true));
        let paused = state("a", Status::Paused, None, 2, true);
        limits.note(&paused);
        let next = limits.due_beside(&paused.doc);
        assert_eq!(next, [id("c")]);
        let granted = state("c", Status::NotStarted, Some(1), 2, true);
        assert!(limits.keeps(&granted.doc));
        limits.note(&state("a", Status::Running, None, 2, true));
        assert!(!limits.keeps(&granted.doc), "two run again");
        // It is in line, and goes on with the next place.
        let ended = state("b", Status::Succeeded, None, 2, true);
        limits.note(&ended);
        assert_eq!(limits.freed(&ended.doc).next, Some(id("c")));
        assert!(limits.keeps(&granted.doc));
    }

    #[test]
    fn rule_4_1_executions_without_a_config_are_in_no_line() {
        let mut limits = line(1, false);
        let mut task = state("t", Status::NotStarted, None, 1, false);
        task.doc.pipeline_config_id = None;
        assert!(!limits.must_wait(&task.doc));
        task.doc.status = Status::Running;
        limits.note(&task);
        assert_eq!(limits.freed(&task.doc), Freed::default());
    }
}
