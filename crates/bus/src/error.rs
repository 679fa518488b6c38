//! What can go wrong on the bus, by what a caller may do about it.

/// An operation on the bus that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The stream or the account has no room, or the disk failed. Stop admitting work, alert, retry slowly; for an
    /// append retry with the *same* append id.
    #[error("write to {stream}: no room ({text})")]
    Full {
        /// Name of the stream.
        stream: String,
        /// The broker's words.
        text: String,
    },
    /// The stream exists but is not what the layout says, or the broker lacks a feature: fail start-up.
    #[error("use {stream}: it is misconfigured ({text})")]
    Misconfigured {
        /// Name of the stream.
        stream: String,
        /// The broker's words.
        text: String,
    },
    /// No answer in time, no connection, or no leader. Reads may be repeated; conditional writes never end this way.
    #[error("reach the broker: {what}")]
    Unavailable {
        /// What was tried and what happened.
        what: String,
    },
    /// The broker and we do not trust each other. Nothing of this passes by itself: somebody must change credentials,
    /// certificates or addresses.
    #[error("connect to {address}: {rejection}")]
    Rejected {
        /// The addresses that were tried.
        address: String,
        /// What is not accepted.
        rejection: Rejection,
    },
    /// The stream or consumer does not exist: bootstrap has not run, or a memory stream was lost with its broker.
    #[error("use {name}: it does not exist")]
    NotFound {
        /// Name of the stream or consumer.
        name: String,
    },
    /// A payload above what the broker takes.
    #[error("send {size} bytes: the limit is {limit}")]
    TooLarge {
        /// Size of the payload in bytes.
        size: usize,
        /// Largest size in bytes.
        limit: usize,
    },
    /// A key, subject or name that the broker cannot take.
    #[error("use the name {name:?}: {problem}")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The broker refused for another reason.
    #[error("use {stream}: refused with code {code} ({text})")]
    Refused {
        /// Name of the stream or consumer.
        stream: String,
        /// JetStream's error code, 0 when there was none.
        code: u64,
        /// The broker's words.
        text: String,
    },
    /// The bus was closed.
    #[error("use the bus: it is closed")]
    Closed,
}

/// What keeps the broker and us from trusting each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The broker does not know our user, password, key or credentials.
    #[error("the broker refuses our credentials")]
    Credentials,
    /// Our own credentials cannot be read or used.
    #[error("our credentials cannot be used ({0})")]
    UnusableCredentials(String),
    /// None of the authorities that we trust has signed the broker's certificate.
    #[error("nobody that we trust has signed the broker's certificate")]
    UnknownAuthority,
    /// The broker's certificate has expired, or one that stands behind it.
    #[error("the broker's certificate has expired")]
    Expired,
    /// The broker's certificate begins to be valid later.
    #[error("the broker's certificate is not valid yet")]
    NotValidYet,
    /// The broker's certificate is for other names than the one in the address.
    #[error("the broker's certificate is not for the name in its address")]
    OtherName,
    /// The broker's certificate cannot be accepted for another reason.
    #[error("the broker's certificate cannot be accepted ({0})")]
    Certificate(String),
    /// The broker does not accept our certificate, or wants one and gets none.
    #[error("the broker refuses our certificate ({0})")]
    OurCertificate(String),
    /// The broker speaks no TLS, and we were told to.
    #[error("the broker speaks no TLS")]
    NoTls,
    /// One of our own certificate files cannot be used.
    #[error("our certificates or authorities cannot be used ({0})")]
    UnusableCertificates(String),
}

impl Error {
    /// Whether the same call may succeed when it is simply repeated later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Full { .. } => true,
            Self::Misconfigured { .. }
            | Self::Rejected { .. }
            | Self::NotFound { .. }
            | Self::TooLarge { .. }
            | Self::BadName { .. }
            | Self::Refused { .. }
            | Self::Closed => false,
        }
    }

    pub(crate) fn unavailable(what: impl Into<String>) -> Self {
        Self::Unavailable { what: what.into() }
    }
}

/// Why [`crate::Bus::bootstrap`] stopped.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BootstrapError {
    /// An existing stream or consumer differs from the layout in a way that would break a guarantee.
    #[error("use {object}: its {field} is {found}, needed is {needed}")]
    Differs {
        /// Stream, or stream and consumer as `STREAM/consumer`.
        object: String,
        /// The field, as the broker's configuration calls it.
        field: &'static str,
        /// Value found.
        found: String,
        /// Value that the layout asks for.
        needed: String,
    },
    /// The fleet was set up with another number of partitions.
    #[error(
        "use {asked} partitions: this broker was set up with {recorded}, and the number cannot be changed yet; set it back to {recorded}"
    )]
    Partitions {
        /// What is recorded at the broker.
        recorded: u32,
        /// What the settings ask for.
        asked: u32,
    },
    /// The layout itself makes no sense.
    #[error("use the layout: {0}")]
    Layout(String),
    /// The broker is too old or has no JetStream.
    #[error("use the broker: {0}")]
    Server(String),
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] Error),
}

/// Why a command has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandError {
    /// Nobody owns the partition just now: nothing was delivered, so repeating is harmless.
    #[error("send the command: the partition has no owner")]
    NoOwner,
    /// No answer in time: it may have been carried out.
    #[error("get an answer to the command in time")]
    Timeout,
    /// The connection broke: it may have been carried out.
    #[error("keep the connection while the command ran")]
    Disconnected,
    /// The payload or the answer is larger than the bus carries.
    #[error("send {size} bytes: the limit is {limit}")]
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// Limit in bytes.
        limit: usize,
    },
}
