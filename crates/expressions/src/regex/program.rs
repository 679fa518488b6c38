//! A pattern as instructions for the matcher.

use std::sync::{Arc, LazyLock};

use super::class::{self, Class};
use super::syntax::{Fold, Kind, Node, Place, Tree};

/// Instructions of one program. Repetitions are counted and not written out, so only the length of the pattern counts.
const INSTRUCTIONS_MAX: usize = 50_000;

pub(super) struct Program {
    pub code: Vec<Op>,
    pub groups: usize,
    pub names: Vec<(String, usize)>,
    pub loops: usize,
    /// Loops that remember where they failed.
    pub memos: usize,
    /// How many repetitions are around what is being written, and whether failures may be remembered at all.
    around: usize,
    remembers: bool,
}

/// What belongs to words, for `\b`: plain and under `(?U)`. Large tables, made once.
pub(super) static WORDS: [LazyLock<Class>; 2] = [
    LazyLock::new(|| Class::new(&class::of_words(false))),
    LazyLock::new(|| Class::new(&class::of_words(true))),
];

/// Non-spacing marks, which belong to the letter before.
pub(super) static MARKS: LazyLock<Class> = LazyLock::new(|| {
    Class::new(&class::unicode_property("gc=Mn").unwrap_or_else(|| class::of(&[])))
});

/// One instruction. Places are indices of instructions.
pub(super) enum Op {
    Class(Arc<Class>),
    /// Goes on at the first, and at the second if that fails.
    Split(usize, usize),
    Jump(usize),
    /// Remembers the position: twice the group's number, one more for its end.
    Save(usize),
    At(Place),
    Back(usize, Fold),
    /// The body follows, up to a `Done`; goes on at the place behind.
    Ahead {
        negative: bool,
        behind: usize,
    },
    Behind {
        negative: bool,
        least: usize,
        most: usize,
        behind: usize,
    },
    Atomic {
        behind: usize,
    },
    /// The end of the pattern, or of what looks around or is atomic.
    Done,
    /// A loop begins: its count is zero.
    Begin(usize),
    /// Once more or on: by count, position of the last round, and what is preferred. The body is at `body`.
    Again {
        number: usize,
        least: u32,
        most: u32,
        lazy: bool,
        body: usize,
        /// Where failures are remembered: another try of the body at the same position would fail, too, so that nested
        /// repetitions do not take exponential time (`Pattern.Loop.posIndex`).
        memo: Option<usize>,
    },
    /// As often as the class matches, then less often: a loop whose body is one class.
    Run {
        class: Arc<Class>,
        least: u32,
        most: u32,
        kind: Kind,
    },
}

impl Program {
    pub fn new(tree: &Tree) -> Result<Self, String> {
        let mut program = Self {
            code: Vec::new(),
            groups: tree.groups,
            names: tree.names.clone(),
            loops: 0,
            memos: 0,
            around: 0,
            remembers: !tree.refers_back,
        };
        program.emit(&tree.root)?;
        program.push(Op::Done)?;
        Ok(program)
    }

    fn push(&mut self, op: Op) -> Result<usize, String> {
        if self.code.len() >= INSTRUCTIONS_MAX {
            return Err("the pattern is too large".to_owned());
        }
        self.code.push(op);
        Ok(self.code.len() - 1)
    }

    fn emit(&mut self, node: &Node) -> Result<(), String> {
        match node {
            Node::Empty => {}
            Node::Shared(part) => self.emit(part)?,
            Node::Class(class) => {
                self.push(Op::Class(Arc::clone(class)))?;
            }
            Node::Sequence(parts) => {
                for part in parts {
                    self.emit(part)?;
                }
            }
            Node::Alternatives(parts) => self.alternatives(parts)?,
            Node::Group(number, body) => {
                self.push(Op::Save(number * 2))?;
                self.emit(body)?;
                self.push(Op::Save(number * 2 + 1))?;
            }
            Node::Repeat {
                body,
                least,
                most,
                kind,
                ..
            } => self.repeat(body, *least, *most, *kind)?,
            Node::Atomic(body) => {
                let at = self.push(Op::Atomic { behind: 0 })?;
                self.inner(body)?;
                let end = self.code.len();
                self.code[at] = Op::Atomic { behind: end };
            }
            Node::Ahead { body, negative } => {
                let negative = *negative;
                let at = self.push(Op::Ahead {
                    negative,
                    behind: 0,
                })?;
                self.inner(body)?;
                let behind = self.code.len();
                self.code[at] = Op::Ahead { negative, behind };
            }
            Node::Behind { body, negative } => {
                let study = body.study();
                // What Java's numbers cannot hold has no limit.
                let least = usize::try_from(study.least).unwrap_or(0);
                let most = usize::try_from(study.most).unwrap_or(usize::MAX);
                let at = self.push(Op::Done)?;
                // It has to end at another place each time.
                self.around += 1;
                self.inner(body)?;
                self.around -= 1;
                self.code[at] = Op::Behind {
                    negative: *negative,
                    least,
                    most,
                    behind: self.code.len(),
                };
            }
            Node::Back { group, fold } => {
                self.push(Op::Back(*group, *fold))?;
            }
            Node::At(place) => {
                self.push(Op::At(*place))?;
            }
        }
        Ok(())
    }

    fn inner(&mut self, body: &Node) -> Result<(), String> {
        self.emit(body)?;
        self.push(Op::Done).map(drop)
    }

    fn alternatives(&mut self, parts: &[Node]) -> Result<(), String> {
        let mut ends = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            if at + 1 == parts.len() {
                self.emit(part)?;
                break;
            }
            let split = self.push(Op::Split(0, 0))?;
            self.emit(part)?;
            ends.push(self.push(Op::Jump(0))?);
            self.code[split] = Op::Split(split + 1, self.code.len());
        }
        let behind = self.code.len();
        for end in ends {
            self.code[end] = Op::Jump(behind);
        }
        Ok(())
    }

    fn repeat(
        &mut self,
        body: &Node,
        least: u32,
        most: Option<u32>,
        kind: Kind,
    ) -> Result<(), String> {
        let most = most.unwrap_or(u32::MAX);
        if let Node::Class(class) = body {
            let class = Arc::clone(class);
            self.push(Op::Run {
                class,
                least,
                most,
                kind,
            })?;
            return Ok(());
        }
        if kind == Kind::Possessive {
            let at = self.push(Op::Atomic { behind: 0 })?;
            self.repeat(body, least, Some(most), Kind::Greedy)?;
            self.push(Op::Done)?;
            let behind = self.code.len();
            self.code[at] = Op::Atomic { behind };
            return Ok(());
        }
        let lazy = kind == Kind::Lazy;
        if (least, most) == (0, 1) {
            let split = self.push(Op::Split(0, 0))?;
            self.emit(body)?;
            let behind = self.code.len();
            self.code[split] = match lazy {
                false => Op::Split(split + 1, behind),
                true => Op::Split(behind, split + 1),
            };
            return Ok(());
        }
        let number = self.loops;
        self.loops += 1;
        self.push(Op::Begin(number))?;
        let head = self.push(Op::Jump(0))?;
        let is_outermost = self.around == 0;
        self.around += 1;
        self.emit(body)?;
        self.around -= 1;
        let memo =
            (self.remembers && is_outermost && !lazy && most == u32::MAX).then_some(self.memos);
        self.memos += usize::from(memo.is_some());
        let again = self.push(Op::Again {
            number,
            least,
            most,
            lazy,
            body: head + 1,
            memo,
        })?;
        self.code[head] = Op::Jump(again);
        Ok(())
    }
}
