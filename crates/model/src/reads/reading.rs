//! How a reply is read: its first field says what it is, and the rest is read as that.
//!
//! What serde derives for such a type looks for that field everywhere, and for that keeps the whole reply in a form of its own
//! before the values are made: for many objects twice the memory.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use super::{Refused, Reply};

const KIND: &str = "reply";
const KINDS: [&str; 3] = ["objects", "value", "refused"];

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Objects {
    objects: Vec<Value>,
    #[serde(default)]
    age_ms: Option<u64>,
    #[serde(default)]
    troubles: Vec<(String, String)>,
    #[serde(default)]
    left_out: u64,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    value: Value,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    code: Refused,
    message: String,
}

impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Reply;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "a reply: an object whose first field is `{KIND}`"
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reply, A::Error> {
        let kind = match map.next_key::<String>()? {
            Some(key) if key == KIND => map.next_value::<String>()?,
            Some(key) => {
                return Err(A::Error::custom(format!(
                    "the first field of a reply is `{KIND}`, not `{key}`"
                )));
            }
            None => return Err(A::Error::missing_field(KIND)),
        };
        let rest = MapAccessDeserializer::new(map);
        Ok(match kind.as_str() {
            "objects" => {
                let read = Objects::deserialize(rest)?;
                Reply::Objects {
                    objects: read.objects,
                    age_ms: read.age_ms,
                    troubles: read.troubles,
                    left_out: read.left_out,
                }
            }
            "value" => Reply::Value {
                value: Found::deserialize(rest)?.value,
            },
            "refused" => {
                let Refusal { code, message } = Refusal::deserialize(rest)?;
                Reply::Refused { code, message }
            }
            other => return Err(A::Error::unknown_variant(other, &KINDS)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_read_back_and_what_is_none_is_refused() {
        for reply in [
            Reply::Objects {
                objects: vec![serde_json::json!({"kind": "Pod"})],
                age_ms: Some(1),
                troubles: vec![("pod".to_owned(), "gone".to_owned())],
                left_out: 2,
            },
            Reply::Value {
                value: serde_json::json!([1, null]),
            },
            Reply::Refused {
                code: Refused::TooLarge,
                message: "much".to_owned(),
            },
        ] {
            let written = serde_json::to_string(&reply).unwrap();
            assert_eq!(serde_json::from_str::<Reply>(&written).unwrap(), reply);
        }
        for (written, problem) in [
            ("{}", "missing field `reply`"),
            (r#"{"value": 1, "reply": "value"}"#, "first field"),
            (r#"{"reply": "value"}"#, "missing field `value`"),
            (
                r#"{"reply": "value", "value": 1, "more": 2}"#,
                "unknown field `more`",
            ),
            (r#"{"reply": "other"}"#, "unknown variant `other`"),
            ("[]", "a reply"),
        ] {
            let error = serde_json::from_str::<Reply>(written).unwrap_err();
            assert!(error.to_string().contains(problem), "{written}: {error}");
        }
    }
}
