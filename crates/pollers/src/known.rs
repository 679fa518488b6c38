//! What of a source has been seen: compact, and without IO.
//!
//! An entry is twenty bytes: the hash of what is known, eight bytes that say in which state (the hash of a digest, or a number
//! that the source keeps), and the day on which it was seen last. Ten thousand tags are 200 kB, a million 20 MB. Two names with
//! one hash would be one entry, and the second of them would never be new: among a million that happens once in some thirty
//! million registries.

use std::collections::BTreeMap;

use gennaker_model::routing::fnv1a64;

/// Bytes of an entry as it is written.
pub(crate) const ENTRY_BYTES: usize = 20;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Everything that is known of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known(BTreeMap<u64, Entry>);

/// The state of one known thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: u64,
    pub(crate) day: u32,
}

/// One change of what is known.
pub(crate) type Change = (u64, Entry);

/// Under what something is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key<'a> {
    /// An item.
    Item(&'a str),
    /// A group of items.
    Group(&'a str),
    /// A number that the source keeps.
    Mark(&'a str),
}

impl Key<'_> {
    pub(crate) fn hash(self) -> u64 {
        let (kind, name) = match self {
            Self::Item(name) => ("i:", name),
            Self::Group(name) => ("g:", name),
            Self::Mark(name) => ("m:", name),
        };
        fnv1a64([kind.as_bytes(), name.as_bytes()].concat().as_slice())
    }
}

/// What stands for a value of an item: 0 when it has none.
pub(crate) fn value_hash(value: Option<&str>) -> u64 {
    value.map_or(0, |value| fnv1a64(value.as_bytes()).max(1))
}

/// The day of a time in epoch milliseconds.
pub(crate) fn day_of(at_ms: i64) -> u32 {
    u32::try_from(at_ms.max(0) / DAY_MS).unwrap_or(u32::MAX)
}

impl Known {
    /// A number that the source kept under this name.
    #[must_use]
    pub fn mark(&self, name: &str) -> Option<u64> {
        self.get(Key::Mark(name).hash()).map(|entry| entry.value)
    }

    /// Whether an item is known, in whatever state.
    #[must_use]
    pub fn has_item(&self, key: &str) -> bool {
        self.get(Key::Item(key).hash()).is_some()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, hash: u64) -> Option<Entry> {
        self.0.get(&hash).copied()
    }

    pub(crate) fn apply(&mut self, changes: impl IntoIterator<Item = Change>) {
        self.0.extend(changes);
    }

    /// Forgets what was last seen before a day.
    pub(crate) fn forget_before(&mut self, day: u32) {
        self.0.retain(|_, entry| entry.day >= day);
    }

    pub(crate) fn changes(&self) -> Vec<Change> {
        self.0.iter().map(|(hash, entry)| (*hash, *entry)).collect()
    }
}

/// Entries as they are written, one after the other.
pub(crate) fn encode(changes: &[Change]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(changes.len() * ENTRY_BYTES);
    for (hash, entry) in changes {
        bytes.extend_from_slice(&hash.to_be_bytes());
        bytes.extend_from_slice(&entry.value.to_be_bytes());
        bytes.extend_from_slice(&entry.day.to_be_bytes());
    }
    bytes
}

/// Reads what [`encode`] wrote; `None` when it is something else.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Change>> {
    let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() {
        return None;
    }
    let changes = entries.iter().map(|entry| {
        let number = |from: usize| {
            let mut part = [0; 8];
            part.copy_from_slice(&entry[from..from + 8]);
            u64::from_be_bytes(part)
        };
        let mut day = [0; 4];
        day.copy_from_slice(&entry[16..]);
        let day = u32::from_be_bytes(day);
        let value = number(8);
        (number(0), Entry { value, day })
    });
    Some(changes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let changes: Vec<Change> = (0..1_000_u64)
            .map(|n| {
                let value = if n % 2 == 0 { 0 } else { u64::MAX - n };
                let day = day_of(1_787_220_672_345);
                (Key::Item(&n.to_string()).hash(), Entry { value, day })
            })
            .collect();
        let bytes = encode(&changes);
        assert_eq!(bytes.len(), 1_000 * ENTRY_BYTES);
        assert_eq!(decode(&bytes), Some(changes.clone()));
        assert_eq!(decode(&bytes[1..]), None);
        let mut known = Known::default();
        known.apply(changes);
        assert_eq!(known.len(), 1_000);
        assert!(known.has_item("7") && !known.has_item("1000"));
    }

    #[test]
    fn items_groups_and_marks_of_one_name_are_three() {
        let mut known = Known::default();
        let entry = Entry { value: 9, day: 1 };
        known.apply([(Key::Mark("a").hash(), entry)]);
        assert_eq!(known.mark("a"), Some(9));
        assert!(!known.has_item("a"));
        assert_eq!(known.get(Key::Group("a").hash()), None);
        known.forget_before(2);
        assert!(known.is_empty());
    }

    #[test]
    fn no_value_is_not_a_value() {
        assert_eq!(value_hash(None), 0);
        assert_ne!(value_hash(Some("")), 0);
        assert_ne!(value_hash(Some("sha256:a")), value_hash(Some("sha256:b")));
    }
}
