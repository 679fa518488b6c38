//! The cache of what pages show.

use std::time::Duration;

use gennaker_kubernetes::{Account, Accounts, Cached, Selection, Write};
use gennaker_manifests::Kind;
use gennaker_settings::{Kubernetes, KubernetesAccount};
use gennaker_testkit::kube::Cluster;
use serde_json::json;
use tokio::time::Instant;

use crate::support::{admin, at, config_map, deployment, options, settings};

const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until something holds.
async fn until(
    account: &Account,
    selection: &Selection,
    what: &str,
    holds: impl Fn(&Cached) -> bool,
) -> Cached {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let cached = account.cached(selection, PATIENCE).await.unwrap();
        if holds(&cached) {
            return cached;
        }
        assert!(
            Instant::now() < end,
            "{what} was not seen: {:?}",
            cached.freshness
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn kinds(cached: &Cached) -> Vec<String> {
    let mut kinds: Vec<_> = cached.objects().map(|it| it.kind().to_string()).collect();
    kinds.dedup();
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_seen_with_its_pods_and_follows_changes() {
    let account = admin("cached");
    account
        .create(
            &deployment("cached", "shopfront", 2, json!({})),
            Write::default(),
        )
        .await
        .unwrap();
    let app = Selection::Application("shopfront".to_owned());
    let pods = |cached: &Cached| {
        cached
            .objects()
            .filter(|it| it.kind() == Kind::parse("pod"))
            .count()
    };
    let cached = until(&account, &app, "two pods", |it| pods(it) == 2).await;
    assert_eq!(kinds(&cached), ["deployment", "replicaSet", "pod"]);
    assert_eq!(cached.freshness.age, None);
    assert_eq!(cached.freshness.troubles, []);
    let text: String = cached
        .objects()
        .map(|it| format!("{:?}", it.as_map()))
        .collect();
    for part in ["managedFields", "\"env\"", "last-applied"] {
        assert!(!text.contains(part), "{part} is kept");
    }
    account
        .scale(
            &at("deployment", "cached", "shopfront"),
            3,
            Write::default(),
        )
        .await
        .unwrap();
    let begin = Instant::now();
    until(&account, &app, "three pods", |it| pods(it) == 3).await;
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );

    let pod = cached
        .objects()
        .find(|it| it.kind() == Kind::parse("pod"))
        .unwrap();
    let of_pod = Selection::Object {
        namespace: "cached".to_owned(),
        name: pod.uid().to_owned(),
    };
    let found = account.cached(&of_pod, PATIENCE).await.unwrap();
    assert!(found.objects().any(|it| it.uid() == pod.uid()));

    account
        .create(
            &config_map("cached", "searched-for", json!({"secret": "text"})),
            Write::default(),
        )
        .await
        .unwrap();
    let search = Selection::Search {
        kinds: vec![Kind::parse("configMap")],
        text: "SEARCHED".to_owned(),
        limit: 10,
    };
    let found = until(&account, &search, "the config map", |it| it.len() == 1).await;
    assert_eq!(
        found.objects().next().unwrap().at(&["data"]),
        None,
        "metadata only"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_watched_before_the_first_question_and_some_time_after_the_last() {
    let settings = Kubernetes {
        accounts: vec![settings("idle", &Cluster::shared().kubeconfig())],
        cache_idle_ms: 500,
        ..Kubernetes::default()
    };
    let options = options();
    let (accounts, _) = Accounts::load(&settings, &options);
    let account = accounts.get("idle").unwrap();
    assert!(!account.is_caching());
    account.cached(&Selection::All, PATIENCE).await.unwrap();
    assert!(account.is_caching());
    let end = Instant::now() + Duration::from_secs(10);
    while account.is_caching() || options.scope.tasks() > 0 {
        assert!(Instant::now() < end, "{} tasks run", options.scope.tasks());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    account.cached(&Selection::All, PATIENCE).await.unwrap();
    assert!(account.is_caching(), "it begins again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_gone_is_shown_with_its_age() {
    let mut cluster = Cluster::start();
    cluster.namespace("shop");
    let account = crate::support::account_of(settings("gone", &cluster.kubeconfig()));
    account
        .create(&deployment("shop", "web", 1, json!({})), Write::default())
        .await
        .unwrap();
    let app = Selection::Application("web".to_owned());
    until(&account, &app, "the application", |it| it.len() >= 3).await;
    cluster.kill_api_server();
    let old = until(&account, &app, "the age", |it| it.freshness.age.is_some()).await;
    assert!(old.len() >= 3, "what was known is shown");
    assert!(!old.freshness.troubles.is_empty());
    cluster.restart_api_server();
    cluster
        .kubectl(&["scale", "-n", "shop", "deployment/web", "--replicas", "2"])
        .unwrap();
    until(&account, &app, "the change after the restart", |it| {
        it.freshness.age.is_none() && it.freshness.troubles.is_empty() && it.len() >= 4
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_one_namespace_needs_no_right_beyond_it() {
    let cluster = Cluster::shared();
    cluster.namespace("mine");
    cluster
        .kubectl(&[
            "create",
            "rolebinding",
            "tenant",
            "-n",
            "mine",
            "--clusterrole",
            "view",
            "--user",
            "tenant",
        ])
        .unwrap();
    let account = crate::support::account_of(KubernetesAccount {
        namespaces: vec!["mine".to_owned()],
        ..settings("tenant", &cluster.kubeconfig_of("tenant", None))
    });
    admin("not-mine")
        .create(&config_map("mine", "seen", json!({})), Write::default())
        .await
        .unwrap();
    let maps = Selection::Kinds(vec![Kind::parse("configMap")]);
    let cached = until(&account, &maps, "the config map", |it| {
        it.objects().any(|it| it.name() == "seen")
    })
    .await;
    assert!(cached.objects().all(|it| it.namespace() == "mine"));
    // Secrets and volumes are not for viewers: that is said, and hides nothing else.
    let troubles = format!("{:?}", cached.freshness.troubles);
    assert!(
        troubles.contains("secret in mine") && troubles.contains("forbidden"),
        "{troubles}"
    );
    assert!(!troubles.contains("configMap"), "{troubles}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_counted() {
    let account = admin("crowded");
    account
        .create(
            &deployment("crowded", "crowd", 3, json!({})),
            Write::default(),
        )
        .await
        .unwrap();
    let settings = Kubernetes {
        accounts: vec![settings("small", &Cluster::shared().kubeconfig())],
        cache_bytes_max: 2_000,
        ..Kubernetes::default()
    };
    let (accounts, _) = Accounts::load(&settings, &options());
    let cached = accounts
        .get("small")
        .unwrap()
        .cached(&Selection::All, PATIENCE)
        .await
        .unwrap();
    assert!(cached.freshness.left_out > 0);
    assert!(cached.freshness.bytes <= 2_000);
}
