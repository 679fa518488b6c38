use gennaker_testkit::http::{Reply, Seen};
use serde_json::json;

use crate::{
    Problem, Receipt,
    notice::Notice,
    testing::{BASE, Fixture, event, input, json_of, judgment, sent},
};

const SHA: &str = "abc1234";

async fn github(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Fixture {
    Fixture::new(answer, |settings, url, file| {
        settings.notifications.github_status.url = url.to_owned();
        settings.notifications.github_status.token_file = Some(file.to_owned());
    })
    .await
}

fn with_message(message: &'static str) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    move |seen| match seen.method.as_str() {
        "GET" => Reply::ok(&json!({"commit": {"message": message}}).to_string()),
        _ => Reply::status(201, r#"{"id": 77}"#),
    }
}

#[tokio::test]
async fn the_commit_that_started_a_pipeline_gets_a_status() {
    for (when, state) in [
        ("pipeline.starting", "pending"),
        ("pipeline.complete", "success"),
        ("pipeline.failed", "failure"),
    ] {
        let fixture = github(with_message("fix it")).await;
        let sent = sent(
            fixture
                .deliver(&event(json!({"type": "githubStatus"}), when))
                .await,
        );
        assert_eq!(
            (sent.to, sent.reference.as_deref()),
            (vec![format!("acme/shop@{SHA}")], Some("77"))
        );
        let seen = fixture.server.seen();
        assert_eq!(seen[0].path(), "/repos/acme/shop/commits/abc1234");
        assert_eq!(seen[1].path(), "/repos/acme/shop/statuses/abc1234");
        assert_eq!(seen[1].header("authorization"), Some("token s3cret-token"));
        let status = when.rsplit('.').next().unwrap();
        assert_eq!(
            json_of(&seen[1].text()),
            json!({"state": state, "description": format!("Pipeline 'deploy' is {status}"), "context": "pipeline/deploy",
                "target_url": format!("{BASE}/#/applications/myapp/executions/details/01JEXEC?pipeline=deploy")})
        );
    }
}

#[tokio::test]
async fn a_merge_that_was_only_tried_leads_to_its_branch() {
    let tried = "Merge 0123456789abcdef0123456789abcdef01234567 into fedcba9";
    let fixture = github(with_message(tried)).await;
    sent(
        fixture
            .deliver(&event(json!({"type": "githubStatus"}), "pipeline.complete"))
            .await,
    );
    let path = "/repos/acme/shop/statuses/0123456789abcdef0123456789abcdef01234567";
    assert_eq!(fixture.server.seen()[1].path(), path);
    let other = github(|seen| match seen.method.as_str() {
        "GET" => Reply::status(404, ""),
        _ => Reply::status(201, "{}"),
    })
    .await;
    sent(
        other
            .deliver(&event(json!({"type": "githubStatus"}), "pipeline.complete"))
            .await,
    );
    assert_eq!(
        other.server.seen()[1].path(),
        "/repos/acme/shop/statuses/abc1234"
    );
}

#[tokio::test]
async fn a_stage_has_a_status_of_its_own_and_the_notification_may_name_the_commit() {
    let fixture = github(with_message("x")).await;
    let mut input = input(
        json!({"type": "githubStatus", "repo": "o/r", "commit": "feed5"}),
        "stage.complete",
    );
    input["execution"]["stages"] = json!([{"name": "Wait"}, {"name": "Bake & ship"}]);
    sent(fixture.deliver(&Notice::due(&input, BASE).unwrap()).await);
    let seen = &fixture.server.seen()[1];
    assert_eq!(seen.path(), "/repos/o/r/statuses/feed5");
    let body = json_of(&seen.text());
    assert_eq!(body["context"], "stage/Bake & ship");
    assert_eq!(
        body["description"],
        "Stage 'Bake & ship' in pipeline 'deploy' is complete"
    );
    let link = body["target_url"].as_str().unwrap();
    assert!(link.ends_with("/01JEXEC?pipeline=deploy&stage=1"), "{link}");
}

#[tokio::test]
async fn without_a_commit_there_is_nothing_to_do() {
    let fixture = github(with_message("x")).await;
    let mut input = input(json!({"type": "githubStatus"}), "pipeline.complete");
    input["execution"]["trigger"] = json!({"type": "manual"});
    let told = fixture.deliver(&Notice::due(&input, BASE).unwrap()).await;
    let why = "neither the notification nor the trigger names a repository";
    assert_eq!(told, Ok(Receipt::Ignored(why.to_owned())));
    input["execution"]["trigger"] =
        json!({"buildInfo": {"name": "acme/shop", "scm": [{"sha1": "beef1"}]}});
    sent(fixture.deliver(&Notice::due(&input, BASE).unwrap()).await);
    assert_eq!(
        fixture.server.seen()[1].path(),
        "/repos/acme/shop/statuses/beef1"
    );
    let asked = judgment(json!({"type": "githubStatus"}), "manualJudgment");
    assert!(matches!(
        fixture.deliver(&asked).await,
        Ok(Receipt::Ignored(_))
    ));
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again() {
    let fixture = github(|_| Reply::status(500, "oops")).await;
    let told = fixture
        .deliver(&event(json!({"type": "githubStatus"}), "pipeline.complete"))
        .await;
    assert!(matches!(told, Err(Problem::Later { .. })), "{told:?}");
    let fixture = github(|_| Reply::status(401, "Bad credentials")).await;
    let told = fixture
        .deliver(&event(json!({"type": "githubStatus"}), "pipeline.complete"))
        .await;
    assert_eq!(
        told,
        Err(Problem::Refused("status 401: Bad credentials".to_owned()))
    );
}
