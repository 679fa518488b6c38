//! `helm/chart` and `helm/index`: a repository of charts (Clouddriver: `HelmArtifactCredentials`).

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_credentials::auth::{Auth, Secret};
use gennaker_settings::HelmAccount;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{Source, helm_index::Index};
use crate::{
    Artifact, Error,
    accounts::{Invalid, Making},
    hosts::Hosts,
    http::{Http, below, parse},
};

/// What it reads.
pub(super) const TYPES: &[&str] = &["helm/chart", "helm/index"];

pub(super) struct Helm {
    http: Http,
    auth: Auth,
    repository: String,
}

impl Helm {
    pub(super) fn new(account: &HelmAccount, making: &Making) -> Result<Self, Invalid> {
        let password = Secret::of(account.password.as_ref(), account.password_file.as_ref());
        let pair_file = account.username_password_file.as_ref();
        Ok(Self {
            http: making.http(&account.name, Hosts::new([&account.repository]))?,
            auth: Auth::of(account.username.as_ref(), password, pair_file, None),
            repository: account.repository.clone(),
        })
    }

    async fn index_text(&self) -> Result<Bytes, Error> {
        let url = below(&self.repository, ["index.yaml"])?;
        let proof = self.http.basic_proof(&self.auth).await?;
        self.http.get(&url, proof).await
    }

    async fn index(&self) -> Result<Index, Error> {
        Index::parse(&self.index_text().await?)
    }

    async fn chart(&self, artifact: &Artifact) -> Result<Bytes, Error> {
        let index = self.index().await?;
        let entry = index.entry(&artifact.name, &artifact.version)?;
        let mut failure = Error::Answer(format!(
            "chart {} has no address in the index",
            artifact.name
        ));
        // Several addresses are copies of each other.
        for address in &entry.urls {
            let url = absolute(&self.repository, address)?;
            let proof = self.http.basic_proof(&self.auth).await?;
            match self.http.get_elsewhere(&url, proof).await {
                Ok(chart) => {
                    check(&chart, entry.digest.as_deref(), &artifact.name)?;
                    return Ok(chart);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

impl Source for Helm {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(async move {
            match artifact.kind.as_str() {
                "helm/index" => self.index_text().await,
                _ => self.chart(artifact).await,
            }
        })
    }

    fn names(&self) -> Option<BoxFuture<'_, Result<Vec<String>, Error>>> {
        Some(Box::pin(async { Ok(self.index().await?.names()) }))
    }

    fn versions<'a>(&'a self, name: &'a str) -> Option<BoxFuture<'a, Result<Vec<String>, Error>>> {
        Some(Box::pin(async move { self.index().await?.versions(name) }))
    }
}

/// The address of a chart, which may be relative to the repository.
fn absolute(repository: &str, address: &str) -> Result<Url, Error> {
    if address.contains("://") {
        return parse(address);
    }
    let base = parse(&format!("{}/", repository.trim_end_matches('/')))?;
    let joined = base.join(address);
    joined.map_err(|_| {
        Error::Answer(format!(
            "the index has the address {address:?}, which is none"
        ))
    })
}

/// Compares what came with what the index says; Clouddriver does not look.
fn check(chart: &[u8], digest: Option<&str>, name: &str) -> Result<(), Error> {
    let Some(wanted) = digest.map(|text| text.trim_start_matches("sha256:")) else {
        return Ok(());
    };
    let found = Sha256::digest(chart)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    if wanted.is_empty() || wanted.eq_ignore_ascii_case(&found) {
        return Ok(());
    }
    Err(Error::Answer(format!(
        "chart {name} is not what the index says: its digest is {found} and not {wanted}"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Reply, Server, accounts, artifact, credentials_in};

    #[tokio::test]
    async fn charts_by_name_and_version() {
        let cdn = Server::start(|_| Reply::ok("chart 2")).await;
        let index = format!(
            "apiVersion: v1\nentries:\n  web:\n  - version: 1.0.0\n    urls: [charts/web-1.0.0.tgz]\n    \
             digest: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n  \
             - version: 2.0.0\n    urls: [\"{}\"]\n  - version: 0.1.0\n    urls: [charts/web-0.1.0.tgz]\n  db: []\n",
            cdn.url("/web-2.0.0.tgz?sign=x")
        );
        let repository = Server::start(move |request| match request.path() {
            "/stable/index.yaml" => Reply::ok(&index),
            "/stable/charts/web-0.1.0.tgz" => Reply::ok("chart 0.1"),
            "/stable/charts/web-1.0.0.tgz" => Reply::ok("another chart"),
            _ => Reply::status(404, ""),
        })
        .await;
        let accounts = accounts(&format!(
            "[[artifacts.helm]]\nname = \"charts\"\nrepository = \"{}\"\nusername = \"u\"\npassword = \"p\"\n",
            repository.url("/stable")
        ));
        let chart = async |version: &str| {
            let given = json!({"type": "helm/chart", "artifactAccount": "charts", "name": "web", "version": version});
            accounts.fetch(&artifact(given)).await
        };
        assert_eq!(chart("").await.unwrap(), "chart 2");
        assert_eq!(credentials_in(&cdn), [""; 0]);
        assert_eq!(chart("0.1.0").await.unwrap(), "chart 0.1");
        assert!(
            credentials_in(&repository)
                .iter()
                .all(|one| one == "Basic dTpw")
        );
        assert_eq!(credentials_in(&repository).len(), 3);
        let other = chart("1.0.0").await.unwrap_err().to_string();
        assert!(other.contains("is not what the index says"), "{other}");
        assert_eq!(chart("9").await.unwrap_err().http_status(), 404);
        assert_eq!(
            accounts.names("charts", "helm/chart").await.unwrap(),
            ["db", "web"]
        );
        let versions = accounts
            .versions("charts", "helm/chart", "web")
            .await
            .unwrap();
        assert_eq!(versions, ["1.0.0", "2.0.0", "0.1.0"]);
        let index = artifact(json!({"type": "helm/index", "artifactAccount": "charts"}));
        assert!(
            accounts
                .fetch(&index)
                .await
                .unwrap()
                .starts_with(b"apiVersion")
        );
    }
}
