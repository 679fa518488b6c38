use gennaker_testkit::http::Reply;
use serde_json::json;

use crate::testing::{Fixture, event, json_of, sent};

#[tokio::test]
async fn a_room_gets_html_and_a_colour() {
    let fixture = Fixture::new(
        |_| Reply::status(204, ""),
        |settings, url, file| {
            settings.notifications.hipchat.url = Some(url.to_owned());
            settings.notifications.hipchat.token_file = Some(file.to_owned());
        },
    )
    .await;
    for (when, colour, notify) in [
        ("pipeline.failed", "red", true),
        ("pipeline.complete", "green", false),
        ("pipeline.starting", "gray", false),
    ] {
        let entry = json!({"type": "hipchat", "address": "Dev Room"});
        sent(fixture.deliver(&event(entry, when)).await);
        let seen = fixture.server.seen().pop().unwrap();
        assert_eq!(
            seen.path(),
            "/v2/room/Dev%20Room/notification?auth_token=s3cret-token"
        );
        let body = json_of(&seen.text());
        assert_eq!(
            (body["color"].as_str(), body["notify"].as_bool()),
            (Some(colour), Some(notify))
        );
        assert!(
            body["message"]
                .as_str()
                .unwrap()
                .starts_with("Myapp's <a href=")
        );
    }
}
