//! The table of short-cuts (2.5), constants with noise (2.6) and rows of the table of comparisons that need other settings.

use super::*;

fn settings(json: &str) -> Settings {
    Settings::read(Some(&format!(r#"{{"canary": {json}}}"#)), "m").unwrap()
}

fn classified(e: &[f64], c: &[f64], json: &str) -> Classification {
    classify("m", e, c, &settings(json), &mut Noise::new()).unwrap()
}

fn label(e: &[f64], c: &[f64], json: &str) -> Label {
    classified(e, c, json).label
}

#[test]
fn no_data_by_strategy_and_by_what_must_be() {
    for (json, wanted, is_critical) in [
        (r"{}", Label::Nodata, false),
        (r#"{"critical": true}"#, Label::Nodata, true),
        (r#"{"mustHaveData": true}"#, Label::NodataFailMetric, false),
        (
            r#"{"mustHaveData": true, "critical": true}"#,
            Label::Nodata,
            true,
        ),
        (
            r#"{"nanStrategy": "replace", "critical": true}"#,
            Label::Pass,
            false,
        ),
    ] {
        for (e, c) in [(&[][..], &[1.0][..]), (&[1.0], &[]), (&[], &[])] {
            let found = classified(e, c, json);
            assert_eq!(
                (found.label, found.is_critical),
                (wanted, is_critical),
                "{json}"
            );
            assert_eq!(found.ratio, 1.0);
            let reason = (wanted != Label::Pass).then(|| "Missing data for m".to_owned());
            assert_eq!(found.reason, reason);
        }
    }
}

#[test]
fn identical_comes_before_constant() {
    let same = "The Canary and Baseline data are identical";
    let reason = |e: &[f64], c: &[f64]| classified(e, c, "{}").reason;
    assert_eq!(reason(&[1.0, 2.0], &[2.0, 1.0]).as_deref(), Some(same));
    assert_eq!(reason(&[5.0; 3], &[5.0; 3]).as_deref(), Some(same));
    assert_eq!(reason(&[0.0, 1.0], &[-0.0, 1.0]).as_deref(), Some(same));
    let constant = classified(&[5.0; 3], &[5.0; 4], "{}");
    assert_eq!(
        (constant.label, constant.reason, constant.ratio),
        (Label::Pass, None, 1.0)
    );
}

#[test]
fn constants_that_differ_are_compared_with_noise() {
    let high = classified(&[10.0; 5], &[1.0; 5], "{}");
    assert_eq!(high.label, Label::High);
    assert!((high.ratio - 10.0).abs() < 1e-2 && high.ratio != 10.0);
    let zero = classified(&[10.0; 5], &[0.0; 5], "{}");
    assert!(zero.label == Label::High && zero.ratio.is_nan());
    assert_eq!(label(&[5.0; 4], &[0.0], "{}"), Label::High);
    let tied = classify("m", &[5.0], &[0.0; 7], &settings("{}"), &mut Noise::new());
    assert_eq!(tied, Err(AllTied));
}

#[test]
fn gates_let_only_large_effects_through() {
    let (e, c) = ([20.0, 22.0, 21.0, 25.0, 30.0], [1.0, 2.2, 1.1, 2.5, 3.0]);
    let found = |json: &str| {
        let found = classified(&e, &c, json);
        (found.label, found.is_critical)
    };
    assert_eq!(
        found(r#"{"effectSize": {"allowedIncrease": 13}}"#),
        (Label::Pass, false)
    );
    let between =
        r#"{"critical": true, "effectSize": {"allowedIncrease": 5, "criticalIncrease": 13}}"#;
    assert_eq!(found(between), (Label::High, false));
    assert_eq!(found(r#"{"critical": true}"#), (Label::High, true));
    assert_eq!(
        found(r#"{"critical": true, "direction": "decrease"}"#),
        (Label::Pass, false)
    );
    let reason = classified(&e, &c, r#"{"critical": true}"#).reason;
    assert_eq!(
        reason.as_deref(),
        Some("The metric m was classified as High (Critical)")
    );
    let reason = classified(&c, &e, r#"{"critical": true}"#).reason;
    assert_eq!(
        reason.as_deref(),
        Some("The metric m was classified as Low (Critical)")
    );
    let reason = classified(&c, &e, "{}").reason;
    assert_eq!(reason.as_deref(), Some("m was classified as Low"));
}

#[test]
fn a_ratio_of_negative_means_turns_the_gate_round() {
    let e = [-1.0, -1.1, -0.9, -1.05, -0.95, -1.02];
    let c = [-2.0, -2.1, -1.9, -2.05, -1.95, -2.02];
    assert_eq!(label(&e, &c, "{}"), Label::Pass);
}

#[test]
fn cles_gates_by_a_probability() {
    let range = |from: i32| (from..from + 8).map(f64::from).collect::<Vec<f64>>();
    let cles = |bound: f64| {
        format!(r#"{{"effectSize": {{"measure": "cles", "allowedIncrease": {bound}}}}}"#)
    };
    assert_eq!(label(&range(15), &range(4), &cles(1.0)), Label::High);
    assert_eq!(label(&range(15), &range(4), &cles(1.01)), Label::Pass);
    assert_eq!(label(&range(5), &range(4), &cles(0.5)), Label::Pass);
}

#[test]
fn infinities_pass() {
    let found = classified(&[1.0, f64::INFINITY, 3.0, 9.0, 9.0], &[1.0, 2.0], "{}");
    assert!(found.label == Label::Pass && found.ratio.is_nan());
}
