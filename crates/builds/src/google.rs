//! Google Cloud Build (Igor: `GoogleCloudBuildAccount`, `GoogleCloudBuildClient`; Cloud Build's API, version 1).
//!
//! A build that was started is found again by what it carries: one from a definition by a tag, one that a trigger ran by a
//! substitution (triggers take no tags, and never refuse a substitution that their definition does not use).

mod artifacts;
mod model;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use gennaker_credentials::google::Identity;
use gennaker_model::Map;
use gennaker_outbound::{Client, Request};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Error,
    rest::{Intent, Rest},
};
pub use model::{CloudBuild, CloudStart, CloudStatus, What};

/// Where the service is.
const SERVICE: &str = "https://cloudbuild.googleapis.com";
/// Where buckets are.
const STORAGE: &str = "https://storage.googleapis.com";
/// What a token must be good for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The tag of every build that a pipeline started, as Igor's builds have it.
const TAG: &str = "started-by.spinnaker.io";
/// What the tag of one start begins with.
const TOKEN_TAG: &str = "gennaker-";
/// The substitution that carries the token of a trigger's run.
const TOKEN_SUBSTITUTION: &str = "_GENNAKER_BUILD";
/// Builds and triggers that one page has.
const PAGE: &str = "100";
/// Most pages of a list.
const PAGES_MAX: usize = 20;
/// How far clocks may differ, in milliseconds.
const CLOCKS_MS: i64 = 60_000;

/// How an account reaches Cloud Build.
pub struct CloudBuildOptions {
    /// The way out.
    pub client: Client,
    /// Who gives tokens.
    pub identity: Arc<Identity>,
    /// The project that builds run in.
    pub project: String,
    /// The region of builds and triggers; `None`, or `global`: Google's global one.
    pub region: Option<String>,
    /// Another address of the service.
    pub address: Option<String>,
    /// Another address of Cloud Storage.
    pub storage_address: Option<String>,
}

/// Cloud Build of one project.
pub struct GoogleCloudBuild {
    service: Rest,
    storage: Rest,
    identity: Arc<Identity>,
    project: String,
    region: Option<String>,
}

#[derive(Deserialize)]
struct Operation {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    build: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default, alias = "triggers")]
    builds: Vec<Value>,
    next_page_token: Option<String>,
}

impl GoogleCloudBuild {
    /// The builds of a project. Opens nothing yet.
    ///
    /// # Errors
    /// [`Error::Refused`]: an address is none.
    pub fn new(options: CloudBuildOptions) -> Result<Self, Error> {
        let address =
            |given: Option<String>, usual: &str| given.unwrap_or_else(|| usual.to_owned());
        let service = address(options.address, SERVICE);
        let storage = address(options.storage_address, STORAGE);
        Ok(Self {
            service: Rest::new(options.client.clone(), &service)?,
            storage: Rest::new(options.client, &storage)?,
            identity: options.identity,
            project: options.project,
            region: options.region.filter(|region| region != "global"),
        })
    }

    /// Starts a build.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn start(&self, start: &CloudStart) -> Result<CloudBuild, Error> {
        let (segments, body) = match &start.what {
            What::Definition(definition) => {
                let mut build = definition.clone();
                tag(&mut build, &start.token)?;
                (self.builds_of(definition), Value::Object(build))
            }
            What::Trigger { id, source } => {
                let mut source = source.clone();
                substitute(&mut source, &start.token)?;
                (self.trigger_run(id), self.run_of(id, source))
            }
        };
        let url = self.service.url(&borrowed(&segments), &[])?;
        let request = Request::post(url, "application/json", body.to_string());
        let operation: Operation = self.call(request, Intent::Changes).await?;
        let build = operation
            .metadata
            .build
            .and_then(|build| CloudBuild::read(&build));
        build.ok_or_else(|| Error::Unreadable {
            sentence: "Google Cloud Build does not say which build it started".to_owned(),
            may_have_happened: true,
        })
    }

    /// The build that an earlier [`Self::start`] of the same token made; `None` when it made none.
    ///
    /// # Errors
    /// [`Error`]: nobody knows.
    pub async fn find(&self, start: &CloudStart) -> Result<Option<CloudBuild>, Error> {
        let segments = match &start.what {
            What::Definition(definition) => self.builds_of(definition),
            What::Trigger { .. } => self.builds(),
        };
        let tag = tag_of(&start.token);
        let is_it = |build: &Value| match &start.what {
            What::Definition(_) => list(build, "tags").any(|one| one.as_str() == Some(&tag)),
            What::Trigger { .. } => {
                build.pointer(&format!("/substitutions/{TOKEN_SUBSTITUTION}"))
                    == Some(&json!(start.token))
            }
        };
        let mut next = None;
        // Newest first.
        for _ in 0..PAGES_MAX {
            let page = self.page(&segments, next.as_deref()).await?;
            if let Some(found) = page.builds.iter().find(|build| is_it(build)) {
                return Ok(CloudBuild::read(found));
            }
            let is_older = |build: &Value| {
                let created = build["createTime"].as_str()?.parse::<Timestamp>().ok()?;
                Some(created.as_millisecond() < start.since_ms.saturating_sub(CLOCKS_MS))
            };
            let passed = page.builds.last().and_then(is_older) == Some(true);
            next = page.next_page_token.filter(|token| !token.is_empty());
            if passed || next.is_none() {
                return Ok(None);
            }
        }
        Err(Error::Unavailable {
            status: None,
            sentence: "Google Cloud Build has more builds since then than are looked through"
                .to_owned(),
            may_have_happened: false,
        })
    }

    /// A build: `build` is what is known of it, its id and, where it runs elsewhere than the account's others, its name.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn get(&self, build: &CloudBuild) -> Result<CloudBuild, Error> {
        let found = self.whole(build).await?;
        CloudBuild::read(&found).ok_or_else(|| unreadable("build"))
    }

    /// Stops a build. One that is over is left as it is.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn stop(&self, build: &CloudBuild) -> Result<CloudBuild, Error> {
        let mut segments = self.place(build);
        if let Some(last) = segments.last_mut() {
            last.push_str(":cancel");
        }
        let url = self.service.url(&borrowed(&segments), &[])?;
        let request = Request::post(url, "application/json", "{}");
        let answer = self.call::<Value>(request, Intent::Changes).await;
        match answer {
            Ok(stopped) => CloudBuild::read(&stopped).ok_or_else(|| unreadable("build")),
            // FAILED_PRECONDITION: it is over. What it is then decides.
            Err(error @ Error::Refused { status: 400, .. }) => {
                let now = self.get(build).await?;
                match now.status.is_over() {
                    true => Ok(now),
                    false => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The triggers as Google describes them.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn triggers(&self) -> Result<Vec<Value>, Error> {
        let segments = self.triggers_of_account();
        let mut found = Vec::new();
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let page = self.page(&segments, next.as_deref()).await?;
            found.extend(page.builds);
            next = page.next_page_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// The artifacts that a build made, as pipelines have them: images, and files in buckets.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn artifacts(&self, build: &CloudBuild) -> Result<Vec<Map>, Error> {
        let build = self.whole(build).await?;
        let mut found = artifacts::images(&build);
        if let Some(manifest) = build
            .pointer("/results/artifactManifest")
            .and_then(Value::as_str)
        {
            let object = artifacts::Object::parse(manifest)?;
            let mut query = vec![("alt", "media")];
            if let Some(generation) = &object.generation {
                query.push(("generation", generation));
            }
            let segments = ["storage", "v1", "b", &object.bucket, "o", &object.path];
            let request = Request::get(self.storage.url(&segments, &query)?);
            let request = self.proven(request).await?;
            let answer = self.storage.send(request, Intent::Reads).await?;
            artifacts::add_files(&mut found, &String::from_utf8_lossy(&answer.body))?;
        }
        Ok(found)
    }

    async fn whole(&self, build: &CloudBuild) -> Result<Value, Error> {
        let url = self.service.url(&borrowed(&self.place(build)), &[])?;
        self.call(Request::get(url), Intent::Reads).await
    }

    async fn page(&self, segments: &[String], token: Option<&str>) -> Result<Page, Error> {
        let mut query = vec![("pageSize", PAGE)];
        if let Some(token) = token {
            query.push(("pageToken", token));
        }
        let url = self.service.url(&borrowed(segments), &query)?;
        self.call(Request::get(url), Intent::Reads).await
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        request: Request,
        intent: Intent,
    ) -> Result<T, Error> {
        let request = self.proven(request).await?;
        self.service.json(request, intent).await
    }

    async fn proven(&self, request: Request) -> Result<Request, Error> {
        let token = self.identity.token(SCOPE).await;
        let token = token.map_err(|error| Error::Credentials(error.to_string()))?;
        Ok(request.secret_header("Authorization", format!("Bearer {token}")))
    }

    /// Where builds of the account are.
    fn builds(&self) -> Vec<String> {
        self.in_project("builds")
    }

    fn triggers_of_account(&self) -> Vec<String> {
        self.in_project("triggers")
    }

    fn in_project(&self, what: &str) -> Vec<String> {
        let place = match &self.region {
            None => vec!["v1", "projects", &self.project, what],
            Some(region) => vec!["v1", "projects", &self.project, "locations", region, what],
        };
        owned(&place)
    }

    /// Where a build of this definition is started: with the workers of a private pool, where that is.
    fn builds_of(&self, definition: &Map) -> Vec<String> {
        let pool = definition
            .get("options")
            .and_then(|options| options.pointer("/pool/name"));
        let pool: Vec<&str> = pool
            .and_then(Value::as_str)
            .unwrap_or_default()
            .split('/')
            .collect();
        match pool[..] {
            ["projects", project, "locations", region, "workerPools", _] => {
                owned(&["v1", "projects", project, "locations", region, "builds"])
            }
            _ => self.builds(),
        }
    }

    fn place(&self, build: &CloudBuild) -> Vec<String> {
        let name: Vec<&str> = build
            .name
            .as_deref()
            .unwrap_or_default()
            .split('/')
            .collect();
        match name[..] {
            // Builds of the global region are read as Igor does.
            ["projects", project, "locations", region, "builds", id] if region != "global" => {
                owned(&["v1", "projects", project, "locations", region, "builds", id])
            }
            _ => {
                let mut place = self.builds();
                place.push(build.id.clone());
                place
            }
        }
    }

    fn trigger_run(&self, id: &str) -> Vec<String> {
        let mut place = self.triggers_of_account();
        place.push(format!("{id}:run"));
        place
    }

    /// The body that runs a trigger: of a region it names itself once more.
    fn run_of(&self, id: &str, source: Map) -> Value {
        match &self.region {
            None => Value::Object(source),
            Some(_) => json!({"projectId": self.project, "triggerId": id, "source": source}),
        }
    }
}

/// Adds the tags to a definition.
fn tag(build: &mut Map, token: &str) -> Result<(), Error> {
    let tags = build.entry("tags").or_insert_with(|| json!([]));
    if tags.is_null() {
        *tags = json!([]);
    }
    let tags = tags
        .as_array_mut()
        .ok_or_else(|| Error::invalid("tags of the build definition must be a list"))?;
    for tag in [TAG.to_owned(), tag_of(token)] {
        if !tags.contains(&json!(tag)) {
            tags.push(tag.into());
        }
    }
    Ok(())
}

/// Tags have letters, digits, `_`, `.` and `-`, and at most 128 of them.
fn tag_of(token: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
    let token = token
        .chars()
        .map(|letter| if fits(letter) { letter } else { '-' });
    TOKEN_TAG.chars().chain(token).take(128).collect()
}

fn substitute(source: &mut Map, token: &str) -> Result<(), Error> {
    let substitutions = source.entry("substitutions").or_insert_with(|| json!({}));
    if substitutions.is_null() {
        *substitutions = json!({});
    }
    let substitutions = substitutions
        .as_object_mut()
        .ok_or_else(|| Error::invalid("substitutions of repoSource must be an object"))?;
    substitutions.insert(TOKEN_SUBSTITUTION.to_owned(), token.into());
    Ok(())
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn owned(segments: &[&str]) -> Vec<String> {
    segments.iter().map(|&segment| segment.to_owned()).collect()
}

fn borrowed(segments: &[String]) -> Vec<&str> {
    segments.iter().map(String::as_str).collect()
}

fn unreadable(what: &str) -> Error {
    Error::Unreadable {
        sentence: format!("Google Cloud Build answers something that is no {what}"),
        may_have_happened: false,
    }
}
