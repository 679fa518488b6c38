use gennaker_settings::Settings;
use gennaker_testkit::http::{Reply, Seen};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    Problem,
    line::{Freely, Line},
    testing::{
        Fixture, NOW_MS, SECRET, assert_quiet, event, fields, json_of, judgment, message, sent,
    },
};

fn bot(settings: &mut Settings, url: &str, file: &str) {
    let slack = &mut settings.notifications.slack;
    slack.token_file = Some(file.to_owned());
    slack.url = Some(url.to_owned());
}

fn fine(_: &Seen) -> Reply {
    Reply::ok(r#"{"ok": true, "ts": "1503435956.000247"}"#)
}

#[tokio::test]
async fn list_14_19_a_bot_posts_an_attachment() {
    let fixture = Fixture::new(fine, bot).await;
    let entry = json!({"type": "slack", "address": "#ops"});
    let sent = sent(fixture.deliver(&event(entry, "pipeline.failed")).await);
    assert_eq!(sent.to, ["#ops"]);
    assert_eq!(sent.reference.as_deref(), Some("1503435956.000247"));
    let seen = fixture.one();
    assert_eq!(
        (seen.method.as_str(), seen.path()),
        ("POST", "/api/chat.postMessage")
    );
    let form = fields(&seen.text());
    let names: Vec<&str> = form.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["as_user", "attachments", "channel", "link_names", "token"]
    );
    assert_eq!(
        (form["channel"].as_str(), form["as_user"].as_str()),
        ("#ops", "true")
    );
    assert_eq!(
        (form["link_names"].as_str(), form["token"].as_str()),
        ("0", SECRET)
    );
    let text = "Myapp's <https://deck.example.com/#/applications/myapp/executions/details/01JEXEC|deploy> pipeline has failed";
    assert_eq!(
        json_of(&form["attachments"]),
        json!([{"title": "Pipeline failed for MYAPP", "text": text, "fallback": text, "color": "#B82525", "callback_id": null,
            "actions": [], "footer_icon": "https://avatars0.githubusercontent.com/u/7634182?s=200&v=4", "footer": "Spinnaker",
            "mrkdwn_in": ["text"], "ts": NOW_MS / 1000}])
    );
}

#[tokio::test]
async fn a_compact_message_is_the_sentence_alone() {
    let fixture = Fixture::new(fine, |settings, url, file| {
        bot(settings, url, file);
        settings.notifications.slack.compact = true;
        settings.notifications.slack.expand_user_names = true;
    })
    .await;
    let entry = json!({"type": "slack", "address": "ops"});
    sent(fixture.deliver(&event(entry, "pipeline.starting")).await);
    let form = fields(&fixture.one().text());
    let attachments = json_of(&form["attachments"]);
    let keys: Vec<&String> = attachments[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["fallback", "text", "color", "mrkdwn_in"]);
    assert_eq!(form["link_names"], "1");
}

#[tokio::test]
async fn an_incoming_webhook_is_known_by_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let hook = folder.path().join("hook");
    std::fs::write(&hook, "T0/B0/xyz\n").unwrap();
    let path = hook.to_str().unwrap().to_owned();
    let fixture = Fixture::new(
        |_| Reply::ok("ok"),
        move |settings, url, _| {
            bot(settings, url, &path);
            settings.notifications.slack.compact = true;
        },
    )
    .await;
    let entry = json!({"type": "slack", "address": "ops"});
    sent(fixture.deliver(&event(entry, "pipeline.complete")).await);
    let seen = fixture.one();
    assert_eq!(seen.path(), "/T0/B0/xyz");
    let body = json_of(&seen.text());
    assert_eq!(body["channel"], "ops");
    assert_eq!(body["attachments"][0]["color"], "#769D3E");
}

#[tokio::test]
async fn what_slack_says_decides_what_happens_next() {
    for (status, answer, expected) in [
        (
            200,
            r#"{"ok": false, "error": "channel_not_found"}"#,
            "refused Slack says channel_not_found",
        ),
        (
            200,
            r#"{"ok": false, "error": "ratelimited"}"#,
            "later Slack says ratelimited",
        ),
        (
            200,
            "<html>welcome</html>",
            "unknown the answer is not one of its API: status 200: <html>welcome</html>",
        ),
        (429, "", "later status 429"),
        (500, "oops", "unknown status 500: oops"),
        (404, "", "refused status 404"),
    ] {
        let fixture = Fixture::new(move |_| Reply::status(status, answer), bot).await;
        let entry = json!({"type": "slack", "address": "ops"});
        let told = match fixture
            .deliver(&event(entry, "pipeline.failed"))
            .await
            .unwrap_err()
        {
            Problem::Later { reason, .. } => format!("later {reason}"),
            Problem::Refused(reason) => format!("refused {reason}"),
            Problem::Unknown(reason) => format!("unknown {reason}"),
            Problem::Stopped => "stopped".to_owned(),
        };
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn messages_go_to_each_address_and_a_part_that_failed_is_named() {
    let fixture = Fixture::new(
        |seen| match seen.text().contains("channel=gone") {
            true => Reply::ok(r#"{"ok": false, "error": "is_archived"}"#),
            false => fine(seen),
        },
        bot,
    )
    .await;
    let notice = message(
        "SLACK",
        json!(["ops", "gone"]),
        json!({"subject": "S", "body": "B"}),
    );
    let told = fixture.deliver(&notice).await.unwrap_err();
    let sentence =
        "Some notifications succeeded, but the following failed: gone: Slack says is_archived";
    assert_eq!(told, Problem::Refused(sentence.to_owned()));
    assert_eq!(fixture.server.seen().len(), 2);
}

#[tokio::test]
async fn a_file_that_is_gone_and_a_channel_that_is_none_are_said() {
    let fixture = Fixture::new(fine, |settings, url, _| {
        bot(settings, url, "/nowhere/token")
    })
    .await;
    let entry = json!({"type": "slack", "address": "ops"});
    let told = fixture
        .deliver(&event(entry.clone(), "pipeline.failed"))
        .await
        .unwrap_err();
    assert!(
        told.to_string().contains("/nowhere/token cannot be read"),
        "{told}"
    );
    let nothing = Fixture::new(fine, |_, _, _| {}).await;
    let told = nothing
        .deliver(&event(entry, "pipeline.failed"))
        .await
        .unwrap_err();
    let sentence = "the channel slack is not set up in this installation: the settings have no [notifications.slack]";
    assert_eq!(told.to_string(), sentence);
}

fn app(settings: &mut Settings, url: &str, file: &str) {
    let app = &mut settings.notifications.slack.app;
    app.token_file = Some(file.to_owned());
    app.signing_secret_file = Some(file.to_owned());
    app.hooks_url = Some(url.to_owned());
    app.allowed_users = vec![
        "anna@example.com".to_owned(),
        "*@ops.example.com".to_owned(),
    ];
    settings.notifications.slack.url = Some(url.to_owned());
}

#[tokio::test]
async fn a_judgement_has_buttons_if_there_is_an_app() {
    let fixture = Fixture::new(fine, app).await;
    let entry = json!({"type": "slack", "address": "ops"});
    sent(
        fixture
            .deliver(&judgment(entry.clone(), "manualJudgment"))
            .await,
    );
    let form = fields(&fixture.one().text());
    let attachment = json_of(&form["attachments"])[0].clone();
    assert_eq!(attachment["callback_id"], "gennaker:01JEXEC/01JSTAGE");
    let button = |name: &str, text: &str, value: &str| json!({"type": "button", "name": name, "text": text, "value": value});
    assert_eq!(
        attachment["actions"],
        json!([
            button(
                "continue",
                "yes",
                r#"{"judgmentStatus":"continue","judgmentInput":"yes"}"#
            ),
            button(
                "continue",
                "later",
                r#"{"judgmentStatus":"continue","judgmentInput":"later"}"#
            ),
            button("stop", "Stop", r#"{"judgmentStatus":"stop"}"#),
        ])
    );
    let without = Fixture::new(fine, bot).await;
    sent(without.deliver(&judgment(entry, "manualJudgment")).await);
    let form = fields(&without.one().text());
    assert_eq!(json_of(&form["attachments"])[0]["actions"], json!([]));
}

fn payload() -> Value {
    json!({"type": "interactive_message", "callback_id": "gennaker:01JEXEC/01JSTAGE",
        "actions": [{"type": "button", "name": "continue", "value": "{\"judgmentStatus\":\"continue\"}"}],
        "user": {"id": "U1", "name": "anna"}, "response_url": "https://evil.example.com/actions/T0/B0/x*y",
        "original_message": {"text": "", "attachments": [{"text": "Stage …", "actions": [{}]}]}})
}

fn signed(body: &str, at_s: i64, secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{at_s}:{body}").as_bytes());
    let digest: Vec<String> = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("v0={}", digest.concat())
}

fn body(payload: &Value) -> String {
    crate::slack::form(&[("payload", &payload.to_string())])
}

#[tokio::test]
async fn a_pressed_button_is_believed_only_with_slacks_signature() {
    let fixture = Fixture::new(fine, app).await;
    let slack = fixture.channels.slack().unwrap().app().unwrap();
    let now_s = NOW_MS / 1_000;
    let text = body(&payload());
    let right = signed(&text, now_s, SECRET);
    let ask = async |at_s: i64, signature: &str, text: &str| {
        slack
            .pressed(&at_s.to_string(), signature, text.as_bytes(), NOW_MS)
            .await
    };
    let pressed = ask(now_s, &right, &text).await.unwrap();
    assert_eq!(
        (pressed.service.as_str(), pressed.message.as_str()),
        ("gennaker", "01JEXEC/01JSTAGE")
    );
    assert_eq!(pressed.value, r#"{"judgmentStatus":"continue"}"#);
    assert_eq!(pressed.response_path.as_deref(), Some("/actions/T0/B0/x*y"));

    let wrong = "Invalid Slack signature header.";
    assert_eq!(
        ask(now_s, &signed(&text, now_s, "other"), &text)
            .await
            .unwrap_err(),
        wrong
    );
    assert_eq!(
        ask(now_s, &right, &format!("{text}x")).await.unwrap_err(),
        wrong
    );
    assert_eq!(ask(now_s, "v0=zz", &text).await.unwrap_err(), wrong);
    assert_eq!(ask(now_s, "", &text).await.unwrap_err(), wrong);
    for late in [now_s - 301, now_s + 301] {
        let told = ask(late, &signed(&text, late, SECRET), &text)
            .await
            .unwrap_err();
        assert!(told.contains("Replay attack?"), "{told}");
    }
    let old = now_s - 299;
    assert!(ask(old, &signed(&text, old, SECRET), &text).await.is_ok());

    let refused = async |change: &dyn Fn(&mut Value)| {
        let mut payload = payload();
        change(&mut payload);
        let text = body(&payload);
        ask(now_s, &signed(&text, now_s, SECRET), &text)
            .await
            .unwrap_err()
    };
    let told = refused(&|it| it["type"] = "dialog".into()).await;
    assert_eq!(told, "Unsupported Slack callback type: dialog");
    let told = refused(&|it| it["callback_id"] = Value::Null).await;
    assert!(told.contains("callback_id and user not present"), "{told}");
    let told = refused(&|it| it["actions"][0]["type"] = "select".into()).await;
    assert!(
        told.contains("only supports Slack button actions"),
        "{told}"
    );
    let plain = "x=1";
    let told = ask(now_s, &signed(plain, now_s, SECRET), plain)
        .await
        .unwrap_err();
    assert_eq!(told, "Missing payload field in Slack callback request.");
}

#[tokio::test]
async fn who_pressed_is_asked_of_slack_and_the_answer_goes_to_slack_alone() {
    let fixture = Fixture::new(
        |seen| match seen.path() {
            "/api/users.info" => {
                Reply::ok(r#"{"ok": true, "user": {"profile": {"email": "Anna@example.com"}}}"#)
            }
            _ => Reply::ok("ok"),
        },
        app,
    )
    .await;
    let slack = fixture.channels.slack().unwrap().app().unwrap();
    let line = Line::new(fixture.channels.client(), &Freely);
    let text = body(&payload());
    let now_s = NOW_MS / 1_000;
    let signature = signed(&text, now_s, SECRET);
    let pressed = slack
        .pressed(&now_s.to_string(), &signature, text.as_bytes(), NOW_MS)
        .await
        .unwrap();
    let user = slack.user(&pressed, &line).await.unwrap();
    assert_eq!(user, "Anna@example.com");
    assert!(slack.allows(&user) && slack.allows("bob@OPS.example.com"));
    assert!(!slack.allows("eve@example.com") && !slack.allows("x@ops.example.com.evil"));
    slack
        .respond(&pressed, "User <@U1> clicked the *Continue* action.", &line)
        .await
        .unwrap();
    let seen = fixture.server.seen();
    assert_eq!(fields(&seen[0].text())["user"], "U1");
    assert_eq!(seen[1].path(), "/actions/T0/B0/x*y");
    let answered = json_of(&seen[1].text());
    let attachment = &answered["attachments"][0];
    assert_eq!(
        attachment["text"],
        "Stage …\n\nUser <@U1> clicked the *Continue* action."
    );
    assert!(attachment.get("actions").is_none());
}

#[tokio::test]
async fn nobody_decides_whom_slack_does_not_name() {
    let fixture = Fixture::new(
        |_| Reply::ok(r#"{"ok": false, "error": "missing_scope"}"#),
        app,
    )
    .await;
    let slack = fixture.channels.slack().unwrap().app().unwrap();
    let line = Line::new(fixture.channels.client(), &Freely);
    let text = body(&payload());
    let now_s = NOW_MS / 1_000;
    let signature = signed(&text, now_s, SECRET);
    let pressed = slack
        .pressed(&now_s.to_string(), &signature, text.as_bytes(), NOW_MS)
        .await
        .unwrap();
    let told = slack.user(&pressed, &line).await.unwrap_err().to_string();
    assert!(
        told.contains("missing_scope") && told.contains("users:read.email"),
        "{told}"
    );
    assert_quiet(&told);
}
