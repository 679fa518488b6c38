//! Traces as a collector gets them: by OTLP over HTTP, from every process.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use gennaker_tests::gate::{Gate, stage, text};
use gennaker_tests::http::send;
use gennaker_tests::installation::Installation;
use gennaker_tests::receiver::{Receiver, Reply};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Attribute};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};
use prost::Message as _;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(30);
const EXPORTS: &str = "/v1/traces";
/// What is sent to the pipeline's target and must be seen nowhere else.
const SECRETS: [&str; 4] = [
    "in-a-header-4711",
    "in-a-body-4712",
    "in-a-query-4713",
    "in-a-parameter-4714",
];
/// The trace of a client that starts a pipeline.
const CALLERS_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLERS_SPAN: &str = "00f067aa0ba902b7";

/// A span, and the roles of the process that sent it.
struct Sent {
    roles: String,
    span: Span,
}

impl Sent {
    fn id(&self) -> &[u8] {
        &self.span.span_id
    }

    fn attribute(&self, name: &str) -> String {
        attribute(&self.span.attributes, name)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_execution_is_one_trace_across_processes() {
    let collector = Receiver::start().await;
    let target = Receiver::start().await;
    target.script("/bad", &[Reply::status(400)]);
    let mut installation = Installation::start_with(1, &exporting_to(&collector.url())).await;
    let gate = installation.gate;
    gate.save_application("traced").await;
    gate.save_pipeline(&pipeline(&target)).await;

    let headers = [
        ("Content-Type", "application/json"),
        (
            "traceparent",
            &format!("00-{CALLERS_TRACE}-{CALLERS_SPAN}-01"),
        ),
    ];
    let trigger = json!({"type": "manual", "parameters": {"token": SECRETS[3]}}).to_string();
    let path = "/pipelines/traced/traced";
    let started = send(gate.address, "POST", path, &headers, trigger.as_bytes())
        .await
        .unwrap();
    assert_eq!(started.status, 202, "{}", started.text());
    let reference = started.json();
    let id = text(&reference, "ref").trim_start_matches("/pipelines/");
    let ended = gate.wait_for_end(id, WITHIN).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    for process in &mut installation.processes {
        // What they have not sent they send now.
        process.end();
    }

    let sent = spans(&collector);
    let trace_id = trace_of(id);
    let tree: Vec<&Sent> = sent
        .iter()
        .filter(|sent| sent.span.trace_id == trace_id)
        .collect();
    check_tree(&tree, &ended);
    check_request(&sent, &trace_id, id);
    let everything: Vec<u8> = exports(&collector).concat();
    for secret in SECRETS.iter().chain(&["testkit"]) {
        let bytes = secret.as_bytes();
        assert!(
            !everything
                .windows(bytes.len())
                .any(|window| window == bytes),
            "{secret} is in the traces"
        );
    }
    assert!(
        target
            .seen()
            .iter()
            .any(|seen| seen.path.contains(SECRETS[2])),
        "the target gets what the traces must not show: {:?}",
        target.seen()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_down_or_hangs_does_no_harm() {
    let hanging = Receiver::start().await;
    hanging.script(EXPORTS, &[Reply::status(200).after_ms(60_000)]);
    let refusing = Receiver::start().await;
    refusing.script(EXPORTS, &[Reply::status(503)]);
    // Nobody listens at the first. A call that hangs may be given up during the test or after it.
    for (collector, must_tell) in [
        ("http://127.0.0.1:1".to_owned(), true),
        (refusing.url(), true),
        (hanging.url(), false),
    ] {
        let mut installation = Installation::start_with(1, &exporting_to(&collector)).await;
        let gate = installation.gate;
        let first = resident(&installation);
        for _ in 0..5 {
            run_many(gate).await;
        }
        for (name, before) in first {
            let now = resident(&installation)[&name];
            assert!(
                now < before + GROWTH_KIB_MAX,
                "{name} grew from {before} KiB to {now} KiB without its collector {collector}"
            );
        }
        for process in &mut installation.processes {
            let asked = Instant::now();
            process.end();
            assert!(
                asked.elapsed() < Duration::from_secs(5),
                "{} took {:?} to end",
                process.name,
                asked.elapsed()
            );
            let log = process.log();
            let told = log
                .matches("the trace collector does not take spans")
                .count();
            // Whoever had nothing to send has nothing to tell.
            assert!(told <= 1, "{}: {log}", process.name);
            assert!(!log.contains("ERROR"), "{}: {log}", process.name);
        }
        let told = installation
            .processes
            .iter()
            .filter(|process| process.log().contains("the trace collector does not"));
        assert!(
            told.count() > 0 || !must_tell,
            "nobody tells that {collector} takes no spans"
        );
    }
}

/// Far above what a run needs, far below what keeping all spans would.
const GROWTH_KIB_MAX: u64 = 40 * 1024;

/// Starts a good number of executions at once and waits for their ends.
async fn run_many(gate: Gate) {
    let noop = |reference: usize| {
        let before: Vec<String> = (reference > 1)
            .then(|| (reference - 1).to_string())
            .into_iter()
            .collect();
        json!({"refId": reference.to_string(), "requisiteStageRefIds": before, "type": "noop", "name": "Nothing", "pool": "notify"})
    };
    let stages: Vec<Value> = (1..=10).map(noop).collect();
    let pipeline = json!({"application": "untraced", "name": "untraced", "stages": stages});
    let mut started = Vec::new();
    for _ in 0..20 {
        let answer = gate
            .ask("POST", "/pipelines/start", Some(&pipeline), None)
            .await;
        started.push(
            text(&answer, "ref")
                .trim_start_matches("/pipelines/")
                .to_owned(),
        );
    }
    for id in started {
        let ended = gate.wait_for_end(&id, WITHIN).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    }
}

fn exporting_to(url: &str) -> String {
    format!("[telemetry]\notlp_endpoint = \"{url}\"\n")
}

fn pipeline(target: &Receiver) -> Value {
    let url = |path: &str| format!("{}{path}?token={}", target.url(), SECRETS[2]);
    json!({
        "application": "traced", "name": "traced", "parameterConfig": [{"name": "token"}],
        "stages": [
            {
                "refId": "1", "requisiteStageRefIds": [], "type": "webhook", "name": "Call", "method": "POST",
                "url": url("/good"), "customHeaders": {"Authorization": SECRETS[0]},
                "payload": {"password": SECRETS[1], "token": "${parameters.token}"},
            },
            {
                "refId": "2", "requisiteStageRefIds": ["1"], "type": "webhook", "name": "Fail", "method": "PUT",
                "url": url("/bad"), "failPipeline": false, "continuePipeline": true,
            },
            {"refId": "3", "requisiteStageRefIds": ["2"], "type": "wait", "name": "Wait", "waitTime": 1},
        ],
    })
}

/// One root, and every other span below the one it belongs to.
fn check_tree(tree: &[&Sent], ended: &Value) {
    let ids: BTreeSet<&[u8]> = tree.iter().map(|sent| sent.id()).collect();
    assert_eq!(ids.len(), tree.len(), "a span was sent twice");
    let named =
        |name: &str| -> Vec<&&Sent> { tree.iter().filter(|sent| sent.span.name == name).collect() };
    let [root] = named("execution")[..] else {
        panic!("not one root: {}", outline(tree));
    };
    assert_eq!(root.span.parent_span_id, [0_u8; 0], "{}", outline(tree));
    assert_eq!(root.roles, "scheduler");
    assert_eq!(root.attribute("application"), "traced");
    assert_eq!(root.attribute("execution.status"), "SUCCEEDED");

    for (reference, kind, has_tasks, is_error) in [
        ("1", "webhook", true, false),
        ("2", "webhook", true, true),
        ("3", "wait", false, false),
    ] {
        let known = stage(ended, reference);
        let found: Vec<&&Sent> = named(&format!("stage {kind}"))
            .into_iter()
            .filter(|sent| sent.attribute("stage.ref_id") == reference)
            .collect();
        let [found] = found[..] else {
            panic!("stage {reference} has not one span: {}", outline(tree));
        };
        assert_eq!(found.span.parent_span_id, root.id(), "{}", outline(tree));
        assert_eq!(found.roles, "scheduler");
        assert_eq!(found.attribute("stage.name"), text(known, "name"));
        assert_eq!(found.attribute("stage.status"), text(known, "status"));
        let code = found.span.status.as_ref().map_or(0, |status| status.code);
        assert_eq!(
            code == StatusCode::Error as i32,
            is_error,
            "{}",
            outline(tree)
        );
        let ms = |field: &str| known[field].as_u64().unwrap() * 1_000_000;
        assert_eq!(found.span.start_time_unix_nano, ms("startTime"));
        assert_eq!(found.span.end_time_unix_nano, ms("endTime"));

        let tasks: Vec<&&Sent> = tree
            .iter()
            .filter(|sent| sent.roles == "worker" && sent.attribute("stage.ref_id") == reference)
            .collect();
        assert_eq!(!tasks.is_empty(), has_tasks, "{}", outline(tree));
        for task in tasks {
            assert_eq!(task.span.parent_span_id, found.id(), "{}", outline(tree));
            assert_eq!(task.attribute("task.kind"), task.span.name);
            assert!(
                task.span.start_time_unix_nano >= found.span.start_time_unix_nano,
                "a task begins before its stage: {}",
                outline(tree)
            );
        }
    }
    let roots = tree
        .iter()
        .filter(|sent| !ids.contains(&sent.span.parent_span_id[..]));
    assert_eq!(roots.count(), 1, "{}", outline(tree));
}

/// The request that started it: in its caller's trace, with a link to the execution's.
fn check_request(sent: &[Sent], trace_id: &[u8], execution: &str) {
    let requests: Vec<&Sent> = sent
        .iter()
        .filter(|sent| sent.roles == "gate" && hex(&sent.span.trace_id) == CALLERS_TRACE)
        .collect();
    let [request] = requests[..] else {
        panic!("not one request: {}", outline(&requests));
    };
    assert_eq!(hex(&request.span.parent_span_id), CALLERS_SPAN);
    assert_eq!(request.span.kind, SpanKind::Server as i32);
    assert!(
        request.span.name.starts_with("POST /pipelines/{"),
        "{}",
        request.span.name
    );
    assert_eq!(request.attribute("execution.id"), execution);
    assert_eq!(request.attribute("http.response.status_code"), "202");
    let links: Vec<&[u8]> = request
        .span
        .links
        .iter()
        .map(|link| &link.trace_id[..])
        .collect();
    assert_eq!(links, [trace_id]);
}

/// The trace id of an execution: its ULID, in hexadecimal.
fn trace_of(id: &str) -> Vec<u8> {
    const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let value = id.chars().fold(0_u128, |value, c| {
        (value << 5) | DIGITS.find(c).unwrap() as u128
    });
    value.to_be_bytes().to_vec()
}

fn exports(collector: &Receiver) -> Vec<Vec<u8>> {
    let seen = collector.seen().into_iter();
    seen.filter(|seen| seen.method == "POST" && seen.path == EXPORTS)
        .map(|seen| seen.body)
        .collect()
}

/// Everything that was sent.
fn spans(collector: &Receiver) -> Vec<Sent> {
    let mut sent = Vec::new();
    for export in exports(collector) {
        let request = ExportTraceServiceRequest::decode(&export[..]).unwrap();
        for of_process in request.resource_spans {
            let resource = of_process.resource.unwrap_or_default();
            assert_eq!(attribute(&resource.attributes, "service.name"), "gennaker");
            let roles = attribute(&resource.attributes, "gennaker.roles");
            for span in of_process
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans)
            {
                let roles = roles.clone();
                sent.push(Sent { roles, span });
            }
        }
    }
    sent
}

fn attribute(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|pair| pair.key == name);
    match found.and_then(|pair| pair.value.as_ref()?.value.as_ref()) {
        Some(Attribute::StringValue(text)) => text.clone(),
        Some(Attribute::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn outline(spans: &[&Sent]) -> String {
    let line = |sent: &&Sent| {
        let (span, parent) = (hex(sent.id()), hex(&sent.span.parent_span_id));
        format!(
            "{} {span} below {parent:?} from {}",
            sent.span.name, sent.roles
        )
    };
    spans.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Resident memory of each process, in KiB.
fn resident(installation: &Installation) -> BTreeMap<String, u64> {
    let of = |pid: u32| {
        let shown = std::process::Command::new("ps")
            .args(["-o", "rss=", "-p", &pid.to_string()])
            .output()
            .unwrap();
        String::from_utf8_lossy(&shown.stdout)
            .trim()
            .parse()
            .unwrap()
    };
    let processes = installation.processes.iter();
    processes
        .map(|process| (process.name.clone(), of(process.pid())))
        .collect()
}
