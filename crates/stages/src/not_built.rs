//! Stage types of Spinnaker that are known and not built: a stage of such a type fails when it starts, saying why. Unlike one of a
//! type that nobody knows, it obeys its failure options.
//!
//! A type that is built wins over a line here, so that both may stand side by side until the line is taken out.

use gennaker_engine::{Plan, PlanContext, StageDefinition, definition::PlanError};

/// A type that is not built.
pub(crate) struct NotBuilt {
    /// Names that stand in `type`; the first is the usual one.
    pub names: &'static [&'static str],
    /// Its tasks in Spinnaker.
    pub tasks: &'static [&'static str],
    /// Why not: a sentence that goes on after the name of the type.
    pub because: &'static str,
}

const NO_DELIVERY: &str = "there is no managed delivery (Keel) in this release";
const NO_SNAPSHOTS: &str = "snapshots come with the cloud providers";

/// The table (orchestration reference 6.5, 6.7, 6.12, 6.15 and 6.17).
pub(crate) static NOT_BUILT: &[NotBuilt] = &[
    NotBuilt {
        names: &["upsertDeliveryConfig"],
        tasks: &["upsertDeliveryConfig", "monitorUpsert"],
        because: NO_DELIVERY,
    },
    NotBuilt {
        names: &["deleteDeliveryConfig"],
        tasks: &["deleteDeliveryConfig"],
        because: NO_DELIVERY,
    },
    NotBuilt {
        names: &["importDeliveryConfig", "publishDeliveryConfig"],
        tasks: &["importDeliveryConfig"],
        because: NO_DELIVERY,
    },
    NotBuilt {
        names: &["wercker"],
        tasks: &[
            "startWerckerJob",
            "waitForWerckerJobStart",
            "monitorWerckerJob",
        ],
        because: "the service Wercker was shut down, and Spinnaker has removed it in 2026",
    },
    NotBuilt {
        names: &["waitForCondition"],
        tasks: &["waitForCondition"],
        because: "it belongs to deployments, which come with the cloud providers",
    },
    NotBuilt {
        names: &["saveSnapshot"],
        tasks: &["saveSnapshot", "monitorSnapshot"],
        because: NO_SNAPSHOTS,
    },
    NotBuilt {
        names: &["restoreSnapshot"],
        tasks: &["restoreSnapshot", "monitorRestore"],
        because: NO_SNAPSHOTS,
    },
    NotBuilt {
        names: &["deleteSnapshot"],
        tasks: &["deleteSnapshot", "monitorDeleteSnapshot"],
        because: NO_SNAPSHOTS,
    },
];

/// The line of this type.
pub(crate) fn find(kind: &str) -> Option<&'static NotBuilt> {
    NOT_BUILT.iter().find(|known| known.names.contains(&kind))
}

impl StageDefinition for NotBuilt {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let kind = &context.stage.kind;
        Err(PlanError {
            class: "UnsupportedOperationException",
            message: format!("stages of type {kind} are not built yet: {}", self.because),
        })
    }

    /// The next try would say the same.
    fn may_retry(&self) -> bool {
        false
    }
}
