//! How long to wait before the next attempt.

use std::time::Duration;

/// Exponential backoff with full jitter: the n-th delay is drawn evenly from zero to `base · 2ⁿ`, and never above the
/// ceiling.
///
/// Full jitter spreads callers that failed together better than a fixed delay with a little noise does. The randomness
/// is a seed given by the caller, so that a simulation gets the same delays again.
#[derive(Debug, Clone)]
pub struct Backoff {
    base_ms: u64,
    ceiling_ms: u64,
    attempt: u32,
    state: u64,
}

impl Backoff {
    /// Delays that start around `base` and never exceed `ceiling`, drawn from `seed`. Both have millisecond precision;
    /// a base of zero counts as one millisecond, a ceiling below the base as the base.
    pub fn new(base: Duration, ceiling: Duration, seed: u64) -> Backoff {
        let base_ms = millis(base).max(1);
        Backoff {
            base_ms,
            ceiling_ms: millis(ceiling).max(base_ms),
            attempt: 0,
            state: seed,
        }
    }

    /// The delay before the next attempt; each call widens the range for the one after it, up to the ceiling.
    pub fn next_delay(&mut self) -> Duration {
        let factor = 1_u64.checked_shl(self.attempt).unwrap_or(u64::MAX);
        let widest = self.base_ms.saturating_mul(factor).min(self.ceiling_ms);
        self.attempt = self.attempt.saturating_add(1);
        Duration::from_millis(self.draw(widest))
    }

    /// How many delays were given since the start or the last [`reset`](Backoff::reset).
    pub fn attempts(&self) -> u32 {
        self.attempt
    }

    /// Starts again at the base, after a success. The draw goes on where it was.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }

    /// An even draw from `0..=widest`.
    fn draw(&mut self, widest: u64) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014): one multiplication-xorshift round is plenty for spreading retries.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        // The high half of a 128-bit product maps evenly enough without a division.
        let scaled = (u128::from(z) * (u128::from(widest) + 1)) >> 64;
        u64::try_from(scaled).unwrap_or(widest)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn grows_to_the_ceiling_and_stays_below_it() {
        for seed in 0..200 {
            let mut backoff = Backoff::new(ms(100), ms(1_000), seed);
            for widest in [100, 200, 400, 800, 1_000, 1_000, 1_000] {
                assert!(backoff.next_delay() <= ms(widest));
            }
        }
    }

    #[test]
    fn uses_the_whole_range() {
        let mut backoff = Backoff::new(ms(9), ms(9), 7);
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[usize::try_from(backoff.next_delay().as_millis()).unwrap()] += 1;
        }
        assert!(
            seen.iter().all(|&count| (800..1_200).contains(&count)),
            "{seen:?}"
        );
    }

    #[test]
    fn same_seed_same_delays() {
        let run = |seed| {
            let mut backoff = Backoff::new(ms(50), ms(60_000), seed);
            (0..40).map(|_| backoff.next_delay()).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn survives_many_attempts_and_resets() {
        let mut backoff = Backoff::new(ms(1), Duration::MAX, 3);
        for _ in 0..500 {
            backoff.next_delay();
        }
        assert_eq!(backoff.attempts(), 500);
        backoff.reset();
        assert_eq!(backoff.attempts(), 0);
        assert!(backoff.next_delay() <= ms(1));
    }

    #[test]
    fn a_ceiling_below_the_base_counts_as_the_base() {
        let mut backoff = Backoff::new(ms(10), ms(1), 3);
        assert!((0..100).all(|_| backoff.next_delay() <= ms(10)));
    }
}
