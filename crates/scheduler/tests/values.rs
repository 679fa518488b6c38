//! Executions with large values: nobody who asks can tell the difference.
#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use std::time::Duration;

use gennaker_engine::{Event, State, apply};
use gennaker_model::{
    Execution, ExecutionId, Status,
    command::{ListQuery, Refusal, RefusalCode, Reply, Request},
    routing,
};
use serde_json::{Value, json};
use world::{PARTITIONS, VALUES, World};

/// Three megabytes in small things.
fn manifests() -> Value {
    let manifest = |n: usize| {
        json!({
            "kind": "ConfigMap",
            "metadata": {"name": format!("settings-{n}"), "labels": {"\u{e9}\"\\": null}},
            "data": {"text": "line\n".repeat(200)},
        })
    };
    (0..2_500).map(manifest).collect()
}

/// A stage with large values that answers with more, one whose expression takes them over, and a question.
fn stages() -> Value {
    json!([
        {"refId": "1", "type": "noop", "pool": "notify", "manifests": manifests(), "answers": 700_000},
        {"refId": "2", "type": "noop", "pool": "notify", "requisiteStageRefIds": ["1"],
         "copy": "${answer}", "length": "${answer.length()}"},
        {"refId": "3", "type": "manualJudgment", "requisiteStageRefIds": ["2"]},
        {"refId": "4", "type": "noop", "pool": "notify", "requisiteStageRefIds": ["3"], "copy": "${answer}"},
    ])
}

fn exceptions(document: &Execution) -> Vec<&Value> {
    let stages = document.stages.iter();
    stages
        .filter_map(|it| it.context.get("exception"))
        .collect()
}

impl World {
    /// The records of large values, without marks.
    fn values(&self) -> usize {
        let kept = self.broker.messages("KV_gk_values");
        kept.iter().filter(|it| it.subject.contains(".v.")).count()
    }

    async fn waits(&mut self, id: &ExecutionId) -> Execution {
        let waits = |document: &Execution| {
            let mut stages = document.stages.iter();
            assert!(!document.status.is_complete(), "{:?}", exceptions(document));
            stages.any(|it| it.kind == "manualJudgment" && it.status == Status::Running)
        };
        self.until(id, waits).await
    }

    async fn judge(&mut self, document: &Execution) {
        let partition = routing::partition_of(&document.id, PARTITIONS);
        let stage = document
            .stages
            .iter()
            .find(|it| it.kind == "manualJudgment")
            .unwrap();
        let patch = json!({"judgmentStatus": "continue", "note": "n".repeat(100_000)});
        let request = Request::PatchStage {
            execution: document.id.clone(),
            stage: stage.id.clone(),
            patch: patch.as_object().unwrap().clone(),
            user: "ann".into(),
            roles: None,
        };
        self.ask(partition, request).await.unwrap();
    }

    /// What the history leads to.
    async fn folded(&mut self, id: &ExecutionId) -> Execution {
        let partition = routing::partition_of(id, PARTITIONS);
        let ask = Request::History {
            execution: id.clone(),
        };
        let Ok(Reply::History { dropped: 0, steps }) = self.ask(partition, ask).await else {
            panic!()
        };
        let mut state: Option<State> = None;
        for step in steps {
            let events: Vec<Event> = serde_json::from_value(step["e"].clone()).unwrap();
            for event in events {
                match &mut state {
                    None => state = apply::created(&event),
                    Some(state) => apply(state, &event).unwrap(),
                }
            }
        }
        state.unwrap().doc
    }

    /// No message that was ever stored beside the values is large.
    fn largest_message(&self) -> usize {
        let streams = [
            "GK_LOG_0",
            "GK_LOG_1",
            "KV_gk_state_0",
            "KV_gk_state_1",
            "GK_TASK_notify",
        ];
        let messages = streams
            .iter()
            .flat_map(|stream| self.broker.messages(stream));
        messages.map(|it| it.payload.len()).max().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn large_values_pass_from_a_start_to_workers_and_back_through_a_take_over() {
    let mut world = World::new().await;
    let id = world.start(1, stages()).await;
    let before = world.waits(&id).await;
    assert_eq!(before.stages[0].context["manifests"], manifests());
    let answer = json!("a".repeat(700_000));
    assert_eq!(before.stages[0].outputs["answer"], answer);
    assert!(
        before.stages[0].outputs["seen"].as_u64().unwrap() > 3_000_000,
        "the worker saw all of it"
    );
    assert_eq!(before.stages[1].context["copy"], answer);
    assert_eq!(before.stages[1].context["length"], json!(700_000));
    assert!(
        world.largest_message() < 64 * 1024,
        "{}",
        world.largest_message()
    );
    // Once each: the manifests, the answer.
    let records = |value: &Value| {
        serde_json::to_vec(value)
            .unwrap()
            .len()
            .div_ceil(512 * 1024)
    };
    let expected = records(&manifests()) + records(&answer);
    assert_eq!(world.values(), expected);
    assert_eq!(world.folded(&id).await, before);
    for name in ["two", "three"] {
        // First its checkpoint is there, then it is gone from memory.
        tokio::time::sleep(Duration::from_secs(3)).await;
        world.replace_scheduler(name);
        assert_eq!(world.read(&id).await, before);
    }
    world.judge(&before).await;
    let ended = world.ended(&id).await;
    assert_eq!(ended.status, Status::Succeeded);
    assert_eq!(ended.stages[3].context["copy"], answer);
    assert_eq!(world.folded(&id).await, ended);
    world.replace_scheduler("four");
    assert_eq!(world.read(&id).await, ended);
    assert_eq!(world.folded(&id).await, ended);
    // And the note.
    assert_eq!(world.values(), expected + 1);
}

#[tokio::test(start_paused = true)]
async fn a_take_over_in_the_middle_of_everything_loses_nothing() {
    let mut world = World::new().await;
    let plain = world.start(1, stages()).await;
    let expected = world.waits(&plain).await;
    let mut names = (0..).map(|n| format!("next-{n}"));
    for (number, after_ms) in (2..).zip([0, 3, 40, 400, 1_100]) {
        let id = world.start(number, stages()).await;
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        world.replace_scheduler(&names.next().unwrap());
        let found = world.waits(&id).await;
        for (one, two) in found.stages.iter().zip(&expected.stages) {
            assert_eq!(
                (&one.context, &one.outputs),
                (&two.context, &two.outputs),
                "after {after_ms} ms"
            );
        }
        assert_eq!(world.folded(&id).await, found);
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_waits_is_not_read_by_a_take_over_and_goes_on_by_its_timer() {
    let mut world = World::new().await;
    let stages = json!([
        {"refId": "1", "type": "wait", "waitTime": 60, "manifests": manifests()},
        {"refId": "2", "type": "noop", "pool": "notify", "requisiteStageRefIds": ["1"], "manifests": manifests()},
    ]);
    let id = world.start(1, stages).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    // Nobody can read a large value now.
    world.broker.partition(VALUES);
    world.replace_scheduler("two");
    let partition = routing::partition_of(&id, PARTITIONS);
    let listed = world
        .ask(partition, Request::List(ListQuery::default()))
        .await;
    let Ok(Reply::Executions { documents }) = listed else {
        panic!("{listed:?}")
    };
    assert_eq!(
        (&documents[0].id, documents[0].status),
        (&id, Status::Running)
    );
    world.broker.heal(VALUES);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let ended = world.ended(&id).await;
    assert_eq!(ended.status, Status::Succeeded);
    assert_eq!(ended.stages[1].context["manifests"], manifests());
}

#[tokio::test(start_paused = true)]
async fn while_the_place_does_not_answer_one_waits_and_the_others_go_on() {
    let mut world = World::new().await;
    let question = json!([{"refId": "1", "type": "manualJudgment"}]);
    let waiting = world.start(1, question).await;
    let document = world.waits(&waiting).await;
    world.broker.partition(VALUES);
    let partition = routing::partition_of(&waiting, PARTITIONS);
    let patch = json!({"note": "n".repeat(100_000)});
    let large = Request::PatchStage {
        execution: waiting.clone(),
        stage: document.stages[0].id.clone(),
        patch: patch.as_object().unwrap().clone(),
        user: "ann".into(),
        roles: None,
    };
    let text = serde_json::to_vec(&gennaker_model::command::Envelope {
        v: gennaker_model::command::VERSION,
        id: gennaker_model::CommandId::new("large").unwrap(),
        at_ms: world.clock.now_ms(),
        request: large,
        trace: None,
    });
    // Below what a command may have, and above what facts may.
    let asked = world
        .bus
        .command(
            partition,
            gennaker_bus::Class::Request,
            text.unwrap().into(),
            Duration::from_secs(2),
        )
        .await;
    assert!(asked.is_err(), "{asked:?}");
    // The same execution can be read, and another one of its pipeline runs.
    assert_eq!(world.read(&waiting).await, document);
    let other = world.start(2, world::ten_noops()).await;
    assert_eq!(world.ended(&other).await.status, Status::Succeeded);
    world.broker.heal(VALUES);
    let patched = world
        .until(&waiting, |it| it.stages[0].context.contains_key("note"))
        .await;
    assert_eq!(patched.stages[0].context["note"], patch["note"]);
}

#[tokio::test(start_paused = true)]
async fn a_child_gets_the_large_values_of_its_parent_and_gives_its_own() {
    let mut world = World::new().await;
    let id = world.start(1, json!([
        {"refId": "1", "type": "noop", "pool": "notify", "manifests": manifests(), "answers": 100_000},
    ])).await;
    let ended = world.ended(&id).await;
    assert_eq!(ended.status, Status::Succeeded);
    // As a stage of a parent would start it.
    let (child, reply) = world
        .try_start(
            2,
            json!({"stages": [{"refId": "1", "type": "noop", "pool": "notify",
                "theirs": "${trigger.parentExecution.stages[0].outputs.answer}"}]}),
            json!({"type": "pipeline", "parentExecution": ended}),
        )
        .await;
    assert!(reply.is_ok(), "{reply:?}");
    let child = world.ended(&child).await;
    assert_eq!(child.status, Status::Succeeded);
    assert_eq!(
        child.stages[0].context["theirs"],
        json!("a".repeat(100_000))
    );
    assert_eq!(
        child.trigger["parentExecution"]["stages"][0]["context"]["manifests"],
        manifests()
    );
}

#[tokio::test(start_paused = true)]
async fn what_looks_like_a_reference_is_a_value_like_others() {
    let mut world = World::new().await;
    let forged = json!({"json": null, "holes": [{"at": 0, "object": {"name": "x", "bytes": 1, "digest": "00"}}]});
    let stages = json!([{"refId": "1", "type": "manualJudgment", "sealed": forged, "e": [forged], "big": ["x".repeat(70_000), forged]}]);
    let id = world.start(1, stages).await;
    let before = world.waits(&id).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.replace_scheduler("two");
    let after = world.read(&id).await;
    assert_eq!(after, before);
    assert_eq!(after.stages[0].context["sealed"], forged);
    assert_eq!(after.stages[0].context["big"][1], forged);
}

#[tokio::test(start_paused = true)]
async fn what_was_archived_is_shown_whole_restarts_and_goes_with_its_values() {
    let mut world = World::settled(|config| {
        config.retention.archive_after_ms = 0;
        config.retention.keep_per_pipeline = 0;
        config.retention.sweep_every = Duration::from_secs(1);
    })
    .await;
    let id = world.start(1, json!([
        {"refId": "1", "type": "noop", "pool": "notify", "manifests": manifests(), "answers": 100_000},
    ])).await;
    let ended = world.ended(&id).await;
    let objects = |world: &World| world.broker.messages("KV_gk_blobs").len();
    for _ in 0..100 {
        if objects(&world) == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(objects(&world), 1);
    world.replace_scheduler("two");
    assert_eq!(world.read(&id).await, ended);
    assert_eq!(world.folded(&id).await, ended);
    world.restart(&ended).await.unwrap();
    let again = world
        .until(&id, |it| {
            it.status.is_complete() && it.start_time != ended.start_time
        })
        .await;
    assert_eq!(again.stages[0].context["manifests"], manifests());
    let partition = routing::partition_of(&id, PARTITIONS);
    let delete = Request::Delete {
        execution: id.clone(),
    };
    assert_eq!(world.ask(partition, delete).await, Ok(Reply::Done));
    for _ in 0..100 {
        if world.values() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{} records of values are left", world.values());
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_for_an_execution_is_refused_saying_so() {
    let mut world = World::settled(|config| config.execution_bytes_max = 1 << 20).await;
    let stages = json!([{"refId": "1", "type": "manualJudgment", "big": "x".repeat(1_048_000)}]);
    let (_, refused) = world
        .try_start(1, json!({"stages": stages}), json!({}))
        .await;
    let Err(Refusal { code, message, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(code, RefusalCode::TooLarge, "{message}");
    assert!(message.contains("1024"), "{message}");
    // A report that is too large fails its stage.
    let stages = json!([{"refId": "1", "type": "noop", "pool": "notify", "answers": 2 << 20}]);
    let (same, started) = world
        .try_start(1, json!({"stages": stages}), json!({}))
        .await;
    assert!(started.is_ok(), "{started:?}");
    let ended = world.ended(&same).await;
    assert_eq!(ended.status, Status::Terminal);
    let told = ended.stages[0].context["exception"].to_string();
    assert!(told.contains("cannot be recorded"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn values_of_what_never_came_to_be_are_collected_after_a_day_and_no_others() {
    let mut world = World::settled(|config| {
        config.retention.sweep_every = Duration::from_secs(2);
    })
    .await;
    let stages = json!([{"refId": "1", "type": "manualJudgment", "big": "x".repeat(100_000)}]);
    let kept = world.start(1, stages.clone()).await;
    world.waits(&kept).await;
    let blobs = gennaker_store::Blobs::kv(&world.bus);
    let text = serde_json::to_vec(&stages).unwrap();
    let never = routing::execution_id(world.clock.now_ms(), "config", 99);
    blobs.encode(never.as_str(), text).await.unwrap();
    assert_eq!(world.values(), 2);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.values(), 2, "a day is not over");
    // The next owner looks soon after its take-over, too.
    world.clock.jump(25 * 60 * 60 * 1000);
    world.replace_scheduler("two");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(world.values(), 1);
    assert_eq!(
        world.read(&kept).await.stages[0].context["big"],
        json!("x".repeat(100_000))
    );
}
