//! `s3/object`: an object of a bucket (Clouddriver: `S3ArtifactCredentials`).

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::{
    Client,
    config::{Credentials, RequestChecksumCalculation, ResponseChecksumValidation},
    error::{ProvideErrorMetadata as _, SdkError},
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use gennaker_settings::S3Account;
use tokio::sync::Mutex;

use super::Source;
use crate::{
    Artifact, Error,
    accounts::{Making, Object},
};
use gennaker_credentials::auth::Secret;

/// What it reads.
pub(super) const TYPES: &[&str] = &["s3/object"];

/// Longest time until a connection stands.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait for a part of an answer.
const READ_WITHIN: Duration = Duration::from_secs(20);
/// Attempts of one request.
const ATTEMPTS: u32 = 3;
/// Most objects in one list.
const OBJECTS_MAX: usize = 500_000;

pub(super) struct S3 {
    account: S3Account,
    secret: Option<Secret>,
    bytes_max: u64,
    /// The client, and the secret that it was made with.
    client: Mutex<Option<(Option<String>, Client)>>,
}

impl S3 {
    pub(super) fn new(account: &S3Account, making: &Making) -> Self {
        Self {
            secret: Secret::of(
                account.aws_secret_access_key.as_ref(),
                account.aws_secret_access_key_file.as_ref(),
            ),
            account: account.clone(),
            bytes_max: making.bytes_max,
            client: Mutex::default(),
        }
    }

    /// A client with the secret of the moment.
    async fn client(&self) -> Result<Client, Error> {
        let secret = match &self.secret {
            Some(secret) => Some(secret.read().await.map_err(|problem| Error::Secret {
                account: self.account.name.clone(),
                problem,
            })?),
            None => None,
        };
        let mut held = self.client.lock().await;
        if let Some((made_with, client)) = &*held
            && *made_with == secret
        {
            return Ok(client.clone());
        }
        let client = self.connect(secret.as_deref()).await;
        *held = Some((secret, client.clone()));
        Ok(client)
    }

    async fn connect(&self, secret: Option<&str>) -> Client {
        let account = &self.account;
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(READ_WITHIN)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            // Older servers do not know the newer checksums.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        let region = match account.api_endpoint {
            Some(_) => account.api_region.as_ref().or(account.region.as_ref()),
            None => account.region.as_ref(),
        };
        if let Some(region) = region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let (Some(id), Some(secret)) = (&account.aws_access_key_id, secret) {
            loader =
                loader.credentials_provider(Credentials::new(id, secret, None, None, "settings"));
        }
        if let Some(endpoint) = &account.api_endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let shared = loader.load().await;
        let mut config = aws_sdk_s3::config::Builder::from(&shared)
            .force_path_style(account.api_endpoint.is_some());
        if shared.region().is_none() {
            config = config.region(Region::new("us-east-1"));
        }
        Client::from_conf(config.build())
    }

    async fn object(&self, reference: &str) -> Result<Bytes, Error> {
        let (bucket, key) = place(reference)?;
        let client = self.client().await?;
        let request = client.get_object().bucket(bucket).key(key);
        let mut found = match request.send().await {
            Ok(found) => found,
            Err(error) => return Err(failed(reference, &error)),
        };
        let announced = found
            .content_length()
            .and_then(|length| u64::try_from(length).ok());
        if announced.is_some_and(|length| length > self.bytes_max) {
            return Err(Error::TooLarge(self.bytes_max));
        }
        let mut content = BytesMut::new();
        while let Some(part) = found.body.next().await {
            let part = part.map_err(|error| Error::Bucket {
                what: reference.to_owned(),
                reason: error.to_string(),
                is_transient: true,
            })?;
            content.extend_from_slice(&part);
            if content.len() as u64 > self.bytes_max {
                return Err(Error::TooLarge(self.bytes_max));
            }
        }
        Ok(content.freeze())
    }
}

impl S3 {
    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Object>, Error> {
        let client = self.client().await?;
        let mut objects = Vec::new();
        let mut next = None;
        loop {
            let request = client.list_objects_v2().bucket(bucket).prefix(prefix);
            let page = request.set_continuation_token(next).send().await;
            let page = page.map_err(|error| failed(&format!("s3://{bucket}"), &error))?;
            for object in page.contents() {
                let Some(key) = object.key() else { continue };
                let modified = object.last_modified().and_then(|at| at.to_millis().ok());
                objects.push(Object {
                    key: key.to_owned(),
                    etag: object
                        .e_tag()
                        .unwrap_or_default()
                        .trim_matches('"')
                        .to_owned(),
                    modified_ms: modified.unwrap_or(0),
                    size_bytes: object
                        .size()
                        .and_then(|size| u64::try_from(size).ok())
                        .unwrap_or(0),
                });
            }
            if objects.len() > OBJECTS_MAX {
                return Err(Error::Answer(format!(
                    "s3://{bucket} has more than {OBJECTS_MAX} objects below {prefix:?}"
                )));
            }
            next = page.next_continuation_token().map(str::to_owned);
            if next.is_none() {
                return Ok(objects);
            }
        }
    }
}

impl Source for S3 {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(self.object(&artifact.reference))
    }

    fn objects<'a>(
        &'a self,
        bucket: &'a str,
        prefix: &'a str,
    ) -> Option<BoxFuture<'a, Result<Vec<Object>, Error>>> {
        Some(Box::pin(self.list(bucket, prefix)))
    }
}

/// Bucket and key.
fn place(reference: &str) -> Result<(&str, &str), Error> {
    let rest = reference
        .strip_prefix("s3://")
        .and_then(|rest| rest.split_once('/'));
    rest.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
        .ok_or_else(|| {
            Error::Reference(format!(
                "S3 references must be of the format s3://<bucket>/<file-path>, got: {reference}"
            ))
        })
}

fn failed<E>(reference: &str, error: &SdkError<E>) -> Error
where
    E: aws_sdk_s3::error::ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    if status == Some(404) {
        return Error::NotFound(reference.to_owned());
    }
    let reason = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => innermost(error),
    };
    Error::Bucket {
        what: reference.to_owned(),
        reason,
        is_transient: status.is_none_or(|status| status >= 500 || status == 429),
    }
}

/// The text of the deepest cause: those above only say that something failed.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    use gennaker_testkit::s3::Server;
    use serde_json::json;

    use super::*;
    use crate::testing::{accounts, artifact, options};

    #[tokio::test]
    async fn objects_of_a_real_server() {
        let server = Server::start();
        let (id, secret) = server.credentials();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "wrong").unwrap();
        let text = format!(
            "[artifacts]\nbytes_max = 2000\n[[artifacts.s3]]\nname = \"s3\"\napi_endpoint = \"{}\"\napi_region = \"eu-1\"\n\
             aws_access_key_id = \"{id}\"\naws_secret_access_key_file = \"{}\"\n",
            server.endpoint(),
            file.display()
        );
        let accounts = accounts(&text);
        let fetch = async |reference: &str| {
            accounts
                .fetch(&artifact(
                    json!({"type": "s3/object", "artifactAccount": "s3", "reference": reference}),
                ))
                .await
        };
        let denied = fetch("s3://bucket/a/b.yml").await.unwrap_err();
        assert!(
            denied.to_string().contains("SignatureDoesNotMatch") && !denied.is_transient(),
            "{denied}"
        );
        std::fs::write(&file, &secret).unwrap();
        let crate::Options { artifacts, .. } = options(&text);
        let own = S3 {
            account: artifacts.s3[0].clone(),
            secret: None,
            bytes_max: 0,
            client: Mutex::default(),
        };
        let client = own.connect(Some(&secret)).await;
        client
            .create_bucket()
            .bucket("bucket")
            .send()
            .await
            .unwrap();
        for (key, content) in [
            ("a/b.yml", "content".to_owned()),
            ("large", "x".repeat(3_000)),
        ] {
            client
                .put_object()
                .bucket("bucket")
                .key(key)
                .body(content.into_bytes().into())
                .send()
                .await
                .unwrap();
        }
        assert_eq!(
            fetch("s3://bucket/a/b.yml").await.unwrap(),
            "content",
            "with the secret of the moment"
        );
        let listed = accounts.objects("s3", "s3/object", "bucket", "a/").await;
        let listed = listed.unwrap();
        assert_eq!((listed[0].key.as_str(), listed.len()), ("a/b.yml", 1));
        assert_eq!((listed[0].etag.len(), listed[0].size_bytes), (32, 7));
        assert!(listed[0].modified_ms > 1_700_000_000_000);
        let nowhere = accounts.objects("s3", "s3/object", "none", "").await;
        assert_eq!(nowhere.unwrap_err().http_status(), 404);
        let missing = fetch("s3://bucket/nothing").await.unwrap_err();
        assert_eq!(missing.http_status(), 404);
        assert!(
            missing
                .to_string()
                .ends_with(": s3://bucket/nothing not found"),
            "{missing}"
        );
        assert!(
            fetch("s3://bucket/large")
                .await
                .unwrap_err()
                .to_string()
                .contains("2000 bytes")
        );
        let wrong = fetch("bucket/x").await.unwrap_err().to_string();
        assert!(
            wrong.ends_with(
                "S3 references must be of the format s3://<bucket>/<file-path>, got: bucket/x"
            ),
            "{wrong}"
        );
    }
}
