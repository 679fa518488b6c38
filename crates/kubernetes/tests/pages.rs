//! Lists whose objects are so large that a page of the usual number of them is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

mod played;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gennaker_kubernetes::Selection;
use gennaker_manifests::Kind;
use played::{Asked, NAME, Played, accounts, discovery};
use serde_json::{Value, json};

const PODS: usize = 100;
/// Bytes of an object: 16 MiB, a page's limit, are 50 of them.
const PADDING: usize = 330_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_too_large_is_asked_for_with_fewer_objects() {
    let refused = Arc::new(AtomicUsize::new(0));
    let (accounts, _server) = accounts(play(Arc::clone(&refused))).await;
    let account = accounts.get(NAME).unwrap();
    let pods = Selection::Kinds(vec![Kind::parse("pod")]);
    let cached = account
        .cached(&pods, Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(cached.freshness.troubles, []);
    assert_eq!(cached.len(), PODS);
    assert_eq!(
        refused.load(Ordering::SeqCst),
        3,
        "250, 125 and 62 are too many"
    );
}

/// Counts the pages of more than fifty.
fn play(large: Arc<AtomicUsize>) -> impl Fn(&Asked) -> Played + Send + Sync + 'static {
    move |asked| match asked.path.as_str() {
        "/api" => Played::Body(discovery(&[("", "v1", &["Pod"])])),
        "/apis" => Played::Body(discovery(&[])),
        _ if asked.is_watch() => Played::Watch(Vec::new()),
        path if path.ends_with("/pods") => {
            let number = |name: &str| asked.of(name).and_then(|it| it.parse::<usize>().ok());
            let (from, limit) = (number("continue").unwrap_or(0), number("limit").unwrap());
            let to = PODS.min(from + limit);
            if to - from > 50 {
                large.fetch_add(1, Ordering::SeqCst);
            }
            let next = if to < PODS {
                to.to_string()
            } else {
                String::new()
            };
            let items: Vec<Value> = (from..to).map(pod).collect();
            Played::Body(
                json!({"metadata": {"resourceVersion": "9", "continue": next}, "items": items})
                    .to_string(),
            )
        }
        other => panic!("nobody asks for {other}"),
    }
}

fn pod(number: usize) -> Value {
    json!({
        "metadata": {"name": format!("web-{number}"), "namespace": "shop", "uid": format!("u{number}")},
        "spec": {"padding": "x".repeat(PADDING)}
    })
}
