//! Reading documents that people wrote: what has the wrong shape says where. Scalars are texts where a text is wanted, as for
//! Jackson.

use gennaker_model::Map;
use serde_json::Value;

use crate::java;

/// The members of one object and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    map: &'a Map,
    path: &'a str,
}

/// What has the wrong shape, as a fragment.
pub(crate) type Read<T> = Result<T, String>;

impl<'a> Fields<'a> {
    pub(crate) fn of(map: &'a Map, path: &'a str) -> Self {
        Self { map, path }
    }

    pub(crate) fn whole(self) -> &'a Map {
        self.map
    }

    fn get(self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn wrong<T>(self, key: &str, wanted: &str) -> Read<T> {
        let dot = if self.path.is_empty() { "" } else { "." };
        Err(format!("{}{dot}{key} must be {wanted}", self.path))
    }

    pub(crate) fn value(self, key: &str) -> Value {
        self.get(key).cloned().unwrap_or(Value::Null)
    }

    pub(crate) fn text(self, key: &str) -> Read<Option<String>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Array(_) | Value::Object(_)) => self.wrong(key, "a text"),
            Some(scalar) => Ok(Some(java::text(scalar))),
        }
    }

    pub(crate) fn flag(self, key: &str) -> Read<bool> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(set)) => Ok(*set),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.is_empty() || text.eq_ignore_ascii_case("false") => {
                Ok(false)
            }
            Some(_) => self.wrong(key, "true or false"),
        }
    }

    pub(crate) fn map(self, key: &str) -> Read<Map> {
        match self.get(key) {
            None => Ok(Map::new()),
            Some(Value::Object(map)) => Ok(map.clone()),
            Some(_) => self.wrong(key, "an object"),
        }
    }

    pub(crate) fn maps(self, key: &str) -> Read<Vec<Map>> {
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| match item {
                    Value::Object(map) => Ok(map.clone()),
                    _ => self.wrong(key, "a list of objects"),
                })
                .collect(),
            Some(_) => self.wrong(key, "a list of objects"),
        }
    }

    /// A list of texts; `None` when it is absent.
    pub(crate) fn texts(self, key: &str) -> Read<Option<Vec<String>>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| match item {
                    Value::Array(_) | Value::Object(_) => self.wrong(key, "a list of texts"),
                    scalar => Ok(java::text(scalar)),
                })
                .collect::<Read<Vec<String>>>()
                .map(Some),
            Some(_) => self.wrong(key, "a list of texts"),
        }
    }

    /// The objects of a list, each read by a function that is told where it stands.
    pub(crate) fn each<T>(self, key: &str, read: impl Fn(Fields<'_>) -> Read<T>) -> Read<Vec<T>> {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.maps(key)?
            .iter()
            .enumerate()
            .map(|(place, map)| {
                let path = format!("{}{dot}{key}[{place}]", self.path);
                read(Fields::of(map, &path))
            })
            .collect()
    }
}
