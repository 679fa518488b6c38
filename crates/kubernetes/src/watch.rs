//! Watches: what changes, as it changes.

mod follow;
mod stream;

pub use follow::{Follow, Seen};
pub(crate) use stream::{Event, Watch, is_expired};
