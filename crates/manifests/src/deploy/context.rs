//! A stage's context as a request.

use serde_json::Value;

use super::{Error, Request};
use crate::artifact::Artifact;
use crate::rollout::Strategy;
use crate::selector::Selectors;
use crate::{Map, Moniker, text};

pub(super) fn read(context: &Map) -> Result<Request, Error> {
    let account = account(context).ok_or(wrong("account", "a name"))?;
    let traffic = traffic(context)?;
    let namespace_override = string(context, "namespaceOverride", "namespaceOverride")?;
    Ok(Request {
        account,
        moniker: moniker(context)?,
        manifests: text::manifests(&manifests(context)?)?,
        required: artifacts(context, "requiredArtifacts")?,
        optional: artifacts(context, "optionalArtifacts")?,
        bind: flag(context, "enableArtifactBinding")?.unwrap_or(true),
        versioned: flag(context, "versioned")?,
        services: traffic.services,
        enable_traffic: traffic.enabled,
        strategy: traffic.strategy,
        selectors: Selectors::from_json(context.get("labelSelectors"))?,
        allow_nothing_selected: flag(context, "allowNothingSelected")?.unwrap_or(false),
        skip_spec_template_labels: flag(context, "skipSpecTemplateLabels")?.unwrap_or(false),
        namespace_override: namespace_override.filter(|namespace| !namespace.is_empty()),
    })
}

/// `account.name`, `account`, `credentials`, as in Orca.
fn account(context: &Map) -> Option<String> {
    let text = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let account = context.get("account");
    let named = account.and_then(|account| account.get("name"));
    text(named)
        .or_else(|| text(account))
        .or_else(|| text(context.get("credentials")))
}

fn moniker(context: &Map) -> Result<Moniker, Error> {
    let moniker = match context.get("moniker") {
        None | Some(Value::Null) => return Ok(Moniker::default()),
        Some(Value::Object(moniker)) => moniker,
        Some(_) => return Err(wrong("moniker", "an object")),
    };
    let sequence = match moniker.get("sequence") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.trim().is_empty() => None,
        Some(Value::String(text)) => Some(
            text.trim()
                .parse()
                .map_err(|_| wrong("moniker.sequence", "a whole number"))?,
        ),
        Some(number) => Some(
            number
                .as_i64()
                .ok_or(wrong("moniker.sequence", "a whole number"))?,
        ),
    };
    Ok(Moniker {
        app: string(moniker, "app", "moniker.app")?,
        cluster: string(moniker, "cluster", "moniker.cluster")?.filter(|text| !text.is_empty()),
        detail: string(moniker, "detail", "moniker.detail")?,
        stack: string(moniker, "stack", "moniker.stack")?,
        sequence,
    })
}

/// `manifests`, or, when there are none, the single `manifest` of old stages.
fn manifests(context: &Map) -> Result<Vec<Value>, Error> {
    match context.get("manifests") {
        None | Some(Value::Null) => {}
        Some(Value::Array(list)) if list.is_empty() => {}
        Some(Value::Array(list)) => return Ok(list.clone()),
        // A single one without its list.
        Some(one @ Value::Object(_)) => return Ok(vec![one.clone()]),
        Some(_) => return Err(wrong("manifests", "a list of manifests")),
    }
    match context.get("manifest") {
        // A chart may render to nothing, and then nothing is deployed.
        None | Some(Value::Null) if context.get("manifests").is_some_and(Value::is_array) => {
            Ok(Vec::new())
        }
        None | Some(Value::Null) => Err(wrong("manifests", "a list of manifests")),
        Some(one) => Ok(vec![one.clone()]),
    }
}

/// A list of artifacts, or of `{expectedArtifactId, artifact}`.
fn artifacts(context: &Map, field: &'static str) -> Result<Vec<Artifact>, Error> {
    let list = match context.get(field) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong(field, "a list of artifacts")),
    };
    let artifact = |value: &Value| {
        let inner = value
            .get("artifact")
            .filter(|inner| inner.is_object() && value.get("type").is_none());
        Artifact::from_value(inner.unwrap_or(value)).ok_or(wrong(field, "a list of artifacts"))
    };
    list.iter()
        .filter(|value| !value.is_null())
        .map(artifact)
        .collect()
}

struct Traffic {
    services: Vec<String>,
    enabled: bool,
    strategy: Strategy,
}

/// Traffic management as stages have it, or `services`, `enableTraffic` and `strategy` as operations have it. Without either, what a
/// manifest's own annotation says is done.
fn traffic(context: &Map) -> Result<Traffic, Error> {
    let off = Traffic {
        services: Vec::new(),
        enabled: true,
        strategy: Strategy::None,
    };
    let options = match context.get("trafficManagement") {
        None | Some(Value::Null) if context.contains_key("enableTraffic") => context,
        None | Some(Value::Null) => return Ok(off),
        Some(Value::Object(management)) => {
            if !flag(management, "enabled")?.unwrap_or(false) {
                return Ok(off);
            }
            match management.get("options") {
                Some(Value::Object(options)) => options,
                _ => return Err(wrong("trafficManagement.options", "an object")),
            }
        }
        Some(_) => return Err(wrong("trafficManagement", "an object")),
    };
    let services = match options.get("services") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(names)) => {
            let name = |name: &Value| name.as_str().map(str::to_owned);
            let names: Option<Vec<String>> = names.iter().map(name).collect();
            names.ok_or(wrong(
                "trafficManagement.options.services",
                "a list of names",
            ))?
        }
        Some(_) => {
            return Err(wrong(
                "trafficManagement.options.services",
                "a list of names",
            ));
        }
    };
    let strategy =
        string(options, "strategy", "trafficManagement.options.strategy")?.unwrap_or_default();
    Ok(Traffic {
        services,
        enabled: flag(options, "enableTraffic")?.unwrap_or(false),
        strategy: Strategy::parse(&strategy)?,
    })
}

fn string(map: &Map, key: &str, path: &'static str) -> Result<Option<String>, Error> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(wrong(path, "a text")),
    }
}

/// A boolean, also as text, as Jackson reads one; nothing, null and an empty text are none.
fn flag(map: &Map, key: &'static str) -> Result<Option<bool>, Error> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(wrong(key, "true or false")),
        },
        Some(_) => Err(wrong(key, "true or false")),
    }
}

fn wrong(field: &'static str, expected: &'static str) -> Error {
    Error::Context { field, expected }
}
