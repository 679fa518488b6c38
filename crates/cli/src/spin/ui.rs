//! spin's output: data and good news on the standard output, errors and warnings beside it.

use serde_json::Value;

use super::Said;
use crate::{Caller, Exit, Global, Io, output::Format};

/// The output of one command.
pub(super) struct Ui<'a> {
    pub(super) io: &'a mut Io,
    quiet: bool,
    out_color: bool,
    err_color: bool,
    format: Format,
    has_format: bool,
}

impl<'a> Ui<'a> {
    /// Whether somebody asked for a form of output. Spin's commands print JSON without; ours print sentences.
    pub(super) const fn has_format(&self) -> bool {
        self.has_format
    }

    pub(super) fn new(global: &Global, format: Format, io: &'a mut Io) -> Self {
        Self {
            quiet: global.quiet,
            out_color: io.out_has_color(global),
            err_color: io.err_has_color(global),
            format,
            has_format: global.output.is_some(),
            io,
        }
    }

    /// A document in the chosen format. Like spin, one that the format cannot show prints the reason and an empty line and
    /// does not fail the command: scripts read optional fields that way.
    pub(super) fn document(&mut self, document: &Value) {
        let text = self.format.render(document).unwrap_or_else(|error| {
            self.error(&error);
            String::new()
        });
        self.io.say(&text);
    }

    /// Good news.
    pub(super) fn success(&mut self, text: &str) {
        if !self.quiet {
            let text = painted(text, "1m\u{1b}[32", self.out_color);
            self.io.say(&text);
        }
    }

    /// News.
    pub(super) fn info(&mut self, text: &str) {
        if !self.quiet {
            let text = painted(text, "34", self.out_color);
            self.io.say(&text);
        }
    }

    /// Something to think about.
    pub(super) fn warn(&mut self, text: &str) {
        if !self.quiet {
            let text = painted(text, "33", self.err_color);
            self.io.note(&text);
        }
    }

    /// Something that went wrong.
    pub(super) fn error(&mut self, text: &str) {
        let text = painted(text, "31", self.err_color);
        self.io.note(&text);
    }

    /// Prints a failure and gives the exit code.
    pub(super) fn failed(&mut self, said: &Said, caller: Caller) -> u8 {
        self.error(&said.text);
        if let Some(more) = &said.more {
            self.warn(&crate::text::clean(more));
        }
        match (caller, said.exit) {
            (Caller::Verb, Exit::Unreachable) => Exit::Unreachable.code(),
            _ => Exit::CommandError.code(),
        }
    }
}

fn painted(text: &str, code: &str, color: bool) -> String {
    let text = text.trim_end_matches('\n');
    if color {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
