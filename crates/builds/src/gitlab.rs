//! GitLab CI (Igor: `GitlabCiService`; GitLab's API, version 4).
//!
//! A job is a project, by its number or its path; a build is a pipeline, by its id. Pipelines are started with a trigger token; the
//! token of a start goes with it as a variable, by which the pipeline is found again. There is no queue.

mod model;
#[cfg(test)]
mod tests;

use futures_util::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use gennaker_credentials::auth::Secret;
use gennaker_model::Map;
use gennaker_outbound::{Client, Request};
use gennaker_runtime::Clock;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Build, BuildServer, Error, Project, Queued, Revision, Start, Started, Stop, log,
    rest::{Intent, Rest, form, noted, since_ms},
    server::Answer,
};
use model::{Bridge, GitlabProject, JobId, Pipeline, Variable};

/// The variable that carries the token.
const TOKEN: &str = "GENNAKER_BUILD";
/// The parameter that is the branch or tag, and not a variable.
const REF: &str = "ref";
/// What is built where the stage does not say.
const REF_USUAL: &str = "main";
/// Pages of any list that are read.
const PAGES_MAX: usize = 100;
/// Pipelines of a project that a poller looks at (Igor: `MAX_NUMBER_OF_PIPELINES`).
const POLLED: &str = "5";
/// Questions at the same time.
const AT_ONCE: usize = 4;
/// Longest log of one job, in bytes.
const LOG_BYTES_MAX: u64 = 16 << 20;
/// Longest logs of one pipeline, in bytes.
const LOGS_BYTES_MAX: usize = 48 << 20;
/// Pipelines that are looked through for one of ours: each costs a question.
const LOOKED_MAX: usize = 200;

/// How a server of GitLab is reached.
pub struct GitlabOptions {
    /// The way out.
    pub client: Client,
    /// The time.
    pub clock: Clock,
    /// Its address.
    pub address: String,
    /// The token that all but starting needs.
    pub private_token: Secret,
    /// The token that starts pipelines; without one none can be started.
    pub trigger_token: Option<Secret>,
    /// Only projects that the token's owner is a member of.
    pub limit_by_membership: bool,
    /// Only projects that the token's owner owns.
    pub limit_by_ownership: bool,
    /// Entries of a page.
    pub page_length: u32,
}

/// A server of GitLab.
pub struct Gitlab {
    rest: Rest,
    options: GitlabOptions,
}

impl Gitlab {
    /// A server. Opens nothing yet.
    ///
    /// # Errors
    /// [`Error::Refused`]: the address is none.
    pub fn new(options: GitlabOptions) -> Result<Self, Error> {
        Ok(Self {
            rest: Rest::new(options.client.clone(), &options.address)?,
            options,
        })
    }

    async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        let url = self.rest.url(&below(segments), query)?;
        let request = self.proven(Request::get(url)).await?;
        self.rest.json(request, Intent::Reads).await
    }

    /// All pages of a list.
    async fn all<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, Error> {
        let length = self.options.page_length.to_string();
        let mut found = Vec::new();
        for page in 1..=PAGES_MAX {
            let page = page.to_string();
            let mut query = query.to_vec();
            query.extend([("page", page.as_str()), ("per_page", &length)]);
            let slice: Vec<T> = self.get(segments, &query).await?;
            let is_last = slice.len() < self.options.page_length as usize;
            found.extend(slice);
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    async fn proven(&self, request: Request) -> Result<Request, Error> {
        let token = self.options.private_token.read().await;
        let token = token.map_err(Error::Credentials)?;
        Ok(request.secret_header("PRIVATE-TOKEN", token))
    }

    async fn trigger(&self, start: &Start) -> Result<Started, Error> {
        let Some(token) = &self.options.trigger_token else {
            return Err(Error::invalid(
                "a pipeline of GitLab is started with a trigger token, and the settings have none (trigger_token_file)",
            ));
        };
        let token = token.read().await.map_err(Error::Credentials)?;
        let reference = start.parameters.iter().find(|(name, _)| name == REF);
        let reference = reference.map_or(REF_USUAL, |(_, value)| value);
        // In the body and not in the address, which servers and proxies write down.
        let others = start.parameters.iter().filter(|(name, _)| name != REF);
        let variables: Vec<(String, &str)> = others
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain([(TOKEN, start.token.as_str())])
            .map(|(name, value)| (format!("variables[{name}]"), value))
            .collect();
        let mut fields = vec![("token", token.as_str()), ("ref", reference)];
        fields.extend(
            variables
                .iter()
                .map(|(name, value)| (name.as_str(), *value)),
        );
        let url = self.rest.url(
            &below(&["projects", &start.job, "trigger", "pipeline"]),
            &[],
        )?;
        let request = Request::post(url, "application/x-www-form-urlencoded", form(&fields));
        let made: Pipeline = self.rest.json(request, Intent::Changes).await?;
        Ok(Started::Running(made.id))
    }

    async fn find_pipeline(&self, start: &Start) -> Result<Option<Started>, Error> {
        let since = Timestamp::from_millisecond(since_ms(start.before.as_deref()));
        let since = since.unwrap_or(Timestamp::UNIX_EPOCH).to_string();
        let query = [("source", "trigger"), ("updated_after", since.as_str())];
        let listed: Vec<Pipeline> = self
            .all(&["projects", &start.job, "pipelines"], &query)
            .await?;
        let are_too_many = listed.len() > LOOKED_MAX;
        for pipeline in listed.into_iter().take(LOOKED_MAX) {
            let id = pipeline.id.to_string();
            let place = ["projects", &start.job, "pipelines", &id, "variables"];
            let variables: Vec<Variable> = match self.get(&place, &[]).await {
                Ok(variables) => variables,
                // It was deleted.
                Err(Error::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            if variables
                .iter()
                .any(|it| it.key == TOKEN && it.value.as_deref() == Some(&start.token))
            {
                return Ok(Some(Started::Running(pipeline.id)));
            }
        }
        match are_too_many {
            false => Ok(None),
            true => Err(Error::Unavailable {
                status: None,
                sentence: format!(
                    "GitLab has more than {LOOKED_MAX} triggered pipelines since then"
                ),
                may_have_happened: false,
            }),
        }
    }

    async fn project(&self, job: &str) -> Result<GitlabProject, Error> {
        self.get(&["projects", job], &[]).await
    }

    async fn pipeline(&self, job: &str, number: u64) -> Result<Pipeline, Error> {
        self.get(&["projects", job, "pipelines", &number.to_string()], &[])
            .await
    }

    async fn one(&self, job: &str, number: u64) -> Result<Build, Error> {
        let (project, pipeline) =
            futures_util::try_join!(self.project(job), self.pipeline(job, number))?;
        Ok(pipeline.to_build(self.rest.address(), &project.path_with_namespace))
    }

    async fn list(&self, job: &str, most: &str) -> Result<Vec<Build>, Error> {
        let place = ["projects", job, "pipelines"];
        let query = [("per_page", most)];
        let (project, pipelines) =
            futures_util::try_join!(self.project(job), self.get::<Vec<Pipeline>>(&place, &query))?;
        Ok(self.shown(&project, &pipelines))
    }

    fn shown(&self, project: &GitlabProject, pipelines: &[Pipeline]) -> Vec<Build> {
        let build = |pipeline: &Pipeline| {
            pipeline.to_build(self.rest.address(), &project.path_with_namespace)
        };
        let mut builds: Vec<Build> = pipelines.iter().map(build).collect();
        builds.sort_by_key(|build| std::cmp::Reverse(build.number));
        builds
    }

    /// The projects that build.
    async fn all_of_account(&self) -> Result<Vec<GitlabProject>, Error> {
        let word = |yes: bool| if yes { "true" } else { "false" };
        let query = [
            ("membership", word(self.options.limit_by_membership)),
            ("owned", word(self.options.limit_by_ownership)),
        ];
        let mut projects: Vec<GitlabProject> = self.all(&["projects"], &query).await?;
        projects.retain(|project| project.builds_access_level.as_deref() == Some("enabled"));
        Ok(projects)
    }

    async fn all_projects(&self) -> Result<Vec<Project>, Error> {
        let projects = self.all_of_account().await?;
        let mut questions: Vec<BoxFuture<'_, Result<Project, Error>>> = Vec::new();
        for project in projects {
            questions.push(Box::pin(self.with_last(project)));
        }
        stream::iter(questions)
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn with_last(&self, project: GitlabProject) -> Result<Project, Error> {
        let id = project.id.to_string();
        let found = self
            .get(&["projects", &id, "pipelines"], &[("per_page", POLLED)])
            .await;
        let pipelines: Vec<Pipeline> = match found {
            Ok(pipelines) => pipelines,
            // Who may see the project need not see its pipelines.
            Err(Error::NotFound(_) | Error::Refused { status: 403, .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Project {
            name: id,
            last_build: self.shown(&project, &pipelines).into_iter().next(),
        })
    }

    async fn properties_of(&self, job: &str, number: u64) -> Result<Map, Error> {
        let id = number.to_string();
        let mut jobs: Vec<JobId> = self
            .all(&["projects", job, "pipelines", &id, "jobs"], &[])
            .await?;
        let bridges: Vec<Bridge> = self
            .all(&["projects", job, "pipelines", &id, "bridges"], &[])
            .await?;
        // Child pipelines of the same project that went well.
        let children = bridges
            .into_iter()
            .filter_map(|bridge| bridge.downstream_pipeline);
        for child in children.filter(Pipeline::is_success) {
            let child = child.id.to_string();
            match self
                .all(&["projects", job, "pipelines", &child, "jobs"], &[])
                .await
            {
                Ok(more) => jobs.extend::<Vec<JobId>>(more),
                // It belongs to another project.
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let mut found = Map::new();
        let mut length = 0;
        for one in jobs {
            let id = one.id.to_string();
            let url = self
                .rest
                .url(&below(&["projects", job, "jobs", &id, "trace"]), &[])?;
            let request = self.proven(Request::get(url)).await?;
            let request = request.response_bytes_max(LOG_BYTES_MAX);
            let answer = match self.rest.send(request, Intent::Reads).await {
                Ok(answer) => answer,
                // A job that did not run has no log.
                Err(Error::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            length += answer.body.len();
            if length > LOGS_BYTES_MAX {
                return Err(Error::Unreadable {
                    sentence: format!(
                        "the logs of the pipeline are longer than {LOGS_BYTES_MAX} bytes"
                    ),
                    may_have_happened: false,
                });
            }
            found.extend(log::properties(&String::from_utf8_lossy(&answer.body)));
        }
        Ok(found)
    }

    async fn cancel(&self, stop: &Stop) -> Result<(), Error> {
        let number = stop.number.or_else(|| stop.item.as_deref()?.parse().ok());
        let Some(number) = number else {
            return Ok(());
        };
        let place = [
            "projects",
            &stop.job,
            "pipelines",
            &number.to_string(),
            "cancel",
        ];
        let url = self.rest.url(&below(&place), &[])?;
        let request = self
            .proven(Request::post(url, "application/json", "{}"))
            .await?;
        // A pipeline that is over is answered as it is.
        self.rest
            .json::<Value>(request, Intent::Changes)
            .await
            .map(|_| ())
    }
}

impl BuildServer for Gitlab {
    fn before<'a>(&'a self, _start: &'a Start) -> Answer<'a, Option<String>> {
        Box::pin(async { Ok(noted(self.options.clock.now_ms())) })
    }

    fn start<'a>(&'a self, start: &'a Start) -> Answer<'a, Started> {
        Box::pin(self.trigger(start))
    }

    fn find<'a>(&'a self, start: &'a Start) -> Answer<'a, Option<Started>> {
        Box::pin(self.find_pipeline(start))
    }

    fn queued<'a>(&'a self, _job: &'a str, item: &'a str) -> Answer<'a, Queued> {
        let number = item.parse().map(Queued::Number);
        let number =
            number.map_err(|_| Error::invalid(format!("{item:?} is no pipeline of GitLab")));
        Box::pin(async { number })
    }

    fn build<'a>(&'a self, job: &'a str, number: u64) -> Answer<'a, Build> {
        Box::pin(self.one(job, number))
    }

    fn revisions<'a>(&'a self, job: &'a str, number: u64) -> Answer<'a, Vec<Revision>> {
        Box::pin(async move { Ok(vec![self.pipeline(job, number).await?.revision()]) })
    }

    /// Whatever the file is called: properties are lines of the logs.
    fn properties<'a>(&'a self, job: &'a str, number: u64, _file: &'a str) -> Answer<'a, Map> {
        Box::pin(self.properties_of(job, number))
    }

    fn stop<'a>(&'a self, stop: &'a Stop) -> Answer<'a, ()> {
        Box::pin(self.cancel(stop))
    }

    fn jobs(&self) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            let mut ids: Vec<u64> = self
                .all_of_account()
                .await?
                .iter()
                .map(|it| it.id)
                .collect();
            ids.sort_unstable();
            Ok(ids.iter().map(u64::to_string).collect())
        })
    }

    fn job<'a>(&'a self, _job: &'a str) -> Answer<'a, Map> {
        Box::pin(async {
            let sentence = "getJobConfig is not yet implemented for Gitlab CI";
            Err(Error::NotSupported(sentence.to_owned()))
        })
    }

    fn builds<'a>(&'a self, job: &'a str) -> Answer<'a, Vec<Build>> {
        Box::pin(async move { self.list(job, &self.options.page_length.to_string()).await })
    }

    fn projects(&self) -> Answer<'_, Vec<Project>> {
        Box::pin(self.all_projects())
    }
}

fn below<'a>(segments: &[&'a str]) -> Vec<&'a str> {
    ["api", "v4"]
        .into_iter()
        .chain(segments.iter().copied())
        .collect()
}
