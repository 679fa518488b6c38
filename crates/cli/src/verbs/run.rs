//! `run`: starts a pipeline and follows it.

use serde_json::{Map, Value, json};
use tokio::time::Duration;

use super::{dry_run, refusal, watch};
use crate::{
    Exit, Failure, Global, Io, Tools,
    exit::EXIT_CODES,
    follow::{Until, follow},
    gate::{Caller, Gate, request_id},
    http::Trouble,
    output::Format,
    refs::{PipelineName, remember, suggest},
    text::{clean, encode, instant_ms},
};

/// Start a pipeline and follow it to its end
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct RunArgs {
    /// The pipeline, as application/pipeline
    #[arg(value_name = "APPLICATION/PIPELINE")]
    pub pipeline: String,

    /// A parameter; may be given again and again
    #[arg(short = 'p', long = "parameter", value_name = "KEY=VALUE")]
    pub parameters: Vec<String>,

    /// A JSON or YAML file of parameters; - is the standard input. Values given with -p win
    #[arg(long = "params", value_name = "FILE")]
    pub params: Option<String>,

    /// Say what would run and what would be refused, and start nothing
    #[arg(long, conflicts_with_all = ["no_follow", "no_wait_judgment", "timeout"])]
    pub dry_run: bool,

    /// Start only, do not follow
    #[arg(long)]
    pub no_follow: bool,

    /// End with code 6 as soon as a stage waits for a person
    #[arg(long)]
    pub no_wait_judgment: bool,

    /// Follow at most so many seconds, then end with code 124; the execution goes on
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,

    /// Starting twice with the same key within a day starts once
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

pub(crate) async fn run(args: &RunArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let name = PipelineName::parse(&args.pipeline)?;
    let parameters = parameters(args, io)?;
    let key = idempotency_key(args)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    if args.dry_run {
        let trigger = trigger(parameters);
        let planned = dry_run::planned(&gate, name, trigger, tools.linter).await?;
        return dry_run::print(&planned, &format, io);
    }
    let id = start(&gate, &name, parameters, &key).await?;
    remember(io, &id);
    let url = format!("{}/pipelines/{}", gate.base, encode(&id));
    let mut view = watch::view(&args.global, &format, io);
    match format {
        Format::Human if !args.global.quiet => {
            io.say(&format!(
                "Started {} ({})  {url}",
                clean(&name.to_string()),
                clean(&id)
            ));
        }
        Format::Human | Format::Name => io.say(&clean(&id)),
        Format::JsonLines => {
            let line = json!({"seq": view.next_seq(), "at": instant_ms(io.now_ms()), "kind": "started", "id": id,
                "application": name.application, "name": name.pipeline, "url": url});
            io.say(&line.to_string());
        }
        Format::Json | Format::Yaml | Format::JsonPath(_) if args.no_follow => {
            super::print(
                &json!({"id": id, "ref": format!("/pipelines/{id}"), "url": url}),
                &format,
                io,
            )?;
        }
        Format::Json | Format::Yaml | Format::JsonPath(_) => {}
    }
    if args.no_follow {
        return Ok(Exit::Succeeded);
    }
    let until = Until {
        judgment: args.no_wait_judgment,
        timeout: args.timeout.map(Duration::from_secs),
        just_started: true,
    };
    let end = follow(&gate, &id, until, &mut view, io).await?;
    watch::report(&gate, &id, end, &format, args.global.quiet, &mut view, io).await
}

/// Sends the start and gives the id of the execution.
async fn start(
    gate: &Gate,
    name: &PipelineName,
    parameters: Map<String, Value>,
    key: &str,
) -> Result<String, Failure> {
    let trigger = Value::Object(trigger(parameters));
    let path = format!(
        "/pipelines/{}/{}",
        encode(&name.application),
        encode(&name.pipeline)
    );
    let mut request = gate.request("POST", &path, Some(&trigger));
    request
        .headers
        .push(("idempotency-key".to_owned(), key.to_owned()));
    let again = format!(
        "`gennaker run {name} --idempotency-key {key}` starts it if it did not start, and only then"
    );
    let response = gate.send(request).await.map_err(|trouble| match trouble {
        Trouble::NotConnected(_) | Trouble::Unusable(_) => gate.unreachable(&trouble),
        Trouble::Interrupted(_) => gate.unreachable(&trouble).fix(again.clone()),
    })?;
    match response.status {
        200..300 => {}
        404 => {
            let failure = gate.refused(&format!("pipeline {name}"), &response);
            return Err(suggest(gate, name, failure).await);
        }
        500..600 => {
            return Err(gate
                .refused(&format!("starting {name}"), &response)
                .fix(again));
        }
        _ => {
            let failure = gate.refused(&format!("{name} was not started"), &response);
            let sentence = refusal(&response);
            let missing = sentence
                .split_once("Required parameter ")
                .and_then(|(_, rest)| rest.strip_suffix(" is missing"));
            return Err(match missing {
                Some(parameter) => failure.fix(format!("add -p {parameter}=VALUE")),
                None => failure,
            });
        }
    }
    let answer = gate.document("the start", &response)?;
    answer["ref"]
        .as_str()
        .and_then(|reference| reference.rsplit('/').next())
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| {
            Failure::command("the answer to the start names no execution")
                .request(request_id(&response))
        })
}

fn trigger(parameters: Map<String, Value>) -> Map<String, Value> {
    let mut trigger = Map::new();
    trigger.insert("type".to_owned(), "manual".into());
    if !parameters.is_empty() {
        trigger.insert("parameters".to_owned(), parameters.into());
    }
    trigger
}

fn parameters(args: &RunArgs, io: &mut Io) -> Result<Map<String, Value>, Failure> {
    let mut parameters = match args.params.as_deref() {
        None => Map::new(),
        Some(path) => {
            let text = match path {
                "-" => io.read_input()?,
                path => crate::io::read_file(path).map_err(|error| {
                    Failure::command(format!("cannot read {path}: {}", crate::io::reason(&error)))
                })?,
            };
            let document = crate::document::parse(&text)
                .map_err(|error| Failure::usage(format!("{path} cannot be read: {error}")))?;
            match document {
                Value::Object(map) => map,
                Value::Null => Map::new(),
                _ => {
                    return Err(Failure::usage(format!(
                        "{path} holds no parameters: it is no object"
                    )));
                }
            }
        }
    };
    for parameter in &args.parameters {
        match parameter.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                parameters.insert(key.to_owned(), Value::String(value.to_owned()));
            }
            _ => {
                return Err(Failure::usage(format!("'{parameter}' is no parameter"))
                    .fix("write it as -p KEY=VALUE"));
            }
        }
    }
    Ok(parameters)
}

fn idempotency_key(args: &RunArgs) -> Result<String, Failure> {
    match &args.idempotency_key {
        None => Ok(format!("{:032x}", rand::random::<u128>())),
        Some(key)
            if (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Ok(key.clone())
        }
        Some(_) => Err(Failure::usage(
            "an idempotency key has 1 to 255 printable ASCII letters without blanks",
        )),
    }
}
