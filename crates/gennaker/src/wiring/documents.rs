//! Where documents lie, by the settings.

use gennaker_bus::Bus;
use gennaker_cli::{Exit, Failure};
use gennaker_settings::{DocumentsBackend, DocumentsS3, ManagedServiceAccounts, Settings};
use gennaker_store::{Documents, ManagedAccounts, S3Options};

use super::ms;
use crate::output::chain;

/// The documents of this installation.
///
/// # Errors
/// The bucket can be neither found nor made.
pub(crate) async fn documents(settings: &Settings, bus: &Bus) -> Result<Documents, Failure> {
    let s3 = &settings.documents.s3;
    match settings.documents.backend {
        DocumentsBackend::Kv => Ok(Documents::kv(bus)),
        DocumentsBackend::S3 => {
            let bucket = s3.bucket.clone().unwrap_or_default();
            let options = s3_options(s3, &bucket)?;
            Documents::s3(options).await.map_err(|error| {
                Failure::command(format!(
                    "the bucket {bucket} cannot be used: {}",
                    chain(&error)
                ))
                .fix("check documents.s3 of the settings, and what its user may do")
            })
        }
    }
}

/// What becomes of the roles of pipelines.
pub(crate) const fn managed_accounts(settings: &Settings) -> ManagedAccounts {
    match settings.documents.managed_service_accounts {
        ManagedServiceAccounts::Off => ManagedAccounts::Off,
        ManagedServiceAccounts::Own => ManagedAccounts::Own,
        ManagedServiceAccounts::Shared => ManagedAccounts::Shared,
    }
}

/// A bucket that is reached as the settings say.
///
/// # Errors
/// The file with the secret cannot be read.
pub(crate) fn s3_options(s3: &DocumentsS3, bucket: &str) -> Result<S3Options, Failure> {
    let secret = s3.read_secret().map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("documents.s3.secret_access_key_file: {error}"),
        )
    })?;
    let credentials = s3.access_key_id.clone().zip(secret);
    Ok(S3Options {
        bucket: bucket.to_owned(),
        prefix: s3.prefix.clone(),
        region: s3.region.clone(),
        endpoint: s3.endpoint.clone(),
        is_path_style: s3.path_style,
        credentials: credentials.map(|(id, secret)| (id, secret.expose().clone())),
        refresh_every: ms(s3.refresh_ms),
    })
}
