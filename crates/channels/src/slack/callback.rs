//! Buttons that were pressed in Slack: whether it was Slack that says so, and what was pressed.
//!
//! Source: echo `SlackAppService.verifySignature`, `SlackInteractiveNotificationService`. Its check of signatures never worked with
//! real requests, as its comment says: Spring had decoded the body already. Here the bytes are those that came.

use gennaker_credentials::auth::Secret;
use gennaker_model::Map;
use gennaker_outbound::Request;
use gennaker_settings::SlackApp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    channels::{below, read, secret_file},
    line::{Line, Repeat},
    notice::{object, text},
    problem::Problem,
};

/// How old a request may be, in seconds, and how far ahead its clock.
const AGE_S_MAX: i64 = 5 * 60;

/// Where answers to pressed buttons go.
const HOOKS: &str = "https://hooks.slack.com";

/// An app of a workspace.
#[derive(Clone, Debug)]
pub struct App {
    token: Secret,
    signing_secret: Secret,
    url: String,
    hooks_url: String,
    allowed_users: Vec<String>,
}

/// A button that somebody pressed.
#[derive(Clone, Debug, PartialEq)]
pub struct Pressed {
    /// Whose message it was: `gennaker`, or another service.
    pub service: String,
    /// What the message is called there.
    pub message: String,
    /// Slack's id of who pressed it.
    pub user_id: String,
    /// Their name in Slack.
    pub user_name: String,
    /// The name of the button.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Path of the address where the answer goes.
    pub response_path: Option<String>,
    /// The message as it was.
    pub original: Map,
}

impl App {
    pub(super) fn new(set: &SlackApp, url: &str) -> Option<Self> {
        Some(Self {
            token: secret_file(set.token_file.as_ref())?,
            signing_secret: secret_file(set.signing_secret_file.as_ref())?,
            url: url.to_owned(),
            hooks_url: set.hooks_url.clone().unwrap_or_else(|| HOOKS.to_owned()),
            allowed_users: set.allowed_users.clone(),
        })
    }

    pub(super) fn token(&self) -> &Secret {
        &self.token
    }

    /// What was pressed, if it is Slack that says so.
    ///
    /// # Errors
    /// Why the request is refused, as a sentence.
    pub async fn pressed(
        &self,
        timestamp: &str,
        signature: &str,
        body: &[u8],
        now_ms: i64,
    ) -> Result<Pressed, String> {
        let secret = self.signing_secret.read().await?;
        verify(&secret, timestamp, signature, body, now_ms)?;
        parse(body)
    }

    /// The mail address of a user.
    ///
    /// # Errors
    /// Slack does not tell it. Echo then takes the name, which people may change; here nobody decides under a name that was not
    /// proven.
    pub async fn user(&self, pressed: &Pressed, line: &Line<'_>) -> Result<String, Problem> {
        let token = read(&self.token).await?;
        let url = below(&self.url, "api/users.info");
        let form = super::form(&[("token", &token), ("user", &pressed.user_id)]);
        let request = Request::post(url, "application/x-www-form-urlencoded", form);
        let secrets = [token.as_str()];
        let line = line.hiding(&secrets);
        let answer = line.deliver(request, Repeat::Harmless).await?;
        let answer = answer.object(Repeat::Harmless)?;
        let email = answer["user"]["profile"]["email"].as_str();
        email.map(str::to_owned).ok_or_else(|| {
            let error = answer["error"].as_str().unwrap_or("no mail address");
            Problem::refused(format!(
                "Slack does not tell who {} is: {error}. The app needs the scope users:read.email",
                pressed.user_name
            ))
        })
    }

    /// Whether somebody may decide by a button.
    #[must_use]
    pub fn allows(&self, user: &str) -> bool {
        let user = user.to_lowercase();
        self.allowed_users.is_empty()
            || self.allowed_users.iter().any(|allowed| {
                let allowed = allowed.to_lowercase();
                match allowed.strip_prefix('*') {
                    Some(end) => end.starts_with('@') && user.ends_with(end),
                    None => user == allowed,
                }
            })
    }

    /// Replaces the message by one without buttons that says what was done.
    ///
    /// # Errors
    /// Slack does not take it; what was decided stays decided.
    pub async fn respond(
        &self,
        pressed: &Pressed,
        said: &str,
        line: &Line<'_>,
    ) -> Result<(), Problem> {
        let Some(path) = &pressed.response_path else {
            return Ok(());
        };
        // Only the path is taken from the request.
        let url = below(&self.hooks_url, path.trim_start_matches('/'));
        let body = answered(&pressed.original, said).to_string();
        let request = Request::post(url, "application/json", body);
        line.deliver(request, Repeat::Harmless).await?;
        Ok(())
    }
}

/// Source: Slack's "Verifying requests from Slack".
fn verify(
    secret: &str,
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now_ms: i64,
) -> Result<(), String> {
    let at_s: i64 = timestamp
        .parse()
        .map_err(|_| "The header X-Slack-Request-Timestamp is not a number".to_owned())?;
    if (now_ms / 1_000).saturating_sub(at_s).abs() > AGE_S_MAX {
        return Err("Slack request timestamp is older than 5 minutes. Replay attack?".to_owned());
    }
    let wrong = || "Invalid Slack signature header.".to_owned();
    let given = signature
        .strip_prefix("v0=")
        .and_then(unhex)
        .ok_or_else(wrong)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| wrong())?;
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    mac.verify_slice(&given).map_err(|_| wrong())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

fn parse(body: &[u8]) -> Result<Pressed, String> {
    let mut fields = url::form_urlencoded::parse(body);
    let payload = fields
        .find(|(name, _)| name == "payload")
        .ok_or("Missing payload field in Slack callback request.")?
        .1;
    let payload: Value = serde_json::from_str(&payload)
        .map_err(|_| "The payload of the Slack callback is not JSON.")?;
    let none = Map::new();
    let payload = payload.as_object().unwrap_or(&none);
    let kind = text(payload, "type").unwrap_or_default();
    if kind != "interactive_message" {
        return Err(format!("Unsupported Slack callback type: {kind}"));
    }
    let user = object(payload, "user").unwrap_or(&none);
    let id = text(payload, "callback_id").unwrap_or_default();
    let (Some((service, message)), Some(user_name)) = (id.split_once(':'), text(user, "name"))
    else {
        return Err(
            "Slack callback_id and user not present. Cannot route the request to originating Spinnaker service."
                .to_owned(),
        );
    };
    let action = payload.get("actions").and_then(|all| all.get(0));
    let action = action.and_then(Value::as_object).unwrap_or(&none);
    if text(action, "type") != Some("button") {
        return Err("Spinnaker currently only supports Slack button actions.".to_owned());
    }
    let of = |map: &Map, key: &str| text(map, key).unwrap_or_default().to_owned();
    let response = text(payload, "response_url").and_then(|url| url::Url::parse(url).ok());
    Ok(Pressed {
        service: service.to_owned(),
        message: message.to_owned(),
        user_id: of(user, "id"),
        user_name: user_name.to_owned(),
        name: of(action, "name"),
        value: of(action, "value"),
        response_path: response.map(|url| url.path().to_owned()),
        original: object(payload, "original_message")
            .cloned()
            .unwrap_or_default(),
    })
}

/// The message without its buttons and with one sentence more.
fn answered(original: &Map, said: &str) -> Value {
    let mut message = json!(original);
    let first = message
        .get_mut("attachments")
        .and_then(|all| all.get_mut(0));
    match first.and_then(Value::as_object_mut) {
        Some(first) => {
            first.shift_remove("actions");
            let before = text(first, "text").unwrap_or_default();
            let after = format!("{before}\n\n{said}");
            first.insert("text".to_owned(), after.into());
        }
        None => message = json!({"text": said, "replace_original": false}),
    }
    message
}
