//! The feed through the router: topics, resumption, losses, heartbeats.

use std::time::Duration;

use axum::body::BodyDataStream;
use futures_util::StreamExt as _;
use gennaker_bus::{Bus, subject};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::stream::HEARTBEAT;
use crate::tests::{Fixture, request};

struct Listener {
    feed: String,
    body: BodyDataStream,
}

#[derive(Debug, PartialEq)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

impl Listener {
    async fn open(fixture: &Fixture, topics: &str, last: Option<&str>) -> Self {
        let headers: Vec<(&str, &str)> = last
            .map(|last| ("Last-Event-ID", last))
            .into_iter()
            .collect();
        let request = request("GET", &format!("/v2/feed?topics={topics}"), &headers, "");
        let response = fixture.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let body = response.into_body().into_data_stream();
        let mut listener = Self {
            feed: String::new(),
            body,
        };
        let open = listener.next().await;
        assert_eq!(
            (open.name.as_str(), &open.data["seq"]),
            ("open", &json!(open.id))
        );
        listener.feed = open.data["feed"].as_str().unwrap().to_owned();
        listener
    }

    async fn change(&self, fixture: &Fixture, topics: Value) -> crate::tests::Got {
        let path = format!("/v2/feed/{}/topics", self.feed);
        let body = json!({"topics": topics}).to_string();
        fixture.call("POST", &path, &body).await
    }

    async fn next(&mut self) -> Event {
        let chunk = self.body.next().await.unwrap().unwrap();
        let text = String::from_utf8(chunk.to_vec()).unwrap();
        let field = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{name}: ")));
            line.unwrap_or_else(|| panic!("{text}")).to_owned()
        };
        Event {
            id: field("id"),
            name: field("event"),
            data: serde_json::from_str(&field("data")).unwrap(),
        }
    }
}

async fn publish(
    fixture: &Fixture,
    application: &str,
    execution: &str,
    rev: u64,
    status: Option<&str>,
) {
    let bus = Bus::memory(&fixture.broker, "scheduler");
    let hint =
        json!({"execution": execution, "application": application, "rev": rev, "status": status});
    let before = fixture.gate.hub().cursor();
    bus.publish(
        subject::feed(application, execution),
        hint.to_string().into(),
    )
    .await
    .unwrap();
    while fixture.gate.hub().cursor() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A gate whose hub listens.
async fn fixture() -> Fixture {
    let mut fixture = Fixture::new().await;
    let before = fixture.gate.hub().cursor();
    fixture.run_feed();
    while fixture.gate.hub().cursor() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    fixture
}

#[tokio::test(start_paused = true)]
async fn a_listener_hears_its_topics_in_order() {
    let fixture = fixture().await;
    let mut demo = Listener::open(&fixture, "application:Demo,execution:X", None).await;
    publish(&fixture, "demo", "A", 1, Some("RUNNING")).await;
    publish(&fixture, "other", "B", 1, Some("RUNNING")).await;
    publish(&fixture, "other", "X", 4, None).await;
    let first = demo.next().await;
    assert_eq!(
        (
            first.name.as_str(),
            &first.data["id"],
            &first.data["rev"],
            &first.data["changed"]
        ),
        (
            "patch",
            &json!("A"),
            &json!(1),
            &json!({"status": "RUNNING"})
        )
    );
    let second = demo.next().await;
    assert_eq!(
        (second.name.as_str(), &second.data["id"]),
        ("gone", &json!("X"))
    );
    // The number of the event between them was skipped, and `prev` shows that nothing is missing.
    assert_eq!(second.data["prev"], first.id);
}

#[tokio::test(start_paused = true)]
async fn a_listener_goes_on_where_it_was() {
    let fixture = fixture().await;
    let mut listener = Listener::open(&fixture, "all", None).await;
    publish(&fixture, "demo", "A", 1, Some("RUNNING")).await;
    let seen = listener.next().await;
    drop(listener);
    publish(&fixture, "demo", "A", 2, Some("SUCCEEDED")).await;
    let mut again = Listener::open(&fixture, "all", Some(&seen.id)).await;
    publish(&fixture, "demo", "B", 1, Some("RUNNING")).await;
    let missed = again.next().await;
    assert_eq!(
        (&missed.data["rev"], &missed.data["prev"]),
        (&json!(2), &json!(seen.id))
    );
    assert_eq!(again.next().await.data["id"], "B");
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_helped_reads_anew() {
    let fixture = fixture().await;
    publish(&fixture, "demo", "A", 1, Some("RUNNING")).await;
    for unknown in ["nonsense", "00000000000000ff-1", "-"] {
        let mut listener = Listener::open(&fixture, "all", Some(unknown)).await;
        let resync = listener.next().await;
        assert_eq!(resync.name, "resync");
        assert_eq!(resync.id, fixture.gate.hub().cursor().to_string());
    }
    let mut listener = Listener::open(&fixture, "all", None).await;
    let before = fixture.gate.hub().cursor();
    fixture.gate.hub().lose();
    let resync = listener.next().await;
    assert_eq!(resync.name, "resync");
    assert_ne!(resync.id, before.to_string());
    publish(&fixture, "demo", "A", 2, Some("RUNNING")).await;
    let next = listener.next().await;
    assert_eq!(
        (&next.data["prev"], &next.data["rev"]),
        (&json!(resync.id), &json!(2))
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_is_told_to_read_anew() {
    let fixture = fixture().await;
    let mut listener = Listener::open(&fixture, "all", None).await;
    for rev in 0..1_500 {
        fixture.gate.hub().take(
            &json!({"execution": "A", "application": "demo", "rev": rev, "status": "RUNNING"})
                .to_string()
                .into(),
        );
    }
    assert_eq!(listener.next().await.name, "resync");
    assert_eq!(listener.next().await.name, "patch");
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_beats_and_ends_with_the_server() {
    let fixture = fixture().await;
    let mut listener = Listener::open(&fixture, "all", None).await;
    let began = tokio::time::Instant::now();
    let beat = listener.next().await;
    assert_eq!((beat.name.as_str(), began.elapsed()), ("hb", HEARTBEAT));
    fixture.gate.stopping().cancel();
    assert!(listener.body.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_hint_is_passed_over() {
    let fixture = fixture().await;
    let mut listener = Listener::open(&fixture, "all", None).await;
    fixture.gate.hub().take(&bytes::Bytes::from_static(b"{"));
    publish(&fixture, "demo", "A", 1, Some("RUNNING")).await;
    assert_eq!(listener.next().await.data["id"], "A");
}

#[tokio::test(start_paused = true)]
async fn topics_change_while_the_stream_is_open() {
    let fixture = fixture().await;
    let mut listener = Listener::open(&fixture, "application:demo", None).await;
    publish(&fixture, "other", "A", 1, Some("RUNNING")).await;
    let changed = listener
        .change(&fixture, json!(["application:other", "execution:X"]))
        .await;
    let seq = fixture.gate.hub().cursor().to_string();
    assert_eq!(
        changed.json(),
        json!({"feed": listener.feed, "topics": ["application:other", "execution:X"], "seq": seq})
    );
    publish(&fixture, "demo", "B", 1, Some("RUNNING")).await;
    publish(&fixture, "other", "A", 2, Some("SUCCEEDED")).await;
    // What came before the change may be told or not, as the stream got to it: its revision says that it is old.
    let mut heard = listener.next().await;
    while heard.data["rev"] == 1 {
        assert_eq!(heard.data["id"], "A");
        heard = listener.next().await;
    }
    assert_eq!(
        (&heard.data["id"], &heard.data["rev"]),
        (&json!("A"), &json!(2))
    );
    for (topics, message) in [
        (json!([]), "topics must name 1 to 100 of"),
        (json!(["nonsense"]), "No topic is called 'nonsense'"),
        (json!([7]), "topics must be a list of strings"),
        (json!("all"), "topics must be a list of strings"),
    ] {
        let (status, said) = listener.change(&fixture, topics).await.problem();
        assert!(status == 400 && said.starts_with(message), "{said}");
    }
    drop(listener.body);
    listener.body = axum::body::Body::empty().into_data_stream();
    let (status, said) = listener.change(&fixture, json!(["all"])).await.problem();
    assert_eq!(
        (status, said),
        (404, format!("Feed not found (id: {})", listener.feed))
    );
}
