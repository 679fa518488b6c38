//! Verdicts from files and lines, and what comes out when something is wrong.

use std::io::Write as _;

use clap::Parser;

use crate::{Io, Tools, Verb, testing::Screen};

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

const CONFIG: &str = r#"{"name": "c", "judge": {"name": "NetflixACAJudge-v1.0"}, "classifier": {"groupWeights": {"Errors": 60, "Latency": 40}},
    "metrics": [{"name": "errors", "groups": ["Errors"], "analysisConfigurations": {"canary": {"direction": "increase"}}},
                {"name": "latency", "groups": ["Latency"]}]}"#;
const PAIRS: &str = r#"[
    {"name": "errors", "id": "1", "tags": {}, "values": {"experiment": [20, 22, 21, 25, 30], "control": [1, 2.2, 1.1, 2.5, 3]}},
    {"name": "latency", "id": "2", "tags": {}, "values": {"experiment": [10, 12, 14, 16, 18, 20], "control": [9, 11, 13, 15, 17, 19]}}]"#;

fn run(arguments: &[&str], io: &mut Io) -> u8 {
    let line = Line::try_parse_from(["gennaker"].iter().chain(arguments)).unwrap();
    crate::run_blocking(line.verb, &Tools::default(), io).unwrap()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn a_verdict_on_files_in_every_form() {
    let (config, pairs) = (file(CONFIG), file(PAIRS));
    let (config, pairs) = (
        config.path().to_str().unwrap(),
        pairs.path().to_str().unwrap(),
    );
    let said = |more: &[&str]| {
        let mut screen = Screen::pipe();
        let mut arguments = vec!["canary", "judge", "--config", config, "--metrics", pairs];
        arguments.extend(more);
        let code = run(&arguments, &mut screen.io);
        (code, screen.out(), screen.err())
    };
    let (code, out, err) = said(&[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        "errors  High: errors was classified as High\nlatency  Pass\n40.0  Fail\n"
    );
    let (_, out, _) = said(&["-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        document["score"],
        serde_json::json!({"score": 40.0, "classification": "Fail", "classificationReason": ""})
    );
    assert_eq!(
        document["results"][0]["resultMetadata"]["ratio"],
        12.040_816_326_530_614
    );
    assert!(
        out.starts_with("{\n \"judgeName\": \"NetflixACAJudge-v1.0\""),
        "{out}"
    );
    assert_eq!(said(&["-o", "name"]).1, "Fail\n");
    assert_eq!(said(&["-o", "jsonpath={.score.score}"]).1, "40\n");
    assert_eq!(said(&["--exit-code"]).0, 3);
    let (code, out, _) = said(&["--exit-code", "--pass", "40", "-o", "name"]);
    assert_eq!((code, out.as_str()), (0, "Pass\n"));
    assert_eq!(
        said(&["--pass", "50", "--marginal", "30", "-o", "name"]).1,
        "Marginal\n"
    );
    let (_, out, _) = said(&["--judge", "GennakerSequential-v1", "-o", "jsonl"]);
    assert!(
        out.contains("\"evidence\":{\"verdict\":\"undecided\""),
        "{out}"
    );
    let (code, _, err) = said(&["--judge", "x"]);
    assert_eq!(
        (code, err.as_str()),
        (1, "error: Unable to resolve canary judge 'x'.\n")
    );
}

#[test]
fn a_batch_answers_line_by_line_and_stops_at_none() {
    let case = format!(
        r#"{{"canaryConfig": {CONFIG}, "scoreThresholds": {{"pass": 95, "marginal": 75}}, "metricSetPairList": {PAIRS}}}"#
    )
    .replace('\n', " ");
    let quoted = case.replace("\"direction\": \"increase\"", "\"critical\": \"true\"");
    let other = case.replace("NetflixACAJudge-v1.0", "judge-of-mine");
    let input = format!("{case}\nnot json\n\n{quoted}\r\n{other}\n{case}");
    let mut screen = Screen::pipe().typing(&input);
    assert_eq!(run(&["canary", "judge", "--batch"], &mut screen.io), 0);
    let out = screen.out();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 6, "{out}");
    assert!(lines[0].starts_with(
        r#"{"judgeName":"NetflixACAJudge-v1.0","results":[{"name":"errors","tags":{},"id":"1","#
    ));
    assert!(
        lines[0].ends_with(
            r#""score":{"score":40.0,"classification":"Fail","classificationReason":""}}"#
        )
    );
    assert!(
        lines[1].starts_with(r#"{"error":"the document is no JSON"#),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].starts_with(r#"{"error":"the document is no JSON: EOF"#),
        "{}",
        lines[2]
    );
    let cast = "critical of metric errors: class java.lang.String cannot be cast to class java.lang.Boolean";
    assert_eq!(lines[3], format!(r#"{{"error":"{cast}"}}"#));
    assert_eq!(
        lines[4],
        r#"{"error":"Unable to resolve canary judge 'judge-of-mine'."}"#
    );
    assert_eq!(lines[5], lines[0]);
    let from_file = file(&input);
    let mut screen = Screen::pipe();
    let name = from_file.path().to_str().unwrap();
    assert_eq!(
        run(&["canary", "judge", "--batch", name], &mut screen.io),
        0
    );
    assert_eq!(screen.out(), out);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let mut screen = Screen::pipe();
    let code = run(
        &[
            "canary",
            "judge",
            "--config",
            "/nowhere",
            "--metrics",
            "/nowhere",
        ],
        &mut screen.io,
    );
    assert_eq!(
        (code, screen.err().as_str()),
        (
            1,
            "error: cannot read /nowhere: no such file or directory\n"
        )
    );
    let config = file("[]");
    let mut screen = Screen::pipe();
    let name = config.path().to_str().unwrap();
    run(
        &["canary", "judge", "--config", name, "--metrics", "-"],
        &mut screen.io,
    );
    assert!(
        screen
            .err()
            .contains("canaryConfig: a list where an object is needed"),
        "{}",
        screen.err()
    );
}
