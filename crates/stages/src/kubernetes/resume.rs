//! `resumeRolloutManifest` (Kubernetes reference 7.6). Source: orca `ResumeRolloutManifestStage`.

use gennaker_engine::TaskDefinition;

use super::{
    fields,
    operation::{self, Operation},
    remote,
    tasks::{MONITOR, STABILIZE},
};

/// The stage type.
pub(crate) static RESUME: Operation = Operation {
    names: &["resumeRolloutManifest"],
    summary: "Goes on with the rollout of a paused Deployment and waits until it is stable.",
    fields: &[
        fields::ACCOUNT,
        fields::PROVIDER,
        fields::LOCATION,
        fields::NAME_NEEDED,
        fields::MODE,
        fields::STABLE_MINUTES,
        fields::INCLUDE_EVENTS,
        fields::ZONE,
    ],
    tasks: &[&TASK, &MONITOR, &STABILIZE],
    monitor: "monitorResumeRollout",
    shown: &[
        "resumeRolloutManifest",
        "monitorResumeRollout",
        "waitForManifestToStabilize",
    ],
    differs: "",
};

static TASK: TaskDefinition = operation::task(
    "resumeRolloutManifest",
    "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.ResumeRolloutManifestTask",
    |_| remote("resumeRolloutManifest", true),
);
