//! Deployments to a real control plane with simulated nodes, beside `kubectl apply` and `kubectl rollout status` on the same one in
//! the same run; and the memory of a worker that knows a large cluster.

mod peer;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use gennaker_testkit::kube::Cluster;
use serde_json::{Value, json};

use crate::api::{APPLICATION, Api};
use crate::brokers::Sync;
use crate::completions::Completions;
use crate::load::ms;
use crate::report::Row;
use crate::statistics::Times;
use crate::target::{Setup, Target};

use self::peer::Peer;
use super::{Plan, megabytes, new_row};

const ACCOUNT: &str = "cluster";
const PATIENCE: Duration = Duration::from_secs(600);
/// Pods that fit on a simulated node.
const PODS_OF_NODE: usize = 1_000;
/// Which process works: the second one.
const WORKER: usize = 1;
const MEMORY_MB_MAX: f64 = 150.0;
const POLL: Duration = Duration::from_millis(200);

/// Sizes of a run.
struct Sizes {
    few: usize,
    rounds: usize,
    many: usize,
    pods: usize,
}

/// What is measured, and with what.
struct Bench {
    cluster: Peer,
    target: Target,
    api: Api,
    completions: Completions,
}

/// Creates and updates Deployments, ours and kubectl's in turn; then many in one stage; then looks at many pods.
///
/// # Errors
/// No control plane is installed, something does not start, or a deployment fails.
pub async fn measure(plan: &Plan<'_>) -> Result<Vec<Row>> {
    let sizes = Sizes::of(plan);
    let mut bench = Bench::start(plan, sizes.pods).await?;
    let mut rows = bench.beside_kubectl(sizes.few, sizes.rounds).await?;
    rows.extend(bench.beside_kubectl(sizes.many, 1).await?);
    rows.push(bench.memory(sizes.pods).await?);
    bench.target.check_alive()?;
    Ok(rows)
}

/// Only looks at many pods, by a worker that has done nothing before.
///
/// # Errors
/// As [`measure`].
pub async fn measure_pods(plan: &Plan<'_>) -> Result<Vec<Row>> {
    let pods = Sizes::of(plan).pods;
    let mut bench = Bench::start(plan, pods).await?;
    let row = bench.memory(pods).await?;
    bench.target.check_alive()?;
    Ok(vec![row])
}

impl Sizes {
    fn of(plan: &Plan<'_>) -> Self {
        match plan.quick {
            true => Self {
                few: 20,
                rounds: 1,
                many: 50,
                pods: 500,
            },
            false => Self {
                few: 20,
                rounds: 5,
                many: 200,
                pods: 10_000,
            },
        }
    }
}

impl Bench {
    /// A control plane with room for so many pods, and an installation that has it as its account.
    async fn start(plan: &Plan<'_>, pods: usize) -> Result<Self> {
        let nodes = pods / PODS_OF_NODE + 2;
        let cluster = tokio::task::spawn_blocking(move || Cluster::with_nodes(nodes))
            .await
            .context(
                "no Kubernetes control plane: `cargo xtask tools kube` builds one, and its reason is above",
            )?;
        let cluster = Peer::new(cluster);
        let setup = Setup::Serve {
            brokers: 1,
            sync: Sync::Always,
        };
        // What a client may ask of an API server is for operators to say; kubectl has no limit of its own for one command.
        let account = format!(
            "[[kubernetes.accounts]]\nname = \"{ACCOUNT}\"\nkubeconfig_file = {:?}\nrequests_per_second = 1000\n\
             requests_burst = 1000\n",
            cluster.kubeconfig()
        );
        let roles = ["gate,scheduler,triggers", "worker deploy,notify"];
        let mut target = Target::serve_with(plan.programs, setup, &roles, &account).await?;
        target.wait_healthy().await?;
        let mut api = Api::new(target.address);
        api.save(&[]).await.with_context(|| target.log_tail())?;
        Ok(Self {
            cluster,
            completions: Completions::new(target.address),
            target,
            api,
        })
    }

    /// So many Deployments are created and then updated, in a namespace for each round and each side.
    async fn beside_kubectl(&mut self, count: usize, rounds: usize) -> Result<Vec<Row>> {
        let mut ours = [Vec::new(), Vec::new()];
        let mut theirs = [Vec::new(), Vec::new()];
        let mut lags = Vec::new();
        for round in 0..rounds {
            let places = ["g", "k"].map(|side| format!("{side}-{count}-{round}"));
            for place in &places {
                self.cluster.namespace(place).await?;
            }
            for (at, image) in ["nginx:1", "nginx:2"].into_iter().enumerate() {
                // In turn, so that neither always meets the warmer server.
                for side in [round % 2, 1 - round % 2] {
                    let place = &places[side];
                    let manifests = deployments(count, place, image);
                    if side == 0 {
                        let (took, ended_ms) = self.deploy(manifests).await?;
                        ours[at].push(ms(took));
                        lags.push(self.cluster.behind_ms(place, ended_ms).await?);
                    } else {
                        theirs[at].push(ms(self.cluster.apply_and_wait(place, manifests).await?));
                    }
                }
            }
        }
        let mut rows = Vec::new();
        for (at, what) in ["created", "updated"].into_iter().enumerate() {
            let peer = Times::new(std::mem::take(&mut theirs[at]));
            let own = Times::new(std::mem::take(&mut ours[at]));
            let name = format!("{count} Deployments {what} in one stage");
            let mut row = new_row(name, &self.target).with_times(&own);
            if let Some(limit) = peer.percentile(0.5) {
                row.check(
                    &format!("not above kubectl apply + rollout status, p50 {limit:.0} ms"),
                    row.p50_ms,
                    "ms",
                    |found| found <= limit,
                );
            }
            rows.push(row);
            let name = format!("{count} Deployments {what} by kubectl");
            rows.push(new_row(name, &self.target).with_times(&peer));
        }
        let lags = Times::new(lags);
        if let (Some(row), Some(most)) = (rows.first_mut(), lags.percentile(1.0)) {
            row.notes.push(format!(
                "a stage ended at most {most:.0} ms after the cluster said that its last Deployment was complete; the cluster's \
                 times are whole seconds, so up to 1 000 ms of it are rounding"
            ));
        }
        Ok(rows)
    }

    /// Deploys by a pipeline of one stage: how long from its start to its end, and when it ended.
    async fn deploy(&mut self, manifests: Vec<Value>) -> Result<(Duration, f64)> {
        let stage = json!({"refId": "1", "type": "deployManifest", "name": "Deploy", "account": ACCOUNT,
            "cloudProvider": "kubernetes", "moniker": {"app": APPLICATION}, "source": "text", "manifests": manifests});
        let begin = Instant::now();
        let id = self.api.start_unsaved("deploy", &[stage]).await?;
        self.completions.wait(&id, &mut self.api, PATIENCE).await?;
        let took = begin.elapsed();
        let done = self.api.execution(&id).await?;
        if done["status"] != "SUCCEEDED" {
            bail!(
                "a deployment ends {}: {}",
                done["status"],
                done["stages"][0]["context"]["exception"]["details"]
            );
        }
        let ended_ms = done["stages"][0]["endTime"].as_f64();
        Ok((took, ended_ms.context("a stage that ended has no time")?))
    }

    /// What a worker needs for pages about so many pods.
    async fn memory(&mut self, pods: usize) -> Result<Row> {
        let before = self.target.usage_of(WORKER).resident_bytes;
        self.cluster.pods(pods, APPLICATION).await?;
        let begin = Instant::now();
        let until = begin + PATIENCE;
        let path = format!("/applications/{APPLICATION}/serverGroups?expand=true");
        loop {
            // The first look fills the cache.
            let groups = self.api.call("GET", &path, None).await.unwrap_or_default();
            let instances = groups.as_array().into_iter().flatten().map(|group| {
                let found = group["instances"].as_array().map_or(0, Vec::len);
                found.max(
                    group["instanceCounts"]["total"]
                        .as_u64()
                        .and_then(|total| usize::try_from(total).ok())
                        .unwrap_or(0),
                )
            });
            if instances.sum::<usize>() >= pods {
                break;
            }
            if Instant::now() > until {
                bail!("the pods are not seen within {PATIENCE:?}");
            }
            tokio::time::sleep(POLL).await;
        }
        let seen = begin.elapsed();
        let after = self.target.usage_of(WORKER);
        let mut row = new_row(format!("a worker that knows {pods} pods"), &self.target);
        row.usage = [("gennaker".to_owned(), after)].into();
        row.notes.push(format!(
            "{:.0} MB before; all server groups with their instances were answered {} ms after the first question",
            megabytes(before),
            seen.as_millis()
        ));
        row.check(
            &format!("under {MEMORY_MB_MAX} MB"),
            Some(megabytes(after.resident_bytes)),
            "MB",
            |found| found < MEMORY_MB_MAX,
        );
        Ok(row)
    }
}

fn deployments(count: usize, place: &str, image: &str) -> Vec<Value> {
    let deployment = |number: usize| {
        let name = format!("web-{number}");
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": place},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"run": name}},
                "template": {"metadata": {"labels": {"run": name}},
                    "spec": {"containers": [{"name": "main", "image": image}]}}}})
    };
    (0..count).map(deployment).collect()
}
