//! Execution documents: pipelines that are run by a script, and the documents that the API shows in the end.
//!
//! Each folder below `documents/` is one case:
//!
//! | file | holds |
//! |---|---|
//! | `pipeline.json` | the pipeline, or a list of it and those that it starts |
//! | `script.json` | what people and workers do, one step after the other ([`script`]) |
//! | `expected.json` | every execution in the end, with names for ids and seconds since the beginning for times |
//!
//! Real schedulers and a real worker run them over the in-memory broker, where nothing takes time but what the script lets take
//! time. `cargo xtask documents` writes `expected.json` of every case anew; what it changes is to be read against the orchestration
//! reference, line by line, before it is committed.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(
    clippy::print_stderr,
    reason = "what was written, when that was asked for"
)]

#[path = "documents/desk.rs"]
mod desk;
#[path = "documents/script.rs"]
mod script;
#[path = "documents/shown.rs"]
mod shown;
#[path = "documents/world.rs"]
mod world;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// Set to `write` by `cargo xtask documents`.
const WRITE: &str = "GENNAKER_DOCUMENTS";

/// Lines that are shown around the first difference.
const AROUND: usize = 4;

#[test]
fn every_document_is_as_expected() {
    let writes = std::env::var(WRITE).is_ok_and(|value| value == "write");
    let cases = cases();
    assert!(cases.len() >= 60, "only {} cases were found", cases.len());
    let mut problems = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let found = std::panic::catch_unwind(|| run(&case));
        let Ok(found) = found else {
            problems.push(format!(
                "{name}: the script could not be carried out; see above"
            ));
            continue;
        };
        let path = case.join("expected.json");
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if found == expected {
            continue;
        }
        if writes {
            fs::write(&path, found).unwrap();
            eprintln!("wrote {}", path.display());
        } else {
            problems.push(format!("{name}: {}", difference(&expected, &found)));
        }
    }
    assert!(
        problems.is_empty(),
        "{} documents differ; if that is meant, run `cargo xtask documents` and read what it writes\n\n{}",
        problems.len(),
        problems.join("\n\n")
    );
}

/// The same script gives the same documents again: nothing but the script decides.
#[test]
fn a_case_gives_the_same_document_twice() {
    let case = cases().into_iter().next_back().unwrap();
    assert_eq!(run(&case), run(&case));
}

fn cases() -> Vec<PathBuf> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR");
    let manifest = manifest.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&manifest).join("documents");
    let mut cases: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

/// Runs a case and gives the text of its documents.
fn run(case: &Path) -> String {
    let read = |file: &str| -> Value {
        let path = case.join(file);
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let pipelines = match read("pipeline.json") {
        Value::Array(list) => list,
        one => vec![one],
    };
    let script: Vec<script::Step> = serde_json::from_value(read("script.json"))
        .unwrap_or_else(|error| panic!("{}: script.json: {error}", case.display()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let documents = runtime.block_on(async {
        let mut world = world::World::new(pipelines).await;
        for (place, step) in script.into_iter().enumerate() {
            let words = format!("{}: step {}", case.display(), place + 1);
            world.step(step, &words).await;
        }
        world.documents().await
    });
    shown::text(&documents)
}

fn difference(expected: &str, found: &str) -> String {
    let (expected, found): (Vec<&str>, Vec<&str>) =
        (expected.lines().collect(), found.lines().collect());
    let first = expected
        .iter()
        .zip(&found)
        .take_while(|(one, other)| one == other)
        .count();
    let from = first.saturating_sub(AROUND);
    let part = |lines: &[&str], sign: &str| -> String {
        let shown = lines.iter().enumerate().skip(from).take(2 * AROUND);
        shown
            .map(|(at, line)| format!("{} {line}\n", if at < first { " " } else { sign }))
            .collect()
    };
    format!(
        "from line {}\nexpected\n{}found\n{}",
        first + 1,
        part(&expected, "-"),
        part(&found, "+")
    )
}
