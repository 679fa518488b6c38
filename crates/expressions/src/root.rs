//! What a caller hands over: the data that names in an expression refer to.
//!
//! All methods lend data; nothing is asked that no expression looks at. The engine implements the traits over the
//! executions that it holds.

use serde_json::{Map, Value as Json};

use crate::value::Data;

/// The root of one evaluation.
pub trait Root {
    /// Own keys: the context of the stage, or the map that a submitted document is evaluated with.
    fn own(&self) -> &Map<String, Json>;

    /// Output of the nearest ancestor that has this key (`StageContext.get`). Not asked for own keys.
    fn inherited(&self, _name: &str) -> Option<Data<'_>> {
        None
    }

    /// The trigger as a map with all its fields; none for orchestrations.
    fn trigger(&self) -> Option<Data<'_>> {
        None
    }

    /// Variables of the template, where they are visible (evaluator v4).
    fn template_variables(&self) -> Option<Data<'_>> {
        None
    }

    /// The execution object; none for orchestrations and for submitted documents.
    fn execution(&self) -> Option<&dyn ExecutionView> {
        None
    }

    /// Id of the stage that a handler or task works for, as `#currentStage()` finds it.
    fn current_stage_id(&self) -> Option<&str> {
        None
    }

    /// User of the request or of the running task, as `#currentUser()` gives it.
    fn current_user(&self) -> Option<&str> {
        None
    }
}

/// An execution and its stages, in the order of the stage list.
pub trait ExecutionView {
    /// A field of the execution as the API shows it (`id`, `application`, `trigger`, `authentication`, …), not `stages`.
    fn property(&self, name: &str) -> Option<Data<'_>>;

    /// Number of stages.
    fn stage_count(&self) -> usize;

    /// A field of a stage as the API shows it (`id`, `refId`, `name`, `status`, `tasks`, `parentStageId`, …), neither
    /// `context` nor `outputs`.
    fn stage_property(&self, stage: usize, name: &str) -> Option<Data<'_>>;

    /// Own context of a stage.
    fn stage_context(&self, stage: usize) -> &Map<String, Json>;

    /// Outputs of a stage.
    fn stage_outputs(&self, stage: usize) -> &Map<String, Json>;

    /// Output of the nearest ancestor of a stage that has this key.
    fn stage_inherited(&self, stage: usize, key: &str) -> Option<Data<'_>>;

    /// Places of the stage and its ancestors, nearest first, for `stage.ancestors()`.
    fn stage_ancestors(&self, stage: usize) -> Vec<usize> {
        vec![stage]
    }

    /// The whole execution as the API shows it, for expressions whose result is the execution.
    fn document(&self) -> Json;
}
