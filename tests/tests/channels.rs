//! Notifications by every channel, with real processes: whatever the servers of the channels do, no pipeline waits for them, and what
//! became of each notification stands on its execution, without a secret.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use gennaker_testkit::http::{Reply, Seen, Server};
use gennaker_testkit::keys::PEM;
use gennaker_tests::gate::{Gate, stage};
use gennaker_tests::installation::Installation;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(120);
const APPLICATION: &str = "troubled";

/// What every token, key and password of the settings is.
const PLANTED: &str = "7Qk9vTz2LmB4xW8r";

/// A part of every address that is a secret itself. It stands in the pipeline, and nowhere else.
const IN_ADDRESSES: &str = "Hn3cYd6PsJ5uEf0a";

/// Longer than a call may take here.
const SILENCE: Duration = Duration::from_secs(4);

/// One entry of a notification, and what its receipt must say in the end: a word of the status (`PENDING`: it is tried again), a part
/// of the reason.
struct Expected {
    kind: &'static str,
    own: Value,
    status: &'static str,
    reason: &'static str,
}

fn expected(
    kind: &'static str,
    own: Value,
    status: &'static str,
    reason: &'static str,
) -> Expected {
    Expected {
        kind,
        own,
        status,
        reason,
    }
}

/// All channels that tell of pipelines, each with a trouble of its own.
fn of_pipelines(url: &str) -> Vec<Expected> {
    let room =
        format!("https://chat.googleapis.com/v1/spaces/A/messages?key=K&token={IN_ADDRESSES}");
    vec![
        expected(
            "slack",
            json!({"address": "#ops"}),
            "FAILED",
            "not one of its API",
        ),
        expected(
            "sms",
            json!({"address": "+49"}),
            "FAILED",
            "it may have been sent",
        ),
        expected("googlechat", json!({"address": room}), "FAILED", "404"),
        expected(
            "microsoftteams",
            json!({"address": format!("{url}/teams/{IN_ADDRESSES}")}),
            "FAILED",
            "it may have been sent",
        ),
        expected("hipchat", json!({"address": "ops"}), "FAILED", "redirects"),
        expected(
            "bearychat",
            json!({"address": "anna@example.com"}),
            "PENDING",
            "not one of its API",
        ),
        expected(
            "githubStatus",
            json!({"repo": "acme/shop", "commit": "abc12"}),
            "PENDING",
            "429",
        ),
        expected(
            "gitlabStatus",
            json!({"repo": "acme/shop", "commit": "abc12"}),
            "PENDING",
            "503",
        ),
        expected(
            "cdevents",
            json!({"address": format!("{url}/cdevents/{IN_ADDRESSES}"), "cdEventsType": "pipelinerun.finished"}),
            "PENDING",
            "no answer within",
        ),
        expected(
            "pubsub",
            json!({"publisherName": "google"}),
            "FAILED",
            "401",
        ),
        expected(
            "pubsub",
            json!({"publisherName": "amazon"}),
            "PENDING",
            "500",
        ),
        expected(
            "email",
            json!({"address": "ops@example.com"}),
            "PENDING",
            "refused",
        ),
        expected(
            "pigeon",
            json!({"address": "roof"}),
            "FAILED",
            "no channel has the type",
        ),
    ]
}

/// Those that tell of judgements alone.
fn of_judgements() -> Vec<Expected> {
    vec![
        expected(
            "pager_duty",
            json!({"address": IN_ADDRESSES}),
            "FAILED",
            "400",
        ),
        expected(
            "jira",
            json!({"fields": {"project": {"key": "OPS"}}}),
            "FAILED",
            "it may have been sent",
        ),
    ]
}

fn answer(seen: &Seen) -> Reply {
    let path = seen.path();
    let begins = |start: &str| path.starts_with(start);
    match () {
        () if begins("/api/chat.postMessage") || begins("/v1/user.list") => {
            Reply::ok("<!doctype html>")
        }
        () if begins("/2010-04-01") => Reply::raw(b""),
        () if begins("/v1/spaces") || begins("/generic/") => {
            let status = if begins("/v1/spaces") { 404 } else { 400 };
            Reply::status(status, &format!("Cannot {}{}", seen.head(), seen.text()))
        }
        () if begins("/teams") => Reply::bytes(vec![b'x'; 300 * 1024]),
        () if begins("/v2/room") => Reply::redirect("/elsewhere"),
        () if begins("/repos") => Reply::status(429, "slow down").with("Retry-After", "60"),
        () if begins("/api/v4") => Reply::status(503, "down"),
        () if begins("/cdevents") => {
            std::thread::sleep(SILENCE);
            Reply::ok("")
        }
        () if begins("/token") => Reply::status(401, "who"),
        () if begins("/rest/api") => Reply::status(500, "oops"),
        () => Reply::status(500, "what"),
    }
}

fn settings(url: &str, folder: &Path) -> String {
    let secret = folder.join("secret");
    std::fs::write(&secret, PLANTED).unwrap();
    let key = folder.join("key.json");
    let account = json!({"client_email": "x@p", "private_key": PEM, "project_id": "p", "token_uri": format!("{url}/token")});
    std::fs::write(&key, account.to_string()).unwrap();
    format!(
        // The first line belongs to the section that the settings of all tests end with.
        "read_timeout_ms = 2000\n\
         [notifications]\nbase_url = \"https://deploys.example.com\"\n\
         [notifications.slack]\ntoken_file = {secret:?}\nurl = {url:?}\n\
         [notifications.sms]\naccount = \"AC1\"\ntoken_file = {secret:?}\nfrom = \"+1\"\nurl = {url:?}\n\
         [notifications.google_chat]\nenabled = true\nurl = {url:?}\n\
         [notifications.microsoft_teams]\nenabled = true\n\
         [notifications.hipchat]\nurl = {url:?}\ntoken_file = {secret:?}\n\
         [notifications.bearychat]\nurl = {url:?}\ntoken_file = {secret:?}\n\
         [notifications.github_status]\nurl = {url:?}\ntoken_file = {secret:?}\n\
         [notifications.gitlab_status]\nurl = {url:?}\ntoken_file = {secret:?}\n\
         [notifications.cdevents]\nenabled = true\n\
         [notifications.email]\nhost = \"127.0.0.1\"\nport = 9\nsecurity = \"none\"\nfrom = \"deploy@example.com\"\n\
         [[notifications.publishers]]\nname = \"google\"\ntopic = \"t\"\nkey_file = {key:?}\nurl = {url:?}\n\
         [[notifications.publishers]]\nname = \"amazon\"\ntype = \"sns\"\ntopic = \"arn:aws:sns:eu-west-1:1:t\"\nregion = \"eu-west-1\"\n\
         access_key = \"AKID\"\nsecret_key_file = {secret:?}\nurl = {url:?}\n\
         [services.pager_duty]\nurl = {url:?}\ntoken_file = {secret:?}\n\
         [services.jira]\nurl = {url:?}\nusername = \"anna\"\npassword_file = {secret:?}\n"
    )
}

fn entries(all: &[Expected], level: &str, when: &str) -> Value {
    let entry = |it: &Expected| {
        let mut entry = it.own.clone();
        entry["type"] = it.kind.into();
        entry["level"] = level.into();
        entry["when"] = json!([when]);
        entry
    };
    all.iter().map(entry).collect()
}

/// The execution, once each of its receipts is settled or has been tried.
async fn tried(gate: Gate, id: &str, count: usize) -> Value {
    let end = Instant::now() + PATIENCE;
    loop {
        let execution = gate.execution(id).await;
        let receipts = execution["notificationReceipts"].as_array().unwrap();
        let is_tried = |it: &Value| it["status"] != "PENDING" || it["tries"].as_u64() > Some(0);
        if receipts.len() == count && receipts.iter().all(is_tried) {
            return execution;
        }
        assert!(Instant::now() < end, "not all were tried: {receipts:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_of_channels_in_trouble_hold_up_no_pipeline_and_the_execution_says_why() {
    let server = Server::start(answer).await;
    let folder = tempfile::tempdir().unwrap();
    let url = server.url("");
    let settings = settings(&url, folder.path());
    let installation = Installation::start_with(1, &settings).await;
    let gate = installation.gate;
    gate.save_application(APPLICATION).await;
    let (ends, asks) = (of_pipelines(&url), of_judgements());
    let pipeline = json!({"application": APPLICATION, "name": "loud",
        "notifications": entries(&ends, "pipeline", "pipeline.complete"),
        "stages": [{"refId": "1", "requisiteStageRefIds": [], "type": "manualJudgment", "name": "Ask", "sendNotifications": true,
            "notifications": entries(&asks, "stage", "manualJudgment")}]});
    gate.save_pipeline(&pipeline).await;
    let id = gate.start(APPLICATION, "loud", "once").await;
    let asked = gate
        .wait_for(&id, "the question", PATIENCE, |document| {
            stage(document, "1")["status"] == "RUNNING"
        })
        .await;
    let path = format!(
        "/pipelines/{id}/stages/{}",
        stage(&asked, "1")["id"].as_str().unwrap()
    );
    gate.ask(
        "PATCH",
        &path,
        Some(&json!({"judgmentStatus": "continue"})),
        None,
    )
    .await;
    // Nothing waits: the end comes while channels are silent, and before any is given up.
    assert_eq!(
        gate.wait_for_end(&id, PATIENCE).await["status"],
        "SUCCEEDED"
    );

    let execution = tried(gate, &id, ends.len() + asks.len()).await;
    let receipts = execution["notificationReceipts"].as_array().unwrap();
    for (expected, receipt) in asks.iter().chain(&ends).zip(receipts) {
        assert_eq!(receipt["type"], expected.kind, "{receipt}");
        assert_eq!(receipt["status"], expected.status, "{receipt}");
        let reason = receipt["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(expected.reason), "{receipt}");
    }
    let is_elsewhere = server
        .seen()
        .iter()
        .any(|seen| seen.path().contains("elsewhere"));
    assert!(!is_elsewhere, "a redirect was followed");

    // What was not sent twice, and what tells no secret.
    let count = |start: &str| {
        server
            .seen()
            .iter()
            .filter(|seen| seen.path().starts_with(start))
            .count()
    };
    for once in [
        "/api/chat.postMessage",
        "/2010-04-01",
        "/teams",
        "/rest/api",
    ] {
        assert_eq!(count(once), 1, "{once}");
    }
    let told = execution["notificationReceipts"].to_string();
    for secret in [PLANTED, IN_ADDRESSES] {
        assert!(!told.contains(secret), "{told}");
        for process in &installation.processes {
            assert!(
                !process.log().contains(secret),
                "{} says {secret}",
                process.name
            );
        }
    }
    installation.check_secrets(&[PLANTED]);
    installation.check_processes();
}
