//! How fast requests may leave for one cluster.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// A token bucket: so many requests a second on average, so many at once. Who comes when it is empty is told when its turn is,
/// so turns come in the order of the questions.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// Time between two requests.
    interval: Duration,
    /// How far behind the clock the next free moment may lie.
    slack: Duration,
    next: Mutex<Instant>,
}

impl Limiter {
    pub(crate) fn new(per_second: u32, burst: u32) -> Limiter {
        let interval = Duration::from_secs(1) / per_second.max(1);
        let slack = interval.saturating_mul(burst.max(1) - 1);
        Limiter {
            interval,
            slack,
            // Nobody has asked yet: the first may come at once.
            next: Mutex::new(before(Instant::now(), slack)),
        }
    }

    /// Waits for the caller's turn. Dropped before, the turn is lost and nobody else's.
    pub(crate) async fn turn(&self) {
        tokio::time::sleep_until(self.book(Instant::now())).await;
    }

    /// The moment at which who comes now may send.
    fn book(&self, now: Instant) -> Instant {
        let mut next = self
            .next
            .lock()
            .expect("nothing panics while it holds this lock");
        let turn = (*next).max(before(now, self.slack));
        *next = turn + self.interval;
        turn
    }
}

/// A moment so long before another; that one itself on a machine that runs for less.
fn before(moment: Instant, by: Duration) -> Instant {
    moment.checked_sub(by).unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_what_comes_after_it_is_spread() {
        let limiter = Limiter::new(10, 3);
        let now = Instant::now();
        let waits = |now: Instant, count: usize| -> Vec<u128> {
            let wait = |_| limiter.book(now).saturating_duration_since(now).as_millis();
            (0..count).map(wait).collect()
        };
        // The clock went on a little since it was made.
        assert_eq!(waits(now, 5)[..2], [0, 0]);
        let later = now + Duration::from_secs(60);
        assert_eq!(waits(later, 5), [0, 0, 0, 100, 200]);
    }
}
