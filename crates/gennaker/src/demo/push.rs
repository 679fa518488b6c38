//! What GitHub tells when somebody has pushed a commit.

use gennaker_cli::Failure;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::pipelines::REPOSITORY;
use super::{Api, missing};

/// A push of a commit that nobody has made before, signed as GitHub signs.
pub(super) struct Push {
    hash: String,
    secret: String,
}

impl Push {
    /// A new commit, and a new secret that Gennaker and the sender have to share.
    pub(super) fn new() -> Self {
        Self {
            hash: hex(&rand::random::<[u8; 20]>()),
            secret: hex(&rand::random::<[u8; 16]>()),
        }
    }

    /// The commit as short as people write it.
    pub(super) fn commit(&self) -> &str {
        &self.hash[..7]
    }

    /// What the trigger has to know.
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    /// Tells Gennaker; the id of the event.
    pub(super) async fn send(&self, api: &Api) -> Result<String, Failure> {
        let body = self.body().to_string();
        let answer = api
            .deliver(
                "/webhooks/git/github",
                body.clone().into_bytes(),
                &[
                    ("X-GitHub-Event", "push".to_owned()),
                    // By it a push that is told twice is one push.
                    ("X-GitHub-Delivery", self.hash.clone()),
                    ("X-Hub-Signature-256", signature(&self.secret, &body)),
                ],
            )
            .await?;
        let event = answer["eventId"].as_str().map(str::to_owned);
        event.ok_or_else(|| missing("the webhook's answer", "event", &answer))
    }

    fn body(&self) -> Value {
        let [owner, name] = REPOSITORY;
        json!({
            "ref": "refs/heads/main",
            "after": self.hash,
            "repository": {"name": name, "full_name": format!("{owner}/{name}"), "owner": {"name": owner}},
            "pusher": {"name": "dev", "email": "dev@example.com"},
        })
    }
}

/// The value of `X-Hub-Signature-256`.
fn signature(secret: &str, body: &str) -> String {
    let mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("keys of any length are taken");
    let digest = mac.chain_update(body).finalize().into_bytes();
    format!("sha256={}", hex(&digest))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From GitHub's documentation, "Validating webhook deliveries".
    #[test]
    fn it_signs_as_github_does() {
        assert_eq!(
            signature("It's a Secret to Everybody", "Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
