//! `pollers`: how it goes with registries, build servers and what else is looked at for new things.

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

/// Show how it goes with registries, build servers and what else is looked at for new things
#[derive(Clone, Debug, Args)]
#[command(
    after_help = EXIT_CODES,
    args_override_self = true,
    long_about = "Show how it goes with registries, build servers and what else is looked at for new things\n\n\
        Each source is polled by one process. `failing` means that its last look failed; what is new meanwhile is found later. \
        A source is known from its first look on, and forgotten ten minutes after the last one."
)]
pub struct PollersArgs {
    /// Only sources of this kind: docker, helm/oci, build, helm, artifactory, plugin
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,

    /// Only this account, server or search
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<String>,

    /// Only those that are in this state: ok, warning, failing
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

pub(crate) async fn run(args: &PollersArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let filters: Vec<String> = [
        ("type", &args.kind),
        ("source", &args.source),
        ("state", &args.state),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(format!("{name}={}", encode(value.as_deref()?))))
    .collect();
    let path = format!("/v2/pollers?{}", filters.join("&"));
    let mut answer = gate.get("the pollers", &path).await?;
    let found = match answer["pollers"].take() {
        Value::Array(found) => found,
        _ => Vec::new(),
    };
    if format != Format::Human {
        return super::print_list(&found, &format, io).map(|_| Exit::Succeeded);
    }
    if found.is_empty() {
        io.say("nothing is polled");
    }
    for poller in &found {
        show(poller, io);
    }
    Ok(Exit::Succeeded)
}

fn show(poller: &Value, io: &mut Io) {
    let field = |name: &str| clean(&text(poller, name).unwrap_or_default());
    let now_ms = io.now_ms();
    let ago =
        |name: &str| millis(poller, name).map(|at| duration(now_ms.saturating_sub(at).max(0)));
    let looked = ago("polledAtMs").map_or_else(
        || "not looked at yet".to_owned(),
        |ago| format!("looked at {ago} ago by {}", field("process")),
    );
    io.say(&format!(
        "{}/{}  {}  {looked}",
        field("kind"),
        field("source"),
        field("state")
    ));
    let found = poller["found"].as_u64().unwrap_or(0);
    let newest = ago("eventAtMs").map_or_else(String::new, |ago| format!(", the newest {ago} ago"));
    io.say(&format!("  {found} things{newest}"));
    let failures = poller["failures"].as_u64().unwrap_or(0);
    if poller.get("error").is_some() {
        let times = if failures > 1 {
            format!(" ({failures} times)")
        } else {
            String::new()
        };
        io.say(&format!("  error{times}: {}", field("error")));
    }
    for warning in poller["warnings"].as_array().into_iter().flatten() {
        io.say(&format!(
            "  warning: {}",
            clean(warning.as_str().unwrap_or_default())
        ));
    }
}
