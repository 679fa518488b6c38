//! Channels of notifications: mail, chats, telephones, trackers, statuses of commits, topics.
//!
//! | module | what it does |
//! |---|---|
//! | [`notice`] | what is to be told, read from plain JSON |
//! | [`text`] | the words and the markup of each channel; pure |
//! | [`channels`](Channels) | the channels of an installation: one delivery, one receipt |
//! | [`mod@line`] | calls, and what their answers say about whether anything was delivered |
//! | [`rest`], [`pubsub`] | addresses and topics that get whole events |
//! | [`slack`], [`jira`], [`pager_duty`] | what others use besides: buttons that were pressed, issues, pages |
//!
//! One file per channel; each knows one protocol and no other channel. A channel must never try again by itself (whoever delivers
//! knows whether that is safe: [`Problem`] tells), follow a redirect, or put an address that is a secret (the webhook of a room) or a
//! token into an error, a receipt or a log line. Tasks of the pool `notify` are its callers.
//!
//! Source: echo-notifications, echo-rest, echo-pubsub-google.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod bearychat;
mod cdevents;
mod channels;
mod email;
mod github;
mod gitlab;
mod google_chat;
mod hipchat;
pub mod jira;
pub mod line;
pub mod notice;
pub mod pager_duty;
mod problem;
pub mod pubsub;
mod receipt;
pub mod rest;
pub mod slack;
mod sms;
mod teams;
#[cfg(test)]
mod testing;
pub mod text;
#[cfg(test)]
mod trouble;

pub use channels::{Channel, Channels, Clients, Delivery};
pub use problem::Problem;
pub use receipt::{Receipt, Sent};
