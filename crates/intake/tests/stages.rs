//! What the stages that need no cloud do (orchestration reference 6.2 to 6.5 and 6.12): outputs, context keys, pauses, errors.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "the other test files use the rest")]
mod driver;

#[path = "stages/artifacts.rs"]
mod artifacts;
#[path = "stages/common.rs"]
mod common;
#[path = "stages/documents.rs"]
mod documents;
#[path = "stages/several.rs"]
mod several;
#[path = "stages/waiting.rs"]
mod waiting;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use driver::Driver;
use gennaker_engine::{Lookup, LookupAnswer, Watched};
use gennaker_model::{ExecutionId, Map, work::Outcome};
use serde_json::{Value, json};

fn run(stage: Value) -> Driver {
    run_after(json!([]), stage)
}

/// The stage under test has refId `t` and comes after those before it.
fn run_after(before: Value, mut stage: Value) -> Driver {
    let mut stages = before.as_array().unwrap().clone();
    let above: Vec<Value> = stages.iter().map(|stage| stage["refId"].clone()).collect();
    stage["refId"] = json!("t");
    stage["requisiteStageRefIds"] = json!(above);
    stages.push(stage);
    Driver::start(json!({ "stages": stages }))
}

fn map(value: &Value) -> Map {
    value.as_object().unwrap().clone()
}

fn found(value: Value) -> LookupAnswer {
    LookupAnswer::Found { value }
}

fn error(driver: &Driver) -> &str {
    let exception = &driver.stage("t").context["exception"];
    exception["details"]["errors"][0].as_str().unwrap()
}

fn succeeded(context: Value, outputs: Value) -> Outcome {
    Outcome::Succeeded {
        context: map(&context),
        outputs: map(&outputs),
    }
}

fn execution(id: &str) -> Lookup {
    watched(id, false)
}

fn with_outputs(id: &str) -> Lookup {
    watched(id, true)
}

fn watched(id: &str, outputs: bool) -> Lookup {
    Lookup::Execution(Watched {
        execution: ExecutionId::new(id).unwrap(),
        outputs,
    })
}

fn told(kind: &str, status: &str, more: Value) -> LookupAnswer {
    let mut told =
        map(&json!({"type": kind, "status": status, "application": "shop", "name": "deploy"}));
    told.extend(map(&more));
    found(Value::Object(told))
}

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}
