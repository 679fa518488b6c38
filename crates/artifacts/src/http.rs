//! Calls of one account: within the address policy, with credentials that go to the account's own hosts only.

use bytes::Bytes;
use gennaker_outbound::{Client, Kind, Request, Response};
use url::Url;

use crate::{Error, hosts::Hosts};
use gennaker_credentials::auth::{Auth, Proof, basic};

/// A header that proves who we are: name and value.
pub(crate) type Header = (&'static str, String);

/// The way out for one account.
#[derive(Clone)]
pub(crate) struct Http {
    /// The account's name.
    pub(crate) account: String,
    client: Client,
    /// Who may have the account's credentials.
    pub(crate) hosts: Hosts,
    pub(crate) bytes_max: u64,
}

impl Http {
    pub(crate) fn new(account: &str, client: Client, hosts: Hosts, bytes_max: u64) -> Self {
        Self {
            account: account.to_owned(),
            client,
            hosts,
            bytes_max,
        }
    }

    /// The bytes at an address, with the credentials; those go nowhere but to the account's hosts, and an address elsewhere is
    /// an error.
    pub(crate) async fn get(&self, url: &Url, proof: Option<Header>) -> Result<Bytes, Error> {
        let request = self.proven(Request::get(url.as_str()), url, proof)?;
        Ok(self.send(request).await?.body)
    }

    /// The same, but an address elsewhere is called without credentials.
    pub(crate) async fn get_elsewhere(
        &self,
        url: &Url,
        proof: Option<Header>,
    ) -> Result<Bytes, Error> {
        let proof = proof.filter(|_| self.hosts.contains(url));
        self.get(url, proof).await
    }

    /// Adds the credentials to a request for `url`.
    pub(crate) fn proven(
        &self,
        request: Request,
        url: &Url,
        proof: Option<Header>,
    ) -> Result<Request, Error> {
        match proof {
            None => Ok(request),
            Some((name, value)) if self.hosts.contains(url) => {
                Ok(request.secret_header(name, value))
            }
            Some(_) => Err(Error::Elsewhere {
                account: self.account.clone(),
                host: url.origin().ascii_serialization(),
                hosts: self.hosts.to_string(),
            }),
        }
    }

    /// Sends a request; only a 2xx is an answer.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, Error> {
        let answer = self.send_any(request).await?;
        if answer.is_success() {
            return Ok(answer);
        }
        Err(Error::Status {
            status: answer.status,
            host: host_of(&answer.url),
        })
    }

    /// The same, but every status is an answer.
    pub(crate) async fn send_any(&self, request: Request) -> Result<Response, Error> {
        let request = request.response_bytes_max(self.bytes_max);
        self.client
            .send(request)
            .await
            .map_err(|error| match error.kind {
                Kind::TooLarge { limit_bytes, .. } => Error::TooLarge(limit_bytes),
                _ => Error::Call(error),
            })
    }

    /// The client that calls within the account's policy.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Reads credentials, which may lie in files.
    pub(crate) async fn proof(&self, auth: &Auth) -> Result<Proof, Error> {
        auth.read().await.map_err(|problem| self.secret(problem))
    }

    /// Reads them for a server that knows users and passwords only.
    pub(crate) async fn basic_proof(&self, auth: &Auth) -> Result<Option<Header>, Error> {
        Ok(match self.proof(auth).await? {
            Proof::Basic { user, password } => Some(basic_header(&user, &password)),
            Proof::None | Proof::Token(_) => None,
        })
    }

    /// A sentence about the credentials.
    pub(crate) fn secret(&self, problem: String) -> Error {
        Error::Secret {
            account: self.account.clone(),
            problem,
        }
    }
}

/// `Authorization: Basic …`.
pub(crate) fn basic_header(user: &str, password: &str) -> Header {
    ("Authorization", basic(user, password))
}

/// An absolute http address in a reference.
pub(crate) fn parse(reference: &str) -> Result<Url, Error> {
    let wrong = |why: &str| {
        let shown = crate::artifact::without_secrets(reference);
        Error::Reference(format!("the reference {shown:?} {why}"))
    };
    let url = Url::parse(reference).map_err(|_| wrong("is no address"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err(wrong("is no address of http or https")),
    }
}

/// An address below a base, segment by segment; no segment leads up.
pub(crate) fn below<'a>(
    base: &str,
    segments: impl IntoIterator<Item = &'a str>,
) -> Result<Url, Error> {
    let mut url = parse(base)?;
    {
        let mut path = url.path_segments_mut().map_err(|()| {
            Error::Reference(format!("{base} is no address to which a path can be added"))
        })?;
        path.pop_if_empty();
        for segment in segments {
            if matches!(segment, "" | "." | "..") {
                return Err(Error::Reference(format!(
                    "{segment:?} cannot be a part of a path"
                )));
            }
            path.push(segment);
        }
    }
    Ok(url)
}

/// The host of an address, for people.
pub(crate) fn host_of(url: &str) -> String {
    let url = Url::parse(url).ok();
    url.and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_do_not_lead_up() {
        let url = below("https://x.io/a/", ["b c", "d%2e", "é"]).unwrap();
        assert_eq!(url.as_str(), "https://x.io/a/b%20c/d%252e/%C3%A9");
        for bad in ["..", "", "."] {
            assert!(below("https://x.io", ["a", bad]).is_err());
        }
        assert!(parse("file:///etc/passwd").is_err());
        assert!(parse("k8s/web.yml").is_err());
    }
}
