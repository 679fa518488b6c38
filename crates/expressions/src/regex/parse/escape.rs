//! What a backslash begins.

use super::{Escape, Parser, Step};
use crate::regex::class::{self, LINE_ENDS};
use crate::regex::syntax::{Node, Place};
use regex_syntax::hir::ClassUnicode;

impl Parser {
    /// What stands behind a backslash.
    pub(super) fn escape(&mut self, in_class: bool) -> Step<Escape> {
        let Some(c) = self.bump() else {
            return Err(self.refused("Unexpected internal error"));
        };
        let unicode = self.flags.unicode_classes;
        let unix = self.flags.unix_lines;
        let place = |place: Place| Ok(Escape::Node(Node::At(place)));
        match c {
            'A' if !in_class => place(Place::Start),
            'z' if !in_class => place(Place::End),
            'Z' if !in_class => place(Place::EndOfInput { unix }),
            'G' if !in_class => place(Place::LastMatch),
            'b' if !in_class && self.chars[self.at..].starts_with(&['{', 'g']) => {
                Err(self.refused("\\b{g} is not supported"))
            }
            'b' | 'B' if !in_class => place(Place::Word {
                negative: c == 'B',
                unicode,
            }),
            'R' if !in_class => {
                let ends = Self::class_node(&class::of(&LINE_ENDS));
                let pair = Node::Sequence(vec![
                    Self::class_node(&class::single('\r')),
                    Self::class_node(&class::single('\n')),
                ]);
                Ok(Escape::Node(Node::Alternatives(vec![pair, ends])))
            }
            'X' if !in_class => self.cluster().map(Escape::Node),
            'k' if !in_class => self.named_reference().map(Escape::Node),
            '1'..='9' if !in_class => {
                self.at -= 1;
                Ok(Escape::Node(self.reference()))
            }
            'd' | 'w' | 's' | 'h' | 'v' => Ok(Escape::Set(self.perl(c))),
            'D' | 'W' | 'S' | 'H' | 'V' => {
                let set = self.perl(c.to_ascii_lowercase());
                Ok(Escape::Set(class::negated(set)))
            }
            'p' | 'P' => self.property(c == 'P').map(Escape::Set),
            't' => Ok(Escape::Char('\t')),
            'n' => Ok(Escape::Char('\n')),
            'r' => Ok(Escape::Char('\r')),
            'f' => Ok(Escape::Char('\u{c}')),
            'a' => Ok(Escape::Char('\u{7}')),
            'e' => Ok(Escape::Char('\u{1b}')),
            'c' => match self.bump() {
                Some(control) => self.code(u32::from(control) ^ 64),
                None => Err(self.refused_here("Illegal control escape sequence")),
            },
            '0' => self.octal(),
            'x' => self.hexadecimal(),
            'u' => self.unit(),
            'N' if self.raw() == Some('{') => Err(self.refused("\\N{…} is not supported")),
            'N' => Err(self.refused("Illegal character name escape sequence")),
            c if c.is_ascii_alphanumeric() => {
                Err(self.refused_here("Illegal/unsupported escape sequence"))
            }
            c => Ok(Escape::Char(c)),
        }
    }

    /// `\1`: as many digits as name a group that was opened before.
    fn reference(&mut self) -> Node {
        self.refers_back = true;
        let mut group = 0;
        while let Some(digit) = self.raw().and_then(|c| c.to_digit(10)) {
            let longer = group * 10 + digit as usize;
            if group != 0 && longer > self.groups {
                break;
            }
            group = longer;
            self.at += 1;
        }
        Node::Back {
            group,
            fold: self.fold(),
        }
    }

    fn named_reference(&mut self) -> Step<Node> {
        if !self.eat('<') {
            return Err(self.refused("\\k is not followed by '<' for named capturing group"));
        }
        self.refers_back = true;
        let first = self.bump();
        let name = self.group_name(first)?;
        match self.names.iter().find(|(known, _)| *known == name) {
            Some((_, group)) => Ok(Node::Back {
                group: *group,
                fold: self.fold(),
            }),
            None => {
                Err(self.refused_here(format!("named capturing group <{name}> does not exist")))
            }
        }
    }

    fn octal(&mut self) -> Step<Escape> {
        let mut value = 0;
        let mut count = 0;
        while let Some(digit) = self.raw().and_then(|c| c.to_digit(8)) {
            if count == 3 || value * 8 + digit > 0o377 {
                break;
            }
            value = value * 8 + digit;
            count += 1;
            self.at += 1;
        }
        match count {
            0 => Err(self.refused("Illegal octal escape sequence")),
            _ => self.code(value),
        }
    }

    fn hexadecimal(&mut self) -> Step<Escape> {
        if !self.eat('{') {
            let value = self.digits(2);
            let value = value.ok_or_else(|| self.refused("Illegal hexadecimal escape sequence"))?;
            return self.code(value);
        }
        let mut value = 0u32;
        loop {
            match self.bump() {
                Some('}') => return self.code(value),
                Some(c) => match c.to_digit(16) {
                    Some(digit) if value < 0x11_0000 => value = value * 16 + digit,
                    _ => return Err(self.refused("Unclosed hexadecimal escape sequence")),
                },
                None => return Err(self.refused("Unclosed hexadecimal escape sequence")),
            }
        }
    }

    /// `\uXXXX`; two of them may be the halves of one character.
    fn unit(&mut self) -> Step<Escape> {
        let wrong = |parser: &Self| parser.refused("Illegal Unicode escape sequence");
        let high = self.digits(4).ok_or_else(|| wrong(self))?;
        if (0xD800..0xDC00).contains(&high) {
            let start = self.at;
            let low = if self.eat('\\') && self.eat('u') {
                self.digits(4).filter(|low| (0xDC00..0xE000).contains(low))
            } else {
                None
            };
            if let Some(low) = low {
                return self.code(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
            }
            self.at = start;
        }
        self.code(high)
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value * 16 + self.raw()?.to_digit(16)?;
            self.at += 1;
        }
        Some(value)
    }

    fn code(&self, value: u32) -> Step<Escape> {
        match char::from_u32(value) {
            Some(c) => Ok(Escape::Char(c)),
            None if value < 0x11_0000 => Ok(Escape::Half(value)),
            None => Err(self.refused("Hexadecimal codepoint is too big")),
        }
    }

    /// The name behind `\p`, with or without braces.
    fn property(&mut self, negated: bool) -> Step<ClassUnicode> {
        let name: String = match self.bump() {
            Some('{') => {
                let rest = &self.chars[self.at..];
                let Some(length) = rest.iter().position(|c| *c == '}') else {
                    self.at = self.chars.len();
                    return Err(self.refused("Unclosed character family"));
                };
                let name = rest[..length].iter().collect();
                self.at += length + 1;
                name
            }
            Some(c) => c.to_string(),
            None => return Err(self.refused("Unknown character property name {\0}")),
        };
        if name.is_empty() {
            return Err(self.refused_here("Empty character family"));
        }
        let flags = self.flags;
        let key = format!("{name} {} {}", flags.unicode_classes, flags.ignore_case);
        let set = match self.sets.get(&key) {
            Some(set) => set.clone(),
            None => {
                let set = match self.inner {
                    true => class::unicode_property(&name),
                    false => class::property(&name, flags.unicode_classes, flags.ignore_case),
                };
                let set = set.ok_or_else(|| {
                    self.refused_here(match name.split_once('=') {
                        Some((name, value)) => format!(
                            "Unknown Unicode property {{name=<{}>, value=<{value}>}}",
                            name.to_lowercase()
                        ),
                        None => format!("Unknown character property name {{{name}}}"),
                    })
                })?;
                self.sets.insert(key, set.clone());
                set
            }
        };
        Ok(match negated {
            true => class::negated(set),
            false => set,
        })
    }
}
