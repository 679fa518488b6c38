//! What can be seen of requests.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
};

use gennaker_telemetry::metrics::registry;
use serde_json::json;
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::{Fixture, request};

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Keeps the fields of every span called `request`, of all tests: whether a span is recorded is decided for the process.
#[derive(Clone, Default)]
struct Spans {
    seen: Arc<Mutex<BTreeMap<u64, BTreeMap<String, String>>>>,
}

struct Fields<'s>(&'s mut BTreeMap<String, String>);

impl Spans {
    fn record_all() -> &'static Self {
        static SPANS: OnceLock<Spans> = OnceLock::new();
        SPANS.get_or_init(|| {
            let spans = Self::default();
            let subscriber = tracing_subscriber::registry().with(spans.clone());
            tracing::subscriber::set_global_default(subscriber).unwrap();
            spans
        })
    }

    /// The fields of the spans about an execution.
    fn about(&self, execution: &str) -> Vec<BTreeMap<String, String>> {
        let seen = self.seen.lock().unwrap();
        seen.values()
            .filter(|fields| fields.get("execution.id").is_some_and(|id| id == execution))
            .cloned()
            .collect()
    }
}

impl<S: Subscriber> Layer<S> for Spans {
    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, _context: Context<'_, S>) {
        if span.metadata().name() == "request" {
            let mut fields = BTreeMap::new();
            span.record(&mut Fields(&mut fields));
            // Ids are used again when a span is gone.
            self.seen.lock().unwrap().insert(id.into_u64(), fields);
        }
    }

    fn on_record(&self, span: &Id, values: &Record<'_>, _context: Context<'_, S>) {
        if let Some(fields) = self.seen.lock().unwrap().get_mut(&span.into_u64()) {
            values.record(&mut Fields(fields));
        }
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_has_a_server_span() {
    let spans = Spans::record_all();
    let fixture = Fixture::new().await;
    let (gone, silent) = ("gone-and-traced", "silent-and-traced");
    fixture.get(&format!("/pipelines/{gone}")).await;
    fixture.broker.partition("gate");
    fixture.get(&format!("/pipelines/{silent}")).await;
    let span = |execution: &str, status: &str| {
        [
            ("execution.id", execution),
            ("http.request.method", "GET"),
            ("http.response.status_code", status),
            ("http.route", "/pipelines/{id}"),
            ("otel.kind", "server"),
            ("otel.name", "GET /pipelines/{id}"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into_iter()
        .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(spans.about(gone), [span(gone, "404")]);
    let mut failed = span(silent, "503");
    failed.insert("otel.status_code".to_owned(), "ERROR".to_owned());
    assert_eq!(spans.about(silent), [failed]);
}

#[tokio::test(start_paused = true)]
async fn the_callers_trace_reaches_the_owner() {
    let fixture = Fixture::new().await;
    let body = json!({"application": "demo", "job": [{"type": "wait"}]}).to_string();
    for (sent, passed_on) in [
        (CALLER, Some(CALLER)),
        ("nonsense", None),
        (
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            None,
        ),
        (&*CALLER.replace('-', "_"), None),
    ] {
        let headers = [("traceparent", sent)];
        let got = fixture
            .send(request("POST", "/tasks", &headers, &body))
            .await;
        assert_eq!(got.status, 200);
        let asked = fixture.owner.lock().unwrap().asked.pop().unwrap();
        assert_eq!(asked.trace.as_deref(), passed_on, "{sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_counted_by_route() {
    let fixture = Fixture::new().await;
    for (method, path) in [
        ("GET", "/applications/unbounded-name-of-an-application"),
        ("GET", "/no/such/unbounded-path"),
        ("UNHEARD", "/version"),
        ("OPTIONS", "/unbounded-preflight"),
    ] {
        fixture.call(method, path, "").await;
    }
    let shown = registry().render();
    for line in [
        r#"gennaker_gate_requests_total{method="GET",route="/applications/{application}",status="4xx"}"#,
        r#"gennaker_gate_requests_total{method="GET",route="none",status="4xx"}"#,
        r#"gennaker_gate_requests_total{method="_OTHER",route="none",status="4xx"}"#,
        r#"gennaker_gate_requests_total{method="OPTIONS",route="none",status="2xx"}"#,
        r#"gennaker_gate_request_seconds_count{route="/applications/{application}",status="4xx"}"#,
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    assert!(!shown.contains("unbounded"));
    assert!(!shown.contains("UNHEARD"));
}
