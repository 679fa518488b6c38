//! Restart of a stage. Source: gate `PipelineController.restartStage`, orca `TaskController`.

use std::collections::BTreeMap;

use gennaker_model::{Execution, Map, StageId, command::Request};
use serde_json::Value;

use crate::{Gate, answer::Answer, call::Call, executions, problem::Problem, view};

/// `PUT /pipelines/{id}/stages/{stageId}/restart`: answers the execution.
///
/// Of the configuration that is sent along only the preconditions count. Gate takes them from the stored pipeline, so that what was
/// edited meanwhile takes effect, and from the body where no pipeline has the name of the execution.
pub(crate) async fn stage(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Pipeline")?;
    let stage = call.param("stageId");
    let stage = StageId::new(stage)
        .map_err(|_| Problem::not_found(format!("Stage not found (id: {stage})")))?;
    let body = call.object_if_any()?;
    let document = executions::read(&gate, &call, &id).await?;
    let config = stored_config(&gate, &document).await?.or(body);
    let request = Request::RestartStage {
        execution: id.clone(),
        stage,
        preconditions: config.as_ref().and_then(preconditions_of),
        user: call.user().to_owned(),
    };
    executions::done(&gate, &id, call.ask("restart", request), "Pipeline").await?;
    let document = executions::read(&gate, &call, &id).await?;
    Ok(Answer::json(view::execution(&document)?))
}

async fn stored_config(gate: &Gate, document: &Execution) -> Result<Option<Map>, Problem> {
    let name = document.name.as_deref().unwrap_or_default().trim();
    let pipelines = gate.store().pipelines().of(&document.application).await?;
    let named = pipelines.into_iter().find(|pipeline| {
        let held = pipeline.text("name").unwrap_or_default();
        held.trim().eq_ignore_ascii_case(name)
    });
    Ok(named.map(|pipeline| pipeline.body.clone()))
}

/// The preconditions of each `checkPreconditions` stage, by refId; `None` when there is no such stage.
fn preconditions_of(config: &Map) -> Option<BTreeMap<String, Value>> {
    let stages = config.get("stages").and_then(Value::as_array)?;
    let found: BTreeMap<String, Value> = stages
        .iter()
        .filter(|stage| stage.get("type").and_then(Value::as_str) == Some("checkPreconditions"))
        .filter_map(|stage| {
            let ref_id = stage.get("refId")?.as_str()?.to_owned();
            Some((
                ref_id,
                stage.get("preconditions").cloned().unwrap_or_default(),
            ))
        })
        .collect();
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_preconditions_are_taken_from_a_configuration() {
        let of = |config: Value| preconditions_of(config.as_object().unwrap());
        assert_eq!(of(json!({})), None);
        assert_eq!(
            of(json!({"stages": [{"type": "wait", "refId": "1"}]})),
            None
        );
        let config = json!({"stages": [
            {"type": "checkPreconditions", "refId": "1", "preconditions": [{"type": "noop"}]},
            {"type": "checkPreconditions", "refId": "2"},
        ]});
        let found = of(config).unwrap();
        assert_eq!(found["1"], json!([{"type": "noop"}]));
        assert_eq!(found["2"], Value::Null);
    }
}
