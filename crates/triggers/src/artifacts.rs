//! Artifacts that others put into their webhooks and messages in forms of their own.
//!
//! | module | what it finds |
//! |---|---|
//! | [`files`] | files of a push |
//! | [`messages`] | objects, images and builds in messages of clouds |
//! | here | images and packages in webhooks of registries; what templates of the settings find |
//!
//! Source: echo `WebhooksController` and its artifact extractors, `MessageArtifactTranslator`. They run only when the body has no
//! `artifacts` itself.

mod files;
mod messages;

use std::collections::BTreeMap;

use gennaker_intake::matching::{Event, Origin, PUBSUB};
use gennaker_templates::{Limits, rendered};
use serde_json::{Value, json};

/// Most artifacts that are taken from one event.
const ARTIFACTS_MAX: usize = 1_000;

/// Templates that make artifacts of events: a text that becomes a JSON list of artifacts.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// For webhooks, by their source.
    pub webhooks: BTreeMap<String, String>,
    /// For messages, by their subscription.
    pub subscriptions: BTreeMap<String, String>,
}

/// Adds what is found in the event.
pub(crate) fn complete(event: &mut Event, templates: &Templates) {
    if !event.artifacts.is_empty() {
        return;
    }
    let mut found = match event.header.origin {
        Origin::Outside => in_webhook(event, templates),
        Origin::Inside if event.header.kind == PUBSUB => in_message(event, templates),
        Origin::Inside => Vec::new(),
    };
    found.truncate(ARTIFACTS_MAX);
    event.artifacts = found;
}

fn in_webhook(event: &Event, templates: &Templates) -> Vec<Value> {
    let source = event.header.source.as_str();
    let template = templates.webhooks.get(source);
    let is_push = event.scm.is_some();
    // Copying a body is worth it only for those who send artifacts.
    let is_known = ["dockerhub", "dockerregistry", "harbor", "quay"].contains(&source)
        || source.eq_ignore_ascii_case("nexus");
    if !is_known && !is_push && template.is_none() {
        return Vec::new();
    }
    let body = Value::Object(event.payload.clone());
    let mut found = match source {
        "dockerhub" => docker_hub(&body).into_iter().collect(),
        "dockerregistry" => docker_registry(&body),
        "quay" => quay(&body),
        "harbor" => harbor(&body),
        "github" if is_push => files::github(&body),
        "gitlab" if is_push => files::gitlab(&body),
        source if source.eq_ignore_ascii_case("nexus") => nexus(&body).into_iter().collect(),
        _ => Vec::new(),
    };
    if let Some(template) = template {
        found.extend(by_template(event, template, &body));
    }
    found
}

fn in_message(event: &Event, templates: &Templates) -> Vec<Value> {
    let payload = event.payload.get("payload").cloned().unwrap_or_default();
    match text(&Value::Object(event.payload.clone()), "/messageFormat") {
        Some("GCS") => messages::gcs(&payload).into_iter().collect(),
        Some("GCR") => messages::gcr(&payload).into_iter().collect(),
        Some("GCB") => messages::gcb(&payload),
        Some("S3") => messages::s3(&payload),
        Some("NONE") => Vec::new(),
        // One without template that has a list of artifacts means it.
        _ => match templates.subscriptions.get(&event.header.source) {
            Some(template) => by_template(event, template, &payload),
            None => objects(payload.get("artifacts")),
        },
    }
}

fn by_template(event: &Event, template: &str, body: &Value) -> Vec<Value> {
    let Value::Object(variables) = body else {
        return Vec::new();
    };
    let made = rendered(template, variables, &Limits::default()).and_then(|text| {
        serde_json::from_str::<Value>(&text).map_err(|error| format!("it makes no JSON: {error}"))
    });
    match made {
        Ok(list @ Value::Array(_)) => objects(Some(&list)),
        Ok(_) => {
            warn(event, "it makes no list");
            Vec::new()
        }
        Err(problem) => {
            warn(event, &problem);
            Vec::new()
        }
    }
}

fn warn(event: &Event, problem: &str) {
    tracing::warn!(
        event.id = event.header.id,
        "the template for {} {} finds no artifacts in event {}: {problem}",
        event.header.kind,
        event.header.source,
        event.header.id
    );
}

fn objects(list: Option<&Value>) -> Vec<Value> {
    let items = list.and_then(Value::as_array);
    let objects = items.into_iter().flatten().filter(|it| it.is_object());
    objects.cloned().collect()
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

    fn templates() -> Templates {
        let text = r#"[{% for it in files %}{"type": "t", "reference": "{{ it }}"}{% if not loop.last %},{% endif %}{% endfor %}]"#;
        let map = |name: &str| BTreeMap::from([(name.to_owned(), text.to_owned())]);
        Templates {
            webhooks: map("own"),
            subscriptions: map("own"),
        }
    }

    fn found(source: &str, body: &Value) -> Vec<String> {
        of("webhook", source, body)
    }

    fn of(kind: &str, source: &str, body: &Value) -> Vec<String> {
        let header = Header {
            v: VERSION,
            id: "e".to_owned(),
            kind: kind.to_owned(),
            source: source.to_owned(),
            at_ms: 1,
            headers: BTreeMap::new(),
            origin: match kind {
                PUBSUB => Origin::Inside,
                _ => Origin::Outside,
            },
        };
        let mut event = decode(&encode(&header, body.to_string().as_bytes())).unwrap();
        complete(&mut event, &templates());
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
    #[test]
    fn files_of_a_push_are_found() {
        let commits = json!([{"added": ["b/c d.yml"], "modified": ["a.yml"]}, {"modified": ["a.yml"], "removed": ["gone"]}]);
        let github = json!({
            "ref": "refs/heads/main", "after": "c1", "commits": commits,
            "repository": {"name": "web", "owner": {"name": "acme"}, "contents_url": "https://api.github.com/repos/acme/web/contents/{+path}"},
        });
        assert_eq!(
            of("git", "github", &github),
            [
                "https://api.github.com/repos/acme/web/contents/a.yml",
                "https://api.github.com/repos/acme/web/contents/b/c d.yml"
            ]
        );
        let gitlab = json!({
            "object_kind": "push", "ref": "refs/heads/main", "after": "c1", "commits": commits,
            "project": {"namespace": "acme", "name": "web", "path_with_namespace": "acme/web", "homepage": "https://git.acme.io/acme/web"},
        });
        assert_eq!(
            of("git", "gitlab", &gitlab),
            [
                "https://git.acme.io/api/v4/projects/acme%2Fweb/repository/files/a.yml/raw",
                "https://git.acme.io/api/v4/projects/acme%2Fweb/repository/files/b%2Fc%20d.yml/raw"
            ]
        );
        // Another webhook that is called like a system is no push.
        assert_eq!(found("github", &github), [""; 0]);
    }

    #[test]
    fn templates_of_the_settings_find_artifacts() {
        let body = json!({"files": ["a", "b"]});
        assert_eq!(found("own", &body), ["a", "b"]);
        assert_eq!(found("other", &body), [""; 0]);
        // What it needs is missing, or it makes no JSON: no artifacts.
        assert_eq!(found("own", &json!({})), [""; 0]);
        assert_eq!(found("own", &json!({"files": ["\""]})), [""; 0]);
        let message = json!({"subscriptionName": "own", "payload": body});
        assert_eq!(of(PUBSUB, "own", &message), ["a", "b"]);
    }

    #[test]
    fn known_messages_are_understood() {
        let message = |format: &str, payload: Value| {
            let message = json!({"messageFormat": format, "payload": payload});
            of(PUBSUB, "sub", &message)
        };
        let object = json!({"bucket": "b", "name": "dir/a.yml", "generation": "7"});
        assert_eq!(message("GCS", object.clone()), ["gs://b/dir/a.yml"]);
        assert_eq!(message("NONE", object), [""; 0]);
        let push = json!({"action": "INSERT", "digest": "gcr.io/p/web@sha256:1", "tag": "gcr.io/p/web:v1"});
        assert_eq!(message("GCR", push), ["gcr.io/p/web@sha256:1"]);
        let delete = json!({"action": "DELETE", "digest": "gcr.io/p/web@sha256:1"});
        assert_eq!(message("GCR", delete), [""; 0]);
        let build = json!({
            "results": {"images": [{"name": "gcr.io:443/p/web:v1", "digest": "sha256:1"}, {"name": "x"}]},
            "artifacts": {"objects": {"location": "gs://out/", "paths": ["target/web.jar", "*.txt"]}},
        });
        assert_eq!(
            message("GCB", build),
            ["gcr.io:443/p/web@sha256:1", "gs://out/web.jar"]
        );
        let records = json!({"Records": [{"awsRegion": "eu-central-1", "s3": {
            "bucket": {"name": "b", "arn": "arn:aws:s3:::b"}, "object": {"key": "a+b/%C3%A9%2", "versionId": "v"}}}, 7]});
        assert_eq!(message("S3", records), ["s3://b/a b/é%2"]);
        // A message of another form that has a list itself means it.
        let own = json!({"artifacts": [{"reference": "mine"}, 7]});
        assert_eq!(message("CUSTOM", own), ["mine"]);
    }
}
