//! Mean differences with a confidence sequence.
//!
//! The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas ("Time-uniform central limit theory
//! and asymptotic confidence sequences", Annals of Statistics 2024): `mean ± σ √( 2 (tρ² + 1) / (t² ρ²) · ln( √(tρ² + 1) / α ) )`
//! holds at all `t` together with the probability `1 − α`. Here `t` are effective points.
//!
//! "More than `bound` times the control" is asked of the series `experiment − control − (bound − 1)·|control|`, not of a ratio
//! of means: so it needs no mean other than zero, and metrics may be negative.

use super::{Sight, Verdict, dependence::Moments};

/// Where the sequence is narrowest, in effective points.
const TUNED_FOR: f64 = 30.0;

/// Fewer points (or effective ones) than these decide nothing: the limit theorem has not begun.
const POINTS_MIN: usize = 10;
const EFFECTIVE_MIN: f64 = 4.0;

/// Values of both sides at the same times.
pub(super) struct Means {
    differences: Vec<f64>,
    control: Vec<f64>,
}

impl Means {
    pub(super) fn of(experiment: &[f64], control: &[f64]) -> Self {
        Self {
            differences: experiment.iter().zip(control).map(|(e, c)| e - c).collect(),
            control: control.to_vec(),
        }
    }

    pub(super) fn against(&self, is_increase: bool, bound: f64, alpha: f64) -> Verdict {
        let sign = if is_increase { 1.0 } else { -1.0 };
        let margin = sign * (bound - 1.0);
        let series: Vec<f64> = self
            .differences
            .iter()
            .zip(&self.control)
            .map(|(difference, control)| sign * difference - margin * control.abs())
            .collect();
        let moments = Moments::of(&series);
        if !is_enough(series.len(), moments.effective_points) {
            return Verdict::Undecided;
        }
        let width = width(&moments, alpha);
        if moments.mean - width > 0.0 {
            Verdict::Worse
        } else if moments.mean + width < 0.0 {
            Verdict::Within
        } else {
            Verdict::Undecided
        }
    }

    pub(super) fn sight(&self, alpha: f64, effect: f64) -> Sight {
        let moments = Moments::of(&self.differences);
        let n = self.differences.len();
        let width = if is_enough(n, moments.effective_points) {
            width(&moments, alpha)
        } else {
            f64::INFINITY
        };
        #[expect(clippy::cast_precision_loss, reason = "no series has 2^53 points")]
        let points = n as f64;
        let size = effect * crate::stats::mean(&self.control).abs();
        Sight {
            points,
            effective_points: moments.effective_points,
            autocorrelation: moments.autocorrelation,
            estimate: moments.mean,
            lower: moments.mean - width,
            upper: moments.mean + width,
            points_to_see: points_to_see(&moments, points, size, alpha),
        }
    }
}

fn is_enough(points: usize, effective_points: f64) -> bool {
    points >= POINTS_MIN && effective_points >= EFFECTIVE_MIN
}

/// Half the width of the sequence, with a deviation that is itself estimated from as many points.
fn width(moments: &Moments, alpha: f64) -> f64 {
    let t = moments.effective_points;
    let estimated = ((t + 1.0) / (t - 1.0).max(1.0)).sqrt();
    moments.deviation * estimated * boundary(t, alpha)
}

/// The width for a deviation of 1 after `t` points.
fn boundary(t: f64, alpha: f64) -> f64 {
    // The best choice for `TUNED_FOR` points, up to a factor near one (the paper's appendix on tuning).
    let two_ln = -2.0 * alpha.ln();
    let rho2 = (two_ln + (two_ln + 1.0).ln()) / TUNED_FOR;
    let mixed = t * rho2 + 1.0;
    (2.0 * mixed / (t * t * rho2) * (mixed.sqrt() / alpha).ln()).sqrt()
}

/// After how many points the sequence is narrower than an effect of that size.
fn points_to_see(moments: &Moments, points: f64, size: f64, alpha: f64) -> Option<u64> {
    const MOST: f64 = 1e9;
    if size.is_nan() || size <= 0.0 || points < 1.0 {
        return None;
    }
    let wanted = size / moments.deviation;
    let (mut low, mut high) = (EFFECTIVE_MIN, MOST);
    if boundary(high, alpha) > wanted {
        return None;
    }
    while high - low > 0.5 {
        let middle = f64::midpoint(low, high);
        if boundary(middle, alpha) <= wanted {
            high = middle;
        } else {
            low = middle;
        }
    }
    let each = points / moments.effective_points;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 10, and the cast saturates"
    )]
    Some((high * each).ceil().max(10.0) as u64)
}
