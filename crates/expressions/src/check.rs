//! Looks at expressions without evaluating them: what cannot be parsed, which names do not exist.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value as Json;

use crate::ast::{Expr, Node};
use crate::env::Limits;
use crate::functions::functions;
use crate::parse;
use crate::template::{self, Part};
use crate::types::known as classes;

/// What the checker may take for granted about the pipeline.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Names and ids of stages; when empty, stage names are not checked.
    pub stages: BTreeSet<String>,
    /// Names of parameters; nothing when they are not known.
    pub parameters: Option<BTreeSet<String>>,
    /// Reference ids of stages; when empty, they are not checked.
    pub ref_ids: BTreeSet<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The expression will stay as text.
    Error,
    /// It may be meant otherwise.
    Warning,
}

/// Findings of a document after which no more alike names are looked for, which is what costs time.
const SUGGESTIONS_MAX: usize = 100;

/// Characters of a name that are compared with those of another.
const COMPARED_CHARS_MAX: usize = 48;

/// One thing to tell the author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Where the text stands, as a JSON pointer; empty for a single text.
    pub pointer: String,
    /// Byte offset in the text.
    pub position: usize,
    /// Severity.
    pub severity: Severity,
    /// The `ELnnnnE` code, when the original would give one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What is wrong.
    pub message: String,
    /// A name that exists and looks alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// What a check saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Number of expressions.
    pub expressions: usize,
    /// What to tell the author, in document order.
    pub findings: Vec<Finding>,
}

/// Checks every text of a document, keys included.
pub fn check_json(value: &Json, known: &Known, limits: &Limits) -> Checked {
    let mut checked = Checked::default();
    walk(value, &mut String::new(), known, limits, &mut checked, 0);
    checked
}

/// Checks one text.
pub fn check_text(text: &str, known: &Known, limits: &Limits) -> Checked {
    let mut checked = Checked::default();
    check(text, "", known, limits, &mut checked);
    checked
}

fn walk(
    value: &Json,
    pointer: &mut String,
    known: &Known,
    limits: &Limits,
    out: &mut Checked,
    depth: u32,
) {
    let length = pointer.len();
    match value {
        Json::String(text) => check(text, pointer, known, limits, out),
        Json::Array(items) if depth < 200 => {
            for (at, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{at}"));
                walk(item, pointer, known, limits, out, depth + 1);
                pointer.truncate(length);
            }
        }
        Json::Object(map) if depth < 200 => {
            for (key, value) in map {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                check(key, pointer, known, limits, out);
                walk(value, pointer, known, limits, out, depth + 1);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

fn check(text: &str, pointer: &str, known: &Known, limits: &Limits, out: &mut Checked) {
    if !text.contains("${") {
        return;
    }
    let failed = |error: &crate::Error, shift: usize| Finding {
        pointer: pointer.to_owned(),
        position: error.position().unwrap_or(0) + shift,
        severity: Severity::Error,
        code: error.code().map(str::to_owned),
        message: error.description(),
        suggestion: None,
    };
    let parts = match template::split(text) {
        Ok(parts) => parts,
        Err(error) => {
            out.expressions += 1;
            out.findings.push(failed(&error, 0));
            return;
        }
    };
    for part in parts {
        let Part::Expression(expression, at) = part else {
            continue;
        };
        out.expressions += 1;
        match parse::parse(expression, limits) {
            Err(error) => out.findings.push(failed(&error, at)),
            Ok(node) => {
                let mut visitor = Visitor {
                    known,
                    findings: Vec::new(),
                    text: expression,
                    suggests: out.findings.len() < SUGGESTIONS_MAX,
                };
                visitor.visit(&node);
                out.findings
                    .extend(visitor.findings.into_iter().map(|finding| Finding {
                        pointer: pointer.to_owned(),
                        position: finding.position + at,
                        ..finding
                    }));
            }
        }
    }
}

struct Visitor<'k> {
    known: &'k Known,
    findings: Vec<Finding>,
    text: &'k str,
    suggests: bool,
}

impl Visitor<'_> {
    fn find(
        &mut self,
        position: usize,
        severity: Severity,
        code: Option<&str>,
        message: String,
        suggestion: Option<String>,
    ) {
        let code = code.map(str::to_owned);
        self.findings.push(Finding {
            pointer: String::new(),
            position,
            severity,
            code,
            message,
            suggestion,
        });
    }

    fn nearest<'n>(&self, wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
        self.suggests.then(|| nearest(wanted, names)).flatten()
    }

    fn visit(&mut self, node: &Node) {
        match &node.expr {
            Expr::Function { name, args } => {
                self.function(node.at, name, args);
                args.iter().for_each(|arg| self.visit(arg));
            }
            Expr::Method { args, .. } => args.iter().for_each(|arg| self.visit(arg)),
            Expr::New { pieces, args } => {
                self.class(node.at, &pieces.join("."), "EL1003E");
                args.iter().for_each(|arg| self.visit(arg));
            }
            Expr::Type { pieces, .. } => self.class(node.at, &pieces.join("."), "EL1021E"),
            Expr::NewArray {
                dimensions,
                initial,
                ..
            } => {
                dimensions
                    .iter()
                    .flatten()
                    .for_each(|size| self.visit(size));
                initial.iter().for_each(|list| self.visit(list));
            }
            Expr::Index { index: inner, .. }
            | Expr::Project { body: inner, .. }
            | Expr::Select { test: inner, .. } => {
                self.visit(inner);
            }
            Expr::List(items) | Expr::Or(items) | Expr::And(items) => {
                items.iter().for_each(|item| self.visit(item))
            }
            Expr::Map(entries) => entries.iter().for_each(|(key, value)| {
                self.visit(key);
                self.visit(value);
            }),
            Expr::Compound(parts) => {
                self.parameter(parts);
                parts.iter().for_each(|part| self.visit(part));
            }
            Expr::Chain { first, rest } => {
                self.visit(first);
                rest.iter().for_each(|(.., operand)| self.visit(operand));
            }
            Expr::Compare { left, right, .. } | Expr::Power(left, right) => {
                self.visit(left);
                self.visit(right);
            }
            Expr::Elvis(left, right) | Expr::Assign(left, right) => {
                self.visit(left);
                self.visit(right);
            }
            Expr::Ternary(test, yes, no) => [test, yes, no]
                .into_iter()
                .for_each(|part| self.visit(part)),
            Expr::Unary(_, operand) | Expr::Step { operand, .. } => self.visit(operand),
            Expr::Bean(name) => {
                let message = format!("there are no beans here: '@{name}'");
                self.find(node.at, Severity::Error, Some("EL1057E"), message, None);
            }
            Expr::Null
            | Expr::Bool(_)
            | Expr::Int(_)
            | Expr::Long(_)
            | Expr::Float(_)
            | Expr::Double(_)
            | Expr::Text(_)
            | Expr::Name { .. }
            | Expr::Variable(_) => {}
        }
    }

    fn class(&mut self, at: usize, name: &str, refused: &str) {
        let lower = !name.contains('.') && name.starts_with(|c: char| c.is_lowercase());
        if classes::allowed(name).is_some() || lower && classes::is_primitive(name) {
            return;
        }
        let suggestion = self
            .nearest(
                name,
                classes::ALLOWED
                    .iter()
                    .map(|class| class.strip_prefix("java.lang.").unwrap_or(class)),
            )
            .or_else(|| {
                classes::ALLOWED
                    .iter()
                    .find(|class| class.rsplit('.').next() == Some(name))
                    .map(|c| (*c).to_owned())
            });
        let (code, message) = match classes::exists(name) {
            true => (
                refused,
                format!("the class '{name}' is not allowed in expressions"),
            ),
            false => (
                "EL1005E",
                format!("there is no class '{name}', or it needs its package"),
            ),
        };
        self.find(at, Severity::Error, Some(code), message, suggestion);
    }

    fn function(&mut self, at: usize, name: &str, args: &[Node]) {
        let Some(info) = functions().find(|info| info.name == name) else {
            let suggestion = self.nearest(name, functions().map(|info| info.name));
            self.find(
                at,
                Severity::Error,
                Some("EL1006E"),
                format!("there is no function '#{name}'"),
                suggestion,
            );
            return;
        };
        if info.execution_aware && !self.text[at..].starts_with(&format!("#{name}(")) {
            let message = format!("'#{name}' must be followed by '(' at once");
            self.find(
                at,
                Severity::Error,
                Some("EL1014E"),
                message,
                Some(format!("#{name}(")),
            );
        }
        if !info.variadic && args.len() != info.arguments.len() {
            let wanted = info.arguments.len();
            let message = format!("'#{name}' takes {wanted} arguments and gets {}", args.len());
            self.find(at, Severity::Error, Some("EL1014E"), message, None);
            return;
        }
        let Some(Node {
            expr: Expr::Text(given),
            at: place,
        }) = args.first()
        else {
            return;
        };
        let (names, what, severity) = match name {
            "stage" => (&self.known.stages, "stage", Severity::Error),
            "stageExists" | "judgment" | "judgement" => {
                (&self.known.stages, "stage", Severity::Warning)
            }
            "stageByRefId" => (&self.known.ref_ids, "stage with refId", Severity::Error),
            _ => return,
        };
        if names.is_empty() || names.contains(&**given) {
            return;
        }
        let suggestion = self.nearest(given, names.iter().map(String::as_str));
        let message = format!("there is no {what} '{given}'");
        self.find(*place, severity, None, message, suggestion);
    }

    /// `parameters.name` and `parameters['name']`
    fn parameter(&mut self, parts: &[Node]) {
        let Some(names) = &self.known.parameters else {
            return;
        };
        let [
            Node {
                expr: Expr::Name { name: first, .. },
                ..
            },
            second,
            ..,
        ] = parts
        else {
            return;
        };
        if first != "parameters" {
            return;
        }
        let (name, at) = match &second.expr {
            Expr::Name { name, .. } => (name.as_str(), second.at),
            Expr::Index { index, .. } => match &index.expr {
                Expr::Text(name) => (&**name, index.at),
                Expr::Name { name, .. } => (name.as_str(), index.at),
                _ => return,
            },
            _ => return,
        };
        if names.contains(name) {
            return;
        }
        let suggestion = self.nearest(name, names.iter().map(String::as_str));
        let message = format!("the pipeline has no parameter '{name}'");
        self.find(at, Severity::Warning, None, message, suggestion);
    }
}

/// The name with the fewest edits, if few enough that it may be meant.
fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let letters = |name: &str| -> Vec<char> {
        name.to_lowercase()
            .chars()
            .take(COMPARED_CHARS_MAX)
            .collect()
    };
    let wanted = letters(wanted);
    if wanted.len() < 3 {
        // Short names are all alike.
        return None;
    }
    let most = (wanted.len() / 3).clamp(1, 4);
    names
        .map(|name| (letters(name), name))
        .filter(|(letters, _)| letters.len().abs_diff(wanted.len()) <= most)
        .map(|(letters, name)| (distance(&wanted, &letters), name))
        .filter(|(edits, _)| *edits <= most)
        .min()
        .map(|(_, name)| name.to_owned())
}

/// Edits between two words; two neighbours in the wrong order count as one.
fn distance(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut rows = vec![0usize; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i * width + j] = if i == 0 || j == 0 {
                i + j
            } else {
                let cost = usize::from(a[i - 1] != b[j - 1]);
                let mut best = (rows[(i - 1) * width + j] + 1)
                    .min(rows[i * width + j - 1] + 1)
                    .min(rows[(i - 1) * width + j - 1] + cost);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[(i - 2) * width + j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len() * width + b.len()]
}
