//! `http/file`: whatever an address answers (Clouddriver: `HttpArtifactCredentials`).

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_credentials::auth::{Auth, Secret};
use gennaker_settings::HttpAccount;

use super::Source;
use crate::{
    Artifact, Error,
    accounts::{Invalid, Making},
    hosts::Hosts,
    http::{Http, parse},
};

/// What it reads.
pub(super) const TYPES: &[&str] = &["http/file"];

/// The account that exists as long as no other has credentials.
pub(super) const NO_AUTH: &str = "no-auth-http-account";

pub(super) struct HttpFile {
    http: Http,
    auth: Auth,
}

pub(super) fn has_credentials(account: &HttpAccount) -> bool {
    account.username.is_some() || account.username_password_file.is_some()
}

impl HttpFile {
    pub(super) fn new(account: &HttpAccount, making: &Making) -> Result<Self, Invalid> {
        let password = Secret::of(account.password.as_ref(), account.password_file.as_ref());
        let pair_file = account.username_password_file.as_ref();
        Ok(Self {
            http: making.http(&account.name, Hosts::new(&account.hosts))?,
            auth: Auth::of(account.username.as_ref(), password, pair_file, None),
        })
    }

    pub(super) fn plain(making: &Making) -> Result<Self, Invalid> {
        Ok(Self {
            http: making.http(NO_AUTH, Hosts::default())?,
            auth: Auth::None,
        })
    }
}

impl Source for HttpFile {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(async move {
            let url = parse(&artifact.reference)?;
            let header = self.http.basic_proof(&self.auth).await?;
            self.http.get(&url, header).await
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Reply, Server, accounts, artifact, credentials_in};

    fn file(account: &str, url: String) -> crate::Artifact {
        artifact(json!({"type": "http/file", "artifactAccount": account, "reference": url}))
    }

    #[tokio::test]
    async fn credentials_go_to_their_hosts_and_no_further() {
        let elsewhere = Server::start(|_| Reply::ok("from elsewhere")).await;
        let away = elsewhere.url("/there");
        let home = Server::start(move |request| match request.path() {
            "/away" => Reply::redirect(&away),
            "/f.yml?x=1" => Reply::ok("content"),
            "/broken" => Reply::status(503, "down"),
            _ => Reply::status(404, "nothing"),
        })
        .await;
        let accounts = accounts(&format!(
            "[[artifacts.http]]\nname = \"web\"\nusername = \"anna\"\npassword = \"pw\"\nhosts = [\"{}\"]\n",
            home.url("")
        ));
        let fetch = async |url| accounts.fetch(&file("web", url)).await;
        assert_eq!(fetch(home.url("/f.yml?x=1")).await.unwrap(), "content");
        assert_eq!(credentials_in(&home), ["Basic YW5uYTpwdw=="]);
        assert_eq!(fetch(home.url("/away")).await.unwrap(), "from elsewhere");
        assert_eq!(elsewhere.seen().len(), 1);
        assert_eq!(credentials_in(&elsewhere), [""; 0]);
        let error = fetch(elsewhere.url("/direct")).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the credentials of account web go to"),
            "{error}"
        );
        assert_eq!(elsewhere.seen().len(), 1, "not even without them");
        let gone = fetch(home.url("/gone?token=t")).await.unwrap_err();
        let sentence = format!(
            "Unable to download the contents of artifact type http/file, reference {}: Received 404 status code from 127.0.0.1",
            home.url("/gone")
        );
        assert_eq!((gone.to_string(), gone.is_transient()), (sentence, false));
        assert!(fetch(home.url("/broken")).await.unwrap_err().is_transient());
    }

    #[tokio::test]
    async fn addresses_meet_the_policy_and_the_limit() {
        let server = Server::start(|_| Reply::ok(&"x".repeat(5_000))).await;
        let closed = crate::testing::accounts_closed("");
        let refused = closed
            .fetch(&file("no-auth-http-account", server.url("/")))
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("is not allowed"), "{refused}");
        assert!(!refused.is_transient());
        assert_eq!(server.seen().len(), 0);
        let small = accounts("[artifacts]\nbytes_max = 2000\n");
        let large = small.fetch(&file("", server.url("/"))).await.unwrap_err();
        assert!(
            large
                .to_string()
                .contains("larger than the limit of 2000 bytes"),
            "{large}"
        );
        for bad in ["file:///etc/passwd", "nothing", ""] {
            let error = small.fetch(&file("", bad.to_owned())).await.unwrap_err();
            assert!(error.to_string().contains("is no address"), "{error}");
        }
    }
}
