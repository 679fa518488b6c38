//! The notifications of an application, and who may run its pipelines.
//!
//! Source: gate `NotificationController`, `AuthController.getServiceAccounts`, front50 `NotificationController`.

use serde_json::Value;

use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// `GET /notifications/{type}/{application}`; an empty object when there are none.
pub(crate) async fn get(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let application = application(&call)?;
    Ok(Answer::json(gate.store().notifications(application).await?))
}

/// `POST /notifications/{type}/{application}`.
pub(crate) async fn save(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let application = application(&call)?;
    let notifications = call.document()?;
    gate.store()
        .save_notifications(application, &notifications, call.user(), call.at_ms)
        .await?;
    Ok(Answer::empty())
}

/// `DELETE /notifications/{type}/{application}`.
pub(crate) async fn delete(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let application = application(&call)?;
    gate.store().delete_notifications(application).await?;
    Ok(Answer::empty())
}

/// `GET /auth/user/serviceAccounts`: every stored one, as long as nobody is asked who they are.
pub(crate) async fn service_accounts(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let accounts = gate.store().service_accounts().await?;
    let names: Vec<Value> = accounts
        .iter()
        .filter_map(|account| account.text("name").map(Value::from))
        .collect();
    Ok(Answer::json(names))
}

/// Front50 `HierarchicalLevel`: there are notifications of applications, and of nothing else.
fn application(call: &Call) -> Result<&str, Problem> {
    match call.param("type") {
        level if level.eq_ignore_ascii_case("application") => Ok(call.param("application")),
        other => Err(Problem::bad_request(format!(
            "Notifications belong to an application, not to '{other}'"
        ))),
    }
}
