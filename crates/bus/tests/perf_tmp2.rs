#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use gennaker_bus::*;
use gennaker_testkit::nats::Server;
use std::time::Instant;
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn perf() {
    let s = Server::start();
    let bus = Bus::connect(Options::new(s.url(), "p").with_password(s.user(), s.password()))
        .await
        .unwrap();
    bus.bootstrap(&Layout::default()).await.unwrap();
    let kv = bus.kv(Bucket::State(0));
    let t = Instant::now();
    stream::iter(0..30000u32)
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
    println!("put_if {:?}", t.elapsed());
    let t = Instant::now();
    let mut sc = kv.scan("x").await.unwrap();
    let mut n = 0;
    let mut last = Instant::now();
    while let Some(r) = sc.next().await {
        r.unwrap();
        n += 1;
        let g = last.elapsed();
        if g.as_millis() > 2 {
            println!("gap at {n} {g:?}");
        }
        last = Instant::now();
    }
    println!("scan {n} {:?}", t.elapsed());
}
