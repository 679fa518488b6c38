//! `deleteManifest` (Kubernetes reference 7.2). Source: orca `DeleteManifestStage`.

use gennaker_engine::TaskDefinition;

use super::{
    fields,
    operation::{self, Operation},
    remote,
    tasks::{MONITOR, PROMOTE, RESOLVE_TARGET},
};
use crate::field::{Field, FieldType};

/// The stage type.
pub(crate) static DELETE: Operation = Operation {
    names: &["deleteManifest"],
    summary: "Deletes objects from a cluster, by name or by labels, and waits until they are gone.",
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
        Field::optional(
            "kinds",
            FieldType::List,
            "With labelSelectors, in place of a name: the kinds that are deleted.",
        ),
        Field::optional(
            "labelSelectors",
            FieldType::Map,
            "{selectors: [{kind, key, values}]}: which objects of these kinds are deleted.",
        ),
        Field::optional(
            "options",
            FieldType::Map,
            "{cascading, orphanDependents, gracePeriodSeconds}: what becomes of dependents, and how long Pods have.",
        ),
        fields::ZONE,
    ],
    tasks: &[&RESOLVE_TARGET, &TASK, &MONITOR, &PROMOTE],
    monitor: "monitorDelete",
    shown: &[
        "resolveTargetManifest",
        "deleteManifest",
        "monitorDelete",
        "promoteOutputs",
    ],
    differs: "`cascading: null` counts as absent. An object that takes longer to go than 10 minutes fails the stage, which names what holds it.",
};

static TASK: TaskDefinition = operation::task(
    "deleteManifest",
    "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.DeleteManifestTask",
    |_| remote("deleteManifest", true),
);
