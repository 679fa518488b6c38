//! Questions about clouds: what is asked of workers, and what becomes of their answers.

use gennaker_bus::{Bus, subject};
use gennaker_model::reads::{Answer, Ask, POOL, Question, Refused, Reply, VERSION};
use gennaker_settings::{KubernetesAccount, KubernetesCustomResource};
use serde_json::{Value, json};

use super::Fixture;
use crate::Config;

fn account(name: &str, zone: Option<&str>) -> KubernetesAccount {
    KubernetesAccount {
        name: name.to_owned(),
        zone: zone.map(str::to_owned),
        namespaces: vec!["shop".to_owned()],
        custom_resources: vec![KubernetesCustomResource {
            kubernetes_kind: "Rollout.argoproj.io".to_owned(),
            spinnaker_kind: "serverGroups".to_owned(),
            ..KubernetesCustomResource::default()
        }],
        ..KubernetesAccount::default()
    }
}

async fn fixture(accounts: Vec<KubernetesAccount>) -> Fixture {
    let config = Config {
        kubernetes: accounts,
        ..Config::default()
    };
    Fixture::with(config).await
}

impl Fixture {
    /// A worker that answers for an account.
    async fn serve_account(
        &mut self,
        account: &str,
        answer: impl Fn(Ask) -> Reply + Send + 'static,
    ) {
        let bus = Bus::memory(&self.broker, "worker");
        let mut questions = bus
            .serve(subject::ask(POOL, account), Some("group"))
            .await
            .unwrap();
        self.tasks.spawn(async move {
            let _bus = bus;
            while let Some(question) = questions.next().await {
                let asked: Question = serde_json::from_slice(&question.payload).unwrap();
                let answer = Answer {
                    v: VERSION,
                    reply: answer(asked.ask),
                };
                let payload = serde_json::to_vec(&answer).unwrap();
                question.responder.send(payload.into()).await.unwrap();
            }
        });
    }
}

fn objects(age_ms: Option<u64>) -> Reply {
    let metadata = |name: &str, uid: &str, owner: Option<(&str, &str, &str)>| {
        let owners: Vec<Value> = owner
            .iter()
            .map(|(kind, name, uid)| json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid}))
            .collect();
        json!({
            "name": name, "namespace": "shop", "uid": uid, "creationTimestamp": "2026-01-02T03:04:05Z", "ownerReferences": owners,
            "labels": {"app": "web"},
            "annotations": {"moniker.spinnaker.io/application": "web", "moniker.spinnaker.io/cluster": "deployment web"}
        })
    };
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "registry/web:1"}]}});
    Reply::Objects {
        objects: vec![
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata("web", "1", None), "spec": {"replicas": 1, "template": template}}),
            json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata("web-a1", "2", Some(("Deployment", "web", "1"))), "spec": {"replicas": 1, "template": template}}),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata("web-a1-x", "3", Some(("ReplicaSet", "web-a1", "2"))),
                   "spec": {"containers": [{"name": "c", "image": "registry/web:1"}]},
                   "status": {"phase": "Running", "containerStatuses": [{"name": "c", "ready": true}]}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata("web", "4", None), "spec": {"selector": {"app": "web"}}}),
        ],
        age_ms,
        troubles: Vec::new(),
        left_out: 0,
    }
}

#[tokio::test]
async fn an_application_is_shown_from_all_accounts() {
    let mut fixture = fixture(vec![account("prod", None), account("test", None)]).await;
    fixture.serve_account("prod", |_| objects(None)).await;
    fixture
        .serve_account("test", |_| objects(Some(5_000)))
        .await;
    let clusters = fixture.get("/applications/web/clusters").await;
    assert_eq!(clusters.headers["x-gennaker-age-ms"], "5000");
    assert_eq!(
        clusters.json(),
        json!({"prod": ["deployment web"], "test": ["deployment web"]})
    );
    let groups = fixture
        .ok(
            "GET",
            "/applications/web/serverGroups?clusters=prod:deployment%20web",
            Value::Null,
        )
        .await;
    assert_eq!(groups.as_array().unwrap().len(), 1);
    let group = &groups[0];
    assert_eq!(group["account"], "prod");
    assert_eq!(group["name"], "replicaSet web-a1");
    assert_eq!(group["instanceCounts"]["up"], 1);
    assert_eq!(group["loadBalancers"], json!(["service web"]));
    let one = fixture
        .ok(
            "GET",
            "/applications/web/serverGroups/prod/shop/replicaSet%20web-a1",
            Value::Null,
        )
        .await;
    assert_eq!(one["kind"], "replicaSet");
    let managers = fixture
        .ok("GET", "/applications/web/serverGroupManagers", Value::Null)
        .await;
    assert_eq!(managers[0]["name"], "deployment web");
    let balancers = fixture
        .ok("GET", "/applications/web/loadBalancers", Value::Null)
        .await;
    assert_eq!(balancers.as_array().unwrap().len(), 2);
    let instance = fixture
        .ok("GET", "/instances/prod/shop/3", Value::Null)
        .await;
    assert_eq!(instance["humanReadableName"], "pod web-a1-x");
    let nothing = fixture
        .ok(
            "GET",
            "/applications/web/serverGroups?cloudProvider=aws",
            Value::Null,
        )
        .await;
    assert_eq!(nothing, json!([]));
    let found = fixture
        .ok(
            "GET",
            "/search?q=web-a1&type=instances&type=serverGroups",
            Value::Null,
        )
        .await;
    assert_eq!(found[0]["totalMatches"], 4);
    for (path, message) in [
        (
            "/applications/web/clusters/prod/none",
            "Cluster not found (application: web, account: prod, name: none)",
        ),
        (
            "/applications/web/serverGroups/prod/shop/replicaSet%20none",
            "Server group not found (id: replicaSet none)",
        ),
        (
            "/applications/web/clusters/nobody",
            "Account nobody not found",
        ),
    ] {
        assert_eq!(
            fixture.get(path).await.problem(),
            (404, message.to_owned()),
            "{path}"
        );
    }
    assert_eq!(fixture.get("/serverGroups").await.status, 400);
}

#[tokio::test]
async fn an_application_names_its_clusters_and_is_there_without_them() {
    let mut fixture = fixture(vec![account("prod", None), account("far", Some("z3"))]).await;
    fixture.serve(0).await;
    fixture.serve_account("prod", |_| objects(None)).await;
    let job =
        json!([{"type": "createApplication", "application": {"name": "web", "email": "a@b.io"}}]);
    let task = json!({"application": "web", "description": "Create", "job": job});
    fixture.ok("POST", "/tasks", task).await;
    let shown = fixture.get("/applications/web").await;
    assert_eq!(shown.headers["x-gennaker-missing-accounts"], "far");
    let shown = shown.json();
    assert_eq!(shown["attributes"]["accounts"], "prod");
    assert_eq!(
        shown["clusters"],
        json!({"prod": [{"name": "deployment web", "provider": "kubernetes", "loadBalancers": ["service web"],
                         "serverGroups": ["replicaSet web-a1"]}]})
    );
    let bare = fixture
        .ok("GET", "/applications/web?expand=false", Value::Null)
        .await;
    assert_eq!(bare["clusters"], json!({}));
}

#[tokio::test]
async fn accounts_without_worker_are_named_and_hide_no_other() {
    let mut fixture = fixture(vec![account("prod", None), account("far", Some("z3"))]).await;
    let nobody = fixture.get("/applications/web/clusters").await.problem();
    assert_eq!(
        nobody,
        (
            503,
            "No worker of pool deploy in any zone serves account prod".to_owned()
        )
    );
    fixture.serve_account("prod", |_| objects(None)).await;
    let partial = fixture.get("/applications/web/clusters").await;
    assert_eq!(partial.status, 200);
    assert_eq!(partial.headers["x-gennaker-missing-accounts"], "far");
    assert_eq!(partial.json(), json!({"prod": ["deployment web"]}));
    let one = fixture.get("/manifests/far/shop/deployment%20web").await;
    assert_eq!(one.headers["retry-after"], "1");
    assert_eq!(
        one.problem(),
        (
            503,
            "No worker of pool deploy in zone z3 serves account far".to_owned()
        )
    );
}

#[tokio::test]
async fn refusals_of_workers_have_their_status() {
    for (code, status) in [
        (Refused::NotFound, 404),
        (Refused::Invalid, 400),
        (Refused::Forbidden, 403),
        (Refused::TooLarge, 413),
        (Refused::Unavailable, 503),
        (Refused::Failed, 500),
    ] {
        let mut fixture = fixture(vec![account("prod", None)]).await;
        let refuse = move |_| Reply::Refused {
            code,
            message: "said".to_owned(),
        };
        fixture.serve_account("prod", refuse).await;
        let got = fixture.get("/manifests/prod/shop/deployment%20web").await;
        assert_eq!(got.problem(), (status, "said".to_owned()));
    }
}

#[tokio::test]
async fn questions_say_what_is_wanted() {
    let mut fixture = fixture(vec![account("prod", None)]).await;
    let echo = |ask: Ask| Reply::Value {
        value: serde_json::to_value(ask).unwrap(),
    };
    fixture.serve_account("prod", echo).await;
    for (path, asked) in [
        (
            "/manifests/prod/_/namespace%20shop?includeEvents=false",
            json!({"ask": "manifest", "location": "", "name": "namespace shop", "events": false}),
        ),
        (
            "/manifests/prod/namespace%20shop",
            json!({"ask": "manifest", "location": "", "name": "namespace shop", "events": true}),
        ),
        (
            "/manifests/prod/shop/replicaSet/cluster/web/replicaSet%20web/dynamic/newest",
            json!({"ask": "target", "location": "shop", "kind": "replicaSet", "application": "web",
                   "cluster": "replicaSet web", "criteria": "newest"}),
        ),
        (
            "/manifests/prod/shop/replicaSet/cluster/web/replicaSet%20web",
            json!({"ask": "cluster", "location": "shop", "kind": "replicaSet", "application": "web", "cluster": "replicaSet web"}),
        ),
        (
            "/applications/web/jobs/prod/shop/job%20migrate",
            json!({"ask": "job", "location": "shop", "name": "job migrate"}),
        ),
    ] {
        assert_eq!(fixture.ok("GET", path, Value::Null).await, asked, "{path}");
    }
    let console = fixture
        .ok(
            "GET",
            "/instances/prod/shop/pod%20web/console?provider=kubernetes",
            Value::Null,
        )
        .await;
    assert_eq!(
        console,
        json!({"output": {"ask": "console", "namespace": "shop", "pod": "web"}})
    );
}

#[tokio::test]
async fn accounts_are_listed_also_when_their_clusters_do_not_answer() {
    let open = KubernetesAccount {
        namespaces: Vec::new(),
        ..account("open", None)
    };
    let fixture = fixture(vec![account("prod", None), open]).await;
    let short = fixture.ok("GET", "/credentials", Value::Null).await;
    assert_eq!(short[0]["type"], "kubernetes");
    assert_eq!(short[0].get("namespaces"), None);
    let long = fixture
        .ok("GET", "/credentials?expand=true", Value::Null)
        .await;
    assert_eq!(long[0]["namespaces"], json!(["shop"]));
    assert_eq!(long[1]["namespaces"], json!([]));
    assert_eq!(
        long[0]["spinnakerKindMap"]["Rollout.argoproj.io"],
        "serverGroups"
    );
    assert_eq!(
        fixture.ok("GET", "/credentials/prod", Value::Null).await["accountType"],
        "prod"
    );
    assert_eq!(fixture.get("/credentials/none").await.body, "");
}
