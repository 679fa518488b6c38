//! What the Pods of objects do that are waited for. It is for people, so a failure to read is none.

use gennaker_kubernetes::List;
use gennaker_manifests::{Coordinates, Kind, Manifest, progress, redact, selector::Selectors};
use gennaker_worker::BoxFuture;
use serde_json::Value;

use crate::kubernetes::{cluster::Cluster, input};

/// Most Pods that are looked at for one sentence.
const PODS_MAX: usize = 500;

/// Most events that are shown of one object.
const EVENTS_MAX: usize = 50;

/// What was found of one object.
pub(super) struct Look {
    pub(super) at: Coordinates,
    /// `1 of 3 ready, 1 pod failing: …`
    pub(super) sentence: Option<String>,
    /// Only where the stage asks for them.
    pub(super) events: Vec<Value>,
}

/// Looks at the Pods of these objects, one after the other.
pub(super) fn look<'a>(
    cluster: &'a Cluster<'a>,
    objects: Vec<(Coordinates, Manifest)>,
) -> BoxFuture<'a, Vec<Look>> {
    let shows_events = input::boolean(cluster.ctx.input(), "includeEvents") == Some(true);
    Box::pin(async move {
        let mut looks = Vec::new();
        for (at, object) in objects {
            let mut events = Vec::new();
            if shows_events
                && let Ok(Ok(found)) = cluster.ask(cluster.account.events(&object)).await
            {
                let skipped = found.len().saturating_sub(EVENTS_MAX);
                events.extend(found.into_iter().skip(skipped));
            }
            events.iter_mut().for_each(redact::value);
            let pods = pods_of(cluster, &at, &object).await;
            let sentence = pods.and_then(|pods| {
                progress::sentence(&object, &pods.iter().collect::<Vec<_>>(), &[])
            });
            looks.push(Look {
                at,
                sentence,
                events,
            });
        }
        looks
    })
}

/// The Pods of a workload, by its selector; nothing for what has none.
async fn pods_of(
    cluster: &Cluster<'_>,
    at: &Coordinates,
    object: &Manifest,
) -> Option<Vec<Manifest>> {
    let selectors = Selectors::from_workload(object.at(&["spec", "selector"])?).ok()?;
    if selectors.is_empty() {
        return None;
    }
    let list = List::of(Kind::parse("pod"), Some(&at.namespace))
        .labels(&selectors.expression())
        .limit(PODS_MAX);
    let found = cluster.ask(cluster.account.list(&list)).await.ok()?.ok()?;
    Some(found.items)
}
