//! `scaleManifest` (Kubernetes reference 7.3). Source: clouddriver `KubernetesScaleManifestOperation`.

use gennaker_kubernetes::Write;
use gennaker_manifests::rollout;
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};

use super::{
    Base, REPEATABLE, input,
    outputs::{self, History},
    trouble,
};

const PHASE: &str = "SCALE_KUBERNETES_MANIFEST";

/// The task.
pub(super) struct ScaleManifest(pub Base);

impl Task for ScaleManifest {
    fn kind(&self) -> &'static str {
        "scaleManifest"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let at = input::target(ctx)?;
            rollout::check_scalable(&at.kind).map_err(|error| {
                trouble::give_up(ctx, "UnsupportedOperationException", &error.to_string())
            })?;
            let replicas = input::integer(ctx.input(), "replicas")
                .filter(|replicas| *replicas >= 0)
                .ok_or_else(|| {
                    trouble::illegal(ctx, "replicas must be a whole number, 0 or more")
                })?;
            let what = format!("Scale failed for {}: ", at.full_name());
            let live = cluster.must(&what, cluster.account.get(&at)).await?;
            // A worker before us has done it, or it was so: then nothing is sent.
            if live.replicas() != Some(replicas) {
                cluster
                    .must(
                        &what,
                        cluster.account.scale(&at, replicas, Write::default()),
                    )
                    .await?;
            }
            let mut history = History::default();
            history.say(PHASE, format!("Scaled {} to {replicas}", at.full_name()));
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
