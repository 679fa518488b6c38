use gennaker_testkit::http::Reply;
use serde_json::json;

use crate::{
    Problem, Receipt,
    testing::{Fixture, ID, assert_quiet, event, json_of, message, sent},
};

async fn duty(status: u16, answer: &'static str) -> Fixture {
    Fixture::new(
        move |_| Reply::status(status, answer),
        |settings, url, file| {
            settings.services.pager_duty.url = url.to_owned();
            settings.services.pager_duty.token_file = Some(file.to_owned());
        },
    )
    .await
}

#[tokio::test]
async fn a_page_opens_an_incident_once() {
    let fixture = duty(200, r#"{"status": "success", "incident_key": "k"}"#).await;
    let notice = message(
        "PAGER_DUTY",
        json!(["service-key-1"]),
        json!({"message": "on fire", "details": {"more": 1}}),
    );
    let sent = sent(fixture.deliver(&notice).await);
    assert_eq!(
        (sent.to, sent.reference.as_deref()),
        (vec!["…ey-1".to_owned()], Some("k"))
    );
    let seen = fixture.one();
    assert_eq!(seen.path(), "/generic/2010-04-15/create_event.json");
    assert_eq!(
        seen.header("authorization"),
        Some("Token token=s3cret-token")
    );
    assert_eq!(
        json_of(&seen.text()),
        json!({"event_type": "trigger", "client": "Spinnaker (anna)", "service_key": "service-key-1", "incident_key": ID,
            "description": "on fire", "details": {"more": 1}})
    );
}

#[tokio::test]
async fn refusals_are_pagerdutys_words_and_trouble_passes() {
    let notice = message(
        "PAGER_DUTY",
        json!(["service-key-1"]),
        json!({"message": "m"}),
    );
    let fixture = duty(
        400,
        r#"{"status": "invalid event", "errors": ["Service key is wrong"]}"#,
    )
    .await;
    let told = fixture.deliver(&notice).await.unwrap_err();
    assert_eq!(told, Problem::Refused("Service key is wrong".to_owned()));
    let fixture = duty(200, r#"{"status": "queued", "message": "not now"}"#).await;
    assert_eq!(
        fixture.deliver(&notice).await.unwrap_err(),
        Problem::Refused("not now".to_owned())
    );
    let fixture = duty(500, "").await;
    let told = fixture.deliver(&notice).await.unwrap_err();
    assert!(matches!(told, Problem::Later { .. }), "{told}");
    assert_quiet(&told.to_string());
}

#[tokio::test]
async fn events_are_not_for_pagerduty() {
    let fixture = duty(200, "").await;
    let told = fixture
        .deliver(&event(
            json!({"type": "pager_duty", "address": "k"}),
            "pipeline.failed",
        ))
        .await;
    assert!(matches!(told, Ok(Receipt::Ignored(_))), "{told:?}");
    assert!(fixture.server.seen().is_empty());
}
