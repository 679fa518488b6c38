//! Filters of texts.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{Call, Filtered};
use crate::jinja::{methods::pattern, operators::as_text};

/// Length of a truncated text (`Functions.truncate`).
const TRUNCATED: i64 = 255;

/// Most blanks that a filter adds at one place.
const BLANKS_MAX: usize = 1_000;

/// `None` when it is no filter of texts.
#[expect(clippy::too_many_lines, reason = "one arm for each filter")]
pub(super) fn filter(name: &str, value: &Value, call: &Call) -> Option<Filtered> {
    let known = [
        "lower",
        "upper",
        "capitalize",
        "title",
        "trim",
        "replace",
        "cut",
        "truncate",
        "indent",
        "center",
        "wordcount",
        "string",
        "split",
        "regex_replace",
        "urlencode",
        "urldecode",
        "e",
        "escape",
        "force_escape",
        "safe",
        "striptags",
        "b64encode",
        "b64decode",
        "format",
        "escapejs",
        "escapejson",
        "escape_jinjava",
        "frigga",
    ];
    if !known.contains(&name) {
        return None;
    }
    if value.is_null() && !matches!(name, "string" | "split" | "format") {
        return Some(Ok(Value::Null));
    }
    let text = as_text(value);
    let needs = |count: usize, what: &str| match call.count() < count {
        true => Err(format!("Syntax error in '{name}': requires {what}")),
        false => Ok(()),
    };
    Some(match name {
        "lower" => Ok(text.to_lowercase().into()),
        "upper" => Ok(text.to_uppercase().into()),
        "capitalize" => Ok(capitalized(&text.to_lowercase()).into()),
        "title" => Ok(title(&text).into()),
        "trim" => Ok(text.trim().into()),
        "string" => Ok(match value {
            Value::Null => Value::Null,
            _ => text.into(),
        }),
        "safe" => Ok(value.clone()),
        "replace" => needs(2, "2 arguments (substring to replace, replacement string)").map(|()| {
            let (old, new) = (argument(call, 0, "old"), argument(call, 1, "new"));
            match call.number(2, "count") {
                Some(count) => text.replacen(&old, &new, usize::try_from(count).unwrap_or(0)),
                None if old.is_empty() => text,
                None => text.replace(&old, &new),
            }
            .into()
        }),
        "cut" => needs(1, "1 argument (text to remove)")
            .map(|()| text.replace(&argument(call, 0, "to_remove"), "").into()),
        "regex_replace" => {
            needs(2, "2 arguments (regex string, replacement string)").and_then(|()| {
                let pattern = pattern(&argument(call, 0, "regex"))?;
                let by = argument(call, 1, "new");
                Ok(pattern.replace_all(&text, by.as_str()).into_owned().into())
            })
        }
        "truncate" => Ok(truncated(&text, call).into()),
        "indent" => {
            let width = call.number(0, "width").unwrap_or(4);
            let width = usize::try_from(width).unwrap_or(0).min(BLANKS_MAX);
            let blanks = " ".repeat(width);
            let first = call.flag(1, "indentfirst");
            let lines: Vec<String> = text
                .split('\n')
                .enumerate()
                .map(|(place, line)| match place == 0 && !first {
                    true => line.to_owned(),
                    false => format!("{blanks}{line}"),
                })
                .collect();
            Ok(lines.join("\n").into())
        }
        "center" => {
            let size = usize::try_from(call.number(0, "width").unwrap_or(80)).unwrap_or(0);
            let room = size.min(BLANKS_MAX).saturating_sub(text.chars().count());
            let left = room / 2;
            Ok(format!("{}{text}{}", " ".repeat(left), " ".repeat(room - left)).into())
        }
        "wordcount" => Ok(text.split_whitespace().count().into()),
        "split" => {
            let limit = usize::try_from(call.number(1, "limit").unwrap_or(0)).unwrap_or(0);
            let by = call.text(0, "separator").filter(|it| !it.is_empty());
            Ok(split(&text, by.as_deref(), limit).into())
        }
        "urlencode" => Ok(url_encoded(&text).into()),
        "urldecode" => Ok(url_decoded(&text).into()),
        "e" | "escape" | "force_escape" => Ok(text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('\'', "&#39;")
            .replace('"', "&quot;")
            .into()),
        "striptags" => pattern("<[^>]*>").map(|tags| {
            let bare = tags.replace_all(&text, "");
            bare.split_whitespace().collect::<Vec<_>>().join(" ").into()
        }),
        "b64encode" => Ok(BASE64_STANDARD.encode(text).into()),
        "b64decode" => BASE64_STANDARD
            .decode(text.trim())
            .map_err(|_| "b64decode needs base64".to_owned())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned().into()),
        "escapejs" | "escapejson" => {
            let quoted = Value::from(text).to_string();
            Ok(quoted[1..quoted.len() - 1].into())
        }
        "escape_jinjava" => Ok(text
            .replace('{', "&lbrace;")
            .replace('}', "&rbrace;")
            .into()),
        "format" => Ok(formatted(&text, &call.positional).into()),
        _ => frigga(&text, call),
    })
}

fn argument(call: &Call, place: usize, name: &str) -> String {
    call.text(place, name).unwrap_or_default()
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

fn title(text: &str) -> String {
    let mut inside = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() {
            inside = false;
            out.push(c);
        } else if inside {
            out.extend(c.to_lowercase());
        } else {
            inside = c.is_alphabetic();
            out.extend(c.to_uppercase());
        }
    }
    out
}

fn truncated(text: &str, call: &Call) -> String {
    let length = call.number(0, "length").unwrap_or(TRUNCATED);
    let length = usize::try_from(length).unwrap_or(0);
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= length {
        return text.to_owned();
    }
    let mut end = length;
    if !call.flag(1, "killwords") {
        while end > 0 && !chars[end].is_whitespace() {
            end -= 1;
        }
    }
    let kept: String = chars[..end].iter().collect();
    kept + &call.text(2, "end").unwrap_or_else(|| "...".to_owned())
}

/// Parts without blanks around, and without empty ones.
fn split(text: &str, by: Option<&str>, limit: usize) -> Vec<String> {
    let parts: Vec<&str> = match (by, limit) {
        (Some(by), 0) => text.split(by).collect(),
        (Some(by), limit) => text.splitn(limit, by).collect(),
        (None, 0) => text.split(char::is_whitespace).collect(),
        (None, limit) => text.splitn(limit, char::is_whitespace).collect(),
    };
    let trimmed = parts.into_iter().map(str::trim);
    trimmed
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `URLEncoder.encode`.
fn url_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            other => {
                // Writing into a text does not fail.
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

fn url_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|it| std::str::from_utf8(it).ok())
            .and_then(|it| u8::from_str_radix(it, 16).ok());
        match code {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `String.format` for `%s`, `%d` and `%%`; anything else stays.
fn formatted(text: &str, arguments: &[Value]) -> String {
    let mut out = String::new();
    let mut next = arguments.iter();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('%', Some('%')) => {
                chars.next();
                out.push('%');
            }
            ('%', Some('s' | 'd')) => {
                chars.next();
                out.push_str(&next.next().map(as_text).unwrap_or_default());
            }
            _ => out.push(c),
        }
    }
    out
}

/// A part of the name of a server group: `app-stack-detail-v001`. Source: `FriggaFilter`, Frigga `Names`.
fn frigga(text: &str, call: &Call) -> Filtered {
    let [part] = call.positional.as_slice() else {
        return Err(
            "frigga filter requires 1 arg (the name of the frigga part to return)".to_owned(),
        );
    };
    let (cluster, sequence) = match text.rsplit_once("-v") {
        Some((cluster, digits))
            if (3..=6).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit()) =>
        {
            (cluster, Some(digits))
        }
        _ => (text, None),
    };
    let mut parts = cluster.splitn(3, '-');
    let mut part_of = || parts.next().filter(|it| !it.is_empty());
    let (app, stack, detail) = (part_of(), part_of(), part_of());
    let found = match as_text(part).to_lowercase().as_str() {
        "group" => Some(text.to_owned()),
        "cluster" => Some(cluster.to_owned()),
        "app" => app.map(str::to_owned),
        "stack" => stack.map(str::to_owned),
        "detail" => detail.map(str::to_owned),
        "push" => sequence.map(|digits| format!("v{digits}")),
        "sequence" => {
            let number = sequence.and_then(|digits| digits.parse::<i64>().ok());
            return Ok(number.map_or(Value::Null, Value::from));
        }
        "revision" | "countries" | "devphase" | "hardware" | "partners" | "redblackswap"
        | "usedby" | "zone" => None,
        other => {
            return Err(format!(
                "frigga filter cannot find Frigga method: get{}",
                capitalized(other)
            ));
        }
    };
    Ok(found.map_or(Value::Null, Value::from))
}
