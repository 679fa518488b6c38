//! Tests: `a is defined`. Source: Jinjava `ExpTestLibrary`.

use serde_json::Value;

use super::{
    Fault, Interpreter,
    ast::Operator,
    operators::{self, Numeric, is_true},
};

impl Interpreter<'_> {
    /// Whether a value passes a test.
    pub(super) fn trial(
        &mut self,
        name: &str,
        value: &Value,
        argument: &Value,
    ) -> Result<bool, Fault> {
        let compared = |operator| {
            operators::apply(operator, value.clone(), argument.clone()).map(|it| it == true)
        };
        let text = value.as_str();
        let holds = match name {
            "defined" => Ok(!value.is_null()),
            "undefined" | "none" => Ok(value.is_null()),
            "string" => Ok(value.is_string()),
            "number" => Ok(value.is_number()),
            "integer" => Ok(value.is_i64() || value.is_u64()),
            "float" => Ok(value.is_f64()),
            "boolean" => Ok(value.is_boolean()),
            "mapping" => Ok(value.is_object()),
            "sequence" => Ok(value.is_array()),
            "iterable" => Ok(value.is_array() || value.is_object()),
            "truthy" => Ok(is_true(value)),
            "true" => Ok(*value == true),
            "false" => Ok(*value == false),
            "lower" => Ok(text.is_some_and(|it| !it.chars().any(char::is_uppercase))),
            "upper" => Ok(text.is_some_and(|it| !it.chars().any(char::is_lowercase))),
            "even" => divides(value, 2),
            "odd" => divides(value, 2).map(|even| !even),
            "divisibleby" => match Numeric::of(argument) {
                Ok(Numeric::Whole(0)) => Err("/ by zero".to_owned()),
                Ok(Numeric::Whole(by)) => divides(value, by),
                Ok(Numeric::Real(_)) => Ok(false),
                Err(message) => Err(message),
            },
            "eq" | "equalto" | "==" | "sameas" => compared(Operator::Equal),
            "ne" | "!=" => compared(Operator::NotEqual),
            "lt" | "lessthan" | "<" => compared(Operator::Less),
            "le" | "<=" => compared(Operator::LessOrEqual),
            "gt" | "greaterthan" | ">" => compared(Operator::Greater),
            "ge" | ">=" => compared(Operator::GreaterOrEqual),
            "in" | "within" => Ok(operators::contains(argument, value)),
            "containing" => Ok(operators::contains(value, argument)),
            "containingall" => Ok(operators::items(argument.clone())
                .iter()
                .all(|item| operators::contains(value, item))),
            "string_containing" => {
                Ok(text.is_some_and(|it| it.contains(&operators::as_text(argument))))
            }
            "string_startingwith" => {
                Ok(text.is_some_and(|it| it.starts_with(&operators::as_text(argument))))
            }
            _ => Err(format!("there is no test '{name}'")),
        };
        holds.or_else(|message| self.failed(message))
    }
}

fn divides(value: &Value, by: i64) -> Result<bool, String> {
    match Numeric::of(value)? {
        Numeric::Whole(whole) => Ok(!value.is_null() && whole.wrapping_rem(by) == 0),
        Numeric::Real(_) => Ok(false),
    }
}
