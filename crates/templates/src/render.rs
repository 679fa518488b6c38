//! Rendering of texts and of whole values, with what it may cost. Source: orca `JinjaRenderer`, `RenderUtil`.

use std::{cell::Cell, rc::Rc};

use gennaker_expressions::Limits;
use gennaker_model::Map;
use serde_json::Value;

use crate::{
    java,
    jinja::Interpreter,
    need::{Answer, Answers, Need},
    problem::{Halt, Problem},
    yaml,
};

/// How often a rendered list or map may itself be rendered (`RenderUtil.MAX_RENDER_DEPTH`).
const DEPTH_MAX: u32 = 5;

/// Deepest nesting of a value that is rendered: what comes in as JSON is bounded by its reader, what modules make is not.
const NESTING_MAX: u32 = 120;

/// Deepest modules in modules.
const MODULES_MAX: u32 = 10;

/// Units of work of one expansion: about a tenth of a second.
const WORK_MAX: u64 = 3_000_000;

/// Bytes that one expansion may print in all.
const PRINTED_MAX: u64 = 16 << 20;

/// Units of work of reading a text as YAML, for each of its bytes.
const YAML_WORK: usize = 4;

/// What names in a text stand for.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    application: Value,
    trigger: Rc<Value>,
    pub variables: Map,
    /// Where the text stands, for problems.
    pub location: String,
}

impl Context {
    pub(crate) fn new(application: &Value, trigger: &Rc<Value>) -> Self {
        Self {
            application: application.clone(),
            trigger: Rc::clone(trigger),
            variables: Map::new(),
            location: String::new(),
        }
    }

    /// The same application and trigger without variables.
    pub(crate) fn for_module(&self, location: String) -> Self {
        Self {
            application: self.application.clone(),
            trigger: Rc::clone(&self.trigger),
            variables: Map::new(),
            location,
        }
    }

    /// A variable; the configuration's own may hide `application` and `trigger`.
    pub(crate) fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name).or(match name {
            "application" => Some(&self.application),
            "trigger" => Some(&self.trigger),
            _ => None,
        })
    }
}

/// A reusable part of a configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Module {
    pub id: String,
    pub variables: Vec<ModuleVariable>,
    pub definition: Value,
}

/// What a module must be told.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModuleVariable {
    pub name: String,
    pub default: Value,
}

/// Renders the texts of one expansion.
pub(crate) struct Renderer<'a> {
    answers: &'a Answers<'a>,
    pub limits: &'a Limits,
    /// Modules that texts may name, and variables that those see.
    modules: Vec<Module>,
    variables: Map,
    work: Cell<u64>,
    printed: Cell<u64>,
    nested: Cell<u32>,
}

impl<'a> Renderer<'a> {
    pub(crate) fn new(answers: &'a Answers<'a>, limits: &'a Limits) -> Self {
        Self {
            answers,
            limits,
            modules: Vec::new(),
            variables: Map::new(),
            work: Cell::new(0),
            printed: Cell::new(0),
            nested: Cell::new(0),
        }
    }

    /// From here on texts may name these.
    pub(crate) fn know(&mut self, modules: Vec<Module>, variables: Map) {
        self.modules = modules;
        self.variables = variables;
    }

    pub(crate) fn module(&self, id: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.id == id)
    }

    /// Puts the template's variables, with their defaults, into the context of a module.
    pub(crate) fn add_variables(&self, context: &mut Context) {
        context.variables.extend(self.variables.clone());
    }

    /// The answer to a question.
    pub(crate) fn ask(&self, need: Need) -> Result<Answer, Halt> {
        match (self.answers)(&need) {
            Some(answer) => Ok(answer),
            None => Err(Halt::Needs(need)),
        }
    }

    /// Counts work.
    pub(crate) fn charge(&self, units: usize) -> Result<(), Halt> {
        count(&self.work, units, WORK_MAX, "units of work")
    }

    /// Counts what is printed.
    pub(crate) fn keep(&self, bytes: usize) -> Result<(), Halt> {
        count(&self.printed, bytes, PRINTED_MAX, "bytes of text")
    }

    /// A text with everything in it replaced, without blanks around.
    pub(crate) fn text(&self, template: &str, context: &Context) -> Result<String, Halt> {
        self.charge(1 + template.len() / 16)?;
        if !template.contains('{') {
            return Ok(template.trim().to_owned());
        }
        let fault = match Interpreter::new(self, context, false).render(template) {
            Ok(rendered) => return Ok(rendered.trim().to_owned()),
            Err(fault) => fault,
        };
        // A variable that may be null is unknown to Jinjava: once more, and what is unknown is nothing.
        let nulls = context
            .variables
            .iter()
            .filter(|(_, value)| value.is_null());
        if !fault.is_about_null(nulls.map(|(name, _)| name.as_str())) {
            return Err(fault.into_halt(&context.location));
        }
        let rendered = Interpreter::new(self, context, true).render(template);
        rendered
            .map(|rendered| rendered.trim().to_owned())
            .map_err(|fault| fault.into_halt(&context.location))
    }

    /// A rendered text, read as YAML.
    pub(crate) fn graph(&self, template: &str, context: &Context) -> Result<Value, Halt> {
        let rendered = self.text(template, context)?;
        self.charge(rendered.len().saturating_mul(YAML_WORK) / 8)?;
        yaml::value_of(&rendered, self.limits).map_err(|problem| {
            let problem = problem
                .at(&context.location)
                .with_detail("source", template);
            Halt::Render(vec![problem])
        })
    }

    /// A value, all texts in it rendered, and what they became as well.
    pub(crate) fn deep(&self, value: &Value, context: &Context) -> Result<Value, Halt> {
        self.descend(value, context, 0, 0)
    }

    /// The definition of a module: as [`Self::deep`], but modules that name each other end.
    pub(crate) fn in_module(&self, value: &Value, context: &Context) -> Result<Value, Halt> {
        let nested = self.nested.get() + 1;
        if nested > MODULES_MAX {
            let message = format!("modules name each other deeper than {MODULES_MAX}");
            return Err(Problem::malformed(message).at(&context.location).into());
        }
        self.nested.set(nested);
        let rendered = self.deep(value, context);
        self.nested.set(nested - 1);
        rendered
    }

    fn descend(
        &self,
        value: &Value,
        context: &Context,
        again: u32,
        depth: u32,
    ) -> Result<Value, Halt> {
        self.charge(1)?;
        if again >= DEPTH_MAX {
            let message =
                format!("Cannot exceed {DEPTH_MAX} levels of depth in handlebars rendering");
            let problem = Problem::new(message)
                .suggesting(
                    "Try breaking up your templates into smaller, more reusable chunks via modules",
                )
                .at(&context.location);
            return Err(Halt::Render(vec![problem]));
        }
        if depth > NESTING_MAX {
            let message = format!("a value is nested deeper than {NESTING_MAX}");
            return Err(Problem::malformed(message).at(&context.location).into());
        }
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
            Value::String(text) => match self.graph(text, context)? {
                nested @ (Value::Array(_) | Value::Object(_)) => {
                    self.descend(&nested, context, again + 1, depth)
                }
                plain => Ok(plain),
            },
            Value::Array(items) => {
                let rendered: Result<Vec<Value>, Halt> = items
                    .iter()
                    .map(|item| self.descend(item, context, again, depth + 1))
                    .collect();
                rendered.map(Value::from)
            }
            Value::Object(map) => {
                let mut rendered = Map::new();
                for (key, item) in map {
                    // Orca fails on a key that is no text once YAML has read it; here it stays one.
                    let key = self.text(key, context)?;
                    rendered.insert(key, self.descend(item, context, again, depth + 1)?);
                }
                Ok(rendered.into())
            }
        }
    }
}

/// A rendered value where a text is wanted.
pub(crate) fn as_text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(java::text(&other)),
    }
}

fn count(counter: &Cell<u64>, more: usize, most: u64, what: &str) -> Result<(), Halt> {
    let total = counter.get().saturating_add(more as u64);
    counter.set(total);
    match total > most {
        true => {
            Err(Problem::unexpected(format!("the template takes more than {most} {what}")).into())
        }
        false => Ok(()),
    }
}
