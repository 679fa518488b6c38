//! Concourse (Igor: `ConcourseService`, `ConcourseClient`).
//!
//! A job is `team/pipeline/job`. Builds are not started from here, as in Spinnaker: a job of Concourse reports its build to the stage
//! that waits for it. What a build was made of and what it left stands in the metadata of its resources, which only the stream of its
//! events has.

mod model;
mod resources;
#[cfg(test)]
mod tests;

use gennaker_credentials::auth::{Secret, basic};
use gennaker_model::Map;
use gennaker_outbound::{Client, Request, Response};
use regex::Regex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    Build, BuildServer, Error, Listing, Project, Queued, Revision, Start, Started, Stop,
    rest::{self, Intent, Rest, form},
    server::Answer,
};
use model::{ConcourseBuild, ConcourseJob, Info, Named, Token};

/// What a token is good for.
const SCOPE: &str = "openid profile email federated:id groups";
/// Concourse's own client for people's programs (`fly`) and its secret, which everybody knows.
const CLIENT: (&str, &str) = ("fly", "Zmx5");

/// How a server of Concourse is reached.
pub struct ConcourseOptions {
    /// The way out.
    pub client: Client,
    /// Its address.
    pub url: String,
    /// A user of it.
    pub username: String,
    /// The user's password.
    pub password: Secret,
    /// Teams that are looked at; none for all.
    pub teams: Vec<String>,
    /// Types of resources whose metadata become properties; unset for all. Always `git`.
    pub resource_filter: Option<Regex>,
    /// Builds of a job that are looked at.
    pub build_lookback_limit: u32,
}

/// A server of Concourse.
pub struct Concourse {
    rest: Rest,
    options: ConcourseOptions,
    token: Mutex<Option<Held>>,
}

/// A token and the password that it was given for.
struct Held {
    password: String,
    token: String,
}

/// `team/pipeline/job`.
struct Path<'a> {
    team: &'a str,
    pipeline: &'a str,
    job: &'a str,
}

impl Concourse {
    /// A server. Opens nothing yet.
    ///
    /// # Errors
    /// [`Error::Refused`]: the address is none.
    pub fn new(options: ConcourseOptions) -> Result<Self, Error> {
        Ok(Self {
            rest: Rest::new(options.client.clone(), &options.url)?,
            options,
            token: Mutex::default(),
        })
    }

    /// The names of the teams, sorted.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn teams(&self) -> Result<Vec<String>, Error> {
        let teams: Option<Vec<Named>> = self.get(&["teams"], &[]).await?;
        let names = teams.into_iter().flatten().map(|team| team.name);
        Ok(sorted(names.filter(|name| self.looks_at(name))))
    }

    /// The names of a team's pipelines, sorted.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn pipelines(&self, team: &str) -> Result<Vec<String>, Error> {
        let pipelines: Option<Vec<Named>> = self.get(&["pipelines"], &[]).await?;
        let of_team = pipelines
            .into_iter()
            .flatten()
            .filter(|pipeline| pipeline.team_name.as_deref() == Some(team) && self.looks_at(team));
        Ok(sorted(of_team.map(|pipeline| pipeline.name)))
    }

    /// The names of a pipeline's jobs, in the order in which they stand there.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn jobs_of(&self, team: &str, pipeline: &str) -> Result<Vec<String>, Error> {
        let jobs = self.all_jobs().await?;
        let of_pipeline = jobs
            .into_iter()
            .filter(|job| job.team_name == team && job.pipeline_name == pipeline);
        Ok(of_pipeline.map(|job| job.name).collect())
    }

    /// The names of a pipeline's resources, sorted.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn resources(&self, team: &str, pipeline: &str) -> Result<Vec<String>, Error> {
        let place = ["teams", team, "pipelines", pipeline, "resources"];
        let resources: Option<Vec<Named>> = self.get(&place, &[]).await?;
        Ok(sorted(
            resources
                .into_iter()
                .flatten()
                .map(|resource| resource.name),
        ))
    }

    async fn all_jobs(&self) -> Result<Vec<ConcourseJob>, Error> {
        let jobs: Option<Vec<ConcourseJob>> = self.get(&["jobs"], &[]).await?;
        let jobs = jobs.into_iter().flatten();
        Ok(jobs.filter(|job| self.looks_at(&job.team_name)).collect())
    }

    fn looks_at(&self, team: &str) -> bool {
        self.options.teams.is_empty() || self.options.teams.iter().any(|one| one == team)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        let url = self.rest.url(&below(segments), query)?;
        let answer = self.call(&Request::get(url), Intent::Reads).await?;
        rest::read(&answer, Intent::Reads)
    }

    /// Calls with a token; one that is not taken any more is asked for anew, once.
    async fn call(&self, request: &Request, intent: Intent) -> Result<Response, Error> {
        let token = self.access_token(None).await?;
        match self.rest.send(bearing(request, &token), intent).await {
            Err(Error::Refused { status: 401, .. }) => {
                let token = self.access_token(Some(&token)).await?;
                self.rest.send(bearing(request, &token), intent).await
            }
            other => other,
        }
    }

    /// A token for the password; another one than `stale`.
    async fn access_token(&self, stale: Option<&str>) -> Result<String, Error> {
        let password = self.options.password.read().await;
        let password = password.map_err(Error::Credentials)?;
        let mut held = self.token.lock().await;
        if let Some(held) = &*held
            && held.password == password
            && stale != Some(held.token.as_str())
        {
            return Ok(held.token.clone());
        }
        let url = self.rest.url(&below(&["info"]), &[])?;
        let info: Info = self.rest.json(Request::get(url), Intent::Reads).await?;
        let version = info.version();
        let place: &[&str] = match version < (6, 1) {
            true => &["sky", "token"],
            false => &["sky", "issuer", "token"],
        };
        let fields = [
            ("grant_type", "password"),
            ("username", &self.options.username),
            ("password", &password),
            ("scope", SCOPE),
        ];
        let request = Request::post(
            self.rest.url(place, &[])?,
            "application/x-www-form-urlencoded",
            form(&fields),
        );
        let request = request.secret_header("Authorization", basic(CLIENT.0, CLIENT.1));
        let token: Token = self.rest.json(request, Intent::Reads).await?;
        // For some versions the token of identity is the one that counts.
        let token = match ((6, 1)..(6, 5)).contains(&version) {
            true => token.id_token,
            false => token.access_token,
        };
        let token = token.ok_or_else(|| Error::Unreadable {
            sentence: "Concourse gives no token".to_owned(),
            may_have_happened: false,
        })?;
        *held = Some(Held {
            password,
            token: token.clone(),
        });
        Ok(token)
    }

    /// The builds of a job, newest first; of builds that were run again the last run.
    async fn builds_of(&self, path: &Path<'_>) -> Result<Vec<ConcourseBuild>, Error> {
        if !self.looks_at(path.team) {
            return Ok(Vec::new());
        }
        let limit = self.options.build_lookback_limit.to_string();
        let place = [
            "teams",
            path.team,
            "pipelines",
            path.pipeline,
            "jobs",
            path.job,
            "builds",
        ];
        let builds: Option<Vec<ConcourseBuild>> = self.get(&place, &[("limit", &limit)]).await?;
        let mut builds: Vec<ConcourseBuild> = builds.unwrap_or_default();
        builds.sort_by_key(|build| std::cmp::Reverse(build.order()));
        builds.dedup_by_key(|build| build.number());
        Ok(builds)
    }

    async fn found(&self, path: &Path<'_>, number: u64) -> Result<ConcourseBuild, Error> {
        let builds = self.builds_of(path).await?;
        let missing = || Error::NotFound(format!("{} has no build {number}", path.to_name()));
        builds
            .into_iter()
            .find(|build| build.number() == number)
            .ok_or_else(missing)
    }

    async fn one(&self, job: &str, number: u64) -> Result<Build, Error> {
        let path = Path::parse(job)?;
        let found = self.found(&path, number).await?;
        let mut build = self.shown(&path, &found);
        if !build.building {
            self.add_resources(&found, &mut build).await?;
        }
        Ok(build)
    }

    fn shown(&self, path: &Path<'_>, found: &ConcourseBuild) -> Build {
        let page = format!(
            "{}/teams/{}/pipelines/{}/jobs/{}/builds/{}",
            self.rest.address(),
            path.team,
            path.pipeline,
            path.job,
            found.name
        );
        found.to_build(path.job, &path.to_name(), page)
    }

    async fn list(&self, job: &str) -> Result<Vec<Build>, Error> {
        let path = Path::parse(job)?;
        let builds = self.builds_of(&path).await?;
        Ok(builds
            .iter()
            .map(|found| self.shown(&path, found))
            .collect())
    }

    async fn abort(&self, stop: &Stop) -> Result<(), Error> {
        let Some(number) = stop.number else {
            return Ok(());
        };
        let path = Path::parse(&stop.job)?;
        let found = self.found(&path, number).await?;
        let url = self
            .rest
            .url(&below(&["builds", &found.id.to_string(), "abort"]), &[])?;
        let request = Request::new("PUT", url);
        self.call(&request, Intent::Changes).await.map(|_| ())
    }
}

impl BuildServer for Concourse {
    fn start<'a>(&'a self, _start: &'a Start) -> Answer<'a, Started> {
        Box::pin(async {
            let sentence = "Triggering concourse builds not supported";
            Err(Error::NotSupported(sentence.to_owned()))
        })
    }

    fn find<'a>(&'a self, _start: &'a Start) -> Answer<'a, Option<Started>> {
        Box::pin(async { Ok(None) })
    }

    fn queued<'a>(&'a self, _job: &'a str, _item: &'a str) -> Answer<'a, Queued> {
        Box::pin(async {
            let sentence = "Concourse has no queue that can be asked";
            Err(Error::NotSupported(sentence.to_owned()))
        })
    }

    fn build<'a>(&'a self, job: &'a str, number: u64) -> Answer<'a, Build> {
        Box::pin(self.one(job, number))
    }

    fn revisions<'a>(&'a self, job: &'a str, number: u64) -> Answer<'a, Vec<Revision>> {
        Box::pin(async move { Ok(self.one(job, number).await?.revisions) })
    }

    /// Whatever the file is called: properties are the metadata of resources.
    fn properties<'a>(&'a self, job: &'a str, number: u64, _file: &'a str) -> Answer<'a, Map> {
        Box::pin(async move { Ok(self.one(job, number).await?.properties) })
    }

    fn stop<'a>(&'a self, stop: &'a Stop) -> Answer<'a, ()> {
        Box::pin(self.abort(stop))
    }

    fn jobs(&self) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            Ok(sorted(
                self.all_jobs().await?.iter().map(ConcourseJob::path),
            ))
        })
    }

    fn job<'a>(&'a self, _job: &'a str) -> Answer<'a, Map> {
        Box::pin(async {
            let sentence = "getJobConfig is not yet implemented for Concourse";
            Err(Error::NotSupported(sentence.to_owned()))
        })
    }

    fn listing<'a>(&'a self, what: Listing<'a>) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            match what {
                Listing::Teams => self.teams().await,
                Listing::Pipelines { team } => self.pipelines(team).await,
                Listing::Jobs { team, pipeline } => self.jobs_of(team, pipeline).await,
                Listing::Resources { team, pipeline } => self.resources(team, pipeline).await,
            }
        })
    }

    fn builds<'a>(&'a self, job: &'a str) -> Answer<'a, Vec<Build>> {
        Box::pin(self.list(job))
    }

    fn projects(&self) -> Answer<'_, Vec<Project>> {
        Box::pin(async move {
            let jobs = self.all_jobs().await?;
            let project = |job: &ConcourseJob| {
                let name = job.path();
                let last = job.last().map(|found| {
                    let path = Path {
                        team: &job.team_name,
                        pipeline: &job.pipeline_name,
                        job: &job.name,
                    };
                    self.shown(&path, found)
                });
                Project {
                    name,
                    last_build: last,
                }
            };
            Ok(jobs.iter().map(project).collect())
        })
    }
}

impl<'a> Path<'a> {
    fn parse(job: &'a str) -> Result<Self, Error> {
        let parts: Vec<&str> = job.split('/').collect();
        match parts[..] {
            [team, pipeline, job] => Ok(Path {
                team,
                pipeline,
                job,
            }),
            _ => Err(Error::invalid(
                "job must be in the format teamName/pipelineName/jobName",
            )),
        }
    }

    fn to_name(&self) -> String {
        format!("{}/{}/{}", self.team, self.pipeline, self.job)
    }
}

fn bearing(request: &Request, token: &str) -> Request {
    let request = request.clone();
    request.secret_header("Authorization", format!("bearer {token}"))
}

fn below<'a>(segments: &[&'a str]) -> Vec<&'a str> {
    ["api", "v1"]
        .into_iter()
        .chain(segments.iter().copied())
        .collect()
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names
}

/// The text of a value that is one.
fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}
