//! The Kubernetes provider (Kubernetes reference 5 to 7): one file per task. What is sent is decided by `gennaker-manifests`, how by
//! `gennaker-kubernetes`; here is the order of things, and what a stage is told.

mod cleanup;
mod cluster;
mod cluster_size;
mod delete;
mod deploy;
mod fetch;
mod find_artifacts;
mod hush;
mod input;
mod job;
mod old_replica_sets;
mod outputs;
mod patch;
mod remains;
mod rollout;
mod scale;
mod stabilize;
mod target;
#[cfg(test)]
mod tests;
mod traffic;
mod trouble;

use std::{sync::Arc, time::Duration};

use gennaker_kubernetes::{Account, Accounts};
use gennaker_worker::{Ctx, Effect, Failure, Task};

use cluster::Cluster;

/// The annotation with the identity of the effect that wrote an object last.
pub const EFFECT: &str = "gennaker.io/effect";

/// Longest single call to a cluster, in milliseconds.
const CALL_MS_MAX: u64 = 25_000;

/// Operations look before they write, so that they may be done again.
const REPEATABLE: Effect = Effect::Repeatable {
    call_ms_max: CALL_MS_MAX,
};

/// For how long a cluster that does not answer is tried by an operation.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often an operation is tried, the first time included.
    pub tries_max: u32,
    /// Pause after the first try; it doubles.
    pub pause: Duration,
    /// Longest pause.
    pub pause_max: Duration,
}

impl Default for Patience {
    /// Seven tries over about two minutes: an API server that is replaced is back by then.
    fn default() -> Self {
        Self {
            tries_max: 7,
            pause: Duration::from_secs(2),
            pause_max: Duration::from_secs(40),
        }
    }
}

/// What every task of the provider has.
#[derive(Clone)]
struct Base {
    accounts: Accounts,
    patience: Patience,
}

impl Base {
    /// The account that the stage names.
    fn account(&self, ctx: &Ctx) -> Result<&Account, Failure> {
        let name = input::account(ctx.input()).ok_or_else(|| {
            let message = "the stage names no account: the field account must be set";
            trouble::illegal(ctx, message)
        })?;
        self.accounts.get(name).map_err(|_| {
            let known: Vec<&str> = self.accounts.names().take(20).collect();
            let known = match known.is_empty() {
                true => "this worker has no Kubernetes account at all".to_owned(),
                false => format!("this worker knows {}", known.join(", ")),
            };
            trouble::give_up(
                ctx,
                "MissingCredentialsException",
                &format!("account {name} is not known: {known}"),
            )
        })
    }

    /// The cluster that the stage names, for one run of a task.
    fn cluster<'a>(&'a self, ctx: &'a Ctx) -> Result<Cluster<'a>, Failure> {
        Ok(Cluster::new(self.account(ctx)?, ctx, self.patience))
    }
}

/// The tasks that only read artifacts.
#[cfg(test)]
pub(crate) fn fetching(artifacts: &gennaker_artifacts::Accounts) -> Vec<Arc<dyn Task>> {
    fetch::tasks(Some(artifacts))
}

/// Every task of the provider.
pub(crate) fn tasks(
    accounts: &Accounts,
    patience: Patience,
    artifacts: Option<&gennaker_artifacts::Accounts>,
) -> Vec<Arc<dyn Task>> {
    let base = Base {
        accounts: accounts.clone(),
        patience,
    };
    let mut tasks: Vec<Arc<dyn Task>> = vec![
        Arc::new(deploy::DeployManifest(base.clone())),
        Arc::new(stabilize::WaitForManifestToStabilize(base.clone())),
        Arc::new(cleanup::CleanupArtifacts(base.clone())),
        Arc::new(old_replica_sets::FindOldReplicaSets(base.clone())),
        Arc::new(remains::SayWhatRemains(base.clone())),
        Arc::new(cluster_size::CheckClusterSize(base.clone())),
        Arc::new(target::ResolveTargetManifest(base.clone())),
        Arc::new(delete::DeleteManifest(base.clone())),
        Arc::new(scale::ScaleManifest(base.clone())),
        Arc::new(patch::PatchManifest(base.clone())),
        Arc::new(find_artifacts::FindArtifactsFromResource(base.clone())),
    ];
    tasks.extend(rollout::tasks(&base));
    tasks.extend(traffic::tasks(&base));
    tasks.extend(job::tasks(&base));
    tasks.extend(fetch::tasks(artifacts));
    tasks
}
