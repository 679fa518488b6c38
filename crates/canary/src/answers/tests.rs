//! Questions over the in-memory broker, and a source that is one on paper.

use gennaker_bus::{Bus, Layout, memory::Broker};
use gennaker_outbound::{Options, Policy};
use gennaker_store::CanaryObjects;

use super::*;
use crate::{SourceKind, testing::Recorded};

struct Fixture {
    kayenta: Kayenta,
    _broker: Broker,
}

impl Fixture {
    async fn new(url: &str) -> Self {
        let broker = Broker::new(1);
        let bus = Bus::memory(&broker, "worker");
        bus.bootstrap(&Layout::default()).await.unwrap();
        let storages = Storages::new([Storage {
            name: "results".to_owned(),
            kind: "gennaker",
            place: None,
            objects: CanaryObjects::kv(&bus),
        }]);
        let accounts = Accounts::new([Account::new("prom", SourceKind::Prometheus, url)]);
        let client = Client::new(Policy::trusted(), Options::default()).unwrap();
        Self {
            kayenta: Kayenta::new(&client, &Arc::new(accounts), &storages),
            _broker: broker,
        }
    }

    async fn ask(&self, read: Read) -> (u16, Value) {
        let question = serde_json::to_vec(&Asked { v: VERSION, read }).unwrap();
        let answer = self.kayenta.answer(&question, 1_767_225_600_000).await;
        let answer: Answer = serde_json::from_slice(&answer).unwrap();
        (answer.status, answer.body)
    }

    async fn put(&self, group: Group, id: &str, exists: Option<bool>, body: Value) -> (u16, Value) {
        let put = Read::Put {
            group,
            account: None,
            id: id.to_owned(),
            exists,
            by_id: false,
            body,
        };
        self.ask(put).await
    }

    async fn get(&self, group: Group, id: &str) -> (u16, Value) {
        let get = Read::Get {
            group,
            account: Some("results".to_owned()),
            id: id.to_owned(),
        };
        self.ask(get).await
    }
}

fn pairs() -> Value {
    let scope = json!({"startTimeIso": "2026-01-01T00:00:00Z", "startTimeMillis": 1_767_225_600_000_i64, "stepMillis": 60_000});
    json!([{"name": "errors", "id": "p-0", "tags": {}, "values": {"control": [1.0, 2.2, 1.1, 2.5, 3.0],
        "experiment": [20.0, 22.0, 21.0, 25.0, 30.0]}, "scopes": {"control": scope, "experiment": scope},
        "attributes": {"control": {"query": "q"}, "experiment": {"query": "q"}}}])
}

fn config() -> Map {
    let config = json!({"name": "c", "classifier": {"groupWeights": {"Errors": 100}}, "judge": {"name": "NetflixACAJudge-v1.0"},
        "metrics": [{"name": "errors", "groups": ["Errors"], "scopeName": "default",
            "analysisConfigurations": {"canary": {"direction": "increase"}}}]});
    config.as_object().unwrap().clone()
}

fn judge(judges: &[&str]) -> Read {
    Read::Judge {
        config: config(),
        pairs: "list".to_owned(),
        account: None,
        pass: 95.0,
        marginal: 75.0,
        judges: judges.iter().map(|&it| it.to_owned()).collect(),
        id: "comparison".to_owned(),
    }
}

#[tokio::test]
async fn objects_are_kept_listed_and_deleted() {
    let fixture = Fixture::new("http://h").await;
    let group = Group::MetricPairs;
    assert_eq!(fixture.get(group, "list").await.0, 404);
    assert_eq!(
        fixture.put(group, "list", None, pairs()).await,
        (200, Value::Null)
    );
    assert_eq!(fixture.get(group, "list").await, (200, pairs()));
    let listed = fixture
        .ask(Read::List {
            group,
            account: None,
        })
        .await;
    assert_eq!(
        listed,
        (
            200,
            json!([{"id": "list", "updatedTimestamp": 1_767_225_600_000_i64,
        "updatedTimestampIso": "2026-01-01T00:00:00Z"}])
        )
    );
    let archived = |exists| fixture.put(Group::Archive, "x", exists, json!({}));
    let (status, said) = archived(Some(true)).await;
    assert_eq!(
        (status, said),
        (404, "Archived canary result 'x' does not exist.".into())
    );
    assert_eq!(archived(Some(false)).await.0, 200);
    let (status, said) = archived(Some(false)).await;
    assert_eq!(
        (status, said),
        (400, "Archived canary result 'x' already exists.".into())
    );
    assert_eq!(archived(Some(true)).await.0, 200);
    let delete = |id: &str| Read::Delete {
        group,
        account: None,
        id: id.to_owned(),
    };
    assert_eq!(fixture.ask(delete("list")).await.0, 200);
    assert_eq!(fixture.get(group, "list").await.0, 404);
    let (status, said) = fixture
        .ask(Read::List {
            group,
            account: Some("gone".to_owned()),
        })
        .await;
    assert_eq!(
        (status, said),
        (400, "Unable to resolve account gone.".into())
    );
    assert_eq!(fixture.put(group, "../x", None, json!([])).await.0, 400);
}

#[tokio::test]
async fn stored_pairs_are_judged_and_judges_compared() {
    let fixture = Fixture::new("http://h").await;
    assert_eq!(fixture.ask(judge(&[])).await.0, 404);
    fixture.put(Group::MetricPairs, "list", None, pairs()).await;
    let (status, result) = fixture.ask(judge(&[])).await;
    assert_eq!(status, 200, "{result}");
    assert_eq!(result["results"][0]["classification"], "High");
    assert_eq!(
        result["results"][0]["resultMetadata"]["ratio"],
        12.040816326530614
    );
    let both = ["NetflixACAJudge-v1.0", "GennakerSequential-v1"];
    let answered = fixture.ask(judge(&both)).await;
    assert_eq!(answered, (200, json!({"canaryExecutionId": "comparison"})));
    let (_, stored) = fixture.get(Group::Archive, "comparison").await;
    for (at, name) in ["judge1Result", "judge2Result"].into_iter().zip(both) {
        assert_eq!(stored["comparisonResult"][at]["judgeName"], name);
    }
    let (status, said) = fixture.ask(judge(&["Other-v1"])).await;
    assert_eq!(
        (status, said),
        (400, "Unable to resolve canary judge 'Other-v1'.".into())
    );
}

#[tokio::test]
async fn a_source_is_asked_once_and_what_it_gives_is_stored() {
    let answer = r#"{"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"__name__":"x","pod":"a"},"values":[[1767225600,"1.5"],[1767225660,"NaN"]]}]}}"#;
    let server = Recorded::answering(&[(200, answer)]).await;
    let fixture = Fixture::new(&server.url).await;
    let request = json!({"metric": {"name": "errors", "query": {"type": "prometheus", "metricName": "x",
            "customInlineTemplate": "PromQL:x{app=\"${scope}\"}"}},
        "scope": {"scope": "canary", "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:05:00Z", "step": 60}});
    let fetch = |source: &str, dry_run| Read::Fetch {
        account: None,
        storage: None,
        source: source.to_owned(),
        request: request.as_object().unwrap().clone(),
        id: "sets".to_owned(),
        dry_run,
    };
    let told = fixture.ask(fetch("prometheus", true)).await;
    assert_eq!(told, (200, json!({"query": "x{app=\"canary\"}"})));
    assert!(server.asked().is_empty());
    let told = fixture.ask(fetch("prometheus", false)).await;
    assert_eq!(told, (200, json!({"metricSetListId": "sets"})));
    let (_, sets) = fixture.get(Group::MetricSets, "sets").await;
    assert_eq!(
        sets,
        json!([{"name": "errors", "tags": {"pod": "a"}, "startTimeMillis": 1_767_225_600_000_i64,
        "startTimeIso": "2026-01-01T00:00:00Z", "endTimeMillis": 1_767_225_720_000_i64, "endTimeIso": "2026-01-01T00:02:00Z",
        "stepMillis": 60_000, "values": [1.5, "NaN"], "attributes": {"query": "x{app=\"canary\"}"}}])
    );
    assert_eq!(fixture.ask(fetch("graphite", false)).await.0, 400);
}

#[tokio::test]
async fn names_of_metrics_are_filtered_and_accounts_keep_their_secrets() {
    let names = r#"{"status":"success","data":["up","http_Errors","errors_total"]}"#;
    let server = Recorded::answering(&[(200, names)]).await;
    let fixture = Fixture::new(&server.url).await;
    let metadata = |account: Option<&str>| Read::Metadata {
        account: account.map(str::to_owned),
        filter: Some("ERRORS".to_owned()),
    };
    let expected = json!([{"name": "errors_total"}, {"name": "http_Errors"}]);
    assert_eq!(fixture.ask(metadata(None)).await, (200, expected.clone()));
    assert_eq!(fixture.ask(metadata(Some("prom"))).await, (200, expected));
    assert_eq!(fixture.ask(metadata(Some("x"))).await.0, 400);
    let fixture = Fixture::new("https://user:secret@prometheus.example.com/x?token=secret").await;
    let (_, listed) = fixture.ask(Read::Accounts).await;
    assert_eq!(
        listed[0]["endpoint"]["baseUrl"],
        "https://prometheus.example.com/x"
    );
    assert_eq!(
        (&listed[0]["name"], &listed[1]["name"]),
        (&json!("prom"), &json!("results"))
    );
    assert!(!listed.to_string().contains("secret"));
}

#[tokio::test]
async fn a_question_of_another_release_gets_an_answer() {
    let fixture = Fixture::new("http://h").await;
    for question in [
        "",
        "{",
        r#"{"v": 9, "read": {"read": "accounts"}}"#,
        r#"{"v": 1, "read": {"read": "more"}}"#,
    ] {
        let answer = fixture.kayenta.answer(question.as_bytes(), 0).await;
        let answer: Answer = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer.status, 500, "{question}");
    }
}
