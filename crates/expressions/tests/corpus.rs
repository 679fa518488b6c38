//! The corpus: expressions with the results and the entries that Orca gives for them, on whole executions.
//!
//! A file has the execution and the stage that its cases are evaluated in; the files of executions are as the engine keeps them.
//! `reference/rows.json` says which cases show which row of the reference.
#![expect(clippy::disallowed_methods, reason = "a test reads its files")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use gennaker_engine::scope::Scope;
use gennaker_expressions::{
    Environment, Exact, Lookup, LookupAnswer, TimeZone, evaluate_json, with_long_integers,
};
use gennaker_model::Execution;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The files, and how many cases each has at least.
const TOPICS: [(&str, usize); 28] = [
    ("artifact-store", 18),
    ("child", 95),
    ("cloud", 41),
    ("dates", 89),
    ("documents", 19),
    ("executions", 408),
    ("format", 105),
    ("functions", 98),
    ("json", 105),
    ("limits", 12),
    ("metadata", 12),
    ("numbers", 290),
    ("orchestrations", 11),
    ("patterns", 221),
    ("root", 34),
    ("seen", 26),
    ("semantics", 121),
    ("stage-context", 18),
    ("summary", 39),
    ("template-syntax", 34),
    ("trigger-concourse", 9),
    ("trigger-docker", 14),
    ("trigger-git", 16),
    ("urls", 43),
    ("values", 639),
    ("works", 129),
    ("yaml", 80),
    ("zones", 47),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Topic {
    execution: String,
    stage: String,
    /// What the outside says; what is not among it is not asked for.
    #[serde(default)]
    answers: Vec<Answered>,
    /// The zone of dates without one; UTC if absent.
    zone: Option<String>,
    #[serde(default)]
    artifact_store: bool,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Answered {
    lookup: Lookup,
    answer: LookupAnswer,
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
    serde_json::from_str(&with_long_integers(&text))
        .unwrap_or_else(|error| panic!("{path:?}: {error}"))
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
    environment.artifact_store = topic.artifact_store;
    if let Some(zone) = &topic.zone {
        environment.zone = TimeZone::get(zone).map_err(|error| error.to_string())?;
    }
    let answers = |lookup: &Lookup| {
        let known = topic.answers.iter().find(|known| known.lookup == *lookup);
        known.map(|known| known.answer.clone())
    };
    environment.lookups = &answers;
    let evaluation = evaluate_json(
        &case.input,
        &Scope::of_stage(execution, stage),
        &environment,
    );
    if let Some(need) = evaluation.needs.first() {
        return Err(format!("asks {need:?}"));
    }
    let written = serde_json::to_string(&Exact(&evaluation)).map_err(|error| error.to_string())?;
    let value: Value =
        serde_json::from_str(&with_long_integers(&written)).map_err(|error| error.to_string())?;
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
    assert!(total >= 2_400, "{total} cases");
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

/// A row of the reference and what shows it: `topic: case`, or `file: test` for what is not the evaluator's.
#[derive(Deserialize)]
struct Row {
    row: String,
    cases: Vec<String>,
}

#[test]
fn every_row_of_the_reference_is_a_case() {
    let rows: BTreeMap<String, Vec<Row>> = read(&corpus().join("reference/rows.json"));
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let reference = fs::read_to_string(repository.join("docs/reference/orchestration.md"))
        .expect("the reference");
    let cases: BTreeSet<String> = TOPICS
        .into_iter()
        .flat_map(|(name, _)| {
            let cases = topic(name).cases.into_iter();
            cases.map(move |case| format!("{name}: {}", case.name))
        })
        .collect();
    let is_shown = |case: &str| match case.split_once(": ") {
        Some((file, test)) if file.ends_with(".rs") => fs::read_to_string(repository.join(file))
            .is_ok_and(|source| source.contains(&format!("fn {test}()"))),
        _ => cases.contains(case),
    };
    for (section, rows) in &rows {
        let text = section_of(&reference, section);
        let wanted = match section.as_str() {
            "7.1" | "7.5" => points(text),
            _ => first_cells(text),
        };
        let listed: Vec<&str> = rows.iter().map(|row| row.row.as_str()).collect();
        assert_eq!(wanted, listed, "section {section}");
        for row in rows {
            assert!(!row.cases.is_empty(), "{section} {}", row.row);
            for case in &row.cases {
                assert!(is_shown(case), "{section} {}: there is no {case}", row.row);
            }
        }
    }
    assert_eq!(rows.len(), 6);
}

fn section_of<'r>(reference: &'r str, number: &str) -> &'r str {
    let start = reference
        .find(&format!("\n### {number} "))
        .expect("the section");
    let rest = &reference[start + 1..];
    &rest[..rest.find("\n##").unwrap_or(rest.len())]
}

/// The points of a list, each in one line.
fn points(text: &str) -> Vec<String> {
    let mut points: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        if let Some(point) = line.strip_prefix("- ") {
            points.push(point.to_owned());
            is_open = true;
        } else if let (true, Some(more), Some(point)) =
            (is_open, line.strip_prefix("  "), points.last_mut())
        {
            point.push(' ');
            point.push_str(more.trim());
        } else {
            is_open = false;
        }
    }
    points
}

/// The first cells of the tables, without their heads. A line within code is part of it.
fn first_cells(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_rule = |line: Option<&&str>| line.is_some_and(|line| line.starts_with("|---"));
    let rows = lines.iter().enumerate().filter(|(at, line)| {
        line.starts_with('|') && !is_rule(Some(line)) && !is_rule(lines.get(at + 1))
    });
    rows.map(|(_, line)| {
        let mut is_code = false;
        let cell = line[1..].chars().take_while(|c| {
            is_code ^= *c == '`';
            *c != '|' || is_code
        });
        cell.collect::<String>().trim().to_owned()
    })
    .collect()
}
