//! Travis CI (Igor: `TravisService`; Travis' API, version 3, and version 2 for what only that has: a build by its number).
//!
//! A job is a repository, `owner/name`, or a part of its builds: `owner/name/<branch>`, `owner/name/tags`,
//! `owner/name/pull_request_<branch>`. What starts a build is a request, which becomes one some seconds later. The token of a
//! start stands at the end of the build's message, by which a request is found again.

mod job;
mod model;
mod requests;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use gennaker_credentials::auth::Secret;
use gennaker_model::Map;
use gennaker_outbound::{Client, Request};
use gennaker_runtime::Clock;
use regex::Regex;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    Artifact, Build, BuildResult, BuildServer, Error, Project, Queued, Revision, Start, Started,
    Stop, log,
    rest::{Intent, Rest, noted},
    server::Answer,
};
use job::{Job, Part};
use model::{Builds, Jobs, Log, OldBuild, OldBuilds, State, TravisBuild};

/// Longest log of one job, in bytes.
const LOG_BYTES_MAX: u64 = 16 << 20;
/// Longest logs of one build, in bytes.
const LOGS_BYTES_MAX: usize = 48 << 20;
/// Builds that are remembered as complete.
const COMPLETE_MAX: usize = 1_000;
/// Jobs that Travis gives on one page.
const PAGE: usize = 100;
/// After this time a log that is not complete will not become so, in milliseconds.
const LOG_WITHIN_MS: i64 = 15 * 60 * 1_000;
/// What Igor looks for in logs, where the settings name nothing else: what Travis' tool for uploads prints.
const PATTERNS: [&str; 2] = [
    r"Uploading artifact: https?://.+/(.+\.(deb|rpm)).*$",
    r"Successfully pushed (.+\.(deb|rpm)) to .*",
];

/// How a server of Travis is reached.
pub struct TravisOptions {
    /// The way out.
    pub client: Client,
    /// The time.
    pub clock: Clock,
    /// Address of the API.
    pub address: String,
    /// Address of the pages that people see.
    pub base_url: String,
    /// A token of GitHub, which Travis gives its own for.
    pub github_token: Secret,
    /// Jobs that a poller looks at.
    pub number_of_jobs: usize,
    /// Builds that are listed of a job.
    pub build_result_limit: usize,
    /// Repositories that a poller looks at, in place of all.
    pub filtered_repositories: Vec<String>,
    /// Whether Travis says when a log is complete.
    pub use_log_complete: bool,
    /// Patterns whose first group is the name of an artifact, in a line of a log; none for the usual ones.
    pub patterns: Vec<Regex>,
    /// The parameter that is the build's message.
    pub message_key: String,
}

/// A server of Travis.
pub struct Travis {
    rest: Rest,
    options: TravisOptions,
    /// The token of GitHub and what Travis gave for it.
    token: Mutex<Option<(String, String)>>,
    /// Builds whose logs were complete when they were last looked at: a poller need not read them again.
    complete: Mutex<VecDeque<u64>>,
}

#[derive(Deserialize)]
struct AccessToken {
    access_token: String,
}

impl Travis {
    /// A server. Opens nothing yet.
    ///
    /// # Errors
    /// [`Error::Refused`]: the address is none.
    ///
    /// # Panics
    /// Never: our own patterns are right.
    pub fn new(mut options: TravisOptions) -> Result<Self, Error> {
        if options.patterns.is_empty() {
            let usual = PATTERNS.map(|pattern| Regex::new(pattern).expect("it is a pattern"));
            options.patterns = usual.into();
        }
        Ok(Self {
            rest: Rest::new(options.client.clone(), &options.address)?,
            options,
            token: Mutex::default(),
            complete: Mutex::default(),
        })
    }

    /// Calls with a token; one that is not taken any more is asked for anew, once.
    async fn call<T: DeserializeOwned>(
        &self,
        request: Request,
        intent: Intent,
    ) -> Result<T, Error> {
        for is_second in [false, true] {
            let token = self.access_token(is_second).await?;
            let request = request
                .clone()
                .secret_header("Authorization", format!("token {token}"));
            match self.rest.json(request, intent).await {
                Err(Error::Refused {
                    status: 401 | 403, ..
                }) if !is_second => {}
                other => return other,
            }
        }
        unreachable!("the second answer is returned")
    }

    /// Travis' own token, for that of GitHub.
    async fn access_token(&self, anew: bool) -> Result<String, Error> {
        let github = self.options.github_token.read().await;
        let github = github.map_err(Error::Credentials)?;
        let mut held = self.token.lock().await;
        if let Some((of, token)) = &*held
            && *of == github
            && !anew
        {
            return Ok(token.clone());
        }
        let url = self.rest.url(&["auth", "github"], &[])?;
        let body = json!({ "github_token": github }).to_string();
        let request = old(Request::post(url, "application/json", body));
        let given: AccessToken = self.rest.json(request, Intent::Reads).await?;
        *held = Some((github, given.access_token.clone()));
        Ok(given.access_token)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        let url = self.rest.url(segments, query)?;
        self.call(new(Request::get(url)), Intent::Reads).await
    }

    /// A build by its number, which only the older version of the API knows.
    async fn by_number(&self, job: &Job<'_>, number: u64) -> Result<OldBuild, Error> {
        let number_text = number.to_string();
        let query = [("slug", job.slug.as_str()), ("number", &number_text)];
        let url = self.rest.url(&["builds"], &query)?;
        let builds: OldBuilds = self.call(old(Request::get(url)), Intent::Reads).await?;
        let missing = || Error::NotFound(format!("{} has no build {number}", job.slug));
        builds.builds.into_iter().next().ok_or_else(missing)
    }

    async fn with_jobs(&self, id: u64) -> Result<TravisBuild, Error> {
        let id = id.to_string();
        self.get(&["build", &id], &[("include", "build.commit")])
            .await
    }

    /// The logs of jobs, one after the other; `None` while one of them is not complete. One that Travis has not kept is empty.
    async fn logs(&self, jobs: &[u64], late: bool) -> Result<Option<String>, Error> {
        let mut whole = String::new();
        for id in jobs {
            let id = id.to_string();
            let url = self.rest.url(&["job", &id, "log"], &[])?;
            let request = new(Request::get(url)).response_bytes_max(LOG_BYTES_MAX);
            let log = match self.call::<Log>(request, Intent::Reads).await {
                Ok(log) if log.is_complete() || late => log,
                Ok(_) => return Ok(None),
                Err(
                    Error::NotFound(_)
                    | Error::Refused {
                        status: 410 | 403, ..
                    },
                ) => continue,
                Err(error) => return Err(error),
            };
            whole.push_str(&log.text());
            whole.push('\n');
            if whole.len() > LOGS_BYTES_MAX {
                return Err(Error::Unreadable {
                    sentence: format!(
                        "the logs of the build are longer than {LOGS_BYTES_MAX} bytes"
                    ),
                    may_have_happened: false,
                });
            }
        }
        Ok(Some(whole))
    }

    fn is_late(&self, finished_ms: Option<i64>) -> bool {
        finished_ms.is_some_and(|ms| ms.saturating_add(LOG_WITHIN_MS) < self.options.clock.now_ms())
    }

    /// A build that is over counts as running until its logs are complete: what pipelines want to know stands there.
    async fn settled(&self, found: &TravisBuild) -> Result<Build, Error> {
        let mut build = found.to_build(&self.options.base_url);
        let is_settled = found.state != State::Passed
            || found.log_complete == Some(true)
            || self.is_late(found.finished_ms())
            || self.complete.lock().await.contains(&found.id);
        if is_settled {
            return Ok(build);
        }
        let jobs: Vec<u64> = found.jobs.iter().map(|job| job.id).collect();
        if self.logs(&jobs, false).await?.is_some() {
            let mut complete = self.complete.lock().await;
            if complete.len() >= COMPLETE_MAX {
                complete.pop_front();
            }
            complete.push_back(found.id);
        } else {
            build.building = true;
            build.result = Some(BuildResult::Building);
        }
        Ok(build)
    }

    async fn builds_of(&self, job: &Job<'_>) -> Result<Vec<TravisBuild>, Error> {
        let double = self
            .options
            .build_result_limit
            .saturating_mul(2)
            .to_string();
        let limit = self.options.build_result_limit.to_string();
        let include = match self.options.use_log_complete {
            true => "build.commit,build.log_complete",
            false => "build.commit",
        };
        let mut query = vec![("include", include)];
        match &job.part {
            Part::All => query.push(("limit", &limit)),
            Part::Branch(branch) => {
                query.extend([
                    ("branch.name", *branch),
                    ("event_type", "push,api"),
                    ("limit", &limit),
                ]);
            }
            Part::PullRequest(branch) => {
                query.extend([
                    ("branch.name", *branch),
                    ("event_type", "pull_request"),
                    ("limit", &limit),
                ]);
            }
            // There is no question for tags: among twice as many there may be some.
            Part::Tags => query.extend([("event_type", "push"), ("limit", double.as_str())]),
        }
        let mut found: Builds = self.get(&["repo", &job.slug, "builds"], &query).await?;
        if job.part == Part::Tags {
            found
                .builds
                .retain(|build| build.commit.as_ref().is_some_and(model::Commit::is_tag));
        }
        found
            .builds
            .sort_by_key(|build| std::cmp::Reverse(build.number));
        Ok(found.builds)
    }

    async fn list(&self, job: &str) -> Result<Vec<Build>, Error> {
        let job = Job::parse(job)?;
        let mut listed = Vec::new();
        for found in self.builds_of(&job).await? {
            listed.push(self.settled(&found).await?);
        }
        Ok(listed)
    }

    /// The builds that a poller looks at, without those that pipelines started.
    async fn latest(&self) -> Result<Vec<TravisBuild>, Error> {
        let mut found = Vec::new();
        for repository in &self.options.filtered_repositories {
            found.extend(self.builds_of(&Job::parse(repository)?).await?);
        }
        if self.options.filtered_repositories.is_empty() {
            let include = match self.options.use_log_complete {
                true => "job.build,build.commit,build.log_complete",
                false => "job.build,build.commit",
            };
            let mut offset = 0;
            while offset < self.options.number_of_jobs {
                let limit = (self.options.number_of_jobs - offset).min(PAGE).to_string();
                let skipped = offset.to_string();
                let query = [
                    ("state", "passed,started,errored,failed,canceled"),
                    ("include", include),
                    ("limit", &limit),
                    ("offset", &skipped),
                ];
                let page: Jobs = self.get(&["jobs"], &query).await?;
                let count = page.jobs.len();
                model::gather(&mut found, page.jobs);
                offset += PAGE;
                if count < PAGE {
                    break;
                }
            }
        }
        found.retain(|build| !build.is_ours());
        Ok(found)
    }

    async fn all_projects(&self) -> Result<Vec<Project>, Error> {
        let mut newest: std::collections::BTreeMap<String, TravisBuild> =
            std::collections::BTreeMap::new();
        for build in self.latest().await? {
            for name in build.jobs_of() {
                let known = newest
                    .get(&name)
                    .is_some_and(|known| known.number >= build.number);
                if !known {
                    newest.insert(name, build.clone());
                }
            }
        }
        let mut projects = Vec::new();
        let mut settled: Vec<(u64, Build)> = Vec::new();
        for (name, found) in newest {
            let known = settled.iter().find(|(id, _)| *id == found.id);
            let build = match known {
                Some((_, build)) => build.clone(),
                None => {
                    let build = self.settled(&found).await?;
                    settled.push((found.id, build.clone()));
                    build
                }
            };
            projects.push(Project {
                name,
                last_build: Some(build),
            });
        }
        Ok(projects)
    }

    async fn one(&self, job: &str, number: u64) -> Result<Build, Error> {
        let job = Job::parse(job)?;
        let found = self.by_number(&job, number).await?;
        let mut build = found.to_build(&job.slug, &self.options.base_url);
        // What was not good leaves nothing that a pipeline waits for.
        if found.state != State::Passed {
            return Ok(build);
        }
        match self
            .logs(&found.job_ids, self.is_late(found.finished_ms()))
            .await?
        {
            Some(log) => build.artifacts = self.artifacts(&log),
            None => build.result = Some(BuildResult::Building),
        }
        Ok(build)
    }

    fn artifacts(&self, log: &str) -> Vec<Artifact> {
        log::artifacts(log, &self.options.patterns)
    }

    async fn properties_of(&self, job: &str, number: u64) -> Result<Map, Error> {
        let job = Job::parse(job)?;
        let found = self.by_number(&job, number).await?;
        let log = self.logs(&found.job_ids, true).await?.unwrap_or_default();
        Ok(log::properties(&log))
    }

    async fn revisions_of(&self, job: &str, number: u64) -> Result<Vec<Revision>, Error> {
        let job = Job::parse(job)?;
        let found = self.by_number(&job, number).await?;
        Ok(self
            .with_jobs(found.id)
            .await?
            .revision()
            .into_iter()
            .collect())
    }

    async fn configuration(&self, job: &str) -> Result<Map, Error> {
        let job = Job::parse(job)?;
        let query = [("limit", "1"), ("include", "job.config")];
        let found: Value = self.get(&["repo", &job.slug, "builds"], &query).await?;
        let config = found
            .pointer("/builds/0/jobs/0/config")
            .unwrap_or(&Value::Null);
        let name = job.slug.rsplit('/').next().unwrap_or_default();
        let shown = json!({
            "description": name, "displayName": name, "name": job.slug, "buildable": true,
            "url": format!("{}/{}", self.options.base_url, job.slug), "concurrentBuild": false,
            "parameterDefinitionList": model::parameters(config),
        });
        Ok(shown.as_object().cloned().unwrap_or_default())
    }
}

impl BuildServer for Travis {
    fn before<'a>(&'a self, _start: &'a Start) -> Answer<'a, Option<String>> {
        Box::pin(async { Ok(noted(self.options.clock.now_ms())) })
    }

    fn start<'a>(&'a self, start: &'a Start) -> Answer<'a, Started> {
        Box::pin(self.request_build(start))
    }

    fn find<'a>(&'a self, start: &'a Start) -> Answer<'a, Option<Started>> {
        Box::pin(self.find_request(start))
    }

    fn queued<'a>(&'a self, job: &'a str, item: &'a str) -> Answer<'a, Queued> {
        Box::pin(self.look_at_request(job, item))
    }

    fn build<'a>(&'a self, job: &'a str, number: u64) -> Answer<'a, Build> {
        Box::pin(self.one(job, number))
    }

    fn revisions<'a>(&'a self, job: &'a str, number: u64) -> Answer<'a, Vec<Revision>> {
        Box::pin(self.revisions_of(job, number))
    }

    /// Whatever the file is called: properties are lines of the log.
    fn properties<'a>(&'a self, job: &'a str, number: u64, _file: &'a str) -> Answer<'a, Map> {
        Box::pin(self.properties_of(job, number))
    }

    fn stop<'a>(&'a self, stop: &'a Stop) -> Answer<'a, ()> {
        Box::pin(self.cancel(stop))
    }

    fn jobs(&self) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            let projects = self.all_projects().await?;
            Ok(projects.into_iter().map(|project| project.name).collect())
        })
    }

    fn job<'a>(&'a self, job: &'a str) -> Answer<'a, Map> {
        Box::pin(self.configuration(job))
    }

    fn builds<'a>(&'a self, job: &'a str) -> Answer<'a, Vec<Build>> {
        Box::pin(self.list(job))
    }

    fn projects(&self) -> Answer<'_, Vec<Project>> {
        Box::pin(self.all_projects())
    }

    fn builds_since<'a>(&'a self, job: &'a str, after_ms: Option<i64>) -> Answer<'a, Vec<Build>> {
        Box::pin(async move {
            let parsed = Job::parse(job)?;
            let mut since = Vec::new();
            for found in self.builds_of(&parsed).await? {
                let is_after = after_ms
                    .is_none_or(|after| found.began_ms().is_some_and(|began| began > after));
                if is_after && !found.is_ours() {
                    since.push(self.settled(&found).await?);
                }
            }
            since.sort_by_key(|build| (build.timestamp_ms, build.number));
            Ok(since)
        })
    }
}

/// A request to the version of the API that Travis wants used.
fn new(request: Request) -> Request {
    request.header("Travis-API-Version", "3")
}

/// A request to the older one.
fn old(request: Request) -> Request {
    request.header("Accept", "application/vnd.travis-ci.2+json")
}
