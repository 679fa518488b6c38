//! Whether a webhook comes from somebody who knows the trigger's secret.
//!
//! | trigger has a secret | webhook is signed | |
//! |---|---|---|
//! | no | no | goes |
//! | yes | no | refused |
//! | no | yes | refused: the sender believes that somebody checks |
//! | yes | yes | compared |
//!
//! A trigger without one has the secret that all share, if the settings have one ([`compare_shared_secret`]).
//!
//! Signed is what has `X-Hub-Signature` (HMAC of the body by SHA-1, as Echo knows it, or by SHA-256, as Bitbucket's server puts
//! there), `X-Hub-Signature-256` (SHA-256; GitHub sends both), or GitLab's token. Echo checks SHA-1 only, refuses the second form
//! always, and never sees GitLab's token: there a secret shuts GitLab out. Comparing what it could not compare is our addition.
//!
//! Source: echo `GitEventHandler.matchTriggerFor`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::matching::{Check, Event};

/// The header by which GitLab's token is stored: [`token_digest`], never the token.
const TOKEN: &str = "x-gitlab-token-digest";

const NO_SECRET: &str = "the webhook is signed, and the trigger has no secret to compare with";

/// Whose secret a signature is compared with, as reasons call it.
const OWN: &str = "the trigger's secret";
const SHARED: &str = "the secret that all git triggers share";

/// What is stored of a token that came with an event: enough to compare it, and of no use for any other event.
#[must_use]
pub fn token_digest(event_id: &str, token: &str) -> String {
    let digest = Sha256::new()
        .chain_update(event_id)
        .chain_update([0])
        .chain_update(token)
        .finalize();
    hex(&digest)
}

/// Compares an event of the type `git` with the secret of those triggers that have none of their own, once for all of them. The
/// secret does not stay with the event.
///
/// Source: echo's `trigger.git.shared-secret`.
pub fn compare_shared_secret(event: &mut Event, secret: &str) {
    if event.scm.is_some() && !secret.is_empty() {
        event.shared_secret = Some(compare(event, Some(secret), SHARED));
    }
}

/// A trigger's own secret comes before the shared one.
pub(super) fn check(event: &Event, secret: Option<&str>) -> Check {
    let own = secret.filter(|secret| !secret.is_empty());
    match (own, &event.shared_secret) {
        (None, Some(compared)) => compared.clone(),
        (own, _) => compare(event, own, OWN),
    }
}

fn compare(event: &Event, secret: Option<&str>, whose: &str) -> Check {
    let header = |name: &str| event.header.headers.get(name).map(String::as_str);
    let signatures = [header("x-hub-signature-256"), header("x-hub-signature")];
    if let Some(signature) = signatures.into_iter().flatten().next() {
        let secret = secret.ok_or(NO_SECRET)?;
        return is_signed(signature, secret, whose, &event.body);
    }
    match (header(TOKEN), secret) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(match whose {
            SHARED => format!("there is {SHARED}, and the webhook is not signed"),
            _ => "the trigger has a secret, and the webhook is not signed".to_owned(),
        }),
        (Some(_), None) => Err(NO_SECRET.to_owned()),
        (Some(stored), Some(secret)) => {
            // Both are digests: what their comparison takes says nothing of the secret.
            match stored == token_digest(&event.header.id, secret) {
                true => Ok(()),
                false => Err(format!("the token of the webhook is not {whose}")),
            }
        }
    }
}

fn is_signed(signature: &str, secret: &str, whose: &str, body: &[u8]) -> Check {
    let differs = || format!("the signature of the webhook was not made with {whose}");
    let unreadable = || "the signature of the webhook is neither sha1=… nor sha256=…".to_owned();
    let (algorithm, digits) = signature.split_once('=').ok_or_else(unreadable)?;
    let claimed = bytes(digits).ok_or_else(unreadable)?;
    let key = secret.as_bytes();
    let is_right = match algorithm {
        "sha1" => Hmac::<Sha1>::new_from_slice(key)
            .map(|mac| mac.chain_update(body).verify_slice(&claimed).is_ok()),
        "sha256" => Hmac::<Sha256>::new_from_slice(key)
            .map(|mac| mac.chain_update(body).verify_slice(&claimed).is_ok()),
        _ => return Err(unreadable()),
    };
    // Keys of any length are taken.
    match is_right {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(differs()),
    }
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|it| u8::try_from(it).ok())
    };
    digits
        .chunks_exact(2)
        .map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.last()?)?))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
