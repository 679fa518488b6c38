//! `waitForManifestToStabilize`: watches what was deployed until it is stable or has failed (Kubernetes reference 5.2.2 and 6).
//!
//! The task follows watches. Whenever what an object waits for has changed it reports RUNNING with that in the context, at most
//! once a second, and goes on at once with the next attempt: people see progress, and nothing is polled. Source: orca
//! `WaitForManifestStableTask`.

use std::{collections::BTreeMap, time::Duration};

use gennaker_kubernetes::{Class, List, Seen};
use gennaker_manifests::{Coordinates, Kind, Manifest, Native, progress, redact, stability};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, GiveUp, Task, exception};
use serde_json::{Value, json};

use super::{Base, cluster::Cluster, input, trouble};

/// Least time between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Longest attempt without news; well within what a worker lets a task run.
const ATTEMPT: Duration = Duration::from_secs(240);

/// How often the Pods of an object that waits are looked at, besides.
const LOOK_AT_PODS: Duration = Duration::from_secs(5);

/// Pause after the cluster could not be asked.
const PAUSE: Duration = Duration::from_secs(5);

/// Most Pods that are looked at for one sentence.
const PODS_MAX: usize = 500;

/// Most objects that are followed at once; the others come after them.
const FOLLOWED_MAX: usize = 200;

/// Most events that are shown of one object.
const EVENTS_MAX: usize = 50;

/// The task.
pub(super) struct WaitForManifestToStabilize(pub Base);

impl Task for WaitForManifestToStabilize {
    fn kind(&self) -> &'static str {
        "waitForManifestToStabilize"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let mut wait = Wait::of(ctx, &cluster)?;
            wait.run().await
        })
    }
}

/// What is known of one object.
enum State {
    Waiting(String),
    Stable,
    Failed(String),
}

struct Wait<'a> {
    ctx: &'a Ctx,
    cluster: &'a Cluster<'a>,
    /// In the order of the context: what is waited for, and what became of it.
    objects: Vec<(Coordinates, State)>,
    /// The last sentence about the Pods of an object.
    progress: BTreeMap<Coordinates, String>,
    events: Vec<Value>,
    warnings: Vec<Value>,
}

impl<'a> Wait<'a> {
    fn of(ctx: &'a Ctx, cluster: &'a Cluster<'a>) -> Result<Self, Failure> {
        let context = ctx.input();
        let mut objects = Vec::new();
        for (name, place) in names(context) {
            let at = Coordinates::parse(name, place)
                .map_err(|error| trouble::illegal(ctx, &error.to_string()))?;
            let is_in = |key: &str| {
                let list = context.get(key).and_then(Value::as_array);
                list.into_iter().flatten().any(|entry| {
                    entry["manifestName"] == json!(name) && entry["location"] == json!(place)
                })
            };
            // What has no rule is stable at once, and one that has failed may get better, until the others are done.
            let state = match is_in("stableManifests") || !can_wait(&at.kind) {
                true => State::Stable,
                false => State::Waiting(String::new()),
            };
            objects.push((at, state));
        }
        Ok(Self {
            ctx,
            cluster,
            objects,
            progress: BTreeMap::new(),
            events: Vec::new(),
            warnings: Vec::new(),
        })
    }

    async fn run(&mut self) -> Result<Done, Failure> {
        let open: Vec<Coordinates> = self.open().take(FOLLOWED_MAX).cloned().collect();
        let followed = self.cluster.account.follow(open);
        let mut follow = followed.map_err(|error| self.cluster.failed("", &error))?;
        let began = tokio::time::Instant::now();
        let mut pods_due = began;
        loop {
            let seen: Vec<(Coordinates, Seen)> = follow
                .all()
                .map(|(at, seen)| (at.clone(), seen.clone()))
                .collect();
            let is_unknown = seen.iter().any(|(_, seen)| matches!(seen, Seen::Unknown));
            self.judge(&seen)?;
            if !is_unknown && self.is_over() {
                return self.end();
            }
            if !is_unknown && self.are_decided(&seen) {
                // Those that were not followed yet.
                let context = self.context(&[]);
                let after = Duration::ZERO;
                return Err(Failure::RetryLater { after, context });
            }
            if !is_unknown && tokio::time::Instant::now() >= pods_due {
                self.look_at_pods(&seen).await;
                self.judge(&seen)?;
                pods_due = tokio::time::Instant::now() + LOOK_AT_PODS;
            }
            let troubles: Vec<String> = follow
                .troubles()
                .map(|(_, error)| trouble::sentence(error))
                .collect();
            let has_news = (!is_unknown || !troubles.is_empty()) && self.has_news(&troubles);
            if began.elapsed() >= ATTEMPT || (has_news && began.elapsed() >= REPORT_EVERY) {
                let after = if troubles.is_empty() {
                    Duration::ZERO
                } else {
                    PAUSE
                };
                let context = self.context(&troubles);
                return Err(Failure::RetryLater { after, context });
            }
            let wake = if has_news {
                began + REPORT_EVERY
            } else {
                pods_due.max(began + REPORT_EVERY).min(began + ATTEMPT)
            };
            tokio::select! {
                biased;
                () = self.ctx.cancelled() => {
                    return Err(Failure::Cancelled { context: self.context(&troubles) });
                }
                next = follow.next() => if let Err(error) = next {
                    let failure = match error.class() {
                        Class::Unauthorized | Class::Forbidden | Class::Unsupported => {
                            self.cluster.failed_with("the objects cannot be watched: ", &error, Map::new())
                        }
                        _ => Failure::RetryLater { after: PAUSE, context: self.context(&[trouble::sentence(&error)]) },
                    };
                    return Err(failure);
                },
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    fn open(&self) -> impl Iterator<Item = &Coordinates> {
        self.objects
            .iter()
            .filter(|(_, state)| !matches!(state, State::Stable))
            .map(|(at, _)| at)
    }

    fn is_over(&self) -> bool {
        !self
            .objects
            .iter()
            .any(|(_, state)| matches!(state, State::Waiting(_)))
    }

    /// Whether there is nothing more to see of these.
    fn are_decided(&self, seen: &[(Coordinates, Seen)]) -> bool {
        let is_waiting = |at: &Coordinates| {
            let mut known = self.objects.iter();
            known.any(|(known, state)| known == at && matches!(state, State::Waiting(_)))
        };
        !seen.iter().any(|(at, _)| is_waiting(at))
    }

    /// Applies the rules of the kinds to what is seen.
    fn judge(&mut self, seen: &[(Coordinates, Seen)]) -> Result<(), Failure> {
        for (at, seen) in seen {
            let state = match seen {
                Seen::Unknown => continue,
                Seen::Absent => State::Waiting("it is not there, or no more".to_owned()),
                Seen::Present(object) => {
                    let status = stability::status(object).map_err(|error| {
                        trouble::give_up(
                            self.ctx,
                            "UnsupportedVersionException",
                            &error.to_string(),
                        )
                    })?;
                    if status.failed.state {
                        State::Failed(status.failed.message.unwrap_or_default())
                    } else if status.stable.state {
                        State::Stable
                    } else {
                        let said = status.stable.message.unwrap_or_default();
                        let more = self.progress.get(at);
                        State::Waiting(match more {
                            Some(more) => format!("{said}; {more}"),
                            None => said,
                        })
                    }
                }
            };
            if let Some(known) = self.objects.iter_mut().find(|(known, _)| known == at) {
                known.1 = state;
            }
        }
        Ok(())
    }

    /// Says more about objects that wait: what their Pods do. It is for people, so a failure to read is none.
    async fn look_at_pods(&mut self, seen: &[(Coordinates, Seen)]) {
        let shows_events = input::boolean(self.ctx.input(), "includeEvents") == Some(true);
        for (at, seen) in seen {
            let Seen::Present(object) = seen else {
                continue;
            };
            let waits = self
                .objects
                .iter()
                .any(|(known, state)| known == at && matches!(state, State::Waiting(_)));
            if !waits {
                continue;
            }
            if shows_events
                && let Ok(Ok(events)) = self.cluster.ask(self.cluster.account.events(object)).await
            {
                let skipped = events.len().saturating_sub(EVENTS_MAX);
                self.events.extend(events.into_iter().skip(skipped));
            }
            if let Some(pods) = self.pods_of(at, object).await
                && let Some(sentence) =
                    progress::sentence(object, &pods.iter().collect::<Vec<_>>(), &[])
            {
                self.progress.insert(at.clone(), sentence);
            }
        }
        for event in &mut self.events {
            redact::value(event);
        }
    }

    /// The Pods of a workload, by its selector; nothing for what has none.
    async fn pods_of(&self, at: &Coordinates, object: &Manifest) -> Option<Vec<Manifest>> {
        let selector = object.at(&["spec", "selector"])?;
        let selectors = gennaker_manifests::selector::Selectors::from_workload(selector).ok()?;
        if selectors.is_empty() {
            return None;
        }
        let list = List::of(Kind::parse("pod"), Some(&at.namespace))
            .labels(&selectors.expression())
            .limit(PODS_MAX);
        let found = self
            .cluster
            .ask(self.cluster.account.list(&list))
            .await
            .ok()?
            .ok()?;
        Some(found.items)
    }

    /// Whether the context says something else than what is so now.
    fn has_news(&self, troubles: &[String]) -> bool {
        let context = self.context(troubles);
        let held = self.ctx.input();
        ["messages", "stableManifests", "failedManifests"]
            .iter()
            .any(|key| {
                let (new, old) = (context.get(*key), held.get(*key));
                let is_nothing = |value: Option<&Value>| {
                    value.is_none_or(|value| value.as_array().is_some_and(Vec::is_empty))
                };
                new != old && !(is_nothing(new) && is_nothing(old))
            })
    }

    fn context(&self, troubles: &[String]) -> Map {
        let account = self.cluster.account.name();
        let mut messages: Vec<String> = Vec::new();
        let (mut stable, mut failed) = (Vec::new(), Vec::new());
        for (at, state) in &self.objects {
            let (name, place) = (at.full_name().to_string(), &at.namespace);
            let who = format!("'{name}' in '{place}' for account {account}");
            let entry = json!({ "manifestName": name, "location": place });
            match state {
                State::Stable => stable.push(entry),
                State::Failed(why) => {
                    failed.push(entry);
                    messages.push(format!("{who}: {why}"));
                }
                State::Waiting(why) if why.is_empty() => {
                    messages.push(format!("{who}: waiting for manifest to stabilize"));
                }
                State::Waiting(why) => {
                    messages.push(format!("{who}: waiting for manifest to stabilize: {why}"));
                }
            }
        }
        messages.extend(
            troubles
                .iter()
                .map(|said| format!("{said}; it is tried again")),
        );
        let mut context = Map::new();
        context.insert("messages".to_owned(), json!(messages));
        context.insert("stableManifests".to_owned(), json!(stable));
        context.insert("failedManifests".to_owned(), json!(failed));
        if !self.events.is_empty() {
            context.insert("events".to_owned(), json!(self.events));
        }
        if !self.warnings.is_empty() {
            context.insert("warnings".to_owned(), json!(self.warnings));
        }
        trouble::settled(self.ctx, &mut context);
        context
    }

    fn end(&self) -> Result<Done, Failure> {
        let context = self.context(&[]);
        let account = self.cluster.account.name();
        let mut errors: Vec<String> = Vec::new();
        for (at, state) in &self.objects {
            if let State::Failed(why) = state {
                let more = self
                    .progress
                    .get(at)
                    .map(|more| format!(" ({more})"))
                    .unwrap_or_default();
                errors.push(format!(
                    "'{}' in '{}' for account {account}: {why}{more}",
                    at.full_name(),
                    at.namespace
                ));
            }
        }
        if errors.is_empty() {
            return Ok(Done {
                context,
                ..Done::default()
            });
        }
        let exception = exception::described(
            "waitForManifestToStabilize",
            "ManifestFailedException",
            "the deployed manifests did not become stable",
            &errors,
            self.ctx.now_ms(),
        );
        Err(Failure::GiveUp(Box::new(GiveUp {
            exception: Some(exception),
            context,
            outputs: Map::new(),
        })))
    }
}

/// Whether a kind has a rule by which its objects may be unstable (Kubernetes reference 6).
fn can_wait(kind: &Kind) -> bool {
    use Native::{
        CronJob, DaemonSet, Deployment, HorizontalPodAutoscaler, Job, Pod, ReplicaSet, StatefulSet,
    };
    matches!(
        kind.native(),
        Some(
            CronJob
                | DaemonSet
                | Deployment
                | HorizontalPodAutoscaler
                | Job
                | Pod
                | ReplicaSet
                | StatefulSet
        )
    )
}

/// `"kind name"` and namespace of what is waited for: what was deployed, else the target of an operation.
fn names(context: &Map) -> Vec<(&str, &str)> {
    let deployed = context
        .get("outputs.manifestNamesByNamespace")
        .and_then(Value::as_object);
    let mut names: Vec<(&str, &str)> = Vec::new();
    for (place, list) in deployed.into_iter().flatten() {
        let place = if place == "_" { "" } else { place.as_str() };
        let list = list
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        names.extend(list.map(|name| (name, place)));
    }
    if names.is_empty()
        && let Some(name) = input::text(context, "manifest.name")
    {
        let place = input::text(context, "manifest.location").filter(|place| *place != "_");
        names.push((name, place.unwrap_or_default()));
    }
    names
}
