//! Stage types that are one task of the `notify` pool: the jobs that save and delete documents.

use gennaker_engine::{Plan, PlannedTask, TaskDefinition};

/// Declares stage types with one task each, whose name is also its kind in the pool.
macro_rules! document_jobs {
    ($(
        $(#[$doc:meta])*
        $name:ident {
            names: $names:expr,
            summary: $summary:expr,
            fields: $fields:expr,
            task: $task:literal,
            class: $class:literal,
            timeout_ms: $timeout_ms:expr,
            $(differs: $differs:expr,)?
        }
    )*) => { $(
        $(#[$doc])*
        pub(crate) struct $name;

        const _: () = {
            static TASK: gennaker_engine::TaskDefinition = gennaker_engine::TaskDefinition {
                name: $task,
                class: $class,
                step: |_| {
                    gennaker_engine::Step::Dispatch(gennaker_engine::definition::Remote {
                        pool: "notify",
                        kind: $task,
                        effect: true,
                    })
                },
                timeout_ms: Some($timeout_ms),
                timeout_overridable: false,
            };

            impl crate::catalogue::StageType for $name {
                fn names(&self) -> &'static [&'static str] {
                    $names
                }

                fn summary(&self) -> &'static str {
                    $summary
                }

                fn fields(&self) -> &'static [crate::field::Field] {
                    const { $fields }
                }

                fn tasks(&self) -> &'static [&'static gennaker_engine::TaskDefinition] {
                    const { &[&TASK] }
                }
                $(
                    fn differs(&self) -> &'static str {
                        $differs
                    }
                )?
            }

            impl gennaker_engine::StageDefinition for $name {
                fn plan(
                    &self,
                    context: &gennaker_engine::PlanContext<'_>,
                ) -> Result<gennaker_engine::Plan, gennaker_engine::definition::PlanError> {
                    let names: &[&str] = $names;
                    Ok(crate::document_job::plan_of(
                        &TASK,
                        names,
                        &context.stage.kind,
                    ))
                }
            }
        };
    )* };
}

pub(crate) use document_jobs;

/// The plan of a type with one task. Of several names for the same thing each has its task under its own name.
pub(crate) fn plan_of(task: &'static TaskDefinition, names: &[&'static str], kind: &str) -> Plan {
    let name = names.iter().find(|name| **name == kind);
    let planned = PlannedTask::of(task);
    Plan {
        tasks: vec![match name {
            Some(name) if names.len() > 1 => planned.named(name),
            Some(_) | None => planned,
        }],
        ..Plan::default()
    }
}
