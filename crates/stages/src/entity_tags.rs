//! Tags of cloud entities as jobs. Source: orca `UpsertEntityTagsStage`, `BulkUpsertEntityTagsStage`, `DeleteEntityTagsStage`.

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskDefinition,
    definition::{PlanError, Remote},
};

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
    kubernetes::MONITOR,
};

const TIMEOUT_MS: i64 = 60_000;

const DIFFERS: &str = "The tags are documents here and written by the first task; Spinnaker asks Clouddriver to. The account's \
                       number stands in the id only if `entityRef.accountId` names it, else the account's name.";

const ENTITY: Field = Field::required(
    "entityRef",
    FieldType::Map,
    "What is tagged: {cloudProvider, entityType, entityId, account, region}.",
);

const PARTIAL: Field = Field::optional(
    "isPartial",
    FieldType::Boolean,
    "Whether tags that are not named stay; they do unless this is false.",
);

/// Declares a type whose first task writes and whose second is done at once: what was written is durable when the first one ends.
macro_rules! tag_jobs {
    ($(
        $(#[$doc:meta])*
        $name:ident $kind:literal $class:literal $monitor:literal $summary:literal [$($field:expr),* $(,)?];
    )*) => { $(
        $(#[$doc])*
        pub(crate) struct $name;

        const _: () = {
            static WRITE: TaskDefinition = TaskDefinition {
                name: $kind,
                class: $class,
                step: |_| Step::Dispatch(Remote { pool: "notify", kind: $kind, effect: true }),
                timeout_ms: Some(TIMEOUT_MS),
                timeout_overridable: false,
            };

            static TASKS: &[&TaskDefinition] = &[&WRITE, &MONITOR];

            impl StageType for $name {
                fn names(&self) -> &'static [&'static str] {
                    &[$kind]
                }

                fn summary(&self) -> &'static str {
                    $summary
                }

                fn fields(&self) -> &'static [Field] {
                    const { &[$($field),*] }
                }

                fn tasks(&self) -> &'static [&'static TaskDefinition] {
                    TASKS
                }

                fn shown_tasks(&self) -> &'static [&'static str] {
                    &[$kind, $monitor]
                }

                fn differs(&self) -> &'static str {
                    DIFFERS
                }
            }

            impl StageDefinition for $name {
                fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
                    Ok(Plan {
                        tasks: vec![
                            gennaker_engine::PlannedTask::of(&WRITE),
                            gennaker_engine::PlannedTask::of(&MONITOR).named($monitor),
                        ],
                        ..Plan::default()
                    })
                }
            }
        };
    )* };
}

tag_jobs! {
    /// `upsertEntityTags`.
    UpsertEntityTags
        "upsertEntityTags"
        "com.netflix.spinnaker.orca.clouddriver.tasks.entitytags.UpsertEntityTagsTask"
        "monitorUpsert"
        "Tags something in a cloud."
        [
            ENTITY,
            Field::required("tags", FieldType::List, "The tags: {name, value, namespace, category}."),
            PARTIAL,
        ];
    /// `bulkUpsertEntityTags`.
    BulkUpsertEntityTags
        "bulkUpsertEntityTags"
        "com.netflix.spinnaker.orca.clouddriver.tasks.entitytags.BulkUpsertEntityTagsTask"
        "monitorUpsert"
        "Tags several things in clouds."
        [
            Field::required("entityTags", FieldType::List, "For each {entityRef, tags, isPartial}."),
            PARTIAL,
        ];
    /// `deleteEntityTags`.
    DeleteEntityTags
        "deleteEntityTags"
        "com.netflix.spinnaker.orca.clouddriver.tasks.entitytags.DeleteEntityTagsTask"
        "monitorDelete"
        "Removes tags of something in a cloud."
        [
            Field::required("id", FieldType::Text, "The id of its tags: provider:type:name:account:region."),
            Field::optional("tags", FieldType::List, "The names of the tags to remove."),
            Field::optional("deleteAll", FieldType::Boolean, "Whether all of them go."),
        ];
}
