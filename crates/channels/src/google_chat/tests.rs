use gennaker_testkit::http::Reply;
use serde_json::json;

use crate::testing::{Fixture, event, json_of, judgment, sent};

const ROOM: &str = "https://chat.googleapis.com/v1/spaces/AAA/messages?key=K&token=T";

async fn chat() -> Fixture {
    Fixture::new(
        |_| Reply::ok(r#"{"name": "spaces/AAA/messages/1"}"#),
        |settings, url, _| {
            settings.notifications.google_chat.enabled = true;
            settings.notifications.google_chat.url = url.to_owned();
        },
    )
    .await
}

#[tokio::test]
async fn list_14_19_cards_are_an_object() {
    let fixture = chat().await;
    let entry = json!({"type": "googlechat", "address": ROOM});
    let sent = sent(fixture.deliver(&event(entry, "pipeline.complete")).await);
    assert_eq!(
        sent.to,
        ["https://chat.googleapis.com/…"],
        "the address is a secret"
    );
    assert_eq!(sent.reference.as_deref(), Some("spaces/AAA/messages/1"));
    let seen = fixture.one();
    assert_eq!(seen.path(), "/v1/spaces/AAA/messages?key=K&token=T");
    let link = "https://deck.example.com/#/applications/myapp/executions/details/01JEXEC";
    let text = format!("Myapp's <a href=\"{link}\">deploy</a> pipeline has completed successfully");
    let icon = "https://avatars0.githubusercontent.com/u/7634182?s=200&v=4";
    let page = json!({"openLink": {"url": "https://www.spinnaker.io/"}});
    assert_eq!(
        json_of(&seen.text()),
        json!({"cards": {"sections": [{"widgets": [
            {"textParagraph": {"text": text}},
            {"buttons": [{"imageButton": {"iconUrl": icon, "onClick": page}},
                {"textButton": {"text": "From Spinnaker", "onClick": page}}]}]}]}})
    );
}

#[tokio::test]
async fn a_judgement_says_what_to_look_at() {
    let fixture = chat().await;
    let entry = json!({"type": "googlechat", "address": ROOM});
    sent(fixture.deliver(&judgment(entry, "manualJudgment")).await);
    let body = json_of(&fixture.one().text());
    let text = body["cards"]["sections"][0]["widgets"][0]["textParagraph"]["text"].as_str();
    assert!(
        text.unwrap().contains("is <b>awaiting manual judgment</b>"),
        "{text:?}"
    );
}

#[tokio::test]
async fn another_address_is_refused_without_being_called() {
    let fixture = chat().await;
    for address in ["https://evil.example.com/v1/spaces/A", "chat", ""] {
        let entry = json!({"type": "googlechat", "address": address});
        assert!(
            fixture
                .deliver(&event(entry, "pipeline.complete"))
                .await
                .is_err()
        );
    }
    assert!(fixture.server.seen().is_empty());
}
