//! `cancel`: says what it will stop, asks, and cancels.

use super::{agreed, change};
use crate::{
    Exit, Failure, Global, Io, Tools,
    cause::read_execution,
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    output::Format,
    refs::Reference,
    snapshot::{Phase, Snapshot},
    text::{clean, encode},
};

/// Cancel an execution
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct CancelArgs {
    /// An execution id, application/pipeline (its latest execution), or @last
    #[arg(value_name = "REF")]
    pub reference: String,

    /// Why; kept with the execution
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,

    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

pub(crate) async fn run(args: &CancelArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let reference = Reference::parse(&args.reference)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let id = reference.resolve(&gate, io).await?;
    let snapshot = Snapshot::read(&read_execution(&gate, &id).await?);
    if snapshot.status.is_complete() {
        return Err(Failure::command(format!(
            "{} {id} is {} already, there is nothing to cancel",
            snapshot.title(),
            snapshot.status
        )));
    }
    if !args.yes && !agreed(&effect(&snapshot), "Cancel it?", io)? {
        return Ok(Exit::CommandError);
    }
    let reason = args.reason.as_ref().map_or(String::new(), |reason| {
        format!("?reason={}", encode(reason))
    });
    let path = format!("/pipelines/{}/cancel{reason}", encode(&id));
    change(&gate, &format!("execution {id}"), "PUT", &path, None).await?;
    if args.global.quiet || format == Format::Name {
        io.say(&clean(&id));
    } else if format == Format::Human {
        io.say(&format!(
            "Cancel of {} requested ({})",
            clean(&snapshot.title()),
            clean(&id)
        ));
    } else {
        super::print(&read_execution(&gate, &id).await?, &format, io)?;
    }
    Ok(Exit::Succeeded)
}

/// What the cancel will do.
fn effect(snapshot: &Snapshot) -> String {
    let active: Vec<String> = snapshot
        .stages
        .iter()
        .filter(|stage| matches!(stage.phase(), Phase::Running | Phase::Asking))
        .map(|stage| clean(&stage.label))
        .take(5)
        .collect();
    let now = if active.is_empty() {
        "no stage runs now".to_owned()
    } else {
        format!("it stops {}", active.join(", "))
    };
    format!(
        "canceling {} {}: {now}; what finished stages did stays",
        clean(&snapshot.title()),
        clean(&snapshot.id)
    )
}
