//! Java's grammar of patterns, rule by rule as `java.util.regex.Pattern` of JDK 17 reads it, with its messages.

mod brackets;
mod escape;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use regex_syntax::hir::ClassUnicode;

use super::class::{self, Class, LINE_ENDS};
use super::syntax::{Fold, Kind, Node, Place, Tree};

const NESTING_MAX: u32 = 64;

/// `\X`, written with classes by grapheme cluster break.
const CLUSTER: &str = "(?>\r\n|[\\p{gcb=CR}\\p{gcb=LF}\\p{gcb=CN}]|\\p{gcb=PP}*(?:\\p{gcb=L}*(?:\\p{gcb=V}+|\\p{gcb=LV}\\p{gcb=V}*|\\p{gcb=LVT})\\p{gcb=T}*|\\p{gcb=L}+|\\p{gcb=T}+|\\p{gcb=RI}\\p{gcb=RI}|\\p{Extended_Pictographic}(?:\\p{gcb=EX}*\\p{gcb=ZWJ}\\p{Extended_Pictographic})*|[^\\p{gcb=CR}\\p{gcb=LF}\\p{gcb=CN}])[\\p{gcb=EX}\\p{gcb=ZWJ}\\p{gcb=SM}]*|\\p{gcb=PP}+[\\p{gcb=EX}\\p{gcb=ZWJ}\\p{gcb=SM}]*|(?s:.))";

/// [`CLUSTER`], parsed: its tables are large.
static PARSED_CLUSTER: LazyLock<Option<Arc<Node>>> = LazyLock::new(|| {
    let mut parser = Parser::new(CLUSTER.chars().collect());
    parser.inner = true;
    parser.alternatives().ok().map(Arc::new)
});

/// Why a pattern is refused, and at which character.
#[derive(Debug)]
pub(super) struct Refused {
    pub text: String,
    pub at: Option<usize>,
}

type Step<T> = Result<T, Refused>;

pub(super) fn parse(pattern: &str) -> Step<Tree> {
    let mut parser = Parser::new(unquoted(pattern));
    let root = parser.alternatives()?;
    if parser.at < parser.chars.len() {
        return Err(parser.refused_here("Unmatched closing ')'"));
    }
    Ok(Tree {
        root,
        groups: parser.groups,
        names: parser.names,
        refers_back: parser.refers_back,
    })
}

/// What is between `\Q` and `\E`, with every character escaped.
fn unquoted(pattern: &str) -> Vec<char> {
    let mut out = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix("\\Q") {
            let (text, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            for c in text.chars() {
                if c.is_ascii() && !c.is_ascii_alphanumeric() {
                    out.push('\\');
                }
                out.push(c);
            }
            rest = after;
            continue;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
        if c == '\\'
            && let Some(next) = rest.chars().next()
        {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    out
}

#[derive(Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
    comments: bool,
    unicode_case: bool,
    unix_lines: bool,
    unicode_classes: bool,
}

/// What an escape stands for.
enum Escape {
    Char(char),
    /// Half a character, which no text has.
    Half(u32),
    Set(ClassUnicode),
    Node(Node),
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    flags: Flags,
    depth: u32,
    groups: usize,
    names: Vec<(String, usize)>,
    refers_back: bool,
    /// Named sets that were looked up, for a pattern may name one often.
    sets: BTreeMap<String, ClassUnicode>,
    /// Whether names of grapheme cluster breaks are known: in what stands for `\X`.
    inner: bool,
}

impl Parser {
    fn new(chars: Vec<char>) -> Self {
        Self {
            chars,
            at: 0,
            flags: Flags::default(),
            depth: 0,
            groups: 0,
            names: Vec::new(),
            refers_back: false,
            sets: BTreeMap::new(),
            inner: false,
        }
    }

    /// An error at the character at hand.
    fn refused(&self, text: impl Into<String>) -> Refused {
        Refused {
            text: text.into(),
            at: Some(self.at.min(self.chars.len())),
        }
    }

    /// An error that Java notices when it is one character further.
    fn refused_here(&self, text: impl Into<String>) -> Refused {
        let mut refused = self.refused(text);
        refused.at = refused.at.and_then(|at| at.checked_sub(1));
        refused
    }

    /// An error that Java notices behind a character that was read; the end counts as one.
    fn refused_behind(&self, text: &str, read: Option<char>) -> Refused {
        match read {
            Some(_) => self.refused_here(text),
            None => self.refused(text),
        }
    }

    fn raw(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// The next character, behind blanks and comments where those are allowed.
    fn peek(&mut self) -> Option<char> {
        while self.flags.comments {
            match self.raw() {
                Some(c) if c.is_ascii_whitespace() || c == '\u{B}' => self.at += 1,
                Some('#') => {
                    while self.raw().is_some_and(|c| !self.ends_line(c)) {
                        self.at += 1;
                    }
                }
                _ => break,
            }
        }
        self.raw()
    }

    fn ends_line(&self, c: char) -> bool {
        match self.flags.unix_lines {
            true => c == '\n',
            false => matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'),
        }
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.raw();
        self.at += usize::from(c.is_some());
        c
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.raw() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn alternatives(&mut self) -> Step<Node> {
        let mut parts = vec![self.sequence()?];
        while self.peek() == Some('|') {
            self.at += 1;
            parts.push(self.sequence()?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Node::Alternatives(parts),
        })
    }

    fn sequence(&mut self) -> Step<Node> {
        let mut parts = Vec::new();
        while let Some(c) = self.peek() {
            let node = match c {
                '|' | ')' => break,
                '(' => match self.group()? {
                    Some(node) => node,
                    None => continue,
                },
                '[' => {
                    self.at += 1;
                    let set = self.class(true)?;
                    Self::class_node(&set)
                }
                '\\' => {
                    self.at += 1;
                    match self.escape(false)? {
                        Escape::Char(c) => self.literal(c),
                        Escape::Half(_) => Self::class_node(&class::of(&[])),
                        Escape::Set(set) => Self::class_node(&set),
                        Escape::Node(node) => node,
                    }
                }
                '^' => {
                    self.at += 1;
                    let unix = self.flags.unix_lines;
                    Node::At(match self.flags.multi_line {
                        true => Place::LineStart { unix },
                        false => Place::Start,
                    })
                }
                '$' => {
                    self.at += 1;
                    let unix = self.flags.unix_lines;
                    Node::At(match self.flags.multi_line {
                        true => Place::LineEnd { unix },
                        false => Place::EndOfInput { unix },
                    })
                }
                '.' => {
                    self.at += 1;
                    let set = match (self.flags.dot_all, self.flags.unix_lines) {
                        (true, _) => class::all(),
                        (false, true) => class::negated(class::single('\n')),
                        (false, false) => {
                            let mut ends = class::of(&LINE_ENDS);
                            ends.difference(&class::of(&[('\u{B}', '\u{C}')]));
                            class::negated(ends)
                        }
                    };
                    Self::class_node(&set)
                }
                '?' | '*' | '+' => {
                    return Err(self.refused(format!("Dangling meta character '{c}'")));
                }
                '{' => Node::Empty,
                c => {
                    self.at += 1;
                    self.literal(c)
                }
            };
            let node = self.closure(node)?;
            parts.push(node);
        }
        Ok(match parts.len() {
            0 => Node::Empty,
            1 => parts.remove(0),
            _ => Node::Sequence(parts),
        })
    }

    fn class_node(set: &ClassUnicode) -> Node {
        Node::Class(Arc::new(Class::new(set)))
    }

    fn literal(&self, c: char) -> Node {
        Self::class_node(&self.folded(class::single(c)))
    }

    /// With the other case of its letters, where case is ignored.
    fn folded(&self, mut set: ClassUnicode) -> ClassUnicode {
        match (self.flags.ignore_case, self.flags.unicode_case) {
            (false, _) => {}
            (true, true) => return class::fold_all(set),
            (true, false) => {
                let mut others = Vec::new();
                for range in set.ranges() {
                    for (low, high, shift) in [('a', 'z', -32), ('A', 'Z', 32)] {
                        let (from, to) = (range.start().max(low), range.end().min(high));
                        if from <= to {
                            let moved = |c: char| {
                                char::from_u32((u32::from(c) as i32 + shift) as u32).unwrap_or(c)
                            };
                            others.push((moved(from), moved(to)));
                        }
                    }
                }
                set.union(&class::of(&others));
            }
        }
        set
    }

    /// `\X`
    fn cluster(&self) -> Step<Node> {
        let parsed = PARSED_CLUSTER.as_ref().map(Arc::clone);
        let parsed = parsed.ok_or_else(|| self.refused("\\X is not supported"))?;
        Ok(Node::Shared(parsed))
    }

    /// The set of `\d`, `\w` and the like. Those of all of Unicode take long to make, and a pattern may have many.
    fn perl(&mut self, letter: char) -> ClassUnicode {
        if !self.flags.unicode_classes {
            return class::perl(letter, false);
        }
        let known = self.sets.entry(format!("\\{letter}"));
        known.or_insert_with(|| class::perl(letter, true)).clone()
    }

    fn fold(&self) -> Fold {
        match (self.flags.ignore_case, self.flags.unicode_case) {
            (false, _) => Fold::No,
            (true, false) => Fold::Ascii,
            (true, true) => Fold::Unicode,
        }
    }

    /// A group; nothing for flags that hold to the end of the enclosing group.
    fn group(&mut self) -> Step<Option<Node>> {
        self.at += 1;
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.refused("groups are nested too deep"));
        }
        let outer = self.flags;
        let mut capture = None;
        let wrap: fn(Box<Node>) -> Node = if self.eat('?') {
            match self.bump() {
                Some(':') => |body| *body,
                Some('=') => |body| Node::Ahead {
                    body,
                    negative: false,
                },
                Some('!') => |body| Node::Ahead {
                    body,
                    negative: true,
                },
                Some('>') => Node::Atomic,
                Some('<') => match self.bump() {
                    Some('=') => |body| Node::Behind {
                        body,
                        negative: false,
                    },
                    Some('!') => |body| Node::Behind {
                        body,
                        negative: true,
                    },
                    first => {
                        let name = self.group_name(first)?;
                        if self.names.iter().any(|(known, _)| *known == name) {
                            return Err(self.refused_here(format!(
                                "Named capturing group <{name}> is already defined"
                            )));
                        }
                        self.groups += 1;
                        self.names.push((name, self.groups));
                        capture = Some(self.groups);
                        |body| *body
                    }
                },
                Some('$' | '@') => return Err(self.refused_here("Unknown group type")),
                first => {
                    self.at -= usize::from(first.is_some());
                    self.read_flags()?;
                    match self.bump() {
                        Some(')') => {
                            self.depth -= 1;
                            return Ok(None);
                        }
                        Some(':') => |body| *body,
                        None => return Err(self.refused("Unknown inline modifier")),
                        Some(_) => return Err(self.refused_here("Unknown inline modifier")),
                    }
                }
            }
        } else {
            self.groups += 1;
            capture = Some(self.groups);
            |body| *body
        };
        let body = Box::new(self.alternatives()?);
        let node = match capture {
            Some(number) => Node::Group(number, body),
            None => wrap(body),
        };
        if let Node::Behind { body, .. } = &node
            && !body.study().has_most
        {
            let text = "Look-behind group does not have an obvious maximum length";
            return Err(self.refused_here(text));
        }
        if !self.eat(')') {
            return Err(self.refused("Unclosed group"));
        }
        self.flags = outer;
        self.depth -= 1;
        Ok(Some(node))
    }

    fn group_name(&mut self, first: Option<char>) -> Step<String> {
        let mut name = String::new();
        match first {
            Some(c) if c.is_ascii_alphabetic() => name.push(c),
            first => {
                let text = "capturing group name does not start with a Latin letter";
                return Err(self.refused_behind(text, first));
            }
        }
        loop {
            match self.bump() {
                Some('>') => return Ok(name),
                Some(c) if c.is_ascii_alphanumeric() => name.push(c),
                other => {
                    let text = "named capturing group is missing trailing '>'";
                    return Err(self.refused_behind(text, other));
                }
            }
        }
    }

    fn read_flags(&mut self) -> Step<()> {
        let mut on = true;
        loop {
            match self.raw() {
                Some('i') => self.flags.ignore_case = on,
                Some('m') => self.flags.multi_line = on,
                Some('s') => self.flags.dot_all = on,
                Some('x') => self.flags.comments = on,
                Some('u') => self.flags.unicode_case = on,
                Some('d') => self.flags.unix_lines = on,
                Some('U') => {
                    self.flags.unicode_classes = on;
                    self.flags.unicode_case = on;
                }
                Some('-') if on => on = false,
                Some('c') => return Err(self.refused("the flag 'c' is not supported")),
                _ => return Ok(()),
            }
            self.at += 1;
        }
    }

    fn closure(&mut self, body: Node) -> Step<Node> {
        let (least, most) = match self.peek() {
            Some('?') => (0, Some(1)),
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('{') => {
                self.at += 1;
                let bounds = self.bounds()?;
                return Ok(self.repeated(body, bounds, true));
            }
            _ => return Ok(body),
        };
        self.at += 1;
        Ok(self.repeated(body, (least, most), false))
    }

    fn repeated(&mut self, body: Node, (least, most): (u32, Option<u32>), counted: bool) -> Node {
        let kind = match self.peek() {
            Some('?') => Kind::Lazy,
            Some('+') => Kind::Possessive,
            _ => Kind::Greedy,
        };
        self.at += usize::from(kind != Kind::Greedy);
        Node::Repeat {
            body: Box::new(body),
            least,
            most,
            kind,
            counted,
        }
    }

    /// `3}`, `3,}`, `3,5}`
    fn bounds(&mut self) -> Step<(u32, Option<u32>)> {
        let Some(least) = self.number()? else {
            return Err(self.refused("Illegal repetition"));
        };
        let most = match self.eat(',') {
            false => Some(least),
            true => match self.raw() {
                Some('}') => None,
                _ => Some(self.number()?.unwrap_or(0)),
            },
        };
        if !self.eat('}') {
            return Err(self.refused("Unclosed counted closure"));
        }
        match most {
            Some(most) if most < least => Err(self.refused_here("Illegal repetition range")),
            most => Ok((least, most)),
        }
    }

    fn number(&mut self) -> Step<Option<u32>> {
        let mut value: Option<u32> = None;
        while let Some(digit) = self.raw().and_then(|c| c.to_digit(10)) {
            let longer = value.unwrap_or(0).checked_mul(10);
            let longer = longer
                .and_then(|value| value.checked_add(digit))
                .filter(|value| *value <= i32::MAX as u32);
            value = Some(longer.ok_or_else(|| self.refused("Illegal repetition range"))?);
            self.at += 1;
        }
        Ok(value)
    }
}
