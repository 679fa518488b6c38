//! The example of `deploy/examples/two-zones`, as it is shipped, on two control planes with workers of two zones.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gennaker_testkit::kube::Cluster;
use gennaker_tests::gate::{Gate, outline, stage};
use gennaker_tests::installation::Installation;
use gennaker_tests::receiver::Receiver;
use gennaker_tests::way::Way;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const WITHIN: Duration = Duration::from_secs(120);

/// Each worker that is lost in the middle of a write costs the time in which its request could still arrive.
const ALL_KILLS_WITHIN: Duration = Duration::from_secs(600);

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
async fn asked(gate: &Gate, id: &str, name: &str, within: Duration) -> String {
    let asked = |document: &Value| {
        let stages = document["stages"].as_array().into_iter().flatten();
        let mut running =
            stages.filter(|stage| stage["name"] == name && stage["status"] == "RUNNING");
        running
            .next()
            .map(|stage| stage["id"].as_str().unwrap().to_owned())
    };
    let document = gate
        .wait_for(id, name, within, |document| asked(document).is_some())
        .await;
    format!("/pipelines/{id}/stages/{}", asked(&document).unwrap())
}

async fn judge(gate: &Gate, id: &str, name: &str, input: &str, within: Duration) {
    let path = asked(gate, id, name, within).await;
    let decision = json!({"judgmentStatus": "continue", "judgmentInput": input});
    gate.ask("PATCH", &path, Some(&decision), None).await;
}

async fn installation(two: &Path, three: &Path) -> Installation {
    let mut installation = Installation::start_with(1, &settings(two, three)).await;
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
    let (two, three) = zones.kubeconfigs();
    let mut installation = installation(&two, &three).await;
    let gate = installation.gate;

    let first = start(&gate, "1.0", &receiver).await;
    asked(&gate, &first, "Judge zone three", WITHIN).await;
    assert_eq!(
        (Zones::image(&zones.three), Zones::image(&zones.two)),
        (image("1.0"), None),
        "one zone after the other"
    );
    assert_eq!(zones.weight(), "0");
    judge(&gate, &first, "Judge zone three", "go on", WITHIN).await;
    judge(&gate, &first, "Judge zone two", "go on", WITHIN).await;
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
    judge(&gate, &second, "Judge zone three", "undo", WITHIN).await;
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
    judge(&gate, &third, "Judge zone three", "go on", WITHIN).await;
    judge(&gate, &third, "Judge zone two", "go on", WITHIN).await;
    let done = gate.wait_for_end(&third, WITHIN).await;
    assert_eq!(done["status"], "SUCCEEDED", "{}", outline(&done));
    assert_eq!(
        (Zones::image(&zones.three), Zones::image(&zones.two)),
        (image("3.0"), image("3.0"))
    );
    installation.check_processes();
}

/// All workers of both zones die whenever a write was made and its answer is under way, and when one begins to wait for what it
/// wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_works_is_killed_at_each_task_and_each_write_arrives_once() {
    let zones = tokio::task::spawn_blocking(Zones::start).await.unwrap();
    let receiver = Receiver::start().await;
    let (sender, mut held) = tokio::sync::mpsc::unbounded_channel();
    let two = Way::open(&zones.two, "way-two", sender.clone()).await;
    let three = Way::open(&zones.three, "way-three", sender).await;
    let mut installation = installation(two.kubeconfig(), three.kubeconfig()).await;
    let gate = installation.gate;

    let execution = start(&gate, "1.0", &receiver).await;
    let id = execution.clone();
    let mut people = JoinSet::new();
    people.spawn(async move {
        judge(&gate, &id, "Judge zone three", "go on", ALL_KILLS_WITHIN).await;
        judge(&gate, &id, "Judge zone two", "go on", ALL_KILLS_WITHIN).await;
        gate.wait_for_end(&id, ALL_KILLS_WITHIN).await
    });
    let mut kills = Vec::new();
    let done = loop {
        if let Some(done) = people.try_join_next() {
            break done.unwrap();
        }
        let next = tokio::time::timeout(Duration::from_millis(200), held.recv()).await;
        let Ok(Some(request)) = next else { continue };
        kills.push(request);
        for zone in ["zone-2", "zone-3"] {
            installation.process(zone).kill_9();
        }
        for zone in ["zone-2", "zone-3"] {
            installation.process(zone).start_again();
        }
    };
    assert_eq!(done["status"], "SUCCEEDED", "{}", outline(&done));
    assert_eq!(zones.weights(), ["0", "50", "100", "50"], "each once");
    assert_eq!(zones.three.writes("shop"), ["create deployments shop"]);
    let patch = "patch ingresses shop-zone-3";
    let writes = zones.two.writes("shop");
    let wanted = [patch, patch, patch, "create deployments shop", patch];
    assert_eq!(writes, wanted, "after {kills:#?}");
    let count = |what: &str| kills.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!(
        (count("PATCH "), count("POST ")),
        (4, 2),
        "a worker was killed at each write: {kills:#?}"
    );
    assert_eq!(
        count("GET "),
        2,
        "and while it waits for a Deployment of each zone: {kills:#?}"
    );
    installation.check_processes();
}
