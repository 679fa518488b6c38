//! Workers die and messages are lost, late and doubled, at moments drawn from a seed.

use std::{collections::BTreeMap, time::Duration};

use gennaker_bus::memory::Faults;
use gennaker_model::work::{Outcome, TaskMessage};
use gennaker_runtime::Backoff;
use serde_json::json;

use super::basics::with;
use super::world::{World, message};

const SEEDS: u64 = 24;
const TASKS: u64 = 24;

#[tokio::test(start_paused = true)]
async fn every_task_is_reported_and_no_effect_happens_twice() {
    for seed in 0..SEEDS {
        let world = World::seeded(seed).await;
        world.own().await;
        let mut moments = Backoff::new(Duration::from_secs(6), Duration::from_secs(6), seed);
        let mut millis = || u64::try_from(moments.next_delay().as_millis()).unwrap();
        for attempt in 0..TASKS {
            let kind = ["probe", "blind", "repeatable"][usize::try_from(attempt % 3).unwrap()];
            let task = TaskMessage {
                kind: kind.into(),
                ..message(&format!("e{attempt}"), attempt)
            };
            let input =
                json!({"idleMs": millis(), "beforeMs": millis() / 2, "afterMs": millis() / 2});
            world.dispatch(&with(&task, input)).await;
        }
        world.broker.set_faults(Faults {
            drop: 0.02,
            duplicate: 0.05,
            reorder: 0.05,
            delay_ms: 0..=20,
            append_lost: 0.02,
            ack_lost: 0.02,
            lag_ms: 0,
        });
        for life in 0..6 {
            let doomed = world.work(&format!("doomed{life}"));
            world.clock.sleep(Duration::from_millis(2 * millis())).await;
            world.kill(doomed);
        }
        let _survivor = world.work("survivor");
        let everything = usize::try_from(TASKS).unwrap();
        world
            .until(&format!("everything is reported, seed {seed}"), || {
                world.outcomes().len() == everything && world.queued() == 0
            })
            .await;
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        for call in &world.outside().calls {
            let effect = call.split_once(' ').unwrap().1;
            *calls.entry(effect.to_owned()).or_default() += 1;
        }
        for report in world.reports.lock().unwrap().iter() {
            let kind = report.attempt.0 % 3;
            let effect = message(report.execution.as_str(), 0).effect.unwrap();
            let happened = calls.get(effect.as_str()).copied().unwrap_or(0);
            let succeeded = matches!(report.outcome, Outcome::Succeeded { .. });
            match kind {
                0 => assert_eq!((happened, succeeded), (1, true), "seed {seed}: {report:?}"),
                1 => assert!(
                    happened <= 1 && (happened == 1 || !succeeded),
                    "seed {seed}: {report:?}"
                ),
                _ => assert!(happened >= 1 && succeeded, "seed {seed}: {report:?}"),
            }
        }
        assert!(world.outside().stopped.is_empty(), "seed {seed}");
    }
}
