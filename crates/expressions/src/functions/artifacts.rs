//! Functions on artifacts and manifests.

use super::stages::{context, execution, execution_for};
use super::{failed, text};
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::objects::{execution_id, find_stage, stage_text};
use crate::value::{BeanClass, Value};

pub(super) fn trigger_by_name<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    bound(machine, args, "name")
}

pub(super) fn trigger_by_type<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    bound(machine, args, "type")
}

fn bound<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>], key: &str) -> Result<Value<'a>> {
    let view = execution_for(machine, args, "getTrigger")?;
    let wanted = text(&args[1]);
    let expected = view
        .property("trigger")
        .and_then(|trigger| trigger.get("resolvedExpectedArtifacts"))
        .map(|list| list.items())
        .unwrap_or_default();
    if wanted.is_none() && !expected.is_empty() {
        return Err(Error::null_pointer(format!(
            "Cannot invoke \"String.equals(Object)\" because \"{key}\" is null"
        )));
    }
    let found = expected
        .into_iter()
        .filter_map(|expected| expected.get("boundArtifact"))
        .find(|artifact| artifact.is_map() && artifact.get_str(key).as_deref() == wanted);
    found
        .map(|artifact| Value::bean(BeanClass::Artifact, artifact))
        .ok_or_else(|| {
            failed(format!(
                "Unable to locate resolved artifact {} in trigger execution {}.",
                wanted.unwrap_or("null"),
                execution_id(view)
            ))
        })
}

pub(super) fn resolved<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let view = execution(machine, args)?;
    let mut out = Vec::new();
    for place in 0..view.stage_count() {
        let artifacts = view
            .stage_outputs(place)
            .get("artifacts")
            .and_then(serde_json::Value::as_array);
        out.extend(
            artifacts
                .into_iter()
                .flatten()
                .map(crate::value::json::view),
        );
        machine.charge(1 + out.len())?;
    }
    Ok(Value::list(out))
}

pub(super) fn manifest_label<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let (stage, kind, label) = (text(&args[1]), text(&args[2]), text(&args[3]));
    if !matches!(kind, Some("Deployment" | "ReplicaSet")) {
        return Err(Error::illegal_argument(
            "Only Deployments and ReplicaSets are valid kinds for this function",
        ));
    }
    let Some(label) = label else {
        return Err(Error::illegal_argument(
            "A labelKey is required for this function",
        ));
    };
    let view = execution(machine, args)?;
    let is = |place: usize, key: &str, wanted: Option<&str>| {
        stage_text(view, place, key).as_deref() == wanted
    };
    let place = find_stage(view, |place| {
        is(place, "name", stage)
            && is(place, "type", Some("deployManifest"))
            && is(place, "status", Some("SUCCEEDED"))
    });
    let Some(place) = place else {
        return Err(failed(
            "A valid Deploy Manifest stage name is required for this function",
        ));
    };
    let manifests = match context(view, place, "outputs.manifests") {
        Some(Value::List(list)) if list.len() > 0 => list.items(),
        _ => {
            return Err(failed(
                "No manifest could be found in the context of the specified stage",
            ));
        }
    };
    machine.charge(manifests.len())?;
    let member = |value: &Value<'a>, key: &str| match value {
        Value::Map(map) => map.get(key),
        _ => None,
    };
    let of_kind =
        |manifest: &&Value<'a>| member(manifest, "kind").as_ref().and_then(Value::as_str) == kind;
    let Some(manifest) = manifests.iter().find(of_kind) else {
        let kind = kind.unwrap_or("null");
        return Err(failed(format!(
            "No manifest of kind {kind} could be found on the context of the specified stage"
        )));
    };
    let mut at = manifest.clone();
    for key in ["spec", "template", "metadata", "labels", label] {
        at = member(&at, key).ok_or_else(|| {
            failed("No label of specified key found on matching manifest spec.template.metadata.labels")
        })?;
    }
    super::declared_text(at)
}
