//! Spinnaker's `spin`: the commands, requests, texts and exit codes of `spin` (`spinnaker/spin`, packages `cmd` and `gateapi`).
//!
//! Intended differences, each for the reader's sake: colours only on a terminal and never with `--no-color` in whatever form
//! (spin reads the flag the wrong way round); no empty lines behind messages; Gate's own message and the request id follow a bare status line unless `--quiet`;
//! a configuration file that cannot be read is named, not printed; an account that Gate knows nothing of, and a command that
//! does not exist, are errors. What spin prints of files that it cannot read are its YAML parser's words, which differ.

mod account;
mod application;
pub(crate) mod args;
mod canary;
mod canary_calibrate;
mod canary_judge;
mod canary_report;
mod execution;
mod flags;
mod pipeline;
mod project;
mod task;
mod template;
#[cfg(test)]
mod tests;
mod ui;

use serde_json::Value;

use crate::{
    Caller, Exit, Io, Tools, document,
    gate::{Gate, message, request_id},
    http::{Request, Response, Trouble},
    io::reason,
    output::{Format, gojson},
};
use args::{
    SpinCommand,
    canary::{CanaryArgs, CanaryCommand},
};
use ui::Ui;

/// A failure in spin's words.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    text: String,
    /// What spin leaves out: Gate's message, the request id, what to start.
    more: Option<String>,
    exit: Exit,
}

impl Said {
    fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            more: None,
            exit: Exit::CommandError,
        }
    }

    /// A text of spin's about an answer, with what the answer says itself.
    fn about(response: &Response, text: impl Into<String>) -> Self {
        let mut more: Vec<String> = message(response).into_iter().collect();
        more.extend(request_id(response).map(|id| format!("request id: {id}")));
        Self {
            more: (!more.is_empty()).then(|| more.join("; ")),
            ..Self::new(text)
        }
    }
}

type Done = Result<(), Said>;

/// A command under way: the server and the output.
struct Spin<'a> {
    gate: Gate,
    ui: Ui<'a>,
}

/// Runs a command and gives the exit code: 0 or 1, as spin; and, when it was not called as spin, 9 without a server.
pub(crate) async fn run(command: SpinCommand, caller: Caller, tools: &Tools, io: &mut Io) -> u8 {
    if let SpinCommand::Canary(CanaryArgs {
        command: CanaryCommand::Judge(args),
        global,
    }) = &command
    {
        return canary_judge::run(args, global, io);
    }
    if let SpinCommand::Canary(CanaryArgs {
        command: CanaryCommand::Report(args),
        global,
    }) = &command
    {
        return canary_report::run(args, global, caller, tools, io).await;
    }
    if let SpinCommand::Canary(CanaryArgs {
        command: CanaryCommand::Calibrate(args),
        global,
    }) = &command
        && let Some(file) = &args.metrics
    {
        return canary_calibrate::run(args, file, global, io);
    }
    let global = match &command {
        SpinCommand::Application(args) => args.global.clone(),
        SpinCommand::Pipeline(args) => args.global.clone(),
        SpinCommand::Account(args) => args.global.clone(),
        SpinCommand::PipelineTemplate(args) => args.global.clone(),
        SpinCommand::Project(args) => args.global.clone(),
        SpinCommand::Canary(args) => args.global.clone(),
    };
    let format = match Format::of_spin(global.output.as_deref()) {
        Ok(format) => format,
        Err(text) => {
            io.note(&format!("\n{text}"));
            return Exit::CommandError.code();
        }
    };
    let gate = match Gate::connect(&global, caller, tools, io).await {
        Ok(gate) => gate,
        Err(failure) => {
            let said = Said {
                text: failure.sentence,
                more: failure.fix,
                exit: failure.exit,
            };
            return Ui::new(&global, format, io).failed(&said, caller);
        }
    };
    let mut spin = Spin {
        gate,
        ui: Ui::new(&global, format, io),
    };
    let done = match spin.reach().await {
        Ok(()) => match command {
            SpinCommand::Application(args) => spin.application(args.command).await,
            SpinCommand::Pipeline(args) => spin.pipeline(args.command).await,
            SpinCommand::Account(args) => spin.account(args.command).await,
            SpinCommand::PipelineTemplate(args) => spin.template(args.command).await,
            SpinCommand::Project(args) => spin.project(args.command).await,
            SpinCommand::Canary(args) => spin.canary(args.command).await,
        },
        Err(said) => Err(said),
    };
    match done {
        Ok(()) => Exit::Succeeded.code(),
        Err(said) => spin.ui.failed(&said, caller),
    }
}

impl Spin<'_> {
    /// `GET /version`, before everything else.
    async fn reach(&mut self) -> Done {
        match self.ok("GET", "/version", None).await {
            Ok(_) => Ok(()),
            Err(said) => {
                self.ui
                    .error("Could not reach Gate, please ensure it is running. Failing.");
                let hint = "start a server with `gennaker dev`, or name yours with --gate-endpoint";
                Err(Said {
                    more: said.more.or_else(|| Some(hint.to_owned())),
                    ..said
                })
            }
        }
    }

    /// Any answer.
    async fn any(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response, Said> {
        let body = body.map(gojson::sorted);
        let request = self.gate.request(method, path, body.as_ref());
        let described = described(&request);
        self.gate.send(request).await.map_err(|trouble| Said {
            exit: match trouble {
                Trouble::NotConnected(_) | Trouble::Interrupted(_) => Exit::Unreachable,
                Trouble::Unusable(_) => Exit::CommandError,
            },
            ..Said::new(format!("{described}: {trouble}"))
        })
    }

    /// An answer below 300; the status line is the text of everything else.
    async fn ok(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response, Said> {
        let response = self.any(method, path, body).await?;
        if response.status < 300 {
            Ok(response)
        } else {
            Err(Said::about(&response, response.status_line()))
        }
    }

    /// The document of an answer below 300.
    async fn document(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Said> {
        decoded(&self.ok(method, path, body).await?)
    }

    /// The first argument, or the last line of a piped standard input (spin `args_reader.go`).
    fn argument(&mut self, arguments: &[String]) -> Result<String, Said> {
        match arguments.first() {
            Some(argument) => Ok(argument.clone()),
            None => {
                let text = match self.ui.io.input_is_terminal {
                    true => String::new(),
                    false => self
                        .ui
                        .io
                        .read_input()
                        .map_err(|failure| Said::new(failure.sentence))?,
                };
                text.lines()
                    .last()
                    .map(str::to_owned)
                    .ok_or_else(|| Said::new("no args or STDIN provided"))
            }
        }
    }

    /// An id from its flag, else from the arguments or the standard input (spin `getTemplateID`).
    fn id_or_argument(
        &mut self,
        id: &str,
        arguments: &[String],
        what: &str,
    ) -> Result<String, Said> {
        if !id.is_empty() {
            return Ok(id.to_owned());
        }
        match self.argument(arguments)? {
            id if id.trim().is_empty() => Err(Said::new(format!("no {what} id supplied, exiting"))),
            id => Ok(id),
        }
    }

    /// The document of a file or of a piped standard input, which must be there.
    fn required_document(&mut self, file: &str) -> Result<Value, Said> {
        let read = self.file_or_input(file).map_err(Said::new)?;
        read.ok_or_else(|| Said::new("No json input to parse"))
    }

    /// The document of a file, or of a piped standard input; nothing when there is neither (spin `json_reader.go`).
    fn file_or_input(&mut self, file: &str) -> Result<Option<Value>, String> {
        if !file.is_empty() {
            return read_file(file);
        }
        if self.ui.io.input_is_terminal {
            return Ok(None);
        }
        let text = self
            .ui
            .io
            .read_input()
            .map_err(|failure| failure.sentence)?;
        read_text(&text)
    }
}

/// The document of a file; nothing when it is empty.
fn read_file(file: &str) -> Result<Option<Value>, String> {
    let text =
        crate::io::read_file(file).map_err(|error| format!("open {file}: {}", reason(&error)))?;
    read_text(&text)
}

fn read_text(text: &str) -> Result<Option<Value>, String> {
    match document::parse(text) {
        Ok(Value::Null) => Ok(None),
        Ok(value @ Value::Object(_)) => Ok(Some(value)),
        Ok(_) => Err("Failed to unmarshal: the document is no object".to_owned()),
        Err(error) => Err(format!("Failed to unmarshal: {error}")),
    }
}

/// The body as JSON. What a generated client says about anything else.
fn decoded(response: &Response) -> Result<Value, Said> {
    if response.body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&response.body).map_err(|_| {
        Said::about(
            response,
            format!(
                "undefined response type: {}",
                response.header("content-type").unwrap_or("none")
            ),
        )
    })
}

/// A request as Go's client names it in an error: `Get "http://…"`.
fn described(request: &Request) -> String {
    let method: String = request
        .method
        .chars()
        .enumerate()
        .map(|(index, c)| {
            if index == 0 {
                c
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    format!("{method} {:?}", request.url)
}
