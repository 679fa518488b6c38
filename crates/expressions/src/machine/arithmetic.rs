//! `+ - * / % ^ ++ --` with Java's numeric promotion: double, float, big integer, long, int, in this order.

use super::Machine;
use super::convert::{big, big_of};
use crate::ast::{Arithmetic, At, Expr, Node};
use crate::error::{Error, Result, SPEL_EVALUATION, grouped};
use crate::types::number::{to_f64, to_i64};
use crate::types::runtime_class;
use crate::value::Value;

/// Longest text that `+` makes, in UTF-16 units (`OpPlus.MAX_CONCATENATED_STRING_LENGTH`).
const CONCATENATED_MAX: usize = 100_000;
/// Longest text that `*` makes (`OpMultiply.MAX_REPEATED_TEXT_SIZE`).
const REPEATED_MAX: i64 = 256;
/// Ours: bits of a big integer.
const BIG_BITS_MAX: u64 = 1 << 14;

impl<'a> Machine<'a, '_> {
    pub(super) fn chain(
        &mut self,
        first: &Node,
        rest: &[(Arithmetic, At, Node)],
    ) -> Result<Value<'a>> {
        let mut left = self.eval(first)?;
        for (operator, at, operand) in rest {
            let right = self.eval(operand)?;
            left = self
                .operate(*operator, left, right)
                .map_err(|error| error.at(at.0))?;
        }
        Ok(left)
    }

    fn operate(
        &mut self,
        operator: Arithmetic,
        left: Value<'a>,
        right: Value<'a>,
    ) -> Result<Value<'a>> {
        if left.is_number() && right.is_number() {
            self.track()?;
            if let (Value::Big(big), _) | (_, Value::Big(big)) = (&left, &right) {
                self.charge(10 + big.bits() as usize / 8)?;
            }
            return calculate(operator, &left, &right);
        }
        match (operator, &left, &right) {
            (Arithmetic::Add, Value::Text(_), _) | (Arithmetic::Add, _, Value::Text(_)) => {
                self.concatenate(left, right)
            }
            (Arithmetic::Subtract, Value::Text(text), Value::Int(number))
                if text.encode_utf16().count() == 1 =>
            {
                self.track()?;
                let unit = text.encode_utf16().next().unwrap_or(0);
                let moved = i32::from(unit).wrapping_sub(*number) as u16;
                Ok(Value::text(String::from_utf16_lossy(&[moved])))
            }
            (Arithmetic::Multiply, Value::Text(text), Value::Int(count)) => {
                if *count < 0 {
                    return Err(Error::el(
                        1081,
                        format!("Repeat count '{count}' must not be negative"),
                    ));
                }
                let size = text.encode_utf16().count() as i64 * i64::from(*count);
                if size > REPEATED_MAX {
                    return Err(Error::el(
                        1076,
                        format!(
                            "Repeated text is too long, exceeding the threshold of '{REPEATED_MAX}' characters"
                        ),
                    ));
                }
                self.track()?;
                Ok(Value::text(text.repeat(*count as usize)))
            }
            _ => Err(unsupported(operator, &left, &right)),
        }
    }

    fn concatenate(&mut self, left: Value<'a>, right: Value<'a>) -> Result<Value<'a>> {
        let left = self.operand_text(left)?;
        let right = self.operand_text(right)?;
        let length = |text: &str| {
            if text.len() <= CONCATENATED_MAX {
                text.len().min(CONCATENATED_MAX)
            } else {
                text.encode_utf16().count()
            }
        };
        let (a, b) = (length(&left), length(&right));
        let exact = if a + b > CONCATENATED_MAX {
            left.encode_utf16().count() + right.encode_utf16().count()
        } else {
            a + b
        };
        if exact > CONCATENATED_MAX {
            let most = grouped(CONCATENATED_MAX as i64);
            let text = format!(
                "Concatenated string is too long, exceeding the threshold of '{most}' characters"
            );
            return Err(Error::el(1078, text));
        }
        self.track()?;
        self.charge(left.len() + right.len())?;
        Ok(Value::text(format!("{left}{right}")))
    }

    /// Converted to text where a converter exists, else by `toString`; null becomes `null`.
    fn operand_text(&mut self, value: Value<'a>) -> Result<String> {
        match value {
            Value::Text(text) => Ok(text.to_string()),
            Value::Map(_) | Value::Object(_) | Value::Entry(..) => {
                let text = self.text_value(&value)?;
                Ok(text.as_str().unwrap_or_default().to_owned())
            }
            value if crate::types::has_text_converter(&value) => match self.text_from(value)? {
                Value::Text(text) => Ok(text.to_string()),
                _ => Ok("null".to_owned()),
            },
            value => {
                let text = self.text_value(&value)?;
                Ok(text.as_str().unwrap_or_default().to_owned())
            }
        }
    }

    pub(super) fn signed(&mut self, value: Value<'a>, minus: bool) -> Result<Value<'a>> {
        if !value.is_number() {
            let operator = if minus {
                Arithmetic::Subtract
            } else {
                Arithmetic::Add
            };
            return Err(unsupported(operator, &value, &Value::Null));
        }
        self.track()?;
        if !minus {
            return Ok(value);
        }
        Ok(match value {
            Value::Byte(n) => Value::Int(-i32::from(n)),
            Value::Int(n) => Value::Int(0i32.wrapping_sub(n)),
            Value::Long(n) => Value::Long(0i64.wrapping_sub(n)),
            Value::Float(n) => Value::Float(0.0 - n),
            Value::Double(n) => Value::Double(0.0 - n),
            value => big(-big_of(&value)),
        })
    }

    pub(super) fn power(&mut self, left: &Node, right: &Node) -> Result<Value<'a>> {
        let left = self.eval(left)?;
        let right = self.eval(right)?;
        if !left.is_number() || !right.is_number() {
            let (a, b) = (runtime_class(&left), runtime_class(&right));
            let text = format!(
                "The operator 'POWER' is not supported between objects of type '{a}' and '{b}'"
            );
            return Err(Error::el(1030, text));
        }
        self.track()?;
        if let Value::Big(base) = &left {
            let exponent = to_i64(&right) as i32;
            let Ok(exponent) = u32::try_from(exponent) else {
                return Err(Error::new(
                    "java.lang.ArithmeticException",
                    "Negative exponent",
                ));
            };
            let bits = base.bits().saturating_mul(u64::from(exponent));
            if bits > BIG_BITS_MAX {
                return Err(too_big());
            }
            self.charge(bits as usize / 2)?;
            return Ok(big(base.pow(exponent)));
        }
        let result = java_pow(to_f64(&left), to_f64(&right));
        let real = |value: &Value<'_>| matches!(value, Value::Double(_) | Value::Float(_));
        if real(&left) || real(&right) {
            return Ok(Value::Double(result));
        }
        let long = matches!(left, Value::Long(_)) || matches!(right, Value::Long(_));
        Ok(match result > f64::from(i32::MAX) || long {
            true => Value::Long(result as i64),
            false => Value::Int(result as i32),
        })
    }

    pub(super) fn step(&mut self, operand: &Node, up: bool, postfix: bool) -> Result<Value<'a>> {
        let place = self.place(operand)?;
        let old = self.load(&place)?;
        let by = if up { 1 } else { -1 };
        let new = match &old {
            Value::Byte(n) => Value::Int(i32::from(*n) + by),
            Value::Int(n) => Value::Int(n.wrapping_add(by)),
            Value::Long(n) => Value::Long(n.wrapping_add(i64::from(by))),
            Value::Float(n) => Value::Float(n + by as f32),
            Value::Double(n) => Value::Double(n + f64::from(by)),
            Value::Big(n) => big(&**n + by),
            _ => {
                let (code, word) = if up {
                    (1066, "increment")
                } else {
                    (1067, "decrement")
                };
                let text = format!("The expression component '{operand}' does not support {word}");
                return Err(Error::el(code, text));
            }
        };
        self.track()?;
        self.track()?;
        self.store(&place, new.clone())?;
        Ok(if postfix { old } else { new })
    }

    /// Whether storing makes sense is decided by the place; see `access.rs`.
    pub(super) fn assign(&mut self, target: &Node, value: &Node) -> Result<Value<'a>> {
        if !matches!(
            target.expr,
            Expr::Name { .. } | Expr::Variable(_) | Expr::Index { .. } | Expr::Compound(_)
        ) {
            let class = crate::machine::access::node_class(target);
            return Err(Error::el(
                1032,
                format!("setValue(ExpressionState, Object) not supported for '{class}'"),
            ));
        }
        let value = self.eval(value)?;
        let place = self.place(target)?;
        self.store(&place, value.clone())?;
        Ok(value)
    }
}

fn unsupported(operator: Arithmetic, left: &Value<'_>, right: &Value<'_>) -> Error {
    let name = match operator {
        Arithmetic::Add => "ADD",
        Arithmetic::Subtract => "SUBTRACT",
        Arithmetic::Multiply => "MULTIPLY",
        Arithmetic::Divide => "DIVIDE",
        Arithmetic::Modulo => "MODULUS",
    };
    let (left, right) = (runtime_class(left), runtime_class(right));
    Error::el(
        1030,
        format!(
            "The operator '{name}' is not supported between objects of type '{left}' and '{right}'"
        ),
    )
}

fn too_big() -> Error {
    Error::new(
        SPEL_EVALUATION,
        format!("an integer of more than {BIG_BITS_MAX} bits"),
    )
}

fn calculate<'a>(operator: Arithmetic, left: &Value<'a>, right: &Value<'a>) -> Result<Value<'a>> {
    use Arithmetic as A;
    let any = |test: fn(&Value<'_>) -> bool| test(left) || test(right);
    let by_zero = || Error::new("java.lang.ArithmeticException", "/ by zero");
    if any(|value| matches!(value, Value::Double(_))) {
        let (a, b) = (to_f64(left), to_f64(right));
        return Ok(Value::Double(match operator {
            A::Add => a + b,
            A::Subtract => a - b,
            A::Multiply => a * b,
            A::Divide => a / b,
            A::Modulo => a % b,
        }));
    }
    if any(|value| matches!(value, Value::Float(_))) {
        let (a, b) = (to_f64(left) as f32, to_f64(right) as f32);
        return Ok(Value::Float(match operator {
            A::Add => a + b,
            A::Subtract => a - b,
            A::Multiply => a * b,
            A::Divide => a / b,
            A::Modulo => a % b,
        }));
    }
    if any(|value| matches!(value, Value::Big(_))) {
        let (a, b) = (big_of(left), big_of(right));
        if matches!(operator, A::Divide | A::Modulo) && b == 0.into() {
            return Err(Error::new(
                "java.lang.ArithmeticException",
                "BigInteger divide by zero",
            ));
        }
        if operator == A::Multiply && a.bits() + b.bits() > BIG_BITS_MAX {
            return Err(too_big());
        }
        return Ok(big(match operator {
            A::Add => a + b,
            A::Subtract => a - b,
            A::Multiply => a * b,
            A::Divide => a / b,
            A::Modulo => a % b,
        }));
    }
    if any(|value| matches!(value, Value::Long(_))) {
        let (a, b) = (to_i64(left), to_i64(right));
        return Ok(Value::Long(match operator {
            A::Add => a.wrapping_add(b),
            A::Subtract => a.wrapping_sub(b),
            A::Multiply => a.wrapping_mul(b),
            A::Divide | A::Modulo if b == 0 => return Err(by_zero()),
            A::Divide => a.wrapping_div(b),
            A::Modulo => a.wrapping_rem(b),
        }));
    }
    let (a, b) = (to_i64(left) as i32, to_i64(right) as i32);
    Ok(Value::Int(match operator {
        A::Add => a.wrapping_add(b),
        A::Subtract => a.wrapping_sub(b),
        A::Multiply => a.wrapping_mul(b),
        A::Divide | A::Modulo if b == 0 => return Err(by_zero()),
        A::Divide => a.wrapping_div(b),
        A::Modulo => a.wrapping_rem(b),
    }))
}

/// `Math.pow`, which differs from C for a base of one: Java gives NaN for a NaN or infinite exponent.
pub(crate) fn java_pow(base: f64, exponent: f64) -> f64 {
    if exponent.is_nan() || base.abs() == 1.0 && exponent.is_infinite() {
        f64::NAN
    } else {
        base.powf(exponent)
    }
}
