//! What the tests of this program share.

use std::path::Path;

use gennaker_kubernetes::{Account, Accounts, Options};
use gennaker_manifests::{Coordinates, Kind, Manifest};
use gennaker_runtime::{Clock, Scope};
use gennaker_settings::{Kubernetes, KubernetesAccount};
use gennaker_testkit::kube::Cluster;
use serde_json::{Value, json};

/// Settings of an account with this kubeconfig.
pub(crate) fn settings(name: &str, kubeconfig: &Path) -> KubernetesAccount {
    KubernetesAccount {
        name: name.to_owned(),
        kubeconfig_file: Some(kubeconfig.display().to_string()),
        request_timeout_ms: 10_000,
        requests_per_second: 1_000,
        requests_burst: 1_000,
        ..KubernetesAccount::default()
    }
}

/// The one account of these settings.
pub(crate) fn account_of(settings: KubernetesAccount) -> Account {
    let name = settings.name.clone();
    let all = Kubernetes {
        accounts: vec![settings],
        ..Kubernetes::default()
    };
    let (accounts, skipped) = Accounts::load(&all, &options());
    assert_eq!(skipped, []);
    accounts.get(&name).unwrap().clone()
}

pub(crate) fn options() -> Options {
    Options {
        clock: Clock::system(),
        scope: Scope::root("test"),
        zone: None,
        google: None,
    }
}

/// An administrator of the cluster that all tests share, in a namespace of his own.
pub(crate) fn admin(namespace: &str) -> Account {
    let cluster = Cluster::shared();
    cluster.namespace(namespace);
    account_of(settings("test", &cluster.kubeconfig()))
}

pub(crate) fn at(kind: &str, namespace: &str, name: &str) -> Coordinates {
    Coordinates::new(Kind::parse(kind), namespace, name)
}

pub(crate) fn manifest(value: Value) -> Manifest {
    Manifest::new(value).unwrap()
}

pub(crate) fn config_map(namespace: &str, name: &str, data: Value) -> Manifest {
    manifest(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data
    }))
}

pub(crate) fn deployment(
    namespace: &str,
    name: &str,
    replicas: u32,
    annotations: Value,
) -> Manifest {
    manifest(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "annotations": {"moniker.spinnaker.io/application": name}},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations},
                "spec": {"containers": [{"name": "main", "image": "registry/app:1", "env": [{"name": "A", "value": "b"}]}]}
            }
        }
    }))
}
