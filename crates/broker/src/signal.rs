//! Signals to processes by their number.

/// What a process is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// End in order (SIGTERM).
    Term,
    /// End at once (SIGKILL).
    Kill,
    /// Stand still (SIGSTOP).
    Stop,
    /// Go on (SIGCONT).
    Continue,
}

/// Sends a signal; false when there is no such process, or it is not ours.
#[cfg(unix)]
pub fn signal(pid: u32, signal: Signal) -> bool {
    use rustix::process::{Pid, Signal as Number, kill_process};

    let number = match signal {
        Signal::Term => Number::TERM,
        Signal::Kill => Number::KILL,
        Signal::Stop => Number::STOP,
        Signal::Continue => Number::CONT,
    };
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process(pid, number).is_ok())
}

/// Sends a signal; on this system nothing is sent.
#[cfg(not(unix))]
pub fn signal(_: u32, _: Signal) -> bool {
    false
}
