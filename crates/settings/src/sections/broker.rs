//! `[broker]`.

use std::fs;
use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The NATS servers that hold all state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Broker {
    /// Addresses of the servers (`nats://` or `tls://`), tried in turn. Without credentials: those have their own settings.
    pub urls: Vec<String>,
    /// User name, with `password` or `password_file`.
    pub username: Option<String>,
    /// Password. A file is better: environments and settings files are shown around.
    pub password: Option<Secret<String>>,
    /// File with the password; white space at its end does not count.
    pub password_file: Option<String>,
    /// NATS credentials file (JWT and key), instead of user name and password.
    pub credentials_file: Option<String>,
    /// File with the seed of an nkey (`SU…`), instead of user name and password.
    pub nkey_seed_file: Option<String>,
    /// TLS to the servers.
    pub tls: BrokerTls,
    /// Copies of every stream: 1 with one server, 3 or 5 with as many. Copies beyond the first are what survives the
    /// loss of a server.
    #[schemars(range(min = 1, max = 5))]
    pub replicas: u8,
    /// Partitions of executions. Each has one owner at a time, so this is how far schedulers scale out; six serve most.
    /// Raising it later concerns new executions only.
    #[schemars(range(min = 1, max = 1024))]
    pub partitions: u16,
    /// Zones that have workers, besides the one of this process: schedulers make a queue for each.
    pub zones: Vec<String>,
    /// The longest wait for an answer of the servers, in milliseconds.
    #[schemars(range(min = 100, max = 60_000))]
    pub request_timeout_ms: u64,
    /// How often the connection is probed, in milliseconds. A server that is there and does not answer holds the
    /// connection for about two of these.
    #[schemars(range(min = 500, max = 120_000))]
    pub ping_interval_ms: u64,
}

/// TLS to the NATS servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BrokerTls {
    /// Refuse a connection without TLS, whatever the address says.
    pub required: bool,
    /// PEM file with the certificate authorities to trust, instead of the platform's.
    pub ca_file: Option<String>,
    /// PEM file with a client certificate.
    pub certificate_file: Option<String>,
    /// PEM file with the client certificate's private key.
    pub key_file: Option<String>,
}

impl Default for Broker {
    fn default() -> Broker {
        Broker {
            urls: vec!["nats://127.0.0.1:4222".to_owned()],
            username: None,
            password: None,
            password_file: None,
            credentials_file: None,
            nkey_seed_file: None,
            tls: BrokerTls::default(),
            replicas: 1,
            partitions: 6,
            zones: Vec::new(),
            request_timeout_ms: 2_000,
            ping_interval_ms: 5_000,
        }
    }
}

impl Broker {
    /// The password, from wherever it is set.
    ///
    /// # Errors
    /// `password_file` cannot be read.
    pub fn read_password(&self) -> io::Result<Option<Secret<String>>> {
        match &self.password_file {
            Some(file) => Ok(Some(Secret::new(
                fs::read_to_string(file)?.trim_end().to_owned(),
            ))),
            None => Ok(self.password.clone()),
        }
    }
}
