//! What can be polled.

use std::collections::BTreeSet;

use gennaker_model::{Map, polling::Hint};

use crate::known::Known;

pub use futures_util::future::BoxFuture;

/// Which source it is. Kinds and names stand in settings, so there are few of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// What is polled: `docker`, `helm/oci`, `build`, `helm`, `artifactory`, `plugin`, `s3`; the kind of its events.
    pub kind: &'static str,
    /// The account, server or search; the source of its events.
    pub name: String,
}

/// A thing that a pipeline could start on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    /// What tells it from all others of the source, for ever: `library/web:v1`.
    pub key: String,
    /// What may become another while the item stays the same, such as a digest; `None` when it is not known. An item whose value
    /// changes is new again.
    pub value: Option<String>,
    /// What it belongs to, such as a repository, for sources that have groups.
    pub group: Option<String>,
    /// When it happened, epoch milliseconds, if the source says.
    pub at_ms: Option<i64>,
    /// What its event says, as far as it is known without another question ([`Source::content`]).
    pub content: Map,
}

/// What is to be looked at. A look that is not wanted any more is dropped.
pub struct Wanted<'a> {
    /// What is known.
    pub known: &'a Known,
    /// Only these groups, because somebody said that something happened there.
    pub only: Option<&'a BTreeSet<String>>,
    /// Since when the source is looked at, epoch milliseconds; `None` at the first time.
    pub since_ms: Option<i64>,
    /// Now, epoch milliseconds.
    pub now_ms: i64,
}

/// What there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Everything that there is, or with [`Wanted::only`] what there is in these groups. The order is that of the events.
    pub items: Vec<Item>,
    /// Groups that were looked at, those without items among them.
    pub groups: Vec<String>,
    /// Groups that could not be looked at, and why. What they hold is new to us later only if the source was known before.
    pub failed: Vec<(String, String)>,
    /// Numbers to keep, by name.
    pub marks: Vec<(String, u64)>,
    /// What the source wants people to know; nothing of it is a failure.
    pub warnings: Vec<String>,
}

/// Why a look failed: a text for people, without secrets and without paths of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);

/// Something that is polled. One file per kind in `sources/`.
pub trait Source: Send + Sync {
    /// Which one it is.
    fn id(&self) -> &Id;

    /// Where it is. When that changes, everything is seen for the first time.
    fn origin(&self) -> String;

    /// What of it is looked at. When that changes, what comes into sight is not new.
    fn scope(&self) -> String {
        String::new()
    }

    /// Above how many new items at once a warning is due; `None`: the engine's own limit.
    fn item_upper_threshold(&self) -> Option<u32> {
        None
    }

    /// Days after which something that is gone from the source is forgotten. It must be longer than any look may fail.
    fn forget_after_days(&self) -> u32 {
        90
    }

    /// Looks. The whole of it, or nothing: what is left out must stand in [`Look::failed`].
    fn look<'a>(&'a self, wanted: Wanted<'a>) -> BoxFuture<'a, Result<Look, Trouble>>;

    /// What the event of a new item says. More may be asked for here than for every item that there is.
    fn content<'a>(&'a self, item: &'a Item) -> BoxFuture<'a, Result<Map, Trouble>> {
        Box::pin(async move { Ok(item.content.clone()) })
    }

    /// Which groups of it a hint is about; empty when it is about something else.
    fn hinted(&self, hint: &Hint) -> BTreeSet<String> {
        let _ = hint;
        BTreeSet::new()
    }
}
