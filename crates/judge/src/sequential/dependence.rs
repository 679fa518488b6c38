//! How much a point of a series says when neighbours resemble each other.

use crate::stats;

/// A series in three numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moments {
    pub(super) mean: f64,
    /// Standard deviation of one point.
    pub(super) deviation: f64,
    pub(super) autocorrelation: f64,
    /// So many independent points determine the mean as well.
    pub(super) effective_points: f64,
}

/// Most of the correlation that is believed: beyond it no length of analysis would do.
const CORRELATION_MAX: f64 = 0.99;

/// By how much, times the number of points, a correlation is taken for higher than it looks in short windows: the smallest that
/// kept false alarms below the level at a correlation of 0.9 (the benchmark's table).
const DOUBT: f64 = 3.0;

impl Moments {
    /// Mean, deviation and effective size. The variance of a mean of `n` points is `n` times smaller than a point's only for
    /// independent ones; two estimates of the factor that it is larger by are made, and the larger is taken:
    /// that of a first-order autoregression, `(1 + φ) / (1 − φ)`, with `φ` corrected for the estimated mean (Marriott and
    /// Pope 1954), and the variance of means of blocks.
    pub(super) fn of(series: &[f64]) -> Self {
        let n = length(series.len());
        let mean = stats::mean(series);
        let variance = stats::variance(series);
        let mut moments = Self {
            mean,
            deviation: variance.max(0.0).sqrt(),
            autocorrelation: 0.0,
            effective_points: n,
        };
        if variance.is_nan() || variance <= 0.0 {
            return moments;
        }
        let neighbours = series
            .windows(2)
            .fold(0.0, |sum, pair| sum + (pair[0] - mean) * (pair[1] - mean));
        let seen = neighbours / (variance * (n - 1.0));
        // Corrected, and then taken for as high as it may well be: with few points the estimate itself is little worth, and a
        // window that is short beside the memory of the series looks like a quiet one.
        let doubt = 1.0 / n.sqrt() + DOUBT / n;
        let correlation = (seen + (1.0 + 4.0 * seen) / n + doubt).min(CORRELATION_MAX);
        moments.autocorrelation = correlation;
        let regressive = if correlation > 0.0 {
            (1.0 + correlation) / (1.0 - correlation)
        } else {
            1.0
        };
        let factor = regressive.max(blocked(series, variance)).max(1.0);
        moments.effective_points = n / factor;
        moments
    }
}

/// By how much the variance of block means exceeds that of means of independent points; 0 with too few blocks to say.
fn blocked(series: &[f64], variance: f64) -> f64 {
    const BLOCKS: usize = 24;
    let size = series.len() / BLOCKS;
    if size < 2 {
        return 0.0;
    }
    let means: Vec<f64> = series.chunks_exact(size).map(stats::mean).collect();
    stats::variance(&means) * length(size) / variance
}

#[expect(clippy::cast_precision_loss, reason = "no series has 2^53 points")]
const fn length(n: usize) -> f64 {
    n as f64
}
