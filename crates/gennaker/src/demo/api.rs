//! The HTTP API as the demo uses it: what any user's client could send.

use std::sync::Arc;
use std::time::Duration;

use gennaker_cli::{Failure, Http, Request, Response, Tls, Tools};
use serde_json::Value;

/// Longest wait for an answer: saving a pipeline waits for the task that saves it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(40);

/// A server, and what sends requests to it.
#[derive(Clone)]
pub(crate) struct Api {
    base: String,
    http: Arc<dyn Http>,
}

impl Api {
    /// Prepares connections to a server; opens none.
    ///
    /// # Errors
    /// A proxy variable is unusable.
    pub(crate) fn new(base: &str) -> Result<Self, Failure> {
        let http = (Tools::default().connect)(&Tls::default())
            .map_err(|trouble| Failure::command(format!("no requests can be sent: {trouble}")))?;
        Ok(Self {
            base: base.to_owned(),
            http,
        })
    }

    /// The server's address.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Whether the server can do its work; why not.
    ///
    /// # Errors
    /// What the server, or the connection, says.
    pub(crate) async fn health(&self) -> Result<(), String> {
        let answer = self
            .send("GET", "/health", Vec::new(), None)
            .await
            .map_err(|failure| failure.sentence)?;
        match answer.status {
            200 => Ok(()),
            _ => Err(String::from_utf8_lossy(&answer.body).into_owned()),
        }
    }

    /// Reads; nothing when there is no such thing.
    ///
    /// # Errors
    /// No answer, or one that is not a success.
    pub(super) async fn get(&self, path: &str) -> Result<Option<Value>, Failure> {
        let answer = self.send("GET", path, Vec::new(), None).await?;
        match answer.status {
            404 => Ok(None),
            _ => body_of("GET", path, &answer).map(Some),
        }
    }

    /// Sends a document.
    ///
    /// # Errors
    /// No answer, or one that is not a success.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.deliver(path, body.to_string().into_bytes(), &[]).await
    }

    /// Asks for a change that needs no document.
    ///
    /// # Errors
    /// No answer, or one that is not a success.
    pub(super) async fn put(&self, path: &str) -> Result<(), Failure> {
        let answer = self.send("PUT", path, Vec::new(), None).await?;
        body_of("PUT", path, &answer).map(drop)
    }

    /// Sends a document byte for byte, with headers that say more about it.
    ///
    /// # Errors
    /// No answer, or one that is not a success.
    pub(super) async fn deliver(
        &self,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, String)],
    ) -> Result<Value, Failure> {
        let own = [("Content-Type", "application/json".to_owned())];
        let headers = own.iter().chain(headers);
        let headers = headers.map(|(name, value)| ((*name).to_owned(), value.clone()));
        let answer = self
            .send("POST", path, headers.collect(), Some(body))
            .await?;
        body_of("POST", path, &answer)
    }

    async fn send(
        &self,
        method: &'static str,
        path: &str,
        headers: Vec<(String, String)>,
        body: Option<Vec<u8>>,
    ) -> Result<Response, Failure> {
        let request = Request {
            method,
            url: format!("{}{path}", self.base),
            headers,
            body,
            timeout: ANSWERED_WITHIN,
            redirects: false,
        };
        self.http.send(request).await.map_err(|trouble| {
            let url = format!("{}{path}", self.base);
            Failure::command(format!("{method} {url} was not answered: {trouble}"))
        })
    }
}

fn body_of(method: &str, path: &str, answer: &Response) -> Result<Value, Failure> {
    if !(200..300).contains(&answer.status) {
        let said = String::from_utf8_lossy(&answer.body);
        return Err(Failure::command(format!(
            "{method} {path} was answered with {}: {said}",
            answer.status_line()
        )));
    }
    if answer.body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&answer.body).map_err(|error| {
        Failure::command(format!(
            "{method} {path} was answered with no JSON: {error}"
        ))
    })
}
