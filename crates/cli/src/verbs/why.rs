//! `why`: the cause of a failure, through child executions, or what a running execution waits for, or what became of an event.

use serde_json::{Value, json};

use crate::{
    Exit, Failure, Global, Io, Tools,
    cause::{self, read_execution},
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    output::Format,
    refs::Reference,
    snapshot::{Snapshot, text},
    text::{clean, duration},
};

/// Most lines of one reason that are shown.
const REASON_LINES: usize = 20;

/// Say why an execution failed, or what it waits for
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct WhyArgs {
    /// An execution id, application/pipeline (its latest execution), or @last
    #[arg(value_name = "REF", default_value = "@last")]
    pub reference: String,

    /// Instead: the id of an event, to say which triggers it fired and why it did not fire the others
    #[arg(long, value_name = "EVENT", conflicts_with = "reference")]
    pub event: Option<String>,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

pub(crate) async fn run(args: &WhyArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    if let Some(event) = &args.event {
        let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
        return super::events::one(&gate, event, &format, io).await;
    }
    let reference = Reference::parse(&args.reference)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let id = reference.resolve(&gate, io).await?;
    let document = read_execution(&gate, &id).await?;
    let snapshot = Snapshot::read(&document);
    let waiting = if snapshot.status.is_complete() {
        Vec::new()
    } else {
        cause::waiting(&gate, &document, io.now_ms()).await
    };
    let cause = cause::of(&gate, &document).await;
    let undelivered = undelivered(&document, snapshot.status.is_complete());
    if format != Format::Human {
        let chain: Vec<_> = cause
            .chain
            .iter()
            .map(|hop| json!({"execution": hop.execution, "pipeline": hop.title, "stage": hop.stage, "type": hop.kind,
                "status": hop.status}))
            .collect();
        let answer = json!({"id": snapshot.id, "status": snapshot.status, "chain": chain, "reasons": cause.reasons,
            "waiting": waiting, "notifications": undelivered});
        return super::print(&answer, &format, io);
    }
    let took = super::took(&snapshot, io.now_ms());
    io.say(&format!(
        "{}  {}  {}  {took}",
        snapshot.status,
        clean(&snapshot.title()),
        clean(&snapshot.id)
    ));
    for sentence in &waiting {
        io.say(&format!("  {}", clean(sentence)));
    }
    for (depth, hop) in cause.chain.iter().enumerate() {
        let indent = "  ".repeat(depth + 1);
        let after = hop
            .took_ms
            .map_or(String::new(), |ms| format!(" after {}", duration(ms)));
        if depth > 0 {
            io.say(&format!(
                "{indent}in its child {}  {}",
                clean(&hop.title),
                clean(&hop.execution)
            ));
        }
        io.say(&format!(
            "{indent}stage {:?} ({}) ended {}{after}",
            clean(&hop.stage),
            clean(&hop.kind),
            hop.status
        ));
    }
    let indent = "  ".repeat(cause.chain.len() + 1);
    for reason in &cause.reasons {
        for line in reason
            .lines()
            .filter(|line| !line.trim().is_empty())
            .take(REASON_LINES)
        {
            io.say(&format!("{indent}{}", clean(line)));
        }
    }
    for receipt in &undelivered {
        io.say(&format!("  {}", clean(&told(receipt))));
    }
    if cause.chain.is_empty() && cause.reasons.is_empty() && waiting.is_empty() {
        let trigger = text(&document["trigger"], "type").unwrap_or_else(|| "unknown".to_owned());
        io.say(&format!(
            "  nothing went wrong; trigger {}",
            clean(&trigger)
        ));
    } else if !cause.chain.is_empty() && cause.reasons.is_empty() {
        io.say(&format!("{indent}the stage left no message"));
    }
    Ok(Exit::Succeeded)
}

/// The notifications that nobody has got; what a running execution still has to send is among what it waits for.
fn undelivered(document: &Value, is_over: bool) -> Vec<&Value> {
    let receipts = document["notificationReceipts"].as_array();
    let receipts = receipts.into_iter().flatten();
    receipts
        .filter(|receipt| {
            receipt["status"] == "FAILED" || is_over && receipt["status"] == "PENDING"
        })
        .collect()
}

fn told(receipt: &Value) -> String {
    let word = |field: &str| text(receipt, field).unwrap_or_default();
    let to = text(receipt, "to").map_or(String::new(), |to| format!(" to {to}"));
    let reason = text(receipt, "reason").map_or(String::new(), |reason| format!(": {reason}"));
    let became = match receipt["status"] == "FAILED" {
        true => "was not delivered",
        false => "is not delivered yet",
    };
    format!(
        "the notification of {} by {}{to} {became}{reason}",
        word("when"),
        word("type")
    )
}
