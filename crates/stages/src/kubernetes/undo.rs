//! `undoRolloutManifest` (Kubernetes reference 7.5). Source: orca `UndoRolloutManifestStage`.

use gennaker_engine::TaskDefinition;

use super::{
    fields,
    operation::{self, Operation},
    remote,
    tasks::{MONITOR, STABILIZE},
};
use crate::field::{Field, FieldType};

/// The stage type.
pub(crate) static UNDO: Operation = Operation {
    names: &["undoRolloutManifest"],
    summary: "Takes a Deployment, StatefulSet or DaemonSet back to an earlier revision and waits until it is stable.",
    fields: &[
        fields::ACCOUNT,
        fields::PROVIDER,
        fields::LOCATION,
        fields::NAME_NEEDED,
        fields::MODE,
        Field::optional(
            "numRevisionsBack",
            FieldType::Number,
            "How many revisions back from the current one; it wins over revision.",
        ),
        Field::optional("revision", FieldType::Number, "The revision to go back to."),
        fields::STABLE_MINUTES,
        fields::INCLUDE_EVENTS,
        fields::ZONE,
    ],
    tasks: &[&TASK, &MONITOR, &STABILIZE],
    monitor: "monitorUndoRollout",
    shown: &[
        "undoRolloutManifest",
        "monitorUndoRollout",
        "waitForManifestToStabilize",
    ],
    differs: "",
};

static TASK: TaskDefinition = operation::task(
    "undoRolloutManifest",
    "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.UndoRolloutManifestTask",
    |_| remote("undoRolloutManifest", true),
);
