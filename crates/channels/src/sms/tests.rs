use gennaker_testkit::http::Reply;
use serde_json::json;

use crate::{
    Problem,
    testing::{Fixture, SECRET, assert_quiet, event, fields, sent},
};

async fn twilio(status: u16, answer: &'static str) -> Fixture {
    Fixture::new(
        move |_| Reply::status(status, answer),
        |settings, url, file| {
            let sms = &mut settings.notifications.sms;
            sms.account = Some("AC1".to_owned());
            sms.token_file = Some(file.to_owned());
            sms.from = Some("+15005550006".to_owned());
            sms.url = url.to_owned();
        },
    )
    .await
}

#[tokio::test]
async fn a_text_message_is_a_form_of_twilio() {
    let fixture = twilio(201, r#"{"sid": "SM1"}"#).await;
    let entry = json!({"type": "sms", "address": "+491700000000"});
    let sent = sent(fixture.deliver(&event(entry, "pipeline.complete")).await);
    assert_eq!(sent.reference.as_deref(), Some("SM1"));
    let seen = fixture.one();
    assert_eq!(seen.path(), "/2010-04-01/Accounts/AC1/Messages.json");
    let proof = gennaker_credentials::auth::basic("AC1", SECRET);
    assert_eq!(seen.header("authorization"), Some(proof.as_str()));
    let form = fields(&seen.text());
    assert_eq!(form["From"], "+15005550006");
    assert_eq!(form["To"], "+491700000000");
    let link = "https://deck.example.com/#/applications/myapp/executions/details/01JEXEC";
    assert_eq!(
        form["Body"],
        format!("Myapp's deploy pipeline has completed successfully {link}")
    );
}

#[tokio::test]
async fn a_refusal_is_quoted_and_a_broken_server_not_asked_again() {
    let entry = json!({"type": "sms", "address": "12"});
    let fixture = twilio(
        400,
        r#"{"code": 21211, "message": "The 'To' number is not valid"}"#,
    )
    .await;
    let told = fixture
        .deliver(&event(entry.clone(), "pipeline.failed"))
        .await
        .unwrap_err();
    assert!(
        matches!(&told, Problem::Refused(it) if it.contains("number is not valid")),
        "{told}"
    );
    let fixture = twilio(502, "bad gateway").await;
    let told = fixture
        .deliver(&event(entry, "pipeline.failed"))
        .await
        .unwrap_err();
    assert!(matches!(told, Problem::Unknown(_)), "{told}");
    assert_quiet(&told.to_string());
}
