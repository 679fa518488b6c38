//! `waitForManifestToStabilize`: watches what was deployed until it is stable or has failed (Kubernetes reference 5.2.2 and 6).
//!
//! The task follows watches. Whenever what an object waits for has changed it reports RUNNING with that in the context, at most
//! once a second (less often for many objects), and goes on at once with the next attempt: people see progress, and nothing is polled.
//! What their Pods do is looked up beside, for some objects at a time: it is for people, and the end waits for nothing but the watches. Source: orca
//! `WaitForManifestStableTask`.

use std::{collections::BTreeMap, time::Duration};

use gennaker_kubernetes::{Class, Seen};
use gennaker_manifests::{Coordinates, Kind, Manifest, Native, stability};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, GiveUp, Task, exception};
use serde_json::{Value, json};

use super::{Base, cluster::Cluster, input, trouble};
use pods::Look;

mod pods;

/// Least time between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// The same for each object that is followed: after a report all of them are read anew.
const REPORT_EVERY_OF_ONE: Duration = Duration::from_millis(40);

/// Longest attempt without news; well within what a worker lets a task run.
const ATTEMPT: Duration = Duration::from_secs(240);

/// How often the Pods of an object that waits are looked at, besides.
const LOOK_AT_PODS: Duration = Duration::from_secs(5);

/// Pause after the cluster could not be asked.
const PAUSE: Duration = Duration::from_secs(5);

/// Most objects that are followed at once; the others come after them.
const FOLLOWED_MAX: usize = 200;

/// Most objects whose Pods are looked at in one go.
const LOOKED_AT_MAX: usize = 10;

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

fn report_every(objects: usize) -> Duration {
    let objects = u32::try_from(objects).unwrap_or(u32::MAX);
    REPORT_EVERY.max(REPORT_EVERY_OF_ONE.saturating_mul(objects))
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
    /// Where each stands there.
    places: BTreeMap<Coordinates, usize>,
    /// The last sentence about the Pods of an object.
    progress: BTreeMap<Coordinates, String>,
    events: BTreeMap<Coordinates, Vec<Value>>,
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
        let places = objects.iter().enumerate();
        let places = places.map(|(place, (at, _))| (at.clone(), place));
        Ok(Self {
            ctx,
            cluster,
            places: places.collect(),
            objects,
            progress: BTreeMap::new(),
            events: BTreeMap::new(),
            warnings: Vec::new(),
        })
    }

    async fn run(&mut self) -> Result<Done, Failure> {
        let open: Vec<Coordinates> = self.open().take(FOLLOWED_MAX).cloned().collect();
        let report_every = report_every(open.len());
        let followed = self.cluster.account.follow(open);
        let mut follow = followed.map_err(|error| self.cluster.failed("", &error))?;
        let began = tokio::time::Instant::now();
        let mut pods_due = began;
        let mut looking: Option<BoxFuture<'a, Vec<Look>>> = None;
        loop {
            let is_unknown = follow.all().any(|(_, seen)| matches!(seen, Seen::Unknown));
            self.judge(follow.all())?;
            if !is_unknown && self.is_over() {
                let silent = self.failed_silently(follow.all());
                self.learn(pods::look(self.cluster, silent).await);
                return self.end();
            }
            if !is_unknown && self.are_decided(follow.all()) {
                // Those that were not followed yet.
                let context = self.context(&[]);
                let after = Duration::ZERO;
                return Err(Failure::RetryLater { after, context });
            }
            if !is_unknown && looking.is_none() && tokio::time::Instant::now() >= pods_due {
                let waiting = self.to_look_at(follow.all());
                looking = Some(pods::look(self.cluster, waiting));
            }
            let troubles: Vec<String> = follow
                .troubles()
                .map(|(_, error)| trouble::sentence(error))
                .collect();
            let may_report = began.elapsed() >= report_every;
            let has_news =
                may_report && (!is_unknown || !troubles.is_empty()) && self.has_news(&troubles);
            if began.elapsed() >= ATTEMPT || has_news {
                let after = if troubles.is_empty() {
                    Duration::ZERO
                } else {
                    PAUSE
                };
                let context = self.context(&troubles);
                return Err(Failure::RetryLater { after, context });
            }
            let report = if may_report { ATTEMPT } else { report_every };
            let wake = match looking.is_some() || is_unknown {
                true => began + report,
                false => pods_due.min(began + report),
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
                looks = async { looking.as_mut().expect("asked only while it is there").await }, if looking.is_some() => {
                    looking = None;
                    pods_due = tokio::time::Instant::now() + LOOK_AT_PODS;
                    self.learn(looks);
                }
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    /// The objects whose Pods are looked at next: some that wait, first those of which nothing is known.
    fn to_look_at<'s>(
        &self,
        seen: impl Iterator<Item = (&'s Coordinates, &'s Seen)>,
    ) -> Vec<(Coordinates, Manifest)> {
        let waiting = seen.filter_map(|(at, seen)| match (seen, self.state(at)) {
            (Seen::Present(object), Some(State::Waiting(_))) => Some((at, object)),
            _ => None,
        });
        let (old, new): (Vec<_>, Vec<_>) =
            waiting.partition(|(at, _)| self.progress.contains_key(*at));
        let chosen = new.into_iter().chain(old).take(LOOKED_AT_MAX);
        chosen
            .map(|(at, object)| (at.clone(), (**object).clone()))
            .collect()
    }

    /// The objects that have failed and of whose Pods nothing is known: a person will want to.
    fn failed_silently<'s>(
        &self,
        seen: impl Iterator<Item = (&'s Coordinates, &'s Seen)>,
    ) -> Vec<(Coordinates, Manifest)> {
        let failed = seen.filter_map(|(at, seen)| match (seen, self.state(at)) {
            (Seen::Present(object), Some(State::Failed(_))) => {
                Some((at.clone(), (**object).clone()))
            }
            _ => None,
        });
        failed
            .filter(|(at, _)| !self.progress.contains_key(at))
            .take(LOOKED_AT_MAX)
            .collect()
    }

    fn learn(&mut self, looks: Vec<Look>) {
        for look in looks {
            if !look.events.is_empty() {
                self.events.insert(look.at.clone(), look.events);
            }
            if let Some(sentence) = look.sentence {
                self.progress.insert(look.at, sentence);
            }
        }
    }

    fn state(&self, at: &Coordinates) -> Option<&State> {
        Some(&self.objects[*self.places.get(at)?].1)
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
    fn are_decided<'s>(&self, seen: impl Iterator<Item = (&'s Coordinates, &'s Seen)>) -> bool {
        let mut seen = seen;
        !seen.any(|(at, _)| matches!(self.state(at), Some(State::Waiting(_))))
    }

    /// Applies the rules of the kinds to what is seen.
    fn judge<'s>(
        &mut self,
        seen: impl Iterator<Item = (&'s Coordinates, &'s Seen)>,
    ) -> Result<(), Failure> {
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
            if let Some(place) = self.places.get(at) {
                self.objects[*place].1 = state;
            }
        }
        Ok(())
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
            let events: Vec<&Value> = self.events.values().flatten().collect();
            context.insert("events".to_owned(), json!(events));
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
