//! `canary judge`: verdicts on metrics that lie in files, by the code that the server judges with. No server is asked.

use std::path::Path;

use gennaker_judge::{
    CanaryConfig, JudgeResult, MetricSetPair, Request, Style, Thresholds, to_json,
};
use serde_json::{Value, json};

use super::args::canary::CanaryJudgeArgs;
use crate::{
    Exit, Failure, Global, Io,
    io::{Line, read_file, reason},
    output::Format,
};

/// Longest line of a batch, in bytes.
const LINE_BYTES_MAX: usize = 64 << 20;

/// Runs the command to its end and gives the exit code.
pub(super) fn run(args: &CanaryJudgeArgs, global: &Global, io: &mut Io) -> u8 {
    let done = match &args.batch {
        Some(file) => batch(file, args.judge.as_deref(), io),
        None => one(args, global, io),
    };
    match done {
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

fn one(args: &CanaryJudgeArgs, global: &Global, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(global.output.as_deref())?;
    let config_file = args.config.as_deref().unwrap_or_else(|| Path::new("-"));
    let config_file = config_file.to_string_lossy();
    let metrics_file = args.metrics.as_deref().unwrap_or("-");
    let wrong =
        |file: &str, error: gennaker_judge::Error| Failure::command(format!("{file}: {error}"));
    let config = contents(&config_file, io)?;
    let config = CanaryConfig::read(&config).map_err(|error| wrong(&config_file, error))?;
    let metrics = contents(metrics_file, io)?;
    let pairs = MetricSetPair::read_list(&metrics).map_err(|error| wrong(metrics_file, error))?;
    let request = Request {
        config: Some(config),
        thresholds: Some(Thresholds {
            pass: args.thresholds.pass_score,
            marginal: args.thresholds.marginal_score,
        }),
        pairs: Some(pairs),
    };
    let result = verdict(&request, args.judge.as_deref())
        .map_err(|error| Failure::command(error.to_string()))?;
    match format {
        Format::Human => {
            for line in lines(&result) {
                io.say(&line);
            }
        }
        Format::Name => io.say(result.score.classification),
        Format::Json => io.say(&text(&result, Style::Pretty)?),
        Format::JsonLines => io.say(&text(&result, Style::Compact)?),
        Format::Yaml | Format::JsonPath(_) => {
            let document: Value = serde_json::from_str(&text(&result, Style::Compact)?)
                .map_err(|error| Failure::command(error.to_string()))?;
            io.say(
                format
                    .render(&document)
                    .map_err(Failure::command)?
                    .trim_end(),
            );
        }
    }
    Ok(match result.score.classification {
        "Pass" => Exit::Succeeded,
        _ if args.exit_code => Exit::ExecutionFailed,
        _ => Exit::Succeeded,
    })
}

/// Reads requests to the end of the input and answers each before the next is read. A line that cannot be judged gives
/// `{"error": …}` in its place, also an empty one: the n-th answer is that to the n-th line.
fn batch(file: &str, judge: Option<&str>, io: &mut Io) -> Result<Exit, Failure> {
    if file != "-" {
        let opened = std::fs::File::open(file)
            .map_err(|error| Failure::command(format!("cannot read {file}: {}", reason(&error))))?;
        io.input = Box::new(std::io::BufReader::new(opened));
    }
    loop {
        let line = match io.read_line(LINE_BYTES_MAX) {
            Ok(Line::Text(line)) => Ok(line),
            Ok(Line::End) => return Ok(Exit::Succeeded),
            Ok(Line::Refused(why)) => Err(why.to_owned()),
            Err(error) => {
                let why = reason(&error);
                return Err(Failure::command(format!("cannot read the input: {why}")));
            }
        };
        let answer = line.and_then(|line| {
            let result = Request::read(&line).and_then(|request| verdict(&request, judge));
            let result = result.map_err(|error| error.to_string())?;
            to_json(&result, Style::Compact).map_err(|error| error.to_string())
        });
        match answer {
            Ok(answer) => io.say(&answer),
            Err(why) => io.say(&json!({ "error": why }).to_string()),
        }
        if io.out_closed {
            return Ok(Exit::CommandError);
        }
    }
}

fn verdict(request: &Request, judge: Option<&str>) -> Result<JudgeResult, gennaker_judge::Error> {
    match judge {
        Some(_) => gennaker_judge::find(judge)?.judge(request),
        None => gennaker_judge::judge(request),
    }
}

/// The verdict for people: one line for each metric that did not pass, then the score.
fn lines(result: &JudgeResult) -> Vec<String> {
    let mut lines: Vec<String> = result
        .results
        .iter()
        .map(|metric| {
            let muted = if metric.muted { ", muted" } else { "" };
            let said = match &metric.classification_reason {
                Some(reason) => format!(": {reason}"),
                None => String::new(),
            };
            let name = metric.name.as_deref().unwrap_or("null");
            format!("{name}  {}{said}{muted}", metric.classification)
        })
        .collect();
    let score = &result.score;
    let reason = match score.classification_reason.as_str() {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    let points = gennaker_judge::java_double(score.score.0);
    lines.push(format!("{points}  {}{reason}", score.classification));
    lines
}

fn contents(file: &str, io: &mut Io) -> Result<String, Failure> {
    match file {
        "-" => io.read_input(),
        file => read_file(file)
            .map_err(|error| Failure::command(format!("cannot read {file}: {}", reason(&error)))),
    }
}

fn text(result: &JudgeResult, style: Style) -> Result<String, Failure> {
    to_json(result, style)
        .map_err(|error| Failure::command(format!("cannot write the result as JSON: {error}")))
}

#[cfg(test)]
mod tests;
