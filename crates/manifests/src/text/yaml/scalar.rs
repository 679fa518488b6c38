//! What a scalar means in YAML 1.1 (`org.yaml.snakeyaml.resolver.Resolver`).

use std::fmt;

use serde_json::{Number, Value};

/// The types that a standard tag (`!!int`) can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standard {
    Text,
    Int,
    Float,
    Bool,
    Null,
    Collection,
}

impl Standard {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            // Dates and binary data are text in manifests: JSON has neither.
            "str" | "timestamp" | "binary" => Self::Text,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "null" => Self::Null,
            "seq" | "map" => Self::Collection,
            _ => return None,
        })
    }
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Null => "null",
            Self::Collection => "map",
        })
    }
}

/// A scalar without a tag: text in quotes is text, plain text is what it looks like.
pub(super) fn resolve(text: &str, plain: bool) -> Value {
    if !plain {
        return text.into();
    }
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    let value = match text.as_bytes()[0] {
        // A number of Java's is never that long, and what JSON cannot hold stays text.
        b'0'..=b'9' | b'+' | b'-' | b'.' if text.len() <= 100 => {
            integer(text).or_else(|| float(text)).map(Value::Number)
        }
        _ => boolean(text).map(Value::Bool),
    };
    value.unwrap_or_else(|| text.into())
}

/// A scalar with a standard tag; none when it is no such thing.
pub(super) fn construct(tag: Standard, text: &str) -> Option<Value> {
    Some(match tag {
        Standard::Text => text.into(),
        Standard::Int => integer(text)?.into(),
        Standard::Float => float(text).or_else(|| integer(text))?.into(),
        Standard::Bool => boolean(text)?.into(),
        Standard::Null => Value::Null,
        Standard::Collection => return None,
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
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let compact: String = digits.chars().filter(|c| *c != '_').collect();
    let magnitude = if let Some(binary) = compact.strip_prefix("0b") {
        radix(binary, 2)?
    } else if let Some(hex) = compact.strip_prefix("0x") {
        radix(hex, 16)?
    } else if compact.contains(':') {
        sexagesimal(&compact)?
    } else if compact.len() > 1 && compact.starts_with('0') {
        radix(&compact[1..], 8)?
    } else {
        radix(&compact, 10)?
    };
    match negative {
        true => i64::try_from(-magnitude).ok().map(Number::from),
        false => u64::try_from(magnitude).ok().map(Number::from),
    }
}

fn radix(digits: &str, radix: u32) -> Option<i128> {
    // The parser would take a sign.
    match digits.starts_with(['+', '-']) {
        true => None,
        false => i128::from_str_radix(digits, radix).ok(),
    }
}

fn sexagesimal(text: &str) -> Option<i128> {
    if text.starts_with('0') {
        return None;
    }
    let mut total: i128 = 0;
    for (index, part) in text.split(':').enumerate() {
        let number = radix(part, 10)?;
        if index > 0 && (part.len() > 2 || number > 59) {
            return None;
        }
        total = total.checked_mul(60)?.checked_add(number)?;
    }
    Some(total)
}

/// `1.5`, `1e3`, `.5`; what JSON cannot hold (`.inf`) is none.
fn float(text: &str) -> Option<Number> {
    let compact: String = text.chars().filter(|c| *c != '_').collect();
    let unsigned = compact.strip_prefix(['+', '-']).unwrap_or(&compact);
    let has_digit = unsigned.starts_with(|c: char| c.is_ascii_digit())
        || unsigned
            .strip_prefix('.')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let plain = unsigned
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    let fractional = unsigned.contains(['.', 'e', 'E']);
    match has_digit && plain && fractional {
        true => Number::from_f64(compact.parse().ok()?),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn plain_scalars_mean_what_they_mean_in_yaml_1_1() {
        let rows = [
            ("0644", "420"),
            ("0o644", "\"0o644\""),
            ("0x1F", "31"),
            ("0b101", "5"),
            ("0", "0"),
            ("-0", "0"),
            ("08", "\"08\""),
            ("1_000", "1000"),
            ("+12", "12"),
            ("-12", "-12"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "\"18446744073709551616\""),
            ("22:22", "1342"),
            ("1.5", "1.5"),
            (".5", "0.5"),
            ("1e3", "1000.0"),
            ("1.2.3", "\"1.2.3\""),
            (".inf", "\".inf\""),
            ("-", "\"-\""),
            ("yes", "true"),
            ("Off", "false"),
            ("y", "\"y\""),
            ("~", "null"),
            ("", "null"),
            ("Null", "null"),
            ("2026-11-21", "\"2026-11-21\""),
            ("1Gi", "\"1Gi\""),
            ("100m", "\"100m\""),
            ("1-2", "\"1-2\""),
            ("1e", "\"1e\""),
        ];
        for (text, expected) in rows {
            assert_eq!(resolve(text, true).to_string(), expected, "{text}");
            assert_eq!(resolve(text, false), text, "{text}");
        }
    }
}
