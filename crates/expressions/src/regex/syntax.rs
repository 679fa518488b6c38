//! The parsed form of a pattern.

use std::sync::Arc;

use super::class::Class;

/// A pattern with its groups.
pub(super) struct Tree {
    pub root: Node,
    /// Capturing groups, without the whole match.
    pub groups: usize,
    pub names: Vec<(String, usize)>,
    /// Whether it asks for what a group matched.
    pub refers_back: bool,
}

pub(super) enum Node {
    Empty,
    Class(Arc<Class>),
    Sequence(Vec<Node>),
    Alternatives(Vec<Node>),
    /// A capturing group by number.
    Group(usize, Box<Node>),
    Repeat {
        body: Box<Node>,
        least: u32,
        /// Nothing for no limit.
        most: Option<u32>,
        kind: Kind,
        /// Written with braces.
        counted: bool,
    },
    /// `(?>…)`
    Atomic(Box<Node>),
    /// `(?=…)`, `(?!…)`
    Ahead {
        body: Box<Node>,
        negative: bool,
    },
    /// `(?<=…)`, `(?<!…)`
    Behind {
        body: Box<Node>,
        negative: bool,
    },
    Back {
        group: usize,
        fold: Fold,
    },
    At(Place),
    /// A part that many patterns have.
    Shared(Arc<Node>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Greedy,
    Lazy,
    Possessive,
}

/// Which letters are equal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    No,
    /// `(?i)`: those of ASCII.
    Ascii,
    /// `(?iu)`: all.
    Unicode,
}

/// Something that matches between characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `\A`, `^`
    Start,
    /// `\z`
    End,
    /// `\Z`, `$`: the end, or before a line end that is the last.
    EndOfInput { unix: bool },
    /// `^` under `(?m)`
    LineStart { unix: bool },
    /// `$` under `(?m)`
    LineEnd { unix: bool },
    /// `\b`, `\B`
    Word { negative: bool, unicode: bool },
    /// `\G`
    LastMatch,
}

/// What Java finds out about a node before it is run (`Pattern.TreeInfo`), wrap-around of its numbers included.
#[derive(Clone, Copy)]
pub(super) struct Study {
    pub least: i32,
    pub most: i32,
    /// Whether `most` means anything.
    pub has_most: bool,
    deterministic: bool,
}

impl Study {
    const FRESH: Self = Self {
        least: 0,
        most: 0,
        has_most: true,
        deterministic: true,
    };

    fn longer(mut self, least: i32, most: i32) -> Self {
        self.least = self.least.wrapping_add(least);
        self.most = self.most.wrapping_add(most);
        self
    }

    fn uncertain(mut self) -> Self {
        self.deterministic = false;
        self
    }

    /// Behind this, `least` to `most` times something.
    fn times(self, body: Study, least: u32, most: Option<u32>) -> Self {
        let most_times = most.map_or(i32::MAX, |most| most as i32);
        let shortest = body
            .least
            .wrapping_mul(least as i32)
            .wrapping_add(self.least);
        let longest = body.most.wrapping_mul(most_times).wrapping_add(self.most);
        let has_most = self.has_most && body.has_most;
        Self {
            least: if shortest < self.least {
                0xFFF_FFFF
            } else {
                shortest
            },
            most: if has_most { longest } else { body.most },
            has_most: has_most && longest >= self.most,
            deterministic: body.deterministic && most == Some(least) && self.deterministic,
        }
    }
}

impl Node {
    /// Least and most characters that it can match, for look-behind.
    pub fn study(&self) -> Study {
        self.behind(Study::FRESH)
    }

    /// The same for what was studied already with this node behind it.
    fn behind(&self, before: Study) -> Study {
        match self {
            // Quirk of the original: `\X` is taken for nothing.
            Self::Shared(_) => before,
            Self::Empty | Self::Ahead { .. } | Self::Behind { .. } | Self::At(_) => before,
            Self::Class(_) => before.longer(1, 1),
            Self::Sequence(parts) => parts.iter().fold(before, |study, part| part.behind(study)),
            Self::Alternatives(parts) => {
                let studies: Vec<Study> = parts.iter().map(Self::study).collect();
                let least = studies.iter().map(|study| study.least).min().unwrap_or(0);
                let most = studies.iter().map(|study| study.most).max().unwrap_or(0);
                let mut study = before.longer(least, most.max(-1)).uncertain();
                study.has_most &= studies.iter().all(|study| study.has_most);
                study
            }
            Self::Group(_, body) | Self::Atomic(body) => body.behind(before),
            Self::Back { .. } => Study {
                has_most: false,
                ..before
            },
            Self::Repeat {
                body,
                least,
                most,
                kind,
                counted,
            } => match (&**body, kind) {
                (Self::Class(_), Kind::Greedy) if most.is_none() => {
                    before.longer(*least as i32, i32::MAX).uncertain()
                }
                (_, _) if (*least, *most, *counted) == (0, Some(1), false) => {
                    let mut study = body.behind(before).uncertain();
                    study.least = before.least;
                    study
                }
                (Self::Class(_) | Self::Empty | Self::At(_) | Self::Back { .. }, _)
                | (_, Kind::Possessive) => before.times(body.study(), *least, *most),
                _ if body.study().deterministic => before.times(body.study(), *least, *most),
                _ => Study {
                    has_most: false,
                    deterministic: false,
                    ..before
                },
            },
        }
    }
}
