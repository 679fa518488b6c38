//! What the tests of this crate share: a screen that remembers, and a command line run against a script.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{Interrupt, Io, Tools, Verb, http::scripted::Scripted, lint::graph};

/// The instant that tests call now.
pub(crate) const NOW: i64 = 1_763_640_271_220;

/// Streams that remember what was written.
pub(crate) struct Screen {
    pub(crate) io: Io,
    out: Bytes,
    err: Bytes,
}

impl Screen {
    /// No terminal anywhere.
    pub(crate) fn pipe() -> Self {
        Self::new(false, (80, 24))
    }

    /// A terminal everywhere.
    pub(crate) fn terminal(columns: u16, rows: u16) -> Self {
        Self::new(true, (columns, rows))
    }

    fn new(is_terminal: bool, size: (u16, u16)) -> Self {
        let (out, err) = (Bytes::default(), Bytes::default());
        Self {
            io: Io {
                out: Box::new(out.clone()),
                err: Box::new(err.clone()),
                input: Box::new(Cursor::new(Vec::new())),
                out_is_terminal: is_terminal,
                err_is_terminal: is_terminal,
                input_is_terminal: is_terminal,
                secret: Box::new(|| None),
                env: BTreeMap::new(),
                size: Box::new(move || size),
                clock: Box::new(|| NOW),
                interrupt: Interrupt::When(Arc::default()),
                out_closed: false,
            },
            out,
            err,
        }
    }

    /// What a person types, or a pipe carries.
    pub(crate) fn typing(mut self, text: &str) -> Self {
        self.io.input = Box::new(Cursor::new(text.as_bytes().to_vec()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.io.env.insert(name.into(), value.into());
        self
    }

    pub(crate) fn out(&self) -> String {
        self.out.text()
    }

    pub(crate) fn err(&self) -> String {
        self.err.text()
    }
}

#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The binary's command line, as far as this crate has it.
#[derive(Debug, clap::Parser)]
#[command(name = "gennaker")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// Tools that speak to the script.
pub(crate) fn tools(server: &Scripted) -> Tools {
    let server = server.clone();
    Tools {
        linter: graph::check,
        connect: Box::new(move |_| Ok(Arc::new(server.clone()))),
    }
}

/// Runs `gennaker …` or, when the first word is `spin`, `spin …`, and gives the exit code.
pub(crate) async fn run(line: &[&str], server: &Scripted, screen: &mut Screen) -> u8 {
    use clap::Parser;
    let is_spin = line.first() == Some(&"spin");
    let verb = if is_spin {
        crate::parse_spin(line)
    } else {
        Cli::try_parse_from(std::iter::once("gennaker").chain(line.iter().copied()))
            .map(|cli| cli.verb)
    };
    match verb {
        Ok(verb) => crate::run(verb, &tools(server), &mut screen.io).await,
        Err(error) => crate::usage(&error, is_spin, &mut screen.io),
    }
}
