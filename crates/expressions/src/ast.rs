//! The parsed form of one expression, and its text.
//!
//! Chains of operators of one precedence are flat vectors where Spring builds a left-leaning tree: evaluation is the same,
//! and ten thousand characters of `1+1+1…` need no stack. Printing gives text that parses to the same tree.

use std::fmt;
use std::rc::Rc;

/// A node and the byte at which it starts. Equality looks at the tree only, not at positions.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub at: usize,
    pub expr: Expr,
}

/// The byte at which something starts; never a difference between trees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At(pub usize);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Float(Real<f32>),
    Double(Real<f64>),
    Text(Rc<str>),
    Name {
        name: String,
        safe: bool,
    },
    Method {
        name: String,
        args: Vec<Node>,
        safe: bool,
    },
    Function {
        name: String,
        args: Vec<Node>,
    },
    Variable(String),
    Index {
        index: Box<Node>,
        safe: bool,
    },
    Project {
        body: Box<Node>,
        safe: bool,
    },
    Select {
        which: Which,
        test: Box<Node>,
        safe: bool,
    },
    Type {
        pieces: Vec<String>,
        dimensions: usize,
    },
    New {
        pieces: Vec<String>,
        args: Vec<Node>,
    },
    NewArray {
        pieces: Vec<String>,
        dimensions: Vec<Option<Node>>,
        initial: Option<Box<Node>>,
    },
    Bean(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// `a.b[c]`: the first, then what is applied to it.
    Compound(Vec<Node>),
    /// `a + b - c` or `a * b / c`.
    Chain {
        first: Box<Node>,
        rest: Vec<(Arithmetic, At, Node)>,
    },
    Or(Vec<Node>),
    And(Vec<Node>),
    Compare {
        relation: Relation,
        left: Box<Node>,
        right: Box<Node>,
    },
    Power(Box<Node>, Box<Node>),
    Unary(Unary, Box<Node>),
    Step {
        operand: Box<Node>,
        up: bool,
        postfix: bool,
    },
    Ternary(Box<Node>, Box<Node>, Box<Node>),
    Elvis(Box<Node>, Box<Node>),
    Assign(Box<Node>, Box<Node>),
}

/// A number with a fraction and the text it was written as, which prints again what has no finite value.
#[derive(Debug, Clone)]
pub(crate) struct Real<T> {
    pub value: T,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    First,
    Last,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    Instanceof,
    Matches,
    Between,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unary {
    Plus,
    Minus,
    Not,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.expr == other.expr
    }
}

impl<T: Copy + Into<f64>> PartialEq for Real<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value.into().to_bits() == other.value.into().to_bits()
    }
}

impl Node {
    /// Whether Spring computes the value once and makes it unmodifiable.
    pub fn is_constant_collection(&self) -> bool {
        match &self.expr {
            Expr::List(items) => items.iter().all(|item| match &item.expr {
                Expr::Map(_) => false,
                _ => item.is_constant(),
            }),
            Expr::Map(entries) => entries.iter().all(|(key, value)| {
                (matches!(key.expr, Expr::Name { .. }) || key.is_constant()) && value.is_constant()
            }),
            _ => false,
        }
    }

    fn is_constant(&self) -> bool {
        match &self.expr {
            Expr::Null | Expr::Bool(_) | Expr::Text(_) => true,
            Expr::List(_) | Expr::Map(_) => self.is_constant_collection(),
            Expr::Unary(Unary::Minus, operand) => operand.is_number(),
            _ => self.is_number(),
        }
    }

    fn is_number(&self) -> bool {
        matches!(
            self.expr,
            Expr::Int(_) | Expr::Long(_) | Expr::Float(_) | Expr::Double(_)
        )
    }
}

impl Arithmetic {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }
}

impl Unary {
    fn symbol(self) -> char {
        match self {
            Self::Plus => '+',
            Self::Minus => '-',
            Self::Not => '!',
        }
    }
}

impl Relation {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Instanceof => "instanceof",
            Self::Matches => "matches",
            Self::Between => "between",
        }
    }
}

impl Node {
    /// The text that Spring shows in messages: as [`fmt::Display`], but a sign has no brackets of its own.
    pub fn as_java_shows(&self) -> String {
        match &self.expr {
            Expr::Unary(operator, operand) => {
                format!("{}{}", operator.symbol(), operand.as_java_shows())
            }
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.expr {
            Expr::Null => f.write_str("null"),
            Expr::Bool(value) => write!(f, "{value}"),
            Expr::Int(value) => write!(f, "{value}"),
            Expr::Long(value) => write!(f, "{value}L"),
            Expr::Float(real) => f.write_str(&real.text),
            Expr::Double(real) => f.write_str(&real.text),
            Expr::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Expr::Name { name, .. } => f.write_str(name),
            Expr::Method { name, args, .. } => write!(f, "{name}({})", Separated(args, ", ")),
            Expr::Function { name, args } => write!(f, "#{name}({})", Separated(args, ", ")),
            Expr::Variable(name) => write!(f, "#{name}"),
            Expr::Index { index, .. } => write!(f, "[{}]", Last(index)),
            Expr::Project { body, .. } => write!(f, "![{}]", Last(body)),
            Expr::Select { which, test, .. } => {
                let mark = match which {
                    Which::All => '?',
                    Which::First => '^',
                    Which::Last => '$',
                };
                write!(f, "{mark}[{}]", Last(test))
            }
            Expr::Type { pieces, dimensions } => {
                write!(f, "T({}{})", Qualified(pieces), "[]".repeat(*dimensions))
            }
            Expr::New { pieces, args } => {
                write!(f, "new {}({})", Qualified(pieces), Separated(args, ", "))
            }
            Expr::NewArray {
                pieces,
                dimensions,
                initial,
            } => {
                write!(f, "new {}", Qualified(pieces))?;
                for dimension in dimensions {
                    match dimension {
                        None => f.write_str("[]")?,
                        Some(node) => write!(f, "[{node}]")?,
                    }
                }
                initial.as_ref().map_or(Ok(()), |list| write!(f, "{list}"))
            }
            Expr::Bean(name) => write!(f, "@'{}'", name.replace('\'', "''")),
            Expr::List(items) => write!(f, "{{{}}}", Separated(items, ", ")),
            Expr::Map(entries) if entries.is_empty() => f.write_str("{:}"),
            Expr::Map(entries) => {
                f.write_str("{")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
            Expr::Compound(parts) => compound(parts, f),
            Expr::Chain { first, rest } => {
                write!(f, "({first}")?;
                for (operator, _, operand) in rest {
                    write!(f, " {} {operand}", operator.symbol())?;
                }
                f.write_str(")")
            }
            Expr::Or(parts) => write!(f, "({})", Separated(parts, " or ")),
            Expr::And(parts) => write!(f, "({})", Separated(parts, " and ")),
            Expr::Compare {
                relation,
                left,
                right,
            } => write!(f, "({left} {} {right})", relation.symbol()),
            Expr::Power(left, right) => write!(f, "({left} ^ {right})"),
            Expr::Unary(operator, operand) => {
                // A selection or index that begins an operand must not fuse with the sign (`![`).
                write!(f, "({} {operand})", operator.symbol())
            }
            Expr::Step {
                operand,
                up,
                postfix,
            } => {
                let symbol = if *up { "++" } else { "--" };
                if *postfix {
                    write!(f, "({operand}{symbol})")
                } else {
                    write!(f, "({symbol} {operand})")
                }
            }
            Expr::Ternary(test, yes, no) => write!(f, "({test} ? {yes} : {no})"),
            Expr::Elvis(value, other) => write!(f, "({value} ?: {other})"),
            Expr::Assign(target, value) => write!(f, "({target} = {value})"),
        }
    }
}

fn compound(parts: &[Node], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        let (safe, bracket) = match &part.expr {
            Expr::Name { safe, .. } | Expr::Method { safe, .. } => (*safe, false),
            Expr::Project { safe, .. } | Expr::Select { safe, .. } => (*safe, false),
            Expr::Index { safe, .. } => (*safe, true),
            _ => (false, false),
        };
        match (i, safe, bracket) {
            (0, ..) if matches!(part.expr, Expr::Compound(_)) => write!(f, "({part})")?,
            (0, ..) => write!(f, "{part}")?,
            // Another pair of brackets would be another dimension.
            (_, false, true) if matches!(parts[i - 1].expr, Expr::NewArray { .. }) => {
                write!(f, ".{part}")?;
            }
            // `$[` would begin a selection.
            (_, false, true) if is_dollar(&parts[i - 1]) => write!(f, " {part}")?,
            (_, false, true) => write!(f, "{part}")?,
            (_, true, _) => write!(f, "?.{part}")?,
            (_, false, false) => write!(f, ".{part}")?,
        }
    }
    Ok(())
}

/// What stands before a `]`. There, and only there, `T` is a name: what ends with it must have no bracket behind it.
struct Last<'n>(&'n Node);

impl Last<'_> {
    /// The part that ends the text.
    fn end(&self) -> Option<&Node> {
        match &self.0.expr {
            Expr::Chain { rest, .. } => rest.last().map(|(_, _, node)| node),
            Expr::Or(parts) | Expr::And(parts) => parts.last(),
            Expr::Compare { right: end, .. }
            | Expr::Power(_, end)
            | Expr::Unary(_, end)
            | Expr::Ternary(_, _, end)
            | Expr::Elvis(_, end)
            | Expr::Assign(_, end)
            | Expr::Step {
                operand: end,
                postfix: false,
                ..
            } => Some(end),
            _ => None,
        }
    }

    fn is_open(&self) -> bool {
        match &self.0.expr {
            Expr::Name { name, .. } => name == "T",
            _ => self.end().is_some_and(|end| Last(end).is_open()),
        }
    }
}

impl fmt::Display for Last<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.to_string();
        let Some(end) = self.end().filter(|_| self.is_open()) else {
            return f.write_str(&whole);
        };
        // Everything but the end keeps its brackets; the end comes without its own.
        let closed = end.to_string();
        let before = whole
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            .and_then(|rest| rest.strip_suffix(closed.as_str()))
            .unwrap_or(&whole);
        write!(f, "{before}{}", Last(end))
    }
}

fn is_dollar(node: &Node) -> bool {
    matches!(&node.expr, Expr::Name { name, .. } if name == "$")
}

struct Separated<'n>(&'n [Node], &'static str);

impl fmt::Display for Separated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, node) in self.0.iter().enumerate() {
            write!(f, "{}{node}", if i == 0 { "" } else { self.1 })?;
        }
        Ok(())
    }
}

struct Qualified<'n>(&'n [String]);

impl fmt::Display for Qualified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, piece) in self.0.iter().enumerate() {
            // `1.1` would be one number; a blank separates pieces just as well.
            let between = if piece.starts_with(|c: char| c.is_ascii_digit()) {
                " "
            } else {
                "."
            };
            write!(f, "{}{piece}", if i == 0 { "" } else { between })?;
        }
        Ok(())
    }
}
