//! Recursive descent over tokens, rule by rule as Spring's `InternalSpelExpressionParser` does it, with its error codes.
//!
//! The differences are ours: a limit on nesting, and flat chains instead of left-leaning trees.

mod primary;

use crate::ast::{Arithmetic, At, Expr, Node, Relation, Unary};
use crate::env::Limits;
use crate::error::{Error, ILLEGAL_ARGUMENT, Result, SPEL_EVALUATION, grouped};
use crate::token::{Kind, Token, tokens};

/// Parses one expression, without `${` and `}`.
///
/// # Errors
/// Everything that Spring's parser refuses, with its code and text, and nesting beyond the limit.
pub(crate) fn parse(source: &str, limits: &Limits) -> Result<Node> {
    if source.encode_utf16().count() > limits.expression_chars_max {
        let most = grouped(limits.expression_chars_max as i64);
        let text = format!(
            "EL1079E: SpEL expression is too long, exceeding the threshold of '{most}' characters"
        );
        return Err(Error::new(SPEL_EVALUATION, text));
    }
    let tokens = tokens(source)?;
    let mut parser = Parser {
        source,
        tokens,
        next: 0,
        depth: 0,
        depth_max: limits.nesting_max,
    };
    let Some(node) = parser.expression()? else {
        // An expression that begins with something no expression begins with.
        return Err(parser.failure(1044, "Unexpectedly ran out of input", 0));
    };
    if let Some(token) = parser.peek() {
        let text = format!(
            "After parsing a valid expression, there is still more data in the expression: '{}'",
            token.shown()
        );
        return Err(parser.failure(1041, text, token.start));
    }
    Ok(node)
}

struct Parser<'s> {
    source: &'s str,
    tokens: Vec<Token>,
    next: usize,
    depth: u32,
    depth_max: u32,
}

type Parsed = Result<Option<Node>>;

fn node(at: usize, expr: Expr) -> Node {
    Node { at, expr }
}

/// Spring asserts that no operand is missing where its grammar did not check.
fn present(node: Option<Node>, at: usize) -> Result<Box<Node>> {
    node.map(Box::new)
        .ok_or_else(|| Error::new(ILLEGAL_ARGUMENT, "Operand must not be null").at(at))
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn kind(&self) -> Option<Kind> {
        self.peek().map(|token| token.kind)
    }

    fn is(&self, kind: Kind) -> bool {
        self.kind() == Some(kind)
    }

    /// Takes the token if it is of this kind and gives its start.
    fn take(&mut self, kind: Kind) -> Option<usize> {
        let start = self.peek().filter(|token| token.kind == kind)?.start;
        self.next += 1;
        Some(start)
    }

    /// Takes the token whatever it is.
    fn advance(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn failure(&self, code: u16, text: impl std::fmt::Display, at: usize) -> Error {
        Error::parse(code, text, Some(self.source), at)
    }

    fn out_of_input(&self, at: usize) -> Error {
        self.failure(1044, "Unexpectedly ran out of input", at)
    }

    fn expect(&mut self, kind: Kind) -> Result<Token> {
        match self.advance() {
            None => Err(self.out_of_input(self.source.len())),
            Some(token) if token.kind == kind => Ok(token),
            Some(token) => {
                let text = format!(
                    "Unexpected token. Expected '{}' but was '{}'",
                    kind.shown(),
                    token.kind.shown()
                );
                Err(self.failure(1043, text, token.start))
            }
        }
    }

    fn deeper<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= self.depth_max {
            let at = self.peek().map_or(self.source.len(), |token| token.start);
            let text = format!("expression is nested deeper than {} levels", self.depth_max);
            return Err(Error::new(SPEL_EVALUATION, text).at(at));
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    fn expression(&mut self) -> Parsed {
        self.deeper(Self::expression_here)
    }

    fn expression_here(&mut self) -> Parsed {
        let left = self.or()?;
        let Some(token) = self.peek() else {
            return Ok(left);
        };
        let (kind, at) = (token.kind, token.start);
        let null = || node(at, Expr::Null);
        match kind {
            Kind::Assign => {
                self.next += 1;
                let value = present(self.or()?, at)?;
                Ok(Some(node(
                    at,
                    Expr::Assign(Box::new(left.unwrap_or_else(null)), value),
                )))
            }
            Kind::Elvis => {
                self.next += 1;
                let other = self.expression()?.unwrap_or_else(null);
                let value = left.unwrap_or_else(null);
                Ok(Some(node(
                    at,
                    Expr::Elvis(Box::new(value), Box::new(other)),
                )))
            }
            Kind::Question => {
                self.next += 1;
                let yes = self.expression()?;
                self.expect(Kind::Colon)?;
                let no = self.expression()?;
                let test = Box::new(left.unwrap_or_else(null));
                Ok(Some(node(
                    at,
                    Expr::Ternary(test, present(yes, at)?, present(no, at)?),
                )))
            }
            _ => Ok(left),
        }
    }

    fn or(&mut self) -> Parsed {
        self.joined("or", Kind::Or, Self::and, Expr::Or)
    }

    fn and(&mut self) -> Parsed {
        self.joined("and", Kind::And, Self::relation, Expr::And)
    }

    fn joined(
        &mut self,
        word: &str,
        symbol: Kind,
        operand: fn(&mut Self) -> Parsed,
        build: fn(Vec<Node>) -> Expr,
    ) -> Parsed {
        let first = operand(self)?;
        let mut operands = Vec::new();
        let mut left = first;
        while let Some(at) = self
            .peek()
            .filter(|token| token.kind == symbol || token.is_word(word))
            .map(|t| t.start)
        {
            self.next += 1;
            let right = operand(self)?;
            if operands.is_empty() {
                operands.push(self.left(left.take(), at)?);
            }
            operands.push(self.right(right, at)?);
        }
        if operands.is_empty() {
            return Ok(left);
        }
        Ok(Some(node(operands[0].at, build(operands))))
    }

    fn left(&self, operand: Option<Node>, at: usize) -> Result<Node> {
        operand.ok_or_else(|| self.failure(1070, "Problem parsing left operand", at))
    }

    fn right(&self, operand: Option<Node>, at: usize) -> Result<Node> {
        operand.ok_or_else(|| self.failure(1042, "Problem parsing right operand", at))
    }

    fn relation(&mut self) -> Parsed {
        let left = self.sum()?;
        let Some(token) = self.peek() else {
            return Ok(left);
        };
        let relation = match token.kind {
            Kind::Less => Relation::Less,
            Kind::LessEqual => Relation::LessEqual,
            Kind::Greater => Relation::Greater,
            Kind::GreaterEqual => Relation::GreaterEqual,
            Kind::Equal => Relation::Equal,
            Kind::NotEqual => Relation::NotEqual,
            _ if token.is_word("instanceof") => Relation::Instanceof,
            _ if token.is_word("matches") => Relation::Matches,
            _ if token.is_word("between") => Relation::Between,
            _ => return Ok(left),
        };
        let at = token.start;
        self.next += 1;
        let right = self.sum()?;
        let left = Box::new(self.left(left, at)?);
        let right = Box::new(self.right(right, at)?);
        Ok(Some(node(
            at,
            Expr::Compare {
                relation,
                left,
                right,
            },
        )))
    }

    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        let mut rest = Vec::new();
        loop {
            let operator = match self.kind() {
                Some(Kind::Plus) => Some(Arithmetic::Add),
                Some(Kind::Minus) => Some(Arithmetic::Subtract),
                // Spring parses the right side of `a ++ b` and drops it.
                Some(Kind::Increment) => None,
                _ => break,
            };
            let at = self.advance().map_or(0, |token| token.start);
            let right = self.product()?;
            let right = self.right(right, at)?;
            if let Some(operator) = operator {
                rest.push((operator, At(at), right));
            }
        }
        if !rest.is_empty() {
            let first = present(left.take(), rest[0].1.0)?;
            left = Some(node(first.at, Expr::Chain { first, rest }));
        }
        Ok(left)
    }

    fn product(&mut self) -> Parsed {
        let mut left = self.power()?;
        let mut rest = Vec::new();
        loop {
            let operator = match self.kind() {
                Some(Kind::Star) => Arithmetic::Multiply,
                Some(Kind::Divide) => Arithmetic::Divide,
                Some(Kind::Modulo) => Arithmetic::Modulo,
                _ => break,
            };
            let at = self.advance().map_or(0, |token| token.start);
            let right = self.power()?;
            if rest.is_empty() && left.is_none() {
                return Err(self.failure(1070, "Problem parsing left operand", at));
            }
            rest.push((operator, At(at), self.right(right, at)?));
        }
        if !rest.is_empty() {
            let first = present(left.take(), rest[0].1.0)?;
            left = Some(node(first.at, Expr::Chain { first, rest }));
        }
        Ok(left)
    }

    fn power(&mut self) -> Parsed {
        let left = self.unary()?;
        if let Some(at) = self.take(Kind::Power) {
            let right = self.unary()?;
            let right = self.right(right, at)?;
            return Ok(Some(node(
                at,
                Expr::Power(present(left, at)?, Box::new(right)),
            )));
        }
        let Some(operand) = left else { return Ok(None) };
        let up = match self.kind() {
            Some(Kind::Increment) => true,
            Some(Kind::Decrement) => false,
            _ => return Ok(Some(operand)),
        };
        self.next += 1;
        Ok(Some(node(
            operand.at,
            Expr::Step {
                operand: Box::new(operand),
                up,
                postfix: true,
            },
        )))
    }

    fn unary(&mut self) -> Parsed {
        let operator = match self.kind() {
            Some(Kind::Not) => Unary::Not,
            Some(Kind::Plus) => Unary::Plus,
            Some(Kind::Minus) => Unary::Minus,
            Some(Kind::Increment | Kind::Decrement) => {
                let up = self.is(Kind::Increment);
                let at = self.advance().map_or(0, |token| token.start);
                let operand = present(self.deeper(Self::unary)?, at)?;
                return Ok(Some(node(
                    at,
                    Expr::Step {
                        operand,
                        up,
                        postfix: false,
                    },
                )));
            }
            _ => return self.primary(),
        };
        let at = self.advance().map_or(0, |token| token.start);
        let operand = self
            .deeper(Self::unary)?
            .ok_or_else(|| self.out_of_input(at))?;
        Ok(Some(node(at, Expr::Unary(operator, Box::new(operand)))))
    }
}
