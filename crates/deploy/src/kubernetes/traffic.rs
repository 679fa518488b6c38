//! `enableManifest`, `disableManifest`: labels that Services select, put on and taken off (Kubernetes reference 7.8). Source:
//! clouddriver `KubernetesEnableManifestOperation`, `KubernetesDisableManifestOperation`.
//!
//! First the template, then the Pods that run, so that no new Pod comes up with old labels. What is as it should be gets no patch:
//! a repetition sends only what is missing.

use std::sync::Arc;

use gennaker_kubernetes::{List, Write};
use gennaker_manifests::{Coordinates, Kind, Manifest, Native, patch::MergeStrategy, traffic};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::Value;

use super::{
    Base, REPEATABLE,
    cluster::Cluster,
    input,
    outputs::{self, History},
    trouble,
};

/// One of the tasks.
struct Traffic {
    base: Base,
    enables: bool,
}

/// Both.
pub(super) fn tasks(base: &Base) -> Vec<Arc<dyn Task>> {
    [true, false]
        .map(|enables| {
            let base = base.clone();
            Arc::new(Traffic { base, enables }) as Arc<dyn Task>
        })
        .to_vec()
}

impl Task for Traffic {
    fn kind(&self) -> &'static str {
        if self.enables {
            "enableManifest"
        } else {
            "disableManifest"
        }
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.base.cluster(ctx)?;
            let at = input::target(ctx)?;
            let what = format!(
                "{} failed for {}: ",
                if self.enables { "Enable" } else { "Disable" },
                at.full_name()
            );
            let found = cluster.must(&what, cluster.account.find(&at)).await?;
            let Some(mut target) = found else {
                let message = format!(
                    "Could not find kubernetes manifest: {} in {}",
                    at.full_name(),
                    at.namespace
                );
                return Err(trouble::give_up(ctx, "IllegalStateException", &message));
            };
            let named = input::texts(ctx.input(), "loadBalancers");
            let named: Vec<String> = match named.is_empty() {
                true => traffic::load_balancers(&target),
                false => named.into_iter().map(str::to_owned).collect(),
            };
            let services = traffic::resolve(&named, target.namespace()).map_err(|error| {
                trouble::give_up(ctx, "IllegalArgumentException", &error.to_string())
            })?;
            let mut history = History::default();
            let (phase, word) = match self.enables {
                true => ("ENABLE_KUBERNETES_MANIFEST", "Enabling"),
                false => ("DISABLE_KUBERNETES_MANIFEST", "Disabling"),
            };
            for service in &services {
                let found = cluster.must(&what, cluster.account.find(service)).await?;
                let Some(found) = found else {
                    let message = format!(
                        "Could not find load balancer: {} in {}",
                        service.full_name(),
                        service.namespace
                    );
                    return Err(trouble::give_up(ctx, "IllegalStateException", &message));
                };
                history.say(
                    phase,
                    format!("{word} {} for {}", at.full_name(), service.full_name()),
                );
                self.switch(&cluster, &what, &found, &mut target).await?;
            }
            let mut context = outputs::of_target(ctx, history, None);
            trouble::settled(ctx, &mut context);
            Ok(Done {
                context,
                outputs: Map::new(),
                reference: None,
            })
        })
    }
}

impl Traffic {
    /// One Service: the workload, then its Pods.
    async fn switch(
        &self,
        cluster: &Cluster<'_>,
        what: &str,
        service: &Manifest,
        target: &mut Manifest,
    ) -> Result<(), Failure> {
        if let Some(changed) = self.relabel(cluster, what, service, target).await? {
            *target = changed;
        }
        if target.kind().native() != Some(Native::ReplicaSet) {
            return Ok(());
        }
        let list = List::of(Kind::from(Native::Pod), Some(target.namespace()));
        let pods = cluster.must(what, cluster.account.list(&list)).await?;
        for pod in traffic::pods_of(target, &pods.items) {
            self.relabel(cluster, what, service, pod).await?;
        }
        Ok(())
    }

    async fn relabel(
        &self,
        cluster: &Cluster<'_>,
        what: &str,
        service: &Manifest,
        object: &Manifest,
    ) -> Result<Option<Manifest>, Failure> {
        let operations = match self.enables {
            true => traffic::enable_patch(service, object),
            false => traffic::disable_patch(service, object),
        };
        let operations: Vec<Value> = operations;
        if operations.is_empty() || (self.enables && is_so(&operations, object)) {
            return Ok(None);
        }
        let at = Coordinates::of(object);
        let body = Value::Array(operations);
        let call = cluster
            .account
            .patch(&at, MergeStrategy::Json, &body, Write::default());
        match cluster.ask(call).await? {
            Ok(changed) => Ok(Some(changed)),
            // A Pod may go while others are relabelled.
            Err(error) if error.is_not_found() && at.kind.native() == Some(Native::Pod) => Ok(None),
            Err(error) => Err(cluster.failed(what, &error)),
        }
    }
}

/// Whether every value that would be put somewhere stands there already.
fn is_so(operations: &[Value], object: &Manifest) -> bool {
    let object = Value::Object(object.as_map().clone());
    operations.iter().all(|operation| {
        let path = operation["path"].as_str();
        path.and_then(|path| object.pointer(path)) == operation.get("value")
    })
}
