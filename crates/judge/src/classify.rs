//! What a comparison says of one metric (`MannWhitneyClassifier`).

use crate::{
    effect,
    mann_whitney::{AllTied, Samples},
    noise::Noise,
    result::Label,
    settings::{Bounds, Direction, Measure, NanStrategy, Settings},
};

/// How much of the estimate the interval must leave on one side. A literal in the original: nothing configures it.
const TOLERANCE: f64 = 0.25;
/// Confidence level of the interval, a literal too.
const LEVEL: f64 = 0.98;

/// The outcome of a metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Classification {
    pub(crate) label: Label,
    pub(crate) reason: Option<String>,
    pub(crate) ratio: f64,
    pub(crate) is_critical: bool,
}

/// Compares both sides, as they are after the transforms. The checks stand in the original's order.
///
/// # Errors
/// [`AllTied`], which makes the class `Error`.
pub(crate) fn classify(
    name: &str,
    experiment: &[f64],
    control: &[f64],
    settings: &Settings,
    noise: &mut Noise,
) -> Result<Classification, AllTied> {
    if experiment.is_empty() || control.is_empty() {
        return Ok(without_data(name, settings));
    }
    if are_identical(experiment, control) {
        let reason = "The Canary and Baseline data are identical".to_owned();
        return Ok(passed(1.0, Some(reason)));
    }
    if distinct_is_one(experiment.iter().chain(control)) {
        return Ok(passed(1.0, None));
    }
    let comparison = compare(experiment, control, settings, noise)?;
    let Some(side) = comparison.side else {
        return Ok(passed(comparison.ratio, None));
    };
    let is_critical = settings.is_critical && side.reaches(comparison.effect, settings.critical);
    let label = side.label();
    let reason = if is_critical {
        format!("The metric {name} was classified as {label} (Critical)")
    } else {
        format!("{name} was classified as {label}")
    };
    Ok(Classification {
        label,
        reason: Some(reason),
        ratio: comparison.ratio,
        is_critical,
    })
}

/// Rows 1a to 1c of the reference's table of short-cuts.
pub(crate) fn without_data(name: &str, settings: &Settings) -> Classification {
    if settings.nan == NanStrategy::Replace {
        return passed(1.0, None);
    }
    let must_fail = settings.must_have_data && !settings.is_critical;
    Classification {
        label: if must_fail {
            Label::NodataFailMetric
        } else {
            Label::Nodata
        },
        reason: Some(format!("Missing data for {name}")),
        ratio: 1.0,
        is_critical: settings.is_critical,
    }
}

fn passed(ratio: f64, reason: Option<String>) -> Classification {
    Classification {
        label: Label::Pass,
        reason,
        ratio,
        is_critical: false,
    }
}

struct Comparison {
    side: Option<Shift>,
    ratio: f64,
    effect: f64,
}

/// On which side of the control the experiment lies.
#[derive(Clone, Copy)]
enum Shift {
    High,
    Low,
}

impl Shift {
    const fn label(self) -> Label {
        match self {
            Self::High => Label::High,
            Self::Low => Label::Low,
        }
    }

    /// Whether the effect is large enough to count; one that cannot be computed is.
    fn reaches(self, effect: f64, bounds: Bounds) -> bool {
        effect.is_nan()
            || match self {
                Self::High => effect >= bounds.increase,
                Self::Low => effect <= bounds.decrease,
            }
    }
}

fn compare(
    experiment: &[f64],
    control: &[f64],
    settings: &Settings,
    noise: &mut Noise,
) -> Result<Comparison, AllTied> {
    let noisy;
    let (experiment, control) =
        if distinct_is_one(experiment.iter()) && distinct_is_one(control.iter()) {
            noisy = (noise.added(experiment), noise.added(control));
            (noisy.0.as_slice(), noisy.1.as_slice())
        } else {
            (experiment, control)
        };
    let samples = Samples::new(experiment, control).ok_or(AllTied)?;
    let interval = samples.interval(LEVEL)?;
    let ratio = effect::mean_ratio(experiment, control);
    let effect = match settings.measure {
        Measure::Cles => effect::cles(experiment, control),
        Measure::MeanRatio | Measure::Count => ratio,
    };
    let bound = TOLERANCE * interval.estimate.abs();
    let is_high = settings.direction != Direction::Decrease
        && interval.lower > bound
        && Shift::High.reaches(effect, settings.allowed);
    let is_low = settings.direction != Direction::Increase
        && interval.upper < -bound
        && Shift::Low.reaches(effect, settings.allowed);
    let side = match (is_high, is_low) {
        (true, _) => Some(Shift::High),
        (false, true) => Some(Shift::Low),
        (false, false) => None,
    };
    Ok(Comparison {
        side,
        ratio,
        effect,
    })
}

/// The same values, in whatever order; zeros are equal.
fn are_identical(experiment: &[f64], control: &[f64]) -> bool {
    if experiment.len() != control.len() {
        return false;
    }
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    sorted(experiment) == sorted(control)
}

#[expect(clippy::float_cmp, reason = "the very same value, as in the original")]
fn distinct_is_one<'v>(mut values: impl Iterator<Item = &'v f64>) -> bool {
    match values.next() {
        Some(first) => values.all(|value| value == first),
        None => false,
    }
}

#[cfg(test)]
mod tests;
