//! What operators make of values. Source: JUEL `BooleanOperations`, `NumberOperations`, Jinjava `AdditionOperator` and its kin.

use serde_json::Value;

use super::ast::Operator;
use crate::java;

/// Whether a value counts as true. Source: `ObjectTruthValue`.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64().is_some_and(|it| it != 0.0),
        Value::String(text) => !text.is_empty() && !text.eq_ignore_ascii_case("false"),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// What a loop or a filter goes through: items, values of a map, and anything else, also a text, once.
///
/// Source: `ObjectIterator`.
pub(super) fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        Value::Object(map) => map.into_iter().map(|(_, value)| value).collect(),
        other => vec![other],
    }
}

/// Applies an operator.
///
/// # Errors
/// Why it cannot be applied to these.
pub(super) fn apply(operator: Operator, left: Value, right: Value) -> Result<Value, String> {
    Ok(match operator {
        Operator::Add => return add(left, right),
        Operator::Concat => Value::from(as_text(&left) + &as_text(&right)),
        Operator::Equal => equal(&left, &right)?.into(),
        Operator::NotEqual => (!equal(&left, &right)?).into(),
        Operator::Less => ordered(&left, &right, std::cmp::Ordering::is_lt)?.into(),
        Operator::LessOrEqual => ordered(&left, &right, std::cmp::Ordering::is_le)?.into(),
        Operator::Greater => ordered(&left, &right, std::cmp::Ordering::is_gt)?.into(),
        Operator::GreaterOrEqual => ordered(&left, &right, std::cmp::Ordering::is_ge)?.into(),
        Operator::In => contains(&right, &left).into(),
        Operator::NotIn => (!contains(&right, &left)).into(),
        Operator::Subtract
        | Operator::Multiply
        | Operator::Divide
        | Operator::FloorDivide
        | Operator::Modulo
        | Operator::Power => return arithmetic(operator, &left, &right),
    })
}

/// A number of JUEL: what is a whole number stays one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Numeric {
    Whole(i64),
    Real(f64),
}

impl Numeric {
    /// Null and an empty text are zero.
    pub(super) fn of(value: &Value) -> Result<Self, String> {
        let text = match value {
            Value::Null => return Ok(Self::Whole(0)),
            Value::Number(number) => {
                return match (number.as_i64(), number.as_f64()) {
                    (Some(whole), _) => Ok(Self::Whole(whole)),
                    (None, Some(real)) => Ok(Self::Real(real)),
                    (None, None) => Err(format!("{number} is too large")),
                };
            }
            Value::String(text) => text.trim(),
            other => return Err(cannot_coerce(other)),
        };
        if text.is_empty() {
            return Ok(Self::Whole(0));
        }
        if let Ok(whole) = text.parse() {
            return Ok(Self::Whole(whole));
        }
        match text.parse::<f64>() {
            Ok(real) if real.is_finite() => Ok(Self::Real(real)),
            Ok(_) | Err(_) => Err(cannot_coerce(value)),
        }
    }

    pub(super) fn real(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "as Java converts")]
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }

    pub(super) fn value(self) -> Result<Value, String> {
        match self {
            Self::Whole(whole) => Ok(whole.into()),
            Self::Real(real) => match serde_json::Number::from_f64(real) {
                Some(number) => Ok(Value::Number(number)),
                None => Err("the result is no number".to_owned()),
            },
        }
    }
}

fn cannot_coerce(value: &Value) -> String {
    format!(
        "Cannot coerce '{}' from {} to a number",
        java::text(value),
        java::class_name(value)
    )
}

/// A value as `~` sees it: null is nothing.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => java::text(other),
    }
}

fn add(left: Value, right: Value) -> Result<Value, String> {
    match (left, right) {
        (Value::Array(mut items), right) => {
            match right {
                Value::Array(more) => items.extend(more),
                one => items.push(one),
            }
            Ok(items.into())
        }
        (Value::Object(mut map), Value::Object(more)) => {
            map.extend(more);
            Ok(map.into())
        }
        (left @ Value::String(_), right) | (left, right @ Value::String(_)) => {
            Ok((java::text(&left) + &java::text(&right)).into())
        }
        (left, right) => match (Numeric::of(&left)?, Numeric::of(&right)?) {
            (Numeric::Whole(left), Numeric::Whole(right)) => Ok(left.wrapping_add(right).into()),
            (left, right) => Numeric::Real(left.real() + right.real()).value(),
        },
    }
}

fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Result<Value, String> {
    let (left, right) = (Numeric::of(left)?, Numeric::of(right)?);
    let zero = || Err("/ by zero".to_owned());
    let result = match (operator, left, right) {
        (Operator::Divide, left, right) => {
            if right.real() == 0.0 {
                return zero();
            }
            Numeric::Real(left.real() / right.real())
        }
        (Operator::Subtract, Numeric::Whole(left), Numeric::Whole(right)) => {
            Numeric::Whole(left.wrapping_sub(right))
        }
        (Operator::Subtract, left, right) => Numeric::Real(left.real() - right.real()),
        (Operator::Multiply, Numeric::Whole(left), Numeric::Whole(right)) => {
            Numeric::Whole(left.wrapping_mul(right))
        }
        (Operator::Multiply, left, right) => Numeric::Real(left.real() * right.real()),
        (Operator::FloorDivide | Operator::Modulo, _, Numeric::Whole(0)) => return zero(),
        (Operator::FloorDivide, Numeric::Whole(left), Numeric::Whole(right)) => {
            let (whole, rest) = (left.wrapping_div(right), left.wrapping_rem(right));
            let below = rest != 0 && (rest < 0) != (right < 0);
            Numeric::Whole(whole - i64::from(below))
        }
        (Operator::FloorDivide, left, right) => Numeric::Real((left.real() / right.real()).floor()),
        (Operator::Modulo, Numeric::Whole(left), Numeric::Whole(right)) => {
            Numeric::Whole(left.wrapping_rem(right))
        }
        (Operator::Modulo, left, right) => Numeric::Real(left.real() % right.real()),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "as Java's cast, which saturates"
        )]
        (Operator::Power, Numeric::Whole(_), Numeric::Whole(_)) => {
            Numeric::Whole(left.real().powf(right.real()) as i64)
        }
        (_, left, right) => Numeric::Real(left.real().powf(right.real())),
    };
    result.value()
}

/// Equality as JUEL coerces: a number with a text is compared as numbers, a truth value with anything by truth.
pub(super) fn equal(left: &Value, right: &Value) -> Result<bool, String> {
    Ok(match (left, right) {
        (Value::Null, other) | (other, Value::Null) => other.is_null(),
        (Value::Bool(known), other) | (other, Value::Bool(known)) => *known == is_true(other),
        (Value::Number(_), Value::Number(_) | Value::String(_))
        | (Value::String(_), Value::Number(_)) => match (Numeric::of(left)?, Numeric::of(right)?) {
            (Numeric::Whole(left), Numeric::Whole(right)) => left == right,
            #[expect(clippy::float_cmp, reason = "Java compares them so")]
            (left, right) => left.real() == right.real(),
        },
        (Value::String(text), other) | (other, Value::String(text)) => *text == as_text(other),
        (left, right) => left == right,
    })
}

fn ordered(
    left: &Value,
    right: &Value,
    wanted: fn(std::cmp::Ordering) -> bool,
) -> Result<bool, String> {
    if left == right {
        return Ok(wanted(std::cmp::Ordering::Equal));
    }
    if left.is_null() || right.is_null() {
        return Ok(false);
    }
    compare(left, right).map(wanted)
}

/// Which of two values comes first.
pub(super) fn compare(left: &Value, right: &Value) -> Result<std::cmp::Ordering, String> {
    match (left, right) {
        (Value::Number(_), _) | (_, Value::Number(_)) => {
            match (Numeric::of(left)?, Numeric::of(right)?) {
                (Numeric::Whole(left), Numeric::Whole(right)) => Ok(left.cmp(&right)),
                (left, right) => Ok(left.real().total_cmp(&right.real())),
            }
        }
        (Value::String(_), _) | (_, Value::String(_)) => Ok(as_text(left).cmp(&as_text(right))),
        (Value::Bool(left), Value::Bool(right)) => Ok(left.cmp(right)),
        _ => Err(format!(
            "Cannot compare {} with {}",
            java::class_name(left),
            java::class_name(right)
        )),
    }
}

/// Whether a text, list or map holds something. Source: `CollectionMembershipOperator`.
pub(super) fn contains(holder: &Value, item: &Value) -> bool {
    match holder {
        Value::String(text) => text.contains(&as_text(item)),
        Value::Array(items) => items.iter().any(|it| {
            it == item || matches!((it, item), (Value::String(it), other) if *it == as_text(other))
        }),
        Value::Object(map) => map.contains_key(&as_text(item)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
