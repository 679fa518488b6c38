//! Waiting for what comes by itself, with an end.

use std::time::{Duration, Instant};

/// Longest wait for anything: what a dead worker began is looked for after 30 s, and all of it may happen on two cores that have
/// other things to do.
pub const PATIENCE: Duration = Duration::from_secs(180);

const PAUSE: Duration = Duration::from_millis(50);

/// Waits until `is` finds what it looks for.
///
/// # Panics
/// When that takes longer than [`PATIENCE`]; `what` is in the message.
pub async fn until<T>(what: &str, mut is: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = is().await {
            return found;
        }
        assert!(
            Instant::now() < end,
            "{what} does not come within {PATIENCE:?}"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until something is so.
///
/// # Panics
/// As [`until`].
pub async fn until_true(what: &str, is: impl Fn() -> bool) {
    until(what, async || is().then_some(())).await;
}
