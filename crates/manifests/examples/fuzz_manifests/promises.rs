//! What must hold for all inputs.

use gennaker_manifests::deploy::{Live, Read, Request, Rules};
use gennaker_manifests::kind::CustomKinds;
use gennaker_manifests::{
    Manifest, apply, artifact, job, moniker, progress, redact, rollout, stability, text, version,
    views,
};
use serde_json::{Value, json};

use crate::inputs::{self, Random};

/// Tries one input of each kind.
pub(crate) fn check(random: &mut Random) -> Result<(), String> {
    applying(random)?;
    texts(random);
    deploying(random)?;
    let value = inputs::nonsense(random, 6);
    anything(value, random);
    Ok(())
}

/// What was applied, what others made of it, what is applied now; the live object has the annotation.
pub(crate) fn three(random: &mut Random) -> (Manifest, Manifest) {
    let original = inputs::deployment(random);
    let mut live = inputs::deployment(random);
    let annotated = Manifest::new(original)
        .map(|original| apply::with_last_applied(&original))
        .ok();
    let annotations = annotated
        .as_ref()
        .and_then(Manifest::annotations)
        .cloned()
        .unwrap_or_default();
    live["metadata"]["annotations"] = annotations.into();
    let modified = inputs::deployment(random);
    let manifest = |value: Value| Manifest::new(value).expect("the inputs are manifests");
    (
        manifest(live),
        apply::with_last_applied(&manifest(modified)),
    )
}

/// Applying twice is applying once.
fn applying(random: &mut Random) -> Result<(), String> {
    let (live, modified) = three(random);
    let told = |problem: &str| {
        format!(
            "{problem}\n  live: {}\n  modified: {}",
            json!(live),
            json!(modified)
        )
    };
    let result = match apply::patch(&live, &modified).map_err(|error| told(&error.to_string()))? {
        Some(patch) => apply::patched(&live, &patch).map_err(|error| told(&error.to_string()))?,
        None => live.clone(),
    };
    match apply::patch(&result, &modified) {
        Ok(None) => Ok(()),
        other => Err(told(&format!("the second time it is {other:?}"))),
    }
}

fn texts(random: &mut Random) {
    if let Ok(values) = text::parse(&inputs::text(random)) {
        let _ = text::manifests(&values).map(|manifests| text::check_unique(&manifests));
    }
}

/// What is deployed has the annotations of what is deployed: a second time changes nothing but the version.
fn deploying(random: &mut Random) -> Result<(), String> {
    let context = json!({"account": "a", "moniker": {"app": "web"}, "versioned": false, "manifests": [inputs::deployment(random)]});
    let once = deployed(&context)?;
    let again = deployed(
        &json!({"account": "a", "moniker": {"app": "web"}, "versioned": false, "manifests": once}),
    )?;
    match once == again {
        true => Ok(()),
        false => Err(format!(
            "annotated twice: {} and {}",
            json!(once),
            json!(again)
        )),
    }
}

fn deployed(context: &Value) -> Result<Vec<Value>, String> {
    let map = context.as_object().cloned().unwrap_or_default();
    let request = Request::from_context(&map).map_err(|error| error.to_string())?;
    let rules = Rules::default();
    let mut live = Live::default();
    for read in request.reads(&rules).map_err(|error| error.to_string())? {
        if let Read::List { kind, namespace } = read {
            live.insert_list(kind, &namespace, Vec::new());
        }
    }
    let prepared = request
        .prepare(&rules, &live)
        .map_err(|error| error.to_string())?;
    Ok(prepared
        .steps
        .into_iter()
        .map(|step| step.manifest.into_value())
        .collect())
}

/// Nothing panics, whatever a server or a person says.
fn anything(value: Value, random: &mut Random) {
    let mut shown = value.clone();
    redact::value(&mut shown);
    if let Some(context) = value.as_object() {
        let _ = Request::from_context(context);
    }
    let mut object = value;
    for (key, text) in [("kind", "ReplicaSet"), ("apiVersion", "apps/v1")] {
        if let Some(map) = object.as_object_mut() {
            map.insert(key.into(), text.into());
        }
    }
    if !object["metadata"].is_object() {
        object = json!({"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": "x"}, "spec": object, "status": inputs::nonsense(random, 4)});
    }
    let Ok(manifest) = Manifest::new(object) else {
        return;
    };
    let others = [manifest.clone()];
    let _ = (
        stability::status(&manifest),
        moniker::of(&manifest),
        artifact::find(&manifest),
        job::status("a", &manifest, &others, true),
    );
    let _ = (
        version::superfluous(&manifest, &others),
        rollout::revisions(&manifest, &others),
        rollout::undo(&manifest, &others, 1),
    );
    let _ = progress::sentence(
        &manifest,
        &progress::pods_of(&manifest, &others, &others),
        &[inputs::nonsense(random, 4)],
    );
    if let Ok(Some(patch)) = apply::patch(&manifest, &apply::with_last_applied(&manifest)) {
        let _ = apply::patched(&manifest, &patch);
    }
    let inventory = [views::Inventory::new(
        "a",
        others.to_vec(),
        CustomKinds::default(),
    )];
    let app = moniker::of(&manifest).app.unwrap_or_default();
    let _ = (
        views::server_groups(&inventory, &app, true),
        views::load_balancers(&inventory, &app),
        views::clusters(&inventory, &app),
    );
    let _ = (
        views::search(&inventory, "serverGroups", "", 9),
        views::manifest("a", &manifest, &[], &[]),
        views::applications(&inventory),
    );
}
