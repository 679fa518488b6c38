//! `resolveTargetManifest`: the object that `criteria` mean (Kubernetes reference 7.1). Source: orca `ResolveTargetManifestTask`,
//! clouddriver `ManifestController`.

use gennaker_kubernetes::List;
use gennaker_manifests::{
    Kind,
    target::{Cluster as Targets, Criteria},
};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::json;

use super::{Base, input, trouble};

/// The task.
pub(super) struct ResolveTargetManifest(pub Base);

impl Task for ResolveTargetManifest {
    fn kind(&self) -> &'static str {
        "resolveTargetManifest"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let context = ctx.input();
            let needed = |key: &str| {
                input::text(context, key).ok_or_else(|| {
                    trouble::illegal(
                        ctx,
                        &format!("a target that is found by criteria needs the field {key}"),
                    )
                })
            };
            let criteria = Criteria::parse(needed("criteria")?)
                .map_err(|error| trouble::illegal(ctx, &error.to_string()))?;
            let kind = Kind::parse(needed("kind")?);
            let targets = Targets {
                account: cluster.account.name(),
                location: input::location(context),
                kind: kind.clone(),
                app: needed("app")?,
                cluster: needed("cluster")?,
            };
            let place = Some(targets.location).filter(|place| !place.is_empty());
            let list = List::of(kind, place);
            let objects = cluster
                .must("the target cannot be found: ", cluster.account.list(&list))
                .await?;
            let Some(at) = targets.pick(&objects.items, criteria) else {
                let message = format!(
                    "No manifest could be found matching {}",
                    targets
                        .not_found(criteria)
                        .trim_start_matches("No manifests matching ")
                        .trim_end_matches(" found")
                );
                return Err(trouble::illegal(ctx, &message));
            };
            let mut found = Map::new();
            found.insert("manifestName".to_owned(), json!(at.full_name().to_string()));
            Ok(Done {
                context: found.clone(),
                outputs: found,
                reference: None,
            })
        })
    }
}
