//! Documents that clients save by submitting a task: applications, pipelines, projects, pipeline templates, plugins, entity tags.
//!
//! All are repeatable: a redelivered task finds what it did before, because new ids are derived from the effect's identity.

mod application_tasks;
mod canary_tasks;
mod failure;
mod input;
mod job;
#[cfg(test)]
mod other_tests;
mod pipeline_tasks;
mod plugin_tasks;
mod project_tasks;
mod reorder_task;
mod tag_tasks;
mod template_tasks;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use gennaker_store::Store;
use gennaker_worker::{Effect, Task};

use application_tasks::{DeleteApplication, UpsertApplication};
pub(crate) use input::base64_bytes;
use pipeline_tasks::{DeletePipeline, SavePipeline, UpdatePipeline};
use plugin_tasks::LoadPluginRelease;
use reorder_task::ReorderPipelines;

/// Saving takes some round trips to the broker.
const REPEATABLE: Effect = Effect::Repeatable {
    call_ms_max: 20_000,
};

/// Longest save, in one piece.
const CALL_MAX: Duration = Duration::from_secs(20);

/// Every task that writes documents.
pub(crate) fn tasks(store: &Store) -> Vec<Arc<dyn Task>> {
    let mut tasks: Vec<Arc<dyn Task>> = vec![
        Arc::new(UpsertApplication::new(store.clone())),
        Arc::new(DeleteApplication::new(store.clone())),
        Arc::new(SavePipeline::new(store.clone())),
        Arc::new(UpdatePipeline::new(store.clone())),
        Arc::new(DeletePipeline::new(store.clone())),
        Arc::new(ReorderPipelines::new(store.clone())),
        Arc::new(LoadPluginRelease::new(store.clone())),
    ];
    let jobs = project_tasks::jobs(store)
        .into_iter()
        .chain(template_tasks::jobs(store))
        .chain(plugin_tasks::jobs(store))
        .chain(tag_tasks::jobs(store))
        .chain(canary_tasks::jobs(store));
    tasks.extend(jobs.map(|job| Arc::new(job) as Arc<dyn Task>));
    tasks
}
