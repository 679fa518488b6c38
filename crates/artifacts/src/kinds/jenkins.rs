//! `jenkins/file`: what Jenkins keeps with a build (Clouddriver: `JenkinsArtifactCredentials`).

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_credentials::auth::{Auth, Secret};
use gennaker_settings::JenkinsAccount;

use super::Source;
use crate::{
    Artifact, Error,
    accounts::{Invalid, Making},
    hosts::Hosts,
    http::{Http, below},
};

/// What it reads.
pub(super) const TYPES: &[&str] = &["jenkins/file"];

pub(super) struct Jenkins {
    http: Http,
    auth: Auth,
    address: String,
}

impl Jenkins {
    pub(super) fn new(account: &JenkinsAccount, making: &Making) -> Result<Self, Invalid> {
        let password = Secret::of(account.password.as_ref(), account.password_file.as_ref());
        Ok(Self {
            http: making.http(&account.name, Hosts::new([&account.address]))?,
            auth: Auth::of(account.username.as_ref(), password, None, None),
            address: account.address.clone(),
        })
    }
}

impl Source for Jenkins {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(async move {
            // A job in a folder is named `folder/job/name`, as in triggers.
            let job = artifact.name.split('/');
            let file = artifact.reference.trim_start_matches('/').split('/');
            let segments = std::iter::once("job")
                .chain(job)
                .chain([artifact.version.as_str(), "artifact"])
                .chain(file);
            let url = below(&self.address, segments)?;
            let header = self.http.basic_proof(&self.auth).await?;
            self.http.get(&url, header).await
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Reply, Server, accounts, artifact, credentials_in};

    #[tokio::test]
    async fn a_file_of_a_build() {
        let server = Server::start(|request| match request.path() {
            "/ci/job/team/job/web%20app/17/artifact/build/out.yml" => Reply::ok("content"),
            _ => Reply::status(404, ""),
        })
        .await;
        let accounts = accounts(&format!(
            "[[artifacts.jenkins]]\nname = \"ci\"\naddress = \"{}\"\nusername = \"u\"\npassword = \"p\"\n",
            server.url("/ci/")
        ));
        let given = |reference: &str| {
            artifact(
                json!({"type": "jenkins/file", "artifactAccount": "ci", "name": "team/job/web app", "version": "17",
                "reference": reference}),
            )
        };
        assert_eq!(
            accounts.fetch(&given("build/out.yml")).await.unwrap(),
            "content"
        );
        assert_eq!(credentials_in(&server), ["Basic dTpw"]);
        let up = accounts
            .fetch(&given("../../../../script"))
            .await
            .unwrap_err()
            .to_string();
        assert!(up.contains("\"..\" cannot be a part of a path"), "{up}");
        assert_eq!(server.seen().len(), 1);
    }
}
