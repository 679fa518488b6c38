//! `java.util.Formatter` for `String.format`, in the locale of the United States.

mod spec;

use self::spec::{Index, Piece, Spec};
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::types::class_name;
use crate::types::number::to_i64;
use crate::value::{Value, compare};

/// Widths and precisions beyond this are refused: nobody needs a million blanks.
const WIDTH_MAX: usize = 10_000;

/// `String.format(format, args)`
pub(crate) fn format<'a>(
    machine: &mut Machine<'a, '_>,
    format: &str,
    args: &[Value<'a>],
) -> Result<String> {
    machine.charge(format.len())?;
    let mut out = String::new();
    let (mut next, mut last) = (0, None);
    for piece in spec::pieces(format)? {
        let spec = match piece {
            Piece::Text(text) => {
                out.push_str(&text);
                continue;
            }
            Piece::Spec(spec) => spec,
        };
        if spec.is_text() {
            let text = if spec.conversion == 'n' { "\n" } else { "%" };
            pad(&mut out, text, &spec);
            continue;
        }
        let place = match spec.index {
            Index::At(number) => number - 1,
            Index::Last => last.ok_or_else(|| missing(&spec))?,
            Index::Next => {
                next += 1;
                next - 1
            }
        };
        last = Some(place);
        let value = args.get(place).ok_or_else(|| missing(&spec))?;
        let text = one(machine, &spec, value)?;
        machine.charge(text.len())?;
        pad(&mut out, &text, &spec);
        machine.charge(50 + spec.width.unwrap_or(0) / 4)?;
    }
    Ok(out)
}

fn error(class: &'static str, text: impl Into<String>) -> Error {
    Error::new(class, text)
}

fn missing(spec: &Spec) -> Error {
    error(
        "java.util.MissingFormatArgumentException",
        format!("Format specifier '{}'", spec.shown()),
    )
}

fn one<'a>(machine: &mut Machine<'a, '_>, spec: &Spec, value: &Value<'a>) -> Result<String> {
    if spec.date {
        let text = date(machine, spec, value)?;
        return Ok(if spec.flags.contains('^') {
            text.to_uppercase()
        } else {
            text
        });
    }
    let upper = spec.conversion.is_ascii_uppercase();
    let text = match spec.conversion.to_ascii_lowercase() {
        'b' => {
            let truth = match value {
                Value::Null => false,
                Value::Bool(value) => *value,
                _ => true,
            };
            cut(truth.to_string(), spec)
        }
        'h' => cut(
            if value.is_null() {
                "null".into()
            } else {
                machine.measure(value)?;
                format!("{:x}", compare::hash_code(value))
            },
            spec,
        ),
        's' => {
            spec.refuse("#")?;
            cut(machine.text_of(value), spec)
        }
        'c' => character(spec, value)?,
        'd' => integer(spec, value)?,
        'o' | 'x' => bits(spec, value)?,
        _ => real(spec, value)?,
    };
    Ok(if upper { text.to_uppercase() } else { text })
}

fn cut(text: String, spec: &Spec) -> String {
    match spec.precision {
        None => text,
        Some(most) => text.chars().take(most).collect(),
    }
}

fn mismatch(spec: &Spec, value: &Value<'_>) -> Error {
    let text = format!("{} != {}", spec.letter(), class_name(value));
    error("java.util.IllegalFormatConversionException", text)
}

fn character(spec: &Spec, value: &Value<'_>) -> Result<String> {
    match value {
        Value::Null => Ok("null".into()),
        Value::Char(c) => Ok(c.to_string()),
        Value::Int(code) => u32::try_from(*code)
            .ok()
            .and_then(char::from_u32)
            .map(String::from)
            .ok_or_else(|| {
                error(
                    "java.util.IllegalFormatCodePointException",
                    format!("Code point = 0x{code:x}"),
                )
            }),
        Value::Byte(code) => Ok(char::from(*code as u8).to_string()),
        other => Err(mismatch(spec, other)),
    }
}

fn is_integer(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::Byte(_) | Value::Int(_) | Value::Long(_) | Value::Big(_)
    )
}

fn integer(spec: &Spec, value: &Value<'_>) -> Result<String> {
    if value.is_null() {
        return Ok("null".into());
    }
    if !is_integer(value) {
        return Err(mismatch(spec, value));
    }
    let text = match value {
        Value::Big(value) => value.to_string(),
        value => to_i64(value).to_string(),
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.as_str()),
    };
    Ok(signed(spec, negative, group(spec, digits)))
}

fn bits(spec: &Spec, value: &Value<'_>) -> Result<String> {
    if matches!(value, Value::Byte(_) | Value::Int(_) | Value::Long(_)) {
        // These are shown without a sign.
        spec.refuse("( +")?;
    }
    let octal = spec.conversion == 'o';
    let digits = match value {
        Value::Null => return Ok("null".into()),
        Value::Byte(value) if octal => format!("{:o}", *value as u8),
        Value::Byte(value) => format!("{:x}", *value as u8),
        Value::Int(value) if octal => format!("{value:o}"),
        Value::Int(value) => format!("{value:x}"),
        Value::Long(value) if octal => format!("{value:o}"),
        Value::Long(value) => format!("{value:x}"),
        Value::Big(value) => value.to_str_radix(if octal { 8 } else { 16 }),
        other => return Err(mismatch(spec, other)),
    };
    let prefix = match (spec.flags.contains('#'), octal) {
        (false, _) => "",
        (true, true) => "0",
        (true, false) => "0x",
    };
    Ok(zero_filled(spec, prefix, &digits))
}

fn real(spec: &Spec, value: &Value<'_>) -> Result<String> {
    let number = match value {
        Value::Null => return Ok(cut("null".into(), spec)),
        Value::Float(value) => {
            // The digits that Java shows are those of the float.
            value.to_string().parse().unwrap_or(f64::from(*value))
        }
        Value::Double(value) => *value,
        other => return Err(mismatch(spec, other)),
    };
    if number.is_nan() {
        return Ok("NaN".into());
    }
    let negative = number.is_sign_negative();
    if number.is_infinite() {
        let text = "Infinity";
        return Ok(match (negative, spec.flags.contains('(')) {
            (true, true) => format!("({text})"),
            (true, false) => format!("-{text}"),
            (false, _) if spec.flags.contains('+') => format!("+{text}"),
            (false, _) => text.into(),
        });
    }
    let magnitude = number.abs();
    let precision = spec.precision.unwrap_or(6);
    let digits = match spec.conversion.to_ascii_lowercase() {
        'f' => fixed_point(magnitude, precision),
        'e' => exponential(magnitude, precision),
        'g' => {
            let precision = if precision == 0 { 1 } else { precision };
            let rounded: f64 = exponential(magnitude, precision - 1)
                .parse()
                .unwrap_or(magnitude);
            if rounded == 0.0 {
                fixed_point(0.0, precision - 1)
            } else if (1e-4..10f64.powi(precision as i32)).contains(&rounded) {
                let whole = rounded.log10().floor() as i64 + 1;
                fixed_point(
                    magnitude,
                    usize::try_from(precision as i64 - whole).unwrap_or(0),
                )
            } else {
                exponential(magnitude, precision - 1)
            }
        }
        _ => hexadecimal(magnitude),
    };
    let digits = match digits.split_once('.') {
        Some((whole, rest)) if !digits.contains('e') || spec.conversion == 'g' => {
            format!("{}.{rest}", group(spec, whole))
        }
        None if !digits.contains('e') => group(spec, &digits),
        _ => digits,
    };
    Ok(signed(spec, negative, digits))
}

/// Half up on the decimal digits that Java would show, as `Formatter` rounds.
fn rounded_digits(value: f64, scale: usize) -> (String, i32) {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut digits: Vec<u8> = mantissa
        .bytes()
        .filter(u8::is_ascii_digit)
        .map(|b| b - b'0')
        .collect();
    let keep = i64::from(exponent) + 1 + scale as i64;
    if keep < 0 {
        return ("0".into(), 0);
    }
    let keep = keep as usize;
    let mut exponent = exponent;
    if digits.len() > keep {
        let up = digits[keep] >= 5;
        digits.truncate(keep);
        if up {
            let mut at = keep;
            loop {
                if at == 0 {
                    digits.insert(0, 1);
                    exponent += 1;
                    break;
                }
                at -= 1;
                if digits[at] == 9 {
                    digits[at] = 0;
                } else {
                    digits[at] += 1;
                    break;
                }
            }
        }
    }
    if digits.is_empty() {
        return ("0".into(), 0);
    }
    (
        digits.into_iter().map(|d| char::from(d + b'0')).collect(),
        exponent,
    )
}

fn fixed_point(value: f64, precision: usize) -> String {
    let (digits, exponent) = if value == 0.0 {
        ("0".to_owned(), 0)
    } else {
        rounded_digits(value, precision)
    };
    let digit = |place: i32| -> char {
        // Place 0 is the digit before the point.
        usize::try_from(exponent - place)
            .ok()
            .and_then(|at| digits.as_bytes().get(at))
            .map_or('0', |b| char::from(*b))
    };
    let mut out: String = (0..=exponent.max(0)).rev().map(digit).collect();
    if precision > 0 {
        out.push('.');
        out.extend((1..=precision).map(|place| digit(-(place as i32))));
    }
    out
}

fn exponential(value: f64, precision: usize) -> String {
    if value == 0.0 {
        let zeros = "0".repeat(precision);
        let point = if precision > 0 { "." } else { "" };
        return format!("0{point}{zeros}e+00");
    }
    let exponent: i32 = format!("{value:e}")
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    let scale = precision as i64 - i64::from(exponent);
    let (digits, exponent) = match usize::try_from(scale) {
        Ok(scale) => rounded_digits(value, scale),
        Err(_) => {
            // More digits than wanted before the point: round among them.
            let (digits, _) = rounded_digits(value / 10f64.powi(exponent), precision);
            (digits, exponent)
        }
    };
    let mut shown: String = digits.chars().take(precision + 1).collect();
    while shown.len() < precision + 1 {
        shown.push('0');
    }
    let (first, rest) = shown.split_at(1);
    let point = if precision > 0 { "." } else { "" };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", exponent.abs())
}

fn hexadecimal(value: f64) -> String {
    if value == 0.0 {
        return "0x0.0p0".into();
    }
    let bits = value.to_bits();
    let exponent = ((bits >> 52) & 0x7FF) as i64;
    let fraction = format!("{:013x}", bits & ((1 << 52) - 1));
    let trimmed = fraction.trim_end_matches('0');
    let shown = if trimmed.is_empty() { "0" } else { trimmed };
    match exponent {
        0 => format!("0x0.{shown}p-1022"),
        _ => format!("0x1.{shown}p{}", exponent - 1023),
    }
}

fn group(spec: &Spec, digits: &str) -> String {
    if !spec.flags.contains(',') {
        return digits.to_owned();
    }
    let mut out = String::new();
    for (at, c) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

fn signed(spec: &Spec, negative: bool, digits: String) -> String {
    let (before, after) = match negative {
        true if spec.flags.contains('(') => ("(", ")"),
        true => ("-", ""),
        false if spec.flags.contains('+') => ("+", ""),
        false if spec.flags.contains(' ') => (" ", ""),
        false => ("", ""),
    };
    let width = spec.width.unwrap_or(0).saturating_sub(after.len());
    let mut out = zero_to(spec, before, &digits, width);
    out.push_str(after);
    out
}

fn zero_filled(spec: &Spec, before: &str, digits: &str) -> String {
    zero_to(spec, before, digits, spec.width.unwrap_or(0))
}

fn zero_to(spec: &Spec, before: &str, digits: &str, width: usize) -> String {
    let have = before.len() + digits.len();
    let zeros = if spec.flags.contains('0') {
        width.saturating_sub(have)
    } else {
        0
    };
    format!("{before}{}{digits}", "0".repeat(zeros))
}

fn pad(out: &mut String, text: &str, spec: &Spec) {
    let fill = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
    let blanks = " ".repeat(fill);
    match spec.flags.contains('-') {
        true => {
            out.push_str(text);
            out.push_str(&blanks);
        }
        false => {
            out.push_str(&blanks);
            out.push_str(text);
        }
    }
}

fn date<'a>(machine: &mut Machine<'a, '_>, spec: &Spec, value: &Value<'a>) -> Result<String> {
    let zone = machine.env.zone.clone();
    let millis = match value {
        Value::Null => return Ok("null".into()),
        Value::Date(millis) | Value::Long(millis) => *millis,
        Value::LocalDate(date) => crate::types::time::millis(
            date.to_datetime(jiff::civil::Time::midnight()),
            &jiff::tz::TimeZone::UTC,
        )?,
        Value::LocalDateTime(time) => crate::types::time::millis(*time, &jiff::tz::TimeZone::UTC)?,
        other => return Err(mismatch(spec, other)),
    };
    let zone = if matches!(value, Value::Date(_) | Value::Long(_)) {
        zone
    } else {
        jiff::tz::TimeZone::UTC
    };
    let pattern = match spec.conversion {
        'H' => "HH",
        'I' => "hh",
        'k' => "H",
        'l' => "h",
        'M' => "mm",
        'S' => "ss",
        'L' => "SSS",
        'N' => "SSS'000000'",
        'p' => "a",
        'z' => "Z",
        'Z' => "zzz",
        's' => return Ok(millis.div_euclid(1000).to_string()),
        'Q' => return Ok(millis.to_string()),
        'B' => "MMMM",
        'b' | 'h' => "MMM",
        'A' => "EEEE",
        'a' => "EEE",
        'Y' => "yyyy",
        'y' => "yy",
        'j' => "DDD",
        'm' => "MM",
        'd' => "dd",
        'e' => "d",
        'R' => "HH:mm",
        'T' => "HH:mm:ss",
        'r' => "hh:mm:ss a",
        'D' => "MM/dd/yy",
        'F' => "yyyy-MM-dd",
        'c' => "EEE MMM dd HH:mm:ss zzz yyyy",
        other => {
            return Err(error(
                "java.util.UnknownFormatConversionException",
                format!("Conversion = 't{other}'"),
            ));
        }
    };
    let text = crate::types::date_format::format(pattern, millis, &zone)?;
    Ok(if spec.conversion == 'p' {
        text.to_lowercase()
    } else {
        text
    })
}
