//! Versions in Maven's order (`org.apache.maven.artifact.versioning.ComparableVersion`), and its ranges (`VersionRange`).

use std::cmp::Ordering;

/// A version that knows its place among others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MavenVersion(Vec<Item>);

/// A part of a version, told apart by what separates it from the part before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    /// After a hyphen, or between letters and digits: it begins a list of its own, which counts for less.
    is_nested: bool,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    /// Digits without leading zeros.
    Number(String),
    Word(String),
}

/// Words that come before the release, and after it, in their order; the empty one is the release.
const WORDS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];

impl MavenVersion {
    pub(crate) fn parse(text: &str) -> Self {
        let mut items: Vec<Item> = Vec::new();
        let lower = text.to_lowercase();
        let mut rest = lower.as_str();
        let mut is_nested = false;
        while let Some(first) = rest.chars().next() {
            if matches!(first, '.' | '-' | '_' | '+') {
                // What is behind a plus is no part of Maven's grammar; as a separator it orders builds.
                is_nested = first != '.' && first != '_';
                rest = &rest[1..];
                continue;
            }
            let is_digit = first.is_ascii_digit();
            let end = rest
                .find(|one: char| {
                    matches!(one, '.' | '-' | '_' | '+') || one.is_ascii_digit() != is_digit
                })
                .unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            let followed_by_digit = after.chars().next().is_some_and(|one| one.is_ascii_digit());
            let value = if is_digit {
                Value::Number(part.trim_start_matches('0').to_owned())
            } else {
                Value::Word(word(part, followed_by_digit).to_owned())
            };
            items.push(Item { is_nested, value });
            // Between letters and digits stands an unwritten hyphen.
            is_nested = true;
            rest = after;
        }
        // Zeros and releases at the end of a list say nothing.
        let mut kept: Vec<Item> = Vec::new();
        for item in items {
            if item.is_nested {
                while kept.last().is_some_and(Item::is_nothing) {
                    kept.pop();
                }
            }
            kept.push(item);
        }
        while kept.last().is_some_and(Item::is_nothing) {
            kept.pop();
        }
        Self(kept)
    }
}

fn word(part: &str, followed_by_digit: bool) -> &str {
    match (part, followed_by_digit) {
        ("a", true) => "alpha",
        ("b", true) => "beta",
        ("m", true) => "milestone",
        ("cr", _) => "rc",
        ("ga" | "final" | "release", _) => "",
        (other, _) => other,
    }
}

impl Item {
    fn is_nothing(&self) -> bool {
        match &self.value {
            Value::Number(digits) => digits.is_empty(),
            Value::Word(word) => word.is_empty(),
        }
    }

    /// A place among parts: words, then lists, then numbers; nothing counts as the release.
    fn cmp_to(&self, other: Option<&Self>) -> Ordering {
        let Some(other) = other else {
            return match &self.value {
                Value::Number(digits) => (!digits.is_empty()).cmp(&false),
                Value::Word(word) => rank(word).cmp(&rank("")),
            };
        };
        match (&self.value, &other.value) {
            (Value::Number(one), Value::Number(two)) => match (self.is_nested, other.is_nested) {
                (false, true) => Ordering::Greater,
                (true, false) => Ordering::Less,
                _ => one.len().cmp(&two.len()).then_with(|| one.cmp(two)),
            },
            (Value::Number(_), Value::Word(_)) => Ordering::Greater,
            (Value::Word(_), Value::Number(_)) => Ordering::Less,
            (Value::Word(one), Value::Word(two)) => rank(one).cmp(&rank(two)),
        }
    }
}

/// Words that nobody knows come after all that are known, in the order of their letters.
fn rank(word: &str) -> (usize, &str) {
    match WORDS.iter().position(|known| *known == word) {
        Some(place) => (place, ""),
        None => (WORDS.len(), word),
    }
}

impl Ord for MavenVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        for place in 0..self.0.len().max(other.0.len()) {
            let order = match (self.0.get(place), other.0.get(place)) {
                (Some(one), two) => one.cmp_to(two),
                (None, Some(two)) => two.cmp_to(None).reverse(),
                (None, None) => Ordering::Equal,
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }
}

impl PartialOrd for MavenVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Whether a text is a range, such as `[1.0,2.0)`.
pub(crate) fn is_range(text: &str) -> bool {
    text.starts_with(['[', '('])
}

/// The highest of `versions` that lies in a range; none when none does, and an error when the range is none.
pub(crate) fn highest_in<'a>(
    range: &str,
    versions: &'a [String],
) -> Result<Option<&'a str>, String> {
    let bounds = bounds(range).ok_or_else(|| format!("{range:?} is no range of versions"))?;
    let fits = |version: &&String| {
        let version = MavenVersion::parse(version);
        bounds.iter().any(|(low, high)| {
            let above = low.as_ref().is_none_or(|(bound, closed)| {
                version > *bound || *closed && version.cmp(bound) == Ordering::Equal
            });
            let below = high.as_ref().is_none_or(|(bound, closed)| {
                version < *bound || *closed && version.cmp(bound) == Ordering::Equal
            });
            above && below
        })
    };
    let found = versions
        .iter()
        .filter(fits)
        .max_by_key(|version| MavenVersion::parse(version));
    Ok(found.map(String::as_str))
}

/// A bound and whether it belongs to the range; none where the range is open.
type Bound = Option<(MavenVersion, bool)>;

fn bounds(range: &str) -> Option<Vec<(Bound, Bound)>> {
    let mut all = Vec::new();
    let mut rest = range.trim();
    while !rest.is_empty() {
        let low_closed = match rest.chars().next()? {
            '[' => true,
            '(' => false,
            _ => return None,
        };
        let end = rest.find([']', ')'])?;
        let high_closed = rest[end..].starts_with(']');
        let inner = &rest[1..end];
        let bound = |text: &str, closed| {
            let text = text.trim();
            (!text.is_empty()).then(|| (MavenVersion::parse(text), closed))
        };
        all.push(match inner.split_once(',') {
            Some((low, high)) => (bound(low, low_closed), bound(high, high_closed)),
            // `[1.0]` is that version alone.
            None if low_closed && high_closed => (bound(inner, true), bound(inner, true)),
            None => return None,
        });
        rest = rest[end + 1..]
            .trim_start()
            .trim_start_matches(',')
            .trim_start();
    }
    (!all.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_mavens() {
        // From the documentation and the tests of Maven's ComparableVersion.
        let ordered = [
            "1-alpha2snapshot",
            "1-alpha2",
            "1-alpha-123",
            "1-beta-2",
            "1-beta123",
            "1-m2",
            "1-m11",
            "1-rc",
            "1-rc2",
            "1-snapshot",
            "1",
            "1-sp",
            "1-sp2",
            "1-abc",
            "1-def",
            "1-1-snapshot",
            "1-1",
            "1-2",
            "1-123",
        ];
        for pair in ordered.windows(2) {
            let (one, two) = (MavenVersion::parse(pair[0]), MavenVersion::parse(pair[1]));
            assert!(one < two, "{} before {}", pair[0], pair[1]);
        }
        for (one, two) in [
            ("0.9.1", "0.10.0"),
            ("1.0.0-rc1", "1.0.0"),
            ("1.0", "1.1"),
            ("2.0", "10.0"),
            ("1", "1.0.1"),
            ("1.0.0-SNAPSHOT", "1.0.0"),
        ] {
            assert!(
                MavenVersion::parse(one) < MavenVersion::parse(two),
                "{one} before {two}"
            );
        }
        for (one, two) in [
            ("1", "1.0.0"),
            ("1.0-ga", "1"),
            ("1a1", "1-alpha-1"),
            ("1.0.RELEASE", "1"),
            ("01", "1"),
            ("1-CR", "1-rc"),
        ] {
            assert_eq!(
                MavenVersion::parse(one),
                MavenVersion::parse(two),
                "{one} and {two}"
            );
        }
    }

    #[test]
    fn ranges() {
        let versions = ["1.0", "1.5", "2.0-rc1", "2.0", "3.1"].map(str::to_owned);
        for (range, found) in [
            ("[1.0,2.0)", Some("2.0-rc1")),
            ("[1.0,2.0]", Some("2.0")),
            ("(,1.0]", Some("1.0")),
            ("(3.1,)", None),
            ("[1.5]", Some("1.5")),
            ("(,1.0],[3.0,)", Some("3.1")),
        ] {
            assert_eq!(highest_in(range, &versions), Ok(found), "{range}");
        }
        for bad in ["[1.0", "(1.0)", "1.0", "[]x"] {
            assert!(highest_in(bad, &versions).is_err(), "{bad}");
        }
    }
}
