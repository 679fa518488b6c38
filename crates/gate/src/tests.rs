//! The API from outside: requests through the router, an owner that plays its part on the in-memory broker.

mod artifacts;
mod bad_input;
mod build_services;
mod builds;
mod clouds;
mod documents;
mod evaluate;
mod events;
mod every_route;
mod failed_stages;
mod front50;
mod golden;
mod guard;
mod kayenta;
mod messages;
mod observe;
mod owner;
mod owners;
mod people;
mod round_trip;
mod search;
mod server;
mod starts;
mod tls;
mod verbs;
mod warnings;

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use gennaker_bus::{Bus, Layout, memory::Broker};
use gennaker_runtime::{CancellationToken, Clock};
use gennaker_store::{Blobs, Store};
use serde_json::Value;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::{Config, Gate};
use owner::Owner;

/// Partitions of every test: more than one, so that routing can go wrong.
pub(crate) const PARTITIONS: u32 = 3;

/// 2026-08-20T10:11:12.345Z.
pub(crate) const NOW: i64 = 1_787_220_672_345;

pub(crate) struct Fixture {
    pub(crate) gate: Gate,
    pub(crate) router: Router,
    pub(crate) broker: Broker,
    pub(crate) owner: Arc<Mutex<Owner>>,
    tasks: JoinSet<()>,
}

pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Fixture {
    /// A gate whose partitions all have an owner.
    pub(crate) async fn new() -> Self {
        let mut fixture = Self::without_owner().await;
        for partition in 0..PARTITIONS {
            fixture.serve(partition).await;
        }
        fixture
    }

    pub(crate) async fn without_owner() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let broker = Broker::new(7);
        let bus = Bus::memory(&broker, "gate");
        let layout = Layout {
            partitions: PARTITIONS,
            ..Layout::default()
        };
        bus.bootstrap(&layout).await.unwrap();
        let store = Store::new(&bus);
        let mut tasks = JoinSet::new();
        let cached = store.clone();
        tasks.spawn(async move { cached.run(CancellationToken::new()).await });
        let config = Config {
            partitions: PARTITIONS,
            ..config
        };
        let owner = Owner::new(Store::new(&Bus::memory(&broker, "worker")));
        let gate = Gate::new(bus, store, Clock::simulated(NOW), config).unwrap();
        Self {
            router: gate.router(Router::new(), true),
            gate,
            broker,
            owner: Arc::new(Mutex::new(owner)),
            tasks,
        }
    }

    /// Lets the owner serve a partition from now on.
    pub(crate) async fn serve(&mut self, partition: u32) {
        let bus = Bus::memory(&self.broker, "scheduler");
        let commands = bus.serve_commands(partition).await.unwrap();
        let (blobs, owner) = (Blobs::kv(&bus), Arc::clone(&self.owner));
        self.tasks
            .spawn(owner::serve(partition, commands, blobs, owner));
    }

    /// Runs the feed's hub, as the server does.
    pub(crate) fn run_feed(&mut self) {
        let gate = self.gate.clone();
        self.tasks
            .spawn(async move { gate.hub().run(gate.bus(), CancellationToken::new()).await });
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Got {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Got {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Got {
        self.send(request(method, path, &[], body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.call("GET", path, "").await
    }

    /// The answer to a request that must succeed.
    pub(crate) async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let got = self.call(method, path, &body).await;
        assert!(
            got.status.is_success(),
            "{method} {path}: {} {}",
            got.status,
            got.body
        );
        got.json()
    }
}

impl Got {
    /// The body as JSON, `null` for an empty one.
    pub(crate) fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.body).unwrap()
    }

    /// Status and message of the error envelope, which must be complete.
    pub(crate) fn problem(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16(), "{}", self.body);
        assert_eq!(body["error"], self.status.canonical_reason().unwrap());
        assert_eq!(
            body["timestamp"].as_str().unwrap().len(),
            29,
            "{}",
            self.body
        );
        assert!(body["exception"].is_string());
        assert_eq!(self.headers["content-type"], "application/json");
        (
            self.status.as_u16(),
            body["message"].as_str().unwrap().to_owned(),
        )
    }
}

pub(crate) fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}
