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
    println!("                     last look  any look  median       last look  any look  median");
    for correlation in [0.0, 0.3, 0.5, 0.7, 0.9] {
        for shift in [0.0, 0.5, 1.0] {
            if shift > 0.0 && correlation != 0.0 && correlation != 0.7 {
                continue;
            }
            let netflix = rate(&Netflix, correlation, shift, runs);
            let ours = rate(&Sequential, correlation, shift, runs);
            let median = |rate: &Rate| match rate.points {
                Some(points) => points.to_string(),
                None => "-".to_owned(),
            };
            println!(
                "{correlation:11.1}  {shift:3.1} sd  {:7.2} %  {:7.2} %  {:>6}       {:7.2} %  {:7.2} %  {:>6}",
                netflix.last,
                netflix.any,
                median(&netflix),
                ours.last,
                ours.any,
                median(&ours)
            );
        }
    }
}

struct Rate {
    last: f64,
    any: f64,
    /// Points at the first alarm of the canary in the middle; `None` when fewer than half of them raise one.
    points: Option<u64>,
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn rate(judge: &dyn Judge, correlation: f64, shift: f64, runs: u64) -> Rate {
    let (mut last, mut any) = (0_u64, 0_u64);
    let mut points = Vec::new();
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
            points.push(first);
        }
    }
    points.sort_unstable();
    let percent = |count: u64| 100.0 * count as f64 / runs as f64;
    Rate {
        last: percent(last),
        any: percent(any),
        points: points
            .get(usize::try_from(runs / 2).expect("few runs"))
            .copied(),
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
    /// Streams of different seeds are far apart: the state is what the generator makes of the seed, and not a multiple of its
    /// step, with which each stream would be the one before, a number later.
    pub(crate) fn new(seed: u64) -> Self {
        Self(mixed(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)))
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        ((mixed(self.0) >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
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

const fn mixed(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
