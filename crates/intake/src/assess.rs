//! How much of a pipeline that was made for Spinnaker this release runs as it was meant.
//!
//! Nothing is refused for it: what is not supported is kept whole, and fails only when it is reached. The importer shows it, so
//! that nobody learns it from a deployment.

use gennaker_model::Map;
use gennaker_stages::{Catalogue, preconfigured, preconfigured_job};
use serde_json::Value;

use crate::{matching, notifications};

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

/// Looks at everything in a pipeline that may be more than this release has. `catalogue` has the stage types of the installation.
#[must_use]
pub fn pipeline(config: &Map, catalogue: &Catalogue) -> Assessment {
    let mut found = Assessment::default();
    look_at_template(config, &mut found);
    for (place, stage) in objects(config, "stages") {
        look_at_stage(place, stage, catalogue, &mut found);
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
    let begins_with = |scheme: &str| source.starts_with(scheme);
    if is_known && begins_with("file://") {
        found.adapted.push(format!(
            "its template lies at {source}, which workers read only from the folder that operators name"
        ));
    } else if is_known
        && !["spinnaker://", "http://", "https://"]
            .into_iter()
            .any(begins_with)
    {
        found.unsupported.push(format!(
            "its template lies at {source}; only stored ones (spinnaker://…) and addresses are loaded"
        ));
    }
}

fn look_at_stage(place: usize, stage: &Map, catalogue: &Catalogue, found: &mut Assessment) {
    let label = text(stage, "name").or_else(|| text(stage, "refId"));
    let label = label.map_or_else(|| format!("stage {place}"), |it| format!("stage {it:?}"));
    match text(stage, "type") {
        Some(kind) if catalogue.find(kind).is_some() => {}
        Some(kind) if catalogue.webhooks().iter().any(|it| it.kind == kind) => {}
        Some(kind) if catalogue.jobs().iter().any(|it| it.kind == kind) => {}
        // A type of the installation that it comes from; the web interface writes so.
        Some(kind) if text(stage, "alias") == Some(preconfigured::ALIAS) => {
            found.adapted.push(format!(
                "{label} is of the type {kind}, which must be set up by `webhooks.preconfigured` as it was in Spinnaker"
            ));
        }
        Some(kind) if text(stage, "alias") == Some(preconfigured_job::ALIAS) => {
            found.adapted.push(format!(
                "{label} is of the type {kind}, which must be set up by `jobs.preconfigured` as it was in Spinnaker"
            ));
        }
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
        .filter(|channel| !notifications::CHANNELS.contains(channel))
        .collect();
    channels.sort_unstable();
    channels.dedup();
    if !channels.is_empty() {
        found.unsupported.push(format!(
            "notifications of {whose} by {} are not sent: there is no such channel",
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
                json!({"stages": [{"type": "tellRoom", "name": "Tell", "alias": "preconfiguredWebhook"}]}),
                Fit::Adapted,
                "stage \"Tell\" is of the type tellRoom, which must be set up by `webhooks.preconfigured` as it was in Spinnaker",
            ),
            (
                json!({"stages": [{"type": "migrate", "name": "Up", "alias": "preconfiguredJob"}]}),
                Fit::Adapted,
                "stage \"Up\" is of the type migrate, which must be set up by `jobs.preconfigured` as it was in Spinnaker",
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
                json!({"notifications": [{"type": "pigeon"}, {"type": "email"}, {"type": "drum"}, {"type": "pigeon"}]}),
                Fit::Unsupported,
                "notifications of the pipeline by drum, pigeon are not sent: there is no such channel",
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
                Fit::Exact,
                "",
            ),
            (
                json!({"type": "templatedPipeline", "config": {"schema": "1", "pipeline": {"template": {"source": "file:///t.yml"}}}}),
                Fit::Adapted,
                "its template lies at file:///t.yml, which workers read only from the folder that operators name",
            ),
            (
                json!({"type": "templatedPipeline", "schema": "v2", "template": {"reference": "gs://bucket/t"}}),
                Fit::Unsupported,
                "its template lies at gs://bucket/t; only stored ones (spinnaker://…) and addresses are loaded",
            ),
        ] {
            let found = pipeline(config.as_object().unwrap(), &Catalogue::new());
            assert_eq!(found.fit(), fit, "{config}");
            let said: Vec<&String> = found.adapted.iter().chain(&found.unsupported).collect();
            match sentence {
                "" => assert!(said.is_empty(), "{said:?}"),
                sentence => assert_eq!(said, [sentence]),
            }
        }
    }

    #[test]
    fn types_of_the_installation_are_known() {
        let webhook = preconfigured::PreconfiguredWebhook {
            kind: "tellRoom".to_owned(),
            label: "Tell".to_owned(),
            description: None,
            parameters: Vec::new(),
            parameter_data: None,
            properties: Map::new(),
            has_secrets: false,
        };
        let catalogue = Catalogue::with_webhooks(vec![webhook]).unwrap();
        let config = json!({"stages": [{"type": "tellRoom", "alias": "preconfiguredWebhook"}, {"type": "tellRoom"}]});
        let found = pipeline(config.as_object().unwrap(), &catalogue);
        assert_eq!(found, Assessment::default());
    }

    #[test]
    fn sloppy_documents_do_not_matter() {
        let config = json!({"stages": "x", "triggers": [1], "notifications": {}, "roles": 7});
        let found = pipeline(config.as_object().unwrap(), &Catalogue::new());
        assert_eq!(found.fit(), Fit::Exact);
    }
}
