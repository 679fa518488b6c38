//! Stages by what is known of them, and the stages around a stage.

use serde_json::Value as Json;

use crate::root::ExecutionView;
use crate::value::{Data, Str, Value};

/// The id of an execution, as messages show it.
pub(crate) fn execution_id(view: &dyn ExecutionView) -> String {
    let id = view.property("id").and_then(Data::into_str);
    id.map_or_else(|| "null".to_owned(), |id| id.to_string())
}

/// A stage property as text.
pub(crate) fn stage_text<'a>(
    view: &'a dyn ExecutionView,
    stage: usize,
    key: &str,
) -> Option<Str<'a>> {
    view.stage_property(stage, key)?.into_str()
}

/// The first stage in list order that passes.
pub(crate) fn find_stage(view: &dyn ExecutionView, test: impl Fn(usize) -> bool) -> Option<usize> {
    (0..view.stage_count()).find(|place| test(*place))
}

/// A flag of a stage that is looked for in its own context only.
pub(super) fn own_flag<'a>(view: &'a dyn ExecutionView, stage: usize, key: &str) -> Value<'a> {
    let context = view.stage_context(stage);
    Value::Bool(context.get(key) == Some(&Json::Bool(true)))
}

/// Stages around a stage (`StageExecutionImpl`).
pub(super) fn related(view: &dyn ExecutionView, stage: usize, which: &str) -> Vec<usize> {
    let below = |stage: usize| -> Vec<usize> {
        let ref_id = stage_text(view, stage, "refId");
        let requires = |place: &usize| {
            let requisites = view.stage_property(*place, "requisiteStageRefIds");
            requisites.is_some_and(|ids| {
                ids.items()
                    .into_iter()
                    .any(|id| id.into_str().as_deref() == ref_id.as_deref())
            })
        };
        (0..view.stage_count()).filter(requires).collect()
    };
    match which {
        "directChildren" => {
            let id = stage_text(view, stage, "id");
            (0..view.stage_count())
                .filter(|place| {
                    stage_text(view, *place, "parentStageId").as_deref() == id.as_deref()
                })
                .collect()
        }
        "directAncestors" => {
            let mut chain = vec![stage];
            while let Some(id) = stage_text(view, chain[chain.len() - 1], "parentStageId")
                && let Some(parent) = find_stage(view, |place| {
                    stage_text(view, place, "id").as_deref() == Some(&*id)
                })
                && !chain.contains(&parent)
            {
                chain.push(parent);
            }
            chain
        }
        "downstreamStages" => below(stage),
        "allDownstreamStages" => {
            let mut found = below(stage);
            let mut next = 0;
            while let Some(place) = found.get(next).copied() {
                let fresh = below(place).into_iter();
                let fresh: Vec<usize> = fresh.filter(|place| !found.contains(place)).collect();
                found.extend(fresh);
                next += 1;
            }
            found
        }
        _ => view.stage_ancestors(stage),
    }
}
