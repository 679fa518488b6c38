//! An account that workers of two zones serve: whoever lives does what is asked, and finishes what a dead one began.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use gennaker_testkit::kube::Cluster;
use gennaker_tests::gate::{Gate, outline};
use gennaker_tests::installation::Installation;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(180);
const PLACE: &str = "both";
const MAPS: usize = 40;

fn pipeline(name: &str) -> Value {
    let map = |number: usize| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("{name}-{number}")},
            "data": {"by": name}})
    };
    let manifests: Vec<Value> = (0..MAPS).map(map).collect();
    json!({"application": "shop", "name": name, "stages": [{"refId": "1", "type": "deployManifest", "name": "Deploy",
        "account": "both", "cloudProvider": "kubernetes", "moniker": {"app": "shop"}, "source": "text",
        "namespaceOverride": PLACE, "manifests": manifests}]})
}

async fn writes() -> Vec<String> {
    tokio::task::spawn_blocking(|| Cluster::shared().writes(PLACE))
        .await
        .unwrap()
}

async fn until_written(count: usize) {
    let until = Instant::now() + WITHIN;
    while writes().await.len() < count {
        assert!(Instant::now() < until, "{:?}", writes().await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn ends(gate: &Gate, id: &str) {
    let done = gate.wait_for_end(id, WITHIN).await;
    assert_eq!(done["status"], "SUCCEEDED", "{}", outline(&done));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_of_two_zones_is_served_by_whoever_lives() {
    let kubeconfig = tokio::task::spawn_blocking(|| {
        Cluster::shared().namespace(PLACE);
        Cluster::shared().kubeconfig()
    })
    .await
    .unwrap();
    let settings = format!(
        "[[kubernetes.accounts]]\nname = \"both\"\nzone = \"east\"\nzones = [\"west\"]\nkubeconfig_file = {kubeconfig:?}\n"
    );
    let mut installation = Installation::start_with(1, &settings).await;
    installation.start_worker("east", &["--pools", "deploy", "--zone", "east"]);
    let gate = installation.gate;
    gate.save_application("shop").await;
    for name in ["one", "two", "three"] {
        gate.save_pipeline(&pipeline(name)).await;
    }

    // East dies in the middle; west, which was not there when the task began, goes on.
    let one = gate.start("shop", "one", "one").await;
    until_written(MAPS / 5).await;
    installation.process("east").kill_9();
    let half = writes().await.len();
    installation.start_worker("west", &["--pools", "deploy", "--zone", "west"]);
    ends(&gate, &one).await;
    assert!(half < MAPS, "east was killed before it was done");

    // East is away, and what comes new goes to west.
    let two = gate.start("shop", "two", "two").await;
    ends(&gate, &two).await;

    // And the other way round.
    let three = gate.start("shop", "three", "three").await;
    until_written(2 * MAPS + MAPS / 5).await;
    installation.process("west").kill_9();
    installation.process("east").start_again();
    ends(&gate, &three).await;

    let mut all = writes().await;
    all.sort();
    let names = ["one", "two", "three"].into_iter().flat_map(|name| {
        (0..MAPS).map(move |number| format!("create configmaps {name}-{number}-v000"))
    });
    let mut wanted: Vec<String> = names.collect();
    wanted.sort();
    assert_eq!(all, wanted, "each once");
    installation.process("west").start_again();
    installation.check_processes();
}
