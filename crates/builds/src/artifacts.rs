//! What a build gives to pipelines: artifacts in its properties, and its files (`events.md` 11.8; Igor: `ArtifactExtractor`).

use gennaker_model::Map;
use serde_json::{Value, json};

use crate::Build;

/// The key of properties that says what the others describe.
const FORMAT: &str = "messageFormat";

/// The artifacts of a build whose file of properties says this: first those that the properties describe, then its files.
///
/// A template of one's own (`customFormat`) is not built: such properties describe nothing.
#[must_use]
pub fn of(build: &Build, properties: &Map) -> Vec<Value> {
    let files = build.artifacts.iter().map(|file| {
        let mut artifact = Map::new();
        for (key, value) in [
            ("type", &file.kind),
            ("name", &file.name),
            ("version", &file.version),
            ("reference", &file.reference),
        ] {
            if let Some(value) = value {
                artifact.insert(key.to_owned(), json!(value));
            }
        }
        Value::Object(artifact)
    });
    described(properties).into_iter().chain(files).collect()
}

/// The artifact that properties describe. Source: Igor's templates `docker.jinja` and `jar.jinja`.
fn described(properties: &Map) -> Option<Value> {
    let text = |key: &str| match properties.get(key) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    if text("customFormat").eq_ignore_ascii_case("true") {
        return None;
    }
    match text(FORMAT).to_ascii_lowercase().as_str() {
        "docker" => {
            let image = text("image");
            // A port comes before a slash, a tag behind the last one.
            let tag = image
                .rsplit('/')
                .next()
                .and_then(|last| last.split_once(':'));
            let version = tag.map(|(_, tag)| tag.to_owned()).unwrap_or_default();
            let name = image.strip_suffix(&format!(":{version}")).unwrap_or(&image);
            (!image.is_empty()).then(|| {
                json!({"type": "docker/image", "name": name, "version": version, "reference": image})
            })
        }
        "jar" => {
            let (group, artifact, version) = (text("group"), text("artifact"), text("version"));
            let classifier = text("classifier");
            let kind = Some(text("repotype")).filter(|kind| !kind.is_empty());
            let name = format!("{group}:{artifact}");
            let reference = match classifier.is_empty() {
                true => format!("{name}:{version}"),
                false => format!("{name}:{version}:{classifier}"),
            };
            (!group.is_empty() && !artifact.is_empty()).then(|| {
                let kind = format!("{}/file", kind.as_deref().unwrap_or("maven"));
                json!({"type": kind, "name": name, "version": version, "reference": reference})
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Artifact;

    fn found(properties: Value) -> Value {
        Value::Array(of(&Build::default(), properties.as_object().unwrap()))
    }

    #[test]
    fn properties_describe_images_and_jars() {
        for (image, name, version) in [
            (
                "registry:5000/team/app:1.2",
                "registry:5000/team/app",
                "1.2",
            ),
            ("app", "app", ""),
        ] {
            let wanted = json!([{"type": "docker/image", "name": name, "version": version, "reference": image}]);
            assert_eq!(
                found(json!({"messageFormat": "DOCKER", "image": image})),
                wanted
            );
        }
        assert_eq!(
            found(
                json!({"messageFormat": "jar", "group": "org.x", "artifact": "web", "version": 3, "classifier": "all"})
            ),
            json!([{"type": "maven/file", "name": "org.x:web", "version": "3", "reference": "org.x:web:3:all"}])
        );
        for nothing in [
            json!({}),
            json!({"messageFormat": "docker"}),
            json!({"messageFormat": "other", "image": "a:b"}),
            json!({"messageFormat": "docker", "image": "a:b", "customFormat": true}),
        ] {
            assert_eq!(found(nothing), json!([]));
        }
    }

    #[test]
    fn files_are_artifacts() {
        let build = Build {
            artifacts: vec![Artifact {
                file_name: Some("a.jar".to_owned()),
                reference: Some("out/a.jar".to_owned()),
                name: Some("deploy".to_owned()),
                version: Some("7".to_owned()),
                kind: Some("jenkins/file".to_owned()),
                ..Artifact::default()
            }],
            ..Build::default()
        };
        let wanted = json!([{"type": "jenkins/file", "name": "deploy", "version": "7", "reference": "out/a.jar"}]);
        assert_eq!(Value::Array(of(&build, &Map::new())), wanted);
    }
}
