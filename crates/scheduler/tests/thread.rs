//! Command in, task out, report in, answer out: real scheduler and real worker over the in-memory bus.
#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use std::time::Duration;

use bytes::Bytes;
use gennaker_model::{
    ExecutionType, Map, Status,
    command::{ListQuery, RefusalCode, Reply, Request, Start},
    routing,
};
use serde_json::{Value, json};
use world::{PARTITIONS, World, ten_noops};

#[tokio::test(start_paused = true)]
async fn ten_dispatched_stages_run_and_the_end_is_readable() {
    let mut world = World::new().await;
    let id = world.start(1, ten_noops()).await;
    let document = world
        .until(&id, |document| document.status.is_complete())
        .await;
    assert_eq!(document.status, Status::Succeeded);
    assert!(
        document
            .stages
            .iter()
            .all(|stage| stage.status == Status::Succeeded)
    );
    let partition = routing::partition_of(&id, PARTITIONS);
    let query = ListQuery {
        application: Some("app".into()),
        ..ListQuery::default()
    };
    match world.ask(partition, Request::List(query)).await {
        Ok(Reply::Executions { documents }) => assert_eq!(documents, [document.unexpanded()]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_owner_is_followed_and_nothing_is_lost() {
    let mut world = World::new().await;
    let stages = json!([
        {"refId": "1", "type": "manualJudgment"},
        {"refId": "2", "type": "noop", "pool": "notify", "requisiteStageRefIds": ["1"]},
        {"refId": "3", "type": "wait", "waitTime": 30},
    ]);
    let id = world.start(1, stages).await;
    world.scheduler("two");
    let (name, scope) = world.schedulers.remove(0);
    world.broker.kill_node(&name);
    scope.cancel();
    let document = world.read(&id).await;
    assert_eq!(document.status, Status::Running);
    let stage = document.stages[0].id.clone();
    let partition = routing::partition_of(&id, PARTITIONS);
    let patch = json!({"judgmentStatus": "continue"})
        .as_object()
        .unwrap()
        .clone();
    let judge = Request::PatchStage {
        execution: id.clone(),
        stage,
        patch,
        user: "bob".into(),
        roles: None,
    };
    assert_eq!(world.ask(partition, judge).await, Ok(Reply::Done));
    let document = world
        .until(&id, |document| document.status.is_complete())
        .await;
    assert_eq!(document.status, Status::Succeeded);
    assert_eq!(
        document.stages[0].last_modified.as_ref().unwrap().user,
        "bob"
    );
}

#[tokio::test(start_paused = true)]
async fn what_parks_leaves_memory_and_comes_back() {
    let mut world = World::new().await;
    let id = world
        .start(1, json!([{"refId": "1", "type": "wait", "waitTime": 3600}]))
        .await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let document = world.read(&id).await;
    assert_eq!(document.status, Status::Running);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let document = world
        .until(&id, |document| document.status.is_complete())
        .await;
    assert_eq!(document.status, Status::Succeeded);
    let waited = document.end_time.unwrap() - document.start_time.unwrap();
    assert!((3_600_000..3_601_000).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_execution_stays_deleted_and_its_id_taken() {
    let mut world = World::new().await;
    let id = world
        .start(1, json!([{"refId": "1", "type": "wait"}]))
        .await;
    world
        .until(&id, |document| document.status.is_complete())
        .await;
    let partition = routing::partition_of(&id, PARTITIONS);
    for _ in 0..2 {
        let delete = Request::Delete {
            execution: id.clone(),
        };
        assert_eq!(world.ask(partition, delete).await, Ok(Reply::Done));
    }
    world.scheduler("two");
    let (name, scope) = world.schedulers.remove(0);
    world.broker.kill_node(&name);
    scope.cancel();
    let read = world
        .ask(
            partition,
            Request::Read {
                execution: id.clone(),
            },
        )
        .await;
    assert_eq!(read.unwrap_err().code, RefusalCode::NotFound);
    let again = Start {
        execution: id.clone(),
        kind: ExecutionType::Pipeline,
        config: json!({"id": "config", "stages": []})
            .as_object()
            .unwrap()
            .clone(),
        trigger: Map::new(),
        user: "ann".into(),
        origin: "api".into(),
        parent: None,
        error: None,
    };
    let started = world.ask(partition, Request::Start(Box::new(again))).await;
    assert_eq!(started.unwrap_err().code, RefusalCode::Conflict);
}

fn limited(keeps: bool) -> Value {
    json!({"limitConcurrent": true, "keepWaitingPipelines": keeps,
        "stages": [{"refId": "1", "type": "wait", "waitTime": 20}]})
}

#[tokio::test(start_paused = true)]
async fn kept_executions_of_a_limited_pipeline_run_one_after_the_other_over_a_take_over() {
    let mut world = World::new().await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(world.start_of(number, limited(true)).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for id in &ids[1..] {
        assert_eq!(world.read(id).await.status, Status::NotStarted);
    }
    world.replace_scheduler("two");
    let mut before = 0;
    for id in &ids {
        let document = world.ended(id).await;
        assert_eq!(document.status, Status::Succeeded);
        assert!(
            document.start_time.unwrap() >= before,
            "one at a time, in order"
        );
        before = document.end_time.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_execution_supersedes_those_that_wait_beside_it() {
    let mut world = World::new().await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(world.start_of(number, limited(false)).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut ends = Vec::new();
    for id in &ids {
        let document = world.ended(id).await;
        ends.push((document.status, document.canceled_by));
    }
    let superseded = (Status::Canceled, Some("spinnaker".to_owned()));
    assert_eq!(
        ends,
        [
            (Status::Succeeded, None),
            superseded,
            (Status::Succeeded, None)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_waits_in_line_and_a_finished_execution_comes_back_for_it() {
    let mut world = World::new().await;
    let first = world.start_of(1, limited(true)).await;
    let document = world.ended(&first).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let second = world.start_of(2, limited(true)).await;
    assert_eq!(world.restart(&document).await, Ok(Reply::Done));
    assert_eq!(world.read(&first).await.status, Status::NotStarted);
    world.replace_scheduler("two");
    let between = world.ended(&second).await;
    let again = world.ended(&first).await;
    assert_eq!(again.status, Status::Succeeded);
    assert!(again.start_time >= between.end_time);
    let details = &again.stages[0].context["restartDetails"];
    assert_eq!(details["restartedBy"], "bob");
}

#[tokio::test(start_paused = true)]
async fn a_start_with_the_correlation_id_of_a_running_execution_is_that_execution() {
    let mut world = World::new().await;
    let stages = json!({"stages": [{"refId": "1", "type": "wait", "waitTime": 20}]});
    let trigger = json!({"correlationId": "c-1"});
    let (first, _) = world.try_start(1, stages.clone(), trigger.clone()).await;
    world.replace_scheduler("two");
    let (_, reply) = world.try_start(2, stages.clone(), trigger.clone()).await;
    let existing = Reply::Started {
        execution: first.clone(),
        existing: true,
    };
    assert_eq!(reply, Ok(existing));
    world.ended(&first).await;
    let (third, reply) = world.try_start(3, stages, trigger).await;
    let started = Reply::Started {
        execution: third,
        existing: false,
    };
    assert_eq!(reply, Ok(started));
}

#[tokio::test(start_paused = true)]
async fn an_expected_artifact_may_come_from_the_execution_before() {
    let mut world = World::new().await;
    let config = json!({"stages": [{"refId": "1", "type": "wait"}], "expectedArtifacts": [
        {"id": "e", "matchArtifact": {"type": "docker/image", "name": "shop"}, "usePriorArtifact": true}]});
    let image = json!({"type": "docker/image", "name": "shop", "reference": "shop:1"});
    let (first, _) = world
        .try_start(1, config.clone(), json!({"artifacts": [image]}))
        .await;
    world.ended(&first).await;
    world.replace_scheduler("two");
    let (second, reply) = world.try_start(2, config.clone(), json!({})).await;
    assert!(reply.is_ok(), "{reply:?}");
    let document = world.ended(&second).await;
    assert_eq!(document.trigger["artifacts"][0]["reference"], "shop:1");
    let bound = &document.trigger["resolvedExpectedArtifacts"][0]["boundArtifact"];
    assert_eq!(bound["reference"], "shop:1");
}

#[tokio::test(start_paused = true)]
async fn what_is_frozen_is_not_started_and_what_runs_goes_on() {
    use gennaker_model::freeze::{Freeze, Target};
    let mut world = World::new().await;
    let stages = json!({"stages": [{"refId": "1", "type": "wait", "waitTime": 20}]});
    let running = world.start_of(1, stages.clone()).await;
    let freeze = Freeze {
        target: Target::application("APP"),
        by: "carol".into(),
        at_ms: 0,
        reason: "the release".into(),
    };
    let record = Bytes::from(serde_json::to_vec(&freeze).unwrap());
    let kv = world.bus.kv(gennaker_bus::Bucket::Cfg);
    let key = "freeze.application.app";
    kv.put_if(key, 0, record, None).await.unwrap();
    for partition in 0..PARTITIONS {
        assert_eq!(
            world.ask(partition, Request::Freezes).await,
            Ok(Reply::Done)
        );
    }
    for number in [2, 3] {
        let (id, reply) = world.try_start(number, stages.clone(), json!({})).await;
        let refusal = reply.unwrap_err();
        assert_eq!(
            (refusal.code, refusal.message.as_str()),
            (
                RefusalCode::Invalid,
                "The application is frozen by carol since 1970-01-01T00:00:00Z: the release"
            )
        );
        assert_eq!(
            world.read(&id).await.status,
            Status::Terminal,
            "the refusal is visible"
        );
        world.replace_scheduler(&format!("scheduler-{number}"));
    }
    assert_eq!(world.ended(&running).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn other_executions_are_asked_for_at_their_owners() {
    let mut world = World::new().await;
    let make = |text: &str| {
        json!({"id": "source", "stages": [{"refId": "1", "type": "evaluateArtifacts",
               "artifactContents": [{"name": "notes", "contents": text}]}]})
    };
    let older = world.start_of(1, make("old")).await;
    world.ended(&older).await;
    world.replace_scheduler("two");
    let newer = world.start_of(2, make("new")).await;
    world.ended(&newer).await;
    let find = json!({"id": "finder", "stages": [
        {"refId": "1", "type": "findArtifactFromExecution", "pipeline": "source", "executionOptions": {"successful": true},
         "expectedArtifacts": [{"id": "e", "matchArtifact": {"name": "notes"}}]},
        {"refId": "2", "type": "findArtifactFromExecution", "pipeline": "source", "executionOptions": {"terminal": true}}]});
    let finder = world.start_of(3, find).await;
    let found = world.ended(&finder).await;
    assert_eq!(found.status, Status::Succeeded);
    let reference = |stage: usize| found.stages[stage].outputs["artifacts"].clone();
    assert_eq!(reference(0)[0]["reference"], "bmV3");
    assert_eq!(reference(1), json!([]), "none has failed");

    let slow = json!({"id": "slow", "stages": [{"refId": "1", "type": "wait", "waitTime": 30}]});
    let slow = world.start_of(4, slow).await;
    let watch = json!({"id": "watcher", "stages": [
        {"refId": "1", "type": "dependsOnExecution", "executionType": "pipeline", "executionId": slow},
        {"refId": "2", "type": "monitorPipeline", "executionIds": [slow, newer]},
        {"refId": "3", "type": "dependsOnExecution", "executionType": "pipeline", "executionId": "nobody",
         "failPipeline": false, "continuePipeline": true}]});
    let watcher = world.start_of(5, watch).await;
    let watched = world.ended(&watcher).await;
    assert_eq!(watched.status, Status::Succeeded);
    let ended = world.read(&slow).await.end_time.unwrap();
    assert!(watched.stages[0].end_time.unwrap() >= ended);
    let statuses = &watched.stages[1].outputs["executionStatuses"];
    assert_eq!(statuses[slow.as_str()]["status"], "SUCCEEDED");
    assert_eq!(
        watched.stages[2].context["error"],
        "Execution (pipeline) nobody not found."
    );
}

#[tokio::test(start_paused = true)]
async fn rule_4_1_a_paused_execution_lets_the_next_one_go_on_at_once() {
    let mut world = World::settled(|config| config.audit_every = Duration::from_secs(3_600)).await;
    let first = world.start_of(1, limited(true)).await;
    let second = world.start_of(2, limited(true)).await;
    assert_eq!(world.read(&second).await.status, Status::NotStarted);
    let pause = Request::Pause {
        execution: first.clone(),
        user: "bob".into(),
    };
    let partition = routing::partition_of(&first, PARTITIONS);
    assert_eq!(world.ask(partition, pause).await, Ok(Reply::Done));
    assert_eq!(world.read(&second).await.status, Status::Running);
    assert_eq!(world.read(&first).await.status, Status::Paused);
}

#[tokio::test(start_paused = true)]
async fn rule_4_1_one_that_comes_when_too_many_wait_is_cancelled() {
    let mut world = World::settled(|config| config.waiting_max = Some(2)).await;
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(world.start_of(number, limited(true)).await);
    }
    let late = world.ended(&ids[3]).await;
    assert_eq!(late.status, Status::Canceled);
    let reason = "Too many executions (2) already waiting to start";
    assert_eq!(late.cancellation_reason.as_deref(), Some(reason));
    for id in &ids[..3] {
        assert_eq!(world.ended(id).await.status, Status::Succeeded);
    }
}

#[tokio::test(start_paused = true)]
async fn rule_4_2_3_a_parent_that_the_trigger_names_is_read_from_its_owner() {
    let mut world = World::new().await;
    let image = json!({"type": "docker/image", "name": "shop", "reference": "shop:1"});
    let stages = json!({"stages": [{"refId": "1", "type": "wait"}]});
    let (parent, _) = world
        .try_start(1, stages.clone(), json!({"artifacts": [image]}))
        .await;
    world.ended(&parent).await;
    let expecting = json!({"id": "other", "stages": [{"refId": "1", "type": "wait"}], "expectedArtifacts": [
        {"id": "e", "matchArtifact": {"type": "docker/image", "name": "shop"}, "useDefaultArtifact": false}]});
    let trigger = json!({"parentPipelineId": parent, "expectedArtifactIds": ["e"]});
    let (child, reply) = world.try_start(2, expecting, trigger).await;
    assert!(reply.is_ok(), "{reply:?}");
    let document = world.ended(&child).await;
    assert_eq!(document.status, Status::Succeeded);
    assert_eq!(document.trigger["parentExecution"]["id"], json!(parent));
    assert_eq!(document.trigger["parentStatus"], "SUCCEEDED");
    let bound = &document.trigger["resolvedExpectedArtifacts"][0]["boundArtifact"];
    assert_eq!(bound["reference"], "shop:1");
    let (gone, reply) = world
        .try_start(
            3,
            stages,
            json!({"parentPipelineId": "01J00000000000000000000000"}),
        )
        .await;
    assert!(reply.is_ok(), "{reply:?}");
    assert_eq!(world.ended(&gone).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn rule_4_3_a_task_that_is_not_allowed_is_refused_and_leaves_nothing() {
    let allowed = |config: &mut gennaker_scheduler::Config| {
        config.ad_hoc = gennaker_intake::AdHocTasks::only([("wait".to_owned(), [].into())].into());
    };
    let mut world = World::settled(allowed).await;
    for (number, kind, fits) in [(1, "wait", true), (2, "noop", false)] {
        let id = routing::execution_id(1, "App", number);
        let config = json!({"application": "App", "stages": [{"type": kind}]});
        let start = Start {
            execution: id.clone(),
            kind: ExecutionType::Orchestration,
            config: config.as_object().unwrap().clone(),
            trigger: Map::new(),
            user: "ann".into(),
            origin: "api".into(),
            parent: None,
            error: None,
        };
        let partition = routing::partition_of(&id, PARTITIONS);
        let reply = world.ask(partition, Request::Start(Box::new(start))).await;
        if fits {
            assert!(reply.is_ok(), "{reply:?}");
            continue;
        }
        assert_eq!(reply.unwrap_err().code, RefusalCode::Forbidden);
        let read = Request::Read { execution: id };
        let gone = world.ask(partition, read).await.unwrap_err();
        assert_eq!(gone.code, RefusalCode::NotFound);
    }
}
