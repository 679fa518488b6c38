//! Whether preconfigured webhooks make sense.

use super::Problems;
use crate::sections::{PreconfiguredWebhook, StatusUrlResolution, Webhooks};

const PATH: &str = "webhooks.preconfigured";

/// Most stage types of an installation.
const TYPES_MAX: usize = 200;

/// Most parameters of a stage type.
const PARAMETERS_MAX: usize = 100;

/// Longest text, in bytes: it is recorded with every stage.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Headers by which Spinnaker's services know each other; no webhook may set them.
const DENIED_PREFIX: &str = "x-spinnaker-";

pub(super) fn check(webhooks: &Webhooks, found: &mut Problems) {
    let all = &webhooks.preconfigured;
    if all.len() > TYPES_MAX {
        found.add(
            PATH,
            format!("has {} entries, must have at most {TYPES_MAX}", all.len()),
        );
    }
    for (place, webhook) in all.iter().enumerate() {
        let mut add = |reason: String| {
            found.add(PATH, format!("[{place}] ({}) {reason}", webhook.kind));
        };
        if all[..place].iter().any(|other| other.kind == webhook.kind) {
            add("has a type that another entry has".to_owned());
        }
        check_one(webhook, &mut add);
    }
}

fn check_one(webhook: &PreconfiguredWebhook, add: &mut dyn FnMut(String)) {
    if !is_name(&webhook.kind) {
        add("has no type of 1 to 63 letters, digits, ., - or _".to_owned());
    }
    if webhook.label.trim().is_empty() {
        add("has no label".to_owned());
    }
    check_parameters(webhook, add);
    check_addresses(webhook, add);
    check_headers(webhook, add);
    for method in [&webhook.method, &webhook.cancel_method]
        .into_iter()
        .flatten()
    {
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            add(format!("has {method:?}, which is no HTTP method"));
        }
    }
    let codes = [&webhook.fail_fast_status_codes, &webhook.retry_status_codes];
    if codes
        .into_iter()
        .flatten()
        .flatten()
        .any(|code| !(100..=599).contains(code))
    {
        add("has a status code that is not from 100 to 599".to_owned());
    }
    let texts = [&webhook.url, &webhook.payload, &webhook.cancel_payload];
    if texts
        .into_iter()
        .flatten()
        .any(|text| text.len() > TEXT_BYTES_MAX)
    {
        add(format!("has a text of more than {TEXT_BYTES_MAX} bytes"));
    }
}

fn check_parameters(webhook: &PreconfiguredWebhook, add: &mut dyn FnMut(String)) {
    let parameters = &webhook.parameters;
    if parameters.len() > PARAMETERS_MAX {
        add(format!("has more than {PARAMETERS_MAX} parameters"));
    }
    for (place, parameter) in parameters.iter().enumerate() {
        let name = &parameter.name;
        if name.trim().is_empty() || parameter.label.trim().is_empty() {
            add(format!("has a parameter [{place}] without name or label"));
        }
        if parameters[..place].iter().any(|it| it.name == *name) {
            add(format!("has two parameters {name}"));
        }
    }
}

fn check_addresses(webhook: &PreconfiguredWebhook, add: &mut dyn FnMut(String)) {
    for (name, url) in [
        ("url", &webhook.url),
        ("cancel_endpoint", &webhook.cancel_endpoint),
    ] {
        if url.as_deref().is_some_and(|url| !is_address(url)) {
            add(format!(
                "has a {name} that does not begin with http:// or https://"
            ));
        }
    }
    if !webhook.secret_header_files.is_empty() && !webhook.url.as_deref().is_some_and(says_host) {
        add("has secret_header_files, and no url that says where they go: scheme, host and port without expression".to_owned());
    }
    let asks_response = webhook.status_url_resolution == Some(StatusUrlResolution::WebhookResponse);
    if asks_response && webhook.status_url_json_path.is_none() {
        add("has status_url_resolution webhookResponse and no status_url_json_path".to_owned());
    }
}

fn check_headers(webhook: &PreconfiguredWebhook, add: &mut dyn FnMut(String)) {
    let custom = webhook.custom_headers.iter().flatten();
    let custom = custom.map(|(name, _)| name);
    for name in custom.chain(webhook.secret_header_files.keys()) {
        let lower = name.to_ascii_lowercase();
        if !is_header(name) || lower.starts_with(DENIED_PREFIX) {
            add(format!("has a header {name:?}, which cannot be set"));
        }
    }
    let mut files = webhook.secret_header_files.values();
    if files.any(|file| file.trim().is_empty()) {
        add("has a secret header without a file".to_owned());
    }
}

pub(super) fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// Whether it is an address, or an expression that may become one.
fn is_address(url: &str) -> bool {
    url.starts_with("${")
        || ["http://", "https://"]
            .iter()
            .any(|scheme| url.len() > scheme.len() && url.starts_with(scheme))
}

/// Whether scheme, host and port are said, and not by an expression.
fn says_host(url: &str) -> bool {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    host.is_some_and(|host| !host.is_empty() && !host.contains(['$', '{', '@', ' ']))
}

/// A token as RFC 9110 has it.
fn is_header(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests;
