//! What answers look like, where nobody else has written it down: documents of our own.

use serde_json::{Value, json};

/// The schema of a route's answer, if it is one of ours.
pub(super) fn schema(path: &str) -> Option<Value> {
    match path {
        "/v2/canaries/series/{id}" => Some(series()),
        _ => None,
    }
}

/// All that a picture of a canary analysis needs; `gennaker-canary` makes it.
fn series() -> Value {
    let text = || json!({"type": "string"});
    let number = || json!({"type": "number"});
    let instant = || json!({"type": "integer", "description": "Epoch milliseconds."});
    let side = json!({
        "type": "object",
        "required": ["values"],
        "properties": {
            "startTimeMillis": instant(),
            "stepMillis": {"type": "integer", "description": "The n-th value is that of startTimeMillis + n * stepMillis."},
            "values": {"type": "array", "items": {"type": "number", "nullable": true}, "description": "Null is no number."},
            "stats": {"type": "object", "description": "count, mean, min, max, std of what was compared."},
            "query": text(),
        },
    });
    let metric = json!({
        "type": "object",
        "required": ["name", "control", "experiment"],
        "properties": {
            "name": text(),
            "id": text(),
            "tags": {"type": "object", "additionalProperties": text()},
            "groups": {"type": "array", "items": text()},
            "classification": {"type": "string", "enum": ["Pass", "High", "Low", "Nodata", "NodataFailMetric", "Error"]},
            "classificationReason": text(),
            "critical": {"type": "boolean"},
            "muted": {"type": "boolean"},
            "ratio": {"description": "Canary by baseline; \"NaN\" where a mean is zero.",
                "oneOf": [number(), text()]},
            "direction": {"type": "string", "enum": ["increase", "decrease", "either"]},
            "nanStrategy": text(),
            "effectSize": {"type": "object", "description": "The thresholds of the metric: allowedIncrease, criticalIncrease, …"},
            "evidence": {"type": "object", "description": "What the sequential judge knows."},
            "control": side.clone(),
            "experiment": side,
        },
    });
    json!({
        "type": "object",
        "required": ["canaryExecutionId", "metrics"],
        "properties": {
            "canaryExecutionId": text(),
            "application": text(),
            "status": text(),
            "canaryConfigId": text(),
            "canaryConfigName": text(),
            "judgeName": text(),
            "scoreThresholds": {"type": "object", "properties": {"pass": number(), "marginal": number()}},
            "score": {"type": "object", "properties": {"score": number(), "classification": text(), "classificationReason": text()}},
            "groupScores": {"type": "array", "items": {"type": "object", "properties": {"name": text(), "score": number()}}},
            "startTimeMillis": instant(),
            "endTimeMillis": instant(),
            "metrics": {"type": "array", "items": metric},
        },
    })
}
