//! Spring's conversion service, as far as values of expressions can reach it.

use std::rc::Rc;

use num_bigint::BigInt;

use super::Machine;
use crate::ast::Node;
use crate::error::{Error, Result};
use crate::types::{self, Param, time_unit::ChronoUnit};
use crate::value::{ListKind, Value, text};

impl<'a> Machine<'a, '_> {
    /// A condition of `?:`, `and`, `or`, `!`: booleans and the texts that convert to them.
    pub(crate) fn condition(&mut self, node: &Node) -> Result<bool> {
        let value = self.eval(node)?;
        match self
            .convert(value, Param::BoolObject)
            .map_err(|error| error.at(node.at))?
        {
            Value::Bool(value) => Ok(value),
            _ => Err(Error::el(
                1001,
                "Type conversion problem, cannot convert from null to boolean",
            )
            .at(node.at)),
        }
    }

    /// What a part of a composite text, an operand of `+` or a text argument becomes; null stays null.
    pub(crate) fn text_from(&mut self, value: Value<'a>) -> Result<Value<'a>> {
        match value {
            Value::Null | Value::Text(_) if !self.env.artifact_store => Ok(value),
            Value::Null => Ok(Value::Null),
            Value::Text(text) => self.dereferenced(text),
            Value::Status(text) => Ok(Value::Text(text)),
            Value::DayOfWeek(_) | Value::ChronoUnit(_) => Ok(Value::text(text::enum_name(&value))),
            Value::List(ref list) if !matches!(list.kind, ListKind::EntrySet(_)) => {
                let items = list.items();
                self.joined(&value, &items)
            }
            Value::Array(ref array) => {
                let items = array.items.borrow().clone();
                self.joined(&value, &items)
            }
            value if types::converts_to_text(&value) => self.text_value(&value),
            value => Err(self.no_converter(&value, "java.lang.String")),
        }
    }

    /// Elements converted one by one and joined with commas.
    fn joined(&mut self, whole: &Value<'a>, items: &[Value<'a>]) -> Result<Value<'a>> {
        let outer = |error: Error| {
            let source = types::descriptor(whole);
            let text = format!(
                "Type conversion problem, cannot convert from {source} to java.lang.String"
            );
            error.wrapped_el(1001, text)
        };
        let mut out = String::new();
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            match self.text_from(item.clone()).map_err(outer)? {
                Value::Text(text) => out.push_str(&text),
                _ => out.push_str("null"),
            }
            self.charge(8)?;
        }
        self.charge(out.len())?;
        Ok(Value::text(out))
    }

    pub(crate) fn no_converter(&self, value: &Value<'a>, target: &str) -> Error {
        let source = types::descriptor(value);
        let root = format!(
            "No converter found capable of converting from type [{source}] to type [{target}]"
        );
        Error::new(
            "org.springframework.core.convert.ConverterNotFoundException",
            root,
        )
        .wrapped_el(
            1001,
            format!("Type conversion problem, cannot convert from {source} to {target}"),
        )
    }

    fn failed(&self, cause: Error, value: &Value<'a>, target: &str) -> Error {
        let source = types::descriptor(value);
        let shown = self.text_of(value);
        let outer = format!(
            "Failed to convert from type [{source}] to type [{target}] for value [{shown}]"
        );
        cause
            .wrapped(
                "org.springframework.core.convert.ConversionFailedException",
                outer,
            )
            .wrapped_el(
                1001,
                format!("Type conversion problem, cannot convert from {source} to {target}"),
            )
    }

    /// Converts to a parameter type. What fits already stays as it is.
    pub(crate) fn convert(&mut self, value: Value<'a>, target: Param) -> Result<Value<'a>> {
        if value.is_null() {
            return match target.is_primitive() {
                true => Err(Error::el(
                    1001,
                    format!(
                        "Type conversion problem, cannot convert from null to {}",
                        target.java()
                    ),
                )),
                false => Ok(Value::Null),
            };
        }
        if matches!(target, Param::Text) {
            return self.text_from(value);
        }
        if types::assignable(&value, target) {
            return Ok(value);
        }
        match (&value, target) {
            (Value::List(list), target)
                if !target.is_collection() && !matches!(list.kind, ListKind::EntrySet(_)) =>
            {
                let first = list.get(0);
                self.convert_first(&value, first, target)
            }
            (Value::Array(array), Param::Bool | Param::BoolObject)
                if !matches!(
                    &*array.element,
                    "java.lang.String" | "java.lang.Object" | "java.lang.Boolean" | "boolean"
                ) =>
            {
                Err(self.no_converter(&value, "java.lang.Boolean"))
            }
            (Value::Array(array), target) if !target.is_collection() => {
                let first = array.items.borrow().first().cloned();
                self.convert_first(&value, first, target)
            }
            (_, Param::Bool | Param::BoolObject) => self.bool_from(value),
            (_, target) if target.is_numeric() => self.number_from(value, target),
            (_, Param::Char | Param::CharObject) => self.char_from(value),
            (Value::Text(text), Param::DayOfWeek) => {
                let found = text::day_of_week(text.trim()).map(Value::DayOfWeek);
                found.ok_or_else(|| self.no_constant(&value, "java.time.DayOfWeek"))
            }
            (Value::Text(text), Param::ChronoUnit) => {
                let found = ChronoUnit::from_name(text.trim()).map(Value::ChronoUnit);
                found.ok_or_else(|| self.no_constant(&value, "java.time.temporal.ChronoUnit"))
            }
            (Value::Text(text), Param::Date) => {
                let zone = self.env.zone.clone();
                match types::date_format::parse_legacy(text, self.env.now_ms, &zone) {
                    Some(millis) => Ok(Value::Date(millis)),
                    None => Err(self.failed(
                        Error::silent(crate::error::ILLEGAL_ARGUMENT),
                        &value,
                        "java.util.Date",
                    )),
                }
            }
            (Value::Text(text), Param::Uuid) => match types::random::parse_uuid(text.trim()) {
                Some(id) => Ok(Value::Uuid(id)),
                None => {
                    let cause =
                        Error::illegal_argument(format!("Invalid UUID string: {}", &**text));
                    Err(self.failed(cause, &value, "java.util.UUID"))
                }
            },
            (Value::LocalDateTime(time), Param::LocalDate) => Ok(Value::LocalDate(time.date())),
            (Value::Date(millis), Param::Instant) => {
                Ok(types::time::instant_of_millis(*millis).map(Value::Instant)?)
            }
            (Value::Instant(instant), Param::Date) => Ok(Value::Date(instant.as_millisecond())),
            (_, Param::List | Param::Collection | Param::Iterable | Param::Set) => {
                Ok(self.collection_from(&value, target))
            }
            (_, Param::TextArray | Param::ObjectArray | Param::ByteArray | Param::CharArray) => {
                self.array_from(value, target)
            }
            (Value::Text(_), Param::Locale | Param::Charset) => Ok(value),
            _ => Err(self.no_converter(&value, target.java())),
        }
    }

    /// Collections stand for their first element; an error names the collection.
    fn convert_first(
        &mut self,
        whole: &Value<'a>,
        first: Option<Value<'a>>,
        target: Param,
    ) -> Result<Value<'a>> {
        let Some(first) = first else {
            return Ok(Value::Null);
        };
        self.convert(first, target).map_err(|error| {
            let (source, target) = (types::descriptor(whole), target.boxed());
            let text = format!("Type conversion problem, cannot convert from {source} to {target}");
            error.wrapped_el(1001, text)
        })
    }

    fn no_constant(&self, value: &Value<'a>, class: &str) -> Error {
        let shown = self.text_of(value);
        self.failed(
            Error::illegal_argument(format!("No enum constant {class}.{shown}")),
            value,
            class,
        )
    }

    fn bool_from(&mut self, value: Value<'a>) -> Result<Value<'a>> {
        let Value::Text(text) = &value else {
            return Err(self.no_converter(&value, "java.lang.Boolean"));
        };
        match text.trim().to_ascii_lowercase().as_str() {
            "" => Ok(Value::Null),
            "true" | "on" | "yes" | "1" => Ok(Value::Bool(true)),
            "false" | "off" | "no" | "0" => Ok(Value::Bool(false)),
            _ => {
                let cause =
                    Error::illegal_argument(format!("Invalid boolean value '{}'", text.trim()));
                Err(self.failed(cause, &value, "java.lang.Boolean"))
            }
        }
    }

    fn char_from(&mut self, value: Value<'a>) -> Result<Value<'a>> {
        match &value {
            Value::Text(text) if text.is_empty() => Ok(Value::Null),
            Value::Text(text) => {
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) if c.len_utf16() == 1 => Ok(Value::Char(c)),
                    _ => {
                        let length = text.encode_utf16().count();
                        let cause = Error::illegal_argument(format!(
                            "Can only convert a [String] with length of 1 to a [Character]; string value '{}'  has length of {length}",
                            &**text
                        ));
                        Err(self.failed(cause, &value, "java.lang.Character"))
                    }
                }
            }
            value if value.is_number() => {
                let code = types::number::to_i64(value) as u16;
                Ok(Value::Char(
                    char::from_u32(u32::from(code)).unwrap_or(char::REPLACEMENT_CHARACTER),
                ))
            }
            value => Err(self.no_converter(value, "java.lang.Character")),
        }
    }

    fn number_from(&mut self, value: Value<'a>, target: Param) -> Result<Value<'a>> {
        let class = target.boxed();
        let converted = match &value {
            Value::Text(text) => {
                if text.is_empty() {
                    return Ok(Value::Null);
                }
                let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
                types::number::parse(&compact, target)
            }
            Value::Char(c) => types::number::narrow(&Value::Int(u32::from(*c) as i32), target),
            value if value.is_number() => types::number::narrow(value, target),
            value if matches!(target, Param::Int | Param::IntObject) => {
                match crate::methods::ordinal(value) {
                    Some(ordinal) => Ok(Value::Int(ordinal)),
                    None => return Err(self.no_converter(value, target.java())),
                }
            }
            value => return Err(self.no_converter(value, target.java())),
        };
        converted.map_err(|error| self.failed(error, &value, class))
    }

    fn collection_from(&mut self, value: &Value<'a>, target: Param) -> Value<'a> {
        let kind = if matches!(target, Param::Set) {
            ListKind::HashSet
        } else {
            ListKind::Array
        };
        let items = match value {
            Value::List(list) => list.items(),
            Value::Array(array) => array.items.borrow().clone(),
            Value::Text(text) if text.is_empty() => Vec::new(),
            Value::Text(text) => text
                .split(',')
                .map(|item| Value::text(item.trim()))
                .collect(),
            value => vec![value.clone()],
        };
        Value::set(kind, items)
    }

    fn array_from(&mut self, value: Value<'a>, target: Param) -> Result<Value<'a>> {
        let (element, param) = match target {
            Param::TextArray => ("java.lang.String", Param::Text),
            Param::ByteArray => ("byte", Param::Byte),
            Param::CharArray => ("char", Param::Char),
            _ => ("java.lang.Object", Param::Object),
        };
        let Value::List(items) = self.collection_from(&value, Param::List) else {
            return Ok(Value::Null);
        };
        let items = items
            .items()
            .into_iter()
            .map(|item| self.convert(item, param))
            .collect::<Result<_>>()?;
        Ok(Value::array(element, items))
    }

    /// Index of a list, an array or a text: numbers and texts that convert to an int.
    pub(crate) fn index_from(&mut self, value: Value<'a>) -> Result<i32> {
        let shown = self.text_of(&value);
        match self.convert(value, Param::IntObject)? {
            Value::Int(index) => Ok(index),
            Value::Null => Err(Error::new(
                crate::error::ILLEGAL_STATE,
                format!("Null conversion result for value [{shown}]"),
            )),
            _ => Err(Error::new(crate::error::ILLEGAL_STATE, "no index")),
        }
    }
}

/// A number as an arbitrary-precision integer.
pub(crate) fn big_of(value: &Value<'_>) -> BigInt {
    match value {
        Value::Big(value) => BigInt::clone(value),
        value => BigInt::from(types::number::to_i64(value)),
    }
}

pub(crate) fn big<'a>(value: BigInt) -> Value<'a> {
    Value::Big(Rc::new(value))
}
