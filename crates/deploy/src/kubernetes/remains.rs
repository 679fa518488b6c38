//! `sayWhatRemains`: what a stage that was cancelled or failed has left in its cluster, in a sentence. Ours.

use gennaker_manifests::{Coordinates, stability};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::{Value, json};

use super::{Base, cluster::Cluster};

/// Most objects that are looked at for it.
const LOOKS_MAX: usize = 50;

/// The task.
pub(super) struct SayWhatRemains(pub Base);

impl Task for SayWhatRemains {
    fn kind(&self) -> &'static str {
        "sayWhatRemains"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let applied = ctx
                .input()
                .get("appliedManifests")
                .and_then(Value::as_object);
            let mut said = Vec::new();
            for (place, names) in applied.into_iter().flatten() {
                for name in names
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                {
                    said.push(match Coordinates::parse(name, place) {
                        Ok(at) if said.len() < LOOKS_MAX => state_of(&cluster, &at).await,
                        Ok(_) | Err(_) => format!("{name} in {place}"),
                    });
                }
            }
            let mut context = Map::new();
            if !said.is_empty() {
                let sentence = format!(
                    "applied to account {} and left there: {}",
                    cluster.account.name(),
                    said.join(", ")
                );
                context.insert("remains".to_owned(), json!(sentence));
            }
            Ok(Done {
                context,
                ..Done::default()
            })
        })
    }
}

/// The object and how it is; it is said in any case, also when the cluster does not answer.
async fn state_of(cluster: &Cluster<'_>, at: &Coordinates) -> String {
    let who = match at.namespace.as_str() {
        "" => at.full_name().to_string(),
        place => format!("{} in {place}", at.full_name()),
    };
    match cluster.ask(cluster.account.find(at)).await {
        Ok(Ok(None)) => format!("{who} (gone by now)"),
        Ok(Ok(Some(object))) => match stability::status(&object) {
            Ok(status) if status.failed.state => format!("{who} (failed)"),
            Ok(status) if status.stable.state => format!("{who} (stable)"),
            Ok(_) => format!("{who} (not stable)"),
            Err(_) => who,
        },
        Ok(Err(_)) | Err(_) => format!("{who} (its state cannot be read)"),
    }
}
