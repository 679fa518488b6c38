//! Strategies: saved and deleted directly, without a task. Source: gate `StrategyController`, `StrategyService`.

use gennaker_store::Kind;

use crate::{
    Gate,
    answer::Answer,
    call::{Call, uuid},
    configs,
    problem::Problem,
};

/// `GET /applications/{application}/strategyConfigs`.
pub(crate) async fn of_application(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let listed = gate.store().strategies().of(call.param("application"));
    Ok(Answer::json(configs::bodies(listed.await?)))
}

/// `GET /applications/{application}/strategyConfigs/{name}`.
pub(crate) async fn get(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (application, name) = (call.param("application"), call.param("name"));
    let found = gate.store().strategies().by_name(application, name).await?;
    let found = found.ok_or_else(|| {
        Problem::not_found(format!(
            "Strategy config (id: {name}) not found for Application (id: {application})"
        ))
    })?;
    Ok(Answer::json(found.body))
}

/// `GET /strategyConfigs`.
pub(crate) async fn all(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let listed = gate.store().list(Kind::Strategy).await?;
    Ok(Answer::json(configs::bodies(listed)))
}

/// `GET /strategyConfigs/{id}/history`: newest first.
pub(crate) async fn history(gate: Gate, call: Call) -> Result<Answer, Problem> {
    configs::history_of(&gate, &call, Kind::Strategy, "id").await
}

/// `POST /strategies`.
pub(crate) async fn save(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let strategy = call.document()?;
    let stale_check = call.query_bool("staleCheck", false)?;
    let id_if_new = uuid(call.random);
    let strategies = gate.store().strategies();
    strategies
        .save(&strategy, &id_if_new, call.user(), stale_check, call.at_ms)
        .await?;
    Ok(Answer::empty())
}

/// `PUT /strategies/{id}`.
pub(crate) async fn update(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let strategy = call.document()?;
    let stale_check = call.query_bool("staleCheck", false)?;
    let strategies = gate.store().strategies();
    let saved = strategies
        .update(
            call.param("id"),
            &strategy,
            call.user(),
            stale_check,
            call.at_ms,
        )
        .await?;
    Ok(Answer::json(saved.document.body))
}

/// `DELETE /strategies/{application}/{name}`: silent when there is no such strategy.
pub(crate) async fn delete(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (application, name) = (call.param("application"), call.param("name"));
    gate.store().strategies().delete(application, name).await?;
    Ok(Answer::empty())
}
