use super::*;

#[test]
fn quantiles_have_the_originals_digits() {
    for (p, wanted) in [
        (0.01, -2.326_347_874_040_841),
        ((1.0 - 0.98) / 2.0, -2.326_347_874_040_841),
        ((1.0 - 0.95) / 2.0, -1.959_963_984_540_054),
        (0.5, 0.0),
        (0.3, -0.524_400_512_708_040_9),
        (0.0001, -3.719_016_485_455_709),
        (1e-5, -4.264_890_793_922_603),
        (1e-7, -5.199_337_582_187_473),
        (1e-9, -5.997_807_010_584_733),
        (0.975, 1.959_963_984_540_054),
    ] {
        assert_eq!(normal_quantile(p), wanted, "{p}");
    }
    assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
}

/// Upstream's `StatisticSuite`, and the four values of the reference.
#[test]
fn percentiles_are_of_type_seven() {
    let halves: Vec<f64> = (0..8).map(|n| f64::from(n) / 2.0).collect();
    assert!((percentile(&halves, 5.0) - 0.175).abs() < 1e-12);
    assert_eq!(percentile(&halves, 50.0), 1.75);
    assert_eq!(percentile(&halves, 100.0), 3.5);
    let four = [1.0, 2.0, 3.0, 4.0];
    for (p, wanted) in [(1.0, 1.03), (25.0, 1.75), (75.0, 3.25), (99.0, 3.97)] {
        assert!((percentile(&four, p) - wanted).abs() < 1e-12);
    }
    let mut nist = [
        95.1772, 95.1567, 95.1937, 95.1959, 95.1442, 95.0610, 95.1591, 95.1195, 95.1065, 95.0925,
        95.1990, 95.1682,
    ];
    nist.sort_by(f64::total_cmp);
    assert!((percentile(&nist, 90.0) - 95.19568).abs() < 1e-9);
    assert!(percentile(&[], 50.0).is_nan());
    assert_eq!(percentile(&[7.0], 1.0), 7.0);
}

#[test]
fn moments_of_small_series() {
    let series = [1.0, 1.0, 1.0, 10.0, 10.0, 10.0];
    assert_eq!(mean(&series), 5.5);
    assert!((variance(&series).sqrt() - 4.9295).abs() < 1e-4);
    assert_eq!(variance(&[3.0]), 0.0);
    assert!(mean(&[]).is_nan() && variance(&[]).is_nan() && min(&[]).is_nan());
}

#[test]
fn of_two_zeros_the_later_is_least_and_largest() {
    assert!(min(&[-0.0, 0.0]).is_sign_positive() && max(&[-0.0, 0.0]).is_sign_positive());
    assert!(min(&[0.0, -0.0]).is_sign_negative() && max(&[0.0, -0.0]).is_sign_negative());
}
