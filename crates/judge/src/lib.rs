//! The canary judge: statistics and scores on slices of numbers, as Kayenta's `NetflixACAJudge-v1.0` to the last digit, and
//! a judge of our own behind the same seam.
//!
//! Pure. It must never fetch a metric, read a clock or draw a random number. The `canary` pool and `cli` call it.
//!
//! [`Request::read`] takes what Kayenta sends to a remote judge, `{"canaryConfig", "scoreThresholds", "metricSetPairList"}`,
//! as leniently and as strictly as Kayenta's own reader; [`judge`] finds the judge that the configuration names; the
//! [`JudgeResult`] is Kayenta's document. What is compared with what, and in which order of floating-point operations, is
//! written beside each function with the class of the original it follows: sums of doubles depend on their order, and so do
//! verdicts at the edge.
//!
//! | module | the original |
//! |---|---|
//! | `netflix` | `NetflixACAJudge` |
//! | `settings` | `MapUtils` and the `parse` methods of `BaseMetricClassifier.scala` |
//! | `transform`, `stats` | `Transforms`, `IQRDetector`, `DescriptiveStatistics`, commons-math 3.6.1 |
//! | `classify`, `effect`, `noise` | `MannWhitneyClassifier`, `EffectSizes`, `RandomUtils` |
//! | `mann_whitney`, `brent` | `MannWhitney`, `BrentSolver` |
//! | `score`, `order` | `WeightedSumScorer`, `ScoringHelper`; the order of Scala's hash maps |
//! | `sequential`, [`calibrate`] | none: ours |
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod brent;
pub mod calibrate;
mod classify;
mod effect;
mod error;
mod java;
mod mann_whitney;
mod netflix;
mod noise;
mod order;
mod read;
mod request;
mod result;
mod score;
pub mod sequential;
mod settings;
mod stats;
mod transform;

pub use error::Error;
pub use java::{Style, double as java_double, to_json};
pub use mann_whitney::{AllTied, Interval, Samples};
pub use netflix::Netflix;
pub use request::{CanaryConfig, MetricConfig, MetricSetPair, Request, Scope, Thresholds};
pub use result::{AnalysisResult, GroupScore, JudgeResult, Label, Number, Score, Side, Statistics};
pub use sequential::Sequential;

/// What gives a verdict on a canary.
pub trait Judge: Sync {
    /// The name by which a configuration chooses it (`judge.name`).
    fn name(&self) -> &'static str;

    /// The verdict.
    ///
    /// # Errors
    /// The configuration or the metrics cannot be judged, for a reason that the original gives too.
    fn judge(&self, request: &Request) -> Result<JudgeResult, Error>;
}

/// The judges that there are, the one first that judges when a configuration names none.
pub const JUDGES: [&dyn Judge; 2] = [&Netflix, &Sequential];

/// The judge with that name; without a name the first.
///
/// # Errors
/// [`Error::UnknownJudge`].
pub fn find(name: Option<&str>) -> Result<&'static dyn Judge, Error> {
    match name {
        None => Ok(JUDGES[0]),
        Some(name) => JUDGES
            .into_iter()
            .find(|judge| judge.name() == name)
            .ok_or_else(|| Error::UnknownJudge(name.to_owned())),
    }
}

/// The verdict of the judge that the configuration names.
///
/// # Errors
/// There is no such judge, or it refuses.
pub fn judge(request: &Request) -> Result<JudgeResult, Error> {
    let named = request
        .config
        .as_ref()
        .and_then(|config| config.judge.as_deref());
    find(named)?.judge(request)
}
