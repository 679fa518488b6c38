//! Clients of registries and repositories: images, charts, packages.
//!
//! | module | what it speaks |
//! |---|---|
//! | [`docker`] | the protocol of image registries (Docker registry v2, OCI distribution) |
//! | [`artifactory`] | searches in Artifactory (AQL) |
//! | [`helm`] | the index of a repository of charts |
//!
//! It must never decide what is new, keep what it was told beyond a token, give an account's password to a host that the settings
//! do not name, or put an address's path, a body or a secret into an error. `pollers` asks what there is; the API's questions
//! about images are answered with it.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod artifactory;
pub mod docker;
mod error;
pub mod helm;

pub use error::Error;
pub use futures_util::future::BoxFuture;

/// The host of an address, for people.
fn host_of(url: &str) -> String {
    let url = url::Url::parse(url).ok();
    url.and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default()
}
