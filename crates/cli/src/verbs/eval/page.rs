//! What people see: each text with its parsed form, its value, the names it used and where their values came from.

use gennaker_expressions::{Entry, Evaluation, Exact, Level, Lookup, Origin, Trace, Use};
use gennaker_model::Stage;

use super::{Place, compact, indented};
use crate::text::{clean, columns, pad, printable};

/// Columns of the words on the left.
const WORDS: usize = 8;

pub(super) fn lines(evaluation: &Evaluation, place: &Place<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for trace in &evaluation.traces {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        of_text(trace, place, &mut lines);
    }
    if evaluation.traces.len() != 1 {
        // A document: its parts were shown, now the whole.
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let whole = indented(&Exact(evaluation)).unwrap_or_else(|failure| failure.sentence);
        lines.extend(whole.lines().map(printable));
    }
    for need in &evaluation.needs {
        lines.push(format!("not asked: {}", question(need)));
    }
    lines
}

fn of_text(trace: &Trace, place: &Place<'_>, lines: &mut Vec<String>) {
    lines.extend(trace.text.lines().map(printable));
    for form in &trace.parsed {
        lines.push(worded("parsed", form));
    }
    let failed = |entry: &&Entry| entry.level == Level::Error;
    match trace.entry.as_ref().filter(failed) {
        None => {
            let value = compact(&trace.value).unwrap_or_else(|failure| failure.sentence);
            lines.push(worded("value", &value));
            if trace.entry.is_some() {
                lines.push(worded("", "null: the text stays as it is"));
            }
        }
        Some(entry) => {
            for (at, line) in entry.description.lines().enumerate() {
                lines.push(worded(if at == 0 { "error" } else { "" }, line));
            }
            if let Some(mark) = entry.position.and_then(|at| mark(&trace.text, at)) {
                lines.extend(mark.map(|line| worded("", &line)));
            }
        }
    }
    let width = trace.uses.iter().map(|used| columns(&clean(&used.name)));
    let width = width.max().unwrap_or_default().min(40);
    for (at, used) in trace.uses.iter().enumerate() {
        let name = pad(&clean(&used.name), width);
        let line = format!("{name}  {}", origin(used, place));
        lines.push(worded(if at == 0 { "from" } else { "" }, &line));
    }
}

fn worded(word: &str, text: &str) -> String {
    format!("  {}{}", pad(word, WORDS), printable(text))
}

/// The line of the text that holds the byte, and a mark below the character.
fn mark(text: &str, at: usize) -> Option<[String; 2]> {
    let before = text.get(..at)?;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let indent = columns(&printable(&text[start..at]));
    Some([line.to_owned(), format!("{}^", " ".repeat(indent))])
}

fn origin(used: &Use, place: &Place<'_>) -> String {
    let quoted = |stage: &Stage| format!("{:?} ({})", stage.name, stage.ref_id);
    let found = |at: usize| place.execution.stages.get(at).map(|stage| quoted(stage));
    let whose = |at: usize| found(at).unwrap_or_else(|| "a stage".to_owned());
    match &used.origin {
        Origin::Context => "the context of the stage".to_owned(),
        Origin::Ancestor => match place.scope().giver(&used.name) {
            Some(stage) => format!("the outputs of stage {}", quoted(stage)),
            None => "the outputs of an ancestor".to_owned(),
        },
        Origin::Derived(what) => (*what).to_owned(),
        Origin::ContextOf(at) => format!("the context of stage {}", whose(*at)),
        Origin::AncestorOf(at) => format!("the outputs of an ancestor of stage {}", whose(*at)),
        Origin::Function => "a function".to_owned(),
        Origin::Nowhere => "nothing has this name".to_owned(),
    }
}

fn question(lookup: &Lookup) -> String {
    clean(&match lookup {
        Lookup::Url { url } => format!("the content of {url}, which only a running pipeline gets"),
        Lookup::Pipeline { application, name } => {
            format!(
                "the id of pipeline {name} in {application}; name a server's execution with --of"
            )
        }
        Lookup::Application { name } => {
            format!("application {name}; name a server's execution with --of")
        }
        Lookup::CanaryConfig { name, application } => {
            format!("the id of canary configuration {name} in {application}")
        }
        Lookup::Reference { uri } => format!("the content of {uri}"),
    })
}
