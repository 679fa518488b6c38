//! Java's `equals` and `hashCode`.

use super::order::hash_text;
use super::{Object, Value};

/// `java.util.Objects.equals`, with arrays compared element by element as Spring's `nullSafeEquals` does.
pub(crate) fn equals<'a>(left: &Value<'a>, right: &Value<'a>) -> bool {
    use Value as V;
    match (left, right) {
        (V::Null, V::Null) => true,
        (V::Bool(a), V::Bool(b)) => a == b,
        (V::Byte(a), V::Byte(b)) => a == b,
        (V::Char(a), V::Char(b)) => a == b,
        (V::Int(a), V::Int(b)) => a == b,
        (V::Long(a), V::Long(b)) | (V::Date(a), V::Date(b)) => a == b,
        (V::Float(a), V::Float(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
        (V::Double(a), V::Double(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
        (V::Big(a), V::Big(b)) => a == b,
        (V::Text(a), V::Text(b)) | (V::Status(a), V::Status(b)) => **a == **b,
        (V::List(a), V::List(b)) => {
            if std::ptr::addr_eq(std::rc::Rc::as_ptr(a), std::rc::Rc::as_ptr(b)) {
                return true;
            }
            if a.len() != b.len() {
                return false;
            }
            let (left, right) = (a.items(), b.items());
            if a.kind.is_list() && b.kind.is_list() {
                left.iter().zip(&right).all(|(x, y)| equals(x, y))
            } else if a.kind.is_set() && b.kind.is_set() {
                left.iter().all(|x| right.iter().any(|y| equals(x, y)))
            } else {
                false
            }
        }
        (V::Map(a), V::Map(b)) => {
            std::ptr::addr_eq(std::rc::Rc::as_ptr(a), std::rc::Rc::as_ptr(b))
                || a.len() == b.len()
                    && a.entries().iter().all(|(key, value)| {
                        b.get_by(key).is_some_and(|other| equals(value, &other))
                    })
        }
        (V::Array(a), V::Array(b)) => {
            let (left, right) = (a.items.borrow(), b.items.borrow());
            left.len() == right.len() && left.iter().zip(right.iter()).all(|(x, y)| equals(x, y))
        }
        (V::Entry(a, _), V::Entry(b, _)) => equals(&a.0, &b.0) && equals(&a.1, &b.1),
        (V::Instant(a), V::Instant(b)) => a == b,
        (V::LocalDate(a), V::LocalDate(b)) => a == b,
        (V::LocalDateTime(a), V::LocalDateTime(b)) => a == b,
        (V::DayOfWeek(a), V::DayOfWeek(b)) => a == b,
        (V::ChronoUnit(a), V::ChronoUnit(b)) => a == b,
        (V::Uuid(a), V::Uuid(b)) => a == b,
        (V::Class(a), V::Class(b)) | (V::DateFormat(a), V::DateFormat(b)) => a == b,
        (V::Random(a), V::Random(b)) => {
            std::ptr::addr_eq(std::rc::Rc::as_ptr(a), std::rc::Rc::as_ptr(b))
        }
        (V::Object(Object::Execution), V::Object(Object::Execution)) => true,
        (V::Object(Object::Stage(a)), V::Object(Object::Stage(b))) => a == b,
        (V::Object(Object::Bean(a)), V::Object(Object::Bean(b))) => {
            a.class == b.class && a.data.to_json() == b.data.to_json()
        }
        (V::NotEvaluable(a), V::NotEvaluable(b)) => {
            std::ptr::addr_eq(std::rc::Rc::as_ptr(a), std::rc::Rc::as_ptr(b))
        }
        _ => false,
    }
}

/// `hashCode`. Objects that use identity in Java give 0.
pub(crate) fn hash_code(value: &Value<'_>) -> i32 {
    use Value as V;
    match value {
        V::Null | V::Random(_) | V::Object(_) | V::NotEvaluable(_) | V::Array(_) => 0,
        V::Bool(b) => {
            if *b {
                1231
            } else {
                1237
            }
        }
        V::Byte(n) => i32::from(*n),
        V::Char(c) => u32::from(*c) as i32,
        V::Int(n) => *n,
        V::Long(n) | V::Date(n) => fold(*n),
        V::Float(n) => {
            if n.is_nan() {
                0x7fc0_0000
            } else {
                n.to_bits() as i32
            }
        }
        V::Double(n) => fold(if n.is_nan() {
            0x7ff8_0000_0000_0000
        } else {
            n.to_bits() as i64
        }),
        V::Big(n) => {
            let hash = n
                .iter_u32_digits()
                .rev()
                .fold(0i32, |h, d| h.wrapping_mul(31).wrapping_add(d as i32));
            if n.sign() == num_bigint::Sign::Minus {
                hash.wrapping_neg()
            } else {
                hash
            }
        }
        V::Text(text) => hash_text(text),
        V::Status(text) => hash_text(text),
        V::List(list) => {
            let items = list.items();
            if list.kind.is_set() {
                items
                    .iter()
                    .fold(0i32, |hash, item| hash.wrapping_add(hash_code(item)))
            } else {
                items.iter().fold(1i32, |hash, item| {
                    hash.wrapping_mul(31).wrapping_add(hash_code(item))
                })
            }
        }
        V::Map(map) => map.entries().iter().fold(0i32, |hash, (key, value)| {
            hash.wrapping_add(hash_code(key) ^ hash_code(value))
        }),
        V::Entry(entry, _) => hash_code(&entry.0) ^ hash_code(&entry.1),
        V::Instant(instant) => {
            fold(instant.as_second()).wrapping_add(instant.subsec_nanosecond().wrapping_mul(51))
        }
        V::LocalDate(date) => local_date(*date),
        V::LocalDateTime(time) => {
            let nanos = time
                .time()
                .duration_since(jiff::civil::Time::midnight())
                .as_nanos() as i64;
            local_date(time.date()) ^ fold(nanos)
        }
        V::DayOfWeek(day) => i32::from(*day),
        V::ChronoUnit(unit) => *unit as i32,
        V::Uuid(id) => {
            let mixed = (*id >> 64) as u64 ^ *id as u64;
            (mixed >> 32) as i32 ^ mixed as i32
        }
        V::Class(name) | V::DateFormat(name) => hash_text(name),
    }
}

fn fold(value: i64) -> i32 {
    (value ^ ((value as u64) >> 32) as i64) as i32
}

fn local_date(date: jiff::civil::Date) -> i32 {
    let (year, month, day) = (
        i32::from(date.year()),
        i32::from(date.month()),
        i32::from(date.day()),
    );
    (year & 0xFFFF_F800_u32 as i32) ^ (year << 11).wrapping_add(month << 6).wrapping_add(day)
}
