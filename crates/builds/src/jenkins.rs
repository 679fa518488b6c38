//! Jenkins, by its XML API (`events.md` 11 of the reference; Igor: `JenkinsService`, `JenkinsClient`).
//!
//! A job's name is the names of its folders and its own, joined with `/job/`, up to ten of them.
//!
//! **Finding a build again.** A start goes to Jenkins with its token as a parameter (the setting `jenkins.token_parameter`), which
//! Jenkins shows on the item of its queue and on the build, and drops without a word where the job does not declare it. A job that
//! does not declare it is looked for by what was there before: items of a queue are numbered in order, so the highest one of the
//! job is noted before the call, and what came after it, by our user and with our parameters, is ours. Of two that could be, none
//! is taken: whoever asks hears that nobody knows. What remains is that the build of another execution is adopted, when it was
//! started for the same job with the same parameters between the note and the loss of a worker that had not called yet; such a
//! job should declare the parameter.
//!
//! Jenkins forgets an item of its queue some minutes after it became a build; the build still knows the item's number.

mod answers;
mod call;
mod config;
mod find;
mod path;
mod start;
mod stop;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use gennaker_credentials::{auth::Secret, google::Identity};
use gennaker_model::Map;
use gennaker_outbound::Client;

use crate::server::Answer;
use crate::{
    Build, BuildServer, Error, Project, Queued, Revision, Start, Started, Stop, properties,
};
use call::Calls;

/// Folders within folders are followed to this depth, as Igor does.
const DEPTH_MAX: usize = 10;

/// Longest answer in XML, in bytes.
const XML_BYTES_MAX: u64 = 32 << 20;

/// Longest file of properties, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How a master is reached.
pub struct Options {
    /// Its name, for people.
    pub name: String,
    /// Its address, with the path below which it lies.
    pub address: String,
    /// What requests carry.
    pub identity: JenkinsIdentity,
    /// Whether a crumb is fetched before each POST. Where it is not, one is fetched when Jenkins asks for it.
    pub csrf: bool,
    /// The parameter that carries the token of a start.
    pub token_parameter: String,
    /// Longest time of one request.
    pub timeout: Duration,
}

/// What proves to a master who we are. All that is set is sent, in one `Authorization` header, separated by commas (Igor:
/// `JenkinsConfig`).
#[derive(Default)]
pub struct JenkinsIdentity {
    /// A user with a password or an API token.
    pub user: Option<(String, Secret)>,
    /// A token that goes as `Bearer`.
    pub token: Option<Secret>,
    /// A service account of Google and its scopes, for a proxy before the master.
    pub google: Option<(Arc<Identity>, Vec<String>)>,
}

/// A master.
pub struct Jenkins {
    calls: Calls,
    /// Our user's name there, if it is known.
    user: Option<String>,
    token_parameter: String,
}

impl Jenkins {
    /// A master that is called with `client`.
    ///
    /// # Errors
    /// The address is none; a text for people.
    pub fn new(options: Options, client: Client) -> Result<Self, String> {
        Ok(Self {
            user: options.identity.user.as_ref().map(|(user, _)| user.clone()),
            token_parameter: options.token_parameter.clone(),
            calls: Calls::new(options, client)?,
        })
    }

    async fn one_build(&self, job: &str, number: u64) -> Result<Build, Error> {
        let path = format!("{}/{number}/api/xml", path::job(job)?);
        let missing = || format!("Build '{number}' of job '{job}' not found");
        let text = self.calls.xml(&path, answers::ONE_BUILD, missing).await?;
        answers::build(&text, job)
    }

    async fn file(&self, job: &str, number: u64, file: &str) -> Result<Map, Error> {
        let build = self.one_build(job, number).await?;
        let missing = || {
            format!(
                "Could not find build artifact matching requested filename '{file}' on '{job}' build '{number}'"
            )
        };
        let artifact = build
            .artifacts
            .iter()
            .find(|artifact| artifact.file_name.as_deref() == Some(file))
            .and_then(|artifact| artifact.relative_path.as_deref())
            .ok_or_else(|| Error::NotFound(missing()))?;
        let path = format!(
            "{}/{number}/artifact/{}",
            path::job(job)?,
            path::relative(artifact)?
        );
        let bytes = self.calls.get(&path, "", FILE_BYTES_MAX, missing).await?;
        Ok(properties::parse(file, &bytes))
    }
}

impl BuildServer for Jenkins {
    fn before<'a>(&'a self, start: &'a Start) -> Answer<'a, Option<String>> {
        Box::pin(self.mark_of(start))
    }

    fn start<'a>(&'a self, start: &'a Start) -> Answer<'a, Started> {
        Box::pin(self.start_build(start))
    }

    fn find<'a>(&'a self, start: &'a Start) -> Answer<'a, Option<Started>> {
        Box::pin(self.find_build(start))
    }

    fn queued<'a>(&'a self, job: &'a str, item: &'a str) -> Answer<'a, Queued> {
        Box::pin(self.place_of(job, item))
    }

    fn build<'a>(&'a self, job: &'a str, number: u64) -> Answer<'a, Build> {
        Box::pin(self.one_build(job, number))
    }

    fn revisions<'a>(&'a self, job: &'a str, number: u64) -> Answer<'a, Vec<Revision>> {
        Box::pin(async move {
            let path = format!("{}/{number}/api/xml", path::job(job)?);
            let missing = || format!("Build '{number}' of job '{job}' not found");
            let text = self.calls.xml(&path, answers::REVISIONS, missing).await?;
            answers::revisions(&text)
        })
    }

    fn properties<'a>(&'a self, job: &'a str, number: u64, file: &'a str) -> Answer<'a, Map> {
        Box::pin(self.file(job, number, file))
    }

    fn stop<'a>(&'a self, stop: &'a Stop) -> Answer<'a, ()> {
        Box::pin(self.stop_build(stop))
    }

    fn describe<'a>(&'a self, job: &'a str, number: u64, description: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let path = format!("{}/{number}/submitDescription", path::job(job)?);
            let form = [("description".to_owned(), description.to_owned())];
            let missing = || format!("Build '{number}' of job '{job}' not found");
            self.calls.form(&path, &form, missing).await
        })
    }

    fn jobs(&self) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            let query = answers::names_query();
            let text = self.calls.xml("api/xml", &query, nothing_there).await?;
            answers::names(&text)
        })
    }

    fn job<'a>(&'a self, job: &'a str) -> Answer<'a, Map> {
        Box::pin(async move { Ok(self.config(job).await?.to_map()) })
    }

    fn builds<'a>(&'a self, job: &'a str) -> Answer<'a, Vec<Build>> {
        Box::pin(async move {
            let path = format!("{}/api/xml", path::job(job)?);
            let missing = || format!("Job '{job}' not found");
            let text = self.calls.xml(&path, answers::BUILDS, missing).await?;
            answers::builds(&text, job)
        })
    }

    fn projects(&self) -> Answer<'_, Vec<Project>> {
        Box::pin(async move {
            let query = answers::projects_query();
            let text = self.calls.xml("api/xml", &query, nothing_there).await?;
            answers::projects(&text)
        })
    }
}

fn nothing_there() -> String {
    "there is no Jenkins at the address of the master".to_owned()
}
