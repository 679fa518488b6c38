//! `findOldReplicaSets`: what a rollout strategy takes out of service (Kubernetes reference 5.6). In Spinnaker Orca asks Clouddriver
//! while it plans the stages.

use gennaker_kubernetes::List;
use gennaker_manifests::{
    Kind, Manifest, Native, annotations,
    rollout::{self, Retirement, Strategy},
    target::Cluster as Targets,
};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::{Value, json};

use super::Base;

/// The task.
pub(super) struct FindOldReplicaSets(pub Base);

impl Task for FindOldReplicaSets {
    fn kind(&self) -> &'static str {
        "findOldReplicaSets"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let context = ctx.input();
            let deployed = context.get("outputs.manifests").and_then(Value::as_array);
            let new: Vec<Manifest> = deployed
                .into_iter()
                .flatten()
                .filter_map(|manifest| Manifest::new(manifest.clone()).ok())
                .filter(|manifest| manifest.kind().native() == Some(Native::ReplicaSet))
                .collect();
            let app = context
                .get("moniker")
                .and_then(|moniker| moniker.get("app"))
                .and_then(Value::as_str);
            let kind = Kind::from(Native::ReplicaSet);
            let mut found = Vec::new();
            for manifest in &new {
                let Some(named) = annotations::text(manifest, annotations::CLUSTER) else {
                    continue;
                };
                let list = List::of(kind.clone(), Some(manifest.namespace()));
                let objects = cluster
                    .must(
                        "old ReplicaSets cannot be read: ",
                        cluster.account.list(&list),
                    )
                    .await?;
                let targets = Targets {
                    account: cluster.account.name(),
                    location: manifest.namespace(),
                    kind: kind.clone(),
                    app: app.unwrap_or_default(),
                    cluster: &named,
                };
                let is_new = |object: &Manifest| {
                    new.iter().any(|new| {
                        new.name() == object.name() && new.namespace() == object.namespace()
                    })
                };
                let old: Vec<Manifest> = targets
                    .members(&objects.items)
                    .into_iter()
                    .filter(|object| !is_new(object))
                    .cloned()
                    .collect();
                for retirement in rollout::retire(Strategy::BlueGreen, &old) {
                    let (at, is_dead) = match retirement {
                        Retirement::Disable(at) => (at, false),
                        Retirement::Delete(at) => (at, true),
                    };
                    found.push(json!({
                        "manifestName": at.full_name().to_string(),
                        "location": at.namespace,
                        "isDead": is_dead,
                    }));
                }
            }
            let mut context = Map::new();
            context.insert("oldReplicaSets".to_owned(), Value::Array(found));
            Ok(Done {
                context,
                ..Done::default()
            })
        })
    }
}
