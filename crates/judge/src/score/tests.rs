//! The tables of section 2.9: upstream's `ScorerSuite` and the worked cases after it.

use super::*;
use crate::result::{Side, Statistics};

fn result(label: Label, groups: &[&str], is_critical: bool, is_muted: bool) -> AnalysisResult {
    let zero = Number(0.0);
    let side = Side {
        stats: Statistics {
            count: 0,
            mean: zero,
            min: zero,
            std: zero,
            max: zero,
        },
    };
    AnalysisResult {
        name: Some("m".to_owned()),
        tags: None,
        id: None,
        classification: label,
        classification_reason: Some("why".to_owned()),
        groups: Some(groups.iter().map(|&group| Some(group.to_owned())).collect()),
        experiment_metadata: side,
        control_metadata: side,
        result_metadata: None,
        critical: is_critical,
        muted: is_muted,
    }
}

fn labelled(group: &str, labels: &[Label]) -> Vec<AnalysisResult> {
    labels
        .iter()
        .map(|&label| result(label, &[group], false, false))
        .collect()
}

fn scored(weights: &[(&str, f64)], results: Vec<AnalysisResult>) -> JudgeResult {
    let weights = weights
        .iter()
        .map(|&(name, weight)| (name.to_owned(), weight))
        .collect();
    let config = CanaryConfig {
        classifier: Some(Some(weights)),
        ..CanaryConfig::default()
    };
    let thresholds = Thresholds {
        pass: 95.0,
        marginal: 75.0,
    };
    score("judge", Some(&config), Some(thresholds), results).unwrap()
}

fn summary(weights: &[(&str, f64)], groups: &[(&str, &[Label])]) -> f64 {
    let results = groups
        .iter()
        .flat_map(|(group, labels)| labelled(group, labels))
        .collect();
    scored(weights, results).score.score.0
}

use Label::{Error as Failed, High, Low, Nodata, NodataFailMetric, Pass};

#[test]
fn upstreams_suite() {
    assert_eq!(summary(&[], &[("g", &[Pass])]), 100.0);
    assert_eq!(summary(&[], &[("g", &[High])]), 0.0);
    assert_eq!(summary(&[], &[("g", &[Pass, High])]), 50.0);
    assert_eq!(summary(&[], &[("g", &[Pass, High, Low])]), 33.33);
    let two: &[(&str, f64)] = &[("a", 75.0), ("b", 25.0)];
    assert_eq!(summary(two, &[("a", &[Pass, Pass]), ("b", &[High])]), 75.0);
    let half: &[(&str, f64)] = &[("a", 50.0), ("b", 50.0)];
    assert_eq!(summary(half, &[("a", &[Pass, High]), ("b", &[High])]), 25.0);
    assert_eq!(
        summary(half, &[("a", &[Pass, Nodata]), ("b", &[High])]),
        50.0
    );
    assert_eq!(
        summary(&[], &[("a", &[Pass, Pass]), ("b", &[Nodata])]),
        100.0
    );
    assert_eq!(summary(&[], &[("g", &[Nodata])]), 0.0);
    let uneven: &[(&str, f64)] = &[("a", 15.0), ("b", 85.0)];
    assert_eq!(
        summary(uneven, &[("a", &[High, Low, Pass]), ("b", &[High])]),
        5.0
    );
}

#[test]
fn one_critical_failure_is_enough() {
    let with = |label, is_muted| {
        scored(
            &[],
            vec![
                result(label, &["g"], true, is_muted),
                result(Pass, &["g"], false, false),
            ],
        )
    };
    let failed = with(High, false).score;
    assert_eq!((failed.score.0, failed.classification), (0.0, "Fail"));
    assert_eq!(failed.classification_reason, "Canary Failed: why");
    assert_eq!(with(Nodata, false).score.score.0, 0.0);
    let muted = with(High, true);
    assert_eq!((muted.score.score.0, muted.results.len()), (100.0, 2));
    assert_eq!(with(Pass, false).score.score.0, 100.0);
}

#[test]
fn weights_that_do_not_fit_the_groups() {
    assert_eq!(
        summary(&[("A", 60.0), ("B", 40.0)], &[("A", &[Pass])]),
        60.0
    );
    let three: &[(&str, &[Label])] = &[("A", &[Pass]), ("B", &[High]), ("C", &[Pass])];
    assert_eq!(summary(&[("A", 60.0)], three), 80.0);
    assert_eq!(
        summary(&[("A", 120.0)], &[("A", &[Pass]), ("B", &[Pass])]),
        100.0
    );
}

#[test]
fn groups_that_say_nothing_count_fully_and_show_zero() {
    let found = scored(&[], labelled("g", &[Failed]));
    assert_eq!(
        (found.group_scores[0].score.0, found.score.score.0),
        (0.0, 100.0)
    );
    assert_eq!(found.score.classification, "Pass");
    assert_eq!(summary(&[], &[("g", &[NodataFailMetric, Pass])]), 50.0);
    assert_eq!(summary(&[], &[("g", &[Nodata, Pass, Pass])]), 100.0);
    let half = scored(&[], labelled("g", &[Nodata, Pass])).score;
    let reason = "Canary Failed: 50% or more metrics returned NODATA";
    assert_eq!(
        (half.score.0, half.classification_reason.as_str()),
        (0.0, reason)
    );
    let none = scored(&[], vec![]);
    assert_eq!(
        (none.score.score.0, none.score.classification),
        (0.0, "Fail")
    );
    assert!(none.group_scores.is_empty());
}

#[test]
fn what_is_missing_is_named() {
    let config = CanaryConfig::default();
    let thresholds = Some(Thresholds::default());
    let said = |config, thresholds, results| {
        score("judge", config, thresholds, results)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        said(Some(&config), thresholds, vec![]),
        "canaryConfig.classifier is missing or null"
    );
    assert_eq!(
        said(None, thresholds, vec![]),
        "canaryConfig is missing or null"
    );
    let config = CanaryConfig {
        classifier: Some(None),
        ..CanaryConfig::default()
    };
    assert_eq!(
        said(Some(&config), None, vec![]),
        "scoreThresholds is missing or null"
    );
    let mut without = result(Pass, &[], false, false);
    without.groups = None;
    assert_eq!(
        said(Some(&config), thresholds, vec![without]),
        "groups of metric m is missing or null"
    );
}

#[test]
fn rounding_is_half_up_on_the_decimal_text() {
    for (value, wanted) in [
        (33.333_333, 33.33),
        (66.666_666, 66.67),
        (0.005, 0.01),
        (1.005, 1.01),
        (99.995, 100.0),
        (9.994_999, 9.99),
        (-0.005, -0.01),
        (-20.0, -20.0),
        (1e20, 1e20),
        (1e-30, 0.0),
    ] {
        assert_eq!(rounded(value), wanted, "{value}");
    }
    assert!(rounded(-1e-30).is_sign_negative() && rounded(f64::NAN).is_nan());
}
