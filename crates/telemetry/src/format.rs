//! What a log line looks like: `2026-01-31T12:00:00.123456Z INFO  execution finished execution.id=01… status=SUCCEEDED`.
//!
//! Sentence first, then the event's fields, then those of the spans around it, outermost first. One event is one line:
//! control characters in values are escaped, so that what a pipeline's author wrote cannot forge a line.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people: a sentence and fields.
    #[default]
    Text,
    /// For machines: one JSON object per line.
    Json,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        match text {
            "text" => Ok(Format::Text),
            "json" => Ok(Format::Json),
            other => Err(format!("{other:?} is neither \"text\" nor \"json\"")),
        }
    }
}

/// Writes events as sentences.
pub(crate) struct Sentence;

/// Writes the fields of a span the way [`Sentence`] writes those of an event.
pub(crate) struct Fields;

impl<S> FormatEvent<S, Fields> for Sentence
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Fields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut parts = Parts::default();
        event.record(&mut parts);
        if let Some(scope) = context.event_scope() {
            for span in scope.from_root() {
                if let Some(fields) = span.extensions().get::<FormattedFields<Fields>>()
                    && !fields.is_empty()
                {
                    write!(parts.fields, " {fields}")?;
                }
            }
        }
        let level = *event.metadata().level();
        if writer.has_ansi_escapes() {
            writer.write_str("\x1b[2m")?;
            SystemTime.format_time(&mut writer)?;
            let colour = colour(level);
            writeln!(
                writer,
                "\x1b[0m \x1b[{colour}m{level:<5}\x1b[0m {}\x1b[2m{}\x1b[0m",
                parts.message, parts.fields
            )
        } else {
            SystemTime.format_time(&mut writer)?;
            writeln!(writer, " {level:<5} {}{}", parts.message, parts.fields)
        }
    }
}

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut parts = Parts::default();
        fields.record(&mut parts);
        writer.write_str(parts.fields.trim_start())
    }

    fn add_fields(
        &self,
        current: &'writer mut FormattedFields<Self>,
        fields: &tracing::span::Record<'_>,
    ) -> fmt::Result {
        let mut parts = Parts::default();
        fields.record(&mut parts);
        let parts = if current.is_empty() {
            parts.fields.trim_start()
        } else {
            &parts.fields
        };
        current.as_writer().write_str(parts)
    }
}

fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}

/// The message, and each field with a space before it.
#[derive(Default)]
struct Parts {
    message: String,
    fields: String,
}

impl Parts {
    /// Writing to a `String` cannot fail.
    fn put(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let _ = match field.name() {
            "message" => Escaping(&mut self.message).write_fmt(value),
            name => write!(self.fields, " {name}=")
                .and_then(|()| Escaping(&mut self.fields).write_fmt(value)),
        };
    }
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        let plain = !value.is_empty()
            && !value.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '='));
        if plain || field.name() == "message" {
            self.put(field, format_args!("{value}"));
        } else {
            self.put(field, format_args!("{value:?}"));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format_args!("{value:?}"));
    }
}

/// Control characters as Rust writes them in a string.
struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            // Line and paragraph separators are no control characters and break lines all the same.
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                self.0.extend(c.escape_default());
            } else {
                self.0.push(c);
            }
        }
        Ok(())
    }
}
