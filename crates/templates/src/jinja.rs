//! The part of Jinja that templates are written in, with the results of Jinjava.
//!
//! Our own and no library: minijinja knows neither tags of a host (`{% module %}`) nor Jinjava's expressions (`&&`, `?:`, Java's
//! methods, a value that is null as a whole is an error), and writes lists as JSON where templates count on Java's text being
//! read again as YAML.
//!
//! | module | what it does |
//! |---|---|
//! | `scan`, `tree` | a text to its parts, and those to a tree |
//! | `token`, `parse`, `ast` | expressions |
//! | `interpret` | walks the tree, prints |
//! | `evaluate`, `operators` | expressions to values |
//! | `filters`, `trials`, `methods`, `calls` | what expressions can call |
//! | `module` | the tags of Orca |
//!
//! No date functions, nothing random, no `import`. Every step is counted (see [`crate::render::Renderer::charge`]); nesting is
//! bounded where it is parsed.

mod ast;
mod calls;
mod evaluate;
mod filters;
mod interpret;
mod methods;
mod module;
mod operators;
mod parse;
mod scan;
#[cfg(test)]
mod tests;
mod token;
mod tree;
mod trials;

use crate::problem::{Halt, Problem};

pub(crate) use interpret::Interpreter;

/// Why a text cannot be rendered.
#[derive(Debug)]
pub(crate) enum Fault {
    /// An expression has no value.
    Unknown {
        /// The whole expression.
        expression: String,
        line: usize,
    },
    /// It is no Jinja.
    Syntax {
        code: String,
        message: String,
        line: usize,
    },
    /// Evaluation failed; what it comes from stands below.
    Failed {
        message: String,
        line: usize,
        nested: Vec<Problem>,
    },
    /// Rendering does not go on at all.
    Halt(Halt),
}

/// How `UnknownTokenException` says what it did not know.
const UNKNOWN: &str = "UnknownTokenException: Unknown token found: ";

impl Fault {
    fn syntax(code: &str, message: &str, line: usize) -> Self {
        Self::Syntax {
            code: code.to_owned(),
            message: message.to_owned(),
            line,
        }
    }

    /// Whether what is unknown may be one of these variables, which are null. Source: `JinjaRenderer.render`.
    pub(crate) fn is_about_null<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> bool {
        let Self::Unknown { expression, .. } = self else {
            return false;
        };
        let text = format!("{UNKNOWN}{expression}");
        let text = text.strip_prefix("UnknownTokenException").unwrap_or(&text);
        let passed = text
            .find(|it: char| {
                !(it == ':'
                    || it == '+'
                    || it == '_'
                    || it.is_ascii_alphanumeric()
                    || it.is_whitespace())
            })
            .unwrap_or(text.len());
        names.any(|name| {
            !name.is_empty()
                && text
                    .match_indices(name)
                    .any(|(place, _)| place > 0 && place <= passed)
        })
    }

    /// As the problem that planning reports. Source: `JinjaRenderer.unwrapJinjaTemplateErrorException`.
    pub(crate) fn into_halt(self, location: &str) -> Halt {
        let told = |message: String, line: usize, reason: &str| {
            let problem = Problem::new(message)
                .at(location)
                .with_detail("reason", reason);
            match line {
                0 => problem,
                line => problem.with_detail("lineno", line.to_string()),
            }
        };
        let problem = match self {
            Self::Halt(halt) => return halt,
            Self::Unknown { expression, line } => {
                told(format!("{UNKNOWN}{expression}"), line, "SYNTAX_ERROR")
            }
            Self::Syntax {
                code,
                message,
                line,
            } => {
                let message = format!("Syntax error in '{code}': {message}");
                told(message, line, "SYNTAX_ERROR").with_detail("fieldName", code)
            }
            Self::Failed {
                message,
                line,
                nested,
            } => {
                let reason = match nested.is_empty() {
                    true => "EXCEPTION",
                    false => "SYNTAX_ERROR",
                };
                told(message, line, reason).holding(nested)
            }
        };
        Halt::Render(vec![problem])
    }
}
