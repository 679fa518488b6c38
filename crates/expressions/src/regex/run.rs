//! The matcher: runs a program over an input, backtracking with a stack of its own.

use std::collections::BTreeSet;
use std::ops::Range;

use super::class::Class;
use super::program::{MARKS, Op, Program, WORDS};
use super::syntax::{Fold, Kind, Place};
use super::{Steps, TooManySteps};

/// Entries of the stack; each is a place to come back to, or something to put back.
const STACK_MAX: usize = 1 << 18;

type Outcome<T> = Result<T, TooManySteps>;

/// A match and its groups.
pub(super) struct Match {
    slots: Vec<Option<usize>>,
}

impl Match {
    pub fn start(&self) -> usize {
        self.slots[0].unwrap_or(0)
    }

    pub fn end(&self) -> usize {
        self.slots[1].unwrap_or(0)
    }

    pub fn group(&self, number: usize) -> Option<Range<usize>> {
        let start = (*self.slots.get(number * 2)?)?;
        let end = (*self.slots.get(number * 2 + 1)?)?;
        Some(start..end)
    }
}

/// A program and its input.
pub(super) struct Run<'p, 'i> {
    program: &'p Program,
    input: &'i str,
    slots: Vec<Option<usize>>,
    loops: Vec<Loop>,
    stack: Vec<Back>,
    /// Positions at which the body of a loop and all behind it failed.
    failed: Vec<BTreeSet<usize>>,
    last_match: usize,
}

/// How often a loop went round, and where its last round began.
#[derive(Clone, Copy, Default)]
struct Loop {
    count: u32,
    began: usize,
}

enum Back {
    /// Go on there.
    To {
        code: usize,
        at: usize,
    },
    /// Go on there, and remember that the loop failed.
    Failed {
        memo: usize,
        code: usize,
        at: usize,
    },
    /// A run over characters may end one character earlier, as long as it is behind `least`.
    Shorter {
        code: usize,
        at: usize,
        least: usize,
    },
    /// A run may take one character more, up to `left` times.
    Longer {
        code: usize,
        at: usize,
        left: u32,
    },
    Slot(usize, Option<usize>),
    Loop(usize, Loop),
}

impl<'p, 'i> Run<'p, 'i> {
    pub fn new(program: &'p Program, input: &'i str) -> Self {
        Self {
            program,
            input,
            slots: vec![None; program.groups * 2 + 2],
            loops: vec![Loop::default(); program.loops],
            stack: Vec::new(),
            failed: vec![BTreeSet::new(); program.memos],
            last_match: 0,
        }
    }

    /// Whether the whole input matches.
    pub fn whole(&mut self, steps: &mut Steps) -> Outcome<bool> {
        let end = self.input.len();
        Ok(self.execute(0, 0, Some(end), steps)?.is_some())
    }

    /// The first match at or behind a position.
    pub fn find(&mut self, from: usize, steps: &mut Steps) -> Outcome<Option<Match>> {
        let mut at = Some(from);
        self.failed.iter_mut().for_each(BTreeSet::clear);
        while let Some(start) = at {
            self.slots.fill(None);
            self.stack.clear();
            if let Some(end) = self.execute(0, start, None, steps)? {
                let mut slots = self.slots.clone();
                (slots[0], slots[1]) = (Some(start), Some(end));
                self.last_match = end;
                return Ok(Some(Match { slots }));
            }
            at = self.after(start);
        }
        Ok(None)
    }

    /// The position behind the next character.
    pub fn after(&self, at: usize) -> Option<usize> {
        Some(at + self.next(at)?.len_utf8())
    }

    fn next(&self, at: usize) -> Option<char> {
        match self.input.as_bytes().get(at)? {
            byte if byte.is_ascii() => Some(char::from(*byte)),
            _ => self.input[at..].chars().next(),
        }
    }

    fn before(&self, at: usize) -> Option<char> {
        match self.input.as_bytes().get(at.checked_sub(1)?)? {
            byte if byte.is_ascii() => Some(char::from(*byte)),
            _ => self.input[..at].chars().next_back(),
        }
    }

    fn push(&mut self, back: Back) -> Outcome<()> {
        if self.stack.len() >= STACK_MAX {
            return Err(TooManySteps);
        }
        self.stack.push(back);
        Ok(())
    }

    /// Runs from an instruction to a `Done`, ending at `must_end` if that is given. Gives where it ended, and leaves on the
    /// stack what puts back groups and loops. Recursion is as deep as groups that look around are nested.
    fn execute(
        &mut self,
        code: usize,
        at: usize,
        must_end: Option<usize>,
        steps: &mut Steps,
    ) -> Outcome<Option<usize>> {
        let base = self.stack.len();
        let (mut code, mut at) = (code, at);
        let program = self.program;
        loop {
            steps.take(1)?;
            let next = match &program.code[code] {
                Op::Class(class) => match self.next(at) {
                    Some(c) if class.has(c) => Some((code + 1, at + c.len_utf8())),
                    _ => None,
                },
                Op::Split(first, second) => {
                    self.push(Back::To { code: *second, at })?;
                    Some((*first, at))
                }
                Op::Jump(to) => Some((*to, at)),
                Op::Save(slot) => {
                    let old = self.slots[*slot].replace(at);
                    self.push(Back::Slot(*slot, old))?;
                    Some((code + 1, at))
                }
                Op::At(place) => self.is_at(*place, at, steps)?.then_some((code + 1, at)),
                Op::Back(group, fold) => self
                    .back(*group, *fold, at, steps)?
                    .map(|at| (code + 1, at)),
                Op::Ahead { negative, behind } => {
                    let found = self.look(code + 1, at, None, *negative, steps)?;
                    (found != *negative).then_some((*behind, at))
                }
                Op::Behind {
                    negative,
                    least,
                    most,
                    behind,
                } => {
                    let found = self.look_behind(code + 1, at, *least, *most, *negative, steps)?;
                    (found != *negative).then_some((*behind, at))
                }
                Op::Atomic { behind } => {
                    let inner = self.stack.len();
                    let end = self.execute(code + 1, at, None, steps)?;
                    self.settle(inner);
                    end.map(|end| (*behind, end))
                }
                Op::Begin(number) => {
                    let old = std::mem::replace(
                        &mut self.loops[*number],
                        Loop {
                            count: 0,
                            began: usize::MAX,
                        },
                    );
                    self.push(Back::Loop(*number, old))?;
                    Some((code + 1, at))
                }
                Op::Again {
                    number,
                    least,
                    most,
                    lazy,
                    body,
                    memo,
                } => {
                    let state = self.loops[*number];
                    // A round without characters ends the loop: another would change nothing.
                    let stuck = state.count > 0 && state.began == at;
                    let must = !stuck && state.count < *least;
                    let fails = !must && memo.is_some_and(|memo| self.failed[memo].contains(&at));
                    let more = !stuck && !fails && state.count < *most;
                    let round = Loop {
                        count: state.count.saturating_add(1),
                        began: at,
                    };
                    if !more {
                        Some((code + 1, at))
                    } else if must || !lazy {
                        if !must {
                            let code = code + 1;
                            self.push(match *memo {
                                Some(memo) => Back::Failed { memo, code, at },
                                None => Back::To { code, at },
                            })?;
                        }
                        self.push(Back::Loop(*number, state))?;
                        self.loops[*number] = round;
                        Some((*body, at))
                    } else {
                        // Later, with the round counted: the place before the body does it.
                        self.push(Back::Loop(*number, state))?;
                        self.loops[*number] = round;
                        self.push(Back::To { code: *body, at })?;
                        self.push(Back::Loop(*number, round))?;
                        self.loops[*number] = state;
                        Some((code + 1, at))
                    }
                }
                Op::Run {
                    class,
                    least,
                    most,
                    kind,
                } => self.run(class, (*least, *most), *kind, code, at, steps)?,
                Op::Done => match must_end {
                    Some(end) if end != at => None,
                    _ => return Ok(Some(at)),
                },
            };
            (code, at) = match next {
                Some(next) => next,
                None => match self.backtrack(base, steps)? {
                    Some(next) => next,
                    None => return Ok(None),
                },
            };
        }
    }

    /// Goes back to the last place where there was a choice, above `base`.
    fn backtrack(&mut self, base: usize, steps: &mut Steps) -> Outcome<Option<(usize, usize)>> {
        while self.stack.len() > base {
            steps.take(1)?;
            match self.stack.pop() {
                Some(Back::To { code, at }) => return Ok(Some((code, at))),
                Some(Back::Failed { memo, code, at }) => {
                    self.failed[memo].insert(at);
                    return Ok(Some((code, at)));
                }
                Some(Back::Slot(slot, old)) => self.slots[slot] = old,
                Some(Back::Loop(number, old)) => self.loops[number] = old,
                Some(Back::Shorter { code, at, least }) => {
                    let at = at - self.before(at).map_or(0, char::len_utf8);
                    if at > least {
                        self.stack.push(Back::Shorter { code, at, least });
                    }
                    return Ok(Some((code, at)));
                }
                Some(Back::Longer { code, at, left }) => {
                    let Op::Run { class, .. } = &self.program.code[code - 1] else {
                        continue;
                    };
                    if let Some(c) = self.next(at).filter(|c| class.has(*c)) {
                        let at = at + c.len_utf8();
                        if left > 1 {
                            let left = left - 1;
                            self.stack.push(Back::Longer { code, at, left });
                        }
                        return Ok(Some((code, at)));
                    }
                }
                None => break,
            }
        }
        Ok(None)
    }

    /// Takes choices off the stack down to `from`, and keeps what puts things back.
    fn settle(&mut self, from: usize) {
        let mut at = from;
        for index in from..self.stack.len() {
            if matches!(self.stack[index], Back::Slot(..) | Back::Loop(..)) {
                self.stack.swap(at, index);
                at += 1;
            }
        }
        self.stack.truncate(at);
    }

    /// Puts everything back that was changed since the stack was this high.
    fn undo(&mut self, to: usize) {
        while self.stack.len() > to {
            match self.stack.pop() {
                Some(Back::Slot(slot, old)) => self.slots[slot] = old,
                Some(Back::Loop(number, old)) => self.loops[number] = old,
                _ => {}
            }
        }
    }

    fn look(
        &mut self,
        code: usize,
        at: usize,
        must_end: Option<usize>,
        negative: bool,
        steps: &mut Steps,
    ) -> Outcome<bool> {
        let base = self.stack.len();
        let found = self.execute(code, at, must_end, steps)?.is_some();
        match negative {
            true => self.undo(base),
            false => self.settle(base),
        }
        Ok(found)
    }

    /// From the nearest start to the farthest, as Java tries them.
    fn look_behind(
        &mut self,
        code: usize,
        at: usize,
        least: usize,
        most: usize,
        negative: bool,
        steps: &mut Steps,
    ) -> Outcome<bool> {
        let mut start = at;
        for length in 0..=most {
            if length >= least && self.look(code, start, Some(at), negative, steps)? {
                return Ok(true);
            }
            steps.take(1)?;
            match self.before(start) {
                Some(c) => start -= c.len_utf8(),
                None => break,
            }
        }
        Ok(false)
    }

    /// A loop over one class.
    fn run(
        &mut self,
        class: &Class,
        (least, most): (u32, u32),
        kind: Kind,
        code: usize,
        start: usize,
        steps: &mut Steps,
    ) -> Outcome<Option<(usize, usize)>> {
        let wanted = if kind == Kind::Lazy { least } else { most };
        let mut at = start;
        let mut count = 0;
        let mut behind_least = start;
        while count < wanted {
            match self.next(at).filter(|c| class.has(*c)) {
                Some(c) => at += c.len_utf8(),
                None => break,
            }
            count += 1;
            if count == least {
                behind_least = at;
            }
        }
        // Several characters are about as much work as one other instruction.
        steps.take(count as usize / 4)?;
        if count < least {
            return Ok(None);
        }
        match kind {
            Kind::Greedy if at > behind_least => self.push(Back::Shorter {
                code: code + 1,
                at,
                least: behind_least,
            })?,
            Kind::Lazy if most > least => self.push(Back::Longer {
                code: code + 1,
                at,
                left: most - least,
            })?,
            _ => {}
        }
        Ok(Some((code + 1, at)))
    }

    fn back(
        &self,
        group: usize,
        fold: Fold,
        at: usize,
        steps: &mut Steps,
    ) -> Outcome<Option<usize>> {
        let range = match (self.slots.get(group * 2), self.slots.get(group * 2 + 1)) {
            (Some(Some(start)), Some(Some(end))) => *start..*end,
            // A group that does not exist or did not match is never matched again.
            _ => return Ok(None),
        };
        steps.take(range.len() / 4)?;
        let wanted = &self.input[range];
        let rest = &self.input[at..];
        if fold == Fold::No {
            return Ok(rest.starts_with(wanted).then_some(at + wanted.len()));
        }
        let mut end = at;
        let mut given = rest.chars();
        for c in wanted.chars() {
            match given.next() {
                Some(other) if folded(c, fold) == folded(other, fold) => end += other.len_utf8(),
                _ => return Ok(None),
            }
        }
        Ok(Some(end))
    }

    fn is_at(&self, place: Place, at: usize, steps: &mut Steps) -> Outcome<bool> {
        let end = self.input.len();
        Ok(match place {
            Place::Start => at == 0,
            Place::End => at == end,
            Place::LastMatch => at == self.last_match,
            Place::EndOfInput { unix } => {
                at == end || self.line_end(at, unix).is_some_and(|behind| behind == end)
            }
            Place::LineEnd { unix } => at == end || self.line_end(at, unix).is_some(),
            Place::LineStart { unix } => at == 0 || at < end && self.is_behind_line_end(at, unix),
            Place::Word { negative, unicode } => {
                let left = self.is_word(self.before(at), at, unicode, steps)?;
                let right = self.is_word(self.next(at), at, unicode, steps)?;
                (left != right) != negative
            }
        })
    }

    /// Where a line end that begins here ends. The second half of `\r\n` is no beginning.
    fn line_end(&self, at: usize, unix: bool) -> Option<usize> {
        let c = self.next(at)?;
        let behind = at + c.len_utf8();
        match c {
            '\n' if unix || self.before(at) != Some('\r') => Some(behind),
            '\r' if !unix => Some(behind + usize::from(self.next(behind) == Some('\n'))),
            '\u{85}' | '\u{2028}' | '\u{2029}' if !unix => Some(behind),
            _ => None,
        }
    }

    fn is_behind_line_end(&self, at: usize, unix: bool) -> bool {
        match self.before(at) {
            Some('\n') => true,
            Some('\r') => !unix && self.next(at) != Some('\n'),
            Some('\u{85}' | '\u{2028}' | '\u{2029}') => !unix,
            _ => false,
        }
    }

    /// Whether the character belongs to a word; a mark does when the letter that it marks, before `at`, does.
    fn is_word(
        &self,
        c: Option<char>,
        at: usize,
        unicode: bool,
        steps: &mut Steps,
    ) -> Outcome<bool> {
        let Some(c) = c else { return Ok(false) };
        if WORDS[usize::from(unicode)].has(c) {
            return Ok(true);
        }
        if c.is_ascii() || !MARKS.has(c) {
            return Ok(false);
        }
        for before in self.input[..at].chars().rev() {
            steps.take(1)?;
            if !MARKS.has(before) {
                return Ok(before.is_alphanumeric());
            }
        }
        Ok(false)
    }
}

/// The letter that stands for all that are equal to it.
fn folded(c: char, fold: Fold) -> char {
    match fold {
        Fold::No => c,
        Fold::Ascii => c.to_ascii_lowercase(),
        Fold::Unicode => crate::value::text::folded(c),
    }
}
