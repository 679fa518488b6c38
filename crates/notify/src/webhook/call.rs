//! What the result of the call means (orchestration reference 6.8, "create call outcome"). Pure.
//!
//! Source: orca `WebhookResponseProcessor`.

use gennaker_model::Map;
use serde_json::Value;

use super::{
    fields::Fields,
    json_path,
    received::{Received, Response},
    status_url,
};

/// Milliseconds between two tries of the call.
pub const AGAIN_MS: u64 = 10_000;

/// Status code besides 5xx that lets the call be tried again (orca `webhook.defaultRetryStatusCodes`).
pub const RETRY_STATUS_DEFAULT: u16 = 429;

/// What a result means.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Look again later.
    Running(Map),
    /// Done.
    Succeeded(Map),
    /// The stage fails; the context says why.
    Terminal(Map),
    /// The stage was cancelled by its target (monitoring only).
    Canceled(Map),
}

/// Refuses a request that can never be sent. The error is what the HTTP client of Spinnaker says.
///
/// # Errors
/// What is wrong.
pub fn check_request(fields: &Fields) -> Result<(), String> {
    if fields.payload.is_some() && matches!(fields.method.as_str(), "GET" | "HEAD") {
        return Err(format!(
            "method {} must not have a request body",
            fields.method
        ));
    }
    Ok(())
}

/// What the result of the call means for the stage of `execution`.
#[must_use]
pub fn judge(fields: &Fields, received: &Received, execution: &str) -> Verdict {
    let (method, url) = (&fields.method, &fields.url);
    match received {
        Received::Response(response) if response.is_success() => judge_success(fields, response),
        Received::Response(response) => judge_failure(fields, response, execution),
        Received::UnknownHost => Verdict::Running(only_error(format!(
            "Remote host resolution failure in webhook for pipeline {execution} to {url}, will retry."
        ))),
        Received::Timeout { sent } if !*sent || method == "GET" || fields.idempotent => {
            Verdict::Running(only_error(format!(
                "Socket timeout in webhook on {method} request for pipeline {execution} to {url}, will retry."
            )))
        }
        Received::Timeout { .. } => refused(
            fields,
            execution,
            "The target did not answer in time; the request may have arrived, and it is not sent again because it may not \
             be safe to. If the target recognises a repeated Idempotency-Key header, set 'idempotent' on the stage.",
        ),
        Received::Failed {
            message,
            sent: false,
        } => refused(fields, execution, message),
        Received::Failed {
            message,
            sent: true,
        } => refused(
            fields,
            execution,
            &format!("{message}; the request may have arrived"),
        ),
    }
}

/// The stage fails without an answer of the target, for this reason.
#[must_use]
pub fn refused(fields: &Fields, execution: &str, message: &str) -> Verdict {
    let (method, url) = (&fields.method, &fields.url);
    Verdict::Terminal(only_error(format!(
        "An exception occurred for pipeline {execution} performing a {method} request to {url}. {message}"
    )))
}

fn judge_success(fields: &Fields, response: &Response) -> Verdict {
    let mut webhook = response.described();
    if fields.wait_for_completion {
        let url = match status_url::resolve(fields, response) {
            Ok(Some(url)) => url,
            Ok(None) => {
                let error =
                    "The status URL couldn't be resolved, but 'Wait for completion' is configured";
                return Verdict::Terminal(with_error(webhook, error.to_owned()));
            }
            Err(problem) => {
                let error = format!("Exception while resolving status check URL: {problem}");
                return Verdict::Terminal(with_error(webhook, error));
            }
        };
        webhook.insert("statusEndpoint".to_owned(), url.clone().into());
        let mut context = wrapped(webhook);
        // The monitor task reads it from the top level, as in Spinnaker.
        context.insert("statusEndpoint".to_owned(), url.into());
        return Verdict::Succeeded(context);
    }
    if !fields.expects_artifacts {
        return Verdict::Succeeded(wrapped(webhook));
    }
    let body = response.document().unwrap_or(Value::Null);
    match json_path::read(&body, "artifacts") {
        Ok(artifacts) => {
            let mut context = wrapped(webhook);
            context.insert("artifacts".to_owned(), artifacts);
            Verdict::Succeeded(context)
        }
        Err(problem) => Verdict::Terminal(with_error(
            webhook,
            format!("Expected artifacts in webhook response couldn't be parsed: {problem}"),
        )),
    }
}

fn judge_failure(fields: &Fields, response: &Response, execution: &str) -> Verdict {
    let status = response.status;
    let url = &fields.url;
    let mut webhook = response.described();
    if fields.fail_fast.contains(&status) {
        return Verdict::Terminal(with_error(
            webhook,
            format!(
                "Received status code {status}, which is configured to fail fast, terminating stage for pipeline \
                 {execution} to {url}"
            ),
        ));
    }
    let again = match fields.retries.get(&status) {
        // Counted over all attempts, whatever came in between; the last one allowed fails.
        Some(attempts_max) => {
            let mut past = past_codes(&fields.webhook);
            let met = past.iter().filter(|code| **code == status).count();
            past.push(status);
            webhook.insert("pastStatusCodes".to_owned(), past.into());
            u32::try_from(met).unwrap_or(u32::MAX) < *attempts_max
        }
        None => {
            status >= 500 || status == RETRY_STATUS_DEFAULT || fields.call_retry.contains(&status)
        }
    };
    if again {
        Verdict::Running(with_error(
            webhook,
            format!(
                "Error submitting webhook for pipeline {execution} to {url} with status code {status}, will retry."
            ),
        ))
    } else {
        Verdict::Terminal(with_error(
            webhook,
            format!(
                "Error submitting webhook for pipeline {execution} to {url} with status code {status}."
            ),
        ))
    }
}

/// `pastStatusCodes` of an earlier attempt.
pub(super) fn past_codes(of: &Map) -> Vec<u16> {
    of.get("pastStatusCodes")
        .and_then(Value::as_array)
        .map(|list| {
            list.iter()
                .filter_map(|code| u16::try_from(code.as_u64()?).ok())
                .collect()
        })
        .unwrap_or_default()
}

fn only_error(error: String) -> Map {
    with_error(Map::new(), error)
}

fn with_error(mut webhook: Map, error: String) -> Map {
    webhook.insert("error".to_owned(), error.into());
    wrapped(webhook)
}

fn wrapped(webhook: Map) -> Map {
    let mut context = Map::new();
    context.insert("webhook".to_owned(), webhook.into());
    context
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
