//! What a person reads when something is wrong.

use gennaker_settings::KubernetesAccount;
use gennaker_testkit::kube::Cluster;
use serde_json::{Value, json};

use super::{
    deploying::{account, config_map, deployment},
    *,
};

fn secret(name: &str, fields: Value) -> Value {
    let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}});
    secret
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    secret
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_manifests_are_refused_with_a_sentence() {
    let mut fixture = Fixture::new("wrong").await;
    let large = "x".repeat(400 << 10);
    for (manifests, words) in [
        (
            json!([{"apiVersion": "v9", "kind": "Moon", "metadata": {"name": "m"}}]),
            "Moon",
        ),
        (
            json!([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}]),
            "document 1: malformed manifest (ConfigMap): no field `metadata.name`",
        ),
        (
            json!([{"apiVersion": "v1", "metadata": {"name": "x"}}]),
            "kind",
        ),
        (
            json!([
                config_map("a", json!({})),
                config_map("a", json!({"b": "c"}))
            ]),
            "configMap a",
        ),
        (
            json!([config_map("large", json!({"a": large}))]),
            "strategy.spinnaker.io/replace",
        ),
        (
            json!([{"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}}]),
            "event",
        ),
        (json!([]), "there is no manifest to deploy"),
        (json!("text"), "manifests"),
        (
            json!([{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w"}, "spec": {"replicas": "{{many}}"}}]),
            "Deploy failed for manifest: deployment w. Error: ",
        ),
    ] {
        let outcome = fixture
            .run(
                "deployManifest",
                json!({"manifests": manifests, "namespaceOverride": "wrong"}),
            )
            .await;
        let said = error(&outcome);
        assert!(said.contains(words), "{said} does not say {words}");
        assert_eq!(context(&outcome)["kato.tasks"][0]["status"]["failed"], true);
    }
    // What was applied before the failure is told.
    let bad = json!([config_map("first", json!({})), {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w"}, "spec": {}}]);
    let outcome = fixture
        .run(
            "deployManifest",
            json!({"manifests": bad, "namespaceOverride": "wrong"}),
        )
        .await;
    assert!(
        error(&outcome).starts_with("Deploy failed for manifest: deployment w. Error: "),
        "{outcome:?}"
    );
    assert_eq!(
        context(&outcome)["appliedManifests"],
        json!({"wrong": ["configMap first-v000"]})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_no_yaml_says_where() {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let mut fixture = Fixture::of("nowhere", account()).await;
    for (text, words) in [
        ("a: [1,\nb: {", "line"),
        ("kind: {{ .Values.kind }}\n", "line"),
    ] {
        let artifact =
            json!({"type": "embedded/base64", "reference": BASE64_STANDARD.encode(text)});
        let outcome = fixture
            .run(
                "fetchManifests",
                json!({"resolvedManifestArtifact": artifact}),
            )
            .await;
        let said = error(&outcome);
        assert!(
            said.starts_with("the artifact cannot be read as manifests: ") && said.contains(words),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_by_the_cluster() {
    let cluster = Cluster::shared();
    let nobody = KubernetesAccount {
        kubeconfig_file: Some(cluster.kubeconfig_of("nobody", None).display().to_string()),
        ..account()
    };
    let mut fixture = Fixture::with("forbidden", nobody).await;
    let input = json!({"manifests": [deployment("w", 1)], "namespaceOverride": "forbidden"});
    let said = error(&fixture.run("deployManifest", input.clone()).await);
    assert!(
        said.starts_with("Deploy failed for manifest: deployment w. Error: ")
            && said.contains("forbidden: User \"nobody\" cannot"),
        "{said}"
    );
    let only_there = KubernetesAccount {
        namespaces: vec!["elsewhere".to_owned()],
        ..account()
    };
    let mut fixture = Fixture::of("forbidden", only_there).await;
    let said = error(&fixture.run("deployManifest", input).await);
    assert!(
        said.contains("namespace forbidden is not in 'namespaces' of account test"),
        "{said}"
    );
    let mut named = json!({"account": "moon", "manifests": []});
    let said = error(&fixture.run("deployManifest", named.clone()).await);
    assert_eq!(said, "account moon is not known: this worker knows test");
    named["account"] = json!("");
    let said = error(&fixture.run("deployManifest", named).await);
    assert!(said.starts_with("the stage names no account"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_answer_and_a_token_that_it_refuses() {
    let folder = Cluster::shared().folder().to_owned();
    let kubeconfig = |name: &str, server: &str, user: Value| {
        let file = folder.join(name);
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server, "insecure-skip-tls-verify": true}}],
            "users": [{"name": "u", "user": user}]});
        std::fs::write(&file, config.to_string()).unwrap();
        KubernetesAccount {
            kubeconfig_file: Some(file.display().to_string()),
            ..account()
        }
    };
    let input = json!({"manifests": [deployment("w", 1)], "namespaceOverride": "nowhere"});
    let dead = kubeconfig("dead", "https://127.0.0.1:1", json!({"token": "x"}));
    let mut fixture = Fixture::of("nowhere", dead).await;
    let said = error(&fixture.run("deployManifest", input.clone()).await);
    assert!(
        said.contains("account test does not answer: ") && said.ends_with("(tried 6 times)"),
        "{said}"
    );
    let expired = kubeconfig(
        "expired",
        &Cluster::shared().url(),
        json!({"token": "expired"}),
    );
    let mut fixture = Fixture::of("nowhere", expired).await;
    let said = error(&fixture.run("deployManifest", input).await);
    assert!(said.contains("a token may have expired"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admission_policy_says_why_it_refuses() {
    Cluster::shared().apply(
        r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-latest}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: policed}}
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]
  validations: [{expression: "object.spec.replicas <= 5", message: "at most five replicas here, says the platform team"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-latest}
spec: {policyName: no-latest, validationActions: [Deny]}
"#,
    );
    let mut fixture = Fixture::new("policed").await;
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut number = 0;
    loop {
        // A policy counts some moments after it was written.
        number += 1;
        let manifests = json!([deployment(&format!("w{number}"), 6)]);
        let outcome = fixture
            .run(
                "deployManifest",
                json!({"manifests": manifests, "namespaceOverride": "policed"}),
            )
            .await;
        if let gennaker_model::work::Outcome::Failed { .. } = &outcome {
            let said = error(&outcome);
            assert!(
                said.contains("at most five replicas here, says the platform team"),
                "{said}"
            );
            return;
        }
        assert!(
            std::time::Instant::now() < until,
            "the policy never counted"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_of_a_secret_is_in_nothing_that_is_told() {
    let mut fixture = Fixture::new("secrets").await;
    let planted = ["cGxhbnRlZC1vbmU=", "planted-two"];
    let good = secret(
        "s",
        json!({"data": {"a": planted[0]}, "stringData": {"b": planted[1]}}),
    );
    let known = fixture.deploy(json!([good])).await;
    assert_eq!(
        known["outputs.manifestNamesByNamespace"],
        json!({"secrets": ["secret s-v000"]})
    );
    let mut told = known.clone();
    told.shift_remove("manifests");
    let outcome = fixture
        .run(
            "findArtifactsFromResource",
            json!({"manifestName": "secret s-v000", "location": "secrets"}),
        )
        .await;
    // The server refuses this one, perhaps with what is wrong in it.
    let bad = secret(
        "bad name!",
        json!({"data": {"a": planted[0]}, "stringData": {"b/b": planted[1]}}),
    );
    let refused = fixture
        .run(
            "deployManifest",
            json!({"manifests": [bad], "namespaceOverride": "secrets"}),
        )
        .await;
    assert!(!error(&refused).is_empty());
    let all = format!("{}{outcome:?}{refused:?}", json!(told));
    for value in planted
        .into_iter()
        .chain(["planted-one", "cGxhbnRlZC10d28="])
    {
        assert!(!all.contains(value), "{value} is told");
    }
}
