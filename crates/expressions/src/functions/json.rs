//! `#readJson` and `#toJson`, as Jackson does them.

use super::{failed, text};
use crate::error::{Error, HELPER, Result};
use crate::machine::Machine;
use crate::objects::Nulls;
use crate::types::number;
use crate::value::{MapKind, Object, Value, text as java};

/// Nesting of a JSON text.
const DEPTH_MAX: u32 = 128;

/// How Jackson names its source since it does not show it.
const SOURCE: &str = "Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)";

/// `#readJson(text)`: a list if the text starts with `[`, else a map.
pub(super) fn read<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let Some(source) = text(&args[0]) else {
        let error = Error::null_pointer(
            "Cannot invoke \"String.startsWith(String)\" because \"text\" is null",
        );
        return Err(error.wrapped(HELPER, "#readJson(null) failed"));
    };
    machine.charge(source.len() / 2)?;
    let list = source.starts_with('[');
    let mut reader = Reader {
        source,
        at: 0,
        machine,
    };
    let result = reader.root(list);
    result.map_err(|error| error.wrapped(HELPER, format!("#readJson({source}) failed")))
}

/// Reads JSON with the messages of Jackson 2.19.
struct Reader<'r, 's, 'a, 'e> {
    source: &'s str,
    at: usize,
    machine: &'r mut Machine<'a, 'e>,
}

const NOT_A_VALUE: &str = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'";

impl<'a> Reader<'_, '_, 'a, '_> {
    /// A list or, with `list` false, a map or null.
    fn root(&mut self, list: bool) -> Result<Value<'a>> {
        const MISMATCH: &str = "com.fasterxml.jackson.databind.exc.MismatchedInputException";
        self.skip();
        let start = self.at;
        if self.peek().is_none() {
            let text = format!("No content to map due to end-of-input\n at [{SOURCE}; line: 1]");
            return Err(Error::new(MISMATCH, text));
        }
        let value = self.value(0)?;
        if value.is_number() && !matches!(self.peek(), None | Some(b' ' | b'\t' | b'\r' | b'\n')) {
            return Err(self.unexpected(": Expected space separating root-level values"));
        }
        let wanted = "Cannot deserialize value of type `java.util.LinkedHashMap<java.lang.Object,java.lang.Object>` from";
        let text = match &value {
            Value::Null | Value::Map(_) => return Ok(value),
            Value::List(_) if list => return Ok(value),
            Value::List(_) => format!("{wanted} Array value (token `JsonToken.START_ARRAY`)"),
            Value::Text(text) if text.is_empty() => {
                let text = format!(
                    "Cannot coerce empty String (\"\") to element of `java.util.LinkedHashMap` (but could if coercion was enabled using `CoercionConfig`)\n at {}",
                    self.place(start)
                );
                let class = "com.fasterxml.jackson.databind.exc.InvalidFormatException";
                return Err(Error::new(class, text));
            }
            Value::Text(text) => format!(
                "Cannot construct instance of `java.util.LinkedHashMap` (although at least one Creator exists): no String-argument constructor/factory method to deserialize from String value ('{}')",
                &**text
            ),
            Value::Bool(true) => format!("{wanted} Boolean value (token `JsonToken.VALUE_TRUE`)"),
            Value::Bool(_) => format!("{wanted} Boolean value (token `JsonToken.VALUE_FALSE`)"),
            Value::Double(_) => {
                format!("{wanted} Floating-point value (token `JsonToken.VALUE_NUMBER_FLOAT`)")
            }
            _ => format!("{wanted} Integer value (token `JsonToken.VALUE_NUMBER_INT`)"),
        };
        Err(Error::new(
            MISMATCH,
            format!("{text}\n at {}", self.place(start)),
        ))
    }

    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    /// As Jackson shows a place.
    fn place(&self, at: usize) -> String {
        let before = &self.source[..at.min(self.source.len())];
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or("")
            .encode_utf16()
            .count()
            + 1;
        format!("[{SOURCE}; line: {line}, column: {column}]")
    }

    fn failure_at(&self, text: impl std::fmt::Display, at: usize) -> Error {
        let text = format!("{text}\n at {}", self.place(at));
        Error::new("com.fasterxml.jackson.core.JsonParseException", text)
    }

    fn failure(&self, text: impl std::fmt::Display) -> Error {
        self.failure_at(text, self.at)
    }

    /// The character at hand is not what it must be.
    fn unexpected(&self, wanted: &str) -> Error {
        let c = self.source[self.at..].chars().next().unwrap_or('\0');
        let wanted = match c {
            '/' => {
                ": maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)"
            }
            _ => wanted,
        };
        self.failure(format!("Unexpected character ({}){wanted}", shown(c)))
    }

    /// A bracket that closes another one than was opened last.
    fn wrong_close(&self, byte: u8, close: u8, kind: &str, start: usize) -> Error {
        self.failure(format!(
            "Unexpected close marker '{}': expected '{}' (for {kind} starting at {})",
            char::from(byte),
            char::from(close),
            self.place(start)
        ))
    }

    fn end(&self, text: impl std::fmt::Display) -> Error {
        let text = format!(
            "Unexpected end-of-input{text}\n at {}",
            self.place(self.source.len())
        );
        Error::new("com.fasterxml.jackson.core.io.JsonEOFException", text)
    }

    fn skip(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: u32) -> Result<Value<'a>> {
        if depth > DEPTH_MAX {
            return Err(self.failure(format!("nested deeper than {DEPTH_MAX}")));
        }
        let work = match self.peek() {
            Some(b'{') => 40,
            Some(b'[') => 20,
            _ => 8,
        };
        self.machine.charge(work)?;
        match self.peek() {
            None => Err(self.end("")),
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.text().map(Value::text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value<'a>> {
        let rest = &self.source[self.at..];
        let length = rest
            .char_indices()
            .find(|(_, c)| !(c.is_alphanumeric() || matches!(c, '_' | '$')))
            .map_or(rest.len(), |(at, _)| at);
        let value = match &rest[..length] {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            "" if rest.starts_with('+') => {
                let text = "Unexpected character ('+' (code 43)) in numeric value: JSON spec does not allow numbers to have plus signs: enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow";
                return Err(self.failure_at(text, self.at + 1));
            }
            "" => return Err(self.unexpected(&format!(": expected a valid value ({NOT_A_VALUE})"))),
            token @ ("NaN" | "INF" | "Infinity") => {
                let text = format!(
                    "Non-standard token '{token}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
                );
                return Err(self.failure_at(text, self.at + length));
            }
            token => {
                let text = format!("Unrecognized token '{token}': was expecting ({NOT_A_VALUE})");
                return Err(self.failure_at(text, self.at + length));
            }
        };
        self.at += length;
        Ok(value)
    }

    fn map(&mut self, depth: u32) -> Result<Value<'a>> {
        let start = self.at;
        self.at += 1;
        let mut entries = Vec::new();
        self.skip();
        loop {
            match self.peek() {
                Some(b'}') if entries.is_empty() => {
                    self.at += 1;
                    break;
                }
                Some(b'"') => {}
                None if entries.is_empty() => return Err(self.unclosed("Object", start)),
                Some(b']') if entries.is_empty() => {
                    return Err(self.wrong_close(b']', b'}', "Object", start));
                }
                None => return Err(self.cut_short("Object")),
                Some(_) => {
                    return Err(self.unexpected(": was expecting double-quote to start field name"));
                }
            }
            let key = self.text()?;
            self.skip();
            match self.peek() {
                Some(b':') => self.at += 1,
                None => return Err(self.end(" within/between Object entries")),
                Some(_) => {
                    return Err(
                        self.unexpected(": was expecting a colon to separate field name and value")
                    );
                }
            }
            self.skip();
            if self.peek().is_none() {
                return Err(self.end(" within/between Object entries"));
            }
            entries.push((Value::text(key), self.value(depth + 1)?));
            if self.is_last(b'}', "Object", start)? {
                break;
            }
        }
        Ok(Value::map(MapKind::Linked, entries))
    }

    fn list(&mut self, depth: u32) -> Result<Value<'a>> {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        self.skip();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::list(items));
        }
        if self.peek() == Some(b'}') {
            return Err(self.wrong_close(b'}', b']', "Array", start));
        }
        loop {
            if self.peek().is_none() {
                return Err(match items.is_empty() {
                    true => self.unclosed("Array", start),
                    false => self.cut_short("Array"),
                });
            }
            items.push(self.value(depth + 1)?);
            if self.is_last(b']', "Array", start)? {
                return Ok(Value::list(items));
            }
        }
    }

    /// Whether the collection ends behind the entry that was read, else another follows.
    fn is_last(&mut self, close: u8, kind: &str, start: usize) -> Result<bool> {
        self.skip();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.skip();
                Ok(false)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            None => Err(self.unclosed(kind, start)),
            Some(byte @ (b'}' | b']')) => Err(self.wrong_close(byte, close, kind, start)),
            Some(_) => {
                Err(self.unexpected(&format!(": was expecting comma to separate {kind} entries")))
            }
        }
    }

    fn unclosed(&self, kind: &str, start: usize) -> Error {
        self.end(format!(
            ": expected close marker for {kind} (start marker at {})",
            self.place(start)
        ))
    }

    /// The text ends behind a comma.
    fn cut_short(&self, kind: &str) -> Error {
        self.failure_at(
            format!("Unexpected end-of-input within/between {kind} entries"),
            self.source.len(),
        )
    }

    fn text(&mut self) -> Result<String> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    let raw = &self.source[start..self.at];
                    // Half a pair of surrogates is a character in Java and none here.
                    return serde_json::from_str(raw)
                        .map_err(|error| self.failure(error.to_string()));
                }
                b'\\' => self.escape()?,
                0..=0x1F => {
                    return Err(self.failure(format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {byte})): has to be escaped using backslash to be included in string value"
                    )));
                }
                _ => self.at += 1,
            }
        }
        Err(self.end(": was expecting closing quote for a string value"))
    }

    fn escape(&mut self) -> Result<()> {
        self.at += 1;
        match self.source[self.at..].chars().next() {
            None => return Err(self.end(" in character escape sequence")),
            Some('u') => {
                self.at += 1;
                for _ in 0..4 {
                    match self.peek() {
                        Some(digit) if digit.is_ascii_hexdigit() => self.at += 1,
                        None => return Err(self.end(" in character escape sequence")),
                        Some(_) => {
                            return Err(self.unexpected(
                                ": expected a hex-digit for character escape sequence",
                            ));
                        }
                    }
                }
            }
            Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => self.at += 1,
            Some(c) => {
                let code = u32::from(c);
                return Err(
                    self.failure(format!("Unrecognized character escape '{c}' (code {code})"))
                );
            }
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value<'a>> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
            if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(self.no_digit(
                    self.at,
                    "expected digit (0-9) to follow minus sign, for valid numeric value",
                    "No digit following sign",
                ));
            }
        }
        let first = self.at;
        self.digits();
        if self.at > first + 1 && self.source.as_bytes()[first] == b'0' {
            return Err(self.failure_at(
                "Invalid numeric value: Leading zeroes not allowed",
                first + 1,
            ));
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            if self.digits() == 0 {
                let text = "Decimal point not followed by a digit";
                if self.peek().is_none() {
                    let text =
                        format!("Unexpected character ('.' (code 46)) in numeric value: {text}");
                    return Err(self.failure_at(text, self.at - 1));
                }
                return Err(self.no_digit(self.at - 1, text, ""));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.no_digit(
                    self.at - 1,
                    "Exponent indicator not followed by a digit",
                    "expected a digit for number exponent",
                ));
            }
        }
        let raw = &self.source[start..self.at];
        if raw.len() > 1_000 {
            let text = format!(
                "Number value length ({}) exceeds the maximum allowed (1000, from `StreamReadConstraints.getMaxNumberLength()`)",
                raw.len()
            );
            return Err(Error::new(
                "com.fasterxml.jackson.core.exc.StreamConstraintsException",
                text,
            ));
        }
        if !whole {
            return Ok(Value::Double(raw.parse().unwrap_or(f64::INFINITY)));
        }
        if let Ok(value) = raw.parse::<i32>() {
            return Ok(Value::Int(value));
        }
        if let Ok(value) = raw.parse::<i64>() {
            return Ok(Value::Long(value));
        }
        Ok(number::big(raw).map_or(Value::Null, |value| Value::Big(value.into())))
    }

    /// Takes digits and says how many.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn no_digit(&self, at: usize, wanted: &str, at_end: &str) -> Error {
        match self.source[self.at..].chars().next() {
            None => self.end(at_end),
            Some(c) => {
                let c = shown(c);
                let text = format!("Unexpected character ({c}) in numeric value: {wanted}");
                self.failure_at(text, at)
            }
        }
    }
}

/// A character as Jackson shows it.
fn shown(c: char) -> String {
    match u32::from(c) {
        code @ 0..=0x1F => format!("(CTRL-CHAR, code {code})"),
        code => format!("'{c}' (code {code})"),
    }
}

/// `#toJson(value)`: nulls are kept, times of `java.time` are refused, and so is text that holds `${`.
pub(super) fn write<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (value, guarded) = match &args[0] {
        Value::NotEvaluable(inner) => ((**inner).clone(), false),
        value => (value.clone(), true),
    };
    machine.measure(&value)?;
    let mut out = String::new();
    let most = machine.env.limits.result_bytes_max;
    let execution = machine.execution();
    let result = put(&value, &mut out, most, &|object| {
        crate::objects::document(execution, object, Nulls::Kept)
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
        Value::Entry(entry, _) => {
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
        Value::Random(_) => out.push_str("{\"deprecated\":false}"),
        Value::DateFormat(_) => out.push_str("{}"),
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
    if text
        .bytes()
        .all(|byte| byte >= b' ' && !matches!(byte, b'"' | b'\\'))
    {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    out.push_str(&serde_json::Value::from(text).to_string());
}
