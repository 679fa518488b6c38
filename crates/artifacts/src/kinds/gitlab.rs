//! `gitlab/file`: a file by GitLab's API (Clouddriver: `GitlabArtifactCredentials`).

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_credentials::auth::{Auth, Proof, Secret};
use gennaker_settings::GitlabAccount;

use super::Source;
use crate::{
    Artifact, Error,
    accounts::{Invalid, Making},
    hosts::Hosts,
    http::{Http, parse},
};

/// What it reads.
pub(super) const TYPES: &[&str] = &["gitlab/file"];

pub(super) struct Gitlab {
    http: Http,
    auth: Auth,
}

impl Gitlab {
    pub(super) fn new(account: &GitlabAccount, making: &Making) -> Result<Self, Invalid> {
        let token = Secret::of(account.token.as_ref(), account.token_file.as_ref());
        let hosts = match account.hosts.as_slice() {
            [] => Hosts::new(["gitlab.com"]),
            hosts => Hosts::new(hosts),
        };
        Ok(Self {
            http: making.http(&account.name, hosts)?,
            auth: Auth::of(None, None, None, token),
        })
    }
}

impl Source for Gitlab {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(async move {
            let mut url = parse(&artifact.reference)?;
            url.query_pairs_mut()
                .append_pair("ref", artifact.version_or("master"));
            let proof = self.http.proof(&self.auth).await?;
            let header = match proof {
                Proof::Token(token) => Some(("Private-Token", token)),
                Proof::None | Proof::Basic { .. } => None,
            };
            self.http.get(&url, header).await
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Reply, Server, accounts, artifact};

    #[tokio::test]
    async fn asks_the_api_with_the_token_of_the_moment() {
        let server = Server::start(|request| match request.path() {
            "/api/v4/projects/o%2Fr/repository/files/k8s%2Fweb.yml/raw?ref=v1" => Reply::ok("one"),
            "/api/v4/projects/o%2Fr/repository/files/k8s%2Fweb.yml/raw?ref=master" => {
                Reply::ok("main")
            }
            _ => Reply::status(404, ""),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let accounts = accounts(&format!(
            "[[artifacts.gitlab]]\nname = \"gl\"\ntoken_file = \"{}\"\nhosts = [\"{}\"]\n",
            file.display(),
            server.url("")
        ));
        let reference = server.url("/api/v4/projects/o%2Fr/repository/files/k8s%2Fweb.yml/raw");
        for (token, version, content) in [("first", "v1", "one"), ("second", "", "main")] {
            std::fs::write(&file, token).unwrap();
            let given = artifact(
                json!({"type": "gitlab/file", "artifactAccount": "gl", "version": version, "reference": reference}),
            );
            assert_eq!(accounts.fetch(&given).await.unwrap(), content);
            let last = server.seen().pop().unwrap();
            assert_eq!(last.header("private-token"), Some(token));
        }
        let away = artifact(
            json!({"type": "gitlab/file", "artifactAccount": "gl", "reference": "https://gitlab.com/x"}),
        );
        let error = accounts.fetch(&away).await.unwrap_err().to_string();
        assert!(error.contains("and not to https://gitlab.com"), "{error}");
    }
}
