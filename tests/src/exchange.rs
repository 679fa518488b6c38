//! Exchanges between a client and the API, written down in files and held against the real program.
//!
//! ```text
//! # What this is about.
//! > POST /tasks
//! > X-RateLimit-App: deck
//! {"application": "<app>", "job": [{"type": "createApplication", "application": {"name": "<app>"}}]}
//! < 200 application/json
//! {"ref": "/tasks/<task>"}
//! >> GET /tasks/<task>
//! < 200 application/json
//! {"status": "SUCCEEDED", "startTime": "<integer>"}
//! ```
//!
//! `>` is a request with its headers and its body, `<` the answer: status, the beginning of the content type or `empty` for no
//! body at all, headers, body. `>>` is a request that is sent again until the answer is as written, for at most half a minute.
//!
//! * `<name>` in a request stands for what was learned under this name; in an answer it learns it, or must be the same again.
//!   `<app>` is known from the beginning and different for every file.
//! * In an answer `"<any>"`, `"<string>"`, `"<number>"`, `"<integer>"`, `"<list>"` and `"<object>"` are anything of that kind,
//!   `"<absent>"` says that the key must not be there, and `"<maybe>"` that it may be missing.
//! * An object of an answer may have more keys than are written, unless one of these is `"<only>"`. A list has just the written items, in their order, unless its
//!   last one is `"<more>"`: then the others are among its items.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::gate::Gate;
use crate::http::{Answer, send};
use crate::installation::Dev;

/// One test for each file of a folder beside `tests/`, all against one `gennaker dev`, and one that no file is without.
#[macro_export]
macro_rules! exchanges {
    ($folder:literal: $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::exchange::hold_file($folder, stringify!($name)).await;
            }
        )*

        #[test]
        fn no_file_is_forgotten() {
            $crate::exchange::check_names($folder, &[$(stringify!($name)),*]);
        }
    };
}

/// How long a `>>` is repeated.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// Holds a file against the `gennaker dev` that the tests share.
///
/// # Panics
/// When the file cannot be read, an answer is not as written (with the line, and what was answered), or the server panicked.
pub async fn hold_file(folder: &str, name: &str) {
    let dev = Dev::shared().await;
    let file = of_package(folder).join(format!("{name}.exchange"));
    run(&dev.gate, &file).await;
    dev.check();
}

/// Checks that the files of a folder and the tests of them are the same.
///
/// # Panics
/// When one is without the other.
pub fn check_names(folder: &str, tested: &[&str]) {
    let folder = of_package(folder);
    let files = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display()));
    let mut found: Vec<String> = files
        .filter_map(|file| file.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".exchange").map(str::to_owned))
        .collect();
    let mut tested: Vec<String> = tested.iter().map(|name| (*name).to_owned()).collect();
    found.sort();
    tested.sort();
    assert_eq!(
        found,
        tested,
        "files in {} and their tests",
        folder.display()
    );
}

fn of_package(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// Runs the exchanges of a file, one after the other.
async fn run(gate: &Gate, file: &Path) {
    let text = std::fs::read_to_string(file)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", file.display()));
    let exchanges = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert!(!exchanges.is_empty(), "{} has no exchange", file.display());
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    let app = stem.unwrap_or("x").replace('_', "-");
    let mut known: BTreeMap<String, String> = [("app".to_owned(), app)].into();
    for exchange in &exchanges {
        let request = exchange.request.filled(&known);
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = request.send(gate).await;
            let held = exchange.answer.hold(&answer, &known);
            match held {
                Ok(learned) => {
                    known = learned;
                    break;
                }
                Err(_) if exchange.again && Instant::now() < until => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(difference) => panic!(
                    "{}:{}: {} {}: {difference}\nanswered {} {:?}\n{}",
                    file.display(),
                    exchange.line,
                    request.method,
                    request.path,
                    answer.status,
                    answer.headers.get("content-type"),
                    answer.text()
                ),
            }
        }
    }
}

/// One request and its answer.
#[derive(Debug, Default)]
struct Exchange {
    line: usize,
    again: bool,
    request: Request,
    answer: Expected,
}

#[derive(Clone, Debug, Default)]
struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

#[derive(Debug, Default)]
struct Expected {
    status: u16,
    /// What the content type begins with; `empty` is no body.
    kind: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<Value>,
}

/// Which part of an exchange a line without a mark belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Nothing,
    Request,
    Answer,
}

fn parse(text: &str) -> Result<Vec<Exchange>, String> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    let mut part = Part::Nothing;
    let mut bodies: Vec<(String, String)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line_number = number + 1;
        let wrong = |what: &str| format!("line {line_number}: {what}: {line}");
        let begins = |exchange: &Exchange| exchange.answer.status != 0 || exchange.line == 0;
        if let Some(rest) = line.strip_prefix('>') {
            let (again, rest) = match rest.strip_prefix('>') {
                Some(rest) => (true, rest.trim()),
                None => (false, rest.trim()),
            };
            if exchanges.last().is_none_or(begins) {
                let (method, path) = rest.split_once(' ').ok_or_else(|| wrong("no request"))?;
                exchanges.push(Exchange {
                    line: line_number,
                    again,
                    request: Request {
                        method: method.to_owned(),
                        path: path.trim().to_owned(),
                        ..Request::default()
                    },
                    ..Exchange::default()
                });
                bodies.push(Default::default());
                part = Part::Request;
            } else if let Some(exchange) = exchanges.last_mut() {
                exchange
                    .request
                    .headers
                    .push(header(rest).ok_or_else(|| wrong("no header"))?);
            }
        } else if let Some(rest) = line.strip_prefix('<') {
            let exchange = exchanges.last_mut().ok_or_else(|| wrong("no request"))?;
            let rest = rest.trim();
            if part == Part::Request {
                let (status, kind) = rest.split_once(' ').unwrap_or((rest, ""));
                exchange.answer.status = status.parse().map_err(|_| wrong("no status"))?;
                exchange.answer.kind = Some(kind.trim().to_owned()).filter(|kind| !kind.is_empty());
                part = Part::Answer;
            } else {
                exchange
                    .answer
                    .headers
                    .push(header(rest).ok_or_else(|| wrong("no header"))?);
            }
        } else if line.starts_with('#') {
            // For the reader.
        } else if let Some((request, answer)) = bodies.last_mut() {
            let body = match part {
                Part::Answer => answer,
                Part::Nothing | Part::Request => request,
            };
            body.push_str(line);
            body.push('\n');
        } else if !line.trim().is_empty() {
            return Err(wrong("it belongs to nothing"));
        }
    }
    for (exchange, (request, answer)) in exchanges.iter_mut().zip(bodies) {
        let line = exchange.line;
        if exchange.answer.status == 0 {
            return Err(format!("line {line}: the request has no answer"));
        }
        exchange.request.body = request.trim().to_owned();
        if !answer.trim().is_empty() {
            let body = serde_json::from_str(&answer)
                .map_err(|error| format!("line {line}: the answer is no JSON: {error}"))?;
            exchange.answer.body = Some(body);
        }
    }
    Ok(exchanges)
}

fn header(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim().to_owned(), value.trim().to_owned()))
}

impl Request {
    fn filled(&self, known: &BTreeMap<String, String>) -> Self {
        Self {
            method: self.method.clone(),
            path: filled(&self.path, known),
            headers: self
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), filled(value, known)))
                .collect(),
            body: filled(&self.body, known),
        }
    }

    async fn send(&self, gate: &Gate) -> Answer {
        let mut headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let named = |wanted: &str| {
            self.headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        if !self.body.is_empty() && !named("content-type") {
            headers.push(("Content-Type", "application/json"));
        }
        send(
            gate.address,
            &self.method,
            &self.path,
            &headers,
            self.body.as_bytes(),
        )
        .await
        .unwrap_or_else(|error| panic!("{} {} gets no answer: {error}", self.method, self.path))
    }
}

impl Expected {
    /// What is known after it, or the first difference.
    fn hold(
        &self,
        answer: &Answer,
        known: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, String> {
        if answer.status != self.status {
            return Err(format!("the status is not {}", self.status));
        }
        match self.kind.as_deref() {
            Some("empty") if !answer.body.is_empty() => {
                return Err("the body is not empty".to_owned());
            }
            Some("empty") | None => {}
            Some(kind) => {
                let found = answer.headers.get("content-type");
                if !found.is_some_and(|found| found.starts_with(kind)) {
                    return Err(format!("the content type is not {kind}"));
                }
            }
        }
        let mut known = known.clone();
        for (name, value) in &self.headers {
            let found = answer.headers.get(&name.to_ascii_lowercase());
            match (value.as_str(), found) {
                ("<absent>", None) => {}
                ("<absent>", Some(found)) => return Err(format!("there is a {name}: {found}")),
                (_, None) => return Err(format!("there is no {name}")),
                (value, Some(found)) => text(value, found, &mut known)
                    .map_err(|difference| format!("{name}: {difference}"))?,
            }
        }
        if let Some(body) = &self.body {
            let found = serde_json::from_slice(&answer.body)
                .map_err(|error| format!("the body is no JSON: {error}"))?;
            hold(body, &found, "", &mut known)?;
        }
        Ok(known)
    }
}

/// Whether a value is as written; learns names.
fn hold(
    written: &Value,
    found: &Value,
    path: &str,
    known: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    let is = |kind: &str, is: bool| {
        if is {
            Ok(())
        } else {
            Err(format!("{path} is no {kind} but {found}"))
        }
    };
    match written {
        Value::String(written) => match written.as_str() {
            "<any>" => Ok(()),
            "<string>" => is("string", found.is_string()),
            "<number>" => is("number", found.is_number()),
            "<integer>" => is("integer", found.is_i64()),
            "<list>" => is("list", found.is_array()),
            "<object>" => is("object", found.is_object()),
            written => match found {
                Value::String(found) => text(written, found, known)
                    .map_err(|difference| format!("{path}: {difference}")),
                _ => Err(format!("{path} is not {written:?} but {found}")),
            },
        },
        Value::Object(written) => {
            let Value::Object(found) = found else {
                return Err(format!("{path} is no object but {found}"));
            };
            let strange = |key: &&String| !written.contains_key(key.as_str());
            if written.contains_key("<only>")
                && let Some(key) = found.keys().find(strange)
            {
                return Err(format!("{path}/{key} is there: {}", found[key]));
            }
            for (key, written) in written.iter().filter(|(key, _)| *key != "<only>") {
                let path = format!("{path}/{key}");
                match (written.as_str(), found.get(key)) {
                    (Some("<absent>" | "<maybe>"), None) | (Some("<maybe>"), Some(_)) => {}
                    (Some("<absent>"), Some(found)) => {
                        return Err(format!("{path} is there: {found}"));
                    }
                    (_, None) => return Err(format!("{path} is not there")),
                    (_, Some(found)) => hold(written, found, &path, known)?,
                }
            }
            Ok(())
        }
        Value::Array(written) => {
            let Value::Array(found) = found else {
                return Err(format!("{path} is no list but {found}"));
            };
            match written.split_last() {
                Some((last, written)) if last == "<more>" => {
                    for written in written {
                        let among = found.iter().find_map(|found| {
                            let mut learned = known.clone();
                            hold(written, found, path, &mut learned)
                                .ok()
                                .map(|()| learned)
                        });
                        *known = among.ok_or_else(|| format!("{path} does not hold {written}"))?;
                    }
                    Ok(())
                }
                _ if written.len() != found.len() => Err(format!(
                    "{path} has {} items instead of {}",
                    found.len(),
                    written.len()
                )),
                _ => {
                    for (index, (written, found)) in written.iter().zip(found).enumerate() {
                        hold(written, found, &format!("{path}/{index}"), known)?;
                    }
                    Ok(())
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) if written == found => Ok(()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            Err(format!("{path} is not {written} but {found}"))
        }
    }
}

/// Whether a text is as written; an unknown name in it takes what stands there.
fn text(written: &str, found: &str, known: &mut BTreeMap<String, String>) -> Result<(), String> {
    let written = filled(written, known);
    let Some((before, name, after)) = split_name(&written) else {
        return if written == found {
            Ok(())
        } else {
            Err(format!("{found:?} instead of {written:?}"))
        };
    };
    let rest = found
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after))
        .filter(|rest| !rest.is_empty())
        .ok_or_else(|| format!("{found:?} is not like {written:?}"))?;
    known.insert(name.to_owned(), rest.to_owned());
    Ok(())
}

/// A text with everything known in place of its names.
fn filled(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut filled = text.to_owned();
    for (name, value) in known {
        filled = filled.replace(&format!("<{name}>"), value);
    }
    filled
}

/// What stands before, in and after the first `<name>`.
fn split_name(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('<')?;
    let (name, after) = rest.split_once('>')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some((before, name, after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "# about\n> POST /tasks/<app>\n> A: b\n{\"x\":\n 1}\n< 200 application/json\n{\"ref\": \"/tasks/<task>\"}\n\n\
                        >> GET /tasks/<task>\n< 404 empty\n< X: y\n";

    fn answer(status: u16, body: &Value) -> Answer {
        Answer {
            status,
            headers: [
                ("content-type".to_owned(), "application/json".to_owned()),
                ("x".to_owned(), "y".to_owned()),
            ]
            .into(),
            body: body.to_string().into_bytes(),
        }
    }

    #[test]
    fn files_are_read() {
        let exchanges = parse(TEXT).unwrap();
        let [post, get] = exchanges.as_slice() else {
            panic!("{exchanges:?}")
        };
        assert_eq!((post.line, post.again, get.again), (2, false, true));
        assert_eq!(post.request.headers, [("A".to_owned(), "b".to_owned())]);
        assert_eq!(post.request.body, "{\"x\":\n 1}");
        assert_eq!(
            (get.answer.status, get.answer.kind.as_deref()),
            (404, Some("empty"))
        );
        assert_eq!(get.answer.headers, [("X".to_owned(), "y".to_owned())]);
        for wrong in [
            "{}",
            "< 200",
            "> GET",
            "> GET /x\n",
            "> GET /x\n< ok",
            "> GET /x\n< 200\n{",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_learned_and_held() {
        let exchanges = parse(TEXT).unwrap();
        let known = [("app".to_owned(), "demo".to_owned())].into();
        assert_eq!(exchanges[0].request.filled(&known).path, "/tasks/demo");
        let learned = exchanges[0]
            .answer
            .hold(
                &answer(200, &json!({"ref": "/tasks/01J", "more": 1})),
                &known,
            )
            .unwrap();
        assert_eq!(learned["task"], "01J");
        let expected = &exchanges[0].answer;
        assert!(
            expected
                .hold(&answer(200, &json!({"ref": "/tasks/02J"})), &learned)
                .is_err()
        );
        assert!(
            expected
                .hold(&answer(202, &json!({"ref": "/tasks/01J"})), &learned)
                .is_err()
        );
        assert!(
            expected
                .hold(&answer(200, &json!({"ref": 1})), &learned)
                .is_err()
        );
        assert!(
            exchanges[1]
                .answer
                .hold(&answer(404, &json!({})), &learned)
                .is_err(),
            "not empty"
        );
    }

    #[test]
    fn kinds_keys_and_lists_are_held() {
        let holds =
            |written: Value, found: Value| hold(&written, &found, "", &mut BTreeMap::new()).is_ok();
        assert!(holds(json!({"a": "<integer>"}), json!({"a": 1, "b": 2})));
        assert!(!holds(json!({"a": "<integer>"}), json!({"a": 1.5})));
        assert!(!holds(json!({"a": "<absent>"}), json!({"a": null})));
        assert!(holds(json!({"a": "<absent>"}), json!({})));
        assert!(holds(
            json!({"<only>": true, "a": 1, "b": "<maybe>"}),
            json!({"a": 1})
        ));
        assert!(!holds(
            json!({"<only>": true, "a": 1}),
            json!({"a": 1, "b": 2})
        ));
        assert!(!holds(json!([1]), json!([1, 2])));
        assert!(holds(json!([2, "<more>"]), json!([1, 2])));
        assert!(!holds(json!([3, "<more>"]), json!([1, 2])));
        assert!(!holds(json!({"a": null}), json!({"a": 0})));
        assert!(!holds(json!("x"), json!("y")));
    }
}
