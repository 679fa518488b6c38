//! Items of lists that are merged by a member.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Error;
use super::three_way::Path;
use crate::Map;

/// An item and the value of its merge key.
pub(super) struct Item<'a> {
    pub(super) key: &'a Value,
    pub(super) map: &'a Map,
}

/// Items by their keys. Lists may be long, so nothing here looks at each item for each item.
pub(super) struct Items<'a> {
    pub(super) all: Vec<Item<'a>>,
    first: BTreeMap<String, usize>,
}

impl<'a> Items<'a> {
    fn new(all: Vec<Item<'a>>) -> Self {
        let mut first = BTreeMap::new();
        for (index, item) in all.iter().enumerate() {
            first.entry(item.key.to_string()).or_insert(index);
        }
        Self { all, first }
    }

    /// The first item with a key.
    pub(super) fn find(&self, key: &Value) -> Option<&Item<'a>> {
        self.all.get(*self.first.get(&key.to_string())?)
    }

    /// Two items have the same key.
    pub(super) fn has_twins(&self) -> bool {
        self.first.len() < self.all.len()
    }
}

/// All items; each must have the key.
pub(super) fn keyed<'a>(
    list: &'a [Value],
    by: &'static str,
    path: &Path<'_>,
) -> Result<Items<'a>, Error> {
    let item = |value: &'a Value| {
        let Value::Object(map) = value else {
            let message = "the items of this list must be objects";
            return Err(Error::Type {
                path: path.text(),
                message,
            });
        };
        match map.get(by) {
            Some(key) => Ok(Item { key, map }),
            None => Err(Error::NoMergeKey {
                path: path.text(),
                item: value.to_string(),
                key: by,
            }),
        }
    };
    list.iter()
        .map(item)
        .collect::<Result<_, _>>()
        .map(Items::new)
}

/// The items that have the key.
pub(super) fn readable<'a>(list: &'a [Value], by: &str) -> Items<'a> {
    let item = |value: &'a Value| {
        let map = value.as_object()?;
        Some(Item {
            key: map.get(by)?,
            map,
        })
    };
    Items::new(list.iter().filter_map(item).collect())
}

/// The item that is meant by the same key and, where the key alone does not tell, by what Kubernetes tells such items apart by.
pub(super) fn twin<'i, 'a>(items: &'i [Item<'a>], wanted: &Item<'_>) -> Option<&'i Item<'a>> {
    items
        .iter()
        .find(|item| item.key == wanted.key && identity(item) == identity(wanted))
}

fn identity<'a>(item: &Item<'a>) -> (&'a str, &'a str, &'a str) {
    let text = |name, default| {
        item.map
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or(default)
    };
    let name = match item.map.contains_key("protocol") || item.map.contains_key("whenUnsatisfiable")
    {
        true => "",
        false => text("name", ""),
    };
    (text("protocol", "TCP"), text("whenUnsatisfiable", ""), name)
}
