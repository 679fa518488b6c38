//! All that a picture of an analysis needs, in one answer: per metric both series, the thresholds and the verdict.

use gennaker_model::Map;
use serde_json::{Value, json};

/// Joins the archive of an analysis with the pairs that were judged.
///
/// Values that are none are null: JSON has no NaN, and a picture has a gap there. `at` of the n-th value is
/// `startTimeMillis + n * stepMillis`.
pub(crate) fn document(archive: &Value, pairs: &Value) -> Value {
    let verdict = &archive["result"]["judgeResult"];
    let config = archive["config"].as_object();
    let results = verdict["results"].as_array();
    let by_id = |id: &Value| {
        let mut results = results.into_iter().flatten();
        results.find(|result| result["id"] == *id)
    };
    let pairs = pairs.as_array().map_or(&[][..], Vec::as_slice);
    let metrics: Vec<Value> = pairs
        .iter()
        .map(|pair| metric(pair, by_id(&pair["id"]), config))
        .collect();
    let mut document = json!({
        "canaryExecutionId": archive["pipelineId"],
        "application": archive["application"],
        "status": archive["status"],
        "canaryConfigId": archive["canaryConfigId"],
        "canaryConfigName": config.and_then(|config| config.get("name")),
        "judgeName": verdict["judgeName"],
        "scoreThresholds": archive["canaryExecutionRequest"]["thresholds"],
        "score": verdict["score"],
        "groupScores": verdict["groupScores"],
        "startTimeMillis": archive["startTimeMillis"],
        "endTimeMillis": archive["endTimeMillis"],
        "metrics": metrics,
    });
    without_nulls(&mut document);
    document
}

fn metric(pair: &Value, result: Option<&Value>, config: Option<&Map>) -> Value {
    let metrics = config
        .and_then(|config| config.get("metrics"))
        .and_then(Value::as_array);
    let mut metrics = metrics.into_iter().flatten();
    let settings = metrics.find(|metric| metric["name"] == pair["name"]);
    let settings = settings.map_or(
        &Value::Null,
        |metric| &metric["analysisConfigurations"]["canary"],
    );
    let result = result.unwrap_or(&Value::Null);
    let mut metric = json!({
        "name": pair["name"],
        "id": pair["id"],
        "tags": pair["tags"],
        "groups": result["groups"],
        "classification": result["classification"],
        "classificationReason": result["classificationReason"],
        "critical": result["critical"],
        "muted": result["muted"],
        "ratio": result["resultMetadata"]["ratio"],
        "evidence": result["resultMetadata"]["evidence"],
        "direction": settings["direction"],
        "nanStrategy": settings["nanStrategy"],
        "effectSize": settings["effectSize"],
        "control": side(pair, "control", &result["controlMetadata"]["stats"]),
        "experiment": side(pair, "experiment", &result["experimentMetadata"]["stats"]),
    });
    without_nulls(&mut metric);
    metric
}

fn side(pair: &Value, side: &str, stats: &Value) -> Value {
    let values = pair["values"][side].as_array();
    let values: Vec<Value> = values
        .into_iter()
        .flatten()
        .map(|value| match value {
            Value::Number(_) => value.clone(),
            _ => Value::Null,
        })
        .collect();
    let scope = &pair["scopes"][side];
    let mut document = json!({
        "startTimeMillis": scope["startTimeMillis"],
        "stepMillis": scope["stepMillis"],
        "query": pair["attributes"][side]["query"],
        "stats": stats,
    });
    without_nulls(&mut document);
    document["values"] = values.into();
    document
}

fn without_nulls(document: &mut Value) {
    if let Value::Object(map) = document {
        map.retain(|_, value| !value.is_null());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_has_its_series_thresholds_and_verdict_in_one_place() {
        let archive = json!({"pipelineId": "E.S", "status": "succeeded", "application": "shop",
            "canaryExecutionRequest": {"thresholds": {"pass": 95, "marginal": 75}},
            "config": {"name": "c", "metrics": [{"name": "errors", "analysisConfigurations": {"canary": {
                "direction": "increase", "effectSize": {"allowedIncrease": 1.1}}}}]},
            "result": {"judgeResult": {"judgeName": "NetflixACAJudge-v1.0", "score": {"score": 0.0, "classification": "Fail"},
                "groupScores": [], "results": [{"name": "errors", "id": "p-0", "classification": "High",
                    "classificationReason": "errors was classified as High", "groups": ["Errors"], "critical": false,
                    "muted": false, "resultMetadata": {"ratio": 2.0},
                    "controlMetadata": {"stats": {"mean": 1.0}}, "experimentMetadata": {"stats": {"mean": 2.0}}}]}}});
        let scope = json!({"startTimeMillis": 5, "stepMillis": 60_000});
        let pairs = json!([{"name": "errors", "id": "p-0", "tags": {"pod": "a"},
            "values": {"control": [1.0, "NaN"], "experiment": ["Infinity", 2.0]},
            "scopes": {"control": scope, "experiment": scope}, "attributes": {"control": {"query": "q"}, "experiment": {}}}]);
        let expected = json!({"canaryExecutionId": "E.S", "application": "shop", "status": "succeeded", "canaryConfigName": "c",
            "judgeName": "NetflixACAJudge-v1.0", "scoreThresholds": {"pass": 95, "marginal": 75},
            "score": {"score": 0.0, "classification": "Fail"}, "groupScores": [],
            "metrics": [{"name": "errors", "id": "p-0", "tags": {"pod": "a"}, "groups": ["Errors"], "classification": "High",
                "classificationReason": "errors was classified as High", "critical": false, "muted": false, "ratio": 2.0,
                "direction": "increase", "effectSize": {"allowedIncrease": 1.1},
                "control": {"startTimeMillis": 5, "stepMillis": 60_000, "query": "q", "stats": {"mean": 1.0}, "values": [1.0, null]},
                "experiment": {"startTimeMillis": 5, "stepMillis": 60_000, "stats": {"mean": 2.0}, "values": [null, 2.0]}}]});
        assert_eq!(document(&archive, &pairs), expected);
        // A bucket of others may hold anything.
        let bare = document(&Value::Null, &json!([{"values": 3}, 7]));
        assert_eq!(bare["metrics"].as_array().unwrap().len(), 2);
    }
}
