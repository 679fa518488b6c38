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
mod document;
mod env;
mod error;
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
mod transform;
mod types;
mod value;

use serde_json::Value as Json;

pub use check::{Checked, Finding, Known, Severity, check_json, check_text};
pub use document::DocumentRoot;
pub use env::{Environment, Limits, Lookup, LookupAnswer};
pub use error::Error;
pub use functions::{FunctionInfo, functions};
pub use root::{ExecutionView, Root};
pub use summary::{Entry, Level, Summary};
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

/// The parsed form of one expression (without `${` and `}`) as text with all brackets written out.
///
/// # Errors
/// The error of the parser, with its position.
pub fn parsed_form(expression: &str, limits: &Limits) -> Result<String, Error> {
    parse::parse(expression, limits).map(|node| node.to_string())
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
