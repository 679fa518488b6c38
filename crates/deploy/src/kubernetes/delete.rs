//! `deleteManifest`: deletes by name or by labels and waits until it is gone (Kubernetes reference 7.2). Source: clouddriver
//! `KubernetesDeleteManifestOperation`.
//!
//! What is to be deleted is chosen first and noted in the stage ([`CHOSEN`]), then it is deleted by its uid. A worker that follows
//! a lost one deletes what that one had chosen: never an object that somebody has made since, under the same name or with the same
//! labels.

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

/// Most objects that are waited for at once; the others come after them.
const FOLLOWED_MAX: usize = 200;

/// Longest single look.
const LOOK: Duration = Duration::from_secs(20);

/// Context key: `{effect, objects: [{manifestName, location, uid}]}`, what this run of the stage deletes. Ours.
const CHOSEN: &str = "deleteTargets";

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
            let chosen = match noted(ctx) {
                Some(chosen) => chosen,
                None => {
                    let chosen = choose(&cluster).await?;
                    if !chosen.is_empty() {
                        return Err(Failure::RetryLater {
                            after: Duration::ZERO,
                            context: note(ctx, &chosen),
                        });
                    }
                    chosen
                }
            };
            let mut history = History::default();
            let mut names = Map::new();
            // One that is named is told, also when there is none.
            if let (true, Some(name)) = (chosen.is_empty(), input::text(context, "manifestName")) {
                names.insert(input::location(context).to_owned(), json!([name]));
            }
            let mut deletions = Vec::new();
            for target in &chosen {
                let name = target.at.full_name().to_string();
                history.say(PHASE, format!("Deleting {name} ..."));
                deletions.extend(delete(&cluster, target, &options).await?);
                let list = names
                    .entry(target.at.namespace.clone())
                    .or_insert_with(|| json!([]));
                if let Value::Array(list) = list {
                    list.push(json!(name));
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

/// An object to delete, and not another one of its name.
#[derive(Debug, PartialEq)]
struct Target {
    at: Coordinates,
    uid: String,
}

/// What an attempt before this one has chosen. A stage that is restarted has another effect, and chooses anew.
fn noted(ctx: &Ctx) -> Option<Vec<Target>> {
    let noted = ctx.input().get(CHOSEN)?;
    let effect = noted.get("effect").and_then(Value::as_str);
    if effect.is_none() || effect != ctx.effect_id() {
        return None;
    }
    let objects = noted.get("objects")?.as_array()?;
    let target = |object: &Value| {
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        Some(Target {
            at: Coordinates::parse(text("manifestName")?, text("location")?).ok()?,
            uid: text("uid")?.to_owned(),
        })
    };
    objects.iter().map(target).collect()
}

fn note(ctx: &Ctx, chosen: &[Target]) -> Map {
    let object = |target: &Target| {
        json!({
            "manifestName": target.at.full_name().to_string(),
            "location": target.at.namespace,
            "uid": target.uid,
        })
    };
    let objects: Vec<Value> = chosen.iter().map(object).collect();
    let mut context = Map::new();
    context.insert(
        CHOSEN.to_owned(),
        json!({ "effect": ctx.effect_id(), "objects": objects }),
    );
    context
}

/// Deletes one object, unless that was done; none when nothing is left to wait for.
async fn delete(
    cluster: &Cluster<'_>,
    target: &Target,
    options: &delete::Options,
) -> Result<Option<Deletion>, Failure> {
    let Target { at, uid } = target;
    let what = format!("Delete failed for {}: ", at.full_name());
    let live = cluster.must(&what, cluster.account.find(at)).await?;
    let Some(live) = live.filter(|live| live.uid() == uid) else {
        return Ok(None);
    };
    if live.at(&["metadata", "deletionTimestamp"]).is_some() {
        // A worker before us, or somebody else, has.
        return Ok(Some(Deletion {
            at: at.clone(),
            uid: uid.clone(),
            gone: false,
        }));
    }
    let call = cluster
        .account
        .delete(at, options, Some(uid), Write::default());
    match cluster.ask(call).await? {
        Ok(deletion) => Ok(deletion),
        Err(error) if error.class() == Class::Conflict => Ok(None),
        Err(error) => Err(cluster.failed(&what, &error)),
    }
}

/// The objects that the stage means, as they are now.
async fn choose(cluster: &Cluster<'_>) -> Result<Vec<Target>, Failure> {
    let target = |object: &Manifest| Target {
        at: Coordinates::of(object),
        uid: object.uid().to_owned(),
    };
    Ok(meant(cluster).await?.iter().map(target).collect())
}

async fn meant(cluster: &Cluster<'_>) -> Result<Vec<Manifest>, Failure> {
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
    let mut open = deletions;
    let mut looks = 0;
    while looks < GONE_WITHIN.as_secs() / LOOK.as_secs() {
        let (some, others) = open.split_at(open.len().min(FOLLOWED_MAX));
        let is_gone = cluster
            .ask(cluster.account.wait_gone(some, LOOK))
            .await?
            .map_err(|error| cluster.failed("nobody can see whether it is gone: ", &error))?;
        match is_gone {
            true if others.is_empty() => return Ok(()),
            true => open = others,
            false => looks += 1,
        }
    }
    let mut left = Vec::new();
    for deletion in open {
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
