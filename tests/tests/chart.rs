//! The chart in `deploy/helm`: rendered by Helm, tried against a real API server, and its broker's configuration by a broker.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use gennaker_testkit::{bakers::HELM3, kube::Cluster};

/// A release of Kubernetes that the chart is rendered for.
const KUBERNETES: &str = "1.36.0";

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// What `helm template` says of the chart with these further arguments.
fn rendered(more: &[&str]) -> Result<String, String> {
    let output = Command::new(HELM3.path())
        .current_dir(top())
        .args([
            "template",
            "gennaker",
            "deploy/helm/gennaker",
            "--namespace",
            "gennaker",
        ])
        .args(["--kube-version", KUBERNETES])
        .args(more)
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

/// Everything that can be switched on.
const ALL: &[&str] = &[
    "--set",
    "ingress.enabled=true,ingress.pathPrefix=/gennaker/,ingress.tlsSecret=cert,broker.spreadByZone=true",
    "--set",
    "inCluster.namespaces={shop}",
    "--set",
    "workers[0].name=deploy-b,workers[0].pool=deploy,workers[0].zone=b,workers[0].replicas=2",
    "--set",
    "workers[0].secrets[0].secretName=kubeconfigs,workers[0].secrets[0].mountPath=/etc/gennaker/kubeconfigs",
    "--set",
    "networkPolicy.metricsFrom[0].podSelector.matchLabels.app=prometheus",
];

#[test]
fn helm_finds_nothing_wrong_with_the_chart() {
    let output = Command::new(HELM3.path())
        .current_dir(top())
        .args([
            "lint",
            "--strict",
            "deploy/helm/gennaker",
            "--kube-version",
            KUBERNETES,
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn an_api_server_takes_what_the_chart_makes() {
    let cluster = cluster();
    for more in [&[] as &[&str], ALL] {
        let manifests = rendered(more).unwrap();
        let answer = cluster.kubectl_with(
            &["apply", "--dry-run=server", "--validate=strict", "-f", "-"],
            &manifests,
        );
        let said = answer.unwrap_or_else(|problem| panic!("{more:?}: {problem}"));
        assert!(
            said.lines().count() > 20
                && said.lines().all(|line| line.ends_with("(server dry run)")),
            "{said}"
        );
    }
}

#[test]
fn the_plain_manifests_are_what_the_chart_makes() {
    let made = rendered(&["--values", "deploy/kubernetes/values.yaml"]).unwrap();
    let stored = std::fs::read_to_string(top().join("deploy/kubernetes/gennaker.yaml")).unwrap();
    assert!(
        made == stored,
        "deploy/kubernetes/gennaker.yaml is out of date: run `cargo xtask generate`"
    );
    assert!(
        !made.contains("kind: Secret\n"),
        "nothing in the file is secret"
    );
    cluster()
        .kubectl_with(
            &["apply", "--dry-run=server", "--validate=strict", "-f", "-"],
            &made,
        )
        .unwrap();
}

#[test]
fn values_that_cannot_be_used_say_so() {
    for (set, said) in [
        ("broker.nodes=2", "broker.nodes: 1, 3 or 5"),
        ("broker.partitions=12", "broker.usersConf"),
        ("broker.enabled=false", "broker.urls"),
        (
            "broker.enabled=false,broker.urls={nats://x:4222}",
            "broker.auth.existingSecret",
        ),
        (
            "broker.tls.mode=existingSecret",
            "broker.tls.existingSecret",
        ),
    ] {
        let problem = rendered(&["--set", set]).unwrap_err();
        assert!(problem.contains(said), "{set}: {problem}");
    }
}

#[test]
fn a_broker_takes_the_configuration_that_the_chart_makes() {
    for mode in ["none", "generated"] {
        let folder = tempfile::tempdir().unwrap();
        let made = rendered(&["--set", &format!("broker.tls.mode={mode}")]).unwrap();
        for file in ["nats.conf", "users.conf"] {
            let text = block(&made, file);
            // What pods have mounted is not here.
            let text = text.replace(
                "/run/secrets/nats/",
                &format!("{}/", folder.path().display()),
            );
            std::fs::write(folder.path().join(file), text).unwrap();
        }
        for file in ["tls.crt", "tls.key", "ca.crt"] {
            if mode == "generated" {
                let decoded = Command::new("base64")
                    .arg("-d")
                    .stdin_text(&value(&made, file));
                std::fs::write(folder.path().join(file), decoded).unwrap();
            }
        }
        let mut server = Command::new(gennaker_testkit::nats::find());
        server
            .args(["-t", "-c"])
            .arg(folder.path().join("nats.conf"))
            .env("POD_NAME", "gennaker-broker-0");
        for user in [
            "SCHEDULER",
            "WORKER_DEPLOY",
            "WORKER_JENKINS",
            "WORKER_CANARY",
            "WORKER_NOTIFY",
            "TRIGGERS",
            "GATE",
            "SYSTEM",
        ] {
            server.env(format!("GENNAKER_NATS_{user}_PASSWORD"), "secret");
        }
        let output = server.output().unwrap();
        assert!(
            output.status.success(),
            "{mode}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// The API may speak https, and ask for certificates: then a kubelet, or Prometheus, has to look elsewhere.
#[test]
fn health_and_metrics_are_not_asked_of_the_api() {
    let made = rendered(&[]).unwrap();
    let parts: Vec<&str> = made
        .split("\n---\n")
        .filter(|part| part.contains("\nkind: Deployment\n"))
        .collect();
    assert!(parts.len() > 5, "{made}");
    for part in parts {
        for wanted in [
            "httpGet: { path: /health, port: probes }",
            "{ name: probes, containerPort: 8085 }",
            "{ name: GENNAKER_TELEMETRY__LISTEN, value: \"0.0.0.0:8085\" }",
        ] {
            assert!(part.contains(wanted), "{wanted} is not in {part}");
        }
    }
}

/// Nothing here can build the image; what pods and settings expect of it is at least in its recipe.
#[test]
fn the_image_has_what_pods_run() {
    let read = |path: &str| std::fs::read_to_string(top().join(path)).unwrap();
    let recipe = read("deploy/Dockerfile");
    let made = rendered(&[]).unwrap();
    for (of_pod, of_image) in [
        ("runAsUser: 10001", "USER 10001:10001"),
        // ssh, which fetches repositories, refuses users without a name.
        ("runAsUser: 10001", "useradd --uid 10001 --gid 10001"),
        ("runAsGroup: 10001", "groupadd --gid 10001"),
    ] {
        assert!(made.contains(of_pod), "{of_pod}");
        assert!(recipe.contains(of_image), "{of_image}");
    }
    for program in [
        "/usr/local/bin/gennaker",
        " git ",
        " openssh-client ",
        "ca-certificates",
    ] {
        assert!(recipe.contains(program), "{program}");
    }
    // The tools that bake are those that the tests bake with.
    for tool in ["helm3", "helm4", "kustomize", "helmfile"] {
        let source = read(&format!("crates/xtask/src/tools/{tool}.rs"));
        let package = source.split_once("package: \"").unwrap().1;
        let package = package.split_once('"').unwrap().0;
        assert!(recipe.contains(package), "{package} is not in the image");
    }
    let toolchain = read("rust-toolchain.toml");
    let release = toolchain.split_once("channel = \"").unwrap().1;
    let release = release.split_once('"').unwrap().0;
    assert!(
        recipe.contains(&format!("FROM rust:{release}-"))
            && recipe.contains(&format!("RUSTUP_TOOLCHAIN={release}")),
        "the image is built by Rust {release}"
    );
}

/// A cluster with the namespaces that the chart is for.
fn cluster() -> &'static Cluster {
    static NAMESPACES: Once = Once::new();
    let cluster = Cluster::shared();
    NAMESPACES.call_once(|| {
        ["gennaker", "shop"]
            .map(|name| cluster.namespace(name))
            .into_iter()
            .collect()
    });
    cluster
}

/// The block of text under a key of a ConfigMap.
fn block(manifests: &str, key: &str) -> String {
    let start = format!("  {key}: |\n");
    let rest = manifests.split_once(&start).unwrap().1;
    let lines = rest
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "));
    lines
        .map(|line| format!("{}\n", line.trim_start_matches("    ")))
        .collect()
}

/// The value of a key that stands on one line.
fn value(manifests: &str, key: &str) -> String {
    let start = format!("\n  {key}: ");
    let rest = manifests.split_once(&start).unwrap().1;
    rest.lines().next().unwrap().to_owned()
}

/// Runs a filter.
trait Filter {
    fn stdin_text(&mut self, text: &str) -> Vec<u8>;
}

impl Filter for Command {
    fn stdin_text(&mut self, text: &str) -> Vec<u8> {
        use std::io::Write as _;
        use std::process::Stdio;
        let mut child = self
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap().stdout
    }
}
