//! Java's types as far as expressions meet them: names, relations between values and parameters.

pub(crate) mod calendar;
pub(crate) mod date_format;
pub(crate) mod known;
pub(crate) mod number;
pub(crate) mod param;
pub(crate) mod random;
pub(crate) mod time;
pub(crate) mod time_unit;

use std::borrow::Cow;

pub(crate) use param::Param;

use crate::value::{BeanClass, Object, Value};

/// How well a value fits a parameter, without looking at what conversion would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    Exact,
    /// Assignable, with Spring's distance between the types.
    Close(u32),
    Converted,
}

impl Fit {
    pub fn and(self, other: Fit) -> Fit {
        match (self, other) {
            (Fit::Converted, _) | (_, Fit::Converted) => Fit::Converted,
            (Fit::Close(a), Fit::Close(b)) => Fit::Close(a + b),
            (Fit::Close(a), Fit::Exact) | (Fit::Exact, Fit::Close(a)) => Fit::Close(a),
            (Fit::Exact, Fit::Exact) => Fit::Exact,
        }
    }
}

/// `value.getClass().getTypeName()`, `null` for null.
pub(crate) fn class_name(value: &Value<'_>) -> Cow<'static, str> {
    Cow::Borrowed(match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Byte(_) => "java.lang.Byte",
        Value::Char(_) => "java.lang.Character",
        Value::Int(_) => "java.lang.Integer",
        Value::Long(_) => "java.lang.Long",
        Value::Float(_) => "java.lang.Float",
        Value::Double(_) => "java.lang.Double",
        Value::Big(_) => "java.math.BigInteger",
        Value::Text(_) => "java.lang.String",
        Value::Status(_) => "com.netflix.spinnaker.orca.api.pipeline.models.ExecutionStatus",
        Value::List(list) => list.kind.class_name(),
        Value::Map(map) => map.kind.class_name(),
        Value::Array(array) => return Cow::Owned(format!("{}[]", array.element)),
        Value::Entry(_, map) => map.entry_class(),
        Value::Date(_) => "java.util.Date",
        Value::Instant(_) => "java.time.Instant",
        Value::LocalDate(_) => "java.time.LocalDate",
        Value::LocalDateTime(_) => "java.time.LocalDateTime",
        Value::DayOfWeek(_) => "java.time.DayOfWeek",
        Value::ChronoUnit(_) => "java.time.temporal.ChronoUnit",
        Value::Uuid(_) => "java.util.UUID",
        Value::Class(_) => "java.lang.Class",
        Value::Random(_) => "java.util.Random",
        Value::DateFormat(_) => "java.text.SimpleDateFormat",
        Value::Object(Object::Execution) => {
            "com.netflix.spinnaker.orca.pipeline.model.PipelineExecutionImpl"
        }
        Value::Object(Object::Stage(_)) => {
            "com.netflix.spinnaker.orca.pipeline.model.StageExecutionImpl"
        }
        Value::Object(Object::Bean(bean)) => match bean.class {
            BeanClass::Task => "com.netflix.spinnaker.orca.pipeline.model.TaskExecutionImpl",
            BeanClass::Trigger => crate::objects::trigger_class(&bean.data),
            BeanClass::Authentication => {
                "com.netflix.spinnaker.orca.api.pipeline.models.PipelineExecution$AuthenticationDetails"
            }
            BeanClass::Paused => {
                "com.netflix.spinnaker.orca.api.pipeline.models.PipelineExecution$PausedDetails"
            }
            BeanClass::Execution => {
                "com.netflix.spinnaker.orca.pipeline.model.PipelineExecutionImpl"
            }
            BeanClass::Stage => "com.netflix.spinnaker.orca.pipeline.model.StageExecutionImpl",
            BeanClass::Artifact => "com.netflix.spinnaker.kork.artifacts.model.Artifact",
            BeanClass::ExpectedArtifact => {
                "com.netflix.spinnaker.kork.artifacts.model.ExpectedArtifact"
            }
            BeanClass::BuildInfo => "com.netflix.spinnaker.orca.pipeline.model.JenkinsBuildInfo",
            BeanClass::SourceControl => "com.netflix.spinnaker.orca.pipeline.model.SourceControl",
        },
        Value::NotEvaluable(_) => "com.netflix.spinnaker.kork.expressions.NotEvaluableExpression",
    })
}

/// `value.getClass().getName()`: as [`class_name`] except for arrays (`[Ljava.lang.String;`).
pub(crate) fn runtime_class(value: &Value<'_>) -> String {
    crate::value::text::class_name(&class_name(value))
}

/// `TypeDescriptor.toString`: generic parameters that are unknown show as `?`.
pub(crate) fn descriptor(value: &Value<'_>) -> String {
    let name = class_name(value);
    match value {
        Value::Map(map) if !map.kind.is_context() => {
            format!("{name}<?, ?>")
        }
        // What a stage gives as its context is known to be a map of texts; the root is just an object of its class.
        Value::Map(map) if matches!(map.kind, crate::value::MapKind::Context(_)) => {
            format!("{name}<java.lang.String, java.lang.Object>")
        }
        // The views of a map are classes without parameters.
        Value::List(list) if !list.kind.is_generic() => name.into_owned(),
        Value::List(_) | Value::Class(_) => format!("{name}<?>"),
        _ => name.into_owned(),
    }
}

/// Java class of arrays: `[Ljava.lang.String;` is shown as `java.lang.String[]`.
pub(crate) fn array_class(class: &str, dimensions: usize) -> String {
    format!("{class}{}", "[]".repeat(dimensions))
}

pub(crate) fn is_interface(class: &str) -> bool {
    matches!(
        class,
        "java.util.List" | "java.util.Map" | "java.util.Collection" | "java.lang.CharSequence"
    )
}

/// Whether Spring's conversion service turns it into text; maps, times and objects it does not.
pub(crate) fn converts_to_text(value: &Value<'_>) -> bool {
    value.is_number()
        || matches!(
            value,
            Value::Bool(_)
                | Value::Char(_)
                | Value::Text(_)
                | Value::Status(_)
                | Value::Uuid(_)
                | Value::Date(_)
                | Value::DateFormat(_)
        )
}

/// As [`converts_to_text`], with collections and enums, which convert when all their elements do.
pub(crate) fn has_text_converter(value: &Value<'_>) -> bool {
    converts_to_text(value)
        || matches!(
            value,
            Value::Array(_) | Value::DayOfWeek(_) | Value::ChronoUnit(_)
        )
        || matches!(value, Value::List(list) if !matches!(list.kind, crate::value::ListKind::EntrySet(_)))
}

/// Values that can be compared with each other have the same family.
pub(crate) fn comparable_family(value: &Value<'_>) -> Option<u8> {
    Some(match value {
        value if value.is_number() => 1,
        Value::Text(_) => 2,
        Value::Bool(_) => 3,
        Value::Char(_) => 4,
        Value::Date(_) => 5,
        Value::Instant(_) => 6,
        Value::LocalDate(_) => 7,
        Value::LocalDateTime(_) => 8,
        Value::DayOfWeek(_) => 9,
        Value::ChronoUnit(_) => 10,
        Value::Uuid(_) => 11,
        Value::Status(_) => 12,
        _ => return None,
    })
}

/// Depth of the class below `Object`, times two: Spring's distance to a parameter of type `Object`.
fn distance_to_object(value: &Value<'_>) -> u32 {
    match value {
        value if value.is_number() => 4,
        Value::List(_) | Value::Map(_) => 6,
        Value::DayOfWeek(_) | Value::ChronoUnit(_) | Value::Status(_) => 4,
        _ => 2,
    }
}

/// Whether the class of the value is, extends or implements the named one.
pub(crate) fn is_instance(value: &Value<'_>, class: &str) -> bool {
    if value.is_null() {
        return false;
    }
    let own = class_name(value);
    own == class
        || Param::of_class(class)
            .known()
            .is_some_and(|param| !param.is_primitive() && assignable(value, param))
}

/// Whether Java would take the value for this parameter without conversion, boxing included.
pub(crate) fn assignable(value: &Value<'_>, param: Param) -> bool {
    use Value as V;
    match param {
        Param::Object => true,
        Param::Bool | Param::BoolObject => matches!(value, V::Bool(_)),
        Param::Byte | Param::ByteObject => matches!(value, V::Byte(_)),
        Param::Char | Param::CharObject => matches!(value, V::Char(_)),
        Param::Short => false,
        Param::Int | Param::IntObject => matches!(value, V::Int(_)),
        Param::Long | Param::LongObject => matches!(value, V::Long(_)),
        Param::Float | Param::FloatObject => matches!(value, V::Float(_)),
        Param::Double | Param::DoubleObject => matches!(value, V::Double(_)),
        Param::Number => value.is_number(),
        Param::Text => matches!(value, V::Text(_)),
        Param::Chars => matches!(value, V::Text(_) | V::Status(_)),
        Param::Comparable => comparable_family(value).is_some(),
        Param::List => matches!(value, V::List(list) if list.kind.is_list()),
        Param::Set => matches!(value, V::List(list) if list.kind.is_set()),
        Param::Collection | Param::Iterable => matches!(value, V::List(_)),
        Param::Map => matches!(value, V::Map(_)),
        Param::TextArray => {
            matches!(value, V::Array(array) if &*array.element == "java.lang.String")
        }
        Param::ByteArray => matches!(value, V::Array(array) if &*array.element == "byte"),
        Param::CharArray => matches!(value, V::Array(array) if &*array.element == "char"),
        Param::ObjectArray | Param::CharsArray => {
            matches!(value, V::Array(array) if !known::is_primitive(&array.element))
        }
        Param::Date => matches!(value, V::Date(_)),
        Param::Instant => matches!(value, V::Instant(_)),
        Param::LocalDate => matches!(value, V::LocalDate(_)),
        Param::ChronoLocalDate => matches!(value, V::LocalDate(_)),
        Param::LocalDateTime | Param::ChronoLocalDateTime => matches!(value, V::LocalDateTime(_)),
        Param::Temporal => matches!(value, V::LocalDate(_) | V::LocalDateTime(_) | V::Instant(_)),
        Param::TemporalAccessor => {
            matches!(
                value,
                V::LocalDate(_) | V::LocalDateTime(_) | V::Instant(_) | V::DayOfWeek(_)
            )
        }
        Param::TemporalUnit | Param::ChronoUnit => matches!(value, V::ChronoUnit(_)),
        Param::DayOfWeek => matches!(value, V::DayOfWeek(_)),
        Param::Uuid => matches!(value, V::Uuid(_)),
        Param::Execution => matches!(value, V::Object(Object::Execution)),
        Param::Locale | Param::Charset | Param::Other(_) => false,
    }
}

/// `ReflectionHelper.compareArguments` for one argument.
pub(crate) fn fit(value: &Value<'_>, param: Param) -> Option<Fit> {
    if value.is_null() {
        return (!param.is_primitive()).then_some(Fit::Exact);
    }
    if param.is_class_of(value) {
        return Some(Fit::Exact);
    }
    if assignable(value, param) {
        let distance = match param {
            _ if param.is_primitive() => distance_to_object(value),
            Param::Object => distance_to_object(value),
            Param::Number => 2,
            _ => 1,
        };
        return Some(Fit::Close(distance));
    }
    convertible(value, param).then_some(Fit::Converted)
}

/// Whether Spring's conversion service has a converter between the types.
fn convertible(value: &Value<'_>, param: Param) -> bool {
    use Value as V;
    let numeric = param.is_numeric();
    match value {
        V::List(_) | V::Array(_) => match param {
            Param::Map | Param::Other(_) | Param::Execution => false,
            Param::Chars | Param::Comparable | Param::Number => true,
            // From a collection of unknown elements anything may come.
            _ => true,
        },
        V::Map(_) | V::Object(_) | V::Entry(..) => {
            matches!(
                param,
                Param::List | Param::Set | Param::Collection | Param::ObjectArray
            )
        }
        _ => match param {
            Param::Text => has_text_converter(value),
            _ if numeric => matches!(value, V::Text(_) | V::Char(_)) || value.is_number(),
            Param::Bool | Param::BoolObject => matches!(value, V::Text(_)),
            Param::Char | Param::CharObject => matches!(value, V::Text(_)) || value.is_number(),
            Param::List | Param::Set | Param::Collection | Param::Iterable => true,
            Param::TextArray | Param::ObjectArray | Param::ByteArray | Param::CharArray => true,
            Param::Locale | Param::Charset | Param::Uuid => matches!(value, V::Text(_)),
            Param::DayOfWeek | Param::ChronoUnit => matches!(value, V::Text(_)),
            Param::Date => matches!(value, V::Text(_) | V::Instant(_)),
            Param::Instant => matches!(value, V::Date(_)),
            Param::LocalDate => matches!(value, V::LocalDateTime(_)),
            _ => false,
        },
    }
}

/// The text of a `ClassCastException` between two classes of the JDK.
pub(crate) fn class_cast(from: &str, to: &str) -> String {
    format!(
        "class {from} cannot be cast to class {to} ({from} and {to} are in module java.base of loader 'bootstrap')"
    )
}
