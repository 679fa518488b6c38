//! `cleanupArtifacts`: deletes versions beyond `strategy.spinnaker.io/max-version-history` (Kubernetes reference 3.7). Source:
//! clouddriver `KubernetesCleanupArtifactsOperation`.

use gennaker_kubernetes::{Class, List, Write};
use gennaker_manifests::{Coordinates, Manifest, annotations, delete, version};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::{Value, json};

use super::{
    Base, REPEATABLE,
    outputs::{self, History},
    trouble,
};

const PHASE: &str = "CLEANUP_KUBERNETES_ARTIFACTS";

/// The task.
pub(super) struct CleanupArtifacts(pub Base);

impl Task for CleanupArtifacts {
    fn kind(&self) -> &'static str {
        "cleanupArtifacts"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let deployed = ctx
                .input()
                .get("outputs.manifests")
                .and_then(Value::as_array);
            let mut history = History::default();
            let mut names = Map::new();
            for manifest in deployed.into_iter().flatten() {
                let Ok(manifest) = Manifest::new(manifest.clone()) else {
                    continue;
                };
                if annotations::integer(&manifest, annotations::MAX_VERSION_HISTORY).is_none() {
                    continue;
                }
                let kind = manifest.kind();
                let place = Some(manifest.namespace()).filter(|place| !place.is_empty());
                let list = List::of(kind, place);
                let objects = cluster
                    .must("old versions cannot be read: ", cluster.account.list(&list))
                    .await?;
                for at in version::superfluous(&manifest, &objects.items) {
                    let uid = objects
                        .items
                        .iter()
                        .find(|object| Coordinates::of(object) == at)
                        .map(Manifest::uid);
                    let options = delete::Options::default();
                    let deleted = cluster
                        .ask(cluster.account.delete(&at, &options, uid, Write::default()))
                        .await?;
                    match deleted {
                        Ok(_) => {}
                        // Another object has its name by now.
                        Err(error) if error.class() == Class::Conflict => continue,
                        Err(error) => {
                            return Err(cluster.failed(
                                &format!("Delete failed for {}: ", at.full_name()),
                                &error,
                            ));
                        }
                    }
                    history.say(PHASE, format!("Deleting artifact {}", at.full_name()));
                    let list = names
                        .entry(at.namespace.clone())
                        .or_insert_with(|| json!([]));
                    if let Value::Array(list) = list {
                        list.push(json!(at.full_name().to_string()));
                    }
                }
            }
            let result = json!({ "manifests": null, "manifestNamesByNamespace": names });
            let mut context = outputs::succeeded(ctx, history, Some(result));
            trouble::settled(ctx, &mut context);
            Ok(Done {
                context,
                ..Done::default()
            })
        })
    }
}
