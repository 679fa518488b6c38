//! kubectl and its cluster: what we are compared with, and what we are measured on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use gennaker_testkit::kube::Cluster;
use serde_json::{Value, json};

/// Where the many pods are.
const CROWD: &str = "crowd";
/// Pods of one Deployment of the crowd.
const PODS_OF_ONE: usize = 500;
const CROWD_WITHIN: Duration = Duration::from_secs(1_200);

/// The cluster.
#[derive(Clone)]
pub(super) struct Peer(Arc<Cluster>);

impl Peer {
    pub(super) fn new(cluster: Cluster) -> Self {
        Self(Arc::new(cluster))
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.0.kubeconfig()
    }

    pub(super) async fn namespace(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.run(move |cluster| {
            cluster.namespace(&name);
            Ok(())
        })
        .await
    }

    /// Applies and waits as a script does; how long both took.
    pub(super) async fn apply_and_wait(
        &self,
        place: &str,
        manifests: Vec<Value>,
    ) -> Result<Duration> {
        let place = place.to_owned();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": manifests}).to_string();
        self.run(move |cluster| {
            let begin = Instant::now();
            cluster.kubectl_with(&["apply", "-f", "-"], &list)?;
            cluster.kubectl(&["rollout", "status", "deployment", "-n", &place])?;
            Ok(begin.elapsed())
        })
        .await
    }

    /// How long after the last Deployment of a namespace was complete something ended; the cluster tells whole seconds.
    pub(super) async fn behind_ms(&self, place: &str, ended_ms: f64) -> Result<f64> {
        let place = place.to_owned();
        let listed = self
            .run(move |cluster| cluster.kubectl(&["get", "deployment", "-n", &place, "-o", "json"]))
            .await?;
        let listed: Value = serde_json::from_str(&listed).context("kubectl prints no JSON")?;
        let conditions = listed["items"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|item| {
                item["status"]["conditions"]
                    .as_array()
                    .into_iter()
                    .flatten()
            });
        let times = conditions
            .filter(|condition| condition["reason"] == "NewReplicaSetAvailable")
            .filter_map(|condition| seconds_of(condition["lastUpdateTime"].as_str()?));
        let last = times
            .max()
            .context("no Deployment says when it was complete")?;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century")]
        let last_ms = last as f64 * 1_000.0;
        Ok((ended_ms - last_ms).max(0.0))
    }

    /// Makes so many pods of an application and waits until they run.
    pub(super) async fn pods(&self, count: usize, application: &str) -> Result<()> {
        let items: Vec<Value> = (0..count.div_ceil(PODS_OF_ONE))
            .map(|number| {
                crowd(
                    number,
                    PODS_OF_ONE.min(count - number * PODS_OF_ONE),
                    application,
                )
            })
            .collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
        self.run(move |cluster| {
            cluster.namespace(CROWD);
            cluster.kubectl_with(&["apply", "-f", "-"], &list)?;
            let timeout = format!("{}s", CROWD_WITHIN.as_secs());
            cluster.kubectl(&[
                "rollout",
                "status",
                "deployment",
                "-n",
                CROWD,
                "--timeout",
                &timeout,
            ])?;
            Ok(())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Cluster) -> Result<T, String> + Send + 'static,
    ) -> Result<T> {
        let cluster = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || what(&cluster))
            .await
            .context("kubectl could not be run")?
            .map_err(|problem| anyhow!("kubectl: {problem}"))
    }
}

fn crowd(number: usize, replicas: usize, application: &str) -> Value {
    let name = format!("crowd-{number}");
    let annotations = json!({"moniker.spinnaker.io/application": application,
        "moniker.spinnaker.io/cluster": format!("deployment {name}")});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": CROWD, "annotations": annotations},
        "spec": {"replicas": replicas, "progressDeadlineSeconds": 3_600, "selector": {"matchLabels": {"run": name}},
            "strategy": {"rollingUpdate": {"maxSurge": "100%"}},
            "template": {"metadata": {"labels": {"run": name}, "annotations": annotations},
                "spec": {"containers": [{"name": "main", "image": "nginx:1", "env": [{"name": "A", "value": "b"}],
                    "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}}]}}}})
}

/// Seconds since 1970 of a time as Kubernetes writes it, `2026-11-21T20:59:38Z`.
fn seconds_of(time: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| time.get(range)?.parse::<u64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    // Days of the civil calendar, with a year that begins in March.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_kubernetes_are_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T00:00:00Z", Some(951_782_400)),
            ("2026-11-21T20:59:38Z", Some(1_795_294_778)),
            ("now", None),
        ] {
            assert_eq!(seconds_of(text), seconds, "{text}");
        }
    }
}
