//! `github/file`: a file by GitHub's contents API (Clouddriver: `GithubArtifactCredentials`).

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_credentials::auth::{Auth, Proof, Secret};
use gennaker_outbound::Request;
use gennaker_settings::GithubAccount;
use serde::Deserialize;
use url::Url;

use super::{Source, github_app::GithubApp};
use crate::{
    Artifact, Error,
    accounts::{Invalid, Making},
    hosts::Hosts,
    http::{Header, Http, basic_header, parse},
};

/// What it reads.
pub(super) const TYPES: &[&str] = &["github/file"];

/// Where GitHub itself is.
pub(super) const API: &str = "https://api.github.com";
const RAW: &str = "https://raw.githubusercontent.com";

pub(super) struct Github {
    http: Http,
    auth: Auth,
    app: Option<GithubApp>,
    api_version: String,
    use_content_api: bool,
}

/// What the API says about a file.
#[derive(Deserialize)]
struct Contents {
    download_url: Option<String>,
}

impl Github {
    pub(super) fn new(account: &GithubAccount, making: &Making) -> Result<Self, Invalid> {
        let password = Secret::of(account.password.as_ref(), account.password_file.as_ref());
        let token = Secret::of(account.token.as_ref(), account.token_file.as_ref());
        let pair_file = account.username_password_file.as_ref();
        let api = account.api_base_url.as_deref();
        let own = api.map_or_else(|| vec![API, RAW], |api| vec![api]);
        let hosts = Hosts::new(
            own.into_iter()
                .chain(account.hosts.iter().map(String::as_str)),
        );
        let http = making.http(&account.name, hosts)?;
        let app = GithubApp::of(account, api.unwrap_or(API), &http, making.clock.clone());
        Ok(Self {
            auth: Auth::of(account.username.as_ref(), password, pair_file, token),
            app,
            http,
            api_version: account
                .api_version
                .clone()
                .unwrap_or_else(|| "v3".to_owned()),
            use_content_api: account.use_content_api,
        })
    }

    async fn header(&self, url: &Url) -> Result<Option<Header>, Error> {
        if let Some(app) = &self.app {
            let token = app.token(url).await?;
            return Ok(Some(("Authorization", format!("token {token}"))));
        }
        let proof = self.http.proof(&self.auth).await?;
        Ok(match proof {
            Proof::None => None,
            Proof::Basic { user, password } => Some(basic_header(&user, &password)),
            Proof::Token(token) => Some(("Authorization", format!("token {token}"))),
        })
    }
}

impl Source for Github {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(async move {
            let mut url = parse(&artifact.reference)?;
            url.query_pairs_mut()
                .append_pair("ref", artifact.version_or("master"));
            let header = self.header(&url).await?;
            if self.use_content_api {
                let accept = format!("application/vnd.github.{}.raw", self.api_version);
                let request = Request::get(url.as_str()).header("Accept", accept);
                let request = self.http.proven(request, &url, header)?;
                return Ok(self.http.send(request).await?.body);
            }
            let about = self.http.get(&url, header.clone()).await?;
            let unknown = || {
                Error::Answer(format!(
                    "Unable to determine the download URL of artifact {}: the address is not that of a file in the contents API",
                    artifact.shown()
                ))
            };
            let about: Contents = serde_json::from_slice(&about).map_err(|_| unknown())?;
            let download = about.download_url.ok_or_else(unknown)?;
            // Addresses of private files carry a token of their own, so one elsewhere works without ours.
            self.http.get_elsewhere(&parse(&download)?, header).await
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Reply, Server, accounts, artifact, credentials_in};

    #[tokio::test]
    async fn metadata_first_then_the_file() {
        let raw = Server::start(|request| match request.path() {
            "/o/r/v1/k8s/web.yml?token=own" => Reply::ok("content"),
            _ => Reply::status(404, ""),
        })
        .await;
        let download = raw.url("/o/r/v1/k8s/web.yml?token=own");
        let api = Server::start(move |request| match request.path() {
            "/repos/o/r/contents/k8s/web.yml?ref=v1" => {
                Reply::ok(&json!({"name": "web.yml", "download_url": download}).to_string())
            }
            "/repos/o/r/contents/k8s?ref=master" => Reply::ok("[]"),
            _ => Reply::status(404, ""),
        })
        .await;
        let accounts = accounts(&format!(
            "[[artifacts.github]]\nname = \"gh\"\ntoken = \"tok\"\napi_base_url = \"{}\"\n",
            api.url("")
        ));
        let of = |path: &str, version: &str| {
            artifact(
                json!({"type": "github/file", "artifactAccount": "gh", "name": "web.yml", "version": version,
                "reference": api.url(path)}),
            )
        };
        let file = of("/repos/o/r/contents/k8s/web.yml", "v1");
        assert_eq!(accounts.fetch(&file).await.unwrap(), "content");
        assert_eq!(credentials_in(&api), ["token tok"]);
        assert_eq!(
            credentials_in(&raw),
            [""; 0],
            "the raw host is not the account's"
        );
        let folder = accounts
            .fetch(&of("/repos/o/r/contents/k8s", ""))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            folder.contains("Unable to determine the download URL of artifact type github/file"),
            "{folder}"
        );
    }

    #[tokio::test]
    async fn the_contents_api_gives_the_file_itself() {
        let api = Server::start(|request| match (request.path(), request.header("accept")) {
            ("/repos/o/r/contents/f?ref=master", Some("application/vnd.github.v3.raw")) => {
                Reply::ok("raw")
            }
            _ => Reply::status(404, ""),
        })
        .await;
        let accounts = accounts(&format!(
            "[[artifacts.github]]\nname = \"gh\"\nusername = \"u\"\npassword = \"p\"\nuse_content_api = true\napi_base_url = \"{}\"\n",
            api.url("")
        ));
        let given = json!({"type": "github/file", "reference": api.url("/repos/o/r/contents/f")});
        assert_eq!(accounts.fetch(&artifact(given)).await.unwrap(), "raw");
        assert_eq!(credentials_in(&api), ["Basic dTpw"]);
    }
}
