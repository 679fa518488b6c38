//! `watch`: follows an execution; and how following ends, which `run` shares.

use gennaker_model::Status;
use serde_json::json;
use tokio::time::{Duration, timeout};

use crate::{
    Exit, Failure, Global, Io, Tools, cause,
    exit::EXIT_CODES,
    follow::{
        End, Until, follow,
        view::{Form, View},
    },
    gate::{Caller, Gate},
    output::Format,
    refs::Reference,
    snapshot::Snapshot,
    text::{clean, first_line, instant_ms},
};

/// How long the cause of a failure may be looked for before the verdict goes without it.
const CAUSE_WITHIN: Duration = Duration::from_secs(5);

/// Follow an execution to its end
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct WatchArgs {
    /// An execution id, application/pipeline (its latest execution), or @last
    #[arg(value_name = "REF", default_value = "@last")]
    pub reference: String,

    /// End with code 6 as soon as a stage waits for a person
    #[arg(long)]
    pub no_wait_judgment: bool,

    /// Follow at most so many seconds, then end with code 124; the execution goes on
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

pub(crate) async fn run(args: &WatchArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let reference = Reference::parse(&args.reference)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let id = reference.resolve(&gate, io).await?;
    let mut view = view(&args.global, &format, io);
    if format == Format::Name || (format == Format::Human && args.global.quiet) {
        io.say(&clean(&id));
    }
    let until = Until {
        judgment: args.no_wait_judgment,
        timeout: args.timeout.map(Duration::from_secs),
        just_started: false,
    };
    let end = follow(&gate, &id, until, &mut view, io).await?;
    report(&gate, &id, end, &format, args.global.quiet, &mut view, io).await
}

/// The form that the progress takes here.
pub(super) fn view(global: &Global, format: &Format, io: &Io) -> View {
    View::new(match format {
        Format::JsonLines => Form::JsonLines,
        _ if global.quiet => Form::Silent,
        _ if io.is_live(global) => Form::Live {
            color: io.err_has_color(global),
        },
        _ => Form::Lines,
    })
}

/// Says how it ended and gives the exit code.
pub(super) async fn report(
    gate: &Gate,
    id: &str,
    end: End,
    format: &Format,
    quiet: bool,
    view: &mut View,
    io: &mut Io,
) -> Result<Exit, Failure> {
    let id = clean(id);
    let exit = match &end {
        End::Complete(document) => {
            let snapshot = Snapshot::read(document);
            let exit = of_status(snapshot.status);
            if *format == Format::Human && !quiet {
                let failure = match exit {
                    Exit::ExecutionFailed => Some(
                        timeout(CAUSE_WITHIN, cause::of(gate, document))
                            .await
                            .unwrap_or_default(),
                    ),
                    _ => None,
                };
                for line in verdict(&snapshot, failure.as_ref(), io.now_ms()) {
                    io.say(&line);
                }
            } else if matches!(format, Format::Json | Format::Yaml | Format::JsonPath(_)) {
                super::print(document, format, io)?;
            }
            exit
        }
        End::Judgment { stage, execution } => {
            if *format != Format::JsonLines {
                io.note(&format!(
                    "{} waits for a person: gennaker judge {}",
                    clean(stage),
                    clean(execution)
                ));
            }
            Exit::StoppedForPerson
        }
        End::Timeout => {
            io.note(&format!(
                "The time is up; execution {id} goes on: gennaker watch {id}"
            ));
            Exit::Timeout
        }
        End::Interrupted => {
            // The terminal has written ^C into the line of the cursor.
            let line_end = if view.is_live() { "\n" } else { "" };
            io.note(&format!(
                "{line_end}Execution {id} goes on: gennaker watch {id}"
            ));
            Exit::Interrupted
        }
    };
    if *format == Format::JsonLines {
        let status = view.last().map(|last| last.status);
        let mut line = json!({"seq": view.next_seq(), "at": instant_ms(io.now_ms()), "kind": "end", "id": id,
            "status": status, "exit": exit.code()});
        if let End::Judgment { stage, execution } = &end {
            line["waiting"] = json!({"stage": stage, "execution": execution});
        }
        io.say(&line.to_string());
    }
    Ok(exit)
}

/// The exit code that goes with the end of an execution.
fn of_status(status: Status) -> Exit {
    match status {
        Status::Succeeded | Status::Skipped => Exit::Succeeded,
        Status::Canceled | Status::Stopped => Exit::Canceled,
        Status::Terminal | Status::FailedContinue => Exit::ExecutionFailed,
        Status::NotStarted
        | Status::Running
        | Status::Paused
        | Status::Suspended
        | Status::Redirect
        | Status::Buffered => Exit::CommandError,
    }
}

/// The last lines: how it ended, why, and what to do next.
fn verdict(snapshot: &Snapshot, failure: Option<&cause::Cause>, now_ms: i64) -> Vec<String> {
    let title = clean(&snapshot.title());
    let took = super::took(snapshot, now_ms);
    match failure {
        None => {
            let why = [&snapshot.canceled_by, &snapshot.cancellation_reason];
            let why: Vec<String> = why.into_iter().flatten().map(|text| clean(text)).collect();
            let why = match why.as_slice() {
                _ if snapshot.status != Status::Canceled => String::new(),
                [] => String::new(),
                [one] => format!(": {one}"),
                [by, reason, ..] => format!(": {reason} (by {by})"),
            };
            vec![format!("{}  {title}  {took}{why}", snapshot.status)]
        }
        Some(failure) => {
            let leaf = failure.chain.last();
            let stage = leaf.map_or(String::new(), |hop| format!("  {}", clean(&hop.stage)));
            let after = leaf
                .and_then(|hop| hop.took_ms)
                .map_or(String::new(), |ms| {
                    format!(" after {}", crate::text::duration(ms))
                });
            let reason = failure.reasons.first().map_or(String::new(), |reason| {
                format!(": {}", first_line(reason, 400))
            });
            vec![
                format!("FAILED  {title}{stage}{after}{reason}"),
                format!("  next: gennaker why {}", clean(&snapshot.id)),
            ]
        }
    }
}
