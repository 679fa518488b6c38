//! False alarms and power of both judges on simulated canaries of one metric.

use gennaker_judge::{
    CanaryConfig, Judge, Label, MetricConfig, MetricSetPair, Netflix, Request, Sequential,
    Thresholds,
};

const LOOKS: usize = 12;
const POINTS_A_LOOK: usize = 10;

/// Prints, for each correlation of neighbours and each shift, which share of canaries is failed at the first and at any look.
pub(crate) fn print(runs: u64) {
    println!();
    println!(
        "one metric, mean 100, deviation 10, direction either; {runs} canaries a row, {LOOKS} looks of {POINTS_A_LOOK} points"
    );
    println!(
        "correlation  shift   NetflixACAJudge-v1.0          GennakerSequential-v1 (alpha 0.05)"
    );
    println!(
        "                     last look   any look          last look   any look   points to alarm"
    );
    for correlation in [0.0, 0.3, 0.5, 0.7, 0.9] {
        for shift in [0.0, 0.5, 1.0] {
            if shift > 0.0 && correlation != 0.0 && correlation != 0.7 {
                continue;
            }
            let netflix = rate(&Netflix, correlation, shift, runs);
            let ours = rate(&Sequential, correlation, shift, runs);
            let points = ours
                .points
                .map_or_else(String::new, |points| format!("{points:6.0}"));
            println!(
                "{correlation:11.1}  {shift:3.1} sd  {:7.2} %   {:7.2} %         {:7.2} %   {:7.2} %   {points}",
                netflix.last, netflix.any, ours.last, ours.any
            );
        }
    }
}

struct Rate {
    last: f64,
    any: f64,
    /// Mean number of points at the first alarm.
    points: Option<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn rate(judge: &dyn Judge, correlation: f64, shift: f64, runs: u64) -> Rate {
    let (mut last, mut any, mut points) = (0_u64, 0_u64, 0_u64);
    for run in 0..runs {
        let mut random = Random::new(run);
        let n = LOOKS * POINTS_A_LOOK;
        let experiment = random.series(n, correlation, 100.0 + 10.0 * shift);
        let control = random.series(n, correlation, 100.0);
        let mut first = None;
        for look in 1..=LOOKS {
            let seen = look * POINTS_A_LOOK;
            let is_alarm = is_alarm(judge, &experiment[..seen], &control[..seen]);
            if is_alarm && first.is_none() {
                first = Some(seen as u64);
            }
            if look == LOOKS && is_alarm {
                last += 1;
            }
        }
        if let Some(first) = first {
            any += 1;
            points += first;
        }
    }
    let percent = |count: u64| 100.0 * count as f64 / runs as f64;
    Rate {
        last: percent(last),
        any: percent(any),
        points: (any > 0).then(|| points as f64 / any as f64),
    }
}

fn is_alarm(judge: &dyn Judge, experiment: &[f64], control: &[f64]) -> bool {
    let request = Request {
        config: Some(CanaryConfig {
            metrics: Some(vec![Some(MetricConfig {
                name: Some("m".to_owned()),
                groups: Some(vec![Some("g".to_owned())]),
                analysis: None,
            })]),
            classifier: Some(None),
            ..CanaryConfig::default()
        }),
        thresholds: Some(Thresholds {
            pass: 95.0,
            marginal: 75.0,
        }),
        pairs: Some(vec![Some(MetricSetPair {
            name: Some("m".to_owned()),
            experiment: Some(experiment.to_vec()),
            control: Some(control.to_vec()),
            ..MetricSetPair::default()
        })]),
    };
    let result = judge.judge(&request).expect("the request is whole");
    matches!(result.results[0].classification, Label::High | Label::Low)
}

/// SplitMix64 with normal numbers by Box and Muller.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(7))
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((mixed ^ (mixed >> 31)) >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// A first-order autoregression with a deviation of 10.
    fn series(&mut self, n: usize, correlation: f64, mean: f64) -> Vec<f64> {
        let innovation = (1.0 - correlation * correlation).sqrt();
        let mut state = self.normal();
        (0..n)
            .map(|_| {
                let value = mean + 10.0 * state;
                state = correlation * state + innovation * self.normal();
                value
            })
            .collect()
    }
}
