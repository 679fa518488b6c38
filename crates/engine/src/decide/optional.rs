//! Optional stages: `stageEnabled` (orchestration reference 5.1, `OptionalStageSupport`).

use std::sync::Arc;

use gennaker_model::{Map, Stage};
use serde_json::Value;

use super::draft::Draft;
use crate::{definition::PlanError, scope, state::Lookup};

/// Whether an optional stage runs.
pub(super) enum Enabled {
    Yes,
    No,
    /// That depends on what must be looked up first.
    Unknown(Vec<Lookup>),
}

impl Draft<'_> {
    /// Whether the stage runs; its context is evaluated already.
    pub(super) fn is_enabled(&self, stage: &Stage, context: &Map) -> Result<Enabled, PlanError> {
        if !self.is_pipeline() {
            return Ok(Enabled::Yes);
        }
        let condition_of = |context: &Map| {
            let condition = context.get("stageEnabled");
            condition.filter(|value| !value.is_null()).cloned()
        };
        let inherited = || {
            let parent = stage.parent_stage_id.as_ref();
            condition_of(&self.state.doc.stage(parent?)?.context)
        };
        let Some(condition) = condition_of(context).or_else(inherited) else {
            return Ok(Enabled::Yes);
        };
        let Value::Object(condition) = condition else {
            return Err(PlanError {
                class: "ClassCastException",
                message: "stageEnabled must be an object such as {\"type\": \"expression\", \"expression\": \"…\"}".to_owned(),
            });
        };
        let kind = condition
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let text = condition
            .get("expression")
            .map(scope::text_of)
            .unwrap_or_default();
        if !kind.eq_ignore_ascii_case("expression") || text.trim().is_empty() {
            return Ok(Enabled::Yes);
        }
        let evaluated = scope::evaluate(
            &self.state,
            &Stage {
                context: Arc::new(context.clone()),
                ..stage.clone()
            },
            &Value::String(format!("${{{text}}}")),
            self.context,
        );
        if !evaluated.needs.is_empty() {
            return Ok(Enabled::Unknown(evaluated.needs));
        }
        let holds = scope::text_of(&evaluated.value)
            .trim()
            .eq_ignore_ascii_case("true");
        Ok(if holds { Enabled::Yes } else { Enabled::No })
    }
}
