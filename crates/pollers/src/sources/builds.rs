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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use gennaker_builds::{
        BuildResult, BuildServer, Error, Kind, Queued, Start, Started, server::Answer,
    };

    use super::*;
    use crate::{
        difference::{difference, first_sight},
        known::Known,
    };

    const HOUR: i64 = 3_600_000;
    const NOW: i64 = 1_787_220_672_345;

    /// A server with jobs and builds; what pollers do not ask is not there.
    #[derive(Default)]
    struct Ci(Mutex<Vec<(String, Build)>>);

    impl Ci {
        fn build(&self, job: &str, number: u64, began_ms: i64, result: Option<BuildResult>) {
            let build = Build {
                number,
                timestamp_ms: Some(began_ms),
                duration: Some(1_000),
                building: result.is_none(),
                result,
                ..Build::default()
            };
            let mut builds = self.0.lock().unwrap();
            builds.retain(|(of, it)| of != job || it.number != number);
            builds.push((job.to_owned(), build));
            builds.sort_by_key(|(_, it)| it.number);
        }
    }

    fn nothing<T>() -> Answer<'static, T> {
        Box::pin(async { Err(Error::NotSupported("nobody asks that".to_owned())) })
    }

    impl BuildServer for Ci {
        fn start<'a>(&'a self, _: &'a Start) -> Answer<'a, Started> {
            nothing()
        }
        fn find<'a>(&'a self, _: &'a Start) -> Answer<'a, Option<Started>> {
            nothing()
        }
        fn queued<'a>(&'a self, _: &'a str, _: &'a str) -> Answer<'a, Queued> {
            nothing()
        }
        fn build<'a>(&'a self, _: &'a str, _: u64) -> Answer<'a, Build> {
            nothing()
        }
        fn properties<'a>(&'a self, _: &'a str, _: u64, _: &'a str) -> Answer<'a, Map> {
            nothing()
        }
        fn jobs(&self) -> Answer<'_, Vec<String>> {
            nothing()
        }
        fn job<'a>(&'a self, _: &'a str) -> Answer<'a, Map> {
            nothing()
        }
        fn builds<'a>(&'a self, job: &'a str) -> Answer<'a, Vec<Build>> {
            Box::pin(async move {
                let all = self.0.lock().unwrap();
                let of_job = all.iter().rev().filter(|(of, _)| of == job);
                Ok(of_job.map(|(_, build)| build.clone()).collect())
            })
        }
        fn projects(&self) -> Answer<'_, Vec<Project>> {
            Box::pin(async move {
                let mut projects: Vec<Project> = Vec::new();
                for (job, build) in self.0.lock().unwrap().iter() {
                    projects.retain(|project| project.name != *job);
                    projects.push(Project {
                        name: job.clone(),
                        last_build: Some(build.clone()),
                    });
                }
                Ok(projects)
            })
        }
    }

    struct Watched {
        ci: Arc<Ci>,
        source: Builds,
        known: Known,
        is_first: bool,
    }

    impl Watched {
        fn new() -> Self {
            let ci = Arc::new(Ci::default());
            let master = Master {
                name: "ci".to_owned(),
                kind: Kind::Jenkins,
                zone: None,
                permissions: std::collections::BTreeMap::new(),
                item_upper_threshold: None,
                server: Arc::clone(&ci) as Arc<dyn BuildServer>,
            };
            Self {
                ci,
                source: Builds::new(master, 24 * HOUR),
                known: Known::default(),
                is_first: true,
            }
        }

        /// The keys of what is new.
        async fn look(&mut self) -> Vec<String> {
            let wanted = Wanted {
                known: &self.known,
                only: None,
                since_ms: (!self.is_first).then_some(NOW),
                now_ms: NOW + HOUR,
            };
            let look = self.source.look(wanted).await.unwrap();
            if std::mem::take(&mut self.is_first) {
                self.known.apply(first_sight(&look, 1));
                return Vec::new();
            }
            let found = difference(&self.known, &look, false, 1);
            let keys = found.new.iter().map(|news| news.item.key.clone()).collect();
            let entry = |value| crate::known::Entry { value, day: 1 };
            let stored: Vec<_> = found
                .new
                .iter()
                .map(|it| (it.hash, entry(it.value)))
                .collect();
            self.known.apply(stored.into_iter().chain(found.quiet));
            keys
        }
    }

    /// `events.md` 14.17, where we differ from Igor's Jenkins poller.
    #[tokio::test]
    async fn builds_of_the_first_look_are_not_new_and_what_ran_then_is_when_it_is_over() {
        let mut watched = Watched::new();
        let ci = Arc::clone(&watched.ci);
        ci.build("old", 1, NOW - 5 * HOUR, Some(BuildResult::Success));
        ci.build("busy", 7, NOW - 3 * HOUR, Some(BuildResult::Success));
        ci.build("busy", 8, NOW - HOUR, None);
        assert_eq!(watched.look().await, [""; 0]);
        assert_eq!(watched.look().await, [""; 0]);
        ci.build("busy", 8, NOW - HOUR, Some(BuildResult::Failure));
        ci.build("old", 2, NOW + 1, Some(BuildResult::Success));
        assert_eq!(watched.look().await, ["busy#8", "old#2"]);
        assert_eq!(watched.look().await, [""; 0]);
    }

    #[tokio::test]
    async fn a_long_build_holds_up_no_other_and_is_not_lost() {
        let mut watched = Watched::new();
        let ci = Arc::clone(&watched.ci);
        ci.build("job", 1, NOW - HOUR, Some(BuildResult::Success));
        watched.look().await;
        ci.build("job", 2, NOW + 1, None);
        ci.build("job", 3, NOW + 2, Some(BuildResult::Success));
        assert_eq!(watched.look().await, ["job#3"]);
        ci.build("job", 4, NOW + 3, Some(BuildResult::Success));
        assert_eq!(watched.look().await, ["job#4"]);
        ci.build("job", 2, NOW + 1, Some(BuildResult::Success));
        assert_eq!(watched.look().await, ["job#2"]);
        assert_eq!(watched.look().await, [""; 0]);
        assert_eq!(watched.known.mark("job"), Some(NOW.unsigned_abs() + 3));
    }

    #[tokio::test]
    async fn a_job_that_appears_later_has_no_old_news() {
        let mut watched = Watched::new();
        let ci = Arc::clone(&watched.ci);
        watched.look().await;
        ci.build("renamed", 1, NOW - 100 * HOUR, Some(BuildResult::Success));
        ci.build("renamed", 2, NOW + 1, Some(BuildResult::Success));
        ci.build("shown", 9, NOW - HOUR, Some(BuildResult::Success));
        assert_eq!(watched.look().await, ["renamed#2"]);
        ci.build("shown", 10, NOW + 2, Some(BuildResult::Success));
        assert_eq!(watched.look().await, ["shown#10"]);
    }

    #[tokio::test]
    async fn an_event_says_what_igors_says() {
        let watched = Watched::new();
        let project = Project {
            name: "team/job/deploy".to_owned(),
            last_build: None,
        };
        let build = Build {
            number: 12,
            result: Some(BuildResult::Success),
            timestamp_ms: Some(NOW),
            duration: Some(1_000),
            name: Some("team/job/deploy".to_owned()),
            ..Build::default()
        };
        let item = item(&watched.source.master, &project, &build);
        assert_eq!(item.key, "team/job/deploy#12");
        assert_eq!(item.at_ms, Some(NOW + 1_000));
        assert_eq!(
            serde_json::Value::from(item.content),
            json!({"master": "ci", "type": "jenkins", "project": {"name": "team/job/deploy", "lastBuild": {
                "building": false, "number": 12, "duration": 1_000, "timestamp": NOW.to_string(), "result": "SUCCESS"}}})
        );
    }
}
