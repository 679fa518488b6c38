//! `java.text.SimpleDateFormat`.

use super::{Table, hidden, instance, text_arg};
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::types::Param as P;
use crate::types::date_format;
use crate::value::Value;

pub(super) const CONSTRUCTORS: Table = &[
    instance("new", &[], |_, _, _| {
        Ok(Value::DateFormat("M/d/yy, h:mm a".into()))
    }),
    instance("new", &[P::Text], |_, _, a| with_pattern(&a[0])),
    instance("new", &[P::Text, P::Locale], |_, _, a| with_pattern(&a[0])),
];

pub(super) const TABLE: Table = &[
    instance("format", &[P::Date], |m, t, a| match &a[0] {
        Value::Date(millis) => {
            date_format::format(pattern(t), *millis, &m.env.zone.clone()).map(Value::text)
        }
        _ => Err(Error::null_pointer("date")),
    }),
    // `Format.format(Object)`: a date or a number of milliseconds.
    instance("format", &[P::Object], |m, t, a| {
        let millis = match &a[0] {
            Value::Date(millis) => *millis,
            number if number.is_number() => super::long(number),
            _ => {
                return Err(Error::illegal_argument(
                    "Cannot format given Object as a Date",
                ));
            }
        };
        date_format::format(pattern(t), millis, &m.env.zone.clone()).map(Value::text)
    }),
    instance("parse", &[P::Text], |m, t, a| parse(m, t, &a[0])),
    instance("toPattern", &[], |_, t, _| Ok(Value::from(pattern(t)))),
    instance("toLocalizedPattern", &[], |_, t, _| {
        Ok(Value::from(pattern(t)))
    }),
    instance("isLenient", &[], |_, _, _| Ok(Value::Bool(true))),
    hidden("getTimeZone", "class java.util.TimeZone"),
    hidden("getCalendar", "class java.util.Calendar"),
    hidden("getNumberFormat", "class java.text.NumberFormat"),
    hidden("parseObject", "class java.lang.Object"),
    hidden("clone", "class java.lang.Object"),
];

fn pattern<'v>(value: &'v Value<'_>) -> &'v str {
    match value {
        Value::DateFormat(pattern) => pattern,
        _ => "",
    }
}

fn with_pattern<'a>(pattern: &Value<'a>) -> Result<Value<'a>> {
    let pattern = text_arg(pattern)?;
    date_format::check(pattern)?;
    Ok(Value::DateFormat((&**pattern).into()))
}

fn parse<'a>(m: &mut Machine<'a, '_>, target: &Value<'a>, text: &Value<'a>) -> Result<Value<'a>> {
    let text = text_arg(text)?;
    let zone = m.env.zone.clone();
    date_format::parse(pattern(target), text, m.env.now_ms, &zone).map(Value::Date).map_err(|error| {
        match error.exception_type() == "java.text.ParseException" {
            true => error.wrapped(
                "org.springframework.expression.ExpressionInvocationTargetException",
                "A problem occurred when trying to execute method 'parse' on object of type [java.text.SimpleDateFormat]",
            ),
            false => error,
        }
    })
}
