//! `cancelEndpoint` of a webhook: when the address is called, and that nobody waits for it.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "other test files use the rest")]
mod driver;

use driver::Driver;
use gennaker_engine::Change;
use gennaker_model::{Map, Status, work::Outcome};
use serde_json::{Value, json};

fn start(extra: Value) -> Driver {
    let mut stage = json!({"refId": "1", "type": "webhook", "url": "http://x.io", "cancelEndpoint": "http://x.io/stop",
        "waitForCompletion": true});
    let extra = extra.as_object().unwrap().clone();
    stage.as_object_mut().unwrap().extend(extra);
    Driver::start(json!({ "stages": [stage] }))
}

fn cancel(driver: &mut Driver) {
    driver.change(Change::Cancel {
        user: "ann".into(),
        reason: None,
    });
}

fn failed(context: Value) -> Outcome {
    Outcome::Failed {
        exception: None,
        context: map(context),
        outputs: Map::new(),
    }
}

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

/// Nobody is asked to cancel anything.
fn is_quiet(driver: &Driver) -> bool {
    driver.state.book.attempts.is_empty() && !driver.open_kinds().contains(&"cancelWebhook")
}

#[test]
fn a_monitored_webhook_is_cancelled_after_its_stage() {
    let mut driver = start(json!({"zone": "b"}));
    driver.succeed("1");
    driver.attempt("monitorWebhook");
    cancel(&mut driver);
    assert_eq!(driver.status(), Status::Canceled, "nobody waits");
    assert!(
        driver.state.is_live(),
        "but it is not over before a worker has answered"
    );
    let attempt = driver.attempt("cancelWebhook");
    let message = driver.message(attempt);
    let (stage, execution) = (driver.stage("1").id.clone(), driver.state.doc.id.clone());
    let effect = message.effect.as_ref().unwrap().as_str();
    assert_eq!(effect, format!("{execution}.{stage}.0.cancel.0"));
    assert_eq!(message.zone.as_deref(), Some("b"));
    assert_eq!(message.input["cancelEndpoint"], "http://x.io/stop");
    driver.report(
        attempt,
        Outcome::Succeeded {
            context: map(json!({"webhook": {"cancel": {"statusCodeValue": 200}}})),
            outputs: Map::new(),
        },
    );
    assert_eq!(
        driver.stage("1").context["webhook"]["cancel"]["statusCodeValue"],
        200
    );
    assert_eq!(driver.stage("1").status, Status::Canceled);
    assert!(!driver.state.is_live() && is_quiet(&driver));
}

/// A worker says that it cannot be done yet.
fn not_yet(driver: &mut Driver) {
    let attempt = driver.attempt("cancelWebhook");
    let outcome = Outcome::Running {
        again_ms: 10_000,
        context: map(json!({"waitsFor": "the server is down"})),
    };
    driver.report(attempt, outcome);
}

#[test]
fn what_cannot_be_taken_back_yet_is_tried_again_and_holds_up_a_restart() {
    let mut driver = start(json!({}));
    driver.succeed("1");
    cancel(&mut driver);
    let first = driver.attempt("cancelWebhook");
    let effect = driver.message(first).effect.clone();
    not_yet(&mut driver);
    assert_eq!(driver.status(), Status::Canceled);
    assert_eq!(driver.stage("1").context["waitsFor"], "the server is down");
    assert!(
        driver.state.is_live(),
        "it is not over before it is taken back"
    );
    driver.restart("1");
    assert_eq!(
        driver.stage("1").status,
        Status::Canceled,
        "the restart waits"
    );
    driver.advance(10_000);
    let second = driver.attempt("cancelWebhook");
    assert!(second > first);
    assert_eq!(driver.message(second).effect, effect, "the same effect");
    driver.report(
        second,
        Outcome::Succeeded {
            context: Map::new(),
            outputs: Map::new(),
        },
    );
    assert_eq!(driver.stage("1").status, Status::Running);
}

#[test]
fn what_can_never_be_taken_back_is_given_up_and_says_so() {
    let mut driver = start(json!({}));
    driver.succeed("1");
    cancel(&mut driver);
    let mut tries = 0;
    while driver.state.is_live() {
        tries += 1;
        assert!(tries < 1_000, "it is tried for ever");
        not_yet(&mut driver);
        driver.advance(10_000);
    }
    assert_eq!(tries, 361, "each ten seconds for an hour");
    assert_eq!(
        driver.stage("1").context["closing"],
        "What the stage had begun could not be cancelled: it was tried for 60 minutes"
    );
    assert!(driver.state.book.timers.is_empty());
}

#[test]
fn a_call_that_may_have_arrived_is_closed_first() {
    let mut driver = start(json!({}));
    let call = driver.attempt("createWebhook");
    cancel(&mut driver);
    assert!(
        !driver.open_kinds().contains(&"cancelWebhook"),
        "it might arrive before the call"
    );
    let closing = driver
        .open_attempts()
        .into_iter()
        .find(|open| *open != call)
        .unwrap();
    assert!(driver.is_closing(closing));
    driver.report(
        closing,
        Outcome::Closed {
            remains: Some("it was sent".into()),
            context: Map::new(),
        },
    );
    assert_eq!(driver.stage("1").status, Status::Canceled);
    driver.attempt("cancelWebhook");
}

#[test]
fn a_failure_cancels_too_at_the_address_that_the_call_had_answered() {
    let mut driver = start(json!({"cancelEndpoint": "http://x.io/${webhook.body.job}/stop"}));
    let call = driver.attempt("createWebhook");
    driver.report(call, failed(json!({"webhook": {"body": {"job": 7}}})));
    assert_eq!(driver.status(), Status::Terminal);
    let attempt = driver.attempt("cancelWebhook");
    assert_eq!(
        driver.message(attempt).input["cancelEndpoint"],
        "http://x.io/7/stop"
    );
    assert_eq!(
        driver.stage("1").context["cancelEndpoint"],
        "http://x.io/7/stop"
    );
    let exception = json!({"details": {"errors": ["ten times"]}});
    driver.report(
        attempt,
        Outcome::Failed {
            exception: Some(exception),
            context: Map::new(),
            outputs: Map::new(),
        },
    );
    assert_eq!(
        driver.stage("1").context["closing"],
        "What the stage had begun could not be cancelled: ten times"
    );
}

#[test]
fn what_ends_well_or_never_began_is_not_cancelled() {
    let mut driver = start(json!({"waitForCompletion": false}));
    driver.succeed("1");
    assert_eq!(driver.status(), Status::Succeeded);
    assert!(is_quiet(&driver));
    let mut ignored =
        start(json!({"failPipeline": false, "continuePipeline": true, "waitForCompletion": false}));
    let call = ignored.attempt("createWebhook");
    ignored.report(call, failed(json!({})));
    assert_eq!(ignored.stage("1").status, Status::FailedContinue);
    assert!(is_quiet(&ignored));
    let mut stopped = start(json!({"failPipeline": false, "waitForCompletion": false}));
    let call = stopped.attempt("createWebhook");
    stopped.report(call, failed(json!({})));
    assert_eq!(stopped.stage("1").status, Status::Stopped);
    stopped.attempt("cancelWebhook");
    let mut without = start(json!({"cancelEndpoint": " "}));
    let call = without.attempt("createWebhook");
    without.report(call, failed(json!({})));
    assert!(is_quiet(&without));
    let unplanned = start(json!({"waitForCompletion": false, "monitorOnly": true}));
    assert_eq!(unplanned.status(), Status::Terminal);
    assert_eq!(
        unplanned.stage("1").context["exception"]["details"]["errors"][0],
        "Can't specify monitorOnly = true and waitForCompletion = false at the same time"
    );
    assert!(is_quiet(&unplanned));
}

#[test]
fn a_pause_before_the_first_poll_counts_from_the_start_of_the_stage() {
    let mut driver = start(json!({"waitBeforeMonitor": "20"}));
    driver.advance(5_000);
    driver.succeed("1");
    let names: Vec<&str> = driver
        .stage("1")
        .tasks
        .iter()
        .map(|task| task.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "createWebhook",
            "waitBeforeMonitorWebhook",
            "monitorWebhook"
        ]
    );
    driver.advance(14_999);
    assert!(driver.state.book.attempts.is_empty());
    driver.advance(1);
    driver.attempt("monitorWebhook");
}

#[test]
fn a_poll_is_never_sooner_than_the_parents_backoff() {
    let mut driver = start(json!({"backoffPeriodMs": 9_000}));
    driver.succeed("1");
    let poll = driver.attempt("monitorWebhook");
    driver.report(
        poll,
        Outcome::Running {
            again_ms: 1_000,
            context: Map::new(),
        },
    );
    driver.advance(8_999);
    assert!(driver.state.book.attempts.is_empty());
    driver.advance(1);
    driver.attempt("monitorWebhook");
}
