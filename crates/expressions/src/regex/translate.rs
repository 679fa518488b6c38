//! Java's pattern syntax into that of the Rust engine.
//!
//! Java's classes are ASCII, its line ends are five, `(?i)` knows ASCII letters only. All of this is written out, so that
//! the result does not depend on flags of the engine.

/// Why a pattern is refused, and at which character.
pub(super) struct Refused {
    pub text: String,
    pub at: Option<usize>,
}

const LINE_END: &str = r"(?:\r\n|[\n\r\x{85}\x{2028}\x{2029}])";
const NO_LINE_END: &str = r"[^\n\r\x{85}\x{2028}\x{2029}]";
const NESTING_MAX: u32 = 64;

#[derive(Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
    comments: bool,
    unicode_case: bool,
    unix_lines: bool,
}

struct Translator {
    chars: Vec<char>,
    at: usize,
    out: String,
    flags: Flags,
    depth: u32,
}

type Step<T = ()> = Result<T, Refused>;

pub(super) fn translate(pattern: &str) -> Result<String, Refused> {
    let mut translator = Translator {
        chars: pattern.chars().collect(),
        at: 0,
        out: String::new(),
        flags: Flags::default(),
        depth: 0,
    };
    translator.alternatives()?;
    if translator.at < translator.chars.len() {
        return Err(translator.refused_before("Unmatched closing ')'"));
    }
    Ok(translator.out)
}

impl Translator {
    fn refused(&self, text: impl Into<String>) -> Refused {
        Refused {
            text: text.into(),
            at: Some(self.at),
        }
    }

    /// As [`Self::refused`], for what Java notices one character later.
    fn refused_before(&self, text: impl Into<String>) -> Refused {
        Refused {
            text: text.into(),
            at: self.at.checked_sub(1),
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn ahead(&self, by: usize) -> Option<char> {
        self.chars.get(self.at + by).copied()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += 1;
        c
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += 1;
        }
        found
    }

    /// Everything up to the closing bracket of the group, or to the end.
    fn alternatives(&mut self) -> Step {
        while let Some(c) = self.peek() {
            match c {
                ')' => return Ok(()),
                '|' => {
                    self.at += 1;
                    self.out.push('|');
                }
                '(' => {
                    self.group()?;
                    self.quantifier()?;
                }
                '[' => {
                    self.at += 1;
                    let class = self.class()?;
                    self.out.push_str(&class);
                    self.quantifier()?;
                }
                '\\' => {
                    if self.escape()? {
                        self.quantifier()?;
                    }
                }
                '^' => {
                    self.at += 1;
                    self.out
                        .push_str(match (self.flags.multi_line, self.flags.unix_lines) {
                            (false, _) => r"\A",
                            (true, true) => r"(?:\A|(?<=\n)(?!\z))",
                            (true, false) => {
                                r"(?:\A|(?<=[\n\x{85}\x{2028}\x{2029}])(?!\z)|(?<=\r)(?!\n)(?!\z))"
                            }
                        });
                }
                '$' => {
                    self.at += 1;
                    self.dollar(self.flags.multi_line);
                }
                '.' => {
                    self.at += 1;
                    self.out
                        .push_str(match (self.flags.dot_all, self.flags.unix_lines) {
                            (true, _) => "(?s:.)",
                            (false, true) => r"[^\n]",
                            (false, false) => NO_LINE_END,
                        });
                    self.quantifier()?;
                }
                '*' | '+' | '?' => {
                    return Err(self.refused(format!("Dangling meta character '{c}'")));
                }
                '{' => return Err(self.refused("Illegal repetition")),
                '#' if self.flags.comments => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                c if self.flags.comments && c.is_ascii_whitespace() => self.at += 1,
                c => {
                    self.at += 1;
                    self.literal(c);
                    self.quantifier()?;
                }
            }
        }
        Ok(())
    }

    fn dollar(&mut self, multi_line: bool) {
        let unix = self.flags.unix_lines;
        self.out.push_str(&match (multi_line, unix) {
            (false, false) => format!("(?={LINE_END}?\\z)"),
            (false, true) => r"(?=\n?\z)".to_owned(),
            (true, false) => format!("(?=\\z|{LINE_END})"),
            (true, true) => r"(?=\z|\n)".to_owned(),
        });
    }

    fn literal(&mut self, c: char) {
        if self.flags.ignore_case
            && let Some(other) = self.other_case(c)
        {
            self.out.push('[');
            self.out.push(c);
            self.out.push(other);
            self.out.push(']');
            return;
        }
        push_literal(&mut self.out, c);
    }

    fn other_case(&self, c: char) -> Option<char> {
        if c.is_ascii_alphabetic() {
            return Some(if c.is_ascii_lowercase() {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            });
        }
        if !self.flags.unicode_case {
            return None;
        }
        let mut folded: Box<dyn Iterator<Item = char>> = if c.is_lowercase() {
            Box::new(c.to_uppercase())
        } else {
            Box::new(c.to_lowercase())
        };
        let first = folded.next()?;
        (folded.next().is_none() && first != c).then_some(first)
    }

    fn group(&mut self) -> Step {
        self.at += 1;
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.refused("groups are nested too deep"));
        }
        let outer = self.flags;
        if self.eat('?') {
            match self.bump() {
                Some(':') => self.out.push_str("(?:"),
                Some('=') => self.out.push_str("(?="),
                Some('!') => self.out.push_str("(?!"),
                Some('>') => self.out.push_str("(?>"),
                Some('<') => match self.peek() {
                    Some('=') => {
                        self.at += 1;
                        self.out.push_str("(?<=");
                    }
                    Some('!') => {
                        self.at += 1;
                        self.out.push_str("(?<!");
                    }
                    _ => {
                        let mut name = String::new();
                        loop {
                            match self.bump() {
                                Some('>') => break,
                                Some(c) if c.is_ascii_alphanumeric() => name.push(c),
                                _ => {
                                    return Err(self
                                        .refused("named capturing group is missing trailing '>'"));
                                }
                            }
                        }
                        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                            self.at -= name.len() + 1;
                            return Err(self.refused(
                                "capturing group name does not start with a Latin letter",
                            ));
                        }
                        self.out.push_str("(?<");
                        self.out.push_str(&name);
                        self.out.push('>');
                    }
                },
                Some(_) => {
                    self.at -= 1;
                    let flags = self.read_flags()?;
                    match self.bump() {
                        Some(')') => {
                            // `(?i)` holds until the end of the enclosing group.
                            self.flags = flags;
                            self.depth -= 1;
                            return Ok(());
                        }
                        Some(':') => {
                            self.flags = flags;
                            self.out.push_str("(?:");
                        }
                        _ => return Err(self.refused("Unknown inline modifier")),
                    }
                }
                None => return Err(self.refused("Unknown group type")),
            }
        } else {
            self.out.push('(');
        }
        self.alternatives()?;
        if !self.eat(')') {
            return Err(self.refused("Unclosed group"));
        }
        self.out.push(')');
        self.flags = outer;
        self.depth -= 1;
        Ok(())
    }

    fn read_flags(&mut self) -> Step<Flags> {
        let mut flags = self.flags;
        let mut on = true;
        while let Some(c) = self.peek() {
            match c {
                'i' => flags.ignore_case = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_all = on,
                'x' => flags.comments = on,
                'u' => flags.unicode_case = on,
                'd' => flags.unix_lines = on,
                '-' => on = false,
                'U' | 'c' => return Err(self.refused(format!("the flag '{c}' is not supported"))),
                ':' | ')' => break,
                _ => return Err(self.refused("Unknown inline modifier")),
            }
            self.at += 1;
        }
        Ok(flags)
    }

    fn quantifier(&mut self) -> Step {
        while self.flags.comments && self.peek().is_some_and(|c| c.is_ascii_whitespace()) {
            self.at += 1;
        }
        match self.peek() {
            Some(c @ ('*' | '+' | '?')) => {
                self.at += 1;
                self.out.push(c);
            }
            Some('{') => {
                self.at += 1;
                let low = self
                    .digits()?
                    .ok_or_else(|| self.refused("Illegal repetition"))?;
                let mut text = format!("{{{low}");
                if self.eat(',') {
                    text.push(',');
                    if let Some(high) = self.digits()? {
                        if high < low {
                            return Err(self.refused("Illegal repetition range"));
                        }
                        text.push_str(&high.to_string());
                    }
                }
                if !self.eat('}') {
                    return Err(self.refused("Unclosed counted closure"));
                }
                text.push('}');
                self.out.push_str(&text);
            }
            _ => return Ok(()),
        }
        if let Some(c @ ('?' | '+')) = self.peek() {
            self.at += 1;
            self.out.push(c);
        }
        // A quantifier after a quantifier is an error in Java, and here it would mean something else.
        match self.peek() {
            Some(c @ ('*' | '+' | '?')) => {
                Err(self.refused(format!("Dangling meta character '{c}'")))
            }
            _ => Ok(()),
        }
    }

    fn digits(&mut self) -> Step<Option<u32>> {
        let mut value: Option<u32> = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            let next = value
                .unwrap_or(0)
                .checked_mul(10)
                .and_then(|v| v.checked_add(digit));
            value = Some(
                next.filter(|v| *v <= 10_000)
                    .ok_or_else(|| self.refused("Illegal repetition range"))?,
            );
            self.at += 1;
        }
        Ok(value)
    }

    /// An escape outside of a class. Says whether a quantifier may follow.
    fn escape(&mut self) -> Step<bool> {
        self.at += 1;
        let Some(c) = self.peek() else {
            return Err(self.refused("Unexpected internal error"));
        };
        match c {
            'Q' => {
                self.at += 1;
                while self.at < self.chars.len() {
                    if self.peek() == Some('\\') && self.ahead(1) == Some('E') {
                        self.at += 2;
                        return Ok(true);
                    }
                    let c = self.bump().unwrap_or('\\');
                    self.literal(c);
                }
                return Ok(true);
            }
            'b' => self.out.push_str(
                r"(?:(?<=[\p{L}\p{N}_])(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(?=[\p{L}\p{N}_]))",
            ),
            'B' => self.out.push_str(
                r"(?:(?<=[\p{L}\p{N}_])(?=[\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(?![\p{L}\p{N}_]))",
            ),
            'A' => self.out.push_str(r"\A"),
            'z' => self.out.push_str(r"\z"),
            'Z' => {
                self.at += 1;
                self.dollar(false);
                return Ok(false);
            }
            'R' => {
                self.out
                    .push_str(r"(?:\r\n|[\n\x0B\f\r\x{85}\x{2028}\x{2029}])");
                self.at += 1;
                return Ok(true);
            }
            'G' | 'X' => return Err(self.refused(format!("\\{c} is not supported"))),
            'k' => {
                self.at += 1;
                let mut name = String::new();
                if !self.eat('<') {
                    return Err(
                        self.refused("\\k is not followed by '<' for named capturing group")
                    );
                }
                loop {
                    match self.bump() {
                        Some('>') => break,
                        Some(c) if c.is_ascii_alphanumeric() => name.push(c),
                        _ => {
                            return Err(
                                self.refused("named capturing group is missing trailing '>'")
                            );
                        }
                    }
                }
                if self.flags.ignore_case {
                    return Err(self.refused("a back reference that ignores case is not supported"));
                }
                self.out.push_str(&format!("\\k<{name}>"));
                return Ok(true);
            }
            '1'..='9' => {
                if self.flags.ignore_case {
                    return Err(self.refused("a back reference that ignores case is not supported"));
                }
                let groups = count_groups(&self.out);
                let mut number = 0;
                while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
                    let longer = number * 10 + digit;
                    if number != 0 && longer > groups {
                        break;
                    }
                    number = longer;
                    self.at += 1;
                }
                if number > groups {
                    // Java lets such a reference compile and never match.
                    self.out.push_str("(?!)");
                } else {
                    self.out.push_str(&format!("(?:\\{number})"));
                }
                return Ok(true);
            }
            _ => {
                let unit = self.unit()?;
                match unit {
                    Unit::Char(c) => self.literal(c),
                    Unit::Class(class) => self.out.push_str(&class),
                }
                return Ok(true);
            }
        }
        self.at += 1;
        Ok(false)
    }

    /// An escape that stands for a character or a class, inside and outside of brackets; `at` is behind the backslash.
    fn unit(&mut self) -> Step<Unit> {
        let c = self
            .bump()
            .ok_or_else(|| self.refused("Illegal/unsupported escape sequence"))?;
        let class = |text: &str| Ok(Unit::Class(text.to_owned()));
        match c {
            'd' => class("[0-9]"),
            'D' => class("[^0-9]"),
            'w' => class("[a-zA-Z0-9_]"),
            'W' => class("[^a-zA-Z0-9_]"),
            's' => class(r"[ \t\n\x0B\f\r]"),
            'S' => class(r"[^ \t\n\x0B\f\r]"),
            'h' => class(r"[ \t\x{A0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]"),
            'H' => class(r"[^ \t\x{A0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]"),
            'v' => class(r"[\n\x0B\f\r\x{85}\x{2028}\x{2029}]"),
            'V' => class(r"[^\n\x0B\f\r\x{85}\x{2028}\x{2029}]"),
            'p' | 'P' => self.property(c == 'P').map(Unit::Class),
            't' => Ok(Unit::Char('\t')),
            'n' => Ok(Unit::Char('\n')),
            'r' => Ok(Unit::Char('\r')),
            'f' => Ok(Unit::Char('\u{c}')),
            'a' => Ok(Unit::Char('\u{7}')),
            'e' => Ok(Unit::Char('\u{1b}')),
            'c' => {
                let control = self
                    .bump()
                    .ok_or_else(|| self.refused("Illegal control escape sequence"))?;
                self.code(u32::from(control) ^ 64)
            }
            '0' => {
                let mut value = 0;
                let mut count = 0;
                while let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) {
                    if count == 3 || value * 8 + digit > 0o377 {
                        break;
                    }
                    value = value * 8 + digit;
                    count += 1;
                    self.at += 1;
                }
                if count == 0 {
                    return Err(self.refused("Illegal octal escape sequence"));
                }
                self.code(value)
            }
            'x' if self.eat('{') => {
                let mut value = 0u32;
                loop {
                    match self.bump() {
                        Some('}') => break,
                        Some(c) => match c.to_digit(16) {
                            Some(digit) if value < 0x11_0000 => value = value * 16 + digit,
                            _ => return Err(self.refused("Illegal hexadecimal escape sequence")),
                        },
                        None => return Err(self.refused("Unclosed hexadecimal escape sequence")),
                    }
                }
                self.code(value)
            }
            'x' => {
                let value = self
                    .hex(2)
                    .ok_or_else(|| self.refused("Illegal hexadecimal escape sequence"))?;
                self.code(value)
            }
            'u' => {
                let high = self
                    .hex(4)
                    .ok_or_else(|| self.refused("Illegal Unicode escape sequence"))?;
                if (0xD800..0xDC00).contains(&high)
                    && self.peek() == Some('\\')
                    && self.ahead(1) == Some('u')
                {
                    self.at += 2;
                    let low = self.hex(4).filter(|low| (0xDC00..0xE000).contains(low));
                    let low = low.ok_or_else(|| self.refused("Illegal Unicode escape sequence"))?;
                    return self.code(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
                }
                self.code(high)
            }
            c if c.is_ascii_alphanumeric() => {
                self.at -= 1;
                Err(self.refused("Illegal/unsupported escape sequence"))
            }
            c => Ok(Unit::Char(c)),
        }
    }

    fn code(&self, value: u32) -> Step<Unit> {
        char::from_u32(value)
            .map(Unit::Char)
            .ok_or_else(|| self.refused("not a character"))
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..digits {
            value = value * 16 + self.peek()?.to_digit(16)?;
            self.at += 1;
        }
        Some(value)
    }

    fn property(&mut self, negated: bool) -> Step<String> {
        let name: String = match self.bump() {
            Some('{') => {
                let mut name = String::new();
                loop {
                    match self.bump() {
                        Some('}') => break name,
                        Some(c) => name.push(c),
                        None => return Err(self.refused("Unclosed character family")),
                    }
                }
            }
            Some(c) => c.to_string(),
            None => return Err(self.refused("Unknown character property name")),
        };
        let not = if negated { "^" } else { "" };
        let ascii = match name.as_str() {
            "Lower" if !self.flags.ignore_case => "a-z",
            "Upper" if !self.flags.ignore_case => "A-Z",
            "Lower" | "Upper" => "a-zA-Z",
            "ASCII" => r"\x00-\x7F",
            "Alpha" => "a-zA-Z",
            "Digit" => "0-9",
            "Alnum" => "a-zA-Z0-9",
            "Punct" => r"!-/:-@\[-`{-~",
            "Graph" => "!-~",
            "Print" => " -~",
            "Blank" => r" \t",
            "Cntrl" => r"\x00-\x1F\x7F",
            "XDigit" => "0-9a-fA-F",
            "Space" => r" \t\n\x0B\f\r",
            _ => "",
        };
        if !ascii.is_empty() {
            return Ok(format!("[{not}{ascii}]"));
        }
        let unicode = match name.as_str() {
            "javaLowerCase" | "IsLowercase" => "Lowercase",
            "javaUpperCase" | "IsUppercase" => "Uppercase",
            "javaLetter" => "L",
            "javaDigit" => "Nd",
            "javaLetterOrDigit" => return Ok(format!("[{not}\\p{{L}}\\p{{Nd}}]")),
            "IsAlphabetic" => "Alphabetic",
            "IsDigit" => "Nd",
            "IsLetter" => "L",
            "IsPunctuation" => "P",
            "IsWhite_Space" | "IsWhiteSpace" => "White_Space",
            "L1" => return Ok(format!("[{not}\\x{{0}}-\\x{{FF}}]")),
            other => {
                let bare = other.strip_prefix("Is").unwrap_or(other);
                let script = other
                    .strip_prefix("script=")
                    .or_else(|| other.strip_prefix("IsScript="));
                let known = [
                    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl",
                    "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk",
                    "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf",
                ];
                let scripts = [
                    "Latin", "Greek", "Cyrillic", "Hebrew", "Arabic", "Han", "Hiragana",
                    "Katakana", "Hangul", "Thai",
                ];
                if known.contains(&bare) {
                    return Ok(format!("[{not}\\p{{{bare}}}]"));
                }
                if let Some(script) = scripts
                    .iter()
                    .find(|name| script == Some(**name) || bare == **name)
                {
                    return Ok(format!("[{not}\\p{{{script}}}]"));
                }
                return Err(
                    self.refused_before(format!("Unknown character property name {{{other}}}"))
                );
            }
        };
        Ok(format!("[{not}\\p{{{unicode}}}]"))
    }

    /// A bracketed class; `at` is behind the opening bracket. Gives one with brackets.
    fn class(&mut self) -> Step<String> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.refused("classes are nested too deep"));
        }
        let mut out = String::from("[");
        let negated = self.eat('^');
        if negated {
            out.push('^');
        }
        let mut items = 0;
        let mut intersected = false;
        let mut nested = false;
        loop {
            let Some(c) = self.peek() else {
                return Err(self.refused_before("Unclosed character class"));
            };
            match c {
                ']' if items > 0 => {
                    self.at += 1;
                    break;
                }
                '[' => {
                    self.at += 1;
                    nested = true;
                    out.push_str(&self.class()?);
                    items += 1;
                }
                '&' if self.ahead(1) == Some('&') => {
                    self.at += 2;
                    if items == 0 {
                        return Err(self.refused("Bad intersection syntax"));
                    }
                    intersected = true;
                    out.push_str("&&");
                    if self.peek() == Some(']') {
                        return Err(self.refused("Bad class syntax"));
                    }
                }
                c if self.flags.comments && c.is_ascii_whitespace() => self.at += 1,
                _ => {
                    items += 1;
                    match self.class_unit()? {
                        Unit::Class(class) => out.push_str(&class),
                        Unit::Char(low) => {
                            let range = self.peek() == Some('-')
                                && !matches!(self.ahead(1), None | Some(']' | '['))
                                && !(self.ahead(1) == Some('&') && self.ahead(2) == Some('&'));
                            if !range {
                                self.class_range(&mut out, low, low);
                                continue;
                            }
                            self.at += 1;
                            match self.class_unit()? {
                                Unit::Char(high) if high < low => {
                                    return Err(self.refused_before("Illegal character range"));
                                }
                                Unit::Char(high) => self.class_range(&mut out, low, high),
                                Unit::Class(_) => {
                                    return Err(self.refused_before("Illegal character range"));
                                }
                            }
                        }
                    }
                }
            }
        }
        out.push(']');
        self.depth -= 1;
        // Java applies `^` to the first part of an intersection or union only in some releases.
        if negated && (intersected || nested) {
            return Err(self.refused("a negated class with classes inside is not supported"));
        }
        Ok(out)
    }

    fn class_unit(&mut self) -> Step<Unit> {
        match self.bump() {
            None => Err(self.refused_before("Unclosed character class")),
            Some('\\') if matches!(self.peek(), Some('Q' | 'E')) => {
                Err(self.refused("quotation inside a class is not supported"))
            }
            Some('\\') => self.unit(),
            Some(c) => Ok(Unit::Char(c)),
        }
    }

    fn class_range(&self, out: &mut String, low: char, high: char) {
        push_range(out, low, high);
        if !self.flags.ignore_case {
            return;
        }
        for (from, to, shift) in [('a', 'z', -32i32), ('A', 'Z', 32)] {
            let (start, end) = (low.max(from), high.min(to));
            if start <= end {
                let moved =
                    |c: char| char::from_u32((u32::from(c) as i32 + shift) as u32).unwrap_or(c);
                push_range(out, moved(start), moved(end));
            }
        }
        if self.flags.unicode_case
            && low == high
            && !low.is_ascii()
            && let Some(other) = self.other_case(low)
        {
            push_range(out, other, other);
        }
    }
}

enum Unit {
    Char(char),
    Class(String),
}

fn push_range(out: &mut String, low: char, high: char) {
    out.push_str(&format!("\\x{{{:X}}}", u32::from(low)));
    if high != low {
        out.push_str(&format!("-\\x{{{:X}}}", u32::from(high)));
    }
}

fn push_literal(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || !c.is_ascii() && !c.is_whitespace() && !c.is_control() {
        out.push(c);
    } else {
        out.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
    }
}

/// Capturing groups opened so far in the translated text, where every literal bracket is written as a number.
fn count_groups(translated: &str) -> u32 {
    let mut count = 0;
    let mut in_class = 0;
    let mut chars = translated.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => in_class += 1,
            ']' => in_class -= 1,
            '(' if in_class == 0 => {
                if chars.peek() != Some(&'?') {
                    count += 1;
                    continue;
                }
                let mut ahead = chars.clone();
                ahead.next();
                let named = ahead.next() == Some('<') && !matches!(ahead.next(), Some('=' | '!'));
                count += u32::from(named);
            }
            _ => {}
        }
    }
    count
}
