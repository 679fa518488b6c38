//! The few calls of the public API that a measurement needs.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::http::{Client, Request, Response};

/// The application of all pipelines here.
pub const APPLICATION: &str = "loadtest";

const SAVE_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// The API of one server, over one connection.
pub struct Api {
    client: Client,
}

impl Api {
    /// The API at this address.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            client: Client::new(address),
        }
    }

    /// Saves the application and these pipelines, and waits until they can be started.
    ///
    /// # Errors
    /// The server refuses one of them, or does not do it in time.
    pub async fn save(&mut self, pipelines: &[(String, Vec<Value>)]) -> Result<()> {
        let job = json!({"type": "createApplication", "application": {"name": APPLICATION, "email": "loadtest@example.com"}});
        let task =
            json!({"application": APPLICATION, "description": "Create Application", "job": [job]});
        let answer = self.call("POST", "/tasks", Some(&task)).await?;
        let path = answer["ref"]
            .as_str()
            .context("a task has no ref")?
            .to_owned();
        let until = Instant::now() + SAVE_WITHIN;
        loop {
            let task = self.call("GET", &path, None).await?;
            match task["status"].as_str() {
                Some("SUCCEEDED") => break,
                Some("TERMINAL" | "CANCELED") => bail!("the application cannot be created: {task}"),
                _ if Instant::now() > until => {
                    bail!("the application is not created in {SAVE_WITHIN:?}: {task}")
                }
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
        for (name, stages) in pipelines {
            let pipeline = json!({"application": APPLICATION, "name": name, "stages": stages});
            self.call("POST", "/pipelines", Some(&pipeline))
                .await
                .with_context(|| format!("failed to save {name}"))?;
        }
        Ok(())
    }

    /// Starts a pipeline; the execution's id.
    ///
    /// # Errors
    /// The start is refused or the connection failed; with a `key` it may be repeated.
    pub async fn start(&mut self, pipeline: &str, key: Option<&str>) -> Result<String> {
        let path = format!("/pipelines/{APPLICATION}/{pipeline}");
        let answer = self
            .client
            .send(Request {
                method: "POST",
                path: &path,
                body: Some(b"{}"),
                key,
            })
            .await?;
        let started = checked("POST", &path, answer)?;
        started_id(&started).with_context(|| format!("a start answers {started}"))
    }

    /// Starts a pipeline that is not stored; the execution's id.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn start_unsaved(&mut self, name: &str, stages: &[Value]) -> Result<String> {
        let pipeline = json!({"application": APPLICATION, "name": name, "stages": stages});
        let started = self
            .call("POST", "/pipelines/start", Some(&pipeline))
            .await?;
        started_id(&started).with_context(|| format!("a start answers {started}"))
    }

    /// An execution's document.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn execution(&mut self, id: &str) -> Result<Value> {
        self.call("GET", &format!("/pipelines/{id}"), None).await
    }

    /// What an execution waits for, as text.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn why(&mut self, id: &str) -> Result<String> {
        Ok(self
            .call("GET", &format!("/v2/executions/{id}/why"), None)
            .await?
            .to_string())
    }

    /// The page of metrics.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn metrics(&mut self) -> Result<String> {
        let answer = self.raw("GET", "/metrics", None).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// A call with JSON in and out; `null` when the answer has no body.
    ///
    /// # Errors
    /// The connection failed, the status is not 2xx, or the answer is no JSON.
    pub async fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let answer = self.raw(method, path, body).await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).with_context(|| format!("{method} {path} answers no JSON"))
    }

    /// A call whose answer is taken as it is.
    ///
    /// # Errors
    /// The connection failed or the status is not 2xx.
    pub async fn raw(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Vec<u8>> {
        let text = body.map(Value::to_string);
        let body = text.as_deref().map(str::as_bytes);
        let sent = self
            .client
            .send(Request {
                method,
                path,
                body,
                key: None,
            })
            .await;
        let answer = sent.with_context(|| format!("{method} {path} failed"))?;
        let status = answer.status;
        if !(200..300).contains(&status) {
            bail!(
                "{method} {path} answers {status}: {}",
                String::from_utf8_lossy(&answer.body)
            );
        }
        Ok(answer.body)
    }
}

/// A stage that a worker does nothing for, after these others.
pub fn noop(number: usize, after: &[usize]) -> Value {
    let requisites: Vec<String> = after.iter().map(ToString::to_string).collect();
    json!({
        "type": "noop", "pool": "notify", "name": format!("Step {number}"), "refId": number.to_string(),
        "requisiteStageRefIds": requisites,
    })
}

/// This many of them in sequence.
pub fn noops(count: usize) -> Vec<Value> {
    (1..=count)
        .map(|number| {
            if number == 1 {
                noop(1, &[])
            } else {
                noop(number, &[number - 1])
            }
        })
        .collect()
}

fn checked(method: &str, path: &str, answer: Response) -> Result<Value> {
    if !(200..300).contains(&answer.status) {
        bail!(
            "{method} {path} answers {}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
    serde_json::from_slice(&answer.body).with_context(|| format!("{method} {path} answers no JSON"))
}

fn started_id(answer: &Value) -> Option<String> {
    answer["ref"]
        .as_str()?
        .rsplit('/')
        .next()
        .map(str::to_owned)
}
