//! Signatures with RSA and SHA-256: tokens of GitHub Apps and Google's service accounts, requests to Oracle.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::Value;

/// A private key.
pub(crate) struct Key(RsaKeyPair);

impl Key {
    /// Reads one from PEM, as `PRIVATE KEY` (PKCS #8) or `RSA PRIVATE KEY` (PKCS #1); the error is a text for people.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, String> {
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
    pub(crate) fn sign(&self, text: &str) -> Result<Vec<u8>, String> {
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
    pub(crate) fn token(&self, claims: &Value) -> Result<String, String> {
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
pub(crate) mod tests {
    use ring::signature::KeyPair as _;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::json;

    use super::*;

    /// A key made for these tests.
    pub(crate) const PEM: &str = include_str!("testdata/rsa.pem");
    const PEM_PKCS1: &str = include_str!("testdata/rsa-pkcs1.pem");

    /// Whether `signature` is the test key's.
    pub(crate) fn is_signed(text: &str, signature: &[u8]) -> bool {
        let key = Key::from_pem(PEM).unwrap();
        let public = UnparsedPublicKey::new(
            &RSA_PKCS1_2048_8192_SHA256,
            key.0.public_key().as_ref().to_vec(),
        );
        public.verify(text.as_bytes(), signature).is_ok()
    }

    /// The claims of a token that the test key has signed.
    pub(crate) fn claims(token: &str) -> Value {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        assert!(is_signed(
            signed,
            &URL_SAFE_NO_PAD.decode(signature).unwrap()
        ));
        let claims = signed.split_once('.').unwrap().1;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
    }

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
