//! What is known of plugins. Source: gate `PluginInfoController`, `PluginService`.

use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, configs, jobs, problem::Problem};

/// Where the tasks are listed.
const APPLICATION: &str = "spinnakerpluginsapp";

/// `GET /plugins/info?service=`.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let listed = gate.store().plugins(call.query("service")).await?;
    Ok(Answer::json(configs::bodies(listed)))
}

/// `POST /plugins/info` and `PUT /plugins/info`.
pub(crate) async fn save(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let plugin = call.object()?;
    let id = plugin.get("id").and_then(Value::as_str).unwrap_or_default();
    let description = format!("Upsert plugin info with Id: {id}");
    let job = json!({"type": "upsertPluginInfo", "pluginInfo": plugin, "user": call.user()});
    write(&gate, &call, &description, job).await
}

/// `DELETE /plugins/info/{id}`.
pub(crate) async fn delete(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.param("id");
    let description = format!("Delete plugin info with Id: {id}");
    let job = json!({"type": "deletePluginInfo", "pluginInfoId": id, "user": call.user()});
    write(&gate, &call, &description, job).await
}

async fn write(gate: &Gate, call: &Call, description: &str, job: Value) -> Result<Answer, Problem> {
    let document = jobs::run(gate, call, APPLICATION, description, job).await?;
    jobs::check(&document, "Plugin info")?;
    gate.store().catch_up().await?;
    Ok(jobs::accepted(&document))
}
