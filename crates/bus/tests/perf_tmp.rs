#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use gennaker_bus::*;
use gennaker_testkit::nats::Server;
use std::sync::Arc;
use std::time::Instant;
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn perf() {
    let s = Server::start();
    let bus = Bus::connect(Options::new(s.url(), "p").with_password(s.user(), s.password()))
        .await
        .unwrap();
    bus.bootstrap(&Layout::default()).await.unwrap();
    let log = bus.log(0);
    let t = Instant::now();
    for n in 0..3000u64 {
        log.append(n, &format!("a-{n}"), Bytes::from_static(&[7; 512]))
            .await
            .unwrap();
    }
    println!("append {:?} each", t.elapsed() / 3000);
    let t = Instant::now();
    let mut r = log.read(1, 3000).await.unwrap();
    let mut c = 0;
    while let Some(e) = r.next().await {
        e.unwrap();
        c += 1;
    }
    println!("read {c} {:?}", t.elapsed());
    let kv = bus.kv(Bucket::State(0));
    let t = Instant::now();
    stream::iter(0..20000u32)
        .map(|n| {
            let kv = kv.clone();
            async move {
                kv.put_if(&format!("x.{n}"), 0, Bytes::from_static(&[7; 1024]), None)
                    .await
                    .unwrap();
            }
        })
        .buffer_unordered(1024)
        .collect::<Vec<_>>()
        .await;
    println!("20000 put_if {:?}", t.elapsed());
    let t = Instant::now();
    let all = kv.scan("x").await.unwrap().collect().await.unwrap();
    println!("scan {} {:?}", all.len(), t.elapsed());
    let t = Instant::now();
    stream::iter(all.iter().take(5000))
        .map(|r| {
            let kv = kv.clone();
            async move {
                assert!(kv.erase(&r.key, r.revision).await.unwrap());
            }
        })
        .buffer_unordered(256)
        .collect::<Vec<_>>()
        .await;
    println!("5000 erase {:?}", t.elapsed());
    let tasks = bus.tasks("deploy");
    let sl = Arc::new(tokio::sync::Semaphore::new(200));
    let mut st = tasks.pull(None, sl).await.unwrap();
    let t = Instant::now();
    let pubs = {
        let tasks = tasks.clone();
        tokio::spawn(async move {
            stream::iter(0..20000u64)
                .map(|n| {
                    let tasks = tasks.clone();
                    async move {
                        tasks
                            .publish(
                                &TaskAddress {
                                    zone: None,
                                    execution: "x".into(),
                                    stage: "s".into(),
                                    task: "t".into(),
                                    attempt: n,
                                },
                                Bytes::from_static(&[7; 400]),
                            )
                            .await
                            .unwrap();
                    }
                })
                .buffer_unordered(256)
                .collect::<Vec<_>>()
                .await;
        })
    };
    let mut set = tokio::task::JoinSet::new();
    for _ in 0..20000 {
        let d = st.next().await.unwrap();
        set.spawn(async move {
            d.ack().await.unwrap();
        });
    }
    pubs.await.unwrap();
    while set.join_next().await.is_some() {}
    println!("20000 tasks {:?}", t.elapsed());
    let t = Instant::now();
    for n in 0..1000u64 {
        tasks
            .publish(
                &TaskAddress {
                    zone: None,
                    execution: "y".into(),
                    stage: "s".into(),
                    task: "t".into(),
                    attempt: n,
                },
                Bytes::from_static(&[7; 400]),
            )
            .await
            .unwrap();
        let d = st.next().await.unwrap();
        d.ack().await.unwrap();
    }
    println!("sequential task {:?} each", t.elapsed() / 1000);
    let mut cs = bus.serve_commands(0).await.unwrap();
    tokio::spawn(async move {
        while let Some(c) = cs.next().await {
            c.responder.send(c.payload).await.unwrap();
        }
    });
    let t = Instant::now();
    for _ in 0..1000 {
        bus.command(
            0,
            Class::Report,
            Bytes::from_static(b"x"),
            std::time::Duration::from_secs(5),
        )
        .await
        .unwrap();
    }
    println!("command {:?} each", t.elapsed() / 1000);
    let t = Instant::now();
    stream::iter(0..20000u64)
        .map(|_| {
            let bus = bus.clone();
            async move {
                bus.command(
                    0,
                    Class::Report,
                    Bytes::from_static(b"x"),
                    std::time::Duration::from_secs(5),
                )
                .await
                .unwrap();
            }
        })
        .buffer_unordered(128)
        .collect::<Vec<_>>()
        .await;
    println!("20000 commands {:?}", t.elapsed());
}
