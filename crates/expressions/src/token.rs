//! The lexer: one expression (without `${` and `}`) to tokens, as Spring's `Tokenizer` cuts it.

use crate::error::{Error, Result, grouped, utf16_at};

/// A token and the bytes it covers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub kind: Kind,
    /// Text of names, literals and of operators that were written as words (`mod`, `NE`).
    pub text: Option<String>,
    pub start: usize,
    pub end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Long,
    HexInt,
    HexLong,
    Text,
    Real,
    RealFloat,
    Name,
    LeftParen,
    RightParen,
    Comma,
    Colon,
    Hash,
    RightSquare,
    LeftSquare,
    LeftCurly,
    RightCurly,
    Dot,
    Plus,
    Star,
    Minus,
    SelectFirst,
    SelectLast,
    Question,
    Project,
    Divide,
    GreaterEqual,
    Greater,
    LessEqual,
    Less,
    Equal,
    NotEqual,
    Modulo,
    Not,
    Assign,
    Power,
    Select,
    Elvis,
    SafeNavigation,
    Bean,
    FactoryBean,
    Or,
    And,
    Increment,
    Decrement,
}

impl Kind {
    /// Name and characters of Spring's `TokenKind`; the lower-case name and the characters appear in messages.
    fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Int => ("literal_int", ""),
            Self::Long => ("literal_long", ""),
            Self::HexInt => ("literal_hexint", ""),
            Self::HexLong => ("literal_hexlong", ""),
            Self::Text => ("literal_string", ""),
            Self::Real => ("literal_real", ""),
            Self::RealFloat => ("literal_real_float", ""),
            Self::Name => ("identifier", ""),
            Self::LeftParen => ("lparen", "("),
            Self::RightParen => ("rparen", ")"),
            Self::Comma => ("comma", ","),
            Self::Colon => ("colon", ":"),
            Self::Hash => ("hash", "#"),
            Self::RightSquare => ("rsquare", "]"),
            Self::LeftSquare => ("lsquare", "["),
            Self::LeftCurly => ("lcurly", "{"),
            Self::RightCurly => ("rcurly", "}"),
            Self::Dot => ("dot", "."),
            Self::Plus => ("plus", "+"),
            Self::Star => ("star", "*"),
            Self::Minus => ("minus", "-"),
            Self::SelectFirst => ("select_first", "^["),
            Self::SelectLast => ("select_last", "$["),
            Self::Question => ("qmark", "?"),
            Self::Project => ("project", "!["),
            Self::Divide => ("div", "/"),
            Self::GreaterEqual => ("ge", ">="),
            Self::Greater => ("gt", ">"),
            Self::LessEqual => ("le", "<="),
            Self::Less => ("lt", "<"),
            Self::Equal => ("eq", "=="),
            Self::NotEqual => ("ne", "!="),
            Self::Modulo => ("mod", "%"),
            Self::Not => ("not", "!"),
            Self::Assign => ("assign", "="),
            Self::Power => ("power", "^"),
            Self::Select => ("select", "?["),
            Self::Elvis => ("elvis", "?:"),
            Self::SafeNavigation => ("safe_navi", "?."),
            Self::Bean => ("bean_ref", "@"),
            Self::FactoryBean => ("factory_bean_ref", "&"),
            Self::Or => ("symbolic_or", "||"),
            Self::And => ("symbolic_and", "&&"),
            Self::Increment => ("inc", "++"),
            Self::Decrement => ("dec", "--"),
        }
    }

    /// As messages name it: `rparen())`, `identifier`.
    pub fn shown(self) -> String {
        match self.parts() {
            (name, "") => name.to_owned(),
            (name, symbol) => format!("{name}({symbol})"),
        }
    }

    /// Operators that may be written as a word, and then also serve as names.
    fn word(text: &str) -> Option<Self> {
        Some(match text.to_ascii_uppercase().as_str() {
            "DIV" => Self::Divide,
            "EQ" => Self::Equal,
            "GE" => Self::GreaterEqual,
            "GT" => Self::Greater,
            "LE" => Self::LessEqual,
            "LT" => Self::Less,
            "MOD" => Self::Modulo,
            "NE" => Self::NotEqual,
            "NOT" => Self::Not,
            _ => return None,
        })
    }
}

impl Token {
    /// As Spring's parser prints a token in a message.
    pub fn shown(&self) -> String {
        match (self.kind.parts().1, &self.text) {
            ("", Some(text)) => text.clone(),
            _ => self.kind.shown(),
        }
    }

    /// Whether it can stand where a name is expected.
    pub fn is_name(&self) -> bool {
        self.kind == Kind::Name || self.text.is_some() && !self.kind.parts().1.is_empty()
    }

    pub fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Name
            && self
                .text
                .as_deref()
                .is_some_and(|text| text.eq_ignore_ascii_case(word))
    }
}

/// Cuts `source` into tokens.
///
/// # Errors
/// Characters that begin no token, unterminated text literals and malformed numbers, with Spring's codes.
pub(crate) fn tokens(source: &str) -> Result<Vec<Token>> {
    let mut lexer = Lexer {
        source,
        at: 0,
        out: Vec::new(),
    };
    while let Some(c) = lexer.peek() {
        lexer.next_token(c)?;
    }
    Ok(lexer.out)
}

const PAIRS: [(&str, Kind); 14] = [
    ("++", Kind::Increment),
    ("--", Kind::Decrement),
    ("^[", Kind::SelectFirst),
    ("!=", Kind::NotEqual),
    ("![", Kind::Project),
    ("==", Kind::Equal),
    ("&&", Kind::And),
    ("||", Kind::Or),
    ("?[", Kind::Select),
    ("?:", Kind::Elvis),
    ("?.", Kind::SafeNavigation),
    ("$[", Kind::SelectLast),
    (">=", Kind::GreaterEqual),
    ("<=", Kind::LessEqual),
];

const SINGLES: [(char, Kind); 23] = [
    ('+', Kind::Plus),
    ('-', Kind::Minus),
    (':', Kind::Colon),
    ('.', Kind::Dot),
    (',', Kind::Comma),
    ('*', Kind::Star),
    ('/', Kind::Divide),
    ('%', Kind::Modulo),
    ('(', Kind::LeftParen),
    (')', Kind::RightParen),
    ('[', Kind::LeftSquare),
    (']', Kind::RightSquare),
    ('#', Kind::Hash),
    ('{', Kind::LeftCurly),
    ('}', Kind::RightCurly),
    ('@', Kind::Bean),
    ('^', Kind::Power),
    ('!', Kind::Not),
    ('=', Kind::Assign),
    ('&', Kind::FactoryBean),
    ('?', Kind::Question),
    ('>', Kind::Greater),
    ('<', Kind::Less),
];

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    out: Vec<Token>,
}

impl<'s> Lexer<'s> {
    fn peek(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.source
            .as_bytes()
            .get(self.at + ahead)
            .copied()
            .unwrap_or(0)
    }

    fn next_token(&mut self, c: char) -> Result<()> {
        match c {
            ' ' | '\t' | '\r' | '\n' | '\u{0}' => {
                self.at += 1;
                return Ok(());
            }
            '\'' | '"' => return self.text(c),
            '0'..='9' => return self.number(),
            _ => {}
        }
        let rest = &self.source[self.at..];
        if let Some((symbol, kind)) = PAIRS.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
            self.push(*kind, symbol.len());
            return Ok(());
        }
        if begins_name(c) {
            self.name();
            return Ok(());
        }
        if let Some((_, kind)) = SINGLES.iter().find(|(symbol, _)| *symbol == c) {
            self.push(*kind, 1);
            return Ok(());
        }
        match c {
            '|' => Err(self.failure(1069, "Missing expected character '|'", self.at)),
            '\\' => Err(self.failure(1065, "Unexpected escape character", self.at)),
            _ => {
                // The original looks at UTF-16 units; of a pair it reports the first.
                let unit = c.encode_utf16(&mut [0; 2])[0];
                let shown = char::from_u32(u32::from(unit)).map_or("?".to_owned(), String::from);
                let number = grouped(i64::from(unit));
                let text =
                    format!("Unsupported character '{shown}' ({number}) encountered in expression");
                let after = utf16_at(self.source, self.at) + 1;
                let source = self.source;
                Err(Error::new(
                    crate::error::SPEL_PARSE,
                    format!("Expression [{source}] @{after}: EL1082E: {text}"),
                )
                .at(self.at))
            }
        }
    }

    fn push(&mut self, kind: Kind, length: usize) {
        self.out.push(Token {
            kind,
            text: None,
            start: self.at,
            end: self.at + length,
        });
        self.at += length;
    }

    fn push_text(&mut self, kind: Kind, start: usize, from: usize, to: usize) {
        self.out.push(Token {
            kind,
            text: Some(self.source[from..to].to_owned()),
            start,
            end: to,
        });
    }

    fn failure(&self, code: u16, text: &str, at: usize) -> Error {
        Error::parse(code, text, Some(self.source), at)
    }

    fn name(&mut self) {
        let start = self.at;
        let rest = &self.source[start..];
        let length = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| !(begins_name(*c) || c.is_ascii_digit()))
            .map_or(rest.len(), |(at, _)| at);
        self.at += length;
        let text = &self.source[start..self.at];
        let kind = Kind::word(text).unwrap_or(Kind::Name);
        self.push_text(kind, start, start, self.at);
    }

    fn text(&mut self, quote: char) -> Result<()> {
        let start = self.at;
        let mut at = start + 1;
        loop {
            match self.source[at..].find(quote) {
                None => {
                    let (code, text) = match quote {
                        '"' => (1045, "Cannot find terminating \" for string"),
                        _ => (1046, "Cannot find terminating ' for string"),
                    };
                    return Err(self.failure(code, text, start));
                }
                Some(found) => {
                    at += found + 1;
                    if !self.source[at..].starts_with(quote) {
                        break;
                    }
                    at += 1;
                }
            }
        }
        self.at = at;
        let inner = &self.source[start + 1..at - 1];
        let doubled: String = [quote, quote].iter().collect();
        let text = inner.replace(&doubled, &quote.to_string());
        self.out.push(Token {
            kind: Kind::Text,
            text: Some(text),
            start,
            end: at,
        });
        Ok(())
    }

    fn digits(&mut self) {
        while self.byte(0).is_ascii_digit() {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<()> {
        let start = self.at;
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X') {
            return self.hex(start);
        }
        self.digits();
        let mut real = false;
        if self.byte(0) == b'.' {
            if !self.byte(1).is_ascii_digit() {
                // `3.toString()`: an int, and the dot is a token of its own.
                self.push_text(Kind::Int, start, start, self.at);
                return Ok(());
            }
            real = true;
            self.at += 1;
            self.digits();
        }
        let end = self.at;
        match self.byte(0) {
            b'L' | b'l' => {
                if real {
                    let text = "Real number cannot be suffixed with a long (L or l) suffix";
                    return Err(self.failure(1048, text, start));
                }
                self.push_text(Kind::Long, start, start, end);
                self.at += 1;
            }
            b'e' | b'E' => {
                self.at += 1;
                if matches!(self.byte(0), b'+' | b'-') {
                    self.at += 1;
                }
                // At least one character is taken whatever it is; a number that is none fails when it is converted.
                let Some(c) = self.peek() else {
                    return Err(self.read_beyond().at(start));
                };
                self.at += c.len_utf8();
                self.digits();
                let kind = self.real_suffix();
                self.push_text(kind, start, start, self.at);
            }
            b'f' | b'F' | b'd' | b'D' => {
                let kind = self.real_suffix();
                self.push_text(kind, start, start, self.at);
            }
            _ => self.push_text(if real { Kind::Real } else { Kind::Int }, start, start, end),
        }
        Ok(())
    }

    /// Quirk of the original: an exponent that ends before its first digit makes it read behind its text.
    fn read_beyond(&self) -> Error {
        let end = utf16_at(self.source, self.source.len()) + 1;
        Error::new(
            "java.lang.ArrayIndexOutOfBoundsException",
            format!("Index {end} out of bounds for length {end}"),
        )
    }

    fn real_suffix(&mut self) -> Kind {
        match self.byte(0) {
            b'f' | b'F' => {
                self.at += 1;
                Kind::RealFloat
            }
            b'd' | b'D' => {
                self.at += 1;
                Kind::Real
            }
            _ => Kind::Real,
        }
    }

    fn hex(&mut self, start: usize) -> Result<()> {
        self.at += 2;
        let from = self.at;
        while self.byte(0).is_ascii_hexdigit() {
            self.at += 1;
        }
        let end = self.at;
        let long = matches!(self.byte(0), b'L' | b'l');
        if from == end {
            let shown = &self.source[start..end + usize::from(long)];
            return Err(match long {
                true => self.failure(
                    1036,
                    &format!("The value '{shown}' cannot be parsed as a long"),
                    start,
                ),
                false => self.failure(
                    1035,
                    &format!("The value '{shown}' cannot be parsed as an int"),
                    start,
                ),
            });
        }
        self.push_text(
            if long { Kind::HexLong } else { Kind::HexInt },
            start,
            from,
            end,
        );
        self.at += usize::from(long);
        Ok(())
    }
}

/// Java's `Character.isLetter` of one UTF-16 unit, or `_` or `$`.
fn begins_name(c: char) -> bool {
    c == '_'
        || c == '$'
        || c.is_ascii_alphabetic()
        || (!c.is_ascii() && u32::from(c) <= 0xFFFF && c.is_alphabetic())
}
