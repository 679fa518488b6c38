//! What is new: a look against what is known, without IO.

use std::collections::BTreeSet;

use crate::{
    known::{Change, Entry, Key, Known, value_hash},
    source::{Item, Look},
};

/// State of a group that came into sight and could not be looked at yet: what it holds is not new.
const UNSEEN: u64 = 1;

/// State of a group that was looked at.
const LOOKED: u64 = 2;

/// What a look changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Difference<'a> {
    /// What becomes an event, in the look's order.
    pub(crate) new: Vec<News<'a>>,
    /// What becomes known without one.
    pub(crate) quiet: Vec<Change>,
}

/// Something that becomes an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct News<'a> {
    pub(crate) item: &'a Item,
    pub(crate) hash: u64,
    pub(crate) value: u64,
}

/// Everything that a first look makes known.
pub(crate) fn first_sight(look: &Look, day: u32) -> Vec<Change> {
    let item = |item: &Item| {
        let value = value_hash(item.value.as_deref());
        (Key::Item(&item.key).hash(), Entry { value, day })
    };
    let group = |name: &str, value| (Key::Group(name).hash(), Entry { value, day });
    let items = look.items.iter().map(item);
    let groups = look.groups.iter().map(|name| group(name, LOOKED));
    let failed = look.failed.iter().map(|(name, _)| group(name, UNSEEN));
    items
        .chain(groups)
        .chain(failed)
        .chain(marks(look, day))
        .collect()
}

/// What a later look changes. `is_wider`: something else of the source is looked at than before.
pub(crate) fn difference<'a>(
    known: &Known,
    look: &'a Look,
    is_wider: bool,
    day: u32,
) -> Difference<'a> {
    let mut found = Difference::default();
    let group_of = |name: &str| known.get(Key::Group(name).hash()).map(|entry| entry.value);
    for name in &look.groups {
        if group_of(name) != Some(LOOKED) {
            let entry = Entry { value: LOOKED, day };
            found.quiet.push((Key::Group(name).hash(), entry));
        }
    }
    if is_wider {
        for (name, _) in look
            .failed
            .iter()
            .filter(|(name, _)| group_of(name).is_none())
        {
            let entry = Entry { value: UNSEEN, day };
            found.quiet.push((Key::Group(name).hash(), entry));
        }
    }
    let is_quiet = |item: &Item| match item.group.as_deref().map(group_of) {
        Some(Some(UNSEEN)) => true,
        Some(None) | None => is_wider,
        Some(Some(_)) => false,
    };
    let mut seen = BTreeSet::new();
    for item in &look.items {
        let hash = Key::Item(&item.key).hash();
        if !seen.insert(hash) {
            continue;
        }
        let value = value_hash(item.value.as_deref());
        match known.get(hash) {
            None if is_quiet(item) => found.quiet.push((hash, Entry { value, day })),
            None => found.new.push(News { item, hash, value }),
            // A value that was not known, or is not known now, is no other one.
            Some(former) if value == 0 || former.value == value => {}
            Some(former) if former.value == 0 => found.quiet.push((hash, Entry { value, day })),
            Some(_) => found.new.push(News { item, hash, value }),
        }
    }
    let other = |(hash, entry): &Change| {
        known
            .get(*hash)
            .is_none_or(|former| former.value != entry.value)
    };
    found.quiet.extend(marks(look, day).filter(other));
    found
}

/// The same entries with today's day, for everything that a look found: so that it is not forgotten.
pub(crate) fn seen_today(known: &Known, look: &Look, day: u32) -> Vec<Change> {
    first_sight(look, day)
        .into_iter()
        .filter_map(|(hash, _)| {
            let value = known.get(hash)?.value;
            Some((hash, Entry { value, day }))
        })
        .collect()
}

fn marks(look: &Look, day: u32) -> impl Iterator<Item = Change> + '_ {
    let entry = move |(name, value): &(String, u64)| {
        let value = *value;
        (Key::Mark(name).hash(), Entry { value, day })
    };
    look.marks.iter().map(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: &str, value: Option<&str>) -> Item {
        Item {
            key: key.to_owned(),
            value: value.map(str::to_owned),
            group: key.split_once(':').map(|(group, _)| group.to_owned()),
            ..Item::default()
        }
    }

    fn look(items: &[(&str, Option<&str>)], groups: &[&str], failed: &[&str]) -> Look {
        Look {
            items: items.iter().map(|(key, value)| item(key, *value)).collect(),
            groups: groups.iter().map(|&name| name.to_owned()).collect(),
            failed: failed
                .iter()
                .map(|&name| (name.to_owned(), "no answer".to_owned()))
                .collect(),
            ..Look::default()
        }
    }

    fn after(looks: &[Look]) -> Known {
        let mut known = Known::default();
        for look in looks {
            known.apply(first_sight(look, 1));
        }
        known
    }

    fn new(known: &Known, look: &Look, is_wider: bool) -> Vec<String> {
        let found = difference(known, look, is_wider, 1);
        found.new.iter().map(|news| news.item.key.clone()).collect()
    }

    #[test]
    fn a_tag_is_new_once_and_again_with_another_digest() {
        let known = after(&[look(&[("a:1", Some("x")), ("a:2", None)], &["a"], &[])]);
        let now = look(
            &[
                ("a:1", Some("y")),
                ("a:2", Some("z")),
                ("a:3", None),
                ("a:3", None),
            ],
            &["a"],
            &[],
        );
        assert_eq!(
            new(&known, &now, false),
            ["a:1", "a:3"],
            "a digest that was not known is learnt, and a repeated item counts once"
        );
        assert!(new(&known, &look(&[("a:1", None)], &["a"], &[]), false).is_empty());
        let mut known = known;
        let learnt = difference(&known, &now, false, 1).quiet;
        known.apply(learnt);
        let changed = look(&[("a:2", Some("other"))], &["a"], &[]);
        assert_eq!(new(&known, &changed, false), ["a:2"]);
    }

    #[test]
    fn what_comes_into_sight_is_not_new_and_what_appears_is() {
        let known = after(&[look(&[("a:1", None)], &["a"], &[])]);
        let now = look(&[("a:1", None), ("b:1", None)], &["a", "b"], &[]);
        assert_eq!(new(&known, &now, false), ["b:1"], "a repository was pushed");
        assert!(
            new(&known, &now, true).is_empty(),
            "the settings name one more"
        );
        let more = look(&[("a:2", None), ("b:1", None)], &["a", "b"], &[]);
        assert_eq!(
            new(&known, &more, true),
            ["a:2"],
            "what was in sight already goes on"
        );
    }

    #[test]
    fn a_group_that_failed_at_first_sight_is_quiet_once() {
        let mut known = after(&[look(&[], &[], &["a"])]);
        let now = look(&[("a:1", None)], &["a"], &[]);
        let found = difference(&known, &now, false, 1);
        assert!(found.new.is_empty());
        known.apply(found.quiet);
        let later = look(&[("a:1", None), ("a:2", None)], &["a"], &[]);
        assert_eq!(new(&known, &later, false), ["a:2"]);
    }

    #[test]
    fn an_empty_answer_makes_nothing_new_later() {
        let all = look(&[("a:1", None), ("a:2", None)], &["a"], &[]);
        let known = after(std::slice::from_ref(&all));
        let nothing = Look::default();
        assert_eq!(
            difference(&known, &nothing, false, 1),
            Difference::default()
        );
        assert!(new(&known, &all, false).is_empty());
    }

    #[test]
    fn marks_are_written_when_they_move() {
        let mut look = Look::default();
        look.marks.push(("job".to_owned(), 7));
        let known = after(std::slice::from_ref(&look));
        assert!(difference(&known, &look, false, 2).quiet.is_empty());
        look.marks[0].1 = 8;
        assert_eq!(difference(&known, &look, false, 2).quiet.len(), 1);
        assert_eq!(seen_today(&known, &look, 5).len(), 1);
    }
}
