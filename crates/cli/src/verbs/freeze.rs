//! `freeze` and `thaw`: nothing new of an application or a pipeline is started until it is thawed.

use serde_json::{Value, json};

use super::change;
use crate::{
    Exit, Failure, Global, Io, Tools,
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    output::Format,
    refs::{PipelineName, pipeline},
    snapshot::{millis, text},
    text::{ago, clean, encode, table},
};

/// Start nothing new of an application or a pipeline; without arguments: what is frozen
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct FreezeArgs {
    /// An application, or application/pipeline
    #[arg(value_name = "APPLICATION[/PIPELINE]", requires = "reason")]
    pub target: Option<String>,

    /// Why; everybody whose start is refused reads it
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// Start executions again
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct ThawArgs {
    /// An application, or application/pipeline
    #[arg(value_name = "APPLICATION[/PIPELINE]")]
    pub target: String,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// Runs `freeze`.
pub(crate) async fn run(args: &FreezeArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let Some(target) = &args.target else {
        return list(&gate, &format, io).await;
    };
    let body = json!({"reason": args.reason});
    let path = path(&gate, target).await?;
    let request = gate.request("PUT", &path, Some(&body));
    let response = gate.accepted(target, request).await?;
    match format {
        Format::Human if !args.global.quiet => {
            io.say(&format!(
                "{} is frozen: nothing new starts until `gennaker thaw {}`; what runs goes on",
                clean(target),
                clean(target)
            ));
            Ok(Exit::Succeeded)
        }
        Format::Human => Ok(Exit::Succeeded),
        Format::Name => {
            io.say(&clean(target));
            Ok(Exit::Succeeded)
        }
        _ => super::print(&gate.document(target, &response)?, &format, io),
    }
}

/// Runs `thaw`.
pub(crate) async fn thaw(args: &ThawArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let path = path(&gate, &args.target).await?;
    change(&gate, &args.target, "DELETE", &path, None).await?;
    if !args.global.quiet {
        io.say(&format!("{} starts again", clean(&args.target)));
    }
    Ok(Exit::Succeeded)
}

async fn list(gate: &Gate, format: &Format, io: &mut Io) -> Result<Exit, Failure> {
    let freezes = gate.get("the list of freezes", "/v2/freezes").await?;
    let freezes: Vec<Value> = freezes.as_array().cloned().unwrap_or_default();
    if *format != Format::Human {
        return super::print_list(&freezes, format, io);
    }
    if freezes.is_empty() {
        io.note("Nothing is frozen.");
        return Ok(Exit::Succeeded);
    }
    let now_ms = io.now_ms();
    let rows: Vec<Vec<String>> = freezes
        .iter()
        .map(|freeze| {
            let what = text(freeze, "application").map_or_else(
                || {
                    let id = text(freeze, "pipelineConfigId").unwrap_or_default();
                    format!("pipeline {id}")
                },
                |name| format!("application {name}"),
            );
            vec![
                clean(&what),
                clean(&text(freeze, "by").unwrap_or_default()),
                millis(freeze, "at").map_or(String::new(), |at| ago(now_ms, at)),
                clean(&text(freeze, "reason").unwrap_or_default()),
            ]
        })
        .collect();
    for line in table(&["FROZEN", "BY", "SINCE", "REASON"], &rows) {
        io.say(&line);
    }
    Ok(Exit::Succeeded)
}

/// Where the freeze of an application or a pipeline is kept.
async fn path(gate: &Gate, target: &str) -> Result<String, Failure> {
    if !target.contains('/') {
        return Ok(format!("/v2/applications/{}/freeze", encode(target)));
    }
    let name = PipelineName::parse(target)?;
    let config = pipeline(gate, &name).await?;
    let id = text(&config, "id")
        .ok_or_else(|| Failure::command(format!("pipeline {name} has no id")))?;
    Ok(format!("/v2/pipelineConfigs/{}/freeze", encode(&id)))
}
