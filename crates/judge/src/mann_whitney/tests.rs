//! The deviate and the iterates of its roots, against numbers of the original.

use super::*;

fn samples(x: &[f64], y: &[f64]) -> Samples {
    Samples::new(x, y).unwrap()
}

/// The points at which the search looks, ends first, and where it stops.
fn trace(samples: &Samples, quantile: f64) -> (Vec<(f64, f64)>, f64) {
    let (least, most) = samples.ends;
    let at = |shift| samples.deviate(shift).unwrap() - quantile;
    let mut seen = vec![(least, at(least)), (most, at(most))];
    let root = brent::solve(least, most, at(least), at(most), |shift| {
        let value = at(shift);
        seen.push((shift, value));
        Ok::<f64, AllTied>(value)
    });
    (seen, root.unwrap())
}

const Z98: f64 = 2.326_347_874_040_841;
const X2: [f64; 5] = [20.0, 22.0, 21.0, 25.0, 30.0];
const Y2: [f64; 5] = [1.0, 2.2, 1.1, 2.5, 3.0];

#[test]
fn trace_a_goes_point_by_point() {
    let (seen, root) = trace(&samples(&X2, &Y2), Z98);
    assert_eq!(seen[0], (17.0, 0.083_236_646_364_203_36));
    assert_eq!(seen[1], (29.0, -4.735_932_394_445_886));
    let first = [
        17.207_263_897_139_107,
        17.154_366_810_952_233,
        17.077_183_405_476_116,
        17.038_591_702_738_06,
    ];
    for (point, wanted) in seen[2..].iter().zip(first) {
        assert_eq!(*point, (wanted, -0.028_522_815_425_629_844));
    }
    assert_eq!((root, seen.len() - 2), (17.000_075_374_419_41, 13));
    let (seen, root) = trace(&samples(&X2, &Y2), -Z98);
    let first: Vec<f64> = seen[2..5].iter().map(|point| point.0).collect();
    let wanted = [
        28.792_736_102_860_893,
        28.946_197_382_845_753,
        28.959_928_677_663_477,
    ];
    assert_eq!(first, wanted);
    assert_eq!(seen[2].1, 0.237_416_002_572_467_2);
    assert_eq!((root, seen.len() - 2), (28.999_921_735_698_56, 12));
    let (seen, root) = trace(&samples(&X2, &Y2), 0.0);
    assert_eq!(seen[2..], [(23.0, -1.044_465_935_734_187), (20.0, 0.0)]);
    assert_eq!(root, 20.0);
}

#[test]
fn trace_b_goes_point_by_point() {
    let both = samples(
        &[10.0, 12.0, 14.0, 16.0, 18.0, 20.0],
        &[9.0, 11.0, 13.0, 15.0, 17.0, 19.0],
    );
    assert_eq!(both.ends, (-9.0, 11.0));
    let (seen, root) = trace(&both, Z98);
    let points: Vec<f64> = seen[2..7].iter().map(|point| point.0).collect();
    let wanted = [
        -7.530_951_122_893_962_5,
        1.734_524_438_553_019_2,
        -6.569_310_732_629_591,
        -6.582_791_881_253_025,
        -7.056_871_502_073_493,
    ];
    assert_eq!(points, wanted);
    assert_eq!((root, seen.len() - 2), (-6.999_992_458_676_531, 24));
    let (seen, root) = trace(&both, -Z98);
    assert_eq!((root, seen.len() - 2), (8.999_992_458_676_534, 24));
    let (seen, root) = trace(&both, 0.0);
    assert_eq!((root, seen.len() - 2), (1.0, 1));
}

#[test]
fn trace_c_goes_point_by_point() {
    let x = [
        100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 1.0, 1.0, 1.0,
    ];
    let both = samples(&x, &[1.0; 10]);
    let (seen, root) = trace(&both, Z98);
    assert_eq!(seen[0], (0.0, 0.826_515_816_407_803_7));
    assert_eq!(seen[1], (99.0, -4.096_414_893_930_754_5));
    assert_eq!(
        (seen[2].0, seen[3].0),
        (16.621_210_136_582_51, 8.945_694_135_469_711)
    );
    assert_eq!(root, 6.825_022_991_538_781e-5);
    let upper_end = both.deviate(99.0).unwrap() + Z98;
    assert_eq!(upper_end, 0.556_280_854_150_927_4);
    let interval = both.interval(0.98).unwrap();
    assert_eq!(
        (interval.upper, interval.estimate),
        (99.0, 98.999_929_041_701_93)
    );
}

#[test]
fn deviates_by_hand() {
    let no_ties = samples(&[5.0, 7.0, 9.0], &[1.0, 2.0, 6.0]);
    assert!((no_ties.deviate(0.0).unwrap() - 1.309_307).abs() < 1e-6);
    assert!((no_ties.deviate(-1.0).unwrap() - Z98 + 0.776_522).abs() < 1e-6);
    let interval = no_ties.interval(0.98).unwrap();
    assert_eq!(
        interval,
        Interval {
            lower: -1.0,
            upper: 8.0,
            estimate: 3.5
        }
    );
    let tied = samples(&[1.0, 2.0, 2.0], &[2.0, 3.0]);
    assert!((tied.deviate(0.0).unwrap() + 0.968_246).abs() < 1e-6);
    let interval = tied.interval(0.98).unwrap();
    assert_eq!(interval.estimate, -0.999_946_632_643_674_7);
    assert_eq!((interval.lower, interval.upper), (-2.0, 0.0));
}

#[test]
fn deviates_as_scipy_has_them() {
    let deviate = samples(&X2, &Y2).deviate(0.0).unwrap();
    assert_eq!(deviate, 2.506_718_245_762_048_7);
    let x = [1.0, 2.0, 2.0, 3.0, 5.0, 7.0];
    let deviate = samples(&x, &[2.0, 2.0, 3.0, 4.0, 4.0, 1.0, 1.0])
        .deviate(0.0)
        .unwrap();
    assert!((deviate - 0.584_417_243_035_579).abs() < 1e-14);
}

#[test]
fn when_all_are_tied_there_is_none() {
    assert_eq!(samples(&[5.0], &[0.0, 0.0]).interval(0.98), Err(AllTied));
    assert_eq!(samples(&[3.0], &[3.0]).deviate(0.0), Err(AllTied));
    assert!(Samples::new(&[], &[1.0]).is_none() && Samples::new(&[1.0], &[]).is_none());
}

/// Merging must not miss what subtraction makes equal, nor take the zeros for one.
#[test]
fn merging_ranks_as_sorting_does() {
    let slow = |x: &[f64], y: &[f64], shift: f64| {
        let mut all: Vec<(i64, bool)> = x.iter().map(|&x| (place(x - shift), true)).collect();
        all.extend(y.iter().map(|&y| (place(y), false)));
        all.sort_unstable();
        let (mut sum, mut ties, mut before) = (0.0, 0.0, 0.0);
        for tied in all.chunk_by(|a, b| a.0 == b.0) {
            let size = count(tied.len());
            sum += count(tied.iter().filter(|one| one.1).count()) * (2.0 * before + size + 1.0);
            ties += size * size * size - size;
            before += size;
        }
        (sum, ties)
    };
    let big = 1e17;
    let cases: &[(&[f64], &[f64], f64)] = &[
        (&[1.0, 2.0, 2.0, 3.0], &[2.0, 2.0, 5.0, 1.0], 0.0),
        (&[0.0, -0.0, 1.0], &[-0.0, 0.0, 0.0], 0.0),
        (&[0.0, -0.0, 1.0], &[-0.0, 0.0, 0.0], -0.0),
        (&[1.0, 2.0, 3.0], &[-big, big, 0.0], big),
        (&[f64::INFINITY, 1.0], &[2.0, f64::INFINITY], f64::INFINITY),
        (&[f64::NEG_INFINITY, 1.0], &[2.0], f64::NEG_INFINITY),
        (&[1.0, 2.0], &[2.0], f64::NAN),
    ];
    for (x, y, shift) in cases {
        let both = samples(x, y);
        let mut keys: Vec<i64> = both.x.iter().map(|&x| place(x - shift)).collect();
        keys.sort_unstable();
        assert_eq!(both.ranks(&keys), slow(x, y, *shift), "{x:?} {y:?} {shift}");
        let expected = both.deviate(*shift);
        let mut unsorted = Vec::new();
        assert_eq!(both.deviate_with(*shift, &mut unsorted), expected);
    }
}
