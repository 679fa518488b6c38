//! `pause` and `resume`: an execution starts nothing new, or goes on.

use serde_json::Value;

use super::{change, show};
use crate::{
    Exit, Failure, Global, Io, Tools,
    cause::read_execution,
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    output::Format,
    refs::Reference,
    snapshot::Snapshot,
    text::{clean, encode},
};

/// Let an execution start nothing new, or go on
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct PauseArgs {
    /// An execution id, application/pipeline (its latest execution), or @last
    #[arg(value_name = "REF")]
    pub reference: String,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Pause,
    Resume,
}

pub(crate) async fn run(
    way: Way,
    args: &PauseArgs,
    tools: &Tools,
    io: &mut Io,
) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let reference = Reference::parse(&args.reference)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let id = reference.resolve(&gate, io).await?;
    let (word, said) = match way {
        Way::Pause => (
            "pause",
            "is paused: what runs goes on, and nothing new starts until `gennaker resume`",
        ),
        Way::Resume => ("resume", "goes on"),
    };
    let path = format!("/pipelines/{}/{word}", encode(&id));
    change(&gate, &format!("execution {id}"), "PUT", &path, None).await?;
    let document = read_execution(&gate, &id).await?;
    told(&document, said, &format, &args.global, io)
}

/// One sentence about the execution for people, its document for the rest.
pub(super) fn told(
    document: &Value,
    said: &str,
    format: &Format,
    global: &Global,
    io: &mut Io,
) -> Result<Exit, Failure> {
    let snapshot = Snapshot::read(document);
    match format {
        Format::Human if !global.quiet => {
            io.say(&format!(
                "{} {said} ({})",
                clean(&snapshot.title()),
                clean(&snapshot.id)
            ));
            Ok(Exit::Succeeded)
        }
        Format::Human => show::print(document, &Format::Name, global, io),
        _ => show::print(document, format, global, io),
    }
}
