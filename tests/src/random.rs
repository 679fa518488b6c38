//! Random numbers from a seed, so that a failing test can be repeated with nearly the same moments.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A sequence of numbers (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From `GENNAKER_TEST_SEED`, or the clock; prints which it is.
    pub fn new(test: &str) -> Self {
        let given = std::env::var("GENNAKER_TEST_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let clock = || {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_nanos() & u128::from(u64::MAX))
        };
        let seed = given.unwrap_or_else(|| u64::try_from(clock()).unwrap_or(0));
        eprintln!("{test}: GENNAKER_TEST_SEED={seed}");
        Self(seed)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(limit.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// A time between two numbers of milliseconds.
    pub fn between_ms(&mut self, least: u64, most: u64) -> Duration {
        let span = usize::try_from(most.saturating_sub(least) + 1).unwrap_or(1);
        Duration::from_millis(least + u64::try_from(self.below(span)).unwrap_or(0))
    }

    /// One of these.
    ///
    /// # Panics
    /// When there is none.
    pub fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}
