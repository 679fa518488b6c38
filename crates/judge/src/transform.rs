//! What happens to a series before it is compared (`Transforms`, `IQRDetector`): NaN first, outliers then, each side alone.

use crate::{Error, settings::NanStrategy, stats};

/// Drops NaN or makes zeros of it; infinities stay.
pub(crate) fn nan(values: &[f64], strategy: NanStrategy) -> Vec<f64> {
    let values = values.iter().copied();
    match strategy {
        NanStrategy::Remove => values.filter(|value| !value.is_nan()).collect(),
        NanStrategy::Replace => values
            .map(|value| if value.is_nan() { 0.0 } else { value })
            .collect(),
    }
}

/// Drops what lies outside the fences.
///
/// # Errors
/// [`Error::OutlierFactor`].
pub(crate) fn without_outliers(values: Vec<f64>, factor: f64) -> Result<Vec<f64>, Error> {
    // Also NaN is refused.
    if factor <= 0.0 || factor.is_nan() {
        return Err(Error::OutlierFactor);
    }
    let (low, high) = fences(&values, factor, true);
    Ok(values
        .into_iter()
        .filter(|&value| !(value > high || value < low))
        .collect())
}

/// The interquartile fences; with reduced sensitivity, which the judge always has, no narrower than the 1st and the 99th
/// percentile. NaN when one of them cannot be computed, and then nothing lies outside.
pub(crate) fn fences(values: &[f64], factor: f64, is_reduced: bool) -> (f64, f64) {
    let mut sorted: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| !value.is_nan())
        .collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let (p25, p75) = (
        stats::percentile(&sorted, 25.0),
        stats::percentile(&sorted, 75.0),
    );
    let range = p75 - p25;
    let (low, high) = (p25 - (factor * range), p75 + (factor * range));
    if !is_reduced {
        return (low, high);
    }
    let (p01, p99) = (
        stats::percentile(&sorted, 1.0),
        stats::percentile(&sorted, 99.0),
    );
    // Java's `Math.min` and `max` give NaN for NaN, Rust's do not.
    let either = |a: f64, b: f64, one: f64| {
        if a.is_nan() || b.is_nan() {
            f64::NAN
        } else {
            one
        }
    };
    (
        either(p01, low, p01.min(low)),
        either(p99, high, p99.max(high)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Data, factor, fences, what goes.
    type Row<'a> = (Vec<f64>, f64, (f64, f64), &'a [f64]);

    /// Table 2.3 of the reference.
    #[test]
    fn outliers_as_in_the_table() {
        let base = vec![21.0, 23.0, 24.0, 25.0, 50.0, 29.0, 23.0, 21.0];
        assert_eq!(fences(&base, 1.5, false), (17.25, 31.25));
        let near = |(low, high): (f64, f64), (a, b): (f64, f64)| {
            assert!(
                (low - a).abs() < 1e-9 && (high - b).abs() < 1e-9,
                "{low} {high}"
            );
        };
        near(fences(&base, 1.5, true), (17.25, 48.53));
        near(fences(&base, 3.0, true), (12.0, 48.53));
        let repeated = |parts: &[(f64, usize)]| -> Vec<f64> {
            parts
                .iter()
                .flat_map(|&(value, times)| vec![value; times])
                .collect()
        };
        let tens = [10.0, 11.0, 12.0, 10.0, 11.0, 12.0, 10.0, 11.0];
        let mut one = tens.to_vec();
        one.extend([12.0, 100.0]);
        let mut two = tens.to_vec();
        two.extend([100.0, 100.0]);
        let rows: &[Row<'_>] = &[
            (base, 3.0, (12.0, 48.53), &[50.0]),
            (one, 3.0, (5.0, 92.08), &[100.0]),
            (two, 3.0, (5.0, 100.0), &[]),
            (
                repeated(&[(10.0, 50), (11.0, 50), (500.0, 1)]),
                3.0,
                (7.0, 14.0),
                &[500.0],
            ),
            (
                repeated(&[(10.0, 50), (11.0, 49), (400.0, 1), (500.0, 1)]),
                3.0,
                (7.0, 400.0),
                &[500.0],
            ),
            (
                repeated(&[(10.0, 50), (11.0, 50), (400.0, 1), (500.0, 1)]),
                3.0,
                (7.0, 396.11),
                &[400.0, 500.0],
            ),
        ];
        for (data, factor, wanted, gone) in rows {
            near(fences(data, *factor, true), *wanted);
            let left = without_outliers(data.clone(), *factor).unwrap();
            let removed: Vec<f64> = data.iter().copied().filter(|x| !left.contains(x)).collect();
            assert_eq!(removed, *gone);
        }
        let narrow = [1.0, 1.0, 1.0, 5.0, -1.0, -1.0, -1.0, -5.0];
        let (low, high) = fences(&narrow, 1.5, false);
        assert!(low > -5.0 && high < 5.0);
    }

    #[test]
    fn series_of_nothing_of_one_and_of_equal_values_stay_whole() {
        for series in [vec![], vec![7.0], vec![7.0; 40]] {
            assert_eq!(without_outliers(series.clone(), 3.0).unwrap(), series);
        }
    }

    #[test]
    fn an_infinity_goes_only_once_the_percentile_beside_it_is_finite() {
        let ramp = |n: u32, end: f64| -> Vec<f64> { (1..n).map(f64::from).chain([end]).collect() };
        let stays = |n, end| without_outliers(ramp(n, end), 3.0).unwrap().contains(&end);
        assert!(stays(101, f64::INFINITY) && !stays(102, f64::INFINITY));
        assert!(stays(100, f64::NEG_INFINITY) && !stays(101, f64::NEG_INFINITY));
    }

    #[test]
    fn a_factor_that_is_not_above_zero_is_refused() {
        for factor in [0.0, -1.0, f64::NAN] {
            let error = without_outliers(vec![1.0], factor).unwrap_err();
            assert_eq!(
                error.to_string(),
                "requirement failed: factor must be greater than zero"
            );
        }
    }
}
