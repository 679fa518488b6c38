//! `enableManifest` (Kubernetes reference 7.8). Source: orca `EnableManifestStage`.

use gennaker_engine::TaskDefinition;

use super::{
    fields,
    operation::{self, Operation},
    remote,
    tasks::{MONITOR, RESOLVE_TARGET, STABILIZE},
};
use crate::field::{Field, FieldType};

/// The stage type.
pub(crate) static ENABLE: Operation = Operation {
    names: &["enableManifest"],
    summary: "Attaches a workload to its Services: their selectors become labels of its Pods.",
    fields: FIELDS,
    tasks: &[&RESOLVE_TARGET, &TASK, &MONITOR, &STABILIZE],
    monitor: "monitorEnable",
    shown: &[
        "resolveTargetManifest",
        "enableManifest",
        "monitorEnable",
        "waitForManifestToStabilize",
    ],
    differs: "",
};

static TASK: TaskDefinition = operation::task(
    "enableManifest",
    "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.EnableManifestTask",
    |_| remote("enableManifest", true),
);

/// Those of both directions.
pub(super) const FIELDS: &[Field] = &[
    fields::ACCOUNT,
    fields::PROVIDER,
    fields::LOCATION,
    fields::NAME,
    fields::MODE,
    fields::CRITERIA,
    fields::KIND,
    fields::APP,
    fields::CLUSTER,
    Field::optional(
        "loadBalancers",
        FieldType::List,
        "The Services as \"service <name>\"; those of the annotation traffic.spinnaker.io/load-balancers if absent.",
    ),
    Field::optional(
        "targetPercentage",
        FieldType::Number,
        "Of other providers; it changes nothing.",
    ),
    fields::STABLE_MINUTES,
    fields::INCLUDE_EVENTS,
    fields::ZONE,
];
