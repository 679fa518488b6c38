//! `gcs/object`: an object of Google Cloud Storage, by its JSON API (Clouddriver: `GcsArtifactCredentials`).

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_outbound::Request;
use gennaker_runtime::Clock;
use gennaker_settings::GcsAccount;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::Source;
use crate::{
    Artifact, Error,
    accounts::{Invalid, Making},
    auth::read_file,
    hosts::Hosts,
    http::{Http, below, parse},
    rsa::Key,
};

/// What it reads.
pub(super) const TYPES: &[&str] = &["gcs/object"];

const API: &str = "https://storage.googleapis.com";
const TOKENS: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_only";
const METADATA: &str =
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";

/// What the address policy must let this kind of account reach: the machine's own service account.
const METADATA_HOSTS: [&str; 2] = ["metadata.google.internal", "169.254.169.254"];

/// Before its end a token is not used any more, in milliseconds.
const FRESH_MS: i64 = 60 * 1000;

pub(super) struct Gcs {
    /// To the API and to those who give tokens.
    http: Http,
    api: String,
    key_file: Option<PathBuf>,
    /// Whether a token is used at all.
    has_token: bool,
    clock: Clock,
    /// The token, its end, and the key that it was got with.
    kept: Mutex<Option<(String, i64, String)>>,
}

/// A service account's key, as Google hands it out.
#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key: String,
    token_uri: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: Option<i64>,
}

impl Gcs {
    pub(super) fn new(account: &GcsAccount, making: &Making) -> Result<Self, Invalid> {
        let api = account.api_endpoint.as_deref().unwrap_or(API);
        let by_machine = account.json_path.is_none() && account.api_endpoint.is_none();
        let opened: &[&str] = if by_machine { &METADATA_HOSTS } else { &[] };
        Ok(Self {
            http: making.http_with(&account.name, Hosts::new([api]), opened)?,
            api: api.to_owned(),
            has_token: account.json_path.is_some() || by_machine,
            key_file: account.json_path.as_ref().map(PathBuf::from),
            clock: making.clock.clone(),
            kept: Mutex::default(),
        })
    }

    async fn token(&self) -> Result<String, Error> {
        let key = match &self.key_file {
            Some(file) => read_file(file)
                .await
                .map_err(|problem| self.http.secret(problem))?,
            None => String::new(),
        };
        let now = self.clock.now_ms();
        // One at a time: those that wait find the token of the first.
        let mut kept = self.kept.lock().await;
        if let Some((token, until, with)) = &*kept
            && *until > now + FRESH_MS
            && *with == key
        {
            return Ok(token.clone());
        }
        let request = match &self.key_file {
            Some(_) => self.exchange(&key, now)?,
            None => Request::get(METADATA).header("Metadata-Flavor", "Google"),
        };
        let answer = self.http.send(request).await?;
        let token: Token = serde_json::from_slice(&answer.body)
            .map_err(|_| self.http.secret("Google gives no token for it".to_owned()))?;
        let until = now + token.expires_in.unwrap_or(0).clamp(0, 86_400) * 1_000;
        *kept = Some((token.access_token.clone(), until, key));
        Ok(token.access_token)
    }

    /// A signed wish for a token (RFC 7523).
    fn exchange(&self, key: &str, now: i64) -> Result<Request, Error> {
        let secret = |problem: String| self.http.secret(problem);
        let key: ServiceAccount = serde_json::from_str(key)
            .map_err(|_| secret("json_path is not the key of a service account".to_owned()))?;
        let uri = key.token_uri.as_deref().unwrap_or(TOKENS);
        let now_s = now / 1_000;
        let claims = json!({"iss": key.client_email, "scope": SCOPE, "aud": uri, "iat": now_s, "exp": now_s + 3_600});
        let proof = Key::from_pem(&key.private_key)
            .and_then(|key| key.token(&claims))
            .map_err(secret)?;
        let body = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={proof}"
        );
        Ok(Request::post(
            uri,
            "application/x-www-form-urlencoded",
            body,
        ))
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
        let key = json!({"client_email": "robot@example.com", "private_key": crate::rsa::tests::PEM, "token_uri": tokens.url("/token")});
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
        let claims = crate::rsa::tests::claims(body.split_once("assertion=").unwrap().1);
        assert_eq!(claims["iss"], "robot@example.com");
        assert_eq!(claims["aud"], tokens.url("/token"));
    }
}
