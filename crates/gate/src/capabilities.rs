//! What the installation can do, for editors. Source: orca `CapabilitiesController`, `CapabilitiesService`.

use gennaker_expressions::functions;
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// `GET /capabilities/expressions`: the functions of expressions and the versions of their evaluator.
pub(crate) async fn expressions(_gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let functions: Vec<Value> = functions()
        .map(|function| {
            let parameters: Vec<Value> = function
                .arguments
                .iter()
                .map(|name| json!({"name": name}))
                .collect();
            json!({
                "name": function.name,
                "description": function.description,
                "parameters": parameters,
                "documentation": null,
            })
        })
        .collect();
    Ok(Answer::json(json!({
        "functions": functions,
        "spelEvaluators": [
            evaluator("v2", "Evaluates expressions as soon as possible, not waiting until stage start", true),
            evaluator("v3", "Evaluates expressions as soon as possible, not waiting until stage start", false),
            evaluator(
                "v4",
                "Evaluates expressions at stage start; supports sequential evaluation of variables in Evaluate Variables stage",
                false,
            ),
        ],
    })))
}

/// `GET /capabilities/quietPeriod`. Source: echo `QuietPeriodController`.
pub(crate) async fn quiet_period(gate: Gate, call: Call) -> Result<Answer, Problem> {
    Ok(Answer::json(match &gate.config().quiet {
        Some(quiet) => json!({
            "enabled": true,
            "inQuietPeriod": quiet.holds_at(call.at_ms),
            "startTime": quiet.from_ms,
            "endTime": quiet.until_ms,
        }),
        None => json!({"enabled": false, "inQuietPeriod": false}),
    }))
}

/// `GET /pubsub/subscriptions`. Source: echo `PubsubController`.
pub(crate) async fn subscriptions(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let subscriptions = gate.config().subscriptions.iter();
    let shown: Vec<Value> = subscriptions
        .map(|(system, name)| json!({"pubsubSystem": system, "subscriptionName": name}))
        .collect();
    Ok(Answer::json(shown))
}

fn evaluator(version: &str, description: &str, deprecated: bool) -> Value {
    json!({"versionKey": version, "description": description, "deprecated": deprecated})
}
