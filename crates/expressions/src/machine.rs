//! The evaluator: walks the parsed form of one expression over the values of a root.
//!
//! One machine serves one pass, that is, all strings of one document: the root map and what was read from it are shared,
//! so that an assignment is seen by later strings. Counters start anew with each expression.

mod access;
pub(crate) mod arithmetic;
mod call;
mod convert;
pub(crate) mod relation;
mod root;
mod select;
mod stages;
mod stored;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::ast::{Expr, Node, Unary};
use crate::env::{Environment, Lookup, LookupAnswer};
use crate::error::{Error, Result, SPEL_EVALUATION, grouped};
use crate::exact::Digits;
use crate::objects::{self, Nulls, document};
use crate::regex::{Pattern, Steps};
use crate::root::{ExecutionView, Root};
use crate::trace::{Origin, Tracer, Use};
use crate::value::{ListCell, ListKind, MapKind, Object, Str, Value, compare, json, text};

pub(crate) use convert::big_of as convert_big;

/// Lists and maps cannot be nested deeper than this by assignment, so that nothing that walks them runs out of stack.
const VALUE_DEPTH_MAX: u32 = 200;

/// Patterns that are kept compiled.
const PATTERNS_MAX: usize = 16;

/// Units of work of compiling a pattern, and further ones for its length.
const COMPILE_WORK: usize = 500;

/// Units of work of every expression: looking it up, parsing, writing the result.
const BASE_WORK: usize = 100;

/// Units of work of looking at one value in a walk through many.
const VISIT_WORK: usize = 4;

/// Values looked at before a list or map is stored into another.
const STORE_VISITS_MAX: u32 = 50_000;

pub(crate) struct Machine<'a, 'e> {
    pub root: &'a dyn Root,
    pub env: &'e Environment<'e>,
    root_value: Value<'a>,
    /// What ancestors gave to whom, and what nobody gave.
    inherited: BTreeMap<(usize, String), Option<Value<'a>>>,
    contexts: BTreeMap<(usize, bool), Value<'a>>,
    variables: BTreeMap<String, Value<'a>>,
    random: u64,
    operations: u32,
    /// Work of the expression at hand, and of those before it.
    work: u64,
    work_before: u64,
    tracer: Option<Tracer>,
    active: Vec<Value<'a>>,
    scopes: Vec<Value<'a>>,
    constants: BTreeMap<usize, Value<'a>>,
    patterns: Vec<(String, Pattern)>,
}

impl<'a, 'e> Machine<'a, 'e> {
    pub fn new(root: &'a dyn Root, env: &'e Environment<'e>) -> Self {
        Self {
            root,
            env,
            root_value: root::root_map(root, root.current_stage_id().is_some()),
            inherited: BTreeMap::new(),
            contexts: BTreeMap::new(),
            variables: BTreeMap::new(),
            random: env.seed,
            operations: 0,
            work: 0,
            work_before: 0,
            tracer: env.trace.then(Tracer::default),
            active: Vec::new(),
            scopes: Vec::new(),
            constants: BTreeMap::new(),
            patterns: Vec::new(),
        }
    }

    /// Evaluates one expression with fresh counters.
    pub fn run(&mut self, node: &Node) -> Result<Value<'a>> {
        self.operations = 0;
        self.work_before = self.work_before.saturating_add(self.work);
        self.work = 0;
        self.charge(BASE_WORK)?;
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
            Expr::Text(text) => Ok(Value::Text(Str::Shared(text.clone()))),
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
                    self.measure_key(&key)?;
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
        self.spend(units);
        let limits = &self.env.limits;
        let (whose, most) = if self.work > limits.work_max {
            ("expression takes", limits.work_max)
        } else if self.is_exhausted() {
            ("expressions of the document take", limits.document_work_max)
        } else {
            return Ok(());
        };
        let text = format!("the {whose} more than {most} units of work");
        Err(Error::new(SPEL_EVALUATION, text))
    }

    /// Charges for a walk through the value and everything in it. Whatever walks a value that may hold the same part many
    /// times asks this first, for the parts are counted as often as they are met.
    pub(crate) fn measure(&mut self, value: &Value<'a>) -> Result<()> {
        if let Value::Text(text) | Value::Status(text) = value {
            return self.charge(1 + text.len() / 8);
        }
        let mut open = vec![value.clone()];
        while let Some(value) = open.pop() {
            match &value {
                Value::Text(text) | Value::Status(text) => {
                    self.charge(VISIT_WORK + text.len() / 8)?;
                }
                value => {
                    self.charge(VISIT_WORK)?;
                    if let Value::Big(number) = value {
                        self.charge(number.bits() as usize)?;
                    }
                    open.extend(children(value));
                }
            }
        }
        Ok(())
    }

    /// Counts work that is done already.
    pub(crate) fn spend(&mut self, units: usize) {
        self.work = self.work.saturating_add(units as u64);
    }

    /// Whether the expressions of the document took all the work that they may.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.work_before.saturating_add(self.work) > self.env.limits.document_work_max
    }

    /// Remembers where the value of a name came from, when somebody wants to know.
    pub(crate) fn note(&mut self, name: &str, origin: Origin) {
        if let Some(tracer) = &mut self.tracer {
            tracer.note(name.to_owned(), origin);
        }
    }

    pub(crate) fn is_traced(&self) -> bool {
        self.tracer.is_some()
    }

    /// What was looked up since the last call.
    pub(crate) fn uses(&mut self) -> Vec<Use> {
        self.tracer.as_mut().map(Tracer::take).unwrap_or_default()
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
            .chain(self.inherited.values().flatten())
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

    /// A compiled pattern; the last ones are kept, for selections use one on every element.
    pub(crate) fn pattern(&mut self, text: &str) -> Result<Pattern> {
        if let Some((_, pattern)) = self.patterns.iter().find(|(known, _)| known == text) {
            return Ok(pattern.clone());
        }
        self.charge(COMPILE_WORK + text.len() * 16)?;
        let pattern = Pattern::compile(text)?;
        if self.patterns.len() == PATTERNS_MAX {
            self.patterns.remove(0);
        }
        self.patterns.push((text.to_owned(), pattern.clone()));
        Ok(pattern)
    }

    /// Runs a pattern with the steps that there are, and charges for those it took.
    pub(crate) fn with_steps<T>(&mut self, work: impl FnOnce(&mut Steps) -> T) -> Result<T> {
        let mut steps = Steps::new(self.env.limits.regex_steps_max);
        let result = work(&mut steps);
        // A step of the matcher is quicker than one of the evaluator.
        self.charge(steps.taken() / 2)?;
        Ok(result)
    }

    pub(crate) fn answer(&self, lookup: Lookup) -> Result<LookupAnswer> {
        (self.env.lookups)(&lookup).ok_or_else(|| Error::lookup(lookup))
    }

    pub(crate) fn execution(&self) -> Option<&'a dyn ExecutionView> {
        self.root.execution()
    }

    /// `String.valueOf`, with dates in the zone of the environment, as a text value.
    pub(crate) fn text_value(&mut self, value: &Value<'a>) -> Result<Value<'a>> {
        if let Value::Text(text) = value {
            return Ok(Value::Text(text.clone()));
        }
        self.measure(value)?;
        let text = self.text_of(value);
        self.charge(text.len() / 4)?;
        match text.len() > self.env.limits.result_bytes_max {
            true => Err(Error::too_large(self.env.limits.result_bytes_max)),
            false => Ok(Value::text(text)),
        }
    }

    /// Charges for a key, whose hash goes through everything in it.
    pub(crate) fn measure_key(&mut self, key: &Value<'a>) -> Result<()> {
        match key {
            Value::List(_) | Value::Map(_) | Value::Entry(..) => self.measure(key),
            Value::Text(text) => self.charge(text.len() / 16),
            _ => Ok(()),
        }
    }

    /// `Objects.equals`, charged.
    pub(crate) fn same(&mut self, left: &Value<'a>, right: &Value<'a>) -> Result<bool> {
        match (left, right) {
            (Value::List(_), Value::List(_))
            | (Value::Map(_), Value::Map(_))
            | (Value::Array(_), Value::Array(_))
            | (Value::Entry(..), Value::Entry(..)) => self.measure(left)?,
            (Value::Text(left), Value::Text(_)) => self.charge(left.len() / 16)?,
            _ => {}
        }
        Ok(compare::equals(left, right))
    }

    /// `String.valueOf` for messages: what is too long is cut.
    pub(crate) fn text_of(&self, value: &Value<'a>) -> String {
        let mut out = String::new();
        let object = |object: &Object<'a>| objects::text(self.execution(), object);
        text::write(value, &self.env.zone, &object, &mut out);
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
    pub(crate) fn json_of(
        &mut self,
        value: &Value<'a>,
    ) -> Result<(serde_json::Value, Vec<Digits>)> {
        let execution = self.execution();
        let mut writer = json::Writer::new(self.env.limits.result_bytes_max);
        let json = writer.write(value, &|object| document(execution, object, Nulls::Dropped));
        self.spend(writer.written());
        Ok((json?, writer.long_integers))
    }
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
        Value::Entry(entry, _) => vec![entry.0.clone(), entry.1.clone()],
        Value::NotEvaluable(inner) => vec![(**inner).clone()],
        _ => Vec::new(),
    }
}
