//! Why an artifact cannot be had. Where the reference tells Clouddriver's sentence, it is that one.

use std::time::Duration;

/// An artifact, or a list of names or versions, that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no artifact.
    #[error("{0}")]
    Malformed(String),
    /// It names no account, and it is not plain which one is meant.
    #[error("An artifact account must be supplied to download this artifact: {0}")]
    NoAccount(String),
    /// No account of that name reads that type.
    #[error("Credentials '{account}' supporting artifact type '{kind}' cannot be found")]
    UnknownAccount {
        /// The account.
        account: String,
        /// The type.
        kind: String,
    },
    /// The account belongs to workers of another zone.
    #[error(
        "the account {account} is of zone {zone}, and this worker is of zone {here}: name the zone in the stage's field zone"
    )]
    OtherZone {
        /// The account.
        account: String,
        /// Its zone.
        zone: String,
        /// This worker's zone.
        here: String,
    },
    /// Artifacts of that type have no content to read.
    #[error("{0}")]
    NotDownloadable(&'static str),
    /// Artifacts of that type cannot be read by this release.
    #[error("artifacts of type {kind} cannot be read: {why}")]
    NotBuilt {
        /// The type.
        kind: String,
        /// Why not, or what to do instead.
        why: &'static str,
    },
    /// Its fields lead nowhere.
    #[error("{0}")]
    Reference(String),
    /// It is not there.
    #[error("{0} not found")]
    NotFound(String),
    /// The address answers with an error.
    #[error("Received {status} status code from {host}")]
    Status {
        /// The code.
        status: u16,
        /// The host.
        host: String,
    },
    /// The answer is not what that type has.
    #[error("{0}")]
    Answer(String),
    /// The address cannot be called.
    #[error(transparent)]
    Call(#[from] gennaker_outbound::Error),
    /// The account's credentials are for other hosts.
    #[error("the credentials of account {account} go to {hosts} only, and not to {host}")]
    Elsewhere {
        /// The account.
        account: String,
        /// The host in the reference.
        host: String,
        /// The account's hosts.
        hosts: String,
    },
    /// A credential cannot be read or used.
    #[error("the credentials of account {account} cannot be used: {problem}")]
    Secret {
        /// The account.
        account: String,
        /// What is wrong, without the secret.
        problem: String,
    },
    /// It is larger than the limit.
    #[error("it is larger than the limit of {0} bytes (artifacts.bytes_max)")]
    TooLarge(u64),
    /// It took longer than the limit.
    #[error("it could not be read within {} s (artifacts.timeout_ms)", .0.as_secs())]
    Timeout(Duration),
    /// A bucket's server does not give it.
    #[error("{what}: {reason}")]
    Bucket {
        /// What was asked for.
        what: String,
        /// What the server said.
        reason: String,
        /// Whether another try may end otherwise.
        is_transient: bool,
    },
    /// A program failed.
    #[error("{what}: {reason}")]
    Program {
        /// What was done.
        what: String,
        /// What it said.
        reason: String,
    },
    /// The account has no such list.
    #[error("the account {account} has no list of {what}")]
    NoList {
        /// The account.
        account: String,
        /// What was asked for.
        what: &'static str,
    },
    /// Where the content lies cannot be asked just now.
    #[error("{0}")]
    Unavailable(String),
    /// The content of an artifact that cannot be had, as Clouddriver says it.
    #[error("Unable to download the contents of artifact {artifact}: {source}")]
    Download {
        /// The artifact, for people.
        artifact: String,
        /// Why.
        source: Box<Error>,
    },
}

impl Error {
    /// Whether another try, a little later, may end otherwise.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status >= 500 || *status == 429 || *status == 408,
            Self::Call(error) => {
                error.refused().is_none()
                    && !matches!(
                        error.kind,
                        gennaker_outbound::Kind::Invalid(_)
                            | gennaker_outbound::Kind::TooLarge { .. }
                            | gennaker_outbound::Kind::Redirect(_)
                    )
            }
            Self::Bucket { is_transient, .. } => *is_transient,
            Self::Timeout(_) | Self::Unavailable(_) => true,
            Self::Download { source, .. } => source.is_transient(),
            Self::Malformed(_)
            | Self::NoAccount(_)
            | Self::UnknownAccount { .. }
            | Self::OtherZone { .. }
            | Self::NotDownloadable(_)
            | Self::NotBuilt { .. }
            | Self::Reference(_)
            | Self::NotFound(_)
            | Self::Answer(_)
            | Self::Elsewhere { .. }
            | Self::Secret { .. }
            | Self::TooLarge(_)
            | Self::Program { .. }
            | Self::NoList { .. } => false,
        }
    }

    /// The code with which Clouddriver answers.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::UnknownAccount { .. } | Self::NotFound(_) => 404,
            Self::Malformed(_) | Self::NoAccount(_) | Self::Reference(_) | Self::NoList { .. } => {
                400
            }
            Self::NotBuilt { .. } => 501,
            Self::Unavailable(_) => 503,
            Self::Download { source, .. } => source.http_status(),
            Self::OtherZone { .. }
            | Self::NotDownloadable(_)
            | Self::Status { .. }
            | Self::Answer(_)
            | Self::Call(_)
            | Self::Elsewhere { .. }
            | Self::Secret { .. }
            | Self::TooLarge(_)
            | Self::Timeout(_)
            | Self::Bucket { .. }
            | Self::Program { .. } => 500,
        }
    }
}
