//! Where documents lie, by the settings.

use gennaker_bus::Bus;
use gennaker_cli::Failure;
use gennaker_settings::{DocumentsBackend, ManagedServiceAccounts, Settings};
use gennaker_store::{Documents, ManagedAccounts, S3Options};

use super::{
    bucket::{bucket, unusable},
    ms,
};

/// The documents of this installation.
///
/// # Errors
/// The bucket can be neither found nor made.
pub(crate) async fn documents(settings: &Settings, bus: &Bus) -> Result<Documents, Failure> {
    match settings.documents.backend {
        DocumentsBackend::Kv => Ok(Documents::kv(bus)),
        DocumentsBackend::S3 => {
            let options = documents_bucket(settings)?;
            let bucket = options.bucket.clone();
            Documents::s3(options)
                .await
                .map_err(|error| unusable("documents", &bucket, &error))
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

/// The bucket of documents, whether or not documents lie in it.
///
/// # Errors
/// The file with the secret cannot be read.
pub(crate) fn documents_bucket(settings: &Settings) -> Result<S3Options, Failure> {
    let documents = &settings.documents;
    Ok(S3Options {
        refresh_every: ms(documents.refresh_ms),
        ..bucket("documents", &documents.s3, "front50")?
    })
}
