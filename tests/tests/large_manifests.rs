//! Manifests of megabytes, from an artifact: what a cluster takes is deployed, and what it refuses is said in its own words.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use gennaker_testkit::kube::Cluster;
use gennaker_tests::gate::{outline, stage};
use gennaker_tests::installation::Dev;
use gennaker_tests::receiver::{Receiver, Reply};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(120);

const PLACE: &str = "large";

/// Megabytes that nothing makes smaller on the way.
fn text(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes);
    let mut state = 1_u32;
    while text.len() < bytes {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push(char::from(b'a' + u8::try_from(state >> 28).unwrap()));
    }
    text
}

fn map(name: &str, bytes: usize) -> Value {
    // An apply would keep a copy in an annotation, which takes 256 KiB.
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "annotations": {"strategy.spinnaker.io/replace": "true"}},
        "data": {"text": text(bytes)}})
}

/// No rule of its kind limits it, so that what is refused is refused by etcd.
fn moon(bytes: usize) -> Value {
    json!({"apiVersion": "large.gennaker.io/v1", "kind": "Moon",
        "metadata": {"name": "io", "annotations": {"strategy.spinnaker.io/replace": "true"}},
        "spec": {"text": text(bytes)}})
}

const DEFINITION: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: moons.large.gennaker.io}
spec:
  group: large.gennaker.io
  scope: Namespaced
  names: {kind: Moon, plural: moons, singular: moon}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_megabyte_is_deployed_and_three_are_refused_in_the_servers_words() {
    let kubeconfig = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::shared();
        cluster.namespace(PLACE);
        cluster.apply(DEFINITION);
        cluster.kubeconfig()
    })
    .await
    .unwrap();
    let dev = Dev::start_with(&[("KUBECONFIG", kubeconfig.to_str().unwrap())]).await;
    let gate = dev.gate;
    gate.save_application("shop").await;
    let cases = [
        ("1", map("fits", 1_000_000), None),
        (
            "2",
            map("kind", 1_500_000),
            Some("may not be more than 1048576 bytes"),
        ),
        (
            "3",
            map("body", 3_300_000),
            Some("Request entity too large: limit is 3145728"),
        ),
        (
            "4",
            moon(2_000_000),
            Some("etcdserver: request is too large"),
        ),
    ];
    let receiver = Receiver::start().await;
    for (name, manifest, _) in &cases {
        let mut reply = Reply::status(200);
        reply.body = manifest.to_string();
        receiver.script(&format!("/{name}.json"), &[reply]);
        let stages = json!([{"refId": "1", "type": "deployManifest", "name": "Deploy", "account": "testbed",
            "cloudProvider": "kubernetes", "moniker": {"app": "shop"}, "source": "artifact", "namespaceOverride": PLACE,
            "manifestArtifact": {"type": "http/file", "reference": format!("{}/{name}.json", receiver.url()),
                "artifactAccount": "no-auth-http-account"}}]);
        gate.save_pipeline(&json!({"application": "shop", "name": name, "stages": stages}))
            .await;
    }
    for (name, _, refusal) in &cases {
        let id = gate.start("shop", name, name).await;
        let done = gate.wait_for_end(&id, WITHIN).await;
        let said = &stage(&done, "1")["context"]["exception"]["details"]["errors"][0];
        let Some(refusal) = refusal else {
            assert_eq!(done["status"], "SUCCEEDED", "{}: {said}", outline(&done));
            continue;
        };
        assert_eq!(done["status"], "TERMINAL", "{}", outline(&done));
        let said = said.as_str().unwrap();
        assert!(said.contains(refusal), "{name}: {said}");
        assert!(!said.contains("tried"), "it will not fit later: {said}");
        assert!(
            said.len() < 2_000,
            "the refusal is not the object: {}",
            said.len()
        );
    }
    let there =
        tokio::task::spawn_blocking(|| Cluster::shared().get("configmap", PLACE, "fits-v000"))
            .await
            .unwrap();
    assert_eq!(there.unwrap()["data"]["text"], text(1_000_000));
    dev.check();
}
