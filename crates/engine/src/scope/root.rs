//! What names in an expression refer to, lent from an execution.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use gennaker_expressions::{Data, ExecutionView, Root};
use gennaker_model::{Execution, ExecutionType, Map, Stage};
use serde_json::{Value, json};

use super::{effective_user, is_v4};
use crate::graph::Relatives;

/// The scope in which expressions of an execution are evaluated: one of its stages, or the execution as a whole.
///
/// Source: orca `ContextParameterProcessor.buildExecutionContext`, `StageContext`.
pub struct Scope<'a> {
    execution: &'a Execution,
    stage: Option<&'a Stage>,
    nothing: Map,
    user: OnceCell<String>,
    relatives: OnceCell<Relatives<'a>>,
    inherited: OnceCell<BTreeMap<&'a str, (usize, &'a Value)>>,
    output_keys: OnceCell<BTreeSet<&'a str>>,
}

impl<'a> Scope<'a> {
    /// The scope of a stage. It may have another context than the stage of the same id in the execution.
    #[must_use]
    pub fn of_stage(execution: &'a Execution, stage: &'a Stage) -> Self {
        Self::new(execution, Some(stage))
    }

    /// The scope with `execution` and `trigger` alone, as Orca's evaluate endpoint has it without a stage.
    #[must_use]
    pub fn of_execution(execution: &'a Execution) -> Self {
        Self::new(execution, None)
    }

    /// The ancestor whose outputs give the value of a name that the stage's own context does not have.
    #[must_use]
    pub fn giver(&self, name: &str) -> Option<&'a Stage> {
        let (place, _) = self.inherited_outputs().get(name)?;
        Some(&self.execution.stages[*place])
    }

    fn new(execution: &'a Execution, stage: Option<&'a Stage>) -> Self {
        Self {
            execution,
            stage,
            nothing: Map::new(),
            user: OnceCell::new(),
            relatives: OnceCell::new(),
            inherited: OnceCell::new(),
            output_keys: OnceCell::new(),
        }
    }

    fn is_pipeline(&self) -> bool {
        self.execution.kind == ExecutionType::Pipeline
    }

    fn relatives(&self) -> &Relatives<'a> {
        self.relatives.get_or_init(|| Relatives::of(self.execution))
    }

    /// The outputs of all ancestors by key; of several with one key the nearest.
    fn inherited_outputs(&self) -> &BTreeMap<&'a str, (usize, &'a Value)> {
        self.inherited.get_or_init(|| {
            let mut outputs = BTreeMap::new();
            let ancestors = self
                .stage
                .map_or_else(Vec::new, |stage| self.relatives().ancestors(stage));
            for place in ancestors {
                for (key, value) in &*self.execution.stages[place].outputs {
                    outputs.entry(key.as_str()).or_insert((place, value));
                }
            }
            outputs
        })
    }

    /// Every key that any stage has among its outputs: most keys that are asked for are not there, and need no search.
    fn output_keys(&self) -> &BTreeSet<&'a str> {
        self.output_keys.get_or_init(|| {
            let stages = self.execution.stages.iter();
            stages
                .flat_map(|stage| stage.outputs.keys())
                .map(String::as_str)
                .collect()
        })
    }
}

impl Root for Scope<'_> {
    fn own(&self) -> &Map {
        self.stage.map_or(&self.nothing, |stage| &stage.context)
    }

    fn inherited(&self, name: &str) -> Option<Data<'_>> {
        let (_, value) = self.inherited_outputs().get(name)?;
        Some(Data::Json(value))
    }

    fn trigger(&self) -> Option<Data<'_>> {
        self.is_pipeline()
            .then(|| Data::Map(&self.execution.trigger))
    }

    fn template_variables(&self) -> Option<Data<'_>> {
        self.stage?;
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
        Some(self.stage?.id.as_str())
    }

    fn current_user(&self) -> Option<&str> {
        let user = self.user.get_or_init(|| match self.stage {
            Some(stage) => effective_user(self.execution, stage),
            None => self.execution.authentication.user.clone(),
        });
        Some(user)
    }
}

impl ExecutionView for Scope<'_> {
    fn property(&self, name: &str) -> Option<Data<'_>> {
        let execution = self.execution;
        Some(match name {
            "type" => Data::Owned(json!(execution.kind)),
            "id" => Data::Text(execution.id.as_str()),
            "rootId" => Data::Text(execution.root_id.as_ref()?.as_str()),
            "application" => Data::Text(&execution.application),
            "name" => Data::Text(execution.name.as_deref()?),
            "description" => Data::Text(execution.description.as_deref()?),
            "pipelineConfigId" => Data::Text(execution.pipeline_config_id.as_deref()?),
            "buildTime" => Data::Owned(json!(execution.build_time)),
            "startTime" => Data::Owned(json!(execution.start_time?)),
            "endTime" => Data::Owned(json!(execution.end_time?)),
            "startTimeExpiry" => Data::Owned(json!(execution.start_time_expiry?)),
            "status" => Data::Text(execution.status.as_str()),
            "canceled" => Data::Owned(json!(execution.canceled)),
            "canceledBy" => Data::Text(execution.canceled_by.as_deref()?),
            "cancellationReason" => Data::Text(execution.cancellation_reason.as_deref()?),
            "limitConcurrent" => Data::Owned(json!(execution.limit_concurrent)),
            "maxConcurrentExecutions" => Data::Owned(json!(execution.max_concurrent_executions)),
            "keepWaitingPipelines" => Data::Owned(json!(execution.keep_waiting_pipelines)),
            "authentication" => Data::Owned(json!(execution.authentication)),
            "paused" => Data::Owned(json!(execution.paused.as_ref()?)),
            "origin" => Data::Text(execution.origin.as_deref()?),
            "trigger" => Data::Map(&execution.trigger),
            "source" => Data::Json(execution.source.as_ref()?),
            "notifications" => Data::List(&execution.notifications),
            "initialConfig" => Data::Map(&execution.initial_config),
            "systemNotifications" => Data::List(&execution.system_notifications),
            "spelEvaluator" => Data::Text(execution.spel_evaluator.as_deref()?),
            "templateVariables" => Data::Map(execution.template_variables.as_ref()?),
            _ => return None,
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
        self.execution
            .stages
            .get(stage)
            .map_or(&self.nothing, |stage| &stage.context)
    }

    fn stage_outputs(&self, stage: usize) -> &Map {
        self.execution
            .stages
            .get(stage)
            .map_or(&self.nothing, |stage| &stage.outputs)
    }

    fn stage_inherited(&self, stage: usize, key: &str) -> Option<Data<'_>> {
        if !self.output_keys().contains(key) {
            return None;
        }
        self.stage_ancestors(stage)
            .into_iter()
            .find_map(|place| self.execution.stages[place].outputs.get(key))
            .map(Data::Json)
    }

    fn stage_ancestors(&self, stage: usize) -> Vec<usize> {
        match self.execution.stages.get(stage) {
            Some(stage) => self.relatives().ancestors(stage),
            None => Vec::new(),
        }
    }

    fn document(&self) -> Value {
        serde_json::to_value(self.execution).unwrap_or(Value::Null)
    }
}

impl std::fmt::Debug for Scope<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Scope")
            .field("execution", &self.execution.id)
            .field("stage", &self.stage.map(|stage| &stage.id))
            .finish_non_exhaustive()
    }
}
