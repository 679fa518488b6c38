//! What a scalar means in YAML 1.1 (`org.yaml.snakeyaml.resolver.Resolver`, `SafeConstructor`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::error::{Error, Result};
use crate::types::{number, time};
use crate::value::Value;

/// The types that a standard tag (`!!int`) can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standard {
    Text,
    Int,
    Float,
    Bool,
    Null,
    Timestamp,
    Binary,
    Sequence,
    Map,
    Set,
    OrderedMap,
    Pairs,
}

impl Standard {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "str" => Self::Text,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "null" => Self::Null,
            "timestamp" => Self::Timestamp,
            "binary" => Self::Binary,
            "seq" => Self::Sequence,
            "map" => Self::Map,
            "set" => Self::Set,
            "omap" => Self::OrderedMap,
            "pairs" => Self::Pairs,
            _ => return None,
        })
    }
}

/// A scalar without a tag: text in quotes is text, plain text is what it looks like.
pub(super) fn resolve<'a>(text: &str, plain: bool) -> Value<'a> {
    if !plain {
        return Value::from(text);
    }
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    let first = text.as_bytes()[0];
    let value = match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' if text.len() <= 1_000 => integer(text)
            .or_else(|| float(text).map(Value::Double))
            .or_else(|| timestamp(text).map(Value::Date)),
        _ => boolean(text).map(Value::Bool),
    };
    value.unwrap_or_else(|| Value::from(text))
}

/// A scalar with a standard tag.
///
/// # Errors
/// The text is none of that type.
pub(super) fn construct<'a>(tag: Standard, text: &str) -> Result<Value<'a>> {
    let wrong = || Error::number_format(text);
    Ok(match tag {
        Standard::Int => integer(text).ok_or_else(wrong)?,
        Standard::Float => match float(text) {
            Some(number) => Value::Double(number),
            None => Value::Double(number::double(text)?),
        },
        Standard::Bool => boolean(&text.to_lowercase()).map_or(Value::Null, Value::Bool),
        Standard::Null => Value::Null,
        Standard::Timestamp => timestamp(text).map(Value::Date).ok_or_else(|| {
            let text = format!("Unexpected timestamp: {text}");
            Error::new("org.yaml.snakeyaml.error.YAMLException", text)
        })?,
        Standard::Binary => {
            let compact: String = text.split_whitespace().collect();
            let bytes = STANDARD
                .decode(compact)
                .map_err(|_| Error::illegal_argument("Illegal base64 text"))?;
            let bytes = bytes.into_iter().map(|byte| Value::Byte(byte as i8));
            Value::array("byte", bytes.collect())
        }
        _ => Value::from(text),
    })
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// `12`, `+1_000`, `0x1F`, `017`, `0b11`, `1:30` (base sixty).
fn integer<'a>(text: &str) -> Option<Value<'a>> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let compact: String = digits.chars().filter(|c| *c != '_').collect();
    let all = |text: &str, test: fn(u8) -> bool| {
        !text.is_empty() && text.bytes().all(|byte| test(byte) || byte == b'_')
    };
    let radix = |digits: &str, radix: u32| number::big_in_radix(&format!("{sign}{digits}"), radix);
    let value = if let Some(binary) = digits.strip_prefix("0b") {
        all(binary, |b| matches!(b, b'0' | b'1')).then(|| radix(&compact[2..], 2))?
    } else if let Some(hex) = digits.strip_prefix("0x") {
        all(hex, |b| b.is_ascii_hexdigit()).then(|| radix(&compact[2..], 16))?
    } else if digits == "0" {
        return Some(Value::Int(0));
    } else if let Some(octal) = digits.strip_prefix('0') {
        all(octal, |b| (b'0'..=b'7').contains(&b)).then(|| radix(&compact[1..], 8))?
    } else if digits.contains(':') {
        return sexagesimal(sign, digits, &compact);
    } else {
        let starts = digits.starts_with(|c: char| c.is_ascii_digit());
        (starts && all(digits, |b| b.is_ascii_digit())).then(|| radix(&compact, 10))?
    }?;
    Some(number::smallest(value))
}

fn sexagesimal<'a>(sign: &str, digits: &str, compact: &str) -> Option<Value<'a>> {
    let parts_fit = digits
        .split(':')
        .skip(1)
        .all(|part| matches!(part.len(), 1 | 2) && part.parse::<u32>().is_ok_and(|part| part < 60));
    if !parts_fit || !digits.starts_with(|c: char| ('1'..='9').contains(&c)) {
        return None;
    }
    let mut total: i64 = 0;
    for part in compact.split(':') {
        total = total
            .checked_mul(60)?
            .checked_add(part.parse::<i64>().ok()?)?;
    }
    let signed = if sign.is_empty() { total } else { -total };
    Some(number::smallest(signed.into()))
}

/// `1.5`, `1e3`, `.5`, `1:30.5`, `.inf`, `.NaN`.
fn float(text: &str) -> Option<f64> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    let compact: String = unsigned.chars().filter(|c| *c != '_').collect();
    let (mantissa, exponent) = match compact.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (compact.as_str(), None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|text| {
        let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
        !bare.is_empty() && digits(bare)
    });
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    if let Some((first, rest)) = whole.split_once(':') {
        // Base sixty has a point and no exponent.
        let fraction = fraction.filter(|text| exponent.is_none() && digits(text))?;
        let mut total: f64 = first.parse().ok()?;
        for part in rest.split(':') {
            total = total * 60.0 + part.parse::<f64>().ok().filter(|part| *part < 60.0)?;
        }
        return Some(sign * (total + format!("0.{fraction}0").parse::<f64>().ok()?));
    }
    let has_digits = !whole.is_empty() || fraction.is_some_and(|text| !text.is_empty());
    let fits = digits(whole)
        && fraction.is_none_or(digits)
        && exponent_fits
        && has_digits
        && (fraction.is_some() || exponent.is_some())
        && unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number = format!("{mantissa}0e{}", exponent.unwrap_or("0"));
    let number = match fraction {
        Some(_) => number,
        None => format!("{mantissa}e{}", exponent.unwrap_or("0")),
    };
    fits.then(|| number.parse::<f64>().ok().map(|value| sign * value))
        .flatten()
}

/// `2020-01-31`, or date and time, in UTC unless an offset is given.
fn timestamp(text: &str) -> Option<i64> {
    let mut rest = text;
    let year = digits(&mut rest, 4, 4)?;
    rest = rest.strip_prefix('-')?;
    let month = digits(&mut rest, 1, 2)?;
    rest = rest.strip_prefix('-')?;
    let day = digits(&mut rest, 1, 2)?;
    let date: Date = time::date(year, month, day).ok()?;
    if rest.is_empty() {
        // A date alone has two digits each.
        let midnight = date.to_datetime(jiff::civil::Time::midnight());
        return (text.len() == 10).then(|| millis(midnight, 0))?;
    }
    rest = match rest.strip_prefix(['T', 't']) {
        Some(rest) => rest,
        None => {
            let trimmed = rest.trim_start_matches([' ', '\t']);
            (trimmed.len() < rest.len()).then_some(trimmed)?
        }
    };
    let hour = digits(&mut rest, 1, 2)?;
    rest = rest.strip_prefix(':')?;
    let minute = digits(&mut rest, 2, 2)?;
    rest = rest.strip_prefix(':')?;
    let second = digits(&mut rest, 2, 2)?;
    let mut nano = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
        let zeros = std::iter::repeat_n('0', 9);
        let nine: String = fraction[..count].chars().chain(zeros).take(9).collect();
        nano = nine.parse().ok()?;
        rest = &fraction[count..];
    }
    let offset = offset(rest.trim_start_matches([' ', '\t']))?;
    let clock = time::time(hour, minute, second, nano).ok()?;
    millis(date.to_datetime(clock), offset)
}

/// Takes as many digits as there are, up to `most`.
fn digits(rest: &mut &str, least: usize, most: usize) -> Option<i32> {
    let text = *rest;
    let count = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    *rest = &text[count..];
    text[..count].parse().ok().filter(|_| count >= least)
}

/// Seconds of nothing, `Z`, `+1`, `+01:30`, `-0800`.
fn offset(text: &str) -> Option<i64> {
    if matches!(text, "" | "Z") {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at(digits.len() - 2),
        None => (digits, "00"),
    };
    let number = |text: &str, most: usize| -> Option<i64> {
        let fits = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| fits)
    };
    Some(sign * (number(hours, 2)? * 3_600 + number(minutes, 2)? * 60))
}

fn millis(time: DateTime, offset: i64) -> Option<i64> {
    Some(time::millis(time, &TimeZone::UTC).ok()? - offset * 1_000)
}
