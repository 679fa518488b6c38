use gennaker_testkit::http::Reply;
use serde_json::{Value, json};

use crate::{
    Problem,
    testing::{Fixture, event, json_of, judgment, sent},
};

async fn teams(status: u16) -> Fixture {
    Fixture::new(
        move |_| Reply::status(status, ""),
        |settings, _, _| {
            settings.notifications.microsoft_teams.enabled = true;
        },
    )
    .await
}

fn content(body: &Value) -> &Value {
    &body["attachments"][0]["content"]
}

#[tokio::test]
async fn an_event_is_a_card_with_facts() {
    let fixture = teams(202).await;
    let address = fixture.server.url("/workflows/1?sig=secret");
    let entry = json!({"type": "microsoftteams", "address": address, "message": {"stage.failed": {"text": "Look"}}});
    let sent = sent(fixture.deliver(&event(entry, "stage.failed")).await);
    assert!(
        sent.to[0].ends_with("/…") && !sent.to[0].contains("sig"),
        "{:?}",
        sent.to
    );
    let seen = fixture.one();
    assert_eq!(seen.path(), "/workflows/1?sig=secret");
    let body = json_of(&seen.text());
    assert_eq!(body["type"], "message");
    assert_eq!(
        body["attachments"][0]["contentType"],
        "application/vnd.microsoft.card.adaptive"
    );
    let link = "https://deck.example.com/#/applications/myapp/executions/details/01JEXEC";
    assert_eq!(
        *content(&body),
        json!({
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
            "msteams": {"width": "Full"},
            "body": [
                {"type": "Container", "style": "attention", "items": [{"type": "TextBlock", "text": "Stage failed for MYAPP",
                    "weight": "Bolder", "size": "Large", "wrap": true}]},
                {"type": "TextBlock", "text": "Stage Bake & ship for myapp's deploy pipeline has failed", "wrap": true,
                    "spacing": "Medium"},
                {"type": "FactSet", "spacing": "Medium", "facts": [
                    {"title": "Application", "value": "myapp"}, {"title": "Execution", "value": "deploy"},
                    {"title": "Stage Name", "value": "Bake & ship"}, {"title": "Message", "value": "Look"},
                    {"title": "Status", "value": "Failed"}]},
            ],
            "actions": [{"type": "Action.OpenUrl", "title": "View in Spinnaker", "url": link}],
        })
    );
}

#[tokio::test]
async fn a_judgement_is_a_card_with_a_way_to_it() {
    let fixture = teams(200).await;
    let entry = json!({"type": "microsoftteams", "address": fixture.server.url("/w")});
    sent(fixture.deliver(&judgment(entry, "manualJudgment")).await);
    let body = json_of(&fixture.one().text());
    let content = content(&body);
    let blocks = &content["body"][1]["items"];
    assert_eq!(
        blocks[0]["text"],
        "**Message:** Stage Judge <it> for myapp's deploy pipeline build 7 is awaiting manual judgment"
    );
    assert!(
        blocks[1]["text"]
            .as_str()
            .unwrap()
            .starts_with("**Summary:** Instructions:")
    );
    let link = content["actions"][0]["url"].as_str().unwrap();
    assert!(link.ends_with("/01JEXEC?refId=3"), "{link}");
}

#[tokio::test]
async fn addresses_of_the_inside_are_not_called() {
    let fixture = teams(200).await;
    let entry = json!({"type": "microsoftteams", "address": "http://169.254.169.254/latest"});
    let told = fixture
        .deliver(&event(entry, "pipeline.failed"))
        .await
        .unwrap_err();
    assert!(
        matches!(&told, Problem::Refused(it) if it.contains("is not allowed")),
        "{told}"
    );
}
