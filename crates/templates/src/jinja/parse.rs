//! Expressions: from words to a tree. Source: Jinjava `ExtendedParser` over JUEL's `Parser`, with their precedence: filters
//! and tests bind tighter than any operator.

use serde_json::Value;

use super::{
    ast::{Argument, Ast, Operator},
    token::{Token, tokens},
};

/// Deepest nesting of an expression.
const DEPTH_MAX: u32 = 60;

/// Most operators, properties and filters of an expression, brackets or not: each nests what stands before it.
const LINKS_MAX: u32 = 300;

/// Longest expression, in bytes.
const BYTES_MAX: usize = 64 * 1024;

/// Words that are no names.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "and", "or", "not", "in", "is", "if", "else", "eq", "ne", "lt", "gt", "le", "ge", "div", "mod", "empty", "true", "false",
    "True", "False", "null",
];

/// Where parsing stopped, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unparsed {
    pub message: String,
    /// In bytes.
    pub at: usize,
}

/// Parses a whole expression.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn parse(source: &str) -> Result<Ast, Unparsed> {
    if source.len() > BYTES_MAX {
        return Err(Unparsed {
            message: format!("the expression is longer than {BYTES_MAX} bytes"),
            at: 0,
        });
    }
    let tokens = tokens(source).map_err(|(message, at)| Unparsed { message, at })?;
    let mut parser = Parser {
        tokens,
        at: 0,
        end: source.len(),
        depth: 0,
        links: 0,
    };
    let ast = parser.expression()?;
    match parser.tokens.get(parser.at) {
        None => Ok(ast),
        Some(_) => Err(parser.unexpected("the end")),
    }
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    end: usize,
    depth: u32,
    links: u32,
}

type Parsed = Result<Ast, Unparsed>;

impl Parser {
    fn expression(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fail(format!("it is nested deeper than {DEPTH_MAX}")));
        }
        let parsed = self.choice();
        self.depth -= 1;
        parsed
    }

    fn choice(&mut self) -> Parsed {
        let first = self.or()?;
        if self.takes("?") {
            let then = self.expression()?;
            self.expect(":")?;
            let other = self.expression()?;
            return Ok(Ast::Choice(first.into(), then.into(), other.into()));
        }
        if !self.takes_word("if") {
            return Ok(first);
        }
        let condition = self.expression()?;
        let other = match self.takes_word("else") {
            true => self.expression()?,
            false => Ast::Literal(Value::Null),
        };
        Ok(Ast::Choice(condition.into(), first.into(), other.into()))
    }

    fn or(&mut self) -> Parsed {
        let mut left = self.and()?;
        while self.takes_word("or") || self.takes("||") {
            let right = self.and()?;
            left = self.link(Ast::Or(left.into(), right.into()))?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed {
        let mut left = self.equality()?;
        while self.takes_word("and") || self.takes("&&") {
            let right = self.equality()?;
            left = self.link(Ast::And(left.into(), right.into()))?;
        }
        Ok(left)
    }

    fn equality(&mut self) -> Parsed {
        let mut left = self.comparison()?;
        loop {
            let operator = if self.takes("==") || self.takes_word("eq") {
                Operator::Equal
            } else if self.takes("!=") || self.takes_word("ne") {
                Operator::NotEqual
            } else {
                return Ok(left);
            };
            let right = self.comparison()?;
            left = self.link(Ast::Binary(operator, left.into(), right.into()))?;
        }
    }

    fn comparison(&mut self) -> Parsed {
        let mut left = self.sum()?;
        loop {
            let operator = if self.takes("<=") || self.takes_word("le") {
                Operator::LessOrEqual
            } else if self.takes(">=") || self.takes_word("ge") {
                Operator::GreaterOrEqual
            } else if self.takes("<") || self.takes_word("lt") {
                Operator::Less
            } else if self.takes(">") || self.takes_word("gt") {
                Operator::Greater
            } else if self.takes_word("in") {
                Operator::In
            } else if self.is_word(0, "not") && self.is_word(1, "in") {
                self.at += 2;
                Operator::NotIn
            } else {
                return Ok(left);
            };
            let right = self.sum()?;
            left = self.link(Ast::Binary(operator, left.into(), right.into()))?;
        }
    }

    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        loop {
            let operator = if self.takes("+") {
                Operator::Add
            } else if self.takes("-") {
                Operator::Subtract
            } else if self.takes("~") {
                Operator::Concat
            } else {
                return Ok(left);
            };
            let right = self.product()?;
            left = self.link(Ast::Binary(operator, left.into(), right.into()))?;
        }
    }

    fn product(&mut self) -> Parsed {
        let mut left = self.unary()?;
        loop {
            let operator = if self.takes("*") {
                Operator::Multiply
            } else if self.takes("//") {
                Operator::FloorDivide
            } else if self.takes("**") {
                Operator::Power
            } else if self.takes("/") || self.takes_word("div") {
                Operator::Divide
            } else if self.takes("%") || self.takes_word("mod") {
                Operator::Modulo
            } else {
                return Ok(left);
            };
            let right = self.unary()?;
            left = self.link(Ast::Binary(operator, left.into(), right.into()))?;
        }
    }

    fn unary(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fail(format!("it is nested deeper than {DEPTH_MAX}")));
        }
        let parsed = if self.takes_word("not") || self.takes("!") {
            self.unary().map(|inner| Ast::Not(inner.into()))
        } else if self.takes("-") {
            self.unary().map(|inner| Ast::Negative(inner.into()))
        } else if self.takes("+") {
            self.unary()
        } else if self.takes_word("empty") {
            self.unary().map(|inner| Ast::Empty(inner.into()))
        } else {
            self.operand()
        };
        self.depth -= 1;
        parsed
    }

    /// A value with what follows it: properties, calls, filters, tests.
    fn operand(&mut self) -> Parsed {
        let mut value = self.value()?;
        loop {
            if self.is("|") && self.word(1).is_some() {
                self.at += 1;
                let name = self.name()?;
                let arguments = self.arguments_if_any()?;
                value = self.link(Ast::Filter(value.into(), name, arguments))?;
            } else if self.is_word(0, "is") {
                value = self.test(value)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn test(&mut self, value: Ast) -> Parsed {
        self.at += 1;
        let negated = self.takes_word("not");
        let name = match self.tokens.get(self.at) {
            Some((Token::Name(name), _)) => name.clone(),
            Some((Token::Sign(sign @ ("==" | "!=" | "<" | ">" | "<=" | ">=")), _)) => {
                (*sign).to_owned()
            }
            _ => return Err(self.unexpected("the name of a test")),
        };
        self.at += 1;
        let argument = match self.tokens.get(self.at) {
            Some((Token::Text(_) | Token::Int(_) | Token::Float(_), _)) => Some(self.value()?),
            Some((Token::Sign("(" | "[" | "{"), _)) => Some(self.value()?),
            Some((Token::Name(name), _)) if !RESERVED[..16].contains(&&**name) => {
                Some(self.value()?)
            }
            _ => None,
        };
        let argument = argument.map(Box::new);
        self.link(Ast::Test(value.into(), name, argument, negated))
    }

    fn value(&mut self) -> Parsed {
        let mut value = self.primary()?;
        loop {
            if self.takes(".") {
                let name = self.name()?;
                value = self.member(value, Ast::Literal(name.into()))?;
            } else if self.takes("[") {
                let start = match self.is(":") {
                    true => None,
                    false => Some(Box::new(self.expression()?)),
                };
                if self.takes(":") {
                    let end = match self.is("]") {
                        true => None,
                        false => Some(Box::new(self.expression()?)),
                    };
                    self.expect("]")?;
                    value = self.link(Ast::Slice(value.into(), start, end))?;
                    continue;
                }
                self.expect("]")?;
                match start {
                    Some(property) => value = self.member(value, *property)?,
                    None => return Err(self.unexpected("a property")),
                }
            } else {
                return Ok(value);
            }
        }
    }

    fn member(&mut self, base: Ast, property: Ast) -> Parsed {
        match property {
            Ast::Literal(Value::String(name)) if self.is("(") => {
                let arguments = self.arguments_if_any()?;
                self.link(Ast::Method(base.into(), name, arguments))
            }
            property => self.link(Ast::Property(base.into(), property.into())),
        }
    }

    fn primary(&mut self) -> Parsed {
        let Some((token, _)) = self.tokens.get(self.at).cloned() else {
            return Err(self.unexpected("a value"));
        };
        self.at += 1;
        match token {
            Token::Text(text) => Ok(Ast::Literal(text.into())),
            Token::Int(number) => Ok(Ast::Literal(number.into())),
            Token::Float(number) => Ok(Ast::Literal(number.into())),
            Token::Name(name) => match name.as_str() {
                "true" | "True" => Ok(Ast::Literal(true.into())),
                "false" | "False" => Ok(Ast::Literal(false.into())),
                "null" => Ok(Ast::Literal(Value::Null)),
                word if RESERVED.contains(&word) => {
                    self.at -= 1;
                    Err(self.unexpected("a value"))
                }
                _ if self.is("(") => Ok(Ast::Call(name, self.arguments_if_any()?)),
                _ => Ok(Ast::Name(name)),
            },
            Token::Sign("(") => {
                let (mut items, comma) = self.items(")")?;
                match (items.len(), comma) {
                    (1, false) => Ok(items.remove(0)),
                    (0, _) => Err(self.unexpected("a value")),
                    _ => Ok(Ast::List(items)),
                }
            }
            Token::Sign("[") => Ok(Ast::List(self.items("]")?.0)),
            Token::Sign("{") => self.dict(),
            Token::Sign(_) => {
                self.at -= 1;
                Err(self.unexpected("a value"))
            }
        }
    }

    /// Expressions up to a bracket, and whether there was a comma. A comma may be the last.
    fn items(&mut self, close: &'static str) -> Result<(Vec<Ast>, bool), Unparsed> {
        let mut items = Vec::new();
        let mut comma = false;
        while !self.takes(close) {
            items.push(self.expression()?);
            if self.takes(",") {
                comma = true;
            } else {
                self.expect(close)?;
                break;
            }
        }
        Ok((items, comma))
    }

    fn dict(&mut self) -> Parsed {
        let mut entries = Vec::new();
        while !self.takes("}") {
            let key = match self.tokens.get(self.at) {
                Some((Token::Text(text) | Token::Name(text), _)) => text.clone(),
                Some((Token::Int(number), _)) => number.to_string(),
                _ => return Err(self.unexpected("a key")),
            };
            self.at += 1;
            self.expect(":")?;
            entries.push((key, self.expression()?));
            if !self.takes(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Ast::Dict(entries))
    }

    fn arguments_if_any(&mut self) -> Result<Vec<Argument>, Unparsed> {
        let mut arguments = Vec::new();
        if !self.takes("(") {
            return Ok(arguments);
        }
        while !self.takes(")") {
            let named = matches!(self.tokens.get(self.at + 1), Some((Token::Sign("="), _)));
            let name = match self.tokens.get(self.at) {
                Some((Token::Name(name), _)) if named => {
                    let name = name.clone();
                    self.at += 2;
                    Some(name)
                }
                _ => None,
            };
            let value = self.expression()?;
            arguments.push(Argument { name, value });
            if !self.takes(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(arguments)
    }

    fn link(&mut self, ast: Ast) -> Parsed {
        self.links += 1;
        match self.links > LINKS_MAX {
            true => Err(self.fail(format!("it has more than {LINKS_MAX} operators"))),
            false => Ok(ast),
        }
    }

    fn name(&mut self) -> Result<String, Unparsed> {
        match self.tokens.get(self.at) {
            Some((Token::Name(name), _)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.tokens.get(self.at), Some((Token::Sign(it), _)) if *it == sign)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Unparsed> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("'{sign}'"))),
        }
    }

    fn word(&self, ahead: usize) -> Option<&str> {
        match self.tokens.get(self.at + ahead) {
            Some((Token::Name(name), _)) => Some(name),
            _ => None,
        }
    }

    fn is_word(&self, ahead: usize, word: &str) -> bool {
        self.word(ahead) == Some(word)
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = self.is_word(0, word);
        self.at += usize::from(found);
        found
    }

    fn unexpected(&self, wanted: &str) -> Unparsed {
        let found = match self.tokens.get(self.at) {
            None => "the end".to_owned(),
            Some((Token::Name(text), _)) => format!("'{text}'"),
            Some((Token::Text(text), _)) => format!("the text '{text}'"),
            Some((Token::Int(number), _)) => number.to_string(),
            Some((Token::Float(number), _)) => number.to_string(),
            Some((Token::Sign(sign), _)) => format!("'{sign}'"),
        };
        self.fail(format!("expected {wanted}, found {found}"))
    }

    fn fail(&self, message: String) -> Unparsed {
        let at = self.tokens.get(self.at).map_or(self.end, |(_, at)| *at);
        Unparsed { message, at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_bind_tighter_than_operators() {
        let name = |name: &str| Box::new(Ast::Name(name.to_owned()));
        let upper = |base| Box::new(Ast::Filter(base, "upper".to_owned(), Vec::new()));
        assert_eq!(
            parse("a + b|upper"),
            Ok(Ast::Binary(Operator::Add, name("a"), upper(name("b"))))
        );
        assert_eq!(
            parse("not a is defined and b"),
            Ok(Ast::And(
                Ast::Not(Ast::Test(name("a"), "defined".to_owned(), None, false).into()).into(),
                name("b")
            ))
        );
        assert_eq!(
            parse("a if b is defined else c"),
            Ok(Ast::Choice(
                Ast::Test(name("b"), "defined".to_owned(), None, false).into(),
                name("a"),
                name("c")
            ))
        );
    }

    #[test]
    fn what_cannot_be_parsed_says_where() {
        for (source, at) in [
            ("a +", 3),
            ("a b", 2),
            ("(a", 2),
            ("a | ", 2),
            ("'a", 0),
            ("a ; b", 2),
            ("", 0),
        ] {
            assert_eq!(parse(source).unwrap_err().at, at, "{source}");
        }
        let deep = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
        assert!(parse(&deep).is_err());
        assert!(parse(&"-".repeat(5_000)).is_err());
        assert!(parse(&"a.".repeat(30_000)).is_err());
        assert!(parse(&format!("a{}", "|upper".repeat(5_000))).is_err());
        assert!(parse(&format!("a{}", "+a".repeat(5_000))).is_err());
    }
}
