//! Walks the tree of a text and prints. Source: Jinjava `JinjavaInterpreter`, `ForTag`, `IfTag`, `SetTag`, `MacroTag`.

use std::{collections::BTreeMap, rc::Rc};

use gennaker_model::Map;
use serde_json::{Value, json};

use super::{
    Fault, operators,
    tree::{Body, Condition, Expression, Kind, Macro, Node, tree},
};
use crate::{
    java,
    problem::Halt,
    render::{Context, Renderer},
};

/// How often what an expression gives may itself be rendered.
const NESTED_MAX: u32 = 10;

/// Deepest calls of macros.
const CALLS_MAX: u32 = 20;

/// Renders one text.
pub(crate) struct Interpreter<'r> {
    pub(super) renderer: &'r Renderer<'r>,
    pub(super) context: &'r Context,
    /// Variables of the text itself, innermost last.
    pub(super) scopes: Vec<Map>,
    pub(super) macros: BTreeMap<String, Rc<Macro>>,
    /// Whether what is unknown is nothing, and no error.
    tolerant: bool,
    nested: u32,
    calls: u32,
    pub(super) line: usize,
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'r> Interpreter<'r> {
    pub(crate) fn new(renderer: &'r Renderer<'r>, context: &'r Context, tolerant: bool) -> Self {
        Self {
            renderer,
            context,
            scopes: vec![Map::new()],
            macros: BTreeMap::new(),
            tolerant,
            nested: 0,
            calls: 0,
            line: 0,
        }
    }

    /// The text with everything in it replaced.
    pub(crate) fn render(&mut self, text: &str) -> Result<String, Fault> {
        self.charge(text.len())?;
        let nodes = tree(text)?;
        let mut out = String::new();
        self.nodes(&nodes, &mut out)?;
        Ok(out)
    }

    pub(super) fn charge(&self, units: usize) -> Result<(), Fault> {
        self.renderer.charge(units).map_err(Fault::Halt)
    }

    pub(super) fn failed<T>(&self, message: impl Into<String>) -> Result<T, Fault> {
        Err(Fault::Failed {
            message: message.into(),
            line: self.line,
            nested: Vec::new(),
        })
    }

    /// The value of an expression; null is an error, unless this is tolerant.
    pub(super) fn resolve(&mut self, expression: &Expression) -> Result<Value, Fault> {
        if expression.source.is_empty() {
            return Ok(Value::Null);
        }
        let ast = match &expression.parsed {
            Ok(ast) => ast,
            Err(unparsed) => {
                let source = &expression.source;
                let code = source.get(unparsed.at..).unwrap_or(source);
                let message = format!("Error parsing '{source}': {}", unparsed.message);
                return Err(Fault::syntax(code, &message, self.line));
            }
        };
        let value = self.evaluate(ast)?;
        if value.is_null() && !self.tolerant {
            return Err(Fault::Unknown {
                expression: expression.source.clone(),
                line: self.line,
            });
        }
        Ok(value)
    }

    /// A variable by name, innermost first.
    pub(super) fn variable(&self, name: &str) -> Option<&Value> {
        let own = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        own.or_else(|| self.context.variable(name))
    }

    /// Sets a variable in the innermost scope.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), value);
        }
    }

    /// What a macro prints.
    pub(super) fn call(
        &mut self,
        called: &Rc<Macro>,
        positional: Vec<Value>,
        mut named: BTreeMap<String, Value>,
    ) -> Result<Value, Fault> {
        if self.calls >= CALLS_MAX {
            return self.failed(format!("macros call each other deeper than {CALLS_MAX}"));
        }
        let mut positional = positional.into_iter();
        let mut scope = Map::new();
        for (name, default) in &called.parameters {
            let value = match positional.next().or_else(|| named.remove(name)) {
                Some(value) => value,
                None => match default {
                    Some(default) => self.resolve(default)?,
                    None => Value::Null,
                },
            };
            scope.insert(name.clone(), value);
        }
        scope.insert("varargs".to_owned(), positional.collect());
        scope.insert("kwargs".to_owned(), named.into_iter().collect());
        self.calls += 1;
        self.scopes.push(scope);
        let mut out = String::new();
        let ended = self.nodes(&called.body, &mut out);
        self.scopes.pop();
        self.calls -= 1;
        ended.map(|_| Value::from(out))
    }

    fn nodes(&mut self, nodes: &[Node], out: &mut String) -> Result<Flow, Fault> {
        for node in nodes {
            let flow = self.node(node, out)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn node(&mut self, node: &Node, out: &mut String) -> Result<Flow, Fault> {
        self.charge(2)?;
        if node.line > 0 {
            self.line = node.line;
        }
        match &node.kind {
            Kind::Text(text) => self.print(text, out)?,
            Kind::Output(expression) => {
                let value = self.resolve(expression)?;
                let text = self.written(&value)?;
                let text = self.rendered_again(text)?;
                self.print(&text, out)?;
            }
            Kind::If(branches) => {
                for (condition, body) in branches {
                    if self.holds(condition.as_ref())? {
                        return self.nodes(body, out);
                    }
                }
            }
            Kind::For { names, over, body } => return self.each(names, over, body, out),
            Kind::Set { names, values } => self.assign(names, values)?,
            Kind::SetBlock {
                name,
                filtered,
                body,
            } => {
                self.scopes.push(Map::new());
                let mut block = String::new();
                let ended = self.nodes(body, &mut block);
                self.scopes.pop();
                ended?;
                self.set(name, block.into());
                if let Some(filtered) = filtered {
                    let value = self.resolve(filtered)?;
                    self.set(name, value);
                }
            }
            Kind::Macro(found) => {
                self.macros.insert(found.name.clone(), Rc::clone(found));
            }
            Kind::Do(expression) => {
                self.resolve(expression)?;
            }
            Kind::Block(body) => return self.nodes(body, out),
            Kind::Break => return Ok(Flow::Break),
            Kind::Continue => return Ok(Flow::Continue),
            Kind::Module { helpers, image } => {
                let text = self.module(helpers, image)?;
                self.print(&text, out)?;
            }
            Kind::IdOf {
                strategy,
                helpers,
                image,
            } => {
                let id = self.id_of(*strategy, helpers, image)?;
                self.print(&id, out)?;
            }
            Kind::Wrong { code, message } => {
                return Err(Fault::syntax(code, message, self.line));
            }
        }
        Ok(Flow::Next)
    }

    fn print(&self, text: &str, out: &mut String) -> Result<(), Fault> {
        self.charge(text.len() / 4)?;
        self.renderer.keep(text.len()).map_err(Fault::Halt)?;
        out.push_str(text);
        Ok(())
    }

    /// A value as it is printed: null is nothing.
    pub(super) fn written(&self, value: &Value) -> Result<String, Fault> {
        Ok(match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => {
                let text = java::text(other);
                self.charge(text.len())?;
                text
            }
        })
    }

    /// What an expression gave is Jinja, too. If it cannot be rendered it stays as it is.
    fn rendered_again(&mut self, text: String) -> Result<String, Fault> {
        if !(text.contains("{{") || text.contains("{%")) || self.nested >= NESTED_MAX {
            return Ok(text);
        }
        self.nested += 1;
        let line = self.line;
        let again = self.render(&text);
        self.line = line;
        self.nested -= 1;
        match again {
            Ok(again) => Ok(again),
            Err(Fault::Halt(halt @ (Halt::Needs(_) | Halt::Wrong(_)))) => Err(Fault::Halt(halt)),
            Err(_) => Ok(text),
        }
    }

    fn holds(&mut self, condition: Option<&Condition>) -> Result<bool, Fault> {
        let Some(condition) = condition else {
            return Ok(true);
        };
        if condition.expression.source.is_empty() {
            return Err(Fault::syntax(
                "if",
                "Tag 'if' expects expression",
                self.line,
            ));
        }
        let value = self.resolve(&condition.expression)?;
        Ok(operators::is_true(&value) != condition.negated)
    }

    fn each(
        &mut self,
        names: &[String],
        over: &Expression,
        body: &Body,
        out: &mut String,
    ) -> Result<Flow, Fault> {
        let items = operators::items(self.resolve(over)?);
        let length = items.len();
        self.scopes.push(Map::new());
        let depth = self.scopes.len();
        let mut result = Ok(Flow::Next);
        for (index, item) in items.into_iter().enumerate() {
            if let Err(fault) = self.charge(5) {
                result = Err(fault);
                break;
            }
            self.set("loop", loop_of(index, length));
            self.unpack(names, item);
            let ended = self.nodes(body, out);
            self.scopes.truncate(depth);
            match ended {
                Ok(Flow::Next | Flow::Continue) => {}
                Ok(Flow::Break) => break,
                Err(fault) => {
                    result = Err(fault);
                    break;
                }
            }
        }
        self.scopes.truncate(depth - 1);
        result
    }

    /// One name takes the item; several take the parts of an entry or a list.
    fn unpack(&mut self, names: &[String], item: Value) {
        if let [name] = names {
            return self.set(name, item);
        }
        let mut parts = match item {
            Value::Array(parts) => parts.into_iter(),
            Value::Object(mut entry) if entry.contains_key("key") => {
                let key = entry.shift_remove("key").unwrap_or(Value::Null);
                let value = entry.shift_remove("value").unwrap_or(Value::Null);
                vec![key, value].into_iter()
            }
            _ => Vec::new().into_iter(),
        };
        for name in names {
            self.set(name, parts.next().unwrap_or(Value::Null));
        }
    }

    fn assign(&mut self, names: &[String], values: &Expression) -> Result<(), Fault> {
        if let [name] = names {
            let value = self.resolve(values)?;
            if let Some((space, key)) = name.split_once('.') {
                let holder = self
                    .scopes
                    .iter_mut()
                    .rev()
                    .find_map(|it| it.get_mut(space));
                if let Some(Value::Object(map)) = holder {
                    map.insert(key.to_owned(), value);
                    return Ok(());
                }
            }
            self.set(name, value);
            return Ok(());
        }
        let list = super::tree::expression(&format!("[{}]", values.source));
        match self.resolve(&list)? {
            Value::Array(values) if values.len() == names.len() => {
                for (name, value) in names.iter().zip(values) {
                    self.set(name, value);
                }
                Ok(())
            }
            _ => {
                let message =
                    "Tag 'set' declares an uneven number of variables and assigned values";
                Err(Fault::syntax(&values.source, message, self.line))
            }
        }
    }
}

/// What a loop tells of itself.
fn loop_of(index: usize, length: usize) -> Value {
    json!({
        "index": index + 1,
        "index0": index,
        "counter": index + 1,
        "revindex": length - index,
        "revindex0": length - index - 1,
        "first": index == 0,
        "last": index + 1 == length,
        "length": length,
    })
}
