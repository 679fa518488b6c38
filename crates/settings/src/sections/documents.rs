//! `[documents]`.

use std::fs;
use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Where applications, pipelines and all other documents lie.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Documents {
    /// `kv`: in the broker, with history. `s3`: in a bucket in the layout of Spinnaker's Front50, which may be one that a
    /// Front50 uses.
    pub backend: DocumentsBackend,
    /// What becomes of the `roles` of a pipeline that is saved. `off`: they are kept and count for nothing. `own`: the
    /// pipeline gets a service account with these roles, and its triggers run as it. `shared`: pipelines with the same roles
    /// share one.
    pub managed_service_accounts: ManagedServiceAccounts,
    /// The bucket, for the backend `s3`.
    pub s3: DocumentsS3,
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

/// The bucket of documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DocumentsS3 {
    /// Name of the bucket. One that does not exist is made, with versions on; the history of documents is its versions.
    pub bucket: Option<String>,
    /// Folder in the bucket (Front50's `rootFolder`).
    pub prefix: String,
    /// Region. Unset: from the environment, else `us-east-1`.
    pub region: Option<String>,
    /// Address of a server that is not AWS (`https://minio:9000`). It must honour conditional writes (`If-Match`).
    pub endpoint: Option<String>,
    /// Put the bucket into the path of addresses, not into the host name.
    pub path_style: bool,
    /// Access key id, with `secret_access_key` or `secret_access_key_file`. Unset: AWS's usual chain (environment, profile,
    /// web identity, container, instance).
    pub access_key_id: Option<String>,
    /// Secret access key. A file is better: environments and settings files are shown around.
    pub secret_access_key: Option<Secret<String>>,
    /// File with the secret access key; white space at its end does not count.
    pub secret_access_key_file: Option<String>,
    /// How often lists and triggers look for changes that other processes wrote, in milliseconds.
    #[schemars(range(min = 500, max = 600_000))]
    pub refresh_ms: u64,
}

impl Default for DocumentsS3 {
    fn default() -> DocumentsS3 {
        DocumentsS3 {
            bucket: None,
            prefix: "front50".to_owned(),
            region: None,
            endpoint: None,
            path_style: true,
            access_key_id: None,
            secret_access_key: None,
            secret_access_key_file: None,
            refresh_ms: 5_000,
        }
    }
}

impl DocumentsS3 {
    /// The secret access key, from wherever it is set.
    ///
    /// # Errors
    /// `secret_access_key_file` cannot be read.
    pub fn read_secret(&self) -> io::Result<Option<Secret<String>>> {
        read_secret(
            self.secret_access_key.as_ref(),
            self.secret_access_key_file.as_deref(),
        )
    }
}

/// A secret that stands in the settings or in a file.
pub(super) fn read_secret(
    secret: Option<&Secret<String>>,
    file: Option<&str>,
) -> io::Result<Option<Secret<String>>> {
    match file {
        Some(file) => Ok(Some(Secret::new(
            fs::read_to_string(file)?.trim_end().to_owned(),
        ))),
        None => Ok(secret.cloned()),
    }
}
