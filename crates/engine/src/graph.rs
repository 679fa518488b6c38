//! The graph of stages: who waits for whom, who is whose ancestor, in which order values are searched.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gennaker_model::{Execution, Stage, StageId, SyntheticOwner};

/// Stages that must be complete before `stage`: siblings whose refId it lists.
///
/// A refId that nobody has is ignored, as Orca's readiness check does (orchestration reference 1.5).
pub fn upstream<'a>(
    execution: &'a Execution,
    stage: &'a Stage,
) -> impl Iterator<Item = &'a Arc<Stage>> {
    execution.stages.iter().filter(move |other| {
        are_siblings(other, stage) && stage.requisite_stage_ref_ids.contains(&other.ref_id)
    })
}

/// Stages that list `stage` as a requisite.
pub fn downstream<'a>(
    execution: &'a Execution,
    stage: &'a Stage,
) -> impl Iterator<Item = &'a Arc<Stage>> {
    execution.stages.iter().filter(move |other| {
        are_siblings(other, stage) && other.requisite_stage_ref_ids.contains(&stage.ref_id)
    })
}

/// Top-level stages without requisites.
pub fn initial(execution: &Execution) -> impl Iterator<Item = &Arc<Stage>> {
    execution
        .top_level_stages()
        .filter(|stage| stage.requisite_stage_ref_ids.is_empty())
}

/// Synthetic stages of `parent` on one side of it.
pub fn synthetic<'a>(
    execution: &'a Execution,
    parent: &'a StageId,
    owner: SyntheticOwner,
) -> impl Iterator<Item = &'a Arc<Stage>> {
    execution.stages.iter().filter(move |stage| {
        stage.parent_stage_id.as_ref() == Some(parent) && stage.synthetic_stage_owner == Some(owner)
    })
}

/// Whether every requisite that exists lets `stage` start, and at least one exists if any is named.
#[must_use]
pub fn all_upstream_complete(execution: &Execution, stage: &Stage) -> bool {
    let mut found = stage.requisite_stage_ref_ids.is_empty();
    for above in upstream(execution, stage) {
        if !above.status.lets_downstream_start() {
            return false;
        }
        found = true;
    }
    found
}

/// The top-level stage that `stage` belongs to; itself if it is one.
#[must_use]
pub fn top_level<'a>(execution: &'a Execution, stage: &'a Stage) -> &'a Stage {
    let mut current = stage;
    // Bounded by the number of stages, should a document's parents ever form a ring.
    for _ in 0..execution.stages.len() {
        match current
            .parent_stage_id
            .as_ref()
            .and_then(|id| execution.stage(id))
        {
            Some(parent) => current = parent,
            None => break,
        }
    }
    current
}

/// Top-level stages so that each comes after its requisites.
///
/// # Errors
/// The refIds that can never be placed: a cycle, or requisites that do not exist.
pub fn topological(execution: &Execution) -> Result<Vec<&Arc<Stage>>, Unsatisfiable> {
    let mut waiting: Vec<&Arc<Stage>> = execution.top_level_stages().collect();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut sorted = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|stage| {
            stage
                .requisite_stage_ref_ids
                .iter()
                .all(|ref_id| placed.contains(ref_id.as_str()))
        });
        if ready.is_empty() {
            let stuck = rest
                .iter()
                .map(|stage| {
                    format!(
                        "{} (requires {})",
                        stage.ref_id,
                        stage.requisite_stage_ref_ids.join(", ")
                    )
                })
                .collect();
            return Err(Unsatisfiable { stuck });
        }
        placed.extend(ready.iter().map(|stage| stage.ref_id.as_str()));
        sorted.extend(ready);
        waiting = rest;
    }
    Ok(sorted)
}

/// Stages whose requisites can never be met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid stage relationships found: {}", stuck.join("; "))]
pub struct Unsatisfiable {
    /// Each stuck stage with what it requires.
    pub stuck: Vec<String>,
}

/// `stage` and its ancestors in the order in which values are searched; see [`Relatives::ancestors`].
#[must_use]
pub fn ancestors<'a>(execution: &'a Execution, stage: &'a Stage) -> Vec<&'a Stage> {
    Relatives::of(execution)
        .ancestors(stage)
        .into_iter()
        .map(|at| &*execution.stages[at])
        .collect()
}

/// Who is related to whom in one execution, found without going through all stages for each question.
#[derive(Debug)]
pub struct Relatives<'a> {
    execution: &'a Execution,
    places: BTreeMap<&'a StageId, usize>,
    by_ref_id: BTreeMap<&'a str, Vec<usize>>,
    by_parent: BTreeMap<&'a StageId, Vec<usize>>,
}

impl<'a> Relatives<'a> {
    /// Looks at every stage once.
    #[must_use]
    pub fn of(execution: &'a Execution) -> Self {
        let mut relatives = Self {
            execution,
            places: BTreeMap::new(),
            by_ref_id: BTreeMap::new(),
            by_parent: BTreeMap::new(),
        };
        for (at, stage) in execution.stages.iter().enumerate() {
            relatives.places.insert(&stage.id, at);
            let same_ref_id = relatives.by_ref_id.entry(&stage.ref_id);
            same_ref_id.or_default().push(at);
            if let Some(parent) = &stage.parent_stage_id {
                relatives.by_parent.entry(parent).or_default().push(at);
            }
        }
        relatives
    }

    /// Place of the stage with this id in the list of stages.
    #[must_use]
    pub fn place(&self, id: &StageId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// Places of the stage and of its ancestors in the order in which values are searched (orchestration reference 1.7,
    /// `StageExecutionInternals.getAncestorsImpl`): itself; then all requisites in the order of the execution's list, their
    /// synthetic children, and the ancestors of each; a synthetic stage without requisites goes on with its before-siblings
    /// (when it comes after) and its parent. A stage that the execution does not have has no ancestors.
    #[must_use]
    pub fn ancestors(&self, stage: &Stage) -> Vec<usize> {
        let Some(start) = self.place(&stage.id) else {
            return Vec::new();
        };
        let mut found = vec![start];
        let mut known: BTreeSet<usize> = [start].into_iter().collect();
        let mut open = vec![start];
        while let Some(current) = open.pop() {
            let current = &*self.execution.stages[current];
            let mut next: Vec<usize> = Vec::new();
            if !current.requisite_stage_ref_ids.is_empty() {
                next.extend(self.requisites(current));
                let above = next.len();
                for at in 0..above {
                    next.extend(self.children(&self.execution.stages[next[at]].id));
                }
                open.extend(next[..above].iter().rev().filter(|at| !known.contains(at)));
            } else if let Some(parent) = current
                .parent_stage_id
                .as_ref()
                .and_then(|id| self.place(id))
            {
                if current.synthetic_stage_owner == Some(SyntheticOwner::StageAfter) {
                    let siblings = self.children(&self.execution.stages[parent].id).iter();
                    next.extend(siblings.filter(|at| {
                        self.execution.stages[**at].synthetic_stage_owner
                            == Some(SyntheticOwner::StageBefore)
                    }));
                }
                next.push(parent);
                if !known.contains(&parent) {
                    open.push(parent);
                }
            }
            found.extend(next.into_iter().filter(|at| known.insert(*at)));
        }
        found
    }

    /// Places of the siblings whose refId the stage lists, in the order of the execution's list.
    fn requisites(&self, stage: &Stage) -> BTreeSet<usize> {
        let named = stage
            .requisite_stage_ref_ids
            .iter()
            .filter_map(|ref_id| self.by_ref_id.get(ref_id.as_str()));
        named
            .flatten()
            .copied()
            .filter(|at| are_siblings(&self.execution.stages[*at], stage))
            .collect()
    }

    fn children(&self, parent: &StageId) -> &[usize] {
        self.by_parent.get(parent).map_or(&[], Vec::as_slice)
    }
}

fn are_siblings(one: &Stage, other: &Stage) -> bool {
    one.parent_stage_id == other.parent_stage_id
        && one.synthetic_stage_owner == other.synthetic_stage_owner
}
