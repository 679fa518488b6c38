//! `Math`, `Random`, `UUID`, `URLEncoder`, enums.

use std::cell::Cell;
use std::rc::Rc;

use super::{Table, bounds, double, fixed, hidden, illegal, instance, int, long, own, text_arg};
use crate::error::{Error, Result};
use crate::machine::arithmetic::java_pow;
use crate::machine::relation::compare_values;
use crate::types::Param as P;
use crate::types::random;
use crate::value::{Str, Value, text};

pub(super) const MATH: Table = &[
    fixed("abs", &[P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]).wrapping_abs()))
    }),
    fixed("abs", &[P::Long], |_, _, a| {
        Ok(Value::Long(long(&a[0]).wrapping_abs()))
    }),
    fixed("abs", &[P::Float], |_, _, a| {
        Ok(Value::Float(float(&a[0]).abs()))
    }),
    fixed("abs", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).abs()))
    }),
    fixed("absExact", &[P::Int], |_, _, a| {
        int(&a[0])
            .checked_abs()
            .map(Value::Int)
            .ok_or_else(|| overflow("Overflow to represent absolute value of Integer.MIN_VALUE"))
    }),
    fixed("absExact", &[P::Long], |_, _, a| {
        long(&a[0])
            .checked_abs()
            .map(Value::Long)
            .ok_or_else(|| overflow("Overflow to represent absolute value of Long.MIN_VALUE"))
    }),
    fixed("max", &[P::Int, P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]).max(int(&a[1]))))
    }),
    fixed("max", &[P::Long, P::Long], |_, _, a| {
        Ok(Value::Long(long(&a[0]).max(long(&a[1]))))
    }),
    fixed("max", &[P::Float, P::Float], |_, _, a| {
        Ok(Value::Float(max(double(&a[0]), double(&a[1])) as f32))
    }),
    fixed("max", &[P::Double, P::Double], |_, _, a| {
        Ok(Value::Double(max(double(&a[0]), double(&a[1]))))
    }),
    fixed("min", &[P::Int, P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]).min(int(&a[1]))))
    }),
    fixed("min", &[P::Long, P::Long], |_, _, a| {
        Ok(Value::Long(long(&a[0]).min(long(&a[1]))))
    }),
    fixed("min", &[P::Float, P::Float], |_, _, a| {
        Ok(Value::Float(min(double(&a[0]), double(&a[1])) as f32))
    }),
    fixed("min", &[P::Double, P::Double], |_, _, a| {
        Ok(Value::Double(min(double(&a[0]), double(&a[1]))))
    }),
    fixed("pow", &[P::Double, P::Double], |_, _, a| {
        Ok(Value::Double(java_pow(double(&a[0]), double(&a[1]))))
    }),
    fixed("random", &[], |m, _, _| {
        let bits = m.next_random() >> 11;
        Ok(Value::Double(bits as f64 * (1.0 / (1u64 << 53) as f64)))
    }),
    fixed("round", &[P::Float], |_, _, a| {
        let value = (f64::from(float(&a[0])) + 0.5).floor();
        Ok(Value::Int(value as i32))
    }),
    fixed("round", &[P::Double], |_, _, a| {
        Ok(Value::Long(round(double(&a[0]))))
    }),
    fixed("rint", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).round_ties_even()))
    }),
    fixed("floor", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).floor()))
    }),
    fixed("ceil", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).ceil()))
    }),
    fixed("sqrt", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).sqrt()))
    }),
    fixed("cbrt", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).cbrt()))
    }),
    fixed("exp", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).exp()))
    }),
    fixed("expm1", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).exp_m1()))
    }),
    fixed("log", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).ln()))
    }),
    fixed("log10", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).log10()))
    }),
    fixed("log1p", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).ln_1p()))
    }),
    fixed("sin", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).sin()))
    }),
    fixed("cos", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).cos()))
    }),
    fixed("tan", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).tan()))
    }),
    fixed("asin", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).asin()))
    }),
    fixed("acos", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).acos()))
    }),
    fixed("atan", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).atan()))
    }),
    fixed("atan2", &[P::Double, P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).atan2(double(&a[1]))))
    }),
    fixed("sinh", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).sinh()))
    }),
    fixed("cosh", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).cosh()))
    }),
    fixed("tanh", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).tanh()))
    }),
    fixed("hypot", &[P::Double, P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).hypot(double(&a[1]))))
    }),
    fixed("toRadians", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).to_radians()))
    }),
    fixed("toDegrees", &[P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]).to_degrees()))
    }),
    fixed("signum", &[P::Double], |_, _, a| {
        Ok(Value::Double(signum(double(&a[0]))))
    }),
    fixed("signum", &[P::Float], |_, _, a| {
        Ok(Value::Float(signum(double(&a[0])) as f32))
    }),
    fixed("floorDiv", &[P::Int, P::Int], |_, _, a| {
        floor_div(long(&a[0]), long(&a[1])).map(|n| Value::Int(n as i32))
    }),
    fixed("floorDiv", &[P::Long, P::Int], |_, _, a| {
        floor_div(long(&a[0]), long(&a[1])).map(Value::Long)
    }),
    fixed("floorDiv", &[P::Long, P::Long], |_, _, a| {
        floor_div(long(&a[0]), long(&a[1])).map(Value::Long)
    }),
    fixed("floorMod", &[P::Int, P::Int], |_, _, a| {
        floor_mod(long(&a[0]), long(&a[1])).map(|n| Value::Int(n as i32))
    }),
    fixed("floorMod", &[P::Long, P::Int], |_, _, a| {
        floor_mod(long(&a[0]), long(&a[1])).map(|n| Value::Int(n as i32))
    }),
    fixed("floorMod", &[P::Long, P::Long], |_, _, a| {
        floor_mod(long(&a[0]), long(&a[1])).map(Value::Long)
    }),
    fixed("addExact", &[P::Int, P::Int], |_, _, a| {
        exact_int(int(&a[0]).checked_add(int(&a[1])))
    }),
    fixed("addExact", &[P::Long, P::Long], |_, _, a| {
        exact_long(long(&a[0]).checked_add(long(&a[1])))
    }),
    fixed("subtractExact", &[P::Int, P::Int], |_, _, a| {
        exact_int(int(&a[0]).checked_sub(int(&a[1])))
    }),
    fixed("subtractExact", &[P::Long, P::Long], |_, _, a| {
        exact_long(long(&a[0]).checked_sub(long(&a[1])))
    }),
    fixed("multiplyExact", &[P::Int, P::Int], |_, _, a| {
        exact_int(int(&a[0]).checked_mul(int(&a[1])))
    }),
    fixed("multiplyExact", &[P::Long, P::Int], |_, _, a| {
        exact_long(long(&a[0]).checked_mul(long(&a[1])))
    }),
    fixed("multiplyExact", &[P::Long, P::Long], |_, _, a| {
        exact_long(long(&a[0]).checked_mul(long(&a[1])))
    }),
    fixed("incrementExact", &[P::Int], |_, _, a| {
        exact_int(int(&a[0]).checked_add(1))
    }),
    fixed("incrementExact", &[P::Long], |_, _, a| {
        exact_long(long(&a[0]).checked_add(1))
    }),
    fixed("decrementExact", &[P::Int], |_, _, a| {
        exact_int(int(&a[0]).checked_sub(1))
    }),
    fixed("decrementExact", &[P::Long], |_, _, a| {
        exact_long(long(&a[0]).checked_sub(1))
    }),
    fixed("negateExact", &[P::Int], |_, _, a| {
        exact_int(int(&a[0]).checked_neg())
    }),
    fixed("negateExact", &[P::Long], |_, _, a| {
        exact_long(long(&a[0]).checked_neg())
    }),
    fixed("toIntExact", &[P::Long], |_, _, a| {
        exact_int(i32::try_from(long(&a[0])).ok())
    }),
];

pub(super) const RANDOM_CONSTRUCTORS: Table = &[
    instance("new", &[], |m, _, _| {
        let seed = m.next_random() as i64;
        Ok(Value::Random(Rc::new(Cell::new(random::scramble(seed)))))
    }),
    instance("new", &[P::Long], |_, _, a| {
        Ok(Value::Random(Rc::new(Cell::new(random::scramble(long(
            &a[0],
        ))))))
    }),
];

pub(super) const RANDOM: Table = &[
    instance("nextInt", &[], |_, t, _| {
        Ok(Value::Int(random::next(state(t)?, 32)))
    }),
    instance("nextInt", &[P::Int], |_, t, a| {
        let bound = int(&a[0]);
        if bound <= 0 {
            return Err(illegal("bound must be positive"));
        }
        Ok(Value::Int(random::next_below(state(t)?, bound)))
    }),
    instance("nextInt", &[P::Int, P::Int], |_, t, a| {
        let (low, high) = (int(&a[0]), int(&a[1]));
        if low >= high {
            return Err(illegal("bound must be greater than origin"));
        }
        match high.checked_sub(low) {
            Some(width) => Ok(Value::Int(low + random::next_below(state(t)?, width))),
            None => loop {
                let value = random::next(state(t)?, 32);
                if (low..high).contains(&value) {
                    return Ok(Value::Int(value));
                }
            },
        }
    }),
    instance("nextLong", &[], |_, t, _| {
        Ok(Value::Long(random::next_long(state(t)?)))
    }),
    instance("nextBoolean", &[], |_, t, _| {
        Ok(Value::Bool(random::next(state(t)?, 1) != 0))
    }),
    instance("nextDouble", &[], |_, t, _| {
        Ok(Value::Double(random::next_double(state(t)?)))
    }),
    instance("nextFloat", &[], |_, t, _| {
        Ok(Value::Float(random::next_float(state(t)?)))
    }),
    instance("nextGaussian", &[], |_, t, _| {
        Ok(Value::Double(random::next_gaussian(state(t)?)))
    }),
    instance("setSeed", &[P::Long], |_, t, a| {
        state(t)?.set(random::scramble(long(&a[0])));
        Ok(Value::Null)
    }),
];

pub(super) const UUID_CONSTRUCTORS: Table = &[instance("new", &[P::Long, P::Long], |_, _, a| {
    Ok(Value::Uuid(
        u128::from(long(&a[0]) as u64) << 64 | u128::from(long(&a[1]) as u64),
    ))
})];

pub(super) const UUID: Table = &[
    fixed("randomUUID", &[], |m, _, _| {
        let (high, low) = (m.next_random(), m.next_random());
        Ok(Value::Uuid(random::uuid_of(high, low)))
    }),
    fixed("fromString", &[P::Text], |_, _, a| {
        let text = text_arg(&a[0])?;
        random::parse_uuid(text)
            .map(Value::Uuid)
            .ok_or_else(|| illegal(format!("Invalid UUID string: {}", &**text)))
    }),
    instance("getMostSignificantBits", &[], |_, t, _| {
        Ok(Value::Long((id(t) >> 64) as i64))
    }),
    instance("getLeastSignificantBits", &[], |_, t, _| {
        Ok(Value::Long(id(t) as i64))
    }),
    instance("version", &[], |_, t, _| {
        Ok(Value::Int(((id(t) >> 76) & 0xF) as i32))
    }),
    instance("variant", &[], |_, t, _| {
        let top = (id(t) as u64) >> 61;
        Ok(Value::Int(match top {
            0..=3 => 0,
            4 | 5 => 2,
            6 => 6,
            _ => 7,
        }))
    }),
    instance("compareTo", &[P::Uuid], |_, t, a| {
        Ok(Value::Int(random::compare_uuid(id(t), id(&a[0])) as i32))
    }),
];

pub(super) const URL_ENCODER: Table = &[
    fixed("encode", &[P::Text], |_, _, a| {
        Ok(Value::text(url_encoded(text_arg(&a[0])?)))
    }),
    fixed("encode", &[P::Text, P::Text], |_, _, a| {
        encode_with(&a[0], &a[1])
    }),
    fixed("encode", &[P::Text, P::Charset], |_, _, a| {
        encode_with(&a[0], &a[1])
    }),
];

/// What every enum constant has.
pub(super) const ENUM: Table = &[
    instance("name", &[], |_, t, _| {
        Ok(match t {
            Value::Status(text) => Value::text(&**text),
            other => Value::text(text::enum_name(other)),
        })
    }),
    instance("ordinal", &[], |_, t, _| {
        Ok(Value::Int(ordinal(t).unwrap_or(-1)))
    }),
    instance("compareTo", &[P::Comparable], |_, t, a| {
        compare_values(t, &a[0]).map(|order| Value::Int(order as i32))
    }),
    hidden("getDeclaringClass", "class java.lang.Class"),
];

/// `Enum.ordinal()`; nothing for what is no enum.
pub(crate) fn ordinal(value: &Value<'_>) -> Option<i32> {
    match value {
        Value::DayOfWeek(day) => Some(i32::from(*day) - 1),
        Value::ChronoUnit(unit) => Some(*unit as i32),
        Value::Status(name) => {
            let place = STATUSES.iter().position(|(known, ..)| *known == &**name);
            place.map(|at| at as i32)
        }
        _ => None,
    }
}

/// Name, complete, halt (`ExecutionStatus`).
const STATUSES: [(&str, bool, bool); 12] = [
    ("NOT_STARTED", false, false),
    ("RUNNING", false, false),
    ("PAUSED", false, false),
    ("SUSPENDED", false, false),
    ("SUCCEEDED", true, false),
    ("FAILED_CONTINUE", true, false),
    ("TERMINAL", true, true),
    ("CANCELED", true, true),
    ("REDIRECT", false, false),
    ("STOPPED", true, true),
    ("SKIPPED", true, false),
    ("BUFFERED", false, false),
];

/// `ExecutionStatus`, an enum that is also a character sequence.
pub(super) const STATUS: Table = &[
    instance("isComplete", &[], |_, t, _| {
        Ok(Value::Bool(status(t).is_some_and(|s| s.1)))
    }),
    instance("isHalt", &[], |_, t, _| {
        Ok(Value::Bool(status(t).is_some_and(|s| s.2)))
    }),
    instance("isSuccessful", &[], |_, t, _| {
        Ok(Value::Bool(matches!(
            own(t),
            "SUCCEEDED" | "STOPPED" | "SKIPPED"
        )))
    }),
    instance("isFailure", &[], |_, t, _| {
        Ok(Value::Bool(matches!(
            own(t),
            "TERMINAL" | "STOPPED" | "FAILED_CONTINUE"
        )))
    }),
    instance("isSkipped", &[], |_, t, _| {
        Ok(Value::Bool(own(t) == "SKIPPED"))
    }),
    fixed("values", &[], |_, _, _| {
        let all = STATUSES
            .iter()
            .map(|(name, ..)| Value::Status(Str::Borrowed(name)));
        let class = crate::types::class_name(&Value::Status(Str::Borrowed("")));
        Ok(Value::array(&class, all.collect()))
    }),
    fixed("valueOf", &[P::Text], |_, _, a| {
        let name = text_arg(&a[0])?;
        if STATUSES.iter().any(|(known, ..)| *known == &**name) {
            return Ok(Value::Status(name.clone()));
        }
        let class = crate::types::class_name(&Value::Status(Str::Borrowed("")));
        Err(illegal(format!("No enum constant {class}.{}", &**name)))
    }),
    instance("length", &[], |_, t, _| Ok(Value::Int(own(t).len() as i32))),
    instance("isEmpty", &[], |_, t, _| Ok(Value::Bool(own(t).is_empty()))),
    instance("charAt", &[P::Int], |_, t, a| {
        let at = int(&a[0]);
        let found = usize::try_from(at)
            .ok()
            .and_then(|at| own(t).chars().nth(at));
        found
            .map(Value::Char)
            .ok_or_else(|| bounds(format!("String index out of range: {at}")))
    }),
];

fn status(value: &Value<'_>) -> Option<&'static (&'static str, bool, bool)> {
    STATUSES.iter().find(|(name, ..)| *name == own(value))
}

fn state<'v>(value: &'v Value<'_>) -> Result<&'v Cell<u64>> {
    match value {
        Value::Random(state) => Ok(state),
        _ => Err(Error::null_pointer("random")),
    }
}

fn id(value: &Value<'_>) -> u128 {
    match value {
        Value::Uuid(id) => *id,
        _ => 0,
    }
}

fn float(value: &Value<'_>) -> f32 {
    match value {
        Value::Float(value) => *value,
        other => double(other) as f32,
    }
}

/// `Math.max`: NaN wins, and zero is above negative zero.
pub(super) fn max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    if a == 0.0 && b == 0.0 {
        return if a.is_sign_positive() { a } else { b };
    }
    a.max(b)
}

/// `Math.min`
pub(super) fn min(a: f64, b: f64) -> f64 {
    -max(-a, -b)
}

/// `Math.round`: half up, saturating.
fn round(value: f64) -> i64 {
    let floor = value.floor();
    if value - floor >= 0.5 {
        (floor + 1.0) as i64
    } else {
        floor as i64
    }
}

fn signum(value: f64) -> f64 {
    if value == 0.0 || value.is_nan() {
        value
    } else {
        value.signum()
    }
}

fn overflow(text: &str) -> Error {
    Error::new("java.lang.ArithmeticException", text)
}

fn exact_int<'a>(value: Option<i32>) -> Result<Value<'a>> {
    value
        .map(Value::Int)
        .ok_or_else(|| overflow("integer overflow"))
}

fn exact_long<'a>(value: Option<i64>) -> Result<Value<'a>> {
    value
        .map(Value::Long)
        .ok_or_else(|| overflow("long overflow"))
}

fn floor_div(a: i64, b: i64) -> Result<i64> {
    if b == 0 {
        return Err(overflow("/ by zero"));
    }
    let quotient = a.wrapping_div(b);
    Ok(if (a ^ b) < 0 && quotient.wrapping_mul(b) != a {
        quotient - 1
    } else {
        quotient
    })
}

fn floor_mod(a: i64, b: i64) -> Result<i64> {
    floor_div(a, b).map(|quotient| a.wrapping_sub(quotient.wrapping_mul(b)))
}

fn encode_with<'a>(text: &Value<'a>, charset: &Value<'a>) -> Result<Value<'a>> {
    let charset = text_arg(charset)?;
    match charset.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" => Ok(Value::text(url_encoded(text_arg(text)?))),
        _ => Err(Error::new(
            "java.io.UnsupportedEncodingException",
            &**charset,
        )),
    }
}

/// `application/x-www-form-urlencoded`
fn url_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                out.push(char::from(byte))
            }
            b' ' => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
