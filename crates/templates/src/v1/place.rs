//! Where stages stand: loops and partials give way to what they stand for, the configuration replaces and injects, and what
//! shall not run goes.
//!
//! Source: orca `ConfigStageInjectionTransform`, `ConditionalStanzaTransform`, `TrimConditionalsTransform`. One set of
//! stages-before per stage, where Orca has two that mostly are one object: a removed stage is bridged wherever it stands.

use super::{
    model::{Configuration, Stage, Template},
    render::Expanded,
};
use crate::{
    graph::{self, Charge},
    problem::{Halt, Problem},
};

/// Puts all stages where they belong.
pub(super) fn all(
    template: &mut Template,
    config: &Configuration,
    expanded: &Expanded,
    charge: Charge<'_>,
) -> Result<(), Halt> {
    let mut stages = std::mem::take(&mut template.stages);
    let mut own = config.stages.clone();
    let loops = |stage: &Stage| {
        // What it comes after may have been replaced since the copies were made. Orca forgets them.
        let copy = |copy: &Stage| Stage {
            needs: stage.needs.clone(),
            ..copy.clone()
        };
        let copies = || stage.looped.iter().map(copy).collect();
        stage.loop_with.is_some().then(copies)
    };
    replace_each(&mut stages, charge, loops, |_| None)?;
    replace_each(&mut own, charge, loops, |_| None)?;
    expand(&mut stages, expanded, charge)?;
    for mine in &own {
        if let Some(held) = stages.iter_mut().find(|it| it.id == mine.id) {
            *held = mine.clone();
        }
    }
    for mine in own.iter().filter(|it| !it.needs.is_empty()) {
        if !stages.iter().any(|it| it.id == mine.id) {
            stages.push(mine.clone());
        }
    }
    charge(stages.len().saturating_mul(8))?;
    let mut stages = graph::sorted(stages)?;
    for candidates in [stages.clone(), own] {
        graph::inject(&candidates, &mut stages, charge)?;
    }
    expand(&mut stages, expanded, charge)?;
    template.stages = stages;
    Ok(())
}

/// Removes the stages whose conditions do not all hold, and lets what came after them come after what came before.
pub(super) fn trim(stages: &mut Vec<Stage>, charge: Charge<'_>) -> Result<(), Halt> {
    let holds = |condition: &Option<String>| {
        let text = condition.as_deref().unwrap_or_default();
        text.eq_ignore_ascii_case("true")
    };
    let (kept, removed): (Vec<Stage>, Vec<Stage>) = std::mem::take(stages)
        .into_iter()
        .partition(|stage| stage.when.iter().all(holds));
    *stages = kept;
    let mut removed = removed;
    while let Some(gone) = removed.pop() {
        charge(stages.len() + removed.len())?;
        for stage in stages.iter_mut().chain(removed.iter_mut()) {
            substitute(&mut stage.needs, &gone.id, &gone.needs);
        }
    }
    Ok(())
}

fn expand(stages: &mut Vec<Stage>, expanded: &Expanded, charge: Charge<'_>) -> Result<(), Halt> {
    let partials = |stage: &Stage| match stage.is_partial() {
        true => expanded.get(&stage.id).cloned(),
        false => None,
    };
    let lost = |stage: &Stage| {
        let lost = stage.is_partial() && !expanded.contains_key(&stage.id);
        lost.then(|| Problem::malformed(format!("Could not find rendered partial: {}", stage.id)))
    };
    replace_each(stages, charge, partials, lost)
}

/// Replaces stages that stand for others: the first of those come after what came before, and what came after comes after the
/// last of them.
fn replace_each(
    stages: &mut Vec<Stage>,
    charge: Charge<'_>,
    stands_for: impl Fn(&Stage) -> Option<Vec<Stage>>,
    lost: impl Fn(&Stage) -> Option<Problem>,
) -> Result<(), Halt> {
    let mut added: Vec<Stage> = Vec::new();
    let mut place = 0;
    while let Some(stage) = stages.get(place) {
        if let Some(problem) = lost(stage) {
            return Err(problem.into());
        }
        let Some(mut parts) = stands_for(stage) else {
            place += 1;
            continue;
        };
        let holder = stages.remove(place);
        charge(stages.len() + added.len() + parts.len() * 8)?;
        let leaves = graph::leaves(&parts)?;
        for root in parts.iter_mut().filter(|it| it.needs.is_empty()) {
            root.needs.clone_from(&holder.needs);
        }
        let after = match parts.is_empty() {
            true => &holder.needs,
            false => &leaves,
        };
        for other in stages.iter_mut().chain(added.iter_mut()) {
            substitute(&mut other.needs, &holder.id, after);
        }
        added.extend(parts);
    }
    stages.extend(added);
    Ok(())
}

/// Puts others in the place of one need: at the end, as a set of Java does.
fn substitute(needs: &mut Vec<String>, id: &str, by: &[String]) {
    let count = needs.len();
    needs.retain(|need| need != id);
    if needs.len() < count {
        for need in by {
            graph::add(needs, need);
        }
    }
}
