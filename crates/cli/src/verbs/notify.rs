//! `notify test`: sends a message by a channel, to see whether it is set up.

use serde_json::{Value, json};

use crate::{
    Exit, Failure, Global, Io, Tools,
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    output::Format,
    snapshot::text,
    text::clean,
};

/// Text unless another is given.
const BODY: &str = "A test of Gennaker's notifications: this channel works.";

/// Try channels of notifications
#[derive(Clone, Debug, clap::Args)]
pub struct NotifyArgs {
    #[command(subcommand)]
    pub(crate) command: NotifyCommand,
}

/// What is tried.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum NotifyCommand {
    /// Send a message by a channel, and say what became of it
    Test(TestArgs),
}

/// Send a message by a channel, and say what became of it
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct TestArgs {
    /// The channel: email, slack, sms, googlechat, microsoftteams, hipchat, bearychat, `pager_duty`, pubsub
    #[arg(value_name = "TYPE")]
    pub kind: String,

    /// Where it goes: a mail address, a room, a number, the name of a publisher
    #[arg(value_name = "ADDRESS", required = true)]
    pub to: Vec<String>,

    /// The message, in Markdown
    #[arg(long, value_name = "TEXT", default_value = BODY)]
    pub message: String,

    /// Its subject
    #[arg(long, value_name = "TEXT", default_value = "Gennaker: a test")]
    pub subject: String,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// Runs `notify`.
pub(crate) async fn run(args: &NotifyArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    match &args.command {
        NotifyCommand::Test(args) => test(args, tools, io).await,
    }
}

async fn test(args: &TestArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let body = json!({
        "notificationType": args.kind,
        "to": args.to,
        "severity": "NORMAL",
        "source": {"user": "gennaker"},
        "additionalContext": {"subject": args.subject, "body": args.message, "message": args.message},
    });
    let what = format!("the message by {}", args.kind);
    let request = gate.request("POST", "/notifications", Some(&body));
    let response = gate.accepted(&what, request).await?;
    if response.body.is_empty() {
        return Err(Failure::command(format!(
            "no channel has the type {}",
            clean(&args.kind)
        )));
    }
    let answer = gate.document(&what, &response)?;
    let receipt = answer.get("receipt").cloned().unwrap_or(Value::Null);
    match format {
        Format::Human if args.global.quiet => Ok(Exit::Succeeded),
        Format::Human => {
            io.say(&sentence(&args.kind, &receipt));
            Ok(Exit::Succeeded)
        }
        _ => super::print(&receipt, &format, io),
    }
}

fn sentence(kind: &str, receipt: &Value) -> String {
    let to = receipt["to"].as_array().into_iter().flatten();
    let to: Vec<&str> = to.filter_map(Value::as_str).collect();
    let mut all = format!("sent by {} to {}", clean(kind), clean(&to.join(", ")));
    if let Some(reference) = text(receipt, "reference") {
        all.push_str(&format!(", as {}", clean(&reference)));
    }
    if let Some(note) = text(receipt, "note") {
        all.push_str(&format!(" ({})", clean(&note)));
    }
    all
}
