//! What stands between operators: literals, names, calls, types, lists and what is applied to them.

use super::{Parsed, Parser, node, present};
use crate::ast::{Expr, Node, Real, Which};
use crate::error::{Error, Result};
use crate::token::{Kind, Token};

impl Parser<'_> {
    pub(super) fn primary(&mut self) -> Parsed {
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
            Kind::Text => Expr::Text(text.into()),
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
