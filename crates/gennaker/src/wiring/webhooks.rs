//! Preconfigured webhooks: from settings to stage types, and to the headers that only workers read.

use std::path::PathBuf;
use std::sync::Arc;

use gennaker_cli::{Exit, Failure};
use gennaker_notify::{SecretHeaders, SecretHeadersOf};
use gennaker_settings::{PreconfiguredWebhook, Settings};
use gennaker_stages::{Catalogue, preconfigured};
use serde_json::{Map, Value, json};

/// The stage types of this installation.
///
/// # Errors
/// A preconfigured webhook or job has the name of another stage type; a job cannot be read.
pub(crate) fn catalogue(settings: &Settings) -> Result<Arc<Catalogue>, Failure> {
    let webhooks = enabled(settings).map(stage_type).collect();
    let catalogue = Catalogue::with_webhooks(webhooks)
        .map_err(|error| Failure::new(Exit::Usage, format!("webhooks.preconfigured: {error}")))?;
    let catalogue = catalogue
        .with_jobs(super::jobs::stage_types(settings)?)
        .map_err(|error| Failure::new(Exit::Usage, format!("jobs.preconfigured: {error}")))?;
    let catalogue = catalogue
        .with_dry_runs(settings.scheduler.dry_runs)
        .with_masters(super::builds::pinned(settings))
        .with_accounts(super::account_zones(settings))
        .with_metric_accounts(super::metric_zones(settings));
    Ok(Arc::new(catalogue))
}

/// The secret headers of the pool `notify`; the files are read at use.
///
/// # Errors
/// It is not said where they may go.
pub(crate) fn secret_headers(settings: &Settings) -> Result<SecretHeaders, Failure> {
    let guarded = enabled(settings).filter(|webhook| !webhook.secret_header_files.is_empty());
    let all = guarded.map(|webhook| SecretHeadersOf {
        kind: webhook.kind.clone(),
        url: webhook.url.clone().unwrap_or_default(),
        files: webhook
            .secret_header_files
            .iter()
            .map(|(header, file)| (header.clone(), PathBuf::from(file)))
            .collect(),
    });
    SecretHeaders::new(all)
        .map_err(|error| Failure::new(Exit::Usage, format!("webhooks.preconfigured: {error}")))
}

fn enabled(settings: &Settings) -> impl Iterator<Item = &PreconfiguredWebhook> {
    let all = settings.webhooks.preconfigured.iter();
    all.filter(|webhook| webhook.enabled)
}

fn stage_type(webhook: &PreconfiguredWebhook) -> preconfigured::PreconfiguredWebhook {
    let parameters = webhook.parameters.iter().map(|parameter| {
        let parameter = parameter.clone();
        preconfigured::Parameter {
            name: parameter.name,
            label: parameter.label,
            description: parameter.description,
            default: parameter.default_value,
            order: parameter.order,
            required: parameter.required,
        }
    });
    preconfigured::PreconfiguredWebhook {
        kind: webhook.kind.clone(),
        label: webhook.label.clone(),
        description: webhook.description.clone(),
        parameters: parameters.collect(),
        parameter_data: webhook.parameter_data.as_ref().map(|data| json!(data)),
        properties: properties(webhook),
        has_secrets: !webhook.secret_header_files.is_empty(),
    }
}

/// Fields of a webhook stage, by the names that they have there.
fn properties(webhook: &PreconfiguredWebhook) -> Map<String, Value> {
    let all: [(&str, Value); 19] = [
        ("url", json!(webhook.url)),
        ("customHeaders", json!(webhook.custom_headers)),
        ("method", json!(webhook.method)),
        ("payload", json!(webhook.payload)),
        ("failFastStatusCodes", json!(webhook.fail_fast_status_codes)),
        ("waitForCompletion", json!(webhook.wait_for_completion)),
        ("statusUrlResolution", json!(webhook.status_url_resolution)),
        ("statusUrlJsonPath", json!(webhook.status_url_json_path)),
        ("statusJsonPath", json!(webhook.status_json_path)),
        ("progressJsonPath", json!(webhook.progress_json_path)),
        ("successStatuses", json!(webhook.success_statuses)),
        ("canceledStatuses", json!(webhook.canceled_statuses)),
        ("terminalStatuses", json!(webhook.terminal_statuses)),
        ("signalCancellation", json!(webhook.signal_cancellation)),
        ("cancelEndpoint", json!(webhook.cancel_endpoint)),
        ("cancelMethod", json!(webhook.cancel_method)),
        ("cancelPayload", json!(webhook.cancel_payload)),
        ("waitBeforeMonitor", json!(webhook.wait_before_monitor)),
        ("retryStatusCodes", json!(webhook.retry_status_codes)),
    ];
    all.into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use gennaker_settings::{File, load};

    use super::*;

    fn settings(text: &str) -> Settings {
        let file = File { name: "test", text };
        load(Some(file), Vec::new()).unwrap()
    }

    #[test]
    fn a_file_becomes_a_stage_type_without_its_secrets() {
        let settings = settings(
            r#"
            [[webhooks.preconfigured]]
            type = "tellTeam"
            label = "Tell the team"
            url = "https://chat.io/${parameterValues['room']}"
            method = "POST"
            payload = "text=${parameterValues['text']}"
            custom_headers = { Accept = ["application/json"] }
            secret_header_files = { Authorization = "/run/secrets/chat" }
            wait_for_completion = false
            status_url_resolution = "locationHeader"

            [[webhooks.preconfigured.parameters]]
            name = "room"
            label = "Room"
            default_value = "general"
            order = 1

            [[webhooks.preconfigured]]
            type = "old"
            label = "Not any more"
            enabled = false
            "#,
        );
        let catalogue = catalogue(&settings).unwrap();
        let [webhook] = catalogue.webhooks() else {
            panic!("{:?}", catalogue.webhooks())
        };
        assert_eq!(
            Value::Object(webhook.properties.clone()),
            json!({
                "url": "https://chat.io/${parameterValues['room']}",
                "customHeaders": {"Accept": ["application/json"]},
                "method": "POST",
                "payload": "text=${parameterValues['text']}",
                "waitForCompletion": false,
                "statusUrlResolution": "locationHeader",
            })
        );
        assert_eq!(
            (webhook.kind.as_str(), webhook.has_secrets),
            ("tellTeam", true)
        );
        assert_eq!(webhook.parameters[0].default.as_deref(), Some("general"));
        assert!(!format!("{webhook:?}").contains("/run/secrets"));
        assert!(secret_headers(&settings).is_ok());
    }

    #[test]
    fn every_field_that_can_be_preconfigured_has_a_setting() {
        let filled = PreconfiguredWebhook {
            url: Some("u".to_owned()),
            custom_headers: Some([].into()),
            method: Some("POST".to_owned()),
            payload: Some("p".to_owned()),
            fail_fast_status_codes: Some(Vec::new()),
            wait_for_completion: Some(true),
            status_url_resolution: Some(gennaker_settings::StatusUrlResolution::GetMethod),
            status_url_json_path: Some("$".to_owned()),
            status_json_path: Some("$".to_owned()),
            progress_json_path: Some("$".to_owned()),
            success_statuses: Some("a".to_owned()),
            canceled_statuses: Some("b".to_owned()),
            terminal_statuses: Some("c".to_owned()),
            signal_cancellation: Some(true),
            cancel_endpoint: Some("u".to_owned()),
            cancel_method: Some("POST".to_owned()),
            cancel_payload: Some("p".to_owned()),
            wait_before_monitor: Some(1),
            retry_status_codes: Some(Vec::new()),
            ..PreconfiguredWebhook::default()
        };
        let properties = properties(&filled);
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(names, preconfigured::PROPERTIES);
    }

    #[test]
    fn a_name_that_is_taken_is_refused() {
        let settings = settings("[[webhooks.preconfigured]]\ntype = \"wait\"\nlabel = \"x\"\n");
        let said = format!("{:?}", catalogue(&settings).unwrap_err());
        assert!(said.contains("is the name of another stage type"), "{said}");
    }
}
