//! How much of a pipeline that was made for Spinnaker this release runs as it was meant.
//!
//! Nothing is refused for it: what is not supported is kept whole, and fails only when it is reached. The importer shows it, so
//! that nobody learns it from a deployment.

use gennaker_model::Map;
use gennaker_stages::CATALOGUE;
use serde_json::Value;

use crate::matching;

/// The verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It runs as in Spinnaker.
    Exact,
    /// It runs, and something in it has another effect or none.
    Adapted,
    /// Something in it does not run.
    Unsupported,
}

/// What was found in a pipeline; sentences without a full stop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assessment {
    /// What has another effect than in Spinnaker, or none.
    pub adapted: Vec<String>,
    /// What does not run.
    pub unsupported: Vec<String>,
}

impl Fit {
    /// The word that is shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Adapted => "adapted",
            Self::Unsupported => "unsupported",
        }
    }
}

impl Assessment {
    /// The verdict in one word.
    #[must_use]
    pub const fn fit(&self) -> Fit {
        match (self.unsupported.is_empty(), self.adapted.is_empty()) {
            (false, _) => Fit::Unsupported,
            (true, false) => Fit::Adapted,
            (true, true) => Fit::Exact,
        }
    }
}

/// Looks at everything in a pipeline that may be more than this release has.
#[must_use]
pub fn pipeline(config: &Map) -> Assessment {
    let mut found = Assessment::default();
    look_at_template(config, &mut found);
    for (place, stage) in objects(config, "stages") {
        look_at_stage(place, stage, &mut found);
    }
    for (place, trigger) in objects(config, "triggers") {
        look_at_trigger(place, trigger, &mut found);
    }
    look_at_notifications("the pipeline", config, &mut found);
    if text(config, "spelEvaluator") == Some("v3") {
        found
            .adapted
            .push("its expressions are evaluated as by version 4, not 3".to_owned());
    }
    if config
        .get("roles")
        .and_then(Value::as_array)
        .is_some_and(|roles| !roles.is_empty())
    {
        found
            .adapted
            .push("its roles are kept and nobody is held to them yet".to_owned());
    }
    found
}

/// Templates are expanded when the pipeline starts; only where one lies may be more than this release reaches.
fn look_at_template(config: &Map, found: &mut Assessment) {
    if !gennaker_templates::is_templated(config) {
        return;
    }
    let inner = config
        .get("config")
        .and_then(|it| it.pointer("/pipeline/template/source"));
    let reference = config.get("template").and_then(|it| it.get("reference"));
    let Some(source) = inner.or(reference).and_then(Value::as_str) else {
        return;
    };
    // What is worked out when it starts is not known before.
    let is_known = !source.contains("{{") && !source.contains("{%") && !source.contains("${");
    if is_known && !source.starts_with("spinnaker://") {
        found.unsupported.push(format!(
            "its template lies at {source}, and only stored ones (spinnaker://…) are loaded yet"
        ));
    }
}

fn look_at_stage(place: usize, stage: &Map, found: &mut Assessment) {
    let label = text(stage, "name").or_else(|| text(stage, "refId"));
    let label = label.map_or_else(|| format!("stage {place}"), |it| format!("stage {it:?}"));
    match text(stage, "type") {
        Some(kind) if CATALOGUE.find(kind).is_some() => {}
        Some(kind) => found.unsupported.push(format!(
            "{label} is of the type {kind}, which is not there yet"
        )),
        None => found.unsupported.push(format!("{label} has no type")),
    }
    if stage.get("sendNotifications").and_then(Value::as_bool) == Some(true) {
        look_at_notifications(&label, stage, found);
    }
}

fn look_at_trigger(place: usize, trigger: &Map, found: &mut Assessment) {
    if trigger.get("enabled").and_then(Value::as_bool) == Some(false) {
        return;
    }
    match text(trigger, "type") {
        Some(kind) if matching::is_known(kind) => {}
        Some(kind) => found.unsupported.push(format!(
            "trigger {place} is of the type {kind}, which does not fire yet"
        )),
        None => found
            .unsupported
            .push(format!("trigger {place} has no type")),
    }
    if text(trigger, "runAsUser").is_some() {
        found.adapted.push(format!(
            "the user of trigger {place} is kept and not looked at yet"
        ));
    }
}

fn look_at_notifications(whose: &str, holder: &Map, found: &mut Assessment) {
    let mut channels: Vec<&str> = objects(holder, "notifications")
        .filter_map(|(_, notification)| text(notification, "type"))
        .collect();
    channels.sort_unstable();
    channels.dedup();
    if !channels.is_empty() {
        found.unsupported.push(format!(
            "notifications of {whose} by {} are not sent yet",
            channels.join(", ")
        ));
    }
}

/// The objects of a list with their place, counted from 1.
fn objects<'m>(holder: &'m Map, field: &str) -> impl Iterator<Item = (usize, &'m Map)> {
    let list = holder.get(field).and_then(Value::as_array);
    let items = list.into_iter().flatten().enumerate();
    items.filter_map(|(place, item)| Some((place + 1, item.as_object()?)))
}

fn text<'m>(holder: &'m Map, field: &str) -> Option<&'m str> {
    let text = holder.get(field).and_then(Value::as_str)?;
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_finding_has_its_sentence() {
        for (config, fit, sentence) in [
            (
                json!({"stages": [{"type": "wait"}], "triggers": [{"type": "webhook"}]}),
                Fit::Exact,
                "",
            ),
            (
                json!({"triggers": [{"type": "cron", "enabled": false}]}),
                Fit::Exact,
                "",
            ),
            (json!({"spelEvaluator": "v4", "roles": []}), Fit::Exact, ""),
            (
                json!({"spelEvaluator": "v3"}),
                Fit::Adapted,
                "its expressions are evaluated as by version 4, not 3",
            ),
            (
                json!({"triggers": [{"type": "webhook", "runAsUser": "robot"}]}),
                Fit::Adapted,
                "the user of trigger 1 is kept and not looked at yet",
            ),
            (
                json!({"stages": [{"type": "wait"}, {"type": "fooBar", "name": "Ship"}]}),
                Fit::Unsupported,
                "stage \"Ship\" is of the type fooBar, which is not there yet",
            ),
            (
                json!({"stages": [{}]}),
                Fit::Unsupported,
                "stage 1 has no type",
            ),
            (
                json!({"triggers": [{"type": "no-such-thing"}]}),
                Fit::Unsupported,
                "trigger 1 is of the type no-such-thing, which does not fire yet",
            ),
            (
                json!({"notifications": [{"type": "slack"}, {"type": "email"}, {"type": "slack"}]}),
                Fit::Unsupported,
                "notifications of the pipeline by email, slack are not sent yet",
            ),
            (
                json!({"type": "templatedPipeline", "schema": "v2", "template": {"reference": "spinnaker://t:stable"}}),
                Fit::Exact,
                "",
            ),
            (
                json!({"type": "templatedPipeline", "config": {"schema": "1", "pipeline": {"template": {"source": "{{ trigger.x }}"}}}}),
                Fit::Exact,
                "",
            ),
            (
                json!({"type": "templatedPipeline", "config": {"schema": "1", "pipeline": {"template": {"source": "https://x.io/t.yml"}}}}),
                Fit::Unsupported,
                "its template lies at https://x.io/t.yml, and only stored ones (spinnaker://…) are loaded yet",
            ),
        ] {
            let found = pipeline(config.as_object().unwrap());
            assert_eq!(found.fit(), fit, "{config}");
            let said: Vec<&String> = found.adapted.iter().chain(&found.unsupported).collect();
            match sentence {
                "" => assert!(said.is_empty(), "{said:?}"),
                sentence => assert_eq!(said, [sentence]),
            }
        }
    }

    #[test]
    fn sloppy_documents_do_not_matter() {
        let config = json!({"stages": "x", "triggers": [1], "notifications": {}, "roles": 7});
        assert_eq!(pipeline(config.as_object().unwrap()).fit(), Fit::Exact);
    }
}
