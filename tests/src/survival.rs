//! A pipeline of thirty stages that uses what pipelines are made of, and what must be true of a run of it, whatever was killed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::gate::{outline, stage, text};
use crate::receiver::{Receiver, Reply, Seen};

/// Stages that send a POST whose repetition nobody allowed: their failure lets the pipeline go on.
const ONCE: [&str; 8] = ["3", "4", "5", "6", "24", "25", "26", "27"];
/// Stages that send what may be sent again.
const REPEATABLE: [&str; 11] = ["1", "7", "8", "9", "12", "16", "17", "18", "22", "28", "30"];
/// The stage that waits for a person.
pub const JUDGEMENT: &str = "15";

/// The pipeline and the child that it runs; the child must be saved first, and its id given.
pub fn pipeline(application: &str, name: &str, receiver: &Receiver, child: &str) -> Value {
    let url = |path: &str| format!("{}/${{execution.id}}/{path}", receiver.url());
    let mut stages = vec![
        webhook("1", &[], "PUT", &url("put/1")),
        json!({"refId": "2", "requisiteStageRefIds": ["1"], "type": "wait", "name": "Wait", "waitTime": 1}),
    ];
    for reference in ["3", "4", "5", "6"] {
        stages.push(once(reference, &["2"], &url(&format!("once/{reference}"))));
    }
    for reference in ["7", "8", "9"] {
        stages.push(webhook(
            reference,
            &["2"],
            "PUT",
            &url(&format!("put/{reference}")),
        ));
    }
    stages.extend([
        json!({
            "refId": "10", "requisiteStageRefIds": ["3", "4", "5", "6", "7", "8", "9"], "type": "evaluateVariables",
            "name": "Variables", "variables": [{"key": "answer", "value": "${40 + 2}"}],
        }),
        // Fails, and the pipeline goes on behind it.
        with(webhook("11", &["10"], "PUT", &url("bad/11")), json!({"failPipeline": false, "continuePipeline": true})),
        webhook("12", &["11"], "PUT", &url("put/12")),
        // Fails, and its branch ends there.
        with(webhook("13", &["10"], "PUT", &url("bad/13")), json!({"failPipeline": false, "continuePipeline": false})),
        webhook("14", &["13"], "PUT", &url("never/14")),
        json!({
            "refId": JUDGEMENT, "requisiteStageRefIds": ["10"], "type": "manualJudgment", "name": "Judge",
            "judgmentInputs": [{"value": "prod"}, {"value": "rollback"}],
        }),
    ]);
    for reference in ["16", "17", "18"] {
        let post = webhook(
            reference,
            &[JUDGEMENT],
            "POST",
            &url(&format!("again/{reference}")),
        );
        stages.push(with(post, json!({"idempotent": true})));
    }
    stages.extend([
        json!({
            "refId": "19", "requisiteStageRefIds": [JUDGEMENT], "type": "checkPreconditions", "name": "Check",
            "preconditions": [{"type": "expression", "failPipeline": true, "context": {"expression": "${answer == 42}"}}],
        }),
        json!({
            "refId": "20", "requisiteStageRefIds": ["19"], "type": "pipeline", "name": "Child",
            "application": application, "pipeline": child, "waitForCompletion": true,
            "pipelineParameters": {"parent": "${execution.id}"},
        }),
        json!({"refId": "21", "requisiteStageRefIds": ["16", "17", "18"], "type": "wait", "name": "Wait", "waitTime": 2}),
        webhook("22", &["20", "21"], "PUT", &url("put/22")),
        json!({"refId": "23", "requisiteStageRefIds": ["22"], "type": "noop", "name": "Nothing", "pool": "notify", "sleepMs": 300}),
    ]);
    for reference in ["24", "25", "26", "27"] {
        stages.push(once(reference, &["23"], &url(&format!("once/{reference}"))));
    }
    let last = webhook("28", &["24", "25", "26", "27"], "POST", &url("again/28"));
    stages.extend([
        with(last, json!({"idempotent": true})),
        json!({"refId": "29", "requisiteStageRefIds": ["28", "12"], "type": "wait", "name": "Wait", "waitTime": 1}),
        webhook("30", &["29"], "PUT", &url("put/30")),
    ]);
    assert_eq!(stages.len(), 30);
    json!({"application": application, "name": name, "stages": stages})
}

/// The child: one call that may be repeated, one that may not.
pub fn child(application: &str, name: &str, receiver: &Receiver) -> Value {
    let url = |path: &str| format!("{}/${{execution.id}}/{path}", receiver.url());
    json!({
        "application": application, "name": name,
        "parameterConfig": [{"name": "parent", "required": true}],
        "stages": [
            webhook("1", &[], "PUT", &url("put/c1?parent=${parameters.parent}")),
            once("2", &["1"], &url("once/c2")),
            json!({"refId": "3", "requisiteStageRefIds": ["2"], "type": "wait", "name": "Wait", "waitTime": 1}),
        ],
    })
}

/// Makes the receiver answer as the pipelines expect, some of it slowly, so that kills meet requests that are under way.
pub fn script(receiver: &Receiver) {
    for suffix in ["/bad/11", "/bad/13"] {
        receiver.script(suffix, &[Reply::status(400).after_ms(100)]);
    }
    for (suffix, ms) in [
        ("/once/3", 1_500),
        ("/once/5", 300),
        ("/put/7", 1_000),
        ("/put/22", 300),
        ("/again/16", 1_000),
    ] {
        receiver.script(suffix, &[Reply::status(200).after_ms(ms)]);
    }
    for (suffix, ms) in [
        ("/once/24", 1_000),
        ("/again/28", 500),
        ("/once/c2", 500),
        ("/once/26", 200),
    ] {
        receiver.script(suffix, &[Reply::status(200).after_ms(ms)]);
    }
}

/// Checks a run that is complete.
///
/// # Panics
/// When something is not as it must be.
pub fn check(execution: &Value, receiver: &Receiver) {
    let shown = outline(execution);
    assert_eq!(execution["status"], "SUCCEEDED", "{shown}");
    let id = text(execution, "id");
    let seen: Vec<Seen> = receiver
        .seen()
        .into_iter()
        .filter(|seen| seen.path.starts_with(&format!("/{id}/")))
        .collect();
    let of = |path: &str| -> Vec<&Seen> {
        let whole = format!("/{id}/{path}");
        seen.iter()
            .filter(|seen| seen.path.split('?').next() == Some(&whole))
            .collect()
    };
    for reference in REPEATABLE {
        assert_eq!(
            stage(execution, reference)["status"],
            "SUCCEEDED",
            "stage {reference} of {shown}"
        );
        let folder = match reference {
            "16" | "17" | "18" | "28" => "again",
            _ => "put",
        };
        check_one_effect(&of(&format!("{folder}/{reference}")), reference, &shown);
    }
    for reference in ONCE {
        check_once(
            stage(execution, reference),
            &of(&format!("once/{reference}")),
            &shown,
        );
    }
    for (reference, status) in [("11", "FAILED_CONTINUE"), ("13", "STOPPED")] {
        assert_eq!(
            stage(execution, reference)["status"],
            status,
            "stage {reference} of {shown}"
        );
        check_one_effect(&of(&format!("bad/{reference}")), reference, &shown);
    }
    assert_eq!(stage(execution, "14")["status"], "NOT_STARTED", "{shown}");
    assert!(
        of("never/14").is_empty(),
        "a stage behind a stopped one was run: {shown}"
    );
    for reference in ["2", "10", JUDGEMENT, "19", "20", "21", "23", "29"] {
        assert_eq!(
            stage(execution, reference)["status"],
            "SUCCEEDED",
            "stage {reference} of {shown}"
        );
    }
    check_order(execution, &shown);
}

/// What the kills met: requests that were sent again, and stages that do not know whether theirs arrived.
pub fn losses(executions: &[Value], receiver: &Receiver) -> String {
    let again: usize = receiver.by_path().values().map(|seen| seen.len() - 1).sum();
    let stages = executions
        .iter()
        .flat_map(|execution| execution["stages"].as_array().into_iter().flatten());
    let unknown = stages.filter(|stage| {
        ONCE.contains(&text(stage, "refId")) && stage["status"] == "FAILED_CONTINUE"
    });
    format!(
        "{again} requests sent again, {} not repeated because they may have arrived",
        unknown.count()
    )
}

/// Checks the child of a run.
///
/// # Panics
/// When it is not as it must be, or there is more than one.
pub fn check_child(parent: &Value, child: &Value, receiver: &Receiver) {
    let shown = outline(child);
    assert_eq!(child["status"], "SUCCEEDED", "{shown}");
    let parent = text(parent, "id");
    let starts = receiver
        .seen()
        .into_iter()
        .filter(|seen| seen.path.ends_with(&format!("/put/c1?parent={parent}")));
    let children: BTreeSet<String> = starts.map(|seen| seen.path).collect();
    assert_eq!(
        children.len(),
        1,
        "one stage started several children: {children:?}"
    );
    let id = text(child, "id");
    let seen = receiver.seen();
    let of = |path: &str| -> Vec<&Seen> {
        seen.iter()
            .filter(|seen| seen.path.starts_with(&format!("/{id}/{path}")))
            .collect()
    };
    check_one_effect(&of("put/c1"), "1", &shown);
    check_once(stage(child, "2"), &of("once/c2"), &shown);
}

/// What was sent again was sent with the same key: for the target it is one effect.
fn check_one_effect(seen: &[&Seen], reference: &str, shown: &str) {
    assert!(
        !seen.is_empty(),
        "stage {reference} never sent its request: {shown}"
    );
    let keys: BTreeSet<&str> = seen.iter().filter_map(|seen| seen.key.as_deref()).collect();
    assert!(
        seen.iter().all(|seen| seen.key.is_some()),
        "stage {reference} sent a request without a key: {seen:?}"
    );
    assert_eq!(
        keys.len(),
        1,
        "stage {reference} has one effect, and sent several keys: {seen:?}"
    );
}

/// A stage that must not send twice: it did not, and if nobody knows whether its request arrived, it says so.
fn check_once(stage: &Value, seen: &[&Seen], shown: &str) {
    let reference = text(stage, "refId");
    assert!(
        seen.len() <= 1,
        "stage {reference} must send once, and sent {seen:?}\n{shown}"
    );
    match text(stage, "status") {
        "SUCCEEDED" => assert_eq!(
            seen.len(),
            1,
            "stage {reference} says it is done, and sent nothing: {shown}"
        ),
        "FAILED_CONTINUE" => assert!(
            stage["context"].to_string().contains("may have arrived"),
            "stage {reference} failed, and does not say that its request may have arrived: {stage}"
        ),
        other => panic!("stage {reference} is {other}: {shown}"),
    }
}

/// No stage starts before those that it waits for have ended.
fn check_order(execution: &Value, shown: &str) {
    for later in execution["stages"].as_array().into_iter().flatten() {
        let Some(start) = later["startTime"].as_i64() else {
            continue;
        };
        for requisite in later["requisiteStageRefIds"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let earlier = stage(execution, requisite.as_str().unwrap_or_default());
            let end = earlier["endTime"].as_i64().unwrap_or(i64::MAX);
            assert!(
                end <= start,
                "stage {} began before {requisite} had ended: {shown}",
                text(later, "refId")
            );
        }
    }
}

fn webhook(reference: &str, after: &[&str], method: &str, url: &str) -> Value {
    json!({
        "refId": reference, "requisiteStageRefIds": after, "type": "webhook", "name": format!("Call {reference}"),
        "method": method, "url": url, "payload": {"stage": reference},
    })
}

fn once(reference: &str, after: &[&str], url: &str) -> Value {
    with(
        webhook(reference, after, "POST", url),
        json!({"failPipeline": false, "continuePipeline": true}),
    )
}

fn with(mut stage: Value, more: Value) -> Value {
    if let (Some(stage), Value::Object(more)) = (stage.as_object_mut(), more) {
        stage.extend(more);
    }
    stage
}
