//! How to reach the broker.

use std::path::PathBuf;
use std::time::Duration;

/// Options of [`crate::Bus::connect`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Broker addresses, `nats://host:port` or `tls://host:port`; the first that answers is used, others take over.
    pub urls: Vec<String>,
    /// Name of this process, shown in the broker's connection list.
    pub name: String,
    /// Who we are.
    pub auth: Auth,
    /// How often the connection is checked. Two missed answers end it, so 3 to 5 s in production: a broker that hangs
    /// without closing the connection holds us for that long.
    pub ping_interval: Duration,
    /// How long one request to the broker may take before its outcome counts as unknown.
    pub request_timeout: Duration,
    /// How long one connection attempt may take.
    pub connect_timeout: Duration,
    /// Prefix of reply subjects, for accounts whose permissions name it; `_INBOX` otherwise.
    pub inbox_prefix: Option<String>,
    /// JetStream domain, for brokers reached through leaf nodes.
    pub domain: Option<String>,
    /// Transport security; `None` leaves it to the addresses.
    pub tls: Option<Tls>,
}

/// Credentials for the broker.
#[derive(Clone)]
pub enum Auth {
    /// None.
    Nobody,
    /// User and password.
    Password {
        /// User name.
        user: String,
        /// Password; never printed.
        password: String,
    },
    /// A credentials file (JWT and key) as the broker's tools write it, read at connect.
    CredentialsFile(PathBuf),
    /// A file with the seed of an nkey (`SU…`), read at connect.
    NkeySeedFile(PathBuf),
}

/// Certificates for the connection to the broker.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// File with the roots to trust (PEM), instead of the system's.
    pub roots: Option<PathBuf>,
    /// Files with our certificate chain and its key (PEM).
    pub client: Option<(PathBuf, PathBuf)>,
}

impl Options {
    /// Options for one address, without credentials, and the time limits of a local broker.
    pub fn new(url: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            urls: vec![url.into()],
            name: name.into(),
            auth: Auth::Nobody,
            ping_interval: Duration::from_secs(5),
            request_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(2),
            inbox_prefix: None,
            domain: None,
            tls: None,
        }
    }

    /// The same options with a user and a password.
    #[must_use]
    pub fn with_password(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.auth = Auth::Password {
            user: user.into(),
            password: password.into(),
        };
        self
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nobody => f.write_str("Nobody"),
            Self::Password { user, .. } => write!(f, "Password {{ user: {user:?}, password: … }}"),
            Self::CredentialsFile(path) => write!(f, "CredentialsFile({path:?})"),
            Self::NkeySeedFile(path) => write!(f, "NkeySeedFile({path:?})"),
        }
    }
}
