//! AWS CodeBuild as a double of its JSON interface: signed requests only, idempotency tokens that end.

use std::sync::{Arc, Mutex};

use gennaker_credentials::auth::Secret;
use gennaker_credentials::aws::Options;
use gennaker_runtime::Clock;
use gennaker_testkit::http::{Reply, Seen, Server};

use super::*;
use crate::rest::testing::client;

#[derive(Default)]
struct Amazon {
    builds: Vec<Value>,
    loses_answer: bool,
    /// Whether idempotency tokens still count: they do for five minutes.
    is_fresh: bool,
}

fn answer(amazon: &mut Amazon, request: &Seen) -> Reply {
    let proof = request.header("authorization").unwrap_or_default();
    assert!(proof.contains("/codebuild/aws4_request"), "{proof}");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let refused =
        |kind: &str| Reply::status(400, &json!({"__type": kind, "message": "no"}).to_string());
    match request
        .header("x-amz-target")
        .unwrap()
        .trim_start_matches("CodeBuild_20161006.")
    {
        "StartBuild" => {
            if body["projectName"] != "web" {
                return refused("ResourceNotFoundException");
            }
            let token = &body["idempotencyToken"];
            let same = |build: &&Value| build["token"] == *token;
            if let Some(known) = amazon.builds.iter().find(same).filter(|_| amazon.is_fresh) {
                return Reply::ok(&json!({"build": known}).to_string());
            }
            let id = format!("web:{}", amazon.builds.len() + 1);
            let build = json!({
                "id": id, "arn": format!("arn:aws:codebuild:eu-west-1:123:build/{id}"), "buildStatus": "IN_PROGRESS",
                "startTime": 1_767_225_600.5, "token": token, "logs": {"deepLink": "https://log", "groupName": "g"},
                "environment": {"environmentVariables": body["environmentVariablesOverride"]},
            });
            amazon.builds.insert(0, build.clone());
            match std::mem::take(&mut amazon.loses_answer) {
                true => Reply::status(500, "{\"__type\": \"InternalFailure\"}"),
                false => Reply::ok(&json!({"build": build}).to_string()),
            }
        }
        "ListBuildsForProject" => {
            assert_eq!(body["sortOrder"], "DESCENDING");
            let place = usize::from(body["nextToken"] == "more");
            let ids: Vec<&Value> = amazon
                .builds
                .iter()
                .map(|it| &it["id"])
                .skip(place)
                .take(1)
                .collect();
            let next = if amazon.builds.len() > place + 1 {
                json!("more")
            } else {
                Value::Null
            };
            Reply::ok(&json!({"ids": ids, "nextToken": next}).to_string())
        }
        "BatchGetBuilds" => {
            let ids = body["ids"].as_array().unwrap();
            assert!(!ids.is_empty(), "CodeBuild refuses an empty list");
            let found: Vec<&Value> = amazon
                .builds
                .iter()
                .filter(|it| ids.contains(&it["id"]))
                .collect();
            Reply::ok(&json!({"builds": found, "buildsNotFound": []}).to_string())
        }
        "StopBuild" => {
            let Some(build) = amazon.builds.iter_mut().find(|it| it["id"] == body["id"]) else {
                return refused("ResourceNotFoundException");
            };
            if build["buildStatus"] == "IN_PROGRESS" {
                build["buildStatus"] = "STOPPED".into();
            }
            Reply::ok(&json!({"build": build}).to_string())
        }
        "ListProjects" => match body["nextToken"].as_str() {
            None => Reply::ok("{\"projects\": [\"api\"], \"nextToken\": \"2\"}"),
            Some(_) => Reply::ok("{\"projects\": [\"web\"]}"),
        },
        other => panic!("{other} is not called"),
    }
}

async fn world() -> (Arc<Mutex<Amazon>>, AwsCodeBuild, Server, tempfile::TempDir) {
    let amazon = Arc::new(Mutex::new(Amazon::default()));
    let state = Arc::clone(&amazon);
    let server = Server::start(move |request| answer(&mut state.lock().unwrap(), request)).await;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "hush").unwrap();
    let options = Options {
        region: "eu-west-1".to_owned(),
        service: "codebuild",
        endpoint: Some(server.url("")),
        key: Some(("AKID".to_owned(), Secret::File(secret))),
        role: None,
    };
    let service = Service::new(client(), Clock::system(), options);
    (amazon, AwsCodeBuild::new(service), server, folder)
}

fn start(token: &str, project: &str) -> CodeStart {
    let request = json!({"projectName": project, "environmentVariablesOverride": [{"name": "A", "value": "b", "type": "PLAINTEXT"}]});
    CodeStart {
        request: request.as_object().unwrap().clone(),
        token: token.to_owned(),
        since_ms: 1_767_225_600_000,
    }
}

#[tokio::test]
async fn a_build_is_started_followed_and_stopped() {
    let (amazon, account, _server, _folder) = world().await;
    let started = account.start(&start("E.S.0.1.0", "web")).await.unwrap();
    assert_eq!(
        serde_json::to_value(&started).unwrap(),
        json!({
            "arn": "arn:aws:codebuild:eu-west-1:123:build/web:1", "status": "IN_PROGRESS", "logs": {"deepLink": "https://log"},
            "buildUrl": "https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/projects/web/build/web:1/log?region=eu-west-1",
        })
    );
    let variables = amazon.lock().unwrap().builds[0]["environment"]["environmentVariables"].clone();
    assert_eq!(variables[0]["name"], "A");
    assert_eq!(variables[1]["value"], "E.S.0.1.0");

    assert_eq!(account.get(&started.arn).await.unwrap(), started);
    assert_eq!(
        account.stop(&started.arn).await.unwrap().status,
        CodeStatus::Stopped
    );
    assert_eq!(
        account.stop("web:1").await.unwrap().status,
        CodeStatus::Stopped
    );
    assert!(matches!(
        account.get("web:9").await,
        Err(Error::NotFound(_))
    ));
    let missing = account.start(&start("x", "nobody")).await.unwrap_err();
    assert_eq!(
        missing,
        Error::NotFound("ResourceNotFoundException: no (status 400)".to_owned())
    );
    assert_eq!(account.projects().await.unwrap(), ["api", "web"]);
}

#[tokio::test]
async fn a_start_without_an_answer_is_found_also_when_the_idempotency_token_has_ended() {
    let (amazon, account, _server, _folder) = world().await;
    let wanted = start("E.S.0.1.0", "web");
    assert_eq!(account.find(&wanted).await.unwrap(), None);
    amazon.lock().unwrap().loses_answer = true;
    let lost = account.start(&wanted).await.unwrap_err();
    assert!(lost.may_have_happened() && lost.is_transient(), "{lost}");
    account.start(&start("later", "web")).await.unwrap();
    let found = account.find(&wanted).await.unwrap().unwrap();
    assert!(found.arn.ends_with("web:1"), "{found:?}");
    assert_eq!(account.find(&start("never", "web")).await.unwrap(), None);
    // A repetition within five minutes is the same build.
    amazon.lock().unwrap().is_fresh = true;
    assert_eq!(account.start(&wanted).await.unwrap(), found);
}

#[tokio::test]
async fn artifacts_are_where_the_build_put_them() {
    let (amazon, account, _server, _folder) = world().await;
    let started = account.start(&start("t", "web")).await.unwrap();
    assert_eq!(
        account.artifacts(&started.arn).await.unwrap(),
        Vec::<Map>::new()
    );
    {
        let build = &mut amazon.lock().unwrap().builds[0];
        build["artifacts"] = json!({"location": "arn:aws:s3:::out/web.zip"});
        build["secondaryArtifacts"] =
            json!([{"location": "arn:aws:s3:::out/more"}, {"location": ""}]);
    }
    assert_eq!(
        json!(account.artifacts(&started.arn).await.unwrap()),
        json!([
            {"type": "s3/object", "name": "s3://out/web.zip", "reference": "s3://out/web.zip"},
            {"type": "s3/object", "name": "s3://out/more", "reference": "s3://out/more"},
        ])
    );
}
