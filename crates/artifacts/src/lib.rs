//! Artifacts: accounts, and the bytes behind a reference.
//!
//! An artifact names what it is (its type), where it is (its reference, or name and version) and the account that may read it.
//! [`Accounts`] holds what the settings say and fetches: one file per kind of account in `kinds/`, as Clouddriver has one
//! `ArtifactCredentials` class each (reference of the clouds, section 3).
//!
//! It must never give a credential to another host than its account's, return more bytes than the limit, or name a
//! secret in an error. Its callers are the tasks and readers of `deploy`.
//!
//! What a pipeline's author chooses (a reference) meets the address policy of `outbound`; what the operator has written into an
//! account (its hosts) is open to that account alone. Secrets that stand in files are read again at every use.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod accounts;
mod artifact;
mod error;
mod git;
mod hosts;
mod http;
mod kinds;
mod maven_version;
#[cfg(test)]
mod testing;

pub use accounts::{Accounts, Credentials, Invalid, Object, Options, listed};
pub use artifact::Artifact;
pub use error::Error;
pub use futures_util::future::BoxFuture;
pub use kinds::front50::Templates;
