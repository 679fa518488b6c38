//! A pipeline that is saved reads back as it was sent, but for what the server may set (reference api 10.5).

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Map, Value, json};

use super::Fixture;

/// What a save may set or change.
const OWN: [&str; 6] = [
    "application",
    "id",
    "index",
    "lastModifiedBy",
    "name",
    "updateTs",
];

/// Any JSON, with numbers at the ends of their ranges and texts that look like something else.
fn anything() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "\\PC{0,12}",
        Just("${parameters.a}".to_owned()),
        Just("${".to_owned()),
        Just("true".to_owned()),
        Just("\u{0}\n\"\\".to_owned()),
        Just("9007199254740993".to_owned()),
    ];
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        Just(json!(i64::MIN)),
        Just(json!(u64::MAX)),
        Just(json!(9_007_199_254_740_993_i64)),
        any::<f64>()
            .prop_filter("JSON has no others", |it| it.is_finite())
            .prop_map(Value::from),
        Just(json!(0.1)),
        Just(json!(1e300)),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("\\PC{0,8}", inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// A list of objects, as stages, triggers and the like must be.
fn objects() -> impl Strategy<Value = Value> {
    let object = prop::collection::vec(("[a-zA-Z.]{0,9}", anything()), 0..5)
        .prop_map(|pairs| Value::from(pairs.into_iter().collect::<Map<_, _>>()));
    prop::collection::vec(object, 0..4).prop_map(Value::from)
}

fn pipeline() -> impl Strategy<Value = Map<String, Value>> {
    let free = ("x[\\PC]{0,8}", anything());
    let listed = (
        prop::sample::select(vec![
            "stages",
            "triggers",
            "parameterConfig",
            "expectedArtifacts",
            "notifications",
        ])
        .prop_map(str::to_owned),
        objects(),
    );
    let known = (
        prop::sample::select(vec![
            "description",
            "roles",
            "locked",
            "tags",
            "appConfig",
            "spelEvaluator",
            "keepWaitingPipelines",
            "limitConcurrent",
            "schemaVersion",
        ])
        .prop_map(str::to_owned),
        anything(),
    );
    let fields = prop::collection::vec(prop_oneof![free, listed, known], 0..12);
    // Wherever the two that must be there stand.
    (fields, any::<prop::sample::Index>()).prop_map(|(mut fields, place)| {
        let place = place.index(fields.len() + 1);
        fields.insert(place, ("name".to_owned(), "deploy".into()));
        fields.insert(place, ("application".to_owned(), "demo".into()));
        fields.into_iter().collect()
    })
}

/// What is compared: without what the server sets, and without nulls at the top, which Front50 leaves out.
fn compared(document: &Map<String, Value>) -> Map<String, Value> {
    document
        .iter()
        .filter(|(key, value)| !OWN.contains(&key.as_str()) && !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[test]
fn a_pipeline_reads_back_as_it_was_saved() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let fixture = runtime.block_on(Fixture::new());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&pipeline(), |sent| {
        let body = Value::Object(sent.clone()).to_string();
        let read = runtime.block_on(async {
            let saved = fixture.call("POST", "/pipelines", &body).await;
            assert_eq!(
                (saved.status.as_u16(), saved.body.as_str()),
                (200, ""),
                "{}",
                saved.body
            );
            let path = "/applications/demo/pipelineConfigs/deploy";
            let read = fixture.ok("GET", path, Value::Null).await;
            let delete = fixture.call("DELETE", "/pipelines/demo/deploy", "").await;
            assert_eq!(delete.status, 200);
            read
        });
        let read = read.as_object().unwrap();
        prop_assert_eq!(&read["name"], "deploy");
        prop_assert!(read["updateTs"].is_string() && read["id"].is_string());
        prop_assert_eq!(compared(&sent), compared(read));
        let added: Vec<&String> = read
            .keys()
            .filter(|key| !sent.contains_key(*key) && !OWN.contains(&key.as_str()))
            .collect();
        prop_assert!(added.is_empty(), "added {:?}", added);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_that_cannot_be_kept_is_refused() {
    let fixture = Fixture::new().await;
    let big = "123456789012345678901234567890";
    let document = format!("{{\"application\": \"demo\", \"name\": \"deploy\", \"x\": {big}}}");
    let refused = (
        400,
        format!("The number {big} has more digits than can be kept; write it as a text"),
    );
    let task =
        format!("{{\"application\": \"demo\", \"job\": [{{\"type\": \"wait\", \"x\": {big}}}]}}");
    for (method, path, body) in [
        ("POST", "/pipelines", document.clone()),
        ("PUT", "/pipelines/i", document.clone()),
        ("POST", "/pipelines/bulksave", format!("[{document}]")),
        ("POST", "/strategies", document.clone()),
        ("PUT", "/strategies/i", document),
        ("POST", "/tasks", task),
    ] {
        let got = fixture.call(method, path, &body).await;
        assert_eq!(got.problem(), refused, "{method} {path}");
    }
}
