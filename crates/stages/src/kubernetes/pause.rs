//! `pauseRolloutManifest` (Kubernetes reference 7.6). Source: orca `PauseRolloutManifestStage`.

use gennaker_engine::TaskDefinition;

use super::{
    fields,
    operation::{self, Operation},
    remote,
    tasks::MONITOR,
};

/// The stage type.
pub(crate) static PAUSE: Operation = Operation {
    names: &["pauseRolloutManifest"],
    summary: "Holds the rollout of a Deployment.",
    fields: &[
        fields::ACCOUNT,
        fields::PROVIDER,
        fields::LOCATION,
        fields::NAME_NEEDED,
        fields::MODE,
        fields::ZONE,
    ],
    tasks: &[&TASK, &MONITOR],
    monitor: "monitorPauseRollout",
    shown: &["pauseRolloutManifest", "monitorPauseRollout"],
    differs: "",
};

static TASK: TaskDefinition = operation::task(
    "pauseRolloutManifest",
    "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.PauseRolloutManifestTask",
    |_| remote("pauseRolloutManifest", true),
);
