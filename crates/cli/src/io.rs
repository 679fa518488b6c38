//! What a command sees of the outside: its three streams, its terminal, its environment, the clock and Ctrl-C.
//!
//! Everything goes through [`Io`], so that a test sees every byte and decides what the terminal looks like.

use std::{
    collections::BTreeMap,
    io::{BufRead, IsTerminal, Read, Write},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{Failure, Global};

/// Most that is read from the standard input or a file, in bytes.
pub(crate) const INPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Longest password, in bytes.
const SECRET_BYTES_MAX: usize = 4096;

/// The streams and surroundings of one command.
pub struct Io {
    /// Where data goes.
    pub out: Box<dyn Write + Send>,
    /// Where progress, questions and errors go.
    pub err: Box<dyn Write + Send>,
    /// Where answers and documents come from.
    pub input: Box<dyn BufRead + Send>,
    /// Whether `out` is a terminal.
    pub out_is_terminal: bool,
    /// Whether `err` is a terminal.
    pub err_is_terminal: bool,
    /// Whether `input` is a terminal, so that a person can be asked.
    pub input_is_terminal: bool,
    /// One line that is typed without being shown; `None` when there is none.
    pub secret: Box<dyn Fn() -> Option<String> + Send>,
    /// The environment variables.
    pub env: BTreeMap<String, String>,
    /// Size of the terminal: columns and rows.
    pub size: Box<dyn Fn() -> (u16, u16) + Send>,
    /// Wall clock in epoch milliseconds; only for what people read.
    pub clock: Box<dyn Fn() -> i64 + Send>,
    /// What interrupts a command that follows an execution.
    pub interrupt: Interrupt,
    /// Whether the reader of `out` went away.
    pub(crate) out_closed: bool,
}

/// What makes a following command let go.
#[derive(Clone, Debug)]
pub enum Interrupt {
    /// Ctrl-C.
    CtrlC,
    /// A test says when.
    When(Arc<tokio::sync::Notify>),
    /// Nothing: in this process Ctrl-C means something else, which these words say to the person who follows.
    Elsewhere(&'static str),
}

impl Interrupt {
    /// Returns when it happens.
    pub async fn wait(&self) {
        match self {
            Self::CtrlC => {
                if tokio::signal::ctrl_c().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            Self::When(notify) => notify.notified().await,
            Self::Elsewhere(_) => std::future::pending().await,
        }
    }

    /// What Ctrl-C does to the execution that is followed.
    #[must_use]
    pub const fn says(&self) -> &'static str {
        match self {
            Self::CtrlC | Self::When(_) => "Ctrl-C leaves it running",
            Self::Elsewhere(says) => says,
        }
    }
}

/// What the input has next.
pub(crate) enum Line {
    Text(String),
    /// A line that cannot be used, and why.
    Refused(&'static str),
    End,
}

impl Io {
    /// The streams of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            out: Box::new(std::io::stdout()),
            err: Box::new(std::io::stderr()),
            input: Box::new(std::io::BufReader::new(std::io::stdin())),
            out_is_terminal: std::io::stdout().is_terminal(),
            err_is_terminal: std::io::stderr().is_terminal(),
            input_is_terminal: std::io::stdin().is_terminal(),
            secret: Box::new(typed_secret),
            env: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            size: Box::new(|| match crossterm::terminal::size() {
                Ok((columns, rows)) if columns > 0 && rows > 0 => (columns, rows),
                _ => (80, 24),
            }),
            clock: Box::new(|| {
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| {
                        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
                    })
            }),
            interrupt: Interrupt::CtrlC,
            out_closed: false,
        }
    }

    /// One line of data.
    pub fn say(&mut self, line: &str) {
        self.put(&format!("{line}\n"));
    }

    /// Data as it is.
    pub fn put(&mut self, text: &str) {
        if self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
            .is_err()
        {
            self.out_closed = true;
        }
    }

    /// One line of progress, a question or an error. A closed error output is nobody's loss.
    pub fn note(&mut self, line: &str) {
        self.draw(&format!("{line}\n"));
    }

    /// Text for the error output as it is.
    pub fn draw(&mut self, text: &str) {
        let _ = self
            .err
            .write_all(text.as_bytes())
            .and_then(|()| self.err.flush());
    }

    /// Wall clock in epoch milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    /// An environment variable that is set and not empty.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<&str> {
        self.env
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A path with a leading `~` replaced by the home folder.
    #[must_use]
    pub fn home(&self, path: &str) -> String {
        match (path.strip_prefix('~'), self.env("HOME")) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                format!("{home}{rest}")
            }
            _ => path.to_owned(),
        }
    }

    /// Everything on the standard input.
    ///
    /// # Errors
    /// It cannot be read, is no UTF-8, or is larger than 16 MiB.
    pub fn read_input(&mut self) -> Result<String, Failure> {
        read_limited(&mut self.input).map_err(|error| {
            Failure::command(format!(
                "cannot read the standard input: {}",
                reason(&error)
            ))
        })
    }

    /// The next line of the standard input, without its end. One longer than `bytes_max` is skipped.
    ///
    /// # Errors
    /// The input cannot be read.
    pub(crate) fn read_line(&mut self, bytes_max: usize) -> std::io::Result<Line> {
        let mut line = Vec::new();
        let most = bytes_max as u64 + 1;
        let got = self
            .input
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut line)?;
        if got == 0 {
            return Ok(Line::End);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if got > bytes_max {
            self.input.skip_until(b'\n')?;
            return Ok(Line::Refused("the line is too long"));
        }
        Ok(match String::from_utf8(line) {
            Ok(line) => Line::Text(line),
            Err(_) => Line::Refused("the line is no UTF-8"),
        })
    }

    /// Whether a person can be asked something.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        self.input_is_terminal && self.err_is_terminal
    }

    /// Asks and reads one line; `None` at the end of the input.
    pub fn ask(&mut self, question: &str) -> Option<String> {
        self.draw(question);
        let mut answer = String::new();
        match self.input.by_ref().take(4096).read_line(&mut answer) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(answer.trim().to_owned()),
        }
    }

    /// Asks for something that must not show on the terminal.
    pub fn ask_secret(&mut self, question: &str) -> Option<String> {
        self.draw(question);
        let answer = (self.secret)();
        self.draw("\n");
        answer
    }

    /// Whether progress is redrawn in place: a terminal that can, and nobody who asked for calm text.
    #[must_use]
    pub fn is_live(&self, global: &Global) -> bool {
        self.err_is_terminal
            && !global.plain
            && !global.quiet
            && self.env("TERM") != Some("dumb")
            && self.env("CI").is_none_or(|value| value == "false")
            && self.env("GENNAKER_ACCESSIBLE").is_none()
    }

    /// Whether words may be coloured on the error output.
    #[must_use]
    pub fn err_has_color(&self, global: &Global) -> bool {
        self.err_is_terminal && self.wants_color(global)
    }

    /// Whether words may be coloured on the standard output.
    #[must_use]
    pub fn out_has_color(&self, global: &Global) -> bool {
        self.out_is_terminal && self.wants_color(global)
    }

    fn wants_color(&self, global: &Global) -> bool {
        !global.plain
            && global.no_color.is_none()
            && self.env("NO_COLOR").is_none()
            && self.env("TERM") != Some("dumb")
    }
}

/// Reads keys until the line ends; Ctrl-C and Ctrl-D give it up.
fn typed_secret() -> Option<String> {
    use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};

    crossterm::terminal::enable_raw_mode().ok()?;
    let mut typed = String::new();
    let answer = loop {
        match crossterm::event::read() {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => match key.code {
                KeyCode::Enter => break Some(typed),
                KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                    break None;
                }
                KeyCode::Char(c) if typed.len() < SECRET_BYTES_MAX => typed.push(c),
                KeyCode::Backspace => {
                    typed.pop();
                }
                _ => {}
            },
            Ok(_) => {}
            Err(_) => break None,
        }
    };
    let _ = crossterm::terminal::disable_raw_mode();
    answer
}

/// The text of a file, of at most 16 MiB.
pub(crate) fn read_file(path: &str) -> std::io::Result<String> {
    read_limited(&mut std::fs::File::open(path)?)
}

/// What the operating system says, without its number: `no such file or directory`.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text
        .split_once(" (os error")
        .map_or(text.as_str(), |(text, _)| text);
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

fn read_limited(source: &mut dyn Read) -> std::io::Result<String> {
    let mut text = String::new();
    source.take(INPUT_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > INPUT_BYTES_MAX {
        return Err(std::io::Error::other("it is larger than 16 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Screen;

    #[test]
    fn a_terminal_is_live_unless_somebody_asks_for_calm() {
        let mut screen = Screen::terminal(80, 24);
        let global = Global::default();
        assert!(screen.io.is_live(&global) && screen.io.err_has_color(&global));
        for (name, value) in [
            ("TERM", "dumb"),
            ("CI", "true"),
            ("GENNAKER_ACCESSIBLE", "1"),
        ] {
            screen.io.env.insert(name.into(), value.into());
            assert!(!screen.io.is_live(&global), "{name}");
            screen.io.env.remove(name);
        }
        screen.io.env.insert("NO_COLOR".into(), "1".into());
        assert!(screen.io.is_live(&global) && !screen.io.err_has_color(&global));
        let plain = Global {
            plain: true,
            ..Global::default()
        };
        assert!(!screen.io.is_live(&plain));
        assert!(!Screen::pipe().io.is_live(&global));
    }

    #[test]
    fn home_is_expanded_only_at_the_start() {
        let mut screen = Screen::pipe();
        screen.io.env.insert("HOME".into(), "/h".into());
        assert_eq!(screen.io.home("~/.spin/config"), "/h/.spin/config");
        assert_eq!(screen.io.home("~other/x"), "~other/x");
        assert_eq!(screen.io.home("/a/~"), "/a/~");
    }
}
