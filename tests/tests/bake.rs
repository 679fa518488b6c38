//! Manifests baked by the product: accounts from settings, the real Helm and Kustomize, and what the API says about accounts.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_testkit::bakers;
use gennaker_tests::gate::stage;
use gennaker_tests::installation::Installation;
use gennaker_tests::receiver::{Receiver, Reply};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_bakes_with_helm_and_then_with_kustomize() {
    let receiver = Receiver::start().await;
    let file = |body: &str| Reply {
        body: body.to_owned(),
        ..Reply::status(200)
    };
    receiver.script("/values.yml", &[file("color: green\n")]);
    receiver.script(
        "/k8s/kustomization.yaml",
        &[file("namePrefix: prod-\nresources: [config.yml]\n")],
    );
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n";
    receiver.script("/k8s/config.yml", &[file(config)]);
    let settings = format!(
        "[bake]\nhelm3 = {:?}\nkustomize = {:?}\n\n[[artifacts.http]]\nname = \"files\"\nusername = \"anna\"\npassword = \"pw\"\n\
         hosts = [\"{}\"]\n",
        bakers::HELM3.path(),
        bakers::KUSTOMIZE.path(),
        receiver.url()
    );
    let installation = Installation::start_with_pools(1, &["notify", "deploy"], &settings).await;
    let gate = installation.gate;

    let accounts = gate.ask("GET", "/artifacts/credentials", None, None).await;
    let files = json!({"name": "files", "types": ["http/file"]});
    assert!(accounts.as_array().unwrap().contains(&files), "{accounts}");

    let values =
        json!({"type": "http/file", "reference": format!("{}/values.yml", receiver.url())});
    let kustomization = json!({"type": "http/file", "reference": format!("{}/k8s/kustomization.yaml", receiver.url())});
    let chart = json!({"type": "embedded/base64", "name": "web.tgz", "reference": STANDARD.encode(chart())});
    let expected = |name: &str| json!([{"id": name, "matchArtifact": {"type": "embedded/base64", "name": name}}]);
    let stages = json!([
        {"refId": "1", "type": "bakeManifest", "name": "Helm", "templateRenderer": "HELM3", "outputName": "shop",
         "overrides": {"tag": "${parameters.tag}"}, "expectedArtifacts": expected("helm"),
         "inputArtifacts": [{"account": "embedded-artifact", "artifact": chart}, {"account": "files", "artifact": values}]},
        {"refId": "2", "requisiteStageRefIds": ["1"], "type": "bakeManifest", "name": "Kustomize", "templateRenderer": "KUSTOMIZE",
         "inputArtifact": {"account": "files", "artifact": kustomization}, "expectedArtifacts": expected("kustomize")},
        {"refId": "3", "requisiteStageRefIds": ["2"], "type": "bakeManifest", "name": "Nobody", "templateRenderer": "KUSTOMIZE",
         "inputArtifact": {"account": "nobody", "artifact": kustomization}, "expectedArtifacts": expected("none")}
    ]);
    gate.save_application("shop").await;
    let parameters = json!([{"name": "tag", "default": "1.10"}]);
    let pipeline = json!({"application": "shop", "name": "bake", "stages": stages, "parameterConfig": parameters});
    gate.save_pipeline(&pipeline).await;
    let id = gate.start("shop", "bake", "bake").await;
    let ended = gate.wait_for_end(&id, WITHIN).await;

    let baked = text_of(stage(&ended, "1"));
    for line in ["name: shop", "tag: \"1.10\"", "color: green"] {
        assert!(baked.contains(line), "{line} in {baked}");
    }
    let bound = &stage(&ended, "1")["outputs"]["resolvedExpectedArtifacts"][0]["boundArtifact"];
    assert_eq!(bound["name"], "helm");
    let built = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: prod-web\n";
    assert_eq!(text_of(stage(&ended, "2")), built);
    let failed = stage(&ended, "3");
    assert_eq!(failed["status"], "TERMINAL", "{failed:#}");
    let said = &failed["context"]["exception"]["details"]["errors"][0];
    assert_eq!(
        said,
        "Credentials 'nobody' supporting artifact type 'http/file' cannot be found"
    );
    let asked = receiver.seen();
    assert!(!asked.is_empty());
    for one in asked {
        assert_eq!(one.authorization.as_deref(), Some("Basic YW5uYTpwdw=="));
    }
}

/// The text of the artifact that a stage has put out.
fn text_of(stage: &Value) -> String {
    let reference = stage["outputs"]["artifacts"][0]["reference"].as_str();
    let reference = reference.unwrap_or_else(|| panic!("{stage:#}"));
    String::from_utf8(STANDARD.decode(reference).unwrap()).unwrap()
}

fn chart() -> Vec<u8> {
    let files = [
        (
            "web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 0.1.0\n",
        ),
        (
            "web/templates/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  tag: {{ .Values.tag | quote }}\n  \
             color: {{ .Values.color }}\n",
        ),
    ];
    bakers::archive(&files)
}
