//! Random pipelines with random happenings. The driver checks after every decision that replay is apply alone, that facts
//! survive being written, that statuses only move forward (apply refuses anything else), and that nothing is a zombie; here, that
//! every execution can be brought to an end, and that the end is the one the reference's tables give.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "the other test file uses the rest")]
mod driver;

use driver::Driver;
use gennaker_engine::{Change, Input, Rules, rollup};
use gennaker_model::{Status, work::Outcome};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

#[derive(Clone, Debug)]
struct Shape {
    kind: u8,
    requires: Vec<prop::sample::Index>,
    continues: Option<bool>,
    fails: Option<bool>,
    then_fails: bool,
    timeout: Option<u16>,
    disabled: bool,
}

#[derive(Clone, Debug)]
enum Happening {
    Report(prop::sample::Index, u8),
    Judge(prop::sample::Index, bool),
    Pass(u32),
    Cancel,
    Pause,
    Resume,
    Restart(prop::sample::Index),
    Crowd(bool),
    Grant,
}

fn shape() -> impl Strategy<Value = Shape> {
    (
        0..8_u8,
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        prop::option::of(any::<bool>()),
        prop::option::of(any::<bool>()),
        any::<bool>(),
        prop::option::weighted(0.2, 1..100_u16),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(kind, requires, continues, fails, then_fails, timeout, disabled)| Shape {
                kind,
                requires,
                continues,
                fails,
                then_fails,
                timeout,
                disabled,
            },
        )
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (any::<prop::sample::Index>(), 0..4_u8).prop_map(|(which, how)| Happening::Report(which, how)),
        3 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(which, go)| Happening::Judge(which, go)),
        3 => (0..100_000_u32).prop_map(Happening::Pass),
        1 => Just(Happening::Cancel),
        1 => Just(Happening::Pause),
        2 => Just(Happening::Resume),
        3 => any::<prop::sample::Index>().prop_map(Happening::Restart),
        1 => any::<bool>().prop_map(Happening::Crowd),
        1 => Just(Happening::Grant),
    ]
}

fn pipeline(shapes: &[Shape], evaluator: &str) -> Value {
    let stages: Vec<Value> = shapes
        .iter()
        .enumerate()
        .map(|(index, shape)| {
            let mut requires: Vec<String> =
                if index == 0 { Vec::new() } else { shape.requires.iter().map(|place| place.index(index).to_string()).collect() };
            requires.sort();
            requires.dedup();
            let mut stage = match shape.kind {
                0 => json!({"type": "wait", "waitTime": 20}),
                1 => json!({"type": "noop", "pool": "notify"}),
                2 => json!({"type": "manualJudgment"}),
                3 => json!({"type": "webhook", "url": "http://example.com/", "waitForCompletion": index % 2 == 0}),
                5 => json!({"type": "webhook", "url": "http://example.com/", "waitForCompletion": index % 2 == 0,
                    "cancelEndpoint": "http://example.com/${#fromUrl('http://example.com/id')}/stop"}),
                6 => json!({"type": "wait", "waitTime": 20, "comments": format!("${{#fromUrl(#fromUrl('http://example.com/{index}'))}}"),
                    "stageEnabled": {"type": "expression", "expression": "#fromUrl('http://example.com/enabled') != 'no'"}}),
                4 => json!({"type": "checkPreconditions", "preconditions": [
                    {"type": "stageStatus", "failPipeline": index % 2 == 0, "context": {"stageName": "s0", "stageStatus": "SUCCEEDED"}},
                    {"type": "stageStatus", "context": {"stageName": "s0", "stageStatus": "SUCCEEDED"}}]}),
                _ => json!({"type": "nobodyKnows"}),
            };
            let map = stage.as_object_mut().unwrap();
            map.insert("refId".into(), json!(index.to_string()));
            map.insert("name".into(), json!(format!("s{index}")));
            map.insert("requisiteStageRefIds".into(), json!(requires));
            map.insert("completeOtherBranchesThenFail".into(), json!(shape.then_fails));
            if let Some(continues) = shape.continues {
                map.insert("continuePipeline".into(), json!(continues));
            }
            if let Some(fails) = shape.fails {
                map.insert("failPipeline".into(), json!(fails));
            }
            if let Some(timeout) = shape.timeout {
                map.insert("stageTimeoutMs".into(), json!(u32::from(timeout) * 1000));
            }
            if shape.then_fails {
                map.insert("retry".into(), json!({"max": index % 3, "backoffMs": 3_000}));
            }
            if shape.kind == 0 && shape.then_fails {
                map.insert("restrictExecutionDuringTimeWindow".into(), json!(true));
                map.insert("restrictedExecutionWindow".into(), json!({"whitelist": [
                    {"startHour": 8, "startMin": 1, "endHour": 20, "endMin": 0}]}));
            }
            if shape.disabled {
                map.insert("stageEnabled".into(), json!({"type": "expression", "expression": "false"}));
            }
            stage
        })
        .collect();
    json!({ "stages": stages, "spelEvaluator": evaluator, "limitConcurrent": true })
}

fn outcome(how: u8) -> Outcome {
    match how {
        // The text is for those who read an address.
        0 | 1 => Outcome::Succeeded {
            context: Map::new(),
            outputs: [("body".to_owned(), json!("http://example.com/next"))]
                .into_iter()
                .collect(),
        },
        2 => Outcome::Failed {
            exception: Some(json!({"details": {"errors": ["no"]}})),
            context: Map::new(),
            outputs: Map::new(),
        },
        _ => Outcome::Running {
            again_ms: 5_000,
            context: Map::new(),
        },
    }
}

fn happen(driver: &mut Driver, happening: &Happening) {
    match happening {
        Happening::Report(which, how) => {
            let open = driver.open_attempts();
            if !open.is_empty() {
                let attempt = open[which.index(open.len())];
                if driver.is_closing(attempt) {
                    driver.is_stale(
                        attempt,
                        Outcome::Closed {
                            remains: None,
                            context: Map::new(),
                        },
                    );
                } else {
                    driver.is_stale(attempt, outcome(*how));
                }
            }
        }
        Happening::Judge(which, go) => {
            let asked = driver.questions();
            if !asked.is_empty() {
                let word = if *go { "continue" } else { "stop" };
                driver.patch(
                    &asked[which.index(asked.len())].clone(),
                    json!({ "judgmentStatus": word }),
                );
            }
        }
        Happening::Pass(ms) => driver.advance(i64::from(*ms)),
        Happening::Cancel => driver.change(Change::Cancel {
            user: "ann".into(),
            reason: None,
        }),
        Happening::Pause => driver.change(Change::Pause { user: "ann".into() }),
        Happening::Resume => driver.change(Change::Resume { user: "ann".into() }),
        Happening::Restart(which) => {
            let stages = &driver.state.doc.stages;
            let ref_id = stages[which.index(stages.len())].ref_id.clone();
            driver.restart(&ref_id);
        }
        Happening::Crowd(others) => driver.must_wait = *others,
        Happening::Grant => driver.input(&Input::SlotGranted),
    }
}

/// Does everything that is open until nothing is.
fn finish(driver: &mut Driver) {
    for _ in 0..2_000 {
        if !driver.state.is_live() {
            return;
        }
        if driver.state.book.waits_since.is_some() {
            driver.input(&Input::SlotGranted);
        } else if driver.status() == Status::Paused {
            driver.change(Change::Resume { user: "ann".into() });
        } else if let Some(attempt) = driver.open_attempts().first().copied() {
            let outcome = if driver.is_closing(attempt) {
                Outcome::Closed {
                    remains: None,
                    context: Map::new(),
                }
            } else {
                outcome(0)
            };
            driver.is_stale(attempt, outcome);
        } else if let Some(asked) = driver.questions().first().cloned() {
            driver.patch(&asked, json!({"judgmentStatus": "continue"}));
        } else {
            driver.advance(60_000);
        }
    }
    panic!("it does not end: {:#?}", driver.statuses());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_execution_can_be_brought_to_its_end(
        shapes in prop::collection::vec(shape(), 1..12),
        happenings in prop::collection::vec(happening(), 0..40),
        events_max in prop_oneof![Just(4_usize), Just(500)],
        evaluator in prop_oneof![Just("v3"), Just("v4")],
    ) {
        let rules = Rules { events_max, ..Rules::default() };
        let mut driver = Driver::start_by(pipeline(&shapes, evaluator), json!({}), rules);
        for happening in &happenings {
            happen(&mut driver, happening);
        }
        finish(&mut driver);
        let doc = &driver.state.doc;
        prop_assert!(doc.status.is_complete());
        prop_assert!(doc.stages.iter().all(|stage| stage.status.is_complete() || stage.status == Status::NotStarted));
        prop_assert!(driver.state.book.timers.is_empty(), "{:?}", driver.state.book.timers);
        if !doc.canceled {
            prop_assert_eq!(rollup::execution_status(doc), Some(doc.status));
        }
        for stage in doc.top_level_stages().filter(|stage| stage.start_time.is_some()) {
            for above in doc.top_level_stages().filter(|above| stage.requisite_stage_ref_ids.contains(&above.ref_id)) {
                prop_assert!(above.status.lets_downstream_start(), "{} ran although {} is {}", stage.ref_id, above.ref_id, above.status);
                prop_assert!(above.end_time.unwrap_or(i64::MAX) <= stage.start_time.unwrap_or(0));
            }
        }
    }
}
