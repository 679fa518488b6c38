//! Sets of characters in brackets.

use super::{Escape, NESTING_MAX, Parser, Step};
use crate::regex::class;
use regex_syntax::hir::ClassUnicode;

impl Parser {
    /// A bracketed class; `at` is behind the bracket. With `consume` the closing bracket is taken.
    pub(super) fn class(&mut self, consume: bool) -> Step<ClassUnicode> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.refused("classes are nested too deep"));
        }
        let negative = consume && self.peek() == Some('^');
        self.at += usize::from(negative);
        let mut set: Option<ClassUnicode> = None;
        let add = |set: &mut Option<ClassUnicode>, more: ClassUnicode| {
            *set = Some(match set.take() {
                None => more,
                Some(set) => class::union(set, &more),
            });
        };
        loop {
            let Some(c) = self.peek() else {
                return Err(self.refused_here("Unclosed character class"));
            };
            match c {
                '[' => {
                    self.at += 1;
                    let inner = self.class(true)?;
                    add(&mut set, inner);
                }
                '&' if self.chars.get(self.at + 1) == Some(&'&') => {
                    self.at += 2;
                    let right = self.right_side()?;
                    set = match (set, right) {
                        (None, None) => return Err(self.refused_here("Bad class syntax")),
                        (None, Some(right)) => Some(right),
                        (Some(left), None) => Some(left),
                        (Some(mut left), Some(right)) => {
                            left.intersect(&right);
                            Some(left)
                        }
                    };
                }
                ']' if set.is_some() => {
                    self.at += usize::from(consume);
                    break;
                }
                _ => {
                    let more = self.range()?;
                    add(&mut set, more);
                }
            }
        }
        self.depth -= 1;
        let set = set.unwrap_or_else(ClassUnicode::empty);
        Ok(match negative {
            true => class::negated(set),
            false => set,
        })
    }

    /// What stands right of `&&`: classes, and everything up to the end of the class.
    fn right_side(&mut self) -> Step<Option<ClassUnicode>> {
        let mut right: Option<ClassUnicode> = None;
        loop {
            let more = match self.peek() {
                None => return Err(self.refused_here("Unclosed character class")),
                Some(']' | '&') => return Ok(right),
                Some('[') => {
                    self.at += 1;
                    self.class(true)?
                }
                Some(_) => self.class(false)?,
            };
            right = Some(match right.take() {
                None => more,
                Some(right) => class::union(right, &more),
            });
        }
    }

    /// A character, a range or an escape in a class.
    fn range(&mut self) -> Step<ClassUnicode> {
        let low = match self.class_char()? {
            Escape::Char(c) => u32::from(c),
            Escape::Half(code) => code,
            Escape::Set(set) => return Ok(set),
            Escape::Node(_) => return Err(self.refused_here("Illegal/unsupported escape sequence")),
        };
        if self.peek() == Some('-') {
            match self.chars.get(self.at + 1) {
                Some(']' | '[') | None => {}
                Some(_) => {
                    self.at += 1;
                    let high = match self.class_char()? {
                        Escape::Char(c) => Some(u32::from(c)),
                        Escape::Half(code) => Some(code),
                        Escape::Set(_) | Escape::Node(_) => None,
                    };
                    return match high {
                        Some(high) if high >= low => Ok(self.folded(class::of_codes(low, high))),
                        _ => Err(self.refused_here("Illegal character range")),
                    };
                }
            }
        }
        Ok(self.folded(class::of_codes(low, low)))
    }

    fn class_char(&mut self) -> Step<Escape> {
        match self.bump() {
            None => Err(self.refused_here("Unclosed character class")),
            Some('\\') => {
                // `\v` at the beginning or end of a range is the one character that it was before JDK 8.
                if self.raw() == Some('v') && self.chars.get(self.at + 1) == Some(&'-') {
                    self.at += 1;
                    return Ok(Escape::Char('\u{B}'));
                }
                self.escape(true)
            }
            Some(c) => Ok(Escape::Char(c)),
        }
    }
}
