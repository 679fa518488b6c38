//! `[archive]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bucket::S3Bucket;

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
    pub s3: S3Bucket,
}

/// Where the archive, or large values, are.
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
            s3: S3Bucket::default(),
        }
    }
}
