//! `#readJson` and `#toJson`, as Jackson does them.

use super::{failed, text};
use crate::error::{Error, HELPER, Result};
use crate::machine::Machine;
use crate::types::number;
use crate::value::{MapKind, Object, Value, text as java};

/// Nesting of a JSON text.
const DEPTH_MAX: u32 = 128;

/// `#readJson(text)`: a list if the text starts with `[`, else a map.
pub(super) fn read<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let Some(source) = text(&args[0]) else {
        let error = Error::null_pointer(
            "Cannot invoke \"String.startsWith(String)\" because \"text\" is null",
        );
        return Err(error.wrapped(HELPER, "#readJson(null) failed"));
    };
    machine.charge(source.len())?;
    let list = source.starts_with('[');
    let mut reader = Reader { source, at: 0 };
    let result = reader
        .blank()
        .and_then(|()| reader.value(0))
        .and_then(|value| match (&value, list) {
            (Value::List(_), true) | (Value::Map(_), false) | (Value::Null, false) => Ok(value),
            (other, _) => {
                let wanted = if list {
                    "java.util.ArrayList"
                } else {
                    "java.util.LinkedHashMap"
                };
                let token = match other {
                    Value::List(_) => "Array value (token `JsonToken.START_ARRAY`)".to_owned(),
                    Value::Text(text) => format!("String value ('{}')", &**text),
                    Value::Bool(_) => "Boolean value".to_owned(),
                    _ => "Number value".to_owned(),
                };
                Err(Error::new(
                    "com.fasterxml.jackson.databind.exc.MismatchedInputException",
                    format!(
                        "Cannot deserialize value of type `{wanted}<java.lang.Object>` from {token}"
                    ),
                ))
            }
        });
    result.map_err(|error| error.wrapped(HELPER, format!("#readJson({source}) failed")))
}

struct Reader<'s> {
    source: &'s str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn failure(&self, text: impl Into<String>) -> Error {
        let before = &self.source[..self.at.min(self.source.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let text = format!(
            "{}\n at [Source: (String); line: {line}, column: {column}]",
            text.into()
        );
        Error::new("com.fasterxml.jackson.core.JsonParseException", text)
    }

    fn end(&self) -> Error {
        let text = self
            .failure("Unexpected end-of-input")
            .message()
            .unwrap_or_default()
            .to_owned();
        Error::new("com.fasterxml.jackson.core.io.JsonEOFException", text)
    }

    fn blank(&mut self) -> Result<()> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        match self.peek() {
            Some(_) => Ok(()),
            None => Err(Error::new(
                "com.fasterxml.jackson.databind.exc.MismatchedInputException",
                "No content to map due to end-of-input",
            )),
        }
    }

    fn skip(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value<'a>(&mut self, depth: u32) -> Result<Value<'a>> {
        if depth > DEPTH_MAX {
            return Err(self.failure(format!("nested deeper than {DEPTH_MAX}")));
        }
        self.skip();
        match self.peek() {
            None => Err(self.end()),
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.text().map(Value::text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => {
                for (word, value) in [
                    ("true", Value::Bool(true)),
                    ("false", Value::Bool(false)),
                    ("null", Value::Null),
                ] {
                    if self.source[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                let rest = &self.source[self.at..];
                let token: String = rest
                    .chars()
                    .take_while(|c| c.is_alphanumeric())
                    .take(256)
                    .collect();
                let shown = if token.is_empty() {
                    rest.chars().take(1).collect()
                } else {
                    token
                };
                Err(self.failure(format!(
                    "Unrecognized token '{shown}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
                )))
            }
        }
    }

    fn map<'a>(&mut self, depth: u32) -> Result<Value<'a>> {
        self.at += 1;
        let mut entries = Vec::new();
        self.skip();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::map(MapKind::Linked, entries));
        }
        loop {
            self.skip();
            match self.peek() {
                Some(b'"') => {}
                None => return Err(self.end()),
                Some(_) => {
                    let text =
                        "Unexpected character: was expecting double-quote to start field name";
                    return Err(self.failure(text));
                }
            }
            let key = self.text()?;
            self.skip();
            match self.peek() {
                Some(b':') => self.at += 1,
                None => return Err(self.end()),
                Some(_) => {
                    let text = "Unexpected character: was expecting a colon to separate field name and value";
                    return Err(self.failure(text));
                }
            }
            entries.push((Value::text(key), self.value(depth + 1)?));
            self.skip();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::map(MapKind::Linked, entries));
                }
                None => return Err(self.end()),
                Some(_) => {
                    return Err(self.failure(
                        "Unexpected character: was expecting comma to separate Object entries",
                    ));
                }
            }
        }
    }

    fn list<'a>(&mut self, depth: u32) -> Result<Value<'a>> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::list(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::list(items));
                }
                None => return Err(self.end()),
                Some(_) => {
                    return Err(self.failure(
                        "Unexpected character: was expecting comma to separate Array entries",
                    ));
                }
            }
        }
    }

    fn text(&mut self) -> Result<String> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    let raw = &self.source[start..self.at];
                    return serde_json::from_str(raw)
                        .map_err(|error| self.failure(error.to_string()));
                }
                b'\\' => self.at += 2,
                0..=0x1F => {
                    return Err(self.failure(format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {byte})): has to be escaped using backslash to be included in string value"
                    )));
                }
                _ => self.at += 1,
            }
        }
        self.at = self.source.len();
        Err(self.end())
    }

    fn number<'a>(&mut self) -> Result<Value<'a>> {
        let start = self.at;
        let more =
            |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        while self.peek().is_some_and(more) {
            self.at += 1;
        }
        let raw = &self.source[start..self.at];
        // The JSON library knows the grammar; its number type does not hold every integer.
        if serde_json::from_str::<serde::de::IgnoredAny>(raw).is_err() {
            return Err(self.failure(format!("Unexpected character in numeric value '{raw}'")));
        }
        if raw.contains(['.', 'e', 'E']) {
            return Ok(Value::Double(raw.parse().unwrap_or(f64::INFINITY)));
        }
        if let Ok(value) = raw.parse::<i32>() {
            return Ok(Value::Int(value));
        }
        if let Ok(value) = raw.parse::<i64>() {
            return Ok(Value::Long(value));
        }
        if raw.len() > 1_000 {
            return Err(self.failure("Number value length exceeds the maximum allowed (1000)"));
        }
        Ok(number::big(raw).map_or(Value::Null, |value| Value::Big(value.into())))
    }
}

/// `#toJson(value)`: nulls are kept, times of `java.time` are refused, and so is text that holds `${`.
pub(super) fn write<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (value, guarded) = match &args[0] {
        Value::NotEvaluable(inner) => ((**inner).clone(), false),
        value => (value.clone(), true),
    };
    let mut out = String::new();
    let most = machine.env.limits.result_bytes_max;
    let execution = machine.execution();
    let result = put(&value, &mut out, most, &|object| {
        crate::objects::document(execution, object)
    })
    .and_then(|()| match guarded && out.contains("${") {
        true => Err(failed("result for toJson cannot contain an expression")),
        false => Ok(()),
    });
    machine.charge(out.len())?;
    match result {
        Ok(()) => Ok(Value::text(out)),
        Err(_) if value.is_null() && guarded => Err(Error::null_pointer("o")),
        Err(error) => {
            let shown = machine.text_of(&args[0]);
            Err(error.wrapped(HELPER, format!("#toJson({shown}) failed")))
        }
    }
}

fn put<'a>(
    value: &Value<'a>,
    out: &mut String,
    most: usize,
    document: &dyn Fn(&Object<'a>) -> serde_json::Value,
) -> Result<()> {
    if out.len() > most {
        return Err(Error::new(
            crate::error::SPEL_EVALUATION,
            format!("the result is larger than {most} bytes"),
        ));
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(_) | Value::Byte(_) | Value::Int(_) | Value::Long(_) | Value::Big(_) => {
            out.push_str(&java::java(value))
        }
        Value::Date(millis) => out.push_str(&millis.to_string()),
        Value::Double(number) if number.is_finite() => out.push_str(&java::double(*number)),
        Value::Float(number) if number.is_finite() => out.push_str(&java::float(*number)),
        Value::Text(text) | Value::Status(text) => quote(text, out),
        Value::Double(_) | Value::Float(_) | Value::Char(_) | Value::Uuid(_) => {
            quote(&java::java(value), out)
        }
        Value::DayOfWeek(_) | Value::ChronoUnit(_) => quote(java::enum_name(value), out),
        Value::Class(name) => quote(name, out),
        Value::List(list) => sequence(&list.items(), out, most, document)?,
        Value::Array(array) => match &*array.element {
            "byte" | "char" => {
                let json = crate::value::json::Writer::new(most).write(value, document)?;
                out.push_str(&json.to_string());
            }
            _ => sequence(&array.items.borrow(), out, most, document)?,
        },
        Value::Map(map) => {
            out.push('{');
            for (at, (key, value)) in map.entries().iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                if key.is_null() {
                    return Err(Error::new(
                        "com.fasterxml.jackson.databind.JsonMappingException",
                        "Null key for a Map not allowed in JSON (use a converting NullKeySerializer?)",
                    ));
                }
                quote(&java::java(key), out);
                out.push(':');
                put(value, out, most, document)?;
            }
            out.push('}');
        }
        Value::Entry(entry) => {
            out.push('{');
            quote(&java::java(&entry.0), out);
            out.push(':');
            put(&entry.1, out, most, document)?;
            out.push('}');
        }
        Value::Instant(_) | Value::LocalDate(_) | Value::LocalDateTime(_) => {
            let class = crate::types::class_name(value);
            return Err(Error::new(
                "com.fasterxml.jackson.databind.exc.InvalidDefinitionException",
                format!(
                    "Java 8 date/time type `{class}` not supported by default: add Module \"com.fasterxml.jackson.datatype:jackson-datatype-jsr310\" to enable handling"
                ),
            ));
        }
        Value::Random(_) | Value::DateFormat(_) => out.push_str("{}"),
        Value::Object(object) => out.push_str(&document(object).to_string()),
        Value::NotEvaluable(inner) => {
            out.push_str("{\"expression\":");
            put(inner, out, most, document)?;
            out.push('}');
        }
    }
    Ok(())
}

fn sequence<'a>(
    items: &[Value<'a>],
    out: &mut String,
    most: usize,
    document: &dyn Fn(&Object<'a>) -> serde_json::Value,
) -> Result<()> {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        put(item, out, most, document)?;
    }
    out.push(']');
    Ok(())
}

fn quote(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}
