//! Values that are never written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::ser::{Serialize, Serializer};

/// A value that shows as `***` wherever it is printed or serialised. To use it, [`Secret::expose`] it: the word is easy
/// to search for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Secret<T> {
        Secret(value)
    }

    /// The value itself.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
        /// Serde's own complaints about a value of the wrong type quote it.
        struct Quiet;
        impl Visitor<'_> for Quiet {
            type Value = String;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<String, E> {
                Ok(value.to_owned())
            }

            fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<String, E> {
                Err(E::custom("expected a string"))
            }

            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<String, E> {
                Err(E::custom("expected a string"))
            }

            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<String, E> {
                Err(E::custom("expected a string"))
            }

            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<String, E> {
                Err(E::custom("expected a string"))
            }
        }
        // Not `deserialize_str`, with which some formats complain themselves.
        let value = deserializer.deserialize_any(Quiet)?;
        if value == "***" {
            return Err(D::Error::custom(
                "it was blanked out when the settings were shown",
            ));
        }
        Ok(Secret(value))
    }
}

impl JsonSchema for Secret<String> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shows() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "*** Some(***)");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn complaints_do_not_quote_it() {
        for text in [
            "12345678",
            "-12345678",
            "1.2345678",
            "true",
            "[\"12345678\"]",
            "{\"12345678\":1}",
        ] {
            let error = serde_json::from_str::<Secret<String>>(text)
                .unwrap_err()
                .to_string();
            assert!(
                !error.contains("2345678") && error.contains("a string"),
                "{error}"
            );
        }
        assert!(serde_json::from_str::<Secret<String>>("\"***\"").is_err());
        assert_eq!(
            serde_json::from_str::<Secret<String>>("\"x\"")
                .unwrap()
                .expose(),
            "x"
        );
    }
}
