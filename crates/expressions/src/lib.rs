//! Spinnaker's pipeline expressions (`${…}`): Spring's expression language as Spinnaker restricts it.
//!
//! Give it a JSON document, a [`Root`] that lends the data names refer to, and an [`Environment`] with time, zone, seed and
//! the answers to questions about the outside; it gives back the document with its expressions replaced, a summary of
//! what failed, and the [`Lookup`]s it needs before it can say more. The engine calls it inside a decision; the linter and
//! the evaluate endpoints call it to try expressions.
//!
//! It must never read a clock, draw randomness, open anything, or depend on another crate of this system. The same input
//! gives the same bytes. No input makes it panic, hang or overflow the stack: [`Limits`] bound length, nesting, operations,
//! work and the size of results.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod ast;
mod check;
mod env;
mod error;
mod exact;
mod format;
mod functions;
mod machine;
mod methods;
mod objects;
mod parse;
mod regex;
mod root;
mod summary;
mod template;
#[cfg(test)]
mod tests;
mod token;
mod trace;
mod transform;
mod types;
mod value;

use std::fmt;

use serde_json::Value as Json;

pub use check::{Checked, Finding, Known, Severity, check_json, check_text};
pub use env::{Environment, Limits, Lookup, LookupAnswer};
pub use error::Error;
pub use exact::{Exact, with_long_integers};
pub use functions::{FunctionInfo, functions, read_yaml};
pub use regex::{JavaPattern, TooManySteps};
pub use root::{ExecutionView, Root};
pub use summary::{Entry, Level, Summary};
pub use trace::{Origin, Trace, Use};
pub use transform::{Evaluation, evaluate_json, evaluate_text};
pub use value::Data;

/// The zone of dates without one, as [`Environment`] takes it.
pub use jiff::tz::TimeZone;

/// Whether any text in the document, keys included, holds `${`. Looks, and copies nothing.
pub fn contains_expression(value: &Json) -> bool {
    match value {
        Json::String(text) => text.contains("${"),
        Json::Array(items) => items.iter().any(contains_expression),
        Json::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains("${") || contains_expression(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// One expression (without `${` and `}`) as the parser understands it. Its text has all brackets written out.
///
/// Two are equal when they are the same tree, wherever its parts stood.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed(ast::Node);

impl Parsed {
    /// Parses an expression.
    ///
    /// # Errors
    /// The error of the parser, with its position.
    pub fn of(expression: &str, limits: &Limits) -> Result<Self, Error> {
        parse::parse(expression, limits).map(Self)
    }
}

impl fmt::Display for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Roughly the bytes of a document as text.
pub(crate) fn size_of_json(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => 5,
        Json::String(text) => text.len() + 3,
        Json::Array(items) => 2 + items.iter().map(size_of_json).sum::<usize>(),
        Json::Object(map) => {
            2 + map
                .iter()
                .map(|(key, value)| key.len() + 4 + size_of_json(value))
                .sum::<usize>()
        }
    }
}
