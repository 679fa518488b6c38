//! Reading and writing: properties, map keys, indices, variables.

use std::rc::Rc;

use super::Machine;
use crate::ast::{Arithmetic, Expr, Node, Relation, Unary};
use crate::error::{Error, ILLEGAL_STATE, Result};
use crate::root::ExecutionView;
use crate::trace::Origin;
use crate::types::{self, class_name};
use crate::value::{MapCell, MapKind, Value};
use crate::{methods, objects};

/// Where an assignment or `++` puts its value.
pub(super) enum Place<'a> {
    Member {
        target: Value<'a>,
        name: String,
        safe: bool,
    },
    Element {
        target: Value<'a>,
        index: Value<'a>,
    },
    Variable(String),
    /// A value that cannot be replaced, with the text of the node.
    Fixed(Value<'a>, String),
}

impl<'a> Machine<'a, '_> {
    /// `.name` or `?.name`
    pub(super) fn read(&mut self, target: &Value<'a>, name: &str, safe: bool) -> Result<Value<'a>> {
        match target {
            Value::Null if safe => Ok(Value::Null),
            Value::Null => Err(Error::el(
                1007,
                format!("Property or field '{name}' cannot be found on null"),
            )),
            Value::Map(map) if self.env.allow_unknown_keys || map.contains(&Value::from(name)) => {
                self.track()?;
                if let Some(reference) = self.stored_reference(map) {
                    return self.stored_member(reference, name);
                }
                Ok(self.member(map, name)?.unwrap_or(Value::Null))
            }
            Value::Map(map) if self.stored_reference(map).is_some() => {
                self.track()?;
                let reference = self.stored_reference(map).unwrap_or(Value::Null);
                self.stored_member(reference, name)
            }
            target => {
                self.track()?;
                self.getter(target, name).map_err(|error| {
                    if error.exception_type() == crate::error::SPEL_EVALUATION {
                        return error;
                    }
                    let cause = error.message().unwrap_or("null").to_owned();
                    let text =
                        format!("A problem occurred whilst attempting to access the property '{name}': '{cause}'");
                    error.wrapped_el(1021, text)
                })
            }
        }
    }

    /// `Map.get` of a text key; contexts fall back to what ancestors put into their outputs.
    pub(crate) fn member(
        &mut self,
        map: &Rc<MapCell<'a>>,
        name: &str,
    ) -> Result<Option<Value<'a>>> {
        let place = match map.kind {
            MapKind::Root => usize::MAX,
            MapKind::Context(stage) => stage,
            _ => return Ok(map.get(name)),
        };
        if let Some(own) = map.get(name) {
            if self.is_traced() {
                let origin = self.origin(map.kind, name);
                self.note(name, origin);
            }
            return Ok(Some(own));
        }
        let key = (place, name.to_owned());
        let value = match self.inherited.get(&key) {
            Some(known) => known.clone(),
            None => {
                let execution = self.execution();
                self.charge(8 * execution.map_or(1, ExecutionView::stage_count))?;
                let found = match map.kind {
                    MapKind::Context(stage) => {
                        execution.and_then(|execution| execution.stage_inherited(stage, name))
                    }
                    _ => self.root.inherited(name),
                };
                let value = found.map(crate::value::Data::into_value);
                self.inherited.insert(key, value.clone());
                value
            }
        };
        let origin = match (&value, map.kind) {
            (None, _) => Origin::Nowhere,
            (Some(_), MapKind::Context(stage)) => Origin::AncestorOf(stage),
            (Some(_), _) => Origin::Ancestor,
        };
        self.note(name, origin);
        Ok(value)
    }

    /// Where the value of an own key of a root or of a context came from.
    fn origin(&self, kind: MapKind, name: &str) -> Origin {
        let (own, root) = (self.root.own(), self.root);
        match (kind, name) {
            (MapKind::Context(stage), _) => Origin::ContextOf(stage),
            (_, "execution") if root.execution().is_some() => Origin::Derived("execution"),
            (_, "trigger") if root.trigger().is_some() => Origin::Derived("trigger"),
            (_, "templateVariables") if root.template_variables().is_some() => {
                Origin::Derived("templateVariables")
            }
            (_, "parameters")
                if super::root::parameters(root).is_some() || !own.contains_key(name) =>
            {
                Origin::Derived("trigger.parameters")
            }
            (_, "scmInfo") => Origin::Derived("trigger.buildInfo.scm"),
            _ => Origin::Context,
        }
    }

    /// A property of something that is no map: a getter, or a method of that name without arguments
    /// (`FilteredPropertyAccessor`).
    fn getter(&mut self, target: &Value<'a>, name: &str) -> Result<Value<'a>> {
        if let (Value::Array(array), "length") = (target, name) {
            return Ok(Value::Int(array.items.borrow().len() as i32));
        }
        if let Value::Object(object) = target
            && let Some(value) = objects::property(self, object, name)
        {
            return value;
        }
        let second_is_upper = name.chars().nth(1).is_some_and(char::is_uppercase);
        let suffix = if second_is_upper {
            name.to_owned()
        } else {
            capitalized(name)
        };
        let get = format!("get{suffix}");
        let is = format!("is{suffix}");
        let of_class = matches!(target, Value::Class(_));
        let tables = methods::tables(target);
        let all = || tables.iter().flat_map(|table| table.iter());
        let plain =
            |method: &&methods::Method| method.params.is_empty() && (method.is_static || !of_class);
        let found = all()
            .filter(plain)
            .find(|method| method.name == get)
            .or_else(|| {
                all()
                    .filter(plain)
                    .find(|method| method.name == is && method.gives_bool())
            })
            .or_else(|| all().filter(plain).find(|method| method.name == name));
        let class = match target {
            Value::Class(name) => name.to_string(),
            other => types::runtime_class(other),
        };
        match found.map(|method| method.call) {
            Some(methods::Call::Run(call)) => call(self, target, &[]),
            Some(methods::Call::Hidden(returns)) => Err(Error::illegal_argument(format!(
                "found getter for requested {name} but rejected due to return type {returns}"
            ))),
            None => {
                let kind = if of_class && types::is_interface(&class) {
                    "interface"
                } else {
                    "class"
                };
                Err(Error::illegal_argument(format!(
                    "requested getter {name} not found on type {kind} {class}"
                )))
            }
        }
    }

    /// `[index]` or `?.[index]`
    pub(super) fn index(
        &mut self,
        target: &Value<'a>,
        index: &Node,
        safe: bool,
    ) -> Result<Value<'a>> {
        if target.is_null() {
            return match safe {
                true => Ok(Value::Null),
                false => Err(Error::el(1012, "Cannot index into a null value")),
            };
        }
        let index = self.index_value(target, index)?;
        self.element(target, &index)
    }

    /// The value between the brackets: a bare name is the literal key of a map, anything else is evaluated against the
    /// root, not against the element of a selection.
    fn index_value(&mut self, target: &Value<'a>, index: &Node) -> Result<Value<'a>> {
        if let (Value::Map(_), Expr::Name { name, .. }) = (target, &index.expr) {
            return Ok(Value::from(name.as_str()));
        }
        let root = self.root_value.clone();
        let value = self.within(root, |machine| machine.eval(index))?;
        match value.is_null() {
            true => Err(Error::new(ILLEGAL_STATE, "No index")),
            false => Ok(value),
        }
    }

    fn element(&mut self, target: &Value<'a>, index: &Value<'a>) -> Result<Value<'a>> {
        match target {
            Value::Map(map) => {
                self.track()?;
                self.measure_key(index)?;
                // The keys of a context are declared to be texts.
                let index = match map.kind {
                    MapKind::Root | MapKind::Context(_) => &self.text_from(index.clone())?,
                    _ => index,
                };
                match index {
                    Value::Text(key) => Ok(self.member(map, key)?.unwrap_or(Value::Null)),
                    key => Ok(map.get_by(key).unwrap_or(Value::Null)),
                }
            }
            Value::List(list) => {
                let at = self.index_from(index.clone())?;
                let size = list.len();
                if at >= 0 && at as usize >= size {
                    return Err(collection_bounds(size, at));
                }
                if !list.kind.is_list() {
                    for _ in 0..=at {
                        self.track()?;
                    }
                    return list
                        .items()
                        .into_iter()
                        .nth(at as usize)
                        .ok_or_else(|| collection_bounds(size, at));
                }
                self.track()?;
                match usize::try_from(at).ok().and_then(|at| list.get(at)) {
                    Some(value) => Ok(value),
                    None => Err(Error::new(
                        "java.lang.IndexOutOfBoundsException",
                        format!("Index {at} out of bounds for length {size}"),
                    )),
                }
            }
            Value::Array(array) => {
                let at = self.index_from(index.clone())?;
                self.track()?;
                let items = array.items.borrow();
                let place = array_place(items.len(), at)?;
                Ok(items[place].clone())
            }
            Value::Text(text) => {
                let at = self.index_from(index.clone())?;
                self.charge(text.len())?;
                let size = text.encode_utf16().count();
                if at >= 0 && at as usize >= size {
                    let (size, at) = (
                        crate::error::grouped(size as i64),
                        crate::error::grouped(i64::from(at)),
                    );
                    return Err(Error::el(
                        1026,
                        format!("The string has '{size}' characters, index '{at}' is invalid"),
                    ));
                }
                self.track()?;
                let unit = usize::try_from(at)
                    .ok()
                    .and_then(|at| text.encode_utf16().nth(at));
                match unit {
                    Some(unit) => Ok(Value::text(String::from_utf16_lossy(&[unit]))),
                    None => Err(Error::new(
                        "java.lang.StringIndexOutOfBoundsException",
                        format!("String index out of range: {at}"),
                    )),
                }
            }
            target => match index {
                Value::Text(name) => {
                    self.track()?;
                    self.getter(target, name)
                }
                _ => Err(Error::el(
                    1027,
                    format!(
                        "Indexing into type '{}' is not supported",
                        types::descriptor(target)
                    ),
                )),
            },
        }
    }

    pub(super) fn place(&mut self, node: &Node) -> Result<Place<'a>> {
        match &node.expr {
            Expr::Compound(parts) => {
                let Some((last, before)) = parts.split_last() else {
                    return Err(not_assignable(node));
                };
                let mut target = self.eval(&before[0])?;
                for part in &before[1..] {
                    target = self
                        .apply(part, target)
                        .map_err(|error| error.at(part.at))?;
                }
                self.place_in(last, target)
            }
            _ => {
                let target = self.active();
                self.place_in(node, target)
            }
        }
    }

    fn place_in(&mut self, node: &Node, target: Value<'a>) -> Result<Place<'a>> {
        Ok(match &node.expr {
            Expr::Name { name, safe } => Place::Member {
                target,
                name: name.clone(),
                safe: *safe,
            },
            Expr::Index { index, safe } => {
                if target.is_null() {
                    return match safe {
                        true => Ok(Place::Fixed(Value::Null, node.as_java_shows())),
                        false => Err(Error::el(1012, "Cannot index into a null value")),
                    };
                }
                let index = self.index_value(&target, index)?;
                Place::Element { target, index }
            }
            Expr::Variable(name) if name == "this" => Place::Fixed(target, node.as_java_shows()),
            Expr::Variable(name) if name == "root" => {
                Place::Fixed(self.root_value.clone(), node.as_java_shows())
            }
            Expr::Variable(name) => Place::Variable(name.clone()),
            Expr::Method { .. } | Expr::Project { .. } | Expr::Select { .. } => {
                Place::Fixed(self.apply(node, target)?, node.as_java_shows())
            }
            _ => return Err(not_assignable(node)),
        })
    }

    pub(super) fn load(&mut self, place: &Place<'a>) -> Result<Value<'a>> {
        match place {
            Place::Member { target, name, safe } => self.read(target, name, *safe),
            Place::Element { target, index } => self.element(target, index),
            Place::Variable(name) => self.variable(name),
            Place::Fixed(value, _) => Ok(value.clone()),
        }
    }

    pub(super) fn store(&mut self, place: &Place<'a>, value: Value<'a>) -> Result<()> {
        match place {
            Place::Fixed(_, shown) => Err(Error::el(
                1068,
                format!("The expression component '{shown}' is not assignable"),
            )),
            Place::Variable(name) => {
                self.track()?;
                self.variables.insert(name.clone(), value);
                Ok(())
            }
            Place::Member {
                target: Value::Null,
                safe: true,
                ..
            } => Ok(()),
            Place::Member {
                target: Value::Null,
                name,
                ..
            } => Err(Error::el(
                1009,
                format!("Property or field '{name}' cannot be set on null"),
            )),
            Place::Member { target, name, .. } => {
                let Value::Map(map) = target else {
                    return Err(no_setter(target, name));
                };
                self.track()?;
                self.put(map, target, Value::from(name.as_str()), value)
            }
            Place::Element { target, index } => self.store_element(target, index, value),
        }
    }

    fn store_element(
        &mut self,
        target: &Value<'a>,
        index: &Value<'a>,
        value: Value<'a>,
    ) -> Result<()> {
        match target {
            Value::Map(map) => {
                self.track()?;
                self.measure_key(index)?;
                self.put(map, target, index.clone(), value)
            }
            Value::List(list) if list.kind.is_list() => {
                let at = self.index_from(index.clone())?;
                let size = list.len();
                if at >= 0 && at as usize >= size {
                    return Err(collection_bounds(size, at));
                }
                self.track()?;
                if list.kind == crate::value::ListKind::Unmodifiable {
                    return Err(Error::unsupported());
                }
                self.check_storable(&value, target)?;
                let Ok(at) = usize::try_from(at) else {
                    return Err(Error::new(
                        "java.lang.IndexOutOfBoundsException",
                        format!("Index {at} out of bounds for length {size}"),
                    ));
                };
                drop(list.change(|items| std::mem::replace(&mut items[at], value)));
                Ok(())
            }
            Value::Array(array) => {
                let at = self.index_from(index.clone())?;
                self.track()?;
                let value = self.convert(value, types::Param::of_class(&array.element))?;
                self.check_storable(&value, target)?;
                let mut items = array.items.borrow_mut();
                let place = array_place(items.len(), at)?;
                items[place] = value;
                Ok(())
            }
            Value::Text(_) | Value::List(_) => Err(Error::el(
                1027,
                format!(
                    "Indexing into type '{}' is not supported",
                    types::descriptor(target)
                ),
            )),
            target => match index {
                Value::Text(name) => Err(no_setter(target, name)),
                _ => Err(Error::el(
                    1027,
                    format!(
                        "Indexing into type '{}' is not supported",
                        types::descriptor(target)
                    ),
                )),
            },
        }
    }

    fn put(
        &mut self,
        map: &Rc<MapCell<'a>>,
        target: &Value<'a>,
        key: Value<'a>,
        value: Value<'a>,
    ) -> Result<()> {
        if !map.kind.can_change() {
            return Err(Error::unsupported());
        }
        self.check_storable(&key, target)?;
        self.check_storable(&value, target)?;
        map.insert(key, value);
        Ok(())
    }
}

/// Java name of the node class, as an error about a wrong assignment shows it.
pub(super) fn node_class(node: &Node) -> &'static str {
    match &node.expr {
        Expr::Null => "org.springframework.expression.spel.ast.NullLiteral",
        Expr::Bool(_) => "org.springframework.expression.spel.ast.BooleanLiteral",
        Expr::Int(_) => "org.springframework.expression.spel.ast.IntLiteral",
        Expr::Long(_) => "org.springframework.expression.spel.ast.LongLiteral",
        Expr::Float(_) => "org.springframework.expression.spel.ast.FloatLiteral",
        Expr::Double(_) => "org.springframework.expression.spel.ast.RealLiteral",
        Expr::Text(_) => "org.springframework.expression.spel.ast.StringLiteral",
        Expr::Method { .. } => "org.springframework.expression.spel.ast.MethodReference",
        Expr::Function { .. } => "org.springframework.expression.spel.ast.FunctionReference",
        Expr::Project { .. } => "org.springframework.expression.spel.ast.Projection",
        Expr::Select { .. } => "org.springframework.expression.spel.ast.Selection",
        Expr::Type { .. } => "org.springframework.expression.spel.ast.TypeReference",
        Expr::New { .. } | Expr::NewArray { .. } => {
            "org.springframework.expression.spel.ast.ConstructorReference"
        }
        Expr::Bean(_) => "org.springframework.expression.spel.ast.BeanReference",
        Expr::List(_) => "org.springframework.expression.spel.ast.InlineList",
        Expr::Map(_) => "org.springframework.expression.spel.ast.InlineMap",
        Expr::Or(_) => "org.springframework.expression.spel.ast.OpOr",
        Expr::And(_) => "org.springframework.expression.spel.ast.OpAnd",
        Expr::Ternary(..) => "org.springframework.expression.spel.ast.Ternary",
        Expr::Elvis(..) => "org.springframework.expression.spel.ast.Elvis",
        Expr::Chain { rest, .. } => match rest.last().map(|(operator, ..)| *operator) {
            Some(Arithmetic::Subtract) => "org.springframework.expression.spel.ast.OpMinus",
            Some(Arithmetic::Multiply) => "org.springframework.expression.spel.ast.OpMultiply",
            Some(Arithmetic::Divide) => "org.springframework.expression.spel.ast.OpDivide",
            Some(Arithmetic::Modulo) => "org.springframework.expression.spel.ast.OpModulus",
            _ => "org.springframework.expression.spel.ast.OpPlus",
        },
        Expr::Compare { relation, .. } => match relation {
            Relation::Less => "org.springframework.expression.spel.ast.OpLT",
            Relation::LessEqual => "org.springframework.expression.spel.ast.OpLE",
            Relation::Greater => "org.springframework.expression.spel.ast.OpGT",
            Relation::GreaterEqual => "org.springframework.expression.spel.ast.OpGE",
            Relation::Equal => "org.springframework.expression.spel.ast.OpEQ",
            Relation::NotEqual => "org.springframework.expression.spel.ast.OpNE",
            Relation::Instanceof => "org.springframework.expression.spel.ast.OperatorInstanceof",
            Relation::Matches => "org.springframework.expression.spel.ast.OperatorMatches",
            Relation::Between => "org.springframework.expression.spel.ast.OperatorBetween",
        },
        Expr::Power(..) => "org.springframework.expression.spel.ast.OperatorPower",
        Expr::Unary(Unary::Not, _) => "org.springframework.expression.spel.ast.OperatorNot",
        Expr::Unary(Unary::Minus, _) => "org.springframework.expression.spel.ast.OpMinus",
        Expr::Unary(Unary::Plus, _) => "org.springframework.expression.spel.ast.OpPlus",
        Expr::Step { up: true, .. } => "org.springframework.expression.spel.ast.OpInc",
        Expr::Step { up: false, .. } => "org.springframework.expression.spel.ast.OpDec",
        Expr::Assign(..) => "org.springframework.expression.spel.ast.Assign",
        Expr::Name { .. } => "org.springframework.expression.spel.ast.PropertyOrFieldReference",
        Expr::Variable(_) => "org.springframework.expression.spel.ast.VariableReference",
        Expr::Index { .. } => "org.springframework.expression.spel.ast.Indexer",
        Expr::Compound(_) => "org.springframework.expression.spel.ast.CompoundExpression",
    }
}

fn not_assignable(node: &Node) -> Error {
    Error::el(
        1068,
        format!(
            "The expression component '{}' is not assignable",
            node.as_java_shows()
        ),
    )
}

fn no_setter(target: &Value<'_>, name: &str) -> Error {
    Error::illegal_argument(format!(
        "requested field {name} not found on type class {}",
        class_name(target)
    ))
}

fn collection_bounds(size: usize, at: i32) -> Error {
    let (size, at) = (
        crate::error::grouped(size as i64),
        crate::error::grouped(i64::from(at)),
    );
    Error::el(
        1025,
        format!("The collection has '{size}' elements, index '{at}' is invalid"),
    )
}

fn array_place(size: usize, at: i32) -> Result<usize> {
    match usize::try_from(at) {
        Ok(place) if place < size => Ok(place),
        Ok(_) => {
            let (size, at) = (
                crate::error::grouped(size as i64),
                crate::error::grouped(i64::from(at)),
            );
            Err(Error::el(
                1024,
                format!("The array has '{size}' elements, index '{at}' is invalid"),
            ))
        }
        Err(_) => Err(Error::new(
            "java.lang.ArrayIndexOutOfBoundsException",
            format!("Index {at} out of bounds for length {size}"),
        )),
    }
}

fn capitalized(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
