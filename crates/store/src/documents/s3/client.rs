//! Connecting to S3: where it is, who we are, and that the bucket is there.
//!
//! What waits for S3, here and in all of this crate, is a boxed future: an `async fn` is compiled anew in every crate that awaits it,
//! with the client library behind it, which would stand in the program ten times.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::{
    Client,
    config::{Credentials, RequestChecksumCalculation, ResponseChecksumValidation},
    error::SdkError,
    types::{
        BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration,
        VersioningConfiguration,
    },
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use futures_util::future::BoxFuture;

use crate::Error;

/// Longest time until a connection stands.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Longest time for one attempt.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(5);
/// Attempts of one request.
const ATTEMPTS: u32 = 3;

/// Where the bucket is and who we are there.
#[derive(Clone)]
pub struct Options {
    /// Name of the bucket.
    pub bucket: String,
    /// Folder in the bucket (Front50 `rootFolder`).
    pub prefix: String,
    /// Region; none: from the environment, else `us-east-1`.
    pub region: Option<String>,
    /// Address of the server; none: AWS.
    pub endpoint: Option<String>,
    /// The bucket stands in the path and not in the host name, as most servers but AWS want it.
    pub is_path_style: bool,
    /// Access key id and secret; none: AWS's usual chain (environment, profile, web identity, container, instance).
    pub credentials: Option<(String, String)>,
    /// How often lists look for changes of others.
    pub refresh_every: Duration,
}

/// The secret stays out of logs.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("has_credentials", &self.credentials.is_some())
            .finish_non_exhaustive()
    }
}

/// A client with rustls and ring, like all others of the process.
pub(crate) fn client(options: &Options) -> BoxFuture<'_, Client> {
    Box::pin(async move {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_WITHIN)
            .operation_attempt_timeout(ATTEMPT_WITHIN)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            // Older servers do not know the newer checksums.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some((id, secret)) = &options.credentials {
            loader =
                loader.credentials_provider(Credentials::new(id, secret, None, None, "settings"));
        }
        if let Some(endpoint) = &options.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let shared = loader.load().await;
        let mut config =
            aws_sdk_s3::config::Builder::from(&shared).force_path_style(options.is_path_style);
        if shared.region().is_none() {
            config = config.region(Region::new("us-east-1"));
        }
        Client::from_conf(config.build())
    })
}

/// Whether a bucket keeps what was replaced or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// As history.
    On,
    /// Nothing in it is ever replaced, and what is deleted shall be gone.
    Off,
}

/// Makes the bucket, unless it is there.
pub(crate) fn ensure<'a>(
    client: &'a Client,
    options: &'a Options,
    versions: Versions,
) -> BoxFuture<'a, Result<(), Error>> {
    Box::pin(async move {
        match client.head_bucket().bucket(&options.bucket).send().await {
            Ok(_) => return Ok(()),
            Err(error) if super::status(&error) == Some(404) => {}
            Err(error) => return Err(Error::bucket("look for", error)),
        }
        let mut create = client.create_bucket().bucket(&options.bucket);
        let region = options.region.as_deref().unwrap_or("us-east-1");
        if region != "us-east-1" {
            let place = CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(region))
                .build();
            create = create.create_bucket_configuration(place);
        }
        match create.send().await {
            Ok(_) => {}
            // Another process was faster.
            Err(SdkError::ServiceError(error)) if error.err().is_bucket_already_owned_by_you() => {}
            Err(error) => return Err(Error::bucket("make", error)),
        }
        if versions == Versions::On {
            let versions = VersioningConfiguration::builder()
                .status(BucketVersioningStatus::Enabled)
                .build();
            client
                .put_bucket_versioning()
                .bucket(&options.bucket)
                .versioning_configuration(versions)
                .send()
                .await
                .map_err(|error| Error::bucket("switch versions on in", error))?;
        }
        tracing::info!(bucket = %options.bucket, "the bucket {} was made", options.bucket);
        Ok(())
    })
}
