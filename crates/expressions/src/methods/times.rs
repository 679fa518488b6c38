//! `java.time`: what points in time have in common, and `Instant`.

mod local;
mod units;

use jiff::Timestamp;
use jiff::civil::DateTime;

pub(super) use self::local::{BY_DAYS, LOCAL_DATE, LOCAL_DATE_TIME, PARTS};
pub(super) use self::units::{CHRONO_UNIT, DAY_OF_WEEK};
use super::{Table, fixed, hidden, instance, long, text_arg};
use crate::error::{Error, Result};
use crate::machine::relation::compare_values;
use crate::types::time_unit::ChronoUnit;
use crate::types::{Param as P, time};
use crate::value::{Value, text};

pub(super) const INSTANT: Table = &[
    fixed("now", &[], |m, _, _| {
        time::instant_of_millis(m.env.now_ms).map(Value::Instant)
    }),
    fixed("ofEpochMilli", &[P::Long], |_, _, a| {
        time::instant_of_millis(long(&a[0])).map(Value::Instant)
    }),
    fixed("ofEpochSecond", &[P::Long], |_, _, a| {
        of_second(long(&a[0]), 0)
    }),
    fixed("ofEpochSecond", &[P::Long, P::Long], |_, _, a| {
        of_second(long(&a[0]), long(&a[1]))
    }),
    fixed("parse", &[P::Chars], |_, _, a| {
        time::parse_instant(text_arg(&a[0])?).map(Value::Instant)
    }),
    fixed("from", &[P::TemporalAccessor], |_, _, a| match &a[0] {
        Value::Instant(_) => Ok(a[0].clone()),
        other => Err(cannot_obtain("Instant", other)),
    }),
    instance("toEpochMilli", &[], |_, t, _| {
        Ok(Value::Long(instant(t).as_millisecond()))
    }),
    instance("getEpochSecond", &[], |_, t, _| {
        Ok(Value::Long(
            instant(t).as_nanosecond().div_euclid(1_000_000_000) as i64,
        ))
    }),
    instance("getNano", &[], |_, t, _| {
        Ok(Value::Int(
            instant(t).as_nanosecond().rem_euclid(1_000_000_000) as i32,
        ))
    }),
    instance("isAfter", &[P::Instant], |_, t, a| later(t, &a[0])),
    instance("isBefore", &[P::Instant], |_, t, a| later(&a[0], t)),
    instance("compareTo", &[P::Instant], |_, t, a| ordered(t, &a[0])),
    instance("truncatedTo", &[P::TemporalUnit], |_, t, a| {
        time::truncated(t, unit(&a[0])?)
    }),
    instance("plusMillis", &[P::Long], |_, t, a| {
        time::plus(t, long(&a[0]), ChronoUnit::Millis)
    }),
    instance("minusMillis", &[P::Long], |_, t, a| {
        time::plus(t, negated(&a[0])?, ChronoUnit::Millis)
    }),
    hidden("atZone", "class java.time.ZonedDateTime"),
];

/// Moved by any unit, and the distance in it.
pub(super) const BY_UNIT: Table = &[
    instance("plus", &[P::Long, P::TemporalUnit], |_, t, a| {
        time::plus(t, long(&a[0]), unit(&a[1])?)
    }),
    instance("minus", &[P::Long, P::TemporalUnit], |_, t, a| {
        time::plus(t, negated(&a[0])?, unit(&a[1])?)
    }),
    instance("until", &[P::Temporal, P::TemporalUnit], |_, t, a| {
        time::until(t, &a[0], unit(&a[1])?).map(Value::Long)
    }),
];

/// Moved by seconds and parts of them.
pub(super) const BY_SECONDS: Table = &[
    instance("plusSeconds", &[P::Long], |_, t, a| {
        time::plus(t, long(&a[0]), ChronoUnit::Seconds)
    }),
    instance("minusSeconds", &[P::Long], |_, t, a| {
        time::plus(t, negated(&a[0])?, ChronoUnit::Seconds)
    }),
    instance("plusNanos", &[P::Long], |_, t, a| {
        time::plus(t, long(&a[0]), ChronoUnit::Nanos)
    }),
    instance("minusNanos", &[P::Long], |_, t, a| {
        time::plus(t, negated(&a[0])?, ChronoUnit::Nanos)
    }),
];

fn instant(value: &Value<'_>) -> Timestamp {
    match value {
        Value::Instant(instant) => *instant,
        _ => Timestamp::UNIX_EPOCH,
    }
}

fn of_second<'a>(seconds: i64, nanos: i64) -> Result<Value<'a>> {
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Timestamp::from_nanosecond(total)
        .map(Value::Instant)
        .map_err(|_| time::exception("Instant exceeds minimum or maximum instant"))
}

fn unit(value: &Value<'_>) -> Result<ChronoUnit> {
    match value {
        Value::ChronoUnit(unit) => Ok(*unit),
        _ => Err(Error::null_pointer("unit")),
    }
}

fn negated(value: &Value<'_>) -> Result<i64> {
    long(value)
        .checked_neg()
        .ok_or_else(|| Error::new("java.lang.ArithmeticException", "long overflow"))
}

fn later<'a>(a: &Value<'a>, b: &Value<'a>) -> Result<Value<'a>> {
    if a.is_null() || b.is_null() {
        return Err(Error::null_pointer("other"));
    }
    compare_values(a, b).map(|order| Value::Bool(order.is_gt()))
}

fn same<'a>(a: &Value<'a>, b: &Value<'a>) -> Result<Value<'a>> {
    if b.is_null() {
        return Err(Error::null_pointer("other"));
    }
    compare_values(a, b).map(|order| Value::Bool(order.is_eq()))
}

fn ordered<'a>(a: &Value<'a>, b: &Value<'a>) -> Result<Value<'a>> {
    if b.is_null() {
        return Err(Error::null_pointer("other"));
    }
    compare_values(a, b).map(|order| Value::Int(order as i32))
}

fn in_zone(instant: &Value<'_>, zone: &Value<'_>) -> Result<DateTime> {
    let Value::Instant(instant) = instant else {
        return Err(Error::null_pointer("instant"));
    };
    Ok(instant.to_zoned(time::zone(text_arg(zone)?)?).datetime())
}

fn cannot_obtain(what: &str, value: &Value<'_>) -> Error {
    let class = crate::types::class_name(value);
    time::exception(format!(
        "Unable to obtain {what} from TemporalAccessor: {} of type {class}",
        text::java(value)
    ))
}
