//! What can be asked of a cluster, each a method of [`crate::Account`].

mod apply;
mod delete;
mod logs;
mod ownership;
mod read;
mod rollout;
mod write;

pub use apply::{Applied, Change, How};
pub use delete::Deletion;
pub use logs::{LogOptions, MetricsOfContainer};
pub use read::{List, Listed};
pub use write::Write;

pub(crate) use read::typed_items;
