//! What holds for every input of the original's judge, and of ours.
#![allow(
    clippy::unwrap_used,
    clippy::excessive_precision,
    reason = "tests, and numbers as the original printed them"
)]

use gennaker_judge::{Interval, JUDGES, Request, Samples, Style, judge, to_json};
use proptest::prelude::*;
use serde_json::{Value, json};

fn series() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        4 => -100.0..100.0_f64,
        2 => (0..5_i32).prop_map(f64::from),
        1 => Just(0.0),
        1 => Just(-0.0),
        1 => any::<f64>().prop_filter("no NaN here", |value| !value.is_nan()),
    ];
    prop::collection::vec(value, 1..25)
}

fn finite() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(
        prop_oneof![-100.0..100.0_f64, (0..5_i32).prop_map(f64::from)],
        1..25,
    )
}

fn interval(x: &[f64], y: &[f64]) -> Option<Interval> {
    Samples::new(x, y)?.interval(0.98).ok()
}

fn request(judge: &str, settings: &Value, e: &Value, c: &Value) -> String {
    json!({
        "canaryConfig": {"judge": {"name": judge}, "classifier": {"groupWeights": {"a": 30.0}},
            "metrics": [{"name": "m", "groups": ["a", "b"], "analysisConfigurations": {"canary": settings}}]},
        "scoreThresholds": {"pass": 95, "marginal": 75},
        "metricSetPairList": [{"name": "m", "id": "1", "values": {"experiment": e, "control": c}}],
    })
    .to_string()
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-10..10_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "remove", "replace", "cles", "count", "NaN", "", "increase", "1.5"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop::sample::select(vec![
            "direction",
            "nanStrategy",
            "critical",
            "muted",
            "mustHaveData",
            "outliers",
            "strategy",
            "outlierFactor",
            "effectSize",
            "measure",
            "allowedIncrease",
            "criticalDecrease",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..5).prop_map(|members| Value::Object(
                members
                    .into_iter()
                    .map(|(k, v)| (k.to_owned(), v))
                    .collect()
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_interval_knows_no_order(x in finite(), y in finite()) {
        let (mut u, mut v) = (x.clone(), y.clone());
        u.reverse();
        v.sort_by(f64::total_cmp);
        prop_assert_eq!(interval(&x, &y), interval(&u, &v));
    }

    /// Powers of two scale without rounding, but the tolerance of the search does not scale with them: the points found move
    /// by no more than that, unless a jump of the deviate lies between.
    #[test]
    fn the_deviate_knows_no_scale(x in finite(), y in finite(), shift in -10.0..10.0_f64, power in -8..8_i32) {
        let by = 2.0_f64.powi(power);
        let scaled = |values: &[f64]| values.iter().map(|value| value * by).collect::<Vec<f64>>();
        let deviate = |x: &[f64], y: &[f64], shift| Samples::new(x, y).map(|both| both.deviate(shift));
        prop_assert_eq!(deviate(&x, &y, shift), deviate(&scaled(&x), &scaled(&y), shift * by));
    }

    /// The deviate falls with the shift, but for the points where values meet.
    #[test]
    fn the_ends_bound_interval_and_estimate(x in finite(), y in finite()) {
        if let Some(found) = interval(&x, &y) {
            let least = x.iter().copied().fold(f64::INFINITY, f64::min) - y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max) - y.iter().copied().fold(f64::INFINITY, f64::min);
            for value in [found.lower, found.upper, found.estimate] {
                prop_assert!(least - 1e-3 <= value && value <= most + 1e-3, "{found:?}");
            }
        }
    }

    #[test]
    fn no_series_makes_a_judge_panic(e in series(), c in series(), settings in any_json()) {
        let text = |value: &f64| if value.is_finite() { json!(value) } else { json!(value.to_string().replace("inf", "Infinity")) };
        let (e, c) = (e.iter().map(text).collect::<Value>(), c.iter().map(text).collect::<Value>());
        for of in JUDGES {
            let text = request(of.name(), &settings, &e, &c);
            if let Ok(result) = Request::read(&text).and_then(|request| judge(&request)) {
                let written = to_json(&result, Style::Compact).unwrap();
                let back: Value = serde_json::from_str(&written).unwrap();
                prop_assert_eq!(&back["results"][0]["name"], "m");
                let again = Request::read(&text).and_then(|request| judge(&request)).unwrap();
                prop_assert_eq!(written, to_json(&again, Style::Compact).unwrap());
            }
        }
    }

    #[test]
    fn the_verdict_knows_no_order_but_for_the_last_digits(e in finite(), c in finite()) {
        let class = |e: &[f64], c: &[f64]| {
            let text = request("NetflixACAJudge-v1.0", &json!({}), &json!(e), &json!(c));
            judge(&Request::read(&text).unwrap()).unwrap().results[0].classification
        };
        let (mut u, mut v) = (e.clone(), c.clone());
        u.sort_by(f64::total_cmp);
        v.reverse();
        // A gate at exactly the ratio of the means may turn on the last bit; without a gate none does.
        prop_assume!(e.iter().sum::<f64>() != c.iter().sum::<f64>());
        if e.len() > 1 || c.len() > 1 {
            prop_assert_eq!(class(&e, &c), class(&u, &v));
        }
    }
}
