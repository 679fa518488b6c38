use super::*;

/// A line of its own for each metric: name, settings, experiment, control.
fn judged(settings: &str, configurations: &str, e: &[f64], c: &[f64]) -> (Label, Option<Evidence>) {
    let text = format!(
        r#"{{"canaryConfig": {{"judge": {{"name": "GennakerSequential-v1", "judgeConfigurations": {configurations}}},
            "metrics": [{{"name": "m", "groups": ["g"], "analysisConfigurations": {{"canary": {settings}}}}}], "classifier": {{}}}},
            "scoreThresholds": {{"pass": 95, "marginal": 75}},
            "metricSetPairList": [{{"name": "m", "values": {{"experiment": {e:?}, "control": {c:?}}},
                "scopes": {{"control": {{"stepMillis": 60000}}, "experiment": {{"stepMillis": 60000}}}}}}]}}"#
    );
    let result = crate::judge(&Request::read(&text).unwrap()).unwrap();
    let result = result.results.into_iter().next().unwrap();
    let evidence = result.result_metadata.and_then(|found| found.evidence);
    (result.classification, evidence.map(|evidence| *evidence))
}

/// Numbers that look random and are the same every time.
fn noise(n: u32, seed: u32) -> Vec<f64> {
    (0..n)
        .map(|at| {
            let x = (f64::from(at) * 12.9898 + f64::from(seed) * 78.233).sin() * 43_758.545_3;
            x - x.floor() - 0.5
        })
        .collect()
}

fn around(mean: f64, noise: &[f64]) -> Vec<f64> {
    noise.iter().map(|value| mean + value).collect()
}

#[test]
fn a_shift_is_worse_and_none_within_the_margin_is_within() {
    let control = around(10.0, &noise(120, 1));
    let (label, evidence) = judged("{}", "{}", &around(11.0, &noise(120, 2)), &control);
    let evidence = evidence.unwrap();
    assert_eq!((label, evidence.verdict), (Label::High, Verdict::Worse));
    assert!(evidence.lower.0 > 0.5 && evidence.upper.0 < 1.5);
    let margin = r#"{"direction": "increase", "effectSize": {"allowedIncrease": 1.1}}"#;
    let (label, evidence) = judged(margin, "{}", &around(10.0, &noise(120, 2)), &control);
    assert_eq!(
        (label, evidence.unwrap().verdict),
        (Label::Pass, Verdict::Within)
    );
    let (label, evidence) = judged("{}", "{}", &around(10.0, &noise(120, 2)), &control);
    assert_eq!(
        (label, evidence.unwrap().verdict),
        (Label::Pass, Verdict::Undecided)
    );
    let (label, _) = judged(
        "{}",
        r#"{"undecided": "fail"}"#,
        &around(10.0, &noise(120, 2)),
        &control,
    );
    assert_eq!(label, Label::NodataFailMetric);
}

#[test]
fn scale_changes_nothing() {
    let (e, c) = (around(5.6, &noise(60, 3)), around(5.0, &noise(60, 4)));
    let scaled =
        |values: &[f64], by: f64| values.iter().map(|value| value * by).collect::<Vec<_>>();
    let (label, _) = judged("{}", "{}", &e, &c);
    assert_eq!(label, Label::High);
    for by in [1e-6, 1e6] {
        assert_eq!(
            judged("{}", "{}", &scaled(&e, by), &scaled(&c, by)).0,
            label
        );
    }
}

/// Row 10 of the table of comparisons, which the original passes, with its values mixed in time.
#[test]
fn most_points_a_hundredfold_are_seen() {
    let e = [
        100.0, 1.0, 100.0, 100.0, 1.0, 100.0, 100.0, 1.0, 100.0, 100.0,
    ];
    assert_eq!(judged("{}", "{}", &e, &[1.0; 10]).0, Label::High);
}

#[test]
fn sparse_errors_are_seen_as_counts() {
    let count = r#"{"direction": "increase", "effectSize": {"measure": "count"}}"#;
    let mut errors = vec![0.0; 60];
    for at in [3, 9, 17, 25, 33, 41, 50, 51, 58] {
        errors[at] = 1.0;
    }
    let (label, evidence) = judged(count, "{}", &errors, &[0.0; 60]);
    let evidence = evidence.unwrap();
    assert_eq!((label, evidence.method), (Label::High, Method::Counts));
    assert!(evidence.lower.0 > 1.0 && evidence.upper.0.is_infinite());
    assert_eq!(
        judged(count, "{}", &[0.5; 20], &[0.0; 20]).0,
        Label::NodataFailMetric
    );
}

#[test]
fn neighbours_that_resemble_each_other_say_less() {
    let mut slow = vec![0.0];
    for step in noise(300, 5) {
        slow.push(slow[slow.len() - 1] * 0.9 + step);
    }
    let zeros = vec![0.0; slow.len()];
    let (_, evidence) = judged("{}", "{}", &slow, &zeros);
    let evidence = evidence.unwrap();
    assert!(evidence.autocorrelation.0 > 0.7);
    assert!(evidence.effective_points.0 < 60.0 && evidence.points.0 == 301.0);
}

#[test]
fn how_long_it_takes_is_told_and_is_about_right() {
    let (e, c) = (around(10.0, &noise(30, 6)), around(10.0, &noise(30, 7)));
    let (_, evidence) = judged("{}", r#"{"effect": 0.02}"#, &e, &c);
    let to_see = evidence.unwrap().to_see.unwrap();
    assert_eq!(to_see.seconds, Some(to_see.points * 60));
    let n = u32::try_from(to_see.points).unwrap() * 2;
    let shifted = around(10.2, &noise(n, 6));
    assert_eq!(
        judged("{}", "{}", &shifted, &around(10.0, &noise(n, 7))).0,
        Label::High
    );
    let half = usize::try_from(to_see.points / 4).unwrap();
    let (label, _) = judged(
        "{}",
        "{}",
        &shifted[..half],
        &around(10.0, &noise(n, 7))[..half],
    );
    assert_eq!(label, Label::Pass);
}

#[test]
fn what_cannot_be_compared_fails() {
    let infinite = r#"{"critical": true}"#;
    let text = judged(infinite, "{}", &[1.0; 20], &[1.0; 20]);
    assert_eq!(text.0, Label::Pass);
    let read = |line: &str| Request::read(line).and_then(|request| Sequential.judge(&request));
    let line = |values: &str, scopes: &str, judge: &str| {
        format!(
            r#"{{"canaryConfig": {{"judge": {{"name": "GennakerSequential-v1", "judgeConfigurations": {judge}}},
                "metrics": [{{"name": "m", "groups": ["g"]}}], "classifier": {{}}}}, "scoreThresholds": {{"pass": 95, "marginal": 75}},
                "metricSetPairList": [{{"name": "m", "values": {values}, "scopes": {scopes}}}]}}"#
        )
    };
    let both = r#"{"experiment": ["Infinity", 1], "control": [1, 1]}"#;
    let result = read(&line(both, "{}", "{}")).unwrap();
    assert_eq!(result.results[0].classification, Label::NodataFailMetric);
    assert_eq!(result.score.classification, "Fail");
    let steps = r#"{"experiment": {"stepMillis": 1000}, "control": {"stepMillis": 2000}}"#;
    let result = read(&line(r#"{"experiment": [1], "control": [1]}"#, steps, "{}")).unwrap();
    let reason = result.results[0].classification_reason.as_deref();
    assert_eq!(
        reason,
        Some("m cannot be compared: the sides have different steps")
    );
    for (judge, said) in [
        (
            r#"{"alpha": 2}"#,
            "judgeConfigurations.alpha must lie between 0 and 1",
        ),
        (
            r#"{"alpha": "x"}"#,
            "judgeConfigurations.alpha must be a number",
        ),
        (
            r#"{"effect": 0}"#,
            "judgeConfigurations.effect must be above 0",
        ),
        (
            r#"{"undecided": "maybe"}"#,
            "judgeConfigurations.undecided must be pass, fail or nodata",
        ),
    ] {
        assert_eq!(
            read(&line(both, "{}", judge)).unwrap_err().to_string(),
            said
        );
    }
}
