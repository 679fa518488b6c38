//! Ranges of versions as npm writes them (`^1.2`, `~1.3.0`, `1.x`, `>=1.0.0 <2.0.0 || 3.1.4`, `1.0 - 2.0`).
//!
//! Source: echo `HelmEventHandler`, which asks semver4j in its npm mode. A version with a pre-release is in a range only if the range
//! names a pre-release of the same version.

use std::cmp::Ordering;

/// Longest range, in bytes.
const BYTES_MAX: usize = 1_000;

/// A version: three numbers, and the parts of its pre-release. What is behind a plus does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Version {
    numbers: [u64; 3],
    pre: Vec<Part>,
}

/// A part of a pre-release. Numbers come before words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Word(String),
}

/// A version of which parts may be missing.
struct Partial {
    /// How many numbers it has.
    count: usize,
    version: Version,
}

/// One condition.
struct Bound {
    /// What the version may be, compared with `version`.
    allowed: &'static [Ordering],
    version: Version,
}

const ABOVE: &[Ordering] = &[Ordering::Greater];
const FROM: &[Ordering] = &[Ordering::Greater, Ordering::Equal];
const BELOW: &[Ordering] = &[Ordering::Less];
const UP_TO: &[Ordering] = &[Ordering::Less, Ordering::Equal];
const EQUAL: &[Ordering] = &[Ordering::Equal];

/// Whether a version is in a range.
///
/// # Errors
/// What cannot be read.
pub(super) fn satisfies(version: &str, range: &str) -> Result<bool, String> {
    let unreadable = |problem: String| format!("the range {range:?} cannot be read: {problem}");
    if range.len() > BYTES_MAX {
        return Err(unreadable(format!("it is longer than {BYTES_MAX} bytes")));
    }
    let sets: Vec<Vec<Bound>> = range
        .split("||")
        .map(bounds)
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    let found = partial(version)
        .filter(|found| found.count == 3)
        .ok_or_else(|| format!("{version:?} is no version"))?
        .version;
    Ok(sets.iter().any(|set| is_in(&found, set)))
}

fn is_in(version: &Version, set: &[Bound]) -> bool {
    let fits = |bound: &Bound| bound.allowed.contains(&version.compare(&bound.version));
    let may_be_early =
        |bound: &Bound| !bound.version.pre.is_empty() && bound.version.numbers == version.numbers;
    set.iter().all(fits) && (version.pre.is_empty() || set.iter().any(may_be_early))
}

impl Version {
    fn of(numbers: [u64; 3]) -> Self {
        Self {
            numbers,
            pre: Vec::new(),
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        // Without a pre-release is later than with one.
        let early = |it: &Self| it.pre.is_empty();
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| early(self).cmp(&early(other)))
            .then_with(|| self.pre.cmp(&other.pre))
    }
}

/// The conditions of one alternative, all of which must hold.
fn bounds(text: &str) -> Result<Vec<Bound>, String> {
    if let Some((from, to)) = text.split_once(" - ") {
        let (from, to) = (read(from)?, read(to)?);
        let upper = match to.count {
            3 => Bound {
                allowed: UP_TO,
                version: to.version,
            },
            0 => return Ok(vec![bound(FROM, from.version)]),
            count => bound(BELOW, next(&to.version, count)),
        };
        return Ok(vec![bound(FROM, from.version), upper]);
    }
    let mut all = Vec::new();
    // An operator may stand apart from its version.
    let mut operator = String::new();
    for word in text.split_whitespace() {
        operator.push_str(word);
        if word.ends_with(['<', '>', '=', '^', '~']) {
            continue;
        }
        all.extend(condition(&std::mem::take(&mut operator))?);
    }
    match operator.is_empty() {
        true => Ok(all),
        false => Err(format!("{operator:?} has no version")),
    }
}

fn condition(text: &str) -> Result<Vec<Bound>, String> {
    const OPERATORS: [&str; 8] = [">=", "<=", "~>", ">", "<", "=", "^", "~"];
    let operator = OPERATORS.into_iter().find(|it| text.starts_with(it));
    let rest = &text[operator.map_or(0, str::len)..];
    let Partial { count, version } = read(rest)?;
    if count == 0 {
        return Ok(match operator {
            // Nothing is above or below everything.
            Some(">" | "<") => vec![bound(BELOW, Version::default())],
            _ => Vec::new(),
        });
    }
    let whole = count == 3;
    Ok(match operator {
        Some(">=") => vec![bound(FROM, version)],
        Some("<") => vec![bound(BELOW, version)],
        Some(">") if whole => vec![bound(ABOVE, version)],
        Some(">") => vec![bound(FROM, next(&version, count))],
        Some("<=") if whole => vec![bound(UP_TO, version)],
        Some("<=") => vec![bound(BELOW, next(&version, count))],
        Some("^") => {
            // The first number that is not 0 stays.
            let first = version.numbers.iter().take(count).position(|it| *it != 0);
            let kept = first.map_or(count, |place| place + 1);
            vec![
                bound(FROM, version.clone()),
                bound(BELOW, next(&version, kept)),
            ]
        }
        Some("~" | "~>") => {
            let upper = next(&version, count.min(2));
            vec![bound(FROM, version), bound(BELOW, upper)]
        }
        Some(_) | None if whole => vec![bound(EQUAL, version)],
        Some(_) | None => {
            let upper = next(&version, count);
            vec![bound(FROM, version), bound(BELOW, upper)]
        }
    })
}

fn bound(allowed: &'static [Ordering], version: Version) -> Bound {
    Bound { allowed, version }
}

/// The first version whose number at a place (from 1) is larger.
fn next(version: &Version, place: usize) -> Version {
    let mut numbers = [0; 3];
    for (at, number) in version.numbers.iter().enumerate().take(place) {
        numbers[at] = *number;
    }
    let last = place.clamp(1, 3) - 1;
    numbers[last] = numbers[last].saturating_add(1);
    Version::of(numbers)
}

fn read(text: &str) -> Result<Partial, String> {
    let text = text.trim();
    partial(text).ok_or_else(|| format!("{text:?} is no version"))
}

fn partial(text: &str) -> Option<Partial> {
    let text = text.trim().trim_start_matches(['v', 'V', '=']);
    let text = text.split('+').next().unwrap_or_default();
    let (numbers, pre) = match text.split_once('-') {
        Some((numbers, pre)) => (numbers, Some(pre)),
        None => (text, None),
    };
    let mut version = Version::default();
    let mut count = 0;
    for (at, part) in numbers.split('.').enumerate() {
        if matches!(part, "x" | "X" | "*") || (part.is_empty() && numbers.is_empty()) {
            break;
        }
        *version.numbers.get_mut(at)? = part.parse().ok()?;
        count = at + 1;
    }
    if let Some(pre) = pre {
        if count != 3 || pre.is_empty() {
            return None;
        }
        let part = |part: &str| match part.parse() {
            Ok(number) => Part::Number(number),
            Err(_) => Part::Word(part.to_owned()),
        };
        version.pre = pre.split('.').map(part).collect();
    }
    Some(Partial { count, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_npm() {
        for (range, inside, outside) in [
            (
                "1.2.3",
                &["1.2.3", "v1.2.3", "1.2.3+build"][..],
                &["1.2.4", "1.2.3-rc.1"][..],
            ),
            (
                "^1.2.3",
                &["1.2.3", "1.9.0"],
                &["2.0.0", "1.2.2", "1.3.0-rc.1"],
            ),
            ("^0.2.3", &["0.2.9"], &["0.3.0", "1.0.0"]),
            ("^0.0.3", &["0.0.3"], &["0.0.4"]),
            ("^1", &["1.0.0", "1.9.9"], &["2.0.0"]),
            ("~1.2.3", &["1.2.9"], &["1.3.0"]),
            ("~1", &["1.9.0"], &["2.0.0"]),
            ("1.x", &["1.0.0", "1.5.2"], &["2.0.0", "0.9.0"]),
            ("1.2", &["1.2.0", "1.2.7"], &["1.3.0"]),
            ("*", &["0.0.1", "9.9.9"], &["1.0.0-rc"]),
            (">=1.0.0 <2.0.0", &["1.0.0", "1.9.9"], &["2.0.0"]),
            (">= 1.0.0 < 2", &["1.0.0"], &["2.0.0"]),
            (">1.2", &["1.3.0"], &["1.2.9"]),
            ("<=1.2", &["1.2.9"], &["1.3.0"]),
            ("1.0 - 2.1", &["1.0.0", "2.1.9"], &["2.2.0"]),
            ("1.0.0 - 2.1.0", &["2.1.0"], &["2.1.1"]),
            ("1.0.0 || 3.x", &["1.0.0", "3.4.5"], &["2.0.0"]),
            (
                ">=1.2.3-rc.1",
                &["1.2.3-rc.2", "1.2.3-rc.10", "1.2.3", "2.0.0"],
                &["1.2.3-beta", "1.2.4-rc.1"],
            ),
        ] {
            for version in inside {
                assert_eq!(satisfies(version, range), Ok(true), "{version} in {range}");
            }
            for version in outside {
                assert_eq!(satisfies(version, range), Ok(false), "{version} in {range}");
            }
        }
        for range in ["a", "1.2.3.4", ">", "1.-2", "^1.2-rc"] {
            assert!(satisfies("1.2.3", range).is_err(), "{range}");
        }
        assert_eq!(
            satisfies("latest", "*"),
            Err("\"latest\" is no version".to_owned())
        );
    }
}
