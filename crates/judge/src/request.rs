//! What is judged: Kayenta's `CanaryConfig`, `CanaryClassifierThresholdsConfig` and `MetricSetPair`, as far as judges read
//! them, and checked in type where the original's reader checks.

use indexmap::IndexMap;

use crate::{
    Error,
    read::{Kind, Members, Part},
};

/// Everything that a judge is given. Parts that are missing are noticed only when a judge reaches for them, as by the
/// original.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The configuration.
    pub config: Option<CanaryConfig>,
    /// What the score must reach.
    pub thresholds: Option<Thresholds>,
    /// The data of each metric.
    pub pairs: Option<Vec<Option<MetricSetPair>>>,
}

/// A canary configuration as a judge sees it.
#[derive(Clone, Debug, Default)]
pub struct CanaryConfig {
    /// `judge.name`.
    pub judge: Option<String>,
    /// `judge.judgeConfigurations` as JSON text; only the second judge reads it.
    pub judge_configurations: Option<String>,
    /// The metrics.
    pub metrics: Option<Vec<Option<MetricConfig>>>,
    /// `classifier`: the weights of the groups in the order of the document; the outer `None` means no `classifier`.
    pub classifier: Option<Option<IndexMap<String, f64>>>,
}

/// One metric of the configuration.
#[derive(Clone, Debug, Default)]
pub struct MetricConfig {
    /// Its name.
    pub name: Option<String>,
    /// The groups that it counts in.
    pub groups: Option<Vec<Option<String>>>,
    /// `analysisConfigurations` as JSON text.
    pub analysis: Option<String>,
}

/// What the score must reach (`CanaryClassifierThresholdsConfig`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Thresholds {
    /// From here on the canary passes. Null reads as 0.
    pub pass: f64,
    /// From here on it is marginal. Null reads as 0.
    pub marginal: f64,
}

/// The values of one metric on both sides.
#[derive(Clone, Debug, Default)]
pub struct MetricSetPair {
    /// Name of the metric.
    pub name: Option<String>,
    /// Id of the pair.
    pub id: Option<String>,
    /// What tells series of one metric apart.
    pub tags: Option<IndexMap<String, Option<String>>>,
    /// `values.experiment`.
    pub experiment: Option<Vec<f64>>,
    /// `values.control`.
    pub control: Option<Vec<f64>>,
    /// `scopes.experiment`: when the values were taken.
    pub experiment_scope: Option<Scope>,
    /// `scopes.control`.
    pub control_scope: Option<Scope>,
}

/// When the values of a side were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Time of the first value in epoch milliseconds.
    pub start_ms: i64,
    /// Time between two values in milliseconds.
    pub step_ms: i64,
}

impl Request {
    /// Reads `{"canaryConfig", "scoreThresholds", "metricSetPairList"}`.
    ///
    /// # Errors
    /// It is no JSON, or a part has a type that Kayenta's reader refuses.
    pub fn read(text: &str) -> Result<Self, Error> {
        let whole = Part::of(text, "request")?;
        let Some(members) = whole.members()? else {
            return Err(Error::Missing("the request".to_owned()));
        };
        Ok(Self {
            config: match members.get("canaryConfig") {
                Some(part) => CanaryConfig::of(&part)?,
                None => None,
            },
            thresholds: match members.get("scoreThresholds") {
                Some(part) => Thresholds::of(&part)?,
                None => None,
            },
            pairs: match members.get("metricSetPairList") {
                Some(part) => pairs(&part)?,
                None => None,
            },
        })
    }
}

impl CanaryConfig {
    /// Reads a configuration.
    ///
    /// # Errors
    /// As [`Request::read`].
    pub fn read(text: &str) -> Result<Self, Error> {
        let whole = Part::of(text, "canaryConfig")?;
        Self::of(&whole)?.ok_or_else(|| Error::Missing("the canary config".to_owned()))
    }

    /// The first metric with that name (`NetflixACAJudge.classifyMetric`).
    ///
    /// # Errors
    /// There is none, or a metric before it is null.
    pub fn metric(&self, name: Option<&str>) -> Result<&MetricConfig, Error> {
        let Some(metrics) = &self.metrics else {
            return Err(Error::Missing("canaryConfig.metrics".to_owned()));
        };
        for (at, metric) in metrics.iter().enumerate() {
            let Some(metric) = metric else {
                return Err(Error::Missing(format!("canaryConfig.metrics[{at}]")));
            };
            if metric.name.as_deref() == name {
                return Ok(metric);
            }
        }
        Err(Error::NoMetricConfig(name.unwrap_or("null").to_owned()))
    }

    fn of(part: &Part<'_>) -> Result<Option<Self>, Error> {
        let Some(members) = part.members()? else {
            return Ok(None);
        };
        check_head(&members)?;
        let mut config = Self::default();
        if let Some(judge) = members
            .get("judge")
            .map_or(Ok(None), |part| part.members())?
        {
            config.judge = judge.text("name")?;
            if let Some(settings) = judge.get("judgeConfigurations")
                && settings.members()?.is_some()
            {
                config.judge_configurations = Some(settings.written().to_owned());
            }
        }
        if let Some(part) = members.get("metrics")
            && let Some(metrics) = part.elements()?
        {
            config.metrics = Some(
                metrics
                    .iter()
                    .map(MetricConfig::of)
                    .collect::<Result<_, _>>()?,
            );
        }
        if let Some(part) = members.get("classifier")
            && let Some(classifier) = part.members()?
        {
            config.classifier = Some(weights(&classifier)?);
        }
        Ok(Some(config))
    }
}

impl MetricConfig {
    fn of(part: &Part<'_>) -> Result<Option<Self>, Error> {
        let Some(members) = part.members()? else {
            return Ok(None);
        };
        members.text("scopeName")?;
        let groups = match members
            .get("groups")
            .map_or(Ok(None), |part| part.elements())?
        {
            Some(groups) => Some(groups.iter().map(Part::text).collect::<Result<_, _>>()?),
            None => None,
        };
        let mut analysis = None;
        if let Some(part) = members.get("analysisConfigurations")
            && let Some(kinds) = part.members()?
        {
            for (_, kind) in kinds.all() {
                if !matches!(kind.kind(), Kind::Object | Kind::Null) {
                    return Err(kind.wrong("an object"));
                }
            }
            analysis = Some(part.written().to_owned());
        }
        Ok(Some(Self {
            name: members.text("name")?,
            groups,
            analysis,
        }))
    }
}

impl Thresholds {
    fn of(part: &Part<'_>) -> Result<Option<Self>, Error> {
        let Some(members) = part.members()? else {
            return Ok(None);
        };
        let read = |name| match members.get(name) {
            Some(part) => Ok(part.double()?.unwrap_or(0.0)),
            None => Ok::<_, Error>(0.0),
        };
        Ok(Some(Self {
            pass: read("pass")?,
            marginal: read("marginal")?,
        }))
    }
}

impl MetricSetPair {
    /// Reads a list of pairs, as `metric_set_pairs.json` has it.
    ///
    /// # Errors
    /// As [`Request::read`].
    pub fn read_list(text: &str) -> Result<Vec<Option<Self>>, Error> {
        pairs(&Part::of(text, "metricSetPairList")?)?
            .ok_or_else(|| Error::Missing("the list of metric set pairs".to_owned()))
    }

    fn of(part: &Part<'_>) -> Result<Option<Self>, Error> {
        let Some(members) = part.members()? else {
            return Ok(None);
        };
        let mut pair = Self {
            name: members.text("name")?,
            id: members.text("id")?,
            tags: members.get("tags").map_or(Ok(None), |part| texts(&part))?,
            ..Self::default()
        };
        if let Some(values) = members
            .get("values")
            .map_or(Ok(None), |part| part.members())?
        {
            for (side, list) in values.all() {
                let values = list.doubles()?;
                match side.as_str() {
                    "experiment" => pair.experiment = values,
                    "control" => pair.control = values,
                    _ => {}
                }
            }
        }
        if let Some(scopes) = members
            .get("scopes")
            .map_or(Ok(None), |part| part.members())?
        {
            for (side, part) in scopes.all() {
                let scope = Scope::of(&part)?;
                match side.as_str() {
                    "experiment" => pair.experiment_scope = scope,
                    "control" => pair.control_scope = scope,
                    _ => {}
                }
            }
        }
        if let Some(sides) = members
            .get("attributes")
            .map_or(Ok(None), |part| part.members())?
        {
            for (_, attributes) in sides.all() {
                texts(&attributes)?;
            }
        }
        Ok(Some(pair))
    }
}

impl Scope {
    fn of(part: &Part<'_>) -> Result<Option<Self>, Error> {
        let Some(members) = part.members()? else {
            return Ok(None);
        };
        members.text("startTimeIso")?;
        let long = |name| members.get(name).map_or(Ok(0), |part| part.long());
        Ok(Some(Self {
            start_ms: long("startTimeMillis")?,
            step_ms: long("stepMillis")?,
        }))
    }
}

/// What judges do not read, but the original's reader types.
fn check_head(members: &Members<'_>) -> Result<(), Error> {
    for name in ["createdTimestamp", "updatedTimestamp"] {
        if let Some(part) = members.get(name) {
            part.long()?;
        }
    }
    for name in [
        "id",
        "name",
        "description",
        "configVersion",
        "createdTimestampIso",
        "updatedTimestampIso",
    ] {
        members.text(name)?;
    }
    if let Some(applications) = members
        .get("applications")
        .map_or(Ok(None), |part| part.elements())?
    {
        for application in applications {
            application.text()?;
        }
    }
    if let Some(templates) = members.get("templates") {
        texts(&templates)?;
    }
    Ok(())
}

fn weights(classifier: &Members<'_>) -> Result<Option<IndexMap<String, f64>>, Error> {
    if let Some(part) = classifier.get("scoreThresholds") {
        Thresholds::of(&part)?;
    }
    let groups = classifier
        .get("groupWeights")
        .map_or(Ok(None), |part| part.members())?;
    let Some(groups) = groups else {
        return Ok(None);
    };
    let mut weights = IndexMap::new();
    for (group, weight) in groups.all() {
        weights.insert(group, weight.double()?.unwrap_or(0.0));
    }
    Ok(Some(weights))
}

fn pairs(part: &Part<'_>) -> Result<Option<Vec<Option<MetricSetPair>>>, Error> {
    match part.elements()? {
        Some(pairs) => Ok(Some(
            pairs
                .iter()
                .map(MetricSetPair::of)
                .collect::<Result<_, _>>()?,
        )),
        None => Ok(None),
    }
}

/// A map of strings; null values stay.
fn texts(part: &Part<'_>) -> Result<Option<IndexMap<String, Option<String>>>, Error> {
    match part.members()? {
        Some(members) => {
            let mut texts = IndexMap::new();
            for (name, value) in members.all() {
                texts.insert(name, value.text()?);
            }
            Ok(Some(texts))
        }
        None => Ok(None),
    }
}
