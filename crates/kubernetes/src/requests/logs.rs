//! What pods printed, what happened to objects, what pods use.

use gennaker_manifests::{Coordinates, Kind, Manifest};
use serde_json::Value;

use super::read::List;
use crate::account::Account;
use crate::error::{Class, Error};
use crate::transport::{Call, segment};

/// Most bytes of one log.
const LOG_BYTES_MAX: usize = 16 << 20;
/// Most events of one object.
const EVENTS_MAX: usize = 1_000;

/// Which part of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The container; needed unless the pod has one only.
    pub container: Option<String>,
    /// Only the last so many lines.
    pub tail_lines: Option<u32>,
    /// At most so many bytes, of the beginning; never more than 16 MiB.
    pub limit_bytes: Option<usize>,
    /// Of the container's last life.
    pub previous: bool,
}

/// What one container uses, as `kubectl top` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsOfContainer {
    /// Its name.
    pub container: String,
    /// Kubernetes' own quantity: `12m`, `1500000n`.
    pub cpu: String,
    /// Kubernetes' own quantity: `20Mi`.
    pub memory: String,
}

impl Account {
    /// What a container of a pod printed.
    ///
    /// # Errors
    /// [`Class::NotFound`] without pod, [`Class::Invalid`] while the container has not begun, and all others.
    pub async fn logs(
        &self,
        namespace: &str,
        pod: &str,
        options: &LogOptions,
    ) -> Result<String, Error> {
        let pods = self.resource_unchecked(&Kind::parse("pod")).await?;
        let path = self.path(&pods, namespace, pod).await?;
        let limit = options
            .limit_bytes
            .unwrap_or(LOG_BYTES_MAX)
            .min(LOG_BYTES_MAX);
        let call = Call::get(format!("{path}/log"))
            .query_if("container", options.container.clone())
            .query_if(
                "tailLines",
                options.tail_lines.map(|lines| lines.to_string()),
            )
            .query_if("previous", options.previous.then_some("true"))
            .query("limitBytes", limit.to_string())
            .accept("text/plain, application/json, */*")
            // The server counts its own way; a little over is no reason to show nothing.
            .bytes_max(limit + (64 << 10));
        let bytes = self.inner.transport.bytes(call).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What happened to an object lately, oldest first (Clouddriver's order: last time, else first time).
    ///
    /// # Errors
    /// [`Error`]
    pub async fn events(&self, object: &Manifest) -> Result<Vec<Value>, Error> {
        let (name, kind) = (object.name(), object.kind_as_written());
        // Events of objects that lie in no namespace lie in `default`.
        let namespace = match object.namespace() {
            "" => "default",
            namespace => namespace,
        };
        let fields = format!("involvedObject.name={name},involvedObject.kind={kind}");
        let list = List::of(Kind::parse("event"), Some(namespace))
            .fields(&fields)
            .limit(EVENTS_MAX);
        let events = self.resource_unchecked(&list.kind).await?;
        let found = self
            .list_one(&events, Some(namespace), &list, list.limit)
            .await?;
        let mut found: Vec<Value> = found.items.into_iter().map(Manifest::into_value).collect();
        found.sort_by_cached_key(|event| {
            let time = |key: &str| {
                event[key]
                    .as_str()
                    .filter(|it| !it.is_empty())
                    .map(str::to_owned)
            };
            time("lastTimestamp")
                .or_else(|| time("firstTimestamp"))
                .or_else(|| time("eventTime"))
        });
        Ok(found)
    }

    /// What the containers of a pod use; nothing where the account or the cluster does not measure it.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn pod_metrics(
        &self,
        namespace: &str,
        pod: &str,
    ) -> Result<Vec<MetricsOfContainer>, Error> {
        if !self.settings().metrics {
            return Ok(Vec::new());
        }
        let served = self.resources().await?;
        let Some(resource) = served
            .all()
            .iter()
            .find(|it| it.group == "metrics.k8s.io" && it.plural == "pods")
        else {
            return Ok(Vec::new());
        };
        let path = format!("{}/{}", resource.path(Some(namespace)), segment(pod));
        let measured = match self.inner.transport.json(Call::get(path)).await {
            Ok(measured) => measured,
            // Not measured yet, or the server that measures is away: that is no reason to show nothing of the pod.
            Err(error)
                if matches!(
                    error.class(),
                    Class::NotFound | Class::Unavailable | Class::Forbidden
                ) =>
            {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let containers = measured["containers"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(containers
            .map(|it| MetricsOfContainer {
                container: text(&it["name"]),
                cpu: text(&it["usage"]["cpu"]),
                memory: text(&it["usage"]["memory"]),
            })
            .collect())
    }

    /// The coordinates of the pods of a Job, newest first.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn pods_of_job(&self, namespace: &str, job: &str) -> Result<Vec<Manifest>, Error> {
        let pods = Kind::parse("pod");
        let list = List::of(pods.clone(), Some(namespace)).labels(&format!("job-name={job}"));
        let resource = self.resource_unchecked(&pods).await?;
        self.check_namespace(namespace)?;
        let mut found = self
            .list_one(&resource, Some(namespace), &list, list.limit)
            .await?
            .items;
        found.sort_by_cached_key(|pod| std::cmp::Reverse(pod.created_ms()));
        Ok(found)
    }

    /// What a container of a Job printed: of its newest pod that has something to say.
    ///
    /// # Errors
    /// [`Class::NotFound`] without pod, and all others.
    pub async fn job_logs(
        &self,
        at: &Coordinates,
        options: &LogOptions,
    ) -> Result<Option<String>, Error> {
        let mut last = None;
        for pod in self.pods_of_job(&at.namespace, &at.name).await? {
            match self.logs(pod.namespace(), pod.name(), options).await {
                Ok(text) => return Ok(Some(text)),
                Err(error) if matches!(error.class(), Class::NotFound | Class::Invalid) => {
                    last = Some(error)
                }
                Err(error) => return Err(error),
            }
        }
        match last {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }
}
