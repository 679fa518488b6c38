//! The one HTTP client through which Gennaker calls anything outside: webhooks, CI systems, registries, the trace
//! collector, and, for the command line, the server itself.
//!
//! It adds to a plain client what all of those need alike: an address [`Policy`] that a pipeline's author cannot talk
//! his way around, limits on time and bytes, redirects that are checked hop by hop, proxies from the environment, TLS by
//! rustls with ring, and an [`Error`] that says whether the request may have arrived, because that decides whether it
//! may be sent again.
//!
//! It must never retry (a caller knows whether that is safe), never follow an address that the policy was not asked
//! about, and never put a URL's path, query or credentials into an error or a log line: they carry secrets. No other
//! crate names the underlying client library. Its callers are pool tasks, pollers, notification channels and `cli`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod client;
mod error;
mod policy;
mod proxies;
mod resolver;
mod tls;

pub use client::{Client, Options, Request, Response, Streaming};
pub use error::{Error, Kind, Part};
pub use policy::{Exceptions, InvalidPattern, Policy, Refused, Rule};
pub use proxies::{InvalidProxy, Proxies};
pub use tls::Tls;
