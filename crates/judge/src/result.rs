//! The verdict: Kayenta's `CanaryJudgeResult`, with the fields in its order; what is null there is absent.

use std::fmt;

use indexmap::IndexMap;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// A double that is written as the original writes it, also when it is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

/// `CanaryJudgeResult`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgeResult {
    /// Which judge it was.
    pub judge_name: &'static str,
    /// One for each pair, in the order of the pairs.
    pub results: Vec<AnalysisResult>,
    /// One for each group that a result names.
    pub group_scores: Vec<GroupScore>,
    /// The verdict on the canary.
    pub score: Score,
}

/// `CanaryAnalysisResult`: what came of one pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnalysisResult {
    /// Name of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tags of the pair.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "without_nulls"
    )]
    pub tags: Option<IndexMap<String, Option<String>>>,
    /// Id of the pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its class.
    pub classification: Label,
    /// Why, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification_reason: Option<String>,
    /// The groups that it counts in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<Option<String>>>,
    /// What the experiment looks like.
    pub experiment_metadata: Side,
    /// What the control looks like.
    pub control_metadata: Side,
    /// What the comparison found; absent when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_metadata: Option<Comparison>,
    /// Whether it fails the whole canary.
    pub critical: bool,
    /// Whether it counts for nothing.
    pub muted: bool,
}

/// What is told of one side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Side {
    /// The statistics after the transforms.
    pub stats: Statistics,
}

/// Statistics of a series, in the order in which Scala's map of five keys is walked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// How many values.
    pub count: usize,
    /// Their mean.
    pub mean: Number,
    /// The least.
    pub min: Number,
    /// Their standard deviation.
    pub std: Number,
    /// The largest.
    pub max: Number,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Mean of the experiment over mean of the control.
    pub ratio: Number,
    /// What the second judge has to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Box<crate::sequential::Evidence>>,
}

/// The class of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Label {
    /// Nothing wrong was shown.
    Pass,
    /// The experiment lies above the control.
    High,
    /// The experiment lies below the control.
    Low,
    /// A side has no values.
    Nodata,
    /// A side has no values, and it should have.
    NodataFailMetric,
    /// The comparison failed.
    Error,
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pass => "Pass",
            Self::High => "High",
            Self::Low => "Low",
            Self::Nodata => "Nodata",
            Self::NodataFailMetric => "NodataFailMetric",
            Self::Error => "Error",
        })
    }
}

/// `CanaryJudgeGroupScore`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupScore {
    /// Name of the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Share of its metrics that passed, in percent.
    pub score: Number,
    /// Always empty.
    pub classification: &'static str,
    /// Always empty.
    pub classification_reason: &'static str,
}

/// `CanaryJudgeScore`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    /// The weighted sum of the groups' scores, or 0 where one metric decided.
    pub score: Number,
    /// `Pass`, `Marginal` or `Fail`.
    pub classification: &'static str,
    /// Why, where one metric decided; empty otherwise.
    pub classification_reason: String,
}

/// Kayenta's mapper leaves nulls out of maps too.
#[expect(clippy::ref_option, reason = "serde passes the field")]
fn without_nulls<S: Serializer>(
    tags: &Option<IndexMap<String, Option<String>>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (name, value) in tags.iter().flatten() {
        if let Some(value) = value {
            map.serialize_entry(name, value)?;
        }
    }
    map.end()
}
