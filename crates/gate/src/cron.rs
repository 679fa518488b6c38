//! `GET /cron/validate?expression=`. Source: gate `CronController`, echo `ScheduledActionsController`.

use gennaker_cron::Schedule;
use serde_json::json;

use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// Always 200: whether the schedule is valid is the answer.
pub(crate) async fn validate(_gate: Gate, call: Call) -> Result<Answer, Problem> {
    let expression = call
        .query("expression")
        .ok_or_else(|| Problem::bad_request("Query parameter expression is required"))?;
    Ok(Answer::json(match Schedule::parse(expression) {
        Ok(schedule) => json!({"valid": true, "description": schedule.description()}),
        Err(problem) => json!({"valid": false, "message": problem.to_string()}),
    }))
}
