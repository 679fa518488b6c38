//! The bus: logs, records, tasks, events, commands and hints over NATS JetStream.
//!
//! Everything that Gennaker's services tell each other or keep passes through this crate, and it is the only crate
//! that names the NATS client. It offers six things, each a cheap handle made by [`Bus`]:
//!
//! | handle | what it is | its guarantee |
//! |---|---|---|
//! | [`Log`] | the log of one partition | appends succeed only on the expected last sequence; an unanswered append is resolved, never guessed |
//! | [`Kv`] | revisioned records | every write and delete is conditional on a revision |
//! | [`Tasks`] | a work queue per pool | at most one message per task address; delivered at least once |
//! | [`Events`] | what happened outside | stored before it is acknowledged; delivered at least once |
//! | [`Messages`] | what others send to become events | delivered until acknowledged |
//! | commands, core subjects | request to the owner of a partition; hints | at most once; the sender repeats |
//!
//! What it must never do: decide anything about executions, read a decision from a replica instead of the stream's
//! leader, or treat a missing answer as a failure. The broker's answers are classified in exactly one place
//! (`settle`), for the log and for records alike.
//!
//! Who calls it: `scheduler`, `worker`, `triggers`, `pubsub`, `gate`, `store` and the roots. Tests and the simulation use the
//! same types over [`memory::Broker`], a deterministic twin of the broker that loses, delays, repeats and reorders
//! messages on request.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod announcements;
mod backend;
mod bootstrap;
mod bus;
mod command;
mod core_subjects;
mod cursor;
mod delivery;
mod error;
mod events;
mod kv;
pub mod layout;
mod lease;
mod log;
pub mod memory;
mod messages;
mod nats;
mod options;
mod parts;
mod pull;
pub mod rights;
mod settle;
pub mod subject;
mod tasks;

pub use announcements::Announcements;
pub use bus::{Bucket, Bus};
pub use command::{
    ANSWER_BYTES_MAX, Class, Command, CommandStream, Question, QuestionStream, Responder,
};
pub use core_subjects::Subscription;
pub use delivery::{Delivery, DeliveryStream};
pub use error::{BootstrapError, CommandError, Error, Rejection};
pub use events::Events;
pub use kv::{Kv, Put, Record, RecordStream, WatchItem, WatchStream};
pub use layout::Layout;
pub use lease::{Held, Holder, Lease};
pub use log::{Appended, Bounds, Entry, EntryStream, Log};
pub use messages::Messages;
pub use options::{Auth, Options, Tls};
pub use subject::{Subject, SubjectFilter, token};
pub use tasks::{Published, TaskAddress, Tasks};
