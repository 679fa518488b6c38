use std::time::Duration;

use gennaker_bus::{memory::Faults, subject};
use gennaker_model::{
    AttemptId,
    work::{Abort, Order, Outcome, TaskMessage},
};
use serde_json::json;

use super::basics::with;
use super::world::{World, message};

#[tokio::test(start_paused = true)]
async fn a_closed_effect_never_happens() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    world.dispatch(&close("a", 2)).await;
    world.settled(1).await;
    assert_eq!(world.outcomes(), [closed(None)]);
    world.dispatch(&message("a", 1)).await;
    world
        .until("the late task is dropped", || world.queued() == 0)
        .await;
    assert_eq!((world.calls(), world.outcomes().len()), (0, 1));
    // A repeated closing answers the same.
    world.dispatch(&close("a", 3)).await;
    world.settled(2).await;
    assert_eq!(world.outcomes()[1], closed(None));
}

#[tokio::test(start_paused = true)]
async fn closing_stops_what_was_started() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    world.dispatch(&message("a", 1)).await;
    world.settled(1).await;
    world.dispatch(&close("a", 2)).await;
    world.settled(2).await;
    assert_eq!(world.outcomes()[1], closed(None));
    assert_eq!(world.outside().stopped, ["w/1"]);
}

#[tokio::test(start_paused = true)]
async fn closing_says_what_it_cannot_stop() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    world
        .dispatch(&TaskMessage {
            kind: "blind".into(),
            ..message("a", 1)
        })
        .await;
    world.settled(1).await;
    world
        .dispatch(&TaskMessage {
            kind: "blind".into(),
            ..close("a", 2)
        })
        .await;
    world.settled(2).await;
    assert_eq!(
        world.outcomes()[1],
        closed(Some("what was sent cannot be taken back"))
    );
    // What failed left nothing to stop.
    let failed = with(
        &TaskMessage {
            kind: "blind".into(),
            ..message("b", 3)
        },
        json!({"fail": "giveUp"}),
    );
    world.dispatch(&failed).await;
    world.settled(3).await;
    world
        .dispatch(&TaskMessage {
            kind: "blind".into(),
            ..close("b", 4)
        })
        .await;
    world.settled(4).await;
    assert_eq!(world.outcomes()[3], closed(None));
}

#[tokio::test(start_paused = true)]
async fn an_abort_before_the_call_leaves_nothing() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    world
        .dispatch(&with(&message("a", 1), json!({"idleMs": 5_000})))
        .await;
    world.intended().await;
    abort(&world, 1).await;
    world.dispatch(&close("a", 2)).await;
    world.settled(2).await;
    assert_eq!(world.calls(), 0);
    assert!(matches!(world.outcomes()[0], Outcome::Canceled { .. }));
    assert_eq!(world.outcomes()[1], closed(None));
    assert!(world.elapsed_ms() < 15_000, "{} ms", world.elapsed_ms());
}

#[tokio::test(start_paused = true)]
async fn what_was_reported_as_cancelled_is_not_done_by_another_delivery() {
    let world = World::with_owner().await;
    let _first = world.work("first");
    world.broker.set_faults(slow());
    world.clock.sleep(Duration::from_secs(6)).await;
    world.dispatch(&message("a", 1)).await;
    // The first worker has the task and reads the ledger, which does not answer; it hears no abort either.
    world.clock.sleep(Duration::from_millis(300)).await;
    world.broker.partition("first");
    let _second = world.work("second");
    while world.outcomes().is_empty() {
        assert!(world.elapsed_ms() < 120_000);
        abort(&world, 1).await;
        world.clock.sleep(Duration::from_millis(50)).await;
    }
    assert!(matches!(world.outcomes()[0], Outcome::Canceled { .. }));
    // The last abort is not on its way any more.
    world.clock.sleep(Duration::from_secs(1)).await;
    world.broker.heal("first");
    world.clock.sleep(Duration::from_secs(60)).await;
    assert_eq!(world.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_abort_during_the_call_waits_for_its_answer() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    world
        .dispatch(&with(&message("a", 1), json!({"afterMs": 5_000})))
        .await;
    world.until("the call arrives", || world.calls() == 1).await;
    abort(&world, 1).await;
    world.dispatch(&close("a", 2)).await;
    world.settled(2).await;
    assert!(matches!(world.outcomes()[0], Outcome::Succeeded { .. }));
    assert_eq!(world.outcomes()[1], closed(None));
    assert_eq!(world.outside().stopped, ["w/1"]);
}

#[tokio::test(start_paused = true)]
async fn an_abort_between_two_calls_leaves_nothing_unnoticed() {
    for (kind, expected, stopped) in [
        ("probe", closed(None), 1),
        (
            "blind",
            closed(Some("what was sent cannot be taken back")),
            0,
        ),
    ] {
        let world = World::with_owner().await;
        let _worker = world.work("w");
        let base = TaskMessage {
            kind: kind.into(),
            ..message("a", 1)
        };
        world
            .dispatch(&with(&base, json!({"calls": 2, "afterMs": 2_000})))
            .await;
        world
            .until("the first call arrives", || world.calls() == 1)
            .await;
        abort(&world, 1).await;
        world
            .dispatch(&TaskMessage {
                kind: kind.into(),
                ..close("a", 2)
            })
            .await;
        world.settled(2).await;
        assert_eq!(world.calls(), 1, "{kind}");
        assert_eq!(world.outcomes()[1], expected, "{kind}");
        assert_eq!(world.outside().stopped.len(), stopped, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn closing_after_a_kill_looks_and_stops() {
    for (kind, arrives, expected, stopped) in [
        ("probe", true, closed(None), vec!["first/1".to_owned()]),
        ("probe", false, closed(None), vec![]),
        (
            "blind",
            true,
            closed(Some("what was sent cannot be taken back")),
            vec![],
        ),
    ] {
        let world = World::with_owner().await;
        let first = world.work("first");
        let base = TaskMessage {
            kind: kind.into(),
            ..message("a", 1)
        };
        let input = if arrives {
            json!({"afterMs": 500})
        } else {
            json!({"idleMs": 5_000})
        };
        world.dispatch(&with(&base, input)).await;
        world.intended().await;
        if arrives {
            world.until("the call arrives", || world.calls() == 1).await;
        }
        world.kill(first);
        world
            .dispatch(&TaskMessage {
                kind: kind.into(),
                ..close("a", 2)
            })
            .await;
        let _second = world.work("second");
        world.settled(1).await;
        assert_eq!(world.outcomes(), [expected], "{kind} {arrives}");
        assert_eq!(world.outside().stopped, stopped, "{kind} {arrives}");
        assert_eq!(world.calls(), usize::from(arrives));
    }
}

#[tokio::test(start_paused = true)]
async fn closing_and_running_race_to_one_end() {
    // The closing comes at any moment of the run; whatever wins, a call that happened was stopped.
    for delay_ms in (0..4_000).step_by(250) {
        let world = World::with_owner().await;
        let _first = world.work("first");
        let _second = world.work("second");
        world
            .dispatch(&with(
                &message("a", 1),
                json!({"idleMs": 1_000, "beforeMs": 500, "afterMs": 500}),
            ))
            .await;
        world.clock.sleep(Duration::from_millis(delay_ms)).await;
        abort(&world, 1).await;
        world.dispatch(&close("a", 2)).await;
        world
            .until("the closing is reported and nothing is left", || {
                let is_closed =
                    |outcome: &Outcome| matches!(outcome, Outcome::Closed { remains: None, .. });
                world.queued() == 0 && world.outcomes().iter().any(is_closed)
            })
            .await;
        assert!(world.calls() <= 1);
        let outside = world.outside();
        assert!(outside.there.is_empty(), "after {delay_ms} ms");
        assert_eq!(outside.stopped.len(), outside.calls.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_without_effect_is_closed_at_once_and_cancelled_by_an_abort() {
    let world = World::with_owner().await;
    let _worker = world.work("w");
    let plain = TaskMessage {
        kind: "plain".into(),
        effect: None,
        ..message("a", 1)
    };
    world
        .dispatch(&TaskMessage {
            order: Order::Close,
            attempt: AttemptId(2),
            ..plain.clone()
        })
        .await;
    world.settled(1).await;
    assert_eq!(world.outcomes(), [closed(None)]);
    world
        .dispatch(&with(&plain, json!({"idleMs": 5_000})))
        .await;
    world.clock.sleep(Duration::from_millis(500)).await;
    abort(&world, 1).await;
    world.settled(2).await;
    assert!(matches!(world.outcomes()[1], Outcome::Canceled { .. }));
    assert_eq!(world.calls(), 0);
}

fn close(execution: &str, attempt: u64) -> TaskMessage {
    TaskMessage {
        order: Order::Close,
        ..message(execution, attempt)
    }
}

fn closed(remains: Option<&str>) -> Outcome {
    Outcome::Closed {
        remains: remains.map(str::to_owned),
        context: gennaker_model::Map::new(),
    }
}

async fn abort(world: &World, attempt: u64) {
    let abort = Abort {
        execution: message("a", 1).execution,
        attempt: AttemptId(attempt),
    };
    let payload = serde_json::to_vec(&abort).unwrap().into();
    world
        .bus
        .publish(subject::abort("notify", None), payload)
        .await
        .unwrap();
}

/// Every message takes so long that a worker can be met between two steps.
fn slow() -> Faults {
    Faults {
        delay_ms: 300..=300,
        ..Faults::default()
    }
}
