//! What deploy and service-key stages left in their contexts.

use serde_json::{Map, Value as Json};

use super::stages::{context, execution};
use super::text;
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::objects::{find_stage, stage_text};
use crate::root::ExecutionView;
use crate::value::{MapKind, Value};

const DEPLOY_STAGES: [&str; 4] = [
    "deploy",
    "createServerGroup",
    "cloneServerGroup",
    "rollingPush",
];

/// `DeployedServerGroupsExpressionFunctionProvider`, orca.
pub(super) fn server_groups<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let view = execution(machine, args)?;
    let wanted: Vec<String> = match args.get(1) {
        Some(Value::Array(array)) => array
            .items
            .borrow()
            .iter()
            .filter_map(|id| text(id).map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    };
    let mut out = Vec::new();
    for place in 0..view.stage_count() {
        machine.charge(8)?;
        let property = |key: &str| stage_text(view, place, key);
        let named =
            |key: &str| property(key).is_some_and(|text| wanted.iter().any(|id| *id == *text));
        let deployed = property("type").is_some_and(|kind| DEPLOY_STAGES.contains(&&*kind))
            && view
                .stage_context(place)
                .contains_key("deploy.server.groups")
            && property("status").as_deref() == Some("SUCCEEDED")
            && (wanted.is_empty() || named("name") || named("id"));
        if deployed && let Some(group) = server_group(view, place)? {
            out.push(group);
        }
    }
    Ok(Value::list(out))
}

fn server_group<'a>(view: &'a dyn ExecutionView, place: usize) -> Result<Option<Value<'a>>> {
    let read = |key: &str| context(view, place, key).unwrap_or(Value::Null);
    let region = match (read("region"), read("availabilityZones")) {
        (Value::Null, Value::Map(zones)) => match zones.entries().into_iter().next() {
            Some((zone, _)) => zone,
            None => return Err(Error::silent("java.util.NoSuchElementException")),
        },
        (Value::Null, _) => return Ok(None),
        (region, _) => region,
    };
    let region_text = crate::value::text::java(&region);
    let details = Value::map(
        MapKind::Hash,
        [
            (Value::from("account"), read("account")),
            (Value::from("capacity"), read("capacity")),
            (Value::from("parentStage"), read("parentStage")),
            (Value::from("region"), region),
        ],
    );
    let Value::Map(map) = &details else {
        return Ok(None);
    };
    if let Value::List(existing) = read("deploymentDetails") {
        for detail in existing.items() {
            let Value::Map(detail) = detail else { continue };
            let same = detail
                .get("region")
                .is_some_and(|value| value.as_str() == Some(&*region_text));
            if same {
                for (key, value) in detail.entries() {
                    map.insert(key, value);
                }
            }
        }
    }
    if let Value::Map(groups) = read("deploy.server.groups")
        && let Some(Value::List(names)) = groups.get(&region_text)
    {
        let first = names.get(0).ok_or_else(|| {
            Error::new(
                "java.lang.IndexOutOfBoundsException",
                "Index 0 out of bounds for length 0",
            )
        })?;
        map.insert(Value::from("serverGroup"), first);
    }
    map.insert(
        Value::from("deployments"),
        Value::list(deployments(view.stage_context(place))),
    );
    Ok(Some(details))
}

fn deployments(context: &Map<String, Json>) -> Vec<Value<'_>> {
    let tasks = context
        .get("kato.tasks")
        .and_then(Json::as_array)
        .into_iter()
        .flatten();
    let results = tasks
        .filter_map(|task| task.get("resultObjects")?.as_array())
        .flatten();
    results
        .filter_map(|result| result.get("deployments")?.as_array())
        .flatten()
        .map(crate::value::json::view)
        .collect()
}

/// `ServiceKeyExpressionFunctionProvider`, orca.
pub(super) fn service_key<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let view = execution(machine, args)?;
    let wanted = text(&args[1]);
    let is = |place: usize, key: &str, wanted: Option<&str>| {
        stage_text(view, place, key).as_deref() == wanted
    };
    let place = find_stage(view, |place| {
        is(place, "type", Some("createServiceKey"))
            && is(place, "status", Some("SUCCEEDED"))
            && (is(place, "name", wanted) || is(place, "id", wanted))
    });
    let key = place.and_then(|place| {
        let tasks = view.stage_context(place).get("kato.tasks")?.as_array()?;
        tasks
            .first()?
            .get("resultObjects")?
            .as_array()?
            .first()?
            .get("serviceKey")?
            .as_object()
    });
    Ok(match key {
        Some(key) => crate::value::json::view_map(key),
        None => Value::map(MapKind::Hash, []),
    })
}
