//! `canary report`: what came of an analysis, for people, from a server or from a file of storage.

use serde_json::{Value, json};

use super::{Caller, args::canary::CanaryReportArgs};
use crate::{
    Exit, Failure, Global, Io, Tools,
    gate::Gate,
    io::{read_file, reason},
    output::Format,
    text::{encode, printable, table},
};

/// One verdict, wherever it came from.
struct Report {
    /// What was judged, for people.
    title: String,
    /// `CanaryJudgeResult`, if there is one.
    verdict: Value,
    /// `{pass, marginal}`.
    thresholds: Value,
    status: String,
    /// Why there is no verdict.
    trouble: Option<String>,
}

/// Runs the command to its end and gives the exit code.
pub(super) async fn run(
    args: &CanaryReportArgs,
    global: &Global,
    caller: Caller,
    tools: &Tools,
    io: &mut Io,
) -> u8 {
    match report(args, global, caller, tools, io).await {
        Ok(exit) => exit.code(),
        Err(failure) => {
            if !io.out_closed {
                for line in failure.lines() {
                    io.note(&line);
                }
            }
            failure.exit.code()
        }
    }
}

async fn report(
    args: &CanaryReportArgs,
    global: &Global,
    caller: Caller,
    tools: &Tools,
    io: &mut Io,
) -> Result<Exit, Failure> {
    let format = Format::of_verb(global.output.as_deref())?;
    let what = args.what.as_str();
    let document = if what == "-" {
        parsed(what, &io.read_input()?)?
    } else if std::path::Path::new(what).is_file() {
        let text = read_file(what)
            .map_err(|error| Failure::command(format!("cannot read {what}: {}", reason(&error))))?;
        parsed(what, &text)?
    } else {
        asked(what, args, global, caller, tools, io).await?
    };
    let reports = reports(&document);
    if reports.is_empty() {
        return Err(Failure::command(format!("{what} has no canary analysis"))
            .fix("name an execution with a canary stage, an analysis, or a file with the result of one"));
    }
    match format {
        _ if args.markdown => {
            for line in markdown(&reports) {
                io.say(&line);
            }
        }
        Format::Human => {
            for line in lines(&reports) {
                io.say(&line);
            }
        }
        format => {
            let list: Value = reports.iter().map(Report::json).collect();
            io.say(format.render(&list).map_err(Failure::command)?.trim_end());
        }
    }
    let has_passed = reports
        .last()
        .is_some_and(|last| last.verdict["score"]["classification"] == "Pass");
    Ok(match args.exit_code && !has_passed {
        true => Exit::ExecutionFailed,
        false => Exit::Succeeded,
    })
}

/// What a document of an analysis says, for people.
pub(super) fn told(document: &Value) -> Vec<String> {
    lines(&reports(document))
}

/// The document that the server has under an id: an execution, an analysis, a standalone analysis.
async fn asked(
    id: &str,
    args: &CanaryReportArgs,
    global: &Global,
    caller: Caller,
    tools: &Tools,
    io: &mut Io,
) -> Result<Value, Failure> {
    let gate = Gate::connect(global, caller, tools, io).await?;
    let storage = match &args.storage_account {
        Some(account) => format!("?storageAccountName={}", encode(account)),
        None => String::new(),
    };
    let id = encode(id);
    let mut last = None;
    for path in [
        format!("/v2/executions/{id}"),
        format!("/v2/canaries/canary/{id}{storage}"),
        format!("/kayenta/standalone_canary_analysis/{id}{storage}"),
    ] {
        let request = gate.request("GET", &path, None);
        let response = gate.send(request).await.map_err(|trouble| {
            Failure::new(
                Exit::Unreachable,
                format!("the server cannot be asked: {trouble}"),
            )
        })?;
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        match response.status {
            200 if !reports(&body).is_empty() => return Ok(body),
            200 => {}
            status => {
                let said = body["message"].as_str().unwrap_or("it does not say why");
                last = Some(format!("the server answers {status}: {}", printable(said)));
            }
        }
    }
    Err(Failure::command(last.unwrap_or_else(|| {
        "the server knows it, and it has no canary analysis".to_owned()
    })))
}

fn parsed(file: &str, text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text)
        .map_err(|error| Failure::command(format!("{file} is no JSON: {error}")))
}

/// The verdicts in a document: the judge's own, the archive of an analysis or of a standalone one, or an execution.
fn reports(document: &Value) -> Vec<Report> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    if document["score"].is_object() && document["results"].is_array() {
        return vec![Report {
            title: document["judgeName"].as_str().unwrap_or("judge").to_owned(),
            verdict: document.clone(),
            thresholds: Value::Null,
            status: "succeeded".to_owned(),
            trouble: None,
        }];
    }
    let standalone = &document["canaryAnalysisExecutionResult"]["canaryExecutionResults"];
    if standalone.is_array() {
        let thresholds = &document["canaryAnalysisExecutionRequest"]["thresholds"];
        let results = list(standalone);
        let results = results.iter().map(|result| Report {
            title: text(&result["executionId"]),
            verdict: result["result"]["judgeResult"].clone(),
            thresholds: thresholds.clone(),
            status: text(&result["executionStatus"]).to_lowercase(),
            trouble: trouble(&result["exception"]),
        });
        return results.collect();
    }
    if document["stages"].is_array() {
        let stages = list(&document["stages"]);
        let runs = stages
            .iter()
            .filter(|stage| stage["type"] == "runCanary" && stage["startTime"].is_number());
        return runs
            .map(|stage| Report {
                title: format!(
                    "{} ({})",
                    text(&stage["name"]),
                    text(&stage["context"]["canaryPipelineExecutionId"])
                ),
                verdict: stage["outputs"]["canaryAnalysis"]["result"]["judgeResult"].clone(),
                thresholds: stage["context"]["scoreThresholds"].clone(),
                status: text(&stage["status"]).to_lowercase(),
                trouble: trouble(&stage["context"]["exception"]),
            })
            .collect();
    }
    if document["pipelineId"].is_string() && document["complete"].is_boolean() {
        return vec![Report {
            title: format!(
                "{} of {}",
                text(&document["pipelineId"]),
                text(&document["application"])
            ),
            verdict: document["result"]["judgeResult"].clone(),
            thresholds: document["canaryExecutionRequest"]["thresholds"].clone(),
            status: text(&document["status"]),
            trouble: trouble(&document["exception"]),
        }];
    }
    Vec::new()
}

fn trouble(exception: &Value) -> Option<String> {
    let details = &exception["details"];
    let errors = details["errors"].as_array();
    let errors: Vec<&str> = errors
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    match errors.is_empty() {
        true => details["error"].as_str().map(str::to_owned),
        false => Some(errors.join("; ")),
    }
}

impl Report {
    fn json(&self) -> Value {
        json!({"analysis": self.title, "status": self.status, "scoreThresholds": self.thresholds, "judgeResult": self.verdict,
            "error": self.trouble})
    }

    /// The verdict in one sentence.
    fn headline(&self) -> String {
        let score = &self.verdict["score"];
        if !score.is_object() {
            let why = self.trouble.as_deref().unwrap_or("there is no verdict yet");
            return format!("{}: {}: {}", self.title, self.status, why);
        }
        let thresholds = match self.thresholds.is_object() {
            true => format!(
                " (pass {}, marginal {})",
                text(&self.thresholds["pass"]),
                text(&self.thresholds["marginal"])
            ),
            false => String::new(),
        };
        let reason = score["classificationReason"]
            .as_str()
            .filter(|reason| !reason.is_empty());
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        format!(
            "{}: {} with {}{thresholds}{reason}",
            self.title,
            text(&score["classification"]),
            text(&score["score"])
        )
    }

    fn groups(&self) -> Vec<Vec<String>> {
        let groups = self.verdict["groupScores"].as_array();
        let groups = groups.into_iter().flatten();
        groups
            .map(|group| vec![text(&group["name"]), text(&group["score"])])
            .collect()
    }

    /// The metrics, those that did not pass first.
    fn metrics(&self) -> Vec<Vec<String>> {
        let results = self.verdict["results"].as_array();
        let mut results: Vec<&Value> = results.into_iter().flatten().collect();
        results.sort_by_key(|result| result["classification"] == "Pass");
        results.into_iter().map(metric).collect()
    }
}

const GROUPS: [&str; 2] = ["Group", "Score"];
const METRICS: [&str; 6] = ["Metric", "Class", "Ratio", "Baseline", "Canary", "Why"];

fn metric(result: &Value) -> Vec<String> {
    let tags = result["tags"].as_object();
    let tags: Vec<String> = tags
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", text(value)))
        .collect();
    let name = match tags.is_empty() {
        true => text(&result["name"]),
        false => format!("{} {{{}}}", text(&result["name"]), tags.join(", ")),
    };
    let side = |side: &str| {
        let stats = &result[side]["stats"];
        format!(
            "{} ± {} ({})",
            short(&stats["mean"]),
            short(&stats["std"]),
            text(&stats["count"])
        )
    };
    let mut class = text(&result["classification"]);
    for (flag, word) in [("critical", "critical"), ("muted", "muted")] {
        if result[flag] == true {
            class = format!("{class}, {word}");
        }
    }
    vec![
        name,
        class,
        short(&result["resultMetadata"]["ratio"]),
        side("controlMetadata"),
        side("experimentMetadata"),
        text(&result["classificationReason"]),
    ]
}

/// The reports for a terminal.
fn lines(reports: &[Report]) -> Vec<String> {
    let mut lines = Vec::new();
    for report in reports {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(printable(&report.headline()));
        let clean = |rows: Vec<Vec<String>>| -> Vec<Vec<String>> {
            let rows = rows.into_iter();
            rows.map(|row| row.iter().map(|cell| printable(cell)).collect())
                .collect()
        };
        for (heading, rows) in [
            (&GROUPS[..], report.groups()),
            (&METRICS[..], report.metrics()),
        ] {
            if !rows.is_empty() {
                lines.push(String::new());
                lines.extend(table(heading, &clean(rows)));
            }
        }
    }
    lines
}

/// The reports for a pull request or a page.
fn markdown(reports: &[Report]) -> Vec<String> {
    let cell = |text: &str| {
        printable(text)
            .replace('\\', "\\\\")
            .replace('|', "\\|")
            .replace('<', "&lt;")
    };
    let mut lines = Vec::new();
    for report in reports {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("### {}", cell(&report.headline())));
        for (heading, rows) in [
            (&GROUPS[..], report.groups()),
            (&METRICS[..], report.metrics()),
        ] {
            if rows.is_empty() {
                continue;
            }
            lines.push(String::new());
            lines.push(format!("| {} |", heading.join(" | ")));
            lines.push(format!("|{}", "---|".repeat(heading.len())));
            for row in rows {
                let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
                lines.push(format!("| {} |", cells.join(" | ")));
            }
        }
    }
    lines
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A number with four digits: a table is read, and not computed with.
fn short(value: &Value) -> String {
    let Some(number) = value.as_f64() else {
        return text(value);
    };
    if number == 0.0 {
        return "0".to_owned();
    }
    let size = number.abs().log10().floor();
    if !(-4.0..6.0).contains(&size) {
        return format!("{number:.3e}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 7"
    )]
    let decimals = (3.0 - size).max(0.0) as usize;
    let text = format!("{number:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests;
