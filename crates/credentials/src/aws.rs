//! Requests to Amazon's services that speak JSON, signed (Signature Version 4).
//!
//! For services of which only a few calls are needed: their own client libraries would be the largest part of the program.

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, UNIX_EPOCH};

use aws_config::{BehaviorVersion, Region, SdkConfig, sts::AssumeRoleProvider};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials as _, SharedCredentialsProvider},
};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use gennaker_outbound::{Client, Request, Response};
use gennaker_runtime::Clock;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::auth::Secret;

/// How an account reaches one service.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The region, for example `eu-central-1`.
    pub region: String,
    /// The service's name in signatures and in its address, for example `codebuild`.
    pub service: &'static str,
    /// Another address than `https://<service>.<region>.amazonaws.com`.
    pub endpoint: Option<String>,
    /// Key and secret; without them they are looked for as Amazon's own tools do (environment, files, the machine's role).
    pub key: Option<(String, Secret)>,
    /// The role to take on with them (its full name, `arn:…`).
    pub role: Option<String>,
}

/// One service of one account.
pub struct Service {
    client: Client,
    clock: Clock,
    options: Options,
    endpoint: String,
    /// Who gives credentials, and the secret that it was made with.
    provider: Mutex<Option<(Option<String>, SharedCredentialsProvider)>>,
}

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service cannot be called.
    #[error(transparent)]
    Call(#[from] gennaker_outbound::Error),
    /// It refuses.
    #[error("{code}: {message} (status {status})")]
    Refused {
        /// Status of HTTP.
        status: u16,
        /// The kind of error, for example `ResourceNotFoundException`.
        code: String,
        /// Its sentence.
        message: String,
    },
    /// Its answer is not JSON.
    #[error("the answer of {0} is not JSON")]
    Answer(&'static str),
    /// There are no credentials, or they cannot be used; a text without the secret.
    #[error("{0}")]
    Unusable(String),
}

impl Error {
    /// Whether another try, a little later, may end otherwise.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Call(error) => error.refused().is_none(),
            Self::Refused { status, code, .. } => {
                *status >= 500 || *status == 429 || code.contains("Throttl")
            }
            Self::Answer(_) | Self::Unusable(_) => false,
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// A service. Opens nothing yet; `client` must be able to call it.
    #[must_use]
    pub fn new(client: Client, clock: Clock, options: Options) -> Self {
        let endpoint = options.endpoint.clone().unwrap_or_else(|| {
            format!(
                "https://{}.{}.amazonaws.com",
                options.service, options.region
            )
        });
        Self {
            client,
            clock,
            options,
            endpoint,
            provider: Mutex::default(),
        }
    }

    /// Calls an operation by the protocol AWS JSON: `version` is `1.0` or `1.1`, `target` as `CodeBuild_20161006.StartBuild`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn call(&self, version: &str, target: &str, body: &Value) -> Result<Value, Error> {
        let content_type = format!("application/x-amz-json-{version}");
        let request = Request::post(self.address(), &content_type, body.to_string())
            .header("X-Amz-Target", target);
        let answer = self.send(request).await?;
        let read = match answer.body.is_empty() {
            true => Ok(Value::Null),
            false => serde_json::from_slice::<Value>(&answer.body),
        };
        if answer.is_success() {
            return read.map_err(|_| Error::Answer(self.options.service));
        }
        let read = read.unwrap_or_default();
        let code = read["__type"].as_str().unwrap_or("error");
        let message = ["message", "Message"]
            .iter()
            .find_map(|key| read[*key].as_str());
        Err(Error::Refused {
            status: answer.status,
            // `com.amazonaws.codebuild#ResourceNotFoundException`
            code: code.rsplit('#').next().unwrap_or(code).to_owned(),
            message: message.unwrap_or("it says nothing more").to_owned(),
        })
    }

    /// Calls an operation by the older protocol AWS Query: a form with `Action` and `Version`, an answer in XML.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn query(&self, fields: &[(String, String)]) -> Result<String, Error> {
        let content_type = "application/x-www-form-urlencoded; charset=utf-8";
        let request = Request::post(self.address(), content_type, form(fields));
        let answer = self.send(request).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.is_success() {
            return Ok(text);
        }
        let of = |tag: &str| {
            let (_, rest) = text.split_once(&format!("<{tag}>"))?;
            Some(rest.split_once('<')?.0.to_owned())
        };
        Err(Error::Refused {
            status: answer.status,
            code: of("Code").unwrap_or_else(|| "error".to_owned()),
            message: of("Message").unwrap_or_else(|| "it says nothing more".to_owned()),
        })
    }

    /// A signature holds for one host, so redirects are not followed.
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let mut request = self.sign(request).await?;
        request.follow_redirects = false;
        Ok(self.client.send(request).await?)
    }

    fn address(&self) -> String {
        format!("{}/", self.endpoint.trim_end_matches('/'))
    }

    /// The request with its signature, by the credentials of the moment.
    async fn sign(&self, request: Request) -> Result<Request, Error> {
        let unusable = |problem: String| Error::Unusable(problem);
        let credentials = self.credentials().await?;
        let identity = credentials.into();
        let now_ms = u64::try_from(self.clock.now_ms()).unwrap_or(0);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.options.region)
            .name(self.options.service)
            .time(UNIX_EPOCH + Duration::from_millis(now_ms))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unusable(error.to_string()))?
            .into();
        let headers = request.headers.iter();
        let signable = SignableRequest::new(
            &request.method,
            request.url.as_str(),
            headers.map(|(name, value)| (name.as_str(), value.as_str())),
            SignableBody::Bytes(request.body.as_deref().unwrap_or_default()),
        )
        .map_err(|error| unusable(error.to_string()))?;
        let (instructions, _) = sign(signable, &params)
            .map_err(|error| unusable(error.to_string()))?
            .into_parts();
        let signed: Vec<(String, String)> = instructions
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Ok(signed.into_iter().fold(request, |request, (name, value)| {
            request.secret_header(name, value)
        }))
    }

    /// Boxed, so that the client library behind it is compiled here and not in every crate that calls a service.
    fn credentials(&self) -> Pin<Box<dyn Future<Output = Result<Credentials, Error>> + Send + '_>> {
        Box::pin(async move {
            let secret = match &self.options.key {
                Some((_, secret)) => Some(secret.read().await.map_err(Error::Unusable)?),
                None => None,
            };
            let provider = {
                let mut held = self.provider.lock().await;
                match &*held {
                    Some((made_with, provider)) if *made_with == secret => provider.clone(),
                    _ => {
                        let provider = self.provide(secret.as_deref()).await?;
                        *held = Some((secret, provider.clone()));
                        provider
                    }
                }
            };
            provider.provide_credentials().await.map_err(|error| {
                Error::Unusable(format!("no credentials of Amazon can be had: {error}"))
            })
        })
    }

    async fn provide(&self, secret: Option<&str>) -> Result<SharedCredentialsProvider, Error> {
        let config = self.config(secret).await;
        let Some(role) = &self.options.role else {
            return config.credentials_provider().ok_or_else(|| {
                Error::Unusable("there are no credentials for Amazon's services".to_owned())
            });
        };
        let assumed = AssumeRoleProvider::builder(role)
            .session_name("gennaker")
            .configure(&config)
            .build()
            .await;
        Ok(SharedCredentialsProvider::new(assumed))
    }

    async fn config(&self, secret: Option<&str>) -> SdkConfig {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(self.options.region.clone()));
        if let (Some((id, _)), Some(secret)) = (&self.options.key, secret) {
            loader =
                loader.credentials_provider(Credentials::new(id, secret, None, None, "settings"));
        }
        loader.load().await
    }
}

fn form(fields: &[(String, String)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    form.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gennaker_outbound::{Exceptions, Policy};
    use gennaker_testkit::http::{Reply, Server};
    use serde_json::json;

    use super::*;

    fn service(server: &Server, folder: &std::path::Path) -> Service {
        let exceptions = Exceptions {
            allow_loopback: true,
            ..Exceptions::default()
        };
        let policy = Policy::untrusted(&exceptions).unwrap();
        let client = Client::new(policy, gennaker_outbound::Options::default()).unwrap();
        let options = Options {
            region: "eu-central-1".to_owned(),
            service: "codebuild",
            endpoint: Some(server.url("")),
            key: Some(("AKID".to_owned(), Secret::File(folder.join("secret")))),
            role: None,
        };
        Service::new(client, Clock::system(), options)
    }

    #[tokio::test]
    async fn a_call_is_signed_and_its_errors_are_read() {
        let server = Server::start(|request| match request.header("x-amz-target") {
            Some("CodeBuild_20161006.ListProjects") => Reply::ok("{\"projects\": [\"a\"]}"),
            _ => Reply::status(
                400,
                "{\"__type\": \"com.amazonaws.codebuild#InvalidInputException\", \"message\": \"no such\"}",
            ),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let service = Arc::new(service(&server, folder.path()));
        let call = async |target: &str| {
            service
                .call("1.1", target, &json!({"sortBy": "NAME"}))
                .await
        };
        let missing = call("CodeBuild_20161006.ListProjects").await.unwrap_err();
        assert!(matches!(missing, Error::Unusable(_)), "{missing}");

        std::fs::write(folder.path().join("secret"), "hush\n").unwrap();
        let answer = call("CodeBuild_20161006.ListProjects").await.unwrap();
        assert_eq!(answer, json!({"projects": ["a"]}));
        let refused = call("CodeBuild_20161006.Other").await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "InvalidInputException: no such (status 400)"
        );
        assert!(!refused.is_transient());

        let seen = server.seen();
        let proof = seen[0].header("authorization").unwrap();
        assert!(
            proof.starts_with("AWS4-HMAC-SHA256 Credential=AKID/")
                && proof.contains("/eu-central-1/codebuild/aws4_request")
                && proof.contains("x-amz-target"),
            "{proof}"
        );
        assert_eq!(seen[0].text(), "{\"sortBy\":\"NAME\"}");
        assert!(!format!("{service:?}").contains("hush"));
    }
}
