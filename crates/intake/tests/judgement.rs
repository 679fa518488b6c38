//! Manual judgement: roles (orchestration reference 6.7) and on whose behalf what comes after it runs (3.9).
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "the other test files use the rest")]
mod driver;

use driver::Driver;
use gennaker_model::Status;
use serde_json::{Value, json};

fn judged(more: &Value) -> Driver {
    let mut judgement = json!({"refId": "1", "type": "manualJudgment"});
    judgement
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Driver::start(json!({"stages": [judgement,
        {"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"]},
        {"refId": "3", "type": "webhook", "url": "http://x.io/", "requisiteStageRefIds": ["2"]},
    ]}))
}

#[test]
fn a_judgement_without_the_role_is_taken_back() {
    let mut driver = judged(&json!({"selectedStageRoles": ["release", "ops"]}));
    let yes = json!({"judgmentStatus": "continue"});
    driver.patch_as("1", yes.clone(), "eve", &["dev"]);
    assert_eq!(driver.stage("1").status, Status::Running);
    assert_eq!(driver.stage("1").context["judgmentStatus"], "");
    assert_eq!(driver.questions(), ["1"]);
    driver.patch_as("1", yes, "ann", &["dev", "OPS"]);
    assert_eq!(driver.stage("1").status, Status::Succeeded);
    assert_eq!(driver.stage("1").context["lastModifiedBy"], "ann");
}

#[test]
fn roles_do_not_matter_where_none_are_asked_for_or_everything_is_allowed() {
    let mut driver = judged(&json!({"selectedStageRoles": []}));
    driver.patch_as("1", json!({"judgmentStatus": "continue"}), "eve", &[]);
    assert_eq!(driver.stage("1").status, Status::Succeeded);
    let mut driver = judged(&json!({"requiredJudgmentRoles": ["ops"]}));
    driver.patch("1", json!({"judgmentStatus": "continue"}));
    assert_eq!(driver.stage("1").status, Status::Succeeded);
    let mut driver = judged(&json!({"requiredJudgmentRoles": ["ops"]}));
    driver.patch_as("1", json!({"comments": "hm"}), "eve", &[]);
    assert!(!driver.stage("1").context.contains_key("judgmentStatus"));
}

#[test]
fn rule_3_9_what_comes_after_runs_as_the_judge_if_the_stage_says_so() {
    for (propagates, user) in [(true, "carol"), (false, "ann")] {
        let mut driver = judged(&json!({ "propagateAuthenticationContext": propagates }));
        driver.patch_as("1", json!({"judgmentStatus": "Continue"}), "carol", &[]);
        let attempt = driver.attempt("createWebhook");
        assert_eq!(driver.message(attempt).user, user);
    }
}

#[test]
fn rule_3_9_the_nearest_judgement_that_hands_on_counts() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "manualJudgment"},
        {"refId": "2", "type": "manualJudgment", "propagateAuthenticationContext": true},
        {"refId": "3", "type": "webhook", "url": "http://x.io/", "requisiteStageRefIds": ["1", "2"]},
    ]}));
    assert_eq!(driver.questions().len(), 2);
    driver.patch_as("2", json!({"judgmentStatus": "continue"}), "carol", &[]);
    assert_eq!(driver.questions(), ["1"]);
    driver.patch("1", json!({"judgmentStatus": "continue"}));
    let attempt = driver.attempt("createWebhook");
    assert_eq!(
        driver.message(attempt).user,
        "carol",
        "the nearest who hands on"
    );
}
