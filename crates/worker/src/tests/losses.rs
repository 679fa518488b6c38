use std::time::Duration;

use gennaker_model::work::{Outcome, TaskMessage};
use serde_json::json;

use super::basics::with;
use super::world::{World, message};
use crate::testing::error;

#[tokio::test(start_paused = true)]
async fn what_was_done_before_a_kill_is_found_and_adopted() {
    let world = World::with_owner().await;
    killed_after_its_call(&world, "probe").await;
    let _second = world.work("second");
    world.settled(1).await;
    assert_eq!(world.calls(), 1);
    assert!(matches!(world.outcomes()[0], Outcome::Succeeded { .. }));
    assert!(world.outside().stopped.is_empty());
    // Minutes later the target is asked once more, and still has only what was adopted.
    world.clock.sleep(Duration::from_secs(300)).await;
    assert!(world.outside().stopped.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_repeated_is_not() {
    let world = World::with_owner().await;
    killed_after_its_call(&world, "blind").await;
    let _second = world.work("second");
    world.settled(1).await;
    assert_eq!(world.calls(), 1);
    let said = error(&world.outcomes()[0]);
    assert!(said.contains("may have been carried out"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_may_be_repeated_is() {
    let world = World::with_owner().await;
    killed_after_its_call(&world, "repeatable").await;
    // The second worker's call does not hang.
    world.outside().there.clear();
    let _second = world.work("second");
    world
        .until("the second call arrives", || world.calls() == 2)
        .await;
    let gap_ms = world.elapsed_ms();
    assert!(
        gap_ms >= 30_000,
        "not before the first worker's call was surely over: {gap_ms} ms"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_not_done_before_a_kill_is_done_once() {
    let world = World::with_owner().await;
    let first = world.work("first");
    world
        .dispatch(&with(&message("a", 1), json!({"idleMs": 3_000})))
        .await;
    world.intended().await;
    world.kill(first);
    let _second = world.work("second");
    world.settled(1).await;
    assert_eq!(world.outside().calls.len(), 1);
    assert!(world.outside().calls[0].starts_with("second "));
    assert!(world.elapsed_ms() < 60_000, "{} ms", world.elapsed_ms());
}

#[tokio::test(start_paused = true)]
async fn a_target_that_does_not_answer_fails_the_task_in_words() {
    let world = World::with_owner().await;
    killed_after_its_call(&world, "probe").await;
    world.outside().silent = true;
    let _second = world.work("second");
    world.settled(1).await;
    let said = error(&world.outcomes()[0]);
    assert!(said.contains("the target is down"), "{said}");
    assert_eq!(world.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_is_looked_for() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    // It arrives, and the answer takes longer than the call may.
    world
        .dispatch(&with(&message("a", 1), json!({"afterMs": 60_000})))
        .await;
    world.settled(1).await;
    assert_eq!(world.calls(), 1);
    assert!(matches!(world.outcomes()[0], Outcome::Succeeded { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_cut_off_does_not_do_it_twice() {
    let world = World::with_owner().await;
    let _first = world.work("first");
    world
        .dispatch(&with(
            &message("a", 1),
            json!({"beforeMs": 2_000, "afterMs": 1_000}),
        ))
        .await;
    world.intended().await;
    world.broker.partition("first");
    let _second = world.work("second");
    world.settled(1).await;
    assert_eq!(world.calls(), 1);
    let reports = world.reports.lock().unwrap().clone();
    assert_eq!(reports[0].worker, "second");
    world.broker.heal("first");
    world.clock.sleep(Duration::from_secs(60)).await;
    assert!(
        world.outside().stopped.is_empty(),
        "both know the same build"
    );
    assert_eq!((world.calls(), world.outcomes().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_arrives_late_is_found_minutes_later_and_stopped() {
    let world = World::with_owner().await;
    let first = world.work("first");
    world
        .dispatch(&with(&message("a", 1), json!({"idleMs": 3_000})))
        .await;
    world.intended().await;
    world.kill(first);
    let _second = world.work("second");
    world.settled(1).await;
    // A call of the first worker, which was suspended between its check and its call.
    let effect = message("a", 1).effect.unwrap().to_string();
    world.outside().there.insert(effect, "first/late".into());
    world
        .until("the stray one is stopped", || {
            !world.outside().stopped.is_empty()
        })
        .await;
    assert_eq!(world.outside().stopped, ["first/late"]);
}

#[tokio::test(start_paused = true)]
async fn without_an_owner_the_result_is_kept_and_the_slot_is_free() {
    let world = World::new().await;
    let _worker = world.work_in("w", None, 1);
    world.dispatch(&message("a", 1)).await;
    world.dispatch(&message("b", 2)).await;
    world
        .until("both ran, though there is one slot", || world.calls() == 2)
        .await;
    world.clock.sleep(Duration::from_secs(120)).await;
    assert_eq!(
        (world.calls(), world.queued()),
        (2, 2),
        "kept, and not delivered again"
    );
    world.own().await;
    world.settled(2).await;
    assert_eq!(world.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_was_not_told_before_a_kill_is_told_by_another() {
    let world = World::new().await;
    let first = world.work("first");
    world
        .dispatch(&TaskMessage {
            kind: "blind".into(),
            ..message("a", 1)
        })
        .await;
    world
        .until("the result is written", || {
            world.ledger().contains(r#""is":"done""#)
        })
        .await;
    world.kill(first);
    world.own().await;
    let _second = world.work("second");
    world.settled(1).await;
    assert_eq!(world.calls(), 1);
    assert!(matches!(world.outcomes()[0], Outcome::Succeeded { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_task_is_told_again_and_not_run() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    world.dispatch(&message("a", 1)).await;
    world.settled(1).await;
    // Stale, as after a lost acknowledgement; and a new attempt at the same effect.
    world.publish(&message("a", 1)).await;
    world
        .until("the stale one is acknowledged", || world.queued() == 0)
        .await;
    world.dispatch(&message("a", 2)).await;
    world.settled(2).await;
    assert_eq!(world.calls(), 1);
    assert_eq!(world.outcomes()[0], world.outcomes()[1]);
}

#[tokio::test(start_paused = true)]
async fn two_workers_with_one_effect_do_it_once() {
    let world = World::with_owner().await;
    let _first = world.work("first");
    let _second = world.work("second");
    for attempt in 1..=6 {
        world
            .dispatch(&with(&message("a", attempt), json!({"beforeMs": 1_000})))
            .await;
    }
    world.settled(6).await;
    assert_eq!(world.calls(), 1);
}

/// A worker whose call arrives and who is killed before it learns the answer.
async fn killed_after_its_call(world: &World, kind: &str) {
    let first = world.work("first");
    let base = TaskMessage {
        kind: kind.into(),
        ..message("a", 1)
    };
    world.dispatch(&with(&base, json!({"afterMs": 500}))).await;
    world.until("the call arrives", || world.calls() == 1).await;
    world.kill(first);
}
