//! Reading the input of document tasks.

use base64::{Engine, engine::GeneralPurpose, engine::general_purpose};
use gennaker_model::Map;
use gennaker_worker::Ctx;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Clients pad or do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    general_purpose::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A value that may be base64 of its JSON (orca `StageExecution.decodeBase64`).
///
/// # Errors
/// What is wrong with it, for people.
pub(super) fn decoded(input: &Map, field: &str) -> Result<Option<Value>, String> {
    match input.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let bytes = base64_bytes(text)
                .map_err(|problem| format!("field '{field}' is no base64: {problem}"))?;
            serde_json::from_slice(&bytes).map(Some).map_err(|problem| {
                format!("field '{field}' is base64 of something that is no JSON: {problem}")
            })
        }
        Some(other) => Ok(Some(other.clone())),
    }
}

/// The bytes of a base64 text, with or without padding and line breaks.
///
/// # Errors
/// It is none.
pub(crate) fn base64_bytes(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    let compact: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    BASE64.decode(compact)
}

/// The object in a field.
///
/// # Errors
/// `missing` when there is none, or what is wrong with it.
pub(super) fn object(input: &Map, field: &str, missing: &str) -> Result<Map, String> {
    match decoded(input, field)? {
        None => Err(missing.to_owned()),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err(format!("field '{field}' must be an object")),
    }
}

/// A flag; anything but true is false.
pub(super) fn flag(input: &Map, field: &str) -> bool {
    match input.get(field) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text.trim().eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// The text of a field that is not blank.
pub(super) fn text<'i>(input: &'i Map, field: &str) -> Option<&'i str> {
    input
        .get(field)
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// On whose behalf: who is logged in, else whom the client names.
pub(super) fn user(ctx: &Ctx) -> &str {
    let known = ctx.message().user.trim();
    if known.is_empty() {
        text(ctx.input(), "user").unwrap_or("anonymous")
    } else {
        known
    }
}

/// The id of the n-th new document of an effect: the same whenever that effect is tried, and shaped like Front50's ids.
pub(super) fn derived_id(effect: &str, index: usize) -> String {
    let hash = Sha256::digest(format!("{effect}/{index}").as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    // RFC 9562: version 8 (made by a rule of our own), variant 10.
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn base64_and_plain_values_are_read() {
        for value in [
            json!("eyJhIjoxfQ=="),
            json!("eyJhIjoxfQ"),
            json!(" eyJh\nIjoxfQ== "),
            json!({"a": 1}),
        ] {
            let input = json!({"pipeline": value});
            assert_eq!(
                decoded(input.as_object().unwrap(), "pipeline"),
                Ok(Some(json!({"a": 1}))),
                "{value}"
            );
        }
        for (value, expected) in [
            (json!(null), "it is missing"),
            (
                json!("%%%"),
                "field 'pipeline' is no base64: Invalid symbol 37, offset 0.",
            ),
            (
                json!("e30x"),
                "field 'pipeline' is base64 of something that is no JSON: trailing characters at line 1 column 3",
            ),
            (json!("W10="), "field 'pipeline' must be an object"),
            (json!(7), "field 'pipeline' must be an object"),
        ] {
            let input = json!({"pipeline": value});
            assert_eq!(
                object(input.as_object().unwrap(), "pipeline", "it is missing"),
                Err(expected.to_owned())
            );
        }
    }

    #[test]
    fn derived_ids_are_uuids_and_stable() {
        let id = derived_id("e.s.0.1.0", 0);
        assert_eq!(id, derived_id("e.s.0.1.0", 0));
        assert_ne!(id, derived_id("e.s.0.1.0", 1));
        assert_ne!(id, derived_id("e.s.1.1.0", 0));
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(id.as_bytes()[14], b'8');
    }
}
