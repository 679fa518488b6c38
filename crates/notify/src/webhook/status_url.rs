//! Where the status of a webhook is asked for.
//!
//! Source: orca `WebhookStatusCheckUrlRetriever`. A relative `Location` or path is resolved against the URL of the call, with
//! which Spinnaker fails.

use serde_json::Value;
use url::Url;

use super::{
    fields::{Fields, Resolution},
    json_path,
    received::Response,
};

/// The status URL after `response`; `None` when the place named by the stage holds none.
///
/// # Errors
/// Why it cannot be found, for people.
pub fn resolve(fields: &Fields, response: &Response) -> Result<Option<String>, String> {
    let found = match fields.resolution {
        None | Some(Resolution::GetMethod) => Some(fields.url.clone()),
        Some(Resolution::LocationHeader) => response.header("location").map(str::to_owned),
        Some(Resolution::WebhookResponse) => {
            let path = fields
                .status_url_path
                .as_deref()
                .ok_or("field 'statusUrlJsonPath' is missing")?;
            let body = response.document().ok_or("the response has no body")?;
            match json_path::read(&body, path).map_err(|problem| problem.to_string())? {
                Value::Null => None,
                Value::String(text) => Some(text),
                _ => {
                    return Err(format!(
                        "the json path '{path}' did not resolve to a String value"
                    ));
                }
            }
        }
    };
    match found.as_deref().map(str::trim) {
        None | Some("") => Ok(None),
        Some(found) if found == fields.url => Ok(Some(found.to_owned())),
        Some(found) => same_scheme(&fields.url, found).map(Some),
    }
}

/// `found` with the scheme of `called`, if both are on one host: behind a proxy that ends TLS, targets name themselves http.
fn same_scheme(called: &str, found: &str) -> Result<String, String> {
    let called =
        Url::parse(called).map_err(|problem| format!("'{called}' is no URL: {problem}"))?;
    let absolute = called
        .join(found)
        .map_err(|problem| format!("'{found}' is no URL: {problem}"))?;
    if absolute.host_str() != called.host_str() || absolute.scheme() == called.scheme() {
        return Ok(match Url::parse(found) {
            Ok(_) => found.to_owned(),
            Err(_) => absolute.to_string(),
        });
    }
    let rest = found.split_once("://").map_or(found, |(_, rest)| rest);
    Ok(format!("{}://{rest}", called.scheme()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_keeps_one_scheme() {
        for (called, found, expected) in [
            (
                "https://x.io/go",
                "http://x.io/jobs/1?a=b",
                "https://x.io/jobs/1?a=b",
            ),
            (
                "https://x.io/go",
                "http://x.io:8080/jobs",
                "https://x.io:8080/jobs",
            ),
            (
                "https://x.io/go",
                "http://y.io/jobs/1",
                "http://y.io/jobs/1",
            ),
            (
                "http://x.io/go",
                "https://x.io/jobs/1",
                "http://x.io/jobs/1",
            ),
            ("https://x.io/go", "https://x.io/a b", "https://x.io/a b"),
            ("https://x.io/go/now", "/jobs/1", "https://x.io/jobs/1"),
            ("https://x.io/go/now", "then", "https://x.io/go/then"),
        ] {
            assert_eq!(
                same_scheme(called, found).as_deref(),
                Ok(expected),
                "{called} {found}"
            );
        }
    }
}
