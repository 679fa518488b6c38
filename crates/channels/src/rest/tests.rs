use std::sync::atomic::{AtomicU32, Ordering};

use gennaker_outbound::{Client, Options, Policy};
use gennaker_settings::RestEndpoint;
use gennaker_testkit::http::{Reply, Server};
use serde_json::{Value, json};

use super::Endpoint;
use crate::{
    Problem,
    line::{Freely, Line},
    testing::json_of,
};

fn event() -> Value {
    json!({"details": {"type": "orca:pipeline:complete", "application": "a"}, "content": {"x": [1]}, "eventId": "e"})
}

fn payload(set: RestEndpoint) -> Result<Value, String> {
    Endpoint::of(&set).payload(&event())
}

#[test]
fn events_are_wrapped_and_flattened_as_echo_does() {
    assert_eq!(payload(RestEndpoint::default()).unwrap(), event());
    let wrap = RestEndpoint {
        wrap: true,
        ..RestEndpoint::default()
    };
    let wrapped = json!({"eventName": "spinnaker_events", "payload": event()});
    assert_eq!(payload(wrap.clone()).unwrap(), wrapped);
    let flat = payload(RestEndpoint {
        flatten: true,
        ..RestEndpoint::default()
    })
    .unwrap();
    assert_eq!(flat["content"], r#"{"x":[1]}"#);
    assert_eq!(
        flat["details"],
        r#"{"type":"orca:pipeline:complete","application":"a"}"#
    );
    let template = |text: &str| RestEndpoint {
        template: Some(text.to_owned()),
        ..wrap.clone()
    };
    assert_eq!(
        payload(template(r#"{"all": [{{event}}]}"#)).unwrap(),
        json!({"all": [event()]})
    );
    assert!(payload(template("[{{event}}]")).is_err());
    let ignored = RestEndpoint {
        wrap: false,
        ..template("{}")
    };
    assert_eq!(
        payload(ignored).unwrap(),
        event(),
        "a template without wrap has no effect"
    );
}

#[tokio::test]
async fn an_event_is_sent_as_often_as_it_takes_and_no_oftener() {
    let tries = AtomicU32::new(0);
    let server = Server::start(move |_| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::status(500, ""),
        _ => Reply::ok(""),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path.to_str().unwrap().to_owned())
    };
    let set = RestEndpoint {
        url: server.url("/in"),
        tries: 3,
        username: Some("u".to_owned()),
        password_file: file("password", "p\n"),
        headers: [("X-One".to_owned(), "1".to_owned())].into(),
        headers_file: file("headers", "X-Two: 2\n\nX-Three:3\n"),
        ..RestEndpoint::default()
    };
    let client = Client::new(Policy::trusted(), Options::default()).unwrap();
    let line = Line::new(&client, &Freely);
    Endpoint::of(&set)
        .forward(&event(), "e-1", &line)
        .await
        .unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(json_of(&seen[1].text()), event());
    for (name, value) in [
        ("idempotency-key", "e-1"),
        ("authorization", "Basic dTpw"),
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-three", "3"),
    ] {
        assert_eq!(seen[1].header(name), Some(value));
    }
}

#[tokio::test]
async fn an_endpoint_that_refuses_is_not_bothered() {
    let server = Server::start(|_| Reply::status(422, "no")).await;
    let set = RestEndpoint {
        url: server.url("/in?token=secret"),
        tries: 5,
        ..RestEndpoint::default()
    };
    let client = Client::new(Policy::trusted(), Options::default()).unwrap();
    let endpoint = Endpoint::of(&set);
    let told = endpoint
        .forward(&event(), "e-1", &Line::new(&client, &Freely))
        .await;
    assert_eq!(told, Err(Problem::Refused("status 422: no".to_owned())));
    assert_eq!(server.seen().len(), 1);
    assert!(!endpoint.shown().contains("secret"));
}
