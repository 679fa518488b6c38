//! Canary analysis over a real Prometheus that scrapes three small services: a baseline, a canary that is as good, and one with
//! five percent more errors.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use gennaker_testkit::s3;
use gennaker_tests::gate::Gate;
use gennaker_tests::http::send;
use gennaker_tests::installation::Installation;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest time of anything here: a task whose worker is gone is given to another after 30 s.
const WITHIN: Duration = Duration::from_secs(150);
/// Seconds of metrics that are compared, one point each: the shortest canary.
const SECONDS: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_passes_bad_fails_nothing_follows_the_policy_and_a_killed_worker_changes_nothing() {
    let mut prometheus = Prometheus::start(&[("base", 2), ("good", 2), ("bad", 7)]);
    let s3 = s3::Server::start();
    let (key, secret) = s3.credentials();
    let settings = format!(
        "[[canary.accounts]]\nname = \"prom\"\ntype = \"prometheus\"\nurl = \"http://{}\"\n\n\
         [[canary.storage]]\nname = \"results\"\nbackend = \"s3\"\ns3 = {{ bucket = \"spinnaker\", endpoint = \"{}\", \
         access_key_id = \"{key}\", secret_access_key = \"{secret}\" }}\n",
        prometheus.address,
        s3.endpoint()
    );
    let mut installation =
        Installation::start_with_pools(1, &["canary", "notify"], &settings).await;
    let gate = installation.gate;
    let query = |of: &str| format!("sum(increase({of}{{app=\"${{scope}}\"}}[5s]))");
    let query = format!(
        "PromQL:{}/{}",
        query("errors_total"),
        query("requests_total")
    );
    let config = json!({"id": "errors-of-shop", "name": "errors", "applications": ["shop"], "configVersion": "1",
        "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}}, "classifier": {"groupWeights": {"Errors": 100}},
        "metrics": [{"name": "error rate", "groups": ["Errors"], "scopeName": "default",
            "query": {"type": "prometheus", "customInlineTemplate": query},
            "analysisConfigurations": {"canary": {"direction": "increase"}}}]});
    let made = gate
        .ask("POST", "/v2/canaryConfig", Some(&config), None)
        .await;
    assert_eq!(made["canaryConfigId"], "errors-of-shop");

    let window = prometheus.window().await;
    let run = |experiment: &'static str| {
        let window = window.clone();
        async move {
            let canary = json!({"canaryConfigName": "errors", "metricsAccountName": "prom",
                "scopes": [{"controlScope": "base", "experimentScope": experiment, "step": 1,
                    "startTimeIso": window.0, "endTimeIso": window.1}],
                "scoreThresholds": {"marginal": "50", "pass": 75}});
            let stages = json!([{"refId": "1", "requisiteStageRefIds": [], "type": "kayentaCanary", "name": "Canary",
                "analysisType": "retrospective", "canaryConfig": canary}]);
            let pipeline = json!({"application": "shop", "name": experiment, "stages": stages});
            let started = gate
                .ask("POST", "/pipelines/start", Some(&pipeline), None)
                .await;
            started["ref"]
                .as_str()
                .unwrap()
                .trim_start_matches("/pipelines/")
                .to_owned()
        }
    };

    let good = gate.wait_for_end(&run("good").await, WITHIN).await;
    assert_eq!(good["status"], "SUCCEEDED", "{good}");
    assert_eq!(
        stage(&good, "kayentaCanary")["context"]["canaryScores"],
        json!([100.0])
    );
    let verdict =
        stage(&good, "runCanary")["outputs"]["canaryAnalysis"]["result"]["judgeResult"].clone();
    assert_eq!(verdict["results"][0]["classification"], "Pass");
    check_stored(gate, &good, &verdict).await;

    let bad = gate.wait_for_end(&run("bad").await, WITHIN).await;
    assert_eq!(bad["status"], "TERMINAL", "{bad}");
    let analysis = stage(&bad, "runCanary");
    let result = &analysis["outputs"]["canaryAnalysis"]["result"]["judgeResult"]["results"][0];
    assert_eq!(
        result["classificationReason"], "error rate was classified as High",
        "{result}"
    );
    let id = analysis["context"]["canaryPipelineExecutionId"]
        .as_str()
        .unwrap();
    let found = gate
        .ask("GET", &format!("/v2/canaries/canary/{id}"), None, None)
        .await;
    assert_eq!(
        (&found["complete"], &found["status"]),
        (&json!(true), &json!("succeeded"))
    );
    assert_eq!(
        found["result"]["judgeResult"]["score"]["classification"],
        "Fail"
    );

    standalone(gate, &config, &window).await;

    let absent = gate.wait_for_end(&run("absent").await, WITHIN).await;
    assert_eq!(absent["status"], "TERMINAL");
    let score =
        &stage(&absent, "runCanary")["outputs"]["canaryAnalysis"]["result"]["judgeResult"]["score"];
    assert_eq!(
        score["classificationReason"],
        "Canary Failed: 50% or more metrics returned NODATA"
    );

    // Both workers are killed while Prometheus keeps the one with the task waiting.
    prometheus.signal("STOP");
    let again = run("good").await;
    gate.wait_for(&again, "the analysis runs", WITHIN, |document| {
        stage(document, "runCanary")["tasks"][0]["status"] == "RUNNING"
    })
    .await;
    for name in ["worker-a", "worker-b"] {
        installation.process(name).kill_9();
    }
    prometheus.signal("CONT");
    for name in ["worker-a", "worker-b"] {
        installation.process(name).start_again();
    }
    let again = gate.wait_for_end(&again, WITHIN).await;
    assert_eq!(again["status"], "SUCCEEDED", "{again}");
    let mut repeated =
        stage(&again, "runCanary")["outputs"]["canaryAnalysis"]["result"]["judgeResult"].clone();
    repeated["results"][0]["id"] = verdict["results"][0]["id"].clone();
    assert_eq!(repeated, verdict);
    let listed = gate
        .ask("GET", "/kayenta/canaryResultArchive", None, None)
        .await;
    // Good, bad, the one of the standalone analysis, without data, and good again: a repetition leaves nothing behind.
    assert_eq!(listed.as_array().unwrap().len(), 5, "{listed}");
    installation.check_processes();
}

/// What lies in storage is what the stage shows, and a picture can be made of it.
async fn check_stored(gate: Gate, execution: &Value, verdict: &Value) {
    let analysis = stage(execution, "runCanary");
    let link = |name: &str| analysis["context"][name].as_str().unwrap().to_owned();
    let id = link("canaryExecutionId");
    assert_eq!(id, link("canaryPipelineExecutionId"));
    assert_eq!(link("storageAccountName"), "results");
    let get = |path: String| async move { gate.ask("GET", &path, None, None).await };
    let archive = get(format!(
        "/kayenta/canaryResultArchive/{id}?accountName=results"
    ))
    .await;
    assert_eq!(&archive["result"]["judgeResult"], verdict);
    assert_eq!(
        archive["config"]["metrics"][0]["query"]["customInlineTemplate"]
            .as_str()
            .unwrap()
            .matches("$\\{scope}")
            .count(),
        2
    );
    assert_eq!(get(format!("/v2/canaries/canary/{id}")).await, archive);
    let list = link("metricSetPairListId");
    assert_eq!(archive["metricSetPairListId"], *list);
    let pairs = get(format!("/v2/canaries/metricSetPairList/{list}")).await;
    assert_eq!(pairs[0]["id"], verdict["results"][0]["id"]);
    let points = pairs[0]["values"]["experiment"].as_array().unwrap().len();
    let judged = &verdict["results"][0]["experimentMetadata"]["stats"]["count"];
    assert_eq!(*judged, points, "{pairs}");
    let picture = get(format!("/v2/canaries/series/{id}")).await;
    let metric = &picture["metrics"][0];
    assert_eq!(metric["classification"], "Pass");
    assert_eq!(metric["control"]["values"], pairs[0]["values"]["control"]);
    assert_eq!(
        picture["scoreThresholds"],
        json!({"pass": 75, "marginal": 50})
    );
    // Judged again from what is stored, it is the same.
    let again = format!(
        "/kayenta/judges/judge?canaryConfigId=errors-of-shop&metricSetPairListId={list}&passThreshold=75&marginalThreshold=50"
    );
    let again = gate.ask("POST", &again, None, None).await;
    assert_eq!(again, *verdict);
    let accounts = get("/v2/canaries/credentials".to_owned()).await;
    assert_eq!(accounts[1]["bucket"], "spinnaker");
    let metrics = get("/v2/canaries/metadata/metricsService?filter=ERRORS".to_owned()).await;
    assert_eq!(metrics, json!([{"name": "errors_total"}]));
    let runs = get("/v2/canaries/shop/executions".to_owned()).await;
    assert_eq!(runs[0]["pipelineId"], *id);
}

/// A canary without a pipeline, whose verdict is kept although it fails.
async fn standalone(gate: Gate, config: &Value, window: &(String, String)) {
    let request = json!({"scopes": [{"controlScope": "base", "experimentScope": "bad", "step": 1, "startTimeIso": window.0,
        "endTimeIso": window.1}], "thresholds": {"pass": 95.5, "marginal": 75.5}});
    let body = json!({"canaryConfig": config, "executionRequest": request});
    let path = "/kayenta/standalone_canary_analysis?application=shop&metricsAccountName=prom";
    let started = gate.ask("POST", path, Some(&body), None).await;
    let id = started["canaryAnalysisExecutionId"].as_str().unwrap();
    let path = format!("/kayenta/standalone_canary_analysis/{id}");
    let until = Instant::now() + WITHIN;
    let ended = loop {
        let view = gate.ask("GET", &path, None, None).await;
        if view["complete"] == true {
            break view;
        }
        assert!(Instant::now() < until, "{view}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let result = &ended["canaryAnalysisExecutionResult"];
    assert_eq!(ended["executionStatus"], "TERMINAL", "{ended}");
    assert_eq!(
        result["canaryScoreMessage"],
        "Final canary score 0.0 is not above the marginal score threshold."
    );
    let judged = &result["canaryExecutionResults"][0]["result"]["judgeResult"];
    assert_eq!(
        judged["results"][0]["classificationReason"],
        "error rate was classified as High"
    );
}

fn stage<'d>(document: &'d Value, kind: &str) -> &'d Value {
    let stages = document["stages"].as_array().unwrap();
    stages
        .iter()
        .find(|stage| stage["type"] == kind)
        .unwrap_or(&Value::Null)
}

/// A Prometheus and the services that it scrapes every second.
struct Prometheus {
    address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl Prometheus {
    fn start(services: &[(&'static str, u64)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let targets: Vec<String> = services
            .iter()
            .map(|(name, percent)| format!("'{}'", service(name, *percent)))
            .collect();
        let file = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: services\n  static_configs: [{{targets: [{}]}}]\n",
            targets.join(", ")
        );
        std::fs::write(&file, text).unwrap();
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap();
        let program = std::env::var_os("GENNAKER_PROMETHEUS")
            .map_or_else(|| PathBuf::from("prometheus"), PathBuf::from);
        let process = Command::new(&program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = process.unwrap_or_else(|error| {
            panic!(
                "{} cannot be started ({error}): run `cargo xtask tools prometheus`",
                program.display()
            )
        });
        Self {
            address,
            process,
            _folder: folder,
        }
    }

    /// Start and end of the last seconds, once all of them have been scraped.
    async fn window(&self) -> (String, String) {
        let until = Instant::now() + WITHIN;
        let query = format!(
            "/api/v1/query?query=min(count_over_time(requests_total%5B{}s%5D))",
            SECONDS + 10
        );
        loop {
            let answer = send(self.address, "GET", &query, &[], b"").await;
            let count = answer.ok().and_then(|answer| {
                let body: Value = serde_json::from_str(&answer.text()).ok()?;
                body["data"]["result"][0]["value"][1]
                    .as_str()?
                    .parse::<u64>()
                    .ok()
            });
            if count.is_some_and(|count| count > SECONDS + 6) {
                break;
            }
            assert!(
                Instant::now() < until,
                "Prometheus has not scraped enough: {count:?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        (iso(now - SECONDS), iso(now))
    }

    fn signal(&mut self, signal: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", signal, &id])
            .status()
            .unwrap();
        assert!(sent.success());
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A service with 100 requests a scrape, of which `percent` and up to twice as many fail; the same at every run.
fn service(name: &'static str, percent: u64) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut requests, mut errors) = (0_u64, 0_u64);
        for connection in listener.incoming().flatten() {
            requests += 100;
            errors += percent + (requests / 100 * 7 + percent) % (percent + 1);
            answer(connection, name, requests, errors);
        }
    });
    address
}

fn answer(mut connection: TcpStream, name: &str, requests: u64, errors: u64) {
    let mut head = [0_u8; 4096];
    let _ = connection.read(&mut head);
    let mut body = String::new();
    for (family, value) in [("requests_total", requests), ("errors_total", errors)] {
        writeln!(
            body,
            "# TYPE {family} counter\n{family}{{app=\"{name}\"}} {value}"
        )
        .unwrap();
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = connection.write_all((head + &body).as_bytes());
}

/// An instant of this day's seconds in ISO format.
fn iso(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's civil_from_days, for days after 1970.
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
