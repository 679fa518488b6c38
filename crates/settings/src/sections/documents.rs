//! `[documents]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bucket::S3Bucket;

/// Where applications, pipelines and all other documents lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Documents {
    /// `kv`: in the broker, with history. `s3`: in a bucket in the layout of Spinnaker's Front50, which may be one that a
    /// Front50 uses.
    pub backend: DocumentsBackend,
    /// What becomes of the `roles` of a pipeline that is saved. `off`: they are kept and count for nothing. `own`: the
    /// pipeline gets a service account with these roles, and its triggers run as it. `shared`: pipelines with the same roles
    /// share one.
    pub managed_service_accounts: ManagedServiceAccounts,
    /// How often lists and triggers look for changes that other processes wrote into the bucket, in milliseconds.
    #[schemars(range(min = 500, max = 600_000))]
    pub refresh_ms: u64,
    /// The bucket, for the backend `s3`.
    pub s3: S3Bucket,
}

/// Whether the roles of a pipeline become a service account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum ManagedServiceAccounts {
    /// No.
    #[default]
    Off,
    /// Each pipeline has its own.
    Own,
    /// Pipelines with the same roles share one.
    Shared,
}

/// Where documents lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum DocumentsBackend {
    /// In the broker.
    #[default]
    Kv,
    /// In a bucket of S3.
    S3,
}

impl Default for Documents {
    fn default() -> Documents {
        Documents {
            backend: DocumentsBackend::Kv,
            managed_service_accounts: ManagedServiceAccounts::Off,
            refresh_ms: 5_000,
            s3: S3Bucket::default(),
        }
    }
}
