//! The tasks against servers that record what they get.

use std::path::PathBuf;

use gennaker_model::work::{Order, Outcome, TaskMessage};
use serde_json::{Value, json};
use tempfile::TempDir;

use gennaker_channels::{jira::Jira, pager_duty::PagerDuty};
use gennaker_settings as settings;

use super::{Gremlin, Services};
use crate::{
    SecretHeaders,
    testing::{Fixture, Target, context, error, json_answer},
};

/// A folder with a file that holds `s3cret`.
fn secret() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "s3cret\n").unwrap();
    (folder, file)
}

async fn with(change: impl FnOnce(Services) -> Services) -> Fixture {
    Fixture::with_services(SecretHeaders::default(), change).await
}

async fn with_jira(target: &Target, file: PathBuf) -> Fixture {
    let jira = Jira::of(&settings::Jira {
        url: Some(format!("{}/jira/", target.url)),
        username: Some("robot".into()),
        password_file: Some(file.to_str().unwrap().into()),
    });
    with(|services| Services { jira, ..services }).await
}

async fn with_pager_duty(target: &Target, file: PathBuf) -> Fixture {
    let pager_duty = PagerDuty::of(&settings::PagerDuty {
        url: target.url.clone(),
        token_file: Some(file.to_str().unwrap().into()),
    });
    with(|services| Services {
        pager_duty,
        ..services
    })
    .await
}

async fn with_gremlin(target: &Target, file: Option<PathBuf>) -> Fixture {
    let gremlin = Gremlin {
        base_url: format!("{}/v1", target.url),
        api_key_file: file,
    };
    with(|services| Services {
        gremlin,
        ..services
    })
    .await
}

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn issue() -> Value {
    json!({"fields": {"project": {"key": "OPS"}, "issuetype": {"name": "Bug"}, "summary": "s", "customfield_1": [1]},
           "update": {"issuelinks": []}, "stageEnabled": {}})
}

#[tokio::test]
async fn an_issue_is_created_as_it_stands_in_the_stage() {
    let (_folder, file) = secret();
    let made = r#"{"id": "1", "key": "OPS-7", "self": "https://x/1", "more": 1}"#;
    let target = Target::answering([json_answer(201, made)]).await;
    let outcome = with_jira(&target, file)
        .await
        .run("createJiraIssue", issue())
        .await;
    let Outcome::Succeeded { context, .. } = outcome else {
        panic!("{outcome:?}");
    };
    let value = json!({"id": "1", "key": "OPS-7", "self": "https://x/1"});
    assert_eq!(
        context["createJiraIssueResponse"],
        json!({ "value": value })
    );
    let [got] = &target.got()[..] else { panic!() };
    let line = (got.method.as_str(), got.path.as_str());
    assert_eq!(line, ("POST", "/jira/rest/api/2/issue/"));
    assert_eq!(got.header("Authorization"), Some("Basic cm9ib3Q6czNjcmV0"));
    let sent = issue();
    let expected = json!({"fields": sent["fields"], "update": sent["update"]});
    assert_eq!(body(&got.body), expected);
}

#[tokio::test]
async fn jira_that_refuses_is_quoted_and_one_that_is_busy_is_asked_again() {
    let (_folder, file) = secret();
    let refusal = r#"{"errorMessages": [], "errors": {"issuetype": "no such type"}}"#;
    let answers = [
        json_answer(503, "{}"),
        json_answer(400, refusal),
        json_answer(200, "[]"),
    ];
    let target = Target::answering(answers).await;
    let mut fixture = with_jira(&target, file).await;
    let busy = fixture.run("createJiraIssue", issue()).await;
    assert!(matches!(
        busy,
        Outcome::Running {
            again_ms: 30_000,
            ..
        }
    ));
    let refused = error(&fixture.run("createJiraIssue", issue()).await);
    assert!(refused.starts_with("Failed to create Jira Issue for project OPS: status 400: "));
    assert!(refused.contains("no such type"));
    let odd = error(&fixture.run("createJiraIssue", issue()).await);
    assert!(odd.contains("status 200: []"), "{odd}");
}

#[tokio::test]
async fn an_issue_whose_answer_is_lost_is_not_created_twice() {
    let (_folder, file) = secret();
    let target = Target::answering([None, json_answer(201, r#"{"key": "OPS-8"}"#)]).await;
    let mut fixture = with_jira(&target, file).await;
    let task = fixture.task("createJiraIssue", issue());
    let lost = error(&fixture.finish(&task).await);
    assert!(
        lost.contains("the Jira issue may have been created"),
        "{lost}"
    );
    assert_eq!(target.got().len(), 1);
    let other = fixture.task("createJiraIssue", issue());
    fixture.lose_worker_of(&other).await;
    let lost = error(&fixture.finish(&other).await);
    assert!(lost.contains("may have been created"), "{lost}");
    assert_eq!(
        target.got().len(),
        1,
        "the second one was not asked for either"
    );
}

#[tokio::test]
async fn stages_without_their_service_or_fields_say_so() {
    let (_folder, file) = secret();
    let mut fixture = Fixture::new().await;
    for (kind, sentence) in [
        (
            "createJiraIssue",
            "Jira is not set up in this installation: the settings have no [services.jira]",
        ),
        (
            "pageApplicationOwner",
            "PagerDuty is not set up in this installation: the settings have no [services.pager_duty]",
        ),
        (
            "monitorGremlinAttack",
            "Could not find an active Gremlin attack GUID",
        ),
    ] {
        assert_eq!(error(&fixture.run(kind, json!({})).await), sentence);
    }
    let target = Target::answering([]).await;
    let mut fixture = with_jira(&target, file.clone()).await;
    for (input, sentence) in [
        (json!({}), "the stage has no 'fields' of an issue"),
        (json!({"fields": "x"}), "'fields' must be an object"),
        (
            json!({"fields": {}}),
            "'fields.project' must be an object with a key or an id",
        ),
    ] {
        assert_eq!(
            error(&fixture.run("createJiraIssue", input).await),
            sentence
        );
    }
    let mut fixture = with_pager_duty(&target, file).await;
    for (input, sentence) in [
        (json!({"keys": ["k"]}), "the stage has no 'message'"),
        (
            json!({"message": "m", "keys": "k"}),
            "'keys' must be a list of texts",
        ),
        (
            json!({"message": "m"}),
            "the stage names neither 'applications' nor 'keys'",
        ),
    ] {
        assert_eq!(
            error(&fixture.run("pageApplicationOwner", input).await),
            sentence
        );
    }
    let gone = PathBuf::from("/nowhere/secret");
    let mut fixture = with_jira(&target, gone).await;
    let unreadable = error(&fixture.run("createJiraIssue", issue()).await);
    assert!(
        unreadable.contains("/nowhere/secret cannot be read"),
        "{unreadable}"
    );
    assert!(target.got().is_empty());
}

#[tokio::test]
async fn owners_of_applications_are_paged_once_each() {
    let (_folder, file) = secret();
    let fine = || json_answer(200, r#"{"status": "success", "incident_key": "x"}"#);
    let target = Target::answering([fine(), fine()]).await;
    let mut fixture = with_pager_duty(&target, file).await;
    let shop = json!({"name": "shop", "email": "a@b.io", "pdApiKey": "key-shop"});
    let saved = fixture
        .store
        .upsert_application(shop.as_object().unwrap(), "me", 5)
        .await;
    saved.unwrap();
    let input = json!({"applications": ["shop"], "keys": ["key-shop", "key-ops"], "message": "on fire", "details": {"more": 1}});
    let task = fixture.task("pageApplicationOwner", input);
    assert!(matches!(
        fixture.finish(&task).await,
        Outcome::Succeeded { .. }
    ));
    let got = target.got();
    let keys: Vec<Value> = got
        .iter()
        .map(|got| body(&got.body)["service_key"].clone())
        .collect();
    assert_eq!(keys, ["key-ops", "key-shop"]);
    assert_eq!(got[0].path, "/generic/2010-04-15/create_event.json");
    assert_eq!(got[0].header("Authorization"), Some("Token token=s3cret"));
    let event = json!({"event_type": "trigger", "client": "Spinnaker (anna)", "service_key": "key-ops",
        "incident_key": task.effect, "description": "on fire", "details": {"more": 1, "from": "anna"}});
    assert_eq!(body(&got[0].body), event);
}

#[tokio::test]
async fn a_page_is_sent_again_with_the_same_key_when_its_answer_is_lost() {
    let (_folder, file) = secret();
    let fine = json_answer(200, r#"{"status": "success"}"#);
    let target = Target::answering([json_answer(500, ""), fine]).await;
    let mut fixture = with_pager_duty(&target, file).await;
    let task = fixture.task(
        "pageApplicationOwner",
        json!({"keys": ["k"], "message": "m"}),
    );
    let again = fixture.finish(&task).await;
    assert!(
        matches!(
            again,
            Outcome::Running {
                again_ms: 15_000,
                ..
            }
        ),
        "{again:?}"
    );
    let next = TaskMessage {
        attempt: gennaker_model::AttemptId(99),
        ..task
    };
    assert!(matches!(
        fixture.finish(&next).await,
        Outcome::Succeeded { .. }
    ));
    let got = target.got();
    assert_eq!(
        body(&got[0].body)["incident_key"],
        body(&got[1].body)["incident_key"]
    );
}

#[tokio::test]
async fn pages_that_fail_are_told_without_their_keys() {
    let (_folder, file) = secret();
    let answers = [
        json_answer(200, r#"{"status": "success"}"#),
        json_answer(
            400,
            r#"{"status": "invalid event", "errors": ["Service key is wrong"]}"#,
        ),
    ];
    let target = Target::answering(answers).await;
    let mut fixture = with_pager_duty(&target, file).await;
    let input = json!({"keys": ["0123456789", "9876543210"], "message": "m"});
    let told = error(&fixture.run("pageApplicationOwner", input).await);
    let sentence =
        "Some notifications succeeded, but the following failed: …3210: Service key is wrong";
    assert_eq!(told, sentence);
    let input = json!({"applications": ["bank", "shop"], "message": "m"});
    let told = error(&fixture.run("pageApplicationOwner", input).await);
    assert_eq!(told, "bank, shop do not have a pager duty service key.");
}

fn attack() -> Value {
    json!({"gremlinCommandTemplateId": "c", "gremlinTargetTemplateId": "t", "gremlinApiKey": "k"})
}

#[tokio::test]
async fn an_attack_is_launched_watched_and_halted() {
    let running =
        r#"[{"guid": "a-1", "stage": "x", "stage_lifecycle": "Active", "end_time": null}]"#;
    let over = r#"[{"guid": "a-1", "stage": "x", "stage_lifecycle": "Complete", "end_time": "2026-01-01T00:00:00Z"}]"#;
    let answers = [
        json_answer(201, r#""a-1""#),
        json_answer(200, running),
        json_answer(200, over),
        json_answer(200, ""),
        json_answer(404, ""),
    ];
    let target = Target::answering(answers).await;
    let mut fixture = with_gremlin(&target, None).await;
    let launched = fixture.run("launchGremlinAttack", attack()).await;
    assert_eq!(context(&launched)["gremlinAttackGuid"], "a-1");
    let known = json!({"gremlinAttackGuid": "a-1", "gremlinApiKey": "k"});
    let looked = fixture.run("monitorGremlinAttack", known.clone()).await;
    assert!(
        matches!(
            looked,
            Outcome::Running {
                again_ms: 10_000,
                ..
            }
        ),
        "{looked:?}"
    );
    let ended = fixture.run("monitorGremlinAttack", known.clone()).await;
    assert_eq!(context(&ended)["isGremlinTerminal"], "true");
    for _ in 0..2 {
        let halted = fixture.run("haltGremlinAttack", known.clone()).await;
        assert!(
            matches!(halted, Outcome::Succeeded { .. }),
            "one that is gone is over: {halted:?}"
        );
    }
    let got = target.got();
    let lines: Vec<(&str, &str)> = got
        .iter()
        .map(|got| (got.method.as_str(), got.path.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            ("POST", "/v1/attacks/new"),
            ("GET", "/v1/executions?taskId=a-1"),
            ("GET", "/v1/executions?taskId=a-1"),
            ("DELETE", "/v1/attacks/a-1"),
            ("DELETE", "/v1/attacks/a-1"),
        ]
    );
    let templates = json!({"command": {"template_id": "c"}, "target": {"template_id": "t"}});
    assert_eq!(body(&got[0].body), templates);
    assert!(
        got.iter()
            .all(|got| got.header("Authorization") == Some("Key k"))
    );
}

#[tokio::test]
async fn a_failed_attack_fails_the_stage_and_is_not_halted() {
    let failed = r#"[{"stage": "Blackhole", "stage_lifecycle": "Error", "end_time": "x", "output": "no agent"}]"#;
    let target = Target::answering([json_answer(200, failed)]).await;
    let known = json!({"gremlinAttackGuid": "a-1", "gremlinApiKey": "k"});
    let outcome = with_gremlin(&target, None)
        .await
        .run("monitorGremlinAttack", known)
        .await;
    assert_eq!(
        error(&outcome),
        "Gremlin run failed (Blackhole) with output : no agent"
    );
    assert_eq!(context(&outcome)["isGremlinTerminal"], "true");
}

#[tokio::test]
async fn the_key_of_the_installation_serves_stages_without_one() {
    let (_folder, file) = secret();
    let target = Target::answering([json_answer(201, "a-2")]).await;
    let mut input = attack();
    input.as_object_mut().unwrap().shift_remove("gremlinApiKey");
    let launched = with_gremlin(&target, Some(file))
        .await
        .run("launchGremlinAttack", input.clone())
        .await;
    assert_eq!(
        context(&launched)["gremlinAttackGuid"],
        "a-2",
        "plain text will do"
    );
    assert_eq!(target.got()[0].header("Authorization"), Some("Key s3cret"));
    let without = with_gremlin(&target, None)
        .await
        .run("launchGremlinAttack", input)
        .await;
    assert_eq!(error(&without), "No API Key provided");
}

#[tokio::test]
async fn an_attack_that_began_before_its_stage_was_cancelled_is_halted_by_its_closing() {
    let target = Target::answering([json_answer(201, r#""a-3""#), json_answer(200, "")]).await;
    let mut fixture = with_gremlin(&target, None).await;
    let task = fixture.task("launchGremlinAttack", attack());
    fixture.finish(&task).await;
    let closing = TaskMessage {
        attempt: gennaker_model::AttemptId(99),
        order: Order::Close,
        ..task
    };
    let closed = fixture.finish(&closing).await;
    assert!(!matches!(closed, Outcome::Running { .. }), "{closed:?}");
    let got = target.got();
    assert_eq!(
        (got[1].method.as_str(), got[1].path.as_str()),
        ("DELETE", "/v1/attacks/a-3")
    );
}
