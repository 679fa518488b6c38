//! The fields of a webhook stage, read from its evaluated context.
//!
//! Source: orca `WebhookStage.StageData`. Quoted numbers and booleans are accepted where Spinnaker's object mapper accepts
//! them; a null that Spinnaker would stumble over counts as absent.

use std::collections::BTreeMap;

use gennaker_model::Map;
use serde_json::Value;

/// Headers that a stage may not set, compared without case: they carry identity inside Spinnaker.
///
/// Source: orca `WebhookService.headerDenyList`.
const HEADERS_DENIED: [&str; 5] = [
    "x-spinnaker-user",
    "x-spinnaker-account",
    "x-spinnaker-user-origin",
    "x-spinnaker-request-id",
    "x-spinnaker-execution-id",
];

/// What a webhook stage says.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields {
    /// Target of the call.
    pub url: String,
    /// Verb in upper case.
    pub method: String,
    /// Body.
    pub payload: Option<Value>,
    /// Own headers, without the denied ones; a name may come several times.
    pub headers: Vec<(String, String)>,
    /// Status codes that end the stage at once.
    pub fail_fast: Vec<u16>,
    /// Further codes that let the call be tried again.
    pub call_retry: Vec<u16>,
    /// Further codes that let the look at the status be tried again.
    pub monitor_retry: Vec<u16>,
    /// Highest number of attempts that may meet a code.
    pub retries: BTreeMap<u16, u32>,
    /// Poll a status URL after the call.
    pub wait_for_completion: bool,
    /// Where the status URL comes from; as [`Resolution::GetMethod`] when it is not said (Orca fails then).
    pub resolution: Option<Resolution>,
    /// JSON path of the status URL in the response.
    pub status_url_path: Option<String>,
    /// Status URL: given, or found by the call.
    pub status_endpoint: Option<String>,
    /// There is no call, only the polling.
    pub monitor_only: bool,
    /// JSON path of the status.
    pub status_path: Option<String>,
    /// JSON path of a progress message.
    pub progress_path: Option<String>,
    /// Statuses that mean success, in upper case.
    pub success: Vec<String>,
    /// Statuses that mean cancelled, in upper case.
    pub canceled: Vec<String>,
    /// Statuses that mean failure, in upper case.
    pub terminal: Vec<String>,
    /// Called when the stage is cancelled or fails.
    pub cancel_endpoint: Option<String>,
    /// Verb of that call.
    pub cancel_method: String,
    /// Body of that call.
    pub cancel_payload: Option<Value>,
    /// The target recognises a repeated `Idempotency-Key` (our addition): any verb may be sent again.
    pub idempotent: bool,
    /// The stage names artifacts that the response must hold.
    pub expects_artifacts: bool,
    /// What earlier attempts left under `webhook`.
    pub webhook: Map,
}

/// Where the status URL comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The URL of the call, with GET.
    GetMethod,
    /// The `Location` header of the response.
    LocationHeader,
    /// A JSON path into the response.
    WebhookResponse,
}

/// A field that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field '{field}' of the webhook stage {problem}")]
pub struct Error {
    field: String,
    problem: String,
}

impl Fields {
    /// Reads the fields.
    ///
    /// # Errors
    /// The first field whose value cannot be meant.
    pub fn read(context: &Map) -> Result<Self, Error> {
        let field = |name: &'static str| Field { context, name };
        Ok(Self {
            url: field("url").text()?.unwrap_or_default(),
            method: field("method").verb()?,
            payload: field("payload").value().cloned(),
            headers: headers(field("customHeaders"))?,
            fail_fast: match context.get("failFastStatusCodes") {
                None => vec![504],
                Some(_) => field("failFastStatusCodes").codes()?,
            },
            call_retry: field("webhookRetryStatusCodes").codes()?,
            monitor_retry: field("retryStatusCodes").codes()?,
            retries: retries(field("retries"))?,
            wait_for_completion: field("waitForCompletion").flag()?,
            resolution: resolution(field("statusUrlResolution"))?,
            status_url_path: field("statusUrlJsonPath").text()?,
            status_endpoint: field("statusEndpoint")
                .text()?
                .or_else(|| found_endpoint(context)),
            monitor_only: field("monitorOnly").flag()?,
            status_path: field("statusJsonPath").text()?,
            progress_path: field("progressJsonPath").text()?,
            success: field("successStatuses").list()?,
            canceled: field("canceledStatuses").list()?,
            terminal: field("terminalStatuses").list()?,
            cancel_endpoint: field("cancelEndpoint").text()?,
            cancel_method: field("cancelMethod").verb()?,
            cancel_payload: field("cancelPayload").value().cloned(),
            idempotent: field("idempotent").flag()?,
            expects_artifacts: context
                .get("expectedArtifacts")
                .and_then(Value::as_array)
                .is_some_and(|list| !list.is_empty()),
            webhook: context
                .get("webhook")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
        })
    }

    /// Whether a request with this verb may be sent again when nobody knows whether it arrived.
    #[must_use]
    pub fn safe_to_send_again(&self) -> bool {
        self.idempotent
            || matches!(
                self.method.as_str(),
                "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS"
            )
    }
}

/// A body for `payload` as Spring's converters write it: a text as it is, anything else as JSON; with its content type.
#[must_use]
pub fn body_of(payload: &Value) -> (Vec<u8>, &'static str) {
    match payload {
        Value::String(text) => (text.clone().into_bytes(), "text/plain;charset=UTF-8"),
        other => (other.to_string().into_bytes(), "application/json"),
    }
}

struct Field<'c> {
    context: &'c Map,
    name: &'static str,
}

impl<'c> Field<'c> {
    fn value(&self) -> Option<&'c Value> {
        self.context.get(self.name).filter(|value| !value.is_null())
    }

    fn error(&self, problem: impl Into<String>) -> Error {
        Error {
            field: self.name.to_owned(),
            problem: problem.into(),
        }
    }

    /// A text without the space around it; blank is absent.
    fn text(&self) -> Result<Option<String>, Error> {
        match self.value() {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(self.error("must be a text")),
        }
    }

    fn flag(&self) -> Result<bool, Error> {
        match self.value() {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" | "" => Ok(false),
                _ => Err(self.error("must be true or false")),
            },
            Some(_) => Err(self.error("must be true or false")),
        }
    }

    fn verb(&self) -> Result<String, Error> {
        let verb = self
            .text()?
            .unwrap_or_else(|| "POST".to_owned())
            .to_ascii_uppercase();
        let legal = verb.len() <= 32
            && verb
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if legal {
            Ok(verb)
        } else {
            Err(self.error("must be an HTTP method"))
        }
    }

    fn codes(&self) -> Result<Vec<u16>, Error> {
        match self.value() {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => list
                .iter()
                .map(|value| {
                    code(value).ok_or_else(|| self.error("must be a list of HTTP status codes"))
                })
                .collect(),
            Some(single) => {
                Ok(vec![code(single).ok_or_else(|| {
                    self.error("must be a list of HTTP status codes")
                })?])
            }
        }
    }

    /// A comma separated list in upper case.
    fn list(&self) -> Result<Vec<String>, Error> {
        let text = match self.value() {
            Some(Value::Bool(flag)) => flag.to_string(),
            _ => self.text()?.unwrap_or_default(),
        };
        Ok(text
            .split(',')
            .map(|part| part.trim().to_uppercase())
            .filter(|part| !part.is_empty())
            .collect())
    }
}

fn code(value: &Value) -> Option<u16> {
    let number = match value {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (100..=999).contains(&number).then_some(number)
}

fn headers(field: Field<'_>) -> Result<Vec<(String, String)>, Error> {
    let map = match field.value() {
        None => return Ok(Vec::new()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(field.error("must be a map")),
    };
    let mut headers = Vec::new();
    for (name, value) in map {
        if HEADERS_DENIED.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        match value {
            Value::Null => {}
            Value::Array(list) => {
                for value in list {
                    headers.push((name.clone(), header_text(&field, name, value)?));
                }
            }
            single => headers.push((name.clone(), header_text(&field, name, single)?)),
        }
    }
    Ok(headers)
}

/// The value of a header. The error names the header, never its value: it may be a secret.
fn header_text(field: &Field<'_>, name: &str, value: &Value) -> Result<String, Error> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Err(field.error(format!(
                "must give header '{name}' a text or a list of texts"
            )));
        }
    };
    if text.chars().any(char::is_control) {
        return Err(field.error(format!(
            "gives header '{name}' a value with control characters"
        )));
    }
    Ok(text)
}

fn retries(field: Field<'_>) -> Result<BTreeMap<u16, u32>, Error> {
    let wrong = || field.error("must be a map from status code to {maxAttempts}");
    let map = match field.value() {
        None => return Ok(BTreeMap::new()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(wrong()),
    };
    map.iter()
        .map(|(code, limit)| {
            let code = code.trim().parse().map_err(|_| wrong())?;
            let attempts = match limit.get("maxAttempts") {
                None | Some(Value::Null) => 0,
                Some(Value::Number(number)) => number.as_i64().ok_or_else(wrong)?,
                Some(Value::String(text)) => text.trim().parse().map_err(|_| wrong())?,
                Some(_) => return Err(wrong()),
            };
            Ok((code, u32::try_from(attempts.max(0)).map_err(|_| wrong())?))
        })
        .collect()
}

fn resolution(field: Field<'_>) -> Result<Option<Resolution>, Error> {
    match field.text()?.as_deref() {
        None => Ok(None),
        Some("getMethod") => Ok(Some(Resolution::GetMethod)),
        Some("locationHeader") => Ok(Some(Resolution::LocationHeader)),
        Some("webhookResponse") => Ok(Some(Resolution::WebhookResponse)),
        Some(_) => Err(field.error("must be getMethod, locationHeader or webhookResponse")),
    }
}

fn found_endpoint(context: &Map) -> Option<String> {
    context
        .get("webhook")?
        .get("statusEndpoint")?
        .as_str()
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_stage_has_spinnakers_defaults() {
        let fields = read(json!({"url": " http://x.io "})).unwrap();
        assert_eq!(fields.url, "http://x.io");
        assert_eq!(fields.method, "POST");
        assert_eq!(fields.cancel_method, "POST");
        assert_eq!(fields.fail_fast, [504]);
        assert_eq!(fields.payload, None);
        assert!(!fields.wait_for_completion && !fields.monitor_only && !fields.idempotent);
        assert_eq!(fields.resolution, None);
        assert!(fields.success.is_empty());
    }

    #[test]
    fn sloppy_values_are_understood() {
        let fields = read(json!({
            "url": "http://x", "method": "pUt", "failFastStatusCodes": ["404", 410], "waitForCompletion": "true",
            "retries": {"503": {"maxAttempts": "3"}, "409": {"maxAttempts": -1}, "400": {}},
            "successStatuses": "done, Ok ,", "customHeaders": null, "payload": null, "retryStatusCodes": 418,
            "webhook": {"statusEndpoint": "http://s"}
        }))
        .unwrap();
        assert_eq!(fields.method, "PUT");
        assert_eq!(fields.fail_fast, [404, 410]);
        assert!(fields.wait_for_completion);
        assert_eq!(
            fields.retries,
            BTreeMap::from([(400, 0), (409, 0), (503, 3)])
        );
        assert_eq!(fields.success, ["DONE", "OK"]);
        assert_eq!(fields.monitor_retry, [418]);
        assert_eq!(fields.status_endpoint.as_deref(), Some("http://s"));
        assert_eq!(
            read(json!({"failFastStatusCodes": null}))
                .unwrap()
                .fail_fast,
            Vec::<u16>::new()
        );
    }

    #[test]
    fn headers_keep_lists_and_lose_the_denied_ones() {
        let fields = read(json!({"customHeaders": {
            "X-Spinnaker-User": "root", "x-SPINNAKER-execution-ID": "1", "X-SPINNAKER-OTHER": "kept",
            "Accept": ["a", "b"], "N": 1, "None": null
        }}))
        .unwrap();
        let expected = [
            ("X-SPINNAKER-OTHER", "kept"),
            ("Accept", "a"),
            ("Accept", "b"),
            ("N", "1"),
        ];
        assert_eq!(
            fields.headers,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn errors_name_the_field_and_keep_header_values_to_themselves() {
        for (context, expected) in [
            (
                json!({"method": "GE T"}),
                "field 'method' of the webhook stage must be an HTTP method",
            ),
            (
                json!({"url": {}}),
                "field 'url' of the webhook stage must be a text",
            ),
            (
                json!({"failFastStatusCodes": [1]}),
                "field 'failFastStatusCodes' of the webhook stage must be a list of HTTP status codes",
            ),
            (
                json!({"retries": {"x": {}}}),
                "field 'retries' of the webhook stage must be a map from status code to {maxAttempts}",
            ),
            (
                json!({"retries": []}),
                "field 'retries' of the webhook stage must be a map from status code to {maxAttempts}",
            ),
            (
                json!({"statusUrlResolution": "guess"}),
                "field 'statusUrlResolution' of the webhook stage must be getMethod, locationHeader or webhookResponse",
            ),
            (
                json!({"waitForCompletion": "maybe"}),
                "field 'waitForCompletion' of the webhook stage must be true or false",
            ),
            (
                json!({"customHeaders": {"Token": "s3cret\n"}}),
                "field 'customHeaders' of the webhook stage gives header 'Token' a value with control characters",
            ),
            (
                json!({"customHeaders": {"Token": {"a": "s3cret"}}}),
                "field 'customHeaders' of the webhook stage must give header 'Token' a text or a list of texts",
            ),
        ] {
            assert_eq!(read(context).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn only_repeatable_verbs_are_sent_again() {
        for (context, again) in [
            (json!({}), false),
            (json!({"method": "patch"}), false),
            (json!({"method": "purge"}), false),
            (json!({"method": "get"}), true),
            (json!({"method": "HEAD"}), true),
            (json!({"method": "put"}), true),
            (json!({"method": "delete"}), true),
            (json!({"method": "options"}), true),
            (json!({"idempotent": true}), true),
        ] {
            assert_eq!(
                read(context.clone()).unwrap().safe_to_send_again(),
                again,
                "{context}"
            );
        }
    }

    #[test]
    fn a_text_is_sent_as_it_is_and_anything_else_as_json() {
        assert_eq!(
            body_of(&json!("a=b")),
            (b"a=b".to_vec(), "text/plain;charset=UTF-8")
        );
        assert_eq!(
            body_of(&json!({"b": 1, "a": [true]})),
            (br#"{"b":1,"a":[true]}"#.to_vec(), "application/json")
        );
        assert_eq!(body_of(&json!(7)), (b"7".to_vec(), "application/json"));
    }

    fn read(context: Value) -> Result<Fields, Error> {
        Fields::read(context.as_object().unwrap())
    }
}
