//! What must be true of the documents before anything is rendered. Source: orca `V1TemplateConfigurationSchemaValidator`,
//! `V1TemplateSchemaValidator`, `V1SchemaValidationHelper`.

use super::model::{Configuration, Stage, Template};
use crate::problem::Problem;

const SCHEMA: &str = "1";

/// What is wrong with a configuration. Warnings are among it.
pub(super) fn configuration(config: &Configuration, template: &Template) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(schema("config", config.schema.as_deref()));
    if config.application.is_none() {
        problems.push(
            Problem::new("Missing 'application' pipeline configuration")
                .at("configuration:pipeline.application"),
        );
    }
    stages(&config.stages, "configuration", &mut problems);
    for stage in &config.stages {
        let known = template.stages.iter().any(|it| it.id == stage.id);
        let placed =
            !stage.needs.is_empty() || stage.inject.as_ref().is_some_and(|it| it.has_any());
        if config.source.is_some() && !known && !placed {
            problems.push(
                Problem::new("A configuration-defined stage should have either dependsOn or an inject rule defined")
                    .at(format!("configuration:stages.{}", stage.id))
                    .warning(),
            );
        }
    }
    problems
}

/// What is wrong with a template, for a configuration that may have stages of its own.
pub(super) fn template(template: &Template, config_has_stages: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(schema("template", template.schema.as_deref()));
    if template.protect && config_has_stages {
        problems.push(
            Problem::new(
                "Modification of the stage graph (adding, removing, editing) is disallowed",
            )
            .because("The template being used has marked itself as protected"),
        );
    }
    stages(&template.stages, "template", &mut problems);
    problems
}

fn schema(what: &str, found: Option<&str>) -> Option<Problem> {
    let found = match found {
        Some(SCHEMA) => return None,
        found => found.unwrap_or("null"),
    };
    Some(Problem::new(format!(
        "{what} schema version is unsupported: expected '{SCHEMA}', got '{found}'"
    )))
}

fn stages(stages: &[Stage], whose: &str, problems: &mut Vec<Problem>) {
    for stage in stages {
        let place = format!("{whose}:stages.{}", stage.id);
        if stage.id.is_empty() {
            problems.push(Problem::new("Stage ID is unset").at(format!("{whose}:stages")));
        }
        let mut say = |message: &str| problems.push(Problem::new(message).at(place.clone()));
        if stage.kind.is_none() {
            say("Stage is missing type");
        }
        if stage.config.is_null() {
            say("Stage configuration is unset");
        }
        let inject = stage.inject.as_ref();
        if !stage.needs.is_empty() && inject.is_some_and(|it| it.has_any()) {
            say("A stage cannot have both dependsOn and an inject rule defined simultaneously");
        }
        if inject.is_some_and(|it| it.has_many()) {
            say("A stage cannot have multiple inject rules defined");
        }
    }
}
