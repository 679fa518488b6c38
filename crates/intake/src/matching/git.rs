//! Triggers of the type `git` (events reference 4.1): what source code systems say, and who may say it.
//!
//! Source: echo `GitEventHandler` and the classes of `com.netflix.spinnaker.echo.scm`.

mod bitbucket;
mod github;
mod gitlab;
mod signature;
mod stash;
#[cfg(test)]
mod tests;

use gennaker_model::Map;
use serde_json::Value;

use super::{Check, Event, Header, constraints::matches_whole, text};

pub use signature::{compare_shared_secret, token_digest};

/// What a source code system said.
#[derive(Clone, Debug, PartialEq)]
pub enum Scm {
    /// Something changed.
    Push(Push),
    /// Nothing that a pipeline could start on, for this reason; the sender is told that nothing was processed.
    Ignored(String),
    /// It does not say what its system says in such a case; why it cannot be read.
    Unreadable(String),
}

/// A change of a repository.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Push {
    /// Owner, organisation or project of the repository.
    pub project: String,
    /// Its name.
    pub slug: String,
    /// The commit.
    pub hash: String,
    /// The branch; a tag as `refs/tags/…`.
    pub branch: String,
    /// What happened, as triggers name it in `events`: `push:push`, `repo:push`, `merge_request`.
    pub action: String,
    /// Further values for the execution.
    pub properties: Map,
}

/// What a system's module makes of a payload; an error names the field that is missing.
type Read = Result<Scm, String>;

/// The systems that are known, as they stand in the webhook's address.
pub const SOURCES: [&str; 4] = ["github", "gitlab", "bitbucket", "stash"];

/// Whether an event of this header comes from a source code system.
pub(super) fn is_git(header: &Header) -> bool {
    header.kind.eq_ignore_ascii_case("git")
}

/// Reads a payload.
pub(super) fn read(header: &Header, payload: &Map) -> Scm {
    let payload = Payload(payload);
    let read = match header.source.to_ascii_lowercase().as_str() {
        "github" => github::read(header, payload),
        "gitlab" => gitlab::read(payload),
        "bitbucket" => bitbucket::read(header, payload),
        "stash" => stash::read(payload),
        other => Err(format!(
            "{other:?} is no source code system that is known; there are {}",
            SOURCES.join(", ")
        )),
    };
    read.unwrap_or_else(Scm::Unreadable)
}

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    let push = match &event.scm {
        Some(Scm::Push(push)) => push,
        Some(Scm::Ignored(reason) | Scm::Unreadable(reason)) => return Err(reason.clone()),
        None => return Err("it is no event of a source code system".to_owned()),
    };
    equal("source", &event.header.source, trigger)?;
    equal("project", &push.project, trigger)?;
    equal("slug", &push.slug, trigger)?;
    branch_fits(push, trigger)?;
    action_fits(push, trigger)?;
    signature::check(event, text(trigger, "secret"))
}

pub(super) fn complete(event: &Event, fired: &mut Map) {
    let Some(Scm::Push(push)) = &event.scm else {
        return;
    };
    for (key, value) in [
        ("hash", &push.hash),
        ("branch", &push.branch),
        ("action", &push.action),
    ] {
        fired.insert(key.to_owned(), value.clone().into());
    }
    fired.insert("properties".to_owned(), push.properties.clone().into());
}

fn equal(field: &str, found: &str, trigger: &Map) -> Check {
    match text(trigger, field).filter(|wanted| !wanted.is_empty()) {
        Some(wanted) if wanted.eq_ignore_ascii_case(found) => Ok(()),
        Some(wanted) => Err(format!(
            "the {field} is {found:?}, the trigger wants {wanted:?}"
        )),
        None => Err(format!("the trigger names no {field}")),
    }
}

/// An empty pattern is any branch.
fn branch_fits(push: &Push, trigger: &Map) -> Check {
    let Some(wanted) = text(trigger, "branch").filter(|wanted| !wanted.trim().is_empty()) else {
        return Ok(());
    };
    match matches_whole(wanted, &push.branch)? {
        true => Ok(()),
        false => Err(format!(
            "the branch is {:?}, which {wanted:?} does not match as a whole",
            push.branch
        )),
    }
}

/// An empty list is any action.
fn action_fits(push: &Push, trigger: &Map) -> Check {
    let wanted: Vec<&str> = match trigger.get("events") {
        Some(Value::Array(events)) => events.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => Vec::new(),
    };
    if wanted.is_empty() || wanted.contains(&push.action.as_str()) {
        return Ok(());
    }
    Err(format!(
        "what happened is {:?}, the trigger wants {}",
        push.action,
        wanted.join(", ")
    ))
}

/// The body of a webhook, asked for texts by JSON pointers.
#[derive(Clone, Copy)]
struct Payload<'a>(&'a Map);

impl<'a> Payload<'a> {
    /// The value at a pointer such as `/repository/name`.
    fn at(self, pointer: &str) -> Option<&'a Value> {
        let mut parts = pointer.split('/').skip(1);
        let first = self.0.get(parts.next()?)?;
        parts.try_fold(first, |value, part| match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            Value::Object(map) => map.get(part),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }

    fn find(self, pointer: &str) -> Option<&'a str> {
        self.at(pointer)?.as_str()
    }

    fn text(self, pointer: &str) -> Result<String, String> {
        let found = self.find(pointer).map(str::to_owned);
        found.ok_or_else(|| format!("the body has no text at {pointer}"))
    }

    /// The name of a branch, without `refs/heads/`; tags stay as they are.
    fn branch(self, pointer: &str) -> Result<String, String> {
        let branch = self.text(pointer)?;
        Ok(match branch.strip_prefix("refs/heads/") {
            Some(branch) => branch.to_owned(),
            None => branch,
        })
    }
}

/// Some systems tell a deletion by a commit of zeros.
fn is_deletion(hash: &str) -> bool {
    hash.starts_with("000000000")
}
