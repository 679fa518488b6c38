//! `events`: what became of the events that may start pipelines, and why they did not.

use clap::Args;
use serde_json::Value;

use crate::{
    Exit, Failure, Global, Io, Tools,
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    output::Format,
    snapshot::{millis, text},
    text::{clean, duration, encode},
};

/// Verdicts of one event that are shown in a list.
const VERDICTS_LISTED: usize = 5;

/// List events, newest first, with what each trigger said to them; or show one
#[derive(Clone, Debug, Args)]
#[command(
    after_help = EXIT_CODES,
    args_override_self = true,
    long_about = "List events, newest first, with what each trigger said to them; or show one\n\n\
        An event is whatever may start a pipeline: a webhook, a push, an instant of a schedule. Each trigger that it concerns gives a \
        verdict: it started an execution, or the first condition that failed, with the values that were compared. They are kept for \
        three days."
)]
pub struct EventsArgs {
    /// The id of one event (`eventId` in the answer to a webhook, and in the trigger of an execution)
    #[arg(value_name = "EVENT")]
    pub event: Option<String>,

    /// Only events of this kind: webhook, git, cron
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "event")]
    pub kind: Option<String>,

    /// Only events of this source: the last part of a webhook's address
    #[arg(long, value_name = "SOURCE", conflicts_with = "event")]
    pub source: Option<String>,

    /// Only verdicts of triggers of this application
    #[arg(
        long,
        short = 'a',
        value_name = "APPLICATION",
        conflicts_with = "event"
    )]
    pub application: Option<String>,

    /// Only verdicts of triggers of this pipeline, by name or id
    #[arg(long, short = 'p', value_name = "PIPELINE", conflicts_with = "event")]
    pub pipeline: Option<String>,

    /// Most events to list
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=500))]
    pub limit: u64,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

pub(crate) async fn run(args: &EventsArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    match &args.event {
        Some(id) => one(&gate, id, &format, io).await,
        None => list(&gate, args, &format, io).await,
    }
}

/// Shows one event with all its verdicts.
pub(crate) async fn one(
    gate: &Gate,
    id: &str,
    format: &Format,
    io: &mut Io,
) -> Result<Exit, Failure> {
    let event = gate
        .get("the event", &format!("/v2/events/{}", encode(id)))
        .await?;
    if *format != Format::Human {
        return super::print(&event, format, io);
    }
    show(&event, usize::MAX, io);
    Ok(Exit::Succeeded)
}

async fn list(
    gate: &Gate,
    args: &EventsArgs,
    format: &Format,
    io: &mut Io,
) -> Result<Exit, Failure> {
    let filters: String = [
        ("type", &args.kind),
        ("source", &args.source),
        ("application", &args.application),
        ("pipeline", &args.pipeline),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(format!("&{name}={}", encode(value.as_deref()?))))
    .collect();
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut found: Vec<Value> = Vec::new();
    let mut before = String::new();
    loop {
        let path = format!("/v2/events?limit={}{filters}{before}", limit - found.len());
        let mut page = gate.get("the list of events", &path).await?;
        if let Value::Array(events) = page["events"].take() {
            found.extend(events);
        }
        match page["before"].as_u64() {
            Some(next) if found.len() < limit => before = format!("&before={next}"),
            Some(_) | None => break,
        }
    }
    if *format != Format::Human {
        return super::print_list(&found, format, io);
    }
    if found.is_empty() {
        io.say("no events in the last three days");
    }
    for event in &found {
        show(event, VERDICTS_LISTED, io);
    }
    Ok(Exit::Succeeded)
}

fn show(event: &Value, verdicts_max: usize, io: &mut Io) {
    let field = |name: &str| clean(&text(event, name).unwrap_or_default());
    let ago = millis(event, "atMs").map_or_else(String::new, |at| {
        format!("  {} ago", duration(io.now_ms().saturating_sub(at).max(0)))
    });
    io.say(&format!(
        "{}/{}  {}{ago}",
        field("kind"),
        field("source"),
        field("eventId")
    ));
    if event.get("reason").is_some() {
        io.say(&format!("  starts nothing: {}", field("reason")));
    }
    let none = Vec::new();
    let verdicts = event["verdicts"].as_array().unwrap_or(&none);
    for verdict in verdicts.iter().take(verdicts_max) {
        io.say(&format!("  {}", sentence(verdict)));
    }
    let others = event["others"].as_u64().unwrap_or(0);
    let hidden = u64::try_from(verdicts.len().saturating_sub(verdicts_max)).unwrap_or(0) + others;
    if hidden > 0 {
        io.say(&format!("  and {hidden} more triggers"));
    }
    if verdicts.is_empty() && event.get("reason").is_none() {
        io.say("  no pipeline has a trigger for it");
    }
}

fn sentence(verdict: &Value) -> String {
    let field = |name: &str| clean(&text(verdict, name).unwrap_or_default());
    let pipeline = format!("{}/{}", field("application"), field("pipeline"));
    let trigger = verdict["trigger"].as_u64().unwrap_or(0);
    match text(verdict, "outcome").as_deref() {
        Some("started") => format!("{pipeline}  started {}", field("executionId")),
        Some("refused") => format!(
            "{pipeline}  trigger {trigger} fired, and the start was refused: {}",
            field("reason")
        ),
        Some("repeated") => {
            format!("{pipeline}  trigger {trigger} fired too; another one had started the pipeline")
        }
        Some(_) | None => format!(
            "{pipeline}  trigger {trigger} did not fire: {}",
            field("reason")
        ),
    }
}
