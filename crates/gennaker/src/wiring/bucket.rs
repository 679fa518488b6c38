//! Buckets of S3, by the settings.

use std::time::Duration;

use gennaker_cli::{Exit, Failure};
use gennaker_settings::S3Bucket;
use gennaker_store::S3Options;

use crate::output::chain;

/// The bucket of a section, in the folder `prefix` unless the settings name another; nothing in it is looked at for changes.
///
/// # Errors
/// The file with the secret cannot be read.
pub(super) fn bucket(section: &str, s3: &S3Bucket, prefix: &str) -> Result<S3Options, Failure> {
    let secret = s3.read_secret().map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("{section}.s3.secret_access_key_file: {error}"),
        )
    })?;
    let credentials = s3.access_key_id.clone().zip(secret);
    Ok(S3Options {
        bucket: s3.bucket.clone().unwrap_or_default(),
        prefix: s3.prefix.clone().unwrap_or_else(|| prefix.to_owned()),
        region: s3.region.clone(),
        endpoint: s3.endpoint.clone(),
        is_path_style: s3.path_style,
        credentials: credentials.map(|(id, secret)| (id, secret.expose().clone())),
        refresh_every: Duration::MAX,
    })
}

/// A bucket can be neither found nor made.
pub(super) fn unusable(section: &str, bucket: &str, error: &gennaker_store::Error) -> Failure {
    Failure::command(format!(
        "the bucket {bucket} cannot be used: {}",
        chain(error)
    ))
    .fix(format!(
        "check {section}.s3 of the settings, and what its user may do"
    ))
}
