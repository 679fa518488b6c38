//! The corpus: expressions with the results and the entries that Orca gives for them, on whole executions.
//!
//! A file has the execution and the stage that its cases are evaluated in; the files of executions are as the engine keeps them.
#![expect(clippy::disallowed_methods, reason = "a test reads its files")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use gennaker_engine::scope::Scope;
use gennaker_expressions::{Environment, Exact, evaluate_json};
use gennaker_model::Execution;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The files, and how many cases each has at least.
const TOPICS: [(&str, usize); 13] = [
    ("dates", 80),
    ("executions", 400),
    ("functions", 90),
    ("limits", 12),
    ("orchestrations", 11),
    ("root", 30),
    ("seen", 25),
    ("semantics", 120),
    ("stage-context", 18),
    ("summary", 35),
    ("template-syntax", 30),
    ("values", 550),
    ("works", 110),
];

#[derive(Deserialize)]
struct Topic {
    execution: String,
    stage: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    name: String,
    input: Value,
    stage: Option<String>,
    #[serde(default = "yes")]
    allow_unknown_keys: bool,
    value: Value,
    summary: Value,
}

fn yes() -> bool {
    true
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> T {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn topic(name: &str) -> Topic {
    read(&corpus().join(format!("{name}.json")))
}

/// The entries without their time, and those of one key in an order that does not depend on the run.
fn timeless(summary: &Value) -> Value {
    let keys = summary.as_object().cloned().unwrap_or_default();
    keys.into_iter()
        .map(|(key, entries)| {
            let mut entries: Vec<Value> = entries.as_array().cloned().unwrap_or_default();
            for entry in &mut entries {
                entry.as_object_mut().map(|entry| entry.remove("timestamp"));
            }
            entries.sort_by_key(ToString::to_string);
            (key, Value::Array(entries))
        })
        .collect::<Map<_, _>>()
        .into()
}

fn run(execution: &Execution, topic: &Topic, case: &Case) -> Result<(), String> {
    let stage = case.stage.as_ref().unwrap_or(&topic.stage);
    let stage = execution
        .stages
        .iter()
        .find(|found| found.ref_id == *stage)
        .ok_or("no such stage")?;
    let mut environment = Environment::fixed(1_741_964_966_535, 42);
    environment.allow_unknown_keys = case.allow_unknown_keys;
    let evaluation = evaluate_json(
        &case.input,
        &Scope::of_stage(execution, stage),
        &environment,
    );
    let written = serde_json::to_string(&Exact(&evaluation)).map_err(|error| error.to_string())?;
    let value: Value = serde_json::from_str(&written).map_err(|error| error.to_string())?;
    let summary = timeless(&evaluation.summary.to_json());
    if value != case.value {
        return Err(format!("is {value}, not {}", case.value));
    }
    if summary != timeless(&case.summary) {
        return Err(format!("reports {summary}, not {}", case.summary));
    }
    Ok(())
}

#[test]
fn every_case_gives_what_orca_gives() {
    let mut executions: BTreeMap<String, Execution> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut total = 0;
    for (name, least) in TOPICS {
        let topic = topic(name);
        let execution = executions
            .entry(topic.execution.clone())
            .or_insert_with_key(|name| {
                read(&corpus().join("executions").join(format!("{name}.json")))
            });
        assert!(
            topic.cases.len() >= least,
            "{name} has {} cases",
            topic.cases.len()
        );
        for case in &topic.cases {
            if let Err(problem) = run(execution, &topic, case) {
                wrong.push(format!("{name}: {} {problem}", case.name));
            }
        }
        total += topic.cases.len();
    }
    assert!(
        wrong.is_empty(),
        "{} of {total} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(total >= 600, "{total} cases");
}

#[test]
fn no_file_is_left_out_and_no_name_given_twice() {
    let known: BTreeSet<String> = TOPICS
        .into_iter()
        .map(|(name, _)| format!("{name}.json"))
        .collect();
    let there: BTreeSet<String> = fs::read_dir(corpus())
        .expect("the corpus")
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(known, there);
    for (name, _) in TOPICS {
        let mut seen = BTreeSet::new();
        for case in topic(name).cases {
            assert!(seen.insert(case.name.clone()), "{name}: {}", case.name);
        }
    }
}
