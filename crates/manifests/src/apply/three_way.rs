//! The patch out of three objects: what was applied, what is to be applied, what lives.
//!
//! kubectl makes two patches, of changes and of deletions, and merges them; here one walk over the three makes the same. Two
//! differences, both towards less: a deletion of what is gone already is left out, and so is an order that the live list has (kubectl
//! sends one whenever somebody else added an item). One is towards more: a list with two items of the same merge key (ports with the
//! same number for TCP and UDP) is replaced as a whole, after it was merged here, where kubectl loses one of them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::schema::{Rule, Schema};
use super::{DELETE, DELETE_PREFIX, DIRECTIVE, Error, ORDER_PREFIX, REPLACE, RETAIN_KEYS, items};
use crate::Map;

/// Where the walk is, for messages.
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    key: &'p str,
}

impl<'p> Path<'p> {
    pub(super) const ROOT: Path<'static> = Path {
        parent: None,
        key: "",
    };

    pub(super) fn then<'c>(&'c self, key: &'c str) -> Path<'c> {
        Path {
            parent: Some(self),
            key,
        }
    }

    pub(super) fn text(&self) -> String {
        match self.parent {
            None => String::new(),
            Some(parent) => match parent.text() {
                above if above.is_empty() => self.key.to_owned(),
                above => format!("{above}.{}", self.key),
            },
        }
    }
}

/// The strategic merge patch of an object.
pub(super) fn strategic(
    original: Option<&Map>,
    modified: &Map,
    live: &Map,
    (rule, schema): (Rule, &Schema),
    path: &Path<'_>,
) -> Result<Map, Error> {
    let mut patch = Map::new();
    for (key, wanted) in modified {
        let Some(current) = live.get(key) else {
            if !wanted.is_null() {
                patch.insert(key.clone(), wanted.clone());
            }
            continue;
        };
        let (rule, schema) = schema.field(key);
        let before = original.and_then(|original| original.get(key));
        match (wanted, current) {
            (Value::Object(wanted), Value::Object(current)) if rule != Rule::Replace => {
                let before = before.and_then(Value::as_object);
                let inner = strategic(before, wanted, current, (rule, schema), &path.then(key))?;
                if !inner.is_empty() {
                    patch.insert(key.clone(), inner.into());
                }
            }
            (Value::Array(wanted), Value::Array(current))
                if !matches!(rule, Rule::Descend | Rule::Replace | Rule::RetainKeys) =>
            {
                let before = before
                    .and_then(Value::as_array)
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                let lists = Lists {
                    original: before,
                    modified: wanted,
                    live: current,
                };
                match rule {
                    Rule::Merge {
                        key: by,
                        retain_keys,
                    } => {
                        lists.objects(
                            key,
                            (by, retain_keys),
                            schema,
                            &path.then(key),
                            &mut patch,
                        )?;
                    }
                    Rule::MergeScalars | Rule::Descend | Rule::Replace | Rule::RetainKeys => {
                        lists.scalars(key, &mut patch)
                    }
                }
            }
            (wanted, current) if wanted != current => {
                patch.insert(key.clone(), wanted.clone());
            }
            _ => {}
        }
    }
    let gone = original
        .into_iter()
        .flat_map(Map::keys)
        .filter(|key| !modified.contains_key(*key) && live.contains_key(*key));
    for key in gone {
        patch.insert(key.clone(), Value::Null);
    }
    let retained: Vec<&String> = modified
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, _)| key)
        .collect();
    let foreign = live
        .iter()
        .any(|(key, value)| !value.is_null() && !modified.contains_key(key));
    if rule == Rule::RetainKeys && !retained.is_empty() && (foreign || !patch.is_empty()) {
        let mut keys: Vec<Value> = retained
            .into_iter()
            .map(|key| Value::from(key.as_str()))
            .collect();
        keys.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        patch.insert(RETAIN_KEYS.into(), keys.into());
    }
    Ok(patch)
}

/// The JSON merge patch of an object (RFC 7396).
pub(super) fn merge(original: Option<&Map>, modified: &Map, live: &Map) -> Map {
    let mut patch = Map::new();
    for (key, wanted) in modified {
        match (wanted, live.get(key)) {
            (Value::Object(wanted), Some(Value::Object(current))) => {
                let before = original.and_then(|original| original.get(key)?.as_object());
                let inner = merge(before, wanted, current);
                if !inner.is_empty() {
                    patch.insert(key.clone(), inner.into());
                }
            }
            (Value::Null, None) => {}
            (wanted, current) if Some(wanted) != current => {
                patch.insert(key.clone(), wanted.clone());
            }
            _ => {}
        }
    }
    let gone = original
        .into_iter()
        .flat_map(Map::keys)
        .filter(|key| !modified.contains_key(*key) && live.contains_key(*key));
    for key in gone {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

/// One list in its three states.
struct Lists<'a> {
    original: &'a [Value],
    modified: &'a [Value],
    live: &'a [Value],
}

impl Lists<'_> {
    fn scalars(&self, name: &str, patch: &mut Map) {
        let texts = |list: &[Value]| {
            list.iter()
                .map(Value::to_string)
                .collect::<BTreeSet<String>>()
        };
        let (wanted, current) = (texts(self.modified), texts(self.live));
        let is_new = |item: &&Value| !current.contains(&item.to_string());
        let added: Vec<Value> = self.modified.iter().filter(is_new).cloned().collect();
        let mut seen = BTreeSet::new();
        let is_gone = |item: &&Value| {
            let text = item.to_string();
            !wanted.contains(&text) && current.contains(&text) && seen.insert(text)
        };
        let gone: Vec<Value> = self.original.iter().filter(is_gone).cloned().collect();
        if added.is_empty() && gone.is_empty() {
            return;
        }
        if !gone.is_empty() {
            patch.insert(format!("{DELETE_PREFIX}{name}"), gone.into());
        }
        patch.insert(
            format!("{ORDER_PREFIX}{name}"),
            self.modified.to_vec().into(),
        );
        if !added.is_empty() {
            patch.insert(name.to_owned(), added.into());
        }
    }

    fn objects(
        &self,
        name: &str,
        (by, retain_keys): (&'static str, bool),
        schema: &Schema,
        path: &Path<'_>,
        patch: &mut Map,
    ) -> Result<(), Error> {
        if self.live.is_empty() {
            if !self.modified.is_empty() {
                patch.insert(name.to_owned(), self.modified.to_vec().into());
            }
            return Ok(());
        }
        let rule = match retain_keys {
            true => Rule::RetainKeys,
            false => Rule::Descend,
        };
        let modified = items::keyed(self.modified, by, path)?;
        let live = items::keyed(self.live, by, path)?;
        // What was applied long ago may be anything; what cannot be read of it deletes nothing.
        let original = items::readable(self.original, by);
        if modified.has_twins() || live.has_twins() {
            return self.whole(
                name,
                rule,
                schema,
                (&original.all, &modified.all, &live.all),
                path,
                patch,
            );
        }
        let mut changes: Vec<Value> = Vec::new();
        for item in &modified.all {
            match live.find(item.key) {
                None => changes.push(item.map.clone().into()),
                Some(current) => {
                    let before = original.find(item.key).map(|before| before.map);
                    let mut inner = strategic(before, item.map, current.map, (rule, schema), path)?;
                    if !inner.is_empty() {
                        inner.insert(by.to_owned(), item.key.clone());
                        changes.push(inner.into());
                    }
                }
            }
        }
        for item in &original.all {
            if modified.find(item.key).is_none() && live.find(item.key).is_some() {
                let mut deletion = Map::new();
                deletion.insert(by.to_owned(), item.key.clone());
                deletion.insert(DIRECTIVE.to_owned(), DELETE.into());
                changes.push(deletion.into());
            }
        }
        let wanted_order = modified
            .all
            .iter()
            .filter(|item| live.find(item.key).is_some());
        let live_order = live
            .all
            .iter()
            .filter(|item| modified.find(item.key).is_some());
        let same_order = wanted_order
            .map(|item| item.key)
            .eq(live_order.map(|item| item.key));
        if changes.is_empty() && same_order {
            return Ok(());
        }
        let order = modified.all.iter().map(|item| {
            let mut only = Map::new();
            only.insert(by.to_owned(), item.key.clone());
            Value::Object(only)
        });
        patch.insert(format!("{ORDER_PREFIX}{name}"), order.collect());
        if !changes.is_empty() {
            patch.insert(name.to_owned(), changes.into());
        }
        Ok(())
    }

    /// A list in which the merge key does not tell the items apart: merged here, by more members, and replaced as a whole.
    fn whole(
        &self,
        name: &str,
        rule: Rule,
        schema: &Schema,
        (original, modified, live): (&[items::Item<'_>], &[items::Item<'_>], &[items::Item<'_>]),
        path: &Path<'_>,
        patch: &mut Map,
    ) -> Result<(), Error> {
        let mut merged = Vec::new();
        for item in modified {
            let Some(current) = items::twin(live, item) else {
                merged.push(Value::Object(item.map.clone()));
                continue;
            };
            let before = items::twin(original, item).map(|before| before.map);
            let change = strategic(before, item.map, current.map, (rule, schema), path)?;
            let mut whole = current.map.clone();
            super::merge::map(&mut whole, &change, schema, path)?;
            merged.push(Value::Object(whole));
        }
        for current in live {
            if items::twin(modified, current).is_none() && items::twin(original, current).is_none()
            {
                merged.push(Value::Object(current.map.clone()));
            }
        }
        if merged != self.live {
            let mut replace = Map::new();
            replace.insert(DIRECTIVE.to_owned(), REPLACE.into());
            merged.insert(0, replace.into());
            patch.insert(name.to_owned(), merged.into());
        }
        Ok(())
    }
}
