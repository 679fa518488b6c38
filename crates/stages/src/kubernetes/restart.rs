//! `rollingRestartManifest` (Kubernetes reference 7.7). Source: orca `RollingRestartManifestStage`.

use gennaker_engine::TaskDefinition;

use super::{
    fields,
    operation::{self, Operation},
    remote,
    tasks::MONITOR,
};

/// The stage type.
pub(crate) static RESTART: Operation = Operation {
    names: &["rollingRestartManifest"],
    summary: "Replaces the Pods of a Deployment, StatefulSet or DaemonSet, step by step, without waiting for the end.",
    fields: &[
        fields::ACCOUNT,
        fields::PROVIDER,
        fields::LOCATION,
        fields::NAME_NEEDED,
        fields::MODE,
        fields::ZONE,
    ],
    tasks: &[&TASK, &MONITOR],
    monitor: "monitorRollingRestart",
    shown: &["rollingRestartManifest", "monitorRollingRestart"],
    differs: "",
};

static TASK: TaskDefinition = operation::task(
    "rollingRestartManifest",
    "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.RollingRestartManifestTask",
    |_| remote("rollingRestartManifest", true),
);
