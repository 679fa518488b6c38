//! The time, as a value that can be handed out.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::time::Instant;

/// A source of time: the system's, or one that a simulation drives. Clones share the source.
///
/// Times are milliseconds since the Unix epoch and may step in either direction, as a real wall clock does when it is
/// set; whoever needs them to rise keeps a maximum.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Simulated(Arc<Simulated>),
}

/// Time that follows tokio's, so that a paused current-thread runtime drives it, plus an offset for injected jumps.
///
/// Sleepers are woken in the order in which they began to wait: tokio's `watch` would draw that order at random, and one
/// seed of a simulation would not give the same run twice.
#[derive(Debug)]
struct Simulated {
    origin: Instant,
    origin_ms: i64,
    offset_ms: AtomicI64,
    jumped: Notify,
}

/// The system's sleepers look at the wall clock at least this often: tokio's timer follows a clock that stands still
/// while a machine is suspended and ignores steps of the wall clock.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Clock {
    /// The operating system's wall clock.
    pub fn system() -> Clock {
        Clock(Source::System)
    }

    /// A clock that shows `now_ms` now and then follows tokio's time. On a current-thread runtime built with
    /// `start_paused` that time stands still while anything can run and jumps to the next timer when nothing can, so a
    /// day passes in no time and the same seed sees the same instants.
    pub fn simulated(now_ms: i64) -> Clock {
        Clock(Source::Simulated(Arc::new(Simulated {
            origin: Instant::now(),
            origin_ms: now_ms,
            offset_ms: AtomicI64::new(0),
            jumped: Notify::new(),
        })))
    }

    /// A clock beside this simulated one, running at its pace but `skew_ms` ahead (or behind, if negative), and jumping
    /// on its own: another machine's. The system's clock has no such neighbour and returns itself.
    #[must_use]
    pub fn skewed(&self, skew_ms: i64) -> Clock {
        match &self.0 {
            Source::System => self.clone(),
            Source::Simulated(simulated) => Clock(Source::Simulated(Arc::new(Simulated {
                origin: simulated.origin,
                origin_ms: simulated.origin_ms,
                offset_ms: AtomicI64::new(simulated.offset().saturating_add(skew_ms)),
                jumped: Notify::new(),
            }))),
        }
    }

    /// Sets a simulated clock forward by `delta_ms`, or back if negative, and wakes the sleepers that are due by it.
    /// Returns false, having done nothing, for the system's clock.
    pub fn jump(&self, delta_ms: i64) -> bool {
        match &self.0 {
            Source::System => false,
            Source::Simulated(simulated) => {
                let offset = simulated.offset().saturating_add(delta_ms);
                simulated.offset_ms.store(offset, Ordering::Relaxed);
                simulated.jumped.notify_waiters();
                true
            }
        }
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            Source::System => match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(since) => signed_millis(since),
                Err(before) => -signed_millis(before.duration()),
            },
            Source::Simulated(simulated) => {
                let passed =
                    signed_millis(Instant::now().saturating_duration_since(simulated.origin));
                simulated
                    .origin_ms
                    .saturating_add(passed)
                    .saturating_add(simulated.offset())
            }
        }
    }

    /// Returns once the clock shows `at_ms` or later; at once if it does already. Cancel-safe: dropping the future
    /// loses nothing. A clock that is set back makes the sleeper wait longer, one set forward wakes it.
    pub async fn sleep_until_ms(&self, at_ms: i64) {
        match &self.0 {
            Source::System => {
                while let Some(left) = self.left(at_ms) {
                    tokio::time::sleep(left.min(LOOK_AGAIN)).await;
                }
            }
            Source::Simulated(simulated) => {
                loop {
                    let mut jumped = pin!(simulated.jumped.notified());
                    // Registered before the look, so that a jump in between is not missed.
                    jumped.as_mut().enable();
                    let Some(left) = self.left(at_ms) else { return };
                    tokio::select! {
                        biased;
                        () = tokio::time::sleep(left) => {}
                        () = jumped => {}
                    }
                }
            }
        }
    }

    /// Returns after `delay`, whatever happens to the shown time meanwhile: for intervals and timeouts, which no clock
    /// correction should stretch. Cancel-safe.
    pub async fn sleep(&self, delay: Duration) {
        tokio::time::sleep(delay).await;
    }

    fn left(&self, at_ms: i64) -> Option<Duration> {
        let left = at_ms.saturating_sub(self.now_ms());
        u64::try_from(left)
            .ok()
            .filter(|&ms| ms > 0)
            .map(Duration::from_millis)
    }
}

impl Simulated {
    fn offset(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }
}

fn signed_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000_000;

    #[tokio::test(start_paused = true)]
    async fn simulated_time_passes_only_by_sleeping() {
        let clock = Clock::simulated(START);
        assert_eq!(clock.now_ms(), START);
        clock.sleep_until_ms(START + 86_400_000).await;
        assert_eq!(clock.now_ms(), START + 86_400_000);
        clock.sleep(Duration::from_millis(5)).await;
        assert_eq!(clock.now_ms(), START + 86_400_005);
    }

    #[tokio::test(start_paused = true)]
    async fn the_past_returns_at_once() {
        let clock = Clock::simulated(START);
        clock.sleep_until_ms(START).await;
        clock.sleep_until_ms(i64::MIN).await;
        assert_eq!(clock.now_ms(), START);
    }

    #[tokio::test(start_paused = true)]
    async fn a_jump_forward_wakes_a_sleeper() {
        let clock = Clock::simulated(START);
        let began = Instant::now();
        tokio::join!(clock.sleep_until_ms(START + 1_000_000), async {
            clock.sleep(Duration::from_millis(10)).await;
            assert!(clock.jump(2_000_000));
        });
        assert_eq!(began.elapsed(), Duration::from_millis(10));
        assert_eq!(clock.now_ms(), START + 2_000_010);
    }

    #[tokio::test(start_paused = true)]
    async fn a_jump_back_keeps_a_sleeper_waiting() {
        let clock = Clock::simulated(START);
        let began = Instant::now();
        tokio::join!(clock.sleep_until_ms(START + 100), async {
            clock.sleep(Duration::from_millis(10)).await;
            clock.jump(-50);
        });
        assert_eq!(began.elapsed(), Duration::from_millis(150));
    }

    #[tokio::test(start_paused = true)]
    async fn neighbours_run_together_and_jump_apart() {
        let one = Clock::simulated(START);
        let two = one.skewed(-300);
        assert_eq!(two.now_ms(), START - 300);
        one.sleep(Duration::from_millis(7)).await;
        two.jump(1_000);
        assert_eq!((one.now_ms(), two.now_ms()), (START + 7, START + 707));
        assert_eq!(one.clone().now_ms(), START + 7);
    }

    #[tokio::test]
    async fn the_system_clock_sleeps_until_its_moment() {
        let clock = Clock::system();
        let at = clock.now_ms() + 30;
        clock.sleep_until_ms(at).await;
        assert!(clock.now_ms() >= at);
        assert!(!clock.jump(1));
    }
}
