//! `scaleManifest` (Kubernetes reference 7.3). Source: orca `ScaleManifestStage`.

use gennaker_engine::TaskDefinition;

use super::{
    fields,
    operation::{self, Operation},
    remote,
    tasks::{MONITOR, RESOLVE_TARGET, STABILIZE},
};
use crate::field::{Field, FieldType};

/// The stage type.
pub(crate) static SCALE: Operation = Operation {
    names: &["scaleManifest"],
    summary: "Sets the number of replicas of a Deployment, ReplicaSet or StatefulSet and waits until it is stable.",
    fields: &[
        fields::ACCOUNT,
        fields::PROVIDER,
        fields::LOCATION,
        fields::NAME,
        fields::MODE,
        fields::CRITERIA,
        fields::KIND,
        fields::APP,
        fields::CLUSTER,
        Field::required(
            "replicas",
            FieldType::Number,
            "How many; text that is a number does as well.",
        ),
        fields::STABLE_MINUTES,
        fields::INCLUDE_EVENTS,
        fields::ZONE,
    ],
    tasks: &[&RESOLVE_TARGET, &TASK, &MONITOR, &STABILIZE],
    monitor: "monitorScale",
    shown: &[
        "resolveTargetManifest",
        "scaleManifest",
        "monitorScale",
        "waitForManifestToStabilize",
    ],
    differs: "",
};

static TASK: TaskDefinition = operation::task(
    "scaleManifest",
    "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.ScaleManifestTask",
    |_| remote("scaleManifest", true),
);
