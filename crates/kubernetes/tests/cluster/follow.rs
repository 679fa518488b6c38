//! Following objects: the truth, within a second.

use std::time::Duration;

use gennaker_kubernetes::{Class, Follow, Seen, Write};
use gennaker_manifests::Coordinates;
use gennaker_manifests::delete::Options;
use gennaker_testkit::kube::Cluster;
use serde_json::json;
use tokio::time::Instant;

use crate::support::{account_of, admin, at, config_map, deployment, settings};

/// Waits until something holds of what is seen.
async fn until(follow: &mut Follow, what: &str, holds: impl Fn(&Follow) -> bool) {
    let wait = async {
        while !holds(follow) {
            follow.next().await.unwrap();
        }
    };
    if tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .is_err()
    {
        let seen: Vec<_> = follow.all().collect();
        panic!(
            "{what} was not seen: {seen:?}, troubles {:?}",
            follow.troubles().collect::<Vec<_>>()
        );
    }
}

fn ready(follow: &Follow, at: &Coordinates, replicas: u64) -> bool {
    match follow.get(at) {
        Some(Seen::Present(object)) => {
            object.at(&["status", "readyReplicas"]) == Some(&json!(replicas))
        }
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_seen_as_they_happen() {
    let account = admin("follow");
    let (web, config) = (
        at("deployment", "follow", "web"),
        at("configMap", "follow", "config"),
    );
    let mut follow = account.follow([web.clone(), config.clone()]).unwrap();
    until(&mut follow, "that nothing is there", |it| {
        it.all().all(|(_, seen)| matches!(seen, Seen::Absent))
    })
    .await;
    account
        .create(&deployment("follow", "web", 2, json!({})), Write::default())
        .await
        .unwrap();
    account
        .create(&config_map("follow", "config", json!({})), Write::default())
        .await
        .unwrap();
    until(&mut follow, "the deployment", |it| ready(it, &web, 2)).await;
    until(&mut follow, "the config map", |it| {
        matches!(it.get(&config), Some(Seen::Present(_)))
    })
    .await;
    let begin = Instant::now();
    account
        .delete(&config, &Options::default(), None, Write::default())
        .await
        .unwrap();
    until(&mut follow, "the deletion", |it| {
        matches!(it.get(&config), Some(Seen::Absent))
    })
    .await;
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_a_trouble_and_no_end() {
    let mut cluster = Cluster::start();
    cluster.namespace("shop");
    let account = account_of(settings("dying", &cluster.kubeconfig()));
    let web = at("deployment", "shop", "web");
    account
        .create(&deployment("shop", "web", 1, json!({})), Write::default())
        .await
        .unwrap();
    let mut follow = account.follow([web.clone()]).unwrap();
    until(&mut follow, "the deployment", |it| ready(it, &web, 1)).await;
    cluster.kill_api_server();
    until(&mut follow, "the trouble", |it| it.troubles().count() == 1).await;
    assert!(ready(&follow, &web, 1), "what was known stays");
    cluster.restart_api_server();
    cluster
        .kubectl(&["scale", "-n", "shop", "deployment/web", "--replicas", "3"])
        .unwrap();
    until(&mut follow, "the change after the restart", |it| {
        ready(it, &web, 3) && it.troubles().count() == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pass_by_waiting_ends_it() {
    let cluster = Cluster::shared();
    let account = account_of(settings(
        "stranger",
        &cluster.kubeconfig_of("stranger", None),
    ));
    let mut follow = account.follow([at("configMap", "default", "a")]).unwrap();
    let refused = tokio::time::timeout(Duration::from_secs(20), follow.next())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refused.class(), Class::Forbidden);
    let mut follow = account
        .follow([at("Nothing.example.com", "default", "a")])
        .unwrap();
    let unknown = tokio::time::timeout(Duration::from_secs(20), follow.next())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(unknown.class(), Class::Unsupported);
}
