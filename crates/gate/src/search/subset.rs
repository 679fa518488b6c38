//! A part that a trigger must have: orca's comparison of triggers (`TaskController.checkObjectMatchesSubset`).

use std::collections::BTreeMap;

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, general_purpose::GeneralPurposeConfig},
};
use gennaker_model::Map;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::problem::Problem;

/// Largest trigger to search for, in bytes of JSON.
const TRIGGER_BYTES_MAX: usize = 8 * 1024;

/// Largest compiled pattern, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 16;

/// With padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A part that a trigger must have, with its strings compiled.
pub(super) struct Subset {
    wanted: Map,
    patterns: BTreeMap<String, Regex>,
}

impl Subset {
    /// Reads the query parameter: base64 of a JSON object.
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let json = BASE64.decode(plain_base64(text)).ok();
        let wanted = json
            .filter(|json| json.len() <= TRIGGER_BYTES_MAX)
            .and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(|| {
                Problem::bad_request(format!(
                    "Query parameter trigger must be a JSON object of at most {TRIGGER_BYTES_MAX} bytes, in base64"
                ))
            })?;
        Ok(Self::new(wanted))
    }

    fn new(wanted: Map) -> Self {
        let mut patterns = BTreeMap::new();
        let mut open: Vec<&Value> = wanted.values().collect();
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) => {
                    patterns.extend(pattern(text).map(|regex| (text.clone(), regex)))
                }
                Value::Array(items) => open.extend(items),
                Value::Object(map) => open.extend(map.values()),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        Self { wanted, patterns }
    }

    /// Whether the trigger has it.
    pub(super) fn is_in(&self, trigger: &Map) -> bool {
        self.contains(trigger, &self.wanted)
    }

    /// Whether every key of `wanted` is in `found` with a value that fits.
    fn contains(&self, found: &Map, wanted: &Map) -> bool {
        wanted
            .iter()
            .all(|(key, wanted)| found.get(key).is_some_and(|found| self.fits(found, wanted)))
    }

    /// Strings: equal ignoring case, or a full match of the pattern. Lists: each wanted item has a found one of its own.
    fn fits(&self, found: &Value, wanted: &Value) -> bool {
        match (found, wanted) {
            (Value::String(found), Value::String(wanted)) => {
                found.to_lowercase() == wanted.to_lowercase()
                    || self
                        .patterns
                        .get(wanted)
                        .is_some_and(|pattern| pattern.is_match(found))
            }
            (Value::Object(found), Value::Object(wanted)) => self.contains(found, wanted),
            (Value::Array(found), Value::Array(wanted)) => self.items_fit(found, wanted),
            (found, wanted) => found == wanted,
        }
    }

    /// An assignment of wanted items to found ones, by augmenting paths: a greedy choice would miss some.
    fn items_fit(&self, found: &[Value], wanted: &[Value]) -> bool {
        let mut taken_by: Vec<Option<usize>> = vec![None; found.len()];
        wanted.len() <= found.len()
            && (0..wanted.len()).all(|item| {
                let mut seen = vec![false; found.len()];
                self.assign(item, found, wanted, &mut taken_by, &mut seen)
            })
    }

    fn assign(
        &self,
        item: usize,
        found: &[Value],
        wanted: &[Value],
        taken_by: &mut [Option<usize>],
        seen: &mut [bool],
    ) -> bool {
        for place in 0..found.len() {
            if seen[place] || !self.fits(&found[place], &wanted[item]) {
                continue;
            }
            seen[place] = true;
            let free = match taken_by[place] {
                None => true,
                Some(other) => self.assign(other, found, wanted, taken_by, seen),
            };
            if free {
                taken_by[place] = Some(item);
                return true;
            }
        }
        false
    }
}

/// The usual alphabet for that of addresses, and for a plus that was not encoded and so came as a blank.
fn plain_base64(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            ' ' | '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect()
}

fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(&format!("^(?:{text})$"))
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_trigger_is_searched_by_subset() {
        let trigger = json!({"type": "webhook", "n": 1, "payload": {"env": "Prod", "x": 2},
                             "artifacts": [{"name": "a", "v": "1"}, {"name": "a", "v": "2"}]});
        for (wanted, fits) in [
            (json!({}), true),
            (json!({"type": "WEBHOOK"}), true),
            (json!({"type": "web.*"}), true),
            (json!({"type": "web"}), false),
            (json!({"n": 1}), true),
            (json!({"n": "1"}), false),
            (json!({"payload": {"env": "prod"}}), true),
            (json!({"payload": {"gone": ".*"}}), false),
            (json!({"artifacts": [{"name": "a"}, {"v": "1"}]}), true),
            (
                json!({"artifacts": [{"v": "1"}, {"name": "a", "v": "1"}]}),
                false,
            ),
            (json!({"artifacts": [{}, {}, {}]}), false),
            (json!({"type": "("}), false),
        ] {
            let fit = Subset::new(wanted.as_object().unwrap().clone())
                .is_in(trigger.as_object().unwrap());
            assert_eq!(fit, fits, "{wanted}");
        }
    }
}
