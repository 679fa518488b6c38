//! What an answer of the status endpoint means (orchestration reference 6.8, "monitor"). Pure.
//!
//! Source: orca `MonitorWebhookTask`.

use gennaker_model::Map;
use serde_json::Value;

use super::{
    call::{RETRY_STATUS_DEFAULT, Verdict, past_codes},
    fields::Fields,
    json_path::{self, Error},
    received::{Received, Response},
};

/// Milliseconds between two looks during the first minute.
pub const AGAIN_MS: u64 = 1_000;

/// Milliseconds between two looks after the first minute.
pub const AGAIN_LATER_MS: u64 = 15_000;

/// How long the looks follow each other quickly, in milliseconds.
const QUICK_FOR_MS: i64 = 60_000;

/// Key in `webhook.monitor` for the instant of the first look, epoch milliseconds; our addition, kept to know the minute.
const SINCE: &str = "since";

/// The URL to ask.
///
/// # Errors
/// What is missing, in Spinnaker's words.
pub fn endpoint(fields: &Fields) -> Result<&str, String> {
    match (&fields.status_endpoint, fields.monitor_only) {
        (Some(endpoint), _) => Ok(endpoint),
        (None, false) => Err("Missing required parameter: statusEndpoint = null".to_owned()),
        (None, true) if fields.url.is_empty() => Err(
            "Missing required parameter. Either webhook url or statusEndpoint are required"
                .to_owned(),
        ),
        (None, true) => Ok(&fields.url),
    }
}

/// Milliseconds until the next look, given the context that this look leaves.
#[must_use]
pub fn again_ms(context: &Map, now_ms: i64) -> u64 {
    let since = context
        .get("webhook")
        .and_then(|webhook| webhook.get("monitor")?.get(SINCE)?.as_i64())
        .unwrap_or(now_ms);
    if now_ms - since > QUICK_FOR_MS {
        AGAIN_LATER_MS
    } else {
        AGAIN_MS
    }
}

/// What the result of a look at `endpoint` means for the stage.
#[must_use]
pub fn judge(fields: &Fields, received: &Received, endpoint: &str, now_ms: i64) -> Verdict {
    // What the call left stays; what earlier looks left is replaced, but for the counts.
    let old = fields
        .webhook
        .get("monitor")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let past = past_codes(&old);
    let mut monitor = Map::new();
    if !past.is_empty() {
        monitor.insert("pastStatusCodes".to_owned(), past.clone().into());
    }
    let since = old.get(SINCE).and_then(Value::as_i64).unwrap_or(now_ms);
    monitor.insert(SINCE.to_owned(), since.into());
    let end = Ending { fields, monitor };
    match received {
        Received::Response(response) if response.is_success() => judge_success(end, response),
        Received::Response(response) => judge_failure(end, response, past, endpoint),
        Received::UnknownHost | Received::Timeout { .. } => end.running(),
        Received::Failed { message, .. } => end.error(format!(
            "an exception occurred in webhook monitor to {endpoint}: {message}"
        )),
    }
}

fn judge_failure(
    mut end: Ending<'_>,
    response: &Response,
    mut past: Vec<u16>,
    endpoint: &str,
) -> Verdict {
    let status = response.status;
    let met = past.iter().filter(|code| **code == status).count();
    let again = match end.fields.retries.get(&status) {
        Some(attempts_max) => u32::try_from(met).unwrap_or(u32::MAX) < *attempts_max,
        None => {
            status >= 500
                || status == RETRY_STATUS_DEFAULT
                || end.fields.monitor_retry.contains(&status)
        }
    };
    if again {
        past.push(status);
        end.monitor
            .insert("pastStatusCodes".to_owned(), past.into());
        return end.running();
    }
    let headers = response.headers_shown();
    if !headers.is_empty() {
        end.monitor.insert("headers".to_owned(), headers.into());
    }
    end.error(format!(
        "an exception occurred in webhook monitor to {endpoint}: status code {status}"
    ))
}

fn judge_success(mut end: Ending<'_>, response: &Response) -> Verdict {
    end.monitor.extend(response.described());
    let Some(path) = end.fields.status_path.as_deref() else {
        return end.verdict(Verdict::Succeeded);
    };
    let body = response.document().unwrap_or(Value::Null);
    let status = match json_path::read(&body, path) {
        Ok(status) => status,
        Err(problem) => return end.error(path_error("status", path, problem)),
    };
    if matches!(status, Value::Null | Value::Array(_) | Value::Object(_)) {
        end.resolved(status);
        return end.error(format!(
            "The json path '{path}' did not resolve to a single value"
        ));
    }
    if let Some(path) = end.fields.progress_path.as_deref() {
        match json_path::read(&body, path) {
            Ok(Value::String(message)) => {
                end.monitor
                    .insert("progressMessage".to_owned(), message.into());
            }
            Ok(other) => {
                end.resolved(other);
                return end.error(format!(
                    "The json path '{path}' did not resolve to a String value"
                ));
            }
            Err(problem) => return end.error(path_error("progress", path, problem)),
        }
    }
    if status.is_number() {
        // Spinnaker compares with the integer: 100.0 goes on for ever.
        let complete = status.as_i64() == Some(100);
        end.monitor.insert("percentComplete".to_owned(), status);
        return end.verdict(if complete {
            Verdict::Succeeded
        } else {
            Verdict::Running
        });
    }
    let text = match &status {
        Value::String(text) => text.to_uppercase(),
        other => other.to_string().to_uppercase(),
    };
    let fields = end.fields;
    let verdict = if fields.terminal.contains(&text) {
        Verdict::Terminal
    } else if fields.canceled.contains(&text) {
        Verdict::Canceled
    } else if fields.success.contains(&text) {
        Verdict::Succeeded
    } else {
        Verdict::Running
    };
    end.resolved(status);
    end.verdict(verdict)
}

fn path_error(what: &str, path: &str, problem: Error) -> String {
    match problem {
        Error::NotFound(_) => {
            format!("Unable to parse {what}: JSON property '{path}' not found in response body")
        }
        Error::Indefinite(_) => format!("The json path '{path}' did not resolve to a single value"),
        Error::Syntax { .. } => problem.to_string(),
    }
}

/// What this look leaves in the context.
struct Ending<'f> {
    fields: &'f Fields,
    monitor: Map,
}

impl Ending<'_> {
    fn resolved(&mut self, value: Value) {
        self.monitor.insert("resolvedValue".to_owned(), value);
    }

    fn running(self) -> Verdict {
        self.verdict(Verdict::Running)
    }

    fn error(mut self, error: String) -> Verdict {
        self.monitor.insert("error".to_owned(), error.into());
        self.verdict(Verdict::Terminal)
    }

    fn verdict(self, verdict: impl FnOnce(Map) -> Verdict) -> Verdict {
        let mut webhook = self.fields.webhook.clone();
        webhook.insert("monitor".to_owned(), self.monitor.into());
        let mut context = Map::new();
        context.insert("webhook".to_owned(), webhook.into());
        verdict(context)
    }
}

#[cfg(test)]
#[path = "monitor_tests.rs"]
mod tests;
