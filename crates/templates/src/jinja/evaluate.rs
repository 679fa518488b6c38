//! Expressions to values. Source: Jinjava `JinjavaInterpreterResolver`: what is not there is null, and only an expression that
//! is null as a whole is an error.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Fault, Interpreter,
    ast::{Argument, Ast, Operator},
    operators::{self, is_true},
};

/// Largest value that an expression may make, as [`weight`] counts: a list of so many numbers, or a text of 1.6 MB.
const VALUE_MAX: usize = 100_000;

/// What a call got: positional arguments, and those with a name.
pub(super) type Arguments = (Vec<Value>, BTreeMap<String, Value>);

impl Interpreter<'_> {
    pub(super) fn evaluate(&mut self, ast: &Ast) -> Result<Value, Fault> {
        self.charge(1)?;
        match ast {
            Ast::Literal(value) => Ok(value.clone()),
            Ast::Name(name) => self.copied(self.variable(name)),
            Ast::Property(..) => self.property(ast),
            Ast::Slice(base, start, end) => {
                let base = self.evaluate(base)?;
                let start = self.optional(start.as_deref())?;
                let end = self.optional(end.as_deref())?;
                slice(base, &start, &end).or_else(|message| self.failed(message))
            }
            Ast::List(items) => {
                let values: Result<Vec<Value>, Fault> =
                    items.iter().map(|item| self.evaluate(item)).collect();
                values.map(Value::from)
            }
            Ast::Dict(entries) => entries
                .iter()
                .map(|(key, value)| Ok((key.clone(), self.evaluate(value)?)))
                .collect(),
            Ast::Call(name, arguments) => {
                let arguments = self.arguments(arguments)?;
                self.function(name, arguments)
            }
            Ast::Method(base, name, arguments) => self.method_of(base, name, arguments),
            Ast::Filter(base, name, arguments) => {
                let base = self.evaluate(base)?;
                let arguments = self.arguments(arguments)?;
                self.filter(name, base, arguments)
            }
            Ast::Test(base, name, argument, negated) => {
                let base = self.evaluate(base)?;
                let argument = self.optional(argument.as_deref())?;
                let holds = self.trial(name, &base, &argument)?;
                Ok(Value::from(holds != *negated))
            }
            Ast::Not(inner) => Ok(Value::from(!is_true(&self.evaluate(inner)?))),
            Ast::Negative(inner) => {
                let value = self.evaluate(inner)?;
                let negated = operators::apply(Operator::Subtract, 0.into(), value);
                negated.or_else(|message| self.failed(message))
            }
            Ast::Empty(inner) => {
                let value = self.evaluate(inner)?;
                let empty = match &value {
                    Value::Null => true,
                    Value::String(text) => text.is_empty(),
                    Value::Array(items) => items.is_empty(),
                    Value::Object(map) => map.is_empty(),
                    Value::Bool(_) | Value::Number(_) => false,
                };
                Ok(empty.into())
            }
            Ast::And(left, right) => {
                let both = is_true(&self.evaluate(left)?) && is_true(&self.evaluate(right)?);
                Ok(both.into())
            }
            Ast::Or(left, right) => {
                let left = self.evaluate(left)?;
                match is_true(&left) {
                    true => Ok(left),
                    false => self.evaluate(right),
                }
            }
            Ast::Binary(operator, left, right) => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                let value = operators::apply(*operator, left, right);
                let value = value.or_else(|message| self.failed(message))?;
                self.made(value)
            }
            Ast::Choice(condition, then, other) => {
                let holds = is_true(&self.evaluate(condition)?);
                self.evaluate(if holds { then } else { other })
            }
        }
    }

    pub(super) fn arguments(&mut self, written: &[Argument]) -> Result<Arguments, Fault> {
        let mut found = Arguments::default();
        for argument in written {
            let value = self.evaluate(&argument.value)?;
            match &argument.name {
                Some(name) => {
                    found.1.insert(name.clone(), value);
                }
                None => found.0.push(value),
            }
        }
        Ok(found)
    }

    /// A value that was made, and is not too large.
    pub(super) fn made(&self, value: Value) -> Result<Value, Fault> {
        let weight = weight(&value);
        self.charge(weight)?;
        match weight > VALUE_MAX {
            true => self.failed("an expression makes a value that is too large"),
            false => Ok(value),
        }
    }

    fn optional(&mut self, ast: Option<&Ast>) -> Result<Value, Fault> {
        ast.map_or(Ok(Value::Null), |ast| self.evaluate(ast))
    }

    /// Walks `a.b[c]` by reference, so that only what is asked for is copied.
    fn property(&mut self, ast: &Ast) -> Result<Value, Fault> {
        let mut keys = Vec::new();
        let mut base = ast;
        while let Ast::Property(inner, key) = base {
            keys.push(self.evaluate(key)?);
            base = inner;
        }
        keys.reverse();
        if let Ast::Name(name) = base {
            let found = self.variable(name).and_then(|value| walk(value, &keys));
            return self.copied(found);
        }
        let value = self.evaluate(base)?;
        self.copied(walk(&value, &keys))
    }

    fn copied(&self, value: Option<&Value>) -> Result<Value, Fault> {
        let Some(value) = value else {
            return Ok(Value::Null);
        };
        self.charge(weight(value))?;
        Ok(value.clone())
    }

    fn method_of(
        &mut self,
        base: &Ast,
        name: &str,
        arguments: &[Argument],
    ) -> Result<Value, Fault> {
        let arguments = self.arguments(arguments)?;
        // What a method changes must be a variable of the text.
        if let Ast::Name(variable) = base
            && let Some(changed) = self.change(variable, name, &arguments.0)?
        {
            return Ok(changed);
        }
        let base = self.evaluate(base)?;
        let value = self.method(&base, name, &arguments.0)?;
        self.made(value)
    }
}

/// About how much work it is to copy a value.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::String(text) => 1 + text.len() / 16,
        Value::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(|it| 1 + weight(it)).sum::<usize>(),
    }
}

fn walk<'v>(value: &'v Value, keys: &[Value]) -> Option<&'v Value> {
    keys.iter().try_fold(value, member)
}

/// A member of a map or list; negative places count from the end.
pub(super) fn member<'v>(value: &'v Value, key: &Value) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(&operators::as_text(key)),
        Value::Array(items) => {
            let place = match key {
                Value::Number(number) => number.as_i64()?,
                Value::String(text) => text.parse().ok()?,
                _ => return None,
            };
            let length = i64::try_from(items.len()).ok()?;
            let place = if place < 0 { place + length } else { place };
            items.get(usize::try_from(place).ok()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// `value[start:end]`. Source: `AstRangeBracket`.
fn slice(base: Value, start: &Value, end: &Value) -> Result<Value, String> {
    let place = |value: &Value, default: usize, length: usize| match value {
        Value::Null => Ok(default),
        Value::Number(number) => {
            let place = number.as_i64().unwrap_or(0);
            let length = i64::try_from(length).unwrap_or(i64::MAX);
            let place = if place < 0 { place + length } else { place };
            Ok(usize::try_from(place.clamp(0, length)).unwrap_or(0))
        }
        _ => Err("Range start or end is not a number".to_owned()),
    };
    match base {
        Value::String(text) => {
            let chars: Vec<char> = text.chars().collect();
            let from = place(start, 0, chars.len())?;
            let to = place(end, chars.len(), chars.len())?;
            let part: String = chars.get(from..to).unwrap_or_default().iter().collect();
            Ok(part.into())
        }
        Value::Array(items) => {
            let from = place(start, 0, items.len())?;
            let to = place(end, items.len(), items.len())?;
            Ok(items.get(from..to).unwrap_or_default().to_vec().into())
        }
        Value::Null => Ok(Value::Null),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err("what is sliced is not a sequence".to_owned())
        }
    }
}
