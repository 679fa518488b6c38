//! Connecting, and knowing whether we are connected.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectOptions, Event};
use gennaker_broker::{Version, find::OLDEST};
use tokio::sync::watch;

use super::rejection;
use crate::error::{Error, Rejection};
use crate::options::{Auth, Options};

/// Longest wait between two attempts to connect again.
const RECONNECT_DELAY_MS_MAX: u64 = 1000;

/// In the place of a count of losses.
const CLOSED: u64 = u64::MAX;

/// What is known about the connection.
#[derive(Clone)]
pub(super) struct Connection {
    state: Arc<watch::Sender<State>>,
    generation: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct State {
    connected: bool,
    /// How often the connection was lost.
    losses: u64,
    /// Whether it was closed on purpose.
    closed: bool,
}

/// Where one is in the losses of the connection.
pub(super) struct Losses {
    state: watch::Receiver<State>,
    seen: u64,
}

/// Connects and waits until the broker took the credentials.
pub(super) async fn connect(options: Options) -> Result<(async_nats::Client, Connection), Error> {
    let connection = Connection {
        state: Arc::new(watch::Sender::new(State::default())),
        generation: Arc::new(watch::Sender::new(0)),
    };
    let events = connection.clone();
    let name = options.name.clone();
    let mut connect = ConnectOptions::new()
        .name(&options.name)
        .ping_interval(options.ping_interval)
        .connection_timeout(options.connect_timeout)
        .request_timeout(Some(options.request_timeout))
        .reconnect_delay_callback(reconnect_delay)
        .event_callback(move |event| {
            let events = events.clone();
            let name = name.clone();
            async move { events.note(&name, &event) }
        });
    let urls = options.urls.join(",");
    let unusable = |path: &Path, error: std::io::Error| Error::Rejected {
        address: urls.clone(),
        rejection: Rejection::UnusableCredentials(format!("{}: {error}", path.display())),
    };
    connect = match options.auth {
        Auth::Nobody => connect,
        Auth::Password { user, password } => connect.user_and_password(user, password),
        Auth::CredentialsFile(path) => connect
            .credentials_file(&path)
            .await
            .map_err(|error| unusable(&path, error))?,
        Auth::NkeySeedFile(path) => {
            let seed = tokio::fs::read_to_string(&path)
                .await
                .map_err(|error| unusable(&path, error))?;
            connect.nkey(seed.trim().to_owned())
        }
    };
    if let Some(prefix) = options.inbox_prefix {
        connect = connect.custom_inbox_prefix(prefix);
    }
    if let Some(tls) = options.tls {
        connect = connect.require_tls(true);
        if let Some(roots) = tls.roots {
            connect = connect.add_root_certificates(roots);
        }
        if let Some((certificate, key)) = tls.client {
            connect = connect.add_client_certificate(certificate, key);
        }
    }
    let client =
        connect
            .connect(options.urls)
            .await
            .map_err(|error| match rejection::of(&error) {
                Some(rejection) => Error::Rejected {
                    address: urls,
                    rejection,
                },
                None => Error::unavailable(format!("connect to {urls}: {error}")),
            })?;
    // The callback runs beside us; the first connection is a fact already.
    connection.state.send_if_modified(|state| {
        let first = !state.connected && state.losses == 0;
        state.connected |= first;
        first
    });
    Ok((client, connection))
}

/// Refuses a server below [`OLDEST`], whose defects would lose or double records.
pub(super) fn check_version(version: &str) -> Result<(), Error> {
    match Version::find(version) {
        Some(found) if found >= OLDEST => Ok(()),
        Some(_) | None => Err(Error::Misconfigured {
            stream: "the broker".to_owned(),
            text: format!("nats-server {version} is too old, {OLDEST} or newer is needed"),
        }),
    }
}

impl Connection {
    /// Waits until the connection is up.
    pub(super) async fn up(&self, timeout: Duration) -> Result<(), Error> {
        if self.state.borrow().connected {
            return Ok(());
        }
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| state.connected || state.closed);
        match tokio::time::timeout(timeout, settled).await {
            Ok(Ok(state)) if state.closed => Err(Error::Closed),
            Ok(_) => Ok(()),
            Err(_) => Err(Error::unavailable("the connection is down")),
        }
    }

    /// Tells when the connection is lost, from now on.
    pub(super) fn losses(&self) -> Losses {
        let state = self.state.subscribe();
        let seen = state.borrow().losses;
        Losses { state, seen }
    }

    pub(super) fn generation(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.borrow().closed
    }

    /// Marks the connection as closed on purpose; false when it was already.
    pub(super) fn set_closed(&self) -> bool {
        self.state.send_if_modified(|state| {
            let first = !state.closed;
            state.closed = true;
            first
        })
    }

    fn note(&self, name: &str, event: &Event) {
        match event {
            Event::Connected => {
                let mut again = false;
                self.state.send_modify(|state| {
                    again = state.losses > 0;
                    state.connected = true;
                });
                if again {
                    self.generation.send_modify(|generation| *generation += 1);
                    tracing::info!(
                        connection = name,
                        "the connection to the broker is up again"
                    );
                } else {
                    tracing::debug!(connection = name, "the connection to the broker is up");
                }
            }
            Event::Disconnected => {
                let mut closed = false;
                self.state.send_modify(|state| {
                    closed = state.closed;
                    state.connected = false;
                    state.losses += 1;
                });
                if !closed {
                    tracing::warn!(
                        connection = name,
                        "the connection to the broker is lost, connecting again"
                    );
                }
            }
            Event::LameDuckMode => tracing::info!(
                connection = name,
                "the broker is about to stop, another one takes over"
            ),
            Event::SlowConsumer(id) => tracing::warn!(
                connection = name,
                "messages of subscription {id} were lost because nobody took them in time"
            ),
            // A refused permission comes here and nowhere else: the call itself only times out.
            Event::ServerError(error) => {
                tracing::error!(connection = name, "the broker reports an error: {error}")
            }
            Event::ClientError(error) => tracing::warn!(
                connection = name,
                "the connection reports an error: {error}"
            ),
            Event::Draining | Event::Closed => {
                tracing::debug!(connection = name, "the connection to the broker is closed")
            }
        }
    }
}

impl Losses {
    /// Resolves at the next loss, or when the connection is closed on purpose. May be dropped and called again.
    pub(super) async fn next(&mut self) {
        let seen = self.seen;
        if seen == CLOSED {
            // Said once; after that there is nothing to lose.
            std::future::pending::<()>().await;
        }
        let lost = |state: &State| state.losses != seen || state.closed;
        self.seen = match self.state.wait_for(lost).await {
            Ok(state) if !state.closed => state.losses,
            Ok(_) | Err(_) => CLOSED,
        };
    }
}

fn reconnect_delay(attempt: usize) -> Duration {
    let attempt = u32::try_from(attempt).unwrap_or(u32::MAX).min(16);
    let longest = (10_u64 << attempt.min(8)).min(RECONNECT_DELAY_MS_MAX);
    Duration::from_millis(rand::RngExt::random_range(
        &mut rand::rng(),
        longest / 2..=longest,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused() {
        check_version("2.14.4").unwrap();
        check_version("2.15.1").unwrap();
        check_version("2.15.0-RC.1").unwrap();
        for old in ["2.14.3", "2.9.10", "", "dev"] {
            assert!(check_version(old).is_err(), "{old}");
        }
    }

    #[test]
    fn the_delay_between_attempts_has_a_ceiling() {
        assert!(reconnect_delay(0) <= Duration::from_millis(10));
        assert!(reconnect_delay(1_000_000) <= Duration::from_millis(RECONNECT_DELAY_MS_MAX));
    }
}
