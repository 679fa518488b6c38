//! What the tests of this crate share: accounts from settings.

use gennaker_outbound::Exceptions;
use gennaker_runtime::Clock;
use gennaker_settings::{File, load};
pub(crate) use gennaker_testkit::http::{Reply, Seen, Server};
use serde_json::Value;

use crate::{Accounts, Artifact, Options};

/// Accounts of these settings that may call this machine.
pub(crate) fn accounts(settings: &str) -> Accounts {
    Accounts::new(options(settings)).unwrap()
}

/// The same in a zone.
pub(crate) fn zoned(settings: &str, zone: &str) -> Accounts {
    let zone = Some(zone.to_owned());
    Accounts::new(Options {
        zone,
        ..options(settings)
    })
    .unwrap()
}

/// The same that may call nothing but what its settings name.
pub(crate) fn accounts_closed(settings: &str) -> Accounts {
    let exceptions = Exceptions::default();
    Accounts::new(Options {
        exceptions,
        ..options(settings)
    })
    .unwrap()
}

pub(crate) fn options(settings: &str) -> Options {
    let settings = load(
        Some(File {
            name: "test",
            text: settings,
        }),
        Vec::new(),
    )
    .unwrap();
    Options {
        artifacts: settings.artifacts,
        exceptions: Exceptions {
            allow_loopback: true,
            ..Exceptions::default()
        },
        http: gennaker_outbound::Options::default(),
        zone: None,
        clock: Clock::system(),
        templates: None,
    }
}

pub(crate) fn artifact(given: Value) -> Artifact {
    Artifact::read(&given).unwrap()
}

/// The `Authorization` headers that a server has seen.
pub(crate) fn credentials_in(server: &Server) -> Vec<String> {
    let seen = server.seen();
    let headers = seen
        .iter()
        .filter_map(|request| request.header("authorization"));
    headers.map(str::to_owned).collect()
}
