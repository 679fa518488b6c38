//! The root that names are looked up in, as Orca builds it before it evaluates.

use crate::root::Root;
use crate::value::{Data, MapKind, Object, Value, json};

/// The root map with what Orca's `ContextParameterProcessor` puts into it before evaluating.
pub(super) fn root_map<'a>(root: &'a dyn Root, of_stage: bool) -> Value<'a> {
    let own = root.own();
    let mut entries: Vec<(Value<'a>, Value<'a>)> = own
        .iter()
        .map(|(key, value)| (json::view_text(key), json::view(value)))
        .collect();
    let mut put = |key: &'static str, value: Value<'a>| entries.push((json::view_text(key), value));
    if root.execution().is_some() {
        put("execution", Value::Object(Object::Execution));
    }
    if let Some(variables) = root.template_variables() {
        put("templateVariables", variables.into_value());
    }
    match parameters(root) {
        Some(parameters) => put("parameters", parameters.into_value()),
        None if own.contains_key("parameters") => {}
        None => put("parameters", Value::map(MapKind::Empty, [])),
    }
    put(
        "scmInfo",
        scm_info(own.get("scmInfo"), trigger(root).as_ref()),
    );
    if let Some(trigger) = root.trigger() {
        put("trigger", trigger.into_value());
    }
    // A submitted document is evaluated with a plain map that has no ancestors.
    Value::map(
        if of_stage {
            MapKind::Root
        } else {
            MapKind::Hash
        },
        entries,
    )
}

fn trigger(root: &dyn Root) -> Option<Data<'_>> {
    root.trigger().or_else(|| {
        let own = root.own().get("trigger");
        own.filter(|json| json.is_object()).map(Data::Json)
    })
}

/// The parameters of the trigger, if there are any.
pub(super) fn parameters(root: &dyn Root) -> Option<Data<'_>> {
    let parameters = trigger(root)?.get("parameters")?;
    (!parameters.is_empty_map() && parameters.is_map()).then_some(parameters)
}

/// The `scm` entry of the triggering build that tells most: the first on neither `master` nor `develop`, else the first.
fn scm_info<'a>(own: Option<&'a serde_json::Value>, trigger: Option<&Data<'a>>) -> Value<'a> {
    let entries = match own.filter(|own| own.is_array()) {
        Some(own) => Data::Json(own).items(),
        None => {
            let Some(trigger) = trigger else {
                return Value::Null;
            };
            let kind = trigger.get_str("type");
            if !matches!(kind.as_deref(), Some("jenkins" | "concourse")) {
                return Value::Null;
            }
            let scm = trigger.get("buildInfo").and_then(|build| build.get("scm"));
            scm.map(|scm| scm.items()).unwrap_or_default()
        }
    };
    let branch = |entry: &Data<'a>| entry.get_str("branch");
    let usual = |entry: &Data<'a>| matches!(branch(entry).as_deref(), Some("master" | "develop"));
    let chosen = entries.iter().position(|entry| !usual(entry)).unwrap_or(0);
    entries
        .into_iter()
        .nth(chosen)
        .map_or(Value::Null, |entry| {
            Value::bean(crate::value::BeanClass::SourceControl, entry)
        })
}
