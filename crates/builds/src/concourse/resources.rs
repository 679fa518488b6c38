//! What a build got and put: the plan names the resources, the stream of events has their metadata.

use std::collections::BTreeMap;
use std::time::Duration;

use gennaker_model::Map;
use gennaker_outbound::Request;
use serde::Deserialize;
use serde_json::Value;

use super::{Concourse, bearing, below, model::ConcourseBuild, text};
use crate::{Artifact, Build, Error, Revision};

/// Longest time in which the stream of events is read.
const STREAM: Duration = Duration::from_secs(15);
/// Most lines of it: a build's output stands there too.
const LINES_MAX: usize = 200_000;
/// Deepest plan that is looked through.
const DEPTH_MAX: usize = 64;
/// Most resources of a build.
const RESOURCES_MAX: usize = 500;

/// A resource of a build's plan.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Event {
    data: Option<EventData>,
}

#[derive(Deserialize)]
struct EventData {
    origin: Option<Origin>,
    metadata: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Origin {
    id: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    value: Option<String>,
}

impl Concourse {
    /// Adds revisions, properties and artifacts to a build that is over.
    pub(super) async fn add_resources(
        &self,
        found: &ConcourseBuild,
        build: &mut Build,
    ) -> Result<(), Error> {
        let id = found.id.to_string();
        let plan: Value = match self.get(&["builds", &id, "plan"], &[]).await {
            Ok(plan) => plan,
            // A build that was never begun has none.
            Err(Error::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut resources = Vec::new();
        collect(&plan["plan"], 0, &mut resources);
        let filter = self.options.resource_filter.as_ref();
        resources.retain(|resource| {
            resource.kind == "git"
                || filter.is_none_or(|filter| matches_whole(filter, &resource.kind))
        });
        if !resources.is_empty() {
            self.add_metadata(&id, &mut resources).await?;
        }
        add(build, &resources);
        Ok(())
    }

    /// Reads the stream of events until all resources have their metadata, or it ends.
    async fn add_metadata(&self, id: &str, resources: &mut [Resource]) -> Result<(), Error> {
        let url = self.rest.url(&below(&["builds", id, "events"]), &[])?;
        let token = self.access_token(None).await?;
        let request = bearing(&Request::get(url), &token).header("Accept", "text/event-stream");
        let reading = async {
            let mut stream = self.rest.client().open_stream(request).await?;
            if stream.status() != 200 {
                return Ok(());
            }
            let mut missing = resources.len();
            for _ in 0..LINES_MAX {
                let Some(line) = stream.line().await? else {
                    break;
                };
                if line == "event: end" || line == "event:end" {
                    break;
                }
                let Some(data) = line.strip_prefix("data:") else {
                    continue;
                };
                let Some((origin, metadata)) = read(data) else {
                    continue;
                };
                let known = resources.iter_mut().find(|resource| resource.id == origin);
                if let Some(resource) = known
                    && resource.metadata.replace(metadata).is_none()
                {
                    missing -= 1;
                    if missing == 0 {
                        break;
                    }
                }
            }
            Ok(())
        };
        match tokio::time::timeout(STREAM, reading).await {
            // What came in time is what is known.
            Ok(Ok(())) | Err(_) => Ok(()),
            Ok(Err(error)) => Err(Error::call(&error, false)),
        }
    }
}

/// The resources of a plan: every `get` and `put` with an id, however deep it lies.
pub(super) fn collect(plan: &Value, depth: usize, found: &mut Vec<Resource>) {
    if depth > DEPTH_MAX || found.len() >= RESOURCES_MAX {
        return;
    }
    match plan {
        Value::Object(fields) => {
            if let Some(id) = fields.get("id").and_then(text) {
                for key in ["get", "put"] {
                    if let Some(step) = fields.get(key).filter(|step| step.is_object()) {
                        let part = |name: &str| text(&step[name]).unwrap_or_default().to_owned();
                        found.push(Resource {
                            id: id.to_owned(),
                            name: part("name"),
                            kind: part("type"),
                            metadata: None,
                        });
                        return;
                    }
                }
            }
            for value in fields.values() {
                collect(value, depth + 1, found);
            }
        }
        Value::Array(list) => {
            for value in list {
                collect(value, depth + 1, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The origin and the metadata of an event that has both.
fn read(data: &str) -> Option<(String, BTreeMap<String, String>)> {
    let event: Event = serde_json::from_str(data.trim_start()).ok()?;
    let data = event.data?;
    let entries = data.metadata?.into_iter();
    let metadata = entries.map(|entry| (entry.name, entry.value.unwrap_or_default()));
    Some((data.origin?.id?, metadata.collect()))
}

/// Igor's `getGenericBuild`: metadata by the resource's name, those of one `git` resource as the revision.
pub(super) fn add(build: &mut Build, resources: &[Resource]) {
    let mut merged: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for resource in resources {
        let metadata = resource.metadata.clone().unwrap_or_default();
        merged.entry(&resource.name).or_default().extend(metadata);
    }
    let git = resources.iter().find(|resource| resource.kind == "git");
    if let Some(git) = git.and_then(|git| merged.remove(git.name.as_str()))
        && let Some(sha) = git.get("commit")
    {
        let value = |key: &str| git.get(key).filter(|value| !value.is_empty()).cloned();
        let short: String = sha.chars().take(7).collect();
        let branch = value("branch").unwrap_or(short);
        build.revisions = vec![Revision {
            name: Some(branch.clone()),
            branch: Some(branch),
            sha1: Some(sha.clone()),
            committer: value("committer"),
            message: value("message").map(|message| message.trim().to_owned()),
            timestamp: value("committer_date"),
            ..Revision::default()
        }];
    }
    for (name, metadata) in merged {
        let metadata: Map = metadata
            .into_iter()
            .map(|(key, value)| (key, value.into()))
            .collect();
        build.properties.insert(name.to_owned(), metadata.into());
    }
    let urls = resources
        .iter()
        .filter_map(|resource| resource.metadata.as_ref()?.get("url"));
    build.artifacts = urls.map(|url| Artifact::named(&s3(url))).collect();
}

/// `https://s3-eu-west-1.amazonaws.com/bucket/key` as `s3://bucket/key`.
fn s3(url: &str) -> String {
    let rest = url.strip_prefix("https://s3-");
    match rest.and_then(|rest| rest.split_once('/')) {
        Some((_, path)) => format!("s3://{path}"),
        None => url.to_owned(),
    }
}

/// As Java's `matches`: the whole text.
fn matches_whole(pattern: &regex::Regex, text: &str) -> bool {
    let mut found = pattern.find_iter(text);
    found.any(|found| found.start() == 0 && found.end() == text.len())
}
