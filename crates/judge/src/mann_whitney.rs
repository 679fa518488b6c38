//! The Mann–Whitney test with its confidence interval (`com.netflix.kayenta.mannwhitney.MannWhitney`).
//!
//! The normal deviate `D(μ)` of the rank sum of `x − μ` among `y` is a falling step function of the shift `μ`; the interval
//! and the estimate are where it crosses a quantile. Always the normal approximation, corrected for ties and continuity; the
//! estimate keeps the continuity correction, unlike R's.
//!
//! The original sorts and ranks all values again for every `μ`. Rank sums and tie counts are whole or half numbers, exact in
//! a double whatever the order of summation, so merging two sorted lists gives the same bits in a fraction of the time.

use crate::{brent, stats};

/// Everything is equal to everything at some shift that the search meets: there is no deviate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot compute confidence interval when all observations are tied")]
pub struct AllTied;

/// What the test says about the shift from `y` to `x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end. May lie above the upper one on data of a small scale, as the original's.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Where the deviate crosses zero.
    pub estimate: f64,
}

/// Two samples that are compared: `x` of the experiment, `y` of the control. None is empty or holds NaN.
#[derive(Clone, Debug)]
pub struct Samples {
    /// Ascending, `-0.0` before `0.0`.
    x: Vec<f64>,
    /// The places of `y` among all doubles, ascending.
    y: Vec<i64>,
    /// Least and largest possible shift.
    ends: (f64, f64),
    /// `Σ (t³ − t)` over the values of `y` alone.
    ties_of_y: Ties,
    /// Subtraction keeps the order of `x`; not so with infinities.
    is_finite: bool,
}

impl Samples {
    /// Two samples; `None` when one is empty.
    #[must_use]
    pub fn new(experiment: &[f64], control: &[f64]) -> Option<Self> {
        // Which of two zeros is taken shows in later subtractions, so the order of the comparisons is the original's.
        let least = |values: &[f64]| {
            values
                .iter()
                .copied()
                .reduce(|a, b| if a <= b { a } else { b })
        };
        let most = |values: &[f64]| {
            values
                .iter()
                .copied()
                .reduce(|a, b| if a >= b { a } else { b })
        };
        let ends = (
            least(experiment)? - most(control)?,
            most(experiment)? - least(control)?,
        );
        let mut x = experiment.to_vec();
        x.sort_unstable_by(f64::total_cmp);
        let mut y: Vec<i64> = control.iter().map(|&value| place(value)).collect();
        y.sort_unstable();
        let mut ties_of_y = Ties::default();
        for group in y.chunk_by(|a, b| a == b) {
            ties_of_y.add(group.len());
        }
        Some(Self {
            is_finite: experiment.iter().all(|value| value.is_finite()),
            x,
            y,
            ends,
            ties_of_y,
        })
    }

    /// Interval and estimate at a confidence level such as 0.98.
    ///
    /// # Errors
    /// [`AllTied`].
    pub fn interval(&self, level: f64) -> Result<Interval, AllTied> {
        let (least, most) = self.ends;
        let mut keys = Vec::with_capacity(self.x.len());
        let at_ends = (
            self.deviate_with(least, &mut keys)?,
            self.deviate_with(most, &mut keys)?,
        );
        let mut root = |quantile: f64| -> Result<f64, AllTied> {
            let (first, last) = (at_ends.0 - quantile, at_ends.1 - quantile);
            if first <= 0.0 {
                return Ok(least);
            }
            if last >= 0.0 {
                return Ok(most);
            }
            brent::solve(least, most, first, last, |shift| {
                Ok(self.deviate_with(shift, &mut keys)? - quantile)
            })
        };
        let quantile = stats::normal_quantile((1.0 - level) / 2.0);
        let lower = root(-quantile)?;
        let upper = root(quantile)?;
        let estimate = brent::solve(least, most, at_ends.0, at_ends.1, |shift| {
            self.deviate_with(shift, &mut keys)
        })?;
        Ok(Interval {
            lower,
            upper,
            estimate,
        })
    }

    /// The normal deviate of the rank sum of `x − shift` among `y`.
    ///
    /// # Errors
    /// [`AllTied`].
    pub fn deviate(&self, shift: f64) -> Result<f64, AllTied> {
        self.deviate_with(shift, &mut Vec::new())
    }

    fn deviate_with(&self, shift: f64, keys: &mut Vec<i64>) -> Result<f64, AllTied> {
        keys.clear();
        keys.extend(self.x.iter().map(|&value| place(value - shift)));
        if !(self.is_finite && shift.is_finite()) {
            keys.sort_unstable();
        }
        let (twice_rank_sum, ties) = self.ranks(keys);
        let (n, m) = (count(self.x.len()), count(self.y.len()));
        let distance = twice_rank_sum / 2.0 - n * (n + 1.0) / 2.0 - n * m / 2.0;
        let correction = if distance > 0.0 {
            0.5
        } else if distance < 0.0 {
            -0.5
        } else {
            0.0
        };
        let sigma = ((n * m / 12.0) * ((n + m + 1.0) - ties / ((n + m) * (n + m - 1.0)))).sqrt();
        if sigma == 0.0 {
            return Err(AllTied);
        }
        Ok((distance - correction) / sigma)
    }

    /// Twice the sum of the ranks of the ascending `keys` among themselves and `y`, tied ones sharing the average, and
    /// `Σ (t³ − t)` over all ties.
    fn ranks(&self, keys: &[i64]) -> (f64, f64) {
        let y = &self.y;
        let mut twice_rank_sum = 0_u64;
        let mut ties = self.ties_of_y;
        let (mut i, mut j) = (0, 0);
        while let Some(&key) = keys.get(i) {
            while y.get(j).is_some_and(|&other| other < key) {
                j += 1;
            }
            let own = 1 + keys[i + 1..]
                .iter()
                .take_while(|&&other| other == key)
                .count();
            let theirs = y[j..].iter().take_while(|&&other| other == key).count();
            let tied = own + theirs;
            if tied > 1 {
                ties.remove(theirs);
                ties.add(tied);
            }
            twice_rank_sum += own as u64 * (2 * (i + j + 1) + tied - 1) as u64;
            i += own;
            j += theirs;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "exact up to 2^53, as in the original"
        )]
        (twice_rank_sum as f64, ties.0 as f64)
    }
}

/// `Σ (t³ − t)`.
#[derive(Clone, Copy, Debug, Default)]
struct Ties(u128);

impl Ties {
    fn add(&mut self, size: usize) {
        self.0 += Self::of(size);
    }

    fn remove(&mut self, size: usize) {
        self.0 -= Self::of(size);
    }

    const fn of(size: usize) -> u128 {
        let size = size as u128;
        size * size * size - size
    }
}

/// The place of a value in the total order of doubles, in which commons-math ranks: `-0.0` before `0.0`, NaN as infinity.
fn place(value: f64) -> i64 {
    let value = if value.is_nan() { f64::INFINITY } else { value };
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

#[expect(clippy::cast_precision_loss, reason = "no list has 2^53 elements")]
const fn count(length: usize) -> f64 {
    length as f64
}

#[cfg(test)]
mod tests;
