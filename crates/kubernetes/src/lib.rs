//! The one crate that talks to Kubernetes clusters: accounts, requests, watches, logs.
//!
//! ```text
//!  settings ─▶ Accounts ─▶ Account ──┬─ requests   get list apply create replace patch delete scale rollout logs events
//!                                    ├─ Follow     a few objects, straight from the API server: "wait until stable"
//!                                    └─ Cache      all objects of a few kinds, stripped, for pages that people look at
//! ```
//!
//! * [`Accounts`] holds what could be loaded and says what could not. Loading opens no connection.
//! * An [`Account`] has its own connection pool, rate limit, discovery and cache: a cluster that does not answer delays
//!   nobody else. Every call has a deadline.
//! * An [`Error`] keeps the API server's own sentence and has a [`Class`], by which callers decide what to try again.
//! * Objects are plain JSON, with their keys in the order in which they came.
//!
//! It must never decide what a manifest means (that is `manifests`), hold back an API server's own sentence, or let one
//! cluster that does not answer delay another. Its callers are the tasks and readers of `deploy`, and `gennaker`, which
//! answers gate's questions with it.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod account;
mod accounts;
mod bearer;
mod cache;
mod connection;
mod contexts;
mod discovery;
mod error;
mod limiter;
mod proxy;
mod reads;
mod requests;
mod transport;
mod watch;

pub use account::Account;
pub use accounts::{Accounts, Options};
pub use cache::{Cached, Freshness, Selection};
pub use contexts::contexts;
pub use discovery::{Resource, Resources};
pub use error::{ApiError, Cause, Class, Error};
pub use reads::answer;
pub use requests::{
    Applied, Change, Deletion, How, List, Listed, LogOptions, MetricsOfContainer, Write,
};
pub use watch::{Follow, Seen};
