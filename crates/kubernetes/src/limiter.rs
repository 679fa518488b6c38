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
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for the caller's turn. Dropped before, the turn is lost and nobody else's.
    pub(crate) async fn turn(&self) {
        tokio::time::sleep_until(self.book()).await;
    }

    /// The moment at which the caller may send.
    fn book(&self) -> Instant {
        let now = Instant::now();
        let mut next = self.next.lock().expect("nothing panics while it holds this lock");
        let earliest = now.checked_sub(self.slack).unwrap_or(now);
        let turn = (*next).max(earliest);
        *next = turn + self.interval;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_passes_and_what_comes_after_it_is_spread() {
        let limiter = Limiter::new(10, 3);
        // It may save up while nobody asks, and so it has at the start only what passed since.
        tokio::time::sleep(Duration::from_millis(250)).await;
        let begin = Instant::now();
        let waits: Vec<Duration> =
            (0..5).map(|_| limiter.book().saturating_duration_since(begin)).collect();
        assert!(waits[..3].iter().all(Duration::is_zero), "{waits:?}");
        assert!(waits[3] > Duration::ZERO && waits[3] <= Duration::from_millis(100), "{waits:?}");
        assert_eq!(waits[4] - waits[3], Duration::from_millis(100));
    }
}
