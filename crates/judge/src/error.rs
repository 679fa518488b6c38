//! Why there is no verdict.

/// Why a request cannot be read or judged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no JSON.
    #[error("the document is no JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// A value has another type than the original's reader takes there.
    #[error("{path}: {found} where {wanted} is needed")]
    Type {
        /// Where in the document.
        path: String,
        /// What stands there.
        found: &'static str,
        /// What can be read there.
        wanted: &'static str,
    },
    /// Lists in lists in lists.
    #[error("{0}: nested more than {1} deep")]
    TooDeep(String, usize),
    /// A part is missing that the original reaches into (its message is that of a null pointer).
    #[error("{0} is missing or null")]
    Missing(String),
    /// `NetflixACAJudge.classifyMetric`.
    #[error("Could not find metric config for {0}")]
    NoMetricConfig(String),
    /// `IQRDetector`, in the words of Scala's `require`.
    #[error("requirement failed: factor must be greater than zero")]
    OutlierFactor,
    /// `MapUtils`: what is written cannot be cast.
    #[error("{path} of metric {metric}: class {from} cannot be cast to class {to}")]
    Cast {
        /// The metric.
        metric: String,
        /// Which setting.
        path: String,
        /// The class that Jackson makes of what is written.
        from: &'static str,
        /// The class that the judge needs.
        to: &'static str,
    },
    /// `AbstractCanaryService`: no judge has that name.
    #[error("Unable to resolve canary judge '{0}'.")]
    UnknownJudge(String),
    /// A setting of the second judge.
    #[error("judgeConfigurations.{0}")]
    Configuration(String),
}
