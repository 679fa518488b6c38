//! Deletes, and waiting until something is gone.

use std::time::Duration;

use gennaker_manifests::delete::{Options, Propagation};
use gennaker_manifests::{Coordinates, Kind};
use http::Method;
use serde_json::{Map, Value, json};

use super::read::List;
use super::write::Write;
use crate::account::Account;
use crate::error::Error;
use crate::transport::{Call, JSON};
use crate::watch::Seen;

/// A deletion that the API server took on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// What is deleted.
    pub at: Coordinates,
    /// The object that is meant: another one may get its name.
    pub uid: String,
    /// Whether it is gone already; else it waits for its pods, what it owns, or whoever holds a finalizer.
    pub gone: bool,
}

impl Account {
    /// Deletes an object; none when there is none. `uid`, if given, is the object that is meant: another one of that name is
    /// not touched, and [`crate::Class::Conflict`].
    ///
    /// # Errors
    /// [`Error`], but not that it is not there.
    pub async fn delete(
        &self,
        at: &Coordinates,
        options: &Options,
        uid: Option<&str>,
        write: Write,
    ) -> Result<Option<Deletion>, Error> {
        let (_, path) = self.locate(at).await?;
        let call = Call::new(Method::DELETE, path).body(JSON, &body(options, uid, write));
        let answer = match self.inner.transport.json(call).await {
            Ok(answer) => answer,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(deletion(at, &answer)))
    }

    /// Deletes the objects of a kind whose labels match, one by one as kubectl does.
    ///
    /// # Errors
    /// [`Error`] of the first that cannot be deleted; those before it are.
    pub async fn delete_labelled(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        selector: &str,
        options: &Options,
        write: Write,
    ) -> Result<Vec<Deletion>, Error> {
        // An empty one would choose everything.
        if selector.trim().is_empty() {
            return Err(Error::Malformed(format!(
                "objects of kind {kind} cannot be deleted by labels without any"
            )));
        }
        let found = self
            .list(&List::of(kind.clone(), namespace).labels(selector))
            .await?;
        let mut deleted = Vec::new();
        for object in &found.items {
            let at = Coordinates::new(kind.clone(), object.namespace(), object.name());
            deleted.extend(self.delete(&at, options, Some(object.uid()), write).await?);
        }
        Ok(deleted)
    }

    /// Waits until deleted objects are gone; false when one of them still is there at the end of that time.
    ///
    /// # Errors
    /// What does not pass by waiting: [`Error::Refused`] and the like.
    pub async fn wait_gone(&self, deleted: &[Deletion], at_most: Duration) -> Result<bool, Error> {
        let waits = deleted
            .iter()
            .filter(|it| !it.gone)
            .map(|it| it.at.clone())
            .collect::<Vec<_>>();
        if waits.is_empty() {
            return Ok(true);
        }
        let uid_of = |at: &Coordinates| {
            deleted
                .iter()
                .find(|it| it.at == *at)
                .map(|it| it.uid.as_str())
                .unwrap_or_default()
        };
        let mut follow = self.follow(waits)?;
        let all_gone = async {
            loop {
                let still_there = follow.all().any(|(at, seen)| match seen {
                    Seen::Unknown => true,
                    Seen::Absent => false,
                    Seen::Present(object) => object.uid() == uid_of(at),
                });
                if !still_there {
                    return Ok(true);
                }
                follow.next().await?;
            }
        };
        tokio::time::timeout(at_most, all_gone)
            .await
            .unwrap_or(Ok(false))
    }
}

/// As kubectl: background, unless something else was asked for. A body makes the server overlook the query, so that a rehearsal
/// must be said here.
fn body(options: &Options, uid: Option<&str>, write: Write) -> Value {
    let mut body = Map::new();
    body.insert("apiVersion".to_owned(), "v1".into());
    body.insert("kind".to_owned(), "DeleteOptions".into());
    let propagation = match options.propagation {
        None | Some(Propagation::Background) => "Background",
        Some(Propagation::Foreground) => "Foreground",
        Some(Propagation::Orphan) => "Orphan",
    };
    body.insert("propagationPolicy".to_owned(), propagation.into());
    if let Some(seconds) = options.grace_period_seconds {
        body.insert("gracePeriodSeconds".to_owned(), seconds.into());
    }
    if let Some(uid) = uid {
        body.insert("preconditions".to_owned(), json!({"uid": uid}));
    }
    if write.dry_run {
        body.insert("dryRun".to_owned(), json!(["All"]));
    }
    Value::Object(body)
}

/// The API server answers with a `Status` when the object is gone, with the object while it is on its way.
fn deletion(at: &Coordinates, answer: &Value) -> Deletion {
    let is_status = answer["kind"] == "Status";
    let uid = match is_status {
        true => &answer["details"]["uid"],
        false => &answer["metadata"]["uid"],
    };
    Deletion {
        at: at.clone(),
        uid: uid.as_str().unwrap_or_default().to_owned(),
        gone: is_status,
    }
}
