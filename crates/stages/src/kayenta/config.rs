//! The `canaryConfig` of a canary stage, as orca reads it (`KayentaCanaryContext`): quoted numbers are numbers, decimals are cut,
//! an empty text is nothing.

use gennaker_engine::definition::PlanError;
use gennaker_model::Map;
use jiff::{Span, Timestamp, Unit};
use serde_json::{Value, json};

use super::intervals::Window;
use crate::read;

/// What a canary stage is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Config {
    /// What goes on to every analysis as it is.
    passed_on: Map,
    pub(super) scopes: Vec<Scope>,
    pub(super) lifetime_mins: Option<i64>,
    pub(super) begin_after_mins: i64,
    pub(super) baseline_offset_mins: i64,
    pub(super) lookback_mins: i64,
    pub(super) interval_mins: Option<i64>,
}

/// Two sides that are compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scope {
    name: String,
    control: (Value, Value),
    experiment: (Value, Value),
    /// Epoch milliseconds.
    pub(super) start_ms: Option<i64>,
    pub(super) end_ms: Option<i64>,
    step: i64,
    parameters: Value,
}

/// What a score must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thresholds {
    pub(super) pass: i64,
    pub(super) marginal: i64,
}

const PASSED_ON: &[&str] = &[
    "metricsAccountName",
    "configurationAccountName",
    "storageAccountName",
    "canaryConfigId",
    "canaryConfigName",
    // The configuration itself, as base64: an addition of Gennaker, for analyses that bring their own.
    "canaryConfig",
    "siteLocal",
];

impl Config {
    /// Reads the `canaryConfig` in a stage's context.
    pub(super) fn read(context: &Map) -> Result<Self, PlanError> {
        let Some(config) = context.get("canaryConfig").and_then(Value::as_object) else {
            return Err(PlanError::argument("the canary stage has no canaryConfig"));
        };
        let mut passed_on = Map::new();
        for key in PASSED_ON {
            if let Some(value) = config
                .get(*key)
                .filter(|value| !value.is_null() && *value != "")
            {
                passed_on.insert((*key).to_owned(), value.clone());
            }
        }
        let thresholds = Thresholds::read(config);
        passed_on.insert(
            "scoreThresholds".to_owned(),
            json!({"pass": thresholds.pass, "marginal": thresholds.marginal}),
        );
        let scopes = config.get("scopes").and_then(Value::as_array);
        let scopes = scopes.into_iter().flatten().filter_map(Value::as_object);
        let whole = |key| integer(config.get(key)).unwrap_or(0);
        Ok(Self {
            passed_on,
            scopes: scopes.map(Scope::read).collect::<Result<_, _>>()?,
            lifetime_mins: lifetime(config)?,
            begin_after_mins: whole("beginCanaryAnalysisAfterMins"),
            baseline_offset_mins: whole("baselineAnalysisOffsetInMins"),
            lookback_mins: whole("lookbackMins"),
            interval_mins: integer(config.get("canaryAnalysisIntervalMins")),
        })
    }

    /// The two checks of `KayentaCanaryStage`.
    pub(super) fn check(&self) -> Result<(), PlanError> {
        let Some(first) = self.scopes.first() else {
            return Err(PlanError::argument(
                "Canary stage configuration must contain at least one scope.",
            ));
        };
        if first.end_ms.is_none() && self.lifetime_mins.is_none() {
            return Err(PlanError::argument(
                "Canary stage configuration must include either `endTime` or `lifetimeDuration`.",
            ));
        }
        Ok(())
    }

    /// The context of one analysis.
    pub(super) fn for_run(&self, window: &Window) -> Map {
        let step = self.scopes.first().map_or(60, |scope| scope.step);
        let mut scopes = Map::new();
        for scope in &self.scopes {
            let side = |(name, location): &(Value, Value), (start, end): (i64, i64)| {
                json!({"scope": name, "location": location, "start": iso(start), "end": iso(end), "step": step,
                    "extendedScopeParams": scope.parameters})
            };
            scopes.insert(
                scope.name.clone(),
                json!({"controlScope": side(&scope.control, window.control),
                    "experimentScope": side(&scope.experiment, window.experiment)}),
            );
        }
        let mut context = self.passed_on.clone();
        context.insert("scopes".to_owned(), scopes.into());
        context
    }
}

impl Scope {
    fn read(scope: &Map) -> Result<Self, PlanError> {
        let value = |key: &str| scope.get(key).cloned().unwrap_or(Value::Null);
        let instant = |key: &str| match read::text(scope, key) {
            Some(text) => text
                .parse::<Timestamp>()
                .map(|at| Some(at.as_millisecond()))
                .map_err(|_| {
                    PlanError::argument(format!(
                        "{key} of a scope is no instant in ISO format: {text}"
                    ))
                }),
            None => Ok(None),
        };
        Ok(Self {
            name: read::text(scope, "scopeName")
                .unwrap_or("default")
                .to_owned(),
            control: (value("controlScope"), value("controlLocation")),
            experiment: (value("experimentScope"), value("experimentLocation")),
            start_ms: instant("startTimeIso")?,
            end_ms: instant("endTimeIso")?,
            step: integer(scope.get("step")).unwrap_or(60),
            parameters: match value("extendedScopeParams") {
                Value::Null => json!({}),
                parameters => parameters,
            },
        })
    }
}

impl Thresholds {
    /// Those of a `canaryConfig`, or of the context of an analysis: 75 and 50 when absent, 0 for what is left out.
    pub(super) fn read(config: &Map) -> Self {
        match config.get("scoreThresholds").and_then(Value::as_object) {
            None => Self {
                pass: 75,
                marginal: 50,
            },
            Some(thresholds) => Self {
                pass: integer(thresholds.get("pass")).unwrap_or(0),
                marginal: integer(thresholds.get("marginal")).unwrap_or(0),
            },
        }
    }
}

/// `lifetimeDuration`, else the older `lifetimeHours`.
fn lifetime(config: &Map) -> Result<Option<i64>, PlanError> {
    match read::text(config, "lifetimeDuration") {
        Some(text) => {
            let days = Unit::Minute;
            let minutes = text
                .parse::<Span>()
                .and_then(|span| span.total((days, jiff::SpanRelativeTo::days_are_24_hours())));
            let minutes = minutes.map_err(|_| {
                PlanError::argument(format!(
                    "lifetimeDuration is no duration in ISO format: {text}"
                ))
            })?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "cut on purpose, and it saturates"
            )]
            Ok(Some(minutes as i64))
        }
        None => Ok(integer(config.get("lifetimeHours")).map(|hours| hours.saturating_mul(60))),
    }
}

/// A whole number, also quoted or with decimals that are cut.
pub(super) fn integer(value: Option<&Value>) -> Option<i64> {
    let number = read::number(value?)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "cut on purpose, and it saturates"
    )]
    let whole = number as i64;
    // No clock and no score has more.
    Some(whole.clamp(-1_000_000_000, 1_000_000_000))
}

fn iso(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| at.to_string())
}
