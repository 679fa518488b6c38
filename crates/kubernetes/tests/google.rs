//! An account that is a Google service account: whom the cluster sees, and who is asked for tokens. Both are played.
#![allow(clippy::unwrap_used, reason = "tests")]

use gennaker_kubernetes::{Accounts, Error, Options};
use gennaker_outbound::{Client, Exceptions, Policy};
use gennaker_runtime::{Clock, Scope};
use gennaker_settings::{Kubernetes, KubernetesAccount, Secret};
use gennaker_testkit::http::{Reply, Seen, Server};
use gennaker_testkit::keys;
use serde_json::json;

/// Google at `/token`, and everywhere else an API server that knows one token.
fn play(seen: &Seen) -> Reply {
    match (seen.path(), seen.header("authorization")) {
        ("/token", _) => Reply::ok(r#"{"access_token": "of-google", "expires_in": 3600}"#),
        (_, Some("Bearer of-google")) => {
            Reply::ok(r#"{"kind": "APIGroupDiscoveryList", "items": []}"#).with(
                "Content-Type",
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            )
        }
        _ => Reply::status(
            401,
            r#"{"kind": "Status", "code": 401, "reason": "Unauthorized", "message": "who?"}"#,
        ),
    }
}

fn load(server: &Server, key: &str, scopes: &[&str]) -> Accounts {
    let user = json!({"token": "of-kubeconfig", "exec": {"command": "never-run", "apiVersion": "client.authentication.k8s.io/v1"}});
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url("")}}],
        "users": [{"name": "u", "user": user}]});
    let settings = Kubernetes {
        accounts: vec![KubernetesAccount {
            name: "gke".to_owned(),
            kubeconfig_contents: Some(Secret::new(kubeconfig.to_string())),
            oauth_service_account: Some(key.to_owned()),
            oauth_scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            ..KubernetesAccount::default()
        }],
        ..Kubernetes::default()
    };
    let policy = Policy::untrusted(&Exceptions {
        allow_loopback: true,
        ..Exceptions::default()
    })
    .unwrap();
    let options = Options {
        clock: Clock::system(),
        scope: Scope::root("test"),
        zone: None,
        google: Some(Client::new(policy, gennaker_outbound::Options::default()).unwrap()),
    };
    let (accounts, skipped) = Accounts::load(&settings, &options);
    assert_eq!(skipped, []);
    accounts
}

#[tokio::test]
async fn a_service_account_of_google_is_who_we_are() {
    let server = Server::start(play).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    let key = json!({"client_email": "robot@example.com", "private_key": keys::PEM, "token_uri": server.url("/token")});
    std::fs::write(&file, key.to_string()).unwrap();
    for (scopes, wanted) in [
        (&["one", "two"][..], "one two"),
        (
            &[],
            "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/userinfo.email",
        ),
    ] {
        let accounts = load(&server, file.to_str().unwrap(), scopes);
        accounts.get("gke").unwrap().resources().await.unwrap();
        let asked: Vec<Seen> = server.seen();
        let token = asked.iter().rfind(|seen| seen.path() == "/token").unwrap();
        let body = token.text();
        let assertion = body.split("assertion=").nth(1).unwrap();
        let claims = keys::claims(assertion.split('&').next().unwrap());
        assert_eq!(claims["iss"], "robot@example.com");
        assert_eq!(claims["scope"], wanted);
    }
    let tokens = server
        .seen()
        .iter()
        .filter(|seen| seen.path() == "/token")
        .count();
    assert_eq!(tokens, 2, "each is kept");
    let to_cluster = server.seen();
    let mut to_cluster = to_cluster.iter().filter(|seen| seen.path() != "/token");
    assert!(to_cluster.all(|seen| seen.header("authorization") == Some("Bearer of-google")));
}

#[tokio::test]
async fn a_key_that_is_none_is_said_without_being_shown() {
    let server = Server::start(play).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    std::fs::write(&file, "hunter2").unwrap();
    let accounts = load(&server, file.to_str().unwrap(), &[]);
    let error = accounts.get("gke").unwrap().resources().await.unwrap_err();
    assert!(matches!(error, Error::Credentials { .. }), "{error}");
    let said = error.to_string();
    assert!(
        said.contains("gke") && said.contains("oauth_service_account"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}
