use serde_json::json;

use super::*;

#[test]
fn every_status_gets_its_verdict() {
    let table = [
        // stage, status, expected
        (json!({}), 200, "succeeded"),
        (json!({}), 204, "succeeded"),
        (json!({}), 304, "succeeded"),
        (json!({}), 400, "terminal"),
        (json!({}), 404, "terminal"),
        (json!({}), 429, "running"),
        (json!({}), 500, "running"),
        (json!({}), 503, "running"),
        (json!({}), 504, "terminal"),
        (json!({"failFastStatusCodes": []}), 504, "running"),
        (json!({"failFastStatusCodes": [500]}), 500, "terminal"),
        (json!({"failFastStatusCodes": [500]}), 504, "running"),
        (json!({"webhookRetryStatusCodes": [404]}), 404, "running"),
        (json!({"retryStatusCodes": [404]}), 404, "terminal"),
        (
            json!({"webhookRetryStatusCodes": [404], "failFastStatusCodes": [404]}),
            404,
            "terminal",
        ),
        (
            json!({"retries": {"404": {"maxAttempts": 1}}}),
            404,
            "running",
        ),
        (
            json!({"retries": {"404": {"maxAttempts": 1}}, "webhook": {"pastStatusCodes": [404]}}),
            404,
            "terminal",
        ),
        (
            json!({"retries": {"404": {"maxAttempts": 2}}, "webhook": {"pastStatusCodes": [404, 503]}}),
            404,
            "running",
        ),
        (
            json!({"retries": {"503": {"maxAttempts": 0}}}),
            503,
            "terminal",
        ),
        (
            json!({"retries": {"404": {"maxAttempts": 9}}}),
            409,
            "terminal",
        ),
    ];
    for (stage, status, expected) in table {
        let verdict = judge(&fields(stage.clone()), &answer(status, ""), "E");
        assert_eq!(name(&verdict), expected, "{stage} {status}");
    }
}

#[test]
fn the_context_is_spinnakers() {
    let (verdict, expected) = (
        judge(&fields(json!({})), &answer(503, r#"{"why":"busy"}"#), "E"),
        json!({"webhook": {
            "statusCode": "SERVICE_UNAVAILABLE", "statusCodeValue": 503,
            "headers": {"Content-Type": "application/json", "Location": "/jobs/1"}, "body": {"why": "busy"},
            "error": "Error submitting webhook for pipeline E to https://x.io/go with status code 503, will retry."
        }}),
    );
    assert_eq!(
        verdict,
        Verdict::Running(expected.as_object().unwrap().clone())
    );
    let error = |stage, received| {
        let (Verdict::Running(context) | Verdict::Terminal(context)) =
            judge(&fields(stage), &received, "E")
        else {
            panic!("no failure");
        };
        context["webhook"]["error"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        error(json!({}), answer(504, "")),
        "Received status code 504, which is configured to fail fast, terminating stage for pipeline E to https://x.io/go"
    );
    assert_eq!(
        error(json!({}), answer(400, "")),
        "Error submitting webhook for pipeline E to https://x.io/go with status code 400."
    );
    assert_eq!(
        error(json!({}), Received::UnknownHost),
        "Remote host resolution failure in webhook for pipeline E to https://x.io/go, will retry."
    );
    assert_eq!(
        error(json!({"method": "get"}), Received::Timeout { sent: true }),
        "Socket timeout in webhook on GET request for pipeline E to https://x.io/go, will retry."
    );
    assert_eq!(
        error(
            json!({}),
            Received::Failed {
                message: "connection refused".into(),
                sent: false
            }
        ),
        "An exception occurred for pipeline E performing a POST request to https://x.io/go. connection refused"
    );
    assert_eq!(
        error(
            json!({}),
            Received::Failed {
                message: "connection reset".into(),
                sent: true
            }
        ),
        "An exception occurred for pipeline E performing a POST request to https://x.io/go. connection reset; the request \
         may have arrived"
    );
}

#[test]
fn failures_without_an_answer_get_their_verdict() {
    for (stage, received, expected) in [
        (json!({}), Received::UnknownHost, "running"),
        (
            json!({"method": "GET"}),
            Received::Timeout { sent: true },
            "running",
        ),
        (
            json!({"method": "PUT"}),
            Received::Timeout { sent: true },
            "terminal",
        ),
        (json!({}), Received::Timeout { sent: true }, "terminal"),
        (json!({}), Received::Timeout { sent: false }, "running"),
        (
            json!({"idempotent": true}),
            Received::Timeout { sent: true },
            "running",
        ),
        (
            json!({"method": "GET"}),
            Received::Failed {
                message: "reset".into(),
                sent: true,
            },
            "terminal",
        ),
    ] {
        assert_eq!(
            name(&judge(&fields(stage.clone()), &received, "E")),
            expected,
            "{stage} {received:?}"
        );
    }
}

#[test]
fn waiting_needs_a_status_url() {
    let wait = |extra: Value, body: &str| {
        let mut stage = json!({"waitForCompletion": true});
        stage
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        judge(&fields(stage), &answer(202, body), "E")
    };
    let Verdict::Succeeded(context) = wait(json!({"statusUrlResolution": "getMethod"}), "") else {
        panic!()
    };
    assert_eq!(context["statusEndpoint"], "https://x.io/go");
    assert_eq!(context["webhook"]["statusEndpoint"], "https://x.io/go");
    let by_path =
        json!({"statusUrlResolution": "webhookResponse", "statusUrlJsonPath": "$.links.self"});
    let Verdict::Succeeded(context) = wait(
        by_path.clone(),
        r#"{"links":{"self":"http://x.io/jobs/1"}}"#,
    ) else {
        panic!()
    };
    assert_eq!(
        context["statusEndpoint"], "https://x.io/jobs/1",
        "the same host keeps the scheme"
    );
    let Verdict::Terminal(context) = wait(by_path, "{}") else {
        panic!()
    };
    assert_eq!(
        context["webhook"]["error"],
        "Exception while resolving status check URL: JSON property '$.links.self' not found"
    );
    let Verdict::Terminal(context) = judge(
        &fields(json!({"waitForCompletion": true, "statusUrlResolution": "locationHeader"})),
        &Received::Response(Response {
            status: 200,
            headers: vec![],
            body: vec![],
        }),
        "E",
    ) else {
        panic!()
    };
    assert_eq!(
        context["webhook"]["error"],
        "The status URL couldn't be resolved, but 'Wait for completion' is configured"
    );
    let Verdict::Succeeded(context) = wait(json!({}), "") else {
        panic!()
    };
    assert_eq!(
        context["statusEndpoint"], "https://x.io/go",
        "getMethod if nothing is said"
    );
}

#[test]
fn expected_artifacts_come_from_the_body() {
    let stage = json!({"expectedArtifacts": [{"id": "1"}]});
    let Verdict::Succeeded(context) = judge(
        &fields(stage.clone()),
        &answer(200, r#"{"artifacts":[{"name":"a"}]}"#),
        "E",
    ) else {
        panic!()
    };
    assert_eq!(context["artifacts"], json!([{"name": "a"}]));
    let Verdict::Terminal(context) = judge(&fields(stage), &answer(200, "{}"), "E") else {
        panic!()
    };
    let error = context["webhook"]["error"].as_str().unwrap();
    assert!(
        error.starts_with("Expected artifacts in webhook response couldn't be parsed: "),
        "{error}"
    );
    let Verdict::Succeeded(context) =
        judge(&fields(json!({})), &answer(200, r#"{"artifacts":[]}"#), "E")
    else {
        panic!()
    };
    assert!(!context.contains_key("artifacts"));
}

#[test]
fn a_body_is_refused_where_the_verb_has_none() {
    for (stage, expected) in [
        (
            json!({"method": "get", "payload": {}}),
            Err("method GET must not have a request body".to_owned()),
        ),
        (
            json!({"method": "HEAD", "payload": "x"}),
            Err("method HEAD must not have a request body".to_owned()),
        ),
        (json!({"method": "GET", "payload": null}), Ok(())),
        (json!({"method": "DELETE", "payload": {}}), Ok(())),
        (json!({"payload": {}}), Ok(())),
    ] {
        assert_eq!(check_request(&fields(stage.clone())), expected, "{stage}");
    }
}

fn fields(mut stage: Value) -> Fields {
    let map = stage.as_object_mut().unwrap();
    map.insert("url".to_owned(), "https://x.io/go".into());
    Fields::read(map).unwrap()
}

fn answer(status: u16, body: &str) -> Received {
    Received::Response(Response {
        status,
        headers: [
            ("content-type", "application/json"),
            ("location", "/jobs/1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        body: body.as_bytes().to_vec(),
    })
}

fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Running(_) => "running",
        Verdict::Succeeded(_) => "succeeded",
        Verdict::Terminal(_) => "terminal",
        Verdict::Canceled(_) => "canceled",
    }
}
