//! The checklist of the reference (canary reference 8), as far as it is the judge's, and input that makes no sense: as the original
//! has it, or a sentence where that only crashed.
//!
//! | item | named tests |
//! |---|---|
//! | 1, 2 worked comparisons, multisets, scales | `worked.rs` |
//! | 3 traces | `mann_whitney::tests::trace_a…`, `trace_b…`, `trace_c…` |
//! | 4 outliers | `transform::tests` |
//! | 5 short-cuts, their order, missing data | `short_cuts_in_their_order`, `missing_data_by_settings` here |
//! | 6 error path | `what_cannot_be_compared_is_an_error_and_not_critical` here |
//! | 7 scoring | `score::tests` |
//! | 8 JSON | `numbers_that_are_none_are_texts_both_ways`, `muted_metrics_are_shown_and_count_for_nothing` here |
//! | 9 templates | `gennaker-canary`: `template::tests` |
//! | 10 validation of configurations | `gennaker-store`: `canary_configs::tests`; `gennaker-gate`: `tests::documents` |
//! | 11 the stage | `gennaker-stages`: `kayenta::tests` |
//! | 12 mixer | `gennaker-canary`: `mixer::tests` |
//! | 13 storage | `gennaker-store`: `tests/canary.rs`; `gennaker-canary`: `record::tests` |
#![allow(clippy::unwrap_used, reason = "tests")]

use gennaker_judge::{Request, Style, judge, to_json};
use serde_json::{Value, json};

/// A canary of one metric with these settings and values.
fn request(settings: &Value, experiment: &Value, control: &Value) -> Value {
    json!({"canaryConfig": {"metrics": [{"name": "m", "groups": ["g"], "analysisConfigurations": {"canary": settings}}],
            "classifier": {"groupWeights": {"g": 100}}},
        "scoreThresholds": {"pass": 95, "marginal": 75},
        "metricSetPairList": [{"name": "m", "id": "p", "tags": {}, "values": {"experiment": experiment, "control": control}}]})
}

fn verdict(request: &Value) -> Result<Value, String> {
    let request = Request::read(&request.to_string()).map_err(|error| error.to_string())?;
    let result = judge(&request).map_err(|error| error.to_string())?;
    Ok(serde_json::from_str(&to_json(&result, Style::Compact).unwrap()).unwrap())
}

fn class(settings: &Value, experiment: &Value, control: &Value) -> Value {
    verdict(&request(settings, experiment, control)).unwrap()["results"][0].clone()
}

#[test]
fn short_cuts_in_their_order() {
    let none = json!({});
    let nan = json!(["NaN", "NaN"]);
    for (settings, experiment, control, wanted, reason) in [
        (
            &none,
            json!([]),
            json!([]),
            "Nodata",
            Some("Missing data for m"),
        ),
        (
            &none,
            nan.clone(),
            json!([1, 2]),
            "Nodata",
            Some("Missing data for m"),
        ),
        (
            &none,
            json!([2, 1]),
            json!([1, 2]),
            "Pass",
            Some("The Canary and Baseline data are identical"),
        ),
        (
            &none,
            json!([0.0, 1]),
            json!([-0.0, 1]),
            "Pass",
            Some("The Canary and Baseline data are identical"),
        ),
        (&none, json!([5, 5]), json!([5]), "Pass", None),
    ] {
        let found = class(settings, &experiment, &control);
        assert_eq!(found["classification"], wanted, "{found}");
        assert_eq!(
            found.get("classificationReason").and_then(Value::as_str),
            reason
        );
        assert_eq!(found["resultMetadata"]["ratio"], 1.0, "{found}");
    }
    // Replaced, a series of NaN is one of zeros: no longer missing, and equal to zeros.
    let replace = json!({"nanStrategy": "replace"});
    let zeros = class(&replace, &nan, &json!([0, 0]));
    assert_eq!(
        zeros["classificationReason"],
        "The Canary and Baseline data are identical"
    );
    let empty = class(&replace, &json!([]), &json!([1]));
    assert_eq!(empty["classification"], "Pass");
    assert!(empty.get("classificationReason").is_none(), "{empty}");
}

#[test]
fn missing_data_by_settings() {
    for (must, critical, wanted, is_critical) in [
        (false, false, "Nodata", false),
        (true, false, "NodataFailMetric", false),
        (false, true, "Nodata", true),
        (true, true, "Nodata", true),
    ] {
        let settings = json!({"mustHaveData": must, "critical": critical});
        let found = class(&settings, &json!([]), &json!([1, 2]));
        assert_eq!(found["classification"], wanted, "{found}");
        assert_eq!(found["critical"], is_critical, "{found}");
    }
}

#[test]
fn what_cannot_be_compared_is_an_error_and_not_critical() {
    let request = request(&json!({"critical": true}), &json!([5]), &json!([0, 0, 0]));
    let verdict = verdict(&request).unwrap();
    let found = &verdict["results"][0];
    assert_eq!(found["classification"], "Error", "{found}");
    assert_eq!(
        found["classificationReason"],
        "Metric Classification Failed"
    );
    assert_eq!(found["critical"], false);
    assert!(found.get("resultMetadata").is_none(), "{found}");
    // It counts for nothing, and a group of nothing else counts fully.
    assert_eq!(verdict["groupScores"][0]["score"], 0.0);
    assert_eq!(verdict["score"]["score"], 100.0);
}

#[test]
fn numbers_that_are_none_are_texts_both_ways() {
    let found = class(&json!({}), &json!([1, 2, "NaN", 3]), &json!([0, 0, 0]));
    assert_eq!(found["experimentMetadata"]["stats"]["count"], 3);
    assert_eq!(found["resultMetadata"]["ratio"], "NaN", "{found}");
    for infinity in ["Infinity", "-Infinity"] {
        let found = class(&json!({}), &json!([1, 2, infinity]), &json!([5, 6, 7]));
        assert_eq!(found["classification"], "Pass", "{found}");
        assert_eq!(found["resultMetadata"]["ratio"], "NaN");
    }
    // Null in a list reads as zero.
    let found = class(&json!({}), &json!([null, 2]), &json!([0, 2]));
    assert_eq!(
        found["classificationReason"],
        "The Canary and Baseline data are identical"
    );
    assert!(!found.to_string().contains("null"), "{found}");
}

#[test]
fn muted_metrics_are_shown_and_count_for_nothing() {
    let muted = json!({"muted": true, "critical": true});
    let high = (json!([20, 22, 21, 25, 30]), json!([1, 2.2, 1.1, 2.5, 3]));
    let mut request = request(&muted, &high.0, &high.1);
    let metrics = request["canaryConfig"]["metrics"].as_array_mut().unwrap();
    metrics.push(json!({"name": "other", "groups": ["g"]}));
    let pairs = request["metricSetPairList"].as_array_mut().unwrap();
    pairs.push(json!({"name": "other", "id": "q", "tags": {}, "values": {"experiment": [1, 2], "control": [1, 2]}}));
    let verdict = verdict(&request).unwrap();
    assert_eq!(verdict["results"][0]["muted"], true);
    assert_eq!(verdict["results"][0]["classification"], "High");
    assert_eq!(verdict["score"]["score"], 100.0);
}

#[test]
fn series_of_any_length_are_compared() {
    for (experiment, control) in [
        (json!([1]), json!([2])),
        (json!([1]), json!([2, 3, 4, 5, 6, 7])),
        (json!([1, 2, 3, 4, 5, 6, 7, 8]), json!([2])),
        (json!([1e308, 1e308]), json!([-1e308, -1e308])),
        (json!([5e-324]), json!([0, 1])),
    ] {
        let found = class(&json!({}), &experiment, &control);
        let class = found["classification"].as_str().unwrap();
        assert!(["Pass", "High", "Low", "Error"].contains(&class), "{found}");
    }
}

#[test]
fn groups_and_weights_that_make_no_sense() {
    let weighed = |weights: Value| {
        let mut request = request(&json!({}), &json!([1, 2]), &json!([1, 2]));
        request["canaryConfig"]["classifier"]["groupWeights"] = weights;
        verdict(&request).unwrap()["score"]["score"].clone()
    };
    assert_eq!(weighed(json!({"g": 0})), 0.0);
    assert_eq!(weighed(json!({"g": null})), 0.0);
    assert_eq!(weighed(json!({"unknown": 40})), 60.0);
    assert_eq!(weighed(json!({})), 100.0);
    assert_eq!(weighed(Value::Null), 100.0);
    assert_eq!(weighed(json!({"g": 250})), 250.0);
}

#[test]
fn wrong_types_are_refused_with_their_place() {
    let good = request(&json!({}), &json!([1, 2]), &json!([2, 3]));
    for (path, value) in [
        ("/metricSetPairList/0/values/experiment", json!("x")),
        ("/metricSetPairList/0/values/experiment", json!([{}])),
        ("/metricSetPairList/0/values/control", json!({"a": 1})),
        ("/metricSetPairList/0/values", json!(7)),
        ("/metricSetPairList", json!({})),
        ("/canaryConfig/metrics", json!("x")),
        (
            "/canaryConfig/classifier/groupWeights",
            json!({"g": "much"}),
        ),
        ("/scoreThresholds/pass", json!("high")),
        (
            "/canaryConfig/metrics/0/analysisConfigurations/canary",
            json!([]),
        ),
        (
            "/canaryConfig/metrics/0/analysisConfigurations/canary",
            json!({"critical": "yes"}),
        ),
        (
            "/canaryConfig/metrics/0/analysisConfigurations/canary",
            json!({"outliers": {"strategy": "remove", "outlierFactor": 0}}),
        ),
        ("/canaryConfig/metrics/0/name", json!("other")),
        ("/canaryConfig/classifier", Value::Null),
        ("/canaryConfig", Value::Null),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = value.clone();
        let said = verdict(&bad).expect_err(&format!("{path} = {value}"));
        assert!(said.len() > 10, "{path}: {said}");
    }
    // What the metric of the pair is called is not in the configuration.
    let mut bad = good;
    bad["metricSetPairList"][0]["name"] = "other".into();
    assert_eq!(
        verdict(&bad).unwrap_err(),
        "Could not find metric config for other"
    );
}
