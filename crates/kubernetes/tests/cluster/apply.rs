//! `kubectl apply` and rollouts: the same outcome as kubectl's, seen by kubectl.

use gennaker_kubernetes::{Account, Change, Class, How, Write};
use gennaker_manifests::Manifest;
use gennaker_testkit::kube::{Cluster, wait_until};
use serde_json::{Value, json};

use crate::support::{admin, at, config_map, deployment, manifest};

const FORCED: How = How::ServerSide { force: true };
const UNFORCED: How = How::ServerSide { force: false };

async fn apply(account: &Account, manifest: &Manifest, how: How) -> (Manifest, Change) {
    let applied = account
        .apply(manifest, how, Write::default())
        .await
        .unwrap();
    (applied.object, applied.change)
}

fn data(object: &Manifest) -> Value {
    object.at(&["data"]).cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_no_more_goes_and_what_others_wrote_stays() {
    let account = admin("apply");
    let first = config_map("apply", "a", json!({"x": "1", "y": "2"}));
    assert_eq!(
        apply(&account, &first, How::ClientSide).await.1,
        Change::Created
    );
    assert_eq!(
        apply(&account, &first, How::ClientSide).await.1,
        Change::Unchanged
    );
    let cluster = Cluster::shared();
    cluster
        .kubectl(&[
            "patch",
            "cm",
            "a",
            "-n",
            "apply",
            "--type",
            "merge",
            "-p",
            r#"{"data": {"z": "3"}}"#,
        ])
        .unwrap();
    let second = config_map("apply", "a", json!({"x": "4"}));
    let (object, change) = apply(&account, &second, How::ClientSide).await;
    assert_eq!(
        (data(&object), change),
        (json!({"x": "4", "z": "3"}), Change::Configured)
    );

    // kubectl understands what we left behind, and we what it leaves behind.
    let text = second.clone().into_value().to_string();
    let said = cluster.kubectl_with(&["apply", "-f", "-"], &text).unwrap();
    assert_eq!(said.trim(), "configmap/a unchanged");
    let third = config_map("apply", "a", json!({"k": "5"}))
        .into_value()
        .to_string();
    cluster.kubectl_with(&["apply", "-f", "-"], &third).unwrap();
    let (object, _) = apply(&account, &second, How::ClientSide).await;
    assert_eq!(data(&object), json!({"x": "4", "z": "3"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_a_workload_are_merged_by_their_keys() {
    let account = admin("merge");
    apply(
        &account,
        &deployment("merge", "web", 1, json!({})),
        How::ClientSide,
    )
    .await;
    let cluster = Cluster::shared();
    // An injector adds a container, an autoscaler replicas that the manifest does not name.
    let sidecar = r#"{"spec": {"replicas": 4, "template": {"spec": {"containers": [{"name": "sidecar", "image": "s:1"}]}}}}"#;
    cluster
        .kubectl(&["patch", "deployment", "web", "-n", "merge", "-p", sidecar])
        .unwrap();
    let mut next = deployment("merge", "web", 1, json!({})).into_value();
    next["spec"]["template"]["spec"]["containers"][0]["image"] = "registry/app:2".into();
    next["spec"]["template"]["spec"]["containers"][0]
        .as_object_mut()
        .unwrap()
        .shift_remove("env");
    let (object, _) = apply(&account, &manifest(next), How::ClientSide).await;
    let containers = object
        .at(&["spec", "template", "spec", "containers"])
        .unwrap()
        .as_array()
        .unwrap()
        .clone();
    let mut images: Vec<_> = containers
        .iter()
        .map(|it| it["image"].as_str().unwrap())
        .collect();
    images.sort_unstable();
    assert_eq!(images, ["registry/app:2", "s:1"]);
    let main = containers.iter().find(|it| it["name"] == "main").unwrap();
    assert_eq!(main.get("env"), None, "it is named no more");
    assert_eq!(object.replicas(), Some(1), "it is named and so it is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_side_conflict_names_the_field_and_its_owner() {
    let account = admin("owners");
    let cluster = Cluster::shared();
    let theirs = config_map("owners", "a", json!({"x": "1"}))
        .into_value()
        .to_string();
    cluster
        .kubectl_with(
            &[
                "apply",
                "--server-side",
                "--field-manager",
                "helm",
                "-f",
                "-",
            ],
            &theirs,
        )
        .unwrap();
    let ours = config_map("owners", "a", json!({"x": "2"}));
    let refused = account
        .apply(&ours, UNFORCED, Write::default())
        .await
        .unwrap_err();
    assert_eq!(refused.class(), Class::Conflict);
    let said = refused.api().unwrap();
    assert_eq!(
        said.owned_by_others().collect::<Vec<_>>(),
        [(".data.x", "conflict with \"helm\"")]
    );
    assert_eq!(
        data(&apply(&account, &ours, FORCED).await.0),
        json!({"x": "2"})
    );
    assert_eq!(apply(&account, &ours, UNFORCED).await.1, Change::Unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_side_takes_over_what_was_applied_client_side() {
    let account = admin("takeover");
    let both = config_map("takeover", "a", json!({"x": "1", "y": "2"}));
    apply(&account, &both, How::ClientSide).await;
    let one = config_map("takeover", "a", json!({"x": "1"}));
    assert_eq!(
        data(&apply(&account, &one, UNFORCED).await.0),
        json!({"x": "1"}),
        "y is named no more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_apply_at_once_both_come_through() {
    let account = admin("race");
    let applied = (0..8).map(|n| {
        let (account, key) = (account.clone(), format!("k{n}"));
        async move {
            let manifest = config_map("race", "a", json!({ key: "1" }));
            account
                .apply(&manifest, How::ClientSide, Write::default())
                .await
        }
    });
    for outcome in futures_util::future::join_all(applied).await {
        outcome.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_of_an_application_keeps_nothing() {
    let account = admin("dry");
    let object = config_map("dry", "a", json!({"x": "1"}));
    for how in [How::ClientSide, FORCED] {
        let rehearsed = account.apply(&object, how, Write::dry()).await.unwrap();
        assert_eq!(rehearsed.change, Change::Created);
        assert_eq!(
            account.find(&at("configMap", "dry", "a")).await.unwrap(),
            None
        );
    }
    apply(&account, &object, How::ClientSide).await;
    let changed = config_map("dry", "a", json!({"x": "2"}));
    for how in [How::ClientSide, FORCED] {
        let rehearsed = account.apply(&changed, how, Write::dry()).await.unwrap();
        assert_eq!(data(&rehearsed.object), json!({"x": "2"}));
    }
    assert_eq!(
        data(&account.get(&at("configMap", "dry", "a")).await.unwrap()),
        json!({"x": "1"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rollouts_go_back_pause_and_restart() {
    let account = admin("rollout");
    let web = at("deployment", "rollout", "web");
    let of_image = |image: &str| {
        let mut object = deployment("rollout", "web", 1, json!({})).into_value();
        object["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
        manifest(object)
    };
    let cluster = Cluster::shared();
    let wait_revision = |revision: &str| {
        wait_until("a revision", || {
            let object = cluster.get("deployment", "rollout", "web").ok_or("none")?;
            let found =
                object["metadata"]["annotations"]["deployment.kubernetes.io/revision"].clone();
            if found == *revision {
                Ok(())
            } else {
                Err(found.to_string())
            }
        });
    };
    for (number, image) in ["a:1", "a:2", "a:3"].into_iter().enumerate() {
        apply(&account, &of_image(image), How::ClientSide).await;
        wait_revision(&(number + 1).to_string());
    }
    assert_eq!(account.revisions(&web).await.unwrap(), [1, 2, 3]);
    assert_eq!(
        account
            .undo(&web, None, Some(1), Write::default())
            .await
            .unwrap(),
        2
    );
    wait_revision("4");
    let object = account.get(&web).await.unwrap();
    let image = |object: &Manifest| {
        object.at(&["spec", "template", "spec"]).unwrap()["containers"][0]["image"].clone()
    };
    assert_eq!(image(&object), "a:2");
    let too_far = account
        .undo(&web, None, Some(9), Write::default())
        .await
        .unwrap_err();
    assert_eq!(
        too_far.to_string(),
        "There are 3 revision(s) in total, cannot rollback 9"
    );

    assert!(account.pause(&web, true, Write::default()).await.unwrap());
    assert!(!account.pause(&web, true, Write::default()).await.unwrap());
    let paused = account
        .restart(&web, "2026-01-02T03:04:05Z", Write::default())
        .await
        .unwrap_err();
    assert_eq!(paused.class(), Class::Unsupported, "{paused}");
    assert!(account.pause(&web, false, Write::default()).await.unwrap());
    account
        .restart(&web, "2026-01-02T03:04:05Z", Write::default())
        .await
        .unwrap();
    wait_revision("5");
    let refused = account
        .undo(
            &at("configMap", "rollout", "a"),
            None,
            Some(1),
            Write::default(),
        )
        .await;
    assert!(refused.unwrap_err().is_not_found());
}
