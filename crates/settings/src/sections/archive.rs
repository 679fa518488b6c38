//! `[archive]`.

use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::documents::read_secret;
use crate::secret::Secret;

/// What becomes of complete executions.
///
/// What is in the archive is listed, searched, read, restarted and deleted as everything else. Ages count from when an execution
/// was made. All schedulers of an installation must say the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Archive {
    /// `kv`: in the broker. `s3`: in a bucket, which takes the broker's disks out of it. Do not change it while the archive holds
    /// something: nothing is carried over.
    pub backend: ArchiveBackend,
    /// After how many days a complete execution moves to the archive.
    #[schemars(range(min = 1, max = 36_500))]
    pub after_days: u32,
    /// The newest so many executions of each pipeline are neither moved nor deleted, however old they are (Orca's
    /// `minimum-pipeline-executions`).
    #[schemars(range(min = 0, max = 1_000))]
    pub keep_per_pipeline: u32,
    /// After how many days a complete execution is deleted, wherever it is (Orca's `threshold-days`); at least 7. Unset: never, as
    /// with Orca's agents switched off.
    #[schemars(range(min = 7, max = 36_500))]
    pub delete_after_days: Option<u32>,
    /// Applications that keep theirs longer (Orca's `exceptional-applications`).
    pub exceptional_applications: Vec<String>,
    /// After how many days theirs are deleted, if `delete_after_days` is set (Orca's `exceptional-applications-threshold-days`).
    #[schemars(range(min = 7, max = 36_500))]
    pub exceptional_delete_after_days: u32,
    /// How often it is looked what is old enough, in minutes.
    #[schemars(range(min = 1, max = 1_440))]
    pub interval_minutes: u32,
    /// The bucket, for the backend `s3`.
    pub s3: ArchiveS3,
}

/// Where the archive is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum ArchiveBackend {
    /// In the broker.
    #[default]
    Kv,
    /// In a bucket of S3.
    S3,
}

/// The bucket of the archive. It may be that of the documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ArchiveS3 {
    /// Name of the bucket. One that does not exist is made, without versions: nothing in it is ever replaced.
    pub bucket: Option<String>,
    /// Folder in the bucket.
    pub prefix: String,
    /// Region. Unset: from the environment, else `us-east-1`.
    pub region: Option<String>,
    /// Address of a server that is not AWS (`https://minio:9000`).
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
}

impl Default for Archive {
    fn default() -> Archive {
        Archive {
            backend: ArchiveBackend::Kv,
            after_days: 30,
            keep_per_pipeline: 5,
            delete_after_days: None,
            exceptional_applications: Vec::new(),
            exceptional_delete_after_days: 365,
            interval_minutes: 60,
            s3: ArchiveS3::default(),
        }
    }
}

impl Default for ArchiveS3 {
    fn default() -> ArchiveS3 {
        ArchiveS3 {
            bucket: None,
            prefix: "gennaker-archive".to_owned(),
            region: None,
            endpoint: None,
            path_style: true,
            access_key_id: None,
            secret_access_key: None,
            secret_access_key_file: None,
        }
    }
}

impl ArchiveS3 {
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
