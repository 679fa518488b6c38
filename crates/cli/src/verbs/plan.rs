//! `plan` and `apply`: what saving pipeline files would change at the server, and saving them.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use super::agreed;
use crate::{
    Exit, Failure, Global, Io, Tools,
    difference::{Difference, differences},
    document::parse_all,
    exit::EXIT_CODES,
    gate::{Caller, Gate, message},
    lint::{Finding, Severity},
    output::Format,
    refs::PipelineName,
    snapshot::text,
    text::{clean, count, encode},
};

/// Keys that the server keeps for itself.
const KEPT: [&str; 5] = ["id", "index", "updateTs", "lastModifiedBy", "createTs"];

/// Say what saving pipeline files would change
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct PlanArgs {
    /// JSON or YAML files, each with one pipeline or a list of them; - is the standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// Save pipeline files, unless somebody else has changed the pipelines meanwhile
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct ApplyArgs {
    /// JSON or YAML files, each with one pipeline or a list of them; - is the standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,

    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// One pipeline of the files beside the stored one.
struct Planned {
    name: PipelineName,
    wanted: Value,
    stored: Option<Value>,
    differences: Vec<Difference>,
    findings: Vec<Finding>,
}

/// Runs `plan`.
pub(crate) async fn run(args: &PlanArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let wanted = read(&args.files, io)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let plan = plan(&gate, wanted, tools).await?;
    if format == Format::Human {
        tell(&plan, args.global.quiet, io);
    } else {
        let documents: Vec<Value> = plan.iter().map(Planned::document).collect();
        super::print_list(&documents, &format, io)?;
    }
    Ok(if plan.iter().any(Planned::has_errors) {
        Exit::Findings
    } else if plan.iter().any(Planned::is_change) {
        Exit::PlanChanges
    } else {
        Exit::Succeeded
    })
}

/// Runs `apply`.
pub(crate) async fn apply(args: &ApplyArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let wanted = read(&args.files, io)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let plan = plan(&gate, wanted, tools).await?;
    tell(&plan, args.global.quiet, io);
    if plan.iter().any(Planned::has_errors) {
        return Ok(Exit::Findings);
    }
    let changes: Vec<&Planned> = plan.iter().filter(|planned| planned.is_change()).collect();
    if changes.is_empty() {
        return Ok(Exit::Succeeded);
    }
    let effect = format!("{} will be saved", count(changes.len(), "pipeline"));
    if !args.yes && !agreed(&effect, "Go on?", io)? {
        return Ok(Exit::CommandError);
    }
    for planned in changes {
        planned.save(&gate).await?;
        if !args.global.quiet {
            io.say(&format!("Saved {}", clean(&planned.name.to_string())));
        }
    }
    Ok(Exit::Succeeded)
}

/// Every pipeline of the files.
fn read(files: &[String], io: &mut Io) -> Result<Vec<Value>, Failure> {
    let mut pipelines = Vec::new();
    for file in files {
        let text = match file.as_str() {
            "-" => io.read_input()?,
            file => crate::io::read_file(file).map_err(|error| {
                Failure::command(format!("cannot read {file}: {}", crate::io::reason(&error)))
            })?,
        };
        let documents = parse_all(&text).map_err(|error| {
            Failure::new(Exit::Findings, format!("{file} cannot be read: {error}"))
        })?;
        for document in documents {
            match document {
                Value::Array(list) => pipelines.extend(list),
                other => pipelines.push(other),
            }
        }
    }
    Ok(pipelines)
}

async fn plan(gate: &Gate, wanted: Vec<Value>, tools: &Tools) -> Result<Vec<Planned>, Failure> {
    let mut plan = Vec::new();
    for wanted in wanted {
        let (Some(application), Some(pipeline)) =
            (text(&wanted, "application"), text(&wanted, "name"))
        else {
            return Err(Failure::new(
                Exit::Findings,
                "a pipeline of the files has no application or no name",
            )
            .fix("`gennaker lint` says which"));
        };
        let name = PipelineName {
            application,
            pipeline,
        };
        let stored = stored(gate, &name).await?;
        plan.push(Planned {
            differences: stored
                .as_ref()
                .map_or_else(Vec::new, |stored| differences(&own(stored), &own(&wanted))),
            findings: (tools.linter)(&wanted),
            name,
            wanted,
            stored,
        });
    }
    Ok(plan)
}

async fn stored(gate: &Gate, name: &PipelineName) -> Result<Option<Value>, Failure> {
    let path = format!(
        "/applications/{}/pipelineConfigs/{}",
        encode(&name.application),
        encode(&name.pipeline)
    );
    match gate.get(&format!("pipeline {name}"), &path).await {
        Ok(stored) => Ok(Some(stored)),
        Err(failure) if failure.exit == Exit::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The pipeline without what the server keeps for itself.
fn own(pipeline: &Value) -> Value {
    let mut own = pipeline.clone();
    if let Some(map) = own.as_object_mut() {
        for key in KEPT {
            map.shift_remove(key);
        }
    }
    own
}

fn tell(plan: &[Planned], quiet: bool, io: &mut Io) {
    for planned in plan {
        for line in planned.lines() {
            io.say(&line);
        }
    }
    if quiet {
        return;
    }
    let states = |wanted: &str| plan.iter().filter(|it| it.state() == wanted).count();
    let findings = |severity| {
        plan.iter()
            .flat_map(|planned| &planned.findings)
            .filter(|finding| finding.severity == severity)
            .count()
    };
    io.note(&format!(
        "{}: {} changed, {} same, {} new. {}, {}.",
        count(plan.len(), "pipeline"),
        states("changed"),
        states("same"),
        states("new"),
        count(findings(Severity::Error), "error"),
        count(findings(Severity::Warning), "warning"),
    ));
}

impl Planned {
    fn state(&self) -> &'static str {
        match &self.stored {
            None => "new",
            Some(_) if self.differences.is_empty() => "same",
            Some(_) => "changed",
        }
    }

    fn is_change(&self) -> bool {
        self.state() != "same"
    }

    fn has_errors(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    fn lines(&self) -> Vec<String> {
        let name = clean(&self.name.to_string());
        let mut lines = match self.state() {
            "new" => vec![format!("+ {name}   new")],
            _ => self
                .differences
                .iter()
                .map(|difference| format!("~ {name}   {}", difference.line()))
                .collect(),
        };
        lines.extend(self.findings.iter().map(|finding| {
            let path = match finding.path.as_str() {
                "" => String::new(),
                path => format!("  ({})", clean(path)),
            };
            format!(
                "! {name}   {}: {}{path}",
                finding.severity.word(),
                clean(&finding.message)
            )
        }));
        lines
    }

    fn document(&self) -> Value {
        let differences: Vec<Value> = self
            .differences
            .iter()
            .map(|it| json!({"path": it.path, "before": it.before, "after": it.after}))
            .collect();
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|it| json!({"severity": it.severity.word(), "path": it.path, "message": it.message}))
            .collect();
        json!({"application": self.name.application, "name": self.name.pipeline, "state": self.state(),
            "differences": differences, "findings": findings})
    }

    /// Saves it over the version that was compared, and over no other.
    async fn save(&self, gate: &Gate) -> Result<(), Failure> {
        let mut body = self.wanted.clone();
        for key in KEPT {
            if let Some(kept) = self.stored.as_ref().and_then(|stored| stored.get(key)) {
                body[key] = kept.clone();
            }
        }
        let what = format!("pipeline {}", self.name);
        let request = gate.request("POST", "/pipelines?staleCheck=true", Some(&body));
        let response = gate
            .send(request)
            .await
            .map_err(|trouble| gate.unreachable(&trouble))?;
        if response.status < 300 {
            return Ok(());
        }
        let sentence = message(&response).unwrap_or_default();
        let failure = gate.refused(&what, &response);
        // Front50's words for a document that is not the newest.
        if sentence.contains("stale") {
            let stale = Failure {
                exit: Exit::Conflict,
                ..failure
            };
            return Err(stale.fix("`gennaker plan` again, and look at what the other one changed"));
        }
        Err(failure)
    }
}
