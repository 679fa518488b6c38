//! How much a configuration is to be trusted: canaries without any difference, cut from the past of one population.
//!
//! Each window is compared with the one before it. What fails is a false alarm; and the experiment is made worse by more and more,
//! to find the smallest change that the configuration sees. The reference's section on next-generation judges asks for it
//! (A/A tests); Kayenta has nothing alike.

use std::collections::BTreeMap;

use crate::{Error, Judge, Label, MetricConfig, MetricSetPair, Request, result::JudgeResult};

/// Changes that are tried, as shares of the value.
pub const CHANGES: [f64; 9] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

/// Share of the windows in which a change must be noticed to count as seen.
pub const SEEN: f64 = 0.8;

/// Most windows that are compared.
pub const WINDOWS_MAX: usize = 1_000;

/// Fewest windows that say anything.
pub const WINDOWS_MIN: usize = 3;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Points of a window.
    pub points: usize,
    /// Comparisons that were judged.
    pub comparisons: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that were marginal.
    pub marginal: usize,
    /// The metrics, in the order of the pairs.
    pub metrics: Vec<MetricCalibration>,
}

/// One metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricCalibration {
    /// Its name.
    pub name: String,
    /// What tells the series apart from others of the metric.
    pub tags: BTreeMap<String, String>,
    /// Comparisons in which it was classified as high or low.
    pub alarms: usize,
    /// The smallest of [`CHANGES`] upwards that is seen; `None` when none is, or when the metric does not mind.
    pub increase: Option<f64>,
    /// The same downwards.
    pub decrease: Option<f64>,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The judge refuses.
    #[error(transparent)]
    Judge(#[from] Error),
    /// Too little data.
    #[error(
        "the longest series has {points} points, and {WINDOWS_MIN} comparisons of windows of {window} need {}",
        (WINDOWS_MIN + 1) * window
    )]
    Short {
        /// Points of the longest series.
        points: usize,
        /// Points of a window.
        window: usize,
    },
    /// The window is none.
    #[error("a window needs at least 2 points")]
    Window,
}

/// Calibrates `judge` with the configuration of `request`, on the controls of its pairs, in windows of `window` points. With more
/// than [`WINDOWS_MAX`] windows the latest count.
///
/// # Errors
/// [`Unusable`].
pub fn calibrate(
    judge: &dyn Judge,
    request: &Request,
    window: usize,
) -> Result<Calibration, Unusable> {
    if window < 2 {
        return Err(Unusable::Window);
    }
    let pairs: Vec<&MetricSetPair> = request.pairs.iter().flatten().flatten().collect();
    let points = pairs
        .iter()
        .map(|pair| control(pair).len())
        .max()
        .unwrap_or(0);
    let windows = points / window;
    if windows <= WINDOWS_MIN {
        return Err(Unusable::Short { points, window });
    }
    let first = windows.saturating_sub(WINDOWS_MAX + 1);
    let mut calibration = Calibration {
        points: window,
        comparisons: windows - 1 - first,
        failed: 0,
        marginal: 0,
        metrics: Vec::new(),
    };
    let mut alarms = vec![0; pairs.len()];
    for at in first..windows - 1 {
        let cut: Vec<_> = pairs
            .iter()
            .map(|pair| cut(pair, at, window, 1.0))
            .collect();
        let result = judged(judge, request, cut)?;
        match result.score.classification {
            "Fail" => calibration.failed += 1,
            "Marginal" => calibration.marginal += 1,
            _ => {}
        }
        for (alarms, one) in alarms.iter_mut().zip(&result.results) {
            *alarms += usize::from(is_alarm(one.classification));
        }
    }
    for (pair, alarms) in pairs.iter().zip(alarms) {
        let seen = |change: fn(f64) -> f64| {
            smallest(judge, request, pair, first..windows - 1, window, change)
        };
        calibration.metrics.push(MetricCalibration {
            name: pair.name.clone().unwrap_or_default(),
            tags: tags(pair),
            alarms,
            increase: seen(|share| 1.0 + share)?,
            decrease: seen(|share| 1.0 / (1.0 + share))?,
        });
    }
    Ok(calibration)
}

/// The smallest change that is seen, by halving the list: what sees a change sees a larger one.
fn smallest(
    judge: &dyn Judge,
    request: &Request,
    pair: &MetricSetPair,
    windows: std::ops::Range<usize>,
    window: usize,
    change: fn(f64) -> f64,
) -> Result<Option<f64>, Error> {
    let alone = alone(request, pair);
    let is_seen = |share: f64| -> Result<bool, Error> {
        let mut seen = 0;
        for at in windows.clone() {
            let cut = vec![cut(pair, at, window, change(share))];
            let result = judged(judge, &alone, cut)?;
            seen += usize::from(
                result
                    .results
                    .iter()
                    .any(|one| is_alarm(one.classification)),
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "at most WINDOWS_MAX")]
        Ok(seen as f64 >= SEEN * windows.len() as f64)
    };
    let (mut unseen, mut seen) = (0, CHANGES.len());
    while unseen < seen {
        let middle = usize::midpoint(unseen, seen);
        if is_seen(CHANGES[middle])? {
            seen = middle;
        } else {
            unseen = middle + 1;
        }
    }
    Ok(CHANGES.get(seen).copied())
}

/// The request with the configuration of one metric, so that the others cost nothing.
fn alone(request: &Request, pair: &MetricSetPair) -> Request {
    let mut config = request.config.clone().unwrap_or_default();
    if let Some(metrics) = &mut config.metrics {
        metrics.retain(|metric| {
            let named = |metric: &MetricConfig| metric.name == pair.name;
            metric.as_ref().is_some_and(named)
        });
    }
    Request {
        config: request.config.as_ref().map(|_| config),
        thresholds: request.thresholds,
        pairs: None,
    }
}

fn judged(
    judge: &dyn Judge,
    request: &Request,
    pairs: Vec<Option<MetricSetPair>>,
) -> Result<JudgeResult, Error> {
    judge.judge(&Request {
        config: request.config.clone(),
        thresholds: request.thresholds,
        pairs: Some(pairs),
    })
}

/// The comparison of a window with the next, whose values are multiplied.
fn cut(pair: &MetricSetPair, at: usize, window: usize, times: f64) -> Option<MetricSetPair> {
    let values = |at: usize| {
        let all = control(pair);
        let from = (at * window).min(all.len());
        &all[from..(from + window).min(all.len())]
    };
    Some(MetricSetPair {
        name: pair.name.clone(),
        id: pair.id.clone(),
        tags: pair.tags.clone(),
        control: Some(values(at).to_vec()),
        experiment: Some(values(at + 1).iter().map(|value| value * times).collect()),
        control_scope: pair.control_scope,
        experiment_scope: pair.control_scope,
    })
}

fn control(pair: &MetricSetPair) -> &[f64] {
    pair.control.as_deref().unwrap_or_default()
}

fn tags(pair: &MetricSetPair) -> BTreeMap<String, String> {
    let all = pair.tags.iter().flatten();
    all.filter_map(|(key, value)| Some((key.clone(), value.clone()?)))
        .collect()
}

const fn is_alarm(label: Label) -> bool {
    matches!(label, Label::High | Label::Low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Netflix, Sequential};

    const CONFIG: &str = r#"{"metrics": [
        {"name": "errors", "groups": ["g"], "analysisConfigurations": {"canary": {"direction": "increase"}}},
        {"name": "latency", "groups": ["g"], "analysisConfigurations": {"canary": {"direction": "either"}}}],
        "classifier": {"groupWeights": {"g": 100}}}"#;

    /// Values between 90 and 110 without memory.
    fn noise(n: u64, seed: u64) -> Vec<f64> {
        let mut state = seed;
        let next = move |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            90.0 + (state >> 33) as f64 / f64::from(u32::MAX >> 1) * 20.0
        };
        (0..n).map(next).collect()
    }

    fn request(values: [Vec<f64>; 2]) -> Request {
        let text = format!(
            r#"{{"canaryConfig": {CONFIG}, "scoreThresholds": {{"pass": 95, "marginal": 75}}, "metricSetPairList": []}}"#
        );
        let mut request = Request::read(&text).unwrap();
        let [errors, latency] = values;
        let pair = |name: &str, values: Vec<f64>| {
            Some(MetricSetPair {
                name: Some(name.to_owned()),
                control: Some(values),
                ..MetricSetPair::default()
            })
        };
        request.pairs = Some(vec![pair("errors", errors), pair("latency", latency)]);
        request
    }

    #[test]
    fn quiet_metrics_raise_few_alarms_and_show_small_changes() {
        let request = request([noise(2_000, 1), noise(2_000, 2)]);
        let found = calibrate(&Netflix, &request, 50).unwrap();
        assert_eq!((found.comparisons, found.points), (39, 50));
        assert!(found.failed <= 4, "{found:?}");
        let [errors, latency] = &found.metrics[..] else {
            panic!("{found:?}")
        };
        assert!(
            matches!(errors.increase, Some(share) if share <= 0.1),
            "{errors:?}"
        );
        assert_eq!(errors.decrease, None, "nobody minds");
        assert!(latency.increase.is_some() && latency.decrease.is_some());
    }

    #[test]
    fn a_metric_that_wanders_is_found_out() {
        // Each window lies twenty above the one before it.
        let wandering: Vec<f64> = noise(1_000, 3)
            .iter()
            .enumerate()
            .map(|(at, value)| value + 20.0 * (at / 50) as f64)
            .collect();
        let request = request([wandering, noise(1_000, 4)]);
        let found = calibrate(&Netflix, &request, 50).unwrap();
        assert_eq!(found.failed, found.comparisons);
        assert_eq!(found.metrics[0].alarms, found.comparisons);
        assert!(found.metrics[1].alarms < 4);
    }

    #[test]
    fn both_judges_can_be_calibrated_and_too_little_is_said() {
        let request = request([noise(400, 1), noise(400, 2)]);
        assert_eq!(calibrate(&Sequential, &request, 50).unwrap().failed, 0);
        let short = calibrate(&Netflix, &request, 101).unwrap_err();
        assert_eq!(
            short.to_string(),
            "the longest series has 400 points, and 3 comparisons of windows of 101 need 404"
        );
        assert!(matches!(
            calibrate(&Netflix, &request, 1),
            Err(Unusable::Window)
        ));
        assert!(calibrate(&Netflix, &Request::default(), 50).is_err());
    }
}
