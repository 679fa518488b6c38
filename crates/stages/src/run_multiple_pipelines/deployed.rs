//! What a child has deployed, as the list of a `runMultiplePipelines` stage shows it. Source: orca `MonitorMultiplePipelinesTask`
//! (`filterStages`, `parseArtifact`).

use gennaker_model::{Execution, Map, Stage, Status};
use serde_json::{Value, json};

const STAGE_TYPES: [&str; 2] = ["deployManifest", "runJobManifest"];

const KINDS: [&str; 3] = ["DaemonSet", "Deployment", "StatefulSet"];

/// Account, name and place of the workload that the execution has deployed last, if its name holds the parameter `app` of the
/// execution.
pub(crate) fn deployed(execution: &Execution) -> Option<Value> {
    let app = execution.trigger.get("parameters")?.get("app")?.as_str()?;
    let last = execution
        .stages
        .iter()
        .filter(|stage| {
            is_deployment(stage) && workload(stage).is_some_and(|it| it.1.contains(app))
        })
        .max_by_key(|stage| stage.end_time)?;
    let (kind, _) = workload(last)?;
    let created = last.outputs.get("outputs.createdArtifacts")?.get(0)?;
    let name = created
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or("null");
    let account = last.context.get("deploy.account.name");
    let shown = json!({
        "account": account,
        "manifestName": format!("{kind} {name}"),
        "location": created.get("location"),
    });
    let shown: Map = shown.as_object().cloned().unwrap_or_default();
    Some(
        shown
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect(),
    )
}

fn is_deployment(stage: &Stage) -> bool {
    STAGE_TYPES.contains(&stage.kind.as_str())
        && stage.name.starts_with("Deploy")
        && stage.status != Status::Skipped
}

/// Kind and name of the first manifest that the stage has deployed, of a workload.
fn workload(stage: &Stage) -> Option<(&str, &str)> {
    let outputs = &stage.outputs;
    let manifests = outputs
        .get("manifests")
        .or_else(|| outputs.get("outputs.manifests"))?;
    let first = manifests.get(0)?;
    let kind = first
        .get("kind")?
        .as_str()
        .filter(|kind| KINDS.contains(kind))?;
    Some((kind, first.pointer("/metadata/name")?.as_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn stage(name: &str, end: i64, kind: &str) -> Value {
        json!({"id": format!("S{end}"), "refId": end.to_string(), "type": "deployManifest", "name": name, "status": "SUCCEEDED",
               "endTime": end, "context": {"deploy.account.name": "prod"}, "outputs": {
                   "manifests": [{"kind": kind, "metadata": {"name": "shop-web"}}],
                   "outputs.createdArtifacts": [{"name": format!("shop-web-v00{end}"), "location": "shop"}]}})
    }

    fn of(stages: &Value, app: &str) -> Option<Value> {
        let trigger = json!({"type": "pipeline", "parameters": {"app": app}});
        deployed(&testing::execution(stages, &trigger))
    }

    #[test]
    fn the_workload_that_was_deployed_last_counts() {
        let stages = json!([
            stage("Deploy 1", 1, "Deployment"),
            stage("Deploy 3", 3, "StatefulSet"),
            stage("Deploy 2", 2, "Deployment"),
            stage("Deploy 4", 4, "Service"),
            stage("Something", 5, "Deployment"),
        ]);
        let shown = json!({"account": "prod", "manifestName": "StatefulSet shop-web-v003", "location": "shop"});
        assert_eq!(of(&stages, "shop"), Some(shown));
        assert_eq!(
            of(&stages, "other"),
            None,
            "the parameter names another one"
        );
        assert_eq!(of(&json!([]), "shop"), None);
    }
}
