//! The methods that expressions may call, by class: what is public in Java and has an allowed return type.

mod boxes;
mod collections;
mod dates;
mod formats;
mod misc;
mod text;
mod times;

pub(crate) use misc::ordinal;

use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::types::{self, Param};
use crate::value::{Str, Value, compare};

/// The code of a method: the machine, the target (null for constructors), the converted arguments.
pub(crate) type Run =
    for<'a, 'e> fn(&mut Machine<'a, 'e>, &Value<'a>, &[Value<'a>]) -> Result<Value<'a>>;

#[derive(Clone, Copy)]
pub(crate) enum Call {
    Run(Run),
    /// Public in Java, but its return type (shown as in a message) is not allowed.
    Hidden(&'static str),
}

/// One overload.
pub(crate) struct Method {
    pub name: &'static str,
    pub params: &'static [Param],
    pub varargs: bool,
    pub is_static: bool,
    pub call: Call,
}

pub(crate) type Table = &'static [Method];

impl Method {
    /// Getters named `is…` count only if they give a boolean; in these tables all of them do.
    pub fn gives_bool(&self) -> bool {
        self.name.starts_with("is")
    }
}

const fn instance(name: &'static str, params: &'static [Param], run: Run) -> Method {
    Method {
        name,
        params,
        varargs: false,
        is_static: false,
        call: Call::Run(run),
    }
}

const fn fixed(name: &'static str, params: &'static [Param], run: Run) -> Method {
    Method {
        name,
        params,
        varargs: false,
        is_static: true,
        call: Call::Run(run),
    }
}

const fn variadic(
    name: &'static str,
    params: &'static [Param],
    is_static: bool,
    run: Run,
) -> Method {
    Method {
        name,
        params,
        varargs: true,
        is_static,
        call: Call::Run(run),
    }
}

const fn hidden(name: &'static str, returns: &'static str) -> Method {
    Method {
        name,
        params: &[],
        varargs: false,
        is_static: false,
        call: Call::Hidden(returns),
    }
}

/// Methods of a value, or the methods of the class that a `T(…)` names.
pub(crate) fn tables(target: &Value<'_>) -> &'static [Table] {
    match target {
        Value::Class(name) => of_class(name),
        value => of_value(value),
    }
}

/// Constructors, under the name `new`.
pub(crate) fn constructors(class: &str) -> Table {
    match class {
        "java.lang.String" => text::CONSTRUCTORS,
        "java.lang.Integer" | "java.lang.Long" | "java.lang.Double" | "java.lang.Byte"
        | "java.lang.Boolean" => boxes::constructors(class),
        "java.util.Date" => dates::CONSTRUCTORS,
        "java.util.Random" => misc::RANDOM_CONSTRUCTORS,
        "java.util.UUID" => misc::UUID_CONSTRUCTORS,
        "java.text.SimpleDateFormat" => formats::CONSTRUCTORS,
        _ => &[],
    }
}

fn of_class(name: &str) -> &'static [Table] {
    match name {
        "java.lang.String" => &[text::TABLE],
        "java.lang.Integer" => &[boxes::INTEGER],
        "java.lang.Long" => &[boxes::LONG],
        "java.lang.Double" => &[boxes::DOUBLE],
        "java.lang.Byte" => &[boxes::BYTE],
        "java.lang.Boolean" => &[boxes::BOOLEAN],
        "java.lang.Math" => &[misc::MATH],
        "java.util.Date" => &[dates::TABLE],
        "java.util.UUID" => &[misc::UUID],
        "java.time.LocalDate" => &[
            times::LOCAL_DATE,
            times::PARTS,
            times::BY_DAYS,
            times::BY_UNIT,
        ],
        "java.time.LocalDateTime" => &[
            times::LOCAL_DATE_TIME,
            times::PARTS,
            times::BY_DAYS,
            times::BY_SECONDS,
            times::BY_UNIT,
        ],
        "java.time.Instant" => &[times::INSTANT, times::BY_SECONDS, times::BY_UNIT],
        "java.time.DayOfWeek" => &[times::DAY_OF_WEEK],
        "java.time.temporal.ChronoUnit" => &[times::CHRONO_UNIT],
        "java.net.URLEncoder" => &[misc::URL_ENCODER],
        _ => &[],
    }
}

fn of_value(value: &Value<'_>) -> &'static [Table] {
    match value {
        Value::Text(_) => &[text::TABLE, OBJECT],
        Value::Int(_) => &[boxes::INTEGER, boxes::NUMBER, OBJECT],
        Value::Long(_) => &[boxes::LONG, boxes::NUMBER, OBJECT],
        Value::Double(_) => &[boxes::DOUBLE, boxes::NUMBER, OBJECT],
        Value::Float(_) => &[boxes::FLOAT, boxes::NUMBER, OBJECT],
        Value::Byte(_) => &[boxes::BYTE, boxes::NUMBER, OBJECT],
        Value::Big(_) => &[boxes::BIG, boxes::NUMBER, OBJECT],
        Value::Bool(_) => &[boxes::BOOLEAN, OBJECT],
        Value::Char(_) => &[boxes::CHARACTER, OBJECT],
        Value::Status(_) => &[misc::STATUS, misc::ENUM, OBJECT],
        Value::List(list) if list.kind.is_list() => {
            &[collections::LIST, collections::COLLECTION, OBJECT]
        }
        Value::List(_) => &[collections::COLLECTION, OBJECT],
        Value::Map(map) if map.kind.is_context() => {
            &[collections::CONTEXT, collections::MAP, OBJECT]
        }
        Value::Map(_) => &[collections::MAP, OBJECT],
        Value::Entry(..) => &[collections::ENTRY, OBJECT],
        Value::Date(_) => &[dates::TABLE, OBJECT],
        Value::Instant(_) => &[times::INSTANT, times::BY_SECONDS, times::BY_UNIT, OBJECT],
        Value::LocalDate(_) => &[
            times::LOCAL_DATE,
            times::PARTS,
            times::BY_DAYS,
            times::BY_UNIT,
            OBJECT,
        ],
        Value::LocalDateTime(_) => &[
            times::LOCAL_DATE_TIME,
            times::PARTS,
            times::BY_DAYS,
            times::BY_SECONDS,
            times::BY_UNIT,
            OBJECT,
        ],
        Value::DayOfWeek(_) => &[times::DAY_OF_WEEK, misc::ENUM, OBJECT],
        Value::ChronoUnit(_) => &[times::CHRONO_UNIT, misc::ENUM, OBJECT],
        Value::Uuid(_) => &[misc::UUID, OBJECT],
        Value::Random(_) => &[misc::RANDOM, OBJECT],
        Value::DateFormat(_) => &[formats::TABLE, OBJECT],
        Value::Class(_) => &[],
        Value::Null | Value::Array(_) | Value::Object(_) | Value::NotEvaluable(_) => &[OBJECT],
    }
}

/// What every object has; the rest of `java.lang.Object` is removed.
const OBJECT: Table = &[
    instance("equals", &[Param::Object], |machine, target, args| {
        machine.same(target, &args[0]).map(Value::Bool)
    }),
    instance("hashCode", &[], |machine, target, _| {
        machine.measure(target)?;
        Ok(Value::Int(compare::hash_code(target)))
    }),
    instance("toString", &[], |machine, target, _| {
        machine.text_value(target)
    }),
    hidden("getClass", "class java.lang.Class"),
];

/// How much work a method on this value is, roughly.
pub(crate) fn weight(value: &Value<'_>) -> usize {
    match value {
        Value::Text(text) => 1 + text.len() / 8,
        Value::List(list) => 1 + list.len(),
        Value::Map(map) => 1 + map.len(),
        Value::Array(array) => 1 + array.items.borrow().len(),
        _ => 1,
    }
}

fn int(value: &Value<'_>) -> i32 {
    types::number::to_i64(value) as i32
}

fn long(value: &Value<'_>) -> i64 {
    types::number::to_i64(value)
}

fn double(value: &Value<'_>) -> f64 {
    types::number::to_f64(value)
}

fn flag(value: &Value<'_>) -> bool {
    matches!(value, Value::Bool(true))
}

/// A text argument; null is what Java would throw a `NullPointerException` for.
fn text_arg<'v, 'a>(value: &'v Value<'a>) -> Result<&'v Str<'a>> {
    crate::machine::need_text(value, "<parameter1>")
}

/// The target as text; only called for texts.
fn own<'v, 'a>(value: &'v Value<'a>) -> &'v str {
    value.as_chars().unwrap_or("")
}

fn bounds(text: String) -> Error {
    Error::new("java.lang.StringIndexOutOfBoundsException", text)
}

fn illegal(text: impl Into<String>) -> Error {
    Error::illegal_argument(text)
}
