//! JSON in and out.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigInt;
use serde_json::{Map, Number, Value as Json};

use super::{ListCell, MapCell, MapKind, Str, Value};
use crate::error::{Error, Result};
use crate::exact::{Digits, Step, long_integer};

/// A view of a document: scalars at once, lists and maps when they are looked into.
pub(crate) fn view(json: &Json) -> Value<'_> {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => from_number(number),
        Json::String(text) => long_integer(text).map_or_else(|| view_text(text), big),
        Json::Array(items) => view_list(items),
        Json::Object(map) => view_map(map),
    }
}

pub(crate) fn view_text(text: &str) -> Value<'_> {
    Value::Text(Str::Borrowed(text))
}

pub(crate) fn view_list(items: &[Json]) -> Value<'_> {
    Value::List(Rc::new(ListCell::viewed(items)))
}

pub(crate) fn view_map(map: &Map<String, Json>) -> Value<'_> {
    Value::Map(Rc::new(MapCell::viewed(MapKind::Linked, map)))
}

/// Takes a document over.
pub(crate) fn from_owned<'a>(json: Json) -> Value<'a> {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => from_number(&number),
        Json::String(text) => long_integer(&text).map_or_else(|| Value::text(text), big),
        Json::Array(items) => Value::list(items.into_iter().map(from_owned).collect()),
        Json::Object(map) => Value::map(
            MapKind::Linked,
            map.into_iter()
                .map(|(key, value)| (Value::text(key), from_owned(value))),
        ),
    }
}

fn big<'a>(number: BigInt) -> Value<'a> {
    Value::Big(Rc::new(number))
}

/// Integers as small as they fit, as Jackson reads them; everything else is a double.
fn from_number<'a>(number: &Number) -> Value<'a> {
    if let Some(value) = number.as_i64() {
        return i32::try_from(value).map_or(Value::Long(value), Value::Int);
    }
    match number.as_u64() {
        Some(value) => Value::Big(Rc::new(BigInt::from(value))),
        None => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// Writes results as Orca's mapper does, up to a number of bytes.
pub(crate) struct Writer {
    left: usize,
    limit: usize,
    /// Integers that stand as doubles in what was written.
    pub long_integers: Vec<Digits>,
}

impl Writer {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            left: bytes_max,
            limit: bytes_max,
            long_integers: Vec::new(),
        }
    }

    /// About how many bytes were written.
    pub(crate) fn written(&self) -> usize {
        self.limit - self.left
    }

    fn spend(&mut self, bytes: usize) -> Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Error::too_large(self.limit)),
        }
    }

    fn text(&mut self, text: &str) -> Result<Json> {
        self.spend(text.len() + 3)?;
        Ok(Json::from(text))
    }

    /// Null members of maps are dropped, nulls in lists stay; times become numbers, enums their names.
    /// `object` gives the document of an execution, a stage and so on.
    pub(crate) fn write<'a>(
        &mut self,
        value: &Value<'a>,
        object: &dyn Fn(&super::Object<'a>) -> Json,
    ) -> Result<Json> {
        self.spend(5)?;
        Ok(match value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::from(*value),
            Value::Byte(value) => Json::from(*value),
            Value::Int(value) => Json::from(*value),
            Value::Long(value) | Value::Date(value) => Json::from(*value),
            Value::Float(value) => match value.is_finite() {
                // Through the text, so that 1.1f stays 1.1.
                true => Json::from(
                    value
                        .to_string()
                        .parse::<f64>()
                        .unwrap_or(f64::from(*value)),
                ),
                false => Json::from(super::text::float(*value)),
            },
            Value::Double(value) => double(*value),
            Value::Big(value) => self.big(value)?,
            Value::Char(value) => Json::from(value.to_string()),
            Value::Text(text) | Value::Status(text) => self.text(text)?,
            Value::List(list) => self.items(&list.items(), object)?,
            Value::Map(map) => {
                let mut out = Map::new();
                for (key, value) in map.entries() {
                    if !value.is_null() {
                        self.member(&mut out, &key, &value, object)?;
                    }
                }
                Json::Object(out)
            }
            Value::Array(array) => self.array(array, object)?,
            Value::Entry(entry, _) => {
                let mut out = Map::new();
                if !entry.1.is_null() {
                    self.member(&mut out, &entry.0, &entry.1, object)?;
                }
                Json::Object(out)
            }
            Value::Instant(instant) => Json::from(instant.as_millisecond()),
            Value::LocalDate(date) => Json::from(vec![
                i64::from(date.year()),
                date.month().into(),
                date.day().into(),
            ]),
            Value::LocalDateTime(time) => Json::from(super::text::date_time_numbers(*time)),
            Value::DayOfWeek(_) | Value::ChronoUnit(_) => Json::from(super::text::enum_name(value)),
            Value::Class(name) => self.text(&super::text::class_name(name))?,
            Value::Uuid(_) | Value::DateFormat(_) => self.text(&super::text::java(value))?,
            // Its one getter.
            Value::Random(_) => serde_json::json!({"deprecated": false}),
            Value::Object(which) => {
                let json = object(which);
                self.spend(crate::size_of_json(&json))?;
                self.unmarked(json)?
            }
            Value::NotEvaluable(inner) => {
                let mut out = Map::new();
                self.member(&mut out, &Value::from("expression"), inner, object)?;
                Json::Object(out)
            }
        })
    }

    /// A document with its long integers as numbers.
    fn unmarked(&mut self, json: Json) -> Result<Json> {
        Ok(match json {
            Json::String(text) => match long_integer(&text) {
                Some(number) => self.big(&number)?,
                None => Json::String(text),
            },
            Json::Array(items) => {
                let mut out = Vec::with_capacity(items.len());
                for (at, item) in items.into_iter().enumerate() {
                    let new = self.long_integers.len();
                    out.push(self.unmarked(item)?);
                    self.located(new, || Step::Element(at));
                }
                Json::Array(out)
            }
            Json::Object(map) => {
                let mut out = Map::new();
                for (key, value) in map {
                    let new = self.long_integers.len();
                    let value = self.unmarked(value)?;
                    self.located(new, || Step::Member(key.clone()));
                    out.insert(key, value);
                }
                Json::Object(out)
            }
            other => other,
        })
    }

    /// Says of the long integers that came since where in the value around them they are.
    fn located(&mut self, new: usize, step: impl Fn() -> Step) {
        for digits in &mut self.long_integers[new..] {
            digits.lies_in(step());
        }
    }

    fn array<'a>(
        &mut self,
        array: &super::ArrayCell<'a>,
        object: &dyn Fn(&super::Object<'a>) -> Json,
    ) -> Result<Json> {
        let items = array.items.borrow();
        match &*array.element {
            "byte" => {
                let bytes: Vec<u8> = items
                    .iter()
                    .map(|item| match item {
                        Value::Byte(byte) => *byte as u8,
                        _ => 0,
                    })
                    .collect();
                self.text(&STANDARD.encode(bytes))
            }
            "char" => self.text(&items.iter().map(super::text::java).collect::<String>()),
            _ => self.items(&items, object),
        }
    }

    fn items<'a>(
        &mut self,
        items: &[Value<'a>],
        object: &dyn Fn(&super::Object<'a>) -> Json,
    ) -> Result<Json> {
        let mut out = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let new = self.long_integers.len();
            out.push(self.write(item, object)?);
            self.located(new, || Step::Element(at));
        }
        Ok(Json::Array(out))
    }

    fn member<'a>(
        &mut self,
        out: &mut Map<String, Json>,
        key: &Value<'a>,
        value: &Value<'a>,
        object: &dyn Fn(&super::Object<'a>) -> Json,
    ) -> Result<()> {
        let key = super::text::java(key);
        self.spend(key.len() + 4)?;
        let new = self.long_integers.len();
        let value = self.write(value, object)?;
        self.located(new, || Step::Member(key.clone()));
        out.insert(key, value);
        Ok(())
    }

    /// Integers beyond 64 bits have no exact place in this JSON library: the nearest double stands for them.
    fn big(&mut self, value: &BigInt) -> Result<Json> {
        if let Ok(value) = i64::try_from(value) {
            return Ok(Json::from(value));
        }
        if let Ok(value) = u64::try_from(value) {
            return Ok(Json::from(value));
        }
        let digits = value.to_string();
        self.spend(digits.len())?;
        let nearest = digits.parse().map_or(Json::Null, double);
        // What is beyond a double as well stands as text, which no digits can replace.
        if nearest.is_number() {
            self.long_integers.push(Digits::new(digits));
        }
        Ok(nearest)
    }
}

fn double(value: f64) -> Json {
    Number::from_f64(value).map_or_else(|| Json::from(super::text::double(value)), Json::Number)
}
