use std::time::Duration;

use gennaker_bus::subject;
use gennaker_model::{
    AttemptId,
    work::{Heartbeat, Order, Outcome, TaskMessage},
};
use serde_json::json;

use super::world::{START_MS, World, message};
use crate::testing::error;

#[tokio::test(start_paused = true)]
async fn a_task_is_run_reported_and_acknowledged() {
    let world = World::with_owner().await;
    let worker = world.work("w");
    for (attempt, kind) in ["plain", "probe", "repeatable", "blind"]
        .into_iter()
        .enumerate()
    {
        let attempt = u64::try_from(attempt).unwrap();
        world
            .dispatch(&TaskMessage {
                kind: kind.into(),
                ..message(kind, attempt)
            })
            .await;
    }
    world.settled(4).await;
    assert_eq!(world.calls(), 4);
    assert!(
        world
            .outcomes()
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Succeeded { .. }))
    );
    assert!(world.elapsed_ms() < 2_000, "{} ms", world.elapsed_ms());
    assert!(worker.stop().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn failures_keep_their_class() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    for (attempt, kind) in [(1, "plain"), (2, "probe")] {
        let base = TaskMessage {
            kind: kind.into(),
            ..message(kind, attempt)
        };
        world
            .dispatch(&with(&base, json!({"fail": "giveUp"})))
            .await;
    }
    world.settled(2).await;
    for outcome in world.outcomes() {
        let Outcome::Failed { exception, .. } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(exception, Some(json!("refused")));
    }
    world
        .dispatch(&with(&message("later", 3), json!({"fail": "later"})))
        .await;
    world.settled(3).await;
    assert!(matches!(
        world.outcomes()[2],
        Outcome::Running {
            again_ms: 10_000,
            ..
        }
    ));
    // The next attempt at the same effect calls again, an old one does not.
    world.dispatch(&message("later", 4)).await;
    world.settled(4).await;
    assert!(matches!(world.outcomes()[3], Outcome::Succeeded { .. }));
    assert_eq!(world.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn nothing_done_try_later_is_reported_again_without_a_call() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    let later = with(&message("later", 3), json!({"fail": "later"}));
    world.dispatch(&later).await;
    world.settled(1).await;
    world.dispatch(&later).await;
    world.settled(2).await;
    assert!(matches!(
        world.outcomes()[1],
        Outcome::Running {
            again_ms: 10_000,
            ..
        }
    ));
    assert_eq!(world.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn long_work_is_not_delivered_twice() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    let _other = world.work("other");
    // Each call takes 12 s, so intents are renewed between and during calls.
    world
        .dispatch(&with(
            &message("long", 1),
            json!({"calls": 8, "beforeMs": 12_000}),
        ))
        .await;
    world.settled(1).await;
    assert_eq!(world.calls(), 8);
    let outside = world.outside();
    let first = outside.calls[0].clone();
    assert!(
        outside.calls.iter().all(|call| *call == first),
        "{:?}",
        outside.calls
    );
    drop(outside);
    assert!(world.elapsed_ms() >= 96_000);
}

#[tokio::test(start_paused = true)]
async fn progress_keeps_a_task_from_being_delivered_again() {
    let world = World::with_owner().await;
    let _worker = world.work_in("w", None, 1);
    let plain = TaskMessage {
        kind: "plain".into(),
        ..message("long", 1)
    };
    world
        .dispatch(&with(&plain, json!({"idleMs": 100_000})))
        .await;
    // The first worker has taken it and has no slot for a second delivery; another one would run it again.
    world.clock.sleep(Duration::from_secs(1)).await;
    let _other = world.work("other");
    world.settled(1).await;
    world.clock.sleep(Duration::from_secs(200)).await;
    assert_eq!(world.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_at_work_is_not_taken_over() {
    let world = World::with_owner().await;
    let (_worker, _other) = (world.work("w"), world.work("other"));
    world
        .dispatch(&with(&message("a", 1), json!({"idleMs": 100_000})))
        .await;
    world.intended().await;
    world
        .dispatch(&with(&message("a", 2), json!({"idleMs": 100_000})))
        .await;
    world.settled(2).await;
    assert_eq!(world.calls(), 1);
    assert!(
        world.elapsed_ms() < 110_000,
        "the second attempt waited for the first: {} ms",
        world.elapsed_ms()
    );
}

#[tokio::test(start_paused = true)]
async fn a_large_result_is_told_whole_and_so_is_a_large_task() {
    let world = World::with_owner().await;
    let blobs = gennaker_store::Blobs::kv(&world.bus);
    let worker = world.work("w");
    for (number, execution) in [(1, "one"), (2, "two")] {
        let input = json!({"size": 2 << 20, "manifests": "m".repeat(3 << 20)});
        let task = with(&message(execution, number), input);
        world.expect(task.attempt);
        let text = serde_json::to_vec(&task).unwrap();
        let payload = blobs.encode(execution, text).await.unwrap();
        assert!(payload.len() < 2_000);
        world.publish_raw(&task, payload).await;
    }
    world.settled(2).await;
    let told = |outcome: &Outcome| match outcome {
        Outcome::Succeeded { context, .. } => context["big"].as_str().unwrap().len(),
        other => panic!("{other:?}"),
    };
    for outcome in world.outcomes() {
        assert_eq!(told(&outcome), 2 << 20);
    }
    // Another worker reports what the ledger has, after the first was killed.
    world.kill(worker);
    let _other = world.work("v");
    world.dispatch(&with(&message("one", 1), json!({}))).await;
    world.settled(3).await;
    assert_eq!(told(&world.outcomes()[2]), 2 << 20);
    assert_eq!(world.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_large_values_are_lost_fails_saying_so() {
    let world = World::with_owner().await;
    let blobs = gennaker_store::Blobs::kv(&world.bus);
    let _worker = world.work("w");
    let task = with(&message("big", 1), json!({"manifests": "m".repeat(70_000)}));
    world.expect(task.attempt);
    let text = serde_json::to_vec(&task).unwrap();
    let payload = blobs.encode("big", text).await.unwrap();
    blobs.forget("big").await.unwrap();
    world.publish_raw(&task, payload).await;
    world.settled(1).await;
    let outcomes = world.outcomes();
    let [
        Outcome::Failed {
            exception: Some(exception),
            ..
        },
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    assert!(exception.to_string().contains("is lost"), "{exception}");
}

#[tokio::test(start_paused = true)]
async fn a_result_that_cannot_be_told_fails_the_task() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    world
        .dispatch(&with(&message("huge", 1), json!({"size": 33 << 20})))
        .await;
    let plain = TaskMessage {
        kind: "plain".into(),
        effect: None,
        ..message("plain", 2)
    };
    world
        .dispatch(&with(&plain, json!({"size": 33 << 20})))
        .await;
    world.settled(2).await;
    for outcome in world.outcomes() {
        let sentence = error(&outcome);
        assert!(
            sentence.contains("cannot be recorded") || sentence.contains("too large"),
            "{sentence}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_like_others() {
    let world = World::with_owner().await;
    let worker = world.work("w");
    let plain = TaskMessage {
        kind: "plain".into(),
        ..message("a", 1)
    };
    world
        .dispatch(&with(&plain, json!({"fail": "panic"})))
        .await;
    let blind = TaskMessage {
        kind: "blind".into(),
        ..message("b", 2)
    };
    world
        .dispatch(&with(&blind, json!({"fail": "panic"})))
        .await;
    world.settled(2).await;
    assert!(
        world
            .outcomes()
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Failed { .. }))
    );
    assert_eq!(world.calls(), 2);
    // What a panicking task did is found by its probe.
    world
        .dispatch(&with(&message("c", 3), json!({"fail": "panic"})))
        .await;
    world.settled(3).await;
    assert!(matches!(world.outcomes()[2], Outcome::Succeeded { .. }));
    assert_eq!(world.calls(), 3);
    assert!(worker.stop().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn the_tenth_delivery_is_not_run() {
    for (order, kind) in [
        (Order::Run, "probe"),
        (Order::Run, "plain"),
        (Order::Close, "probe"),
    ] {
        let world = World::with_owner().await;
        world
            .dispatch(&TaskMessage {
                order,
                kind: kind.into(),
                ..message("a", 1)
            })
            .await;
        world.hand_back(9).await;
        let _worker = world.work("w");
        world.settled(1).await;
        assert_eq!(world.calls(), 0);
        let sentence = match &world.outcomes()[0] {
            failed @ Outcome::Failed { .. } if order == Order::Run => error(failed),
            Outcome::Closed {
                remains: Some(remains),
                ..
            } if order == Order::Close => remains.clone(),
            other => panic!("{other:?}"),
        };
        assert!(sentence.contains("ten times"), "{sentence}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_tenth_delivery_still_tells_what_was_done() {
    let world = World::with_owner().await;
    let worker = world.work("w");
    world.dispatch(&message("a", 1)).await;
    world.settled(1).await;
    worker.stop().await;
    world.dispatch(&message("a", 2)).await;
    world.hand_back(9).await;
    let _worker = world.work("x");
    world.settled(2).await;
    assert_eq!(world.outcomes()[0], world.outcomes()[1]);
}

#[tokio::test(start_paused = true)]
async fn what_the_tenth_delivery_reported_is_not_done_by_a_slow_worker() {
    let world = World::with_owner().await;
    world
        .dispatch(&with(&message("a", 1), json!({"idleMs": 20_000})))
        .await;
    world.hand_back(8).await;
    let _ninth = world.work("ninth");
    world.intended().await;
    world.broker.pause_node("ninth");
    let _tenth = world.work("tenth");
    world
        .until("the tenth is reported", || world.outcomes().len() == 1)
        .await;
    world.broker.resume_node("ninth");
    world.clock.sleep(Duration::from_secs(120)).await;
    assert!(matches!(world.outcomes()[0], Outcome::Failed { .. }));
    assert_eq!(world.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_told_or_given_up() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    let sent = message("a", 1);
    let mut broken = serde_json::to_value(&sent).unwrap();
    broken["order"] = "dance".into();
    world.publish_raw(&message("b", 9), "{oops".into()).await;
    world
        .until("nonsense is given up", || world.queued() == 0)
        .await;
    // Opens the attempt; the message itself is replaced by a broken one.
    let other = TaskMessage {
        attempt: AttemptId(2),
        ..sent.clone()
    };
    world.dispatch(&other).await;
    world.settled(1).await;
    world.publish_raw(&sent, broken.to_string().into()).await;
    world
        .until("the broken task is acknowledged", || world.queued() == 0)
        .await;
    assert_eq!(world.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_kind_waits_for_a_worker_that_knows_it() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    world
        .dispatch(&TaskMessage {
            kind: "fromTheFuture".into(),
            ..message("a", 1)
        })
        .await;
    world.settled(1).await;
    let said = error(&world.outcomes()[0]);
    assert!(said.contains("knows this kind"), "{said}");
    assert!(
        world.elapsed_ms() > 9 * 30_000,
        "it was handed back nine times: {} ms",
        world.elapsed_ms()
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_time_is_over_is_not_started() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    world
        .dispatch(&TaskMessage {
            deadline_ms: Some(START_MS),
            ..message("a", 1)
        })
        .await;
    let plain = TaskMessage {
        kind: "plain".into(),
        deadline_ms: Some(START_MS),
        ..message("b", 2)
    };
    world.dispatch(&plain).await;
    world.settled(2).await;
    assert!(
        world.outcomes().iter().all(|outcome| matches!(
            outcome,
            Outcome::Running {
                again_ms: 1_000,
                ..
            }
        )),
        "the owner decides whether its time is over"
    );
    assert_eq!(world.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_worker_takes_tasks_of_its_zone_and_of_any() {
    let world = World::with_owner().await;
    let _worker = world.work_in("w", Some("a"), 2);
    for (attempt, zone) in [(1, Some("a")), (2, None), (3, Some("b"))] {
        let zone = zone.map(str::to_owned);
        world
            .dispatch(&TaskMessage {
                zone,
                ..message(&format!("e{attempt}"), attempt)
            })
            .await;
    }
    world
        .until("two are done", || world.outcomes().len() == 2)
        .await;
    world.clock.sleep(Duration::from_secs(20)).await;
    assert_eq!((world.outcomes().len(), world.queued()), (2, 1));
    let _other = world.work_in("x", Some("b"), 2);
    world.settled(3).await;
}

#[tokio::test(start_paused = true)]
async fn what_two_zones_can_do_is_done_by_the_one_that_lives() {
    let world = World::with_owner().await;
    let task = |attempt| TaskMessage {
        zone: Some("a+b".to_owned()),
        ..message(&format!("e{attempt}"), attempt)
    };
    let _stranger = world.work_in_sets("z", Some("c"), &["c+d"], 2);
    let first = world.work_in_sets("x", Some("a"), &["a+b"], 2);
    world.dispatch(&task(1)).await;
    world
        .until("it is done in a", || world.outcomes().len() == 1)
        .await;
    world.kill(first);
    let _second = world.work_in_sets("y", Some("b"), &["a+b"], 2);
    world.dispatch(&task(2)).await;
    world
        .until("it is done in b", || world.outcomes().len() == 2)
        .await;
}

#[tokio::test(start_paused = true)]
async fn held_attempts_are_told_every_few_seconds() {
    let world = World::with_owner().await;
    let mut heartbeats = world.bus.subscribe(subject::heartbeat(3)).await.unwrap();
    let _worker = world.work_in("w", Some("a"), 2);
    world
        .dispatch(&with(&message("a", 1), json!({"idleMs": 17_000})))
        .await;
    let mut heard = 0;
    while let Ok(Some((_, payload))) =
        tokio::time::timeout(Duration::from_secs(12), heartbeats.next()).await
    {
        let heartbeat: Heartbeat = serde_json::from_slice(&payload).unwrap();
        assert_eq!(
            (heartbeat.worker.as_str(), heartbeat.zone.as_deref()),
            ("w", Some("a"))
        );
        assert_eq!(heartbeat.holds, [(message("a", 1).execution, AttemptId(1))]);
        heard += 1;
    }
    assert_eq!(heard, 3, "at 5, 10 and 15 s");
    world.settled(1).await;
}

#[tokio::test(start_paused = true)]
async fn stopping_hands_back_what_was_not_begun_and_ends() {
    let world = World::with_owner().await;
    let worker = world.work_in("w", None, 1);
    world
        .dispatch(&with(&message("a", 1), json!({"idleMs": 1_000})))
        .await;
    world.intended().await;
    world.clock.sleep(Duration::from_millis(200)).await;
    let report = worker.stop().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(world.calls(), 0);
    let before = world.clock.now_ms();
    let _other = world.work("x");
    world.settled(1).await;
    assert_eq!(world.calls(), 1);
    assert!(
        world.clock.now_ms() - before < 10_000,
        "nobody had to wait for the first worker's heartbeat"
    );
}

pub(super) fn with(message: &TaskMessage, input: serde_json::Value) -> TaskMessage {
    TaskMessage {
        input: input.as_object().unwrap().clone(),
        ..message.clone()
    }
}
