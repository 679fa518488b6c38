//! What proves to others who we are: secrets, signatures, tokens.
//!
//! | module | what it does |
//! |---|---|
//! | [`auth`] | user names, passwords and tokens of an account |
//! | [`aws`] | requests signed for Amazon's services |
//! | [`challenge`] | what registries want to see, and tokens for them |
//! | [`mod@file`] | secrets in files |
//! | [`google`] | tokens of Google's service accounts |
//! | [`rsa`] | signatures and web tokens with a private key |
//!
//! Secrets are read at each use, so that a changed one is taken up without a restart. They must never stand in an error, a log
//! line or a `Debug` text. Callers are the adapters that call others over HTTP.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod auth;
pub mod aws;
pub mod challenge;
pub mod file;
pub mod google;
pub mod rsa;

/// The host of an address, for people.
fn host_of(url: &str) -> String {
    let url = url::Url::parse(url).ok();
    url.and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default()
}
