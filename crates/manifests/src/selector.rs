//! Label selectors: as stages write them, as kubectl reads them, as they match.

use serde_json::Value;

use crate::Map;

/// One condition on labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// What is asked
    pub operator: Operator,
    /// The label's key
    pub key: String,
    /// The values, of which `Equals` and `NotEquals` use the first
    pub values: Vec<String>,
}

/// What a condition asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is Spinnaker's own word")]
pub enum Operator {
    Any,
    Equals,
    NotEquals,
    Contains,
    NotContains,
    Exists,
    NotExists,
}

/// Conditions that must all hold; no condition matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selectors(pub Vec<Selector>);

/// The JSON is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSelector {
    /// A kind that does not exist
    #[error(
        "label selector kind `{0}` is none of ANY, EQUALS, NOT_EQUALS, CONTAINS, NOT_CONTAINS, EXISTS, NOT_EXISTS"
    )]
    Kind(String),
    /// A shape that cannot be read
    #[error(
        "label selectors must be `{{\"selectors\": [{{\"kind\", \"key\", \"values\"}}]}}`: {0}"
    )]
    Shape(&'static str),
}

impl Selectors {
    /// Reads a stage's `labelSelectors`: `{"selectors": [{"kind", "key", "values"}]}`; nothing and null are no conditions.
    ///
    /// # Errors
    /// [`BadSelector`]
    pub fn from_json(value: Option<&Value>) -> Result<Self, BadSelector> {
        let list = match value {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Object(map)) => map.get("selectors"),
            Some(_) => return Err(BadSelector::Shape("not an object")),
        };
        match list {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(Value::Array(items)) => items
                .iter()
                .map(selector)
                .collect::<Result<_, _>>()
                .map(Self),
            Some(_) => Err(BadSelector::Shape("`selectors` is no list")),
        }
    }

    /// The `matchLabels` of a plain map, as a Service has them.
    #[must_use]
    pub fn from_labels(labels: &Map) -> Self {
        let equal = |(key, value): (&String, &Value)| Selector {
            operator: Operator::Equals,
            key: key.clone(),
            values: vec![text(value)],
        };
        Self(labels.iter().map(equal).collect())
    }

    /// A workload's `spec.selector`: `matchLabels` and `matchExpressions`.
    ///
    /// # Errors
    /// [`BadSelector`]
    pub fn from_workload(selector: &Value) -> Result<Self, BadSelector> {
        let mut all = match selector.get("matchLabels") {
            Some(Value::Object(labels)) => Self::from_labels(labels),
            _ => Self::default(),
        };
        let expressions = selector.get("matchExpressions").and_then(Value::as_array);
        for expression in expressions.map(Vec::as_slice).unwrap_or_default() {
            let operator = match expression
                .get("operator")
                .and_then(Value::as_str)
                .unwrap_or_default()
            {
                "In" => Operator::Contains,
                "NotIn" => Operator::NotContains,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::NotExists,
                other => return Err(BadSelector::Kind(other.to_owned())),
            };
            all.0.push(Selector {
                operator,
                key: expression.get("key").map(text).unwrap_or_default(),
                values: values(expression),
            });
        }
        Ok(all)
    }

    /// There is no condition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0
            .iter()
            .all(|selector| selector.operator == Operator::Any)
    }

    /// All conditions hold for labels.
    #[must_use]
    pub fn matches(&self, labels: Option<&Map>) -> bool {
        self.0.iter().all(|selector| selector.matches(labels))
    }

    /// As kubectl's `-l` and the API's `labelSelector` want it, e.g. `tier = a,env in (x, y)`; empty without conditions.
    #[must_use]
    pub fn expression(&self) -> String {
        let parts: Vec<String> = self.0.iter().filter_map(Selector::expression).collect();
        parts.join(",")
    }
}

impl Selector {
    fn matches(&self, labels: Option<&Map>) -> bool {
        let label = labels
            .and_then(|labels| labels.get(&self.key))
            .and_then(Value::as_str);
        let first = self.values.first().map(String::as_str);
        let among = |label: &str| self.values.iter().any(|value| value == label);
        match self.operator {
            Operator::Any => true,
            Operator::Equals => label.is_some() && label == first,
            // As in Kubernetes, an object without the label is not equal, and not in the list.
            Operator::NotEquals => label.is_none() || label != first,
            Operator::Contains => label.is_some_and(among),
            Operator::NotContains => !label.is_some_and(among),
            Operator::Exists => label.is_some(),
            Operator::NotExists => label.is_none(),
        }
    }

    fn expression(&self) -> Option<String> {
        let key = &self.key;
        let first = self.values.first().map(String::as_str).unwrap_or_default();
        let list = self.values.join(", ");
        Some(match self.operator {
            Operator::Any => return None,
            Operator::Equals => format!("{key} = {first}"),
            Operator::NotEquals => format!("{key} != {first}"),
            Operator::Contains => format!("{key} in ({list})"),
            Operator::NotContains => format!("{key} notin ({list})"),
            Operator::Exists => key.clone(),
            Operator::NotExists => format!("!{key}"),
        })
    }
}

fn selector(value: &Value) -> Result<Selector, BadSelector> {
    let kind = value
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let operator = match kind.to_ascii_uppercase().as_str() {
        "ANY" => Operator::Any,
        "EQUALS" => Operator::Equals,
        "NOT_EQUALS" => Operator::NotEquals,
        "CONTAINS" => Operator::Contains,
        "NOT_CONTAINS" => Operator::NotContains,
        "EXISTS" => Operator::Exists,
        "NOT_EXISTS" => Operator::NotExists,
        _ => return Err(BadSelector::Kind(kind.to_owned())),
    };
    let (key, values) = (
        value.get("key").map(text).unwrap_or_default(),
        values(value),
    );
    let needs_key = operator != Operator::Any;
    let needs_values = needs_key && !matches!(operator, Operator::Exists | Operator::NotExists);
    if needs_key && key.is_empty() {
        return Err(BadSelector::Shape("a selector has no key"));
    }
    if needs_values && values.is_empty() {
        return Err(BadSelector::Shape("a selector has no values"));
    }
    Ok(Selector {
        operator,
        key,
        values,
    })
}

fn values(value: &Value) -> Vec<String> {
    match value.get("values") {
        Some(Value::Array(values)) => values.iter().map(text).collect(),
        None | Some(Value::Null) => Vec::new(),
        Some(one) => vec![text(one)],
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Selectors;

    #[test]
    fn each_kind_of_selector_is_written_and_matches() {
        let rows = [
            (json!({"kind": "ANY"}), "", true, true),
            (
                json!({"kind": "EQUALS", "key": "tier", "values": ["a", "b"]}),
                "tier = a",
                true,
                false,
            ),
            (
                json!({"kind": "NOT_EQUALS", "key": "tier", "values": ["a"]}),
                "tier != a",
                false,
                true,
            ),
            (
                json!({"kind": "CONTAINS", "key": "tier", "values": ["a", "b"]}),
                "tier in (a, b)",
                true,
                false,
            ),
            (
                json!({"kind": "NOT_CONTAINS", "key": "tier", "values": ["a", "b"]}),
                "tier notin (a, b)",
                false,
                true,
            ),
            (
                json!({"kind": "EXISTS", "key": "tier"}),
                "tier",
                true,
                false,
            ),
            (
                json!({"kind": "NOT_EXISTS", "key": "tier"}),
                "!tier",
                false,
                true,
            ),
        ];
        let labels = json!({"tier": "a"});
        for (selector, expression, with, without) in rows {
            let selectors = Selectors::from_json(Some(&json!({"selectors": [selector]}))).unwrap();
            assert_eq!(selectors.expression(), expression);
            assert_eq!(
                selectors.matches(labels.as_object()),
                with,
                "{expression} with"
            );
            assert_eq!(selectors.matches(None), without, "{expression} without");
        }
    }

    #[test]
    fn conditions_are_joined_and_must_all_hold() {
        let both = json!({"selectors": [
            {"kind": "EQUALS", "key": "tier", "values": ["a"]},
            {"kind": "EXISTS", "key": "app"},
        ]});
        let selectors = Selectors::from_json(Some(&both)).unwrap();
        assert_eq!(selectors.expression(), "tier = a,app");
        assert!(!selectors.matches(json!({"tier": "a"}).as_object()));
        assert!(selectors.matches(json!({"tier": "a", "app": "x"}).as_object()));
    }

    #[test]
    fn nothing_is_no_condition_and_nonsense_is_refused() {
        for nothing in [
            None,
            Some(Value::Null),
            Some(json!({})),
            Some(json!({"selectors": []})),
        ] {
            let selectors = Selectors::from_json(nothing.as_ref()).unwrap();
            assert!(selectors.is_empty() && selectors.matches(None));
        }
        for wrong in [
            json!([]),
            json!({"selectors": {}}),
            json!({"selectors": [{"kind": "LIKE", "key": "a", "values": ["b"]}]}),
            json!({"selectors": [{"kind": "EQUALS", "values": ["b"]}]}),
            json!({"selectors": [{"kind": "EQUALS", "key": "a"}]}),
            json!({"selectors": ["a"]}),
        ] {
            assert!(Selectors::from_json(Some(&wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_workloads_selector_is_read() {
        let selector = json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a"]}]});
        assert_eq!(
            Selectors::from_workload(&selector).unwrap().expression(),
            "app = web,tier in (a)"
        );
    }
}
