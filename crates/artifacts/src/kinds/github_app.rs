//! Tokens of a GitHub App, kept until shortly before they expire (Clouddriver: `GitHubAppAuth`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use gennaker_credentials::{file, rsa::Key};
use gennaker_outbound::Request;
use gennaker_runtime::Clock;
use gennaker_settings::{GitRepoAccount, GithubAccount};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use url::Url;

use crate::{
    Error,
    http::{Http, below},
};

/// Before its end a token is not used any more, in milliseconds: a call takes time.
const FRESH_MS: i64 = 5 * 60 * 1000;

/// How long an installation's token is good, in milliseconds.
const LIFE_MS: i64 = 60 * 60 * 1000;

/// Most installations whose tokens are kept.
const KEPT_MAX: usize = 1_000;

pub(super) struct GithubApp {
    http: Http,
    api: String,
    app_id: String,
    key_file: PathBuf,
    installation: Option<String>,
    organizations: Vec<String>,
    clock: Clock,
    /// Token and its end by owner and repository.
    kept: Mutex<BTreeMap<String, (String, i64)>>,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

/// What an account says of its app.
pub(super) struct Settings<'a> {
    id: Option<&'a String>,
    key_file: Option<&'a String>,
    installation: Option<&'a String>,
    organizations: &'a [String],
}

impl<'a> From<&'a GithubAccount> for Settings<'a> {
    fn from(account: &'a GithubAccount) -> Self {
        Self {
            id: account.app_id.as_ref(),
            key_file: account.app_private_key_file.as_ref(),
            installation: account.app_installation_id.as_ref(),
            organizations: &account.app_allowed_organizations,
        }
    }
}

impl<'a> From<&'a GitRepoAccount> for Settings<'a> {
    fn from(account: &'a GitRepoAccount) -> Self {
        Self {
            id: account.app_id.as_ref(),
            key_file: account.app_private_key_file.as_ref(),
            installation: account.app_installation_id.as_ref(),
            organizations: &account.app_allowed_organizations,
        }
    }
}

impl GithubApp {
    /// That of an account, if it has one.
    pub(super) fn of<'a>(
        account: impl Into<Settings<'a>>,
        api: &str,
        http: &Http,
        clock: Clock,
    ) -> Option<Self> {
        let settings = account.into();
        Some(Self {
            http: http.clone(),
            api: api.to_owned(),
            app_id: settings.id?.clone(),
            key_file: PathBuf::from(settings.key_file?),
            installation: settings.installation.cloned(),
            organizations: settings.organizations.to_vec(),
            clock,
            kept: Mutex::default(),
        })
    }

    /// A token for the repository of an address of the contents API.
    pub(super) async fn token(&self, url: &Url) -> Result<String, Error> {
        let (owner, repository) = repository_of(url).ok_or_else(|| {
            Error::Reference("the reference does not name a repository of the API: …/repos/<owner>/<repository>/…".to_owned())
        })?;
        self.token_of(&owner, &repository).await
    }

    /// A token for the repository that is cloned from an address: `https://github.com/<owner>/<repository>.git`.
    pub(super) async fn token_to_clone(&self, url: &Url) -> Result<String, Error> {
        let segments: Vec<&str> = url
            .path_segments()
            .into_iter()
            .flatten()
            .filter(|segment| !segment.is_empty())
            .collect();
        let [owner, repository] = segments.as_slice() else {
            return Err(Error::Reference(
                "the reference does not name a repository of GitHub: https://<host>/<owner>/<repository>".to_owned(),
            ));
        };
        let repository = repository.strip_suffix(".git").unwrap_or(repository);
        self.token_of(owner, repository).await
    }

    async fn token_of(&self, owner: &str, repository: &str) -> Result<String, Error> {
        let allowed = &self.organizations;
        if !allowed.is_empty() && !allowed.iter().any(|one| one.eq_ignore_ascii_case(owner)) {
            let problem = format!("the GitHub App may not be used for repositories of {owner}");
            return Err(self.http.secret(problem));
        }
        let name = match &self.installation {
            Some(installation) => installation.clone(),
            None => format!("{owner}/{repository}"),
        };
        let now = self.clock.now_ms();
        // One at a time: those that wait find the token of the first.
        let mut kept = self.kept.lock().await;
        if let Some((token, _)) = kept.get(&name).filter(|(_, until)| *until > now + FRESH_MS) {
            return Ok(token.clone());
        }
        let token = self.fetch(owner, repository, now).await?;
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(name, (token.clone(), now + LIFE_MS));
        Ok(token)
    }

    async fn fetch(&self, owner: &str, repository: &str, now: i64) -> Result<String, Error> {
        let secret = |problem| self.http.secret(problem);
        let pem = file::read(&self.key_file).await.map_err(secret)?;
        let now_s = now / 1_000;
        // A minute back, as GitHub advises: clocks differ.
        let claims = json!({"iat": now_s - 60, "exp": now_s + 540, "iss": self.app_id});
        let proof = Key::from_pem(&pem)
            .and_then(|key| key.token(&claims))
            .map_err(secret)?;
        let header = ("Authorization", format!("Bearer {proof}"));
        let installation = match &self.installation {
            Some(installation) => installation.clone(),
            None => {
                let url = below(&self.api, ["repos", owner, repository, "installation"])?;
                let found = self.http.get(&url, Some(header.clone())).await?;
                let found: Installation = serde_json::from_slice(&found).map_err(|_| {
                    Error::Answer(format!(
                        "GitHub does not name the app's installation for {owner}/{repository}"
                    ))
                })?;
                found.id.to_string()
            }
        };
        let url = below(
            &self.api,
            ["app", "installations", &installation, "access_tokens"],
        )?;
        let request = Request::post(url.as_str(), "application/json", "{}");
        let answer = self
            .http
            .send(self.http.proven(request, &url, Some(header))?)
            .await?;
        let token: Token = serde_json::from_slice(&answer.body).map_err(|_| {
            Error::Answer("GitHub gives no token to the app's installation".to_owned())
        })?;
        Ok(token.token)
    }
}

/// Owner and repository in `…/repos/<owner>/<repository>/…`.
fn repository_of(url: &Url) -> Option<(String, String)> {
    let mut segments = url
        .path_segments()?
        .skip_while(|segment| *segment != "repos");
    segments.next()?;
    let text = |segment: &str| (!segment.is_empty()).then(|| segment.to_owned());
    Some((text(segments.next()?)?, text(segments.next()?)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Reply, Server, accounts, artifact};

    #[tokio::test]
    async fn a_token_is_fetched_once_for_a_repository() {
        let api = Server::start(|request| match (request.method.as_str(), request.path()) {
            ("GET", "/repos/o/r/installation") => Reply::ok("{\"id\": 77}"),
            ("POST", "/app/installations/77/access_tokens") => {
                Reply::status(201, "{\"token\": \"inst\"}")
            }
            ("GET", "/repos/o/r/contents/f?ref=master")
                if request.header("authorization") == Some("token inst") =>
            {
                Reply::ok("raw")
            }
            _ => Reply::status(404, ""),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        std::fs::write(&key, gennaker_testkit::keys::PEM).unwrap();
        let accounts = accounts(&format!(
            "[[artifacts.github]]\nname = \"gh\"\napp_id = \"12\"\napp_private_key_file = \"{}\"\nuse_content_api = true\n\
             app_allowed_organizations = [\"O\"]\napi_base_url = \"{}\"\n",
            key.display(),
            api.url("")
        ));
        let of = |path: &str| artifact(json!({"type": "github/file", "reference": api.url(path)}));
        for _ in 0..2 {
            assert_eq!(
                accounts.fetch(&of("/repos/o/r/contents/f")).await.unwrap(),
                "raw"
            );
        }
        let seen = api.seen();
        let paths: Vec<&str> = seen.iter().map(|it| it.path()).collect();
        assert_eq!(
            paths,
            [
                "/repos/o/r/installation",
                "/app/installations/77/access_tokens",
                "/repos/o/r/contents/f?ref=master",
                "/repos/o/r/contents/f?ref=master"
            ]
        );
        let proof = seen[0]
            .header("authorization")
            .unwrap()
            .strip_prefix("Bearer ")
            .unwrap()
            .to_owned();
        assert_eq!(gennaker_testkit::keys::claims(&proof)["iss"], "12");
        let foreign = accounts
            .fetch(&of("/repos/x/r/contents/f"))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            foreign.contains("may not be used for repositories of x"),
            "{foreign}"
        );
    }
}
