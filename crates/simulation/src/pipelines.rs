//! Random pipelines: small on average, with everything in them that this release runs.

use gennaker_model::Map;
use serde_json::{Value, json};

use crate::{random::Random, told::Follower};

/// The application of all of them.
pub(crate) const APPLICATION: &str = "sim";

/// Zones that workers stand in.
pub(crate) const ZONES: [&str; 2] = ["a", "b"];

/// Pipelines that others start, by id; each starts only earlier ones.
pub(crate) fn children(random: &mut Random) -> Vec<Map> {
    let mut made: Vec<Map> = Vec::new();
    for index in 0..random.between(0..=2) {
        let stages = random.between(1..=4);
        let made_before = ids(&made);
        made.push(pipeline(
            &format!("child-{index}-{}", random.between(0..=99)),
            stages,
            &made_before,
            random,
        ));
    }
    made
}

/// A pipeline that a client starts.
pub(crate) fn top(random: &mut Random, index: usize, children: &[Map]) -> Map {
    let stages = match random.between(0..=99) {
        0..=59 => random.between(2..=6),
        60..=94 => random.between(7..=14),
        _ => random.between(15..=30),
    };
    pipeline(
        &format!("top-{index}-{}", random.between(0..=99)),
        stages,
        &ids(children),
        random,
    )
}

/// A short pipeline with a limit, to be started many times at once.
pub(crate) fn crowded(random: &mut Random) -> Map {
    let id = format!("crowd-{}", random.between(0..=99));
    let stages = random.between(1..=2);
    let mut pipeline = pipeline(&id, stages, &[], random);
    limit(&mut pipeline, random);
    pipeline
}

/// Pipelines that start when one of these ends, and what they wait for.
pub(crate) fn followers(random: &mut Random, followed: &[Map]) -> Vec<(Map, Follower)> {
    let followed = ids(followed);
    let mut made = Vec::new();
    for index in 0..random.between(0..=2) {
        let id = format!("follower-{index}");
        let stages = random.between(1..=2);
        let mut pipeline = pipeline(&id, stages, &[], random);
        let words = *random.pick::<&[&str]>(&[
            &["successful", "failed", "canceled"],
            &["successful"],
            &["failed", "canceled"],
        ]);
        let follower = Follower {
            id,
            follows: random.pick(&followed).clone(),
            status: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        let trigger = json!({"type": "pipeline", "enabled": true, "pipeline": follower.follows, "status": words});
        pipeline.insert("triggers".to_owned(), json!([trigger]));
        made.push((pipeline, follower));
    }
    made
}

/// Notifications for some of these words. Read by the task in [`crate::tasks`] and by [`crate::outside`].
fn notifications(words: &[&str], random: &mut Random) -> Value {
    let mut entries = Vec::new();
    for number in 0..random.between(1..=2) {
        let when: Vec<&&str> = words.iter().filter(|_| random.percent(60)).collect();
        let kind = *random.pick(&["probed", "probed", "repeatable", "blind"]);
        let mut entry =
            json!({"type": "sim", "address": number.to_string(), "when": when, "simKind": kind});
        if random.percent(30) {
            entry["simSlowMs"] = json!(random.between(10..=4_000));
        }
        match random.between(0..=99) {
            0..=9 => entry["simAnswer"] = json!("reject"),
            10..=24 if kind != "blind" => entry["simBusy"] = json!(random.between(1..=3)),
            25..=34 => entry["simSilent"] = json!(1),
            35..=39 => entry["simLate"] = json!(true),
            _ => {}
        }
        entries.push(entry);
    }
    entries.into()
}

fn ids(pipelines: &[Map]) -> Vec<String> {
    pipelines
        .iter()
        .filter_map(|pipeline| pipeline.get("id")?.as_str().map(str::to_owned))
        .collect()
}

fn pipeline(id: &str, stages: u64, children: &[String], random: &mut Random) -> Map {
    let stages: Vec<Value> = (1..=stages)
        .map(|number| stage(number, children, random))
        .collect();
    let evaluator = *random.pick(&["v3", "v4"]);
    let mut pipeline = object(json!({
        "id": id, "name": name_of(id), "application": APPLICATION, "spelEvaluator": evaluator, "stages": stages,
    }));
    if random.percent(35) {
        limit(&mut pipeline, random);
    }
    if random.percent(40) {
        let words = ["pipeline.starting", "pipeline.complete", "pipeline.failed"];
        pipeline.insert("notifications".to_owned(), notifications(&words, random));
    }
    pipeline
}

fn name_of(id: &str) -> String {
    format!("{id} pipeline")
}

fn limit(pipeline: &mut Map, random: &mut Random) {
    let (key, limit) = if random.percent(60) {
        ("limitConcurrent", json!(true))
    } else {
        ("maxConcurrentExecutions", json!(random.between(1..=2)))
    };
    pipeline.insert(key.to_owned(), limit);
    let keeps = json!(random.percent(50));
    pipeline.insert("keepWaitingPipelines".to_owned(), keeps);
}

fn stage(number: u64, children: &[String], random: &mut Random) -> Value {
    let mut stage = kind(number, children, random);
    stage.insert("refId".to_owned(), json!(number.to_string()));
    stage.insert("name".to_owned(), json!(format!("stage {number}")));
    stage.insert(
        "requisiteStageRefIds".to_owned(),
        json!(requisites(number, random)),
    );
    match random.between(0..=99) {
        0..=7 => {
            stage.insert("failPipeline".to_owned(), json!(false));
            stage.insert(
                "completeOtherBranchesThenFail".to_owned(),
                json!(random.percent(50)),
            );
        }
        // Most failures are ignored, so that pipelines get far.
        8..=69 => {
            stage.insert("failPipeline".to_owned(), json!(false));
            stage.insert("continuePipeline".to_owned(), json!(true));
        }
        _ => {}
    }
    if random.percent(10) {
        stage.insert(
            "stageTimeoutMs".to_owned(),
            json!(random.between(500..=15_000)),
        );
        if random.percent(20) {
            stage.insert("markSuccessfulOnTimeout".to_owned(), json!(true));
        }
    }
    if random.percent(15) {
        let retry = json!({"max": random.between(1..=2), "backoffMs": random.between(0..=5_000)});
        stage.insert("retry".to_owned(), retry);
    }
    if random.percent(12) {
        let words = [
            "stage.starting",
            "stage.complete",
            "stage.failed",
            "manualJudgment",
            "manualJudgmentContinue",
            "manualJudgmentStop",
        ];
        stage.insert("sendNotifications".to_owned(), json!(true));
        stage.insert("notifications".to_owned(), notifications(&words, random));
    }
    if random.percent(30) {
        stage.insert("zone".to_owned(), json!(random.pick(&ZONES)));
    }
    if random.percent(5) {
        window(&mut stage, random);
    }
    if random.percent(12) {
        let (expression, text) = address(random);
        stage.insert("comments".to_owned(), json!(expression));
        stage.insert("simRead".to_owned(), json!(text));
    }
    if random.percent(5) {
        large(&mut stage, random);
    }
    Value::Object(stage)
}

/// Values that lie apart from everything else, and an expression that takes one over.
fn large(stage: &mut Map, random: &mut Random) {
    let word = random.between(100_000..=999_999);
    let length = usize::try_from(random.between(70_000..=300_000)).unwrap_or_default();
    let text = format!("{word} ").repeat(length / 7);
    stage.insert("simLargeLength".to_owned(), json!("${simLarge.length()}"));
    stage.insert("simLarge".to_owned(), json!(text));
}

/// An execution window: most open soon (a run begins 40 s past midnight), some are open, some open hours later, so that a person
/// has to say that it is not waited for. Read by [`crate::watch`].
fn window(stage: &mut Map, random: &mut Random) {
    let (zone, ahead) = *random.pick(&[("UTC", 0), ("Asia/Tokyo", 9)]);
    let (from, to, waits) = match random.between(0..=99) {
        0..=59 => ((0, 1), (0, 59), false),
        60..=69 => ((0, 2), (0, 59), false),
        70..=84 => ((0, 0), (0, 59), false),
        _ => ((5, 0), (6, 0), true),
    };
    let mut window = json!({"timeZone": zone, "whitelist": [
        {"startHour": from.0 + ahead, "startMin": from.1, "endHour": to.0 + ahead, "endMin": to.1}]});
    if random.percent(20) {
        window["jitter"] = json!({"enabled": true, "minDelay": 0, "maxDelay": 5});
    }
    stage.insert("restrictExecutionDuringTimeWindow".to_owned(), json!(true));
    stage.insert("restrictedExecutionWindow".to_owned(), window);
    stage.insert("simHoursAhead".to_owned(), json!(ahead));
    if waits {
        stage.insert("simWindowSkip".to_owned(), json!(true));
    }
}

/// An expression that reads an address, or one that stands at another, and what comes of it. Read by [`crate::tasks`].
fn address(random: &mut Random) -> (String, String) {
    let slow_ms = random.between(0..=3_000);
    let word = random.between(0..=99);
    let url = format!("http://outside.invalid/{word}?slow={slow_ms}");
    let missing = format!("${{#fromUrl('{url}&missing')}}");
    match random.between(0..=9) {
        0 => (missing.clone(), missing),
        1..=3 => (
            format!("${{#fromUrl(#fromUrl('{url}&next'))}}"),
            format!("text of {url}"),
        ),
        _ => (format!("${{#fromUrl('{url}')}}"), format!("text of {url}")),
    }
}

/// Mostly the stage before, often a fan-out or a join, sometimes a second beginning.
fn requisites(number: u64, random: &mut Random) -> Vec<String> {
    if number == 1 || random.percent(8) {
        return Vec::new();
    }
    let mut chosen = std::collections::BTreeSet::new();
    let joins = if random.percent(70) {
        1
    } else {
        random.between(2..=3)
    };
    for _ in 0..joins {
        chosen.insert(number - random.between(1..=(number - 1).min(4)));
    }
    chosen
        .into_iter()
        .map(|number| number.to_string())
        .collect()
}

fn kind(number: u64, children: &[String], random: &mut Random) -> Map {
    object(match random.between(0..=99) {
        0..=19 => remote_noop(random),
        20..=22 => json!({"type": "noop"}),
        23..=64 => webhook(random),
        65..=76 => {
            json!({"type": "wait", "waitTime": random.between(0..=6), "simSkip": random.percent(30)})
        }
        77..=83 => {
            json!({"type": "manualJudgment", "simJudgment": if random.percent(80) { "continue" } else { "stop" }})
        }
        84..=88 if number > 1 => {
            let name = format!("stage {}", random.between(1..=number - 1));
            let status = random.pick(&["SUCCEEDED", "SUCCEEDED", "SKIPPED", "FAILED_CONTINUE"]);
            json!({"type": "checkPreconditions", "preconditions": [
                {"type": "stageStatus", "context": {"stageName": name, "stageStatus": status}},
            ]})
        }
        89..=91 if !children.is_empty() => several(children, random),
        92..=97 if !children.is_empty() => {
            json!({"type": "pipeline", "application": APPLICATION, "pipeline": random.pick(children), "waitForCompletion": random.percent(80)})
        }
        98 if random.percent(30) => json!({"type": "nobodyKnowsThis"}),
        _ => remote_noop(random),
    })
}

/// Some of the earlier pipelines, each perhaps behind one before it.
fn several(children: &[String], random: &mut Random) -> Value {
    let mut entries = Map::new();
    for number in 0..random.between(1..=4) {
        let child: &String = random.pick(children);
        let mut entry = object(json!({
            "child_pipeline": name_of(child), "arguments": {"number": number},
        }));
        if number > 0 && random.percent(40) {
            let above = random.between(0..=number - 1);
            entry.insert("depends_on".to_owned(), json!([format!("app{above}")]));
        }
        entries.insert(format!("app{number}"), entry.into());
    }
    json!({"type": "runMultiplePipelines", "yamlConfig": [{"bundle_web": entries}], "ignoreUncompleted": random.percent(40)})
}

/// Read by the task in [`crate::tasks`].
fn remote_noop(random: &mut Random) -> Value {
    let mut stage = json!({"type": "noop", "pool": "notify"});
    if random.percent(30) {
        stage["simSlowMs"] = json!(random.between(10..=4_000));
    }
    match random.between(0..=99) {
        0..=7 => stage["simAnswer"] = json!("reject"),
        8..=19 => stage["simBusy"] = json!(random.between(1..=3)),
        _ => {}
    }
    stage
}

/// Read by the task in [`crate::tasks`] and by [`crate::outside`].
fn webhook(random: &mut Random) -> Value {
    let kind = *random.pick(&["probed", "probed", "repeatable", "blind"]);
    let mut stage = json!({"type": "webhook", "url": "http://outside.invalid/", "method": "POST", "simKind": kind});
    if random.percent(40) {
        stage["simSlowMs"] = json!(random.between(10..=4_000));
    }
    if random.percent(40) {
        stage["simThinkMs"] = json!(random.between(100..=6_000));
    }
    match random.between(0..=99) {
        0..=5 => stage["simAnswer"] = json!("reject"),
        6..=13 if kind != "blind" => stage["simBusy"] = json!(random.between(1..=3)),
        14..=20 => stage["simSilent"] = json!(1),
        21..=25 => stage["simLate"] = json!(true),
        _ => {}
    }
    if random.percent(40) {
        stage["cancelEndpoint"] = json!("http://outside.invalid/cancel");
    }
    stage
}

fn object(value: Value) -> Map {
    match value {
        Value::Object(map) => map,
        other => unreachable!("{other} is written as an object"),
    }
}
