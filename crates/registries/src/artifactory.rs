//! Searches in Artifactory (igor: `ArtifactoryBuildMonitor`, `ArtifactoryClient`), in its query language AQL.

use std::time::Duration;

use gennaker_credentials::auth::{Auth, Proof, Secret, basic};
use gennaker_outbound::{Client, Policy, Request};
use gennaker_settings::{ArtifactoryRepoType, ArtifactorySearch};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Error, host_of};

/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Most files in one answer.
const FILES_MAX: usize = 100_000;

/// Longest search.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One search.
pub struct Search {
    settings: ArtifactorySearch,
    client: Client,
    auth: Auth,
}

/// A file that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its path in the repository.
    pub path: String,
    /// When it was changed, epoch milliseconds.
    pub modified_ms: i64,
    /// The artifact that it is; nothing for what is none of the repository's type.
    pub artifact: Option<Value>,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    path: String,
    name: String,
    modified: Option<String>,
    #[serde(default)]
    artifacts: Vec<Part>,
    #[serde(default)]
    properties: Vec<Property>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    builds: Vec<Value>,
}

#[derive(Deserialize)]
struct Property {
    key: String,
    value: Option<String>,
}

impl Search {
    /// A search of the settings. Opens nothing yet.
    ///
    /// # Errors
    /// Certificates or proxies that cannot be used.
    pub fn new(
        settings: ArtifactorySearch,
        http: &gennaker_outbound::Options,
    ) -> Result<Self, gennaker_outbound::Error> {
        let mut http = http.clone();
        http.tls.insecure_skip_verify = settings.ignore_ssl_issues;
        http.response_bytes_max = ANSWER_BYTES_MAX;
        let password = Secret::of(settings.password.as_ref(), settings.password_file.as_ref());
        let token = Secret::of(
            settings.access_token.as_ref(),
            settings.access_token_file.as_ref(),
        );
        Ok(Self {
            client: Client::new(Policy::trusted(), http)?,
            auth: Auth::of(settings.username.as_ref(), password, None, token),
            settings,
        })
    }

    /// What the settings say of it.
    #[must_use]
    pub fn settings(&self) -> &ArtifactorySearch {
        &self.settings
    }

    /// What was changed after this time (epoch milliseconds), oldest first; without it, in the last minute.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn changed(&self, after_ms: Option<i64>) -> Result<Vec<File>, Error> {
        let base = self.settings.base_url.trim_end_matches('/');
        let url = format!("{base}/api/search/aql");
        let mut request = Request::post(url, "text/plain", self.query(after_ms)).timeout(TIMEOUT);
        request.response_bytes_max = Some(ANSWER_BYTES_MAX);
        let proof = self.auth.read().await.map_err(|problem| {
            Error::Credentials(format!(
                "the credentials of search {}: {problem}",
                self.settings.name
            ))
        })?;
        let request = match proof {
            Proof::None => request,
            Proof::Basic { user, password } => {
                request.secret_header("Authorization", basic(&user, &password))
            }
            Proof::Token(token) => {
                request.secret_header("Authorization", format!("Bearer {token}"))
            }
        };
        let answer = self.client.send(request).await?;
        if !answer.is_success() {
            return Err(Error::Status {
                status: answer.status,
                host: host_of(&answer.url),
                sentence: None,
            });
        }
        let unreadable = || {
            Error::Answer(format!(
                "the answer of {} cannot be read",
                host_of(&answer.url)
            ))
        };
        let found: Answer = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
        if found.results.len() > FILES_MAX {
            return Err(Error::Answer(format!(
                "the search {} finds more than {FILES_MAX} files",
                self.settings.name
            )));
        }
        let mut files: Vec<File> = found.results.iter().map(|found| self.file(found)).collect();
        files.sort_by(|a, b| (a.modified_ms, &a.path).cmp(&(b.modified_ms, &b.path)));
        Ok(files)
    }

    /// The settings were checked: nothing in it can end a quotation.
    fn query(&self, after_ms: Option<i64>) -> String {
        let settings = &self.settings;
        let modified = match after_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()) {
            Some(after) => json!({"$gt": format!("{after:.3}")}),
            None => json!({"$last": "1minutes"}),
        };
        let (usual, more) = match settings.repo_type {
            ArtifactoryRepoType::Maven => (".pom", ""),
            ArtifactoryRepoType::Helm => (".tgz", ", \"@chart.name\", \"@chart.version\""),
        };
        let extension = settings.artifact_extension.as_deref().unwrap_or(usual);
        let mut wanted = json!({
            "repo": settings.repo,
            "modified": modified,
            "name": {"$match": format!("*{extension}")},
        });
        if let Some(group) = settings
            .group_id
            .as_deref()
            .filter(|group| !group.is_empty())
        {
            wanted["path"] = json!({"$match": format!("{}/*", group.replace('.', "/"))});
        }
        format!(
            "items.find({wanted}).include(\"path\", \"repo\", \"name\", \"modified\", \"artifact.module.build\"{more})"
        )
    }

    fn file(&self, found: &Found) -> File {
        let modified = found.modified.as_ref().and_then(|text| text.parse().ok());
        File {
            path: format!("{}/{}", found.path, found.name),
            modified_ms: modified.map_or(0, jiff::Timestamp::as_millisecond),
            artifact: match self.settings.repo_type {
                ArtifactoryRepoType::Maven => self.maven(found),
                ArtifactoryRepoType::Helm => self.chart(found),
            },
        }
    }

    /// Source: igor `ArtifactoryItem.toMatchableArtifact`.
    fn maven(&self, found: &Found) -> Option<Value> {
        // `org/acme/web/1.2`
        let mut parts: Vec<&str> = found.path.split('/').collect();
        let (version, artifact) = (parts.pop()?, parts.pop()?);
        if parts.is_empty() {
            return None;
        }
        let group = parts.join(".");
        let base = self.settings.base_url.trim_end_matches('/');
        let repo = &self.settings.repo;
        let mut built = json!({
            "type": "maven/file",
            "name": format!("{group}:{artifact}"),
            "version": version,
            "reference": format!("{group}:{artifact}:{version}"),
            "provenance": repo,
            "location": format!("{base}/webapp/#/artifacts/browse/tree/General/{repo}/{}/{}", found.path, found.name),
        });
        let builds = found
            .artifacts
            .iter()
            .flat_map(|it| &it.modules)
            .flat_map(|it| &it.builds);
        let created = |build: &&Value| {
            build["build.created"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        if let Some(latest) = builds.max_by_key(created) {
            built["metadata"] = json!({"build": latest});
        }
        Some(built)
    }

    fn chart(&self, found: &Found) -> Option<Value> {
        let property = |key: &str| {
            let mut all = found.properties.iter();
            all.find(|it| it.key == key).and_then(|it| it.value.clone())
        };
        let name = property("chart.name")?;
        let version = property("chart.version")?;
        let base = self.settings.base_url.trim_end_matches('/');
        let repo = &self.settings.repo;
        let path = match found.path.as_str() {
            "" | "." => found.name.clone(),
            path => format!("{path}/{}", found.name),
        };
        Some(json!({
            "type": "helm/chart",
            "name": name,
            "version": version,
            "reference": format!("{base}/{repo}/{path}"),
            "provenance": repo,
            "location": format!("{base}/{repo}/{path}"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use gennaker_testkit::http::{Reply, Server};

    use super::*;

    async fn search(server: &Server, change: impl FnOnce(&mut ArtifactorySearch)) -> Search {
        let mut settings = ArtifactorySearch {
            name: "releases".to_owned(),
            base_url: server.url("/artifactory/"),
            repo: "libs".to_owned(),
            ..ArtifactorySearch::default()
        };
        change(&mut settings);
        Search::new(settings, &gennaker_outbound::Options::default()).unwrap()
    }

    #[tokio::test]
    async fn a_search_for_maven() {
        let server = Server::start(|request| match request.header("authorization") {
            Some("Basic dTpw") => Reply::ok(
                r#"{"results": [
                    {"repo": "libs", "path": "org/acme/web/1.2", "name": "web-1.2.pom", "modified": "2024-01-02T03:04:05.678Z",
                     "artifacts": [{"modules": [{"builds": [
                        {"build.created": "2024-01-01T00:00:00Z", "build.number": "6"},
                        {"build.created": "2024-01-02T00:00:00Z", "build.number": "7"}]}]}]},
                    {"path": "x", "name": "x.pom", "modified": "2024-01-02T03:04:05.000Z"}]}"#,
            ),
            _ => Reply::status(401, ""),
        })
        .await;
        let pair = |it: &mut ArtifactorySearch| {
            it.username = Some("u".to_owned());
            it.password = Some(gennaker_settings::Secret::new("p".to_owned()));
            it.group_id = Some("org.acme".to_owned());
        };
        let found = search(&server, pair)
            .await
            .changed(Some(1_704_164_645_000))
            .await
            .unwrap();
        assert_eq!(found[0].artifact, None, "no group, no artifact");
        let artifact = found[1].artifact.clone().unwrap();
        assert_eq!(found[1].modified_ms, 1_704_164_645_678);
        assert_eq!(artifact["reference"], "org.acme:web:1.2");
        assert_eq!(artifact["metadata"]["build"]["build.number"], "7");
        let seen = server.seen();
        assert_eq!(seen[0].path(), "/artifactory/api/search/aql");
        assert_eq!(
            seen[0].text(),
            "items.find({\"repo\":\"libs\",\"modified\":{\"$gt\":\"2024-01-02T03:04:05.000Z\"},\"name\":{\"$match\":\"*.pom\"},\
             \"path\":{\"$match\":\"org/acme/*\"}}).include(\"path\", \"repo\", \"name\", \"modified\", \"artifact.module.build\")"
        );
        let refused = search(&server, |_| {})
            .await
            .changed(None)
            .await
            .unwrap_err();
        assert_eq!(refused.to_string(), "127.0.0.1 answers 401");
    }

    #[tokio::test]
    async fn a_search_for_charts() {
        let server = Server::start(|_| {
            Reply::ok(
                r#"{"results": [{"path": ".", "name": "web-1.0.0.tgz", "modified": "2024-01-02T03:04:05Z", "properties": [
                    {"key": "chart.name", "value": "web"}, {"key": "chart.version", "value": "1.0.0"}]}]}"#,
            )
        })
        .await;
        let charts = |it: &mut ArtifactorySearch| it.repo_type = ArtifactoryRepoType::Helm;
        let found = search(&server, charts).await.changed(None).await.unwrap();
        let artifact = found[0].artifact.clone().unwrap();
        assert_eq!(artifact["type"], "helm/chart");
        assert_eq!(
            artifact["reference"],
            server.url("/artifactory/libs/web-1.0.0.tgz")
        );
        assert!(server.seen()[0].text().contains("@chart.name"));
    }
}
