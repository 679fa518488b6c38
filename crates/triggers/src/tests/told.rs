//! What workers tell of builds before their triggers are matched.

use gennaker_model::build_reads::{Answer, POOL, Question, Read, VERSION, place};

use super::*;

/// What a worker was asked, in order: the property file, empty for a trigger that names none.
type Asked = Arc<Mutex<Vec<String>>>;

impl Fixture {
    /// A worker that reaches the server `ci` and answers with `answer`, by the name of the file and the number of the question.
    async fn worker(
        &mut self,
        answer: impl Fn(&str, usize) -> (u16, Value) + Send + 'static,
    ) -> Asked {
        let asked = Asked::default();
        let bus = Bus::memory(&self.broker, "worker");
        let subject = subject::ask(POOL, &place("ci"));
        let mut questions = bus.serve(subject, None).await.unwrap();
        let noted = Arc::clone(&asked);
        self.tasks.spawn(async move {
            while let Some(question) = questions.next().await {
                let read: Question = serde_json::from_slice(&question.payload).unwrap();
                let Read::Trigger {
                    job,
                    number,
                    property_file,
                } = read.read
                else {
                    panic!("only triggers ask");
                };
                assert_eq!(
                    (&*read.master, &*job, number),
                    ("ci", "team/job/deploy", 12)
                );
                let file = property_file.unwrap_or_default();
                let (status, body) = {
                    let mut noted = noted.lock().unwrap();
                    noted.push(file.clone());
                    answer(&file, noted.len())
                };
                let v = VERSION;
                let answer = serde_json::to_vec(&Answer { v, status, body }).unwrap();
                question.responder.send(answer.into()).await.unwrap();
            }
        });
        asked
    }

    /// A build that a poller saw.
    async fn build(&self, id: &str, result: &str) {
        let header = Header {
            v: matching::VERSION,
            id: id.to_owned(),
            kind: matching::BUILD.to_owned(),
            source: "ci".to_owned(),
            at_ms: NOW,
            headers: std::collections::BTreeMap::new(),
            origin: Origin::Inside,
        };
        let body = json!({"master": "ci", "type": "jenkins", "project": {"name": "team/job/deploy",
            "lastBuild": {"building": false, "number": 12, "result": result, "url": "https://ci/12"}}});
        self.raw(matching::encode(&header, body.to_string().as_bytes()))
            .await;
    }
}

fn trigger(more: Value) -> Value {
    let mut trigger =
        json!({"type": "jenkins", "enabled": true, "master": "ci", "job": "team/job/deploy"});
    let fields = trigger.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    json!({"triggers": [trigger]})
}

/// What the trigger of the only execution says.
async fn fired(fixture: &Fixture) -> Value {
    let starts = fixture.starts(1).await;
    assert_eq!(starts.len(), 1);
    Value::from(starts[0].trigger.clone())
}

#[tokio::test(start_paused = true)]
async fn a_trigger_gets_what_a_worker_tells_of_the_build_although_it_fails_at_first() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    let asked = fixture
        .worker(|_, number| match number {
            1 => (404, json!("the file is not there yet")),
            2 => (503, json!({"no": "sentence"})),
            _ => (
                200,
                json!({"buildInfo": {"number": 12, "name": "deploy"}, "properties": {"image": "web:7"},
                       "artifacts": [{"type": "docker/image", "reference": "web:7"}]}),
            ),
        })
        .await;
    let wanted =
        json!({"propertyFile": "build.properties", "payloadConstraints": {"image": "^web:"}});
    fixture.pipeline("deploy", trigger(wanted)).await;
    fixture.build("build-1", "SUCCESS").await;
    let fired = fired(&fixture).await;
    assert_eq!(fired["buildNumber"], 12);
    assert_eq!(fired["buildInfo"]["name"], "deploy");
    assert_eq!(fired["properties"], json!({"image": "web:7"}));
    assert_eq!(fired["artifacts"][0]["reference"], "web:7");
    assert_eq!(*asked.lock().unwrap(), ["build.properties"; 3]);
}

/// Source: echo `BuildInfoService`: without constraints the pipeline starts all the same.
#[tokio::test(start_paused = true)]
async fn what_nobody_can_tell_holds_up_only_those_who_asked_for_it() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    fixture.pipeline("plain", trigger(json!({}))).await;
    let wanted = json!({"propertyFile": "p", "payloadConstraints": {"a": "b"}});
    fixture.pipeline("constrained", trigger(wanted)).await;
    fixture.build("build-1", "SUCCESS").await;
    let fired = fired(&fixture).await;
    assert_eq!(
        (&fired["buildNumber"], &fired["link"]),
        (&json!(12), &json!("https://ci/12"))
    );
    assert_eq!(fired["buildInfo"], Value::Null);
    let record = fixture.record("build-1").await;
    let mut passed = record.verdicts.iter();
    let passed = passed.find(|it| it.outcome == Outcome::Passed).unwrap();
    assert_eq!(
        passed.reason.as_deref(),
        Some(
            "the property file \"p\" of the build cannot be read: no worker of pool jenkins reaches ci"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_of_a_build_that_starts_nothing_and_a_file_is_asked_for_once() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    let asked = fixture
        .worker(|file, _| (200, json!({"properties": {"of": file}})))
        .await;
    for number in 0..30 {
        // Thirty pipelines, fifteen files.
        let file = json!({"propertyFile": format!("file-{:02}", number / 2)});
        fixture.pipeline(&format!("p{number}"), trigger(file)).await;
    }
    let off = json!({"propertyFile": "off", "enabled": false});
    fixture.pipeline("off", trigger(off)).await;
    let elsewhere = json!({"propertyFile": "elsewhere", "job": "other"});
    fixture.pipeline("elsewhere", trigger(elsewhere)).await;
    fixture.build("failed", "FAILURE").await;
    assert!(
        fixture
            .record("failed")
            .await
            .verdicts
            .iter()
            .all(|it| it.outcome == Outcome::Passed)
    );
    assert_eq!(*asked.lock().unwrap(), [""; 0]);
    fixture.build("good", "SUCCESS").await;
    let starts = fixture.starts(30).await;
    assert!(
        starts
            .iter()
            .all(|it| it.trigger["properties"]["of"] == it.trigger["propertyFile"])
    );
    let mut asked = asked.lock().unwrap().clone();
    asked.sort_unstable();
    let files: Vec<String> = (0..15).map(|number| format!("file-{number:02}")).collect();
    assert_eq!(asked, files);
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_is_asked_for_several_files_at_once() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    let asked = fixture.worker(|_, _| (503, json!("later"))).await;
    for number in 0..8 {
        let file = json!({"propertyFile": format!("file-{number}")});
        fixture.pipeline(&format!("p{number}"), trigger(file)).await;
    }
    let began = tokio::time::Instant::now();
    fixture.build("build-1", "SUCCESS").await;
    fixture.starts(8).await;
    assert_eq!(asked.lock().unwrap().len(), 8 * 5, "five tries each");
    // Two turns of four files; one after the other they would take 64 seconds.
    let took = began.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
}
