//! What builds print for pipelines: properties and artifacts in logs (Java: `PropertyParser`, `ArtifactParser` of Igor's Travis).

use gennaker_model::Map;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::{Artifact, Error};

/// Largest compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Most artifacts of one log.
const ARTIFACTS_MAX: usize = 500;

const PROPERTY: &str = "SPINNAKER_PROPERTY_";
const JSON: &str = "SPINNAKER_CONFIG_JSON=";

/// The properties that a log has: `SPINNAKER_PROPERTY_<NAME>=value` (the name in lower case) and `SPINNAKER_CONFIG_JSON={…}`, each
/// at the beginning of a line but for white space. A later one wins. Where the JSON cannot be read there are no properties at all,
/// as in Igor; a value may hold `=`, which Igor cuts off.
#[must_use]
pub fn properties(log: &str) -> Map {
    let mut found = Map::new();
    for line in log.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix(PROPERTY) {
            if let Some((name, value)) = rest.split_once('=') {
                let value = Value::String(value.trim().to_owned());
                found.insert(name.trim().to_lowercase(), value);
            }
        } else if let Some(rest) = line.strip_prefix(JSON) {
            match serde_json::from_str::<Map>(rest) {
                Ok(more) => found.extend(more),
                Err(_) => return Map::new(),
            }
        }
    }
    found
}

/// A pattern of the settings.
///
/// # Errors
/// [`Error::Refused`]: it is none, or too large.
pub fn pattern(text: &str) -> Result<Regex, Error> {
    let built = RegexBuilder::new(text)
        .size_limit(PATTERN_BYTES_MAX)
        .build();
    built.map_err(|_| Error::invalid(format!("{text:?} is no regular expression")))
}

/// The artifacts whose names the first group of one of these patterns finds in a line.
#[must_use]
pub fn artifacts(log: &str, patterns: &[Regex]) -> Vec<Artifact> {
    let lines = log.lines();
    let named = lines.flat_map(|line| {
        let mut names: Vec<&str> = Vec::new();
        for pattern in patterns {
            let name = pattern.captures(line).and_then(|found| found.get(1));
            if let Some(name) = name.map(|name| name.as_str())
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    });
    named.take(ARTIFACTS_MAX).map(Artifact::named).collect()
}

impl Artifact {
    /// A file of which nothing but a name is known (Java: `new GenericArtifact(name, name, name)`).
    #[must_use]
    pub(crate) fn named(name: &str) -> Self {
        Self {
            file_name: Some(name.to_owned()),
            display_path: Some(name.to_owned()),
            relative_path: Some(name.to_owned()),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn properties_are_lines_of_a_log() {
        let log = "$ ./build\r\n  SPINNAKER_PROPERTY_Image_Name=web:1=2\r\nx SPINNAKER_PROPERTY_NO=1\n\
                   SPINNAKER_PROPERTY_EMPTY=\nSPINNAKER_PROPERTY_BAD\nSPINNAKER_CONFIG_JSON={\"a\": {\"b\": 1}, \"empty\": \"x\"}\n";
        assert_eq!(
            Value::Object(properties(log)),
            json!({"image_name": "web:1=2", "empty": "x", "a": {"b": 1}})
        );
        assert!(properties("SPINNAKER_PROPERTY_A=1\nSPINNAKER_CONFIG_JSON={").is_empty());
    }

    #[test]
    fn artifacts_are_what_patterns_find() {
        let patterns = [
            Regex::new(r"Uploading artifact: https?://.+/(.+\.(deb|rpm)).*$").unwrap(),
            Regex::new(r"Successfully pushed (.+\.(deb|rpm)) to .*").unwrap(),
        ];
        let log = "Uploading artifact: https://x.io/a/web_1.2_all.deb;deb.distribution=trusty\nnothing\n\
                   Successfully pushed web-1.2.rpm to repo\n";
        let names: Vec<_> = artifacts(log, &patterns)
            .into_iter()
            .map(|it| it.file_name.unwrap())
            .collect();
        assert_eq!(names, ["web_1.2_all.deb", "web-1.2.rpm"]);
    }
}
