//! Refusals keep the API server's words, and one cluster delays no other.

use std::time::{Duration, Instant};

use gennaker_kubernetes::{Accounts, Class, List, Selection, Write};
use gennaker_manifests::Kind;
use gennaker_settings::{Kubernetes, KubernetesAccount, Secret};
use gennaker_testkit::kube::Cluster;
use serde_json::json;

use crate::support::{account_of, admin, at, config_map, manifest, options, settings};

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_a_class_and_the_servers_own_sentence() {
    let account = admin("refusals");
    let missing = account
        .get(&at("configMap", "refusals", "none"))
        .await
        .unwrap_err();
    assert_eq!(missing.class(), Class::NotFound);
    assert_eq!(missing.to_string(), "configmaps \"none\" not found");
    let invalid = manifest(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "S", "namespace": "refusals"}, "spec": {"ports": []}
    }));
    let invalid = account
        .create(&invalid, Write::default())
        .await
        .unwrap_err();
    assert_eq!(invalid.class(), Class::Invalid);
    assert!(
        invalid
            .to_string()
            .starts_with("Service \"S\" is invalid: "),
        "{invalid}"
    );
    assert!(invalid.api().is_some_and(|said| {
        said.causes
            .iter()
            .any(|cause| cause.field == "metadata.name")
    }));
    let made = account
        .create(&config_map("refusals", "a", json!({})), Write::default())
        .await
        .unwrap();
    let mut stale = made.clone();
    account
        .replace(
            &config_map("refusals", "a", json!({"b": "c"})),
            Write::default(),
        )
        .await
        .unwrap();
    stale
        .as_map_mut()
        .insert("data".to_owned(), json!({"d": "e"}));
    let conflict = account.replace(&stale, Write::default()).await.unwrap_err();
    assert_eq!(conflict.class(), Class::Conflict);
    assert!(
        conflict
            .to_string()
            .contains("the object has been modified"),
        "{conflict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cluster_forbids_is_said_in_its_words() {
    let cluster = Cluster::shared();
    cluster.namespace("forbidden");
    let account = account_of(settings("nobody", &cluster.kubeconfig_of("nobody", None)));
    let refused = account
        .list(&List::of(Kind::parse("pod"), Some("forbidden")))
        .await
        .unwrap_err();
    assert_eq!(refused.class(), Class::Forbidden);
    assert!(
        refused
            .to_string()
            .contains("User \"nobody\" cannot list resource \"pods\""),
        "{refused}"
    );
    assert!(!refused.is_transient() && !refused.may_have_happened());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_account_forbid_before_the_cluster_is_asked() {
    let cluster = Cluster::shared();
    cluster.namespace("allowed");
    let mut wanted = settings("narrow", &cluster.kubeconfig());
    wanted.namespaces = vec!["allowed".to_owned()];
    wanted.omit_kinds = vec!["secret".to_owned()];
    let account = account_of(wanted);
    let kind = account
        .get(&at("Secret", "allowed", "x"))
        .await
        .unwrap_err();
    assert_eq!(
        kind.to_string(),
        "Kind [secret] included in 'omitKinds' of kubernetes account configuration"
    );
    let namespace = account
        .create(&config_map("default", "a", json!({})), Write::default())
        .await
        .unwrap_err();
    assert_eq!(
        namespace.to_string(),
        "namespace default is not in 'namespaces' of account narrow"
    );
    assert_eq!(account.namespaces().await.unwrap(), ["allowed"]);
    let listed = account
        .list(&List::of(Kind::parse("configMap"), None))
        .await
        .unwrap();
    assert!(listed.items.iter().all(|it| it.namespace() == "allowed"));
    assert_eq!(listed.items.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_stands_still_delays_no_other() {
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = dead.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = |port: u16| {
        let file = folder.path().join(format!("{port}.kubeconfig"));
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
        );
        std::fs::write(&file, text).unwrap();
        file
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = free.local_addr().unwrap().port();
    drop(free);
    let mut still = settings("still", &kubeconfig(port));
    still.request_timeout_ms = 3_000;
    let all = Kubernetes {
        accounts: vec![
            still,
            settings("refusing", &kubeconfig(refusing)),
            settings("alive", &Cluster::shared().kubeconfig()),
        ],
        ..Kubernetes::default()
    };
    let (accounts, _) = Accounts::load(&all, &options());
    let begin = Instant::now();
    let node = at("Node", "", "node-1");
    let asks: Vec<_> = ["still", "refusing", "alive"]
        .into_iter()
        .map(|name| {
            let (account, node) = (accounts.get(name).unwrap().clone(), node.clone());
            async move { (account.get(&node).await, begin.elapsed()) }
        })
        .collect();
    let answers = futures_util::future::join_all(asks).await;
    let classes: Vec<_> = answers
        .iter()
        .map(|(answer, _)| answer.as_ref().map_err(|it| it.class()).err())
        .collect();
    assert_eq!(
        classes,
        [Some(Class::Timeout), Some(Class::Unreachable), None]
    );
    assert!(answers[0].1 >= Duration::from_secs(3));
    assert!(
        answers[2].1 < Duration::from_secs(3),
        "the living one waited for the dead one: {:?}",
        answers[2].1
    );
    let refused = answers[1].0.as_ref().unwrap_err();
    assert!(!refused.may_have_happened(), "{refused}");
    assert!(answers[0].0.as_ref().unwrap_err().may_have_happened());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_do_not_wait_for_a_cluster_that_did_not_answer_a_moment_ago() {
    let still = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = still.local_addr().unwrap().port();
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
    );
    let account = account_of(KubernetesAccount {
        kubeconfig_file: None,
        kubeconfig_contents: Some(Secret::new(kubeconfig)),
        ..settings("still", std::path::Path::new(""))
    });
    let patience = Duration::from_secs(2);
    let first = account.cached(&Selection::All, patience).await.unwrap_err();
    assert_eq!(first.class(), Class::Timeout);
    let begin = Instant::now();
    let second = account.cached(&Selection::All, patience).await.unwrap_err();
    assert_eq!(second.class(), Class::Timeout);
    assert!(begin.elapsed() < patience, "{:?}", begin.elapsed());
}
