//! `eval` from command line to output.

use std::io::Write;

use serde_json::{Value, json};

use crate::{
    http::scripted::Scripted,
    testing::{NOW, Screen, run},
};

const ID: &str = "01J8ZQ6J2N4T6K0Q1V9R3W5X7Y";

fn execution() -> Value {
    json!({
        "type": "PIPELINE", "id": ID, "application": "shop", "name": "deploy", "status": "RUNNING", "spelEvaluator": "v4",
        "trigger": {"type": "manual", "user": "ann", "parameters": {"env": "prod"}, "payload": {"a": null, "b": 1}},
        "stages": [
            {"id": "a", "refId": "1", "type": "bake", "name": "Bake", "status": "SUCCEEDED", "outputs": {"image": "web:7"}},
            {"id": "b", "refId": "2", "type": "wait", "name": "Wait", "requisiteStageRefIds": ["1"],
             "context": {"waitTime": 5, "huge": 18_446_744_073_709_551_615_u64}}
        ]
    })
}

fn file(document: &Value) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{document}").unwrap();
    file
}

async fn eval(line: &[&str], typed: &str) -> (u8, String, String) {
    let mut screen = Screen::pipe().typing(typed);
    let line: Vec<&str> = std::iter::once("eval")
        .chain(line.iter().copied())
        .collect();
    let code = run(&line, &Scripted::default(), &mut screen).await;
    (code, screen.out(), screen.err())
}

async fn of_stage(stage: &str, line: &[&str]) -> (u8, String, String) {
    let file = file(&execution());
    let path = file.path().to_str().unwrap().to_owned();
    let fixed = ["--execution", &path, "--stage", stage];
    eval(&[line, &fixed].concat(), "").await
}

#[tokio::test]
async fn an_expression_shows_its_form_its_value_and_where_names_came_from() {
    let text = "${image + waitTime}-${parameters.env}-${#stage('Bake').status}-${#stage('Bake').context.image}";
    let (code, out, err) = of_stage("2", &[text]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        format!(
            "{text}
  parsed  (image + waitTime)
  parsed  parameters.env
  parsed  #stage(#root.execution, 'Bake').status
  parsed  #stage(#root.execution, 'Bake').context.image
  value   \"web:75-prod-SUCCEEDED-web:7\"
  from    image       the outputs of stage \"Bake\" (1)
          waitTime    the context of the stage
          parameters  trigger.parameters
          #stage      a function
          execution   execution
          image       the outputs of an ancestor of stage \"Bake\" (1)
"
        )
    );
}

#[tokio::test]
async fn what_is_wrong_is_marked_below_the_character() {
    let (code, out, _) = of_stage("2", &["a: ${#stage('Bake').nope + 1}"]).await;
    assert_eq!(code, 0);
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[2].starts_with("  error   Failed to evaluate a: {#stage"),
        "{out}"
    );
    assert_eq!(lines[3], "          a: ${#stage('Bake').nope + 1}");
    assert_eq!(lines[4], format!("{}^", " ".repeat(10 + 20)));
    let (_, out, _) = of_stage("2", &["missing"]).await;
    assert!(out.contains("null: the text stays as it is"), "{out}");
    assert!(out.contains("missing  nothing has this name"), "{out}");
}

#[tokio::test]
async fn a_document_is_shown_text_by_text_and_whole() {
    let file = file(&execution());
    let path = file.path().to_str().unwrap().to_owned();
    let line = ["--input", "-", "--execution", &path, "--stage", "2"];
    let (code, out, _) = eval(&line, "a: ${waitTime}\nb: [plain, '${image}']\n").await;
    assert_eq!(code, 0);
    assert!(
        out.contains("${waitTime}\n  parsed  waitTime\n  value   5\n"),
        "{out}"
    );
    assert!(
        out.ends_with("{\n \"a\": 5,\n \"b\": [\n  \"plain\",\n  \"web:7\"\n ]\n}\n"),
        "{out}"
    );
}

#[tokio::test]
async fn the_machine_form_has_all_digits_and_the_summary() {
    let (code, out, _) = of_stage("2", &["{huge * 2, 1.0, none}", "-o", "jsonl"]).await;
    assert_eq!(code, 0);
    assert_eq!(
        out,
        "{\"value\":[36893488147419103230,1.0,null],\"summary\":{}}\n"
    );
    let (_, out, _) = of_stage("2", &["none.x", "-o", "json"]).await;
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        answer,
        json!({"value": "${none.x}", "summary": {"none.x": [{
            "level": "ERROR", "timestamp": NOW,
            "exceptionType": "org.springframework.expression.spel.SpelEvaluationException",
            "description": "Failed to evaluate {none.x} EL1007E: Property or field 'x' cannot be found on null"
        }]}})
    );
    let (_, out, _) = of_stage("2", &["image", "-o", "name"]).await;
    assert_eq!(out, "web:7\n");
    let (_, out, _) = of_stage(
        "2",
        &[
            "missing",
            "--strict",
            "-o",
            "jsonpath={.summary.missing[0].level}",
        ],
    )
    .await;
    assert_eq!(out, "ERROR\n");
    let (_, out, _) = of_stage(
        "2",
        &[
            "T(java.time.LocalDate).now().toString()",
            "--zone",
            "Pacific/Kiritimati",
            "-o",
            "name",
        ],
    )
    .await;
    assert_eq!(out, "2025-11-21\n");
}

#[tokio::test]
async fn without_an_execution_literals_and_functions_work() {
    let (code, out, _) = eval(&["#toInt('5') + 1", "-o", "name"], "").await;
    assert_eq!((code, out.as_str()), (0, "6\n"));
    let (code, out, _) = eval(&["#fromUrl('https://x')"], "").await;
    assert_eq!(code, 0);
    assert!(out.contains("not asked: the content of https://x"), "{out}");
}

#[tokio::test]
async fn what_cannot_be_found_is_said() {
    let (code, _, err) = of_stage("22", &["x"]).await;
    assert_eq!(code, 7);
    assert!(
        err.contains("the execution has no stage with refId '22'"),
        "{err}"
    );
    assert_eq!(eval(&["x", "--execution", "/none"], "").await.0, 1);
    assert_eq!(eval(&["x", "--zone", "Nowhere"], "").await.0, 2);
    assert_eq!(eval(&[], "").await.0, 2);
    let list = file(&json!([1]));
    let path = list.path().to_str().unwrap();
    let (code, _, err) = eval(&["x", "--execution", path], "").await;
    assert_eq!(code, 1);
    assert!(
        err.contains("this is no execution: it is no JSON object"),
        "{err}"
    );
}

/// As text: no JSON value of these tests could hold the numbers.
#[tokio::test]
async fn integers_beyond_64_bits_keep_all_their_digits() {
    let line = r#"{"execution": {"stages": [{"refId": "1", "type": "wait", "context": {"h": 123456789012345678901234567890}}]},
        "stage": "1", "input": {"sum": "${h + 1}", "as": [123456789012345678901, "${h}"], "text": "is ${h % 10}"}}"#
        .replace('\n', " ");
    let (code, out, err) = eval(&["--batch"], &line).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        "{\"value\":{\"as\":[123456789012345678901,123456789012345678901234567890],\"sum\":123456789012345678901234567891,\"text\":\"is 0\"},\"summary\":{}}\n"
    );
}

#[tokio::test]
async fn a_batch_answers_every_line_in_order_and_says_which_are_no_cases() {
    let case = |stage: &str, input: Value, allow: bool| {
        json!({"execution": execution(), "stage": stage, "input": input, "allowUnknownKeys": allow})
            .to_string()
    };
    let lines = [
        case(
            "2",
            json!({"f": "${image}", "g": "${trigger.payload}"}),
            true,
        ),
        case("1", json!("${image} ${none}"), true),
        case("2", json!({"f": "${none}"}), false),
        "{\"execution\": [], \"input\": 1}".to_owned(),
        "no case".to_owned(),
        String::new(),
        case("3", json!(1), true),
        json!({"input": ["${1 + 1}"]}).to_string(),
    ];
    let (code, out, err) = eval(&["--batch"], &lines.join("\n")).await;
    assert_eq!(code, 1);
    assert_eq!(err, "error: 3 lines are no cases\n");
    let answers: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 7);
    assert_eq!(
        answers[0],
        json!({"value": {"f": "web:7", "g": {"b": 1}}, "summary": {}})
    );
    assert_eq!(answers[1]["value"], "web:7 ${none}");
    assert_eq!(answers[1]["summary"]["image none"][0]["level"], "INFO");
    assert_eq!(answers[2]["summary"]["none"][0]["level"], "ERROR");
    for at in [3, 4, 5] {
        assert!(answers[at]["error"].is_string(), "{}", answers[at]);
    }
    assert_eq!(answers[6], json!({"value": [2], "summary": {}}));
    assert_eq!(eval(&["--batch"], &lines[0]).await.0, 0);
}

#[tokio::test]
async fn an_execution_of_the_server_is_read_and_functions_ask_it() {
    let server = Scripted::default()
        .on(&format!("GET /pipelines/{ID}"), 200, execution())
        .on(
            "GET /applications/shop/pipelineConfigs/child",
            200,
            json!({"id": "c-1", "name": "child"}),
        );
    let mut screen = Screen::pipe();
    let line = [
        "eval",
        "#pipelineId('child') + parameters.env",
        "--of",
        ID,
        "-o",
        "name",
    ];
    assert_eq!(run(&line, &server, &mut screen).await, 0);
    assert_eq!(screen.out(), "c-1prod\n");
    let mut screen = Screen::pipe();
    let line = [
        "eval",
        "#pipelineIdOrNull('none') ?: 'no'",
        "--of",
        ID,
        "-o",
        "name",
    ];
    assert_eq!(run(&line, &server, &mut screen).await, 0);
    assert_eq!(screen.out(), "no\n");
}
