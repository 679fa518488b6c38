//! The example of `deploy/examples/two-zones`, as it is shipped, on two control planes with workers of two zones.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gennaker_testkit::kube::Cluster;
use gennaker_tests::gate::{Gate, outline, stage};
use gennaker_tests::installation::Installation;
use gennaker_tests::receiver::Receiver;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(120);

const WEIGHT: &str = "nginx.ingress.kubernetes.io/canary-weight";

fn example(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/two-zones");
    std::fs::read_to_string(folder.join(file)).unwrap()
}

/// The example's settings with these kubeconfigs in place of its own.
fn settings(zone_2: &Path, zone_3: &Path) -> String {
    let text = example("gennaker.toml");
    let accounts = text.split_once("[[kubernetes.accounts]]").unwrap().1;
    let text = format!("[[kubernetes.accounts]]{accounts}");
    let name = |path: &Path| path.to_str().unwrap().to_owned();
    let text = text.replace("/etc/gennaker/kubeconfigs/zone-2", &name(zone_2));
    let text = text.replace("/etc/gennaker/kubeconfigs/zone-3", &name(zone_3));
    text.replace("/etc/gennaker/kubeconfigs/edge", &name(zone_2))
}

/// Two clusters; the balance is in the first one.
struct Zones {
    two: Cluster,
    three: Cluster,
}

impl Zones {
    fn start() -> Self {
        let zones = Self {
            two: Cluster::start(),
            three: Cluster::start(),
        };
        zones.two.apply(&example("edge.yaml"));
        zones.three.namespace("shop");
        zones
    }

    fn kubeconfigs(&self) -> (PathBuf, PathBuf) {
        (self.two.kubeconfig(), self.three.kubeconfig())
    }

    fn image(cluster: &Cluster) -> Option<String> {
        let shop = cluster.get("deployment", "shop", "shop")?;
        let image = &shop["spec"]["template"]["spec"]["containers"][0]["image"];
        Some(image.as_str().unwrap().to_owned())
    }

    fn weight(&self) -> String {
        let ingress = self.two.get("ingress", "shop", "shop-zone-3").unwrap();
        ingress["metadata"]["annotations"][WEIGHT]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The weights that were set, in order, as the API server recorded them.
    fn weights(&self) -> Vec<String> {
        let patches = self.two.audit().into_iter().filter(|line| {
            line["verb"] == "patch"
                && line["objectRef"]["name"] == "shop-zone-3"
                && line["stage"] == "ResponseComplete"
        });
        let weight = |line: Value| {
            let set = &line["requestObject"]["metadata"]["annotations"][WEIGHT];
            set.as_str().unwrap_or("none").to_owned()
        };
        patches.map(weight).collect()
    }
}

async fn start(gate: &Gate, tag: &str, receiver: &Receiver) -> String {
    let trigger = json!({"type": "manual", "parameters": {"tag": tag, "checkUrl": receiver.url()}});
    let started = gate
        .ask(
            "POST",
            "/pipelines/shop/two%20zones",
            Some(&trigger),
            Some(tag),
        )
        .await;
    started["ref"]
        .as_str()
        .unwrap()
        .trim_start_matches("/pipelines/")
        .to_owned()
}

/// Waits until a person is asked; the path at which to answer.
async fn asked(gate: &Gate, id: &str, name: &str) -> String {
    let asked = |document: &Value| {
        let stages = document["stages"].as_array().into_iter().flatten();
        let mut running =
            stages.filter(|stage| stage["name"] == name && stage["status"] == "RUNNING");
        running
            .next()
            .map(|stage| stage["id"].as_str().unwrap().to_owned())
    };
    let document = gate
        .wait_for(id, name, WITHIN, |document| asked(document).is_some())
        .await;
    format!("/pipelines/{id}/stages/{}", asked(&document).unwrap())
}

async fn judge(gate: &Gate, id: &str, name: &str, input: &str) {
    let path = asked(gate, id, name).await;
    let decision = json!({"judgmentStatus": "continue", "judgmentInput": input});
    gate.ask("PATCH", &path, Some(&decision), None).await;
}

async fn installation(zones: &Zones) -> Installation {
    let (two, three) = zones.kubeconfigs();
    let mut installation = Installation::start_with(1, &settings(&two, &three)).await;
    for zone in ["zone-2", "zone-3"] {
        installation.start_worker(zone, &["--pools", "deploy", "--zone", zone]);
    }
    let gate = installation.gate;
    gate.save_application("shop").await;
    gate.save_pipeline(&serde_json::from_str(&example("pipeline.json")).unwrap())
        .await;
    installation
}

fn image(tag: &str) -> Option<String> {
    Some(format!("registry.example.com/shop:{tag}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_goes_out_zone_by_zone_and_what_is_refused_is_undone() {
    let zones = tokio::task::spawn_blocking(Zones::start).await.unwrap();
    let receiver = Receiver::start().await;
    let mut installation = installation(&zones).await;
    let gate = installation.gate;

    let first = start(&gate, "1.0", &receiver).await;
    asked(&gate, &first, "Judge zone three").await;
    assert_eq!(
        (Zones::image(&zones.three), Zones::image(&zones.two)),
        (image("1.0"), None),
        "one zone after the other"
    );
    assert_eq!(zones.weight(), "0");
    judge(&gate, &first, "Judge zone three", "go on").await;
    judge(&gate, &first, "Judge zone two", "go on").await;
    let done = gate.wait_for_end(&first, WITHIN).await;
    assert_eq!(done["status"], "SUCCEEDED", "{}", outline(&done));
    assert_eq!(
        (Zones::image(&zones.three), Zones::image(&zones.two)),
        (image("1.0"), image("1.0"))
    );
    assert_eq!(zones.weights(), ["0", "50", "100", "50"], "each once");
    let checks: Vec<String> = receiver
        .seen()
        .iter()
        .map(|seen| seen.path.clone())
        .collect();
    assert_eq!(checks, ["/zone-3", "/zone-2"]);

    let second = start(&gate, "2.0", &receiver).await;
    judge(&gate, &second, "Judge zone three", "undo").await;
    let done = gate.wait_for_end(&second, WITHIN).await;
    assert_eq!(done["status"], "TERMINAL", "{}", outline(&done));
    assert_eq!(
        stage(&done, "5")["status"],
        "SUCCEEDED",
        "{}",
        outline(&done)
    );
    assert_eq!(
        (Zones::image(&zones.three), Zones::image(&zones.two)),
        (image("1.0"), image("1.0"))
    );
    assert_eq!(zones.weight(), "50");

    // Zone three loses its workers: what needs it says so, the rest goes on.
    installation.process("zone-3").kill_9();
    let third = start(&gate, "3.0", &receiver).await;
    let path = format!("/v2/executions/{third}/why");
    let until = Instant::now() + WITHIN;
    loop {
        let why = gate.call("GET", &path, None, None).await.text();
        if why.contains("zone-3") && why.contains("worker") {
            break;
        }
        assert!(
            Instant::now() < until,
            "nothing says that zone three has no workers: {why}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        zones.weight(),
        "0",
        "the balance could be changed without zone three"
    );
    let other = json!({"application": "shop", "name": "other", "stages": [{"refId": "1", "type": "deployManifest", "name": "Other",
        "account": "zone-2", "cloudProvider": "kubernetes", "moniker": {"app": "shop"}, "source": "text",
        "manifests": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other", "namespace": "shop"}, "data": {}}]}]});
    gate.save_pipeline(&other).await;
    let beside = gate.start("shop", "other", "other").await;
    assert_eq!(
        gate.wait_for_end(&beside, WITHIN).await["status"],
        "SUCCEEDED"
    );
    installation.process("zone-3").start_again();
    judge(&gate, &third, "Judge zone three", "go on").await;
    judge(&gate, &third, "Judge zone two", "go on").await;
    let done = gate.wait_for_end(&third, WITHIN).await;
    assert_eq!(done["status"], "SUCCEEDED", "{}", outline(&done));
    assert_eq!(
        (Zones::image(&zones.three), Zones::image(&zones.two)),
        (image("3.0"), image("3.0"))
    );
    installation.check_processes();
}
