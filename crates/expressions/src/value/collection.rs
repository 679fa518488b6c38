//! Shared cells for lists and maps, filled from a document when first looked into.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};

use indexmap::{Equivalent, IndexMap};
use serde_json::Value as Json;

use super::compare::{equals, hash_code};
use super::order::hash_order;
use super::{Value, json};

/// A list or a set.
#[derive(Debug)]
pub struct ListCell<'a> {
    pub(crate) kind: ListKind,
    body: RefCell<ListBody<'a>>,
}

/// Which Java collection it is: decides class name, whether it is a set, and whether it can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListKind {
    Array,
    Unmodifiable,
    KeySet(Backing),
    Values(Backing),
    EntrySet(Backing),
    HashSet,
    /// `subList`: a copy here, a view in Java.
    SubList,
}

#[derive(Debug)]
enum ListBody<'a> {
    Viewed(&'a [Json]),
    Owned(Vec<Value<'a>>),
}

/// A map.
#[derive(Debug)]
pub struct MapCell<'a> {
    pub(crate) kind: MapKind,
    body: RefCell<MapBody<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MapKind {
    Linked,
    Hash,
    Unmodifiable,
    Empty,
    /// The root of a stage evaluation: own keys, then what ancestors put into their outputs.
    Root,
    /// The context of a stage (by place), with the same fallback.
    Context(usize),
}

#[derive(Debug)]
enum MapBody<'a> {
    Viewed(&'a serde_json::Map<String, Json>),
    Owned(IndexMap<Key<'a>, Value<'a>>),
}

#[derive(Debug, Clone)]
struct Key<'a>(Value<'a>);

struct TextKey<'t>(&'t str);

impl ListKind {
    pub fn is_list(self) -> bool {
        matches!(self, Self::Array | Self::Unmodifiable | Self::SubList)
    }

    pub fn is_set(self) -> bool {
        matches!(self, Self::KeySet(_) | Self::EntrySet(_) | Self::HashSet)
    }

    /// Whether the Java class has a type parameter.
    pub fn is_generic(self) -> bool {
        match self {
            Self::KeySet(map) | Self::Values(map) | Self::EntrySet(map) => {
                !matches!(map, Backing::Linked | Backing::Hash)
            }
            Self::Array | Self::Unmodifiable | Self::HashSet | Self::SubList => true,
        }
    }

    pub fn class_name(self) -> &'static str {
        match self {
            Self::Array => "java.util.ArrayList",
            Self::Unmodifiable => "java.util.Collections$UnmodifiableRandomAccessList",
            Self::KeySet(map) => map.classes()[0],
            Self::Values(map) => map.classes()[1],
            Self::EntrySet(map) => map.classes()[2],
            Self::HashSet => "java.util.HashSet",
            Self::SubList => "java.util.ArrayList$SubList",
        }
    }
}

/// Which class of maps a view of a map, or an entry, belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backing {
    Linked,
    Hash,
    Unmodifiable,
    Empty,
}

impl Backing {
    /// The classes of the keys, the values, the entries and one entry.
    fn classes(self) -> [&'static str; 4] {
        match self {
            Self::Linked => [
                "java.util.LinkedHashMap$LinkedKeySet",
                "java.util.LinkedHashMap$LinkedValues",
                "java.util.LinkedHashMap$LinkedEntrySet",
                "java.util.LinkedHashMap$Entry",
            ],
            Self::Hash => [
                "java.util.HashMap$KeySet",
                "java.util.HashMap$Values",
                "java.util.HashMap$EntrySet",
                "java.util.HashMap$Node",
            ],
            Self::Unmodifiable => [
                "java.util.Collections$UnmodifiableSet",
                "java.util.Collections$UnmodifiableCollection",
                "java.util.Collections$UnmodifiableMap$UnmodifiableEntrySet",
                "java.util.Collections$UnmodifiableMap$UnmodifiableEntrySet$UnmodifiableEntry",
            ],
            Self::Empty => [
                "java.util.Collections$EmptySet",
                "java.util.Collections$EmptySet",
                "java.util.Collections$EmptySet",
                "java.util.LinkedHashMap$Entry",
            ],
        }
    }

    pub fn entry_class(self) -> &'static str {
        self.classes()[3]
    }
}

impl MapKind {
    pub fn backing(self) -> Backing {
        match self {
            Self::Linked | Self::Context(_) => Backing::Linked,
            Self::Hash | Self::Root => Backing::Hash,
            Self::Unmodifiable => Backing::Unmodifiable,
            Self::Empty => Backing::Empty,
        }
    }

    /// Whether it is the context of a stage.
    pub fn is_context(self) -> bool {
        matches!(self, Self::Root | Self::Context(_))
    }

    pub fn class_name(self) -> &'static str {
        match self {
            Self::Linked => "java.util.LinkedHashMap",
            Self::Hash => "java.util.HashMap",
            Self::Unmodifiable => "java.util.Collections$UnmodifiableMap",
            Self::Empty => "java.util.Collections$EmptyMap",
            Self::Root | Self::Context(_) => {
                "com.netflix.spinnaker.orca.pipeline.model.StageContext"
            }
        }
    }

    pub fn can_change(self) -> bool {
        !matches!(self, Self::Unmodifiable | Self::Empty)
    }
}

impl<'a> ListCell<'a> {
    pub(crate) fn new(kind: ListKind, items: Vec<Value<'a>>) -> Self {
        Self {
            kind,
            body: RefCell::new(ListBody::Owned(items)),
        }
    }

    pub(crate) fn viewed(items: &'a [Json]) -> Self {
        Self {
            kind: ListKind::Array,
            body: RefCell::new(ListBody::Viewed(items)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &*self.body.borrow() {
            ListBody::Viewed(items) => items.len(),
            ListBody::Owned(items) => items.len(),
        }
    }

    pub(crate) fn get(&self, at: usize) -> Option<Value<'a>> {
        if let ListBody::Viewed(items) = &*self.body.borrow()
            && let item = items.get(at)?
            && !item.is_array()
            && !item.is_object()
        {
            return Some(json::view(item));
        }
        self.with(|items| items.get(at).cloned())
    }

    pub(crate) fn items(&self) -> Vec<Value<'a>> {
        self.with(<[Value<'a>]>::to_vec)
    }

    /// Looks at the elements; the cell may be looked at again from within.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&[Value<'a>]) -> T) -> T {
        self.fill();
        match &*self.body.borrow() {
            ListBody::Owned(items) => work(items),
            ListBody::Viewed(_) => work(&[]),
        }
    }

    /// Changes the elements; `work` must not look at any value, for it might be this one.
    pub(crate) fn change<T>(&self, work: impl FnOnce(&mut Vec<Value<'a>>) -> T) -> T {
        self.fill();
        match &mut *self.body.borrow_mut() {
            ListBody::Owned(items) => work(items),
            ListBody::Viewed(_) => work(&mut Vec::new()),
        }
    }

    fn fill(&self) {
        let viewed = match &*self.body.borrow() {
            ListBody::Viewed(items) => *items,
            ListBody::Owned(_) => return,
        };
        *self.body.borrow_mut() = ListBody::Owned(viewed.iter().map(json::view).collect());
    }
}

impl<'a> MapCell<'a> {
    pub(crate) fn new(
        kind: MapKind,
        entries: impl IntoIterator<Item = (Value<'a>, Value<'a>)>,
    ) -> Self {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (Key(key), value))
            .collect();
        Self {
            kind,
            body: RefCell::new(MapBody::Owned(entries)),
        }
    }

    pub(crate) fn viewed(kind: MapKind, map: &'a serde_json::Map<String, Json>) -> Self {
        Self {
            kind,
            body: RefCell::new(MapBody::Viewed(map)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &*self.body.borrow() {
            MapBody::Viewed(map) => map.len(),
            MapBody::Owned(map) => map.len(),
        }
    }

    /// The value of a text key, without any fallback.
    pub(crate) fn get(&self, key: &str) -> Option<Value<'a>> {
        if let MapBody::Viewed(map) = &*self.body.borrow()
            && let value = map.get(key)?
            && !value.is_array()
            && !value.is_object()
        {
            return Some(json::view(value));
        }
        self.read(|map| map.get(&TextKey(key)).cloned())
    }

    pub(crate) fn get_by(&self, key: &Value<'a>) -> Option<Value<'a>> {
        match key {
            Value::Text(text) => self.get(text),
            key => self.read(|map| map.get(&Key(key.clone())).cloned()),
        }
    }

    pub(crate) fn contains(&self, key: &Value<'a>) -> bool {
        match (key, &*self.body.borrow()) {
            (Value::Text(text), MapBody::Viewed(map)) => map.contains_key(&**text),
            (_, MapBody::Viewed(_)) => false,
            (Value::Text(text), MapBody::Owned(map)) => map.contains_key(&TextKey(text)),
            (key, MapBody::Owned(map)) => map.contains_key(&Key(key.clone())),
        }
    }

    pub(crate) fn insert(&self, key: Value<'a>, value: Value<'a>) {
        let key = Key(key);
        let old = self.change(|map| map.insert(key, value));
        drop(old);
    }

    pub(crate) fn remove(&self, key: &Value<'a>) -> Option<Value<'a>> {
        let key = Key(key.clone());
        let at = self.read(|map| map.get_index_of(&key))?;
        self.change(|map| map.shift_remove_index(at))
            .map(|(_, value)| value)
    }

    pub(crate) fn clear(&self) {
        drop(self.change(std::mem::take));
    }

    /// Keys and values in the order in which Java would give them.
    pub(crate) fn entries(&self) -> Vec<(Value<'a>, Value<'a>)> {
        let entries: Vec<_> = self.read(|map| {
            map.iter()
                .map(|(key, value)| (key.0.clone(), value.clone()))
                .collect()
        });
        match self.kind {
            MapKind::Hash | MapKind::Root => {
                let hashes: Vec<i32> = entries.iter().map(|(key, _)| hash_code(key)).collect();
                hash_order(&hashes)
                    .into_iter()
                    .map(|at| entries[at].clone())
                    .collect()
            }
            MapKind::Linked | MapKind::Unmodifiable | MapKind::Empty | MapKind::Context(_) => {
                entries
            }
        }
    }

    /// Looks at the entries; the cell may be looked at again from within.
    fn read<T>(&self, work: impl FnOnce(&IndexMap<Key<'a>, Value<'a>>) -> T) -> T {
        self.fill();
        match &*self.body.borrow() {
            MapBody::Owned(map) => work(map),
            MapBody::Viewed(_) => work(&IndexMap::new()),
        }
    }

    /// Changes the entries; `work` must not look at any value, for it might be this one.
    fn change<T>(&self, work: impl FnOnce(&mut IndexMap<Key<'a>, Value<'a>>) -> T) -> T {
        self.fill();
        match &mut *self.body.borrow_mut() {
            MapBody::Owned(map) => work(map),
            MapBody::Viewed(_) => work(&mut IndexMap::new()),
        }
    }

    fn fill(&self) {
        let viewed = match &*self.body.borrow() {
            MapBody::Viewed(map) => *map,
            MapBody::Owned(_) => return,
        };
        let entries = viewed
            .iter()
            .map(|(key, value)| (Key(json::view_text(key)), json::view(value)))
            .collect();
        *self.body.borrow_mut() = MapBody::Owned(entries);
    }
}

/// Texts by their bytes: Java's hash is easily made the same for many, which would make a map slow.
impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Value::Text(text) => state.write(text.as_bytes()),
            other => state.write_i32(hash_code(other)),
        }
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        equals(&self.0, &other.0)
    }
}

impl Eq for Key<'_> {}

impl Hash for TextKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0.as_bytes());
    }
}

impl Equivalent<Key<'_>> for TextKey<'_> {
    fn equivalent(&self, key: &Key<'_>) -> bool {
        matches!(&key.0, Value::Text(text) if **text == *self.0)
    }
}
