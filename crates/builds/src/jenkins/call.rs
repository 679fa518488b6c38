//! Requests: who we are, crumbs, and what answers mean.

use bytes::Bytes;
use gennaker_credentials::auth;
use gennaker_outbound::{Client, Request, Response};
use url::{Url, form_urlencoded};

use super::{JenkinsIdentity, Options, XML_BYTES_MAX};
use crate::Error;

/// What Igor calls itself.
const USER_AGENT: &str = "Spinnaker-igor";

/// Longest answer that is read for its sentence, or that holds a crumb, in bytes.
const SHORT_BYTES_MAX: u64 = 256 * 1024;

/// Longest query of a start; more parameters go in the body, because servers limit the length of an address.
const QUERY_BYTES_MAX: usize = 4_000;

/// Longest sentence of a server that is shown, in characters.
const SENTENCE_CHARS_MAX: usize = 300;

/// Requests to one master.
pub(super) struct Calls {
    name: String,
    /// Ends with a slash.
    base: Url,
    identity: JenkinsIdentity,
    csrf: bool,
    timeout: std::time::Duration,
    client: Client,
}

/// A crumb, and the session for which it holds.
struct Crumb {
    field: String,
    value: String,
    cookie: Option<String>,
}

impl Calls {
    pub(super) fn new(options: Options, client: Client) -> Result<Self, String> {
        let address = options.address.trim_end_matches('/');
        let base = Url::parse(&format!("{address}/"))
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let base = base.ok_or_else(|| {
            format!(
                "the address of the master {} is not one of http or https",
                options.name
            )
        })?;
        Ok(Self {
            name: options.name,
            base,
            identity: options.identity,
            csrf: options.csrf,
            timeout: options.timeout,
            client,
        })
    }

    /// The text of an answer in XML.
    pub(super) async fn xml(
        &self,
        path: &str,
        query: &str,
        missing: impl FnOnce() -> String,
    ) -> Result<String, Error> {
        let bytes = self.get(path, query, XML_BYTES_MAX, missing).await?;
        // Whatever is not UTF-8 stands in texts for people only.
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Reads something. Redirects are followed.
    pub(super) async fn get(
        &self,
        path: &str,
        query: &str,
        bytes_max: u64,
        missing: impl FnOnce() -> String,
    ) -> Result<Bytes, Error> {
        let request = self.request("GET", path, query).await?;
        let answer = self
            .client
            .send(request.response_bytes_max(bytes_max))
            .await
            .map_err(|error| Error::call(&error, false))?;
        match answer.status {
            200 => Ok(answer.body),
            404 => Err(Error::NotFound(missing())),
            _ => Err(self.failed(&answer, false)),
        }
    }

    /// Posts a form whose answer says no more than whether it was taken: any of 2xx and 3xx.
    pub(super) async fn form(
        &self,
        path: &str,
        form: &[(String, String)],
        missing: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        let answer = self.post(path, "", Some(form)).await?;
        match answer.status {
            200..=399 => Ok(()),
            404 => Err(Error::NotFound(missing())),
            _ => Err(self.failed(&answer, true)),
        }
    }

    /// Posts parameters: in the query as Igor does, or in the body when they are long.
    pub(super) async fn parameters(
        &self,
        path: &str,
        parameters: &[(String, String)],
    ) -> Result<Response, Error> {
        let query = encoded(parameters);
        if query.len() > QUERY_BYTES_MAX {
            self.post(path, "", Some(parameters)).await
        } else {
            self.post(path, &query, None).await
        }
    }

    /// What an answer means that is none of those that were expected. `changes`: the request was to change something.
    pub(super) fn failed(&self, answer: &Response, changes: bool) -> Error {
        let name = &self.name;
        let status = answer.status;
        let said = said(answer);
        match status {
            401 | 403 => Error::Refused {
                status,
                sentence: format!("Jenkins master '{name}' refuses our account ({status}){said}"),
            },
            429 | 500 | 502 | 503 | 504 => Error::Unavailable {
                status: Some(status),
                sentence: format!("Jenkins master '{name}' answered {status}{said}"),
                // These are said before anything is done, but for 500 and by proxies that gave up waiting.
                may_have_happened: changes && !matches!(status, 429 | 503),
            },
            400..=499 => Error::Refused {
                status,
                sentence: format!("Jenkins master '{name}' answered {status}{said}"),
            },
            _ => Error::Unreadable {
                sentence: format!(
                    "Jenkins master '{name}' answered {status}, which means nothing here{said}"
                ),
                may_have_happened: changes,
            },
        }
    }

    /// An answer that is not what the protocol says.
    pub(super) fn garbage(&self, what: &str, changes: bool) -> Error {
        Error::Unreadable {
            sentence: format!("Jenkins master '{}' {what}", self.name),
            may_have_happened: changes,
        }
    }

    /// Posts, with a crumb where one is wanted. Redirects are answers.
    pub(super) async fn post(
        &self,
        path: &str,
        query: &str,
        form: Option<&[(String, String)]>,
    ) -> Result<Response, Error> {
        let crumb = match self.csrf {
            true => self.crumb().await?,
            false => None,
        };
        let answer = self.post_with(path, query, form, crumb.as_ref()).await?;
        let wants_crumb = answer.status == 403 && mentions_crumb(&answer);
        if !wants_crumb {
            return Ok(answer);
        }
        // It was refused unread, so it may be said again; also when a session ended between its crumb and its use.
        match self.crumb().await? {
            None => Ok(answer),
            crumb => self.post_with(path, query, form, crumb.as_ref()).await,
        }
    }

    async fn post_with(
        &self,
        path: &str,
        query: &str,
        form: Option<&[(String, String)]>,
        crumb: Option<&Crumb>,
    ) -> Result<Response, Error> {
        let mut request = self.request("POST", path, query).await?;
        request.follow_redirects = false;
        request.body = Some(form.map_or_else(Vec::new, |form| encoded(form).into_bytes()));
        if form.is_some() {
            request = request.header("Content-Type", "application/x-www-form-urlencoded");
        }
        if let Some(crumb) = crumb {
            request = request.secret_header(&crumb.field, &crumb.value);
            if let Some(cookie) = &crumb.cookie {
                request = request.secret_header("Cookie", cookie);
            }
        }
        let answer = self
            .client
            .send(request.response_bytes_max(SHORT_BYTES_MAX))
            .await;
        answer.map_err(|error| Error::call(&error, true))
    }

    /// A crumb; none where Jenkins has no issuer, as when the protection is off.
    async fn crumb(&self) -> Result<Option<Crumb>, Error> {
        let request = self.request("GET", "crumbIssuer/api/xml", "").await?;
        let answer = self
            .client
            .send(request.response_bytes_max(SHORT_BYTES_MAX))
            .await
            .map_err(|error| Error::call(&error, false))?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            _ => return Err(self.failed(&answer, false)),
        }
        let text = String::from_utf8_lossy(&answer.body);
        let crumb = super::answers::crumb(&text)
            .ok_or_else(|| self.garbage("gave a crumb that cannot be read", false))?;
        // A crumb holds for the session in which it was given.
        let cookies: Vec<&str> = answer
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
            .filter_map(|(_, value)| value.split(';').next())
            .map(str::trim)
            .collect();
        Ok(Some(Crumb {
            field: crumb.0.unwrap_or_else(|| "Jenkins-Crumb".to_owned()),
            value: crumb.1,
            cookie: (!cookies.is_empty()).then(|| cookies.join("; ")),
        }))
    }

    async fn request(&self, method: &str, path: &str, query: &str) -> Result<Request, Error> {
        // Joined as texts: a path that the library resolved could leave the folder of the base.
        let question = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{question}{query}", self.base);
        let mut request = Request::new(method, url)
            .header("User-Agent", USER_AGENT)
            .timeout(self.timeout);
        if let Some(proof) = self.proof().await? {
            request = request.secret_header("Authorization", proof);
        }
        Ok(request)
    }

    async fn proof(&self) -> Result<Option<String>, Error> {
        let identity = &self.identity;
        let mut proofs = Vec::new();
        if let Some((user, password)) = &identity.user {
            let password = password.read().await.map_err(Error::Credentials)?;
            proofs.push(auth::basic(user, &password));
        }
        if let Some((google, scopes)) = &identity.google {
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            let token = google.token(&scopes.join(" ")).await;
            let token = token.map_err(|error| Error::Credentials(error.to_string()))?;
            // Igor sends it without the word before it, which nothing that checks such tokens takes.
            proofs.push(format!("Bearer {token}"));
        }
        if let Some(token) = &identity.token {
            let token = token.read().await.map_err(Error::Credentials)?;
            proofs.push(format!("Bearer {token}"));
        }
        Ok((!proofs.is_empty()).then(|| proofs.join(", ")))
    }
}

fn encoded(pairs: &[(String, String)]) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(pairs);
    text.finish()
}

fn mentions_crumb(answer: &Response) -> bool {
    String::from_utf8_lossy(&answer.body)
        .to_ascii_lowercase()
        .contains("crumb")
}

/// What an answer says in a sentence, if it does: the text of an error page is in its title or its first line.
fn said(answer: &Response) -> String {
    if let Some(error) = answer
        .header("x-error")
        .filter(|error| !error.trim().is_empty())
    {
        return format!(": {}", cut(error));
    }
    let body = String::from_utf8_lossy(&answer.body);
    let body = body.trim();
    let text = if body.starts_with('<') {
        let titled = body
            .split_once("<title>")
            .and_then(|(_, rest)| rest.split_once("</title>"));
        titled.map(|(title, _)| title)
    } else {
        body.lines().next()
    };
    match text.map(str::trim) {
        Some(text) if !text.is_empty() => format!(": {}", cut(text)),
        _ => String::new(),
    }
}

fn cut(text: &str) -> String {
    let clean = text.chars().filter(|letter| !letter.is_control());
    clean.take(SENTENCE_CHARS_MAX).collect()
}

#[cfg(test)]
impl Calls {
    /// The same with another user.
    pub(super) fn set_user(&mut self, user: &str, password: auth::Secret) {
        self.identity.user = Some((user.to_owned(), password));
    }
}
