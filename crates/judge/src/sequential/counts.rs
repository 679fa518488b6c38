//! Counts of events, compared exactly.
//!
//! When both sides have the same rate, each event falls on the experiment with the probability `θ`, its share of the
//! exposure. Betting on that with a uniform mixture over all shares gives the martingale
//! `E = B(1 + k, 1 + t − k) / (θ^k (1 − θ)^(t − k))` after `t` events of which `k` were the experiment's, and it reaches
//! `1 / α` at any time with a probability of at most `α` (Lindon and Malek, arXiv 2011.03567). A ratio of rates `r` moves `θ` to
//! `rθ / (rθ + 1 − θ)`. Only an `E` on the far side of `θ` counts against it, where `E` rises with `k`, so a smaller ratio cannot
//! reach it more often.
//!
//! Points are taken for equal exposure: as many on both sides. Events of one cause that come in bursts are not independent;
//! for those, the mean is the right measure.

use super::{Sight, Verdict};

pub(super) struct Counts {
    experiment: f64,
    control: f64,
    points: f64,
}

impl Counts {
    pub(super) fn of(experiment: &[f64], control: &[f64]) -> Result<Self, &'static str> {
        if experiment
            .iter()
            .chain(control)
            .any(|value| *value < 0.0 || value.fract() != 0.0)
        {
            return Err("counts must be whole numbers from zero on");
        }
        let sum = |values: &[f64]| values.iter().fold(0.0, |sum, value| sum + value);
        #[expect(clippy::cast_precision_loss, reason = "no series has 2^53 points")]
        Ok(Self {
            experiment: sum(experiment),
            control: sum(control),
            points: experiment.len() as f64,
        })
    }

    pub(super) fn against(&self, is_increase: bool, bound: f64, alpha: f64) -> Verdict {
        let share = share(bound);
        let is_shown = self.ln_e(share) >= -alpha.ln();
        let total = self.experiment + self.control;
        match (is_shown, (self.experiment > share * total) == is_increase) {
            (false, _) => Verdict::Undecided,
            (true, true) => Verdict::Worse,
            (true, false) => Verdict::Within,
        }
    }

    pub(super) fn sight(&self, alpha: f64, effect: f64) -> Sight {
        Sight {
            points: self.experiment + self.control,
            effective_points: self.experiment + self.control,
            autocorrelation: 0.0,
            estimate: self.experiment / self.control,
            lower: self.end(false, alpha),
            upper: self.end(true, alpha),
            points_to_see: self.points_to_see(alpha, effect),
        }
    }

    /// The furthest ratio of rates that is not yet refused: where `E` reaches `1 / α`.
    fn end(&self, is_upper: bool, alpha: f64) -> f64 {
        let total = self.experiment + self.control;
        if total == 0.0 {
            return if is_upper { f64::INFINITY } else { 0.0 };
        }
        let (mut inside, mut outside) = (self.experiment / total, if is_upper { 1.0 } else { 0.0 });
        for _ in 0..60 {
            let middle = f64::midpoint(inside, outside);
            if self.ln_e(middle) >= -alpha.ln() {
                outside = middle;
            } else {
                inside = middle;
            }
        }
        inside / (1.0 - inside)
    }

    /// When all goes on at the control's rate, and the experiment has `effect` more.
    fn points_to_see(&self, alpha: f64, effect: f64) -> Option<u64> {
        const MOST: f64 = 1e9;
        let rate = self.control / self.points;
        if rate.is_nan() || rate <= 0.0 {
            return None;
        }
        let is_seen = |points: f64| {
            let then = Self {
                experiment: points * rate * (1.0 + effect),
                control: points * rate,
                points,
            };
            then.ln_e(0.5) >= -alpha.ln()
        };
        if !is_seen(MOST) {
            return None;
        }
        let (mut low, mut high) = (0.0, MOST);
        while high - low > 0.5 {
            let middle = f64::midpoint(low, high);
            if is_seen(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the most"
        )]
        Some(high.ceil() as u64)
    }

    /// Logarithm of the martingale at that share.
    fn ln_e(&self, share: f64) -> f64 {
        let (k, rest) = (self.experiment, self.control);
        let beta = ln_factorial(k) + ln_factorial(rest) - ln_factorial(k + rest + 1.0);
        // Nothing times the logarithm of nothing is nothing.
        let term = |count: f64, share: f64| {
            if count == 0.0 {
                0.0
            } else {
                count * share.ln()
            }
        };
        beta - term(k, share) - term(rest, 1.0 - share)
    }
}

/// The experiment's share of events at a ratio of rates.
fn share(ratio: f64) -> f64 {
    let ratio = ratio.max(0.0);
    if ratio.is_infinite() {
        1.0
    } else {
        ratio / (ratio + 1.0)
    }
}

/// `ln Γ(n + 1)` by Stirling's series, shifted to where it is exact to 1e-12.
fn ln_factorial(n: f64) -> f64 {
    let mut shifted = n + 1.0;
    let mut product = 1.0;
    while shifted < 12.0 {
        product *= shifted;
        shifted += 1.0;
    }
    let inverse = 1.0 / shifted;
    let square = inverse * inverse;
    let series =
        inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (shifted - 0.5) * shifted.ln() - shifted + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
        - product.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factorials() {
        let mut product = 0.0_f64;
        for n in 0..40_u32 {
            product += f64::from(n.max(1)).ln();
            assert!((ln_factorial(f64::from(n)) - product).abs() < 1e-10, "{n}");
        }
    }

    /// Section 7.4 of the reference: nine errors that all fell on the canary are enough at 0.02, eight are not.
    #[test]
    fn nine_of_nine_are_enough_and_eight_are_not() {
        let errors = |n: u32| Counts::of(&[f64::from(n)], &[0.0]).unwrap();
        assert!((errors(9).ln_e(0.5).exp() - 51.2).abs() < 1e-9);
        assert_eq!(errors(9).against(true, 1.0, 0.02), Verdict::Worse);
        assert_eq!(errors(8).against(true, 1.0, 0.02), Verdict::Undecided);
        assert_eq!(errors(9).against(false, 1.0, 0.02), Verdict::Within);
    }

    #[test]
    fn halves_are_no_counts() {
        assert!(Counts::of(&[0.5], &[1.0]).is_err());
        assert!(Counts::of(&[-1.0], &[1.0]).is_err());
    }
}
