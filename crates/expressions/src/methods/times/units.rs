//! `DayOfWeek` and `ChronoUnit`.

use super::{cannot_obtain, unit};
use crate::methods::{Table, fixed, hidden, illegal, instance, int, long, text_arg};
use crate::types::time_unit::ChronoUnit;
use crate::types::{Param as P, time};
use crate::value::{Value, text};

pub(in crate::methods) const DAY_OF_WEEK: Table = &[
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

pub(in crate::methods) const CHRONO_UNIT: Table = &[
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

fn day(value: &Value<'_>) -> i8 {
    match value {
        Value::DayOfWeek(day) => *day,
        _ => 1,
    }
}

fn moved(day: i8, by: i64) -> i8 {
    ((i64::from(day) - 1 + by % 7).rem_euclid(7) + 1) as i8
}
