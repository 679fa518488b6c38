//! Comparisons, `instanceof`, `matches` and `between`.

use std::cmp::Ordering;

use super::Machine;
use super::convert::big_of;
use crate::ast::{Node, Relation};
use crate::error::{Error, Result, grouped};
use crate::types::number::{to_f64, to_i64};
use crate::types::{self, runtime_class};
use crate::value::Value;

/// Longest pattern of `matches`, in UTF-16 units (`OperatorMatches.MAX_REGEX_LENGTH`).
const REGEX_CHARS_MAX: usize = 1_000;

impl<'a> Machine<'a, '_> {
    pub(super) fn relate(
        &mut self,
        relation: Relation,
        left: &Node,
        right: &Node,
    ) -> Result<Value<'a>> {
        if relation == Relation::Matches {
            return self.matches(left, right);
        }
        let left_value = self.eval(left)?;
        let right_value = self.eval(right)?;
        let result = match relation {
            Relation::Equal => {
                self.track()?;
                self.equal(&left_value, &right_value)?
            }
            Relation::NotEqual => {
                self.track()?;
                !self.equal(&left_value, &right_value)?
            }
            Relation::Instanceof => {
                self.track()?;
                let Value::Class(class) = &right_value else {
                    let shown = runtime_class(&right_value);
                    let text = format!(
                        "The operator instanceof needs the right operand to be a class, not a '{shown}'"
                    );
                    return Err(Error::el(1028, text).at(right.at));
                };
                types::is_instance(&left_value, class)
            }
            Relation::Between => {
                let bounds = match &right_value {
                    Value::List(list) if list.kind.is_list() && list.len() == 2 => list.items(),
                    _ => {
                        let text =
                            "Right operand for the between operator has to be a two-element list";
                        return Err(Error::el(1017, text).at(right.at));
                    }
                };
                self.track()?;
                compare_values(&left_value, &bounds[0])?.is_ge()
                    && compare_values(&left_value, &bounds[1])?.is_le()
            }
            Relation::Less | Relation::LessEqual | Relation::Greater | Relation::GreaterEqual => {
                self.track()?;
                ordered(relation, &left_value, &right_value)?
            }
            Relation::Matches => false,
        };
        Ok(Value::Bool(result))
    }

    /// `Operator.equalityCheck`.
    pub(crate) fn equal(&mut self, left: &Value<'a>, right: &Value<'a>) -> Result<bool> {
        if left.is_number() && right.is_number() {
            return Ok(numbers(left, right) == Some(Ordering::Equal));
        }
        if let (Some(a), Some(b)) = (left.as_chars(), right.as_chars()) {
            self.charge(a.len() / 16)?;
            return Ok(a == b);
        }
        if self.same(left, right)? {
            return Ok(true);
        }
        match types::comparable_family(left)
            .filter(|family| Some(*family) == types::comparable_family(right))
        {
            Some(_) => Ok(compare_values(left, right)?.is_eq()),
            None => Ok(false),
        }
    }

    fn matches(&mut self, left: &Node, right: &Node) -> Result<Value<'a>> {
        let value = self.eval(left)?;
        let Value::Text(input) = self.text_from(value)? else {
            return Err(Error::el(
                1037,
                "First operand to matches operator must be a string. 'null' is not",
            )
            .at(left.at));
        };
        let pattern = self.eval(right)?;
        let Value::Text(pattern) = &pattern else {
            let shown = match pattern {
                Value::Int(_) | Value::Long(_) | Value::Byte(_) => grouped(to_i64(&pattern)),
                _ => self.text_of(&pattern),
            };
            let text =
                format!("Second operand to matches operator must be a string. '{shown}' is not");
            return Err(Error::el(1038, text).at(right.at));
        };
        if pattern.encode_utf16().count() > REGEX_CHARS_MAX {
            let text =
                "Regular expression is too long, exceeding the threshold of '1,000' characters";
            return Err(Error::el(1077, text).at(right.at));
        }
        self.track()?;
        let compiled = self.pattern(pattern).map_err(|error| {
            error
                .wrapped_el(1018, format!("Pattern is not valid '{}'", &**pattern))
                .at(right.at)
        })?;
        match self.with_steps(|steps| compiled.matches(&input, steps))? {
            Ok(matched) => Ok(Value::Bool(matched)),
            Err(_) => {
                let text = format!(
                    "Failed to efficiently evaluate pattern '{}': consider redesigning it",
                    &**pattern
                );
                Err(Error::new(
                    crate::error::ILLEGAL_STATE,
                    "Pattern access threshold exceeded",
                )
                .wrapped_el(1073, text)
                .at(right.at))
            }
        }
    }
}

/// `< <= > >=`: numbers by value, anything else by the type comparator.
fn ordered(relation: Relation, left: &Value<'_>, right: &Value<'_>) -> Result<bool> {
    if left.is_number() && right.is_number() {
        // NaN compares as false, whatever the operator.
        let order = numbers(left, right);
        return Ok(order.is_some_and(|order| holds(relation, order)));
    }
    Ok(holds(relation, compare_values(left, right)?))
}

fn holds(relation: Relation, order: Ordering) -> bool {
    match relation {
        Relation::Less => order.is_lt(),
        Relation::LessEqual => order.is_le(),
        Relation::Greater => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn numbers(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    let any = |test: fn(&Value<'_>) -> bool| test(left) || test(right);
    if any(|value| matches!(value, Value::Double(_))) {
        return to_f64(left).partial_cmp(&to_f64(right));
    }
    if any(|value| matches!(value, Value::Float(_))) {
        return (to_f64(left) as f32).partial_cmp(&(to_f64(right) as f32));
    }
    if any(|value| matches!(value, Value::Big(_))) {
        return Some(big_of(left).cmp(&big_of(right)));
    }
    Some(to_i64(left).cmp(&to_i64(right)))
}

/// `StandardTypeComparator.compare`: null is the smallest.
pub(crate) fn compare_values(left: &Value<'_>, right: &Value<'_>) -> Result<Ordering> {
    match (left, right) {
        (Value::Null, Value::Null) => return Ok(Ordering::Equal),
        (Value::Null, _) => return Ok(Ordering::Less),
        (_, Value::Null) => return Ok(Ordering::Greater),
        _ => {}
    }
    if left.is_number() && right.is_number() {
        return Ok(numbers(left, right).unwrap_or_else(|| {
            // `Double.compare` puts NaN above everything.
            to_f64(left).is_nan().cmp(&to_f64(right).is_nan())
        }));
    }
    if let (Some(a), Some(b)) = (left.as_chars(), right.as_chars()) {
        return Ok(a.encode_utf16().cmp(b.encode_utf16()));
    }
    Ok(match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Char(a), Value::Char(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Instant(a), Value::Instant(b)) => a.cmp(b),
        (Value::LocalDate(a), Value::LocalDate(b)) => a.cmp(b),
        (Value::LocalDateTime(a), Value::LocalDateTime(b)) => a.cmp(b),
        (Value::DayOfWeek(a), Value::DayOfWeek(b)) => a.cmp(b),
        (Value::ChronoUnit(a), Value::ChronoUnit(b)) => (*a as i32).cmp(&(*b as i32)),
        (Value::Uuid(a), Value::Uuid(b)) => types::random::compare_uuid(*a, *b),
        _ => {
            let (a, b) = (runtime_class(left), runtime_class(right));
            let text = format!("Cannot compare instances of class {a} and class {b}");
            let error = Error::el(1013, text);
            return Err(match types::comparable_family(left) {
                Some(_) => {
                    let target = match left {
                        Value::LocalDate(_) => "java.time.chrono.ChronoLocalDate",
                        Value::LocalDateTime(_) => "java.time.chrono.ChronoLocalDateTime",
                        Value::DayOfWeek(_) | Value::ChronoUnit(_) | Value::Status(_) => {
                            "java.lang.Enum"
                        }
                        _ => &a,
                    };
                    let cast = types::class_cast(&b, target);
                    Error::new("java.lang.ClassCastException", cast).wrapped_el(
                        1013,
                        format!("Cannot compare instances of class {a} and class {b}"),
                    )
                }
                None => error,
            });
        }
    })
}
