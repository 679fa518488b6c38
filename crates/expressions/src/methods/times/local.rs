//! `LocalDate` and `LocalDateTime`: what both have stands once.

use jiff::civil::{Date, DateTime, Time};

use super::{cannot_obtain, in_zone, later, negated, of_second, same, unit};
use crate::error::{Error, Result};
use crate::methods::{Table, fixed, hidden, instance, int, long, text_arg};
use crate::types::time_unit::ChronoUnit;
use crate::types::{Param as P, time};
use crate::value::Value;

/// The parts of the day, read and replaced.
pub(in crate::methods) const PARTS: Table = &[
    instance("getYear", &[], |_, t, _| {
        Ok(Value::Int(day_of(t).year().into()))
    }),
    instance("getMonthValue", &[], |_, t, _| {
        Ok(Value::Int(day_of(t).month().into()))
    }),
    instance("getDayOfMonth", &[], |_, t, _| {
        Ok(Value::Int(day_of(t).day().into()))
    }),
    instance("getDayOfYear", &[], |_, t, _| {
        Ok(Value::Int(day_of(t).day_of_year().into()))
    }),
    instance("getDayOfWeek", &[], |_, t, _| {
        Ok(Value::DayOfWeek(day_of(t).weekday().to_monday_one_offset()))
    }),
    instance("withYear", &[P::Int], |_, t, a| {
        with_year(day_of(t), int(&a[0])).map(|day| on_day(t, day))
    }),
    instance("withMonth", &[P::Int], |_, t, a| {
        with_month(day_of(t), int(&a[0])).map(|day| on_day(t, day))
    }),
    instance("withDayOfMonth", &[P::Int], |_, t, a| {
        with_day(day_of(t), int(&a[0])).map(|day| on_day(t, day))
    }),
    instance("withDayOfYear", &[P::Int], |_, t, a| {
        year_day(day_of(t).year().into(), int(&a[0])).map(|day| on_day(t, day))
    }),
    hidden("getMonth", "class java.time.Month"),
];

/// Moved by whole days.
pub(in crate::methods) const BY_DAYS: Table = &[
    instance("plusDays", &[P::Long], |_, t, a| {
        time::plus(t, long(&a[0]), ChronoUnit::Days)
    }),
    instance("minusDays", &[P::Long], |_, t, a| {
        time::plus(t, negated(&a[0])?, ChronoUnit::Days)
    }),
    instance("plusWeeks", &[P::Long], |_, t, a| {
        time::plus(t, long(&a[0]), ChronoUnit::Weeks)
    }),
    instance("minusWeeks", &[P::Long], |_, t, a| {
        time::plus(t, negated(&a[0])?, ChronoUnit::Weeks)
    }),
    instance("plusMonths", &[P::Long], |_, t, a| {
        time::plus(t, long(&a[0]), ChronoUnit::Months)
    }),
    instance("minusMonths", &[P::Long], |_, t, a| {
        time::plus(t, negated(&a[0])?, ChronoUnit::Months)
    }),
    instance("plusYears", &[P::Long], |_, t, a| {
        time::plus(t, long(&a[0]), ChronoUnit::Years)
    }),
    instance("minusYears", &[P::Long], |_, t, a| {
        time::plus(t, negated(&a[0])?, ChronoUnit::Years)
    }),
];

pub(in crate::methods) const LOCAL_DATE: Table = &[
    fixed("now", &[], |m, _, _| {
        Ok(Value::LocalDate(
            time::civil(m.env.now_ms, &m.env.zone)?.date(),
        ))
    }),
    fixed("now", &[P::Locale], |m, _, a| {
        Ok(Value::LocalDate(
            time::civil(m.env.now_ms, &time::zone(text_arg(&a[0])?)?)?.date(),
        ))
    }),
    fixed("of", &[P::Int, P::Int, P::Int], |_, _, a| {
        time::date(int(&a[0]), int(&a[1]), int(&a[2])).map(Value::LocalDate)
    }),
    fixed("ofYearDay", &[P::Int, P::Int], |_, _, a| {
        year_day(int(&a[0]), int(&a[1])).map(Value::LocalDate)
    }),
    fixed("ofEpochDay", &[P::Long], |_, _, a| {
        time::of_epoch_day(long(&a[0])).map(Value::LocalDate)
    }),
    fixed("ofInstant", &[P::Instant, P::Locale], |_, _, a| {
        Ok(Value::LocalDate(in_zone(&a[0], &a[1])?.date()))
    }),
    fixed("parse", &[P::Chars], |_, _, a| {
        time::parse_date(text_arg(&a[0])?).map(Value::LocalDate)
    }),
    fixed("from", &[P::TemporalAccessor], |_, _, a| match &a[0] {
        Value::LocalDate(date) => Ok(Value::LocalDate(*date)),
        Value::LocalDateTime(time) => Ok(Value::LocalDate(time.date())),
        other => Err(cannot_obtain("LocalDate", other)),
    }),
    instance("isLeapYear", &[], |_, t, _| {
        Ok(Value::Bool(date(t).in_leap_year()))
    }),
    instance("lengthOfMonth", &[], |_, t, _| {
        Ok(Value::Int(date(t).days_in_month().into()))
    }),
    instance("lengthOfYear", &[], |_, t, _| {
        Ok(Value::Int(date(t).days_in_year().into()))
    }),
    instance("toEpochDay", &[], |_, t, _| {
        Ok(Value::Long(time::epoch_day(date(t))))
    }),
    instance("atTime", &[P::Int, P::Int], |_, t, a| at_time(t, a)),
    instance("atTime", &[P::Int, P::Int, P::Int], |_, t, a| at_time(t, a)),
    instance("atTime", &[P::Int, P::Int, P::Int, P::Int], |_, t, a| {
        at_time(t, a)
    }),
    instance("atStartOfDay", &[], |_, t, _| {
        Ok(Value::LocalDateTime(date(t).to_datetime(Time::midnight())))
    }),
    instance("isAfter", &[P::ChronoLocalDate], |_, t, a| later(t, &a[0])),
    instance("isBefore", &[P::ChronoLocalDate], |_, t, a| later(&a[0], t)),
    instance("isEqual", &[P::ChronoLocalDate], |_, t, a| same(t, &a[0])),
    instance("compareTo", &[P::ChronoLocalDate], |_, t, a| match &a[0] {
        Value::LocalDate(other) => Ok(Value::Int(date_difference(date(t), *other))),
        _ => Err(Error::null_pointer("other")),
    }),
    instance("isSupported", &[P::TemporalUnit], |_, _, a| {
        Ok(Value::Bool(unit(&a[0])?.is_date_based()))
    }),
    hidden("getChronology", "class java.time.chrono.IsoChronology"),
    hidden("getEra", "class java.time.chrono.IsoEra"),
];

pub(in crate::methods) const LOCAL_DATE_TIME: Table = &[
    fixed("now", &[], |m, _, _| {
        time::civil(m.env.now_ms, &m.env.zone).map(Value::LocalDateTime)
    }),
    fixed("now", &[P::Locale], |m, _, a| {
        time::civil(m.env.now_ms, &time::zone(text_arg(&a[0])?)?).map(Value::LocalDateTime)
    }),
    fixed(
        "of",
        &[P::Int, P::Int, P::Int, P::Int, P::Int],
        |_, _, a| date_time_of(a),
    ),
    fixed(
        "of",
        &[P::Int, P::Int, P::Int, P::Int, P::Int, P::Int],
        |_, _, a| date_time_of(a),
    ),
    fixed(
        "of",
        &[P::Int, P::Int, P::Int, P::Int, P::Int, P::Int, P::Int],
        |_, _, a| date_time_of(a),
    ),
    fixed("ofInstant", &[P::Instant, P::Locale], |_, _, a| {
        in_zone(&a[0], &a[1]).map(Value::LocalDateTime)
    }),
    fixed("ofEpochSecond", &[P::Long, P::Int, P::Locale], |_, _, a| {
        let instant = of_second(long(&a[0]), long(&a[1]))?;
        in_zone(&instant, &a[2]).map(Value::LocalDateTime)
    }),
    fixed("parse", &[P::Chars], |_, _, a| {
        time::parse_date_time(text_arg(&a[0])?).map(Value::LocalDateTime)
    }),
    fixed("from", &[P::TemporalAccessor], |_, _, a| match &a[0] {
        Value::LocalDateTime(_) => Ok(a[0].clone()),
        other => Err(cannot_obtain("LocalDateTime", other)),
    }),
    instance("toLocalDate", &[], |_, t, _| {
        Ok(Value::LocalDate(date_time(t).date()))
    }),
    instance("toInstant", &[P::Locale], |_, t, a| {
        let zone = time::zone(text_arg(&a[0])?)?;
        time::millis(date_time(t), &zone)
            .and_then(time::instant_of_millis)
            .map(Value::Instant)
    }),
    instance("getHour", &[], |_, t, _| {
        Ok(Value::Int(date_time(t).hour().into()))
    }),
    instance("getMinute", &[], |_, t, _| {
        Ok(Value::Int(date_time(t).minute().into()))
    }),
    instance("getSecond", &[], |_, t, _| {
        Ok(Value::Int(date_time(t).second().into()))
    }),
    instance("getNano", &[], |_, t, _| {
        Ok(Value::Int(date_time(t).subsec_nanosecond()))
    }),
    instance("withHour", &[P::Int], |_, t, a| {
        with_time(t, |c| c[0] = int(&a[0]))
    }),
    instance("withMinute", &[P::Int], |_, t, a| {
        with_time(t, |c| c[1] = int(&a[0]))
    }),
    instance("withSecond", &[P::Int], |_, t, a| {
        with_time(t, |c| c[2] = int(&a[0]))
    }),
    instance("withNano", &[P::Int], |_, t, a| {
        with_time(t, |c| c[3] = int(&a[0]))
    }),
    instance("truncatedTo", &[P::TemporalUnit], |_, t, a| {
        time::truncated(t, unit(&a[0])?)
    }),
    instance("isAfter", &[P::ChronoLocalDateTime], |_, t, a| {
        later(t, &a[0])
    }),
    instance("isBefore", &[P::ChronoLocalDateTime], |_, t, a| {
        later(&a[0], t)
    }),
    instance("isEqual", &[P::ChronoLocalDateTime], |_, t, a| {
        same(t, &a[0])
    }),
    instance("compareTo", &[P::ChronoLocalDateTime], |_, t, a| {
        match &a[0] {
            Value::LocalDateTime(other) => {
                let own = date_time(t);
                let days = date_difference(own.date(), other.date());
                Ok(Value::Int(if days != 0 {
                    days
                } else {
                    own.time().cmp(&other.time()) as i32
                }))
            }
            _ => Err(Error::null_pointer("other")),
        }
    }),
    instance("plusHours", &[P::Long], |_, t, a| {
        time::plus(t, long(&a[0]), ChronoUnit::Hours)
    }),
    instance("minusHours", &[P::Long], |_, t, a| {
        time::plus(t, negated(&a[0])?, ChronoUnit::Hours)
    }),
    instance("plusMinutes", &[P::Long], |_, t, a| {
        time::plus(t, long(&a[0]), ChronoUnit::Minutes)
    }),
    instance("minusMinutes", &[P::Long], |_, t, a| {
        time::plus(t, negated(&a[0])?, ChronoUnit::Minutes)
    }),
    hidden("toLocalTime", "class java.time.LocalTime"),
    hidden("getChronology", "interface java.time.chrono.Chronology"),
];

/// The day of either class.
fn day_of(value: &Value<'_>) -> Date {
    match value {
        Value::LocalDate(date) => *date,
        other => date_time(other).date(),
    }
}

/// The same on another day.
fn on_day<'a>(value: &Value<'a>, day: Date) -> Value<'a> {
    match value {
        Value::LocalDateTime(time) => Value::LocalDateTime(day.to_datetime(time.time())),
        _ => Value::LocalDate(day),
    }
}

fn date(value: &Value<'_>) -> Date {
    match value {
        Value::LocalDate(date) => *date,
        _ => Date::ZERO,
    }
}

fn date_time(value: &Value<'_>) -> DateTime {
    match value {
        Value::LocalDateTime(time) => *time,
        _ => DateTime::ZERO,
    }
}

/// `LocalDate.compareTo`: the first difference of year, month, day.
fn date_difference(a: Date, b: Date) -> i32 {
    let year = i32::from(a.year()) - i32::from(b.year());
    let month = i32::from(a.month()) - i32::from(b.month());
    let day = i32::from(a.day()) - i32::from(b.day());
    [year, month, day]
        .into_iter()
        .find(|part| *part != 0)
        .unwrap_or(0)
}

fn year_day(year: i32, day: i32) -> Result<Date> {
    let first = time::date(year, 1, 1)?;
    if !(1..=366).contains(&day) {
        return Err(time::exception(format!(
            "Invalid value for DayOfYear (valid values 1 - 365/366): {day}"
        )));
    }
    if day > i32::from(first.days_in_year()) {
        return Err(time::exception(format!(
            "Invalid date 'DayOfYear 366' as '{year}' is not a leap year"
        )));
    }
    time::plus_days(first, i64::from(day) - 1)
}

/// The day is lowered where the month is shorter, as with a change of the month.
fn with_year(date: Date, year: i32) -> Result<Date> {
    let first = time::date(year, date.month().into(), 1)?;
    time::date(
        year,
        date.month().into(),
        i32::from(date.day().min(first.days_in_month())),
    )
}

fn with_month(date: Date, month: i32) -> Result<Date> {
    let first = time::date(date.year().into(), month, 1)?;
    time::date(
        date.year().into(),
        month,
        i32::from(date.day().min(first.days_in_month())),
    )
}

fn with_day(date: Date, day: i32) -> Result<Date> {
    time::date(date.year().into(), date.month().into(), day)
}

fn with_time<'a>(value: &Value<'a>, change: impl FnOnce(&mut [i32; 4])) -> Result<Value<'a>> {
    let old = date_time(value);
    let mut clock = [
        old.hour().into(),
        old.minute().into(),
        old.second().into(),
        old.subsec_nanosecond(),
    ];
    change(&mut clock);
    let time = time::time(clock[0], clock[1], clock[2], clock[3])?;
    Ok(Value::LocalDateTime(old.date().to_datetime(time)))
}

fn at_time<'a>(value: &Value<'a>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let part = |at: usize| args.get(at).map_or(0, int);
    let time = time::time(part(0), part(1), part(2), part(3))?;
    Ok(Value::LocalDateTime(date(value).to_datetime(time)))
}

fn date_time_of<'a>(args: &[Value<'a>]) -> Result<Value<'a>> {
    let part = |at: usize| args.get(at).map_or(0, int);
    let date = time::date(part(0), part(1), part(2))?;
    Ok(Value::LocalDateTime(date.to_datetime(time::time(
        part(3),
        part(4),
        part(5),
        part(6),
    )?)))
}
