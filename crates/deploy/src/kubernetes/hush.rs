//! Values of Secrets are not told: an API server may quote what it refuses, and with it what was in the object before.

use gennaker_manifests::{Kind, Manifest, Native, redact::REDACTED};
use gennaker_worker::Failure;
use serde_json::Value;

/// Fields of a Secret that hold values.
const FIELDS: [&str; 2] = ["data", "stringData"];

/// What stands before what an API server quotes.
const QUOTES: &str = "Invalid value: ";

/// Shorter ones would take words apart, and hide nothing.
const LENGTH_MIN: usize = 3;

/// Takes the values of a Secret out of everything that a failure says; of another object, nothing.
pub(super) fn without_values_of(failure: Failure, manifest: &Manifest) -> Failure {
    if !is_secret(&manifest.kind()) {
        return failure;
    }
    let mut values = Vec::new();
    for field in FIELDS {
        manifest
            .at(&[field])
            .into_iter()
            .for_each(|value| texts(value, &mut values));
    }
    hushed(failure, &values)
}

/// The same for a patch of an object of this kind: merged fields, or operations.
pub(super) fn without_values_of_patch(failure: Failure, kind: &Kind, body: &Value) -> Failure {
    if !is_secret(kind) {
        return failure;
    }
    let mut values = Vec::new();
    match body {
        Value::Array(operations) => operations
            .iter()
            .filter_map(|operation| operation.get("value"))
            .for_each(|value| texts(value, &mut values)),
        body => FIELDS
            .iter()
            .filter_map(|field| body.get(field))
            .for_each(|value| texts(value, &mut values)),
    }
    hushed(failure, &values)
}

fn is_secret(kind: &Kind) -> bool {
    kind.native() == Some(Native::Secret)
}

fn texts<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if text.len() >= LENGTH_MIN => into.push(text),
        Value::Array(list) => list.iter().for_each(|value| texts(value, into)),
        Value::Object(map) => map.values().for_each(|value| texts(value, into)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn hushed(failure: Failure, values: &[&str]) -> Failure {
    match failure {
        Failure::GiveUp(mut why) => {
            if let Some(exception) = &mut why.exception {
                hide(exception, values);
            }
            why.context
                .values_mut()
                .for_each(|value| hide(value, values));
            Failure::GiveUp(why)
        }
        Failure::RetryLater { after, mut context } => {
            context.values_mut().for_each(|value| hide(value, values));
            Failure::RetryLater { after, context }
        }
        other @ (Failure::Cancelled { .. } | Failure::Unknown { .. }) => other,
    }
}

fn hide(value: &mut Value, secrets: &[&str]) {
    match value {
        Value::String(text) => {
            if let Some(unquoted) = unquoted(text) {
                *text = unquoted;
            }
            for secret in secrets {
                if text.contains(secret) {
                    *text = text.replace(secret, REDACTED);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| hide(value, secrets)),
        Value::Object(map) => map.values_mut().for_each(|value| hide(value, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The sentence without what it quotes, from the first quoted value to the last: that may be the whole object, of which nobody here
/// knows all.
fn unquoted(text: &str) -> Option<String> {
    let (before, rest) = text.split_once(QUOTES)?;
    let reason = rest.rsplit_once("\": ").map_or("", |(_, reason)| reason);
    Some(format!("{before}{QUOTES}{REDACTED}: {reason}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn failure() -> Failure {
        Failure::GiveUp(Box::new(gennaker_worker::GiveUp {
            exception: Some(json!({"details": {"errors": ["Invalid value: \"hunter2\""]}})),
            ..gennaker_worker::GiveUp::default()
        }))
    }

    fn told(failure: Failure) -> String {
        match failure {
            Failure::GiveUp(why) => why.exception.unwrap().to_string(),
            other => panic!("another failure: {other:?}"),
        }
    }

    #[test]
    fn values_of_a_secret_are_not_quoted() {
        let object = |kind: &str| {
            Manifest::new(
                json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "s"},
                "stringData": {"k": "hunter2"}}),
            )
            .unwrap()
        };
        assert!(!told(without_values_of(failure(), &object("Secret"))).contains("hunter2"));
        assert!(told(without_values_of(failure(), &object("ConfigMap"))).contains("hunter2"));
    }

    #[test]
    fn what_was_in_the_object_before_is_not_quoted_either() {
        let said = "\"\" is invalid: patch: Invalid value: \"{\\\"data\\\":{\\\"b\\\":\\\"aHVudGVyMg==\\\"}}\": illegal base64 data at input byte 7";
        assert_eq!(
            unquoted(said).as_deref(),
            Some(
                "\"\" is invalid: patch: Invalid value: REDACTED: illegal base64 data at input byte 7"
            )
        );
        assert_eq!(unquoted("secrets \"s\" not found"), None);
    }

    #[test]
    fn nor_are_those_of_a_patch() {
        let secret = Kind::from(Native::Secret);
        for body in [
            json!({"data": {"k": "hunter2"}}),
            json!([{"op": "add", "path": "/stringData", "value": {"k": ["hunter2"]}}]),
        ] {
            let said = told(without_values_of_patch(failure(), &secret, &body));
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
