//! `eval`: tries expressions against an execution, and shows what came of each text and where its values came from.
//!
//! The execution is a file, or is read through Gate; the expressions are evaluated here, with the code that the engine
//! runs. So the result shows how names were resolved, and nothing is sent but requests for the execution and for what
//! functions like `#pipelineId` ask.

mod answers;
mod batch;
mod document;
mod page;
#[cfg(test)]
mod tests;

use gennaker_engine::scope::{self, Scope};
use gennaker_expressions::{
    Environment, Evaluation, Exact, LookupAnswer, TimeZone, evaluate_json, evaluate_text,
    with_long_integers,
};
use gennaker_model::{Execution, Stage};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Exit, Failure, Global, Io, Tools,
    cause::read_execution,
    document::{is_json, parse},
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    io::{read_file, reason},
    output::Format,
    refs::Reference,
    text::closest,
};
use answers::Answers;

/// Try expressions against an execution
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct EvalArgs {
    /// A text with ${…}, or one expression without it
    #[arg(value_name = "EXPR", required_unless_present_any = ["input", "batch"], allow_hyphen_values = true)]
    pub expression: Option<String>,

    /// Evaluate a JSON or YAML document instead, as the context of a stage is; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "expression")]
    pub input: Option<String>,

    /// The execution as a JSON file, as Gate shows it
    #[arg(long, value_name = "FILE")]
    pub execution: Option<String>,

    /// The execution on the server: an id, application/pipeline (its latest execution), or @last
    #[arg(long = "of", value_name = "REF", conflicts_with = "execution")]
    pub reference: Option<String>,

    /// The stage in whose context to evaluate, by refId or id [default: the execution and its trigger alone]
    #[arg(long, value_name = "REFID")]
    pub stage: Option<String>,

    /// Names that do not exist are errors, as when a pipeline is submitted
    #[arg(long)]
    pub strict: bool,

    /// The time zone of dates that name none
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    pub zone: TimeZone,

    /// Read one {"execution", "stage", "input", "allowUnknownKeys"} per line, print one {"value", "summary"} for each
    #[arg(long, conflicts_with_all = ["expression", "input", "execution", "reference", "stage", "strict"])]
    pub batch: bool,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// What is evaluated.
enum Input {
    Text(String),
    Document(Value),
}

/// Where names are looked up.
struct Place<'a> {
    execution: &'a Execution,
    stage: Option<&'a Stage>,
}

pub(crate) async fn run(args: &EvalArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    if args.batch {
        return batch::run(&args.zone, io);
    }
    let format = Format::of_verb(args.global.output.as_deref())?;
    let input = input(args, io)?;
    let gate = match &args.reference {
        Some(_) => Some(Gate::connect(&args.global, Caller::Verb, tools, io).await?),
        None => None,
    };
    let execution = document::execution(&read(args, gate.as_ref(), io).await?)
        .map_err(|error| Failure::command(format!("this is no execution: {error}")))?;
    let place = Place::find(&execution, args.stage.as_deref())?;
    let mut answers = Answers::new(gate.as_ref());
    let evaluation = loop {
        let known = |lookup: &_| -> Option<LookupAnswer> { answers.get(lookup) };
        let environment = Environment {
            allow_unknown_keys: !args.strict,
            trace: format == Format::Human,
            lookups: &known,
            ..place.environment(io.now_ms(), &args.zone)
        };
        let evaluation = place.evaluate(&input, &environment);
        if !answers.ask(&evaluation.needs).await {
            break evaluation;
        }
    };
    match format {
        Format::Human => {
            for line in page::lines(&evaluation, &place) {
                io.say(&line);
            }
        }
        Format::Json => io.say(&indented(&Answer::of(&evaluation))?),
        Format::JsonLines => io.say(&compact(&Answer::of(&evaluation))?),
        Format::Name => match &evaluation.value {
            Value::String(text) => io.say(text),
            _ => io.say(&compact(&Exact(&evaluation))?),
        },
        Format::Yaml | Format::JsonPath(_) => {
            let answer =
                json!({"value": evaluation.value, "summary": evaluation.summary.to_json()});
            return super::print(&answer, &format, io);
        }
    }
    Ok(Exit::Succeeded)
}

impl<'a> Place<'a> {
    /// The stage is found by refId, then by id.
    fn find(execution: &'a Execution, stage: Option<&str>) -> Result<Self, Failure> {
        let Some(wanted) = stage else {
            return Ok(Self {
                execution,
                stage: None,
            });
        };
        let stages = &execution.stages;
        let found = stages
            .iter()
            .find(|stage| stage.ref_id == wanted)
            .or_else(|| stages.iter().find(|stage| stage.id.as_str() == wanted));
        let Some(found) = found else {
            let failure = Failure::new(
                Exit::NotFound,
                format!("the execution has no stage with refId '{wanted}'"),
            );
            let names = stages.iter().map(|stage| stage.ref_id.as_str());
            return Err(match closest(wanted, names) {
                Some(near) => failure.fix(format!("did you mean '{near}'?")),
                None => failure,
            });
        };
        Ok(Self {
            execution,
            stage: Some(found),
        })
    }

    fn scope(&self) -> Scope<'a> {
        match self.stage {
            Some(stage) => Scope::of_stage(self.execution, stage),
            None => Scope::of_execution(self.execution),
        }
    }

    /// As a decision of the engine has it, for the execution as it stands.
    fn environment(&self, now_ms: i64, zone: &TimeZone) -> Environment<'static> {
        Environment {
            zone: zone.clone(),
            ..Environment::fixed(now_ms, scope::seed(self.execution, self.stage, 0))
        }
    }

    fn evaluate(&self, input: &Input, environment: &Environment<'_>) -> Evaluation {
        match input {
            Input::Text(text) => evaluate_text(text, &self.scope(), environment),
            Input::Document(document) => evaluate_json(document, &self.scope(), environment),
        }
    }
}

/// `{"value": …, "summary": …}`, with all digits of the numbers.
#[derive(Serialize)]
struct Answer<'e> {
    value: Exact<'e>,
    summary: Value,
    /// What was not asked, so that the texts which need it stayed as they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs: Vec<Value>,
}

impl<'e> Answer<'e> {
    fn of(evaluation: &'e Evaluation) -> Self {
        Self {
            value: Exact(evaluation),
            summary: evaluation.summary.to_json(),
            needs: evaluation.needs.iter().map(|need| json!(need)).collect(),
        }
    }
}

fn input(args: &EvalArgs, io: &mut Io) -> Result<Input, Failure> {
    if let Some(text) = &args.expression {
        return Ok(Input::Text(match text.contains("${") {
            true => text.clone(),
            false => format!("${{{text}}}"),
        }));
    }
    let name = args.input.as_deref().unwrap_or("-");
    let text = match name {
        "-" => io.read_input()?,
        file => contents(file)?,
    };
    let text = match is_json(&text) {
        true => with_long_integers(&text),
        false => text.as_str().into(),
    };
    match parse(&text) {
        Ok(document) => Ok(Input::Document(document)),
        Err(error) => Err(Failure::command(format!("{name}: {error}"))),
    }
}

async fn read(args: &EvalArgs, gate: Option<&Gate>, io: &mut Io) -> Result<Value, Failure> {
    if let (Some(reference), Some(gate)) = (&args.reference, gate) {
        let id = Reference::parse(reference)?.resolve(gate, io).await?;
        return read_execution(gate, &id).await;
    }
    match &args.execution {
        Some(file) => serde_json::from_str(&with_long_integers(&contents(file)?))
            .map_err(|error| Failure::command(format!("{file}: {error}"))),
        // Nothing but functions and literals has a value then.
        None => Ok(json!({})),
    }
}

fn contents(file: &str) -> Result<String, Failure> {
    read_file(file)
        .map_err(|error| Failure::command(format!("cannot read {file}: {}", reason(&error))))
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name)
        .map_err(|_| "no such time zone; write it like UTC or Europe/Paris".to_owned())
}

fn compact(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| unwritable(&error))
}

fn indented(value: &impl Serialize) -> Result<String, Failure> {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    value
        .serialize(&mut serializer)
        .map_err(|error| unwritable(&error))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::command(format!("cannot write the result as JSON: {error}"))
}
