//! `ls`: executions, newest first.

use gennaker_model::Status;
use serde_json::{Map, Value};

use super::{Wanted, executions, print_list, took};
use crate::{
    Exit, Failure, Global, Io, Tools,
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    output::Format,
    snapshot::{Snapshot, text},
    text::{ago, clean, closest, table},
};

/// List executions, newest first
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct LsArgs {
    /// Only of this application
    #[arg(value_name = "APPLICATION")]
    pub application: Option<String>,

    /// Only with these statuses: bad, running, waiting, good, or Spinnaker's names, comma separated
    #[arg(long, value_name = "LIST")]
    pub status: Option<String>,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..=5000))]
    pub limit: u16,

    /// Only what was started since: 90s, 5m, 2h, 7d, a date or an instant
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Only with this parameter: its value, or a regular expression for the whole of it; may be given again and again
    #[arg(long = "param", value_name = "KEY=VALUE")]
    pub parameters: Vec<String>,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

pub(crate) async fn run(args: &LsArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let statuses = statuses(args.status.as_deref().unwrap_or_default())?;
    let since_ms = args
        .since
        .as_deref()
        .map(|text| crate::text::since(text, io.now_ms()))
        .transpose()
        .map_err(Failure::usage)?;
    let parameters = parameters(&args.parameters)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let wanted = Wanted {
        application: args.application.as_deref(),
        statuses: &statuses,
        since_ms,
        parameters: Some(&parameters).filter(|wanted| !wanted.is_empty()),
        limit: args.limit.into(),
        expand: false,
    };
    let found = executions(&gate, wanted).await?;
    match format {
        Format::Human if args.global.quiet => print_list(&found, &Format::Name, io),
        Format::Human => {
            if found.is_empty() {
                io.note(&nothing(args));
            } else {
                let now_ms = io.now_ms();
                let rows: Vec<Vec<String>> = found
                    .iter()
                    .map(|document| {
                        let snapshot = Snapshot::read(document);
                        let started = snapshot
                            .build_ms
                            .map_or(String::new(), |at| ago(now_ms, at));
                        let trigger = text(&document["trigger"], "type").unwrap_or_default();
                        vec![
                            snapshot.status.to_string(),
                            started,
                            took(&snapshot, now_ms),
                            clean(&snapshot.title()),
                            clean(&trigger),
                            clean(&snapshot.id),
                        ]
                    })
                    .collect();
                for line in table(
                    &["STATUS", "STARTED", "TOOK", "PIPELINE", "TRIGGER", "ID"],
                    &rows,
                ) {
                    io.say(&line);
                }
            }
            Ok(Exit::Succeeded)
        }
        _ => print_list(&found, &format, io),
    }
}

/// Why there is nothing, and what to do.
fn nothing(args: &LsArgs) -> String {
    if args.status.is_some() || args.since.is_some() || !args.parameters.is_empty() {
        "No execution matches; without --status, --since and --param there may be some.".to_owned()
    } else {
        "No executions yet; start one with `gennaker run application/pipeline`.".to_owned()
    }
}

/// The parameters that are wanted.
fn parameters(given: &[String]) -> Result<Map<String, Value>, Failure> {
    let read = |parameter: &String| match parameter.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            Ok((key.to_owned(), Value::String(value.to_owned())))
        }
        _ => Err(Failure::usage(format!("'{parameter}' is no parameter"))
            .fix("write it as --param KEY=VALUE")),
    };
    given.iter().map(read).collect()
}

/// Wire names for what people write.
fn statuses(list: &str) -> Result<String, Failure> {
    let mut names: Vec<&str> = Vec::new();
    for word in list
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        match word.to_ascii_lowercase().as_str() {
            "bad" | "failed" => names.extend(["TERMINAL", "FAILED_CONTINUE", "STOPPED"]),
            "running" | "active" => names.extend(["RUNNING", "PAUSED", "SUSPENDED"]),
            "waiting" => names.extend(["NOT_STARTED", "BUFFERED"]),
            "good" | "ok" => names.extend(["SUCCEEDED", "SKIPPED"]),
            "cancelled" => names.push("CANCELED"),
            _ => {
                let wire = word.to_ascii_uppercase();
                let known = Status::ALL.map(Status::as_str);
                match Status::parse(&wire) {
                    Some(status) => names.push(status.as_str()),
                    None => {
                        let fix = closest(
                            word,
                            ["bad", "running", "waiting", "good"]
                                .into_iter()
                                .chain(known),
                        )
                        .map_or_else(
                            || {
                                format!(
                                    "write bad, running, waiting, good, or of {}",
                                    known.join(", ")
                                )
                            },
                            |near| format!("did you mean {near}?"),
                        );
                        return Err(Failure::usage(format!("'{word}' is no status")).fix(fix));
                    }
                }
            }
        }
    }
    Ok(names.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_words_and_gate_gets_its_names() {
        assert_eq!(statuses(""), Ok(String::new()));
        assert_eq!(
            statuses("bad, canceled").as_deref(),
            Ok("TERMINAL,FAILED_CONTINUE,STOPPED,CANCELED")
        );
        assert_eq!(statuses("not_started").as_deref(), Ok("NOT_STARTED"));
        let failure = statuses("runing").unwrap_err();
        assert_eq!(
            (failure.exit, failure.fix.as_deref()),
            (Exit::Usage, Some("did you mean running?"))
        );
    }
}
