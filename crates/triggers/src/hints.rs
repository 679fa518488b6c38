//! Webhooks that say that an image was pushed: whoever polls that registry looks at once.
//!
//! The webhook itself starts what its own triggers say; triggers of the types `docker` and `helm/oci` fire when the registry shows the
//! image.

use std::collections::BTreeSet;

use gennaker_bus::{Bus, subject};
use gennaker_intake::matching::{Event, Origin};
use gennaker_model::polling::Hint;
use serde_json::Value;

/// Sends a hint about the images that came with an event from outside. It may be lost.
pub(crate) async fn send(bus: &Bus, event: &Event) {
    let images = images(event);
    if images.is_empty() {
        return;
    }
    let hint = Hint::new(images.into_iter().collect());
    let Ok(text) = serde_json::to_vec(&hint) else {
        return;
    };
    if let Err(error) = bus.publish(subject::poll_hint(), text.into()).await {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            event.id = event.header.id,
            "nobody looks at a registry earlier because of event {}",
            event.header.id
        );
    }
}

/// Images without tag and digest, with their registry.
fn images(event: &Event) -> BTreeSet<String> {
    if event.header.origin != Origin::Outside {
        return BTreeSet::new();
    }
    let text = |artifact: &Value, field: &str| {
        let text = artifact.get(field).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let is_image = |artifact: &&Value| {
        let kind = artifact.get("type").and_then(Value::as_str);
        matches!(kind, Some("docker/image" | "helm/image"))
    };
    let images = event.artifacts.iter().filter(is_image);
    images
        .filter_map(|artifact| text(artifact, "name").or_else(|| text(artifact, "reference")))
        .map(|name| plain(&name).to_owned())
        .collect()
}

/// A reference without its digest and tag; a colon before a slash belongs to a port.
fn plain(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or_default();
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gennaker_intake::matching::{Header, VERSION, decode, encode};
    use serde_json::json;

    use super::*;

    fn hinted(source: &str, origin: Origin, body: &Value) -> Vec<String> {
        let header = Header {
            v: VERSION,
            id: "e".to_owned(),
            kind: "webhook".to_owned(),
            source: source.to_owned(),
            at_ms: 1,
            headers: BTreeMap::new(),
            origin,
        };
        let mut event = decode(&encode(&header, body.to_string().as_bytes())).unwrap();
        crate::artifacts::complete(&mut event, &crate::Templates::default());
        images(&event).into_iter().collect()
    }

    /// Docker Hub, Harbor, Quay, the distribution registry, and any webhook that names images.
    #[test]
    fn registries_say_where_something_was_pushed() {
        let hub = json!({"repository": {"repo_name": "acme/web"}, "push_data": {"tag": "v1"}});
        let harbor = json!({"type": "PUSH_ARTIFACT", "event_data": {"repository": {"repo_full_name": "team/web"}, "resources": [
            {"digest": "sha256:1", "tag": "v1", "resource_url": "harbor.io:8443/team/web:v1"},
            {"digest": "sha256:2", "tag": "v2", "resource_url": "harbor.io:8443/team/web:v2"}]}});
        let quay = json!({"docker_url": "quay.io/acme/web", "updated_tags": ["a"]});
        let manifest = "application/vnd.oci.image.manifest.v1+json";
        let registry = json!({"events": [{"action": "push", "request": {"host": "r.io:5000"},
            "target": {"mediaType": manifest, "repository": "web", "tag": "v1"}}]});
        let own = json!({"artifacts": [{"type": "docker/image", "reference": "r.io:5000/web@sha256:1"}, {"type": "http/file", "name": "x"}]});
        for (source, body, wanted) in [
            ("dockerhub", &hub, "index.docker.io/acme/web"),
            ("harbor", &harbor, "harbor.io:8443/team/web"),
            ("quay", &quay, "quay.io/acme/web"),
            ("dockerregistry", &registry, "r.io:5000/web"),
            ("mine", &own, "r.io:5000/web"),
        ] {
            assert_eq!(hinted(source, Origin::Outside, body), [wanted], "{source}");
            assert_eq!(hinted(source, Origin::Inside, body), [""; 0], "{source}");
        }
    }
}
