//! Secret headers of preconfigured webhooks: read at use, and sent nowhere but to the address that the operator has named.
//!
//! A stage says by [`NAME_KEY`] whose headers its calls are to have. The scheduler sees to it that no stage says so that has not
//! that type; here it is not relied on: what the operator has configured decides where the headers may go.
//!
//! Source: orca `WebhookProperties.PreconfiguredWebhook.sensitiveHeaders`, which go wherever the stage calls.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use gennaker_model::Map;
use serde_json::Value;
use url::{Origin, Url};

use crate::secret_file;

/// Context key of the stage type whose secret headers go with the calls of a stage.
pub(crate) const NAME_KEY: &str = "preconfiguredWebhook";

/// The secret headers of all preconfigured webhooks.
#[derive(Clone, Debug, Default)]
pub struct SecretHeaders(Arc<BTreeMap<String, Guarded>>);

/// The secret headers of one preconfigured webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretHeadersOf {
    /// The stage type.
    pub kind: String,
    /// Its address. Expressions may stand in it behind scheme, host and port.
    pub url: String,
    /// Files with the values, by the name of the header.
    pub files: BTreeMap<String, PathBuf>,
}

/// An address that does not say where secret headers may go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address of stage type {0} does not say to which scheme and host its secret headers may go"
)]
pub struct BadAddress(String);

/// Why the headers cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The call goes where they may not go.
    #[error("the secret headers of stage type {kind} go to {to} only")]
    Elsewhere { kind: String, to: String },
    /// This worker does not know the type.
    #[error(
        "this worker has no secret headers for stage type {0}; its settings differ from the scheduler's"
    )]
    Unknown(String),
    /// There is no value.
    #[error("the file of secret header {header} of stage type {kind} {problem}")]
    File {
        kind: String,
        header: String,
        problem: String,
    },
}

#[derive(Debug)]
struct Guarded {
    origin: Origin,
    /// The path up to its first expression.
    path: String,
    files: BTreeMap<String, PathBuf>,
}

impl SecretHeaders {
    /// Those of these types.
    ///
    /// # Errors
    /// [`BadAddress`] of the first whose scheme, host or port is not said.
    pub fn new(types: impl IntoIterator<Item = SecretHeadersOf>) -> Result<Self, BadAddress> {
        let mut all = BTreeMap::new();
        for SecretHeadersOf { kind, url, files } in types {
            let place = place_of(&url).ok_or_else(|| BadAddress(kind.clone()))?;
            let (origin, path) = place;
            all.insert(
                kind,
                Guarded {
                    origin,
                    path,
                    files,
                },
            );
        }
        Ok(Self(Arc::new(all)))
    }

    /// The headers for a call of `url` by a stage with this context; none if it asks for none.
    pub(super) async fn of(&self, input: &Map, url: &str) -> Result<Vec<(String, String)>, Error> {
        let Some(kind) = input.get(NAME_KEY).and_then(Value::as_str) else {
            return Ok(Vec::new());
        };
        let Some(guarded) = self.0.get(kind) else {
            return Err(Error::Unknown(kind.to_owned()));
        };
        if !guarded.is_home_of(url) {
            return Err(Error::Elsewhere {
                kind: kind.to_owned(),
                to: format!("{}{}", guarded.origin.ascii_serialization(), guarded.path),
            });
        }
        let mut headers = Vec::with_capacity(guarded.files.len());
        for (header, file) in &guarded.files {
            let value = secret_file::read(file)
                .await
                .map_err(|problem| Error::File {
                    kind: kind.to_owned(),
                    header: header.clone(),
                    problem,
                })?;
            headers.push((header.clone(), value));
        }
        Ok(headers)
    }

    /// The same for a call that may well go elsewhere, and then goes without them.
    pub(super) async fn of_if_home(
        &self,
        input: &Map,
        url: &str,
    ) -> Result<Vec<(String, String)>, Error> {
        match self.of(input, url).await {
            Err(Error::Elsewhere { .. }) => Ok(Vec::new()),
            other => other,
        }
    }
}

impl Guarded {
    fn is_home_of(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| {
            url.origin() == self.origin
                && url.path().starts_with(&self.path)
                // Some servers take an encoded dot or slash for one.
                && !url.path().to_ascii_lowercase().contains("%2e")
                && !url.path().to_ascii_lowercase().contains("%2f")
        })
    }
}

/// Secret headers win over those of the same name that the stage sets.
pub(super) fn lay_over(headers: &mut Vec<(String, String)>, secret: Vec<(String, String)>) {
    headers.retain(|(name, _)| {
        !secret
            .iter()
            .any(|(secret, _)| secret.eq_ignore_ascii_case(name))
    });
    headers.extend(secret);
}

/// Origin and path of an address, as far as they are said before its first expression.
fn place_of(url: &str) -> Option<(Origin, String)> {
    let said = url.split("${").next().unwrap_or_default();
    let authority = said.split_once("://")?.1;
    let is_whole = said.len() == url.len() || authority.contains(['/', '?', '#']);
    let parsed = Url::parse(said).ok()?;
    let is_http = matches!(parsed.scheme(), "http" | "https");
    (is_whole && is_http && parsed.origin().is_tuple())
        .then(|| (parsed.origin(), parsed.path().to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::secret_file::SECRET_BYTES_MAX;

    fn guarded(url: &str, file: &str) -> SecretHeadersOf {
        let files = [("Authorization".to_owned(), PathBuf::from(file))];
        SecretHeadersOf {
            kind: "tell".to_owned(),
            url: url.to_owned(),
            files: files.into_iter().collect(),
        }
    }

    fn temporary(text: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap().to_owned();
        (folder, file)
    }

    #[tokio::test]
    async fn they_go_to_the_address_of_the_operator_only() {
        let (_folder, file) = temporary("Bearer t0p \n");
        let url = "https://chat.io/hooks/${parameterValues['room']}";
        let secrets = SecretHeaders::new([guarded(url, &file)]).unwrap();
        let stage = json!({"preconfiguredWebhook": "tell"});
        let stage = stage.as_object().unwrap();
        let found = secrets
            .of(stage, "https://chat.io:443/hooks/a?x=1")
            .await
            .unwrap();
        assert_eq!(
            found,
            [("Authorization".to_owned(), "Bearer t0p".to_owned())]
        );
        for elsewhere in [
            "http://chat.io/hooks/a",
            "https://chat.io:8443/hooks/a",
            "https://chat.io.evil.io/hooks/a",
            "https://chat.io@evil.io/hooks/a",
            "https://evil.io/?https://chat.io/hooks/",
            "https://chat.io/hooks/../admin",
            "https://chat.io/hooks/%2e%2e/admin",
            "https://chat.io/hooks/%2E%2E%2Fadmin",
            "https://chat.io/hook",
            "nonsense",
        ] {
            let error = secrets.of(stage, elsewhere).await.unwrap_err().to_string();
            assert_eq!(
                error,
                "the secret headers of stage type tell go to https://chat.io/hooks/ only"
            );
            assert!(
                secrets
                    .of_if_home(stage, elsewhere)
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
        for plain in [json!({}), json!({"preconfiguredWebhook": null})] {
            let none = secrets.of(plain.as_object().unwrap(), "https://x.io").await;
            assert!(none.unwrap().is_empty());
        }
        let unknown = json!({"preconfiguredWebhook": "other"});
        let error = secrets
            .of(unknown.as_object().unwrap(), "https://chat.io/hooks/a")
            .await;
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("differ from the scheduler's")
        );
    }

    #[tokio::test]
    async fn a_file_without_a_value_is_named_by_its_header() {
        for (text, problem) in [
            ("", "holds nothing that can stand in a header"),
            ("a\nb", "holds nothing that can stand in a header"),
            (
                &*"x".repeat(SECRET_BYTES_MAX + 1),
                "has more than 16384 bytes",
            ),
        ] {
            let (_folder, file) = temporary(text);
            let secrets = SecretHeaders::new([guarded("https://chat.io", &file)]).unwrap();
            let stage = json!({"preconfiguredWebhook": "tell"});
            let found = secrets
                .of(stage.as_object().unwrap(), "https://chat.io/a")
                .await;
            assert_eq!(
                found.unwrap_err().to_string(),
                format!("the file of secret header Authorization of stage type tell {problem}")
            );
        }
    }

    #[test]
    fn an_address_must_say_its_host() {
        for (url, said) in [
            ("https://chat.io", true),
            ("https://chat.io/${parameterValues['x']}", true),
            ("https://chat.io?x=${parameterValues['x']}", true),
            ("https://chat.io${parameterValues['x']}", false),
            ("https://${parameterValues['x']}/a", false),
            ("${parameterValues['x']}", false),
            ("ftp://chat.io", false),
        ] {
            let made = SecretHeaders::new([guarded(url, "f")]);
            assert_eq!(made.is_ok(), said, "{url}");
        }
    }

    #[test]
    fn they_win_over_headers_of_the_same_name() {
        let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![of("authorization", "mine"), of("X-A", "a")];
        lay_over(&mut headers, vec![of("Authorization", "secret")]);
        assert_eq!(headers, [of("X-A", "a"), of("Authorization", "secret")]);
    }
}
