//! Executions by trigger: filters, order, pages, also where there are more than one look finds.

use gennaker_model::{Execution, ExecutionId, routing};
use serde_json::{Value, json};

use super::Fixture;

/// An execution of pipeline `name`, built at a time.
fn execution(place: u64, name: &str, build_time: i64, trigger: Value) -> Execution {
    let id: ExecutionId = routing::execution_id(build_time, &format!("{name}{}", place % 5), place);
    serde_json::from_value(json!({
        "type": "PIPELINE", "id": id, "application": "demo", "name": name, "pipelineConfigId": name, "buildTime": build_time,
        "status": if place.is_multiple_of(2) { "SUCCEEDED" } else { "TERMINAL" },
        "stages": [{"id": "S", "refId": "1", "requisiteStageRefIds": [], "type": "wait", "name": "n", "status": "SUCCEEDED",
                    "context": {"deep": true}, "outputs": {}, "tasks": []}],
        "authentication": {"user": "u"}, "trigger": trigger,
    }))
    .unwrap()
}

async fn with(documents: impl IntoIterator<Item = Execution>) -> Fixture {
    let fixture = Fixture::new().await;
    for document in documents {
        let id = document.id.as_str().to_owned();
        fixture
            .owner
            .lock()
            .unwrap()
            .executions
            .insert(id, document);
    }
    fixture
}

async fn times(fixture: &Fixture, query: &str) -> Vec<i64> {
    let found = fixture
        .ok("GET", &format!("/executions/search?{query}"), Value::Null)
        .await;
    let found = found.as_array().unwrap().iter();
    found.map(|it| it["buildTime"].as_i64().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn filters_and_pages_as_in_orca() {
    let documents = (0_u64..40).map(|place| {
        let trigger = json!({"type": if place.is_multiple_of(4) { "cron" } else { "webhook" }, "eventId": format!("e{place}"),
                             "payload": {"env": if place.is_multiple_of(10) { "prod" } else { "test" }}});
        execution(place, "deploy", i64::try_from(place).unwrap(), trigger)
    });
    let fixture = with(documents).await;
    let newest: Vec<i64> = (30..40).rev().collect();
    assert_eq!(times(&fixture, "").await, newest);
    for (query, expected) in [
        ("size=3", vec![39, 38, 37]),
        ("size=3&startIndex=2", vec![37, 36, 35]),
        ("size=3&reverse=true", vec![0, 1, 2]),
        ("size=2&reverse=true&startIndex=38", vec![38, 39]),
        ("startIndex=40", vec![]),
        ("triggerTypes=cron,docker&size=3", vec![36, 32, 28]),
        ("triggerTypes=*&size=1", vec![39]),
        ("eventId=e7", vec![7]),
        ("eventId=e77", vec![]),
        ("statuses=TERMINAL&size=2", vec![39, 37]),
        ("statuses=TERMINAL,SUCCEEDED&size=2", vec![39, 38]),
        (
            "triggerTimeStartBoundary=5&triggerTimeEndBoundary=7",
            vec![7, 6, 5],
        ),
        ("triggerTimeEndBoundary=1", vec![1, 0]),
        ("pipelineName=deploy&size=1", vec![39]),
        ("pipelineName=depl", vec![]),
        // {"payload": {"env": "PR.*"}}, with padding and without.
        (
            "trigger=eyJwYXlsb2FkIjogeyJlbnYiOiAiUFIuKiJ9fQ==&size=9",
            vec![],
        ),
        (
            "trigger=eyJwYXlsb2FkIjogeyJlbnYiOiAicHIuKiJ9fQ&size=9",
            vec![30, 20, 10, 0],
        ),
        (
            "trigger=eyJwYXlsb2FkIjogeyJlbnYiOiAicHIuKiJ9fQ&triggerTypes=webhook",
            vec![30, 10],
        ),
    ] {
        assert_eq!(times(&fixture, query).await, expected, "{query}");
        let path = format!("/applications/demo/executions/search?{query}");
        let found = fixture.ok("GET", &path, Value::Null).await;
        assert_eq!(found.as_array().unwrap().len(), expected.len(), "{path}");
    }
    for expand in [true, false] {
        let path = format!("/executions/search?size=1&expand={expand}");
        let found = fixture.ok("GET", &path, Value::Null).await;
        let context = &found[0]["stages"][0]["context"];
        assert_eq!(context.get("deep").is_some(), expand);
    }
    for (query, message) in [
        (
            "size=0",
            "Query parameter size must be a number from 1, not '0'",
        ),
        (
            "startIndex=-1",
            "Query parameter startIndex must be a number from 0, not '-1'",
        ),
        (
            "triggerTimeStartBoundary=-1",
            "triggerTimeStartBoundary must be >= 0",
        ),
        (
            "triggerTimeStartBoundary=5&triggerTimeEndBoundary=4",
            "triggerTimeStartBoundary must be <= triggerTimeEndBoundary",
        ),
        ("statuses=NONE", "No execution status is called 'NONE'"),
        (
            "trigger=e30x",
            "Query parameter trigger must be a JSON object of at most 8192 bytes, in base64",
        ),
    ] {
        let got = fixture.get(&format!("/executions/search?{query}")).await;
        assert_eq!(got.problem(), (400, message.to_owned()), "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_overlooked_where_there_are_more_than_one_look_finds() {
    const COUNT: u64 = 2_400;
    // More than one look of a partition finds, at the same time.
    const AT_ONCE: u64 = 1_800;
    let documents = (0..COUNT).map(|place| {
        let build_time = i64::try_from(place / AT_ONCE).unwrap();
        execution(
            place,
            "deploy",
            build_time,
            json!({"type": "cron", "eventId": format!("e{place}")}),
        )
    });
    let fixture = with(documents).await;
    for place in [0, 1, AT_ONCE - 1, AT_ONCE, COUNT - 1] {
        let found = times(&fixture, &format!("eventId=e{place}")).await;
        assert_eq!(found, [i64::try_from(place / AT_ONCE).unwrap()], "{place}");
    }
    let page = times(&fixture, "size=1000&startIndex=2000").await;
    assert_eq!((page.len(), page.last()), (400, Some(&0)));
    let oldest = times(&fixture, "size=1000&reverse=true").await;
    assert_eq!((oldest.len(), oldest[0], oldest[999]), (1_000, 0, 0));
    let mut seen = std::collections::BTreeSet::new();
    for start in (0..COUNT).step_by(1_000) {
        let path = format!("/executions/search?size=1000&startIndex={start}");
        let page = fixture.ok("GET", &path, Value::Null).await;
        for found in page.as_array().unwrap() {
            assert!(
                seen.insert(found["id"].as_str().unwrap().to_owned()),
                "twice"
            );
        }
    }
    assert_eq!(seen.len(), usize::try_from(COUNT).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_page_far_behind_reads_no_more_documents_than_it_shows() {
    let cron = || json!({"type": "cron"});
    let documents = (0_u64..1_200)
        .map(|place| execution(place, "deploy", i64::try_from(place).unwrap(), cron()));
    let fixture = with(documents).await;
    let listed = || std::mem::take(&mut fixture.owner.lock().unwrap().listed);
    for (query, first, step) in [
        ("size=25&startIndex=1000", 199, -1),
        ("size=25&startIndex=1000&reverse=true", 1_000, 1),
        (
            "size=25&startIndex=1000&pipelineName=deploy&triggerTypes=cron",
            199,
            -1,
        ),
    ] {
        let expected: Vec<i64> = (0..25).map(|place| first + place * step).collect();
        assert_eq!(times(&fixture, query).await, expected, "{query}");
        assert_eq!(listed(), 25, "{query}");
    }
    let path = "/executions/search?size=2&startIndex=1000&expand=true";
    let found = fixture.ok("GET", path, Value::Null).await;
    assert_eq!(found[0]["stages"][0]["context"]["deep"], true);
    assert_eq!(listed(), 2);
    // Beyond the end.
    assert_eq!(times(&fixture, "size=25&startIndex=1190").await.len(), 10);
    assert_eq!(times(&fixture, "size=25&startIndex=5000").await.len(), 0);
}
