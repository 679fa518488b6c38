//! Statistics of a series as commons-math 3.6.1 computes them (`StatUtils`, `Percentile`, `NormalDistribution`).

/// Two passes: the sum in the order of the list over the count, then the mean of what is left (`Mean.evaluate`). NaN for an
/// empty list.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let n = count(values);
    let first = sum(values.iter().copied()) / n;
    first + sum(values.iter().map(|value| value - first)) / n
}

/// With `n − 1` below (`Variance.evaluate`); 0 for one value, NaN for none.
pub(crate) fn variance(values: &[f64]) -> f64 {
    match values.len() {
        0 => f64::NAN,
        1 => 0.0,
        _ => {
            let mean = mean(values);
            let (mut squares, mut rest) = (0.0, 0.0);
            for value in values {
                let deviation = value - mean;
                squares += deviation * deviation;
                rest += deviation;
            }
            let n = count(values);
            (squares - (rest * rest / n)) / (n - 1.0)
        }
    }
}

/// The least value; of two zeros the later one (`Min.evaluate`). NaN for none.
pub(crate) fn min(values: &[f64]) -> f64 {
    let first = values.first().copied().unwrap_or(f64::NAN);
    values
        .iter()
        .fold(first, |min, &value| if min < value { min } else { value })
}

/// The largest value; of two zeros the later one (`Max.evaluate`). NaN for none.
pub(crate) fn max(values: &[f64]) -> f64 {
    let first = values.first().copied().unwrap_or(f64::NAN);
    values
        .iter()
        .fold(first, |max, &value| if max > value { max } else { value })
}

/// The `p`-th percentile of an ascending list, by R's type 7 (`Percentile` with `EstimationType.R_7`). NaN for an empty one.
pub(crate) fn percentile(sorted: &[f64], p: f64) -> f64 {
    let n = sorted.len();
    if n <= 1 {
        return sorted.first().copied().unwrap_or(f64::NAN);
    }
    let position = 1.0 + (count(sorted) - 1.0) * (p / 100.0);
    let floor = position.floor();
    if position < 1.0 {
        return sorted[0];
    }
    if position >= count(sorted) {
        return sorted[n - 1];
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and n"
    )]
    let at = floor as usize;
    let (lower, upper) = (sorted[at - 1], sorted[at]);
    lower + (position - floor) * (upper - lower)
}

/// The quantile of the standard normal distribution (`NormalDistribution.inverseCumulativeProbability`).
pub(crate) fn normal_quantile(p: f64) -> f64 {
    std::f64::consts::SQRT_2 * inverse_erf(2.0 * p - 1.0)
}

/// `Erf.erfInv`: the single-branch polynomials of Mike Giles, "Approximating the erfinv function" (2010).
fn inverse_erf(x: f64) -> f64 {
    let mut w = -((1.0 - x) * (1.0 + x)).ln();
    let coefficients: &[f64] = if w < 6.25 {
        w -= 3.125;
        &CENTRE
    } else if w < 16.0 {
        w = w.sqrt() - 3.25;
        &MIDDLE
    } else if w.is_infinite() {
        return f64::INFINITY * x;
    } else {
        w = w.sqrt() - 5.0;
        &TAIL
    };
    let mut coefficients = coefficients.iter();
    let mut p = coefficients.next().copied().unwrap_or(0.0);
    for coefficient in coefficients {
        p = coefficient + p * w;
    }
    p * x
}

const CENTRE: [f64; 23] = [
    -3.644_412_064_017_82e-21,
    -1.685_059_138_182_016_6e-19,
    1.285_848_071_525_64e-18,
    1.115_787_767_802_518_1e-17,
    -1.333_171_662_854_621e-16,
    2.097_276_787_596_856_2e-17,
    6.637_638_134_358_324e-15,
    -4.054_566_272_975_207e-14,
    -8.151_934_197_605_472e-14,
    2.633_509_315_308_232_3e-12,
    -1.297_513_325_345_353_2e-11,
    -5.415_412_054_294_628e-11,
    1.051_212_273_321_532_3e-9,
    -4.112_633_980_346_984e-9,
    -2.907_036_995_788_200_5e-8,
    4.234_787_782_793_240_4e-7,
    -1.365_469_200_083_467_9e-6,
    -1.388_252_336_278_646_9e-5,
    1.867_342_080_340_571_4e-4,
    -7.407_025_341_662_67e-4,
    -0.006_033_670_871_430_149,
    0.240_158_182_425_589_62,
    1.653_654_562_683_102_7,
];

const MIDDLE: [f64; 19] = [
    2.213_737_692_177_578_7e-9,
    9.075_656_193_888_539e-8,
    -2.751_740_629_706_454_5e-7,
    1.823_962_921_438_922_8e-8,
    1.502_740_396_890_982_8e-6,
    -4.013_867_526_981_546e-6,
    2.923_444_908_995_544_6e-6,
    1.247_530_448_167_177_9e-5,
    -4.731_822_900_905_573_4e-5,
    6.828_485_145_957_318e-5,
    2.403_111_038_709_789_4e-5,
    -3.550_375_203_628_475e-4,
    9.532_893_797_373_805e-4,
    -0.001_688_275_556_023_504_7,
    0.002_491_442_096_107_851,
    -0.003_751_208_507_569_241,
    0.005_370_914_553_590_064,
    1.005_258_967_694_159_2,
    3.083_885_610_492_220_8,
];

const TAIL: [f64; 17] = [
    -2.710_992_061_643_857_3e-11,
    -2.555_641_816_996_525e-10,
    1.507_657_269_350_054_8e-9,
    -3.789_465_440_126_737e-9,
    7.615_701_208_078_34e-9,
    -1.496_002_662_714_924e-8,
    2.914_795_345_090_108e-8,
    -6.771_199_775_845_234e-8,
    2.290_048_222_802_665_5e-7,
    -9.929_827_294_231_7e-7,
    4.526_062_597_223_154e-6,
    -1.968_177_810_553_167e-5,
    7.599_527_703_001_776e-5,
    -2.150_301_193_004_447_7e-4,
    -1.387_193_183_362_312_2e-4,
    1.010_300_464_864_534_4,
    4.849_906_401_408_584,
];

fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

#[expect(clippy::cast_precision_loss, reason = "no list has 2^53 elements")]
const fn count(values: &[f64]) -> f64 {
    values.len() as f64
}

#[cfg(test)]
mod tests;
