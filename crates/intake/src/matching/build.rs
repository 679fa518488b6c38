//! Triggers of the types `jenkins`, `travis`, `concourse` and `gitlab-ci` (events reference 4.4): builds of servers that are polled.
//!
//! Source: echo `BuildEventHandler`, `BuildInfoService`.

use std::collections::BTreeMap;

use gennaker_model::Map;
use serde_json::Value;

use super::{
    Check, Event, constraints::plain_fits, equal, is_polled, pipeline_enabled, text,
    trigger_enabled, triggers_of,
};

/// The kind of such events.
pub const BUILD: &str = "build";

/// The types of triggers that builds fire.
pub const BUILD_TYPES: [&str; 4] = ["jenkins", "travis", "concourse", "gitlab-ci"];

/// Under which name Travis keeps the properties of every build.
const TRAVIS: &str = "travis";

/// What is known of a build besides its event, by the property file that a trigger names (none: empty): asked for before the event is
/// matched. `buildInfo`, `properties` and `artifacts`, or why they cannot be had.
pub type Told = BTreeMap<String, Result<Map, String>>;

/// Which build an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The server.
    pub master: String,
    /// The job.
    pub job: String,
    /// The build's number within the job.
    pub number: u64,
}

/// The build of an event.
#[must_use]
pub fn built(event: &Event) -> Option<Built> {
    if !concerns(event) {
        return None;
    }
    let project = event.payload.get("project")?;
    Some(Built {
        master: text(&event.payload, "master")?.to_owned(),
        job: project.get("name")?.as_str()?.to_owned(),
        number: project.pointer("/lastBuild/number")?.as_u64()?,
    })
}

/// The property files that triggers of a pipeline want of an event that would fire them otherwise; an empty name for a trigger that
/// names none.
#[must_use]
pub fn property_files(event: &Event, config: &Map) -> Vec<String> {
    if !concerns(event) || pipeline_enabled(config).is_err() {
        return Vec::new();
    }
    triggers_of(config)
        .filter(|(_, trigger)| is_build(trigger))
        .filter(|(_, trigger)| trigger_enabled(trigger).is_ok() && fits(event, trigger).is_ok())
        .map(|(_, trigger)| property_file(trigger))
        .collect()
}

pub(super) fn concerns(event: &Event) -> bool {
    is_polled(event, BUILD)
}

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    fits(event, trigger)?;
    if !has_constraints(trigger) {
        return Ok(());
    }
    let file = property_file(trigger);
    if file.is_empty() {
        return Err("the trigger has payloadConstraints and names no propertyFile whose values they are about".to_owned());
    }
    match event.told.get(&file) {
        Some(Ok(told)) => {
            let none = Map::new();
            let properties = told.get("properties").and_then(Value::as_object);
            plain_fits(
                "property",
                properties.unwrap_or(&none),
                trigger,
                "payloadConstraints",
            )
        }
        Some(Err(problem)) => Err(format!(
            "the property file {file:?} of the build cannot be read: {problem}"
        )),
        None => Err(format!(
            "the property file {file:?} of the build is not known"
        )),
    }
}

pub(super) fn complete(event: &Event, fired: &mut Map) {
    let project = event.payload.get("project");
    let last = project.and_then(|project| project.get("lastBuild"));
    if let Some(number) = last.and_then(|last| last.get("number")) {
        fired.insert("buildNumber".to_owned(), number.clone());
    }
    if let Some(url) = last
        .and_then(|last| last.get("url"))
        .filter(|url| url.is_string())
    {
        fired.insert("link".to_owned(), url.clone());
    }
    let Some(told) = told(event, fired) else {
        return;
    };
    for key in ["buildInfo", "properties"] {
        if let Some(value) = told.get(key) {
            fired.insert(key.to_owned(), value.clone());
        }
    }
}

/// Artifacts of the build, as a trigger's property file and the build itself tell of them (11.8 of the reference).
pub(super) fn artifacts(event: &Event, trigger: &Map) -> Vec<Value> {
    let artifacts = told(event, trigger).and_then(|told| told.get("artifacts"));
    let artifacts = artifacts.and_then(Value::as_array);
    artifacts.cloned().unwrap_or_default()
}

fn told<'e>(event: &'e Event, trigger: &Map) -> Option<&'e Map> {
    let told = event.told.get(&property_file(trigger))?;
    told.as_ref().ok()
}

/// Everything but the properties.
fn fits(event: &Event, trigger: &Map) -> Check {
    let last = event
        .payload
        .get("project")
        .and_then(|it| it.get("lastBuild"));
    let project = event.payload.get("project").and_then(Value::as_object);
    equal("master", text(&event.payload, "master"), trigger, "master")?;
    equal(
        "job",
        project.and_then(|it| text(it, "name")),
        trigger,
        "job",
    )?;
    if last.and_then(|last| last.get("building")) == Some(&Value::Bool(true)) {
        return Err("the build is not over".to_owned());
    }
    match last
        .and_then(|last| last.get("result"))
        .and_then(Value::as_str)
    {
        Some("SUCCESS") => Ok(()),
        Some(result) => Err(format!(
            "the build ended as {result}, and only SUCCESS starts a pipeline"
        )),
        None => Err("the build has no result, and only SUCCESS starts a pipeline".to_owned()),
    }
}

fn is_build(trigger: &Map) -> bool {
    text(trigger, "type").is_some_and(|kind| {
        BUILD_TYPES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(kind))
    })
}

fn has_constraints(trigger: &Map) -> bool {
    let constraints = trigger.get("payloadConstraints");
    constraints
        .and_then(Value::as_object)
        .is_some_and(|constraints| !constraints.is_empty())
}

/// Empty when it names none.
fn property_file(trigger: &Map) -> String {
    let named = text(trigger, "propertyFile").filter(|file| !file.trim().is_empty());
    let is_travis = text(trigger, "type").is_some_and(|kind| kind.eq_ignore_ascii_case(TRAVIS));
    let usual = if is_travis { TRAVIS } else { "" };
    named.unwrap_or(usual).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::matching::{Origin, Verdict, consider, testing::event_of};

    const JOB: &str = "team/job/deploy";

    fn event(last: Value) -> Event {
        let mut build =
            json!({"building": false, "number": 12, "result": "SUCCESS", "url": "https://ci/12"});
        let fields = build.as_object_mut().unwrap();
        fields.extend(last.as_object().unwrap().clone());
        let body = json!({"project": {"name": JOB, "lastBuild": build}, "master": "ci"});
        event_of(BUILD, "ci", Origin::Inside, &body)
    }

    fn config(more: Value) -> Map {
        let mut trigger = json!({"type": "jenkins", "enabled": true, "master": "ci", "job": JOB});
        let fields = trigger.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        json!({"id": "p", "triggers": [trigger]})
            .as_object()
            .unwrap()
            .clone()
    }

    fn verdict(event: &Event, more: Value) -> Verdict {
        consider(event, &config(more)).remove(0).1
    }

    fn reason(event: &Event, more: Value) -> String {
        match verdict(event, more) {
            Verdict::Passes(reason) => reason,
            Verdict::Fires(trigger) => panic!("{trigger:?}"),
        }
    }

    #[test]
    fn a_good_build_fires_with_what_is_known_of_it() {
        for kind in BUILD_TYPES {
            let Verdict::Fires(trigger) = verdict(&event(json!({})), json!({"type": kind})) else {
                panic!("{kind}");
            };
            assert_eq!(trigger["buildNumber"], 12);
            assert_eq!(trigger["link"], "https://ci/12");
            assert_eq!(trigger.get("buildInfo"), None, "nobody said");
        }
        let wanted = Built {
            master: "ci".to_owned(),
            job: JOB.to_owned(),
            number: 12,
        };
        assert_eq!(built(&event(json!({}))), Some(wanted));
        let wercker = consider(&event(json!({})), &config(json!({"type": "wercker"})));
        assert!(wercker.is_empty(), "the service is dead");
    }

    #[test]
    fn others_say_why_not() {
        for (last, more, wanted) in [
            (
                json!({"result": "FAILURE"}),
                json!({}),
                "the build ended as FAILURE, and only SUCCESS starts a pipeline",
            ),
            (
                json!({"building": true}),
                json!({}),
                "the build is not over",
            ),
            (
                json!({"result": null}),
                json!({}),
                "the build has no result, and only SUCCESS starts a pipeline",
            ),
            (
                json!({}),
                json!({"master": "other"}),
                "the master is \"ci\", the trigger wants \"other\"",
            ),
            (
                json!({}),
                json!({"job": "deploy"}),
                "the job is \"team/job/deploy\", the trigger wants \"deploy\"",
            ),
            (json!({}), json!({"job": null}), "the trigger names no job"),
            (
                json!({}),
                json!({"payloadConstraints": {"a": "b"}}),
                "the trigger has payloadConstraints and names no propertyFile whose values they are about",
            ),
        ] {
            assert_eq!(reason(&event(last), more), wanted);
        }
    }

    /// `events.md` 14.3: properties are searched, not matched as a whole.
    #[test]
    fn constraints_are_about_the_property_file() {
        let wants =
            json!({"propertyFile": "b.properties", "payloadConstraints": {"BRANCH": "main"}});
        let mut event = event(json!({}));
        assert_eq!(
            property_files(&event, &config(wants.clone())),
            ["b.properties"]
        );
        let other = config(json!({"propertyFile": "b.properties", "job": "x"}));
        assert!(property_files(&event, &other).is_empty());
        assert_eq!(property_files(&event, &config(json!({}))), [""]);
        let travis = config(json!({"type": "travis"}));
        assert_eq!(property_files(&event, &travis), ["travis"]);
        let put = |event: &mut Event, found: Result<Value, &str>| {
            let told = found.map(|properties| {
                let told = json!({"buildInfo": {"number": 12}, "properties": properties, "artifacts": [{"type": "docker/image"}]});
                told.as_object().unwrap().clone()
            });
            let file = "b.properties".to_owned();
            event.told.insert(file, told.map_err(str::to_owned));
        };
        put(&mut event, Err("there is no such file"));
        assert_eq!(
            reason(&event, wants.clone()),
            "the property file \"b.properties\" of the build cannot be read: there is no such file"
        );
        let unread = verdict(&event, json!({"propertyFile": "b.properties"}));
        assert!(
            matches!(unread, Verdict::Fires(_)),
            "without constraints it starts without properties"
        );
        put(&mut event, Ok(json!({"BRANCH": "release"})));
        assert!(reason(&event, wants.clone()).contains("BRANCH"));
        let found = json!({"BRANCH": "the main one"});
        put(&mut event, Ok(found.clone()));
        let Verdict::Fires(trigger) = verdict(&event, wants) else {
            panic!("it fits");
        };
        assert_eq!(trigger["properties"], found);
        assert_eq!(trigger["buildInfo"], json!({"number": 12}));
        assert_eq!(trigger["artifacts"], json!([{"type": "docker/image"}]));
    }
}
