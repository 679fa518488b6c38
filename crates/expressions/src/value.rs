//! What an expression can evaluate to: the Java values that Spinnaker lets through, as Rust data.
//!
//! JSON documents are viewed in place and turned into cells level by level, only where an expression looks. Lists and maps
//! are shared cells because an assignment in one expression is seen by later ones of the same pass.

pub(crate) mod collection;
pub(crate) mod compare;
pub(crate) mod json;
pub(crate) mod order;
pub(crate) mod text;

use std::cell::Cell;
use std::ops::Deref;
use std::rc::Rc;

use jiff::Timestamp;
use jiff::civil;
use num_bigint::BigInt;
use serde_json::Value as Json;

pub(crate) use collection::{Backing, ListKind, MapKind};
pub use collection::{ListCell, MapCell};

use crate::types::time_unit::ChronoUnit;

/// A value during evaluation. It borrows the documents it came from.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `java.lang.Boolean`
    Bool(bool),
    /// `java.lang.Byte`
    Byte(i8),
    /// `java.lang.Character`; one UTF-16 unit, so never outside the basic plane.
    Char(char),
    /// `java.lang.Integer`
    Int(i32),
    /// `java.lang.Long`
    Long(i64),
    /// `java.lang.Float`
    Float(f32),
    /// `java.lang.Double`
    Double(f64),
    /// `java.math.BigInteger`
    Big(Rc<BigInt>),
    /// `java.lang.String`
    Text(Str<'a>),
    /// `ExecutionStatus`: an enum that is also a character sequence.
    Status(Str<'a>),
    /// Lists and sets.
    List(Rc<ListCell<'a>>),
    /// Maps.
    Map(Rc<MapCell<'a>>),
    /// Arrays; the type name is that of the elements.
    Array(Rc<ArrayCell<'a>>),
    /// An entry of a map, as selections and projections on maps see it.
    Entry(Rc<(Value<'a>, Value<'a>)>, Backing),
    /// `java.util.Date`, epoch milliseconds.
    Date(i64),
    /// `java.time.Instant`
    Instant(Timestamp),
    /// `java.time.LocalDate`
    LocalDate(civil::Date),
    /// `java.time.LocalDateTime`
    LocalDateTime(civil::DateTime),
    /// `java.time.DayOfWeek`, Monday is 1.
    DayOfWeek(i8),
    /// `java.time.temporal.ChronoUnit`
    ChronoUnit(ChronoUnit),
    /// `java.util.UUID`
    Uuid(u128),
    /// The result of `T(…)`: a class by its Java name.
    Class(Rc<str>),
    /// `java.util.Random` with its 48 bits of state.
    Random(Rc<Cell<u64>>),
    /// `java.text.SimpleDateFormat` with its pattern.
    DateFormat(Rc<str>),
    /// An object with readable properties rather than keys.
    Object(Object<'a>),
    /// `#doNotEval(…)`: a value that `#toJson` may write although it holds `${`.
    NotEvaluable(Rc<Value<'a>>),
}

/// Text that is borrowed from a document or shared.
#[derive(Debug, Clone)]
pub enum Str<'a> {
    /// From a document.
    Borrowed(&'a str),
    /// Made by an expression.
    Shared(Rc<str>),
}

/// An array: fixed length, elements of one type.
#[derive(Debug)]
pub struct ArrayCell<'a> {
    /// Java name of the element type: `java.lang.String`, `byte`.
    pub(crate) element: Rc<str>,
    pub(crate) items: std::cell::RefCell<Vec<Value<'a>>>,
}

/// Objects whose properties are getters in the original, so that unknown names are errors and not null.
#[derive(Debug, Clone)]
pub enum Object<'a> {
    /// The execution that is evaluated.
    Execution,
    /// A stage of it, by its place in the stage list.
    Stage(usize),
    /// A part that is a plain document underneath.
    Bean(Rc<Bean<'a>>),
}

/// A document seen through the getters of a class.
#[derive(Debug)]
pub struct Bean<'a> {
    pub(crate) class: BeanClass,
    pub(crate) data: Data<'a>,
}

/// The classes of [`Bean`], with the readable properties listed in `objects.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeanClass {
    /// A task of a stage.
    Task,
    /// `execution.trigger`; the typed getters depend on its type.
    Trigger,
    /// `execution.authentication`
    Authentication,
    /// `execution.paused`
    Paused,
    /// The parent execution of a trigger.
    Execution,
    /// A stage of a parent execution.
    Stage,
    /// An artifact.
    Artifact,
    /// An expected artifact.
    ExpectedArtifact,
    /// Build information of a Jenkins or Concourse trigger.
    BuildInfo,
    /// One `scm` entry of build information.
    SourceControl,
}

/// A document that a caller hands over: borrowed if it has it, owned if it had to make it.
#[derive(Debug, Clone)]
pub enum Data<'a> {
    /// Any JSON value.
    Json(&'a Json),
    /// A map that is not wrapped in a JSON value.
    Map(&'a serde_json::Map<String, Json>),
    /// A list that is not wrapped in a JSON value.
    List(&'a [Json]),
    /// A text that is not wrapped in a JSON value.
    Text(&'a str),
    /// A value made for this call.
    Owned(Json),
}

impl<'a> Value<'a> {
    /// Text made by an expression.
    pub fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(Str::Shared(text.into()))
    }

    /// A modifiable list (`java.util.ArrayList`).
    pub fn list(items: Vec<Value<'a>>) -> Self {
        Self::List(Rc::new(ListCell::new(ListKind::Array, items)))
    }

    pub(crate) fn set(kind: ListKind, items: Vec<Value<'a>>) -> Self {
        Self::List(Rc::new(ListCell::new(kind, items)))
    }

    pub(crate) fn map(
        kind: MapKind,
        entries: impl IntoIterator<Item = (Value<'a>, Value<'a>)>,
    ) -> Self {
        Self::Map(Rc::new(MapCell::new(kind, entries)))
    }

    pub(crate) fn array(element: &str, items: Vec<Value<'a>>) -> Self {
        Self::Array(Rc::new(ArrayCell {
            element: element.into(),
            items: items.into(),
        }))
    }

    pub(crate) fn bean(class: BeanClass, data: Data<'a>) -> Self {
        Self::Object(Object::Bean(Rc::new(Bean { class, data })))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Text of a string, not of other values.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Java's `CharSequence`.
    pub(crate) fn as_chars(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Status(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Byte(_)
                | Self::Int(_)
                | Self::Long(_)
                | Self::Float(_)
                | Self::Double(_)
                | Self::Big(_)
        )
    }
}

impl Deref for Str<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for Value<'_> {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Self::Int(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Long(value)
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl<'a> Data<'a> {
    /// A member of a map.
    pub(crate) fn get(&self, key: &str) -> Option<Data<'a>> {
        match self {
            Self::Json(json) => json.get(key).map(Data::Json),
            Self::Map(map) => map.get(key).map(Data::Json),
            Self::Text(_) | Self::List(_) => None,
            Self::Owned(json) => json.get(key).cloned().map(Data::Owned),
        }
    }

    pub(crate) fn get_str(&self, key: &str) -> Option<Str<'a>> {
        self.get(key)?.into_str()
    }

    pub(crate) fn into_str(self) -> Option<Str<'a>> {
        match self {
            Self::Json(json) => json.as_str().map(Str::Borrowed),
            Self::Text(text) => Some(Str::Borrowed(text)),
            Self::Owned(Json::String(text)) => Some(Str::Shared(text.into())),
            Self::Owned(_) | Self::Map(_) | Self::List(_) => None,
        }
    }

    pub(crate) fn items(&self) -> Vec<Data<'a>> {
        match self {
            Self::Json(Json::Array(items)) => items.iter().map(Data::Json).collect(),
            Self::List(items) => items.iter().map(Data::Json).collect(),
            Self::Owned(Json::Array(items)) => items.iter().cloned().map(Data::Owned).collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Json(Json::Null) | Self::Owned(Json::Null))
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(
            self,
            Self::Map(_) | Self::Json(Json::Object(_)) | Self::Owned(Json::Object(_))
        )
    }

    pub(crate) fn is_empty_map(&self) -> bool {
        match self {
            Self::Map(map) => map.is_empty(),
            Self::Json(Json::Object(map)) => map.is_empty(),
            Self::Owned(Json::Object(map)) => map.is_empty(),
            _ => false,
        }
    }

    /// A copy as JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Json(json) => (*json).clone(),
            Self::Map(map) => Json::Object((*map).clone()),
            Self::List(items) => Json::Array(items.to_vec()),
            Self::Text(text) => Json::from(*text),
            Self::Owned(json) => json.clone(),
        }
    }

    pub(crate) fn into_value(self) -> Value<'a> {
        match self {
            Self::Json(json) => json::view(json),
            Self::Map(map) => json::view_map(map),
            Self::List(items) => json::view_list(items),
            Self::Text(text) => Value::Text(Str::Borrowed(text)),
            Self::Owned(json) => json::from_owned(json),
        }
    }
}

impl<'a> From<&'a Json> for Data<'a> {
    fn from(json: &'a Json) -> Self {
        Self::Json(json)
    }
}

impl<'a> From<&'a serde_json::Map<String, Json>> for Data<'a> {
    fn from(map: &'a serde_json::Map<String, Json>) -> Self {
        Self::Map(map)
    }
}

impl<'a> From<&'a str> for Data<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<Json> for Data<'_> {
    fn from(json: Json) -> Self {
        Self::Owned(json)
    }
}
