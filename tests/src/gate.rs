//! The HTTP API, as seen by a client that repeats what got no answer, as clients of a system that survives crashes must.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Answer, segment, send};

/// How long a request is repeated; longer than any outage that a test makes.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// An API server.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// Where it listens.
    pub address: SocketAddr,
}

impl Gate {
    /// Sends one request, once.
    ///
    /// # Errors
    /// No answer came.
    pub async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> std::io::Result<Answer> {
        let text = body.map(Value::to_string).unwrap_or_default();
        send(
            self.address,
            method,
            path,
            &[("Content-Type", "application/json")],
            text.as_bytes(),
        )
        .await
    }

    /// Sends a request until it is answered by something else than a passing failure. `key` makes a start repeatable.
    ///
    /// # Panics
    /// When there is no such answer in time.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Answer {
        let text = body.map(Value::to_string).unwrap_or_default();
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = send(self.address, method, path, &headers, text.as_bytes()).await;
            match answer {
                Ok(answer) if !matches!(answer.status, 502..=504 | 408) => return answer,
                other => assert!(
                    Instant::now() < until,
                    "{method} {path} gets no answer within {PATIENCE:?}: {other:?}"
                ),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// As [`Gate::call`], for requests that must succeed; what was answered.
    ///
    /// # Panics
    /// When the answer is not 2xx.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Value {
        let answer = self.call(method, path, body, key).await;
        assert!(
            answer.is_success(),
            "{method} {path} answers {}: {}",
            answer.status,
            answer.text()
        );
        answer.json()
    }

    /// Waits until `/health` says that everything is up.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn wait_healthy(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let health = self.try_call("GET", "/health", None).await;
            if health
                .as_ref()
                .is_ok_and(|answer| answer.status == 200 && answer.json()["status"] == "UP")
            {
                return;
            }
            assert!(
                Instant::now() < until,
                "not healthy within {PATIENCE:?}: {health:?}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Saves an application and waits until it is there.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn save_application(&self, name: &str) {
        let job = json!({"type": "createApplication", "application": {"name": name, "email": "owner@example.com"}});
        let task = json!({"application": name, "description": "Create Application", "job": [job]});
        let started = self.ask("POST", "/tasks", Some(&task), None).await;
        let path = started["ref"]
            .as_str()
            .expect("a task has a ref")
            .to_owned();
        let until = Instant::now() + PATIENCE;
        loop {
            let task = self.ask("GET", &path, None, None).await;
            match task["status"].as_str() {
                Some("SUCCEEDED") => return,
                Some("TERMINAL" | "CANCELED") => panic!("the application is refused: {task}"),
                _ => assert!(
                    Instant::now() < until,
                    "the application is not there within {PATIENCE:?}: {task}"
                ),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Saves a pipeline; its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn save_pipeline(&self, pipeline: &Value) -> String {
        self.ask("POST", "/pipelines", Some(pipeline), None).await;
        let (application, name) = (text(pipeline, "application"), text(pipeline, "name"));
        let path = format!(
            "/applications/{}/pipelineConfigs/{}",
            segment(application),
            segment(name)
        );
        let saved = self.ask("GET", &path, None, None).await;
        text(&saved, "id").to_owned()
    }

    /// Starts a pipeline; the execution's id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn start(&self, application: &str, name: &str, key: &str) -> String {
        let path = format!("/pipelines/{}/{}", segment(application), segment(name));
        let started = self
            .ask("POST", &path, Some(&json!({"type": "manual"})), Some(key))
            .await;
        let reference = started["ref"].as_str().expect("a start has a ref");
        reference
            .strip_prefix("/pipelines/")
            .expect("a ref of a pipeline")
            .to_owned()
    }

    /// An execution's document.
    ///
    /// # Panics
    /// When there is none.
    pub async fn execution(&self, id: &str) -> Value {
        self.ask("GET", &format!("/pipelines/{id}"), None, None)
            .await
    }

    /// The executions of a pipeline by its id.
    ///
    /// # Panics
    /// When they are refused.
    pub async fn executions(&self, config: &str) -> Vec<Value> {
        let path = format!("/executions?pipelineConfigIds={config}&limit=1000");
        match self.ask("GET", &path, None, None).await {
            Value::Array(found) => found,
            other => panic!("the executions are no list: {other}"),
        }
    }

    /// Waits until an execution is complete; its document.
    ///
    /// # Panics
    /// When it does not end in time; what it waits for is in the message.
    pub async fn wait_for_end(&self, id: &str, within: Duration) -> Value {
        let is_end = |document: &Value| {
            matches!(
                document["status"].as_str(),
                Some("SUCCEEDED" | "TERMINAL" | "CANCELED")
            )
        };
        self.wait_for(id, "the end", within, is_end).await
    }

    /// Waits until an execution is as wanted; its document.
    ///
    /// # Panics
    /// As [`Gate::wait_for_end`].
    pub async fn wait_for(
        &self,
        id: &str,
        what: &str,
        within: Duration,
        is: impl Fn(&Value) -> bool,
    ) -> Value {
        let until = Instant::now() + within;
        loop {
            let document = self.execution(id).await;
            if is(&document) {
                return document;
            }
            if Instant::now() > until {
                let why = self
                    .call("GET", &format!("/v2/executions/{id}/why"), None, None)
                    .await;
                panic!(
                    "{what} of {id} does not come within {within:?}; it waits for {}\n{}",
                    why.text(),
                    outline(&document)
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A stage of an execution by its reference.
///
/// # Panics
/// When there is none.
pub fn stage<'a>(execution: &'a Value, reference: &str) -> &'a Value {
    let stages = execution["stages"]
        .as_array()
        .expect("an execution has stages");
    let found = stages.iter().find(|stage| stage["refId"] == reference);
    found.unwrap_or_else(|| panic!("there is no stage {reference} in {}", outline(execution)))
}

/// An execution in a few lines.
pub fn outline(execution: &Value) -> String {
    let mut lines = format!(
        "{} {} {}\n",
        text(execution, "name"),
        text(execution, "id"),
        text(execution, "status")
    );
    for stage in execution["stages"].as_array().into_iter().flatten() {
        let tasks = stage["tasks"].as_array().into_iter().flatten();
        let tasks: Vec<String> = tasks
            .map(|task| format!("{} {}", text(task, "name"), text(task, "status")))
            .collect();
        let line = format!(
            "  {} {} {}: {}\n",
            text(stage, "refId"),
            text(stage, "type"),
            text(stage, "status"),
            tasks.join(", ")
        );
        lines.push_str(&line);
    }
    lines
}

/// A field that is text.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
