//! What planning finds wrong, in the shape that clients of Orca know (reference 9.2).
//!
//! Source: orca `Errors`, `TemplateRenderException`, `PipelineTemplateErrorHandler`.

use std::collections::BTreeMap;

use gennaker_model::Map;
use serde_json::{Value, json};

use crate::{java, need::Need};

/// Most errors below one error; a deeper one is cut.
const NESTING_MAX: usize = 8;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The pipeline cannot run.
    Fatal,
    /// It can, and a plan says so.
    Warn,
}

/// One thing that is wrong with a template or a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong; the texts that have no cause of ours are Orca's.
    pub message: String,
    /// Where: `template:stages.wait`, `configuration:pipeline.application`.
    pub location: Option<Box<str>>,
    /// Why.
    pub cause: Option<Box<str>>,
    /// What would help.
    pub suggestion: Option<Box<str>>,
    /// More about it, for example the line of a text.
    pub details: BTreeMap<String, String>,
    /// What it comes from.
    pub nested: Box<[Problem]>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Fatal,
            message: message.into(),
            location: None,
            cause: None,
            suggestion: None,
            details: BTreeMap::new(),
            nested: Box::default(),
        }
    }

    /// A configuration that makes no sense. Source: `IllegalTemplateConfigurationException`.
    pub(crate) fn malformed(cause: impl Into<String>) -> Self {
        Self::new("malformed template configuration").because(cause)
    }

    /// A template that cannot be had, or is none. Source: `TemplateLoaderException`.
    pub(crate) fn loading(cause: impl Into<String>) -> Self {
        Self::new("failed loading template").because(cause)
    }

    /// Something that nobody foresaw, or that takes too much.
    pub(crate) fn unexpected(cause: impl Into<String>) -> Self {
        Self::new("unexpected error").because(cause)
    }

    pub(crate) fn warning(mut self) -> Self {
        self.severity = Severity::Warn;
        self
    }

    pub(crate) fn at(mut self, location: impl Into<String>) -> Self {
        self.location = Some(location.into().into_boxed_str());
        self
    }

    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into().into_boxed_str());
        self
    }

    pub(crate) fn suggesting(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into().into_boxed_str());
        self
    }

    pub(crate) fn with_detail(mut self, key: &str, value: impl Into<String>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    pub(crate) fn holding(mut self, nested: Vec<Self>) -> Self {
        self.nested = nested.into_boxed_slice();
        self
    }

    /// As Orca's API shows it: what is empty is left out.
    #[must_use]
    pub fn to_value(&self) -> Value {
        self.shown(NESTING_MAX)
    }

    fn shown(&self, left: usize) -> Value {
        let mut shown = Map::new();
        let severity = match self.severity {
            Severity::Fatal => "FATAL",
            Severity::Warn => "WARN",
        };
        shown.insert("severity".to_owned(), severity.into());
        shown.insert("message".to_owned(), self.message.clone().into());
        for (key, text) in [
            ("location", &self.location),
            ("cause", &self.cause),
            ("suggestion", &self.suggestion),
        ] {
            if let Some(text) = text {
                shown.insert(key.to_owned(), Value::from(&**text));
            }
        }
        if !self.details.is_empty() {
            shown.insert("details".to_owned(), json!(self.details));
        }
        if !self.nested.is_empty() && left > 0 {
            let nested: Vec<Value> = self.nested.iter().map(|it| it.shown(left - 1)).collect();
            shown.insert("nestedErrors".to_owned(), nested.into());
        }
        Value::Object(shown)
    }
}

/// Whether any of them stops the pipeline. For a plan, warnings do, too.
pub(crate) fn stops(problems: &[Problem], plan: bool) -> bool {
    problems
        .iter()
        .any(|it| plan || it.severity == Severity::Fatal)
}

/// What the execution that records a refused start says after `Failed on startup: `: the problems, a line for each of their
/// fields. Source: orca `ExecutionLauncher.handleStartupFailure`.
#[must_use]
pub fn reason(problems: &[Problem]) -> String {
    let written: Vec<Value> = problems.iter().map(Problem::to_value).collect();
    reason_of(&written)
}

/// The same of problems as clients know them: somebody else has planned the pipeline, and sent what came of it.
#[must_use]
pub fn reason_of(written: &[Value]) -> String {
    let mut text = crate::INVALID.to_owned();
    for problem in written {
        if let Value::Object(fields) = problem {
            for (key, value) in fields.iter().filter(|(key, _)| *key != "severity") {
                text.push_str("\n\n");
                text.push_str(&capitalized(key));
                text.push_str(": ");
                text.push_str(&java::text(value));
            }
        }
    }
    text
}

fn capitalized(key: &str) -> String {
    let mut chars = key.chars();
    let first = chars.next().map(|it| it.to_ascii_uppercase());
    first
        .into_iter()
        .chain(chars.map(|it| it.to_ascii_lowercase()))
        .collect()
}

/// Why an expansion does not go on.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Something must be known first.
    Needs(Need),
    /// A text could not be rendered: whoever asked for it says where it stands, and puts these below.
    Render(Vec<Problem>),
    /// Anything else that is wrong.
    Wrong(Vec<Problem>),
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Self::Wrong(vec![problem])
    }
}

impl Halt {
    /// Puts what could not be rendered below `outer`. Source: `TemplateRenderException.fromError`.
    pub(crate) fn within(self, outer: impl FnOnce() -> Problem) -> Self {
        match self {
            Self::Render(nested) => Self::Render(vec![outer().holding(nested)]),
            Self::Needs(_) | Self::Wrong(_) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_shown_as_orca_shows_them() {
        let inner = Problem::new("inner").with_detail("lineno", "2");
        let problem = Problem::new("outer")
            .at("template:stages.a")
            .holding(vec![inner.warning()]);
        assert_eq!(
            problem.to_value(),
            json!({"severity": "FATAL", "message": "outer", "location": "template:stages.a", "nestedErrors": [
                {"severity": "WARN", "message": "inner", "details": {"lineno": "2"}}]})
        );
        assert_eq!(
            reason(&[problem]),
            "Pipeline template is invalid\n\nMessage: outer\n\nLocation: template:stages.a\n\n\
             Nestederrors: [{severity=WARN, message=inner, details={lineno=2}}]"
        );
    }

    #[test]
    fn a_warning_stops_only_a_plan() {
        let warnings = [Problem::new("w").warning()];
        assert!(stops(&warnings, true) && !stops(&warnings, false));
        assert!(stops(&[Problem::new("f")], false));
    }
}
