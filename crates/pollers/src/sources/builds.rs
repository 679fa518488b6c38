//! Builds of servers of continuous integration (igor: `JenkinsBuildMonitor`, `TravisBuildMonitor`, `GitlabCiBuildMonitor`,
//! `ConcourseBuildMonitor`).
//!
//! Of each job the time up to which all builds are over is kept, and the builds after that one by one: while one of them runs, that
//! time stays. Unlike Igor, nothing is told of builds that were there at the first look, nor of old builds of a job that appears
//! later, which may have been renamed or become visible.

use futures_util::{StreamExt as _, stream};
use gennaker_builds::{Build, Master, Project};
use gennaker_model::Map;
use serde_json::json;

use crate::source::{BoxFuture, Id, Item, Look, Source, Trouble, Wanted};

/// Jobs whose builds are asked for at once.
const AT_ONCE: usize = 4;

/// The builds of one server.
pub struct Builds {
    id: Id,
    master: Master,
    look_back_ms: i64,
}

/// What one job has.
struct Job {
    items: Vec<Item>,
    mark: Option<u64>,
}

impl Builds {
    /// The builds of a server. Of a job that appears later, those that began within `look_back_ms` milliseconds are new.
    #[must_use]
    pub fn new(master: Master, look_back_ms: i64) -> Self {
        Self {
            id: Id {
                kind: gennaker_intake::matching::BUILD,
                name: master.name.clone(),
            },
            master,
            look_back_ms,
        }
    }

    async fn job(&self, project: &Project, wanted: &Wanted<'_>) -> Result<Option<Job>, String> {
        let Some(last) = &project.last_build else {
            return Ok(None);
        };
        let last_ms = last.timestamp_ms.unwrap_or(0);
        let known = wanted.known.mark(&project.name);
        let is_first = wanted.since_ms.is_none();
        if !last.building && (is_first || known == Some(to_mark(last_ms))) {
            let mark = Some(to_mark(last_ms));
            return Ok(Some(Job {
                items: Vec::new(),
                mark,
            }));
        }
        let after_ms = match (known, wanted.since_ms) {
            (Some(mark), _) => Some(i64::try_from(mark).unwrap_or(i64::MAX)),
            (None, None) => None,
            (None, Some(since_ms)) => Some(since_ms.max(wanted.now_ms - self.look_back_ms)),
        };
        let server = &self.master.server;
        let builds = server.builds_since(&project.name, after_ms).await;
        let builds = builds.map_err(|error| error.to_string())?;
        let began = |is_wanted: fn(&&Build) -> bool| {
            builds
                .iter()
                .filter(is_wanted)
                .filter_map(|build| build.timestamp_ms)
        };
        // What runs must stay in sight until it is over.
        let mark_ms = match began(|build| build.building).min() {
            Some(running_ms) => running_ms - 1,
            None => began(|_| true).max().unwrap_or(last_ms),
        };
        let over = builds.iter().filter(|build| !build.building);
        Ok(Some(Job {
            items: over
                .map(|build| item(&self.master, project, build))
                .collect(),
            mark: Some(to_mark(mark_ms)).max(known),
        }))
    }
}

impl Source for Builds {
    fn id(&self) -> &Id {
        &self.id
    }

    fn origin(&self) -> String {
        self.master.kind.word().to_owned()
    }

    fn item_upper_threshold(&self) -> Option<u32> {
        self.master.item_upper_threshold
    }

    fn forget_after_days(&self) -> u32 {
        28
    }

    fn look<'a>(&'a self, wanted: Wanted<'a>) -> BoxFuture<'a, Result<Look, Trouble>> {
        Box::pin(async move {
            let projects = self.master.server.projects().await;
            let projects = projects.map_err(|error| Trouble(error.to_string()))?;
            let asked: Vec<BoxFuture<'_, Result<Option<Job>, String>>> = projects
                .iter()
                .map(|project| Box::pin(self.job(project, &wanted)) as BoxFuture<'_, _>)
                .collect();
            let mut jobs = stream::iter(asked).buffered(AT_ONCE);
            let mut look = Look::default();
            for project in &projects {
                let Some(job) = jobs.next().await else {
                    break;
                };
                match job {
                    Ok(Some(job)) => {
                        let mark = job.mark.map(|mark| (project.name.clone(), mark));
                        look.marks.extend(mark);
                        look.items.extend(job.items);
                    }
                    Ok(None) => {}
                    Err(why) => look.failed.push((project.name.clone(), why)),
                }
            }
            look.items.sort_by_key(|item| item.at_ms);
            Ok(look)
        })
    }
}

/// Source: igor `JenkinsBuildMonitor.postEvent`. What Echo asks Igor for when a trigger fits is asked for then.
fn item(master: &Master, project: &Project, build: &Build) -> Item {
    let job = &project.name;
    let mut last = build.to_map();
    // The list says no more than this of a build (igor `GenericProject`).
    last.retain(|key, _| {
        matches!(
            key.as_str(),
            "building"
                | "number"
                | "result"
                | "timestamp"
                | "url"
                | "duration"
                | "id"
                | "fullDisplayName"
        )
    });
    let mut content = Map::new();
    content.insert(
        "project".to_owned(),
        json!({"name": job, "lastBuild": last}),
    );
    content.insert("master".to_owned(), master.name.clone().into());
    content.insert("type".to_owned(), master.kind.trigger().into());
    let duration = build.duration.and_then(|ms| i64::try_from(ms).ok());
    Item {
        key: format!("{job}#{}", build.number),
        at_ms: build
            .timestamp_ms
            .map(|began| began + duration.unwrap_or(0)),
        content,
        ..Item::default()
    }
}

/// A mark of 0 is none.
fn to_mark(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0).max(1)
}
