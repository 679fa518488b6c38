//! The protocol: requests with proofs, tokens, pages.

use std::collections::BTreeMap;

use gennaker_credentials::{
    auth::{Proof, basic},
    challenge::{self, Challenge},
};
use gennaker_outbound::{Client, Request, Response};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::{Origin, Url};

use crate::{Error, host_of};

/// Most pages of one list.
const PAGES_MAX: usize = 20_000;

/// Most names in one list.
const NAMES_MAX: usize = 1_000_000;

/// Tokens that are kept.
const TOKENS_MAX: usize = 10_000;

/// Largest answer, in bytes: Docker's own registry gives all tags of a repository at once.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// What a manifest may be. Without a list the registry would make an old form of it, with another digest.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.v1+prettyjws";

/// The forms that name a configuration.
const IMAGE_MANIFESTS: &str = "application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.oci.image.manifest.v1+json";

/// Speaks with one registry.
pub(super) struct Registry {
    client: Client,
    account: String,
    address: String,
    /// Who may have the password besides the registry.
    token_hosts: Vec<Origin>,
    page: u32,
    /// Tokens by what they are for.
    tokens: Mutex<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Catalogue {
    repositories: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

/// What the configuration of an image says.
pub(super) struct Configuration {
    pub(super) digest: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) created: Option<jiff::Timestamp>,
}

#[derive(Deserialize)]
struct Image {
    config: Option<ImageConfig>,
    created: Option<String>,
}

#[derive(Deserialize)]
struct ImageConfig {
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
}

impl Registry {
    pub(super) fn new(
        client: Client,
        account: &str,
        address: &str,
        token_hosts: Vec<Origin>,
        page: u32,
    ) -> Self {
        Self {
            client,
            account: account.to_owned(),
            address: address.to_owned(),
            token_hosts,
            page,
            tokens: Mutex::default(),
        }
    }

    /// The names of all repositories.
    pub(super) async fn catalogue(&self, proof: &Proof) -> Result<Vec<String>, Error> {
        let path = format!("/v2/_catalog?n={}", self.page);
        self.pages(proof, "registry:catalog:*", &path, |body| {
            let page: Catalogue = serde_json::from_slice(body).ok()?;
            Some(page.repositories.unwrap_or_default())
        })
        .await
    }

    /// The tags of a repository.
    pub(super) async fn tags(&self, proof: &Proof, repository: &str) -> Result<Vec<String>, Error> {
        let path = format!("/v2/{repository}/tags/list?n={}", self.page);
        self.pages(proof, &pull(repository), &path, |body| {
            let page: Tags = serde_json::from_slice(body).ok()?;
            Some(page.tags.unwrap_or_default())
        })
        .await
    }

    /// The digest of a tag's manifest; nothing when the registry does not say it.
    pub(super) async fn digest(
        &self,
        proof: &Proof,
        repository: &str,
        tag: &str,
    ) -> Result<Option<String>, Error> {
        let url = self.url(&format!("/v2/{repository}/manifests/{tag}"))?;
        let request = || Request::new("HEAD", url.as_str()).header("Accept", MANIFESTS);
        let answer = self.call(proof, &pull(repository), request).await?;
        let digest = answer.header("docker-content-digest");
        Ok(digest.map(str::to_owned))
    }

    /// The configuration of a tag's image; nothing for what has none, such as an index of several platforms.
    pub(super) async fn configuration(
        &self,
        proof: &Proof,
        repository: &str,
        tag: &str,
    ) -> Result<Option<Configuration>, Error> {
        let scope = pull(repository);
        let url = self.url(&format!("/v2/{repository}/manifests/{tag}"))?;
        let request = || Request::get(url.as_str()).header("Accept", IMAGE_MANIFESTS);
        let answer = self.call(proof, &scope, request).await?;
        let manifest: Option<Manifest> = serde_json::from_slice(&answer.body).ok();
        let Some(config) = manifest.and_then(|it| it.config) else {
            return Ok(None);
        };
        if !is_digest(&config.digest) {
            return Err(Error::Answer(format!(
                "the manifest of {repository}:{tag} cannot be read"
            )));
        }
        let url = self.url(&format!("/v2/{repository}/blobs/{}", config.digest))?;
        let blob = self
            .call(proof, &scope, || Request::get(url.as_str()))
            .await?;
        // A chart's configuration, for example, has no labels.
        let image: Option<Image> = serde_json::from_slice(&blob.body).ok();
        let (config_of, created) = image.map_or((None, None), |it| (it.config, it.created));
        let labels = config_of.and_then(|it| it.labels);
        Ok(Some(Configuration {
            digest: config.digest,
            labels: labels.unwrap_or_default(),
            created: created.and_then(|text| text.parse().ok()),
        }))
    }

    async fn pages(
        &self,
        proof: &Proof,
        scope: &str,
        path: &str,
        read: impl Fn(&[u8]) -> Option<Vec<String>>,
    ) -> Result<Vec<String>, Error> {
        let mut next = Some(self.url(path)?);
        let mut names = Vec::new();
        for _ in 0..PAGES_MAX {
            let Some(url) = next.take() else {
                return Ok(names);
            };
            let answer = self
                .call(proof, scope, || Request::get(url.as_str()))
                .await?;
            let page = read(&answer.body).ok_or_else(|| {
                Error::Answer(format!("a list of {} cannot be read", self.host()))
            })?;
            names.extend(page);
            if names.len() > NAMES_MAX {
                break;
            }
            let link = answer.header("link");
            next = link
                .and_then(|link| self.following(&url, link))
                .filter(|next| *next != url);
        }
        match next.is_some() || names.len() > NAMES_MAX {
            true => Err(Error::Answer(format!(
                "a list of {} has no end: more than {NAMES_MAX} names or {PAGES_MAX} pages",
                self.host()
            ))),
            false => Ok(names),
        }
    }

    /// The next page in a `Link` header, always of this registry: behind a proxy some name themselves wrongly.
    fn following(&self, from: &Url, link: &str) -> Option<Url> {
        let is_next = |about: &str| about.contains("rel=\"next\"") || about.contains("rel=next");
        let (target, about) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = from.join(target).ok().filter(|_| is_next(about))?;
        let mut url = from.clone();
        url.set_path(next.path());
        url.set_query(next.query());
        Some(url)
    }

    /// Calls with a token that is known, or the password, and, when the registry asks for a token, once more with that.
    async fn call(
        &self,
        proof: &Proof,
        scope: &str,
        request: impl Fn() -> Request,
    ) -> Result<Response, Error> {
        let known = self.tokens.lock().await.get(scope).cloned();
        let header = match (&known, proof) {
            (Some(token), _) => Some(format!("Bearer {token}")),
            (None, Proof::Basic { user, password }) => Some(basic(user, password)),
            (None, Proof::Token(token)) => Some(format!("Bearer {token}")),
            (None, Proof::None) => None,
        };
        let answer = self.send(request(), header).await?;
        let challenge = match answer.status {
            // Some answer 400 to a password where they want a token.
            400 | 401 => answer.header("www-authenticate").map(str::to_owned),
            _ => None,
        };
        let answer = match challenge.as_deref().and_then(challenge::bearer) {
            Some(challenge) => {
                let token = self.token(proof, &challenge, scope).await?;
                let answer = self
                    .send(request(), Some(format!("Bearer {token}")))
                    .await?;
                if answer.is_success() {
                    let mut tokens = self.tokens.lock().await;
                    if tokens.len() >= TOKENS_MAX {
                        tokens.clear();
                    }
                    tokens.insert(scope.to_owned(), token);
                }
                answer
            }
            None => answer,
        };
        match answer.status {
            200..300 => Ok(answer),
            404 => Err(Error::NotFound(format!(
                "what was asked of {}",
                self.host()
            ))),
            status => Err(Error::Status {
                status,
                host: host_of(&answer.url),
                sentence: sentence(&answer.body),
            }),
        }
    }

    async fn send(&self, request: Request, header: Option<String>) -> Result<Response, Error> {
        let request = request
            .header("Docker-Distribution-API-Version", "registry/2.0")
            .response_bytes_max(ANSWER_BYTES_MAX);
        let request = match header {
            Some(header) => request.secret_header("Authorization", header),
            None => request,
        };
        Ok(self.client.send(request).await?)
    }

    async fn token(
        &self,
        proof: &Proof,
        challenge: &Challenge,
        scope: &str,
    ) -> Result<String, Error> {
        let unreadable = || {
            Error::Answer(format!(
                "{} wants a token and says no address for it",
                self.host()
            ))
        };
        let mut url = Url::parse(&challenge.realm).map_err(|_| unreadable())?;
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = &challenge.service {
                query.append_pair("service", service);
            }
            query.append_pair("scope", challenge.scope.as_deref().unwrap_or(scope));
        }
        let mut request = Request::get(url.as_str()).response_bytes_max(1 << 20);
        if let Proof::Basic { user, password } = proof {
            let own = Url::parse(&self.address).map_err(|_| unreadable())?;
            if own.origin() != url.origin() && !self.token_hosts.contains(&url.origin()) {
                return Err(Error::Credentials(format!(
                    "the registry of account {} wants its password at {}, and docker_registry.accounts token_hosts does not name that",
                    self.account,
                    url.origin().ascii_serialization()
                )));
            }
            request = request.secret_header("Authorization", basic(user, password));
        }
        let answer = self.client.send(request).await?;
        if !answer.is_success() {
            return Err(Error::Status {
                status: answer.status,
                host: host_of(&answer.url),
                sentence: sentence(&answer.body),
            });
        }
        challenge::token(&answer.body)
            .ok_or_else(|| Error::Answer("the registry's token cannot be read".to_owned()))
    }

    fn url(&self, path: &str) -> Result<Url, Error> {
        Url::parse(&format!("{}{path}", self.address))
            .map_err(|_| Error::Answer(format!("{} is no address", self.address)))
    }

    fn host(&self) -> String {
        host_of(&self.address)
    }
}

/// What a token for reading a repository is for.
fn pull(repository: &str) -> String {
    format!("repository:{repository}:pull")
}

/// `sha256:` and hexadecimal digits: it becomes a part of a path.
fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(kind, hex)| {
        let plain = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'_' | b'-')
                })
        };
        plain(kind) && plain(hex)
    })
}

/// The message of a registry's error, shortened.
fn sentence(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Said {
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        code: Option<String>,
        message: Option<String>,
    }
    let said: Said = serde_json::from_slice(body).ok()?;
    let first = said.errors.into_iter().next()?;
    let text = first.message.or(first.code)?;
    Some(text.chars().take(200).collect())
}
