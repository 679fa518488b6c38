//! The rules of the orchestration reference, sections 2.5, 3.8, 4.2, 4.3, 4.7, 5.1, 5.4, 5.5 and 5.8: a test for each. Those about restart,
//! limits, windows and judgement have files of their own.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "the other test files use the rest")]
mod driver;

use driver::Driver;
use gennaker_engine::Change;
use gennaker_model::{Map, Status, work::Outcome};
use serde_json::{Value, json};

fn judged(flags: &Value, word: &str, more: &[Value]) -> Driver {
    let mut judgement = json!({"refId": "1", "type": "manualJudgment"});
    judgement
        .as_object_mut()
        .unwrap()
        .extend(flags.as_object().unwrap().clone());
    let mut stages = vec![judgement];
    stages.extend(more.iter().cloned());
    let mut driver = Driver::start(json!({ "stages": stages }));
    driver.patch("1", json!({ "judgmentStatus": word }));
    driver
}

fn cancel() -> Change {
    Change::Cancel {
        user: "bob".into(),
        reason: Some("enough".into()),
    }
}

fn failed() -> Outcome {
    Outcome::Failed {
        exception: Some(json!({"details": {"errors": ["no"]}})),
        context: Map::new(),
        outputs: Map::new(),
    }
}

mod consequences_2_5 {
    use super::*;

    #[test]
    fn a_pipeline_whose_only_branch_stopped_succeeds() {
        let driver = judged(&json!({"failPipeline": false}), "stop", &[]);
        assert_eq!(
            (driver.stage("1").status, driver.status()),
            (Status::Stopped, Status::Succeeded)
        );
    }

    #[test]
    fn an_ignored_failure_never_fails_the_execution() {
        let driver = judged(&json!({"continuePipeline": true}), "stop", &[]);
        assert_eq!(
            (driver.stage("1").status, driver.status()),
            (Status::FailedContinue, Status::Succeeded)
        );
    }

    #[test]
    fn a_join_below_a_halted_stage_never_starts() {
        let more = [
            json!({"refId": "2", "type": "wait"}),
            json!({"refId": "3", "type": "wait", "requisiteStageRefIds": ["1", "2"]}),
        ];
        for flags in [json!({}), json!({"failPipeline": false})] {
            let driver = judged(&flags, "stop", &more);
            assert!(driver.status().is_complete());
            assert_eq!(driver.stage("3").status, Status::NotStarted);
        }
    }

    #[test]
    fn after_an_ignored_failure_the_next_task_of_the_stage_starts() {
        let mut driver = Driver::start(
            json!({"stages": [{"refId": "1", "type": "webhook", "url": "http://x.io/",
            "waitForCompletion": true, "continuePipeline": true}]}),
        );
        let attempt = driver.attempt("createWebhook");
        driver.report(attempt, failed());
        let statuses: Vec<Status> = driver.stage("1").tasks.iter().map(|it| it.status).collect();
        assert_eq!(statuses[0], Status::FailedContinue);
        assert_ne!(statuses[1], Status::NotStarted);
    }

    #[test]
    fn flags_may_be_text() {
        let driver = judged(&json!({"continuePipeline": "true"}), "stop", &[]);
        assert_eq!(driver.stage("1").status, Status::FailedContinue);
        let driver = judged(&json!({"failPipeline": "False"}), "stop", &[]);
        assert_eq!(driver.stage("1").status, Status::Stopped);
    }

    #[test]
    fn cancelling_a_complete_execution_says_who_and_why_and_changes_no_status() {
        let mut driver = judged(&json!({}), "continue", &[]);
        driver.change(cancel());
        let doc = &driver.state.doc;
        assert_eq!(doc.status, Status::Succeeded);
        assert!(doc.canceled);
        assert_eq!(doc.canceled_by.as_deref(), Some("bob"));
        assert_eq!(doc.cancellation_reason.as_deref(), Some("enough"));
    }

    #[test]
    fn a_stage_without_parts_is_skipped() {
        let driver = Driver::start(json!({"stages": [{"refId": "1", "type": "noop"}]}));
        assert_eq!(
            (driver.stage("1").status, driver.status()),
            (Status::Skipped, Status::Succeeded)
        );
    }
}

mod exceptions_3_8 {
    use super::*;

    #[test]
    fn what_was_thrown_has_spinnakers_shape() {
        let driver =
            Driver::start(json!({"stages": [{"refId": "1", "type": "wait", "waitTime": "soon"}]}));
        let exception = &driver.stage("1").context["exception"];
        assert!(exception["timestamp"].is_i64());
        assert_eq!(exception["exceptionType"], "IllegalArgumentException");
        assert_eq!(exception["operation"], "wait");
        assert_eq!(exception["shouldRetry"], false);
        assert_eq!(exception["details"]["error"], "Unexpected Task Failure");
        let shown = driver.stage("1").tasks[0].task_exception_details.clone();
        assert_eq!(shown.unwrap()["exception"], *exception);
    }

    #[test]
    fn a_plan_that_fails_says_so_in_the_context() {
        let driver =
            Driver::start(json!({"stages": [{"refId": "1", "type": "checkPreconditions"}]}));
        let context = &driver.stage("1").context;
        assert_eq!(context["beforeStagePlanningFailed"], true);
        assert!(context["exception"]["details"]["errors"][0].is_string());
        assert_eq!(driver.status(), Status::Terminal);
    }
}

mod starting_4_2_and_4_3 {
    use super::*;

    #[test]
    fn a_start_that_fails_is_an_execution_that_says_why() {
        for (config, why) in [
            (
                json!({"stages": [], "disabled": true}),
                "Pipeline is disabled and cannot be started.",
            ),
            (
                json!({"stages": [{"name": "x"}]}),
                "type missing from pipeline 'pipe' in application 'app', stage name: 'x'",
            ),
            (json!({"stages": {}}), "stages: must be a list of stages"),
            (
                json!({"stages": [{"type": "wait", "refId": "1"}, {"type": "wait", "refId": "1"}]}),
                "stages[1].refId: \"1\" is used by an earlier stage; each stage needs its own refId",
            ),
        ] {
            let driver = Driver::start(config);
            let doc = &driver.state.doc;
            assert_eq!((doc.status, doc.canceled), (Status::Terminal, true));
            assert_eq!(doc.canceled_by.as_deref(), Some("system"));
            let reason = format!("Failed on startup: {why}");
            assert_eq!(doc.cancellation_reason.as_deref(), Some(reason.as_str()));
            assert!(doc.start_time.is_none() && doc.end_time.is_none());
        }
    }

    #[test]
    fn a_pipeline_without_stages_is_terminal() {
        let driver = Driver::start(json!({"stages": []}));
        assert_eq!(driver.status(), Status::Terminal);
        let reason = driver.state.doc.cancellation_reason.as_deref();
        assert_eq!(reason, Some("The pipeline has no stages"));
    }

    #[test]
    fn without_ref_ids_stages_run_one_after_the_other() {
        let driver = Driver::start(
            json!({"stages": [{"type": "manualJudgment"}, {"type": "wait"}, {"type": "wait"}]}),
        );
        assert_eq!(driver.stage("2").requisite_stage_ref_ids, ["1"]);
        assert_eq!(driver.stage("1").status, Status::NotStarted);
    }
}

mod cancel_4_7 {
    use super::*;

    #[test]
    fn what_runs_ends_canceled_and_what_does_not_stays() {
        let mut driver = Driver::start(json!({"stages": [
            {"refId": "1", "type": "manualJudgment"},
            {"refId": "2", "type": "noop", "pool": "notify"},
            {"refId": "3", "type": "wait", "requisiteStageRefIds": ["1"]},
            {"refId": "4", "type": "wait"},
        ]}));
        driver.change(cancel());
        assert_eq!(driver.status(), Status::Canceled);
        assert_eq!(
            driver.statuses(),
            [
                ("1", Status::Canceled),
                ("2", Status::Canceled),
                ("3", Status::NotStarted),
                ("4", Status::Succeeded)
            ]
        );
        let doc = &driver.state.doc;
        assert_eq!(doc.cancellation_reason.as_deref(), Some("enough"));
    }

    #[test]
    fn a_paused_execution_is_cancelled_as_well() {
        let mut driver =
            Driver::start(json!({"stages": [{"refId": "1", "type": "manualJudgment"}]}));
        driver.change(Change::Pause { user: "ann".into() });
        driver.change(cancel());
        assert_eq!(driver.status(), Status::Canceled);
    }
}

mod optional_stages_5_1 {
    use super::*;

    fn run(condition: &Value) -> Driver {
        Driver::start(
            json!({"stages": [{"refId": "1", "type": "wait", "stageEnabled": condition}]}),
        )
    }

    #[test]
    fn only_true_runs() {
        for (expression, status) in [
            ("1 == 1", Status::Succeeded),
            ("'TRUE'", Status::Succeeded),
            ("1 == 2", Status::Skipped),
            ("'yes'", Status::Skipped),
            ("nobody.knows.this", Status::Skipped),
            ("  ", Status::Succeeded),
        ] {
            let driver = run(&json!({"type": "Expression", "expression": expression}));
            assert_eq!(driver.stage("1").status, status, "{expression}");
            assert_eq!(driver.status(), Status::Succeeded);
        }
    }

    #[test]
    fn other_types_and_none_are_enabled() {
        for condition in [
            json!({}),
            json!(null),
            json!({"type": "other", "expression": "false"}),
        ] {
            assert_eq!(run(&condition).stage("1").status, Status::Succeeded);
        }
    }

    #[test]
    fn what_is_no_object_fails_the_stage() {
        let driver = run(&json!(false));
        assert_eq!(driver.stage("1").status, Status::Terminal);
        let exception = &driver.stage("1").context["exception"];
        assert_eq!(exception["exceptionType"], "ClassCastException");
    }
}

mod failed_expressions_5_4 {
    use super::*;

    #[test]
    fn they_fail_the_stage_that_asks_for_it_whatever_its_failure_options() {
        for (flag, status) in [
            (json!(true), Status::Terminal),
            (json!(false), Status::Succeeded),
        ] {
            let driver = Driver::start(json!({"stages": [{"refId": "1", "type": "wait",
                "failOnFailedExpressions": flag, "continuePipeline": true, "comments": "${nobody.knows.this}"}]}));
            assert_eq!(driver.stage("1").status, status);
        }
    }
}

mod timing_5_5 {
    use super::*;

    #[test]
    fn a_stage_past_its_expiry_is_skipped() {
        let driver = Driver::start(json!({"stages": [
            {"refId": "1", "type": "wait", "waitTime": 60, "startTimeExpiry": "1799999999999"},
            {"refId": "2", "type": "wait", "startTimeExpiry": "1800000000001", "requisiteStageRefIds": ["1"]}]}));
        assert_eq!(driver.stage("1").status, Status::Skipped);
        assert_eq!(driver.stage("2").status, Status::Succeeded);
    }

    #[test]
    fn running_out_of_time_may_be_a_success() {
        for (flag, status) in [
            (json!(true), Status::Succeeded),
            (json!(null), Status::Terminal),
        ] {
            let mut driver =
                Driver::start(json!({"stages": [{"refId": "1", "type": "manualJudgment",
                "stageTimeoutMs": 5_000, "markSuccessfulOnTimeout": flag}]}));
            driver.advance(5_000);
            assert_eq!(driver.stage("1").status, status);
        }
    }

    #[test]
    fn pauses_between_looks_are_never_shorter_than_asked_for() {
        let mut driver = Driver::start(
            json!({"stages": [{"refId": "1", "type": "noop", "pool": "notify",
            "backoffPeriodMs": 30_000}]}),
        );
        let attempt = driver.attempt("noop");
        driver.report(
            attempt,
            Outcome::Running {
                again_ms: 1_000,
                context: Map::new(),
            },
        );
        driver.advance(29_999);
        assert!(driver.state.book.attempts.is_empty());
        driver.advance(1);
        assert_eq!(driver.state.book.attempts.len(), 1);
    }

    #[test]
    fn a_limit_that_is_text_is_ignored() {
        let mut driver = Driver::start(json!({"stages": [{"refId": "1", "type": "manualJudgment",
            "stageTimeoutMs": "5000"}]}));
        driver.advance(3_600_000);
        assert_eq!(driver.stage("1").status, Status::Running);
    }
}

mod aliases_5_8 {
    use super::*;

    #[test]
    fn an_alias_decides_alone() {
        let driver = Driver::start(json!({"stages": [
            {"refId": "1", "type": "nobodyKnowsThis", "alias": "wait"},
            {"refId": "2", "type": "wait", "alias": "nobodyKnowsThis"}]}));
        assert_eq!(driver.stage("1").status, Status::Succeeded);
        assert_eq!(driver.stage("2").status, Status::Terminal);
    }
}
