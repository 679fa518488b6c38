//! A watch that is too old to go on: the API server forgot what happened meanwhile (410), and the list is read again.
#![allow(clippy::unwrap_used, reason = "tests")]

mod played;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gennaker_kubernetes::{Seen, Selection};
use gennaker_manifests::{Coordinates, Kind};
use played::{Asked, NAME, Played, accounts, discovery};
use serde_json::{Value, json};
use tokio::time::Instant;

const WITHIN: Duration = Duration::from_secs(20);

/// A cluster of one pod, whose lists say how often it was listed; the first watch of it is too old.
fn play() -> impl Fn(&Asked) -> Played + Send + Sync + 'static {
    let (lists, watches) = (AtomicUsize::new(0), AtomicUsize::new(0));
    move |asked| match asked.path.as_str() {
        "/api" => Played::Body(discovery(&[("", "v1", &["Pod"])])),
        "/apis" => Played::Body(discovery(&[])),
        path if path.ends_with("/pods") && asked.is_watch() => {
            let expired = json!({"type": "ERROR", "object": {
                "kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version: 1 (9)"
            }});
            match watches.fetch_add(1, Ordering::SeqCst) {
                0 => Played::Watch(vec![expired]),
                _ => Played::Watch(Vec::new()),
            }
        }
        path if path.ends_with("/pods") => {
            let list = lists.fetch_add(1, Ordering::SeqCst) + 1;
            let pod = json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "web", "namespace": "shop", "uid": "1", "labels": {"list": list.to_string()}}
            });
            Played::Body(
                json!({"metadata": {"resourceVersion": list.to_string()}, "items": [pod]})
                    .to_string(),
            )
        }
        other => panic!("nobody asks for {other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_reads_the_list_again() {
    let (accounts, _server) = accounts(play()).await;
    let account = accounts.get(NAME).unwrap();
    let pods = Selection::Kinds(vec![Kind::parse("pod")]);
    let end = Instant::now() + WITHIN;
    loop {
        let cached = account.cached(&pods, WITHIN).await.unwrap();
        let list = cached
            .objects()
            .next()
            .and_then(|pod| pod.labels()?.get("list").cloned());
        if list == Some(Value::from("2")) {
            assert_eq!(cached.freshness.troubles, []);
            return;
        }
        assert!(
            Instant::now() < end,
            "the list was not read again: {:?}",
            cached.freshness
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_an_object_sees_the_truth_again() {
    let (accounts, _server) = accounts(play()).await;
    let account = accounts.get(NAME).unwrap();
    let web = Coordinates::new(Kind::parse("pod"), "shop", "web");
    let mut follow = account.follow([web.clone()]).unwrap();
    let seen = async {
        loop {
            follow.next().await.unwrap();
            if let Some(Seen::Present(pod)) = follow.get(&web)
                && pod.labels().and_then(|labels| labels.get("list")) == Some(&Value::from("2"))
            {
                return;
            }
        }
    };
    tokio::time::timeout(WITHIN, seen)
        .await
        .expect("the list is read again");
    // It is the usual way of things, and no trouble.
    assert_eq!(follow.troubles().count(), 0);
}
