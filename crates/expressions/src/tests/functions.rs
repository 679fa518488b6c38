//! Every function of the reference, on text alone and with the outside.

use serde_json::json;

use super::{DocumentRoot, NOW, check_stage, check_table, execution, shown, table_root};
use crate::{Environment, Evaluation, Lookup, LookupAnswer, evaluate_text, functions};

#[test]
fn conversions() {
    check_table(&[
        ("#toInt('5')", "5"),
        (
            "#toInt('5.0')",
            "ERROR For input string: \"5.0\" - EL1023E: A problem occurred whilst attempting to invoke the function 'toInt': 'For input string: \"5.0\"'",
        ),
        ("#toInt(' 5')", "ERROR For input string: \" 5\""),
        ("#toInt(null)", "ERROR Cannot parse null string"),
        ("#toInt(5)", "5"),
        ("#toInt({5})", "5"),
        ("#toInt({5, 6})", "ERROR For input string: \"5,6\""),
        ("#toFloat('1.5')", "1.5"),
        ("#toFloat('1.1') + ''", "\"1.1\""),
        ("#toBoolean('TRUE')", "true"),
        ("#toBoolean('yes')", "false"),
        ("#toBoolean(null)", "false"),
        ("#toBase64('hello')", "\"aGVsbG8=\""),
        ("#fromBase64('aGVsbG8=')", "\"hello\""),
        ("#fromBase64('aGVsbG8')", "\"hello\""),
        ("#fromBase64('a*b')", "ERROR Illegal base64 character 2a"),
        ("#alphanumerical('a-b_c 1')", "\"abc1\""),
        ("#alphanumerical(5)", "\"5\""),
        ("#fetchReference('x')", "\"x\""),
        (
            "#stage ('x')",
            "ERROR EL1014E: Incorrect number of arguments for function 'stage': 1 supplied but function takes 2",
        ),
        ("#toInt ('5')", "5"),
        (
            "#nope('x')",
            "ERROR EL1006E: Function 'nope' could not be found",
        ),
        ("#currentUser()", "\"anonymous\""),
    ]);
}

#[test]
fn json() {
    check_table(&[
        ("#toJson(m)", "\"{\\\"k\\\":\\\"v\\\"}\""),
        (
            "#toJson({a: null, b: {1.0, true}})",
            "\"{\\\"a\\\":null,\\\"b\\\":[1.0,true]}\"",
        ),
        ("#toJson('x')", "\"\\\"x\\\"\""),
        (
            "#toJson('$' + '{x}')",
            "ERROR result for toJson cannot contain an expression",
        ),
        ("#toJson(#doNotEval('$' + '{x}'))", "\"\\\"${x}\\\"\""),
        ("#toJson(T(java.time.LocalDate).now())", "ERROR EL1023E"),
        ("#toJson(new java.util.Date(5L))", "\"5\""),
        ("#toJson(null)", "\"null\""),
        (
            "#readJson('{\"a\": [1, 2.5, \"x\", null, true]}')",
            "{\"a\":[1,2.5,\"x\",null,true]}",
        ),
        ("#readJson('[1]')", "[1]"),
        ("#readJson(' [1]')", "ERROR #readJson( [1]) failed"),
        ("#readJson('{\"a\": 1} trailing')", "{\"a\":1}"),
        ("#readJson('{\"a\": 1, \"a\": 2}')", "{\"a\":2}"),
        ("#readJson('5')", "ERROR"),
        ("#readJson('null')", "INFO"),
        ("#readJson('{')", "ERROR Unexpected end-of-input"),
        (
            "#readJson('')",
            "ERROR No content to map due to end-of-input",
        ),
        ("#readJson(null)", "ERROR #readJson(null) failed"),
        (
            "#readJson('{\"a\": 123456789012345678901234567890}').a.toString()",
            "\"123456789012345678901234567890\"",
        ),
    ]);
}

#[test]
fn yaml() {
    check_table(&[
        ("#readYaml('a: yes')", "{\"a\":true}"),
        ("#readYaml('a: \"yes\"')", "{\"a\":\"yes\"}"),
        ("#readYaml('a: 012')", "{\"a\":10}"),
        ("#readYaml('a: 2020-01-31')", "{\"a\":1580428800000}"),
        ("#readYaml('x')", "\"x\""),
        ("#readYaml('5')", "5"),
        ("#readYaml('')", "INFO"),
        ("#readYaml('- 1\n- b')", "[1,\"b\"]"),
        (
            "#readYaml('a: 1\n---\nb: 2')",
            "ERROR expected a single document",
        ),
        ("#readAllYaml('a: 1\n---\nb: 2')", "[{\"a\":1},{\"b\":2}]"),
        (
            "#readYaml('a: !!java.io.File x')",
            "ERROR Global tag is not allowed: tag:yaml.org,2002:java.io.File\n in 'string', line 1, column 4:",
        ),
        ("#readYaml('a: [')", "ERROR #readYaml(a: [) failed"),
    ]);
}

#[test]
fn stages() {
    check_stage(
        "6",
        &[
            ("#stage('Bake').name", "\"Bake\""),
            ("#stage('S2').name", "\"Approve\""),
            (
                "#stage('Nope')",
                "ERROR Unable to locate [Nope] using #stage(Nope) in execution 01EXEC",
            ),
            ("#stage('Nope').x", "ERROR EL1023E"),
            ("#stageByRefId('3').name", "\"Deploy\""),
            (
                "#stageByRefId('99')",
                "ERROR Unable to locate [99] using #stageByRefId(99) in execution 01EXEC",
            ),
            (
                "#stageByRefId(null)",
                "ERROR Stage refId must not be null in #stageByRefId in execution 01EXEC",
            ),
            ("#stageExists('Bake')", "true"),
            ("#stageExists('Nope')", "false"),
            ("#currentStage().name", "\"Vars\""),
            ("#currentUser()", "\"ann@example.com\""),
            ("#judgment('Approve')", "\"yes\""),
            ("#judgement('Approve') == 'yes'", "true"),
            (
                "#judgment('S2')",
                "ERROR Unable to locate manual Judgment stage [S2] using #judgment(S2) in execution 01EXEC. Stage doesn't exist",
            ),
            ("#triggerResolvedArtifact('app').reference", "\"app:1.2\""),
            ("#triggerResolvedArtifact('app')['version']", "\"1.2\""),
            (
                "#triggerResolvedArtifact('nope')",
                "ERROR Unable to locate resolved artifact nope in trigger execution 01EXEC.",
            ),
            (
                "#triggerResolvedArtifactByType('docker/image').name",
                "\"app\"",
            ),
            (
                "#resolvedArtifacts()",
                "[{\"type\":\"docker/image\",\"name\":\"web\",\"reference\":\"web@sha\"}]",
            ),
            (
                "#manifestLabelValue('Deploy', 'Deployment', 'version')",
                "\"v7\"",
            ),
            (
                "#manifestLabelValue('Deploy', 'Deployment', 'nope')",
                "ERROR No label of specified key found",
            ),
            (
                "#manifestLabelValue('Deploy', 'ReplicaSet', 'version')",
                "ERROR No manifest of kind ReplicaSet could be found",
            ),
            (
                "#manifestLabelValue('Bake', 'Deployment', 'version')",
                "ERROR A valid Deploy Manifest stage name is required",
            ),
            (
                "#manifestLabelValue('Deploy', 'Pod', 'version')",
                "ERROR Only Deployments and ReplicaSets are valid kinds",
            ),
            ("deployedServerGroups[0].serverGroup", "\"shop-v001\""),
            ("#deployedServerGroups('Servers')[0].ami", "\"ami-1\""),
            ("#deployedServerGroups('Nope')", "[]"),
            (
                "#deployedServerGroups()[0].deployments[0].serverGroup",
                "\"shop-v001\"",
            ),
            ("#deployedServerGroups('S4', 'x').size()", "1"),
            ("#cfServiceKey('x')", "{}"),
            (
                "#stage('a', 'b')",
                "ERROR EL1014E: Incorrect number of arguments for function 'stage': 3 supplied but function takes 2",
            ),
        ],
    );
}

#[test]
fn orchestrations_have_no_execution() {
    let mut execution = execution();
    execution["type"] = json!("ORCHESTRATION");
    let root = DocumentRoot::stage(&execution, "6").unwrap();
    for (text, wanted) in [
        (
            "${#stage('Bake')}",
            "ERROR Failed to evaluate {#stage( #root.execution, 'Bake')} Cannot invoke",
        ),
        ("${execution}", "INFO"),
        ("${trigger}", "INFO"),
        ("${parameters}", "{}"),
        ("${mine}", "\"context\""),
        ("${#currentUser()}", "\"ann@example.com\""),
    ] {
        let got = shown(&evaluate_text(text, &root, &Environment::fixed(NOW, 0)));
        assert!(got.starts_with(wanted), "{text}: {got}");
    }
}

fn with_answers(text: &str, answer: &dyn Fn(&Lookup) -> Option<LookupAnswer>) -> Evaluation {
    let execution = execution();
    let root = DocumentRoot::stage(&execution, "6").unwrap();
    let mut env = Environment::fixed(NOW, 0);
    env.lookups = answer;
    env.artifact_store = true;
    evaluate_text(text, &root, &env)
}

fn found(value: serde_json::Value) -> Option<LookupAnswer> {
    Some(LookupAnswer::Found { value })
}

#[test]
fn unanswered_questions_are_collected_and_leave_the_text() {
    let text = "${#fromUrl('https://a.example/x')} ${#pipelineId('child')}";
    let evaluation = with_answers(text, &|_| None);
    assert_eq!(evaluation.value, text);
    assert_eq!(
        evaluation.needs,
        [Lookup::Url {
            url: "https://a.example/x".into()
        }]
    );
    assert!(evaluation.summary.is_empty() && evaluation.succeeded.is_empty());
    let evaluation = with_answers(text, &|lookup| match lookup {
        Lookup::Url { .. } => found(json!("body")),
        _ => None,
    });
    assert_eq!(
        evaluation.needs,
        [Lookup::Pipeline {
            application: "shop".into(),
            name: "child".into()
        }]
    );
}

#[test]
fn answers_are_used() {
    let answer = |lookup: &Lookup| match lookup {
        Lookup::Url { url } if url.ends_with(".json") => found(json!("{\"a\": 1}")),
        Lookup::Url { url } if url.ends_with(".yaml") => found(json!("a: on")),
        Lookup::Url { url } if url.ends_with(".properties") => {
            found(json!("# c\na=1\nb : two\\\n  lines\nc\\ d=\\u0041\ne"))
        }
        Lookup::Url { url } if url.ends_with("refused") => Some(LookupAnswer::Failed {
            exception: None,
            reason: "HTTP 500".into(),
        }),
        Lookup::Url { .. } => found(json!("text")),
        Lookup::Pipeline { name, .. } if name == "child" => found(json!("id-1")),
        Lookup::Application { name } if name == "shop" => {
            found(json!({"name": "shop", "email": "x@y"}))
        }
        Lookup::CanaryConfig { name, .. } if name == "c" => found(json!("canary-1")),
        Lookup::Reference { uri } if uri.ends_with("known") => found(json!("aGVsbG8=")),
        _ => Some(LookupAnswer::Missing),
    };
    for (text, wanted) in [
        ("${#fromUrl('https://x')}", "\"text\""),
        ("${#jsonFromUrl('https://x.json').a}", "1"),
        ("${#yamlFromUrl('https://x.yaml').a}", "true"),
        (
            "${#propertiesFromUrl('https://x.properties')['b']}",
            "\"twolines\"",
        ),
        (
            "${#propertiesFromUrl('https://x.properties')['c d']}",
            "\"A\"",
        ),
        (
            "${#fromUrl('https://refused')}",
            "ERROR HTTP 500 - EL1023E: A problem occurred whilst attempting to invoke the function 'fromUrl': '#from(https://refused) failed'",
        ),
        ("${#pipelineId('child')}", "\"id-1\""),
        (
            "${#pipelineId('none')}",
            "ERROR Pipeline with name 'none' could not be found on application shop",
        ),
        (
            "${#pipelineId('')}",
            "ERROR pipelineName must be specified for function #pipelineId",
        ),
        ("${#pipelineIdOrNull('none')}", "INFO"),
        (
            "${#pipelineIdOrNull('')}",
            "ERROR pipelineName must be specified",
        ),
        ("${#pipelineIdInApplication('child', 'other')}", "\"id-1\""),
        ("${#pipelineIdInApplication('none', 'other')}", "INFO"),
        (
            "${#pipelineIdInApplication('none', '')}",
            "ERROR applicationName must be specified",
        ),
        ("${#applicationMetadata('shop').email}", "\"x@y\""),
        (
            "${#applicationMetadata('none')}",
            "ERROR Application metadata for application 'none' could not be retrieved",
        ),
        ("${#canaryConfigNameToId('c', 'shop')}", "\"canary-1\""),
        (
            "${#canaryConfigNameToId('d', 'shop')}",
            "ERROR Unable to find config with name d for app shop.",
        ),
        (
            "${#canaryConfigNameToId('', 'shop')}",
            "ERROR Config name is a required field",
        ),
        ("${#fetchReference('ref://shop/known')}", "\"aGVsbG8=\""),
        ("${#fromBase64('ref://shop/known')}", "\"hello\""),
        ("${#fromBase64('ref://shop/none')}", "ERROR not found"),
    ] {
        let got = shown(&with_answers(text, &answer));
        let same = match wanted.strip_prefix("ERROR") {
            Some(part) => got.starts_with("ERROR") && got.contains(part.trim()),
            None => got == wanted,
        };
        assert!(same, "{text}: {got}");
    }
}

#[test]
fn every_function_has_a_description() {
    let all: Vec<_> = functions().collect();
    assert_eq!(all.len(), 34);
    assert!(all.iter().all(|function| !function.description.is_empty()));
    let stage = all
        .iter()
        .find(|function| function.name == "stage")
        .unwrap();
    assert!(stage.execution_aware && stage.arguments == ["idOrName"]);
}

#[test]
fn the_hidden_argument_is_a_replacement_of_text() {
    let root = table_root();
    let env = Environment::fixed(NOW, 0);
    let shown = |text: &str| evaluate_text(text, &root, &env).value;
    assert_eq!(
        shown("see #stage('x') ${a}"),
        "see #stage( #root.execution, 'x') 1"
    );
    assert_eq!(
        shown("the deployedServerGroups ${a}"),
        "the #deployedServerGroups( #root.execution) 1"
    );
    assert_eq!(shown("see #stage('x')"), "see #stage('x')");
}

#[test]
fn a_map_in_the_artifact_store_is_read_when_one_of_its_members_is() {
    let stored = "${{type: 'remote/map/base64', reference: 'ref://shop/map'}";
    let answer = |lookup: &Lookup| match lookup {
        Lookup::Reference { uri } if uri == "ref://shop/map" => {
            found(json!("eyJtZXRhZGF0YSI6eyJuYW1lIjoid2ViIn19"))
        }
        _ => None,
    };
    for (rest, wanted) in [
        (".metadata}", "{\"name\":\"web\"}"),
        (".metadata.name}", "\"web\""),
        (".reference}", "\"ref://shop/map\""),
        ("['type']}", "\"remote/map/base64\""),
        (".kind ?: 'none'}", "\"none\""),
    ] {
        let text = format!("{stored}{rest}");
        assert_eq!(shown(&with_answers(&text, &answer)), wanted, "{text}");
    }
    let unknown = with_answers(&format!("{stored}.kind}}"), &|_| None);
    assert_eq!(unknown.needs.len(), 1);
}
