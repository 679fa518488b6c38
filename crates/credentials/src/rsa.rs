//! Signatures with RSA and SHA-256: tokens of GitHub Apps and Google's service accounts, requests to Oracle.

use std::fmt;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::Value;

/// A private key of RSA.
pub struct Key(RsaKeyPair);

/// Says nothing about the key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// Reads one from PEM, as `PRIVATE KEY` (PKCS #8) or `RSA PRIVATE KEY` (PKCS #1).
    ///
    /// # Errors
    /// A text for people, without the key.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        let sections = [("PRIVATE KEY", true), ("RSA PRIVATE KEY", false)];
        for (label, is_pkcs8) in sections {
            let Some(der) = section(pem, label)? else {
                continue;
            };
            let pair = if is_pkcs8 {
                RsaKeyPair::from_pkcs8(&der)
            } else {
                RsaKeyPair::from_der(&der)
            };
            return pair
                .map(Self)
                .map_err(|problem| format!("the private key cannot be used: {problem}"));
        }
        Err("there is no RSA private key in PEM without a passphrase".to_owned())
    }

    /// The signature of a text.
    ///
    /// # Errors
    /// A text for people.
    pub fn sign(&self, text: &str) -> Result<Vec<u8>, String> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .map_err(|_| "the private key cannot sign".to_owned())?;
        Ok(signature)
    }

    /// A JSON Web Token with these claims (RS256).
    ///
    /// # Errors
    /// A text for people.
    pub fn token(&self, claims: &Value) -> Result<String, String> {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let head = part(r#"{"alg":"RS256","typ":"JWT"}"#);
        let signed = format!("{head}.{}", part(&claims.to_string()));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(&signed)?);
        Ok(format!("{signed}.{signature}"))
    }
}

/// The content of a section of PEM.
fn section(pem: &str, label: &str) -> Result<Option<Vec<u8>>, String> {
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let Some((_, rest)) = pem.split_once(&begin) else {
        return Ok(None);
    };
    let body = rest.split_once(&end).map(|(body, _)| body);
    let body = body.ok_or_else(|| "the private key has no end".to_owned())?;
    let text: String = body.chars().filter(|one| !one.is_whitespace()).collect();
    let der = STANDARD.decode(text);
    der.map(Some)
        .map_err(|_| "the private key is no base64".to_owned())
}

#[cfg(test)]
mod tests {
    use gennaker_testkit::keys::{PEM, PEM_PKCS1, claims, is_signed};
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_of_a_key_sign_the_same() {
        for pem in [PEM, PEM_PKCS1] {
            let key = Key::from_pem(pem).unwrap();
            assert!(is_signed("text", &key.sign("text").unwrap()));
            assert_eq!(
                claims(&key.token(&json!({"iss": 7})).unwrap()),
                json!({"iss": 7})
            );
        }
        for bad in [
            "",
            "-----BEGIN PRIVATE KEY-----\nx",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        ] {
            assert!(Key::from_pem(bad).is_err());
        }
    }
}
