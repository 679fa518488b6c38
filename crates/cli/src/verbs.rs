//! The verbs that are Gennaker's own: one file each.

pub(crate) mod absent;
pub(crate) mod api;
pub(crate) mod cancel;
pub(crate) mod diff;
pub(crate) mod dry_run;
pub(crate) mod eval;
pub(crate) mod events;
pub(crate) mod freeze;
pub(crate) mod judge;
pub(crate) mod lint;
pub(crate) mod ls;
pub(crate) mod pause;
pub(crate) mod plan;
pub(crate) mod pollers;
pub(crate) mod replay;
pub(crate) mod retry;
pub(crate) mod run;
pub(crate) mod show;
#[cfg(test)]
mod tests;
pub(crate) mod watch;
pub(crate) mod why;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    Exit, Failure, Io,
    gate::{Gate, message},
    output::Format,
    snapshot::{Snapshot, millis, text},
    text::encode,
};

/// Most executions of one page.
const PAGE: usize = 200;

/// Prints a document in a format that is not for people; a path that finds nothing is a failure.
fn print(document: &Value, format: &Format, io: &mut Io) -> Result<Exit, Failure> {
    let text = format.render(document).map_err(Failure::command)?;
    io.say(text.trim_end_matches('\n'));
    Ok(Exit::Succeeded)
}

/// Prints every document of a list: one per line as JSON lines, else as one list.
fn print_list(documents: &[Value], format: &Format, io: &mut Io) -> Result<Exit, Failure> {
    match format {
        Format::JsonLines => {
            for document in documents {
                print(document, format, io)?;
            }
            Ok(Exit::Succeeded)
        }
        Format::Name => {
            for id in documents.iter().filter_map(|document| text(document, "id")) {
                io.say(&id);
            }
            Ok(Exit::Succeeded)
        }
        Format::Human | Format::Json | Format::Yaml | Format::JsonPath(_) => {
            print(&Value::Array(documents.to_vec()), format, io)
        }
    }
}

/// Which executions are wanted.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted<'a> {
    application: Option<&'a str>,
    /// Wire names, comma separated; empty for all.
    statuses: &'a str,
    since_ms: Option<i64>,
    /// Parameters that the trigger must have; each a text, or a pattern for the whole of it.
    parameters: Option<&'a Map<String, Value>>,
    limit: usize,
    /// With the contexts of the stages.
    expand: bool,
}

/// Executions, newest first. Searches where the server can, and goes through the applications where it cannot.
async fn executions(gate: &Gate, wanted: Wanted<'_>) -> Result<Vec<Value>, Failure> {
    let mut found = match search(gate, wanted).await {
        Ok(found) => found,
        // Without the search nothing else can look for parameters.
        Err(failure)
            if matches!(failure.exit, Exit::NotFound | Exit::CommandError)
                && wanted.parameters.is_none() =>
        {
            of_applications(gate, wanted).await?
        }
        Err(failure) => return Err(failure),
    };
    found.sort_by_key(|execution| std::cmp::Reverse(millis(execution, "buildTime")));
    found.truncate(wanted.limit);
    Ok(found)
}

async fn search(gate: &Gate, wanted: Wanted<'_>) -> Result<Vec<Value>, Failure> {
    let application = wanted.application.map_or_else(|| "*".to_owned(), encode);
    let since = wanted.since_ms.map_or(String::new(), |ms| {
        format!("&triggerTimeStartBoundary={ms}")
    });
    let trigger = match wanted.parameters {
        None => String::new(),
        Some(parameters) => {
            let trigger = json!({"parameters": parameters}).to_string();
            format!("&trigger={}", encode(&BASE64_STANDARD.encode(trigger)))
        }
    };
    let mut found = Vec::new();
    loop {
        let size = (wanted.limit - found.len()).min(PAGE);
        let path = format!(
            "/applications/{application}/executions/search?statuses={}{since}{trigger}&startIndex={}&size={size}&expand={}",
            encode(wanted.statuses),
            found.len(),
            wanted.expand
        );
        let page = gate.get("the list of executions", &path).await?;
        let Value::Array(page) = page else {
            return Err(Failure::command("the list of executions is no list"));
        };
        let is_last = page.len() < size;
        found.extend(page);
        if is_last || found.len() >= wanted.limit {
            return Ok(found);
        }
    }
}

async fn of_applications(gate: &Gate, wanted: Wanted<'_>) -> Result<Vec<Value>, Failure> {
    let names = match wanted.application {
        Some(name) => vec![name.to_owned()],
        None => {
            let list = gate
                .get("the list of applications", "/applications")
                .await?;
            let list = list.as_array().cloned().unwrap_or_default();
            list.iter()
                .filter_map(|entry| text(entry, "name"))
                .collect()
        }
    };
    let mut found = Vec::new();
    for name in names {
        let path = format!(
            "/applications/{}/pipelines?limit={}&statuses={}&expand={}",
            encode(&name),
            wanted.limit,
            encode(wanted.statuses),
            wanted.expand
        );
        let list = gate.get(&format!("application {name}"), &path).await?;
        let is_wanted = |execution: &&Value| {
            wanted.since_ms.is_none_or(|since| {
                millis(execution, "buildTime").is_some_and(|built| built >= since)
            })
        };
        let list = list.as_array().map_or(&[][..], Vec::as_slice);
        found.extend(list.iter().filter(is_wanted).cloned());
    }
    Ok(found)
}

/// Says the effect and asks; without a person it is a mistake not to have said yes.
fn agreed(effect: &str, question: &str, io: &mut Io) -> Result<bool, Failure> {
    if !io.can_ask() {
        return Err(Failure::usage(effect).fix("add --yes to do it without being asked"));
    }
    io.note(effect);
    let answer = io.ask(&format!("{question} [y/N] ")).unwrap_or_default();
    let agreed = matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes");
    if !agreed {
        io.note("Nothing was done.");
    }
    Ok(agreed)
}

/// Sends a change and gives the answer's failure as ours.
async fn change(
    gate: &Gate,
    what: &str,
    method: &'static str,
    path: &str,
    body: Option<&Value>,
) -> Result<(), Failure> {
    gate.accepted(what, gate.request(method, path, body))
        .await
        .map(drop)
}

/// The sentence of a refusal, for verbs that add to it.
fn refusal(response: &crate::http::Response) -> String {
    message(response).unwrap_or_else(|| response.status_line())
}

/// `3m 44s` of an execution, or nothing.
fn took(snapshot: &Snapshot, now_ms: i64) -> String {
    snapshot
        .took_ms(now_ms)
        .map_or(String::new(), crate::text::duration)
}
