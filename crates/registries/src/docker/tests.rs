//! Registries that want proofs, have pages, or are broken.

use gennaker_settings::{DockerRegistryAccount, Secret};
use gennaker_testkit::http::{Reply, Server};
use serde_json::{Value, json};

use super::*;
use crate::Error;

fn accounts(server: &Server, change: impl FnOnce(&mut DockerRegistryAccount)) -> Accounts {
    let mut account = DockerRegistryAccount {
        name: "reg".to_owned(),
        address: format!("{}/v2/", server.url("")),
        paginate_size: 2,
        ..DockerRegistryAccount::default()
    };
    change(&mut account);
    Accounts::new(Options {
        accounts: vec![account],
        http: gennaker_outbound::Options::default(),
    })
    .unwrap()
}

fn user(account: &mut DockerRegistryAccount) {
    account.username = Some("u".to_owned());
    account.password = Some(Secret::new("p".to_owned()));
}

#[tokio::test]
async fn pages_are_followed_and_stay_with_the_registry() {
    let server = Server::start(|request| match request.path() {
        "/v2/_catalog?n=2" => Reply::ok(r#"{"repositories": ["a", "team/b"]}"#).with(
            "Link",
            "<https://elsewhere.example.com/v2/_catalog?last=team%2Fb&n=2>; rel=\"next\"",
        ),
        "/v2/_catalog?last=team%2Fb&n=2" => Reply::ok(r#"{"repositories": ["c", "../d", "a"]}"#),
        "/v2/team/b/tags/list?n=2" => Reply::ok(r#"{"name": "team/b", "tags": ["1", "2"]}"#)
            .with("Link", "</v2/team/b/tags/list?last=2&n=2>; rel=\"next\""),
        "/v2/team/b/tags/list?last=2&n=2" => Reply::ok(r#"{"tags": ["3", "bad tag", ".."]}"#),
        "/v2/c/tags/list?n=2" => Reply::ok(r#"{"tags": null}"#),
        _ => Reply::status(404, r#"{"errors": [{"code": "NAME_UNKNOWN"}]}"#),
    })
    .await;
    let all = accounts(&server, |_| {});
    let account = all.get("reg").unwrap();
    let repositories = account.repositories(Repositories::Images).await.unwrap();
    assert_eq!(repositories, ["a", "team/b", "c"], "no way up, none twice");
    assert_eq!(account.tags("team/b").await.unwrap(), ["1", "2", "3"]);
    assert_eq!(account.tags("c").await.unwrap(), [""; 0]);
    assert_eq!(account.tags("gone").await.unwrap(), [""; 0]);
    assert!(account.tags("../x").await.is_err());
    let some = accounts(&server, |it| {
        it.repositories_regex = Some("team/.*|c".to_owned());
        it.skip = vec!["c".to_owned()];
    });
    let some = some
        .get("reg")
        .unwrap()
        .repositories(Repositories::Images)
        .await;
    assert_eq!(some.unwrap(), ["team/b"]);
    let host = server.url("").replace("http://", "");
    assert_eq!(account.registry(), host);
}

#[tokio::test]
async fn a_list_that_leads_back_to_itself_ends() {
    let server = Server::start(|_| {
        Reply::ok(r#"{"tags": ["1"]}"#).with("Link", "</v2/a/tags/list?n=2>; rel=\"next\"")
    })
    .await;
    let all = accounts(&server, |_| {});
    assert_eq!(all.get("reg").unwrap().tags("a").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_registry_that_wants_tokens_gets_one_per_repository() {
    let tokens = Server::start(|request| match request.header("authorization") {
        Some("Basic dTpw") => {
            Reply::ok(&format!("{{\"token\": \"for {}\"}}", request.path().len()))
        }
        _ => Reply::status(401, r#"{"errors": [{"message": "who are you"}]}"#),
    })
    .await;
    let realm = tokens.url("/token");
    let server = Server::start(move |request| {
        let challenge = format!("Bearer realm=\"{realm}\",service=\"reg\"");
        match request.header("authorization") {
            Some(token) if token.starts_with("Bearer for ") => {
                Reply::ok(r#"{"tags": ["1"]}"#).with("Docker-Content-Digest", "sha256:d")
            }
            _ => Reply::status(401, "").with("WWW-Authenticate", &challenge),
        }
    })
    .await;
    let shut = accounts(&server, user);
    let error = shut.get("reg").unwrap().tags("a").await.unwrap_err();
    assert!(matches!(error, Error::Credentials(_)), "{error}");
    assert!(tokens.seen().is_empty(), "the password stays at home");
    let open = accounts(&server, |it| {
        user(it);
        it.token_hosts = vec![tokens.url("")];
    });
    let account = open.get("reg").unwrap();
    for _ in 0..2 {
        assert_eq!(account.tags("a").await.unwrap(), ["1"]);
        assert_eq!(
            account.digest("a", "1").await.unwrap().as_deref(),
            Some("sha256:d")
        );
    }
    let asked: Vec<String> = tokens
        .seen()
        .iter()
        .map(|it| it.path().to_owned())
        .collect();
    assert_eq!(
        asked,
        ["/token?service=reg&scope=repository%3Aa%3Apull"],
        "a token serves until the registry wants another one"
    );
    let nobody = accounts(&server, |_| {});
    let refused = nobody.get("reg").unwrap().tags("a").await.unwrap_err();
    assert_eq!(refused.to_string(), "127.0.0.1 answers 401: who are you");
}

#[tokio::test]
async fn labels_stand_in_the_configuration() {
    let server = Server::start(|request| match request.path() {
        "/v2/a/manifests/1" => Reply::ok(r#"{"config": {"digest": "sha256:c"}}"#),
        "/v2/a/blobs/sha256:c" => Reply::ok(
            r#"{"config": {"Labels": {"commitId": "c0ffee", "buildNumber": "7", "x": "y"}}}"#,
        ),
        "/v2/a/manifests/2" => Reply::ok(r#"{"manifests": []}"#),
        "/v2/a/manifests/3" => Reply::ok(r#"{"config": {"digest": "../../../secret"}}"#),
        _ => Reply::status(404, ""),
    })
    .await;
    let all = accounts(&server, |_| {});
    let account = all.get("reg").unwrap();
    let labels = account.labels("a", "1").await.unwrap();
    assert_eq!(labels.commit_id.as_deref(), Some("c0ffee"));
    assert_eq!(
        (labels.build_number.as_deref(), labels.branch),
        (Some("7"), None)
    );
    for other in ["2", "9"] {
        assert_eq!(account.labels("a", other).await.unwrap(), Labels::default());
    }
    assert!(account.labels("a", "3").await.is_err());
}

#[tokio::test]
async fn garbage_is_an_error_and_no_empty_list() {
    let server = Server::start(|request| match request.path() {
        path if path.contains("html") => Reply::ok("<html>"),
        _ => Reply::status(500, "oops"),
    })
    .await;
    let all = accounts(&server, |it| it.repositories = vec!["html".to_owned()]);
    let account = all.get("reg").unwrap();
    let said = account.tags("html").await.unwrap_err().to_string();
    assert_eq!(said, "a list of 127.0.0.1 cannot be read");
    let said = account.tags("down").await.unwrap_err().to_string();
    assert_eq!(said, "127.0.0.1 answers 500");
}

#[tokio::test]
async fn images_are_found() {
    let server = Server::start(|request| match request.path() {
        "/v2/_catalog?n=2" => Reply::ok(r#"{"repositories": ["acme/web", "acme/db"]}"#),
        "/v2/acme/web/tags/list?n=2" => Reply::ok(r#"{"tags": ["v1", "v2", "latest"]}"#),
        "/v2/acme/db/tags/list?n=2" => Reply::ok(r#"{"tags": ["v1"]}"#),
        _ => Reply::status(404, ""),
    })
    .await;
    let all = accounts(&server, |_| {});
    let ask = async |read: Value| {
        let question = json!({"v": 1, "read": read}).to_string();
        let answer = reads::answer(&all, "reg", question.as_bytes()).await;
        serde_json::from_slice::<Value>(&answer).unwrap()
    };
    let found = ask(json!({"read": "find", "query": "WEB:v"})).await;
    assert_eq!(found["status"], 200);
    let tags: Vec<&str> = found["body"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| image["tag"].as_str().unwrap())
        .collect();
    assert_eq!(tags, ["v1", "v2"]);
    let host = server.url("").replace("http://", "");
    assert_eq!(
        found["body"][0]["artifact"]["reference"],
        format!("{host}/acme/web:v1")
    );
    let one = ask(json!({"read": "find", "count": 1})).await;
    assert_eq!(one["body"].as_array().unwrap().len(), 1);
    let tags = ask(json!({"read": "tags", "repository": "acme/db"})).await;
    assert_eq!(tags["body"], json!(["v1"]));
    assert_eq!(ask(json!({"read": "everything"})).await["status"], 400);
}

/// Source: clouddriver `DockerRegistryNamedAccountCredentials.getTags`.
#[tokio::test]
async fn tags_are_sorted_by_the_dates_of_their_images() {
    let server = Server::start(|request| {
        let path = request.path();
        let created = match path.rsplit('/').next() {
            Some("sha256:old") => "2024-01-01T00:00:00.5Z",
            Some("sha256:new") => "2026-01-01T00:00:00Z",
            _ => "",
        };
        match path {
            "/v2/a/tags/list?n=2" => Reply::ok(r#"{"tags": ["index", "new", "gone", "old"]}"#),
            "/v2/a/manifests/index" => Reply::ok(r#"{"manifests": []}"#),
            "/v2/a/manifests/new" => Reply::ok(r#"{"config": {"digest": "sha256:new"}}"#),
            "/v2/a/manifests/old" => Reply::ok(r#"{"config": {"digest": "sha256:old"}}"#),
            _ if !created.is_empty() => Reply::ok(&json!({"created": created}).to_string()),
            _ => Reply::status(404, ""),
        }
    })
    .await;
    let plain = accounts(&server, |_| {});
    let tags = plain.get("reg").unwrap().sorted_tags("a").await.unwrap();
    assert_eq!(tags, ["index", "new", "gone", "old"]);
    assert_eq!(server.seen().len(), 1, "nobody asks for dates");
    let dated = accounts(&server, |it| it.sort_tags_by_date = true);
    let tags = dated.get("reg").unwrap().sorted_tags("a").await.unwrap();
    assert_eq!(tags, ["new", "old", "index", "gone"]);
}

#[tokio::test]
async fn a_command_prints_the_password() {
    let server = Server::start(|request| match request.header("authorization") {
        Some("Basic dTpw") => Reply::ok(r#"{"tags": ["1"]}"#),
        _ => Reply::status(401, "").with("WWW-Authenticate", "Basic realm=\"reg\""),
    })
    .await;
    let with = async |command: &str| {
        let all = accounts(&server, |it| {
            it.username = Some("u".to_owned());
            it.password_command = Some(command.to_owned());
        });
        all.get("reg").unwrap().tags("a").await
    };
    assert_eq!(with("echo p").await.unwrap(), ["1"]);
    let problem = with("exit 2").await.unwrap_err();
    assert_eq!(
        problem.to_string(),
        "the credentials of account reg: the password_command fails: exit status: 2"
    );
}
