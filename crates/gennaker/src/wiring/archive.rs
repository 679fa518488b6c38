//! Where complete executions go, and when, by the settings.

use std::time::Duration;

use gennaker_bus::Bus;
use gennaker_cli::{Exit, Failure};
use gennaker_scheduler::Retention;
use gennaker_settings::{ArchiveBackend, Settings};
use gennaker_store::{Archive, S3Options};

use crate::output::chain;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The archive of this installation.
///
/// # Errors
/// The bucket can be neither found nor made.
pub(crate) async fn archive(settings: &Settings, bus: &Bus) -> Result<Archive, Failure> {
    let s3 = &settings.archive.s3;
    match settings.archive.backend {
        ArchiveBackend::Kv => Ok(Archive::kv(bus)),
        ArchiveBackend::S3 => {
            let bucket = s3.bucket.clone().unwrap_or_default();
            let secret = s3.read_secret().map_err(|error| {
                Failure::new(
                    Exit::Usage,
                    format!("archive.s3.secret_access_key_file: {error}"),
                )
            })?;
            let credentials = s3.access_key_id.clone().zip(secret);
            let options = S3Options {
                bucket: bucket.clone(),
                prefix: s3.prefix.clone(),
                region: s3.region.clone(),
                endpoint: s3.endpoint.clone(),
                is_path_style: s3.path_style,
                credentials: credentials.map(|(id, secret)| (id, secret.expose().clone())),
                // Nothing in an archive changes.
                refresh_every: Duration::MAX,
            };
            Archive::s3(options).await.map_err(|error| {
                Failure::command(format!(
                    "the bucket {bucket} cannot be used: {}",
                    chain(&error)
                ))
                .fix("check archive.s3 of the settings, and what its user may do")
            })
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
