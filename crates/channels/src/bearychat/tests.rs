use gennaker_testkit::http::{Reply, Seen};
use serde_json::json;

use crate::testing::{Fixture, event, json_of, sent};

fn answer(seen: &Seen) -> Reply {
    match seen.path().split('?').next().unwrap() {
        "/v1/user.list" => Reply::ok(r#"[{"id": "=bw", "email": "anna@example.com"}]"#),
        "/v1/p2p.create" => Reply::ok(r#"{"vchannel_id": "=ch"}"#),
        _ => Reply::status(201, r#"{"key": "1.2"}"#),
    }
}

async fn team() -> Fixture {
    Fixture::new(answer, |settings, url, file| {
        settings.notifications.bearychat.url = url.to_owned();
        settings.notifications.bearychat.token_file = Some(file.to_owned());
    })
    .await
}

#[tokio::test]
async fn a_person_is_found_by_mail_address_and_written_to() {
    let fixture = team().await;
    let entry = json!({"type": "bearychat", "address": "anna@example.com"});
    let sent = sent(fixture.deliver(&event(entry, "pipeline.complete")).await);
    assert_eq!(sent.reference.as_deref(), Some("1.2"));
    let seen = fixture.server.seen();
    let paths: Vec<&str> = seen.iter().map(|seen| seen.path()).collect();
    let token = "?token=s3cret-token";
    let expected =
        ["user.list", "p2p.create", "message.create"].map(|it| format!("/v1/{it}{token}"));
    assert_eq!(paths, expected);
    assert_eq!(json_of(&seen[1].text()), json!({"user_id": "=bw"}));
    let link = "https://deck.example.com/#/applications/myapp/executions/details/01JEXEC";
    let text = format!(
        "Myapp's deploy pipeline has completed successfully.  To see more details, please visit: {link}"
    );
    assert_eq!(
        json_of(&seen[2].text()),
        json!({"vchannel_id": "=ch", "text": text, "attachments": ""})
    );
}

#[tokio::test]
async fn somebody_unknown_is_said() {
    let fixture = team().await;
    let entry = json!({"type": "bearychat", "address": "eve@example.com"});
    let told = fixture
        .deliver(&event(entry, "pipeline.complete"))
        .await
        .unwrap_err();
    assert_eq!(told.to_string(), "no user of BearyChat has this address");
}
