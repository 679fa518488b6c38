//! How large a difference is (`EffectSizes`).

use crate::stats;

/// Mean of the experiment over mean of the control; NaN when one of them is exactly zero.
pub(crate) fn mean_ratio(experiment: &[f64], control: &[f64]) -> f64 {
    let (control, experiment) = (stats::mean(control), stats::mean(experiment));
    if control == 0.0 || experiment == 0.0 {
        f64::NAN
    } else {
        experiment / control
    }
}

/// The chance that a value of the experiment exceeds one of the control, ties counting half (common language effect size).
pub(crate) fn cles(experiment: &[f64], control: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = experiment
        .iter()
        .map(|&value| (value, true))
        .chain(control.iter().map(|&value| (value, false)))
        .collect();
    all.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut twice_rank_sum = 0_u64;
    let mut before = 0;
    for tied in all.chunk_by(|(a, _), (b, _)| a.total_cmp(b).is_eq()) {
        let ours = tied.iter().filter(|(_, is_ours)| *is_ours).count();
        twice_rank_sum += ours as u64 * (2 * before + tied.len() + 1) as u64;
        before += tied.len();
    }
    // Products of 32 bits, which run over on tens of thousands of values, as the original's do.
    let (m, n) = (low_bits(experiment.len()), low_bits(control.len()));
    let below = f64::from(m.wrapping_mul(m.wrapping_add(1)));
    let pairs = f64::from(2_i32.wrapping_mul(n).wrapping_mul(m));
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact up to 2^53, as in the original"
    )]
    let twice_rank_sum = twice_rank_sum as f64;
    (twice_rank_sum - below) / pairs
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a Java int"
)]
const fn low_bits(length: usize) -> i32 {
    length as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half() {
        assert_eq!(cles(&[2.0, 3.0, 4.0, 5.0], &[1.0, 2.0, 3.0, 4.0]), 0.71875);
        assert_eq!(
            cles(&[1.0, 1.0, 2.0], &[1.0, 1.0, 1.0]),
            0.666_666_666_666_666_6
        );
        assert_eq!(cles(&[5.0, 7.0, 9.0], &[1.0, 2.0, 6.0]), 8.0 / 9.0);
        assert_eq!(cles(&[1.0, 2.0, 2.0], &[2.0, 3.0]), 1.0 / 6.0);
    }

    #[test]
    fn a_ratio_with_a_zero_is_none() {
        assert!(mean_ratio(&[0.0, 0.0], &[1.0]).is_nan());
        assert!(mean_ratio(&[1.0], &[-0.0]).is_nan());
        assert_eq!(mean_ratio(&[-1.0], &[-2.0]), 0.5);
    }
}
