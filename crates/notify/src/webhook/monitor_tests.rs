use serde_json::json;

use super::*;

const NOW: i64 = 1_735_689_600_000;
const LISTS: &str = r#"{"successStatuses":"done,ok","canceledStatuses":"gone","terminalStatuses":"bad, both",
    "statusJsonPath":"$.s"}"#;

#[test]
fn statuses_are_matched_and_later_lists_win() {
    for (value, expected) in [
        (json!("done"), "succeeded"),
        (json!("OK"), "succeeded"),
        (json!("Gone"), "canceled"),
        (json!("BAD"), "terminal"),
        (json!("other"), "running"),
        (json!(""), "running"),
        (json!(true), "running"),
        (json!(100), "succeeded"),
        (json!(100.0), "running"),
        (json!(99), "running"),
        (json!(null), "terminal"),
        (json!([1]), "terminal"),
        (json!({}), "terminal"),
    ] {
        let verdict = look(lists(), 200, json!({"s": value}));
        assert_eq!(name(&verdict), expected, "{value}");
    }
    let mut both = lists();
    both["successStatuses"] = "both".into();
    both["canceledStatuses"] = "both".into();
    assert_eq!(name(&look(both, 200, json!({"s": "both"}))), "terminal");
    let mut flag = lists();
    flag["successStatuses"] = "true".into();
    assert_eq!(name(&look(flag, 200, json!({"s": true}))), "succeeded");
}

#[test]
fn without_a_path_the_first_success_ends_it() {
    assert_eq!(name(&look(json!({}), 202, json!({}))), "succeeded");
    assert_eq!(name(&look(json!({}), 404, json!({}))), "terminal");
}

#[test]
fn status_codes_are_retried_and_counted() {
    for (stage, status, expected, past) in [
        (json!({}), 500, "running", json!([500])),
        (json!({}), 504, "running", json!([504])),
        (json!({}), 429, "running", json!([429])),
        (json!({}), 404, "terminal", json!(null)),
        (
            json!({"retryStatusCodes": [404]}),
            404,
            "running",
            json!([404]),
        ),
        (
            json!({"webhookRetryStatusCodes": [404]}),
            404,
            "terminal",
            json!(null),
        ),
        (
            json!({"webhook": {"monitor": {"pastStatusCodes": [500, 404]}}, "retries": {"500": {"maxAttempts": 2}}}),
            500,
            "running",
            json!([500, 404, 500]),
        ),
        (
            json!({"webhook": {"monitor": {"pastStatusCodes": [500, 500]}}, "retries": {"500": {"maxAttempts": 2}}}),
            500,
            "terminal",
            json!([500, 500]),
        ),
        (
            json!({"retries": {"503": {}}}),
            503,
            "terminal",
            json!(null),
        ),
    ] {
        let verdict = look(stage.clone(), status, json!({}));
        assert_eq!(name(&verdict), expected, "{stage} {status}");
        assert_eq!(
            monitor(&verdict)
                .get("pastStatusCodes")
                .cloned()
                .unwrap_or_default(),
            past,
            "{stage} {status}"
        );
    }
}

#[test]
fn network_failures_get_their_verdict() {
    let fields =
        fields(json!({"webhook": {"statusCode": "OK", "monitor": {"pastStatusCodes": [502]}}}));
    for received in [
        Received::UnknownHost,
        Received::Timeout { sent: true },
        Received::Timeout { sent: false },
    ] {
        let verdict = judge(&fields, &received, "http://s", NOW);
        assert_eq!(name(&verdict), "running");
        assert_eq!(
            monitor(&verdict)["pastStatusCodes"],
            json!([502]),
            "counts survive other failures"
        );
    }
    let refused = Received::Failed {
        message: "connection refused".into(),
        sent: false,
    };
    let verdict = judge(&fields, &refused, "http://s", NOW);
    assert_eq!(name(&verdict), "terminal");
    assert_eq!(
        monitor(&verdict)["error"],
        "an exception occurred in webhook monitor to http://s: connection refused"
    );
}

#[test]
fn the_context_keeps_the_call_and_replaces_the_look() {
    let mut stage = lists();
    stage["progressJsonPath"] = "$.p".into();
    stage["webhook"] =
        json!({"statusCode": "OK", "body": 1, "monitor": {"body": "old", "since": NOW - 5}});
    let verdict = look(stage, 202, json!({"s": 40, "p": "halfway"}));
    let expected = json!({"webhook": {"statusCode": "OK", "body": 1, "monitor": {
        "since": NOW - 5, "statusCode": "ACCEPTED", "statusCodeValue": 202,
        "headers": {"Content-Type": "application/json"}, "body": {"s": 40, "p": "halfway"},
        "progressMessage": "halfway", "percentComplete": 40
    }}});
    assert_eq!(
        verdict,
        Verdict::Running(expected.as_object().unwrap().clone())
    );
}

#[test]
fn paths_that_fail_say_so() {
    for (stage, body, error) in [
        (
            json!({"statusJsonPath": "$.x"}),
            json!({}),
            "Unable to parse status: JSON property '$.x' not found in response body",
        ),
        (
            json!({"statusJsonPath": "$..x"}),
            json!({}),
            "The json path '$..x' did not resolve to a single value",
        ),
        (
            json!({"statusJsonPath": "$.s"}),
            json!({"s": []}),
            "The json path '$.s' did not resolve to a single value",
        ),
        (
            json!({"statusJsonPath": "$."}),
            json!({}),
            "'$.' is no JSON path: a name is missing at character 3",
        ),
        (
            json!({"statusJsonPath": "$.s", "progressJsonPath": "$.p"}),
            json!({"s": "a"}),
            "Unable to parse progress: JSON property '$.p' not found in response body",
        ),
        (
            json!({"statusJsonPath": "$.s", "progressJsonPath": "$.p"}),
            json!({"s": "a", "p": 1}),
            "The json path '$.p' did not resolve to a String value",
        ),
    ] {
        let verdict = look(stage.clone(), 200, body);
        assert_eq!(name(&verdict), "terminal", "{stage}");
        assert_eq!(monitor(&verdict)["error"], error);
    }
}

#[test]
fn the_endpoint_is_found_or_missed() {
    for (stage, expected) in [
        (json!({"statusEndpoint": "http://s"}), Ok("http://s")),
        (
            json!({"webhook": {"statusEndpoint": "http://w"}}),
            Ok("http://w"),
        ),
        (
            json!({"url": "http://u"}),
            Err("Missing required parameter: statusEndpoint = null"),
        ),
        (
            json!({"url": "http://u", "monitorOnly": true}),
            Ok("http://u"),
        ),
        (
            json!({"monitorOnly": true}),
            Err("Missing required parameter. Either webhook url or statusEndpoint are required"),
        ),
    ] {
        let fields = Fields::read(stage.as_object().unwrap()).unwrap();
        assert_eq!(
            endpoint(&fields).map_err(|error| error.to_string()),
            expected.map_err(str::to_owned),
            "{stage}"
        );
    }
}

#[test]
fn looks_slow_down_after_a_minute() {
    for (since, expected) in [
        (NOW, AGAIN_MS),
        (NOW - 60_000, AGAIN_MS),
        (NOW - 60_001, AGAIN_LATER_MS),
    ] {
        let stage = json!({"webhook": {"monitor": {"since": since}}});
        let Verdict::Running(context) = look(stage, 500, json!({})) else {
            panic!()
        };
        assert_eq!(again_ms(&context, NOW), expected);
    }
    let Verdict::Running(context) = look(json!({}), 500, json!({})) else {
        panic!()
    };
    assert_eq!(
        again_ms(&context, NOW + 60_001),
        AGAIN_LATER_MS,
        "the first look starts the minute"
    );
}

fn lists() -> Value {
    serde_json::from_str(LISTS).unwrap()
}

fn fields(stage: Value) -> Fields {
    Fields::read(stage.as_object().unwrap()).unwrap()
}

fn look(stage: Value, status: u16, body: Value) -> Verdict {
    let response = Response {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    };
    judge(
        &fields(stage),
        &Received::Response(response),
        "http://s",
        NOW,
    )
}

fn monitor(verdict: &Verdict) -> &Map {
    let (Verdict::Running(context)
    | Verdict::Succeeded(context)
    | Verdict::Terminal(context)
    | Verdict::Canceled(context)) = verdict;
    context["webhook"]["monitor"].as_object().unwrap()
}

fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Running(_) => "running",
        Verdict::Succeeded(_) => "succeeded",
        Verdict::Terminal(_) => "terminal",
        Verdict::Canceled(_) => "canceled",
    }
}
