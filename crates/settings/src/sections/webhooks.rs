//! `[webhooks]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stage types of this installation that call an address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Stage types that call one address each, with parameters; Spinnaker's `webhook.preconfigured`. What is set here wins over
    /// what a stage says. All schedulers, workers and API processes of an installation should have the same. A change concerns
    /// stages that start from then on.
    pub preconfigured: Vec<PreconfiguredWebhook>,
}

/// A stage type that calls one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PreconfiguredWebhook {
    /// Name of the stage type: letters, digits, `.`, `-` and `_`; not one that exists.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is there.
    pub enabled: bool,
    /// Its name for people.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// What a stage may set; `${parameterValues['name']}` in the settings below.
    pub parameters: Vec<WebhookParameter>,
    /// Handed to the web interface as it is: texts by key, by parameter.
    pub parameter_data: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// The address.
    pub url: Option<String>,
    /// Headers that may be read by everybody who may read an execution: lists of values by name.
    pub custom_headers: Option<BTreeMap<String, Vec<String>>>,
    /// Files with the values of headers that nobody may read, by the name of the header. Only workers read them, at each
    /// call, and they go only to the scheme, host and port of `url`, below its path. White space at the end does not
    /// count.
    pub secret_header_files: BTreeMap<String, String>,
    /// The HTTP method.
    pub method: Option<String>,
    /// The body.
    pub payload: Option<String>,
    /// Status codes that fail the stage at once.
    pub fail_fast_status_codes: Option<Vec<u16>>,
    /// Whether a status address is polled until it says that it is done.
    pub wait_for_completion: Option<bool>,
    /// Where the status address comes from.
    pub status_url_resolution: Option<StatusUrlResolution>,
    /// JSON path to the status address in the response.
    pub status_url_json_path: Option<String>,
    /// JSON path to the status in what the status address answers.
    pub status_json_path: Option<String>,
    /// JSON path to a text about progress.
    pub progress_json_path: Option<String>,
    /// Words for success, separated by commas.
    pub success_statuses: Option<String>,
    /// Words for canceled, separated by commas.
    pub canceled_statuses: Option<String>,
    /// Words for failure, separated by commas.
    pub terminal_statuses: Option<String>,
    /// Whether the web interface shows the fields for cancelling.
    pub signal_cancellation: Option<bool>,
    /// Address that is called when the stage is cancelled or fails.
    pub cancel_endpoint: Option<String>,
    /// HTTP method of that call.
    pub cancel_method: Option<String>,
    /// Body of that call.
    pub cancel_payload: Option<String>,
    /// Seconds between the start of the stage and the first look at the status.
    #[schemars(range(min = 0, max = 31_536_000))]
    pub wait_before_monitor: Option<u32>,
    /// Further status codes after which polling goes on.
    pub retry_status_codes: Option<Vec<u16>>,
}

/// A parameter of such a stage type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookParameter {
    /// Its name in `parameterValues`.
    pub name: String,
    /// Its name for people.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its value where a stage gives none.
    pub default_value: Option<String>,
    /// Its place in the web interface.
    pub order: i32,
    /// Whether a stage that gives no value fails.
    pub required: bool,
}

/// Where the status address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StatusUrlResolution {
    /// The address of the call.
    GetMethod,
    /// The `Location` header of the response.
    LocationHeader,
    /// A JSON path into the response.
    WebhookResponse,
}

impl Default for PreconfiguredWebhook {
    fn default() -> PreconfiguredWebhook {
        PreconfiguredWebhook {
            kind: String::new(),
            enabled: true,
            label: String::new(),
            description: None,
            parameters: Vec::new(),
            parameter_data: None,
            url: None,
            custom_headers: None,
            secret_header_files: BTreeMap::new(),
            method: None,
            payload: None,
            fail_fast_status_codes: None,
            wait_for_completion: None,
            status_url_resolution: None,
            status_url_json_path: None,
            status_json_path: None,
            progress_json_path: None,
            success_statuses: None,
            canceled_statuses: None,
            terminal_statuses: None,
            signal_cancellation: None,
            cancel_endpoint: None,
            cancel_method: None,
            cancel_payload: None,
            wait_before_monitor: None,
            retry_status_codes: None,
        }
    }
}
