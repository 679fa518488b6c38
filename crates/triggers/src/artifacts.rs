//! Artifacts that registries put into their webhooks in forms of their own.
//!
//! Source: echo `WebhooksController` and its artifact extractors. They run only when the body has no `artifacts` itself.

use gennaker_intake::matching::Event;
use serde_json::{Value, json};

/// Most artifacts that are taken from one event.
const ARTIFACTS_MAX: usize = 1_000;

/// Adds what the extractor of the event's source finds.
pub(crate) fn complete(event: &mut Event) {
    if !event.artifacts.is_empty() {
        return;
    }
    let body = Value::Object(event.payload.clone());
    let mut found = match event.header.source.as_str() {
        "dockerhub" => docker_hub(&body).into_iter().collect(),
        "dockerregistry" => docker_registry(&body),
        "quay" => quay(&body),
        "harbor" => harbor(&body),
        source if source.eq_ignore_ascii_case("nexus") => nexus(&body).into_iter().collect(),
        _ => Vec::new(),
    };
    found.truncate(ARTIFACTS_MAX);
    event.artifacts = found;
}

/// Source: echo `DockerHubArtifactExtractor`.
fn docker_hub(body: &Value) -> Option<Value> {
    let name = format!("index.docker.io/{}", text(body, "/repository/repo_name")?);
    let tag = text(body, "/push_data/tag")?;
    Some(json!({
        "type": "docker/image",
        "name": name,
        "version": tag,
        "reference": format!("{name}:{tag}"),
        "provenance": text(body, "/callback_url"),
        "metadata": {"pusher": text(body, "/push_data/pusher")},
    }))
}

/// Source: echo `DockerRegistryArtifactExtractor`: pushes of manifests, by tag or digest.
fn docker_registry(body: &Value) -> Vec<Value> {
    let events = body.get("events").and_then(Value::as_array);
    let is_manifest = |kind: &str| {
        let kind = kind.split('+').next().unwrap_or_default();
        kind == "application/vnd.docker.distribution.manifest.v1"
            || kind == "application/vnd.docker.distribution.manifest.v2"
            // Echo knows only the two above; today's tools push these, and images of several platforms.
            || kind == "application/vnd.docker.distribution.manifest.list.v2"
            || kind == "application/vnd.oci.image.manifest.v1"
            || kind == "application/vnd.oci.image.index.v1"
    };
    events
        .into_iter()
        .flatten()
        .filter(|event| text(event, "/action") == Some("push"))
        .filter(|event| text(event, "/target/mediaType").is_some_and(is_manifest))
        .filter_map(|event| {
            let repository = text(event, "/target/repository")?;
            let name = match text(event, "/request/host") {
                Some(host) => format!("{host}/{repository}"),
                None => repository.to_owned(),
            };
            let (version, mark) = match text(event, "/target/tag") {
                Some(tag) => (tag, ':'),
                None => (text(event, "/target/digest")?, '@'),
            };
            Some(json!({
                "type": "docker/image",
                "name": name,
                "version": version,
                "reference": format!("{name}{mark}{version}"),
            }))
        })
        .collect()
}

/// Source: echo `QuayArtifactExtractor`.
fn quay(body: &Value) -> Vec<Value> {
    let Some(name) = text(body, "/docker_url") else {
        return Vec::new();
    };
    let tags = body.get("updated_tags").and_then(Value::as_array);
    tags.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|tag| {
            json!({
                "type": "docker/image",
                "name": name,
                "version": tag,
                "reference": format!("{name}:{tag}"),
                "provenance": text(body, "/homepage"),
            })
        })
        .collect()
}

/// Harbor's webhooks of the type `PUSH_ARTIFACT`. Echo has nothing for them.
fn harbor(body: &Value) -> Vec<Value> {
    if text(body, "/type") != Some("PUSH_ARTIFACT") {
        return Vec::new();
    }
    let resources = body.pointer("/event_data/resources");
    let resources = resources.and_then(Value::as_array);
    resources
        .into_iter()
        .flatten()
        .filter_map(|resource| {
            let reference = text(resource, "/resource_url")?;
            let (name, version) = match reference.split_once('@') {
                Some(parts) => parts,
                None => reference
                    .rsplit_once(':')
                    .filter(|(_, tag)| !tag.contains('/'))?,
            };
            Some(json!({
                "type": "docker/image",
                "name": name,
                "version": version,
                "reference": reference,
            }))
        })
        .collect()
}

/// Source: echo `NexusArtifactExtractor`.
fn nexus(body: &Value) -> Option<Value> {
    let part = |field: &str| text(body, &format!("/component/{field}"));
    let name = format!("{}:{}", part("group")?, part("name")?);
    let version = part("version")?;
    Some(json!({
        "type": "maven/file",
        "name": name,
        "version": version,
        "reference": format!("{name}:{version}"),
        "provenance": text(body, "/repositoryName"),
    }))
}

fn text<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gennaker_intake::matching::{Header, VERSION, decode, encode};

    use super::*;

    fn found(source: &str, body: &Value) -> Vec<String> {
        let header = Header {
            v: VERSION,
            id: "e".to_owned(),
            kind: "webhook".to_owned(),
            source: source.to_owned(),
            at_ms: 1,
            headers: BTreeMap::new(),
            origin: gennaker_intake::matching::Origin::Outside,
        };
        let mut event = decode(&encode(&header, body.to_string().as_bytes())).unwrap();
        complete(&mut event);
        let reference = |artifact: &Value| artifact["reference"].as_str().unwrap().to_owned();
        event.artifacts.iter().map(reference).collect()
    }

    #[test]
    fn registries_are_understood() {
        let hub = json!({"repository": {"repo_name": "acme/web"}, "push_data": {"tag": "v1", "pusher": "p"}});
        assert_eq!(found("dockerhub", &hub), ["index.docker.io/acme/web:v1"]);
        let manifest = "application/vnd.docker.distribution.manifest.v2+json";
        let registry = json!({"events": [
            {"action": "push", "request": {"host": "r.io"}, "target": {"mediaType": manifest, "repository": "web", "tag": "v1"}},
            {"action": "push", "request": {"host": "r.io"}, "target": {"mediaType": manifest, "repository": "web", "digest": "sha256:1"}},
            {"action": "pull", "request": {"host": "r.io"}, "target": {"mediaType": manifest, "repository": "web", "tag": "v1"}},
            {"action": "push", "target": {"mediaType": "application/octet-stream", "repository": "web", "tag": "v1"}},
            7
        ]});
        assert_eq!(
            found("dockerregistry", &registry),
            ["r.io/web:v1", "r.io/web@sha256:1"]
        );
        let quay = json!({"docker_url": "quay.io/acme/web", "updated_tags": ["a", "b", 3]});
        assert_eq!(
            found("quay", &quay),
            ["quay.io/acme/web:a", "quay.io/acme/web:b"]
        );
        let nexus = json!({"component": {"group": "g", "name": "n", "version": "1"}});
        assert_eq!(found("Nexus", &nexus), ["g:n:1"]);
    }

    #[test]
    fn other_bodies_have_none_and_own_ones_win() {
        for source in ["dockerhub", "dockerregistry", "quay", "nexus", "mine"] {
            assert_eq!(
                found(source, &json!({"events": {}, "updated_tags": 1})),
                [""; 0]
            );
        }
        let own =
            json!({"docker_url": "u", "updated_tags": ["a"], "artifacts": [{"reference": "mine"}]});
        assert_eq!(found("quay", &own), ["mine"]);
    }
}
