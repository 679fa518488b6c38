//! A key of RSA for tests, and what can be told from what it signs.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::Value;

/// A key made for tests, as `PRIVATE KEY`.
pub const PEM: &str = include_str!("testdata/rsa.pem");
/// The same as `RSA PRIVATE KEY`.
pub const PEM_PKCS1: &str = include_str!("testdata/rsa-pkcs1.pem");

/// Whether `signature` is the test key's (RSA, PKCS #1, SHA-256).
///
/// # Panics
/// Never: the key is ours.
#[must_use]
pub fn is_signed(text: &str, signature: &[u8]) -> bool {
    let body: String = PEM.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD
        .decode(body)
        .expect("the key is base64");
    let pair = RsaKeyPair::from_pkcs8(&der).expect("the key is one of RSA");
    let public = UnparsedPublicKey::new(
        &RSA_PKCS1_2048_8192_SHA256,
        pair.public_key().as_ref().to_vec(),
    );
    public.verify(text.as_bytes(), signature).is_ok()
}

/// The claims of a JSON Web Token that the test key has signed.
///
/// # Panics
/// When it is none, or another key has signed it.
#[must_use]
pub fn claims(token: &str) -> Value {
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
    assert!(is_signed(signed, &signature), "another key signed it");
    let claims = signed.split_once('.').expect("three parts").1;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON")
}
