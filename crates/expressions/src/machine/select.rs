//! Selection `.?[…]`, `.^[…]`, `.$[…]` and projection `.![…]`.

use super::Machine;
use crate::ast::{Node, Which};
use crate::error::{Error, Result};
use crate::types::{class_name, runtime_class};
use crate::value::{MapKind, Value};

impl<'a> Machine<'a, '_> {
    /// Evaluates with one element as what names and `#this` refer to.
    fn with_element(&mut self, element: Value<'a>, body: &Node) -> Result<Value<'a>> {
        self.scopes.push(element.clone());
        let result = self.within(element, |machine| machine.eval(body));
        self.scopes.pop();
        result
    }

    pub(super) fn select(
        &mut self,
        target: &Value<'a>,
        which: Which,
        test: &Node,
        safe: bool,
    ) -> Result<Value<'a>> {
        let passes = |machine: &mut Self, element: &Value<'a>| match machine
            .with_element(element.clone(), test)?
        {
            Value::Bool(passes) => Ok(passes),
            _ => Err(Error::el(1016, "Result of selection criteria is not boolean").at(test.at)),
        };
        match target {
            Value::Map(map) => {
                self.track()?;
                let entries = map.entries();
                self.charge(entries.len() * 8)?;
                let mut found = Vec::new();
                for (key, value) in entries {
                    self.measure_key(&key)?;
                    let entry =
                        Value::Entry((key.clone(), value.clone()).into(), map.kind.backing());
                    if passes(self, &entry)? {
                        self.track()?;
                        found.push((key, value));
                        if which == Which::First {
                            break;
                        }
                    }
                }
                Ok(match which {
                    Which::All => Value::map(MapKind::Hash, found),
                    Which::First | Which::Last => found
                        .pop()
                        .map_or(Value::Null, |entry| Value::map(MapKind::Hash, [entry])),
                })
            }
            Value::List(_) | Value::Array(_) => {
                let items = items_of(target);
                self.track()?;
                self.charge(items.len())?;
                let mut found = Vec::new();
                for item in items {
                    if passes(self, &item)? {
                        if which == Which::First {
                            return Ok(item);
                        }
                        self.track()?;
                        found.push(item);
                    }
                }
                Ok(match (which, target) {
                    (Which::First, _) => Value::Null,
                    (Which::Last, _) => found.pop().unwrap_or(Value::Null),
                    (Which::All, Value::Array(array)) => Value::array(&array.element, found),
                    (Which::All, _) => Value::list(found),
                })
            }
            Value::Null if safe => Ok(Value::Null),
            other => {
                let class = runtime_class(other);
                Err(Error::el(
                    1015,
                    format!("Cannot perform selection on input data of type '{class}'"),
                ))
            }
        }
    }

    pub(super) fn project(
        &mut self,
        target: &Value<'a>,
        body: &Node,
        safe: bool,
    ) -> Result<Value<'a>> {
        match target {
            Value::Map(map) => {
                self.track()?;
                let entries = map.entries();
                self.charge(entries.len() * 8)?;
                let mut out = Vec::with_capacity(entries.len());
                for entry in entries {
                    self.track()?;
                    out.push(
                        self.with_element(Value::Entry(entry.into(), map.kind.backing()), body)?,
                    );
                }
                Ok(Value::list(out))
            }
            Value::List(_) | Value::Array(_) => {
                let items = items_of(target);
                self.track()?;
                self.charge(items.len())?;
                let mut out = Vec::with_capacity(items.len());
                for item in items {
                    let value = self.with_element(item, body)?;
                    self.track()?;
                    out.push(value);
                }
                Ok(match target {
                    Value::Array(_) => Value::array(&common_class(&out), out),
                    _ => Value::list(out),
                })
            }
            Value::Null if safe => Ok(Value::Null),
            other => {
                let class = runtime_class(other);
                Err(Error::el(
                    1019,
                    format!("Projection is not supported on the type '{class}'"),
                ))
            }
        }
    }
}

fn items_of<'a>(target: &Value<'a>) -> Vec<Value<'a>> {
    match target {
        Value::List(list) => list.items(),
        Value::Array(array) => array.items.borrow().clone(),
        _ => Vec::new(),
    }
}

fn common_class(items: &[Value<'_>]) -> String {
    let mut classes = items.iter().filter(|item| !item.is_null()).map(class_name);
    let first = classes.next().unwrap_or_else(|| "java.lang.Object".into());
    match classes.all(|class| class == first) {
        true => first.into_owned(),
        false => "java.lang.Object".to_owned(),
    }
}
