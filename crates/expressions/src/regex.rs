//! `java.util.regex` on top of a Rust engine: patterns are translated, and what has no equal is refused.

mod translate;

use fancy_regex::{Regex, RegexBuilder};

use crate::error::{Error, Result};

/// Bytes of one compiled automaton.
const COMPILED_MAX: usize = 1 << 20;

/// A compiled Java pattern.
pub(crate) struct Pattern {
    search: Regex,
    whole: Regex,
}

/// The step limit was reached.
#[derive(Debug)]
pub(crate) struct TooManySteps;

impl Pattern {
    /// Compiles a Java pattern.
    ///
    /// # Errors
    /// `PatternSyntaxException` for what Java refuses, and for what has no equal here.
    pub fn compile(pattern: &str, steps_max: usize) -> Result<Self> {
        let translated = translate::translate(pattern)
            .map_err(|reason| syntax(&located(&reason.text, reason.at, pattern)))?;
        let build = |text: &str| {
            RegexBuilder::new(text)
                .backtrack_limit(steps_max)
                .delegate_size_limit(COMPILED_MAX)
                .build()
                .map_err(|error| syntax(&format!("{error} near index 0\n{pattern}")))
        };
        Ok(Self {
            search: build(&translated)?,
            whole: build(&format!("\\A(?:{translated})\\z"))?,
        })
    }

    /// `Matcher.matches`: the whole input.
    pub fn matches(&self, input: &str) -> std::result::Result<bool, TooManySteps> {
        self.whole.is_match(input).map_err(|_| TooManySteps)
    }

    /// `String.replaceAll` or, with `all` false, `replaceFirst`.
    pub fn replace(&self, input: &str, replacement: &str, all: bool) -> Result<String> {
        let mut out = String::new();
        let mut copied = 0;
        let mut at = 0;
        while at <= input.len() {
            let Some(captures) = self
                .search
                .captures_from_pos(input, at)
                .map_err(|_| steps())?
            else {
                break;
            };
            let Some(found) = captures.get(0) else { break };
            out.push_str(&input[copied..found.start()]);
            append(&mut out, replacement, &captures)?;
            copied = found.end();
            if !all {
                break;
            }
            at = next_place(input, found.start(), found.end());
        }
        out.push_str(&input[copied..]);
        Ok(out)
    }

    /// `String.split(regex, limit)`.
    pub fn split(&self, input: &str, limit: i32) -> Result<Vec<String>> {
        let mut out = Vec::new();
        let mut from = 0;
        let mut at = 0;
        while at <= input.len() {
            if limit > 0 && out.len() as i32 == limit - 1 {
                break;
            }
            let Some(found) = self.search.find_from_pos(input, at).map_err(|_| steps())? else {
                break;
            };
            at = next_place(input, found.start(), found.end());
            // A match without characters at the very beginning makes no empty first element.
            if found.end() == 0 {
                continue;
            }
            out.push(input[from..found.start()].to_owned());
            from = found.end();
        }
        if out.is_empty() {
            return Ok(vec![input.to_owned()]);
        }
        out.push(input[from..].to_owned());
        if limit == 0 {
            while out.last().is_some_and(String::is_empty) {
                out.pop();
            }
        }
        Ok(out)
    }
}

/// Where the search goes on after a match.
fn next_place(input: &str, start: usize, end: usize) -> usize {
    if end > start {
        return end;
    }
    end + input[end..].chars().next().map_or(1, char::len_utf8)
}

/// `Matcher.appendReplacement`: `$1`, `${name}` and `\x`.
fn append(
    out: &mut String,
    replacement: &str,
    captures: &fancy_regex::Captures<'_, str>,
) -> Result<()> {
    let mut chars = replacement.char_indices().peekable();
    while let Some((_, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, next)) => out.push(next),
                None => {
                    return Err(Error::illegal_argument(
                        "character to be escaped is missing",
                    ));
                }
            },
            '$' => match chars.next() {
                None => {
                    return Err(Error::illegal_argument(
                        "Illegal group reference: group index is missing",
                    ));
                }
                Some((at, '{')) => {
                    let rest = &replacement[at + 1..];
                    let Some(end) = rest.find('}') else {
                        return Err(Error::illegal_argument(
                            "named capturing group is missing trailing '}'",
                        ));
                    };
                    let name = &rest[..end];
                    let Some(group) = captures.name(name) else {
                        return Err(Error::illegal_argument(format!(
                            "No group with name {{{name}}}"
                        )));
                    };
                    out.push_str(group.as_str());
                    for _ in 0..=name.chars().count() {
                        chars.next();
                    }
                }
                Some((_, first)) => {
                    let Some(mut group) = first.to_digit(10).map(|digit| digit as usize) else {
                        return Err(Error::illegal_argument("Illegal group reference"));
                    };
                    if group >= captures.len() {
                        let text = format!("No group {group}");
                        return Err(Error::new("java.lang.IndexOutOfBoundsException", text));
                    }
                    while let Some(digit) = chars.peek().and_then(|(_, c)| c.to_digit(10)) {
                        let longer = group * 10 + digit as usize;
                        if longer >= captures.len() {
                            break;
                        }
                        group = longer;
                        chars.next();
                    }
                    out.push_str(captures.get(group).map_or("", |found| found.as_str()));
                }
            },
            c => out.push(c),
        }
    }
    Ok(())
}

/// `PatternSyntaxException.getMessage`: the index, the pattern, and a mark below the place.
fn located(text: &str, at: Option<usize>, pattern: &str) -> String {
    let Some(at) = at else {
        return format!("{text}\n{pattern}");
    };
    let mark = if at < pattern.chars().count() {
        format!("\n{}^", " ".repeat(at))
    } else {
        String::new()
    };
    format!("{text} near index {at}\n{pattern}{mark}")
}

fn syntax(text: &str) -> Error {
    Error::new("java.util.regex.PatternSyntaxException", text)
}

fn steps() -> Error {
    Error::new(
        crate::error::ILLEGAL_STATE,
        "the regular expression takes too many steps",
    )
}
