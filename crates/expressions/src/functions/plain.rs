//! Functions on text alone.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::text;
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::types::number;
use crate::value::Value;

/// Java's basic decoder takes text with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

pub(super) fn to_int<'a>(_: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let Some(text) = text(&args[0]) else {
        return Err(Error::new(
            "java.lang.NumberFormatException",
            "Cannot parse null string",
        ));
    };
    number::int(text, 10).map(Value::Int)
}

pub(super) fn to_float<'a>(_: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let Some(text) = text(&args[0]) else {
        return Err(null("String.trim()", "in"));
    };
    number::float(text).map(Value::Float)
}

pub(super) fn to_boolean<'a>(_: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    Ok(Value::Bool(
        text(&args[0]).is_some_and(|text| text.eq_ignore_ascii_case("true")),
    ))
}

pub(super) fn to_base64<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let text = text(&args[0]).ok_or_else(|| null("String.getBytes()", "text"))?;
    machine.charge(text.len())?;
    Ok(Value::text(BASE64.encode(text)))
}

pub(super) fn from_base64<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let text =
        text(&args[0]).ok_or_else(|| null("String.getBytes(java.nio.charset.Charset)", "src"))?;
    machine.charge(text.len())?;
    if let Some(byte) = text
        .bytes()
        .find(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')))
    {
        return Err(Error::illegal_argument(format!(
            "Illegal base64 character {byte:x}"
        )));
    }
    let digits = text.trim_end_matches('=').len();
    let bytes = BASE64.decode(text).map_err(|_| {
        Error::illegal_argument(match (text.len(), digits % 4) {
            (1, _) => "Input byte[] should at least have 2 bytes for base64 bytes",
            (length, 1) if length == digits => "Last unit does not have enough valid bits",
            _ => "Input byte array has wrong 4-byte ending unit",
        })
    })?;
    Ok(Value::text(String::from_utf8_lossy(&bytes).into_owned()))
}

pub(super) fn alphanumerical<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let text = text(&args[0]).ok_or_else(|| null("String.replaceAll(String, String)", "str"))?;
    machine.charge(text.len())?;
    Ok(Value::text(
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>(),
    ))
}

/// The conversion of the argument has already replaced a reference by its content.
pub(super) fn fetch_reference<'a>(
    _: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    Ok(args[0].clone())
}

pub(super) fn do_not_eval<'a>(_: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    Ok(Value::NotEvaluable(args[0].clone().into()))
}

fn null(method: &str, name: &str) -> Error {
    Error::null_pointer(format!(
        "Cannot invoke \"{method}\" because \"{name}\" is null"
    ))
}
