//! Texts as bytes.

use super::packed;
use crate::error::{Error, Result};
use crate::methods::int;
use crate::value::{Value, text};

pub(super) fn units_text(array: &Value<'_>) -> String {
    packed(array).iter().map(text::java).collect()
}

pub(super) fn bytes_of(array: &Value<'_>) -> Vec<u8> {
    packed(array).iter().map(|item| int(item) as u8).collect()
}

pub(super) fn bytes<'a>(bytes: &[u8]) -> Value<'a> {
    Value::array(
        "byte",
        bytes.iter().map(|byte| Value::Byte(*byte as i8)).collect(),
    )
}

pub(super) fn unknown_charset(name: &str) -> Error {
    Error::new("java.io.UnsupportedEncodingException", name)
}

pub(super) fn encode<'a>(text: &str, charset: &str) -> Result<Value<'a>> {
    match charset.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" => Ok(bytes(text.as_bytes())),
        "US-ASCII" | "ASCII" => Ok(bytes(
            &text
                .chars()
                .map(|c| if c.is_ascii() { c as u8 } else { b'?' })
                .collect::<Vec<_>>(),
        )),
        "ISO-8859-1" | "LATIN1" => Ok(bytes(
            &text
                .chars()
                .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
                .collect::<Vec<_>>(),
        )),
        _ => Err(unknown_charset(charset)),
    }
}

pub(super) fn decode<'a>(array: &Value<'a>, charset: &str) -> Result<Value<'a>> {
    let bytes = bytes_of(array);
    match charset.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" => Ok(Value::text(String::from_utf8_lossy(&bytes).into_owned())),
        "US-ASCII" | "ASCII" => {
            let c = |b: &u8| {
                if b.is_ascii() {
                    char::from(*b)
                } else {
                    char::REPLACEMENT_CHARACTER
                }
            };
            Ok(Value::text(bytes.iter().map(c).collect::<String>()))
        }
        "ISO-8859-1" | "LATIN1" => Ok(Value::text(
            bytes.iter().map(|b| char::from(*b)).collect::<String>(),
        )),
        _ => Err(unknown_charset(charset)),
    }
}
