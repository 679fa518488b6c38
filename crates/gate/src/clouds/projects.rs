//! `GET /projects/{id}/clusters`: what runs of a project, for its dashboard. Source: clouddriver `ProjectController`,
//! `ProjectClustersService`.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use gennaker_manifests::views;
use gennaker_model::reads::Ask;
use serde_json::{Map, Value, json};

use super::ask::All;
use crate::{Gate, answer::Answer, problem::Problem};

/// Most applications of a project that are looked at.
const APPLICATIONS_MAX: usize = 200;

/// Applications that are asked for at the same time.
const AT_ONCE: usize = 8;

/// The counts of instances, in Clouddriver's order.
const COUNTS: [&str; 6] = ["total", "up", "down", "unknown", "outOfService", "starting"];

/// The clusters that a project's document names, with what is there.
pub(crate) async fn clusters(gate: &Gate, project: &Map<String, Value>) -> Result<Answer, Problem> {
    let wanted = Wanted::all(project);
    let mut applications: Vec<String> = Vec::new();
    for name in wanted.iter().flat_map(|it| &it.applications) {
        if !applications.contains(name) && applications.len() < APPLICATIONS_MAX {
            applications.push(name.clone());
        }
    }
    let mut questions: Vec<BoxFuture<'_, (&String, Result<All, Problem>)>> = Vec::new();
    for application in &applications {
        let ask = Ask::Application {
            application: application.clone(),
        };
        questions.push(async move { (application, gate.all(&ask).await) }.boxed());
    }
    let answers: Vec<_> = stream::iter(questions).buffered(AT_ONCE).collect().await;
    let mut groups = BTreeMap::new();
    let mut told = All::default();
    for (application, all) in answers {
        let all = all?;
        let found = views::server_groups(&all.inventories, application, false);
        let found = match found {
            Value::Array(found) => found,
            _ => Vec::new(),
        };
        groups.insert(application.clone(), found);
        told.adds(all);
    }
    let shown: Vec<Value> = wanted.iter().map(|it| it.shown(&groups)).collect();
    Ok(told.told(Answer::json(Value::Array(shown))))
}

/// One entry of a project's `clusters`.
#[derive(Debug)]
struct Wanted {
    account: Value,
    stack: Value,
    detail: Value,
    applications: Vec<String>,
}

impl Wanted {
    fn all(project: &Map<String, Value>) -> Vec<Self> {
        let config = project.get("config");
        let texts = |value: Option<&Value>| -> Option<Vec<String>> {
            let list = value?.as_array()?.iter().filter_map(Value::as_str);
            Some(list.map(str::to_owned).collect())
        };
        let of_project = texts(config.and_then(|it| it.get("applications"))).unwrap_or_default();
        let entries = config.and_then(|it| it.get("clusters")?.as_array());
        let one = |entry: &Value| {
            let own = texts(entry.get("applications")).filter(|list| !list.is_empty());
            Self {
                account: entry["account"].clone(),
                stack: entry["stack"].clone(),
                detail: entry["detail"].clone(),
                applications: own.unwrap_or_else(|| of_project.clone()),
            }
        };
        entries.into_iter().flatten().map(one).collect()
    }

    /// Whether a server group is meant: by its account, and by the stack and the detail of its moniker, of which `*` is any.
    fn means(&self, group: &Value) -> bool {
        let fits = |wanted: &Value, found: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            text(wanted) == "*" || text(wanted) == text(found)
        };
        group["account"] == self.account
            && fits(&self.stack, &group["moniker"]["stack"])
            && fits(&self.detail, &group["moniker"]["detail"])
    }

    fn shown(&self, groups: &BTreeMap<String, Vec<Value>>) -> Value {
        let mut total = counts();
        let mut applications = Vec::new();
        for application in &self.applications {
            let own = groups.get(application).into_iter().flatten();
            let running = own.filter(|group| {
                self.means(group)
                    && group["isDisabled"] != true
                    && group["instanceCounts"]["total"].as_i64() > Some(0)
            });
            let mut regions: BTreeMap<String, Region> = BTreeMap::new();
            for group in running {
                let name = group["region"].as_str().unwrap_or_default();
                let region = regions.entry(name.to_owned()).or_default();
                region.add(group);
                add(&mut total, &group["instanceCounts"]);
            }
            let last = regions.values().filter_map(Region::last).max();
            let clusters: Vec<Value> = regions
                .into_iter()
                .map(|(name, region)| region.shown(&name))
                .collect();
            applications
                .push(json!({"application": application, "clusters": clusters, "lastPush": last}));
        }
        json!({
            "account": self.account, "stack": self.stack, "detail": self.detail,
            "applications": applications, "instanceCounts": total,
        })
    }
}

/// What runs in one namespace.
struct Region {
    counts: Value,
    /// Images and when they were deployed last.
    builds: Vec<(Value, Option<i64>)>,
}

impl Default for Region {
    fn default() -> Self {
        Self {
            counts: counts(),
            builds: Vec::new(),
        }
    }
}

impl Region {
    fn add(&mut self, group: &Value) {
        add(&mut self.counts, &group["instanceCounts"]);
        let images = &group["buildInfo"]["images"];
        let deployed = group["createdTime"].as_i64();
        match self.builds.iter_mut().find(|(known, _)| known == images) {
            Some((_, last)) => *last = (*last).max(deployed),
            None => self.builds.push((images.clone(), deployed)),
        }
    }

    fn last(&self) -> Option<i64> {
        self.builds
            .iter()
            .filter_map(|(_, deployed)| *deployed)
            .max()
    }

    fn shown(&self, name: &str) -> Value {
        let build = |(images, deployed): &(Value, Option<i64>)| {
            // Which build made an image, a cluster does not know.
            json!({"host": null, "job": null, "buildNumber": "0", "deployed": deployed, "images": images})
        };
        let builds: Vec<Value> = self.builds.iter().map(build).collect();
        json!({"region": name, "builds": builds, "instanceCounts": self.counts, "lastPush": self.last()})
    }
}

fn counts() -> Value {
    let none = COUNTS.iter().map(|name| ((*name).to_owned(), json!(0)));
    Value::Object(none.collect())
}

fn add(total: &mut Value, more: &Value) {
    for name in COUNTS {
        let sum = total[name].as_i64().unwrap_or(0) + more[name].as_i64().unwrap_or(0);
        total[name] = json!(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(account: &str, region: &str, moniker: &Value, more: &Value) -> Value {
        let mut group = json!({"account": account, "region": region, "moniker": moniker, "isDisabled": false,
            "instanceCounts": {"total": 2, "up": 1, "down": 1, "unknown": 0, "outOfService": 0, "starting": 0},
            "buildInfo": {"images": ["web:1"]}, "createdTime": 10});
        let more = more.as_object().unwrap().clone();
        group.as_object_mut().unwrap().extend(more);
        group
    }

    #[test]
    fn what_runs_is_added_up_by_namespace() {
        let project = json!({"config": {"applications": ["shop", "pay"], "clusters": [
            {"account": "prod", "stack": "*", "detail": "*"},
            {"account": "prod", "stack": "blue", "detail": null, "applications": ["shop"]},
        ]}});
        let blue = json!({"app": "shop", "stack": "blue"});
        let none = json!({"app": "shop"});
        let groups = BTreeMap::from([(
            "shop".to_owned(),
            vec![
                group("prod", "eu", &blue, &json!({})),
                group("prod", "eu", &none, &json!({"createdTime": 20})),
                group(
                    "prod",
                    "us",
                    &none,
                    &json!({"buildInfo": {"images": ["web:2"]}}),
                ),
                group("prod", "eu", &none, &json!({"isDisabled": true})),
                group(
                    "prod",
                    "eu",
                    &none,
                    &json!({"instanceCounts": {"total": 0}}),
                ),
                group("test", "eu", &blue, &json!({})),
            ],
        )]);
        let wanted = Wanted::all(project.as_object().unwrap());
        let [all, blue] = wanted.as_slice() else {
            panic!("{wanted:?}")
        };
        let shown = all.shown(&groups);
        assert_eq!(shown["instanceCounts"]["total"], 6);
        let applications = shown["applications"].as_array().unwrap();
        assert_eq!(applications.len(), 2);
        assert_eq!(
            applications[0],
            json!({"application": "shop", "lastPush": 20, "clusters": [
                {"region": "eu", "lastPush": 20,
                 "instanceCounts": {"total": 4, "up": 2, "down": 2, "unknown": 0, "outOfService": 0, "starting": 0},
                 "builds": [{"host": null, "job": null, "buildNumber": "0", "deployed": 20, "images": ["web:1"]}]},
                {"region": "us", "lastPush": 10,
                 "instanceCounts": {"total": 2, "up": 1, "down": 1, "unknown": 0, "outOfService": 0, "starting": 0},
                 "builds": [{"host": null, "job": null, "buildNumber": "0", "deployed": 10, "images": ["web:2"]}]},
            ]})
        );
        assert_eq!(
            applications[1],
            json!({"application": "pay", "clusters": [], "lastPush": null})
        );
        let shown = blue.shown(&groups);
        assert_eq!(
            (&shown["stack"], &shown["detail"]),
            (&json!("blue"), &Value::Null)
        );
        assert_eq!(shown["instanceCounts"]["total"], 2);
        assert_eq!(shown["applications"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn sloppy_documents_have_no_clusters() {
        for project in [
            json!({}),
            json!({"config": 7}),
            json!({"config": {"clusters": {}, "applications": "x"}}),
        ] {
            assert!(Wanted::all(project.as_object().unwrap()).is_empty());
        }
        let entry = json!({"config": {"clusters": [1, null]}});
        let wanted = Wanted::all(entry.as_object().unwrap());
        assert_eq!(wanted[1].shown(&BTreeMap::new())["applications"], json!([]));
    }
}
