//! `api`: one request to the server, signed in and addressed as every verb is.

use serde_json::Value;

use crate::{
    Exit, Failure, Global, Io, Tools,
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    output::Format,
};

/// Send one request to the server
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct ApiArgs {
    /// GET, POST, PUT, PATCH or DELETE
    #[arg(value_name = "METHOD", value_parser = method)]
    pub method: &'static str,

    /// The path with its query, for example /applications/demo
    #[arg(value_name = "PATH")]
    pub path: String,

    /// A JSON or YAML file to send; - is the standard input
    #[arg(short = 'f', long, value_name = "FILE")]
    pub file: Option<String>,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

pub(crate) async fn run(args: &ApiArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    if !args.path.starts_with('/') {
        return Err(Failure::usage(format!("'{}' is no path", args.path))
            .fix("write it from the first slash on: /applications"));
    }
    let body = body(args, io)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let what = format!("{} {}", args.method, args.path);
    let request = gate.request(args.method, &args.path, body.as_ref());
    let response = gate.accepted(&what, request).await?;
    if response.body.is_empty() {
        return Ok(Exit::Succeeded);
    }
    match serde_json::from_slice::<Value>(&response.body) {
        Ok(document) => super::print(&document, &format, io),
        // Not everything is JSON: /metrics, texts.
        Err(_) => {
            io.put(&String::from_utf8_lossy(&response.body));
            Ok(Exit::Succeeded)
        }
    }
}

fn body(args: &ApiArgs, io: &mut Io) -> Result<Option<Value>, Failure> {
    let text = match args.file.as_deref() {
        None => return Ok(None),
        Some("-") => io.read_input()?,
        Some(path) => crate::io::read_file(path).map_err(|error| {
            Failure::command(format!("cannot read {path}: {}", crate::io::reason(&error)))
        })?,
    };
    crate::document::parse(&text)
        .map(Some)
        .map_err(|error| Failure::usage(format!("the file cannot be read: {error}")))
}

fn method(text: &str) -> Result<&'static str, String> {
    ["GET", "POST", "PUT", "PATCH", "DELETE"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(text))
        .ok_or_else(|| "one of GET, POST, PUT, PATCH, DELETE".to_owned())
}
