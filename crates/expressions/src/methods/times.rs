//! `Date`, `Instant`, `LocalDate`, `LocalDateTime`, `DayOfWeek`, `ChronoUnit`.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use super::{Table, fixed, hidden, illegal, instance, int, long, text_arg};
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::machine::relation::compare_values;
use crate::types::time_unit::ChronoUnit;
use crate::types::{Param as P, date_format, time};
use crate::value::{Value, text};

pub(super) const DATE_CONSTRUCTORS: Table = &[
    instance("new", &[], |m, _, _| Ok(Value::Date(m.env.now_ms))),
    instance("new", &[P::Text], |m, _, a| {
        let zone = m.env.zone.clone();
        date_format::parse_legacy(text_arg(&a[0])?, &zone)
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

pub(super) const DATE: Table = &[
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
        Ok(Value::Int(i32::from(civil(m, t)?.year()) - 1900))
    }),
    instance("getMonth", &[], |m, t, _| {
        Ok(Value::Int(i32::from(civil(m, t)?.month()) - 1))
    }),
    instance("getDate", &[], |m, t, _| {
        Ok(Value::Int(civil(m, t)?.day().into()))
    }),
    instance("getDay", &[], |m, t, _| {
        Ok(Value::Int(i32::from(
            civil(m, t)?.weekday().to_sunday_zero_offset(),
        )))
    }),
    instance("getHours", &[], |m, t, _| {
        Ok(Value::Int(civil(m, t)?.hour().into()))
    }),
    instance("getMinutes", &[], |m, t, _| {
        Ok(Value::Int(civil(m, t)?.minute().into()))
    }),
    instance("getSeconds", &[], |m, t, _| {
        Ok(Value::Int(civil(m, t)?.second().into()))
    }),
    instance("getTimezoneOffset", &[], |m, t, _| {
        let offset = m.env.zone.to_offset(time::instant_of_millis(millis(t))?);
        Ok(Value::Int(-offset.seconds() / 60))
    }),
    instance("toGMTString", &[], |_, t, _| {
        date_format::format(
            "d MMM yyyy HH:mm:ss 'GMT'",
            millis(t),
            &jiff::tz::TimeZone::UTC,
        )
        .map(Value::text)
    }),
    instance("toLocaleString", &[], |m, t, _| {
        date_format::format("MMM d, yyyy, h:mm:ss a", millis(t), &m.env.zone).map(Value::text)
    }),
    fixed("from", &[P::Instant], |_, _, a| match &a[0] {
        Value::Instant(instant) => Ok(Value::Date(instant.as_millisecond())),
        _ => Err(Error::null_pointer("instant")),
    }),
    fixed("parse", &[P::Text], |m, _, a| {
        let zone = m.env.zone.clone();
        date_format::parse_legacy(text_arg(&a[0])?, &zone)
            .map(Value::Long)
            .ok_or_else(|| Error::silent(crate::error::ILLEGAL_ARGUMENT))
    }),
    hidden("clone", "class java.lang.Object"),
];

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
    instance("plusSeconds", &[P::Long], |_, t, a| {
        time::plus(t, long(&a[0]), ChronoUnit::Seconds)
    }),
    instance("minusSeconds", &[P::Long], |_, t, a| {
        time::plus(t, negated(&a[0])?, ChronoUnit::Seconds)
    }),
    instance("plusMillis", &[P::Long], |_, t, a| {
        time::plus(t, long(&a[0]), ChronoUnit::Millis)
    }),
    instance("minusMillis", &[P::Long], |_, t, a| {
        time::plus(t, negated(&a[0])?, ChronoUnit::Millis)
    }),
    instance("plusNanos", &[P::Long], |_, t, a| {
        time::plus(t, long(&a[0]), ChronoUnit::Nanos)
    }),
    instance("minusNanos", &[P::Long], |_, t, a| {
        time::plus(t, negated(&a[0])?, ChronoUnit::Nanos)
    }),
    instance("plus", &[P::Long, P::TemporalUnit], |_, t, a| {
        time::plus(t, long(&a[0]), unit(&a[1])?)
    }),
    instance("minus", &[P::Long, P::TemporalUnit], |_, t, a| {
        time::plus(t, negated(&a[0])?, unit(&a[1])?)
    }),
    instance("until", &[P::Temporal, P::TemporalUnit], |_, t, a| {
        time::until(t, &a[0], unit(&a[1])?).map(Value::Long)
    }),
    hidden("atZone", "class java.time.ZonedDateTime"),
];

pub(super) const LOCAL_DATE: Table = &[
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
    instance("getYear", &[], |_, t, _| {
        Ok(Value::Int(date(t).year().into()))
    }),
    instance("getMonthValue", &[], |_, t, _| {
        Ok(Value::Int(date(t).month().into()))
    }),
    instance("getDayOfMonth", &[], |_, t, _| {
        Ok(Value::Int(date(t).day().into()))
    }),
    instance("getDayOfYear", &[], |_, t, _| {
        Ok(Value::Int(date(t).day_of_year().into()))
    }),
    instance("getDayOfWeek", &[], |_, t, _| {
        Ok(Value::DayOfWeek(date(t).weekday().to_monday_one_offset()))
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
    instance("withYear", &[P::Int], |_, t, a| {
        with_year(date(t), int(&a[0])).map(Value::LocalDate)
    }),
    instance("withMonth", &[P::Int], |_, t, a| {
        with_month(date(t), int(&a[0])).map(Value::LocalDate)
    }),
    instance("withDayOfMonth", &[P::Int], |_, t, a| {
        with_day(date(t), int(&a[0])).map(Value::LocalDate)
    }),
    instance("withDayOfYear", &[P::Int], |_, t, a| {
        year_day(date(t).year().into(), int(&a[0])).map(Value::LocalDate)
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
    instance("plus", &[P::Long, P::TemporalUnit], |_, t, a| {
        time::plus(t, long(&a[0]), unit(&a[1])?)
    }),
    instance("minus", &[P::Long, P::TemporalUnit], |_, t, a| {
        time::plus(t, negated(&a[0])?, unit(&a[1])?)
    }),
    instance("until", &[P::Temporal, P::TemporalUnit], |_, t, a| {
        time::until(t, &a[0], unit(&a[1])?).map(Value::Long)
    }),
    hidden("getMonth", "class java.time.Month"),
    hidden("getChronology", "class java.time.chrono.IsoChronology"),
    hidden("getEra", "class java.time.chrono.IsoEra"),
];

pub(super) const LOCAL_DATE_TIME: Table = &[
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
    instance("getYear", &[], |_, t, _| {
        Ok(Value::Int(date_time(t).year().into()))
    }),
    instance("getMonthValue", &[], |_, t, _| {
        Ok(Value::Int(date_time(t).month().into()))
    }),
    instance("getDayOfMonth", &[], |_, t, _| {
        Ok(Value::Int(date_time(t).day().into()))
    }),
    instance("getDayOfYear", &[], |_, t, _| {
        Ok(Value::Int(date_time(t).date().day_of_year().into()))
    }),
    instance("getDayOfWeek", &[], |_, t, _| {
        Ok(Value::DayOfWeek(
            date_time(t).weekday().to_monday_one_offset(),
        ))
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
    instance("withYear", &[P::Int], |_, t, a| {
        with_date(t, with_year(date_time(t).date(), int(&a[0])))
    }),
    instance("withMonth", &[P::Int], |_, t, a| {
        with_date(t, with_month(date_time(t).date(), int(&a[0])))
    }),
    instance("withDayOfMonth", &[P::Int], |_, t, a| {
        with_date(t, with_day(date_time(t).date(), int(&a[0])))
    }),
    instance("withDayOfYear", &[P::Int], |_, t, a| {
        with_date(t, year_day(date_time(t).year().into(), int(&a[0])))
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
    instance("plus", &[P::Long, P::TemporalUnit], |_, t, a| {
        time::plus(t, long(&a[0]), unit(&a[1])?)
    }),
    instance("minus", &[P::Long, P::TemporalUnit], |_, t, a| {
        time::plus(t, negated(&a[0])?, unit(&a[1])?)
    }),
    instance("until", &[P::Temporal, P::TemporalUnit], |_, t, a| {
        time::until(t, &a[0], unit(&a[1])?).map(Value::Long)
    }),
    hidden("getMonth", "class java.time.Month"),
    hidden("toLocalTime", "class java.time.LocalTime"),
    hidden("getChronology", "interface java.time.chrono.Chronology"),
];

pub(super) const DAY_OF_WEEK: Table = &[
    fixed("valueOf", &[P::Text], |_, _, a| {
        let name = text_arg(&a[0])?;
        let found = text::day_of_week(name).map(Value::DayOfWeek);
        found.ok_or_else(|| illegal(format!("No enum constant java.time.DayOfWeek.{}", &**name)))
    }),
    fixed("of", &[P::Int], |_, _, a| match int(&a[0]) {
        day @ 1..=7 => Ok(Value::DayOfWeek(day as i8)),
        day => Err(time::exception(format!(
            "Invalid value for DayOfWeek: {day}"
        ))),
    }),
    fixed("values", &[], |_, _, _| {
        Ok(Value::array(
            "java.time.DayOfWeek",
            (1..=7).map(Value::DayOfWeek).collect(),
        ))
    }),
    fixed("from", &[P::TemporalAccessor], |_, _, a| match &a[0] {
        Value::DayOfWeek(_) => Ok(a[0].clone()),
        Value::LocalDate(date) => Ok(Value::DayOfWeek(date.weekday().to_monday_one_offset())),
        Value::LocalDateTime(time) => Ok(Value::DayOfWeek(time.weekday().to_monday_one_offset())),
        other => Err(cannot_obtain("DayOfWeek", other)),
    }),
    instance("getValue", &[], |_, t, _| Ok(Value::Int(day(t).into()))),
    instance("plus", &[P::Long], |_, t, a| {
        Ok(Value::DayOfWeek(moved(day(t), long(&a[0]))))
    }),
    instance("minus", &[P::Long], |_, t, a| {
        Ok(Value::DayOfWeek(moved(day(t), -(long(&a[0]) % 7))))
    }),
    instance("getDisplayName", &[P::Locale, P::Locale], |_, t, a| {
        let name = text::enum_name(t);
        let full: String = name
            .char_indices()
            .map(|(at, c)| if at == 0 { c } else { c.to_ascii_lowercase() })
            .collect();
        Ok(Value::from(match &**text_arg(&a[0])? {
            "SHORT" | "SHORT_STANDALONE" => &full[..3],
            "NARROW" | "NARROW_STANDALONE" => &full[..1],
            _ => &full[..],
        }))
    }),
];

pub(super) const CHRONO_UNIT: Table = &[
    fixed("valueOf", &[P::Text], |_, _, a| {
        let name = text_arg(&a[0])?;
        let found = ChronoUnit::from_name(name).map(Value::ChronoUnit);
        found.ok_or_else(|| {
            illegal(format!(
                "No enum constant java.time.temporal.ChronoUnit.{}",
                &**name
            ))
        })
    }),
    fixed("values", &[], |_, _, _| {
        Ok(Value::array(
            "java.time.temporal.ChronoUnit",
            ChronoUnit::all().map(Value::ChronoUnit).collect(),
        ))
    }),
    instance("between", &[P::Temporal, P::Temporal], |_, t, a| {
        time::until(&a[0], &a[1], unit(t)?).map(Value::Long)
    }),
    instance("isDateBased", &[], |_, t, _| {
        Ok(Value::Bool(unit(t)?.is_date_based()))
    }),
    instance("isTimeBased", &[], |_, t, _| {
        Ok(Value::Bool(unit(t)?.is_time_based()))
    }),
    instance("isDurationEstimated", &[], |_, t, _| {
        Ok(Value::Bool(unit(t)? >= ChronoUnit::Days))
    }),
    hidden("getDuration", "class java.time.Duration"),
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

fn civil(machine: &Machine<'_, '_>, value: &Value<'_>) -> Result<DateTime> {
    time::civil(millis(value), &machine.env.zone)
}

/// The deprecated constructors: years since 1900, months from 0, everything lenient.
fn legacy<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let part = |at: usize| args.get(at).map_or(0, |value| i64::from(int(value)));
    let months = part(1);
    let year = i32::try_from(part(0) + 1900 + months.div_euclid(12)).unwrap_or(i32::MAX);
    let first = time::date(year, months.rem_euclid(12) as i32 + 1, 1)?;
    let days = time::epoch_day(first) + part(2) - 1;
    let total = days * 86_400_000 + (part(3) * 3_600 + part(4) * 60 + part(5)) * 1_000;
    let local = time::civil(total, &jiff::tz::TimeZone::UTC)?;
    time::millis(local, &machine.env.zone).map(Value::Date)
}

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

fn day(value: &Value<'_>) -> i8 {
    match value {
        Value::DayOfWeek(day) => *day,
        _ => 1,
    }
}

fn moved(day: i8, by: i64) -> i8 {
    ((i64::from(day) - 1 + by % 7).rem_euclid(7) + 1) as i8
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

fn with_date<'a>(value: &Value<'a>, date: Result<Date>) -> Result<Value<'a>> {
    Ok(Value::LocalDateTime(
        date?.to_datetime(date_time(value).time()),
    ))
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
