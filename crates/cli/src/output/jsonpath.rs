//! The JSONPath templates of Kubernetes, as far as spin can use them: `{.a.b[0]['c']..d[?(@.x=="y")]}`.
//!
//! spin prints only the first result of the first node (spin `output.go`), so `range` would be pointless and is refused.
//! Text outside braces is a node of its own, which is why `-o jsonpath=.name` prints `.name`.

use serde_json::Value;

use super::gojson::{Printed, printed};

/// The first value that the template finds.
///
/// # Errors
/// The template is wrong, a field is not there, or nothing was found; the texts begin like spin's.
pub(crate) fn first(template: &str, input: &Value) -> Result<Value, String> {
    let nodes = Parser::new(template)
        .template()
        .map_err(|error| format!("Failed to parse jsonpath expression: {error}"))?;
    let mut results = Vec::new();
    for node in &nodes {
        results.push(match node {
            Node::Text(text) => vec![Value::String(text.clone())],
            Node::Path(steps) => walk(steps, vec![input], input)
                .map_err(|error| {
                    format!(
                        "Failed to execute jsonpath {template} on input {}: {error} ",
                        printed(input, Printed::AsString)
                    )
                })?
                .into_iter()
                .cloned()
                .collect(),
        });
    }
    results
        .into_iter()
        .next()
        .and_then(|values| values.into_iter().next())
        .ok_or_else(|| {
            format!(
                "Error parsing value from input {} using template {template}: <nil> ",
                printed(input, Printed::AsValue)
            )
        })
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Text(String),
    Path(Vec<Step>),
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Root,
    Field(String),
    Every,
    Descend,
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    Union(Vec<Step>),
    Filter(Operand, Option<(&'static str, Operand)>),
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Path(Vec<Step>),
    Literal(Value),
}

fn walk<'a>(
    steps: &[Step],
    start: Vec<&'a Value>,
    root: &'a Value,
) -> Result<Vec<&'a Value>, String> {
    let mut current = start;
    for step in steps {
        current = match step {
            Step::Root => vec![root],
            Step::Field(name) => {
                let found: Vec<&Value> =
                    current.iter().filter_map(|value| value.get(name)).collect();
                if found.is_empty() {
                    return Err(format!("{name} is not found"));
                }
                found
            }
            Step::Every => current.into_iter().flat_map(children).collect(),
            Step::Descend => current.into_iter().flat_map(descendants).collect(),
            Step::Index(_) | Step::Slice(..) => {
                let mut found = Vec::new();
                for value in current {
                    found.extend(elements(step, value)?);
                }
                found
            }
            Step::Union(members) => {
                let mut found = Vec::new();
                for member in members {
                    found.extend(walk(std::slice::from_ref(member), current.clone(), root)?);
                }
                found
            }
            Step::Filter(left, comparison) => current
                .into_iter()
                .flat_map(children)
                .filter(|value| holds(left, comparison.as_ref(), value, root))
                .collect(),
        };
    }
    Ok(current)
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn descendants(value: &Value) -> Vec<&Value> {
    let mut found = vec![value];
    for child in children(value) {
        found.extend(descendants(child));
    }
    found
}

/// The type that Go decodes a value into.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn elements<'a>(step: &Step, value: &'a Value) -> Result<Vec<&'a Value>, String> {
    let Value::Array(items) = value else {
        return Err(format!("{} is not array or slice", type_of(value)));
    };
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let from_end = |index: i64| if index < 0 { index + length } else { index };
    match step {
        Step::Index(index) => usize::try_from(from_end(*index))
            .ok()
            .and_then(|at| items.get(at))
            .map(|item| vec![item])
            .ok_or_else(|| format!("array index out of bounds: index {index}, length {length}")),
        Step::Slice(start, end) => {
            let start = from_end(start.unwrap_or(0)).clamp(0, length);
            let end = from_end(end.unwrap_or(length)).clamp(start, length);
            let bound = |at: i64| usize::try_from(at).unwrap_or_default();
            Ok(items[bound(start)..bound(end)].iter().collect())
        }
        _ => Ok(Vec::new()),
    }
}

fn holds(
    left: &Operand,
    comparison: Option<&(&'static str, Operand)>,
    value: &Value,
    root: &Value,
) -> bool {
    let evaluate = |operand: &Operand| match operand {
        Operand::Literal(literal) => Some(literal.clone()),
        Operand::Path(steps) => walk(steps, vec![value], root)
            .ok()
            .and_then(|found| found.first().map(|value| (*value).clone())),
    };
    let Some((operator, right)) = comparison else {
        return evaluate(left).is_some();
    };
    let (Some(left), Some(right)) = (evaluate(left), evaluate(right)) else {
        return false;
    };
    let order = match (&left, &right) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (a, b) => (a == b).then_some(std::cmp::Ordering::Equal),
    };
    match *operator {
        "==" => order.is_some_and(std::cmp::Ordering::is_eq),
        "!=" => !order.is_some_and(std::cmp::Ordering::is_eq),
        "<=" => order.is_some_and(std::cmp::Ordering::is_le),
        ">=" => order.is_some_and(std::cmp::Ordering::is_ge),
        "<" => order.is_some_and(std::cmp::Ordering::is_lt),
        _ => order.is_some_and(std::cmp::Ordering::is_gt),
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
}

impl Parser {
    fn new(text: &str) -> Self {
        Self {
            chars: text.chars().collect(),
            at: 0,
        }
    }

    fn template(&mut self) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        while self.at < self.chars.len() {
            if self.take('{') {
                self.blanks();
                match self.peek() {
                    Some('"' | '\'') => nodes.push(Node::Text(self.quoted()?)),
                    Some('}') => {}
                    _ => nodes.push(Node::Path(self.path(0)?)),
                }
                self.blanks();
                self.expect('}')?;
            } else {
                nodes.push(Node::Text(self.until(|c| c == '{')));
            }
        }
        Ok(nodes)
    }

    /// A path up to something that cannot belong to it.
    fn path(&mut self, depth: usize) -> Result<Vec<Step>, String> {
        if depth > 16 {
            return Err("too deeply nested".to_owned());
        }
        let mut steps = Vec::new();
        if self.take('$') {
            steps.push(Step::Root);
        } else {
            self.take('@');
        }
        loop {
            match self.peek() {
                Some('.') => {
                    self.at += 1;
                    if self.take('.') {
                        steps.push(Step::Descend);
                    }
                    if self.take('*') {
                        steps.push(Step::Every);
                    } else if self.peek() != Some('[') {
                        let name = self.name();
                        if !name.is_empty() {
                            steps.push(Step::Field(name));
                        }
                    }
                }
                Some('[') => {
                    self.at += 1;
                    steps.push(self.brackets(depth)?);
                }
                Some(c) if steps.is_empty() && (c.is_alphabetic() || c == '_') => {
                    let name = self.name();
                    if name == "range" || name == "end" {
                        return Err(format!(
                            "'{name}' is not supported, only one value is printed"
                        ));
                    }
                    steps.push(Step::Field(name));
                }
                _ => return Ok(steps),
            }
        }
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek() {
            if c == '\\' {
                self.at += 1;
                name.extend(self.peek());
            } else if c.is_whitespace() || "[](){}.,$@=!<>\"'".contains(c) {
                break;
            } else {
                name.push(c);
            }
            self.at += 1;
        }
        name
    }

    fn brackets(&mut self, depth: usize) -> Result<Step, String> {
        self.blanks();
        if self.take('?') {
            self.expect('(')?;
            let left = self.operand(depth)?;
            let comparison = match self.operator() {
                None => None,
                Some(operator) => Some((operator, self.operand(depth)?)),
            };
            self.blanks();
            self.expect(')')?;
            self.expect(']')?;
            return Ok(Step::Filter(left, comparison));
        }
        let mut members = vec![self.member()?];
        self.blanks();
        while self.take(',') {
            self.blanks();
            members.push(self.member()?);
            self.blanks();
        }
        self.expect(']')?;
        Ok(match members.pop() {
            Some(only) if members.is_empty() => only,
            Some(last) => {
                members.push(last);
                Step::Union(members)
            }
            None => Step::Every,
        })
    }

    fn member(&mut self) -> Result<Step, String> {
        match self.peek() {
            Some('*') => {
                self.at += 1;
                Ok(Step::Every)
            }
            Some('"' | '\'') => Ok(Step::Field(self.quoted()?)),
            _ => {
                let text = self.until(|c| c == ']' || c == ',');
                let number = |text: &str| match text.trim() {
                    "" => Ok(None),
                    text => text
                        .parse::<i64>()
                        .map(Some)
                        .map_err(|_| format!("invalid array index {text}")),
                };
                match text.split_once(':') {
                    Some((start, end)) => Ok(Step::Slice(number(start)?, number(end)?)),
                    None => number(&text)?
                        .map(Step::Index)
                        .ok_or_else(|| "empty array index".to_owned()),
                }
            }
        }
    }

    fn operand(&mut self, depth: usize) -> Result<Operand, String> {
        self.blanks();
        match self.peek() {
            Some('"' | '\'') => Ok(Operand::Literal(Value::String(self.quoted()?))),
            Some('@' | '$' | '.') => Ok(Operand::Path(self.path(depth + 1)?)),
            _ => {
                let text = self.until(|c| c.is_whitespace() || ")=!<>".contains(c));
                serde_json::from_str(&text)
                    .map(Operand::Literal)
                    .map_err(|_| format!("unrecognized operand '{text}'"))
            }
        }
    }

    fn operator(&mut self) -> Option<&'static str> {
        self.blanks();
        ["==", "!=", "<=", ">=", "<", ">"]
            .into_iter()
            .find(|operator| {
                let found = self.chars[self.at..]
                    .iter()
                    .take(operator.len())
                    .copied()
                    .eq(operator.chars());
                if found {
                    self.at += operator.len();
                }
                found
            })
    }

    fn quoted(&mut self) -> Result<String, String> {
        let quote = self.peek().unwrap_or('"');
        self.at += 1;
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '\\' => {
                    text.extend(self.peek());
                    self.at += 1;
                }
                c if c == quote => return Ok(text),
                c => text.push(c),
            }
        }
        Err("unterminated quoted string".to_owned())
    }

    fn until(&mut self, end: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| !end(c)) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.take(wanted) {
            Ok(())
        } else {
            Err(match self.peek() {
                Some(found) => format!("expected '{wanted}' but found '{found}'"),
                None if wanted == '}' => "unclosed action".to_owned(),
                None => format!("expected '{wanted}' at the end"),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({"name": "demo", "a.b": 1, "stages": [
            {"type": "wait", "waitTime": 3}, {"type": "webhook", "url": "u"}, {"type": "pipeline", "waitTime": 9}
        ], "deep": {"er": {"waitTime": 7}}})
    }

    #[test]
    fn the_first_value_is_found() {
        let cases = [
            ("{.name}", json!("demo")),
            ("{$.name}", json!("demo")),
            ("{name}", json!("demo")),
            ("{['name']}", json!("demo")),
            ("{.a\\.b}", json!(1)),
            ("{.stages[1].type}", json!("webhook")),
            ("{.stages[-1].type}", json!("pipeline")),
            ("{.stages[1:].type}", json!("webhook")),
            ("{.stages[*].type}", json!("wait")),
            ("{.stages[2,0].type}", json!("pipeline")),
            ("{.stages[?(@.type==\"webhook\")].url}", json!("u")),
            ("{.stages[?(@.waitTime > 3)].type}", json!("pipeline")),
            ("{.stages[?(@.url)].type}", json!("webhook")),
            ("{.deep..waitTime}", json!(7)),
            ("{.stages}{.name}", document()["stages"].clone()),
            (".name", json!(".name")),
            ("{\"x\"}{.name}", json!("x")),
        ];
        for (template, expected) in cases {
            assert_eq!(first(template, &document()), Ok(expected), "{template}");
        }
    }

    #[test]
    fn what_is_not_there_and_what_is_wrong_are_told_apart() {
        let input = json!({"a": 1});
        assert_eq!(
            first("{.b}", &input),
            Err(
                "Failed to execute jsonpath {.b} on input map[a:%!s(float64=1)]: b is not found "
                    .to_owned()
            )
        );
        assert_eq!(
            first("{}", &input),
            Err("Error parsing value from input map[a:1] using template {}: <nil> ".to_owned())
        );
        for wrong in ["{.a", "{.a[}", "{.a[?(]}", "{.a['x}", "{range .a[*]}{end}"] {
            let error = first(wrong, &input).unwrap_err();
            assert!(
                error.starts_with("Failed to parse jsonpath expression: "),
                "{wrong}: {error}"
            );
        }
    }

    #[test]
    fn arrays_are_checked() {
        let input = json!({"list": [1]});
        assert!(
            first("{.list[3]}", &input)
                .unwrap_err()
                .contains("array index out of bounds: index 3, length 1")
        );
        assert!(
            first("{.list[0][0]}", &input)
                .unwrap_err()
                .contains("float64 is not array or slice")
        );
    }
}
