//! All stage types, found by name.

use gennaker_engine::{StageDefinition, TaskDefinition};
use gennaker_model::Map;

use crate::{
    applications, check_preconditions, evaluate_variables, execution_window, field::Field,
    manual_judgment, noop, pipeline, pipeline_documents, pipeline_templates, timing, wait, webhook,
};

/// A stage type with what people need to know about it.
pub trait StageType: StageDefinition {
    /// Names that stand in `type`; the first is the usual one.
    fn names(&self) -> &'static [&'static str];

    /// One sentence: what it is for.
    fn summary(&self) -> &'static str;

    /// Its own fields, without those common to all stages.
    fn fields(&self) -> &'static [Field];

    /// Tasks that it may plan.
    fn tasks(&self) -> &'static [&'static TaskDefinition];
}

/// The stage types of this release.
#[derive(Debug)]
pub struct Catalogue;

/// The one catalogue.
pub static CATALOGUE: Catalogue = Catalogue;

static TYPES: &[&dyn StageType] = &[
    &execution_window::ExecutionWindow,
    &wait::Wait,
    &noop::Noop,
    &evaluate_variables::EvaluateVariables,
    &check_preconditions::CheckPreconditions,
    &manual_judgment::ManualJudgment,
    &webhook::Webhook,
    &pipeline::Pipeline,
    &applications::UpsertApplication,
    &applications::DeleteApplication,
    &applications::UpsertProject,
    &applications::DeleteProject,
    &pipeline_documents::SavePipeline,
    &pipeline_documents::UpdatePipeline,
    &pipeline_documents::DeletePipeline,
    &pipeline_documents::ReorderPipelines,
    &pipeline_documents::UpsertPluginInfo,
    &pipeline_documents::DeletePluginInfo,
    &pipeline_templates::CreatePipelineTemplate,
    &pipeline_templates::UpdatePipelineTemplate,
    &pipeline_templates::DeletePipelineTemplate,
    &pipeline_templates::CreateV2PipelineTemplate,
    &pipeline_templates::UpdateV2PipelineTemplate,
    &pipeline_templates::DeleteV2PipelineTemplate,
];

impl Catalogue {
    /// Every stage type.
    pub fn types(&self) -> impl Iterator<Item = &'static dyn StageType> {
        TYPES.iter().copied()
    }

    /// The stage type with this name.
    #[must_use]
    pub fn find(&self, kind: &str) -> Option<&'static dyn StageType> {
        self.types().find(|stage| stage.names().contains(&kind))
    }
}

impl gennaker_engine::Catalogue for Catalogue {
    fn stage(&self, kind: &str) -> Option<&dyn StageDefinition> {
        self.find(kind).map(|stage| stage as &dyn StageDefinition)
    }

    fn task(&self, class: &str) -> Option<&'static TaskDefinition> {
        self.types()
            .flat_map(|stage| stage.tasks().iter().copied())
            .find(|task| task.class == class)
    }

    fn left_to_the_stage(&self, kind: &str, context: &Map) -> Vec<&'static str> {
        timing::excluded(kind, context)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_are_unique_and_classes_mean_one_task() {
        let mut names = BTreeMap::new();
        let mut classes: BTreeMap<&str, &TaskDefinition> = BTreeMap::new();
        for stage in CATALOGUE.types() {
            assert!(!stage.summary().is_empty());
            for name in stage.names() {
                assert!(names.insert(*name, ()).is_none(), "{name} twice");
            }
            for task in stage.tasks() {
                let held = classes.entry(task.class).or_insert(task);
                assert!(std::ptr::eq(*held, *task), "{} means two tasks", task.class);
            }
        }
    }
}
