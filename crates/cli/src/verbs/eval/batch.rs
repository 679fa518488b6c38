//! Many evaluations, one per line: for comparing whole collections of cases.

use gennaker_expressions::{Environment, TimeZone, evaluate_json, with_long_integers};
use gennaker_model::Execution;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{Answer, Place, compact, document};
use crate::{
    Exit, Failure, Io,
    io::{Line, reason},
};

/// Longest line, in bytes.
const LINE_BYTES_MAX: usize = 64 << 20;

/// One case. The execution stays text until it is known that the line before did not have the same.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case<'l> {
    #[serde(borrow, default)]
    execution: Option<&'l RawValue>,
    #[serde(default)]
    stage: Option<String>,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    allow_unknown_keys: Option<bool>,
}

/// Reads cases to the end of the input and answers each before the next is read. A line that is no case gives
/// `{"error": …}` in its place and makes the command fail in the end.
pub(super) fn run(zone: &TimeZone, io: &mut Io) -> Result<Exit, Failure> {
    let mut executions = Executions::default();
    let mut wrong = 0;
    loop {
        let line = match io.read_line(LINE_BYTES_MAX) {
            Ok(Line::Text(line)) => Ok(line),
            Ok(Line::End) => break,
            Ok(Line::Refused(why)) => Err(why.to_owned()),
            Err(error) => {
                let why = reason(&error);
                return Err(Failure::command(format!(
                    "cannot read the standard input: {why}"
                )));
            }
        };
        if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
            continue;
        }
        let answer = line.and_then(|line| answer(&line, &mut executions, io.now_ms(), zone));
        match answer {
            Ok(answer) => io.say(&answer),
            Err(why) => {
                wrong += 1;
                io.say(&json!({ "error": why }).to_string());
            }
        }
        if io.out_closed {
            break;
        }
    }
    match wrong {
        0 => Ok(Exit::Succeeded),
        1 => Err(Failure::command("1 line is no case")),
        wrong => Err(Failure::command(format!("{wrong} lines are no cases"))),
    }
}

fn answer(
    line: &str,
    executions: &mut Executions,
    now_ms: i64,
    zone: &TimeZone,
) -> Result<String, String> {
    let line = with_long_integers(line);
    let case: Case<'_> = serde_json::from_str(&line).map_err(|error| error.to_string())?;
    let execution = executions.get(case.execution.map_or("{}", RawValue::get))?;
    let place =
        Place::find(execution, case.stage.as_deref()).map_err(|failure| failure.sentence)?;
    let environment = Environment {
        allow_unknown_keys: case.allow_unknown_keys.unwrap_or(true),
        ..place.environment(now_ms, zone)
    };
    let evaluation = evaluate_json(&case.input, &place.scope(), &environment);
    compact(&Answer::of(&evaluation)).map_err(|failure| failure.sentence)
}

/// The execution of the line before, which most lines repeat.
#[derive(Default)]
struct Executions {
    last: Option<(String, Execution)>,
}

impl Executions {
    fn get(&mut self, text: &str) -> Result<&Execution, String> {
        let (_, execution) = match self.last.take() {
            Some(last) if last.0 == text => self.last.insert(last),
            _ => {
                let document: Value =
                    serde_json::from_str(text).map_err(|error| error.to_string())?;
                let execution = document::execution(&document)
                    .map_err(|error| format!("this is no execution: {error}"))?;
                self.last.insert((text.to_owned(), execution))
            }
        };
        Ok(execution)
    }
}
