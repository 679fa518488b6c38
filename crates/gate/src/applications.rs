//! Applications, read; they are written by tasks. Source: gate `ApplicationController`, `ApplicationService`.

use gennaker_store::Kind;
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, clouds::clusters, configs, problem::Problem, view};

/// `GET /applications?owner=&account=`.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let owner = call.query("owner");
    let account = call.query("account");
    let listed: Vec<Value> = gate
        .store()
        .applications()
        .await?
        .iter()
        .map(|stored| view::application_attributes(&stored.body))
        .filter(|attributes| {
            let text = |field: &str| {
                attributes
                    .get(field)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            owner.is_none_or(|owner| text("email").eq_ignore_ascii_case(owner))
                && account.is_none_or(|account| text("accounts").split(',').any(|it| it == account))
        })
        .map(Value::Object)
        .collect();
    Ok(Answer::json(listed))
}

/// `GET /applications/{application}`; with `expand`, the default, with the clusters that it has.
pub(crate) async fn get(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let name = call.param("application");
    let expand = call.query_bool("expand", true)?;
    let stored = gate
        .store()
        .application(name)
        .await?
        .ok_or_else(|| Problem::not_found(format!("Application not found (id: {name})")))?;
    let mut attributes = view::application_attributes(&stored.body);
    if !expand {
        return Ok(Answer::json(json!({
            "name": attributes.get("name"),
            "attributes": attributes,
            "clusters": {},
        })));
    }
    let overview = clusters::overview(&gate, name).await;
    attributes.insert("accounts".to_owned(), json!(overview.accounts.join(",")));
    Ok(overview.told(Answer::json(json!({
        "name": attributes.get("name"),
        "attributes": attributes,
        "clusters": overview.clusters,
    }))))
}

/// `GET /applications/{application}/history`.
pub(crate) async fn history(gate: Gate, call: Call) -> Result<Answer, Problem> {
    configs::history_of(&gate, &call, Kind::Application, "application").await
}
