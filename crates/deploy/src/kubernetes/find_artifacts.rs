//! `findArtifactsFromResource`: what an object uses (Kubernetes reference 7.9). Source: orca `FindArtifactsFromResourceTask`.

use gennaker_manifests::{artifact, redact};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::json;

use super::{Base, input, trouble};

/// The task.
pub(super) struct FindArtifactsFromResource(pub Base);

impl Task for FindArtifactsFromResource {
    fn kind(&self) -> &'static str {
        "findArtifactsFromResource"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let at = input::target(ctx)?;
            let found = cluster.must("", cluster.account.find(&at)).await?;
            let Some(mut object) = found else {
                let message = format!(
                    "Manifest (account: {}, location: {}, name: {}) not found",
                    cluster.account.name(),
                    at.namespace,
                    at.full_name()
                );
                return Err(trouble::give_up(ctx, "NotFoundException", &message));
            };
            let artifacts = artifact::find(&object);
            redact::manifest(&mut object);
            let mut found = Map::new();
            found.insert("manifest".to_owned(), object.into_value());
            found.insert("artifacts".to_owned(), json!(artifacts));
            Ok(Done {
                context: found.clone(),
                outputs: found,
                reference: None,
            })
        })
    }
}
