//! What every kind of server can be asked (Igor: `BuildOperations`, `BuildProperties`, and what its monitors call).

use futures_util::future::BoxFuture;
use gennaker_model::Map;

use crate::{Build, Error, Revision};

/// The outcome of a question or a wish.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// A build to be started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The job, as stages write it.
    pub job: String,
    /// Its parameters, in order.
    pub parameters: Vec<(String, String)>,
    /// The identity of the effect. It goes to the server where the server takes such a thing, so that [`BuildServer::find`] knows
    /// the build again.
    pub token: String,
    /// What [`BuildServer::before`] said before the first call, if that is known.
    pub before: Option<String>,
}

/// What a server calls a build that it has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// An item of its queue, which becomes a build later.
    Queued(String),
    /// A build that has its number.
    Running(u64),
}

/// Where an item of a queue stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It waits, for this reason if the server says one.
    Waiting(Option<String>),
    /// It became the build with this number.
    Number(u64),
    /// Somebody took it out of the queue.
    Cancelled,
}

/// What is to be stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stop {
    /// The job.
    pub job: String,
    /// The item of the queue, if there was one.
    pub item: Option<String>,
    /// The build, if it has a number.
    pub number: Option<u64>,
}

/// A job and its last build: what a poller compares.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// The job, as triggers write it.
    pub name: String,
    /// Its last build, running or over.
    pub last_build: Option<Build>,
}

/// A server of one kind with one account. All waiting ends within the time limit of its settings; dropping a future ends the
/// call, which may have arrived.
pub trait BuildServer: Send + Sync {
    /// What is there before a build is started, in the server's own words, for [`BuildServer::find`] to tell old from new where
    /// nothing can be sent along. `None`: the token is enough.
    fn before<'a>(&'a self, start: &'a Start) -> Answer<'a, Option<String>> {
        let _ = start;
        Box::pin(async { Ok(None) })
    }

    /// Starts a build. Its checks (does the job take these parameters, is it enabled) come before anything is changed.
    fn start<'a>(&'a self, start: &'a Start) -> Answer<'a, Started>;

    /// The build that an earlier [`BuildServer::start`] of the same token made, whether queued, running or over; `None` when it
    /// made none. An error means that nobody knows.
    fn find<'a>(&'a self, start: &'a Start) -> Answer<'a, Option<Started>>;

    /// Where an item of the queue stands.
    fn queued<'a>(&'a self, job: &'a str, item: &'a str) -> Answer<'a, Queued>;

    /// A build, with its artifacts and without its revisions.
    fn build<'a>(&'a self, job: &'a str, number: u64) -> Answer<'a, Build>;

    /// What a build was made of (Igor: `getGenericGitRevisions`).
    fn revisions<'a>(&'a self, job: &'a str, number: u64) -> Answer<'a, Vec<Revision>> {
        let _ = (job, number);
        Box::pin(async { Ok(Vec::new()) })
    }

    /// The properties in a file that a build left; empty when they cannot be read as such. A file that is not there is
    /// [`Error::NotFound`].
    fn properties<'a>(&'a self, job: &'a str, number: u64, file: &'a str) -> Answer<'a, Map>;

    /// Stops a build, or takes it out of the queue. What is over already is stopped.
    fn stop<'a>(&'a self, stop: &'a Stop) -> Answer<'a, ()> {
        let _ = stop;
        Box::pin(async {
            Err(Error::NotSupported(
                "builds of this server cannot be stopped".to_owned(),
            ))
        })
    }

    /// Sets the description of a build.
    fn describe<'a>(&'a self, job: &'a str, number: u64, description: &'a str) -> Answer<'a, ()> {
        let _ = (job, number, description);
        Box::pin(async {
            Err(Error::NotSupported(
                "builds of this server have no description".to_owned(),
            ))
        })
    }

    /// The names of the jobs, sorted.
    fn jobs(&self) -> Answer<'_, Vec<String>>;

    /// The configuration of a job as Gate shows it.
    fn job<'a>(&'a self, job: &'a str) -> Answer<'a, Map>;

    /// The builds of a job that the server still lists, newest first.
    fn builds<'a>(&'a self, job: &'a str) -> Answer<'a, Vec<Build>>;

    /// All jobs with their last builds, for a poller.
    fn projects(&self) -> Answer<'_, Vec<Project>>;

    /// The builds of a job that began after this time (epoch milliseconds; `None`: all that are listed), oldest first, for a
    /// poller.
    fn builds_since<'a>(&'a self, job: &'a str, after_ms: Option<i64>) -> Answer<'a, Vec<Build>> {
        Box::pin(async move {
            let mut builds = self.builds(job).await?;
            builds.retain(|build| match (after_ms, build.timestamp_ms) {
                (Some(after), Some(began)) => began > after,
                (Some(_), None) => false,
                (None, _) => true,
            });
            builds.sort_by_key(|build| (build.timestamp_ms, build.number));
            Ok(builds)
        })
    }
}
