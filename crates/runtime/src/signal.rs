//! The operating system's wish that the process ends.

use std::fmt;
use std::io;

/// Which signal asked the process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C, SIGINT.
    Interrupt,
    /// SIGTERM, what service managers and Kubernetes send.
    Terminate,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signal::Interrupt => "interrupt",
            Signal::Terminate => "terminate",
        })
    }
}

/// Waits for Ctrl-C or SIGTERM. Calling it again waits for the next one, so that a second signal can cut a slow
/// shutdown short.
///
/// # Errors
/// The handlers could not be installed.
#[cfg(unix)]
pub async fn shutdown_signal() -> io::Result<Signal> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => Ok(Signal::Interrupt),
        _ = terminate.recv() => Ok(Signal::Terminate),
    }
}

/// Waits for Ctrl-C. Calling it again waits for the next one.
///
/// # Errors
/// The handler could not be installed.
#[cfg(not(unix))]
pub async fn shutdown_signal() -> io::Result<Signal> {
    tokio::signal::ctrl_c().await.map(|()| Signal::Interrupt)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tells_terminate_from_interrupt() {
        for (name, expected) in [("TERM", Signal::Terminate), ("INT", Signal::Interrupt)] {
            let waiting = shutdown_signal();
            tokio::pin!(waiting);
            // The first poll installs the handlers; before that the signal would end the test.
            assert!(futures_poll(&mut waiting).await.is_none());
            let status = std::process::Command::new("kill")
                .args([format!("-{name}"), std::process::id().to_string()])
                .status()
                .unwrap();
            assert!(status.success());
            let got = tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await;
            assert_eq!(got.unwrap().unwrap(), expected);
        }
    }

    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| match std::pin::Pin::new(&mut *future).poll(cx) {
            std::task::Poll::Ready(value) => std::task::Poll::Ready(Some(value)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
