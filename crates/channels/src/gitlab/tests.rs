use gennaker_testkit::http::Reply;
use serde_json::json;

use crate::{
    Problem, Receipt,
    testing::{Fixture, event, json_of},
};

const SAME: &str = r#"{"message": "Cannot transition status via :run from :running (Reason(s): Status cannot transition via \"run\")"}"#;

async fn gitlab(status: u16, answer: &'static str) -> Fixture {
    Fixture::new(
        move |_| Reply::status(status, answer),
        |settings, url, file| {
            settings.notifications.gitlab_status.url = url.to_owned();
            settings.notifications.gitlab_status.token_file = Some(file.to_owned());
        },
    )
    .await
}

#[tokio::test]
async fn a_commit_gets_a_status() {
    let fixture = gitlab(201, r#"{"id": 5}"#).await;
    let entry = json!({"type": "gitlabStatus", "repo": "group/sub/shop", "commit": "feed5"});
    let Ok(Receipt::Sent(sent)) = fixture.deliver(&event(entry, "pipeline.failed")).await else {
        panic!()
    };
    assert_eq!(sent.to, ["group/sub/shop@feed5"]);
    let seen = fixture.one();
    assert_eq!(
        seen.path(),
        "/api/v4/projects/group%2Fsub%2Fshop/statuses/feed5"
    );
    assert_eq!(seen.header("private-token"), Some("s3cret-token"));
    let body = json_of(&seen.text());
    assert_eq!(
        (body["state"].as_str(), body["name"].as_str()),
        (Some("failed"), Some("pipeline/deploy"))
    );
}

#[tokio::test]
async fn the_same_status_once_more_is_no_failure() {
    let entry = json!({"type": "gitlabStatus", "repo": "a/b", "commit": "feed5"});
    let fixture = gitlab(400, SAME).await;
    let again = fixture
        .deliver(&event(entry.clone(), "pipeline.starting"))
        .await;
    assert!(matches!(again, Ok(Receipt::Sent(_))), "{again:?}");
    let other = fixture.deliver(&event(entry, "pipeline.failed")).await;
    assert!(matches!(other, Err(Problem::Refused(_))), "{other:?}");
}
