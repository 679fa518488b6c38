//! What a person reads between the output of the programs that we start.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Starts a part of a longer run, so that it can be found in a long log.
pub(crate) fn heading(text: &str) {
    println!("\n=== {text}");
}

/// Says what is about to happen, or what just did. Goes to standard error, so that it stays in order with the progress
/// of the compilers, which goes there, too.
pub(crate) fn note(text: &str) {
    eprintln!("xtask: {text}");
}

/// Does what may take minutes, and meanwhile has it said every so often how long it has taken.
pub(crate) fn patiently<T>(
    every: Duration,
    say: impl Fn(Duration) + Send,
    work: impl FnOnce() -> T,
) -> T {
    let (working, ended) = channel::<()>();
    std::thread::scope(|scope| {
        // Gone with this function, also when the work panics.
        let _working = working;
        scope.spawn(move || {
            let began = Instant::now();
            while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                say(began.elapsed());
            }
        });
        work()
    })
}

/// A duration as a person says it: `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_work_is_heard_of_until_it_ends() {
        let (said, heard) = channel();
        let say = move |_| {
            let _ = said.send(());
        };
        let done = patiently(Duration::from_millis(1), say, || {
            let twice = heard.recv().and_then(|()| heard.recv());
            twice.map(|()| "done")
        });
        assert_eq!(done, Ok("done"));
    }

    #[test]
    fn durations_read_well() {
        let texts = [400, 9_900, 10_000, 59_999, 60_000, 185_000]
            .map(|ms| elapsed(Duration::from_millis(ms)));
        assert_eq!(
            texts,
            ["0.4 s", "9.9 s", "10 s", "59 s", "1 min 00 s", "3 min 05 s"]
        );
    }
}
