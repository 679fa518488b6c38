//! Webhook tasks in a worker, against a server.

use gennaker_model::work::{Order, Outcome, TaskMessage};
use serde_json::json;

use crate::{
    SecretHeaders, SecretHeadersOf,
    testing::{Fixture, Target, answer, context, error, json_answer},
};

#[tokio::test]
async fn a_call_is_sent_as_the_stage_says() {
    let target = Target::answering([json_answer(201, r#"{"id":7}"#)]).await;
    let mut fixture = Fixture::new().await;
    let task = fixture.task(
        "createWebhook",
        json!({
            "url": format!("{}/go?x=1", target.url), "method": "put", "payload": {"b": 1, "a": [true]},
            "customHeaders": {"X-Token": ["one", "two"], "X-SPINNAKER-USER": "root"}
        }),
    );
    let outcome = fixture.finish(&task).await;
    let Outcome::Succeeded { context, .. } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(context["webhook"]["statusCode"], "CREATED");
    assert_eq!(context["webhook"]["statusCodeValue"], 201);
    assert_eq!(context["webhook"]["body"], json!({"id": 7}));
    assert_eq!(
        context["webhook"]["headers"]["Content-Type"],
        "application/json"
    );
    let got = &target.got()[0];
    assert_eq!((got.method.as_str(), got.path.as_str()), ("PUT", "/go?x=1"));
    assert_eq!(got.body, r#"{"b":1,"a":[true]}"#);
    assert_eq!(got.header("content-type"), Some("application/json"));
    assert_eq!(
        got.header("idempotency-key"),
        Some(task.effect.as_ref().unwrap().as_str())
    );
    assert_eq!(got.header("x-spinnaker-user"), None);
    let tokens: Vec<_> = got
        .headers
        .iter()
        .filter(|(name, _)| name == "x-token")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(tokens, ["one", "two"]);
}

#[tokio::test]
async fn a_busy_target_is_called_again_with_the_same_key() {
    let target = Target::answering([answer(503, "", "busy"), json_answer(200, "{}")]).await;
    let mut fixture = Fixture::new().await;
    let first = fixture.task("createWebhook", json!({"url": target.url, "payload": {}}));
    let outcome = fixture.finish(&first).await;
    let Outcome::Running {
        again_ms: 10_000,
        context,
    } = &outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(context["webhook"]["body"], "busy");
    assert!(
        context["webhook"]["error"]
            .as_str()
            .unwrap()
            .ends_with("with status code 503, will retry.")
    );
    let second = TaskMessage {
        attempt: gennaker_model::AttemptId(100),
        ..first
    };
    assert!(matches!(
        fixture.finish(&second).await,
        Outcome::Succeeded { .. }
    ));
    let got = target.got();
    assert_eq!(
        got[0].header("idempotency-key"),
        got[1].header("idempotency-key")
    );
}

#[tokio::test]
async fn a_request_that_may_have_arrived_is_repeated_only_where_that_is_safe() {
    for (stage, again) in [
        (json!({}), false),
        (json!({"method": "PATCH"}), false),
        (json!({"idempotent": true}), true),
        (json!({"method": "GET"}), true),
        (json!({"method": "DELETE"}), true),
    ] {
        let target = Target::answering([json_answer(200, "{}")]).await;
        let mut fixture = Fixture::new().await;
        let mut task = fixture.task("createWebhook", stage.clone());
        task.input
            .insert("url".to_owned(), format!("{}/secret", target.url).into());
        fixture.lose_worker_of(&task).await;
        let outcome = fixture.finish(&task).await;
        assert_eq!(
            matches!(outcome, Outcome::Succeeded { .. }),
            again,
            "{stage} {outcome:?}"
        );
        assert_eq!(target.got().len(), usize::from(again), "{stage}");
        if !again {
            let sentence = error(&outcome);
            assert!(
                sentence.contains("may have arrived") && sentence.contains("idempotent"),
                "{sentence}"
            );
            assert!(!sentence.contains("secret"), "{sentence}");
        }
    }
}

#[tokio::test]
async fn no_answer_ends_a_post_and_repeats_a_get() {
    for (method, running) in [("POST", false), ("PUT", false), ("GET", true)] {
        let target = Target::answering([None]).await;
        let mut fixture = Fixture::new().await;
        let outcome = fixture
            .run(
                "createWebhook",
                json!({"url": target.url, "method": method}),
            )
            .await;
        assert_eq!(
            matches!(outcome, Outcome::Running { .. }),
            running,
            "{method} {outcome:?}"
        );
        let sentence = context(&outcome)["webhook"]["error"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            running || sentence.contains("may have arrived"),
            "{sentence}"
        );
        assert_eq!(target.got().len(), 1);
    }
}

#[tokio::test]
async fn what_can_never_be_sent_fails_the_stage() {
    let mut fixture = Fixture::new().await;
    let refused = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for (stage, expected) in [
        (
            json!({"url": "http://x.io", "method": "get", "payload": {}}),
            "method GET must not have a request body",
        ),
        (
            json!({"url": "http://169.254.169.254/latest"}),
            "is not allowed",
        ),
        (
            json!({"url": "ftp://x.io"}),
            "only http and https may be called",
        ),
        (json!({"url": refused}), "connection refused"),
        (json!({}), "performing a POST request to"),
    ] {
        let outcome = fixture.run("createWebhook", stage.clone()).await;
        let Outcome::Failed {
            exception: None,
            context,
            ..
        } = &outcome
        else {
            panic!("{stage} {outcome:?}")
        };
        let sentence = context["webhook"]["error"].as_str().unwrap();
        assert!(sentence.contains(expected), "{sentence}");
        assert!(!sentence.contains("may have arrived"), "{sentence}");
    }
    let outcome = fixture
        .run("createWebhook", json!({"url": "http://x.io", "retries": 7}))
        .await;
    assert!(
        error(&outcome).contains("field 'retries' of the webhook stage"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_answer_of_a_megabyte_is_told_whole() {
    let body = serde_json::json!({"log": "x".repeat(1 << 20)});
    let target = Target::answering([answer(200, "", &body.to_string())]).await;
    let mut fixture = Fixture::new().await;
    let outcome = fixture
        .run("createWebhook", json!({"url": target.url}))
        .await;
    let Outcome::Succeeded { context, .. } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(context["webhook"]["body"], body);
}

#[tokio::test]
async fn a_large_answer_is_refused() {
    let body = "x".repeat(9 << 20);
    let target = Target::answering([answer(200, "", &body)]).await;
    let mut fixture = Fixture::new().await;
    let outcome = fixture
        .run("createWebhook", json!({"url": target.url}))
        .await;
    let Outcome::Failed { context, .. } = &outcome else {
        panic!("{outcome:?}")
    };
    let sentence = context["webhook"]["error"].as_str().unwrap();
    assert!(
        sentence.contains("larger than the limit of 8388608 bytes"),
        "{sentence}"
    );
}

#[tokio::test]
async fn the_status_is_looked_at_until_it_is_final() {
    let target = Target::answering([
        json_answer(202, r#"{"self":"/jobs/1"}"#),
        json_answer(200, r#"{"state":"working"}"#),
        answer(500, "", ""),
        json_answer(200, r#"{"state":"Done"}"#),
    ])
    .await;
    let mut fixture = Fixture::new().await;
    let mut stage = json!({
        "url": format!("{}/go", target.url), "waitForCompletion": true, "statusUrlResolution": "webhookResponse",
        "statusUrlJsonPath": "$.self", "statusJsonPath": "$.state", "successStatuses": "done", "terminalStatuses": "failed"
    });
    for (kind, again) in [
        ("createWebhook", None),
        ("monitorWebhook", Some(1_000)),
        ("monitorWebhook", Some(1_000)),
        ("monitorWebhook", None),
    ] {
        let outcome = fixture.run(kind, stage.clone()).await;
        match (&outcome, again) {
            (Outcome::Succeeded { .. }, None) => {}
            (Outcome::Running { again_ms, .. }, Some(again)) => assert_eq!(*again_ms, again),
            _ => panic!("{kind} {outcome:?}"),
        }
        stage
            .as_object_mut()
            .unwrap()
            .extend(context(&outcome).clone());
    }
    assert_eq!(
        stage["webhook"]["statusCodeValue"], 202,
        "the call's answer stays"
    );
    assert_eq!(stage["webhook"]["monitor"]["resolvedValue"], "Done");
    assert_eq!(stage["webhook"]["monitor"]["pastStatusCodes"], json!([500]));
    assert!(
        target.got()[1..]
            .iter()
            .all(|got| got.method == "GET" && got.path == "/jobs/1")
    );
}

#[tokio::test]
async fn a_target_that_says_cancelled_cancels() {
    let target = Target::answering([json_answer(200, r#"{"s":"gone"}"#)]).await;
    let mut fixture = Fixture::new().await;
    let stage = json!({"url": target.url, "monitorOnly": true, "statusJsonPath": "s", "canceledStatuses": "GONE"});
    let outcome = fixture.run("monitorWebhook", stage).await;
    let Outcome::Canceled { context } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(context["webhook"]["monitor"]["resolvedValue"], "gone");
    let outcome = fixture
        .run("monitorWebhook", json!({"url": target.url}))
        .await;
    assert_eq!(
        error(&outcome),
        "Missing required parameter: statusEndpoint = null"
    );
}

#[tokio::test]
async fn closing_a_call_says_what_was_sent() {
    let target = Target::answering([json_answer(200, "{}"), json_answer(200, "{}")]).await;
    let mut fixture = Fixture::new().await;
    for (method, remains) in [("POST", true), ("GET", false)] {
        let task = fixture.task(
            "createWebhook",
            json!({"url": target.url, "method": method}),
        );
        assert!(matches!(
            fixture.finish(&task).await,
            Outcome::Succeeded { .. }
        ));
        let attempt = gennaker_model::AttemptId(task.attempt.0 + 1000);
        let outcome = fixture
            .finish(&TaskMessage {
                order: Order::Close,
                attempt,
                ..task
            })
            .await;
        let Outcome::Closed { remains: found, .. } = &outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(found.is_some(), remains, "{found:?}");
    }
}

#[tokio::test]
async fn a_cancel_endpoint_is_told_once_and_its_answer_does_not_matter() {
    let target = Target::answering([answer(500, "", "")]).await;
    let mut fixture = Fixture::new().await;
    let stage = json!({
        "cancelEndpoint": format!("{}/stop", target.url), "cancelMethod": "put", "cancelPayload": {"a": 1},
        "customHeaders": {"X-Token": "s3cret"}, "webhook": {"statusCodeValue": 202}
    });
    let first = fixture.task("cancelWebhook", stage);
    let outcome = fixture.finish(&first).await;
    let Outcome::Succeeded { context, .. } = &outcome else {
        panic!("{outcome:?}")
    };
    let told = json!({"statusCode": "INTERNAL_SERVER_ERROR", "statusCodeValue": 500});
    assert_eq!(
        context["webhook"],
        json!({"statusCodeValue": 202, "cancel": told})
    );
    let again = TaskMessage {
        attempt: gennaker_model::AttemptId(first.attempt.0 + 1000),
        ..first.clone()
    };
    assert_eq!(fixture.finish(&again).await, outcome, "from the ledger");
    let got = target.got();
    assert_eq!(got.len(), 1);
    assert_eq!(
        (
            got[0].method.as_str(),
            got[0].path.as_str(),
            got[0].body.as_str()
        ),
        ("PUT", "/stop", r#"{"a":1}"#)
    );
    assert_eq!(got[0].header("x-token"), Some("s3cret"));
    assert_eq!(
        got[0].header("idempotency-key"),
        Some(first.effect.as_ref().unwrap().as_str())
    );
}

#[tokio::test]
async fn a_cancellation_whose_worker_was_lost_is_sent_again() {
    let target = Target::answering([answer(200, "", "")]).await;
    let mut fixture = Fixture::new().await;
    let task = fixture.task("cancelWebhook", json!({ "cancelEndpoint": target.url }));
    fixture.lose_worker_of(&task).await;
    let outcome = fixture.finish(&task).await;
    assert_eq!(
        context(&outcome)["webhook"]["cancel"]["statusCodeValue"],
        200
    );
    assert_eq!(target.got().len(), 1);
}

#[tokio::test]
async fn a_cancellation_that_cannot_be_sent_says_why() {
    let mut fixture = Fixture::new().await;
    for (stage, expected) in [
        (
            json!({"cancelEndpoint": "http://x.io/${webhook.body.id}"}),
            "cancelEndpoint holds an expression",
        ),
        (
            json!({"cancelEndpoint": "http://169.254.169.254/"}),
            "is not allowed",
        ),
        (
            json!({"cancelEndpoint": "http://x.io", "retries": 7}),
            "field 'retries' of the webhook stage",
        ),
    ] {
        let outcome = fixture.run("cancelWebhook", stage.clone()).await;
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
        let sentence = context(&outcome)["webhook"]["cancel"]["error"].clone();
        assert!(sentence.as_str().unwrap().contains(expected), "{sentence}");
    }
    let outcome = fixture.run("cancelWebhook", json!({})).await;
    assert_eq!(context(&outcome), &gennaker_model::Map::new());
}

#[tokio::test]
async fn noop_sleeps_and_succeeds() {
    let mut fixture = Fixture::new().await;
    assert!(matches!(
        fixture.run("noop", json!({})).await,
        Outcome::Succeeded { .. }
    ));
    assert!(matches!(
        fixture.run("noop", json!({"sleepMs": 5})).await,
        Outcome::Succeeded { .. }
    ));
    assert!(error(&fixture.run("noop", json!({"sleepMs": "soon"})).await).contains("sleepMs"));
}

#[tokio::test]
async fn secret_headers_go_with_the_call_and_to_nobody_else() {
    let here = Target::answering([json_answer(200, "{}"), json_answer(200, "{}")]).await;
    let there = Target::answering([json_answer(200, "{}"), json_answer(200, "{}")]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "s3cret\n").unwrap();
    let guarded = SecretHeadersOf {
        kind: "tell".to_owned(),
        url: format!("{}/rooms/${{parameterValues['room']}}", here.url),
        files: [("Authorization".to_owned(), file)].into_iter().collect(),
    };
    let secrets = SecretHeaders::new([guarded]).unwrap();
    let mut fixture = Fixture::with(secrets).await;
    let stage = |key: &str, url: String| {
        json!({key: url, "preconfiguredWebhook": "tell", "customHeaders": {"authorization": "mine"},
               "waitForCompletion": true, "cancelMethod": "POST"})
    };
    let call = stage("url", format!("{}/rooms/a", here.url));
    let outcome = fixture.run("createWebhook", call).await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains("s3cret"));
    let look = stage("statusEndpoint", format!("{}/rooms/a/status", here.url));
    fixture.run("monitorWebhook", look).await;
    for request in here.got() {
        let sent: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(sent, ["s3cret"], "{request:?}");
    }
    // Elsewhere the call fails before it is sent; looks at the status, and cancelling, go without.
    let stolen = stage("url", format!("{}/rooms/a", there.url));
    let outcome = fixture.run("createWebhook", stolen).await;
    let problem = context(&outcome)["webhook"]["error"].as_str().unwrap();
    assert!(
        problem.contains("the secret headers of stage type tell go to "),
        "{problem}"
    );
    assert!(there.got().is_empty());
    let look = stage("statusEndpoint", format!("{}/rooms/a", there.url));
    fixture.run("monitorWebhook", look).await;
    let cancel = stage("cancelEndpoint", format!("{}/rooms/a", there.url));
    fixture.run("cancelWebhook", cancel).await;
    let got = there.got();
    assert_eq!(got.len(), 2);
    assert!(
        got.iter()
            .all(|request| request.header("authorization") == Some("mine"))
    );
}
