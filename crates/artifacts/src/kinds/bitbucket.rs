//! `bitbucket/file`: a file by Bitbucket's raw addresses (Clouddriver: `BitbucketArtifactCredentials`).

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_credentials::auth::{Auth, Proof, Secret};
use gennaker_settings::BitbucketAccount;

use super::Source;
use crate::{
    Artifact, Error,
    accounts::{Invalid, Making},
    hosts::Hosts,
    http::{Http, basic_header, parse},
};

/// What it reads.
pub(super) const TYPES: &[&str] = &["bitbucket/file"];

pub(super) struct Bitbucket {
    http: Http,
    auth: Auth,
}

impl Bitbucket {
    pub(super) fn new(account: &BitbucketAccount, making: &Making) -> Result<Self, Invalid> {
        let password = Secret::of(account.password.as_ref(), account.password_file.as_ref());
        let token = Secret::of(account.token.as_ref(), account.token_file.as_ref());
        let pair_file = account.username_password_file.as_ref();
        let hosts = match account.hosts.as_slice() {
            [] => Hosts::new(["api.bitbucket.org", "bitbucket.org"]),
            hosts => Hosts::new(hosts),
        };
        Ok(Self {
            http: making.http(&account.name, hosts)?,
            auth: Auth::of(account.username.as_ref(), password, pair_file, token),
        })
    }
}

impl Source for Bitbucket {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(async move {
            let url = parse(&artifact.reference)?;
            let proof = self.http.proof(&self.auth).await?;
            let header = match proof {
                Proof::None => None,
                Proof::Basic { user, password } => Some(basic_header(&user, &password)),
                Proof::Token(token) => Some(("Authorization", format!("Bearer {token}"))),
            };
            self.http.get(&url, header).await
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Reply, Server, accounts, artifact, credentials_in};

    #[tokio::test]
    async fn the_address_is_called_as_it_is() {
        let server = Server::start(|request| match request.path() {
            "/2.0/repositories/o/r/src/main/k8s/web.yml" => Reply::ok("content"),
            _ => Reply::status(404, ""),
        })
        .await;
        let accounts = accounts(&format!(
            "[[artifacts.bitbucket]]\nname = \"t\"\ntoken = \"tok\"\nhosts = [\"{0}\"]\n\
             [[artifacts.bitbucket]]\nname = \"b\"\nusername = \"u\"\npassword = \"p\"\nhosts = [\"{0}\"]\n",
            server.url("")
        ));
        for account in ["t", "b"] {
            let given = artifact(json!({"type": "bitbucket/file", "artifactAccount": account,
                "reference": server.url("/2.0/repositories/o/r/src/main/k8s/web.yml")}));
            assert_eq!(accounts.fetch(&given).await.unwrap(), "content");
        }
        assert_eq!(credentials_in(&server), ["Bearer tok", "Basic dTpw"]);
    }
}
