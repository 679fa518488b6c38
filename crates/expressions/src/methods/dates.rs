//! `java.util.Date`.

use super::{Table, fixed, hidden, instance, int, long, text_arg};
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::types::calendar::{self, Field, Fields, Moment};
use crate::types::{Param as P, date_format, time};
use crate::value::Value;

pub(super) const CONSTRUCTORS: Table = &[
    instance("new", &[], |m, _, _| Ok(Value::Date(m.env.now_ms))),
    instance("new", &[P::Text], |m, _, a| {
        let zone = m.env.zone.clone();
        date_format::parse_legacy(text_arg(&a[0])?, m.env.now_ms, &zone)
            .map(Value::Date)
            .ok_or_else(|| Error::silent(crate::error::ILLEGAL_ARGUMENT))
    }),
    instance("new", &[P::Long], |_, _, a| Ok(Value::Date(long(&a[0])))),
    instance("new", &[P::Int, P::Int, P::Int], |m, _, a| legacy(m, a)),
    instance(
        "new",
        &[P::Int, P::Int, P::Int, P::Int, P::Int],
        |m, _, a| legacy(m, a),
    ),
    instance(
        "new",
        &[P::Int, P::Int, P::Int, P::Int, P::Int, P::Int],
        |m, _, a| legacy(m, a),
    ),
];

pub(super) const TABLE: Table = &[
    instance("getTime", &[], |_, t, _| Ok(Value::Long(millis(t)))),
    instance("before", &[P::Date], |_, t, a| {
        Ok(Value::Bool(millis(t) < date_arg(&a[0])?))
    }),
    instance("after", &[P::Date], |_, t, a| {
        Ok(Value::Bool(millis(t) > date_arg(&a[0])?))
    }),
    instance("compareTo", &[P::Date], |_, t, a| {
        Ok(Value::Int(millis(t).cmp(&date_arg(&a[0])?) as i32))
    }),
    instance("toInstant", &[], |_, t, _| {
        time::instant_of_millis(millis(t)).map(Value::Instant)
    }),
    instance("getYear", &[], |m, t, _| {
        Ok(small(moment(m, t)?.day.year_of_era() - 1900))
    }),
    instance("getMonth", &[], |m, t, _| {
        Ok(small(moment(m, t)?.day.month - 1))
    }),
    instance("getDate", &[], |m, t, _| Ok(small(moment(m, t)?.day.day))),
    instance("getDay", &[], |m, t, _| {
        Ok(small(moment(m, t)?.day.weekday() - 1))
    }),
    instance("getHours", &[], |m, t, _| Ok(small(moment(m, t)?.hour()))),
    instance("getMinutes", &[], |m, t, _| {
        Ok(small(moment(m, t)?.minute()))
    }),
    instance("getSeconds", &[], |m, t, _| {
        Ok(small(moment(m, t)?.second()))
    }),
    instance("getTimezoneOffset", &[], |m, t, _| {
        let offset = calendar::offset_seconds(millis(t), &m.env.zone)?;
        Ok(small(-offset / 60))
    }),
    instance("toGMTString", &[], |_, t, _| {
        date_format::format(
            "d MMM y HH:mm:ss 'GMT'",
            millis(t),
            &jiff::tz::TimeZone::UTC,
        )
        .map(Value::text)
    }),
    instance("toLocaleString", &[], |m, t, _| {
        date_format::format("MMM d, y, h:mm:ss a", millis(t), &m.env.zone).map(Value::text)
    }),
    fixed("from", &[P::Instant], |_, _, a| match &a[0] {
        Value::Instant(instant) => Ok(Value::Date(instant.as_millisecond())),
        _ => Err(Error::null_pointer("instant")),
    }),
    fixed("parse", &[P::Text], |m, _, a| {
        let zone = m.env.zone.clone();
        date_format::parse_legacy(text_arg(&a[0])?, m.env.now_ms, &zone)
            .map(Value::Long)
            .ok_or_else(|| Error::silent(crate::error::ILLEGAL_ARGUMENT))
    }),
    fixed(
        "UTC",
        &[P::Int, P::Int, P::Int, P::Int, P::Int, P::Int],
        |_, _, a| {
            let part = |at: usize| i64::from(int(&a[at]));
            let seconds = part(3) * 3_600 + part(4) * 60 + part(5);
            let millis = calendar::of_parts(part(0) + 1900, part(1) + 1, part(2), seconds);
            Ok(Value::Long(millis))
        },
    ),
    hidden("clone", "class java.lang.Object"),
];

fn millis(value: &Value<'_>) -> i64 {
    match value {
        Value::Date(millis) => *millis,
        _ => 0,
    }
}

fn date_arg(value: &Value<'_>) -> Result<i64> {
    match value {
        Value::Date(millis) => Ok(*millis),
        _ => Err(Error::null_pointer("when")),
    }
}

fn moment(machine: &Machine<'_, '_>, value: &Value<'_>) -> Result<Moment> {
    Moment::of(millis(value), &machine.env.zone)
}

/// A part of a date.
fn small<'a>(part: i64) -> Value<'a> {
    Value::Int(i32::try_from(part).unwrap_or_default())
}

/// The deprecated constructors: years since 1900, months from 0, everything lenient.
fn legacy<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let part = |at: usize| args.get(at).map_or(0, |value| i64::from(int(value)));
    let (year, month, day) = (part(0) + 1900, part(1), part(2));
    let seconds = part(3) * 3_600 + part(4) * 60 + part(5);
    let zone = &machine.env.zone;
    // In the year in which the calendar changed Java looks at the day, in all others at the year alone.
    if year + month.div_euclid(12) == calendar::CUTOVER_YEAR {
        let mut fields = Fields::default();
        for (field, value) in [
            (Field::Year, year),
            (Field::Month, month),
            (Field::DayOfMonth, day),
            (Field::Second, seconds),
        ] {
            fields.set(field, value);
        }
        let millis = fields.millis(zone);
        return Ok(Value::Date(millis.unwrap_or_default()));
    }
    let local = calendar::of_parts(year, month + 1, day, seconds);
    calendar::in_zone(local, zone).map(Value::Date)
}
