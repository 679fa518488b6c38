//! What the demo's pipeline calls: a small service that deploys to two environments, or says that it does.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Path as InPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use gennaker_runtime::CancellationToken;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// How long a deployment takes.
const DEPLOYS_IN: Duration = Duration::from_millis(600);
/// Replicas of the pretended service.
const REPLICAS: u128 = 3;
/// Most deployments that are remembered.
const DEPLOYMENTS_MAX: usize = 10_000;
/// What runs before anything was deployed.
const FIRST_IMAGE: &str = "registry.example.com/acme/shop:1.6";

/// The service; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Service {
    base: Arc<str>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    deployments: Vec<Deployment>,
    /// Number of the deployment that a request with this key made: a request that is sent again deploys nothing new.
    keys: BTreeMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Deployment {
    environment: String,
    image: String,
    began: Instant,
}

type Answer = (StatusCode, Json<Value>);

impl Service {
    /// Listens on the port that the file names, or on a free one, which the file then names: a pipeline that goes on after a
    /// restart finds the service where it was.
    ///
    /// # Errors
    /// No port can be had.
    pub(super) async fn listen(port_file: &Path) -> std::io::Result<(Self, TcpListener)> {
        let former = std::fs::read_to_string(port_file)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let at = |port: u16| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let listener = match at(former.unwrap_or(0)).await {
            Ok(listener) => listener,
            Err(_) => at(0).await?,
        };
        let port = listener.local_addr()?.port();
        std::fs::write(port_file, format!("{port}\n"))?;
        let service = Self {
            base: format!("http://127.0.0.1:{port}").into(),
            known: Arc::default(),
        };
        Ok((service, listener))
    }

    /// Its address.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// What runs in an environment.
    pub(super) fn image(&self, environment: &str) -> String {
        let known = self.lock();
        let image = known.images(environment).next();
        image.unwrap_or(FIRST_IMAGE).to_owned()
    }

    /// Serves until `cancel`.
    pub(super) async fn run(self, listener: TcpListener, cancel: CancellationToken) {
        let router = Router::new()
            .route("/deployments", post(deploy))
            .route("/rollbacks", post(roll_back))
            .route("/deployments/{number}", get(status))
            .route("/environments/{name}", get(environment))
            .with_state(self);
        let served = axum::serve(listener, router).with_graceful_shutdown(cancel.cancelled_owned());
        if let Err(error) = served.await {
            tracing::warn!("the demo's service ended: {error}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(
        &self,
        headers: &HeaderMap,
        environment: &str,
        image: impl FnOnce(&Known) -> String,
    ) -> Answer {
        let key = headers
            .get("idempotency-key")
            .and_then(|key| key.to_str().ok())
            .map(str::to_owned);
        let mut known = self.lock();
        let former = key.as_ref().and_then(|key| known.keys.get(key).copied());
        let number = match former {
            Some(number) => number,
            None if known.deployments.len() >= DEPLOYMENTS_MAX => {
                return told(
                    StatusCode::TOO_MANY_REQUESTS,
                    "this service has deployed enough",
                );
            }
            None => {
                let deployment = Deployment {
                    environment: environment.to_owned(),
                    image: image(&known),
                    began: Instant::now(),
                };
                known.deployments.push(deployment);
                known.deployments.len() - 1
            }
        };
        if let Some(key) = key {
            known.keys.insert(key, number);
        }
        let mut body = self.shown(number, &known.deployments[number]);
        body["statusUrl"] = json!(format!("{}/deployments/{number}", self.base));
        (StatusCode::ACCEPTED, Json(body))
    }

    fn shown(&self, number: usize, deployment: &Deployment) -> Value {
        let elapsed = deployment.began.elapsed();
        let ready = (elapsed.as_millis() * REPLICAS / DEPLOYS_IN.as_millis()).min(REPLICAS);
        json!({
            "id": number,
            "environment": deployment.environment,
            "image": deployment.image,
            "status": if deployment.is_done() { "SUCCEEDED" } else { "RUNNING" },
            "progress": format!("{ready} of {REPLICAS} replicas are ready"),
        })
    }
}

impl Deployment {
    fn is_done(&self) -> bool {
        self.began.elapsed() >= DEPLOYS_IN
    }
}

impl Known {
    /// What was deployed to an environment, newest first.
    fn images(&self, environment: &str) -> impl Iterator<Item = &str> {
        let all = self.deployments.iter().rev();
        all.filter(move |one| one.environment == environment && one.is_done())
            .map(|one| one.image.as_str())
    }
}

async fn deploy(
    State(service): State<Service>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    match (environment_of(&body), body["image"].as_str()) {
        (Some(environment), Some(image)) => {
            service.begin(&headers, environment, |_| image.to_owned())
        }
        _ => told(
            StatusCode::BAD_REQUEST,
            "an environment (test, prod) and an image are needed",
        ),
    }
}

async fn roll_back(
    State(service): State<Service>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    let Some(environment) = environment_of(&body) else {
        return told(
            StatusCode::BAD_REQUEST,
            "an environment (test, prod) is needed",
        );
    };
    service.begin(&headers, environment, |known| {
        let mut images = known.images(environment);
        let now = images.next().unwrap_or(FIRST_IMAGE).to_owned();
        images
            .find(|image| *image != now)
            .unwrap_or(FIRST_IMAGE)
            .to_owned()
    })
}

async fn status(State(service): State<Service>, InPath(number): InPath<usize>) -> Answer {
    let known = service.lock();
    match known.deployments.get(number) {
        Some(deployment) => (StatusCode::OK, Json(service.shown(number, deployment))),
        None => told(StatusCode::NOT_FOUND, "there is no such deployment"),
    }
}

async fn environment(State(service): State<Service>, InPath(name): InPath<String>) -> Answer {
    let image = service.image(&name);
    (
        StatusCode::OK,
        Json(
            json!({"environment": name, "image": image, "requests": 12_000, "errorsPerThousand": 1}),
        ),
    )
}

fn environment_of(body: &Value) -> Option<&str> {
    body["environment"]
        .as_str()
        .filter(|name| matches!(*name, "test" | "prod"))
}

fn told(status: StatusCode, message: &str) -> Answer {
    (status, Json(json!({"message": message})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        Service {
            base: "http://127.0.0.1:1".into(),
            known: Arc::default(),
        }
    }

    fn keyed(key: &str) -> HeaderMap {
        HeaderMap::from_iter([("idempotency-key".parse().unwrap(), key.parse().unwrap())])
    }

    #[tokio::test(start_paused = true)]
    async fn a_repeated_request_deploys_once_and_a_rollback_undoes() {
        let service = service();
        let body = Json(json!({"environment": "test", "image": "shop:2"}));
        for _ in 0..2 {
            let (code, Json(answer)) =
                deploy(State(service.clone()), keyed("a"), body.clone()).await;
            assert_eq!((code, &answer["id"]), (StatusCode::ACCEPTED, &json!(0)));
        }
        let running = |image: &'static str| {
            let service = service.clone();
            async move {
                let (_, Json(answer)) =
                    environment(State(service), InPath("test".to_owned())).await;
                assert_eq!(answer["image"], image);
            }
        };
        running(FIRST_IMAGE).await;
        tokio::time::advance(DEPLOYS_IN).await;
        running("shop:2").await;
        let (_, Json(answer)) = roll_back(State(service.clone()), keyed("b"), body).await;
        assert_eq!(
            (&answer["status"], &answer["id"]),
            (&json!("RUNNING"), &json!(1))
        );
        tokio::time::advance(DEPLOYS_IN).await;
        running(FIRST_IMAGE).await;
    }

    #[tokio::test]
    async fn nonsense_is_refused() {
        let (code, _) = deploy(
            State(service()),
            HeaderMap::new(),
            Json(json!({"environment": "moon"})),
        )
        .await;
        assert_eq!(code, StatusCode::BAD_REQUEST);
        let (code, _) = status(State(service()), InPath(3)).await;
        assert_eq!(code, StatusCode::NOT_FOUND);
    }
}
