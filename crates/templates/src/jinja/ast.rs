//! An expression as a tree.

use serde_json::Value;

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ast {
    Literal(Value),
    Name(String),
    /// `a.b` and `a[b]`.
    Property(Box<Ast>, Box<Ast>),
    /// `a[1:2]`.
    Slice(Box<Ast>, Option<Box<Ast>>, Option<Box<Ast>>),
    List(Vec<Ast>),
    Dict(Vec<(String, Ast)>),
    /// `name(…)`.
    Call(String, Vec<Argument>),
    /// `a.name(…)`.
    Method(Box<Ast>, String, Vec<Argument>),
    /// `a|name(…)`.
    Filter(Box<Ast>, String, Vec<Argument>),
    /// `a is name b`, and whether it is `is not`.
    Test(Box<Ast>, String, Option<Box<Ast>>, bool),
    Not(Box<Ast>),
    Negative(Box<Ast>),
    Empty(Box<Ast>),
    And(Box<Ast>, Box<Ast>),
    Or(Box<Ast>, Box<Ast>),
    Binary(Operator, Box<Ast>, Box<Ast>),
    /// Condition, then, else.
    Choice(Box<Ast>, Box<Ast>, Box<Ast>),
}

/// What a function, filter or method is called with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Argument {
    pub name: Option<String>,
    pub value: Ast,
}

/// An operator of two operands that evaluates both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    Concat,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}
