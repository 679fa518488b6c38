//! `NetflixACAJudge-v1.0`.

use crate::{
    Error, Judge, JudgeResult, MetricSetPair, Request,
    classify::classify,
    noise::Noise,
    result::{AnalysisResult, Comparison, Label, Number, Side, Statistics},
    score,
    settings::Settings,
    stats, transform,
};

/// Kayenta's judge: each series alone is cleaned, both are compared by a Mann–Whitney interval, and the groups' scores are
/// summed by weight.
#[derive(Clone, Copy, Debug)]
pub struct Netflix;

impl Judge for Netflix {
    fn name(&self) -> &'static str {
        "NetflixACAJudge-v1.0"
    }

    fn judge(&self, request: &Request) -> Result<JudgeResult, Error> {
        let mut noise = Noise::new();
        let mut results = Vec::new();
        for prepared in prepare(request)? {
            results.push(result(&prepared?, &mut noise));
        }
        score::score(
            self.name(),
            request.config.as_ref(),
            request.thresholds,
            results,
        )
    }
}

/// A pair with the settings of its metric, cleaned.
pub(crate) struct Prepared<'r> {
    pub(crate) pair: &'r MetricSetPair,
    pub(crate) groups: Option<&'r Vec<Option<String>>>,
    /// The metric's name as it stands in texts.
    pub(crate) name: &'r str,
    pub(crate) settings: Settings,
    /// As they came.
    pub(crate) raw: (&'r [f64], &'r [f64]),
    pub(crate) experiment: Vec<f64>,
    pub(crate) control: Vec<f64>,
}

/// The pairs in their order, each with its metric's settings, after the transforms.
///
/// # Errors
/// There are no pairs at all, not even an empty list.
pub(crate) fn prepare(
    request: &Request,
) -> Result<impl Iterator<Item = Result<Prepared<'_>, Error>>, Error> {
    let missing = |part: &str| Error::Missing(part.to_owned());
    let pairs = request
        .pairs
        .as_ref()
        .ok_or_else(|| missing("metricSetPairList"))?;
    Ok(pairs.iter().enumerate().map(move |(at, pair)| {
        let pair = pair
            .as_ref()
            .ok_or_else(|| Error::Missing(format!("metricSetPairList[{at}]")))?;
        let config = request.config.as_ref();
        let config = config.ok_or_else(|| missing("canaryConfig"))?;
        let metric = config.metric(pair.name.as_deref())?;
        let name = pair.name.as_deref().unwrap_or("null");
        let side = |values: &'_ Option<Vec<f64>>, side: &str| {
            let path = || Error::Missing(format!("values.{side} of metric {name}"));
            if values.is_some() {
                Ok(())
            } else {
                Err(path())
            }
        };
        side(&pair.experiment, "experiment")?;
        side(&pair.control, "control")?;
        let raw = (
            pair.experiment.as_deref().unwrap_or_default(),
            pair.control.as_deref().unwrap_or_default(),
        );
        let settings = Settings::read(metric.analysis.as_deref(), name)?;
        let cleaned = |values: &[f64]| {
            let values = transform::nan(values, settings.nan);
            match settings.outliers {
                Some(factor) => transform::without_outliers(values, factor),
                None => Ok(values),
            }
        };
        let experiment = cleaned(raw.0)?;
        let control = cleaned(raw.1)?;
        Ok(Prepared {
            pair,
            groups: metric.groups.as_ref(),
            name,
            settings,
            raw,
            experiment,
            control,
        })
    }))
}

/// A result with everything but what the comparison says: the class is `Error` until it does.
pub(crate) fn unclassified(prepared: &Prepared<'_>) -> AnalysisResult {
    AnalysisResult {
        name: prepared.pair.name.clone(),
        tags: prepared.pair.tags.clone(),
        id: prepared.pair.id.clone(),
        classification: Label::Error,
        classification_reason: Some("Metric Classification Failed".to_owned()),
        groups: prepared.groups.cloned(),
        experiment_metadata: side(&prepared.experiment),
        control_metadata: side(&prepared.control),
        result_metadata: None,
        critical: false,
        muted: prepared.settings.is_muted,
    }
}

fn result(prepared: &Prepared<'_>, noise: &mut Noise) -> AnalysisResult {
    let mut result = unclassified(prepared);
    let (experiment, control) = (&prepared.experiment, &prepared.control);
    let classified = classify(
        prepared.name,
        experiment,
        control,
        &prepared.settings,
        noise,
    );
    if let Ok(classified) = classified {
        result.classification = classified.label;
        result.classification_reason = classified.reason;
        result.critical = classified.is_critical;
        result.result_metadata = Some(Comparison {
            ratio: Number(classified.ratio),
            evidence: None,
        });
    }
    result
}

/// `DescriptiveStatistics.summary`: zeros for a series without values.
fn side(values: &[f64]) -> Side {
    let of = |statistic: fn(&[f64]) -> f64| {
        Number(if values.is_empty() {
            0.0
        } else {
            statistic(values)
        })
    };
    Side {
        stats: Statistics {
            count: values.len(),
            mean: of(stats::mean),
            min: of(stats::min),
            std: of(|values| stats::variance(values).sqrt()),
            max: of(stats::max),
        },
    }
}
