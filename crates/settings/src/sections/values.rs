//! `[values]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{archive::ArchiveBackend, bucket::S3Bucket};

/// Large values of executions: manifests, answers of webhooks, logs of jobs.
///
/// A value above 64 KiB is kept once for each execution, apart from everything else, and goes when the execution is deleted. The
/// API shows it where it belongs. All processes of an installation must say the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Values {
    /// `kv`: in the broker. `s3`: in a bucket; then running executions with large values need it. Do not change it while there
    /// are such executions: nothing is carried over.
    pub backend: ArchiveBackend,
    /// The largest context of one stage with its expressions evaluated, and as much for what addresses in its expressions answer,
    /// in bytes.
    #[schemars(range(min = 65_536, max = 33_554_432))]
    pub context_bytes_max: u64,
    /// The largest execution, in bytes. What would make one larger is refused: a start, a judgement, or the result of a task,
    /// which fails then.
    #[schemars(range(min = 65_536, max = 33_554_432))]
    pub execution_bytes_max: u64,
    /// The bucket, for the backend `s3`.
    pub s3: S3Bucket,
}

impl Default for Values {
    fn default() -> Values {
        Values {
            backend: ArchiveBackend::Kv,
            context_bytes_max: 8 << 20,
            execution_bytes_max: 32 << 20,
            s3: S3Bucket::default(),
        }
    }
}
