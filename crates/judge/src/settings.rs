//! The settings of a metric: `analysisConfigurations.canary`, looked up as `MapUtils` does.
//!
//! The lookup is lenient about what is absent and strict about what is there: a scalar where an object should be means
//! defaults, but a quoted number ends the whole judgement, as does an integer of more than 32 bits.

use crate::{
    Error,
    read::{Kind, Part},
};

/// Lists within lists are looked through to this depth.
const DEPTH_MAX: usize = 100;

/// In which direction a difference counts. Anything else than `increase` and `decrease` means both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Increase,
    Decrease,
    Either,
}

/// What becomes of NaN. Anything else than `replace` means that they are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NanStrategy {
    Remove,
    Replace,
}

/// By what the size of a difference is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Mean of the experiment over mean of the control.
    MeanRatio,
    /// The chance that a value of the experiment exceeds one of the control.
    Cles,
    /// Both sides count events; only the second judge knows it, to the first it is a mean ratio.
    Count,
}

/// Everything that is set for one metric.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) direction: Direction,
    pub(crate) nan: NanStrategy,
    /// The factor of the fences, where outliers are removed.
    pub(crate) outliers: Option<f64>,
    pub(crate) is_critical: bool,
    pub(crate) must_have_data: bool,
    pub(crate) is_muted: bool,
    pub(crate) measure: Measure,
    pub(crate) allowed: Bounds,
    pub(crate) critical: Bounds,
}

/// From which effect on a difference counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) increase: f64,
    pub(crate) decrease: f64,
}

impl Settings {
    /// Reads the `analysisConfigurations` of a metric from their JSON text.
    ///
    /// # Errors
    /// A value cannot be cast to what the judge needs there.
    pub(crate) fn read(analysis: Option<&str>, metric: &str) -> Result<Self, Error> {
        let lookup = Lookup {
            whole: analysis
                .map(|text| Part::of(text, "analysisConfigurations"))
                .transpose()?,
            metric,
        };
        let direction = match lookup.text(&["direction"])?.as_deref() {
            Some("increase") => Direction::Increase,
            Some("decrease") => Direction::Decrease,
            _ => Direction::Either,
        };
        let nan = match lookup.text(&["nanStrategy"])?.as_deref() {
            Some("replace") => NanStrategy::Replace,
            _ => NanStrategy::Remove,
        };
        let are_removed = lookup.text(&["outliers", "strategy"])?.as_deref() == Some("remove");
        let factor = lookup.double(&["outliers", "outlierFactor"], 3.0)?;
        let is_critical = lookup.boolean(&["critical"])?;
        let must_have_data = lookup.boolean(&["mustHaveData"])?;
        let is_muted = lookup.boolean(&["muted"])?;
        let measure = match lookup.text(&["effectSize", "measure"])?.as_deref() {
            Some("cles") => Measure::Cles,
            Some("count") => Measure::Count,
            _ => Measure::MeanRatio,
        };
        let none = if measure == Measure::Cles { 0.5 } else { 1.0 };
        Ok(Self {
            direction,
            nan,
            outliers: are_removed.then_some(factor),
            is_critical,
            must_have_data,
            is_muted,
            measure,
            allowed: Bounds {
                increase: lookup.double(&["effectSize", "allowedIncrease"], none)?,
                decrease: lookup.double(&["effectSize", "allowedDecrease"], none)?,
            },
            critical: Bounds {
                increase: lookup.double(&["effectSize", "criticalIncrease"], none)?,
                decrease: lookup.double(&["effectSize", "criticalDecrease"], none)?,
            },
        })
    }
}

struct Lookup<'a> {
    whole: Option<Part<'a>>,
    metric: &'a str,
}

/// What a path leads to.
enum Found<'a> {
    One(Part<'a>),
    /// What was found in the elements of a list on the way: a Scala sequence, which is neither text nor number.
    Several,
}

impl<'a> Lookup<'a> {
    /// `MapUtils.getAsStringWithDefault`: `None` is the default, and so is whatever is not a known word.
    fn text(&self, path: &[&str]) -> Result<Option<String>, Error> {
        match self.get(path)? {
            Some(Found::One(part)) => match part.kind() {
                Kind::Null => Err(Error::Missing(format!(
                    "{} of metric {}",
                    part.path(),
                    self.metric
                ))),
                Kind::Text => part.text(),
                // `toString` of a number, a list, a map: never one of the words.
                Kind::Bool | Kind::Number | Kind::List | Kind::Object => Ok(None),
            },
            Some(Found::Several) | None => Ok(None),
        }
    }

    /// `MapUtils.getAsBooleanWithDefault` with the default `false`; null reads as false.
    fn boolean(&self, path: &[&str]) -> Result<bool, Error> {
        match self.get(path)? {
            None => Ok(false),
            Some(Found::One(part)) => match part.kind() {
                Kind::Null => Ok(false),
                Kind::Bool => Ok(part.written() == "true"),
                Kind::Number | Kind::Text | Kind::List | Kind::Object => {
                    Err(self.cast(path, class(&part), "java.lang.Boolean"))
                }
            },
            Some(Found::Several) => Err(self.cast(path, SEQUENCE, "java.lang.Boolean")),
        }
    }

    /// `MapUtils.getAsDoubleWithDefault`; null reads as 0.
    fn double(&self, path: &[&str], default: f64) -> Result<f64, Error> {
        match self.get(path)? {
            None => Ok(default),
            Some(Found::One(part)) => match (part.kind(), class(&part)) {
                (Kind::Null, _) => Ok(0.0),
                (Kind::Number, "java.lang.Integer" | "java.lang.Double") => {
                    Ok(part.double()?.unwrap_or(0.0))
                }
                (_, class) => Err(self.cast(path, class, "java.lang.Double")),
            },
            Some(Found::Several) => Err(self.cast(path, SEQUENCE, "java.lang.Double")),
        }
    }

    fn get(&self, path: &[&str]) -> Result<Option<Found<'a>>, Error> {
        let Some(whole) = &self.whole else {
            return Ok(None);
        };
        let mut full = vec!["canary"];
        full.extend(path);
        get(whole, &full, DEPTH_MAX)
    }

    fn cast(&self, path: &[&str], from: &'static str, to: &'static str) -> Error {
        Error::Cast {
            metric: self.metric.to_owned(),
            path: path.join("."),
            from,
            to,
        }
    }
}

/// `MapUtils.get`.
fn get<'a>(part: &Part<'a>, path: &[&str], depth: usize) -> Result<Option<Found<'a>>, Error> {
    let Some((head, tail)) = path.split_first() else {
        return Ok(Some(Found::One(part.clone())));
    };
    if depth == 0 {
        return Err(Error::TooDeep(part.path().to_owned(), DEPTH_MAX));
    }
    match part.kind() {
        Kind::Object => match part.members()?.and_then(|members| members.get(head)) {
            Some(member) => get(&member, tail, depth),
            None => Ok(None),
        },
        Kind::List => {
            let mut is_found = false;
            for element in part.elements()?.unwrap_or_default() {
                is_found |= get(&element, path, depth - 1)?.is_some();
            }
            Ok(is_found.then_some(Found::Several))
        }
        Kind::Null | Kind::Bool | Kind::Number | Kind::Text => Ok(None),
    }
}

const SEQUENCE: &str = "scala.collection.mutable.ArrayBuffer";

/// The Java class that Jackson makes of an untyped value.
fn class(part: &Part<'_>) -> &'static str {
    match part.kind() {
        Kind::Null => "null",
        Kind::Bool => "java.lang.Boolean",
        Kind::Text => "java.lang.String",
        Kind::List => "java.util.ArrayList",
        Kind::Object => "java.util.LinkedHashMap",
        Kind::Number => {
            let written = part.written();
            if written.contains(['.', 'e', 'E']) {
                "java.lang.Double"
            } else if written.parse::<i32>().is_ok() {
                "java.lang.Integer"
            } else if written.parse::<i64>().is_ok() {
                "java.lang.Long"
            } else {
                "java.math.BigInteger"
            }
        }
    }
}
