//! Java's `toString` of every value.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Object, Value};

/// Nothing longer than this is written, give or take one part: a value may hold the same part many times.
const BYTES_MAX: usize = 1 << 20;

const DAYS: [&str; 7] = [
    "MONDAY",
    "TUESDAY",
    "WEDNESDAY",
    "THURSDAY",
    "FRIDAY",
    "SATURDAY",
    "SUNDAY",
];

/// `String.valueOf(value)`. Dates are shown in UTC here; `Machine::text_of` knows the zone.
pub(crate) fn java(value: &Value<'_>) -> String {
    let mut out = String::new();
    let object = |object: &Object<'_>| crate::objects::text(None, object);
    write(value, &TimeZone::UTC, &object, &mut out);
    out
}

/// As [`java`], with dates in a zone. `object` shows executions, stages and so on.
pub(crate) fn write<'a>(
    value: &Value<'a>,
    zone: &TimeZone,
    object: &dyn Fn(&Object<'a>) -> String,
    out: &mut String,
) {
    if out.len() > BYTES_MAX {
        return;
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Byte(value) => out.push_str(&format!("{value}")),
        Value::Char(value) => out.push(*value),
        Value::Int(value) => out.push_str(&format!("{value}")),
        Value::Long(value) => out.push_str(&format!("{value}")),
        Value::Float(value) => out.push_str(&float(*value)),
        Value::Double(value) => out.push_str(&double(*value)),
        Value::Big(value) => out.push_str(&format!("{value}")),
        Value::Text(text) | Value::Status(text) => out.push_str(text),
        Value::List(list) => {
            out.push('[');
            for (i, item) in list.items().iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                write(item, zone, object, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (i, (key, value)) in map.entries().iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                write(key, zone, object, out);
                out.push('=');
                write(value, zone, object, out);
            }
            out.push('}');
        }
        Value::Array(array) => {
            let name = class_name(&format!("{}[]", array.element));
            // Java shows an address; a fixed one keeps replay the same.
            out.push_str(&name);
            out.push_str("@0");
        }
        Value::Entry(entry, _) => {
            write(&entry.0, zone, object, out);
            out.push('=');
            write(&entry.1, zone, object, out);
        }
        Value::Date(millis) => out.push_str(&crate::types::date_format::date_text(*millis, zone)),
        Value::Instant(instant) => out.push_str(&instant_text(*instant)),
        Value::LocalDate(date) => out.push_str(&format!("{date}")),
        Value::LocalDateTime(time) => out.push_str(&date_time(*time)),
        Value::DayOfWeek(_) | Value::ChronoUnit(_) => {
            out.push_str(match value {
                Value::ChronoUnit(unit) => unit.display(),
                other => enum_name(other),
            });
        }
        Value::Uuid(id) => out.push_str(&uuid(*id)),
        Value::Class(name) => out.push_str(&class_text(name)),
        Value::Random(_) => out.push_str("java.util.Random@0"),
        Value::DateFormat(pattern) => {
            let hash = super::order::hash_text(pattern);
            out.push_str(&format!("java.text.SimpleDateFormat@{hash:x}"));
        }
        Value::Object(which) => out.push_str(&object(which)),
        Value::NotEvaluable(_) => {
            out.push_str("com.netflix.spinnaker.kork.expressions.NotEvaluableExpression@0");
        }
    }
}

/// `Class.toString`.
fn class_text(name: &str) -> String {
    match crate::types::known::is_primitive(name) {
        true => name.to_owned(),
        false => format!("class {}", class_name(name)),
    }
}

/// `Class.getName`, which writes arrays as `[Ljava.lang.String;`.
pub(crate) fn class_name(name: &str) -> String {
    let element = name.trim_end_matches("[]");
    let dimensions = (name.len() - element.len()) / 2;
    if dimensions == 0 {
        return name.to_owned();
    }
    let element = match element {
        "boolean" => "Z".to_owned(),
        "byte" => "B".to_owned(),
        "char" => "C".to_owned(),
        "short" => "S".to_owned(),
        "int" => "I".to_owned(),
        "long" => "J".to_owned(),
        "float" => "F".to_owned(),
        "double" => "D".to_owned(),
        class => format!("L{class};"),
    };
    format!("{}{element}", "[".repeat(dimensions))
}

/// `Enum.name()`.
pub(crate) fn enum_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::DayOfWeek(day) => DAYS[usize::from((*day).clamp(1, 7) as u8 - 1)],
        Value::ChronoUnit(unit) => unit.name(),
        _ => "",
    }
}

pub(crate) fn day_of_week(name: &str) -> Option<i8> {
    DAYS.iter()
        .position(|day| *day == name)
        .map(|at| at as i8 + 1)
}

pub(crate) fn uuid(id: u128) -> String {
    let hex = format!("{id:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// `Double.toString`: the shortest digits that give the number back (JDK 19 and later).
pub(crate) fn double(value: f64) -> String {
    decimal(
        value.is_nan(),
        value.is_infinite(),
        value < 0.0,
        value == 0.0,
        value.is_sign_negative(),
        || format!("{:e}", value.abs()),
    )
}

/// `Float.toString`.
pub(crate) fn float(value: f32) -> String {
    decimal(
        value.is_nan(),
        value.is_infinite(),
        value < 0.0,
        value == 0.0,
        value.is_sign_negative(),
        || format!("{:e}", value.abs()),
    )
}

fn decimal(
    nan: bool,
    infinite: bool,
    negative: bool,
    zero: bool,
    signed: bool,
    scientific: impl FnOnce() -> String,
) -> String {
    if nan {
        return "NaN".into();
    }
    let sign = if negative || zero && signed { "-" } else { "" };
    if infinite {
        return format!("{sign}Infinity");
    }
    if zero {
        return format!("{sign}0.0");
    }
    let text = scientific();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    if !(-3..7).contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { "0" } else { rest };
        return format!("{sign}{first}.{rest}E{exponent}");
    }
    if exponent < 0 {
        let zeros = "0".repeat((-exponent - 1) as usize);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits}{}.0", "0".repeat(whole - digits.len()));
    }
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}

/// Upper then lower case of one letter, as `equalsIgnoreCase` compares.
pub(crate) fn folded(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut upper = c.to_uppercase();
    let up = match (upper.next(), upper.next()) {
        (Some(up), None) => up,
        _ => c,
    };
    let mut lower = up.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(low), None) => low,
        _ => up,
    }
}

/// `Instant.toString`: fraction in groups of three digits, only as many as needed.
pub(crate) fn instant_text(instant: jiff::Timestamp) -> String {
    let time = instant.to_zoned(TimeZone::UTC).datetime();
    format!(
        "{}T{}{}Z",
        time.date(),
        clock(time, true),
        fraction(time.subsec_nanosecond())
    )
}

/// `LocalDateTime.toString`: seconds are left out when they are zero.
pub(crate) fn date_time(time: DateTime) -> String {
    let nanos = time.subsec_nanosecond();
    let seconds = time.second() != 0 || nanos != 0;
    format!(
        "{}T{}{}",
        time.date(),
        clock(time, seconds),
        fraction(nanos)
    )
}

/// As Jackson writes a `LocalDateTime` with timestamps on.
pub(crate) fn date_time_numbers(time: DateTime) -> Vec<i64> {
    let mut out = vec![
        i64::from(time.year()),
        time.month().into(),
        time.day().into(),
        time.hour().into(),
        time.minute().into(),
    ];
    let nanos = time.subsec_nanosecond();
    if time.second() != 0 || nanos != 0 {
        out.push(time.second().into());
        if nanos != 0 {
            // Orca's mapper has nanoseconds off.
            out.push((nanos / 1_000_000).into());
        }
    }
    out
}

fn clock(time: DateTime, seconds: bool) -> String {
    match seconds {
        true => format!(
            "{:02}:{:02}:{:02}",
            time.hour(),
            time.minute(),
            time.second()
        ),
        false => format!("{:02}:{:02}", time.hour(), time.minute()),
    }
}

fn fraction(nanos: i32) -> String {
    match nanos {
        0 => String::new(),
        n if n % 1_000_000 == 0 => format!(".{:03}", n / 1_000_000),
        n if n % 1_000 == 0 => format!(".{:06}", n / 1_000),
        n => format!(".{n:09}"),
    }
}
