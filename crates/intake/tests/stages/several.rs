//! `runMultiplePipelines`: children by levels (orchestration reference 6.5; orca `RunMultiplePipelinesStage`).

use gennaker_engine::{ExpressionLookup, Lookup, LookupAnswer, audit, explain};
use gennaker_model::{
    ExecutionId, Map, Status,
    command::{ChildResult, PeerBody, Start},
};
use serde_json::{Value, json};

use crate::driver::Driver;
use crate::{error, found, run};

fn bundle(entries: &Value) -> Value {
    json!({"type": "runMultiplePipelines", "yamlConfig": [{"bundle_web": entries}]})
}

/// `web` and `db` first, both of pipeline `deploy`, then `check`.
fn shop(more: &Value) -> Driver {
    let mut stage = bundle(&json!({
        "check": {"child_pipeline": "verify", "depends_on": ["web", "db"]},
        "web": {"child_pipeline": "deploy", "arguments": {"app": "web"}},
        "db": {"child_pipeline": "deploy", "arguments": {"app": "db"}, "depends_on": []},
        "rollback_onfailure": false,
    }));
    let more = more.as_object().unwrap().clone();
    stage.as_object_mut().unwrap().extend(more);
    let mut driver = run(stage);
    answer_all(&mut driver, &json!({}));
    driver
}

/// Answers every question: each pipeline is there, and every execution is told of. `more` stands in each pipeline.
fn answer_all(driver: &mut Driver, more: &Value) {
    while let Some(lookup) = driver.state.book.lookups.keys().next().cloned() {
        let value = match &lookup {
            Lookup::Expression(ExpressionLookup::Pipeline { name, .. }) => {
                json!(format!("id-{name}"))
            }
            Lookup::Pipeline(id) => {
                let mut config = json!({"id": id, "name": id.trim_start_matches("id-"), "application": "app",
                    "parameterConfig": [{"name": "size", "default": 1}], "stages": [{"type": "wait"}]});
                config
                    .as_object_mut()
                    .unwrap()
                    .extend(more.as_object().unwrap().clone());
                config
            }
            Lookup::Execution(_) => {
                json!({"type": "PIPELINE", "status": "SUCCEEDED", "startTime": 5, "endTime": 6,
                "deployed": {"account": "prod"}})
            }
            other => panic!("nobody expects {other:?}"),
        };
        driver.answer(lookup, LookupAnswer::Found { value });
    }
}

fn starts(driver: &Driver) -> Vec<Start> {
    let starts = driver.said().iter().filter_map(|peer| match &peer.body {
        PeerBody::StartChild(start) => Some((**start).clone()),
        _ => None,
    });
    starts.collect()
}

/// The child of this name that was started last.
fn start_of(driver: &Driver, name: &str) -> Start {
    let is_this = |start: &Start| {
        start.trigger["parentExecution"]["trigger"]["executionIdentifier"] == json!(name)
    };
    starts(driver).into_iter().rfind(is_this).unwrap()
}

fn cancelled(driver: &mut Driver) -> Vec<ExecutionId> {
    driver.all_taken();
    let said = driver.said().iter();
    said.filter(|peer| matches!(peer.body, PeerBody::CancelChild { .. }))
        .map(|peer| peer.to.clone())
        .collect()
}

fn end(driver: &mut Driver, name: &str, status: Status) {
    let start = start_of(driver, name);
    driver.all_taken();
    let exception = json!({"details": {"errors": [format!("Exception in child pipeline stage ({name}: x): boom")]}});
    let result = ChildResult {
        stage: start.parent.unwrap().stage,
        name: name.to_owned(),
        status,
        outputs: json!({"large": "x"}).as_object().unwrap().clone(),
        exception: (status == Status::Terminal).then_some(exception),
    };
    let body = PeerBody::ChildFinished(Box::new(result));
    driver.hear(start.execution.clone(), 1, body.clone());
    let before = driver.state.clone();
    driver.hear(start.execution, 1, body);
    assert_eq!(driver.state, before, "heard twice, counted once");
    answer_all(driver, &json!({}));
}

fn entry(driver: &Driver, name: &str, status: &str) -> Value {
    json!({"id": start_of(driver, name).execution, "executionIdentifier": name, "startTime": 5, "endTime": 6,
           "artifactCreated": {"account": "prod"}, "status": status})
}

#[test]
fn a_level_starts_when_all_of_the_one_before_have_succeeded() {
    let mut driver = shop(&json!({}));
    let (web, db) = (start_of(&driver, "web"), start_of(&driver, "db"));
    assert_eq!(starts(&driver).len(), 2);
    assert_ne!(web.execution, db.execution, "the same pipeline runs twice");
    assert_ne!(web.trigger["correlationId"], db.trigger["correlationId"]);
    assert_eq!(web.trigger["parameters"], json!({"size": 1, "app": "web"}));
    let shown = &web.trigger["parentExecution"]["stages"];
    assert_eq!(shown.as_array().unwrap().len(), 1);
    assert_eq!(shown[0]["context"], json!({}));
    let context = &driver.stage("t").context;
    assert_eq!(
        context["executionIds"],
        json!([web.execution, db.execution])
    );
    let waits = &explain::waits(&driver.state)[0].sentence;
    assert_eq!(
        *waits,
        format!("waits for execution {}, {}", web.execution, db.execution)
    );

    end(&mut driver, "web", Status::Succeeded);
    assert_eq!(starts(&driver).len(), 2);
    end(&mut driver, "db", Status::Succeeded);
    assert_eq!(driver.stage("t").context["levelNumber"], 1);
    end(&mut driver, "check", Status::Succeeded);
    assert_eq!(driver.status(), Status::Succeeded);
    let stage = driver.stage("t");
    let list = ["web", "db", "check"].map(|name| entry(&driver, name, "SUCCEEDED"));
    let outputs = json!({ "executionsList": list });
    assert_eq!(
        Value::from((*stage.outputs).clone()),
        outputs,
        "and nothing of the children's"
    );
    let kept = driver.state.children_of(&stage.id).iter();
    assert!(
        kept.map(|child| child.result.clone().unwrap())
            .all(|it| it.outputs.is_empty())
    );
}

#[test]
fn a_failed_child_fails_the_stage_once_the_others_of_its_level_have_ended() {
    let mut driver = shop(&json!({}));
    end(&mut driver, "web", Status::Terminal);
    assert_eq!(driver.status(), Status::Running);
    end(&mut driver, "db", Status::Succeeded);
    assert_eq!(driver.status(), Status::Terminal);
    assert_eq!(
        driver.errors("t"),
        [
            "Exception in child pipeline stage (web: x): boom",
            "At least one monitored pipeline failed, look for errors in failed pipelines"
        ]
    );
    let list = json!([
        entry(&driver, "web", "TERMINAL"),
        entry(&driver, "db", "SUCCEEDED")
    ]);
    assert_eq!(driver.stage("t").outputs["executionsList"], list);
    assert_eq!(starts(&driver).len(), 2);
    let flagged = driver
        .said()
        .iter()
        .any(|peer| matches!(peer.body, PeerBody::FlagChild { .. }));
    assert!(!flagged, "it ended by itself");
}

#[test]
fn the_list_stays_when_the_failure_is_ignored() {
    let mut driver = shop(&json!({"failPipeline": false, "continuePipeline": true}));
    end(&mut driver, "web", Status::Terminal);
    end(&mut driver, "db", Status::Succeeded);
    assert_eq!(driver.stage("t").status, Status::FailedContinue);
    let listed = driver.stage("t").outputs["executionsList"].as_array();
    assert_eq!(listed.unwrap().len(), 2, "the last task runs, too");
}

#[test]
fn a_cancelled_child_cancels_the_stage() {
    let mut driver = shop(&json!({}));
    end(&mut driver, "web", Status::Canceled);
    end(&mut driver, "db", Status::Succeeded);
    assert_eq!(driver.stage("t").status, Status::Canceled);
    assert_eq!(
        error(&driver),
        "At least one monitored pipeline was cancelled"
    );
}

#[test]
fn ignore_uncompleted_goes_on_but_not_behind_the_last_level() {
    let mut driver = shop(&json!({"ignoreUncompleted": true}));
    end(&mut driver, "web", Status::Terminal);
    end(&mut driver, "db", Status::Succeeded);
    end(&mut driver, "check", Status::Succeeded);
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(
        driver.stage("t").outputs["executionsList"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let mut driver = shop(&json!({"ignoreUncompleted": true}));
    end(&mut driver, "web", Status::Succeeded);
    end(&mut driver, "db", Status::Succeeded);
    end(&mut driver, "check", Status::Terminal);
    assert_eq!(driver.status(), Status::Terminal);
}

#[test]
fn a_cancel_reaches_every_child_that_runs() {
    let mut driver = shop(&json!({}));
    end(&mut driver, "web", Status::Succeeded);
    driver.cancel();
    assert_eq!(cancelled(&mut driver), [start_of(&driver, "db").execution]);
    let mut driver = shop(&json!({"stageTimeoutMs": 60_000}));
    driver.advance(60_000);
    assert_eq!(driver.status(), Status::Terminal);
    let mut ended = cancelled(&mut driver);
    ended.sort();
    let mut started = ["web", "db"].map(|name| start_of(&driver, name).execution);
    started.sort();
    assert_eq!(ended, started);
}

#[test]
fn a_child_that_its_owner_refuses_has_failed() {
    let mut driver = shop(&json!({}));
    end(&mut driver, "web", Status::Succeeded);
    let mut driver = shop(&json!({}));
    driver.child_refused("it is too large");
    driver.all_taken();
    end(&mut driver, "web", Status::Succeeded);
    assert_eq!(driver.status(), Status::Terminal);
    assert_eq!(
        error(&driver),
        "The pipeline deploy could not be started: it is too large"
    );
}

#[test]
fn nothing_of_a_level_starts_when_a_pipeline_is_not_there() {
    let entries = json!({"a": {"child_pipeline": "there"}, "b": {"child_pipeline": "gone"}});
    let mut driver = run(bundle(&entries));
    let named = |name: &str| {
        Lookup::Expression(ExpressionLookup::Pipeline {
            application: "app".into(),
            name: name.into(),
        })
    };
    driver.answer(named("there"), found(json!("id-there")));
    driver.answer(named("gone"), LookupAnswer::Missing);
    assert_eq!(driver.status(), Status::Terminal);
    assert_eq!(error(&driver), "Application app has no pipeline named gone");
    assert!(starts(&driver).is_empty());
}

#[test]
fn a_disabled_pipeline_ends_those_of_its_level() {
    let entries = json!({"a": {"child_pipeline": "there"}, "b": {"child_pipeline": "off"}});
    let mut driver = run(bundle(&entries));
    let is_off = |driver: &Driver| {
        driver
            .state
            .book
            .lookups
            .contains_key(&Lookup::Pipeline("id-off".into()))
    };
    while !is_off(&driver) {
        let lookup = driver.state.book.lookups.keys().next().cloned().unwrap();
        let value = match &lookup {
            Lookup::Expression(ExpressionLookup::Pipeline { name, .. }) => {
                json!(format!("id-{name}"))
            }
            _ => json!({"id": "id-there", "name": "there", "stages": []}),
        };
        driver.answer(lookup, found(value));
    }
    assert_eq!(starts(&driver).len(), 1);
    driver.answer(
        Lookup::Pipeline("id-off".into()),
        found(json!({"id": "id-off", "disabled": true})),
    );
    assert_eq!(driver.status(), Status::Terminal);
    assert_eq!(
        error(&driver),
        "The referenced pipeline is disabled (id-off)"
    );
    assert_eq!(cancelled(&mut driver), [start_of(&driver, "a").execution]);
}

#[test]
fn a_restart_starts_all_of_them_again() {
    let mut driver = shop(&json!({}));
    let first = start_of(&driver, "web").execution;
    end(&mut driver, "web", Status::Terminal);
    end(&mut driver, "db", Status::Succeeded);
    driver.advance(1_000);
    driver.restart("t");
    answer_all(&mut driver, &json!({}));
    assert!(driver.stage("t").outputs.is_empty());
    assert_ne!(start_of(&driver, "web").execution, first);
    for name in ["web", "db", "check"] {
        end(&mut driver, name, Status::Succeeded);
    }
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(
        driver.stage("t").outputs["executionsList"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn the_restart_of_one_child_does_not_restart_the_stage() {
    let mut driver = shop(&json!({}));
    end(&mut driver, "web", Status::Terminal);
    end(&mut driver, "db", Status::Succeeded);
    let web = start_of(&driver, "web");
    let body = PeerBody::ChildRestarted {
        stage: web.parent.unwrap().stage,
        user: "bob".into(),
    };
    driver.hear(web.execution, 2, body);
    assert_eq!(driver.status(), Status::Terminal);
    assert_eq!(driver.stage("t").status, Status::Terminal);
}

#[test]
fn large_starts_wait_for_those_before_them() {
    let entries: Map = (0..6)
        .map(|number| {
            (
                format!("a{number}"),
                json!({"child_pipeline": format!("p{number}")}),
            )
        })
        .collect();
    let mut driver = run(bundle(&entries.into()));
    let large = json!({"stages": [{"type": "wait", "comments": "x".repeat(100 * 1024)}]});
    answer_all(&mut driver, &large);
    assert_eq!(starts(&driver).len(), 2, "two take more than 128 KiB");
    assert_eq!(audit::zombies(&driver.state), []);
    for _ in 0..6 {
        driver.all_taken();
        answer_all(&mut driver, &large);
    }
    assert_eq!(starts(&driver).len(), 6);
    for number in 0..6 {
        end(&mut driver, &format!("a{number}"), Status::Succeeded);
    }
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn many_children_are_started_and_awaited() {
    let entries: Map = (0..40)
        .map(|number| {
            (
                format!("a{number}"),
                json!({"child_pipeline": "p", "arguments": {"n": number}}),
            )
        })
        .collect();
    let mut driver = run(bundle(&entries.into()));
    for _ in 0..40 {
        answer_all(&mut driver, &json!({}));
        driver.all_taken();
    }
    assert_eq!(starts(&driver).len(), 40);
    for number in 0..40 {
        end(&mut driver, &format!("a{number}"), Status::Succeeded);
    }
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn a_list_that_makes_no_sense_fails_the_stage() {
    let twice = json!({"a": {"child_pipeline": "p"}, "b": {"child_pipeline": "p"}});
    let driver = run(bundle(&twice));
    assert_eq!(driver.status(), Status::Terminal);
    assert!(error(&driver).starts_with("Detected two or more duplicated arguments"));
    let mut allowed = bundle(&twice);
    allowed["checkDuplicated"] = json!(false);
    assert_eq!(run(allowed).status(), Status::Running);
    for (stage, sentence) in [
        (bundle(&json!({})), "Child Pipelines were not executed"),
        (
            json!({"type": "runMultiplePipelines"}),
            "the stage has no yamlConfig",
        ),
        (
            bundle(&json!({"a": {"child_pipeline": "p", "depends_on": ["a"]}})),
            "these depend on each other: a",
        ),
    ] {
        let driver = run(stage);
        assert_eq!(driver.status(), Status::Terminal);
        assert_eq!(error(&driver), sentence);
    }
}
