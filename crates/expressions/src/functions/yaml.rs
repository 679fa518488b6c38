//! `#readYaml` and `#readAllYaml`: YAML 1.1 as SnakeYAML's safe constructor reads it.

use serde::de::Deserialize as _;
use serde_norway::{Deserializer, Value as Yaml};

use super::text;
use crate::error::{Error, HELPER, Result};
use crate::machine::Machine;
use crate::types::time;
use crate::value::{MapKind, Value};

const DEPTH_MAX: u32 = 64;

/// `#readYaml(text)`: exactly one document; none is null.
pub(super) fn read<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let source = text(&args[0]).map(str::to_owned);
    let result =
        documents(machine, source.as_deref()).and_then(|mut documents| match documents.len() {
            0 => Ok(Value::Null),
            1 => Ok(documents.remove(0)),
            _ => Err(Error::new(
                "org.yaml.snakeyaml.composer.ComposerException",
                "expected a single document in the stream\nbut found another document",
            )),
        });
    result.map_err(|error| {
        error.wrapped(
            HELPER,
            format!("#readYaml({}) failed", source.as_deref().unwrap_or("null")),
        )
    })
}

/// `#readAllYaml(text)`: a list of documents.
pub(super) fn read_all<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let source = text(&args[0]).map(str::to_owned);
    documents(machine, source.as_deref())
        .map(Value::list)
        .map_err(|error| {
            error.wrapped(
                HELPER,
                format!(
                    "#readAllYaml({}) failed",
                    source.as_deref().unwrap_or("null")
                ),
            )
        })
}

fn documents<'a>(machine: &mut Machine<'a, '_>, source: Option<&str>) -> Result<Vec<Value<'a>>> {
    let Some(source) = source else {
        return Err(Error::null_pointer("content"));
    };
    machine.charge(source.len().saturating_mul(2))?;
    refuse_tags(source)?;
    let plain = Plain::new(source);
    let mut out = Vec::new();
    for document in Deserializer::from_str(source) {
        let yaml = Yaml::deserialize(document).map_err(|error| {
            Error::new("org.yaml.snakeyaml.error.YAMLException", error.to_string())
        })?;
        out.push(convert(machine, &yaml, &plain, 0)?);
    }
    // An empty stream has no document at all, and the library gives one that is null.
    let empty = source
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    if empty {
        out.clear();
    }
    Ok(out)
}

/// The parser drops tags of classes; SnakeYAML's safe constructor knows the standard ones only.
///
/// `!!binary`, `!!set` and `!!omap` have no equal here. A text that holds such a word after a blank is refused too.
fn refuse_tags(source: &str) -> Result<()> {
    const KNOWN: [&str; 8] = [
        "str",
        "int",
        "float",
        "bool",
        "null",
        "seq",
        "map",
        "timestamp",
    ];
    for (at, _) in source.match_indices("!!") {
        let before = source[..at].chars().next_back();
        if before.is_some_and(|c| !(c.is_whitespace() || "[{,:-".contains(c))) {
            continue;
        }
        let tag: String = source[at + 2..]
            .chars()
            .take_while(|c| !c.is_whitespace() && !",]}".contains(*c))
            .collect();
        if !tag.is_empty() && !KNOWN.contains(&tag.as_str()) {
            return Err(Error::new(
                "org.yaml.snakeyaml.constructor.ConstructorException",
                format!("could not determine a constructor for the tag tag:yaml.org,2002:{tag}"),
            ));
        }
    }
    Ok(())
}

/// Which scalars stand in quotes somewhere in the text: those are never numbers, booleans or dates.
struct Plain<'s> {
    source: &'s str,
}

impl<'s> Plain<'s> {
    fn new(source: &'s str) -> Self {
        Self { source }
    }

    /// Whether the text occurs unquoted; the parser does not tell for each scalar.
    fn holds(&self, text: &str) -> bool {
        let quoted = |quote: char| self.source.contains(&format!("{quote}{text}{quote}"));
        !quoted('"') && !quoted('\'')
    }
}

fn convert<'a>(
    machine: &mut Machine<'a, '_>,
    yaml: &Yaml,
    plain: &Plain<'_>,
    depth: u32,
) -> Result<Value<'a>> {
    machine.charge(4)?;
    if depth > DEPTH_MAX {
        return Err(Error::new(
            "org.yaml.snakeyaml.error.YAMLException",
            "Nesting Depth exceeded max 50",
        ));
    }
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(*value),
        Yaml::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => i32::try_from(value).map_or(Value::Long(value), Value::Int),
            (None, Some(value)) => Value::Big(num_bigint::BigInt::from(value).into()),
            (None, None) => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Yaml::String(text) => scalar(text, plain),
        Yaml::Sequence(items) => {
            let items = items
                .iter()
                .map(|item| convert(machine, item, plain, depth + 1))
                .collect::<Result<_>>()?;
            Value::list(items)
        }
        Yaml::Mapping(map) => {
            let mut entries = Vec::new();
            for (key, value) in map {
                let key = convert(machine, key, plain, depth + 1)?;
                entries.push((key, convert(machine, value, plain, depth + 1)?));
            }
            Value::map(MapKind::Linked, entries)
        }
        Yaml::Tagged(tagged) => {
            return Err(Error::new(
                "org.yaml.snakeyaml.constructor.ConstructorException",
                format!(
                    "could not determine a constructor for the tag {}",
                    tagged.tag
                ),
            ));
        }
    })
}

/// What YAML 1.1 sees in a plain scalar that YAML 1.2 leaves as text.
fn scalar<'a>(text: &str, plain: &Plain<'_>) -> Value<'a> {
    let as_text = || Value::from(text);
    if text.is_empty() || text.len() > 64 || !plain.holds(text) {
        return as_text();
    }
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Value::Bool(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Value::Bool(false),
        _ => {}
    }
    if let Some(number) = old_number(text) {
        return number;
    }
    date(text).unwrap_or_else(as_text)
}

/// Octal with a leading zero, underscores, binary and base sixty.
fn old_number<'a>(text: &str) -> Option<Value<'a>> {
    let (sign, digits) = match text.as_bytes()[0] {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let compact: String = digits.chars().filter(|c| *c != '_').collect();
    let value = if let Some(octal) = compact
        .strip_prefix('0')
        .filter(|rest| !rest.is_empty() && rest.bytes().all(|b| (b'0'..=b'7').contains(&b)))
    {
        i64::from_str_radix(octal, 8).ok()?
    } else if let Some(binary) = compact.strip_prefix("0b") {
        i64::from_str_radix(binary, 2).ok()?
    } else if compact.contains(':') {
        let mut total: i64 = 0;
        for part in compact.split(':') {
            let part: i64 = part
                .parse()
                .ok()
                .filter(|part| (0..60).contains(part) || total == 0)?;
            total = total.checked_mul(60)?.checked_add(part)?;
        }
        total
    } else if compact.len() != digits.len() && compact.bytes().all(|b| b.is_ascii_digit()) {
        compact.parse().ok()?
    } else {
        return None;
    };
    let value = sign * value;
    Some(i32::try_from(value).map_or(Value::Long(value), Value::Int))
}

/// `2020-01-31`, and date with time: a date in UTC unless an offset is given.
fn date<'a>(text: &str) -> Option<Value<'a>> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let utc = jiff::tz::TimeZone::UTC;
    if let Ok(date) = time::parse_date(text) {
        return time::millis(date.to_datetime(jiff::civil::Time::midnight()), &utc)
            .ok()
            .map(Value::Date);
    }
    let joined = text.replacen([' ', 't'], "T", 1);
    if let Ok(instant) = time::parse_instant(&joined.replace(' ', "")) {
        return Some(Value::Date(instant.as_millisecond()));
    }
    let local = time::parse_date_time(&joined).ok()?;
    time::millis(local, &utc).ok().map(Value::Date)
}
