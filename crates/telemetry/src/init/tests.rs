use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use tracing::{debug, error_span, info, info_span, warn};

use super::*;
use crate::export::{Post, Posted};
use crate::trace::{Finished, SpanExt, TraceContext, current_traceparent, record};

/// What was logged.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Paper {
    type Writer = Paper;

    fn make_writer(&self) -> Paper {
        self.clone()
    }
}

fn config(format: Format, filter: &str) -> Config {
    Config {
        format,
        filter: filter.to_owned(),
        roles: vec!["gate".to_owned()],
        otlp: None,
    }
}

/// Logs under a subscriber and returns the lines without their times.
fn logged(config: &Config, colours: bool, say: impl FnOnce()) -> String {
    let paper = Paper::default();
    let (subscriber, _) = build(config, paper.clone(), colours).unwrap();
    tracing::subscriber::with_default(subscriber, say);
    paper.text()
}

#[test]
fn text_lines_are_sentences_with_fields() {
    let text = logged(&config(Format::Text, "info"), false, || {
        let outer = info_span!(
            "execution",
            execution.id = "01A",
            later = tracing::field::Empty
        );
        let _outer = outer.enter();
        outer.record("later", "two words");
        let _inner = error_span!("stage", stage.ref_id = %"7").entered();
        info!(status = "SUCCEEDED", tries = 3, "stage {} finished", "wait");
        debug!("not shown");
        warn!(text = "a\nb", shown = %"c\nd\u{1b}[31m", "line\nfeed");
    });
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.split_once(' ').unwrap().1)
        .collect();
    let spans = r#"execution.id=01A later="two words" stage.ref_id=7"#;
    assert_eq!(
        lines,
        [
            format!("INFO  stage wait finished status=SUCCEEDED tries=3 {spans}"),
            format!(r#"WARN  line\nfeed text="a\nb" shown=c\nd\u{{1b}}[31m {spans}"#),
        ]
    );
    assert!(text.starts_with("20") && text.contains("Z INFO"), "{text}");
}

#[test]
fn colours_only_when_asked_for() {
    let say = || info!("hello");
    assert!(!logged(&config(Format::Text, "info"), false, say).contains('\u{1b}'));
    assert!(
        logged(&config(Format::Text, "info"), true, say).contains("\u{1b}[32mINFO \u{1b}[0m hello")
    );
}

#[test]
fn json_lines_have_flat_fields() {
    let text = logged(
        &config(Format::Json, "warn,gennaker_telemetry=info"),
        false,
        || {
            let _span = info_span!("execution", execution.id = "01A").entered();
            info!(status = "RUNNING", "stage started");
        },
    );
    for part in [
        r#""level":"INFO""#,
        r#""message":"stage started""#,
        r#""status":"RUNNING""#,
        r#""execution.id":"01A""#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn a_bad_filter_and_a_bad_endpoint_are_errors() {
    let error = build(&config(Format::Text, "gennaker=loud"), io::stderr, false)
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .starts_with("the log filter \"gennaker=loud\" is not understood"),
        "{error}"
    );
    let mut with_traces = config(Format::Text, "info");
    with_traces.otlp = Some(Otlp {
        endpoint: "collector:4318".to_owned(),
        post: Arc::new(Collector::default()),
    });
    assert!(matches!(
        build(&with_traces, io::stderr, false).err(),
        Some(Error::NoRuntime)
    ));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    assert!(matches!(
        build(&with_traces, io::stderr, false).err(),
        Some(Error::Endpoint { .. })
    ));
}

#[test]
fn without_traces_there_is_no_traceparent() {
    let _ = logged(&config(Format::Text, "info"), false, || {
        let span = info_span!("task");
        assert!(span.set_parent_from(&TraceContext::of_execution("x").to_string()));
        assert!(!span.set_parent_from("nonsense"));
        span.in_scope(|| assert_eq!(current_traceparent(), None));
    });
}

/// Keeps what was posted.
#[derive(Debug, Default)]
struct Collector(Mutex<Vec<(String, Vec<u8>)>>);

impl Post for Collector {
    fn post(
        &self,
        url: String,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Posted> + Send>> {
        assert!(
            headers.contains(&(
                "content-type".to_owned(),
                "application/x-protobuf".to_owned()
            )),
            "{headers:?}"
        );
        self.0.lock().unwrap().push((url, body));
        Box::pin(async {
            // The call is made on tokio's runtime, so its timers are there.
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok((200, Vec::new()))
        })
    }
}

/// The only test with a collector: where [`record`] sends to is one per process.
#[tokio::test]
async fn spans_of_two_processes_meet_in_one_trace() {
    let collector = Arc::new(Collector::default());
    let mut config = config(Format::Text, "warn");
    config.otlp = Some(Otlp {
        endpoint: "http://collector:4318/".to_owned(),
        post: Arc::<Collector>::clone(&collector),
    });
    let (subscriber, exporting) = build(&config, Paper::default(), false).unwrap();
    let guard = Guard::new(exporting);
    let root = TraceContext::of_execution("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    let sent_on = tracing::subscriber::with_default(subscriber, || {
        let span = info_span!("task_of_a_worker", task.id = "7");
        assert!(span.set_parent_from(&root.within("stage/1").to_string()));
        let started = info_span!("request_that_starts_another");
        started.link_to_execution("01BX5ZZKBKACTAV9WEVGEMMVRZ");
        drop(started);
        span.in_scope(current_traceparent).unwrap()
    });
    let sent_on = TraceContext::parse(&sent_on).unwrap();
    assert_eq!(sent_on.trace_id(), root.trace_id());
    assert_ne!(sent_on, root.within("stage/1"), "the worker's own span");
    record(Finished {
        place: root.within("stage/1"),
        parent: Some(root),
        name: "stage_of_the_scheduler".into(),
        start_ms: 1,
        end_ms: 2,
        error: None,
        attributes: Vec::new(),
    });
    tokio::time::timeout(Duration::from_secs(20), guard.shutdown())
        .await
        .unwrap();

    let posted = collector.0.lock().unwrap();
    assert!(
        posted
            .iter()
            .all(|(url, _)| url == "http://collector:4318/v1/traces")
    );
    let all: Vec<u8> = posted.iter().flat_map(|(_, body)| body.clone()).collect();
    let contains = |part: &[u8]| all.windows(part.len()).any(|window| window == part);
    for part in [
        "task_of_a_worker",
        "stage_of_the_scheduler",
        "task.id",
        "service.name",
        "gennaker.roles",
        "gate",
    ] {
        assert!(contains(part.as_bytes()), "{part}");
    }
    let linked = TraceContext::of_execution("01BX5ZZKBKACTAV9WEVGEMMVRZ").to_span_context();
    assert!(contains(&linked.trace_id().to_bytes()));
    assert!(contains(&linked.span_id().to_bytes()));
    assert!(contains(&root.to_span_context().trace_id().to_bytes()));
    assert!(contains(&root.within("stage/1").span_id().to_bytes()));
}
