//! Methods, functions, types and constructors, with Spring's choice among overloads.

use super::Machine;
use crate::ast::{Expr, Node};
use crate::error::{Error, ILLEGAL_ARGUMENT, Result, grouped};
use crate::methods::{self, Call, Method};
use crate::trace::Origin;
use crate::types::{self, Fit, Param, class_name, known};
use crate::value::Value;
use crate::{functions, objects};

/// Elements of an array that an expression may create (`ConstructorReference.MAX_ARRAY_ELEMENTS`).
const ARRAY_MAX: i64 = 256 * 1024;

enum Choice {
    One(&'static Method),
    None,
    Ambiguous,
}

impl<'a> Machine<'a, '_> {
    pub(super) fn method(
        &mut self,
        target: Value<'a>,
        name: &str,
        args: &[Node],
        safe: bool,
    ) -> Result<Value<'a>> {
        // Names in arguments refer to the element of the enclosing selection, or to the root.
        let scope = self.scopes.last().unwrap_or(&self.root_value).clone();
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            values.push(self.within(scope.clone(), |machine| machine.eval(arg))?);
        }
        if target.is_null() {
            if safe {
                return Ok(Value::Null);
            }
            let shown = signature(name, &values);
            let text =
                format!("Method call: Attempted to call method {shown} on null context object");
            return Err(Error::el(1011, text));
        }
        if let Value::Object(object) = &target
            && let Some(result) = objects::method(self, object, name, &values)
        {
            self.track()?;
            return result;
        }
        let class = match &target {
            Value::Class(class) => class.to_string(),
            other => class_name(other).into_owned(),
        };
        match choose(
            methods::tables(&target),
            name,
            &values,
            matches!(target, Value::Class(_)),
            false,
        ) {
            Choice::One(method) => {
                self.track()?;
                let Call::Run(call) = method.call else {
                    return Err(Error::unsupported());
                };
                let weight =
                    methods::weight(&target) + values.iter().map(methods::weight).sum::<usize>();
                self.charge(weight)?;
                let values = self
                    .arguments(values, method.params, method.varargs)
                    .map_err(|error| {
                        let declared: Vec<&str> =
                            method.params.iter().map(|param| param.java()).collect();
                        let runtime = types::runtime_class(&target);
                        // Java also shows modifiers and return type of the method.
                        error.wrapped_el(
                            1029,
                            format!(
                                "A problem occurred when trying to execute method '{name}' on object of type '{runtime}': \
                                 'Problem invoking method: {class}.{name}({})'",
                                declared.join(",")
                            ),
                        )
                    })?;
                call(self, &target, &values)
            }
            Choice::Ambiguous => {
                let text = format!(
                    "Method call of '{name}' is ambiguous, supported type conversions allow multiple variants to match"
                );
                let shown = signature(name, &values);
                Err(Error::el(1033, text).wrapped_el(
                    1031,
                    format!("Problem locating method {shown} on type {class}"),
                ))
            }
            Choice::None => {
                let shown = signature(name, &values);
                Err(Error::el(
                    1004,
                    format!("Method call: Method {shown} cannot be found on type {class}"),
                ))
            }
        }
    }

    /// Converts arguments to their parameters and packs the tail of a variadic call into an array.
    fn arguments(
        &mut self,
        values: Vec<Value<'a>>,
        params: &[Param],
        varargs: bool,
    ) -> Result<Vec<Value<'a>>> {
        if !varargs {
            return values
                .into_iter()
                .zip(params)
                .map(|(value, param)| match self.convert(value, *param)? {
                    Value::Null if param.is_primitive() => Err(Error::illegal_argument(
                        "A null value cannot be assigned to a primitive type",
                    )),
                    value => Ok(value),
                })
                .collect();
        }
        let Some((last, fixed)) = params.split_last() else {
            return Ok(values);
        };
        let element = last.element();
        let mut values = values.into_iter();
        let mut out = Vec::new();
        for (param, value) in fixed.iter().zip(values.by_ref()) {
            out.push(self.convert(value, *param)?);
        }
        let rest: Vec<_> = values.collect();
        let packed = match rest.as_slice() {
            [Value::Array(array)] => {
                let items = array.items.borrow().clone();
                items
                    .into_iter()
                    .map(|item| self.convert(item, element))
                    .collect::<Result<_>>()?
            }
            [Value::List(list)] => list
                .items()
                .into_iter()
                .map(|item| self.convert(item, element))
                .collect::<Result<_>>()?,
            _ => rest
                .into_iter()
                .map(|item| self.convert(item, element))
                .collect::<Result<Vec<_>>>()?,
        };
        out.push(Value::array(element.boxed(), packed));
        Ok(out)
    }

    pub(super) fn function(&mut self, name: &str, args: &[Node]) -> Result<Value<'a>> {
        self.track()?;
        if self.is_traced() {
            self.note(&format!("#{name}"), Origin::Function);
        }
        let Some(function) = functions::find(name) else {
            if matches!(name, "this" | "root") || self.variables.contains_key(name) {
                let text = format!(
                    "The function '{name}' mapped to an object of type 'class org.springframework.expression.TypedValue' which cannot be invoked"
                );
                return Err(Error::el(1022, text));
            }
            return Err(Error::el(
                1006,
                format!("Function '{name}' could not be found"),
            ));
        };
        self.track()?;
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            values.push(self.eval(arg)?);
        }
        if !function.varargs && values.len() != function.params.len() {
            let (given, wanted) = (grouped(values.len() as i64), function.params.len());
            let text = format!(
                "Incorrect number of arguments for function '{name}': {given} supplied but function takes {wanted}"
            );
            return Err(Error::el(1014, text));
        }
        let values = self.arguments(values, function.params, function.varargs)?;
        (function.call)(self, &values).map_err(|error| {
            let shown = error.message().unwrap_or("null").to_owned();
            error.wrapped_el(1023, format!("A problem occurred whilst attempting to invoke the function '{name}': '{shown}'"))
        })
    }

    pub(super) fn type_reference(
        &mut self,
        pieces: &[String],
        dimensions: usize,
    ) -> Result<Value<'a>> {
        self.track()?;
        let name = pieces.join(".");
        let class = self.find_type(&name)?;
        Ok(Value::Class(types::array_class(class, dimensions).into()))
    }

    /// Resolves a class by the allow list; primitives need no permission.
    fn find_type<'n>(&self, name: &'n str) -> Result<&'n str> {
        if !name.contains('.') && name.starts_with(|c: char| c.is_lowercase()) {
            return match known::is_primitive(name) {
                true => Ok(name),
                false => Err(Error::new(
                    ILLEGAL_ARGUMENT,
                    format!(
                        "No enum constant org.springframework.expression.spel.ast.TypeCode.{}",
                        name.to_uppercase()
                    ),
                )),
            };
        }
        locate(name)
    }

    pub(super) fn construct(&mut self, pieces: &[String], args: &[Node]) -> Result<Value<'a>> {
        self.track()?;
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            values.push(self.eval(arg)?);
        }
        let name = pieces.join(".");
        let shown = signature("", &values);
        let problem = |error: Error| {
            let text = format!(
                "A problem occurred whilst attempting to construct an object of type '{name}' using arguments '{shown}'"
            );
            error.wrapped_el(1003, text)
        };
        let class = locate(&name).map_err(problem)?;
        // Among several that need conversion Spring takes one of the constructors; the tables have that one last.
        match choose(&[methods::constructors(class)], "new", &values, false, true) {
            Choice::One(method) => {
                let Call::Run(call) = method.call else {
                    return Err(Error::unsupported());
                };
                let values = self.arguments(values, method.params, method.varargs)?;
                call(self, &Value::Null, &values).map_err(problem)
            }
            Choice::Ambiguous | Choice::None => Err(Error::el(
                1002,
                format!(
                    "Constructor call: No suitable constructor found on type {name} for arguments {shown}"
                ),
            )),
        }
    }

    pub(super) fn construct_array(
        &mut self,
        pieces: &[String],
        dimensions: &[Option<Node>],
        initial: Option<&Node>,
    ) -> Result<Value<'a>> {
        self.track()?;
        let name = pieces.join(".");
        let class = match known::is_primitive(&name) {
            true => name.as_str(),
            false => locate(&name)?,
        };
        let param = Param::of_class(class);
        if let Some(initial) = initial {
            let Expr::List(items) = &initial.expr else {
                return Err(Error::new(
                    "java.lang.ClassCastException",
                    "the initializer of an array must be a list",
                ));
            };
            if dimensions.len() > 1 {
                let text = "Using an initializer to build a multi-dimensional array is not currently supported";
                return Err(Error::el(1062, text));
            }
            if let Some(Some(size)) = dimensions.first() {
                let size = self.eval(size)?;
                if self.index_from(size)? as i64 != items.len() as i64 {
                    return Err(Error::el(
                        1064,
                        "Array initializer size does not match array dimensions",
                    ));
                }
            }
            let mut values = Vec::with_capacity(items.len());
            for item in items {
                let value = self.eval(item)?;
                values.push(self.convert(value, param)?);
            }
            return Ok(Value::array(class, values));
        }
        let mut sizes = Vec::new();
        let mut total: i64 = 1;
        for dimension in dimensions {
            let Some(node) = dimension else {
                return Err(Error::el(
                    1063,
                    "A required array dimension has not been specified",
                ));
            };
            let size = self.eval(node)?;
            let size = self.index_from(size)?;
            total = total.saturating_mul(i64::from(size));
            if total >= ARRAY_MAX {
                let most = grouped(ARRAY_MAX);
                let text = format!(
                    "Array declares too many elements, exceeding the threshold of '{most}'"
                );
                return Err(Error::el(1075, text));
            }
            if size < 0 {
                return Err(Error::new(
                    "java.lang.NegativeArraySizeException",
                    size.to_string(),
                ));
            }
            sizes.push(size as usize);
        }
        self.charge(usize::try_from(total).unwrap_or(0))?;
        Ok(filled(class, param, &sizes))
    }
}

fn filled<'a>(class: &str, param: Param, sizes: &[usize]) -> Value<'a> {
    match sizes {
        [] => Value::Null,
        [size] => Value::array(class, vec![param.zero(); *size]),
        [size, rest @ ..] => {
            let inner = types::array_class(class, rest.len());
            Value::array(
                &inner,
                (0..*size).map(|_| filled(class, param, rest)).collect(),
            )
        }
    }
}

/// The full name of an allowed class.
fn locate(name: &str) -> Result<&str> {
    match known::allowed(name) {
        Some(class) => Ok(class),
        None if known::exists(name) => {
            // Spring's text has a second insert that Spinnaker does not fill.
            Err(Error::el(
                1021,
                format!(
                    "A problem occurred whilst attempting to access the property '{name}': '{{1}}'"
                ),
            ))
        }
        None => Err(Error::el(1005, format!("Type cannot be found '{name}'"))),
    }
}

/// `name(java.lang.String,null)` as messages show a call.
fn signature(name: &str, values: &[Value<'_>]) -> String {
    let classes: Vec<_> = values.iter().map(class_name).collect();
    format!("{name}({})", classes.join(","))
}

/// `ReflectiveMethodResolver`: an exact match, else the closest without conversion, else the only one with conversion.
fn choose(
    tables: &[&'static [Method]],
    name: &str,
    values: &[Value<'_>],
    statics_only: bool,
    last_converted: bool,
) -> Choice {
    let mut candidates: Vec<&'static Method> = tables
        .iter()
        .flat_map(|table| table.iter())
        .filter(|method| method.name == name && matches!(method.call, Call::Run(_)))
        .filter(|method| method.is_static || !statics_only)
        .collect();
    candidates.sort_by_key(|method| (method.params.len(), method.varargs));
    let mut close: Option<(&'static Method, u32)> = None;
    let mut converting: Option<&'static Method> = None;
    let mut several = false;
    for method in candidates {
        match fits(method, values) {
            None => {}
            Some(Fit::Exact) => return Choice::One(method),
            Some(Fit::Close(distance)) => {
                close = Some(
                    close
                        .filter(|(_, best)| *best <= distance)
                        .unwrap_or((method, distance)),
                );
            }
            Some(Fit::Converted) => {
                several |= converting.is_some() && !last_converted;
                converting = Some(method);
            }
        }
    }
    match (close, converting) {
        (Some((method, _)), _) => Choice::One(method),
        (None, Some(_)) if several => Choice::Ambiguous,
        (None, Some(method)) => Choice::One(method),
        (None, None) => Choice::None,
    }
}

fn fits(method: &Method, values: &[Value<'_>]) -> Option<Fit> {
    let params = method.params;
    let mut fit = Fit::Exact;
    if !method.varargs {
        if params.len() != values.len() {
            return None;
        }
        for (value, param) in values.iter().zip(params) {
            fit = fit.and(types::fit(value, *param)?);
        }
        return Some(fit);
    }
    let (last, fixed) = params.split_last()?;
    if values.len() < fixed.len() {
        return None;
    }
    for (value, param) in values.iter().zip(fixed) {
        fit = fit.and(types::fit(value, *param)?);
    }
    let rest = &values[fixed.len()..];
    if let [Value::Array(array)] = rest
        && *array.element == *last.element().boxed()
    {
        return Some(fit);
    }
    for value in rest {
        fit = fit.and(types::fit(value, last.element())?);
    }
    Some(fit)
}
