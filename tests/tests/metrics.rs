//! What a server says about itself: `/metrics` can be read by Prometheus, `/health` is true, memory stays small.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::time::Duration;

use gennaker_tests::installation::Dev;
use serde_json::json;

const WITHIN: Duration = Duration::from_secs(30);
/// Far above what an idle server needs, also without optimisation: this finds leaks, not fat.
const RESIDENT_BYTES_MAX: f64 = 300e6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_well_formed_and_count() {
    let dev = Dev::start().await;
    let gate = dev.gate;
    let stages = json!([{"refId": "1", "requisiteStageRefIds": [], "type": "noop", "name": "Nothing", "pool": "notify"}]);
    let pipeline = json!({"application": "figures", "name": "one", "stages": stages});
    let started = gate
        .ask("POST", "/pipelines/start", Some(&pipeline), None)
        .await;
    let id = started["ref"]
        .as_str()
        .unwrap()
        .trim_start_matches("/pipelines/")
        .to_owned();
    gate.wait_for_end(&id, WITHIN).await;

    let answer = gate.try_call("GET", "/metrics", None).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(
        answer.headers["content-type"].starts_with("text/plain"),
        "{:?}",
        answer.headers
    );
    let page = answer.text();
    let families = check_exposition(&page);
    for family in [
        "gennaker_log_appends_total",
        "gennaker_executions",
        "gennaker_worker_tasks_total",
    ] {
        assert!(families.contains(family), "{family} is missing in {page}");
    }
    let value = |name: &str| {
        let line = page
            .lines()
            .find(|line| line.split(['{', ' ']).next() == Some(name))
            .unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert!(value("gennaker_log_appends_total") >= 1.0);
    // Figures about the process itself are there on Linux only.
    if cfg!(target_os = "linux") {
        let resident = value("process_resident_memory_bytes");
        assert!((1e6..RESIDENT_BYTES_MAX).contains(&resident), "{resident}");
    }
    dev.check();
}

/// Checks the text format of Prometheus line by line; the names of the families.
fn check_exposition(page: &str) -> BTreeSet<String> {
    let mut families = BTreeSet::new();
    let mut samples = BTreeSet::new();
    assert!(page.ends_with('\n'));
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(families.insert(name.to_owned()), "{name} is declared twice");
        } else if !line.starts_with('#') {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            assert!(
                value.parse::<f64>().is_ok() || ["+Inf", "-Inf", "NaN"].contains(&value),
                "{line}"
            );
            assert!(samples.insert(sample.to_owned()), "{sample} comes twice");
            let name = sample.split('{').next().unwrap();
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            assert!(name.chars().all(plain), "{line}");
            let of_histogram = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            let declared = families.contains(name)
                || of_histogram.is_some_and(|family| families.contains(family));
            assert!(declared, "{line} comes before its type");
        }
    }
    families
}
