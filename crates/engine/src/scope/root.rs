//! What names in an expression refer to, lent from the engine's state.

use gennaker_expressions::{Data, ExecutionView, Root};
use gennaker_model::{Execution, ExecutionType, Map, Stage};
use serde_json::{Value, json};

use super::{ancestor_output, effective_user, is_v4};
use crate::graph;

/// The scope of one stage; `stage` may have another context than the one in the document.
pub(super) struct StageRoot<'a> {
    execution: &'a Execution,
    stage: &'a Stage,
    user: String,
}

impl<'a> StageRoot<'a> {
    pub fn new(execution: &'a Execution, stage: &'a Stage) -> Self {
        Self {
            execution,
            stage,
            user: effective_user(execution, stage),
        }
    }

    fn is_pipeline(&self) -> bool {
        self.execution.kind == ExecutionType::Pipeline
    }
}

impl Root for StageRoot<'_> {
    fn own(&self) -> &Map {
        &self.stage.context
    }

    fn inherited(&self, name: &str) -> Option<Data<'_>> {
        ancestor_output(self.execution, self.stage, name).map(Data::Json)
    }

    fn trigger(&self) -> Option<Data<'_>> {
        self.is_pipeline()
            .then(|| Data::Map(&self.execution.trigger))
    }

    fn template_variables(&self) -> Option<Data<'_>> {
        let variables = self
            .execution
            .template_variables
            .as_ref()
            .filter(|variables| !variables.is_empty())?;
        (is_v4(self.execution) && self.is_pipeline()).then(|| Data::Map(variables))
    }

    fn execution(&self) -> Option<&dyn ExecutionView> {
        if self.is_pipeline() { Some(self) } else { None }
    }

    fn current_stage_id(&self) -> Option<&str> {
        Some(self.stage.id.as_str())
    }

    fn current_user(&self) -> Option<&str> {
        Some(&self.user)
    }
}

impl ExecutionView for StageRoot<'_> {
    fn property(&self, name: &str) -> Option<Data<'_>> {
        let execution = self.execution;
        Some(match name {
            "id" => Data::Text(execution.id.as_str()),
            "application" => Data::Text(&execution.application),
            "name" => Data::Text(execution.name.as_deref()?),
            "trigger" => Data::Map(&execution.trigger),
            "pipelineConfigId" => Data::Text(execution.pipeline_config_id.as_deref()?),
            "status" => Data::Text(execution.status.as_str()),
            "stages" => return None,
            other => Data::Owned(
                serde_json::to_value(without_stages(execution))
                    .ok()?
                    .get(other)?
                    .clone(),
            ),
        })
    }

    fn stage_count(&self) -> usize {
        self.execution.stages.len()
    }

    fn stage_property(&self, stage: usize, name: &str) -> Option<Data<'_>> {
        let stage = self.execution.stages.get(stage)?;
        Some(match name {
            "id" => Data::Text(stage.id.as_str()),
            "refId" => Data::Text(&stage.ref_id),
            "type" => Data::Text(&stage.kind),
            "name" => Data::Text(&stage.name),
            "status" => Data::Text(stage.status.as_str()),
            "parentStageId" => Data::Text(stage.parent_stage_id.as_ref()?.as_str()),
            "startTime" => Data::Owned(json!(stage.start_time?)),
            "endTime" => Data::Owned(json!(stage.end_time?)),
            "startTimeExpiry" => Data::Owned(json!(stage.start_time_expiry?)),
            "scheduledTime" => Data::Owned(json!(stage.scheduled_time?)),
            "requisiteStageRefIds" => Data::Owned(json!(stage.requisite_stage_ref_ids)),
            "syntheticStageOwner" => Data::Owned(json!(stage.synthetic_stage_owner?)),
            "lastModified" => Data::Owned(json!(stage.last_modified.as_ref()?)),
            "tasks" => Data::Owned(json!(stage.tasks)),
            _ => return None,
        })
    }

    fn stage_context(&self, stage: usize) -> &Map {
        match self.execution.stages.get(stage) {
            Some(stage) => &stage.context,
            None => &self.stage.context,
        }
    }

    fn stage_outputs(&self, stage: usize) -> &Map {
        match self.execution.stages.get(stage) {
            Some(stage) => &stage.outputs,
            None => &self.stage.outputs,
        }
    }

    fn stage_inherited(&self, stage: usize, key: &str) -> Option<Data<'_>> {
        let stage = self.execution.stages.get(stage)?;
        ancestor_output(self.execution, stage, key).map(Data::Json)
    }

    fn stage_ancestors(&self, stage: usize) -> Vec<usize> {
        let Some(own) = self.execution.stages.get(stage) else {
            return Vec::new();
        };
        graph::ancestors(self.execution, own)
            .into_iter()
            .filter_map(|ancestor| {
                self.execution
                    .stages
                    .iter()
                    .position(|stage| stage.id == ancestor.id)
            })
            .collect()
    }

    fn document(&self) -> Value {
        serde_json::to_value(self.execution).unwrap_or(Value::Null)
    }
}

fn without_stages(execution: &Execution) -> Execution {
    Execution {
        stages: Vec::new(),
        ..execution.clone()
    }
}
