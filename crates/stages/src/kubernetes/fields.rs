//! Fields that several stage types of the provider share.

use gennaker_engine::definition::PlanError;
use gennaker_model::Map;

use crate::{
    field::{Field, FieldType},
    read,
};

pub(super) const ACCOUNT: Field = Field::required(
    "account",
    FieldType::Text,
    "Name of the account, which is a cluster; `credentials` does as well.",
);

pub(super) const PROVIDER: Field = Field::optional(
    "cloudProvider",
    FieldType::Word(&["kubernetes"]),
    "Only kubernetes is built; taken for it if absent.",
);

pub(super) const LOCATION: Field = Field::optional(
    "location",
    FieldType::Text,
    "Namespace of the target; empty for kinds without one.",
);

pub(super) const NAME: Field = Field::optional(
    "manifestName",
    FieldType::Text,
    "The target as \"<kind> <name>\".",
);

pub(super) const NAME_NEEDED: Field = Field {
    required: true,
    ..NAME
};

pub(super) const MODE: Field = Field::optional(
    "mode",
    FieldType::Word(&["static", "dynamic", "label"]),
    "How the web interface lets people choose the target; it changes nothing.",
);

pub(super) const CRITERIA: Field = Field::optional(
    "criteria",
    FieldType::Word(&["oldest", "newest", "second_newest", "smallest", "largest"]),
    "Which object of `cluster` is meant, found when the stage starts; `manifestName` is set to it.",
);

pub(super) const KIND: Field = Field::optional(
    "kind",
    FieldType::Text,
    "With criteria: the kind of the target.",
);

pub(super) const APP: Field = Field::optional(
    "app",
    FieldType::Text,
    "With criteria: the application that the target is annotated with.",
);

pub(super) const CLUSTER: Field = Field::optional(
    "cluster",
    FieldType::Text,
    "With criteria: the cluster that the target is annotated with, such as \"replicaSet web\".",
);

pub(super) const SKIP_EVALUATION: Field = Field::optional(
    "skipExpressionEvaluation",
    FieldType::Boolean,
    "Leave expressions in the manifests alone: those of an artifact always, inline ones under evaluator v4.",
);

pub(super) const MANIFEST_ARTIFACT_ID: Field = Field::optional(
    "manifestArtifactId",
    FieldType::Text,
    "With source artifact: id of the expected artifact that holds the text.",
);

pub(super) const MANIFEST_ARTIFACT: Field = Field::optional(
    "manifestArtifact",
    FieldType::Map,
    "With source artifact: the artifact itself, in place of an id.",
);

pub(super) const MANIFEST_ARTIFACT_ACCOUNT: Field = Field::optional(
    "manifestArtifactAccount",
    FieldType::Text,
    "Account that the artifact is fetched with; that of the artifact if absent.",
);

pub(super) const REQUIRED_ARTIFACT_IDS: Field = Field::optional(
    "requiredArtifactIds",
    FieldType::List,
    "Ids of expected artifacts that must be bound into the manifests.",
);

pub(super) const REQUIRED_ARTIFACTS: Field = Field::optional(
    "requiredArtifacts",
    FieldType::List,
    "Artifacts that must be bound into the manifests: {expectedArtifactId} or {artifact}.",
);

pub(super) const STABLE_MINUTES: Field = Field::optional(
    "stableManifestTimeoutMinutes",
    FieldType::Number,
    "How long the objects may take until they are stable; 30 if absent. `stageTimeoutMs` wins.",
);

pub(super) const INCLUDE_EVENTS: Field = Field::optional(
    "includeEvents",
    FieldType::Boolean,
    "Show the events of the objects in the context while waiting.",
);

pub(super) const NO_OUTPUT: Field =
    Field::optional("noOutput", FieldType::Boolean, "Leave no outputs.");

pub(super) const ZONE: Field = Field::optional(
    "zone",
    FieldType::Text,
    "Zone whose workers do it, in place of the account's (an addition of Gennaker).",
);

/// Refuses another provider's stage: those are not built.
///
/// # Errors
/// Which provider was named.
pub(crate) fn check_provider(context: &Map) -> Result<(), PlanError> {
    match read::text(context, "cloudProvider") {
        None => Ok(()),
        Some(provider) if provider.eq_ignore_ascii_case("kubernetes") => Ok(()),
        Some(provider) => Err(PlanError {
            class: "UnsupportedOperationException",
            message: format!(
                "the cloud provider {provider} is not built; stages of this type work on kubernetes only"
            ),
        }),
    }
}
