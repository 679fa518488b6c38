//! Checks that need no catalogue of stages beyond the names: identity of the pipeline, the graph of its stages, the fields
//! without which a stage cannot run.
//!
//! What Orca does with each fault (`PipelineBuilder.java`, `Stage.kt`): a missing type fails the start; a cycle or a
//! requisite that does not exist leaves stages that never run.

use std::collections::{BTreeMap, BTreeSet};

use gennaker_expressions::Limits;
use gennaker_intake::lint;
use gennaker_stages::CATALOGUE;
use serde_json::{Map, Value};

use super::{Finding, known};
use crate::text::closest;

/// Most stages that are checked; a pipeline this large has other problems.
const STAGES_MAX: usize = 10_000;

/// Checks a pipeline document.
#[must_use]
pub fn check(pipeline: &Value) -> Vec<Finding> {
    let Some(map) = pipeline.as_object() else {
        return vec![Finding::error("", "a pipeline is an object")];
    };
    let mut findings: Vec<Finding> = ["application", "name"]
        .into_iter()
        .filter_map(|key| required_text(map, key, ""))
        .collect();
    let is_template = map
        .get("template")
        .and_then(Value::as_object)
        .is_some_and(|template| !template.is_empty());
    match map.get("stages") {
        Some(Value::Array(stages)) if stages.len() > STAGES_MAX => {
            findings.push(Finding::error(
                "/stages",
                format!("more than {STAGES_MAX} stages"),
            ));
        }
        Some(Value::Array(stages)) => {
            if stages.is_empty() && !is_template {
                findings.push(Finding::warning(
                    "/stages",
                    "no stages: every execution fails at once",
                ));
            }
            for (index, stage) in stages.iter().enumerate() {
                check_stage(stage, &format!("/stages/{index}"), &mut findings);
            }
            check_graph(stages, &mut findings);
        }
        None | Some(Value::Null) => {
            if !is_template {
                findings.push(Finding::warning(
                    "",
                    "no stages: every execution fails at once",
                ));
            }
        }
        Some(_) => findings.push(Finding::error("/stages", "stages is a list")),
    }
    if is_template && map.get("schema").is_none() {
        findings.push(Finding::error(
            "",
            "'schema' is missing, which a templated pipeline must have",
        ));
    }
    check_expressions(pipeline, &mut findings);
    findings
}

/// What a save would warn of. All are warnings here: they may stand in text that nothing but people reads, and nobody can
/// tell that from outside.
fn check_expressions(pipeline: &Value, findings: &mut Vec<Finding>) {
    for found in lint::expressions(pipeline, &Limits::default()).warnings {
        let text = pipeline.pointer(&found.path).and_then(Value::as_str);
        let before = text.and_then(|text| text.get(..found.position));
        let place = before.map_or(found.position, |before| before.chars().count());
        let message = format!("expression at character {place}: {}", found.message);
        findings.push(Finding::warning(found.path, message));
    }
}

fn check_stage(stage: &Value, path: &str, findings: &mut Vec<Finding>) {
    let Some(map) = stage.as_object() else {
        findings.push(Finding::error(path, "a stage is an object"));
        return;
    };
    if let Some(finding) = required_text(map, "type", path) {
        findings.push(finding);
        return;
    }
    let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
    match CATALOGUE.find(kind) {
        Some(known) => {
            let monitors_only =
                kind == "webhook" && map.get("monitorOnly") == Some(&Value::Bool(true));
            let required = known
                .fields()
                .iter()
                .filter(|field| field.required)
                .map(|field| field.name);
            for field in required.filter(|_| !monitors_only) {
                let missing = match map.get(field) {
                    None | Some(Value::Null) => true,
                    Some(Value::String(text)) => text.trim().is_empty(),
                    Some(_) => false,
                };
                if missing {
                    findings.push(Finding::error(
                        path,
                        format!("'{field}' is missing, which a stage of type {kind} must have"),
                    ));
                }
            }
        }
        None if map.contains_key("alias") => {}
        None => findings.push(unknown_type(kind, &format!("{path}/type"))),
    }
}

fn unknown_type(kind: &str, path: &str) -> Finding {
    let fails = "the stage fails when it is reached";
    if known::is_spinnakers(kind) {
        return Finding::warning(
            path,
            format!("this release does not run stages of type {kind}: {fails}"),
        );
    }
    match closest(kind, known::all()) {
        Some(near) => Finding::error(
            path,
            format!("stage type {kind:?} is unknown, did you mean {near:?}?"),
        ),
        None => Finding::warning(path, format!("stage type {kind:?} is unknown: {fails}")),
    }
}

fn check_graph(stages: &[Value], findings: &mut Vec<Finding>) {
    let ref_ids: Vec<Option<String>> = stages
        .iter()
        .map(|stage| ref_text(&stage["refId"]))
        .collect();
    if ref_ids.iter().all(Option::is_none)
        && stages
            .iter()
            .all(|stage| stage["requisiteStageRefIds"].is_null())
    {
        return;
    }
    let mut first_with: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, ref_id) in ref_ids.iter().enumerate() {
        let path = format!("/stages/{index}");
        match ref_id {
            None => findings.push(Finding::error(
                path,
                "'refId' is missing, which other stages have",
            )),
            Some(ref_id) => {
                if let Some(first) = first_with.get(ref_id.as_str()) {
                    findings.push(Finding::error(
                        format!("{path}/refId"),
                        format!(
                            "refId {ref_id:?} is taken by stage {}",
                            described(stages, *first)
                        ),
                    ));
                } else {
                    first_with.insert(ref_id, index);
                }
            }
        }
    }
    let mut requires: Vec<Vec<usize>> = Vec::with_capacity(stages.len());
    for (index, stage) in stages.iter().enumerate() {
        let mut required = Vec::new();
        match &stage["requisiteStageRefIds"] {
            Value::Null => {}
            Value::Array(list) => {
                for (at, item) in list.iter().enumerate() {
                    let path = format!("/stages/{index}/requisiteStageRefIds/{at}");
                    let wanted = ref_text(item).unwrap_or_default();
                    match first_with.get(wanted.as_str()) {
                        Some(target) => required.push(*target),
                        None => findings.push(Finding::error(
                            path,
                            unknown_requisite(&wanted, &first_with),
                        )),
                    }
                }
            }
            _ => findings.push(Finding::error(
                format!("/stages/{index}/requisiteStageRefIds"),
                "requisiteStageRefIds is a list",
            )),
        }
        requires.push(required);
    }
    if let Some(cycle) = cycle(&requires) {
        let names: Vec<String> = cycle
            .iter()
            .map(|index| described(stages, *index))
            .collect();
        findings.push(Finding::error(
            format!("/stages/{}/requisiteStageRefIds", cycle[0]),
            format!(
                "stages wait for each other and would never run: {}",
                names.join(" after ")
            ),
        ));
    }
}

fn unknown_requisite(wanted: &str, known: &BTreeMap<&str, usize>) -> String {
    let near = closest(wanted, known.keys().copied()).filter(|near| near.len() > 2);
    match near {
        Some(near) => format!("no stage has refId {wanted:?}, did you mean {near:?}?"),
        None => format!("no stage has refId {wanted:?}"),
    }
}

/// One cycle, its first member repeated at the end: a stage that is left when everything that can run has run, followed
/// along what it waits for until something comes again.
fn cycle(requires: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut left: Vec<usize> = requires.iter().map(Vec::len).collect();
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); requires.len()];
    for (index, required) in requires.iter().enumerate() {
        for target in required {
            after[*target].push(index);
        }
    }
    let mut ready: Vec<usize> = (0..requires.len())
        .filter(|index| left[*index] == 0)
        .collect();
    while let Some(index) = ready.pop() {
        for next in &after[index] {
            left[*next] -= 1;
            if left[*next] == 0 {
                ready.push(*next);
            }
        }
    }
    let start = left.iter().position(|number| *number > 0)?;
    let mut path = vec![start];
    let mut seen: BTreeSet<usize> = [start].into();
    loop {
        let current = *path.last()?;
        let next = *requires[current].iter().find(|target| left[**target] > 0)?;
        path.push(next);
        if !seen.insert(next) {
            let first = path.iter().position(|index| *index == next)?;
            return Some(path.split_off(first));
        }
    }
}

fn described(stages: &[Value], index: usize) -> String {
    let stage = &stages[index];
    let name = stage["name"]
        .as_str()
        .or(stage["type"].as_str())
        .unwrap_or("unnamed");
    match ref_text(&stage["refId"]) {
        Some(ref_id) => format!("{name:?} ({ref_id})"),
        None => format!("{name:?}"),
    }
}

/// A refId; a number counts as its decimal text (a superset of what Orca takes, which casts it to a string).
fn ref_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn required_text(map: &Map<String, Value>, key: &str, path: &str) -> Option<Finding> {
    match map.get(key) {
        None | Some(Value::Null) => Some(Finding::error(path, format!("'{key}' is missing"))),
        Some(Value::String(text)) if !text.trim().is_empty() => None,
        Some(Value::String(_)) => Some(Finding::error(
            format!("{path}/{key}"),
            format!("'{key}' is empty"),
        )),
        Some(_) => Some(Finding::error(
            format!("{path}/{key}"),
            format!("'{key}' is no text"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(pipeline: &Value) -> Vec<String> {
        check(pipeline)
            .iter()
            .map(|finding| {
                format!(
                    "{} {} {}",
                    finding.severity.word(),
                    finding.path,
                    finding.message
                )
            })
            .collect()
    }

    fn with(stages: Value) -> Value {
        json!({"application": "demo", "name": "p", "stages": stages})
    }

    #[test]
    fn a_sound_pipeline_has_no_findings() {
        let pipeline = with(json!([
            {"refId": "1", "type": "wait", "waitTime": 1, "requisiteStageRefIds": []},
            {"refId": 2, "type": "webhook", "url": "u", "requisiteStageRefIds": ["1"]},
            {"refId": "3", "type": "webhook", "monitorOnly": true, "requisiteStageRefIds": ["1", "2"]},
            {"refId": "4", "type": "myJob", "alias": "preconfiguredWebhook", "requisiteStageRefIds": ["3"]}
        ]));
        assert_eq!(said(&pipeline), Vec::<String>::new());
        let linear = with(json!([{"type": "wait"}, {"type": "noop"}]));
        assert_eq!(said(&linear), Vec::<String>::new());
    }

    #[test]
    fn identity_and_shape_are_checked() {
        assert_eq!(said(&json!([])), ["error  a pipeline is an object"]);
        assert_eq!(
            said(&json!({"name": " ", "stages": {}})),
            [
                "error  'application' is missing",
                "error /name 'name' is empty",
                "error /stages stages is a list"
            ]
        );
        assert_eq!(
            said(&json!({"application": "a", "name": "n", "template": {"reference": "x"}})),
            ["error  'schema' is missing, which a templated pipeline must have"]
        );
        assert_eq!(
            said(&with(json!([]))),
            ["warning /stages no stages: every execution fails at once"]
        );
        assert_eq!(
            said(&with(json!([{"name": "x"}, 7]))),
            [
                "error /stages/0 'type' is missing",
                "error /stages/1 a stage is an object"
            ]
        );
    }

    #[test]
    fn unknown_types_are_told_apart() {
        assert_eq!(
            said(&with(
                json!([{"type": "webhok"}, {"type": "createServerGroup"}, {"type": "acmeCheck"}])
            )),
            [
                "error /stages/0/type stage type \"webhok\" is unknown, did you mean \"webhook\"?",
                "warning /stages/1/type this release does not run stages of type createServerGroup: the stage fails when it is reached",
                "warning /stages/2/type stage type \"acmeCheck\" is unknown: the stage fails when it is reached",
            ]
        );
        assert_eq!(
            said(&with(
                json!([{"type": "webhook", "url": ""}, {"type": "pipeline"}])
            )),
            [
                "error /stages/0 'url' is missing, which a stage of type webhook must have",
                "error /stages/1 'pipeline' is missing, which a stage of type pipeline must have"
            ]
        );
    }

    #[test]
    fn the_graph_is_checked() {
        let stages = json!([
            {"refId": "deploy", "type": "wait", "name": "Deploy", "requisiteStageRefIds": ["check"]},
            {"refId": "deploy", "type": "wait", "name": "Again"},
            {"refId": "check", "type": "wait", "name": "Check", "requisiteStageRefIds": ["end"]},
            {"refId": "end", "type": "wait", "name": "End", "requisiteStageRefIds": ["deploy", "chekc", "9"]},
            {"type": "wait"},
            {"refId": "x", "type": "wait", "requisiteStageRefIds": "end"}
        ]);
        assert_eq!(
            said(&with(stages)),
            [
                "error /stages/1/refId refId \"deploy\" is taken by stage \"Deploy\" (deploy)",
                "error /stages/4 'refId' is missing, which other stages have",
                "error /stages/3/requisiteStageRefIds/1 no stage has refId \"chekc\", did you mean \"check\"?",
                "error /stages/3/requisiteStageRefIds/2 no stage has refId \"9\"",
                "error /stages/5/requisiteStageRefIds requisiteStageRefIds is a list",
                "error /stages/0/requisiteStageRefIds stages wait for each other and would never run: \
                 \"Deploy\" (deploy) after \"Check\" (check) after \"End\" (end) after \"Deploy\" (deploy)",
            ]
        );
    }

    #[test]
    fn a_cycle_is_found_behind_a_tail_and_in_itself() {
        assert_eq!(cycle(&[vec![1], vec![2], vec![1]]), Some(vec![1, 2, 1]));
        assert_eq!(cycle(&[vec![0]]), Some(vec![0, 0]));
        assert_eq!(cycle(&[vec![], vec![0], vec![0, 1]]), None);
    }
}
