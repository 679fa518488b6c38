//! `run --dry-run`, `pipeline execute --dry-run`: what a start would do. Nothing is started, whatever the server makes of
//! `trigger.dryRun`: the server plans, and what would refuse the start is looked at here.

use gennaker_intake::parameters;
use serde_json::{Map, Value, json};

use crate::{
    Exit, Failure, Io,
    gate::Gate,
    lint::{Finding, Linter, Severity},
    output::Format,
    refs::{PipelineName, pipeline},
    snapshot::text,
    text::{clean, count, table},
};

/// What would be started.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    name: PipelineName,
    parameters: Map<String, Value>,
    /// The pipeline with its template expanded and its stages numbered, as it would run.
    pub(crate) document: Value,
    /// Why it would be refused now.
    pub(crate) refusals: Vec<String>,
    findings: Vec<Finding>,
}

/// Asks the server for the plan of a start.
///
/// # Errors
/// There is no such pipeline, or a start would be refused for what it is: a parameter is missing, its template is not there, it is
/// disabled.
pub(crate) async fn planned(
    gate: &Gate,
    name: PipelineName,
    trigger: Map<String, Value>,
    linter: Linter,
) -> Result<Planned, Failure> {
    let config = pipeline(gate, &name).await?;
    let Value::Object(mut config) = config else {
        return Err(Failure::command(format!("pipeline {name} is no object")));
    };
    // A template may declare parameters that only the server knows; those it tells when it plans.
    if let Some(missing) = parameters::missing(&config, &trigger) {
        return Err(missing_parameter(&name, &missing));
    }
    let freezes = frozen(gate, &config).await?;
    let parameters = trigger.get("parameters").and_then(Value::as_object);
    let parameters = parameters.cloned().unwrap_or_default();
    config.insert("plan".to_owned(), true.into());
    config.insert("trigger".to_owned(), trigger.clone().into());
    let request = gate.request("POST", "/pipelines/start", Some(&Value::Object(config)));
    let what = format!("{name} would not start");
    let response = gate.accepted(&what, request).await?;
    let mut document = gate.document(&what, &response)?;
    if let Some(missing) = document
        .as_object()
        .and_then(|planned| parameters::missing(planned, &trigger))
    {
        return Err(missing_parameter(&name, &missing));
    }
    // A template's stages have no application of their own.
    if document.get("name").is_none() {
        document["name"] = name.pipeline.clone().into();
    }
    let findings = linter(&document);
    Ok(Planned {
        name,
        parameters,
        refusals: freezes,
        findings,
        document,
    })
}

/// Prints it, and how a start would end.
pub(crate) fn print(planned: &Planned, format: &Format, io: &mut Io) -> Result<Exit, Failure> {
    match format {
        Format::Human => say(planned, io),
        Format::Name => io.say(&clean(&planned.name.to_string())),
        _ => {
            super::print(&planned.document, format, io)?;
        }
    }
    for refusal in &planned.refusals {
        io.note(&format!("refused: {}", clean(refusal)));
    }
    for finding in &planned.findings {
        let (word, message) = (finding.severity.word(), clean(&finding.message));
        io.note(&format!("{word}: {message}  ({})", clean(&finding.path)));
    }
    Ok(planned.exit())
}

impl Planned {
    fn exit(&self) -> Exit {
        let is_error = |finding: &Finding| finding.severity == Severity::Error;
        if !self.refusals.is_empty() {
            Exit::CommandError
        } else if self.findings.iter().any(is_error) {
            Exit::Findings
        } else {
            Exit::Succeeded
        }
    }
}

fn say(planned: &Planned, io: &mut Io) {
    let stages = planned.document["stages"].as_array();
    let stages = stages.map_or(&[] as &[Value], Vec::as_slice);
    let given: Vec<String> = planned
        .parameters
        .iter()
        .map(|(key, value)| match value {
            Value::String(text) => format!("{key}={text}"),
            other => format!("{key}={other}"),
        })
        .collect();
    let with = match given.is_empty() {
        true => String::new(),
        false => format!(" with {}", given.join(" ")),
    };
    io.say(&clean(&format!(
        "Nothing is started. {} would run {}{with}",
        planned.name,
        count(stages.len(), "stage")
    )));
    let rows: Vec<Vec<String>> = stages.iter().map(row).collect();
    if !rows.is_empty() {
        for line in table(&["REF", "STAGE", "TYPE", "AFTER"], &rows) {
            io.say(&line);
        }
    }
}

fn row(stage: &Value) -> Vec<String> {
    let after = stage["requisiteStageRefIds"].as_array();
    let after: Vec<&str> = after
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let kind = text(stage, "type").unwrap_or_default();
    vec![
        clean(&text(stage, "refId").unwrap_or_default()),
        clean(&text(stage, "name").unwrap_or_else(|| kind.clone())),
        clean(&kind),
        clean(&after.join(", ")),
    ]
}

fn missing_parameter(name: &PipelineName, parameter: &str) -> Failure {
    Failure::command(format!(
        "{name} would not start: Required parameter {parameter} is missing"
    ))
    .fix(format!("add -p {parameter}=VALUE"))
}

/// The freezes that a start would meet. A Gate of Spinnaker's has none.
async fn frozen(gate: &Gate, config: &Map<String, Value>) -> Result<Vec<String>, Failure> {
    let freezes = match gate.get("the list of freezes", "/v2/freezes").await {
        Ok(freezes) => freezes,
        Err(failure) if failure.exit == Exit::NotFound => json!([]),
        Err(failure) => return Err(failure),
    };
    let told = |field: &str| config.get(field).and_then(Value::as_str);
    let (application, id) = (told("application"), told("id"));
    let meets = |freeze: &&Value| {
        let named = |field: &str| freeze.get(field).and_then(Value::as_str);
        match (named("application"), application) {
            (Some(frozen), Some(application)) => frozen.eq_ignore_ascii_case(application),
            _ => id.is_some() && named("pipelineConfigId") == id,
        }
    };
    let sentence = |freeze: &Value| {
        let by = text(freeze, "by").unwrap_or_default();
        let reason = text(freeze, "reason").unwrap_or_default();
        format!("frozen by {by}: {reason}")
    };
    let all = freezes.as_array().map_or(&[] as &[Value], Vec::as_slice);
    Ok(all.iter().filter(meets).map(sentence).collect())
}
