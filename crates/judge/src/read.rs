//! JSON as Kayenta's reader (Jackson with its defaults, unknown properties ignored) takes it.
//!
//! A document is read from its text and not from `serde_json::Value`, because the original tells apart what a `Value` does
//! not: integers within 32 bits from longer ones (only the former are numbers to `MapUtils`), and a number too large for a
//! double, which is an infinity there. [`RawValue`] keeps the text of each part; nothing is parsed that nobody asks for.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::Error;

/// A part of a document with the path to it, for messages.
#[derive(Clone, Debug)]
pub(crate) struct Part<'a> {
    raw: &'a RawValue,
    path: String,
}

/// What kind of value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    Text,
    List,
    Object,
}

impl Kind {
    const fn says(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

impl<'a> Part<'a> {
    /// The whole of a document.
    pub(crate) fn of(text: &'a str, name: &str) -> Result<Self, Error> {
        Ok(Self {
            raw: serde_json::from_str(text)?,
            path: name.to_owned(),
        })
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.raw.get().as_bytes().first() {
            Some(b'n') | None => Kind::Null,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'"') => Kind::Text,
            Some(b'[') => Kind::List,
            Some(b'{') => Kind::Object,
            Some(_) => Kind::Number,
        }
    }

    /// The text of the part as it is written.
    pub(crate) fn written(&self) -> &'a str {
        self.raw.get()
    }

    /// The members of an object; of those with the same name the last counts. `None` for null.
    pub(crate) fn members(&self) -> Result<Option<Members<'a>>, Error> {
        match self.kind() {
            Kind::Null => Ok(None),
            Kind::Object => {
                let Listed(list) = serde_json::from_str(self.written())?;
                Ok(Some(Members {
                    list,
                    path: self.path.clone(),
                }))
            }
            Kind::Bool | Kind::Number | Kind::Text | Kind::List => Err(self.wrong("an object")),
        }
    }

    /// The elements of a list; `None` for null.
    pub(crate) fn elements(&self) -> Result<Option<Vec<Part<'a>>>, Error> {
        match self.kind() {
            Kind::Null => Ok(None),
            Kind::List => {
                let list: Vec<&RawValue> = serde_json::from_str(self.written())?;
                Ok(Some(
                    list.into_iter()
                        .enumerate()
                        .map(|(at, raw)| Part {
                            raw,
                            path: format!("{}[{at}]", self.path),
                        })
                        .collect(),
                ))
            }
            Kind::Bool | Kind::Number | Kind::Text | Kind::Object => Err(self.wrong("a list")),
        }
    }

    /// A `String`: numbers and booleans are taken as they are written (`StringDeserializer`). `None` for null.
    pub(crate) fn text(&self) -> Result<Option<String>, Error> {
        match self.kind() {
            Kind::Null => Ok(None),
            Kind::Text => Ok(Some(serde_json::from_str(self.written())?)),
            Kind::Bool | Kind::Number => Ok(Some(self.written().to_owned())),
            Kind::List | Kind::Object => Err(self.wrong("a string")),
        }
    }

    /// A `Double`: numbers, and strings that hold one (`NumberDeserializers.DoubleDeserializer`). `None` for null and for the
    /// empty string.
    pub(crate) fn double(&self) -> Result<Option<f64>, Error> {
        double(self.raw).map_err(|()| self.wrong("a number"))
    }

    /// The elements of a list as doubles, where null reads as `0.0`; `None` for null.
    pub(crate) fn doubles(&self) -> Result<Option<Vec<f64>>, Error> {
        if self.kind() != Kind::List {
            return self.elements().map(|_| None);
        }
        let list: Vec<&RawValue> = serde_json::from_str(self.written())?;
        let mut doubles = Vec::with_capacity(list.len());
        for (at, raw) in list.into_iter().enumerate() {
            match double(raw) {
                Ok(value) => doubles.push(value.unwrap_or(0.0)),
                Err(()) => {
                    let path = format!("{}[{at}]", self.path);
                    return Err(Part { raw, path }.wrong("a number"));
                }
            }
        }
        Ok(Some(doubles))
    }

    /// A `long`, where null reads as 0 and a decimal is cut.
    pub(crate) fn long(&self) -> Result<i64, Error> {
        let value = self.double()?.unwrap_or(0.0);
        if value.is_nan() || value.abs() >= 9.3e18 {
            return Err(self.wrong("an integer of 64 bits"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "cut on purpose, and within range"
        )]
        Ok(self.written().parse().unwrap_or(value as i64))
    }

    pub(crate) fn wrong(&self, wanted: &'static str) -> Error {
        Error::Type {
            path: self.path.clone(),
            found: self.kind().says(),
            wanted,
        }
    }
}

/// The members of an object.
pub(crate) struct Members<'a> {
    list: Vec<(String, &'a RawValue)>,
    path: String,
}

impl<'a> Members<'a> {
    /// The member with that name, also a null one.
    pub(crate) fn get(&self, name: &str) -> Option<Part<'a>> {
        let (_, raw) = self.list.iter().rev().find(|(key, _)| key == name)?;
        Some(self.part(name, raw))
    }

    /// All of them; a name that comes twice has its first place and its last value, as in a `LinkedHashMap`.
    pub(crate) fn all(&self) -> Vec<(String, Part<'a>)> {
        let mut all: indexmap::IndexMap<&str, &'a RawValue> =
            indexmap::IndexMap::with_capacity(self.list.len());
        for (name, raw) in &self.list {
            all.insert(name, raw);
        }
        all.into_iter()
            .map(|(name, raw)| (name.to_owned(), self.part(name, raw)))
            .collect()
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Error> {
        self.get(name).map_or(Ok(None), |part| part.text())
    }

    fn part(&self, name: &str, raw: &'a RawValue) -> Part<'a> {
        Part {
            raw,
            path: format!("{}.{name}", self.path),
        }
    }
}

/// A string or number as a double; `Err` when it is neither.
fn double(raw: &RawValue) -> Result<Option<f64>, ()> {
    let written = raw.get();
    match written.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => written.parse().map(Some).map_err(drop),
        Some(b'n') => Ok(None),
        Some(b'"') => {
            let text: String = serde_json::from_str(written).map_err(drop)?;
            match text.as_str() {
                "NaN" => return Ok(Some(f64::NAN)),
                "Infinity" | "INF" => return Ok(Some(f64::INFINITY)),
                "-Infinity" | "-INF" => return Ok(Some(f64::NEG_INFINITY)),
                _ => {}
            }
            match text.trim() {
                "" | "null" => Ok(None),
                number => decimal(number).map(Some).ok_or(()),
            }
        }
        _ => Err(()),
    }
}

/// A decimal number; the words that Rust reads as infinities are none, nor are Java's suffixes (Jackson 2.19).
fn decimal(text: &str) -> Option<f64> {
    let is_decimal = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if is_decimal { text.parse().ok() } else { None }
}

/// The members of an object in the order of the text.
struct Listed<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Listed<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Listed<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    list.push(entry);
                }
                Ok(Listed(list))
            }
        }
        deserializer.deserialize_map(All)
    }
}
