//! The root finder of the Mann–Whitney interval (`com.netflix.kayenta.mannwhitney.BrentSolver`, after R's `zeroin`).
//!
//! Its tolerance is absolute, so on metrics of a small scale the roots are coarse. The verdicts of the original contain that
//! coarseness, therefore every operation stands here in the original's order.

/// Where iteration stops, in units of the metric.
const TOLERANCE: f64 = 1e-4;
const EPSILON: f64 = 2.220_446_049_250_313e-16;
const PASSES_MAX: usize = 1001;

/// A zero of `function` between `ax`, where its value is `fa`, and `bx`, where it is `fb`.
///
/// # Errors
/// Those of `function`.
pub(crate) fn solve<E>(
    ax: f64,
    bx: f64,
    fa: f64,
    fb: f64,
    mut function: impl FnMut(f64) -> Result<f64, E>,
) -> Result<f64, E> {
    let (mut a, mut b, mut c) = (ax, bx, ax);
    let (mut fa, mut fb, mut fc) = (fa, fb, fa);
    if is_zero(fa) {
        return Ok(a);
    }
    if is_zero(fb) {
        return Ok(b);
    }
    for _ in 0..PASSES_MAX {
        let previous = b - a;
        if fc.abs() < fb.abs() {
            (a, b, c) = (b, c, b);
            (fa, fb, fc) = (fb, fc, fb);
        }
        let tolerance = 2.0 * EPSILON * b.abs() + TOLERANCE / 2.0;
        let mut step = (c - b) / 2.0;
        if step.abs() <= tolerance || is_zero(fb) {
            return Ok(b);
        }
        if previous.abs() >= tolerance && fa.abs() > fb.abs() {
            let width = c - b;
            let (mut p, mut q);
            #[expect(clippy::float_cmp, reason = "the very same point, as in the original")]
            if a == c {
                let t1 = fb / fa;
                p = width * t1;
                q = 1.0 - t1;
            } else {
                q = fa / fc;
                let t1 = fb / fc;
                let t2 = fb / fa;
                p = t2 * (width * q * (q - t1) - (b - a) * (t1 - 1.0));
                q = (q - 1.0) * (t1 - 1.0) * (t2 - 1.0);
            }
            if p > 0.0 {
                q = -q;
            } else {
                p = -p;
            }
            if p < (0.75 * width * q - (tolerance * q).abs() / 2.0)
                && p < (previous * q / 2.0).abs()
            {
                step = p / q;
            }
        }
        if step.abs() < tolerance {
            step = if step > 0.0 { tolerance } else { -tolerance };
        }
        a = b;
        fa = fb;
        b += step;
        fb = function(b)?;
        if (fb > 0.0 && fc > 0.0) || (fb < 0.0 && fc < 0.0) {
            c = a;
            fc = fa;
        }
    }
    Ok(b)
}

/// commons-math's `Precision.equals(value, 0)`: at most one unit in the last place away.
fn is_zero(value: f64) -> bool {
    value.abs() <= f64::from_bits(1)
}
