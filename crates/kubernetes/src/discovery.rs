//! Which kinds a cluster serves, and where.
//!
//! Read once per cluster, in two requests where the server can (since 1.26), and read again when a kind is not found in it,
//! when custom resource definitions change, and every ten minutes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gennaker_manifests::Kind;
use http::Method;
use serde_json::Value;
use tokio::sync::{Mutex, RwLock};
use tokio::time::Instant;

use crate::error::{Class, Error};
use crate::transport::{Call, Transport, segment};

/// How old what is known may become.
const AGE_MAX: Duration = Duration::from_secs(600);
/// Between two readings because of unknown kinds.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Most groups that are asked one by one.
const GROUPS_MAX: usize = 500;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                          application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// A kind as a cluster serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// `apps`; empty for the core.
    pub group: String,
    /// `v1`.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`.
    pub plural: String,
    /// `deployment`.
    pub singular: String,
    /// `deploy`.
    pub short_names: Vec<String>,
    /// Whether its objects lie in namespaces.
    pub namespaced: bool,
    /// `get`, `list`, `watch`, …
    pub verbs: Vec<String>,
    /// `scale`, `status`, `log`, …
    pub subresources: Vec<String>,
}

/// The kinds of a cluster, the version that it prefers of each first.
#[derive(Debug, Default)]
pub struct Resources {
    all: Vec<Resource>,
    /// By kind, plural, singular and short names in lower case.
    by_name: BTreeMap<String, Vec<usize>>,
}

impl Resource {
    /// `apps/v1`, or `v1`.
    pub fn api_version(&self) -> String {
        match self.group.is_empty() {
            true => self.version.clone(),
            false => format!("{}/{}", self.group, self.version),
        }
    }

    /// As Spinnaker writes it.
    pub fn spinnaker_kind(&self) -> Kind {
        Kind::of(&self.kind, &self.api_version())
    }

    /// Whether it can do a verb.
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|it| it == verb)
    }

    /// The address of all its objects, in one namespace or all.
    pub(crate) fn path(&self, namespace: Option<&str>) -> String {
        let mut path = match self.group.is_empty() {
            true => format!("/api/{}", self.version),
            false => format!("/apis/{}/{}", self.group, self.version),
        };
        if let Some(namespace) = namespace.filter(|_| self.namespaced) {
            path.push_str("/namespaces/");
            path.push_str(&segment(namespace));
        }
        path.push('/');
        path.push_str(&self.plural);
        path
    }
}

impl Resources {
    fn new(all: Vec<Resource>) -> Resources {
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, resource) in all.iter().enumerate() {
            let names = [&resource.kind, &resource.plural, &resource.singular];
            for name in names.into_iter().chain(&resource.short_names) {
                let places = by_name.entry(name.to_ascii_lowercase()).or_default();
                if places.last() != Some(&index) {
                    places.push(index);
                }
            }
        }
        Resources { all, by_name }
    }

    /// All kinds, in all versions that are served.
    pub fn all(&self) -> &[Resource] {
        &self.all
    }

    /// A kind in exactly one version, as a manifest says it.
    pub fn exact(&self, api_version: &str, kind: &str) -> Option<&Resource> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.named(kind)
            .find(|it| it.group == group && it.version == version && it.kind == kind)
    }

    /// A kind as Spinnaker writes it, in the version that the cluster prefers. Of groups that come with Kubernetes `extensions`
    /// counts last, as its kinds have moved.
    pub fn preferred(&self, kind: &Kind) -> Option<&Resource> {
        let served = self.named(kind.name()).filter(|it| match kind.group() {
            Some(group) => it.group.eq_ignore_ascii_case(group),
            None => it.spinnaker_kind().is_native_group(),
        });
        served.min_by_key(|it| it.group == "extensions")
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Resource> {
        let places = self.by_name.get(&name.to_ascii_lowercase());
        places.into_iter().flatten().map(|index| &self.all[*index])
    }
}

/// What is known of one cluster.
#[derive(Default)]
pub(crate) struct Discovery {
    known: RwLock<Option<Known>>,
    /// One reading at a time.
    reading: Mutex<()>,
}

struct Known {
    resources: Arc<Resources>,
    since: Instant,
}

impl Discovery {
    /// What is known, read now if that is too old.
    pub(crate) async fn resources(&self, transport: &Transport) -> Result<Arc<Resources>, Error> {
        self.newer_than(transport, AGE_MAX).await
    }

    /// What is known, read now unless that was done a moment ago: something was missing in it.
    pub(crate) async fn again(&self, transport: &Transport) -> Result<Arc<Resources>, Error> {
        self.newer_than(transport, AGAIN_AFTER).await
    }

    /// Custom resources changed.
    pub(crate) async fn forget(&self) {
        *self.known.write().await = None;
    }

    async fn newer_than(
        &self,
        transport: &Transport,
        age: Duration,
    ) -> Result<Arc<Resources>, Error> {
        if let Some(resources) = self.known_since(age).await {
            return Ok(resources);
        }
        let _one = self.reading.lock().await;
        if let Some(resources) = self.known_since(age).await {
            return Ok(resources);
        }
        let resources = Arc::new(Resources::new(read(transport).await?));
        *self.known.write().await = Some(Known {
            resources: Arc::clone(&resources),
            since: Instant::now(),
        });
        Ok(resources)
    }

    async fn known_since(&self, age: Duration) -> Option<Arc<Resources>> {
        let known = self.known.read().await;
        let known = known.as_ref()?;
        (known.since.elapsed() < age).then(|| Arc::clone(&known.resources))
    }
}

async fn read(transport: &Transport) -> Result<Vec<Resource>, Error> {
    let (core, groups) =
        tokio::try_join!(read_root(transport, "/api"), read_root(transport, "/apis"))?;
    Ok(core.into_iter().chain(groups).collect())
}

/// All below `/api` or `/apis`; servers that know no aggregated answer are asked group by group.
async fn read_root(transport: &Transport, root: &str) -> Result<Vec<Resource>, Error> {
    let answer = transport
        .json(Call::new(Method::GET, root.to_owned()).accept(AGGREGATED))
        .await?;
    match answer["kind"].as_str() {
        Some("APIGroupDiscoveryList") => Ok(aggregated(&answer)),
        Some("APIVersions") => {
            let versions = answer["versions"].as_array().into_iter().flatten();
            let versions = versions
                .filter_map(Value::as_str)
                .map(|version| (String::new(), version.to_owned()));
            one_by_one(transport, versions.collect()).await
        }
        Some("APIGroupList") => {
            let groups = answer["groups"].as_array().into_iter().flatten();
            one_by_one(
                transport,
                groups.take(GROUPS_MAX).flat_map(versions_of).collect(),
            )
            .await
        }
        _ => Err(transport.nonsense("it lists no kinds")),
    }
}

fn aggregated(list: &Value) -> Vec<Resource> {
    let mut found = Vec::new();
    for group in list["items"].as_array().into_iter().flatten() {
        let group_name = text(&group["metadata"]["name"]);
        for version in group["versions"].as_array().into_iter().flatten() {
            for resource in version["resources"].as_array().into_iter().flatten() {
                let kind = text(&resource["responseKind"]["kind"]);
                if kind.is_empty() {
                    continue;
                }
                let subresources = resource["subresources"].as_array().into_iter().flatten();
                found.push(Resource {
                    group: group_name.clone(),
                    version: text(&version["version"]),
                    kind,
                    plural: text(&resource["resource"]),
                    singular: text(&resource["singularResource"]),
                    short_names: texts(&resource["shortNames"]),
                    namespaced: resource["scope"] == "Namespaced",
                    verbs: texts(&resource["verbs"]),
                    subresources: subresources.map(|it| text(&it["subresource"])).collect(),
                });
            }
        }
    }
    found
}

/// The versions of a group, the preferred one first.
fn versions_of(group: &Value) -> Vec<(String, String)> {
    let name = text(&group["name"]);
    let preferred = text(&group["preferredVersion"]["version"]);
    let versions = group["versions"].as_array().into_iter().flatten();
    let mut versions: Vec<_> = versions.map(|it| text(&it["version"])).collect();
    versions.sort_by_key(|version| *version != preferred);
    versions
        .into_iter()
        .map(|version| (name.clone(), version))
        .collect()
}

async fn one_by_one(
    transport: &Transport,
    versions: Vec<(String, String)>,
) -> Result<Vec<Resource>, Error> {
    let mut found = Vec::new();
    for (group, version) in versions {
        let path = match group.is_empty() {
            true => format!("/api/{version}"),
            false => format!("/apis/{group}/{version}"),
        };
        match transport.json(Call::get(path)).await {
            Ok(list) => found.extend(listed(&group, &version, &list)),
            // One broken extension server must not hide all other kinds.
            Err(error)
                if matches!(
                    error.class(),
                    Class::Unavailable | Class::NotFound | Class::Forbidden
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn listed(group: &str, version: &str, list: &Value) -> Vec<Resource> {
    let mut found: Vec<Resource> = Vec::new();
    for resource in list["resources"].as_array().into_iter().flatten() {
        let name = text(&resource["name"]);
        if let Some((plural, subresource)) = name.split_once('/') {
            if let Some(parent) = found.iter_mut().find(|it| it.plural == plural) {
                parent.subresources.push(subresource.to_owned());
            }
            continue;
        }
        found.push(Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: text(&resource["kind"]),
            singular: text(&resource["singularName"]),
            short_names: texts(&resource["shortNames"]),
            namespaced: resource["namespaced"] == true,
            verbs: texts(&resource["verbs"]),
            subresources: Vec::new(),
            plural: name,
        });
    }
    found
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

#[cfg(test)]
mod tests;
