//! Where complete executions and large values go, and when, by the settings.

use std::time::Duration;

use gennaker_bus::Bus;
use gennaker_cli::Failure;
use gennaker_scheduler::Retention;
use gennaker_settings::{ArchiveBackend, Settings};
use gennaker_store::{Archive, Blobs};

use super::bucket::{bucket, unusable};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The archive of this installation.
///
/// # Errors
/// The bucket can be neither found nor made.
pub(crate) async fn archive(settings: &Settings, bus: &Bus) -> Result<Archive, Failure> {
    match settings.archive.backend {
        ArchiveBackend::Kv => Ok(Archive::kv(bus)),
        ArchiveBackend::S3 => {
            let options = bucket("archive", &settings.archive.s3, "gennaker-archive")?;
            let bucket = options.bucket.clone();
            Archive::s3(options)
                .await
                .map_err(|error| unusable("archive", &bucket, &error))
        }
    }
}

/// Where the large values of this installation lie.
///
/// # Errors
/// The bucket can be neither found nor made.
pub(crate) async fn values(settings: &Settings, bus: &Bus) -> Result<Blobs, Failure> {
    match settings.values.backend {
        ArchiveBackend::Kv => Ok(Blobs::kv(bus)),
        ArchiveBackend::S3 => {
            let options = bucket("values", &settings.values.s3, "gennaker")?;
            let bucket = options.bucket.clone();
            Blobs::s3(options)
                .await
                .map_err(|error| unusable("values", &bucket, &error))
        }
    }
}

/// What becomes of complete executions.
pub(super) fn retention(settings: &Settings) -> Retention {
    let archive = &settings.archive;
    let days = |days: u32| i64::from(days) * DAY_MS;
    Retention {
        archive_after_ms: days(archive.after_days),
        delete_after_ms: archive.delete_after_days.map(days),
        keep_per_pipeline: usize::try_from(archive.keep_per_pipeline).unwrap_or(usize::MAX),
        exceptional_applications: archive
            .exceptional_applications
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .collect(),
        exceptional_delete_after_ms: days(archive.exceptional_delete_after_days),
        sweep_every: Duration::from_secs(60 * u64::from(archive.interval_minutes)),
    }
}
