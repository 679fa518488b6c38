//! What a deployment that was broken off has applied: it stays, and somebody must know.

use gennaker_kubernetes::List;
use gennaker_manifests::{Coordinates, Manifest, deploy::Request};
use gennaker_worker::Failure;

use crate::kubernetes::{EFFECT, cluster::Cluster};

/// The objects that carry our effect.
pub(super) async fn by_us(
    cluster: &Cluster<'_>,
    request: &Request,
) -> Result<Vec<Coordinates>, Failure> {
    let token = cluster.ctx.effect_id().unwrap_or_default();
    let mut found: Vec<Coordinates> = Vec::new();
    let mut listed: Vec<(gennaker_manifests::Kind, String)> = Vec::new();
    for manifest in &request.manifests {
        let kind = manifest.kind();
        let place = place_of(cluster, request, manifest).await?;
        let is_listed = listed.contains(&(kind.clone(), place.clone()));
        if is_listed {
            continue;
        }
        // One list finds versions and generated names, too.
        let list = match place.as_str() {
            "" => List::of(kind.clone(), None),
            place => List::of(kind.clone(), Some(place)),
        };
        listed.push((kind, place));
        let objects = cluster.must("", cluster.account.list(&list)).await?;
        let ours = objects
            .items
            .iter()
            .filter(|object| object.annotation(EFFECT) == Some(token));
        // A Deployment hands its annotations to its ReplicaSets.
        let ours = ours.filter(|object| object.at(&["metadata", "ownerReferences"]).is_none());
        found.extend(ours.map(Coordinates::of));
    }
    Ok(found)
}

async fn place_of(
    cluster: &Cluster<'_>,
    request: &Request,
    manifest: &Manifest,
) -> Result<String, Failure> {
    let kinds = cluster.must("", cluster.account.kinds()).await?;
    if !kinds.is_namespaced(&manifest.kind()) {
        return Ok(String::new());
    }
    let named = request
        .namespace_override
        .as_deref()
        .unwrap_or(manifest.namespace());
    match named {
        "" => cluster.must("", cluster.account.default_namespace()).await,
        named => Ok(named.to_owned()),
    }
}

/// What a person reads about them.
pub(super) fn sentence(account: &str, applied: &[Coordinates]) -> Option<String> {
    if applied.is_empty() {
        return None;
    }
    let names: Vec<String> = applied
        .iter()
        .map(|at| match at.namespace.as_str() {
            "" => at.full_name().to_string(),
            namespace => format!("{} in {namespace}", at.full_name()),
        })
        .collect();
    Some(format!(
        "applied to account {account} and left there: {}",
        names.join(", ")
    ))
}
