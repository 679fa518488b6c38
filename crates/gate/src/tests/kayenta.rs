//! Kayenta's own API, with a worker that answers as it is told.

use std::sync::{Arc, Mutex};

use axum::{body::Body, http::Request};
use gennaker_bus::{Bus, subject};
use gennaker_model::canary_reads::{Answer, Group, POOL, Question, Read, VERSION, place};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Fixture, Got};

type Seen = Arc<Mutex<Vec<Read>>>;

/// A gate beside a worker that answers everything with `body`, but 404 for what is called `gone`.
async fn fixture(status: u16, body: Value) -> (Fixture, Seen) {
    let mut fixture = Fixture::new().await;
    let seen = Seen::default();
    let bus = Bus::memory(&fixture.broker, "worker");
    let mut questions = bus
        .serve(subject::ask(POOL, &place(None)), None)
        .await
        .unwrap();
    let asked = Arc::clone(&seen);
    fixture.tasks.spawn(async move {
        while let Some(question) = questions.next().await {
            let Question { read, .. } = serde_json::from_slice(&question.payload).unwrap();
            let is_gone =
                matches!(&read, Read::Get { id, .. } | Read::Series { id, .. } if id == "gone");
            let answer = Answer {
                v: VERSION,
                status: if is_gone { 404 } else { status },
                body: if is_gone {
                    json!("nothing is there")
                } else {
                    body.clone()
                },
            };
            asked.lock().unwrap().push(read);
            let answer = serde_json::to_vec(&answer).unwrap();
            question.responder.send(answer.into()).await.unwrap();
        }
    });
    (fixture, seen)
}

#[tokio::test(start_paused = true)]
async fn objects_are_read_and_written_by_a_worker() {
    let (fixture, seen) = fixture(200, json!([{"id": "p-0"}, {"id": "p-1"}])).await;
    let list = "/kayenta/metricSetPairList";
    fixture
        .ok("GET", &format!("{list}?accountName=mine"), Value::Null)
        .await;
    let pair = fixture
        .ok("GET", &format!("{list}/one/p-1"), Value::Null)
        .await;
    assert_eq!(pair, json!({"id": "p-1"}));
    let (status, message) = fixture.get(&format!("{list}/one/p-2")).await.problem();
    assert_eq!(
        (status, message.as_str()),
        (404, "Metric set pair 'p-2' of list 'one' not found.")
    );
    assert_eq!(
        fixture.get(&format!("{list}/gone")).await.problem(),
        (404, "nothing is there".to_owned())
    );
    let made = fixture.ok("POST", list, json!([])).await;
    assert_eq!(made["metricSetPairListId"].as_str().unwrap().len(), 36);
    assert_eq!(fixture.call("POST", list, "{}").await.problem().0, 400);
    let deleted = fixture.call("DELETE", &format!("{list}/one"), "").await;
    assert_eq!((deleted.status.as_u16(), deleted.body.as_str()), (204, ""));
    let kept = fixture
        .ok(
            "POST",
            "/kayenta/canaryResultArchive?pipelineId=x",
            json!({"a": 1}),
        )
        .await;
    assert_eq!(kept, json!({"pipelineId": "x"}));
    let seen = seen.lock().unwrap();
    assert_eq!(
        seen[0],
        Read::List {
            group: Group::MetricPairs,
            account: Some("mine".to_owned())
        }
    );
    assert!(
        matches!(
            &seen[6],
            Read::Put {
                group: Group::Archive,
                exists: Some(false),
                by_id: true,
                ..
            }
        ),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fetch_is_a_metric_and_one_side_of_a_scope() {
    let (fixture, seen) = fixture(200, json!({"metricSetListId": "x"})).await;
    let path = "/kayenta/fetch/prometheus/query?metricSetName=errors&metricName=x&groupByFields=a,b&scope=s&step=30\
        &start=2026-01-01T00:00:00Z&end=2026-01-01T01:00:00Z&customFilter=PromQL:y&dryRun=true";
    fixture.ok("POST", path, Value::Null).await;
    let Read::Fetch {
        source,
        request,
        dry_run,
        ..
    } = seen.lock().unwrap()[0].clone()
    else {
        panic!("another question");
    };
    assert_eq!((source.as_str(), dry_run), ("prometheus", true));
    assert_eq!(
        Value::Object(request),
        json!({"metric": {"name": "errors", "query": {"type": "prometheus", "metricName": "x", "groupByFields": ["a", "b"],
            "customInlineTemplate": "PromQL:y"}}, "templates": null, "scope": {"scope": "s", "location": null, "step": 30,
            "extendedScopeParams": {}, "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z"}})
    );
    let without = fixture
        .call(
            "POST",
            "/kayenta/fetch/prometheus/query?metricSetName=x",
            "",
        )
        .await;
    assert_eq!(
        without.problem().1,
        "Required parameter 'start' is not present."
    );
}

#[tokio::test(start_paused = true)]
async fn judging_needs_a_configuration_pairs_and_thresholds() {
    let (fixture, seen) = fixture(200, json!({"score": {}})).await;
    let path =
        |more: &str| format!("/kayenta/judges/judge?metricSetPairListId=p&passThreshold=95{more}");
    let said = |path: String| {
        let fixture = &fixture;
        async move { fixture.call("POST", &path, "").await.problem() }
    };
    assert_eq!(
        said(path("")).await.1,
        "Required parameter 'canaryConfigId' is not present."
    );
    assert_eq!(
        said(path("&canaryConfigId=c&marginalThreshold=1")).await.0,
        404
    );
    let config = json!({"id": "c", "name": "c", "applications": ["demo"]});
    fixture.ok("POST", "/kayenta/canaryConfig", config).await;
    assert_eq!(
        said(path("&canaryConfigId=c&marginalThreshold=NaN"))
            .await
            .0,
        400
    );
    fixture
        .ok(
            "POST",
            &path("&canaryConfigId=c&marginalThreshold=75.5"),
            Value::Null,
        )
        .await;
    assert!(
        matches!(&seen.lock().unwrap()[0], Read::Judge { judges, marginal, .. } if judges.is_empty() && *marginal == 75.5)
    );
    let both = "/kayenta/judges/comparison?canaryConfigId=c&metricSetPairListId=p&passThreshold=95&marginalThreshold=75";
    assert_eq!(
        said(both.to_owned()).await.1,
        "Required parameter 'overrideCanaryJudge1' is not present."
    );
    let deleted = fixture.call("DELETE", "/kayenta/canaryConfig/c", "").await;
    assert_eq!(deleted.status.as_u16(), 204);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_execution_any_more_is_looked_for_in_storage() {
    let archive = json!({"pipelineId": "01AA", "complete": true});
    let (fixture, seen) = fixture(200, archive.clone()).await;
    for path in [
        "/v2/canaries/canary/01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "/kayenta/canary/01ARZ3NDEKTSV4RRFFQ69G5FAV?storageAccountName=mine",
        "/kayenta/canary/of-another-kayenta",
        "/kayenta/standalone_canary_analysis/01ARZ3NDEKTSV4RRFFQ69G5FAV",
    ] {
        assert_eq!(
            fixture.ok("GET", path, Value::Null).await,
            archive,
            "{path}"
        );
    }
    assert_eq!(
        fixture.get("/kayenta/canary/gone").await.problem(),
        (404, "Canary execution 'gone' not found.".to_owned())
    );
    let seen = seen.lock().unwrap();
    assert!(
        matches!(&seen[1], Read::Get { group: Group::Archive, account: Some(account), .. } if account == "mine")
    );
    assert!(matches!(
        &seen[3],
        Read::Get {
            group: Group::StandaloneArchive,
            ..
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn standalone_analyses_are_checked_before_they_start() {
    let (fixture, _seen) = fixture(200, Value::Null).await;
    let config = json!({"name": "c", "applications": ["demo"], "metrics": [{"name": "m", "scopeName": "default"}]});
    let scope = json!({"controlScope": "a", "experimentScope": "b"});
    let thresholds = json!({"pass": 95, "marginal": 75});
    let said = |request: Value| {
        let (fixture, config) = (&fixture, &config);
        async move {
            let body = json!({"canaryConfig": config, "executionRequest": request});
            let got = fixture
                .call(
                    "POST",
                    "/kayenta/standalone_canary_analysis",
                    &body.to_string(),
                )
                .await;
            got.problem().1
        }
    };
    for (request, message) in [
        (
            json!({"thresholds": thresholds}),
            "Canary stage configuration must contain at least one scope.",
        ),
        (
            json!({"thresholds": thresholds, "scopes": [7]}),
            "Canary stage configuration must contain at least one scope.",
        ),
        (
            json!({"scopes": [scope]}),
            "Execution request must contain thresholds",
        ),
        (
            json!({"scopes": [scope], "thresholds": thresholds}),
            "Canary stage configuration must include either `endTime` or `lifetimeDuration`.",
        ),
        (
            json!({"scopes": [scope], "thresholds": thresholds, "lifetimeDurationMins": "soon"}),
            "lifetimeDurationMins must be a number of minutes, and is \"soon\"",
        ),
        (
            json!({"scopes": [{"scopeName": "x"}], "thresholds": thresholds, "lifetimeDurationMins": 5}),
            "Canary metrics require scopes which were not provided in the execution request: [default]",
        ),
    ] {
        assert_eq!(said(request).await, message);
    }
    let body = json!({"canaryConfig": config, "executionRequest":
        {"scopes": [scope], "thresholds": thresholds, "lifetimeDurationMins": 5}});
    let path = "/kayenta/standalone_canary_analysis?application=demo&user=me";
    let started = fixture.ok("POST", path, body).await;
    let id = started["canaryAnalysisExecutionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let view = fixture
        .ok(
            "GET",
            &format!("/kayenta/standalone_canary_analysis/{id}"),
            Value::Null,
        )
        .await;
    assert_eq!(
        (&view["pipelineId"], &view["application"]),
        (&json!(id), &json!("demo")),
        "{view}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_port_of_its_own_has_the_addresses_at_its_root_and_no_others() {
    let (fixture, _seen) = fixture(200, json!([])).await;
    let router = fixture.gate.kayenta_router(true);
    let get = |path: &'static str| {
        let router = router.clone();
        async move {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            let response = router.oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            Got {
                status: parts.status,
                headers: parts.headers,
                body: String::from_utf8(body.to_vec()).unwrap(),
            }
        }
    };
    assert_eq!(
        get("/judges").await.json()[0]["name"],
        "NetflixACAJudge-v1.0"
    );
    assert_eq!(get("/canaryConfig?application=x").await.json(), json!([]));
    assert_eq!(get("/credentials").await.json(), json!([]));
    assert_ne!(get("/health").await.status, 404);
    for path in [
        "/version",
        "/applications",
        "/kayenta/judges",
        "/",
        "/v2/canaryConfig",
        "//judges",
    ] {
        assert_eq!(get(path).await.status, 404, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_worker_it_says_so() {
    let fixture = Fixture::new().await;
    for path in [
        "/kayenta/credentials",
        "/v2/canaries/credentials",
        "/v2/canaries/series/x",
        "/kayenta/metadata/metricsService",
    ] {
        let (status, message) = fixture.get(path).await.problem();
        assert_eq!(status, 503, "{path}");
        assert!(message.starts_with("No worker of pool canary"), "{message}");
    }
}
