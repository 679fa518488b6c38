//! `deleteManifest`: deletes by name or by labels and waits until it is gone (Kubernetes reference 7.2). Source: clouddriver
//! `KubernetesDeleteManifestOperation`.
//!
//! What is to be deleted is read first and deleted by its uid: a repetition never touches an object that somebody has made since
//! under the same name within one look.

use std::time::Duration;

use gennaker_kubernetes::{Class, Deletion, List, Write};
use gennaker_manifests::{Coordinates, FullName, Kind, Manifest, delete, selector::Selectors};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::{Value, json};

use super::{
    Base, REPEATABLE,
    cluster::Cluster,
    input,
    outputs::{self, History},
    trouble,
};

const PHASE: &str = "DELETE_KUBERNETES_MANIFEST";

/// How long an object may take to go.
const GONE_WITHIN: Duration = Duration::from_secs(8 * 60);

/// Longest single look.
const LOOK: Duration = Duration::from_secs(20);

/// The task.
pub(super) struct DeleteManifest(pub Base);

impl Task for DeleteManifest {
    fn kind(&self) -> &'static str {
        "deleteManifest"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let context = ctx.input();
            let options = context.get("options").and_then(Value::as_object);
            let options = delete::Options::from_json(options)
                .map_err(|error| trouble::illegal(ctx, &error.to_string()))?;
            let targets = targets(&cluster).await?;
            let mut history = History::default();
            let mut names = Map::new();
            let mut deletions = Vec::new();
            for object in &targets {
                let at = Coordinates::of(object);
                history.say(PHASE, format!("Deleting {} ...", at.full_name()));
                if object.at(&["metadata", "deletionTimestamp"]).is_some() {
                    // A worker before us, or somebody else, has.
                    deletions.push(Deletion {
                        at: at.clone(),
                        uid: object.uid().to_owned(),
                        gone: false,
                    });
                } else {
                    let call =
                        cluster
                            .account
                            .delete(&at, &options, Some(object.uid()), Write::default());
                    match cluster.ask(call).await? {
                        Ok(deletion) => deletions.extend(deletion),
                        Err(error) if error.class() == Class::Conflict => {}
                        Err(error) => {
                            return Err(cluster.failed(
                                &format!("Delete failed for {}: ", at.full_name()),
                                &error,
                            ));
                        }
                    }
                }
                let list = names
                    .entry(at.namespace.clone())
                    .or_insert_with(|| json!([]));
                if let Value::Array(list) = list {
                    list.push(json!(at.full_name().to_string()));
                }
            }
            wait(&cluster, &deletions).await?;
            let result = json!({ "manifestNamesByNamespace": names });
            let mut context = outputs::of_target(ctx, history, Some(result));
            context.insert(
                "outputs.manifestNamesByNamespace".to_owned(),
                Value::Object(names),
            );
            trouble::settled(ctx, &mut context);
            Ok(Done {
                context,
                ..Done::default()
            })
        })
    }
}

/// The objects that the stage means, as they are now.
async fn targets(cluster: &Cluster<'_>) -> Result<Vec<Manifest>, Failure> {
    let ctx = cluster.ctx;
    let context = ctx.input();
    if let Some(name) = input::text(context, "manifestName") {
        let at = Coordinates::parse(name, input::location(context))
            .map_err(|error| trouble::illegal(ctx, &error.to_string()))?;
        let what = format!("Delete failed for {}: ", at.full_name());
        let found = cluster.must(&what, cluster.account.find(&at)).await?;
        return Ok(found.into_iter().collect());
    }
    let kinds = input::texts(context, "kinds");
    if kinds.is_empty() {
        return Err(trouble::illegal(
            ctx,
            "the stage names nothing to delete: manifestName, or kinds with labelSelectors, must be set",
        ));
    }
    let selectors = Selectors::from_json(context.get("labelSelectors"))
        .map_err(|error| trouble::illegal(ctx, &error.to_string()))?;
    if selectors.is_empty() {
        return Err(trouble::illegal(
            ctx,
            "the stage would delete every object of its kinds: labelSelectors must say which",
        ));
    }
    let place = Some(input::location(context)).filter(|place| !place.is_empty());
    let mut found = Vec::new();
    for kind in kinds {
        let list = List::of(Kind::parse(kind), place).labels(&selectors.expression());
        let what = format!("Delete failed for {kind}: ");
        found.extend(
            cluster
                .must(&what, cluster.account.list(&list))
                .await?
                .items,
        );
    }
    Ok(found)
}

/// Waits until all of it is gone.
async fn wait(cluster: &Cluster<'_>, deletions: &[Deletion]) -> Result<(), Failure> {
    for _ in 0..GONE_WITHIN.as_secs() / LOOK.as_secs() {
        match cluster
            .ask(cluster.account.wait_gone(deletions, LOOK))
            .await?
        {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => return Err(cluster.failed("nobody can see whether it is gone: ", &error)),
        }
    }
    let mut left = Vec::new();
    for deletion in deletions {
        if let Ok(Ok(Some(object))) = cluster.ask(cluster.account.find(&deletion.at)).await
            && object.uid() == deletion.uid
        {
            let holders = object.at(&["metadata", "finalizers"]).map(Value::to_string);
            let name: FullName = deletion.at.full_name();
            left.push(match holders {
                Some(holders) => format!("{name} (finalizers {holders})"),
                None => name.to_string(),
            });
        }
    }
    let message = format!(
        "deleted, and not gone after {} minutes: {}",
        GONE_WITHIN.as_secs() / 60,
        left.join(", ")
    );
    Err(trouble::give_up(cluster.ctx, "KubectlException", &message))
}
