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
    #[error("label selector kind `{0}` is none of ANY, EQUALS, NOT_EQUALS, CONTAINS, NOT_CONTAINS, EXISTS, NOT_EXISTS")]
    Kind(String),
    /// A shape that cannot be read
    #[error("label selectors must be `{{\"selectors\": [{{\"kind\", \"key\", \"values\"}}]}}`: {0}")]
    Shape(&'static str),
}

impl Selectors {
    /// Reads a stage's `labelSelectors`: `{"selectors": [{"kind", "key", "values"}]}`; nothing and null are no conditions.
    ///
    /// # Errors
    /// [`BadSelector`]
    pub fn from_json(_value: Option<&Value>) -> Result<Self, BadSelector> {
        todo!()
    }

    /// The `matchLabels` of a plain map, as a Service has them.
    #[must_use]
    pub fn from_labels(_labels: &Map) -> Self {
        todo!()
    }

    /// A workload's `spec.selector`: `matchLabels` and `matchExpressions`.
    ///
    /// # Errors
    /// [`BadSelector`]
    pub fn from_workload(_selector: &Value) -> Result<Self, BadSelector> {
        todo!()
    }

    /// There is no condition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|selector| selector.operator == Operator::Any)
    }

    /// All conditions hold for labels.
    #[must_use]
    pub fn matches(&self, _labels: Option<&Map>) -> bool {
        todo!()
    }

    /// As kubectl's `-l` and the API's `labelSelector` want it, e.g. `tier = a,env in (x, y)`; empty without conditions.
    #[must_use]
    pub fn expression(&self) -> String {
        todo!()
    }
}
