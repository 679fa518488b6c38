//! The map around a text, whose keys name the place of the text in messages.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

/// The nearest map around a text.
pub(super) struct Enclosing<'d> {
    map: Option<&'d Map<String, Json>>,
    /// The keys of the map by the texts that they hold. Made when the first text fails: most maps need it never.
    holders: OnceCell<BTreeMap<&'d str, Vec<&'d str>>>,
    /// Texts that failed, and why.
    failed: RefCell<BTreeSet<(String, String)>>,
}

impl<'d> Enclosing<'d> {
    pub fn of(map: &'d Map<String, Json>) -> Self {
        Self {
            map: Some(map),
            holders: OnceCell::new(),
            failed: RefCell::default(),
        }
    }

    pub fn none() -> Self {
        Self {
            map: None,
            holders: OnceCell::new(),
            failed: RefCell::default(),
        }
    }

    /// Whether the text failed before for the same reason: then its entry is the same.
    pub fn is_repeated(&self, text: &str, why: &str) -> bool {
        let failure = (text.to_owned(), why.to_owned());
        !self.failed.borrow_mut().insert(failure)
    }

    /// The keys whose value is the text, or a map that has it as key or value somewhere. Lists are not looked into.
    /// `spend` learns how much was looked at.
    pub fn keys_of(&self, text: &str, spend: impl FnOnce(usize)) -> &[&'d str] {
        let holders = self.holders.get_or_init(|| {
            let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            let mut looked_at = 0;
            for (key, value) in self.map.into_iter().flatten() {
                let mut open = vec![value];
                let mut hold = |text: &'d str| {
                    let keys = found.entry(text).or_default();
                    if keys.last() != Some(&key.as_str()) {
                        keys.push(key);
                    }
                };
                while let Some(value) = open.pop() {
                    looked_at += 1;
                    match value {
                        Json::String(text) => hold(text),
                        Json::Object(map) => {
                            map.keys().for_each(|key| hold(key));
                            open.extend(map.values());
                        }
                        _ => {}
                    }
                }
            }
            // Each is put into a tree.
            spend(looked_at * 4);
            found
        });
        holders.get(text).map_or(&[], Vec::as_slice)
    }
}
