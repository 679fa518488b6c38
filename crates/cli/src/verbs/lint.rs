//! `lint`: checks pipeline files without a server.

use serde_json::{Value, json};

use crate::{
    Exit, Failure, Global, Io, Tools,
    document::{is_json, parse_all},
    exit::EXIT_CODES,
    lint::{Finding, Linter, Severity, position::locate},
    output::Format,
    text::{clean, count},
};

/// Check pipeline files without a server
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct LintArgs {
    /// JSON or YAML files, each with one pipeline or a list of them; - is the standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// A finding in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Located {
    file: String,
    at: Option<(usize, usize)>,
    finding: Finding,
}

pub(crate) fn run(args: &LintArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let mut found = Vec::new();
    let mut pipelines = 0;
    for file in &args.files {
        let text = match file.as_str() {
            "-" => io.read_input()?,
            file => crate::io::read_file(file).map_err(|error| {
                Failure::command(format!("cannot read {file}: {}", crate::io::reason(&error)))
            })?,
        };
        let (number, findings) = check(file, &text, tools.linter);
        pipelines += number;
        found.extend(findings);
    }
    let of = |severity| {
        found
            .iter()
            .filter(|located| located.finding.severity == severity)
            .count()
    };
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    match format {
        Format::Human => {
            for located in &found {
                io.say(&located.line());
            }
            if !args.global.quiet {
                io.note(&format!(
                    "{}, {}: {}, {}",
                    count(args.files.len(), "file"),
                    count(pipelines, "pipeline"),
                    count(errors, "error"),
                    count(warnings, "warning")
                ));
            }
        }
        Format::Name => {
            for file in args
                .files
                .iter()
                .filter(|file| found.iter().any(|located| &located.file == *file))
            {
                io.say(&clean(file));
            }
        }
        _ => {
            let documents: Vec<Value> = found.iter().map(Located::document).collect();
            super::print_list(&documents, &format, io)?;
        }
    }
    Ok(if errors > 0 {
        Exit::Findings
    } else {
        Exit::Succeeded
    })
}

/// How many pipelines a file holds, and what is wrong with it.
fn check(file: &str, text: &str, linter: Linter) -> (usize, Vec<Located>) {
    let located = |at, finding| Located {
        file: file.to_owned(),
        at,
        finding,
    };
    let documents = match parse_all(text) {
        Ok(documents) => documents,
        Err(error) => {
            return (
                0,
                vec![located(error.at, Finding::error("", error.message))],
            );
        }
    };
    if documents.is_empty() {
        return (
            0,
            vec![located(None, Finding::error("", "the file is empty"))],
        );
    }
    let is_json = is_json(text);
    let mut number = 0;
    let mut found = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let pipelines: Vec<(String, &Value)> = match document {
            Value::Array(list) => list
                .iter()
                .enumerate()
                .map(|(at, pipeline)| (format!("/{at}"), pipeline))
                .collect(),
            other => vec![(String::new(), other)],
        };
        for (prefix, pipeline) in pipelines {
            number += 1;
            for mut finding in linter(pipeline) {
                finding.path = format!("{prefix}{}", finding.path);
                let at = is_json.then(|| locate(text, &finding.path));
                if documents.len() > 1 {
                    finding.message = format!("document {}: {}", index + 1, finding.message);
                }
                found.push(located(at, finding));
            }
        }
    }
    (number, found)
}

impl Located {
    /// `file:line:column: severity: message (path)`, which editors understand.
    fn line(&self) -> String {
        let at = self
            .at
            .map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
        let path = match self.finding.path.as_str() {
            "" => String::new(),
            path => format!("  ({})", clean(path)),
        };
        format!(
            "{}{at}: {}: {}{path}",
            clean(&self.file),
            self.finding.severity.word(),
            clean(&self.finding.message)
        )
    }

    fn document(&self) -> Value {
        json!({"file": self.file, "line": self.at.map(|at| at.0), "column": self.at.map(|at| at.1),
            "severity": self.finding.severity.word(), "path": self.finding.path, "message": self.finding.message})
    }
}
