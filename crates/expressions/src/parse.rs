//! Recursive descent over tokens, rule by rule as Spring's `InternalSpelExpressionParser` does it, with its error codes.
//!
//! The differences are ours: a limit on nesting, and flat chains instead of left-leaning trees.

use crate::ast::{Arithmetic, At, Expr, Node, Real, Relation, Unary, Which};
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
                Some(Kind::Plus) => Arithmetic::Add,
                Some(Kind::Minus) => Arithmetic::Subtract,
                Some(Kind::Increment) => Arithmetic::Dropped,
                _ => break,
            };
            let at = self.advance().map_or(0, |token| token.start);
            let right = self.product()?;
            rest.push((operator, At(at), self.right(right, at)?));
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

    fn primary(&mut self) -> Parsed {
        let start = self.start()?;
        let mut parts = Vec::new();
        loop {
            let part = match self.kind() {
                Some(Kind::Dot | Kind::SafeNavigation) => self.dotted()?,
                Some(Kind::LeftSquare) => self.index(false)?,
                _ => break,
            };
            parts.push(part);
        }
        match start {
            Some(start) if !parts.is_empty() => {
                parts.insert(0, start);
                Ok(Some(node(parts[0].at, Expr::Compound(parts))))
            }
            start => Ok(start),
        }
    }

    fn dotted(&mut self) -> Result<Node> {
        let (safe, at) = match self.advance() {
            Some(token) => (token.kind == Kind::SafeNavigation, token.start),
            None => (false, 0),
        };
        if self.peek().is_some_and(Token::is_name) {
            return self.name_or_method(safe);
        }
        match self.kind() {
            Some(Kind::Hash) => self.function_or_variable(),
            Some(Kind::Project) => self.projection(safe),
            Some(Kind::Select | Kind::SelectFirst | Kind::SelectLast) => self.selection(safe),
            Some(Kind::LeftSquare) => self.index(safe),
            None => Err(self.out_of_input(at)),
            Some(_) => {
                let shown = self.peek().map(Token::shown).unwrap_or_default();
                Err(self.failure(1049, format!("Unexpected data after '.': '{shown}'"), at))
            }
        }
    }

    fn start(&mut self) -> Parsed {
        let Some(token) = self.peek() else {
            return Ok(None);
        };
        let (kind, at) = (token.kind, token.start);
        if let Some(literal) = self.literal()? {
            return Ok(Some(literal));
        }
        if kind == Kind::LeftParen {
            self.next += 1;
            let inner = self.expression()?.ok_or_else(|| self.out_of_input(at))?;
            self.expect(Kind::RightParen)?;
            return Ok(Some(inner));
        }
        let word = self
            .peek()
            .filter(|token| token.kind == Kind::Name)
            .and_then(|token| token.text.clone());
        match word.as_deref() {
            Some("T") => return self.type_reference(at).map(Some),
            Some(text) if text.eq_ignore_ascii_case("null") => {
                self.next += 1;
                return Ok(Some(node(at, Expr::Null)));
            }
            Some(text) if text.eq_ignore_ascii_case("new") => {
                return self.constructor(at, text).map(Some);
            }
            _ => {}
        }
        if self.peek().is_some_and(Token::is_name) {
            return self.name_or_method(false).map(Some);
        }
        match kind {
            Kind::Hash => self.function_or_variable().map(Some),
            Kind::Bean | Kind::FactoryBean => self.bean(at).map(Some),
            Kind::Project => self.projection(false).map(Some),
            Kind::Select | Kind::SelectFirst | Kind::SelectLast => self.selection(false).map(Some),
            Kind::LeftSquare => self.index(false).map(Some),
            Kind::LeftCurly => self.list_or_map().map(Some),
            _ => Ok(None),
        }
    }

    fn literal(&mut self) -> Parsed {
        let Some(token) = self.peek() else {
            return Ok(None);
        };
        let at = token.start;
        let text = token.text.clone().unwrap_or_default();
        let expr = match token.kind {
            Kind::Int => Expr::Int(integer(&text, 10, at)?),
            Kind::HexInt => Expr::Int(integer(&text, 16, at)?),
            Kind::Long => Expr::Long(long(&text, 10, at)?),
            Kind::HexLong => Expr::Long(long(&text, 16, at)?),
            Kind::Real => Expr::Double(Real {
                value: real(&text, at)?,
                text,
            }),
            Kind::RealFloat => {
                let value: f64 = real(&text, at)?;
                // Through the text: twice rounding would not always give the nearest float.
                let digits = text.trim_end_matches(['f', 'F']);
                Expr::Float(Real {
                    value: digits.parse().unwrap_or(value as f32),
                    text,
                })
            }
            Kind::Text => Expr::Text(text),
            Kind::Name if text.eq_ignore_ascii_case("true") => Expr::Bool(true),
            Kind::Name if text.eq_ignore_ascii_case("false") => Expr::Bool(false),
            _ => return Ok(None),
        };
        self.next += 1;
        Ok(Some(node(at, expr)))
    }

    fn type_reference(&mut self, at: usize) -> Result<Node> {
        self.next += 1;
        if self.is(Kind::RightSquare) {
            // `map[T]`
            return Ok(node(
                at,
                Expr::Name {
                    name: "T".into(),
                    safe: false,
                },
            ));
        }
        self.expect(Kind::LeftParen)?;
        let pieces = self.qualified()?;
        let mut dimensions = 0;
        while self.take(Kind::LeftSquare).is_some() {
            self.expect(Kind::RightSquare)?;
            dimensions += 1;
        }
        self.expect(Kind::RightParen)?;
        Ok(node(at, Expr::Type { pieces, dimensions }))
    }

    fn qualified(&mut self) -> Result<Vec<String>> {
        let mut pieces = Vec::new();
        loop {
            match self.peek() {
                Some(token) if token.kind == Kind::Dot => {}
                Some(token) if token.kind == Kind::Text => break,
                Some(Token {
                    text: Some(text), ..
                }) if !text.is_empty()
                    && text
                        .chars()
                        .all(|c| c.is_alphanumeric() || c == '_' || c == '$') =>
                {
                    pieces.push(text.clone());
                }
                _ => break,
            }
            self.next += 1;
        }
        if !pieces.is_empty() {
            return Ok(pieces);
        }
        match self.peek() {
            None => Err(self.out_of_input(self.source.len())),
            Some(token) => {
                let text = format!(
                    "Unexpected token. Expected 'qualified ID' but was '{}'",
                    token.kind.shown()
                );
                Err(self.failure(1043, text, token.start))
            }
        }
    }

    fn constructor(&mut self, at: usize, word: &str) -> Result<Node> {
        self.next += 1;
        if self.is(Kind::RightSquare) {
            return Ok(node(
                at,
                Expr::Name {
                    name: word.to_owned(),
                    safe: false,
                },
            ));
        }
        let pieces = self.qualified()?;
        if self.is(Kind::LeftSquare) {
            let mut dimensions = Vec::new();
            while self.take(Kind::LeftSquare).is_some() {
                dimensions.push(if self.is(Kind::RightSquare) {
                    None
                } else {
                    self.expression()?
                });
                self.expect(Kind::RightSquare)?;
            }
            let initial = if self.is(Kind::LeftCurly) {
                Some(Box::new(self.list_or_map()?))
            } else {
                None
            };
            return Ok(node(
                at,
                Expr::NewArray {
                    pieces,
                    dimensions,
                    initial,
                },
            ));
        }
        if !self.is(Kind::LeftParen) {
            let place = self.peek().map_or(self.source.len(), |token| token.start);
            return Err(self.failure(
                1050,
                "The arguments (...) for the constructor call are missing",
                place,
            ));
        }
        let args = self.arguments()?;
        Ok(node(at, Expr::New { pieces, args }))
    }

    fn name_or_method(&mut self, safe: bool) -> Result<Node> {
        let (name, at) = self.advance().map_or((String::new(), 0), |t| {
            (t.text.unwrap_or_default(), t.start)
        });
        if !self.is(Kind::LeftParen) {
            return Ok(node(at, Expr::Name { name, safe }));
        }
        let args = self.arguments()?;
        Ok(node(at, Expr::Method { name, args, safe }))
    }

    fn function_or_variable(&mut self) -> Result<Node> {
        let at = self.expect(Kind::Hash)?.start;
        let name = self.expect(Kind::Name)?.text.unwrap_or_default();
        if !self.is(Kind::LeftParen) {
            return Ok(node(at, Expr::Variable(name)));
        }
        let args = self.arguments()?;
        Ok(node(at, Expr::Function { name, args }))
    }

    /// `(a, b)`; a comma before the closing bracket is allowed, as the hidden first argument of functions needs it.
    fn arguments(&mut self) -> Result<Vec<Node>> {
        let at = self.peek().map_or(0, |token| token.start);
        let out_of_arguments =
            |parser: &Self| parser.failure(1051, "Unexpectedly ran out of arguments", at);
        let mut args = Vec::new();
        loop {
            self.next += 1;
            match self.kind() {
                None => return Err(out_of_arguments(self)),
                Some(Kind::RightParen) => {}
                Some(_) => args.push(*present(self.expression()?, at)?),
            }
            match self.kind() {
                None => return Err(out_of_arguments(self)),
                Some(Kind::Comma) => {}
                Some(_) => break,
            }
        }
        self.expect(Kind::RightParen)?;
        Ok(args)
    }

    fn bean(&mut self, at: usize) -> Result<Node> {
        let factory = self
            .advance()
            .is_some_and(|token| token.kind == Kind::FactoryBean);
        let named = self
            .peek()
            .is_some_and(|token| token.is_name() || token.kind == Kind::Text);
        if !named {
            return Err(self.failure(
                1059,
                "@ or & can only be followed by an identifier or a quoted name",
                at,
            ));
        }
        let name = self
            .advance()
            .and_then(|token| token.text)
            .unwrap_or_default();
        Ok(node(
            at,
            Expr::Bean(if factory { format!("&{name}") } else { name }),
        ))
    }

    fn projection(&mut self, safe: bool) -> Result<Node> {
        let at = self.expect(Kind::Project)?.start;
        let body = self.expression()?.ok_or_else(|| self.out_of_input(at))?;
        self.expect(Kind::RightSquare)?;
        Ok(node(
            at,
            Expr::Project {
                body: Box::new(body),
                safe,
            },
        ))
    }

    fn selection(&mut self, safe: bool) -> Result<Node> {
        let (which, at) = match self.advance() {
            Some(token) if token.kind == Kind::SelectFirst => (Which::First, token.start),
            Some(token) if token.kind == Kind::SelectLast => (Which::Last, token.start),
            token => (Which::All, token.map_or(0, |token| token.start)),
        };
        let test = self.bracketed(at)?;
        Ok(node(at, Expr::Select { which, test, safe }))
    }

    fn index(&mut self, safe: bool) -> Result<Node> {
        let at = self.expect(Kind::LeftSquare)?.start;
        let index = self.bracketed(at)?;
        Ok(node(at, Expr::Index { index, safe }))
    }

    fn bracketed(&mut self, at: usize) -> Result<Box<Node>> {
        let Some(inner) = self.expression()? else {
            return Err(self.failure(
                1071,
                "A required selection expression has not been specified",
                at,
            ));
        };
        self.expect(Kind::RightSquare)?;
        Ok(Box::new(inner))
    }

    fn list_or_map(&mut self) -> Result<Node> {
        let at = self.expect(Kind::LeftCurly)?.start;
        if self.take(Kind::RightCurly).is_some() {
            return Ok(node(at, Expr::List(Vec::new())));
        }
        if self.take(Kind::Colon).is_some() {
            self.expect(Kind::RightCurly)?;
            return Ok(node(at, Expr::Map(Vec::new())));
        }
        let first = self.expression()?;
        match self.kind() {
            Some(Kind::RightCurly | Kind::Comma) => {
                let mut items = vec![first];
                while self.take(Kind::Comma).is_some() {
                    items.push(self.expression()?);
                }
                self.expect(Kind::RightCurly)?;
                let items = items
                    .into_iter()
                    .map(|item| present(item, at).map(|item| *item))
                    .collect::<Result<_>>()?;
                Ok(node(at, Expr::List(items)))
            }
            Some(Kind::Colon) => {
                self.next += 1;
                let mut entries = vec![(first, self.expression()?)];
                while self.take(Kind::Comma).is_some() {
                    let key = self.expression()?;
                    self.expect(Kind::Colon)?;
                    entries.push((key, self.expression()?));
                }
                self.expect(Kind::RightCurly)?;
                let entries = entries
                    .into_iter()
                    .map(|(key, value)| Ok((*present(key, at)?, *present(value, at)?)))
                    .collect::<Result<_>>()?;
                Ok(node(at, Expr::Map(entries)))
            }
            _ => Err(self.out_of_input(at)),
        }
    }
}

fn integer(text: &str, radix: u32, at: usize) -> Result<i32> {
    i32::from_str_radix(text, radix).map_err(|_| literal_error(text, radix, 1035, "an int", at))
}

fn long(text: &str, radix: u32, at: usize) -> Result<i64> {
    i64::from_str_radix(text, radix).map_err(|_| literal_error(text, radix, 1036, "a long", at))
}

fn literal_error(text: &str, radix: u32, code: u16, kind: &str, at: usize) -> Error {
    let radix = if radix == 10 {
        String::new()
    } else {
        format!(" under radix {radix}")
    };
    Error::new(
        "java.lang.NumberFormatException",
        format!("For input string: \"{text}\"{radix}"),
    )
    .wrapped(
        crate::error::SPEL_PARSE,
        format!("EL{code}E: The value '{text}' cannot be parsed as {kind}"),
    )
    .at(at)
}

fn real(text: &str, at: usize) -> Result<f64> {
    text.trim_end_matches(['f', 'F', 'd', 'D'])
        .parse()
        .map_err(|_| {
            Error::number_format(text)
                .wrapped(
                    crate::error::SPEL_PARSE,
                    format!("EL1040E: The value '{text}' cannot be parsed as a double"),
                )
                .at(at)
        })
}
