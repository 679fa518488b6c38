use gennaker_testkit::http::{Reply, Seen};
use serde_json::json;

use crate::{
    Problem,
    testing::{Fixture, SECRET, json_of, message, sent},
};

async fn jira(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Fixture {
    Fixture::new(answer, |settings, url, file| {
        settings.services.jira.url = Some(format!("{url}/jira"));
        settings.services.jira.username = Some("robot".to_owned());
        settings.services.jira.password_file = Some(file.to_owned());
    })
    .await
}

#[tokio::test]
async fn an_issue_is_made_of_its_context_with_the_details_on_top() {
    let fixture =
        jira(|_| Reply::status(201, r#"{"id": "1", "key": "OPS-7", "self": "https://j/1"}"#)).await;
    let context =
        json!({"issueContext": {"fields": {"summary": "s"}, "details": {"update": {"x": 1}}}});
    let sent = sent(fixture.deliver(&message("JIRA", json!([]), context)).await);
    assert_eq!(sent.reference.as_deref(), Some("OPS-7"));
    let seen = fixture.one();
    assert_eq!(seen.path(), "/jira/rest/api/2/issue/");
    let proof = gennaker_credentials::auth::basic("robot", SECRET);
    assert_eq!(seen.header("authorization"), Some(proof.as_str()));
    assert_eq!(
        json_of(&seen.text()),
        json!({"fields": {"summary": "s"}, "update": {"x": 1}})
    );
}

#[tokio::test]
async fn an_issue_is_moved_by_the_name_of_the_transition_and_commented() {
    let fixture = jira(|seen| match seen.method.as_str() {
        "GET" => Reply::ok(
            r#"{"transitions": [{"id": "4", "name": "Start"}, {"id": "5", "name": "Done"}]}"#,
        ),
        _ => Reply::status(204, ""),
    })
    .await;
    let context = json!({"jiraIssue": "OPS-7", "comment": "shipped",
        "transitionContext": {"transition": {"name": "Done"}, "fields": {"resolution": {"name": "Fixed"}}}});
    sent(
        fixture
            .deliver(&message("JIRA", json!([]), context.clone()))
            .await,
    );
    let seen = fixture.server.seen();
    assert_eq!(seen[1].path(), "/jira/rest/api/2/issue/OPS-7/transitions");
    let moved = json!({"transition": {"name": "Done", "id": "5"}, "fields": {"resolution": {"name": "Fixed"}}});
    assert_eq!(json_of(&seen[1].text()), moved);
    assert_eq!(seen[2].path(), "/jira/rest/api/2/issue/OPS-7/comment");
    assert_eq!(json_of(&seen[2].text()), json!({"body": "shipped"}));

    let mut other = context;
    other["transitionContext"]["transition"]["name"] = "Nap".into();
    let told = fixture
        .deliver(&message("JIRA", json!([]), other))
        .await
        .unwrap_err();
    let sentence =
        "Failed to transition Jira issue OPS-7: it has no transition 'Nap', but Start, Done";
    assert_eq!(told, Problem::Refused(sentence.to_owned()));
}

#[tokio::test]
async fn an_issue_that_may_have_been_made_is_not_made_again() {
    let fixture = jira(|_| Reply::status(504, "gateway")).await;
    let context = json!({"issueContext": {"fields": {}}});
    let told = fixture
        .deliver(&message("JIRA", json!([]), context))
        .await
        .unwrap_err();
    assert!(matches!(told, Problem::Unknown(_)), "{told}");
    let none = fixture
        .deliver(&message("JIRA", json!([]), json!({})))
        .await
        .unwrap_err();
    assert!(none.to_string().contains("issueContext"), "{none}");
}
