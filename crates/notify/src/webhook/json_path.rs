//! JSON paths as webhook stages use them: Jayway's definite paths, which name exactly one value.
//!
//! Understood are `$`, `.name`, `['name']`, `["name"]`, `[0]`, `[-1]` (from the end) and a trailing `.length()`; a path may
//! leave out the leading `$.`, as Jayway allows. Wildcards, deep scans, slices, unions and filters select a list, with which
//! a webhook stage ends TERMINAL in Spinnaker too ("did not resolve to a single value"); here the error says so.

use serde_json::Value;

/// Longest path that is read, in bytes.
const PATH_BYTES_MAX: usize = 1024;

/// Why a path gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is no path.
    #[error("'{path}' is no JSON path: {problem} at character {at}")]
    Syntax {
        /// The text.
        path: String,
        /// What is wrong.
        problem: &'static str,
        /// Where, counted from 1.
        at: usize,
    },
    /// It selects a list of values, never one.
    #[error("the json path '{0}' selects a list, but a single value is needed")]
    Indefinite(String),
    /// There is no such property or element.
    #[error("JSON property '{0}' not found")]
    NotFound(String),
}

/// The value at `path` in `document`; a length is a new value, hence the copy.
///
/// # Errors
/// See [`Error`].
pub fn read(document: &Value, path: &str) -> Result<Value, Error> {
    let steps = parse(path)?;
    let mut at = document;
    for step in &steps {
        let next = match step {
            Step::Name(name) => at.get(name.as_str()),
            Step::Index(index) => at.as_array().and_then(|list| element(list, *index)),
            Step::Length => {
                return length(at).ok_or_else(|| Error::NotFound(path.to_owned()));
            }
        };
        at = next.ok_or_else(|| Error::NotFound(path.to_owned()))?;
    }
    Ok(at.clone())
}

#[derive(Debug, PartialEq)]
enum Step {
    Name(String),
    Index(i64),
    Length,
}

fn parse(path: &str) -> Result<Vec<Step>, Error> {
    let text: Vec<char> = path.trim().chars().collect();
    let error = |problem, at: usize| Error::Syntax {
        path: path.to_owned(),
        problem,
        at: at + 1,
    };
    if text.is_empty() {
        return Err(error("it is empty", 0));
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(error("it is too long", PATH_BYTES_MAX));
    }
    let mut steps = Vec::new();
    let mut at = 0;
    if text[0] == '$' {
        at = 1;
    } else if text[0] != '[' {
        at = name_step(path, &text, 0, &mut steps)?;
    }
    while at < text.len() {
        if steps.last() == Some(&Step::Length) {
            return Err(error("nothing can follow length()", at));
        }
        at = match text[at] {
            '.' => match text.get(at + 1) {
                Some('.' | '*') => return Err(Error::Indefinite(path.to_owned())),
                Some('[') => at + 1,
                _ => name_step(path, &text, at + 1, &mut steps)?,
            },
            '[' => bracket_step(path, &text, at + 1, &mut steps)?,
            _ => return Err(error("expected '.' or '['", at)),
        };
    }
    Ok(steps)
}

/// Reads a bare name that starts at `from`; returns where it ends.
fn name_step(
    path: &str,
    text: &[char],
    from: usize,
    steps: &mut Vec<Step>,
) -> Result<usize, Error> {
    let end = (from..text.len())
        .find(|at| matches!(text[*at], '.' | '['))
        .unwrap_or(text.len());
    let name: String = text[from..end].iter().collect();
    if name.is_empty() {
        return Err(Error::Syntax {
            path: path.to_owned(),
            problem: "a name is missing",
            at: from + 1,
        });
    }
    if name == "*" {
        return Err(Error::Indefinite(path.to_owned()));
    }
    steps.push(match name.as_str() {
        "length()" => Step::Length,
        call if call.ends_with("()") => {
            return Err(Error::Syntax {
                path: path.to_owned(),
                problem: "length() is the only function that is known",
                at: from + 1,
            });
        }
        _ => Step::Name(name),
    });
    Ok(end)
}

/// Reads what follows a `[` at `from`; returns where the text after its `]` starts.
fn bracket_step(
    path: &str,
    text: &[char],
    from: usize,
    steps: &mut Vec<Step>,
) -> Result<usize, Error> {
    let error = |problem, at: usize| Error::Syntax {
        path: path.to_owned(),
        problem,
        at: at + 1,
    };
    let quote = text.get(from).copied();
    if let Some(quote @ ('\'' | '"')) = quote {
        let mut name = String::new();
        let mut at = from + 1;
        loop {
            match text.get(at) {
                None => return Err(error("the name is not closed", from)),
                Some('\\') => {
                    name.push(
                        *text
                            .get(at + 1)
                            .ok_or_else(|| error("the name is not closed", from))?,
                    );
                    at += 2;
                }
                Some(letter) if *letter == quote => break,
                Some(letter) => {
                    name.push(*letter);
                    at += 1;
                }
            }
        }
        return match text.get(at + 1) {
            Some(']') => {
                steps.push(Step::Name(name));
                Ok(at + 2)
            }
            Some(',') => Err(Error::Indefinite(path.to_owned())),
            _ => Err(error("expected ']'", at + 1)),
        };
    }
    let end = (from..text.len())
        .find(|at| text[*at] == ']')
        .ok_or_else(|| error("'[' is not closed", from.saturating_sub(1)))?;
    let inside: String = text[from..end].iter().collect();
    if inside.trim() == "*" || inside.starts_with('?') || inside.contains([':', ',']) {
        return Err(Error::Indefinite(path.to_owned()));
    }
    let index = inside
        .trim()
        .parse()
        .map_err(|_| error("expected an index or a quoted name", from))?;
    steps.push(Step::Index(index));
    Ok(end + 1)
}

fn element(list: &[Value], index: i64) -> Option<&Value> {
    let length = i64::try_from(list.len()).ok()?;
    let from_start = if index < 0 {
        index.checked_add(length)?
    } else {
        index
    };
    list.get(usize::try_from(from_start).ok()?)
}

fn length(value: &Value) -> Option<Value> {
    match value {
        Value::Array(list) => Some(list.len().into()),
        Value::Object(map) => Some(map.len().into()),
        Value::String(text) => Some(text.chars().count().into()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn definite_paths_name_one_value() {
        let document = json!({"status": "OK", "a": {"b": [10, {"c d": true}]}, "x.y": 1, "it's": null, "ü": "é"});
        for (path, expected) in [
            ("$.status", json!("OK")),
            ("status", json!("OK")),
            (" $.a.b[0] ", json!(10)),
            ("$.a.b[-1]['c d']", json!(true)),
            ("a.b[1][\"c d\"]", json!(true)),
            ("$['x.y']", json!(1)),
            ("['x.y']", json!(1)),
            (r"$['it\'s']", json!(null)),
            ("$.a.['b'][0]", json!(10)),
            ("$.a.b.length()", json!(2)),
            ("$.ü", json!("é")),
            ("$.status.length()", json!(2)),
            ("$", document.clone()),
        ] {
            assert_eq!(read(&document, path), Ok(expected), "{path}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let document = json!({"a": [1], "text": "x"});
        for path in [
            "$.b",
            "$.a[1]",
            "$.a[-2]",
            "$.a.b",
            "$.text.x",
            "$.text[0]",
            "$.a[0].length()",
        ] {
            assert_eq!(
                read(&document, path),
                Err(Error::NotFound(path.to_owned())),
                "{path}"
            );
        }
        assert!(matches!(
            read(&json!("text"), "$.a"),
            Err(Error::NotFound(_))
        ));
    }

    #[test]
    fn paths_to_lists_are_refused_as_such() {
        for path in [
            "$..a",
            "$.*",
            "*",
            "$[*]",
            "$.a[0:2]",
            "$.a[0,1]",
            "$['a','b']",
            "$.a[?(@.b == 'c')]",
        ] {
            assert_eq!(
                read(&json!({"a": [1]}), path),
                Err(Error::Indefinite(path.to_owned())),
                "{path}"
            );
        }
    }

    #[test]
    fn broken_paths_name_the_character() {
        for (path, at) in [
            ("", 1),
            ("$.", 3),
            ("$a", 2),
            ("$.a[", 4),
            ("$.a['b", 5),
            ("$.a[b]", 5),
            ("$['a'", 6),
            ("$.a.length().b", 13),
            ("$.min()", 3),
        ] {
            match read(&json!({}), path) {
                Err(Error::Syntax { at: found, .. }) => assert_eq!(found, at, "{path}"),
                other => panic!("{path}: {other:?}"),
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        let letters = [
            '$', '.', '[', ']', '\'', '\\', '*', '?', '0', '-', 'a', '(', ')',
        ];
        for first in letters {
            for second in letters {
                for third in letters {
                    for fourth in letters {
                        let path: String = [first, second, third, fourth].iter().collect();
                        let _ = read(&json!({"a": [1]}), &path);
                    }
                }
            }
        }
    }
}
