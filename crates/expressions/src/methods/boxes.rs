//! Boxed numbers, booleans and characters.

use super::{Table, double, fixed, flag, instance, int, long, text_arg};
use crate::error::{Error, Result};
use crate::machine::convert_big;
use crate::types::Param as P;
use crate::types::number;
use crate::value::{Value, compare, text};

pub(super) fn constructors(class: &str) -> Table {
    match class {
        "java.lang.Integer" => NEW_INTEGER,
        "java.lang.Long" => NEW_LONG,
        "java.lang.Double" => NEW_DOUBLE,
        "java.lang.Byte" => NEW_BYTE,
        _ => NEW_BOOLEAN,
    }
}

const NEW_INTEGER: Table = &[
    instance("new", &[P::Int], |_, _, a| Ok(a[0].clone())),
    instance("new", &[P::Text], |_, _, a| {
        parse_int(&a[0], 10).map(Value::Int)
    }),
];
const NEW_LONG: Table = &[
    instance("new", &[P::Long], |_, _, a| Ok(a[0].clone())),
    instance("new", &[P::Text], |_, _, a| {
        parse_long(&a[0], 10).map(Value::Long)
    }),
];
const NEW_DOUBLE: Table = &[
    instance("new", &[P::Double], |_, _, a| Ok(a[0].clone())),
    instance("new", &[P::Text], |_, _, a| {
        number::double(text_arg(&a[0])?).map(Value::Double)
    }),
];
const NEW_BYTE: Table = &[
    instance("new", &[P::Byte], |_, _, a| Ok(a[0].clone())),
    instance("new", &[P::Text], |_, _, a| {
        parse_byte(&a[0], 10).map(Value::Byte)
    }),
];
const NEW_BOOLEAN: Table = &[
    instance("new", &[P::Bool], |_, _, a| Ok(a[0].clone())),
    instance("new", &[P::Text], |_, _, a| Ok(Value::Bool(is_true(&a[0])))),
];

/// What every number has.
pub(super) const NUMBER: Table = &[
    instance("intValue", &[], |_, t, _| {
        Ok(Value::Int(match t {
            Value::Double(n) => *n as i32,
            Value::Float(n) => *n as i32,
            value => int(value),
        }))
    }),
    instance("longValue", &[], |_, t, _| Ok(Value::Long(long(t)))),
    instance("doubleValue", &[], |_, t, _| Ok(Value::Double(double(t)))),
    instance("floatValue", &[], |_, t, _| {
        Ok(Value::Float(double(t) as f32))
    }),
    instance("shortValue", &[], |_, t, _| {
        Ok(Value::Int(i32::from(int(t) as i16)))
    }),
    instance("byteValue", &[], |_, t, _| Ok(Value::Byte(int(t) as i8))),
];

pub(super) const INTEGER: Table = &[
    instance("compareTo", &[P::IntObject], |_, t, a| {
        not_null(&a[0], "anotherInteger")?;
        Ok(order(int(t).cmp(&int(&a[0]))))
    }),
    fixed("parseInt", &[P::Text], |_, _, a| {
        parse_int(&a[0], 10).map(Value::Int)
    }),
    fixed("parseInt", &[P::Text, P::Int], |_, _, a| {
        parse_int(&a[0], int(&a[1])).map(Value::Int)
    }),
    fixed("parseUnsignedInt", &[P::Text], |_, _, a| {
        parse_unsigned(&a[0], 10)
    }),
    fixed("parseUnsignedInt", &[P::Text, P::Int], |_, _, a| {
        parse_unsigned(&a[0], int(&a[1]))
    }),
    fixed("valueOf", &[P::Text], |_, _, a| {
        parse_int(&a[0], 10).map(Value::Int)
    }),
    fixed("valueOf", &[P::Int], |_, _, a| Ok(a[0].clone())),
    fixed("valueOf", &[P::Text, P::Int], |_, _, a| {
        parse_int(&a[0], int(&a[1])).map(Value::Int)
    }),
    fixed("decode", &[P::Text], |_, _, a| {
        let text = text_arg(&a[0])?;
        let value = number::decode(text)?;
        i32::try_from(value)
            .map(Value::Int)
            .map_err(|_| Error::number_format(text))
    }),
    fixed("toString", &[P::Int], |_, _, a| {
        Ok(Value::text(int(&a[0]).to_string()))
    }),
    fixed("toString", &[P::Int, P::Int], |_, _, a| {
        Ok(Value::text(in_radix(i128::from(int(&a[0])), int(&a[1]))))
    }),
    fixed("toUnsignedString", &[P::Int], |_, _, a| {
        Ok(Value::text((int(&a[0]) as u32).to_string()))
    }),
    fixed("toHexString", &[P::Int], |_, _, a| {
        Ok(Value::text(format!("{:x}", int(&a[0]))))
    }),
    fixed("toOctalString", &[P::Int], |_, _, a| {
        Ok(Value::text(format!("{:o}", int(&a[0]))))
    }),
    fixed("toBinaryString", &[P::Int], |_, _, a| {
        Ok(Value::text(format!("{:b}", int(&a[0]))))
    }),
    fixed("toUnsignedLong", &[P::Int], |_, _, a| {
        Ok(Value::Long(i64::from(int(&a[0]) as u32)))
    }),
    fixed("compare", &[P::Int, P::Int], |_, _, a| {
        Ok(order(int(&a[0]).cmp(&int(&a[1]))))
    }),
    fixed("signum", &[P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]).signum()))
    }),
    fixed("max", &[P::Int, P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]).max(int(&a[1]))))
    }),
    fixed("min", &[P::Int, P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]).min(int(&a[1]))))
    }),
    fixed("sum", &[P::Int, P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]).wrapping_add(int(&a[1]))))
    }),
    fixed("bitCount", &[P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]).count_ones() as i32))
    }),
    fixed("reverse", &[P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]).reverse_bits()))
    }),
    fixed("reverseBytes", &[P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]).swap_bytes()))
    }),
    fixed("rotateLeft", &[P::Int, P::Int], |_, _, a| {
        Ok(Value::Int(
            int(&a[0]).rotate_left(int(&a[1]).rem_euclid(32) as u32),
        ))
    }),
    fixed("rotateRight", &[P::Int, P::Int], |_, _, a| {
        Ok(Value::Int(
            int(&a[0]).rotate_right(int(&a[1]).rem_euclid(32) as u32),
        ))
    }),
    fixed("numberOfLeadingZeros", &[P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]).leading_zeros() as i32))
    }),
    fixed("numberOfTrailingZeros", &[P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]).trailing_zeros() as i32))
    }),
    fixed("highestOneBit", &[P::Int], |_, _, a| {
        let bits = int(&a[0]) as u32;
        Ok(Value::Int(if bits == 0 {
            0
        } else {
            (1u32 << (31 - bits.leading_zeros())) as i32
        }))
    }),
    fixed("lowestOneBit", &[P::Int], |_, _, a| {
        Ok(Value::Int(int(&a[0]) & int(&a[0]).wrapping_neg()))
    }),
    fixed("divideUnsigned", &[P::Int, P::Int], |_, _, a| {
        let divided = (int(&a[0]) as u32)
            .checked_div(int(&a[1]) as u32)
            .ok_or_else(by_zero)?;
        Ok(Value::Int(divided as i32))
    }),
    fixed("remainderUnsigned", &[P::Int, P::Int], |_, _, a| {
        let rest = (int(&a[0]) as u32)
            .checked_rem(int(&a[1]) as u32)
            .ok_or_else(by_zero)?;
        Ok(Value::Int(rest as i32))
    }),
    fixed("hashCode", &[P::Int], |_, _, a| Ok(a[0].clone())),
];

pub(super) const LONG: Table = &[
    instance("compareTo", &[P::LongObject], |_, t, a| {
        not_null(&a[0], "anotherLong")?;
        Ok(order(long(t).cmp(&long(&a[0]))))
    }),
    fixed("parseLong", &[P::Text], |_, _, a| {
        parse_long(&a[0], 10).map(Value::Long)
    }),
    fixed("parseLong", &[P::Text, P::Int], |_, _, a| {
        parse_long(&a[0], int(&a[1])).map(Value::Long)
    }),
    fixed("valueOf", &[P::Text], |_, _, a| {
        parse_long(&a[0], 10).map(Value::Long)
    }),
    fixed("valueOf", &[P::Long], |_, _, a| Ok(a[0].clone())),
    fixed("valueOf", &[P::Text, P::Int], |_, _, a| {
        parse_long(&a[0], int(&a[1])).map(Value::Long)
    }),
    fixed("decode", &[P::Text], |_, _, a| {
        number::decode(text_arg(&a[0])?).map(Value::Long)
    }),
    fixed("toString", &[P::Long], |_, _, a| {
        Ok(Value::text(long(&a[0]).to_string()))
    }),
    fixed("toString", &[P::Long, P::Int], |_, _, a| {
        Ok(Value::text(in_radix(i128::from(long(&a[0])), int(&a[1]))))
    }),
    fixed("toUnsignedString", &[P::Long], |_, _, a| {
        Ok(Value::text((long(&a[0]) as u64).to_string()))
    }),
    fixed("toHexString", &[P::Long], |_, _, a| {
        Ok(Value::text(format!("{:x}", long(&a[0]))))
    }),
    fixed("toOctalString", &[P::Long], |_, _, a| {
        Ok(Value::text(format!("{:o}", long(&a[0]))))
    }),
    fixed("toBinaryString", &[P::Long], |_, _, a| {
        Ok(Value::text(format!("{:b}", long(&a[0]))))
    }),
    fixed("compare", &[P::Long, P::Long], |_, _, a| {
        Ok(order(long(&a[0]).cmp(&long(&a[1]))))
    }),
    fixed("signum", &[P::Long], |_, _, a| {
        Ok(Value::Int(long(&a[0]).signum() as i32))
    }),
    fixed("max", &[P::Long, P::Long], |_, _, a| {
        Ok(Value::Long(long(&a[0]).max(long(&a[1]))))
    }),
    fixed("min", &[P::Long, P::Long], |_, _, a| {
        Ok(Value::Long(long(&a[0]).min(long(&a[1]))))
    }),
    fixed("sum", &[P::Long, P::Long], |_, _, a| {
        Ok(Value::Long(long(&a[0]).wrapping_add(long(&a[1]))))
    }),
    fixed("bitCount", &[P::Long], |_, _, a| {
        Ok(Value::Int(long(&a[0]).count_ones() as i32))
    }),
    fixed("numberOfLeadingZeros", &[P::Long], |_, _, a| {
        Ok(Value::Int(long(&a[0]).leading_zeros() as i32))
    }),
    fixed("numberOfTrailingZeros", &[P::Long], |_, _, a| {
        Ok(Value::Int(long(&a[0]).trailing_zeros() as i32))
    }),
    fixed("reverse", &[P::Long], |_, _, a| {
        Ok(Value::Long(long(&a[0]).reverse_bits()))
    }),
    fixed("hashCode", &[P::Long], |_, _, a| {
        Ok(Value::Int(compare::hash_code(&a[0])))
    }),
];

pub(super) const DOUBLE: Table = &[
    instance("isNaN", &[], |_, t, _| Ok(Value::Bool(double(t).is_nan()))),
    instance("isInfinite", &[], |_, t, _| {
        Ok(Value::Bool(double(t).is_infinite()))
    }),
    instance("compareTo", &[P::DoubleObject], |_, t, a| {
        not_null(&a[0], "anotherDouble")?;
        Ok(order(java_order(double(t), double(&a[0]))))
    }),
    fixed("isNaN", &[P::Double], |_, _, a| {
        Ok(Value::Bool(double(&a[0]).is_nan()))
    }),
    fixed("isInfinite", &[P::Double], |_, _, a| {
        Ok(Value::Bool(double(&a[0]).is_infinite()))
    }),
    fixed("isFinite", &[P::Double], |_, _, a| {
        Ok(Value::Bool(double(&a[0]).is_finite()))
    }),
    fixed("parseDouble", &[P::Text], |_, _, a| {
        number::double(text_arg(&a[0])?).map(Value::Double)
    }),
    fixed("valueOf", &[P::Text], |_, _, a| {
        number::double(text_arg(&a[0])?).map(Value::Double)
    }),
    fixed("valueOf", &[P::Double], |_, _, a| Ok(a[0].clone())),
    fixed("toString", &[P::Double], |_, _, a| {
        Ok(Value::text(text::double(double(&a[0]))))
    }),
    fixed("compare", &[P::Double, P::Double], |_, _, a| {
        Ok(order(java_order(double(&a[0]), double(&a[1]))))
    }),
    fixed("max", &[P::Double, P::Double], |_, _, a| {
        Ok(Value::Double(super::misc::max(
            double(&a[0]),
            double(&a[1]),
        )))
    }),
    fixed("min", &[P::Double, P::Double], |_, _, a| {
        Ok(Value::Double(super::misc::min(
            double(&a[0]),
            double(&a[1]),
        )))
    }),
    fixed("sum", &[P::Double, P::Double], |_, _, a| {
        Ok(Value::Double(double(&a[0]) + double(&a[1])))
    }),
    fixed("doubleToLongBits", &[P::Double], |_, _, a| {
        Ok(Value::Long(double(&a[0]).to_bits() as i64))
    }),
    fixed("longBitsToDouble", &[P::Long], |_, _, a| {
        Ok(Value::Double(f64::from_bits(long(&a[0]) as u64)))
    }),
    fixed("hashCode", &[P::Double], |_, _, a| {
        Ok(Value::Int(compare::hash_code(&a[0])))
    }),
];

pub(super) const FLOAT: Table = &[
    instance("isNaN", &[], |_, t, _| Ok(Value::Bool(double(t).is_nan()))),
    instance("isInfinite", &[], |_, t, _| {
        Ok(Value::Bool(double(t).is_infinite()))
    }),
    instance("compareTo", &[P::FloatObject], |_, t, a| {
        not_null(&a[0], "anotherFloat")?;
        Ok(order(java_order(double(t), double(&a[0]))))
    }),
];

pub(super) const BYTE: Table = &[
    instance("compareTo", &[P::ByteObject], |_, t, a| {
        not_null(&a[0], "anotherByte")?;
        Ok(Value::Int(int(t) - int(&a[0])))
    }),
    fixed("parseByte", &[P::Text], |_, _, a| {
        parse_byte(&a[0], 10).map(Value::Byte)
    }),
    fixed("parseByte", &[P::Text, P::Int], |_, _, a| {
        parse_byte(&a[0], int(&a[1])).map(Value::Byte)
    }),
    fixed("valueOf", &[P::Text], |_, _, a| {
        parse_byte(&a[0], 10).map(Value::Byte)
    }),
    fixed("valueOf", &[P::Byte], |_, _, a| Ok(a[0].clone())),
    fixed("valueOf", &[P::Text, P::Int], |_, _, a| {
        parse_byte(&a[0], int(&a[1])).map(Value::Byte)
    }),
    fixed("toString", &[P::Byte], |_, _, a| {
        Ok(Value::text(int(&a[0]).to_string()))
    }),
    fixed("toUnsignedInt", &[P::Byte], |_, _, a| {
        Ok(Value::Int(i32::from(int(&a[0]) as u8)))
    }),
    fixed("compare", &[P::Byte, P::Byte], |_, _, a| {
        Ok(Value::Int(int(&a[0]) - int(&a[1])))
    }),
    fixed("hashCode", &[P::Byte], |_, _, a| Ok(Value::Int(int(&a[0])))),
];

pub(super) const BIG: Table = &[
    instance("compareTo", &[P::Number], |_, t, a| {
        Ok(order(convert_big(t).cmp(&convert_big(&a[0]))))
    }),
    instance("signum", &[], |_, t, _| {
        Ok(order(convert_big(t).cmp(&num_bigint::BigInt::ZERO)))
    }),
    instance("bitLength", &[], |_, t, _| {
        Ok(Value::Int(convert_big(t).bits() as i32))
    }),
    instance("toString", &[P::Int], |_, t, a| {
        let radix = u32::try_from(int(&a[0]))
            .ok()
            .filter(|radix| (2..=36).contains(radix))
            .unwrap_or(10);
        Ok(Value::text(convert_big(t).to_str_radix(radix)))
    }),
];

pub(super) const BOOLEAN: Table = &[
    instance("booleanValue", &[], |_, t, _| Ok(t.clone())),
    instance("compareTo", &[P::BoolObject], |_, t, a| {
        Ok(order(flag(t).cmp(&flag(&a[0]))))
    }),
    fixed("parseBoolean", &[P::Text], |_, _, a| {
        Ok(Value::Bool(is_true(&a[0])))
    }),
    fixed("valueOf", &[P::Bool], |_, _, a| Ok(a[0].clone())),
    fixed("valueOf", &[P::Text], |_, _, a| {
        Ok(Value::Bool(is_true(&a[0])))
    }),
    fixed("toString", &[P::Bool], |_, _, a| {
        Ok(Value::text(text::java(&a[0])))
    }),
    fixed("compare", &[P::Bool, P::Bool], |_, _, a| {
        Ok(order(flag(&a[0]).cmp(&flag(&a[1]))))
    }),
    fixed("logicalAnd", &[P::Bool, P::Bool], |_, _, a| {
        Ok(Value::Bool(flag(&a[0]) && flag(&a[1])))
    }),
    fixed("logicalOr", &[P::Bool, P::Bool], |_, _, a| {
        Ok(Value::Bool(flag(&a[0]) || flag(&a[1])))
    }),
    fixed("logicalXor", &[P::Bool, P::Bool], |_, _, a| {
        Ok(Value::Bool(flag(&a[0]) != flag(&a[1])))
    }),
    fixed("hashCode", &[P::Bool], |_, _, a| {
        Ok(Value::Int(compare::hash_code(&a[0])))
    }),
];

pub(super) const CHARACTER: Table = &[
    instance("charValue", &[], |_, t, _| Ok(t.clone())),
    instance("compareTo", &[P::CharObject], |_, t, a| {
        Ok(Value::Int(code(t) - code(&a[0])))
    }),
    fixed("isDigit", &[P::Char], |_, _, a| {
        Ok(Value::Bool(character(&a[0]).is_numeric()))
    }),
    fixed("isLetter", &[P::Char], |_, _, a| {
        Ok(Value::Bool(character(&a[0]).is_alphabetic()))
    }),
    fixed("isLetterOrDigit", &[P::Char], |_, _, a| {
        Ok(Value::Bool(character(&a[0]).is_alphanumeric()))
    }),
    fixed("isUpperCase", &[P::Char], |_, _, a| {
        Ok(Value::Bool(character(&a[0]).is_uppercase()))
    }),
    fixed("isLowerCase", &[P::Char], |_, _, a| {
        Ok(Value::Bool(character(&a[0]).is_lowercase()))
    }),
    fixed("getNumericValue", &[P::Char], |_, _, a| {
        Ok(Value::Int(
            character(&a[0])
                .to_digit(36)
                .map_or(-1, |digit| digit as i32),
        ))
    }),
    fixed("toString", &[P::Char], |_, _, a| {
        Ok(Value::text(text::java(&a[0])))
    }),
    fixed("toUpperCase", &[P::Char], |_, _, a| {
        let c = character(&a[0]);
        Ok(Value::Char(c.to_uppercase().next().unwrap_or(c)))
    }),
    fixed("toLowerCase", &[P::Char], |_, _, a| {
        let c = character(&a[0]);
        Ok(Value::Char(c.to_lowercase().next().unwrap_or(c)))
    }),
];

fn character(value: &Value<'_>) -> char {
    match value {
        Value::Char(c) => *c,
        _ => '\0',
    }
}

fn code(value: &Value<'_>) -> i32 {
    u32::from(character(value)) as i32
}

fn by_zero() -> Error {
    Error::new("java.lang.ArithmeticException", "/ by zero")
}

fn order<'a>(order: std::cmp::Ordering) -> Value<'a> {
    Value::Int(order as i32)
}

fn java_order(a: f64, b: f64) -> std::cmp::Ordering {
    if a.is_nan() || b.is_nan() {
        a.is_nan().cmp(&b.is_nan())
    } else {
        a.total_cmp(&b)
    }
}

fn is_true(value: &Value<'_>) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

fn null_text() -> Error {
    Error::new(
        "java.lang.NumberFormatException",
        "Cannot parse null string",
    )
}

fn parse_int(value: &Value<'_>, radix: i32) -> Result<i32> {
    number::int(value.as_str().ok_or_else(null_text)?, radix.max(0) as u32)
}

fn parse_long(value: &Value<'_>, radix: i32) -> Result<i64> {
    number::long(value.as_str().ok_or_else(null_text)?, radix.max(0) as u32)
}

fn parse_byte(value: &Value<'_>, radix: i32) -> Result<i8> {
    let text = value.as_str().ok_or_else(null_text)?;
    let wide = parse_int(value, radix)?;
    i8::try_from(wide).map_err(|_| {
        Error::new(
            "java.lang.NumberFormatException",
            format!("Value out of range. Value:\"{text}\" Radix:{radix}"),
        )
    })
}

fn parse_unsigned<'a>(value: &Value<'a>, radix: i32) -> Result<Value<'a>> {
    let text = value.as_str().ok_or_else(null_text)?;
    let wide = parse_long(value, radix)?;
    u32::try_from(wide)
        .map(|value| Value::Int(value as i32))
        .map_err(|_| match wide < 0 {
            true => Error::new(
                "java.lang.NumberFormatException",
                format!("Illegal leading minus sign on unsigned string {text}."),
            ),
            false => Error::new(
                "java.lang.NumberFormatException",
                format!("String value {text} exceeds range of unsigned int."),
            ),
        })
}

/// `Integer.toString(value, radix)`; a radix out of range means ten.
fn in_radix(value: i128, radix: i32) -> String {
    let radix = if (2..=36).contains(&radix) {
        i128::from(radix)
    } else {
        10
    };
    let mut rest = value.abs();
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((rest % radix) as u32, radix as u32).unwrap_or('0'));
        rest /= radix;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        digits.push('-');
    }
    digits.iter().rev().collect()
}

/// Java reads the field of the other number without looking.
fn not_null(value: &Value<'_>, name: &str) -> Result<()> {
    match value {
        Value::Null => Err(Error::null_pointer(format!(
            "Cannot read field \"value\" because \"{name}\" is null"
        ))),
        _ => Ok(()),
    }
}
