//! A registry by the OCI distribution protocol: manifests, blobs, tags, and the tokens that it wants.

use bytes::Bytes;
use gennaker_credentials::{
    auth::Proof,
    challenge::{self, Challenge, bearer},
};
use gennaker_outbound::{Request, Response};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::{
    Error,
    hosts::Hosts,
    http::{Http, basic_header, below, host_of, parse},
};

/// What says that a layer is a chart.
pub(super) const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Most pages of a list of tags.
const PAGES_MAX: usize = 100;

pub(super) struct Registry<'a> {
    pub(super) http: &'a Http,
    pub(super) address: &'a str,
    /// Hosts that may have the user's password for a token, beside the registry itself.
    pub(super) token_hosts: &'a Hosts,
    pub(super) proof: Proof,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

impl Registry<'_> {
    /// The archive of a chart.
    pub(super) async fn chart(&self, repository: &str, reference: &str) -> Result<Bytes, Error> {
        let path = path(repository, &["manifests", reference]);
        let manifest = self.get(&path, MANIFEST, repository).await?.body;
        if let Some(digest) = reference.strip_prefix("sha256:") {
            check(&manifest, digest)?;
        }
        let no_chart = || Error::Answer(format!("{repository}:{reference} is no chart"));
        let manifest: Manifest = serde_json::from_slice(&manifest).map_err(|_| no_chart())?;
        let layer = manifest
            .layers
            .into_iter()
            .find(|layer| layer.media_type == CHART);
        let digest = layer.ok_or_else(no_chart)?.digest;
        let hex = digest
            .strip_prefix("sha256:")
            .ok_or_else(no_chart)?
            .to_owned();
        let path = self::path(repository, &["blobs", &digest]);
        let chart = self.get(&path, "*/*", repository).await?.body;
        check(&chart, &hex)?;
        Ok(chart)
    }

    /// The tags of a repository.
    pub(super) async fn tags(&self, repository: &str) -> Result<Vec<String>, Error> {
        let first = below(
            self.address,
            path(repository, &["tags", "list"])
                .iter()
                .map(String::as_str),
        )?;
        let mut next = Some(first);
        let mut found = Vec::new();
        for _ in 0..PAGES_MAX {
            let Some(url) = next.take() else { break };
            let answer = self.call(&url, "application/json", repository).await?;
            let page: Tags = serde_json::from_slice(&answer.body).map_err(|_| {
                Error::Answer(format!(
                    "the registry's list of tags of {repository} cannot be read"
                ))
            })?;
            found.extend(page.tags.unwrap_or_default());
            next = answer.header("link").and_then(|link| following(&url, link));
        }
        Ok(found)
    }

    async fn get(
        &self,
        path: &[String],
        accept: &str,
        repository: &str,
    ) -> Result<Response, Error> {
        let url = below(self.address, path.iter().map(String::as_str))?;
        self.call(&url, accept, repository).await
    }

    /// Calls with the user's password, and, when the registry asks for a token, with that.
    async fn call(&self, url: &Url, accept: &str, repository: &str) -> Result<Response, Error> {
        let request = || Request::get(url.as_str()).header("Accept", accept);
        let header = match &self.proof {
            Proof::Basic { user, password } => Some(basic_header(user, password)),
            Proof::None | Proof::Token(_) => None,
        };
        let answer = self
            .http
            .send_any(self.http.proven(request(), url, header)?)
            .await?;
        let challenge = match answer.status {
            // Some answer 400 to a password where they want a token.
            400 | 401 => answer.header("www-authenticate").map(str::to_owned),
            _ => None,
        };
        let answer = match challenge.as_deref().and_then(bearer) {
            Some(challenge) => {
                let token = self.token(&challenge, repository).await?;
                let header = ("Authorization", format!("Bearer {token}"));
                self.http
                    .send_any(self.http.proven(request(), url, Some(header))?)
                    .await?
            }
            None => answer,
        };
        match answer.status {
            200..300 => Ok(answer),
            404 => Err(Error::NotFound(format!(
                "{repository} in the registry {}",
                host_of(self.address)
            ))),
            status => Err(Error::Status {
                status,
                host: host_of(&answer.url),
            }),
        }
    }

    async fn token(&self, challenge: &Challenge, repository: &str) -> Result<String, Error> {
        let mut url = parse(&challenge.realm)?;
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = &challenge.service {
                query.append_pair("service", service);
            }
            let usual = format!("repository:{repository}:pull");
            query.append_pair("scope", challenge.scope.as_deref().unwrap_or(&usual));
        }
        let mut request = Request::get(url.as_str());
        if let Proof::Basic { user, password } = &self.proof {
            if !self.http.hosts.contains(&url) && !self.token_hosts.contains(&url) {
                return Err(Error::Elsewhere {
                    account: self.http.account.clone(),
                    host: url.origin().ascii_serialization(),
                    hosts: format!(
                        "{} (artifacts.helm_oci hosts opens another)",
                        self.http.hosts
                    ),
                });
            }
            let (name, value) = basic_header(user, password);
            request = request.secret_header(name, value);
        }
        let answer = self.http.send(request).await?;
        challenge::token(&answer.body)
            .ok_or_else(|| Error::Answer("the registry's token cannot be read".to_owned()))
    }
}

/// The next page in a `Link` header, if it is of the same registry.
fn following(from: &Url, link: &str) -> Option<Url> {
    let (target, about) = link.trim().strip_prefix('<')?.split_once('>')?;
    let next = from.join(target).ok()?;
    (about.contains("rel=\"next\"") && next.origin() == from.origin()).then_some(next)
}

fn path(repository: &str, rest: &[&str]) -> Vec<String> {
    let repository = repository.split('/');
    let all = std::iter::once("v2")
        .chain(repository)
        .chain(rest.iter().copied());
    all.map(str::to_owned).collect()
}

fn check(content: &[u8], hex: &str) -> Result<(), Error> {
    let found: String = Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found.eq_ignore_ascii_case(hex) {
        return Ok(());
    }
    Err(Error::Answer(format!(
        "the registry's answer is not what was asked for: its digest is {found} and not {hex}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_stay_with_the_registry() {
        let from = Url::parse("https://r.io/v2/a/tags/list").unwrap();
        let next = following(&from, "</v2/a/tags/list?last=x>; rel=\"next\"").unwrap();
        assert_eq!(next.as_str(), "https://r.io/v2/a/tags/list?last=x");
        assert_eq!(following(&from, "<https://evil.io/>; rel=\"next\""), None);
    }
}
