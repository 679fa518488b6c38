//! Notifications that cannot be sent: tried again with growing pauses, given up, never in anybody's way.

use gennaker_engine::{
    explain,
    notice::{LIFE_MS, OPEN_MAX},
};

use super::*;

fn told() -> Driver {
    let stages = json!([{"refId": "1", "type": "wait", "waitTime": 86400}]);
    Driver::start(json!({"notifications": [to("ops", &["pipeline.starting"])], "stages": stages}))
}

fn again(driver: &mut Driver, reason: &str) {
    let context = json!({"reason": reason});
    let attempt = open(driver)[0];
    driver.report(
        attempt,
        Outcome::Running {
            again_ms: 1,
            context: context.as_object().unwrap().clone(),
        },
    );
}

#[test]
fn pauses_grow_and_the_effect_stays_the_same() {
    let mut driver = told();
    let effect = driver.message(open(&driver)[0]).effect.clone();
    for pause in [
        5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000,
    ] {
        again(&mut driver, "503 from the server");
        assert_eq!(open(&driver), []);
        driver.advance(pause - 1);
        assert_eq!(open(&driver), []);
        driver.advance(1);
        assert_eq!(driver.message(open(&driver)[0]).effect, effect);
    }
    let receipt = &receipts(&driver)[0];
    assert_eq!((receipt.status, receipt.tries), (Delivery::Pending, 8));
    assert_eq!(receipt.reason.as_deref(), Some("503 from the server"));
    again(&mut driver, "503 from the server");
    let waits = explain::waits(&driver.state);
    let wait = waits
        .iter()
        .find(|wait| wait.name == "notification")
        .unwrap();
    assert_eq!(
        wait.sentence,
        "pipeline.starting by slack could not be sent and is tried again: 503 from the server"
    );
    driver.advance(300_000);
    let attempt = open(&driver)[0];
    deliver(&mut driver, attempt);
    let receipt = &receipts(&driver)[0];
    assert_eq!(
        (receipt.status, receipt.tries, &receipt.reason),
        (Delivery::Delivered, 10, &None)
    );
}

#[test]
fn one_that_is_never_taken_is_given_up() {
    let mut driver = told();
    for _ in 0..100 {
        if open(&driver).is_empty() {
            break;
        }
        again(&mut driver, "no such host");
        driver.advance(300_000);
    }
    let receipt = &receipts(&driver)[0];
    assert_eq!(receipt.status, Delivery::Failed);
    let reason = receipt.reason.as_deref().unwrap();
    assert!(
        reason.starts_with("not delivered in ") && reason.ends_with("no such host"),
        "{reason}"
    );
    assert!(receipt.settled_at.unwrap() - receipt.at <= LIFE_MS);
    assert_eq!(
        driver.status(),
        Status::Running,
        "which is all the same to the pipeline"
    );
}

#[test]
fn one_that_no_worker_takes_is_given_up_and_a_late_report_is_stale() {
    let mut driver = told();
    let attempt = open(&driver)[0];
    driver.advance(LIFE_MS);
    assert_eq!(open(&driver), []);
    let reason = receipts(&driver)[0].reason.as_deref().unwrap();
    assert!(reason.contains("it may have been sent"), "{reason}");
    let outputs = Map::new();
    assert!(driver.is_stale(
        attempt,
        Outcome::Succeeded {
            context: Map::new(),
            outputs
        }
    ));
}

#[test]
fn a_refusal_is_final_and_its_reason_is_shown() {
    let mut driver = told();
    driver.fail(
        KIND,
        "no channel for notifications of the type slack is set up",
    );
    let receipt = &receipts(&driver)[0];
    assert_eq!((receipt.status, receipt.tries), (Delivery::Failed, 1));
    assert_eq!(
        receipt.reason.as_deref(),
        Some("no channel for notifications of the type slack is set up")
    );
    assert_eq!(driver.status(), Status::Running);
}

#[test]
fn a_paused_execution_tells_what_is_due() {
    let mut driver = told();
    driver.pause();
    again(&mut driver, "busy");
    driver.advance(5_000);
    let attempt = open(&driver)[0];
    deliver(&mut driver, attempt);
    assert_eq!(receipts(&driver)[0].status, Delivery::Delivered);
}

#[test]
fn there_are_not_too_many_at_once() {
    let many: Vec<Value> = (0..OPEN_MAX + 3)
        .map(|number| to(&number.to_string(), &["pipeline.starting"]))
        .collect();
    let stages = json!([{"refId": "1", "type": "wait", "waitTime": 60}]);
    let driver = Driver::start(json!({"notifications": many, "stages": stages}));
    assert_eq!(open(&driver).len(), OPEN_MAX);
    let failed = receipts(&driver)
        .iter()
        .filter(|it| it.status == Delivery::Failed);
    assert_eq!(failed.count(), 3);
}
