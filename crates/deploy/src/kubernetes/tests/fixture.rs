//! A worker with an account of the control plane, and an owner that hands out tasks as the engine does.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use gennaker_kubernetes::{Accounts, Options as AccountOptions};
use gennaker_model::{
    AttemptId, Map,
    work::{Outcome, TaskMessage},
};
use gennaker_runtime::Clock;
use gennaker_settings::{Kubernetes, KubernetesAccount};
use gennaker_testkit::kube::Cluster;
use gennaker_worker::testing::Workbench;
pub(super) use gennaker_worker::testing::{context, error, outputs};
use serde_json::{Value, json};

use crate::{POOL, Patience, registry_with};

/// Each fixture has executions of its own: their effects must not meet in the one cluster of the program.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A pool at work.
pub(super) struct Fixture {
    workbench: Workbench,
    /// The namespace of the test.
    pub namespace: String,
}

impl Fixture {
    /// With an administrator's account `test` and a namespace of its own.
    pub(super) async fn new(namespace: &str) -> Self {
        let cluster = Cluster::shared();
        let account = KubernetesAccount {
            name: "test".to_owned(),
            kubeconfig_file: Some(cluster.kubeconfig().display().to_string()),
            ..KubernetesAccount::default()
        };
        Self::with(namespace, account).await
    }

    pub(super) async fn with(namespace: &str, account: KubernetesAccount) -> Self {
        let named = namespace.to_owned();
        tokio::task::spawn_blocking(move || Cluster::shared().namespace(&named))
            .await
            .unwrap();
        Self::of(namespace, account).await
    }

    /// The same for a namespace that is there, or is not needed.
    pub(super) async fn of(namespace: &str, account: KubernetesAccount) -> Self {
        let settings = Kubernetes {
            accounts: vec![account],
            ..Kubernetes::default()
        };
        Self::by(namespace, settings).await
    }

    /// The same with settings of all clusters, and an administrator's account `test` besides.
    pub(super) async fn configured(namespace: &str, mut settings: Kubernetes) -> Self {
        let named = namespace.to_owned();
        let account = tokio::task::spawn_blocking(move || {
            let cluster = Cluster::shared();
            cluster.namespace(&named);
            KubernetesAccount {
                name: "test".to_owned(),
                kubeconfig_file: Some(cluster.kubeconfig().display().to_string()),
                ..KubernetesAccount::default()
            }
        })
        .await
        .unwrap();
        settings.accounts.push(account);
        Self::by(namespace, settings).await
    }

    async fn by(namespace: &str, settings: Kubernetes) -> Self {
        let executions = NUMBER.fetch_add(1, Ordering::Relaxed) * 1_000;
        let workbench = Workbench::new(POOL).await.after(executions);
        let options = AccountOptions {
            clock: Clock::system(),
            scope: workbench.scope().child("accounts"),
            zone: None,
            google: None,
        };
        let (accounts, skipped) = Accounts::load(&settings, &options);
        assert!(skipped.is_empty(), "{skipped:?}");
        let patience = Patience {
            tries_max: 6,
            pause: Duration::from_millis(100),
            pause_max: Duration::from_millis(1_000),
        };
        workbench.work(registry_with(&accounts, patience));
        Self {
            workbench,
            namespace: namespace.to_owned(),
        }
    }

    /// A task of this kind with this context, not yet published; each has an effect of its own.
    pub(super) fn task(&mut self, kind: &str, mut input: Value) -> TaskMessage {
        if input.get("account").is_none() {
            input["account"] = json!("test");
        }
        let has_effect = !matches!(
            kind,
            "waitForManifestToStabilize"
                | "resolveTargetManifest"
                | "findArtifactsFromResource"
                | "findOldReplicaSets"
                | "checkClusterSize"
                | "waitOnJobCompletion"
                | "sayWhatRemains"
                | "fetchManifests"
                | "consumeArtifact"
        );
        let task = self.workbench.task(kind, input);
        TaskMessage {
            effect: task.effect.filter(|_| has_effect),
            ..task
        }
    }

    /// Runs a task to its end, as the engine does: what a report tells goes into the context of the next attempt.
    pub(super) async fn run(&mut self, kind: &str, input: Value) -> Outcome {
        let task = self.task(kind, input);
        self.finish(task).await
    }

    /// Runs it to its first report.
    pub(super) async fn once(&mut self, task: &TaskMessage) -> Outcome {
        self.workbench.finish(task).await
    }

    pub(super) async fn finish(&mut self, mut task: TaskMessage) -> Outcome {
        for _ in 0..100 {
            match self.once(&task).await {
                Outcome::Running { again_ms, context } => {
                    task.input.extend(context);
                    task.attempt = AttemptId(task.attempt.0 + 1);
                    tokio::time::sleep(Duration::from_millis(again_ms)).await;
                }
                ended => return ended,
            }
        }
        panic!("{} does not end", task.kind);
    }

    /// Deploys manifests and waits until they are stable; gives back the context.
    pub(super) async fn deploy(&mut self, manifests: Value) -> Map {
        self.deploy_with(manifests, json!({})).await
    }

    pub(super) async fn deploy_with(&mut self, manifests: Value, extra: Value) -> Map {
        let mut input = json!({"moniker": {"app": "web"}, "manifests": manifests, "namespaceOverride": self.namespace});
        input
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let outcome = self.run("deployManifest", input.clone()).await;
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
        input
            .as_object_mut()
            .unwrap()
            .extend(context(&outcome).clone());
        let outcome = self.run("waitForManifestToStabilize", input.clone()).await;
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
        let mut known = input.as_object().unwrap().clone();
        known.extend(context(&outcome).clone());
        known
    }

    /// Leaves the ledger as a worker does that was killed during its call, long ago.
    pub(super) async fn lose_worker_of(&self, task: &TaskMessage) {
        self.workbench.lose_worker_of(task).await;
    }

    /// An object of the test's namespace.
    pub(super) async fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let (kind, name, namespace) = (kind.to_owned(), name.to_owned(), self.namespace.clone());
        tokio::task::spawn_blocking(move || Cluster::shared().get(&kind, &namespace, &name))
            .await
            .unwrap()
    }

    /// What kubectl prints.
    pub(super) async fn kubectl(&self, arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect();
        let namespace = self.namespace.clone();
        tokio::task::spawn_blocking(move || {
            let mut all: Vec<&str> = arguments.iter().map(String::as_str).collect();
            all.extend(["-n", &namespace]);
            Cluster::shared().kubectl(&all).unwrap()
        })
        .await
        .unwrap()
    }

    /// The writes of people and programs like us in this namespace: verb, resource and name, once the number is as expected.
    pub(super) async fn writes(&self, wanted: usize) -> Vec<String> {
        let namespace = self.namespace.clone();
        tokio::task::spawn_blocking(move || {
            let until = std::time::Instant::now() + Duration::from_secs(5);
            loop {
                let found = Cluster::shared().writes(&namespace);
                if found.len() >= wanted || std::time::Instant::now() > until {
                    return found;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        })
        .await
        .unwrap()
    }
}
