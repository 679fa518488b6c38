//! What the bus promises while a real server is killed, paused or replaced.
#![allow(clippy::unwrap_used, reason = "tests")]

mod chain;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chain::{Chain, connect, eventually, within};
use gennaker_bus::{
    Bucket, Bus, Class, CommandError, Error, Layout, Options, Published, Put, TaskAddress,
    WatchItem,
};
use gennaker_testkit::nats::{Cluster, Server};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_survive_kill_9_and_restart() {
    let mut server = Server::start();
    let bus = connect(&[server.url()], "setup").await;
    bus.bootstrap(&Layout::default()).await.unwrap();
    let chain = Chain::start(&[server.url()], 3).await;
    for round in 0..4 {
        chain.progress(round * 100 + 100).await;
        server.restart();
    }
    chain.progress(500).await;
    chain.check(&bus).await;
    assert!(*bus.generation().borrow() >= 4, "reconnects are counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_survive_a_paused_server() {
    let server = Server::start();
    let bus = connect(&[server.url()], "setup").await;
    bus.bootstrap(&Layout::default()).await.unwrap();
    let chain = Chain::start(&[server.url()], 2).await;
    for round in 0..3 {
        chain.progress(round * 100 + 100).await;
        server.pause();
        // Long enough for requests to time out and, in the last round, for the connection to be given up.
        tokio::time::sleep(Duration::from_millis(if round == 2 { 5000 } else { 1500 })).await;
        server.resume();
    }
    chain.progress(400).await;
    chain.check(&bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_loses_its_leader_and_nothing_else() {
    let mut cluster = Cluster::start(3);
    let bus = connect(&cluster.urls(), "setup").await;
    let layout = Layout {
        replicas: 3,
        pools: vec![gennaker_bus::layout::Pool::new("deploy")],
        ..Layout::default()
    };
    bus.bootstrap(&layout).await.unwrap();
    let chain = Chain::start(&cluster.urls(), 3).await;
    chain.progress(50).await;
    let leader = cluster.leader(0, "GK_LOG_0").unwrap();
    cluster.server(leader).kill_9();
    let survivor = (leader + 1) % 3;
    chain.progress(150).await;
    // While a replica is missing: records are written and completely read.
    let kv = bus.kv(Bucket::State(0));
    for n in 0..100_u32 {
        let put = kv
            .put_if(&format!("x.{n}"), 0, Bytes::from(n.to_string()), None)
            .await
            .unwrap();
        assert!(matches!(put, Put::Done(_)));
    }
    cluster.server(leader).restart();
    let reader = connect(&[cluster.servers()[leader].url()], "reader").await;
    for _ in 0..5 {
        let records = eventually("scan", async || {
            reader.kv(Bucket::State(0)).scan("").await?.collect().await
        })
        .await;
        assert_eq!(
            records.len(),
            100,
            "a scan through the replica that came back is complete"
        );
    }
    let paused = cluster.leader(survivor, "GK_LOG_0").unwrap();
    cluster.server(paused).pause();
    let so_far = chain.committed();
    chain.progress(so_far + 50).await;
    cluster.server(paused).resume();
    chain.progress(so_far + 150).await;
    chain.check(&bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_form_chains_over_restarts() {
    let mut server = Server::start();
    let bus = connect(&[server.url()], "setup").await;
    bus.bootstrap(&Layout::default()).await.unwrap();
    let mut writers = JoinSet::new();
    for n in 0..16_u32 {
        let kv = bus.kv(Bucket::State(0));
        writers.spawn(async move {
            let key = format!("x.{n}");
            let mut revision = 0;
            for step in 0..150_u32 {
                let value = Bytes::from(step.to_string());
                match kv.put_if(&key, revision, value, None).await.unwrap() {
                    Put::Done(next) => revision = next,
                    Put::Conflict => panic!("{key} has one writer, and was refused at step {step}"),
                }
                if step % 50 == 49 {
                    match kv.delete_if(&key, revision).await.unwrap() {
                        Put::Done(_) => revision = 0,
                        Put::Conflict => {
                            panic!("{key} has one writer, and its deletion was refused")
                        }
                    }
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.restart();
    }
    while let Some(writer) = within("the writers", writers.join_next()).await {
        writer.unwrap();
    }
    let left = eventually("scan", async || {
        bus.kv(Bucket::State(0)).scan("").await?.collect().await
    })
    .await;
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn tasks_in_memory_are_lost_and_published_again() {
    let mut server = Server::start();
    let bus = connect(&[server.url()], "main").await;
    bus.bootstrap(&Layout::default()).await.unwrap();
    let tasks = bus.tasks("deploy");
    let address = |attempt| TaskAddress {
        zone: None,
        execution: "01JX".to_owned(),
        stage: "1".to_owned(),
        task: "run".to_owned(),
        attempt,
    };
    let mut stream = tasks.pull(None, Arc::new(Semaphore::new(4))).await.unwrap();
    tasks.publish(&address(1), Bytes::new()).await.unwrap();
    let first = within("delivery", stream.next()).await.unwrap();
    assert_eq!(
        tasks.publish(&address(1), Bytes::new()).await.unwrap(),
        Published::StillThere
    );
    server.restart();
    let published = eventually("publish", async || {
        tasks.publish(&address(1), Bytes::new()).await
    })
    .await;
    assert_eq!(published, Published::Stored, "the stream was made again");
    let second = within("delivery", stream.next()).await.unwrap();
    assert_eq!(second.delivered, 1);
    assert_eq!(first.address, second.address);
    eventually("acknowledgement", async || second.ack().await).await;
}

#[tokio::test]
async fn deliveries_and_watches_go_on_after_a_restart() {
    let mut server = Server::start();
    let bus = connect(&[server.url()], "main").await;
    bus.bootstrap(&Layout::default()).await.unwrap();
    let kv = bus.kv(Bucket::Cfg);
    kv.put_if("a.1", 0, Bytes::from_static(b"one"), None)
        .await
        .unwrap();
    let mut watch = kv.watch("a").await.unwrap();
    assert!(matches!(
        within("record", watch.next()).await.unwrap().unwrap(),
        WatchItem::Record(_)
    ));
    assert_eq!(
        within("caught up", watch.next()).await.unwrap().unwrap(),
        WatchItem::CaughtUp
    );
    let mut events = bus.events().consume().await.unwrap();
    server.restart();
    assert!(matches!(
        kv.put_if("a.2", 0, Bytes::from_static(b"two"), None)
            .await
            .unwrap(),
        Put::Done(_)
    ));
    match within("change", watch.next()).await.unwrap().unwrap() {
        WatchItem::Record(record) => assert_eq!(record.key, "a.2"),
        other => panic!("{other:?}"),
    }
    let stored = eventually("event", async || {
        bus.events().publish("git", "x", Bytes::new()).await
    })
    .await;
    let delivery = within("event", events.next()).await.unwrap();
    assert_eq!(delivery.sequence, stored);
}

#[tokio::test]
async fn a_command_ends_when_its_connection_does() {
    let mut server = Server::start();
    let (bus, owner) = (
        connect(&[server.url()], "main").await,
        connect(&[server.url()], "owner").await,
    );
    bus.bootstrap(&Layout::default()).await.unwrap();
    let mut commands = owner.serve_commands(0).await.unwrap();
    owner.log(0).last().await.unwrap();
    let ask = bus.command(0, Class::Request, Bytes::new(), Duration::from_secs(60));
    let kill = async {
        let command = within("command", commands.next()).await.unwrap();
        server.kill_9();
        command
    };
    let (answer, _command) = within("the end", async { tokio::join!(ask, kill) }).await;
    assert!(
        matches!(answer, Err(CommandError::Disconnected)),
        "{answer:?}"
    );
    server.restart();
    // The owner's subscription comes back by itself.
    let ask = async {
        loop {
            match bus
                .command(0, Class::Request, Bytes::new(), Duration::from_secs(2))
                .await
            {
                Ok(answer) => return answer,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let serve = async {
        loop {
            let command = commands.next().await.unwrap();
            command
                .responder
                .send(Bytes::from_static(b"here"))
                .await
                .unwrap();
        }
    };
    let answer = within("answer", async {
        tokio::select! {
            biased;
            answer = ask => answer,
            () = serve => unreachable!("it serves for ever"),
        }
    })
    .await;
    assert_eq!(&answer[..], b"here");
}

#[tokio::test]
async fn refusals_at_connect_are_told() {
    let server = Server::start();
    let wrong = Options::new(server.url(), "intruder").with_password("gennaker", "wrong");
    let error = Bus::connect(wrong).await.err().unwrap();
    assert!(
        error.to_string().contains("refuses our credentials"),
        "{error}"
    );
    let nobody = Options::new("nats://127.0.0.1:1", "lost");
    let error = Bus::connect(nobody).await.err().unwrap();
    assert!(error.is_transient(), "{error}");
    let bus = connect(&[server.url()], "main").await;
    let log = bus.log(0);
    bus.close().await;
    assert!(matches!(log.last().await, Err(Error::Closed)));
    assert!(matches!(
        log.append(0, "a-1", Bytes::new()).await,
        Err(Error::Closed)
    ));
}
