//! Filters of numbers.

use serde_json::Value;

use super::{Call, Filtered};
use crate::jinja::{
    ast::Operator,
    operators::{self, Numeric, as_text, is_true},
};

/// `None` when it is no filter of numbers.
pub(super) fn filter(name: &str, value: &Value, call: &Call) -> Option<Filtered> {
    let first = call.positional.first().cloned().unwrap_or(Value::Null);
    Some(match name {
        "int" => {
            let default = call.number(0, "default").unwrap_or(0);
            let text = as_text(value).replace(',', "");
            #[expect(
                clippy::cast_possible_truncation,
                reason = "as Java's cast, which saturates"
            )]
            let whole = match value {
                Value::Number(number) => number.as_f64().unwrap_or(0.0) as i64,
                _ => text.trim().parse::<f64>().map_or(default, |it| it as i64),
            };
            Ok(whole.into())
        }
        "float" => {
            let default = call.argument(0, "default").and_then(Value::as_f64);
            let number = match value {
                Value::Number(number) => number.as_f64(),
                _ => as_text(value).replace(',', "").trim().parse().ok(),
            };
            Ok(number.or(default).unwrap_or(0.0).into())
        }
        "bool" => Ok(match value {
            Value::String(text) => {
                let text = text.to_lowercase();
                matches!(text.as_str(), "true" | "yes" | "on" | "y" | "t" | "1").into()
            }
            other => is_true(other).into(),
        }),
        "abs" => match Numeric::of(value) {
            Ok(Numeric::Whole(whole)) => Ok(whole.wrapping_abs().into()),
            Ok(Numeric::Real(real)) => Ok(real.abs().into()),
            Err(message) => Err(message),
        },
        "round" => round(value, call),
        "add" => operators::apply(Operator::Add, number(value), number(&first)),
        "multiply" => operators::apply(Operator::Multiply, value.clone(), first),
        "divide" => operators::apply(Operator::Divide, value.clone(), first),
        "divisible" => {
            operators::apply(Operator::Modulo, value.clone(), first).map(|rest| (rest == 0).into())
        }
        "max" | "min" => extreme(name, value, call),
        _ => return None,
    })
}

/// A text that is a number, as one.
fn number(value: &Value) -> Value {
    Numeric::of(value)
        .and_then(Numeric::value)
        .unwrap_or(Value::Null)
}

fn round(value: &Value, call: &Call) -> Filtered {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let number = Numeric::of(value)?.real();
    let places = call.number(0, "precision").unwrap_or(0).clamp(0, 15);
    let scale = 10f64.powi(i32::try_from(places).unwrap_or(0));
    let scaled = number * scale;
    let rounded = match call.text(1, "method").as_deref() {
        Some("ceil") => scaled.ceil(),
        Some("floor") => scaled.floor(),
        Some(_) | None => scaled.round(),
    };
    if places == 0 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, and it is whole"
        )]
        return Ok((rounded as i64).into());
    }
    Ok((rounded / scale).into())
}

/// The largest or smallest of a list, as a whole number where it is one. Source: `MaxFilter`, `MinFilter`.
fn extreme(name: &str, value: &Value, call: &Call) -> Filtered {
    if call.count() > 0 {
        return Err(format!("{name} filter does not accept any arguments"));
    }
    let Value::Array(items) = value else {
        return Err(format!(
            "{name} filter can only be used with a list type object"
        ));
    };
    let mut best: Option<f64> = None;
    for item in items {
        let number: f64 = as_text(item).trim().parse().map_err(|_| {
            format!(
                "{name} filter requires list of numeric values, {} given",
                as_text(item)
            )
        })?;
        best = Some(match best {
            None => number,
            Some(best) if name == "max" => best.max(number),
            Some(best) => best.min(number),
        });
    }
    let best = best.ok_or_else(|| {
        format!("{name} filter must be provided a list of numeric values with at least one value")
    })?;
    if best.fract() == 0.0 && best.abs() < f64::from(i32::MAX) {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
        return Ok((best as i64).into());
    }
    Numeric::Real(best).value()
}
