//! The page `docs/stages.md`, written from the catalogue.

use gennaker_engine::TaskDefinition;

use crate::{
    catalogue::{CATALOGUE, StageType},
    field::{Field, FieldType},
    not_built::NOT_BUILT,
};

const HEAD: &str = "\
# Stage types

What a stage of each type does, its fields and its tasks. Written by `gennaker config stages` from the code; do not edit it.

Names are case sensitive. If a stage has an `alias`, that is looked up instead of its `type`. All types also take the options that
are common to all stages: `stageEnabled`, `restrictExecutionDuringTimeWindow`, the failure options, `stageTimeoutMs`,
`sendNotifications` with `notifications`, and, an addition of Gennaker, `retry`. Fields that no type knows stay in the context. A
field in **bold** is needed. A task in brackets is planned only if the stage asks for it.

";

const PRECONFIGURED: &str = "\
## Preconfigured webhooks

Stage types that an operator adds by the setting `webhooks.preconfigured`, each calling one address; Spinnaker's
`webhook.preconfigured`. A stage has the type that the operator has chosen and, when the web interface made it,
`alias: preconfiguredWebhook`; either is enough. Its tasks are those of `webhook`.

* Whatever the operator has set wins over what the stage says. It may hold expressions that read `${parameterValues['name']}`.
* `parameterValues` of the stage are checked: they are texts, numbers or booleans; one that is left out gets its default; one
  that is required and has none fails the stage.
* Headers in `secret_header_files` are read by the worker, each from its file, and go only to the address that the operator has
  named: not to a status address or a cancel address elsewhere, and not into the execution. (Spinnaker's `sensitiveHeaders`.)
* Who may use a type cannot be limited yet (`permissions`).

## Preconfigured jobs

Stage types that an operator adds by the setting `jobs.preconfigured`, each running one Kubernetes Job; Spinnaker's
`job.preconfigured.kubernetes`. A stage has the type that the operator has chosen and, when the web interface made it,
`alias: preconfiguredJob`; either is enough. Its tasks and outputs are those of `runJob`.

* Whatever the operator has set wins over what the stage says: the manifest always, the account and the application if they are set,
  and the namespace if the manifest names one.
* `parameters` of the stage (`{name: value}`) are put into the manifest as texts, each where its `mapping` says, before expressions are
  evaluated; one that is left out gets its default, and without one the manifest stays as it is there. A mapping is a path, and no
  program as in Spinnaker.
* Those of Titus are not built.

";

const NOT_BUILT_HEAD: &str = "\
## Dry runs, and disabled tasks

With the setting `scheduler.dry_runs` a start with `trigger.dryRun` only shows what it would do: one task `dry run` stands for those of
each stage, but for `evaluateVariables`, `manualJudgment`, `pipeline` and `checkPreconditions` whose entries are all expressions. Without
it `trigger.dryRun` is handed on and changes nothing, as in a Spinnaker without `dryrun.enabled`.

A task whose class stands in the setting `scheduler.disabled_tasks` is SKIPPED when it would start.

## Known, and not built

A stage of one of these types fails when it starts and says why; its failure options count. All other types of Spinnaker that are
not on this page are unknown here: such a pipeline can be saved, and the stage fails when it is reached, whatever its options.

| type | tasks in Spinnaker | why |
|---|---|---|
";

/// The whole page, the same bytes for the same release.
#[must_use]
pub fn reference_page() -> String {
    let mut page = HEAD.to_owned();
    for stage in CATALOGUE.types() {
        page.push_str(&section(stage));
    }
    page.push_str(PRECONFIGURED);
    page.push_str(NOT_BUILT_HEAD);
    let is_missing = |names: &[&str]| names.iter().all(|name| CATALOGUE.find(name).is_none());
    for line in NOT_BUILT.iter().filter(|line| is_missing(line.names)) {
        page.push_str(&format!(
            "| {} | {} | {} |\n",
            code(line.names),
            code(line.tasks),
            line.because
        ));
    }
    page
}

fn section(stage: &dyn StageType) -> String {
    let names = stage.names();
    let mut text = format!("## {}\n\n{}\n\n", names[0], stage.summary());
    if names.len() > 1 {
        text.push_str(&format!("Also: {}.\n\n", code(&names[1..])));
    }
    let shown = stage.shown_tasks();
    let plain: Vec<&str> = stage.tasks().iter().map(|task| task.name).collect();
    let shown = if shown.is_empty() { &plain } else { shown };
    text.push_str(&format!("Tasks: {}.", code(shown)));
    let limits: Vec<String> = stage
        .tasks()
        .iter()
        .filter_map(|task| limit(task))
        .collect();
    if !limits.is_empty() {
        text.push_str(&format!(" Time limits: {}.", limits.join(", ")));
    }
    text.push_str("\n\n");
    if !stage.fields().is_empty() {
        text.push_str("| field | value | |\n|---|---|---|\n");
        for field in stage.fields() {
            text.push_str(&row(field));
        }
        text.push('\n');
    }
    if !stage.differs().is_empty() {
        text.push_str(&format!("Differs from Spinnaker: {}\n\n", stage.differs()));
    }
    text
}

fn row(field: &Field) -> String {
    let name = if field.required {
        format!("**`{}`**", field.name)
    } else {
        format!("`{}`", field.name)
    };
    let kind = match field.kind {
        FieldType::Text => "text".to_owned(),
        FieldType::Number => "number".to_owned(),
        FieldType::Boolean => "true or false".to_owned(),
        FieldType::List => "list".to_owned(),
        FieldType::Map => "object".to_owned(),
        FieldType::Word(words) => words.join(", "),
        FieldType::Any => "anything".to_owned(),
    };
    format!("| {name} | {kind} | {} |\n", field.help.replace('|', "\\|"))
}

fn limit(task: &TaskDefinition) -> Option<String> {
    const UNITS: [(i64, &str); 4] = [
        (24 * 60 * 60 * 1000, "d"),
        (60 * 60 * 1000, "h"),
        (60 * 1000, "min"),
        (1000, "s"),
    ];
    let limit = task.timeout_ms?;
    let (size, unit) = UNITS
        .into_iter()
        .find(|(size, _)| limit >= *size && limit % *size == 0)
        .or_else(|| UNITS.into_iter().find(|(size, _)| limit >= *size))
        .unwrap_or((1, "ms"));
    let overridable = if task.timeout_overridable {
        " unless `stageTimeoutMs` is set"
    } else {
        ""
    };
    Some(format!(
        "`{}` {} {unit}{overridable}",
        task.name,
        limit / size
    ))
}

fn code(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_page_is_what_the_code_says() {
        let committed = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/stages.md"));
        assert!(
            committed == reference_page(),
            "docs/stages.md differs; run `cargo xtask generate` and commit the result"
        );
    }

    #[test]
    fn every_type_and_every_name_is_on_the_page() {
        let page = reference_page();
        for stage in CATALOGUE.types() {
            assert!(page.contains(&format!("\n## {}\n", stage.names()[0])));
            for name in &stage.names()[1..] {
                assert!(page.contains(&format!("`{name}`")), "{name}");
            }
        }
        for line in NOT_BUILT {
            assert!(
                page.contains(&format!("`{}`", line.names[0])),
                "{:?}",
                line.names
            );
        }
        assert!(page.contains("`createWebhook` 5 min unless `stageTimeoutMs` is set"));
        assert!(page.contains("`waitUntil` 24 d"));
    }
}
