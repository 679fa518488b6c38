//! `gcs/object`: an object of Google Cloud Storage, by its JSON API (Clouddriver: `GcsArtifactCredentials`).

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_credentials::google;
use gennaker_settings::GcsAccount;

use super::Source;
use crate::{
    Artifact, Error,
    accounts::{Invalid, Making},
    hosts::Hosts,
    http::{Http, below, parse},
};

/// What it reads.
pub(super) const TYPES: &[&str] = &["gcs/object"];

const API: &str = "https://storage.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_only";

pub(super) struct Gcs {
    /// To the API and to those who give tokens.
    http: Http,
    api: String,
    /// Whether a token is used at all.
    has_token: bool,
    identity: google::Identity,
}

impl Gcs {
    pub(super) fn new(account: &GcsAccount, making: &Making) -> Result<Self, Invalid> {
        let api = account.api_endpoint.as_deref().unwrap_or(API);
        let by_machine = account.json_path.is_none() && account.api_endpoint.is_none();
        let opened: &[&str] = if by_machine {
            &google::METADATA_HOSTS
        } else {
            &[]
        };
        let http = making.http_with(&account.name, Hosts::new([api]), opened)?;
        let key_file = account.json_path.as_ref().map(PathBuf::from);
        Ok(Self {
            identity: google::Identity::new(http.client().clone(), making.clock.clone(), key_file),
            http,
            api: api.to_owned(),
            has_token: account.json_path.is_some() || by_machine,
        })
    }

    async fn token(&self) -> Result<String, Error> {
        self.identity
            .token(SCOPE)
            .await
            .map_err(|error| match error {
                google::Error::Call(error) => Error::Call(error),
                google::Error::Status { status, host } => Error::Status { status, host },
                google::Error::Unusable(problem) => self.http.secret(problem),
            })
    }

    async fn object(&self, reference: &str) -> Result<Bytes, Error> {
        let (bucket, path, generation) = place(reference)?;
        let mut url = below(&self.api, ["storage", "v1", "b", bucket, "o"])?;
        // The whole path is one segment, with its slashes encoded.
        let path = percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC);
        url.set_path(&format!("{}/{path}", url.path()));
        url.query_pairs_mut().append_pair("alt", "media");
        if let Some(generation) = generation {
            url.query_pairs_mut().append_pair("generation", generation);
        }
        let header = match self.has_token {
            true => Some(("Authorization", format!("Bearer {}", self.token().await?))),
            false => None,
        };
        match self.http.get(&parse(url.as_str())?, header).await {
            Err(Error::Status { status: 404, .. }) => Err(Error::NotFound(reference.to_owned())),
            other => other,
        }
    }
}

impl Source for Gcs {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(self.object(&artifact.reference))
    }
}

/// Bucket, path and generation.
fn place(reference: &str) -> Result<(&str, &str, Option<&str>), Error> {
    let wrong = || {
        Error::Reference(format!(
            "GCS references must be of the format gs://<bucket>/<file-path>[#generation], got: {reference}"
        ))
    };
    let rest = reference.strip_prefix("gs://").unwrap_or(reference);
    let (bucket, path) = rest.split_once('/').ok_or_else(wrong)?;
    let (path, generation) = match path.rsplit_once('#') {
        Some((path, generation)) if generation.bytes().all(|byte| byte.is_ascii_digit()) => {
            (path, Some(generation).filter(|text| !text.is_empty()))
        }
        Some(_) => return Err(wrong()),
        None => (path, None),
    };
    if bucket.is_empty() || path.is_empty() {
        return Err(wrong());
    }
    Ok((bucket, path, generation))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::place;
    use crate::testing::{Reply, Server, accounts, artifact, credentials_in};

    #[test]
    fn references() {
        assert_eq!(
            place("gs://b/a/k.yml#17").unwrap(),
            ("b", "a/k.yml", Some("17"))
        );
        assert_eq!(place("gs://b/k").unwrap(), ("b", "k", None));
        for bad in ["gs://b", "gs:///k", "gs://b/", "gs://b/k#x"] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn an_object_with_the_token_of_a_service_account() {
        let api =
            Server::start(
                |request| match (request.path(), request.header("authorization")) {
                    (
                        "/storage/v1/b/bucket/o/a%2Fk%2Eyml?alt=media&generation=17",
                        Some("Bearer tok"),
                    ) => Reply::ok("content"),
                    _ => Reply::status(404, ""),
                },
            )
            .await;
        let tokens =
            Server::start(|_| Reply::ok("{\"access_token\": \"tok\", \"expires_in\": 3600}")).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.json");
        let key = json!({"client_email": "robot@example.com", "private_key": gennaker_testkit::keys::PEM, "token_uri": tokens.url("/token")});
        std::fs::write(&file, key.to_string()).unwrap();
        let accounts = accounts(&format!(
            "[[artifacts.gcs]]\nname = \"gcs\"\njson_path = \"{}\"\napi_endpoint = \"{}\"\n",
            file.display(),
            api.url("")
        ));
        let fetch = async |reference: &str| {
            accounts
                .fetch(&artifact(
                    json!({"type": "gcs/object", "artifactAccount": "gcs", "reference": reference}),
                ))
                .await
        };
        assert_eq!(fetch("gs://bucket/a/k.yml#17").await.unwrap(), "content");
        assert_eq!(
            fetch("gs://bucket/none").await.unwrap_err().http_status(),
            404
        );
        assert_eq!(credentials_in(&api).len(), 2);
        let asked = tokens.seen();
        assert_eq!(asked.len(), 1, "the token is kept");
        let body = String::from_utf8(asked[0].body.clone()).unwrap();
        let claims = gennaker_testkit::keys::claims(body.split_once("assertion=").unwrap().1);
        assert_eq!(claims["iss"], "robot@example.com");
        assert_eq!(claims["aud"], tokens.url("/token"));
    }
}
