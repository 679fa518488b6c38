//! Run Job: start it, wait for its end, read its log (Kubernetes reference 7.10).

mod run;
mod wait;

use std::sync::Arc;

use gennaker_kubernetes::Write;
use gennaker_manifests::{Coordinates, delete};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::{Value, json};

use super::{Base, REPEATABLE, trouble};

/// Every task about jobs.
pub(super) fn tasks(base: &Base) -> Vec<Arc<dyn Task>> {
    vec![
        Arc::new(run::RunJob(base.clone())),
        Arc::new(wait::WaitOnJobCompletion(base.clone())),
        Arc::new(DeleteJob(base.clone())),
    ]
}

/// The one job of a stage: `deploy.jobs` is `{namespace: ["job x"]}`.
fn job_of(ctx: &Ctx) -> Result<Coordinates, Failure> {
    let jobs = ctx.input().get("deploy.jobs").and_then(Value::as_object);
    let mut found = Vec::new();
    for (place, names) in jobs.into_iter().flatten() {
        let names = names
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        found.extend(names.map(|name| (place.as_str(), name)));
    }
    let [(place, name)] = found.as_slice() else {
        return Err(trouble::illegal(
            ctx,
            "At most one job can be run and monitored at a time.",
        ));
    };
    Coordinates::parse(name, place).map_err(|error| trouble::illegal(ctx, &error.to_string()))
}

/// Deletes the Job of a stage that was cancelled or failed, where the stage asks for it (`deleteOnCancel`). Ours.
struct DeleteJob(Base);

impl Task for DeleteJob {
    fn kind(&self) -> &'static str {
        "deleteJob"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let at = job_of(ctx)?;
            let what = format!("{} cannot be deleted: ", at.full_name());
            let live = cluster.must(&what, cluster.account.find(&at)).await?;
            if let Some(live) = live {
                let options = delete::Options::default();
                let call =
                    cluster
                        .account
                        .delete(&at, &options, Some(live.uid()), Write::default());
                cluster.must(&what, call).await?;
            }
            let mut context = Map::new();
            context.insert(
                "remains".to_owned(),
                json!(format!("{} was deleted", at.full_name())),
            );
            Ok(Done {
                context,
                ..Done::default()
            })
        })
    }
}
