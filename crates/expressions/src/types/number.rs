//! `java.lang.Number` conversions and text parsing.

use num_bigint::BigInt;

use super::Param;
use crate::error::{Error, Result};
use crate::value::{Value, text};

/// `doubleValue`
pub(crate) fn to_f64(value: &Value<'_>) -> f64 {
    match value {
        Value::Byte(n) => f64::from(*n),
        Value::Int(n) => f64::from(*n),
        Value::Long(n) => *n as f64,
        Value::Float(n) => f64::from(*n),
        Value::Double(n) => *n,
        Value::Big(n) => n.to_string().parse().unwrap_or(f64::NAN),
        _ => 0.0,
    }
}

/// `longValue`: fractions are cut, doubles saturate, big integers wrap.
pub(crate) fn to_i64(value: &Value<'_>) -> i64 {
    match value {
        Value::Byte(n) => i64::from(*n),
        Value::Int(n) => i64::from(*n),
        Value::Long(n) => *n,
        Value::Float(n) => *n as i64,
        Value::Double(n) => *n as i64,
        Value::Big(n) => {
            let low = n.iter_u64_digits().next().unwrap_or(0) as i64;
            if n.sign() == num_bigint::Sign::Minus {
                low.wrapping_neg()
            } else {
                low
            }
        }
        _ => 0,
    }
}

/// `NumberUtils.convertNumberToTargetClass`: integers out of range are an error.
pub(crate) fn narrow<'a>(value: &Value<'a>, target: Param) -> Result<Value<'a>> {
    let overflow = || {
        let source = super::class_name(value);
        Error::illegal_argument(format!(
            "Could not convert number [{}] of type [{source}] to target class [{}]: overflow",
            text::java(value),
            target.boxed()
        ))
    };
    let whole = || -> Result<i64> {
        match value {
            Value::Big(n) => i64::try_from(&**n).map_err(|_| overflow()),
            value => Ok(to_i64(value)),
        }
    };
    Ok(match target {
        Param::Byte | Param::ByteObject => {
            Value::Byte(i8::try_from(whole()?).map_err(|_| overflow())?)
        }
        Param::Short => Value::Int(i32::from(i16::try_from(whole()?).map_err(|_| overflow())?)),
        Param::Int | Param::IntObject => {
            Value::Int(i32::try_from(whole()?).map_err(|_| overflow())?)
        }
        Param::Long | Param::LongObject => Value::Long(whole()?),
        Param::Float | Param::FloatObject => Value::Float(match value {
            Value::Float(n) => *n,
            value => to_f64(value) as f32,
        }),
        _ => Value::Double(to_f64(value)),
    })
}

/// `NumberUtils.parseNumber`: hexadecimal with `0x` or `#`, else as the class's `valueOf`.
pub(crate) fn parse<'a>(text: &str, target: Param) -> Result<Value<'a>> {
    let bare = text.strip_prefix('-').unwrap_or(text);
    let hex = ["0x", "0X", "#"]
        .iter()
        .find_map(|prefix| bare.strip_prefix(prefix));
    let integer = |text: &str| -> Result<i64> {
        match hex {
            None => long(text, 10),
            Some(digits) => {
                let sign = if bare.len() == text.len() { "" } else { "-" };
                long(&format!("{sign}{digits}"), 16).map_err(|_| Error::number_format(text))
            }
        }
    };
    let ranged = |low: i64, high: i64| match integer(text) {
        Ok(n) if (low..=high).contains(&n) => Ok(n),
        _ => Err(Error::number_format(text)),
    };
    Ok(match target {
        Param::Byte | Param::ByteObject => {
            Value::Byte(ranged(i8::MIN.into(), i8::MAX.into())? as i8)
        }
        Param::Short => Value::Int(ranged(i16::MIN.into(), i16::MAX.into())? as i32),
        Param::Int | Param::IntObject => {
            Value::Int(ranged(i32::MIN.into(), i32::MAX.into())? as i32)
        }
        Param::Long | Param::LongObject => Value::Long(integer(text)?),
        Param::Float | Param::FloatObject => Value::Float(float(text)?),
        _ => Value::Double(double(text)?),
    })
}

/// `Integer.parseInt`
pub(crate) fn int(text: &str, radix: u32) -> Result<i32> {
    if !text.is_empty()
        && radix_ok(radix)
        && let Ok(value) = i32::from_str_radix(text, radix)
    {
        return Ok(value);
    }
    Err(format_error(text, radix))
}

/// `Long.parseLong`
pub(crate) fn long(text: &str, radix: u32) -> Result<i64> {
    if !text.is_empty()
        && radix_ok(radix)
        && let Ok(value) = i64::from_str_radix(text, radix)
    {
        return Ok(value);
    }
    Err(format_error(text, radix))
}

fn radix_ok(radix: u32) -> bool {
    (2..=36).contains(&radix)
}

fn format_error(text: &str, radix: u32) -> Error {
    let name = "java.lang.NumberFormatException";
    match radix {
        10 => Error::number_format(text),
        radix if !radix_ok(radix) && radix < 2 => {
            Error::new(name, format!("radix {radix} less than Character.MIN_RADIX"))
        }
        radix if !radix_ok(radix) => Error::new(
            name,
            format!("radix {radix} greater than Character.MAX_RADIX"),
        ),
        radix => Error::new(
            name,
            format!("For input string: \"{text}\" under radix {radix}"),
        ),
    }
}

/// `Double.parseDouble`: surrounding blanks, a type suffix, `NaN` and `Infinity` are fine.
pub(crate) fn double(text: &str) -> Result<f64> {
    let trimmed = text.trim_matches(|c: char| c <= ' ');
    if trimmed.is_empty() {
        return Err(Error::new(
            "java.lang.NumberFormatException",
            "empty String",
        ));
    }
    let (sign, unsigned) = match trimmed.as_bytes()[0] {
        b'-' => (-1.0, &trimmed[1..]),
        b'+' => (1.0, &trimmed[1..]),
        _ => (1.0, trimmed),
    };
    match unsigned {
        "NaN" => return Ok(f64::NAN),
        "Infinity" => return Ok(sign * f64::INFINITY),
        _ => {}
    }
    let digits = unsigned
        .strip_suffix(['f', 'F', 'd', 'D'])
        .unwrap_or(unsigned);
    // Rust knows more words and a bare sign that Java does not.
    let plain = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if let Some(hex) = ["0x", "0X"]
        .iter()
        .find_map(|mark| digits.strip_prefix(mark))
    {
        let value = hexadecimal(hex).ok_or_else(|| Error::number_format(trimmed))?;
        return Ok(sign * value);
    }
    match digits.parse::<f64>() {
        Ok(value) if plain => Ok(sign * value),
        _ => Err(Error::number_format(trimmed)),
    }
}

/// `1.8p3`: digits to the base 16 times a power of two.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, power) = text.split_once(['p', 'P'])?;
    let power: i32 = power.strip_prefix('+').unwrap_or(power).parse().ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let is_hex = !all.is_empty() && all.bytes().all(|byte| byte.is_ascii_hexdigit());
    // More digits than a double holds would have to be rounded once, not twice.
    let significant = all.trim_start_matches('0').trim_end_matches('0').len();
    if !is_hex || significant > 13 {
        return None;
    }
    let dropped = all.len() - all.trim_end_matches('0').len();
    let mantissa = u64::from_str_radix(&format!("0{}", all.trim_end_matches('0')), 16).ok()?;
    let scale = 4 * (dropped as i32 - fraction.len() as i32);
    let mut power = power.checked_add(scale)?.clamp(-2_000, 2_000);
    let mut value = mantissa as f64;
    // In steps that a double can hold.
    while power != 0 {
        let step = power.clamp(-500, 500);
        value *= 2f64.powi(step);
        power -= step;
    }
    Some(value)
}

/// `Float.parseFloat`
pub(crate) fn float(text: &str) -> Result<f32> {
    let value = double(text)?;
    let trimmed = text.trim_matches(|c: char| c <= ' ');
    let digits = trimmed
        .strip_suffix(['f', 'F', 'd', 'D'])
        .unwrap_or(trimmed);
    Ok(digits.parse::<f32>().unwrap_or(value as f32))
}

/// `Integer.decode`, `Long.decode` and `Byte.decode` before their range check.
pub(crate) fn decode(text: &str) -> Result<i64> {
    let (sign, rest) = match text.as_bytes().first() {
        None => {
            return Err(Error::new(
                "java.lang.NumberFormatException",
                "Zero length string",
            ));
        }
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        Some(_) => ("", text),
    };
    let (digits, radix) = if let Some(hex) = ["0x", "0X", "#"]
        .iter()
        .find_map(|prefix| rest.strip_prefix(prefix))
    {
        (hex, 16)
    } else if rest.len() > 1 && rest.starts_with('0') {
        (&rest[1..], 8)
    } else {
        (rest, 10)
    };
    long(&format!("{sign}{digits}"), radix).map_err(|_| format_error(digits, radix))
}

/// Digits of any length.
pub(crate) fn big(text: &str) -> Option<BigInt> {
    text.parse().ok()
}

/// Digits of any length in a radix that is a power of two, or ten.
pub(crate) fn big_in_radix(text: &str, radix: u32) -> Option<BigInt> {
    BigInt::parse_bytes(text.as_bytes(), radix)
}

/// An integer in the smallest of int, long and big integer.
pub(crate) fn smallest<'a>(value: BigInt) -> Value<'a> {
    match (i32::try_from(&value), i64::try_from(&value)) {
        (Ok(value), _) => Value::Int(value),
        (_, Ok(value)) => Value::Long(value),
        _ => Value::Big(value.into()),
    }
}
