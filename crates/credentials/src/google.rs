//! Access tokens of Google's service accounts: with a key, or the machine's own.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use gennaker_outbound::{Client, Request};
use gennaker_runtime::Clock;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::{file, rsa::Key};

const TOKENS: &str = "https://oauth2.googleapis.com/token";
const METADATA: &str =
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";

/// What an address policy must let an identity without a key reach.
pub const METADATA_HOSTS: [&str; 2] = ["metadata.google.internal", "169.254.169.254"];

/// Before its end a token is not used any more, in milliseconds.
const FRESH_MS: i64 = 60 * 1000;
/// Longest that a token is kept, in seconds, whatever is answered.
const LIFE_S_MAX: i64 = 86_400;
/// Longest answer with a token, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// No token can be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Who gives them cannot be called.
    #[error(transparent)]
    Call(#[from] gennaker_outbound::Error),
    /// Who gives them refuses.
    #[error("Received {status} status code from {host}")]
    Status {
        /// The code.
        status: u16,
        /// Who answered.
        host: String,
    },
    /// The key, or the answer, is not one; a text without the secret.
    #[error("{0}")]
    Unusable(String),
}

/// One service account. The key's file is read at each use, so that a new one is taken up without a restart.
pub struct Identity {
    client: Client,
    clock: Clock,
    key_file: Option<PathBuf>,
    kept: Mutex<Kept>,
}

/// Tokens and their ends by scope, and the key that they were got with.
#[derive(Default)]
struct Kept {
    key: String,
    tokens: BTreeMap<String, (String, i64)>,
}

/// A service account's key, as Google hands it out.
#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key: String,
    token_uri: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: Option<i64>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("key_file", &self.key_file)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// The account of a key in Google's JSON; without one, the machine's own, asked of [`METADATA_HOSTS`]. `client` must be
    /// able to call who gives tokens.
    #[must_use]
    pub fn new(client: Client, clock: Clock, key_file: Option<PathBuf>) -> Self {
        Self {
            client,
            clock,
            key_file,
            kept: Mutex::default(),
        }
    }

    /// A token for one scope (several stand in one text, with spaces between), kept until shortly before its end.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn token(&self, scope: &str) -> Result<String, Error> {
        let key = match &self.key_file {
            Some(path) => read(path).await?,
            None => String::new(),
        };
        let now = self.clock.now_ms();
        // One at a time: those that wait find the token of the first.
        let mut kept = self.kept.lock().await;
        if kept.key != key {
            *kept = Kept {
                key: key.clone(),
                tokens: BTreeMap::new(),
            };
        }
        if let Some((token, until)) = kept.tokens.get(scope)
            && *until > now + FRESH_MS
        {
            return Ok(token.clone());
        }
        let request = match &self.key_file {
            Some(_) => exchange(&key, scope, now)?,
            None => Request::get(METADATA).header("Metadata-Flavor", "Google"),
        };
        let answer = self
            .client
            .send(request.response_bytes_max(ANSWER_BYTES_MAX))
            .await?;
        if !answer.is_success() {
            return Err(Error::Status {
                status: answer.status,
                host: crate::host_of(&answer.url),
            });
        }
        let token: Token = serde_json::from_slice(&answer.body)
            .map_err(|_| Error::Unusable("Google gives no token for it".to_owned()))?;
        let life_s = token.expires_in.unwrap_or(0).clamp(0, LIFE_S_MAX);
        kept.tokens.insert(
            scope.to_owned(),
            (token.access_token.clone(), now + life_s * 1_000),
        );
        Ok(token.access_token)
    }

    /// The project that the key is of (`project_id`), if it names one.
    ///
    /// # Errors
    /// [`Error::Unusable`].
    pub async fn project(&self) -> Result<Option<String>, Error> {
        let Some(path) = &self.key_file else {
            return Ok(None);
        };
        let key: serde_json::Value =
            serde_json::from_str(&read(path).await?).map_err(|_| not_a_key())?;
        Ok(key["project_id"].as_str().map(str::to_owned))
    }
}

async fn read(path: &Path) -> Result<String, Error> {
    file::read(path).await.map_err(Error::Unusable)
}

fn not_a_key() -> Error {
    Error::Unusable("the file is not the key of a service account".to_owned())
}

/// A signed wish for a token (RFC 7523).
fn exchange(key: &str, scope: &str, now_ms: i64) -> Result<Request, Error> {
    let key: ServiceAccount = serde_json::from_str(key).map_err(|_| not_a_key())?;
    let uri = key.token_uri.as_deref().unwrap_or(TOKENS);
    let now_s = now_ms / 1_000;
    let claims = json!({"iss": key.client_email, "scope": scope, "aud": uri, "iat": now_s, "exp": now_s + 3_600});
    let proof = Key::from_pem(&key.private_key)
        .and_then(|key| key.token(&claims))
        .map_err(Error::Unusable)?;
    let body = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={proof}"
    );
    Ok(Request::post(
        uri,
        "application/x-www-form-urlencoded",
        body,
    ))
}
