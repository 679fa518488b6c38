//! What one analysis is about: scopes by name, and what the score must reach (Kayenta `CanaryExecutionRequest`).

use std::collections::BTreeMap;

use gennaker_model::Map;
use serde_json::Value;

/// One side of a scope.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scope {
    pub(crate) scope: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// Seconds between two points.
    pub(crate) step: i64,
    pub(crate) parameters: BTreeMap<String, String>,
}

/// Both sides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) control: Scope,
    pub(crate) experiment: Scope,
}

/// All scopes of an analysis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scopes(BTreeMap<String, Pair>);

impl Scopes {
    /// Reads `scopes` of a request.
    ///
    /// # Errors
    /// Kayenta's words, or which field is wrong.
    pub(crate) fn read(scopes: Option<&Value>) -> Result<Self, String> {
        let none =
            "Canary metrics require scopes, but no scopes were provided in the execution request.";
        let scopes = scopes
            .and_then(Value::as_object)
            .filter(|scopes| !scopes.is_empty());
        let mut read = BTreeMap::new();
        for (name, pair) in scopes.ok_or(none)? {
            let missing = || {
                format!(
                    "Canary scope for named scope {name} is missing experimentScope or controlScope keys"
                )
            };
            let side = |key: &str| pair.get(key).and_then(Value::as_object).ok_or_else(missing);
            let pair = Pair {
                control: Scope::read(side("controlScope")?)?,
                experiment: Scope::read(side("experimentScope")?)?,
            };
            read.insert(name.clone(), pair);
        }
        Ok(Self(read))
    }

    /// The scope that a metric names.
    ///
    /// # Errors
    /// Kayenta's words.
    pub(crate) fn of(&self, metric: &str, name: Option<&str>) -> Result<&Pair, String> {
        let name = name
            .filter(|name| !name.is_empty())
            .ok_or_else(|| format!("Canary scope for metric named '{metric}' is null."))?;
        self.0.get(name).ok_or_else(|| {
            format!("Canary metrics require scopes which were not provided in the execution request: [{name}]")
        })
    }

    /// The one length of all sides, in seconds.
    pub(crate) fn length_s(&self) -> Option<i64> {
        let sides = self
            .0
            .values()
            .flat_map(|pair| [&pair.control, &pair.experiment]);
        let mut lengths = sides.map(|side| (side.end_ms - side.start_ms) / 1000);
        let first = lengths.next()?;
        lengths.all(|length| length == first).then_some(first)
    }
}

impl Scope {
    /// Reads one side.
    ///
    /// # Errors
    /// Which field is wrong.
    pub(crate) fn read(scope: &Map) -> Result<Self, String> {
        let text = |key: &str| {
            let text = scope.get(key).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let instant = |key: &str| {
            let value = scope.get(key).and_then(Value::as_str).unwrap_or_default();
            let at = value.parse::<jiff::Timestamp>();
            at.map(jiff::Timestamp::as_millisecond).map_err(|_| {
                format!("{key} of a scope must be an instant in ISO format, and is '{value}'")
            })
        };
        let parameters = scope.get("extendedScopeParams").and_then(Value::as_object);
        let parameters = parameters.into_iter().flatten().filter_map(|(key, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Null => return None,
                other => other.to_string(),
            };
            Some((key.clone(), value))
        });
        let (start_ms, end_ms) = (instant("start")?, instant("end")?);
        if start_ms > end_ms {
            return Err("a scope ends before it begins".to_owned());
        }
        let step = scope.get("step").and_then(Value::as_i64).unwrap_or(60);
        if !(0..=86_400).contains(&step) {
            return Err(format!(
                "the step of a scope must be between 0 and 86400 seconds, and is {step}"
            ));
        }
        Ok(Self {
            scope: text("scope"),
            location: text("location"),
            start_ms,
            end_ms,
            step,
            parameters: parameters.collect(),
        })
    }
}
