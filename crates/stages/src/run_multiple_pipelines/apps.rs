//! The list of a stage: which pipelines are started with which arguments, and after which others. Source: orca `UtilityHelper`,
//! `ParsePipelinesYamlTask`.

use std::collections::BTreeSet;

use gennaker_expressions::{Limits, read_yaml};
use gennaker_model::Map;
use serde_json::{Value, json};

/// Most pipelines that one stage starts.
pub(super) const APPS_MAX: usize = 100;

/// Longest name of an entry, in bytes: it is part of the identity of a child.
const NAME_BYTES_MAX: usize = 256;

/// The key beside the entries that says something about all of them. It is read and has no effect, as in Orca.
const ROLLBACK: &str = "rollback_onfailure";

/// One pipeline to be started.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct App {
    /// Its key in the list.
    pub name: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Its parameters.
    pub arguments: Map,
    depends_on: Vec<String>,
}

/// The entries of `yamlConfig`: a list whose first item has the key `bundle_web`, as the web interface writes it; or that item; or
/// either as text.
///
/// # Errors
/// A sentence for people.
pub(super) fn read(written: Option<&Value>) -> Result<Vec<App>, String> {
    let parsed;
    let mut config = written.ok_or("the stage has no yamlConfig")?;
    if let Value::Array(list) = config {
        config = list.first().ok_or("yamlConfig is empty")?;
    }
    if let Value::String(text) = config {
        let limits = Limits::default();
        parsed = read_yaml(text, &limits).map_err(|it| format!("yamlConfig is no YAML: {it}"))?;
        config = &parsed;
    }
    let bundle = config.get("bundle_web").and_then(Value::as_object);
    let bundle = bundle.ok_or("yamlConfig has no bundle_web with an entry for each pipeline")?;
    let apps: Vec<App> = bundle
        .iter()
        .filter(|(name, _)| *name != ROLLBACK)
        .map(|(name, app)| one(name, app))
        .collect::<Result<_, _>>()?;
    if apps.len() > APPS_MAX {
        let count = apps.len();
        return Err(format!(
            "yamlConfig lists {count} pipelines; the limit is {APPS_MAX}"
        ));
    }
    Ok(apps)
}

/// Whether two entries start the same pipeline with the same arguments.
pub(super) fn has_duplicates(apps: &[App]) -> bool {
    apps.iter().enumerate().any(|(place, app)| {
        let before = &apps[..place];
        before
            .iter()
            .any(|it| (&it.pipeline, &it.arguments) == (&app.pipeline, &app.arguments))
    })
}

/// The entries by levels: each is one behind the last of those that it depends on.
///
/// # Errors
/// A sentence for people, when one depends on what is not there, or some on each other. Orca fails on the first without saying why,
/// and never starts the second.
pub(super) fn levels(apps: &[App]) -> Result<Vec<Vec<&App>>, String> {
    let names: BTreeSet<&str> = apps.iter().map(|app| app.name.as_str()).collect();
    let missing = apps.iter().find_map(|app| {
        let missing = app
            .depends_on
            .iter()
            .find(|it| !names.contains(it.as_str()));
        missing.map(|missing| (app, missing))
    });
    if let Some((app, missing)) = missing {
        return Err(format!(
            "{} depends on {missing}, which is not in the list",
            app.name
        ));
    }
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut levels = Vec::new();
    loop {
        let is_next = |app: &&App| {
            let waits = app.depends_on.iter().any(|it| !done.contains(it.as_str()));
            !waits && !done.contains(app.name.as_str())
        };
        let level: Vec<&App> = apps.iter().filter(is_next).collect();
        if level.is_empty() {
            break;
        }
        done.extend(level.iter().map(|app| app.name.as_str()));
        levels.push(level);
    }
    let left: Vec<&str> = names.difference(&done).copied().collect();
    match left.is_empty() {
        true => Ok(levels),
        false => Err(format!("these depend on each other: {}", left.join(", "))),
    }
}

impl App {
    /// As Orca writes it into the context.
    pub fn to_value(&self) -> Value {
        json!({
            "arguments": self.arguments,
            "child_pipeline": self.pipeline,
            "depends_on": self.depends_on,
            "yamlIdentifier": self.name,
        })
    }

    /// What [`Self::to_value`] has written.
    pub fn from_value(written: &Value) -> Option<Self> {
        one(written.get("yamlIdentifier")?.as_str()?, written).ok()
    }
}

fn one(name: &str, written: &Value) -> Result<App, String> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(format!(
            "the name of an entry must have 1 to {NAME_BYTES_MAX} bytes"
        ));
    }
    let fields = written.as_object();
    let fields = fields.ok_or_else(|| format!("{name} must be an object"))?;
    let pipeline = fields.get("child_pipeline").and_then(Value::as_str);
    let pipeline = pipeline.filter(|it| !it.trim().is_empty());
    let pipeline = pipeline.ok_or_else(|| format!("{name} names no child_pipeline"))?;
    let arguments = match fields.get("arguments") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments.clone(),
        Some(_) => return Err(format!("arguments of {name} must be an object")),
    };
    let text = |it: &Value| it.as_str().map(str::to_owned);
    let depends_on: Option<Vec<String>> = match fields.get("depends_on") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(text).collect(),
        Some(single) => text(single).map(|it| vec![it]),
    };
    Ok(App {
        name: name.to_owned(),
        pipeline: pipeline.to_owned(),
        arguments,
        depends_on: depends_on
            .ok_or_else(|| format!("depends_on of {name} must be a list of names"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(apps: &[App]) -> Vec<Vec<&str>> {
        let levels = levels(apps).unwrap();
        levels
            .into_iter()
            .map(|level| level.into_iter().map(|app| app.name.as_str()).collect())
            .collect()
    }

    fn list(entries: &[(&str, &[&str])]) -> Vec<App> {
        let entries = entries.iter().map(|(name, depends_on)| {
            let app = json!({"child_pipeline": "p", "arguments": {"app": name}, "depends_on": depends_on});
            ((*name).to_owned(), app)
        });
        let bundle: Map = entries.collect();
        read(Some(&json!([{"bundle_web": bundle}]))).unwrap()
    }

    #[test]
    fn an_entry_comes_behind_the_last_that_it_depends_on() {
        let apps = list(&[
            ("c", &["b", "a"]),
            ("a", &[]),
            ("b", &["a"]),
            ("d", &[]),
            ("e", &["d"]),
        ]);
        assert_eq!(names(&apps), [vec!["a", "d"], vec!["b", "e"], vec!["c"]]);
        assert!(names(&[]).is_empty());
    }

    #[test]
    fn what_can_never_start_is_an_error() {
        let error = |entries: &[(&str, &[&str])]| levels(&list(entries)).unwrap_err();
        assert_eq!(
            error(&[("a", &["x"])]),
            "a depends on x, which is not in the list"
        );
        let circle: &[(&str, &[&str])] = &[("a", &["b"]), ("b", &["a"]), ("c", &[])];
        assert_eq!(error(circle), "these depend on each other: a, b");
        assert_eq!(error(&[("a", &["a"])]), "these depend on each other: a");
    }

    #[test]
    fn the_list_is_read_as_an_object_a_list_or_text() {
        let object =
            json!({"bundle_web": {"a": {"child_pipeline": "p"}, "rollback_onfailure": true}});
        let text = "bundle_web:\n  a:\n    child_pipeline: p\n  rollback_onfailure: true\n";
        let expected = App {
            name: "a".to_owned(),
            pipeline: "p".to_owned(),
            arguments: Map::new(),
            depends_on: Vec::new(),
        };
        for written in [object.clone(), json!([object]), json!(text), json!([text])] {
            let found = read(Some(&written)).unwrap();
            assert_eq!(found, std::slice::from_ref(&expected), "{written}");
        }
        assert_eq!(App::from_value(&expected.to_value()), Some(expected));
    }

    #[test]
    fn each_mistake_has_its_sentence() {
        let bundle = |entries: Value| json!([{"bundle_web": entries}]);
        let many: Map = (0..=APPS_MAX)
            .map(|number| (format!("a{number}"), json!({"child_pipeline": "p"})))
            .collect();
        for (written, sentence) in [
            (json!([]), "yamlConfig is empty"),
            (
                json!([{"apps": {}}]),
                "yamlConfig has no bundle_web with an entry for each pipeline",
            ),
            (bundle(json!({"a": 1})), "a must be an object"),
            (bundle(json!({"a": {}})), "a names no child_pipeline"),
            (
                bundle(json!({"a": {"child_pipeline": "p", "arguments": []}})),
                "arguments of a must be an object",
            ),
            (
                bundle(json!({"a": {"child_pipeline": "p", "depends_on": [1]}})),
                "depends_on of a must be a list of names",
            ),
            (
                bundle(many.into()),
                "yamlConfig lists 101 pipelines; the limit is 100",
            ),
        ] {
            assert_eq!(read(Some(&written)).unwrap_err(), sentence);
        }
        assert!(read(None).is_err());
        assert!(
            read(Some(&json!("a: [b")))
                .unwrap_err()
                .starts_with("yamlConfig is no YAML")
        );
    }

    #[test]
    fn the_same_pipeline_with_the_same_arguments_is_a_duplicate() {
        let apps = list(&[("a", &[]), ("b", &[])]);
        assert!(!has_duplicates(&apps));
        let twice = json!([{"bundle_web": {
            "a": {"child_pipeline": "p", "arguments": {"x": 1}}, "b": {"child_pipeline": "p", "arguments": {"x": 1}, "depends_on": ["a"]}}}]);
        assert!(has_duplicates(&read(Some(&twice)).unwrap()));
    }
}
