//! Noise for series of constants (`RandomUtils`, which is Scala's `Random`, which is `java.util.Random`).
//!
//! The original draws from an unseeded generator, so its results for two different constants differ in their last digits
//! from run to run. Ours are the same every time: each judgement begins with the same seed.

/// The seed of every judgement.
const SEED: u64 = 123_456_789;
const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const MASK: u64 = (1 << 48) - 1;

/// `java.util.Random`, of which only the normal numbers are used.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    state: u64,
    next: Option<f64>,
}

impl Noise {
    pub(crate) const fn new() -> Self {
        Self::seeded(SEED)
    }

    const fn seeded(seed: u64) -> Self {
        Self {
            state: (seed ^ MULTIPLIER) & MASK,
            next: None,
        }
    }

    /// The values with noise of a hundred-thousandth of the first one added (`addGaussianNoise`).
    pub(crate) fn added(&mut self, values: &[f64]) -> Vec<f64> {
        let scale = values.first().copied().unwrap_or(0.0) * 1e-5;
        values
            .iter()
            .map(|value| value + (self.gaussian() * scale + 0.0))
            .collect()
    }

    /// `nextGaussian`: the polar method, which gives two numbers at a time.
    fn gaussian(&mut self) -> f64 {
        if let Some(next) = self.next.take() {
            return next;
        }
        loop {
            let (a, b) = (2.0 * self.double() - 1.0, 2.0 * self.double() - 1.0);
            let square = a * a + b * b;
            if square < 1.0 && square != 0.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.next = Some(b * scale);
                return a * scale;
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    fn double(&mut self) -> f64 {
        let high = self.bits(26) << 27;
        let low = self.bits(27);
        (high + low) as f64 / 9_007_199_254_740_992.0
    }

    const fn bits(&mut self, bits: u32) -> u64 {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(0xB) & MASK;
        self.state >> (48 - bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `new java.util.Random(123456789)` of a JDK 17.
    #[test]
    fn the_numbers_are_javas() {
        let mut noise = Noise::new();
        for wanted in JAVA {
            let drawn = noise.gaussian();
            assert!(
                (drawn - wanted).abs() <= 1e-15 * wanted.abs(),
                "{drawn} {wanted}"
            );
        }
    }

    const JAVA: [f64; 6] = [
        2.011_512_265_750_413,
        -0.527_877_419_593_202_3,
        -0.241_422_468_057_153_84,
        0.867_278_658_647_741_8,
        1.300_710_122_588_353_7,
        -0.732_137_842_272_393_1,
    ];
}
