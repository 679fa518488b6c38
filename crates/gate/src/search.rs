//! `GET /applications/{application}/executions/search`. Source: orca `TaskController.searchForPipelineExecutionsByTrigger`.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gennaker_model::{Execution, ExecutionType, Map, command::ListQuery};
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::{Gate, answer::Answer, call::Call, executions, problem::Problem, view};

/// Most executions of one partition that a search looks at, newest first.
const LOOKED_AT_MAX: u32 = 5_000;

/// Most executions in one answer.
const SIZE_MAX: u32 = 1_000;

/// Largest trigger to search for, in bytes of JSON.
const TRIGGER_BYTES_MAX: usize = 8 * 1024;

/// Largest compiled pattern, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 16;

pub(crate) async fn search(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let application = call.param("application");
    let wanted = Wanted::read(&call)?;
    let first = call.query_number("startIndex", 0, (0, u32::MAX))?;
    let size = call.query_number("size", 10, (1, SIZE_MAX))?;
    let query = ListQuery {
        kind: Some(ExecutionType::Pipeline),
        application: Some(application.to_owned()).filter(|it| it != "*"),
        statuses: call.statuses()?,
        name_contains: wanted.name.clone(),
        since_ms: wanted.since_ms,
        limit: Some(LOOKED_AT_MAX),
        expand: call.query_bool("expand", false)?,
        ..ListQuery::default()
    };
    let partial = call.query_bool("partial", false)?;
    let mut listed = gate.owners().list(&call, &query, partial).await?;
    listed.executions.retain(|execution| wanted.fits(execution));
    listed
        .executions
        .sort_by(|one, two| (two.build_time, &two.id).cmp(&(one.build_time, &one.id)));
    if call.query_bool("reverse", false)? {
        listed.executions.reverse();
    }
    let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let page: Vec<Execution> = listed
        .executions
        .into_iter()
        .skip(place(first))
        .take(place(size))
        .collect();
    Ok(executions::told(
        Answer::json(view::executions(&page)?),
        &listed.silent,
    ))
}

struct Wanted {
    name: Option<String>,
    trigger_types: BTreeSet<String>,
    event: Option<String>,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
    trigger: Option<Subset>,
}

/// A part that a trigger must have, with its strings compiled.
struct Subset {
    wanted: Map,
    patterns: BTreeMap<String, Regex>,
}

impl Wanted {
    fn read(call: &Call) -> Result<Self, Problem> {
        Ok(Self {
            name: call.query("pipelineName").map(str::to_owned),
            trigger_types: call
                .query_list("triggerTypes")
                .into_iter()
                .filter(|kind| kind != "*")
                .collect(),
            event: call.query("eventId").map(str::to_owned),
            since_ms: call.query_time_ms("triggerTimeStartBoundary")?,
            until_ms: call.query_time_ms("triggerTimeEndBoundary")?,
            trigger: call.query("trigger").map(Subset::read).transpose()?,
        })
    }

    fn fits(&self, execution: &Execution) -> bool {
        let trigger = &execution.trigger;
        let text = |field: &str| trigger.get(field).and_then(Value::as_str);
        self.name.is_none_or_equal(execution.name.as_deref())
            && self.event.is_none_or_equal(text("eventId"))
            && self
                .until_ms
                .is_none_or(|until| execution.build_time <= until)
            && self
                .since_ms
                .is_none_or(|since| execution.build_time >= since)
            && (self.trigger_types.is_empty()
                || text("type").is_some_and(|kind| self.trigger_types.contains(kind)))
            && self
                .trigger
                .as_ref()
                .is_none_or(|subset| subset.is_in(trigger))
    }
}

trait NoneOrEqual {
    fn is_none_or_equal(&self, found: Option<&str>) -> bool;
}

impl NoneOrEqual for Option<String> {
    fn is_none_or_equal(&self, found: Option<&str>) -> bool {
        self.as_deref().is_none_or(|wanted| found == Some(wanted))
    }
}

impl Subset {
    fn read(text: &str) -> Result<Self, Problem> {
        let json = BASE64_STANDARD.decode(text).ok();
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

    fn is_in(&self, trigger: &Map) -> bool {
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
