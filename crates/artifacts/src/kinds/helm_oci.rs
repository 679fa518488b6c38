//! `helm/image`: charts in a registry (Clouddriver: `HelmOciArtifactCredentials`).

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_credentials::{
    auth::{Auth, Secret},
    challenge,
};
use gennaker_settings::HelmOciAccount;

use super::{Source, registry::Registry};
use crate::{
    Artifact, Error,
    accounts::{Invalid, Making},
    hosts::Hosts,
    http::{Http, host_of},
};

/// What it reads.
pub(super) const TYPES: &[&str] = &["helm/image"];

pub(super) struct HelmOci {
    http: Http,
    auth: Auth,
    address: String,
    token_hosts: Hosts,
    repositories: Vec<String>,
}

impl HelmOci {
    pub(super) fn new(account: &HelmOciAccount, making: &Making) -> Result<Self, Invalid> {
        let password = Secret::of(account.password.as_ref(), account.password_file.as_ref());
        let pair_file = account.username_password_file.as_ref();
        // As clouddriver-docker: what people paste often ends with the version of the protocol.
        let address = account.address.trim_end_matches('/');
        let address = address.strip_suffix("/v2").unwrap_or(address).to_owned();
        let host = host_of(&address);
        let known = challenge::token_hosts(&host);
        let token_hosts = Hosts::new(
            known
                .into_iter()
                .chain(account.hosts.iter().map(String::as_str)),
        );
        let opened: Vec<String> = token_hosts.patterns().collect();
        let opened: Vec<&str> = opened.iter().map(String::as_str).collect();
        Ok(Self {
            http: making.http_with(&account.name, Hosts::new([&address]), &opened)?,
            auth: Auth::of(account.username.as_ref(), password, pair_file, None),
            address,
            token_hosts,
            repositories: account.helm_oci_repositories.clone(),
        })
    }

    async fn registry(&self) -> Result<Registry<'_>, Error> {
        Ok(Registry {
            http: &self.http,
            address: &self.address,
            token_hosts: &self.token_hosts,
            proof: self.http.proof(&self.auth).await?,
        })
    }

    /// Repository and tag or digest of an artifact, whose reference may begin with the registry's name.
    fn place(&self, artifact: &Artifact) -> Result<(String, String), Error> {
        let reference = artifact.reference.trim_start_matches("oci://");
        let own = self.address.split_once("://").map_or("", |(_, rest)| rest);
        let reference = reference
            .strip_prefix(own)
            .map_or(reference, |rest| rest.trim_start_matches('/'));
        let (repository, version) = match reference.split_once('@') {
            Some((repository, digest)) => (untagged(repository).0, Some(digest)),
            None => untagged(reference),
        };
        let name = artifact.name.trim_start_matches("oci://");
        let name = name
            .strip_prefix(own)
            .map_or(name, |rest| rest.trim_start_matches('/'));
        let repository = if repository.is_empty() {
            name
        } else {
            repository
        };
        let version = match artifact.version.as_str() {
            "" => version.unwrap_or_default(),
            version => version,
        };
        if repository.is_empty() || version.is_empty() {
            return Err(Error::Reference(
                "a helm/image artifact needs name and version, or a reference <repository>:<version>".to_owned(),
            ));
        }
        // A plus is no part of a tag; Helm writes it as an underscore.
        Ok((repository.to_owned(), version.replace('+', "_")))
    }
}

impl Source for HelmOci {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(async move {
            let (repository, version) = self.place(artifact)?;
            self.registry().await?.chart(&repository, &version).await
        })
    }

    fn names(&self) -> Option<BoxFuture<'_, Result<Vec<String>, Error>>> {
        Some(Box::pin(async { Ok(self.repositories.clone()) }))
    }

    fn versions<'a>(&'a self, name: &'a str) -> Option<BoxFuture<'a, Result<Vec<String>, Error>>> {
        Some(Box::pin(
            async move { self.registry().await?.tags(name).await },
        ))
    }
}

/// A reference without its tag, and the tag; a colon before a slash belongs to a port.
fn untagged(reference: &str) -> (&str, Option<&str>) {
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (reference, None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sha2::{Digest as _, Sha256};

    use crate::testing::{Reply, Server, accounts, artifact};

    fn digest(content: &str) -> String {
        let hex: String = Sha256::digest(content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("sha256:{hex}")
    }

    #[tokio::test]
    async fn a_registry_that_wants_tokens() {
        let cdn = Server::start(|request| match request.header("authorization") {
            None => Reply::ok("the chart"),
            Some(_) => Reply::status(400, "credentials at the wrong door"),
        })
        .await;
        let tokens =
            Server::start(
                |request| match (request.path(), request.header("authorization")) {
                    (
                        "/token?service=reg&scope=repository%3Ateam%2Fweb%3Apull",
                        Some("Basic dTpw"),
                    ) => Reply::ok("{\"token\": \"tok\"}"),
                    _ => Reply::status(403, ""),
                },
            )
            .await;
        let (realm, blob) = (tokens.url("/token"), cdn.url("/blob"));
        let manifest = json!({"layers": [
            {"mediaType": "application/vnd.cncf.helm.chart.provenance.v1.prov", "digest": digest("x")},
            {"mediaType": super::super::registry::CHART, "digest": digest("the chart")}]})
        .to_string();
        let manifest_digest = digest(&manifest);
        let other = json!({"layers": [{"mediaType": super::super::registry::CHART, "digest": digest("another")}]}).to_string();
        let by_digest = format!("/v2/team/web/manifests/{manifest_digest}");
        let registry = Server::start(move |request| {
            if request.header("authorization") != Some("Bearer tok") {
                let challenge = format!(
                    "Bearer realm=\"{realm}\",service=\"reg\",scope=\"repository:team/web:pull\""
                );
                return Reply::status(401, "").with("WWW-Authenticate", &challenge);
            }
            match request.path() {
                "/v2/team/web/manifests/1.0.0_b1" => Reply::ok(&manifest),
                path if path == by_digest => Reply::ok(&manifest),
                "/v2/team/web/manifests/other" => Reply::ok(&other),
                "/v2/team/web/tags/list" => Reply::ok("{\"tags\": [\"1.0.0\"]}")
                    .with("Link", "</v2/team/web/tags/list?last=1.0.0>; rel=\"next\""),
                "/v2/team/web/tags/list?last=1.0.0" => Reply::ok("{\"tags\": [\"2.0.0\"]}"),
                path if path.starts_with("/v2/team/web/blobs/") => Reply::redirect(&blob),
                _ => Reply::status(404, ""),
            }
        })
        .await;
        let settings = |hosts: &str| {
            format!(
                "[[artifacts.helm_oci]]\nname = \"oci\"\naddress = \"{}/v2/\"\nusername = \"u\"\npassword = \"p\"\n\
                 helm_oci_repositories = [\"team/web\"]\nhosts = [{hosts}]\n",
                registry.url("")
            )
        };
        let open = accounts(&settings(&format!("\"{}\"", tokens.url(""))));
        let fetch = async |given| open.fetch(&artifact(given)).await;
        let named = json!({"type": "helm/image", "artifactAccount": "oci", "name": "team/web", "version": "1.0.0+b1"});
        assert_eq!(fetch(named.clone()).await.unwrap(), "the chart");
        let host = registry.url("").replace("http://", "oci://");
        let referred = json!({"type": "helm/image", "reference": format!("{host}/team/web@{manifest_digest}")});
        assert_eq!(fetch(referred).await.unwrap(), "the chart");
        let changed = json!({"type": "helm/image", "reference": "team/web:other"});
        let changed = fetch(changed).await.unwrap_err().to_string();
        assert!(changed.contains("is not what was asked for"), "{changed}");
        assert_eq!(
            fetch(json!({"type": "helm/image", "name": "team/web", "version": "9"}))
                .await
                .unwrap_err()
                .http_status(),
            404
        );
        assert_eq!(
            fetch(json!({"type": "helm/image", "name": "team/web"}))
                .await
                .unwrap_err()
                .http_status(),
            400
        );
        assert_eq!(open.names("oci", "helm/image").await.unwrap(), ["team/web"]);
        assert_eq!(
            open.versions("oci", "helm/image", "team/web")
                .await
                .unwrap(),
            ["1.0.0", "2.0.0"]
        );
        let asked = tokens.seen().len();
        let shut = accounts(&settings(""));
        let error = shut.fetch(&artifact(named)).await.unwrap_err().to_string();
        assert!(
            error.contains("the credentials of account oci go to"),
            "{error}"
        );
        assert_eq!(tokens.seen().len(), asked);
    }
}
