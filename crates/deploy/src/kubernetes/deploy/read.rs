//! What is read before anything is sent, and which version an object gets.

use std::collections::BTreeMap;

use gennaker_kubernetes::List;
use gennaker_manifests::{
    Kind, Manifest, annotations,
    deploy::{Live, Prepared, Read, Request, Rules, Step},
};
use gennaker_worker::Failure;

use crate::kubernetes::{EFFECT, cluster::Cluster, trouble};

/// Reads what is needed and prepares all objects. What a worker before us has created for the same effect gets the version that it
/// got then.
///
/// # Errors
/// Why nothing is sent, in Clouddriver's words where it has some.
pub(super) async fn prepare(
    cluster: &Cluster<'_>,
    request: &Request,
    rules: &Rules,
    token: &str,
) -> Result<Prepared, Failure> {
    let ctx = cluster.ctx;
    let reads = request
        .reads(rules)
        .map_err(|error| trouble::illegal(ctx, &error.to_string()))?;
    let mut lists: BTreeMap<(Kind, String), Vec<Manifest>> = BTreeMap::new();
    let mut live = Live::default();
    for read in reads {
        match read {
            Read::List { kind, namespace } => {
                let place = match namespace.as_str() {
                    "" => {
                        cluster
                            .must("", cluster.account.default_namespace())
                            .await?
                    }
                    named => named.to_owned(),
                };
                let list = List::of(kind.clone(), Some(&place));
                let what = format!("the versions of {kind} in {place} cannot be read: ");
                let found = cluster.must(&what, cluster.account.list(&list)).await?;
                lists.insert((kind, namespace), found.items);
            }
            Read::Get(at) => {
                let found = cluster.must("", cluster.account.find(&at)).await?;
                if let Some(object) = found {
                    live.insert_object(at, object);
                }
            }
        }
    }
    let with = |lists: &BTreeMap<(Kind, String), Vec<Manifest>>| {
        let mut live = live.clone();
        for ((kind, namespace), objects) in lists {
            live.insert_list(kind.clone(), namespace, objects.clone());
        }
        request
            .prepare(rules, &live)
            .map_err(|error| trouble::illegal(ctx, &error.to_string()))
    };
    let prepared = with(&lists)?;
    let mut is_changed = false;
    for step in &prepared.steps {
        is_changed |= forget_own(&mut lists, step, token);
    }
    if is_changed {
        with(&lists)
    } else {
        Ok(prepared)
    }
}

/// A step that gets a new version, although we have made one already: takes ours, and what came later, out of what is looked at, so
/// that the same version is chosen again. Says whether there was any.
fn forget_own(
    lists: &mut BTreeMap<(Kind, String), Vec<Manifest>>,
    step: &Step,
    token: &str,
) -> bool {
    if token.is_empty() || step.version.as_ref().is_none_or(|version| version.reused) {
        return false;
    }
    let Some(name) = annotations::text(&step.manifest, annotations::ARTIFACT_NAME) else {
        return false;
    };
    let kind = step.manifest.kind();
    let namespace = step.manifest.namespace();
    let Some(objects) = lists.get_mut(&(kind, namespace.to_owned())) else {
        return false;
    };
    let is_version = |object: &Manifest| {
        annotations::text(object, annotations::ARTIFACT_NAME).as_deref() == Some(name.as_str())
    };
    let ours = objects
        .iter()
        .filter(|object| is_version(object) && object.annotation(EFFECT) == Some(token))
        .filter_map(number_of)
        .min();
    let Some(ours) = ours else {
        return false;
    };
    let before = objects.len();
    objects.retain(|object| {
        !is_version(object) || number_of(object).is_some_and(|number| number < ours)
    });
    objects.len() < before
}

fn number_of(object: &Manifest) -> Option<i64> {
    let version = annotations::text(object, annotations::ARTIFACT_VERSION)?;
    gennaker_manifests::version::parse(&version)
}
