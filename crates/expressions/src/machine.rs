//! The evaluator: walks the parsed form of one expression over the values of a root.
//!
//! One machine serves one pass, that is, all strings of one document: the root map and what was read from it are shared,
//! so that an assignment is seen by later strings. Counters start anew with each expression.

mod access;
pub(crate) mod arithmetic;
mod call;
mod convert;
pub(crate) mod relation;
mod select;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::ast::{Expr, Node, Unary};
use crate::env::{Environment, Lookup, LookupAnswer};
use crate::error::{Error, Result, SPEL_EVALUATION, grouped};
use crate::root::{ExecutionView, Root};
use crate::value::{Data, ListCell, ListKind, MapKind, Object, Str, Value, json, text};

pub(crate) use convert::big_of as convert_big;

/// Lists and maps cannot be nested deeper than this by assignment, so that nothing that walks them runs out of stack.
const VALUE_DEPTH_MAX: u32 = 200;

/// Values looked at before a list or map is stored into another.
const STORE_VISITS_MAX: u32 = 50_000;

pub(crate) struct Machine<'a, 'e> {
    pub root: &'a dyn Root,
    pub env: &'e Environment<'e>,
    root_value: Value<'a>,
    inherited: BTreeMap<(usize, String), Value<'a>>,
    contexts: BTreeMap<(usize, bool), Value<'a>>,
    variables: BTreeMap<String, Value<'a>>,
    random: u64,
    operations: u32,
    work: u64,
    active: Vec<Value<'a>>,
    scopes: Vec<Value<'a>>,
    constants: BTreeMap<usize, Value<'a>>,
}

impl<'a, 'e> Machine<'a, 'e> {
    pub fn new(root: &'a dyn Root, env: &'e Environment<'e>) -> Self {
        Self {
            root,
            env,
            root_value: root_map(root, env.allow_unknown_keys),
            inherited: BTreeMap::new(),
            contexts: BTreeMap::new(),
            variables: BTreeMap::new(),
            random: env.seed,
            operations: 0,
            work: 0,
            active: Vec::new(),
            scopes: Vec::new(),
            constants: BTreeMap::new(),
        }
    }

    /// Evaluates one expression with fresh counters.
    pub fn run(&mut self, node: &Node) -> Result<Value<'a>> {
        self.operations = 0;
        self.work = 0;
        self.active.clear();
        self.scopes.clear();
        self.constants.clear();
        self.eval(node)
    }

    pub fn eval(&mut self, node: &Node) -> Result<Value<'a>> {
        self.eval_here(node).map_err(|error| error.at(node.at))
    }

    fn eval_here(&mut self, node: &Node) -> Result<Value<'a>> {
        match &node.expr {
            Expr::Null => Ok(Value::Null),
            Expr::Bool(value) => Ok(Value::Bool(*value)),
            Expr::Int(value) => Ok(Value::Int(*value)),
            Expr::Long(value) => Ok(Value::Long(*value)),
            Expr::Float(real) => Ok(Value::Float(real.value)),
            Expr::Double(real) => Ok(Value::Double(real.value)),
            Expr::Text(text) => Ok(Value::text(text.as_str())),
            Expr::Name { .. }
            | Expr::Method { .. }
            | Expr::Function { .. }
            | Expr::Variable(_)
            | Expr::Index { .. }
            | Expr::Project { .. }
            | Expr::Select { .. } => {
                let target = self.active();
                self.apply(node, target)
            }
            Expr::Type { pieces, dimensions } => self.type_reference(pieces, *dimensions),
            Expr::New { pieces, args } => self.construct(pieces, args),
            Expr::NewArray {
                pieces,
                dimensions,
                initial,
            } => self.construct_array(pieces, dimensions, initial.as_deref()),
            Expr::Bean(name) => Err(Error::el(
                1057,
                format!(
                    "No bean resolver registered in the context to resolve access to bean '{name}'"
                ),
            )),
            Expr::List(_) | Expr::Map(_) => self.inline(node),
            Expr::Compound(parts) => self.compound(parts),
            Expr::Chain { first, rest } => self.chain(first, rest),
            Expr::Or(parts) => self.logic(parts, true),
            Expr::And(parts) => self.logic(parts, false),
            Expr::Compare {
                relation,
                left,
                right,
            } => self.relate(*relation, left, right),
            Expr::Power(left, right) => self.power(left, right),
            Expr::Unary(operator, operand) => self.unary(*operator, operand),
            Expr::Step {
                operand,
                up,
                postfix,
            } => self.step(operand, *up, *postfix),
            Expr::Ternary(test, yes, no) => self.ternary(test, yes, no),
            Expr::Elvis(value, other) => self.elvis(value, other),
            Expr::Assign(target, value) => {
                self.track()?;
                self.assign(target, value)
            }
        }
    }

    /// Applies one part of a chain (`.name`, `[index]`, `.method()`, …) to its target.
    fn apply(&mut self, node: &Node, target: Value<'a>) -> Result<Value<'a>> {
        match &node.expr {
            Expr::Name { name, safe } => self.read(&target, name, *safe),
            Expr::Method { name, args, safe } => self.method(target, name, args, *safe),
            Expr::Function { name, args } => {
                self.within(target, |machine| machine.function(name, args))
            }
            Expr::Variable(name) => self.within(target, |machine| machine.variable(name)),
            Expr::Index { index, safe } => self.index(&target, index, *safe),
            Expr::Project { body, safe } => self.project(&target, body, *safe),
            Expr::Select { which, test, safe } => self.select(&target, *which, test, *safe),
            _ => self.within(target, |machine| machine.eval(node)),
        }
    }

    fn compound(&mut self, parts: &[Node]) -> Result<Value<'a>> {
        let mut value = self.eval(&parts[0])?;
        for part in &parts[1..] {
            value = self.apply(part, value).map_err(|error| error.at(part.at))?;
        }
        Ok(value)
    }

    /// Evaluates with `target` as what names refer to.
    fn within<T>(
        &mut self,
        target: Value<'a>,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.active.push(target);
        let result = work(self);
        self.active.pop();
        result
    }

    pub(crate) fn active(&self) -> Value<'a> {
        self.active.last().unwrap_or(&self.root_value).clone()
    }

    fn variable(&mut self, name: &str) -> Result<Value<'a>> {
        match name {
            "this" => Ok(self.active()),
            "root" => Ok(self.root_value.clone()),
            name => {
                self.track()?;
                Ok(self.variables.get(name).cloned().unwrap_or(Value::Null))
            }
        }
    }

    fn elvis(&mut self, value: &Node, other: &Node) -> Result<Value<'a>> {
        self.track()?;
        let value = self.eval(value)?;
        match value.is_null() || value.as_str() == Some("") {
            true => self.eval(other),
            false => Ok(value),
        }
    }

    fn ternary(&mut self, test: &Node, yes: &Node, no: &Node) -> Result<Value<'a>> {
        let test = self.condition(test)?;
        self.track()?;
        self.eval(if test { yes } else { no })
    }

    fn logic(&mut self, parts: &[Node], or: bool) -> Result<Value<'a>> {
        for _ in 1..parts.len() {
            self.track()?;
        }
        for part in parts {
            if self.condition(part)? == or {
                return Ok(Value::Bool(or));
            }
        }
        Ok(Value::Bool(!or))
    }

    fn unary(&mut self, operator: Unary, operand: &Node) -> Result<Value<'a>> {
        match operator {
            Unary::Not => {
                let value = self.condition(operand)?;
                self.track()?;
                Ok(Value::Bool(!value))
            }
            Unary::Plus => {
                let value = self.eval(operand)?;
                self.signed(value, false)
            }
            Unary::Minus => {
                let value = self.eval(operand)?;
                self.signed(value, true)
            }
        }
    }

    fn inline(&mut self, node: &Node) -> Result<Value<'a>> {
        if let Some(value) = self.constants.get(&node.at) {
            return Ok(value.clone());
        }
        let constant = node.is_constant_collection();
        self.track()?;
        let value = match &node.expr {
            Expr::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    self.track()?;
                    list.push(self.eval(item)?);
                }
                let kind = if constant {
                    ListKind::Unmodifiable
                } else {
                    ListKind::Array
                };
                Value::List(Rc::new(ListCell::new(kind, list)))
            }
            Expr::Map(entries) => {
                let mut map = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let key = match &key.expr {
                        Expr::Name { name, .. } => Value::text(name.as_str()),
                        _ => self.eval(key)?,
                    };
                    let value = self.eval(value)?;
                    self.track()?;
                    map.push((key, value));
                }
                Value::map(
                    if constant {
                        MapKind::Unmodifiable
                    } else {
                        MapKind::Linked
                    },
                    map,
                )
            }
            _ => Value::Null,
        };
        if constant {
            self.constants.insert(node.at, value.clone());
        }
        Ok(value)
    }

    /// Counts one evaluated node (`ExpressionState.trackOperation`).
    pub(crate) fn track(&mut self) -> Result<()> {
        self.operations += 1;
        if self.operations < self.env.limits.operations_max {
            return Ok(());
        }
        let most = grouped(i64::from(self.env.limits.operations_max));
        Err(Error::el(
            1085,
            format!("SpEL expression evaluation exceeded the threshold of '{most}' operations"),
        ))
    }

    /// Counts work that is proportional to the size of something, so that no expression stalls its owner.
    pub(crate) fn charge(&mut self, units: usize) -> Result<()> {
        self.work = self.work.saturating_add(units as u64);
        match self.work > self.env.limits.work_max {
            false => Ok(()),
            true => Err(Error::new(
                SPEL_EVALUATION,
                format!(
                    "the expression takes more than {} units of work",
                    self.env.limits.work_max
                ),
            )),
        }
    }

    /// Refuses what would make a structure contain itself or grow too deep: everything that walks values recurses.
    pub(crate) fn check_storable(&self, value: &Value<'a>, into: &Value<'a>) -> Result<()> {
        let refused = |why: &str| {
            Err(Error::new(
                SPEL_EVALUATION,
                format!("cannot store a value {why}"),
            ))
        };
        let mut visits = STORE_VISITS_MAX;
        let mut depth_below = 0;
        let mut open = vec![(value.clone(), 1)];
        while let Some((value, depth)) = open.pop() {
            if same_cell(&value, into) {
                return refused("inside itself");
            }
            depth_below = depth_below.max(depth);
            visits -= 1;
            if visits == 0 {
                return refused("that is so large");
            }
            open.extend(children(&value).into_iter().map(|child| (child, depth + 1)));
        }
        if depth_below == 1 && children(value).is_empty() {
            return Ok(());
        }
        let roots = [&self.root_value]
            .into_iter()
            .chain(self.inherited.values())
            .chain(self.contexts.values());
        open.extend(
            roots
                .chain(self.variables.values())
                .map(|root| (root.clone(), 1)),
        );
        let mut depth_above = 1;
        while let Some((value, depth)) = open.pop() {
            if same_cell(&value, into) {
                depth_above = depth_above.max(depth);
            }
            visits -= 1;
            if visits == 0 {
                return refused("into something so large");
            }
            open.extend(children(&value).into_iter().map(|child| (child, depth + 1)));
        }
        match depth_above + depth_below > VALUE_DEPTH_MAX {
            true => refused("that is nested so deep"),
            false => Ok(()),
        }
    }

    pub(crate) fn answer(&self, lookup: Lookup) -> Result<LookupAnswer> {
        (self.env.lookups)(&lookup).ok_or_else(|| Error::lookup(lookup))
    }

    pub(crate) fn execution(&self) -> Option<&'a dyn ExecutionView> {
        self.root.execution()
    }

    /// `String.valueOf`, with dates in the zone of the environment.
    pub(crate) fn text_of(&self, value: &Value<'a>) -> String {
        let mut out = String::new();
        text::write(value, &self.env.zone, &mut out);
        out
    }

    /// The next 64 bits of the pass's random sequence (splitmix64).
    pub(crate) fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// The value as a JSON result.
    pub(crate) fn to_json(&self, value: &Value<'a>) -> Result<serde_json::Value> {
        let execution = self.execution();
        json::Writer::new(self.env.limits.result_bytes_max)
            .write(value, &|object| crate::objects::document(execution, object))
    }

    /// A context (or the outputs) of a stage, the same cell for the whole pass.
    pub(crate) fn stage_map(&mut self, stage: usize, outputs: bool) -> Value<'a> {
        let Some(execution) = self.execution() else {
            return Value::Null;
        };
        let entry = self.contexts.entry((stage, outputs));
        entry
            .or_insert_with(|| match outputs {
                true => json::view_map(execution.stage_outputs(stage)),
                false => Value::Map(Rc::new(crate::value::MapCell::viewed(
                    MapKind::Context(stage),
                    execution.stage_context(stage),
                ))),
            })
            .clone()
    }
}

/// The root map with what Orca's `ContextParameterProcessor` puts into it before evaluating.
fn root_map<'a>(root: &'a dyn Root, of_stage: bool) -> Value<'a> {
    let own = root.own();
    let mut entries: Vec<(Value<'a>, Value<'a>)> = own
        .iter()
        .map(|(key, value)| (json::view_text(key), json::view(value)))
        .collect();
    let mut put = |key: &'static str, value: Value<'a>| entries.push((json::view_text(key), value));
    let trigger = root.trigger().or_else(|| {
        own.get("trigger")
            .filter(|json| json.is_object())
            .map(Data::Json)
    });
    if root.execution().is_some() {
        put("execution", Value::Object(Object::Execution));
    }
    if let Some(variables) = root.template_variables() {
        put("templateVariables", variables.into_value());
    }
    let parameters = trigger
        .as_ref()
        .and_then(|trigger| trigger.get("parameters"))
        .filter(|parameters| match parameters {
            Data::Json(serde_json::Value::Object(map)) => !map.is_empty(),
            Data::Owned(serde_json::Value::Object(map)) => !map.is_empty(),
            Data::Map(map) => !map.is_empty(),
            _ => false,
        });
    match parameters {
        Some(parameters) => put("parameters", parameters.into_value()),
        None if own.contains_key("parameters") => {}
        None => put("parameters", Value::map(MapKind::Empty, [])),
    }
    put("scmInfo", scm_info(own.get("scmInfo"), trigger.as_ref()));
    if let Some(trigger) = root.trigger() {
        put("trigger", trigger.into_value());
    }
    // A submitted document is evaluated with a plain map that has no ancestors.
    Value::map(
        if of_stage {
            MapKind::Root
        } else {
            MapKind::Hash
        },
        entries,
    )
}

/// The `scm` entry of the triggering build that tells most: the first on neither `master` nor `develop`, else the first.
fn scm_info<'a>(own: Option<&'a serde_json::Value>, trigger: Option<&Data<'a>>) -> Value<'a> {
    let entries = match own.filter(|own| own.is_array()) {
        Some(own) => Data::Json(own).items(),
        None => {
            let Some(trigger) = trigger else {
                return Value::Null;
            };
            let kind = trigger.get_str("type");
            if !matches!(kind.as_deref(), Some("jenkins" | "concourse")) {
                return Value::Null;
            }
            let scm = trigger.get("buildInfo").and_then(|build| build.get("scm"));
            scm.map(|scm| scm.items()).unwrap_or_default()
        }
    };
    let branch = |entry: &Data<'a>| entry.get_str("branch");
    let usual = |entry: &Data<'a>| matches!(branch(entry).as_deref(), Some("master" | "develop"));
    let chosen = entries.iter().position(|entry| !usual(entry)).unwrap_or(0);
    entries
        .into_iter()
        .nth(chosen)
        .map_or(Value::Null, |entry| {
            Value::bean(crate::value::BeanClass::SourceControl, entry)
        })
}

/// Text of a value that is expected to be text; Java would throw here for null.
pub(crate) fn need_text<'v, 'a>(value: &'v Value<'a>, what: &str) -> Result<&'v Str<'a>> {
    match value {
        Value::Text(text) | Value::Status(text) => Ok(text),
        _ => Err(Error::null_pointer(format!(
            "Cannot invoke \"java.lang.CharSequence.toString()\" because \"{what}\" is null"
        ))),
    }
}

fn same_cell(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a, b) {
        (Value::List(a), Value::List(b)) => std::ptr::addr_eq(Rc::as_ptr(a), Rc::as_ptr(b)),
        (Value::Map(a), Value::Map(b)) => std::ptr::addr_eq(Rc::as_ptr(a), Rc::as_ptr(b)),
        (Value::Array(a), Value::Array(b)) => std::ptr::addr_eq(Rc::as_ptr(a), Rc::as_ptr(b)),
        _ => false,
    }
}

fn children<'a>(value: &Value<'a>) -> Vec<Value<'a>> {
    match value {
        Value::List(list) => list.items(),
        Value::Map(map) => map
            .entries()
            .into_iter()
            .flat_map(|(key, value)| [key, value])
            .collect(),
        Value::Array(array) => array.items.borrow().clone(),
        Value::Entry(entry) => vec![entry.0.clone(), entry.1.clone()],
        Value::NotEvaluable(inner) => vec![(**inner).clone()],
        _ => Vec::new(),
    }
}
