//! Parts of a text as a tree: what stands between a tag and its end is below it.
//!
//! Source: Jinjava `TreeParser` and its tags. `import`, `include` and `from` are disabled, as in Orca.

use std::rc::Rc;

use super::{
    Fault,
    ast::Ast,
    parse::{Unparsed, parse},
    scan::{Part, parts},
};

/// Deepest nesting of tags.
const DEPTH_MAX: usize = 60;

/// An expression, parsed when the text was: what is wrong with it shows only when it is evaluated.
#[derive(Debug)]
pub(super) struct Expression {
    pub source: String,
    pub parsed: Result<Ast, Unparsed>,
}

/// A list of nodes that macros share.
pub(super) type Body = Rc<Vec<Node>>;

/// One node and its line.
#[derive(Debug)]
pub(super) struct Node {
    pub line: usize,
    pub kind: Kind,
}

/// What a node does.
#[derive(Debug)]
pub(super) enum Kind {
    Text(String),
    Output(Expression),
    /// Conditions in order; one without a condition is `else`.
    If(Vec<(Option<Condition>, Body)>),
    For {
        names: Vec<String>,
        over: Expression,
        body: Body,
    },
    Set {
        names: Vec<String>,
        values: Expression,
    },
    /// A block that becomes a variable; the expression filters it.
    SetBlock {
        name: String,
        filtered: Option<Expression>,
        body: Body,
    },
    Macro(Rc<Macro>),
    /// Evaluated, and its value dropped or printed.
    Do(Expression),
    Block(Body),
    Break,
    Continue,
    /// `{% module … %}`, with the whole tag as it was written.
    Module {
        helpers: String,
        image: String,
    },
    /// `{% pipelineid … %}` and `{% strategyid … %}`.
    IdOf {
        strategy: bool,
        helpers: String,
        image: String,
    },
    /// What is wrong with this tag, told when it is reached.
    Wrong {
        code: String,
        message: String,
    },
}

/// A condition, and whether it must not hold.
#[derive(Debug)]
pub(super) struct Condition {
    pub expression: Expression,
    pub negated: bool,
}

/// `{% macro name(a, b=1) %}`.
#[derive(Debug)]
pub(super) struct Macro {
    pub name: String,
    pub parameters: Vec<(String, Option<Expression>)>,
    pub body: Body,
}

/// The tree of a text.
///
/// # Errors
/// A tag without its end, an end without its tag, or tags that are nested too deep.
pub(super) fn tree(text: &str) -> Result<Vec<Node>, Fault> {
    let parts = parts(text);
    let mut builder = Builder {
        parts: &parts,
        at: 0,
        depth: 0,
    };
    let (nodes, ended) = builder.nodes(&[])?;
    match ended {
        None => Ok(nodes),
        Some(end) => Err(Fault::syntax(
            end.image,
            &format!("Unexpected end tag: {}", end.name),
            end.line,
        )),
    }
}

struct Builder<'b, 't> {
    parts: &'b [Part<'t>],
    at: usize,
    depth: usize,
}

/// The tag that ended a body.
#[derive(Clone, Copy)]
struct End<'t> {
    name: &'t str,
    helpers: &'t str,
    image: &'t str,
    line: usize,
}

impl<'t> Builder<'_, 't> {
    /// Nodes up to one of these tags, or to any end.
    fn nodes(&mut self, until: &[&str]) -> Result<(Vec<Node>, Option<End<'t>>), Fault> {
        let mut nodes = Vec::new();
        while let Some(part) = self.parts.get(self.at) {
            self.at += 1;
            match *part {
                Part::Text(text) => nodes.push(Node {
                    line: 0,
                    kind: Kind::Text(text.to_owned()),
                }),
                Part::Output { source, line } => nodes.push(Node {
                    line,
                    kind: Kind::Output(expression(source)),
                }),
                Part::Tag {
                    name,
                    helpers,
                    image,
                    line,
                } => {
                    let end = End {
                        name,
                        helpers,
                        image,
                        line,
                    };
                    let word = name.to_lowercase();
                    if until.contains(&word.as_str()) || word.starts_with("end") {
                        return Ok((nodes, Some(end)));
                    }
                    let kind = self.tag(&word, end)?;
                    nodes.push(Node { line, kind });
                }
            }
        }
        Ok((nodes, None))
    }

    fn body(&mut self, open: End<'t>, end: &str) -> Result<Body, Fault> {
        let (nodes, ended) = self.below(&[end], open)?;
        match ended {
            Some(it) if it.name.eq_ignore_ascii_case(end) => Ok(Rc::new(nodes)),
            _ => Err(missing(open, end)),
        }
    }

    fn below(
        &mut self,
        until: &[&str],
        open: End<'t>,
    ) -> Result<(Vec<Node>, Option<End<'t>>), Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let message = format!("tags are nested deeper than {DEPTH_MAX}");
            return Err(Fault::syntax(open.image, &message, open.line));
        }
        let found = self.nodes(until);
        self.depth -= 1;
        found
    }

    fn tag(&mut self, word: &str, tag: End<'t>) -> Result<Kind, Fault> {
        let helpers = tag.helpers;
        let wrong = |message: &str| Kind::Wrong {
            code: tag.image.to_owned(),
            message: message.to_owned(),
        };
        Ok(match word {
            "if" | "unless" => self.conditions(tag, word == "unless")?,
            "for" => {
                let body = self.body(tag, "endfor")?;
                match loop_of(helpers) {
                    Some((names, over)) => Kind::For {
                        names,
                        over: expression(over),
                        body,
                    },
                    None => wrong(&format!(
                        "Tag 'for' expects valid 'in' clause, got: {helpers}"
                    )),
                }
            }
            "set" => match helpers.split_once('=') {
                Some((names, values)) => Kind::Set {
                    names: names.split(',').map(|it| it.trim().to_owned()).collect(),
                    values: expression(values),
                },
                None => {
                    let body = self.body(tag, "endset")?;
                    let name = helpers.split('|').next().unwrap_or_default();
                    Kind::SetBlock {
                        name: name.trim().to_owned(),
                        filtered: helpers.contains('|').then(|| expression(helpers)),
                        body,
                    }
                }
            },
            "macro" => {
                let body = self.body(tag, "endmacro")?;
                match macro_of(helpers, body) {
                    Some(found) => Kind::Macro(Rc::new(found)),
                    None => wrong(&format!("Unable to parse macro definition: {helpers}")),
                }
            }
            "block" => Kind::Block(self.body(tag, "endblock")?),
            "autoescape" => Kind::Block(self.body(tag, "endautoescape")?),
            "do" => Kind::Do(expression(helpers)),
            "print" => Kind::Output(expression(helpers)),
            "break" => Kind::Break,
            "continue" => Kind::Continue,
            "module" => Kind::Module {
                helpers: helpers.to_owned(),
                image: tag.image.to_owned(),
            },
            "pipelineid" | "strategyid" => Kind::IdOf {
                strategy: word == "strategyid",
                helpers: helpers.to_owned(),
                image: tag.image.to_owned(),
            },
            "import" | "include" | "from" => {
                wrong(&format!("'{word}' is disabled in this context"))
            }
            "else" | "elif" | "elseif" => wrong(&format!("'{word}' stands outside of an 'if'")),
            _ => wrong(&format!("Unknown tag: {}", tag.name)),
        })
    }

    fn conditions(&mut self, open: End<'t>, unless: bool) -> Result<Kind, Fault> {
        let end = if unless { "endunless" } else { "endif" };
        let until = ["elif", "elseif", "else", end];
        let mut branches = Vec::new();
        let mut condition = Some(Condition {
            expression: expression(open.helpers),
            negated: unless,
        });
        loop {
            let (nodes, ended) = self.below(&until, open)?;
            branches.push((condition.take(), Rc::new(nodes)));
            let Some(ended) = ended else {
                return Err(missing(open, end));
            };
            match ended.name.to_lowercase().as_str() {
                "elif" | "elseif" => {
                    condition = Some(Condition {
                        expression: expression(ended.helpers),
                        negated: false,
                    });
                }
                "else" => {}
                name if name == end => return Ok(Kind::If(branches)),
                _ => return Err(missing(open, end)),
            }
        }
    }
}

fn missing(open: End<'_>, end: &str) -> Fault {
    Fault::syntax(open.image, &format!("Missing end tag: {end}"), open.line)
}

/// Parses an expression.
pub(super) fn expression(source: &str) -> Expression {
    let source = source.trim();
    Expression {
        source: source.to_owned(),
        parsed: parse(source),
    }
}

/// The names and the expression of `a, b in expression`.
fn loop_of(helpers: &str) -> Option<(Vec<String>, &str)> {
    let place = helpers
        .match_indices("in")
        .map(|(place, _)| place)
        .find(|place| {
            helpers[..*place].ends_with(char::is_whitespace)
                && helpers[place + 2..].starts_with(char::is_whitespace)
        })?;
    let names: Vec<String> = helpers[..place]
        .split([',', ' ', '\t', '\n'])
        .map(|it| it.trim_matches(['(', ')']).trim())
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect();
    let over = helpers[place + 2..].trim();
    (!names.is_empty() && !over.is_empty()).then_some((names, over))
}

fn macro_of(helpers: &str, body: Body) -> Option<Macro> {
    let (name, rest) = helpers.split_once('(')?;
    let (parameters, _) = rest.rsplit_once(')')?;
    let name = name.trim();
    let valid = !name.is_empty() && name.chars().all(|it| it.is_alphanumeric() || it == '_');
    let parameters = split_outside(parameters, ',')
        .into_iter()
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .map(|parameter| match parameter.split_once('=') {
            Some((name, default)) => (name.trim().to_owned(), Some(expression(default))),
            None => (parameter.to_owned(), None),
        })
        .collect();
    valid.then(|| Macro {
        name: name.to_owned(),
        parameters,
        body,
    })
}

/// Splits where a character stands outside of quotes and brackets.
fn split_outside(text: &str, at: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut depth, mut quote) = (0, 0_i32, None);
    for (place, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, c) if c == at && depth == 0 => {
                parts.push(&text[from..place]);
                from = place + c.len_utf8();
            }
            (None, _) => {}
        }
    }
    parts.push(&text[from..]);
    parts
}
