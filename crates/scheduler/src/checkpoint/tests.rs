use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use gennaker_bus::{
    Appended, Bucket, Bus, Layout,
    memory::{Broker, Faults},
};
use gennaker_engine::State;
use gennaker_model::{Execution, ExecutionId, Status};
use gennaker_store::{Archive, Blobs};
use serde_json::{Value, json};

use super::{
    Brief, Moved, Records, SaveError, Saved, brief_of, erase, header_key, load, move_out, save,
    shown,
};
use crate::{
    history::{self, Tail},
    ownership::Ownership,
    record::Key,
};

struct World {
    broker: Broker,
    bus: Bus,
    records: Records,
    id: ExecutionId,
}

impl World {
    async fn new() -> Self {
        let broker = Broker::new(1);
        let bus = Bus::memory(&broker, "scheduler");
        bus.bootstrap(&Layout::default()).await.unwrap();
        // Every message takes a millisecond, so that each write can be cut off.
        broker.set_faults(Faults {
            delay_ms: 1..=1,
            ..Faults::default()
        });
        let records = Records {
            kv: bus.kv(Bucket::State(0)),
            archive: Archive::kv(&bus),
            blobs: Blobs::kv(&bus),
        };
        Self {
            broker,
            bus,
            records,
            id: ExecutionId::new("01J").unwrap(),
        }
    }

    /// An owner that takes the partition over now.
    async fn owner(&self, nonce: &str) -> Ownership {
        let log = self.bus.log(0);
        let last = log.last().await.unwrap().map_or(0, |entry| entry.sequence);
        let mark = Bytes::from_static(b"{}");
        let appended = log.append(last, &format!("{nonce}-0"), mark).await.unwrap();
        let Appended::Committed(epoch) = appended else {
            panic!("{appended:?}");
        };
        Ownership {
            log,
            nonce: nonce.to_owned(),
            epoch,
        }
    }

    async fn save(&self, owner: &Ownership, state: &(State, Tail), known: &Saved) -> Saved {
        let sequence = owner.epoch + 1;
        save(
            &self.records,
            &self.id,
            Some(state),
            owner.epoch,
            sequence,
            known,
        )
        .await
        .unwrap()
    }

    async fn loaded(&self) -> ((State, Tail), Saved) {
        let loaded = load(&self.records, &self.id).await.unwrap().unwrap();
        ((loaded.state.unwrap(), loaded.tail), loaded.saved)
    }

    /// What is read is what was saved, wherever it is.
    async fn has(&self, expected: &(State, Tail)) {
        let ((state, tail), saved) = self.loaded().await;
        assert_eq!(state, expected.0);
        let lines = history::lines(&self.records.kv, &saved.history, &tail).await;
        assert_eq!(lines.unwrap().unwrap(), expected.1.lines());
        let document = &expected.0.doc;
        for (expand, wanted) in [(true, document.clone()), (false, document.unexpanded())] {
            let listed = shown(&self.records, &self.id, expand).await.unwrap();
            assert_eq!(listed.unwrap(), wanted, "expand: {expand}");
        }
    }

    /// What is there; the markers of deletions go by themselves.
    fn keys(&self, stream: &str) -> Vec<String> {
        let kept = self.broker.messages(stream).into_iter();
        let live = kept.filter(|kept| !kept.payload.is_empty());
        live.map(|kept| kept.subject).collect()
    }

    /// Nothing but the header, and one object in the archive.
    fn is_tidy(&self) {
        let header = format!("$KV.gk_state_0.{}", header_key(&self.id));
        assert_eq!(self.keys("KV_gk_state_0"), [header]);
        assert_eq!(self.keys("KV_gk_blobs").len(), 1);
    }

    async fn brief(&self) -> Brief {
        let record = self.records.kv.get(&header_key(&self.id)).await.unwrap();
        brief_of(&self.records, record.unwrap()).await.unwrap()
    }
}

/// A complete execution with a stage that has a record of its own, and a history that has one too.
fn finished(words: &str) -> (State, Tail) {
    with(words, json!({"type": "manual"}))
}

fn with(words: &str, trigger: Value) -> (State, Tail) {
    let stage = |number: usize, words: String| {
        json!({
            "id": format!("stage{number}"), "refId": number.to_string(), "requisiteStageRefIds": [],
            "type": "wait", "name": "Wait", "status": "SUCCEEDED", "outputs": {}, "tasks": [],
            "context": {"words": words, "group": "g"},
        })
    };
    let doc: Execution = serde_json::from_value(json!({
        "type": "PIPELINE", "id": "01J", "application": "shop", "name": "deploy", "pipelineConfigId": "c",
        "buildTime": 7, "status": "SUCCEEDED", "authentication": {"user": "ann"}, "trigger": trigger,
        "stages": [stage(1, words.repeat(2_000)), stage(2, words.to_owned())],
    }))
    .unwrap();
    let mut tail = Tail::default();
    for revision in 1..=3_000 {
        tail.add(
            revision,
            7,
            Key::Facts,
            br#"[{"e":"something that happened"}]"#,
        );
    }
    let state = State {
        doc,
        book: gennaker_engine::state::Book::default(),
        revision: 3_000,
    };
    (state, tail)
}

#[tokio::test(start_paused = true)]
async fn a_move_that_is_cut_off_anywhere_loses_nothing_and_is_ended_by_the_next_owner() {
    let expected = finished("abc ");
    let mut cuts = 0;
    loop {
        let world = World::new().await;
        let one = world.owner("one").await;
        world.save(&one, &expected, &Saved::default()).await;
        assert!(
            world.keys("KV_gk_state_0").len() >= 3,
            "a header and two records"
        );
        let cut = Duration::from_millis(cuts);
        let moving = move_out(&world.records, &world.id, &one);
        let moved = tokio::time::timeout(cut, moving).await;
        world.has(&expected).await;
        let two = world.owner("two").await;
        let ended = move_out(&world.records, &world.id, &two).await.unwrap();
        assert!(
            matches!(ended, Moved::Archived(bytes) if bytes > 0),
            "{ended:?}"
        );
        world.has(&expected).await;
        world.is_tidy();
        assert!(matches!(
            world.brief().await,
            Brief::Finished {
                is_archived: true,
                ..
            }
        ));
        if let Ok(moved) = moved {
            assert_eq!(moved.unwrap(), ended);
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 20, "only {cuts} places to cut");
}

#[tokio::test(start_paused = true)]
async fn an_erasure_that_is_cut_off_anywhere_is_ended_by_the_next_owner() {
    for is_archived in [false, true] {
        for cuts in 0.. {
            let world = World::new().await;
            let one = world.owner("one").await;
            let expected = finished("abc ");
            world.save(&one, &expected, &Saved::default()).await;
            if is_archived {
                move_out(&world.records, &world.id, &one).await.unwrap();
            }
            let erasing = erase(&world.records, &world.id, &one);
            let erased = tokio::time::timeout(Duration::from_millis(cuts), erasing).await;
            let loaded = load(&world.records, &world.id).await.unwrap();
            match loaded.and_then(|loaded| loaded.state) {
                Some(state) => assert_eq!(state, expected.0),
                None if erased.is_err() => {
                    let header = world.records.kv.get(&header_key(&world.id)).await.unwrap();
                    assert!(header.is_none() || matches!(world.brief().await, Brief::Deleted(..)));
                }
                None => {}
            }
            let two = world.owner("two").await;
            assert!(erase(&world.records, &world.id, &two).await.unwrap());
            assert_eq!(world.keys("KV_gk_blobs"), [""; 0]);
            assert_eq!(world.keys("KV_gk_state_0"), [""; 0]);
            assert!(load(&world.records, &world.id).await.unwrap().is_none());
            if let Ok(erased) = erased {
                assert!(erased.unwrap() && cuts > 5);
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_former_owner_deletes_nothing() {
    let world = World::new().await;
    let expected = finished("abc ");
    let one = world.owner("one").await;
    world.save(&one, &expected, &Saved::default()).await;
    let two = world.owner("two").await;
    let (_, known) = world.loaded().await;
    let before = world.keys("KV_gk_state_0").len();
    // It has not learned yet that it is deposed.
    let late = move_out(&world.records, &world.id, &one).await.unwrap();
    assert_eq!(late, Moved::NotNow);
    assert_eq!(world.keys("KV_gk_state_0").len(), before);
    world.has(&expected).await;
    // The new owner knows the records that were there when it began, and has changed the execution since.
    let mut changed = expected.clone();
    changed.0.doc.status = Status::Running;
    let (_, tail) = (&expected.0, Tail::default());
    let saved = world.save(&two, &(changed.0.clone(), tail), &known).await;
    world.has(&changed).await;
    let restarted = move_out(&world.records, &world.id, &two).await.unwrap();
    assert_eq!(restarted, Moved::NotNow, "it runs");
    world
        .save(&two, &(expected.0.clone(), Tail::default()), &saved)
        .await;
    let ended = move_out(&world.records, &world.id, &two).await.unwrap();
    assert!(matches!(ended, Moved::Archived(_)));
    world.has(&expected).await;
    world.is_tidy();
    let late = move_out(&world.records, &world.id, &one).await;
    assert!(matches!(late, Err(SaveError::Superseded)));
    let late = erase(&world.records, &world.id, &one).await;
    assert!(matches!(late, Err(SaveError::Superseded)));
}

#[tokio::test(start_paused = true)]
async fn what_a_former_owner_replaced_late_is_written_anew() {
    let world = World::new().await;
    let expected = finished("abc ");
    let one = world.owner("one").await;
    let known = world.save(&one, &expected, &Saved::default()).await;
    let two = world.owner("two").await;
    let ((mut state, _), loaded) = world.loaded().await;
    // The stage that the second owner counts on is replaced, and its record deleted.
    let other = finished("def ");
    world.save(&one, &(other.0, Tail::default()), &known).await;
    state.revision += 1;
    let newer = (state, Tail::default());
    world.save(&two, &newer, &loaded).await;
    world.has(&(newer.0, expected.1)).await;
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_comes_back_leaves_the_archive_and_returns() {
    let world = World::new().await;
    let owner = world.owner("one").await;
    let expected = finished("abc ");
    world.save(&owner, &expected, &Saved::default()).await;
    for round in 0..3 {
        move_out(&world.records, &world.id, &owner).await.unwrap();
        world.is_tidy();
        let ((mut state, tail), known) = world.loaded().await;
        assert_eq!(tail.lines(), expected.1.lines());
        state.doc.status = Status::Running;
        state.revision += 1 + round;
        let running = (state, tail);
        let saved = world.save(&owner, &running, &known).await;
        world.has(&running).await;
        assert!(matches!(world.brief().await, Brief::Unfinished(_)));
        let mut state = running.0;
        state.doc.status = Status::Succeeded;
        world.save(&owner, &(state, Tail::default()), &saved).await;
        assert!(matches!(
            world.brief().await,
            Brief::Finished {
                is_archived: false,
                ..
            }
        ));
    }
    move_out(&world.records, &world.id, &owner).await.unwrap();
    world.is_tidy();
}

#[tokio::test(start_paused = true)]
async fn a_list_needs_the_archive_only_for_long_documents() {
    for (payload, is_short) in [("x".to_owned(), true), ("x".repeat(300_000), false)] {
        let world = World::new().await;
        let owner = world.owner("one").await;
        let trigger = json!({"type": "webhook", "eventId": "e", "payload": payload});
        let expected = with("abc ", trigger);
        world.save(&owner, &expected, &Saved::default()).await;
        move_out(&world.records, &world.id, &owner).await.unwrap();
        world.has(&expected).await;
        let Brief::Finished { document, .. } = world.brief().await else {
            panic!("it is complete");
        };
        assert_eq!(*document == expected.0.doc.unexpanded(), is_short);
        assert_eq!(document.trigger.get("eventId"), Some(&json!("e")));
        // The archive is lost.
        let blobs = world.bus.kv(Bucket::Blobs);
        for piece in blobs.walk("").await.unwrap() {
            blobs.erase(&piece.key, piece.revision).await.unwrap();
        }
        let listed = shown(&world.records, &world.id, false).await;
        assert_eq!(listed.is_ok(), is_short);
        let error = load(&world.records, &world.id).await.unwrap_err();
        assert_eq!(error.to_string(), "an object of 01J is lost");
        assert_eq!(Arc::strong_count(&document.trigger), 1);
    }
}
