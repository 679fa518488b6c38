//! `disableManifest` (Kubernetes reference 7.8). Source: orca `DisableManifestStage`.

use gennaker_engine::TaskDefinition;

use super::{
    enable::FIELDS,
    operation::{self, Operation},
    remote,
    tasks::{MONITOR, RESOLVE_TARGET, STABILIZE},
};

/// The stage type.
pub(crate) static DISABLE: Operation = Operation {
    names: &["disableManifest"],
    summary: "Takes a workload out of its Services: their selectors are removed from the labels of its Pods.",
    fields: FIELDS,
    tasks: &[&RESOLVE_TARGET, &TASK, &MONITOR, &STABILIZE],
    monitor: "monitorDisable",
    shown: &[
        "resolveTargetManifest",
        "disableManifest",
        "monitorDisable",
        "waitForManifestToStabilize",
    ],
    differs: "",
};

static TASK: TaskDefinition = operation::task(
    "disableManifest",
    "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.DisableManifestTask",
    |_| remote("disableManifest", true),
);
