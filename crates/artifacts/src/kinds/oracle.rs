//! `oracle/object`: an object of Oracle's Object Storage, by signed requests (Clouddriver: `OracleArtifactCredentials`).

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_credentials::{file, rsa::Key};
use gennaker_outbound::Request;
use gennaker_runtime::Clock;
use gennaker_settings::OracleAccount;
use url::Url;

use super::Source;
use crate::{
    Artifact, Error,
    accounts::{Invalid, Making},
    hosts::Hosts,
    http::{Http, below},
};

/// What it reads.
pub(super) const TYPES: &[&str] = &["oracle/object"];

pub(super) struct Oracle {
    http: Http,
    api: String,
    namespace: String,
    key_id: String,
    key_file: PathBuf,
    clock: Clock,
}

impl Oracle {
    pub(super) fn new(account: &OracleAccount, making: &Making) -> Result<Self, Invalid> {
        let usual = || format!("https://objectstorage.{}.oraclecloud.com", account.region);
        let api = account.api_endpoint.clone().unwrap_or_else(usual);
        Ok(Self {
            http: making.http(&account.name, Hosts::new([&api]))?,
            api,
            namespace: account.namespace.clone(),
            key_id: format!(
                "{}/{}/{}",
                account.tenancy_id, account.user_id, account.fingerprint
            ),
            key_file: PathBuf::from(&account.ssh_private_key_file),
            clock: making.clock.clone(),
        })
    }

    async fn object(&self, reference: &str) -> Result<Bytes, Error> {
        let (bucket, path, version) = place(reference)?;
        let segments = ["n", &self.namespace, "b", bucket, "o"];
        let mut url = below(&self.api, segments.into_iter().chain(path.split('/')))?;
        if let Some(version) = version {
            url.query_pairs_mut().append_pair("versionId", version);
        }
        let secret = |problem| self.http.secret(problem);
        let pem = file::read(&self.key_file).await.map_err(secret)?;
        let date = http_date(self.clock.now_ms());
        let signature = Key::from_pem(&pem)
            .and_then(|key| key.sign(&signed(&url, &date)))
            .map_err(secret)?;
        let authorization = format!(
            "Signature version=\"1\",headers=\"date (request-target) host\",keyId=\"{}\",algorithm=\"rsa-sha256\",signature=\"{}\"",
            self.key_id,
            STANDARD.encode(signature)
        );
        let mut request = Request::get(url.as_str()).header("Date", date);
        // A signature is for one address.
        request.follow_redirects = false;
        let request = self
            .http
            .proven(request, &url, Some(("Authorization", authorization)))?;
        match self.http.send(request).await {
            Ok(answer) => Ok(answer.body),
            Err(Error::Status { status: 404, .. }) => Err(Error::NotFound(reference.to_owned())),
            Err(error) => Err(error),
        }
    }
}

impl Source for Oracle {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(self.object(&artifact.reference))
    }
}

/// What is signed: the headers `date (request-target) host`.
fn signed(url: &Url, date: &str) -> String {
    let query = url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!(
        "date: {date}\n(request-target): get {}{query}\nhost: {host}{port}",
        url.path()
    )
}

fn http_date(ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Bucket, path and version.
fn place(reference: &str) -> Result<(&str, &str, Option<&str>), Error> {
    let wrong = || {
        Error::Reference(format!(
            "Oracle references must be of the format oci://<bucket>/<file-path>[#versionId], got: {reference}"
        ))
    };
    let rest = reference.strip_prefix("oci://").ok_or_else(wrong)?;
    let (bucket, path) = rest.split_once('/').ok_or_else(wrong)?;
    let (path, version) = match path.rsplit_once('#') {
        Some((path, version)) if !version.is_empty() => (path, Some(version)),
        _ => (path, None),
    };
    if bucket.is_empty() || path.is_empty() {
        return Err(wrong());
    }
    Ok((bucket, path, version))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{Reply, Server, accounts, artifact};

    #[tokio::test]
    async fn requests_are_signed() {
        let server = Server::start(|request| match request.path() {
            "/n/ns/b/bucket/o/a/k.yml?versionId=v7" => Reply::ok("content"),
            _ => Reply::status(404, ""),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        std::fs::write(&key, gennaker_testkit::keys::PEM).unwrap();
        let accounts = accounts(&format!(
            "[[artifacts.oracle]]\nname = \"o\"\nnamespace = \"ns\"\nregion = \"eu\"\nuser_id = \"u\"\nfingerprint = \"f\"\n\
             ssh_private_key_file = \"{}\"\ntenancy_id = \"t\"\napi_endpoint = \"{}\"\n",
            key.display(),
            server.url("")
        ));
        let fetch = async |reference: &str| {
            accounts.fetch(&artifact(json!({"type": "oracle/object", "artifactAccount": "o", "reference": reference}))).await
        };
        assert_eq!(fetch("oci://bucket/a/k.yml#v7").await.unwrap(), "content");
        let seen = server.seen().remove(0);
        let authorization = seen.header("authorization").unwrap();
        assert!(authorization.contains("keyId=\"t/u/f\""), "{authorization}");
        let signature = authorization
            .rsplit_once("signature=\"")
            .unwrap()
            .1
            .trim_end_matches('"');
        let date = seen.header("date").unwrap();
        let text = format!(
            "date: {date}\n(request-target): get {}\nhost: {}",
            seen.path(),
            seen.header("host").unwrap()
        );
        assert!(
            gennaker_testkit::keys::is_signed(&text, &STANDARD.decode(signature).unwrap()),
            "{text}"
        );
        assert_eq!(
            fetch("oci://bucket/none").await.unwrap_err().http_status(),
            404
        );
        assert_eq!(
            fetch("oci://bucket/../x").await.unwrap_err().http_status(),
            400
        );
        assert_eq!(fetch("x").await.unwrap_err().http_status(), 400);
    }

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
