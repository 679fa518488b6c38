//! A small seeded generator (splitmix64), so that a run depends on its seed alone.

use std::ops::RangeInclusive;

pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn between(&mut self, range: &RangeInclusive<u64>) -> u64 {
        let span = range.end().saturating_sub(*range.start());
        range.start() + self.draw() % (span + 1)
    }

    /// True with this probability. Draws only when the answer is open, so that a fault that is switched off does not
    /// change the rest of a run.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        if probability <= 0.0 {
            return false;
        }
        // 53 bits, the precision of the fraction.
        let fraction = (self.draw() >> 11) as f64 / (1_u64 << 53) as f64;
        fraction < probability
    }
}
