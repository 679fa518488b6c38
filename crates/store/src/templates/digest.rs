//! The digest by which a version of a template is known.
//!
//! Source: Front50 `V2PipelineTemplateController.computeSHA256Digest`: SHA-256 over the JSON with keys sorted at every level
//! and all whitespace taken out, that in texts too.

use gennaker_model::Map;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Fields that do not count.
const LEFT_OUT: [&str; 3] = ["digest", "updateTs", "lastModifiedBy"];

/// The digest of a template, in lower-case hexadecimal digits.
pub(super) fn of(template: &Map) -> String {
    let counted: Map = template
        .iter()
        .filter(|(field, _)| !LEFT_OUT.contains(&field.as_str()))
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect();
    let mut sorted = Value::Object(counted);
    sorted.sort_all_objects();
    let dense: String = sorted
        .to_string()
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let hash = Sha256::digest(dense.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(value: Value) -> String {
        of(value.as_object().unwrap())
    }

    #[test]
    fn order_blanks_and_own_fields_do_not_count() {
        let one = digest(json!({"id": "t", "metadata": {"b": "x y", "a": 1}, "tag": "latest"}));
        let two = digest(
            json!({"tag": "latest", "updateTs": "5", "metadata": {"a": 1, "b": "xy"}, "digest": "d", "id": "t",
                   "lastModifiedBy": "me"}),
        );
        assert_eq!(one, two);
        assert_ne!(one, digest(json!({"id": "t", "tag": "latest"})));
        // echo -n '{"id":"t"}' | sha256sum
        assert_eq!(
            digest(json!({"id": "t"})),
            "2bbc2f0c952bb92a779d95bc6a78bb6ec980643b9067262a96aac40ae8fbf399"
        );
    }
}
