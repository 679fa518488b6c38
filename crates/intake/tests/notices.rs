//! Notifications (events reference 7): who is told what, once, and what becomes of it.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "the other test files use the rest")]
mod driver;

#[path = "notices/judgments.rs"]
mod judgments;
#[path = "notices/tries.rs"]
mod tries;

use driver::{Driver, Ears, submission};
use gennaker_engine::{Rules, notice::KIND};
use gennaker_model::{
    AttemptId, Map, Status,
    execution::{Delivery, Receipt},
    work::Outcome,
};
use gennaker_stages::CATALOGUE;
use serde_json::{Value, json};

fn to(address: &str, when: &[&str]) -> Value {
    json!({"type": "slack", "level": "pipeline", "address": address, "when": when})
}

fn open(driver: &Driver) -> Vec<AttemptId> {
    let open = driver.state.book.attempts.iter();
    open.filter(|(_, attempt)| attempt.kind == KIND)
        .map(|(number, _)| *number)
        .collect()
}

/// Each open notification as `address when`.
fn due(driver: &Driver) -> Vec<String> {
    let told = open(driver).into_iter().map(|attempt| {
        let input = &driver.message(attempt).input;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!(
            "{} {}",
            text(&input["notification"]["address"]),
            text(&input["when"])
        )
    });
    told.collect()
}

fn deliver(driver: &mut Driver, attempt: AttemptId) {
    let outputs = json!({"receipt": {"id": "m-1"}});
    driver.report(
        attempt,
        Outcome::Succeeded {
            context: Map::new(),
            outputs: outputs.as_object().unwrap().clone(),
        },
    );
}

fn deliver_all(driver: &mut Driver) {
    for attempt in open(driver) {
        deliver(driver, attempt);
    }
}

fn receipts(driver: &Driver) -> &[Receipt] {
    &driver.state.doc.notification_receipts
}

#[test]
fn rule_7_3_a_pipeline_tells_of_its_beginning_and_its_end() {
    let mut driver = Driver::start(json!({
        "notifications": [
            to("start", &["pipeline.starting"]), to("good", &["pipeline.complete"]), to("bad", &["pipeline.failed"]),
            to("judge", &["manualJudgment"]), {"type": "", "when": ["pipeline.starting"]}, 7,
        ],
        "stages": [{"refId": "1", "type": "noop", "pool": "notify"}],
    }));
    assert_eq!(due(&driver), ["start pipeline.starting"]);
    let first = driver.message(open(&driver)[0]).clone();
    assert_eq!((first.pool.as_str(), first.kind.as_str()), ("notify", KIND));
    assert_eq!(first.input["event"]["type"], "orca:pipeline:starting");
    assert_eq!(first.input["execution"]["status"], "RUNNING");
    assert_eq!(first.input["execution"]["id"], json!(driver.state.doc.id));
    assert_eq!(
        (&first.input["stage"], &first.input["judgment"]),
        (&Value::Null, &Value::Null)
    );
    driver.succeed("1");
    assert_eq!(
        driver.status(),
        Status::Succeeded,
        "nothing waits for a notification"
    );
    assert!(
        driver.state.is_live(),
        "but it is kept until they are delivered"
    );
    assert_eq!(
        due(&driver),
        ["start pipeline.starting", "good pipeline.complete"]
    );
    let last = driver.message(open(&driver)[1]).clone();
    assert_ne!(first.effect, last.effect, "an effect each");
    assert_eq!(last.input["execution"]["status"], "SUCCEEDED");
    deliver_all(&mut driver);
    assert!(!driver.state.is_live());
    assert_eq!(driver.state.book.timers.len(), 0);
    let shown = serde_json::to_value(receipts(&driver)).unwrap();
    assert_eq!(
        shown[1],
        json!({"number": 2, "type": "slack", "to": "good", "level": "pipeline", "when": "pipeline.complete",
            "at": driver.now(), "status": "DELIVERED", "settledAt": driver.now(), "tries": 1, "receipt": {"id": "m-1"}})
    );
}

#[test]
fn a_failure_is_told_as_one_and_orchestrations_by_their_own_word() {
    let mut driver = Driver::start(json!({
        "notifications": [to("good", &["pipeline.complete"]), to("bad", &["pipeline.failed"])],
        "stages": [{"refId": "1", "type": "noop", "pool": "notify"}],
    }));
    driver.fail("noop", "no");
    assert_eq!(due(&driver), ["bad pipeline.failed"]);
    let mut task = submission(
        &json!({"notifications": [to("all", &["orchestration.complete", "pipeline.complete"])], "stages": [{"refId": "1", "type": "noop"}]}),
        &json!({}),
    );
    task.kind = gennaker_model::ExecutionType::Orchestration;
    let driver = Driver::begin(task, Rules::default(), false);
    assert_eq!(due(&driver), ["all orchestration.complete"]);
}

#[test]
fn list_14_12_cancelled_executions_send_no_notifications() {
    let all = ["pipeline.starting", "pipeline.complete", "pipeline.failed"];
    let stage = ["stage.starting", "stage.complete", "stage.failed"];
    let mut driver = Driver::start(json!({
        "notifications": [to("ops", &all)],
        "stages": [{"refId": "1", "type": "wait", "waitTime": 60, "sendNotifications": true, "notifications": [to("dev", &stage)]}],
    }));
    assert_eq!(
        due(&driver),
        ["ops pipeline.starting", "dev stage.starting"]
    );
    driver.cancel();
    assert_eq!(driver.status(), Status::Canceled);
    assert_eq!(due(&driver).len(), 2, "what was due before is still sent");
    deliver_all(&mut driver);
    assert_eq!(receipts(&driver).len(), 2);
    let driver = Driver::start_in_line(json!({
        "limitConcurrent": true, "notifications": [to("ops", &all)], "stages": [{"refId": "1", "type": "wait"}]}));
    assert_eq!(due(&driver).len(), 0, "it waits for others");
    let mut driver = driver;
    driver.cancel();
    assert_eq!(due(&driver).len(), 0);
}

#[test]
fn rule_7_3_a_stage_tells_when_it_shall_and_is_no_part_of_another() {
    let when = ["stage.starting", "stage.complete", "stage.failed"];
    let stage = |ref_id: &str, more: Value| {
        let mut stage = json!({"refId": ref_id, "type": "noop", "pool": "notify", "name": "Build",
            "notifications": [to(ref_id, &when)], "comments": "of ${execution.application}"});
        stage
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        stage
    };
    let text = json!([{"type": "slack", "address": "3", "when": when,
        "message": {"stage.complete": {"text": "${#stage('Build')['status']} ${#nope}"}}}]);
    let mut driver = Driver::start(json!({"stages": [
        stage("1", json!({"sendNotifications": true})), stage("2", json!({})),
        stage("3", json!({"sendNotifications": true, "notifications": text, "requisiteStageRefIds": ["1", "2"]})),
    ]}));
    assert_eq!(due(&driver), ["1 stage.starting"]);
    let input = driver.message(open(&driver)[0]).input.clone();
    assert_eq!(input["event"]["type"], "orca:stage:starting");
    assert_eq!(
        (&input["stage"]["refId"], &input["stage"]["status"]),
        (&json!("1"), &json!("RUNNING"))
    );
    assert_eq!(input["stage"]["context"].get("notifications"), None);
    let build = |driver: &mut Driver| {
        let attempt = driver.attempt("noop");
        driver.report(
            attempt,
            Outcome::Succeeded {
                context: Map::new(),
                outputs: Map::new(),
            },
        );
    };
    build(&mut driver);
    build(&mut driver);
    build(&mut driver);
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(
        due(&driver),
        [
            "1 stage.starting",
            "1 stage.complete",
            "3 stage.starting",
            "3 stage.complete"
        ]
    );
    let told = &driver.message(open(&driver)[3]).input["notification"]["message"]["stage.complete"]
        ["text"];
    assert_eq!(
        told, "SUCCEEDED ${#nope}",
        "what cannot be evaluated stays text"
    );
    deliver_all(&mut driver);
    assert_eq!(receipts(&driver)[0].stage.as_deref(), Some("1"));
}

#[test]
fn entries_of_every_level_hold_expressions_that_are_evaluated_when_they_are_due() {
    let saying = |address: &str, words: &[&str]| {
        let text = |word: &&str| {
            let text = format!("${{execution.application}} {word} ${{1 + 1}}");
            ((*word).to_owned(), json!({ "text": text }))
        };
        let mut entry = to(&format!("{address}-${{execution.name}}"), words);
        entry["message"] = Value::Object(words.iter().map(text).collect());
        entry
    };
    let pipeline = ["pipeline.starting", "pipeline.complete"];
    let stage = ["stage.starting", "stage.complete"];
    let judgement = ["manualJudgment", "manualJudgmentContinue"];
    let config = json!({"notifications": [saying("pipeline", &pipeline)], "stages": [
        {"refId": "1", "type": "noop", "pool": "notify", "sendNotifications": true, "notifications": [saying("stage", &stage)]},
        {"refId": "2", "requisiteStageRefIds": ["1"], "type": "manualJudgment", "sendNotifications": true,
            "notifications": [saying("judge", &judgement)]},
    ]});
    let trigger = json!({"notifications": [saying("trigger", &pipeline)]});
    let theirs = json!({"slack": [saying("application", &pipeline)]});
    let config = config.as_object().unwrap().clone();
    let config = gennaker_intake::notifications::appended(config, trigger.as_object().unwrap());
    let config =
        gennaker_intake::notifications::with_application(config, theirs.as_object().unwrap());
    let mut driver = Driver::start(config.into());

    let mut told = Vec::new();
    let mut tell = |driver: &mut Driver| {
        let name = driver.state.doc.name.clone().unwrap();
        let application = driver.state.doc.application.clone();
        for attempt in open(driver) {
            let input = driver.message(attempt).input.clone();
            let (entry, when) = (&input["notification"], input["when"].as_str().unwrap());
            let address = entry["address"].as_str().unwrap();
            let level = address.strip_suffix(&format!("-{name}"));
            let level = level.unwrap_or_else(|| panic!("{address} is not evaluated"));
            let text = &entry["message"][when]["text"];
            assert_eq!(text, &json!(format!("{application} {when} 2")), "{level}");
            told.push(format!("{level} {when}"));
            deliver(driver, attempt);
        }
    };
    tell(&mut driver);
    driver.succeed("1");
    tell(&mut driver);
    driver.patch("2", json!({"judgmentStatus": "continue"}));
    tell(&mut driver);
    assert_eq!(driver.status(), Status::Succeeded);
    let mut expected = Vec::new();
    for level in ["pipeline", "trigger", "application"] {
        expected.extend(pipeline.map(|word| format!("{level} {word}")));
    }
    expected.extend(stage.map(|word| format!("stage {word}")));
    expected.extend(judgement.map(|word| format!("judge {word}")));
    expected.sort();
    told.sort();
    assert_eq!(told, expected);
}

#[test]
fn a_failure_that_is_ignored_is_told_as_a_failure() {
    for more in [
        json!({"failPipeline": false, "continuePipeline": true}),
        json!({"failPipeline": false}),
    ] {
        let mut stage = json!({"refId": "1", "type": "noop", "pool": "notify", "sendNotifications": true,
            "notifications": [to("dev", &["stage.complete", "stage.failed"])]});
        stage
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let mut driver = Driver::start(json!({"stages": [stage]}));
        driver.fail("noop", "no");
        assert_eq!(due(&driver), ["dev stage.failed"]);
    }
}

#[test]
fn list_14_13_what_the_application_adds_while_it_runs_is_told_at_its_end() {
    let start = submission(
        &json!({"notifications": [to("ops", &["pipeline.failed"])], "stages": [{"refId": "1", "type": "noop", "pool": "notify"}]}),
        &json!({}),
    );
    let mut driver = Driver::begin(start, Rules::default(), false);
    let theirs = json!({"slack": [to("ops", &["pipeline.failed"]), to("ops", &["pipeline.complete"]), to("dev", &["pipeline.complete", "stage.complete"])]});
    driver.ears.application = Some(theirs.as_object().unwrap().clone());
    driver.succeed("1");
    assert_eq!(
        due(&driver),
        ["ops pipeline.complete", "dev pipeline.complete"]
    );
    assert_eq!(driver.state.doc.notifications.len(), 3);
}

#[test]
fn a_restarted_execution_tells_its_end_again_and_not_its_beginning() {
    let mut driver = Driver::start(json!({
        "notifications": [to("ops", &["pipeline.starting", "pipeline.complete", "pipeline.failed"])],
        "stages": [{"refId": "1", "type": "noop", "pool": "notify"}],
    }));
    driver.fail("noop", "no");
    deliver_all(&mut driver);
    driver.restart("1");
    assert_eq!(driver.status(), Status::Running);
    driver.succeed("1");
    assert_eq!(due(&driver), ["ops pipeline.complete"]);
    deliver_all(&mut driver);
    let told: Vec<_> = receipts(&driver)
        .iter()
        .map(|it| it.when.as_str())
        .collect();
    assert_eq!(
        told,
        ["pipeline.starting", "pipeline.failed", "pipeline.complete"]
    );
}

#[test]
fn a_restart_does_not_wait_for_notifications() {
    let mut driver = Driver::start(json!({
        "notifications": [to("ops", &["pipeline.failed"])],
        "stages": [{"refId": "1", "type": "noop", "pool": "notify"}],
    }));
    driver.fail("noop", "no");
    driver.restart("1");
    assert_eq!(driver.status(), Status::Running);
    assert_eq!(due(&driver), ["ops pipeline.failed"]);
}

#[test]
fn nothing_is_recorded_where_nobody_listens() {
    let start = submission(
        &json!({"stages": [{"refId": "1", "type": "noop"}]}),
        &json!({}),
    );
    let driver = Driver::begin_before(start, Rules::default(), false, &CATALOGUE, Ears::default());
    let book = serde_json::to_value(&driver.state.book).unwrap();
    assert_eq!(
        (book.get("announcements"), book.get("notices")),
        (None, None)
    );
    let doc = serde_json::to_value(&driver.state.doc).unwrap();
    assert_eq!(doc.get("notificationReceipts"), None);
    assert!(driver.told.is_empty());
}

#[test]
fn the_link_is_spinnakers() {
    let rules = Rules {
        address: "https://ci.example.com/".to_owned(),
        ..Rules::default()
    };
    let driver = Driver::start_by(
        json!({"notifications": [to("ops", &["pipeline.starting"])], "stages": [{"refId": "1", "type": "wait"}]}),
        json!({}),
        rules,
    );
    let link = format!(
        "https://ci.example.com/#/applications/app/executions/details/{}",
        driver.state.doc.id
    );
    assert_eq!(driver.message(open(&driver)[0]).input["link"], json!(link));
    assert_eq!(receipts(&driver)[0].status, Delivery::Pending);
}
