//! Parameter types of methods, constructors and functions.

use crate::value::Value;

/// The declared type of a parameter. Types that no value of an expression has are `Other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Param {
    Bool,
    Byte,
    Char,
    Short,
    Int,
    Long,
    Float,
    Double,
    BoolObject,
    ByteObject,
    CharObject,
    IntObject,
    LongObject,
    FloatObject,
    DoubleObject,
    Number,
    Object,
    Text,
    Chars,
    Comparable,
    List,
    Set,
    Collection,
    Iterable,
    Map,
    TextArray,
    CharsArray,
    ByteArray,
    CharArray,
    ObjectArray,
    Date,
    Instant,
    LocalDate,
    LocalDateTime,
    ChronoLocalDate,
    ChronoLocalDateTime,
    Temporal,
    TemporalAccessor,
    TemporalUnit,
    ChronoUnit,
    DayOfWeek,
    Uuid,
    Locale,
    Charset,
    Execution,
    Other(&'static str),
}

impl Param {
    pub fn is_primitive(self) -> bool {
        matches!(
            self,
            Self::Bool
                | Self::Byte
                | Self::Char
                | Self::Short
                | Self::Int
                | Self::Long
                | Self::Float
                | Self::Double
        )
    }

    pub fn is_numeric(self) -> bool {
        matches!(
            self,
            Self::Byte
                | Self::Short
                | Self::Int
                | Self::Long
                | Self::Float
                | Self::Double
                | Self::ByteObject
                | Self::IntObject
                | Self::LongObject
                | Self::FloatObject
                | Self::DoubleObject
        )
    }

    pub fn is_collection(self) -> bool {
        matches!(
            self,
            Self::List
                | Self::Set
                | Self::Collection
                | Self::Iterable
                | Self::TextArray
                | Self::CharsArray
                | Self::ByteArray
                | Self::CharArray
                | Self::ObjectArray
        )
    }

    /// Java name of the type.
    pub fn java(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Byte => "byte",
            Self::Char => "char",
            Self::Short => "short",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            _ => self.boxed(),
        }
    }

    /// Java name with primitives boxed.
    pub fn boxed(self) -> &'static str {
        match self {
            Self::Bool | Self::BoolObject => "java.lang.Boolean",
            Self::Byte | Self::ByteObject => "java.lang.Byte",
            Self::Char | Self::CharObject => "java.lang.Character",
            Self::Short => "java.lang.Short",
            Self::Int | Self::IntObject => "java.lang.Integer",
            Self::Long | Self::LongObject => "java.lang.Long",
            Self::Float | Self::FloatObject => "java.lang.Float",
            Self::Double | Self::DoubleObject => "java.lang.Double",
            Self::Number => "java.lang.Number",
            Self::Object => "java.lang.Object",
            Self::Text => "java.lang.String",
            Self::Chars => "java.lang.CharSequence",
            Self::Comparable => "java.lang.Comparable",
            Self::List => "java.util.List",
            Self::Set => "java.util.Set",
            Self::Collection => "java.util.Collection",
            Self::Iterable => "java.lang.Iterable",
            Self::Map => "java.util.Map",
            Self::TextArray => "java.lang.String[]",
            Self::CharsArray => "java.lang.CharSequence[]",
            Self::ByteArray => "byte[]",
            Self::CharArray => "char[]",
            Self::ObjectArray => "java.lang.Object[]",
            Self::Date => "java.util.Date",
            Self::Instant => "java.time.Instant",
            Self::LocalDate => "java.time.LocalDate",
            Self::LocalDateTime => "java.time.LocalDateTime",
            Self::ChronoLocalDate => "java.time.chrono.ChronoLocalDate",
            Self::ChronoLocalDateTime => "java.time.chrono.ChronoLocalDateTime",
            Self::Temporal => "java.time.temporal.Temporal",
            Self::TemporalAccessor => "java.time.temporal.TemporalAccessor",
            Self::TemporalUnit => "java.time.temporal.TemporalUnit",
            Self::ChronoUnit => "java.time.temporal.ChronoUnit",
            Self::DayOfWeek => "java.time.DayOfWeek",
            Self::Uuid => "java.util.UUID",
            Self::Locale => "java.util.Locale",
            Self::Charset => "java.nio.charset.Charset",
            Self::Execution => "com.netflix.spinnaker.orca.api.pipeline.models.PipelineExecution",
            Self::Other(name) => name,
        }
    }

    /// The parameter type of a class by name; `Other` if it is none of ours.
    pub fn of_class(class: &str) -> Self {
        const ALL: [Param; 44] = [
            Param::Bool,
            Param::Byte,
            Param::Char,
            Param::Short,
            Param::Int,
            Param::Long,
            Param::Float,
            Param::Double,
            Param::BoolObject,
            Param::ByteObject,
            Param::CharObject,
            Param::IntObject,
            Param::LongObject,
            Param::FloatObject,
            Param::DoubleObject,
            Param::Number,
            Param::Object,
            Param::Text,
            Param::Chars,
            Param::Comparable,
            Param::List,
            Param::Set,
            Param::Collection,
            Param::Iterable,
            Param::Map,
            Param::TextArray,
            Param::CharsArray,
            Param::ByteArray,
            Param::CharArray,
            Param::ObjectArray,
            Param::Date,
            Param::Instant,
            Param::LocalDate,
            Param::LocalDateTime,
            Param::ChronoLocalDate,
            Param::ChronoLocalDateTime,
            Param::Temporal,
            Param::TemporalAccessor,
            Param::TemporalUnit,
            Param::ChronoUnit,
            Param::DayOfWeek,
            Param::Uuid,
            Param::Locale,
            Param::Charset,
        ];
        ALL.into_iter()
            .find(|param| param.java() == class)
            .unwrap_or(Param::Other("?"))
    }

    /// Nothing for `Other`.
    pub fn known(self) -> Option<Self> {
        (!matches!(self, Self::Other(_))).then_some(self)
    }

    /// Type of the elements of a variadic parameter.
    pub fn element(self) -> Self {
        match self {
            Self::TextArray => Self::Text,
            Self::CharsArray => Self::Chars,
            Self::ByteArray => Self::Byte,
            Self::CharArray => Self::Char,
            _ => Self::Object,
        }
    }

    /// Whether this is exactly the class of the value.
    pub fn is_class_of(self, value: &Value<'_>) -> bool {
        matches!(
            (self, value),
            (Self::BoolObject, Value::Bool(_))
                | (Self::ByteObject, Value::Byte(_))
                | (Self::CharObject, Value::Char(_))
                | (Self::IntObject, Value::Int(_))
                | (Self::LongObject, Value::Long(_))
                | (Self::FloatObject, Value::Float(_))
                | (Self::DoubleObject, Value::Double(_))
                | (Self::Text, Value::Text(_))
                | (Self::Date, Value::Date(_))
                | (Self::Instant, Value::Instant(_))
                | (Self::LocalDate, Value::LocalDate(_))
                | (Self::LocalDateTime, Value::LocalDateTime(_))
                | (Self::DayOfWeek, Value::DayOfWeek(_))
                | (Self::ChronoUnit, Value::ChronoUnit(_))
                | (Self::Uuid, Value::Uuid(_))
        ) || matches!((self, value), (_, Value::Array(array)) if self.boxed().strip_suffix("[]") == Some(&*array.element))
    }

    /// What a fresh array of this type holds.
    pub fn zero<'a>(self) -> Value<'a> {
        match self {
            Self::Bool => Value::Bool(false),
            Self::Byte => Value::Byte(0),
            Self::Char => Value::Char('\0'),
            Self::Short | Self::Int => Value::Int(0),
            Self::Long => Value::Long(0),
            Self::Float => Value::Float(0.0),
            Self::Double => Value::Double(0.0),
            _ => Value::Null,
        }
    }
}
