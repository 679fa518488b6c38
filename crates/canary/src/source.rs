//! What all metric sources share: one question, its request, and what an answer that is none means.

use bytes::Bytes;
use gennaker_model::Map;
use gennaker_outbound::{Client, Request};
use serde_json::Value;
use url::Url;

use crate::{accounts::Account, request::Scope};

/// Largest answer of a source, in bytes.
const RESPONSE_BYTES_MAX: u64 = 64 << 20;

/// One metric of one side.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) client: &'a Client,
    pub(crate) account: &'a Account,
    /// Name of the metric in the configuration.
    pub(crate) metric: &'a str,
    pub(crate) query: &'a Map,
    pub(crate) templates: Option<&'a Value>,
    pub(crate) scope: &'a Scope,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The source may answer later.
    Later(String),
    /// It will not.
    Never(String),
}

impl From<String> for Trouble {
    fn from(problem: String) -> Self {
        Self::Never(problem)
    }
}

impl<'a> Question<'a> {
    /// A text of the query.
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        let text = self.query.get(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    }

    /// The texts of a list in the query.
    pub(crate) fn list(&self, key: &str) -> Vec<&'a str> {
        let list = self.query.get(key).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Label of the scope and, if there is one, of the location in queries that are built: the extended parameters
    /// `_scope_key` and `_location_key`, else the account's.
    pub(crate) fn keys(&self) -> Result<(&'a str, Option<&'a str>), String> {
        let of = |name: &str, default: &'a Option<String>| {
            let given = self.scope.parameters.get(name).or(default.as_ref());
            given.map(String::as_str)
        };
        let scope = of("_scope_key", &self.account.scope_key).ok_or_else(|| {
            format!(
                "the scope of a {} query needs the extended parameter _scope_key, or default_scope_key in the settings of \
                 account {}",
                self.account.kind.name(),
                self.account.name
            )
        })?;
        Ok((scope, of("_location_key", &self.account.location_key)))
    }

    /// Extended parameters that are no settings of the query itself.
    pub(crate) fn plain_parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self.scope.parameters.iter();
        all.filter(|(key, _)| !key.starts_with('_'))
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Asks the account's server for JSON below its address.
    pub(crate) async fn get(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, Trouble> {
        let url = self.address(path, parameters)?;
        let request = Request::get(url.as_str()).header("Accept", "application/json");
        self.json(&self.send(request).await?)
    }

    /// An address below the account's.
    pub(crate) fn address(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Url, Trouble> {
        let base = format!("{}/{path}", self.account.url.trim_end_matches('/'));
        let mut url = Url::parse(&base).map_err(|error| {
            Trouble::Never(format!(
                "the address of account {} is none: {error}",
                self.account.name
            ))
        })?;
        url.query_pairs_mut().extend_pairs(parameters);
        Ok(url)
    }

    /// Signs a request in, sends it, and takes 2xx for an answer.
    ///
    /// Trouble that may pass: no connection, no answer, 5xx, 408 and 429 (Kayenta `RetrofitClientFactory`, `kayenta.metrics.retry`).
    pub(crate) async fn send(&self, request: Request) -> Result<Bytes, Trouble> {
        let request = request.response_bytes_max(RESPONSE_BYTES_MAX);
        let request = self.account.credentials.sign(request).await?;
        let answer = self.client.send(request).await;
        let answer = answer
            .map_err(|error| Trouble::Later(self.said(&format!("cannot be asked: {error}"))))?;
        let status = answer.status;
        if !(200..300).contains(&status) {
            let what = self.said(&format!(
                "answered {status} for metric {}: {}",
                self.metric,
                excerpt(&answer.body)
            ));
            return Err(match status {
                408 | 429 | 500.. => Trouble::Later(what),
                _ => Trouble::Never(what),
            });
        }
        Ok(answer.body)
    }

    /// JSON in an answer.
    pub(crate) fn json(&self, body: &[u8]) -> Result<Value, Trouble> {
        serde_json::from_slice(body).map_err(|error| {
            Trouble::Never(self.said(&format!("answered what is no JSON: {error}")))
        })
    }

    /// A sentence about the account.
    pub(crate) fn said(&self, what: &str) -> String {
        format!(
            "the {} account {} {what}",
            self.account.kind.name(),
            self.account.name
        )
    }
}

/// The beginning of a server's own words.
fn excerpt(body: &[u8]) -> String {
    const CHARACTERS: usize = 300;
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * CHARACTERS)]);
    let clean = text.chars().filter(|letter| !letter.is_control());
    clean.take(CHARACTERS).collect()
}

/// An instant in ISO format.
pub(crate) fn iso(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| at.to_string())
}
