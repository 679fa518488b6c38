//! `java.util.regex`, by a matcher of our own that backtracks as Java's does and counts its steps.
//!
//! No library gives Java's answers: other classes, other line ends, other look-behind, no possessive quantifiers or a
//! matching time that nothing bounds. So a pattern is read with Java's grammar and messages (`parse`), compiled to a
//! small program (`program`) and run (`run`). What Java knows and this does not is refused by name.

mod class;
mod parse;
mod program;
mod run;
mod syntax;

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use program::Program;
use run::{Match, Run};

/// What making one part of a divided text costs.
const PART_STEPS: usize = 8;

/// A compiled Java pattern.
#[derive(Clone)]
pub(crate) struct Pattern(Arc<Program>);

/// The step limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the regular expression takes too many steps")]
pub struct TooManySteps;

/// Longest pattern outside expressions, in characters; inside them Spring's limit is lower.
const PATTERN_CHARS_MAX: usize = 10_000;

/// A pattern of `java.util.regex` outside expressions: one language for all patterns of a pipeline, its triggers and its
/// artifacts.
#[derive(Clone)]
pub struct JavaPattern(Pattern);

impl JavaPattern {
    /// Compiles a pattern (`Pattern.compile`).
    ///
    /// # Errors
    /// What is wrong with it and where, in one line: what Java refuses, what is not known here, or too long a pattern.
    pub fn compile(pattern: &str) -> std::result::Result<Self, String> {
        if pattern.chars().nth(PATTERN_CHARS_MAX).is_some() {
            return Err(format!("it has more than {PATTERN_CHARS_MAX} characters"));
        }
        Pattern::compile(pattern).map(Self).map_err(|error| {
            let message = error.message().unwrap_or_default();
            message.lines().next().unwrap_or_default().to_owned()
        })
    }

    /// Whether it matches the whole text (`Matcher.matches`).
    ///
    /// # Errors
    /// It took more than so many steps; one takes some nanoseconds.
    pub fn is_whole(
        &self,
        text: &str,
        steps_max: usize,
    ) -> std::result::Result<bool, TooManySteps> {
        self.0.matches(text, &mut Steps::new(steps_max))
    }

    /// Whether it matches anywhere in the text (`Matcher.find`).
    ///
    /// # Errors
    /// As [`JavaPattern::is_whole`].
    pub fn is_in(&self, text: &str, steps_max: usize) -> std::result::Result<bool, TooManySteps> {
        let found = Matches::new(&self.0.0, text).next(&mut Steps::new(steps_max))?;
        Ok(found.is_some())
    }
}

impl fmt::Debug for JavaPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JavaPattern").finish_non_exhaustive()
    }
}

/// The steps that one operation may still take.
#[derive(Debug)]
pub(crate) struct Steps {
    most: usize,
    taken: usize,
}

impl Steps {
    pub fn new(most: usize) -> Self {
        Self { most, taken: 0 }
    }

    /// How many were taken.
    pub fn taken(&self) -> usize {
        self.taken
    }

    fn take(&mut self, count: usize) -> std::result::Result<(), TooManySteps> {
        self.taken += count;
        match self.taken > self.most {
            true => Err(TooManySteps),
            false => Ok(()),
        }
    }
}

impl Pattern {
    /// Compiles a Java pattern.
    ///
    /// # Errors
    /// `PatternSyntaxException` for what Java refuses, and for what is not known here.
    pub fn compile(pattern: &str) -> Result<Self> {
        let refused = |text: String, at: Option<usize>| {
            Error::new(
                "java.util.regex.PatternSyntaxException",
                located(&text, at, pattern),
            )
        };
        let tree = parse::parse(pattern).map_err(|error| refused(error.text, error.at))?;
        let program = Program::new(&tree).map_err(|text| refused(text, None))?;
        Ok(Self(Arc::new(program)))
    }

    /// `Matcher.matches`: the whole input.
    pub fn matches(
        &self,
        input: &str,
        steps: &mut Steps,
    ) -> std::result::Result<bool, TooManySteps> {
        Run::new(&self.0, input).whole(steps)
    }

    /// `String.replaceAll` or, with `all` false, `replaceFirst`. `made` learns the size of the result as it grows.
    pub fn replace(
        &self,
        input: &str,
        replacement: &str,
        all: bool,
        steps: &mut Steps,
        made: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<String> {
        let mut out = String::new();
        let mut copied = 0;
        let mut matches = Matches::new(&self.0, input);
        while let Some(found) = matches.next(steps).map_err(|_| too_many())? {
            steps.take(4).map_err(|_| too_many())?;
            out.push_str(&input[copied..found.start()]);
            self.append(&mut out, replacement, input, &found)?;
            made(out.len())?;
            copied = found.end();
            if !all {
                break;
            }
        }
        out.push_str(&input[copied..]);
        Ok(out)
    }

    /// `String.split(regex, limit)`.
    pub fn split(&self, input: &str, limit: i32, steps: &mut Steps) -> Result<Vec<String>> {
        let mut out: Vec<String> = Vec::new();
        let mut from = 0;
        let mut matches = Matches::new(&self.0, input);
        while limit <= 0 || (out.len() as i32) < limit - 1 {
            let Some(found) = matches.next(steps).map_err(|_| too_many())? else {
                break;
            };
            // A match without characters at the very beginning makes no empty first element.
            if found.end() == 0 {
                continue;
            }
            steps.take(PART_STEPS).map_err(|_| too_many())?;
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

    /// `Matcher.appendReplacement`: `$1`, `${name}` and `\x`.
    fn append(
        &self,
        out: &mut String,
        replacement: &str,
        input: &str,
        found: &Match,
    ) -> Result<()> {
        let group = |number: usize| found.group(number).map_or("", |range| &input[range]);
        let mut rest = replacement;
        while let Some(at) = rest.find(['\\', '$']) {
            out.push_str(&rest[..at]);
            let is_escape = rest.as_bytes()[at] == b'\\';
            rest = &rest[at + 1..];
            let Some(next) = rest.chars().next() else {
                return Err(Error::illegal_argument(match is_escape {
                    true => "character to be escaped is missing",
                    false => "Illegal group reference: group index is missing",
                }));
            };
            if is_escape {
                out.push(next);
                rest = &rest[next.len_utf8()..];
                continue;
            }
            if next == '{' {
                let Some(end) = rest.find('}') else {
                    return Err(Error::illegal_argument(
                        "named capturing group is missing trailing '}'",
                    ));
                };
                let name = &rest[1..end];
                let number = self.0.names.iter().find(|(known, _)| known == name);
                let Some((_, number)) = number else {
                    return Err(Error::illegal_argument(format!(
                        "No group with name {{{name}}}"
                    )));
                };
                out.push_str(group(*number));
                rest = &rest[end + 1..];
                continue;
            }
            let Some(first) = next.to_digit(10) else {
                return Err(Error::illegal_argument("Illegal group reference"));
            };
            let mut number = first as usize;
            if number > self.0.groups {
                let text = format!("No group {number}");
                return Err(Error::new("java.lang.IndexOutOfBoundsException", text));
            }
            rest = &rest[1..];
            while let Some(digit) = rest.chars().next().and_then(|c| c.to_digit(10)) {
                let longer = number * 10 + digit as usize;
                if longer > self.0.groups {
                    break;
                }
                number = longer;
                rest = &rest[1..];
            }
            out.push_str(group(number));
        }
        out.push_str(rest);
        Ok(())
    }
}

/// The matches of an input one after another (`Matcher.find`).
struct Matches<'p, 'i> {
    run: Run<'p, 'i>,
    from: Option<usize>,
}

impl<'p, 'i> Matches<'p, 'i> {
    fn new(program: &'p Program, input: &'i str) -> Self {
        Self {
            run: Run::new(program, input),
            from: Some(0),
        }
    }

    fn next(&mut self, steps: &mut Steps) -> std::result::Result<Option<Match>, TooManySteps> {
        let Some(from) = self.from else {
            return Ok(None);
        };
        let found = self.run.find(from, steps)?;
        self.from = found.as_ref().and_then(|found| {
            if found.end() > found.start() {
                return Some(found.end());
            }
            // After a match without characters the search goes on behind the next one.
            let next = self.run.after(found.end())?;
            Some(next)
        });
        Ok(found)
    }
}

/// `PatternSyntaxException.getMessage`: the index, the pattern, and a mark below the place.
fn located(text: &str, at: Option<usize>, pattern: &str) -> String {
    let Some(at) = at else {
        return format!("{text}\n{pattern}");
    };
    let mark = if at < pattern.encode_utf16().count() {
        format!("\n{}^", " ".repeat(at))
    } else {
        String::new()
    };
    format!("{text} near index {at}\n{pattern}{mark}")
}

/// The error of methods that take patterns; the operator `matches` has one of its own.
pub(crate) fn too_many() -> Error {
    Error::new(
        crate::error::ILLEGAL_STATE,
        "the regular expression takes too many steps",
    )
}
