//! `GennakerSequential-v1`: a judge whose verdicts stay valid however often one looks.
//!
//! The original's interval has a fixed level for one look at data without memory. Looked at every few minutes while the
//! window grows, on metrics whose neighbours resemble each other, it raises false alarms in a quarter to a half of all
//! canaries. This judge takes the same configuration and answers with the same document, and differs in this:
//!
//! * Values are compared in time: the series of differences experiment − control at the same instant, so that what moves
//!   both sides drops out.
//! * The interval of the mean difference is a confidence sequence (module `means`): with the probability 1 − α it holds at
//!   all looks together. It counts effective points, fewer than the points when neighbours resemble each other
//!   (`dependence`).
//! * Raw counts (`effectSize.measure: "count"`, which the original takes for a mean ratio) are compared as counts, exactly,
//!   by a betting martingale (`counts`).
//! * Three outcomes: *worse* than the allowed effect, *within* it, or *undecided*. `allowedIncrease: 1.1` is a margin: worse
//!   means that more than 10 % was shown, within means that less than 10 % was.
//! * α is for the canary: it is divided among all unmuted metrics and directions.
//! * Infinite values and sides that cannot be compared count as failed, not as passed.
//!
//! Every result carries its [`Evidence`], with an estimate of how long it takes to see a given effect. The looks must be at
//! windows that grow from one start; a sliding window (`lookbackMins`) has no such guarantee. Outliers are never removed.
//!
//! `judgeConfigurations`: `alpha` (0.05), `effect` (0.1, the relative effect of the time estimate), `undecided` (`pass`,
//! `fail` or `nodata`: how an undecided metric counts).

mod counts;
mod dependence;
mod means;
mod policy;

use serde::Serialize;

use crate::{
    Error, Judge, JudgeResult, Number, Request,
    classify::without_data,
    effect,
    netflix::{Prepared, prepare, unclassified},
    result::{AnalysisResult, Comparison, Label},
    score,
    settings::{Direction, Measure, NanStrategy},
};
use policy::{Policy, Undecided};

/// The second judge.
#[derive(Clone, Copy, Debug)]
pub struct Sequential;

/// What a comparison rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// What it says.
    pub verdict: Verdict,
    /// How it was compared.
    pub method: Method,
    /// The chance of a false alarm at any look that was allowed to this metric and direction.
    pub alpha: Number,
    /// Points (or, for counts, events) that were compared.
    pub points: Number,
    /// As many independent points say as much.
    pub effective_points: Number,
    /// Correlation of neighbours in the series of differences.
    pub autocorrelation: Number,
    /// Mean difference experiment − control; for counts the ratio of the rates.
    pub estimate: Number,
    /// Lower end of its confidence sequence.
    pub lower: Number,
    /// Upper end.
    pub upper: Number,
    /// How long an analysis must run to see an effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_see: Option<ToSee>,
}

/// The three outcomes of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// More than the allowed effect was shown.
    Worse,
    /// Less than the allowed effect was shown.
    Within,
    /// Neither was.
    Undecided,
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// Differences of values at the same time.
    Means,
    /// Shares of a number of events.
    Counts,
}

/// How long it takes to see an effect, if the metric goes on as it did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToSee {
    /// The effect, relative to the mean of the control.
    pub effect: Number,
    /// Points of time from the start.
    pub points: u64,
    /// The same in seconds; absent when the time between points is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

impl Judge for Sequential {
    fn name(&self) -> &'static str {
        "GennakerSequential-v1"
    }

    fn judge(&self, request: &Request) -> Result<JudgeResult, Error> {
        let written = request
            .config
            .as_ref()
            .and_then(|config| config.judge_configurations.as_deref());
        let policy = Policy::read(written)?;
        let prepared = prepare(request)?.collect::<Result<Vec<_>, _>>()?;
        let tests: u32 = prepared
            .iter()
            .filter(|metric| !metric.settings.is_muted)
            .map(|metric| {
                if metric.settings.direction == Direction::Either {
                    2
                } else {
                    1
                }
            })
            .sum();
        let alpha = policy.alpha / f64::from(tests.max(1));
        let results = prepared
            .iter()
            .map(|metric| result(metric, alpha, &policy))
            .collect();
        score::score(
            self.name(),
            request.config.as_ref(),
            request.thresholds,
            results,
        )
    }
}

fn result(metric: &Prepared<'_>, alpha: f64, policy: &Policy) -> AnalysisResult {
    let mut result = unclassified(metric);
    let name = metric.name;
    let mut say = |label, reason: Option<String>, evidence: Option<Evidence>| {
        result.classification = label;
        result.classification_reason = reason;
        result.result_metadata = Some(Comparison {
            ratio: Number(effect::mean_ratio(&metric.experiment, &metric.control)),
            evidence: evidence.map(Box::new),
        });
    };
    let trouble = match paired(metric) {
        Err(trouble) => Some(trouble),
        Ok((experiment, _)) if experiment.is_empty() => {
            let missing = without_data(name, &metric.settings);
            say(missing.label, missing.reason, None);
            result.critical = missing.is_critical;
            return result;
        }
        Ok((experiment, control)) => {
            match compare(metric, &experiment, &control, alpha, policy.effect) {
                Err(trouble) => Some(trouble),
                Ok(compared) => {
                    let critical = if compared.is_critical {
                        " (Critical)"
                    } else {
                        ""
                    };
                    let (label, reason) = match (compared.evidence.verdict, policy.undecided) {
                        (Verdict::Worse, _) => {
                            let label = if compared.is_high {
                                Label::High
                            } else {
                                Label::Low
                            };
                            (
                                label,
                                Some(format!("{name} was classified as {label}{critical}")),
                            )
                        }
                        (Verdict::Within, _) | (Verdict::Undecided, Undecided::Pass) => {
                            (Label::Pass, None)
                        }
                        (Verdict::Undecided, Undecided::Fail) => (
                            Label::NodataFailMetric,
                            Some(format!("{name} is undecided: too little was seen")),
                        ),
                        (Verdict::Undecided, Undecided::Nodata) => (
                            Label::Nodata,
                            Some(format!("{name} is undecided: too little was seen")),
                        ),
                    };
                    say(label, reason, Some(compared.evidence));
                    result.critical = compared.is_critical;
                    return result;
                }
            }
        }
    };
    let reason = trouble.map(|trouble| format!("{name} cannot be compared: {trouble}"));
    say(Label::NodataFailMetric, reason, None);
    result.critical = metric.settings.is_critical;
    result
}

/// The values of both sides at the times at which both have one.
fn paired(metric: &Prepared<'_>) -> Result<(Vec<f64>, Vec<f64>), &'static str> {
    let steps = [metric.pair.experiment_scope, metric.pair.control_scope]
        .map(|scope| scope.map(|scope| scope.step_ms).filter(|step| *step > 0));
    if let [Some(experiment), Some(control)] = steps
        && experiment != control
    {
        return Err("the sides have different steps");
    }
    let value = |value: f64| match metric.settings.nan {
        NanStrategy::Replace if value.is_nan() => 0.0,
        NanStrategy::Replace | NanStrategy::Remove => value,
    };
    let (experiment, control) = metric.raw;
    let pairs = experiment.iter().zip(control);
    let both: (Vec<f64>, Vec<f64>) = pairs
        .map(|(experiment, control)| (value(*experiment), value(*control)))
        .filter(|(experiment, control)| !experiment.is_nan() && !control.is_nan())
        .unzip();
    if both
        .0
        .iter()
        .chain(&both.1)
        .any(|value| value.is_infinite())
    {
        return Err("it has infinite values");
    }
    Ok(both)
}

struct Compared {
    evidence: Evidence,
    is_high: bool,
    is_critical: bool,
}

/// Each direction that counts is a test of its own; the first that shows harm decides.
fn compare(
    metric: &Prepared<'_>,
    experiment: &[f64],
    control: &[f64],
    alpha: f64,
    effect: f64,
) -> Result<Compared, &'static str> {
    let settings = &metric.settings;
    let step_ms = metric.pair.control_scope.map(|scope| scope.step_ms);
    let series = match settings.measure {
        Measure::Count => Series::Counts(counts::Counts::of(experiment, control)?),
        Measure::MeanRatio | Measure::Cles => Series::Means(means::Means::of(experiment, control)),
    };
    // For an effect that is a probability, half is none; as a ratio of means that is one.
    let ratio = |bound: f64| match settings.measure {
        Measure::Cles => 1.0,
        Measure::MeanRatio | Measure::Count => bound,
    };
    let mut verdict = Verdict::Within;
    let (mut is_high, mut is_critical) = (false, false);
    let sides = [
        (
            true,
            Direction::Decrease,
            settings.allowed.increase,
            settings.critical.increase,
        ),
        (
            false,
            Direction::Increase,
            settings.allowed.decrease,
            settings.critical.decrease,
        ),
    ];
    for (is_increase, other, allowed, critical) in sides {
        if settings.direction == other || verdict == Verdict::Worse {
            continue;
        }
        match series.against(is_increase, ratio(allowed), alpha) {
            Verdict::Worse => {
                verdict = Verdict::Worse;
                is_high = is_increase;
                is_critical = settings.is_critical
                    && series.against(is_increase, ratio(critical), alpha) == Verdict::Worse;
            }
            Verdict::Undecided => verdict = Verdict::Undecided,
            Verdict::Within => {}
        }
    }
    Ok(Compared {
        evidence: series.evidence(verdict, alpha, effect, step_ms),
        is_high,
        is_critical,
    })
}

enum Series {
    Means(means::Means),
    Counts(counts::Counts),
}

impl Series {
    /// What is shown of the experiment against the control times `bound`, upwards or downwards.
    fn against(&self, is_increase: bool, bound: f64, alpha: f64) -> Verdict {
        match self {
            Self::Means(means) => means.against(is_increase, bound, alpha),
            Self::Counts(counts) => counts.against(is_increase, bound, alpha),
        }
    }

    fn evidence(
        &self,
        verdict: Verdict,
        alpha: f64,
        effect: f64,
        step_ms: Option<i64>,
    ) -> Evidence {
        let (method, sight) = match self {
            Self::Means(means) => (Method::Means, means.sight(alpha, effect)),
            Self::Counts(counts) => (Method::Counts, counts.sight(alpha, effect)),
        };
        let to_see = sight.points_to_see.map(|points| ToSee {
            effect: Number(effect),
            points,
            seconds: step_ms
                .and_then(|step| u64::try_from(step).ok())
                .filter(|step| *step > 0)
                .map(|step| points.saturating_mul(step).div_ceil(1000)),
        });
        Evidence {
            verdict,
            method,
            alpha: Number(alpha),
            points: Number(sight.points),
            effective_points: Number(sight.effective_points),
            autocorrelation: Number(sight.autocorrelation),
            estimate: Number(sight.estimate),
            lower: Number(sight.lower),
            upper: Number(sight.upper),
            to_see,
        }
    }
}

/// What a series looks like to somebody who reads the evidence.
struct Sight {
    points: f64,
    effective_points: f64,
    autocorrelation: f64,
    estimate: f64,
    lower: f64,
    upper: f64,
    points_to_see: Option<u64>,
}

#[cfg(test)]
mod tests;
