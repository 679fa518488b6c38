//! From classes to a score (`ScoringHelper`, `WeightedSumScorer`, `ThresholdScoreClassifier`).

use indexmap::IndexMap;

use crate::{
    CanaryConfig, Error, Thresholds, order,
    result::{AnalysisResult, GroupScore, JudgeResult, Label, Number, Score},
};

/// The whole document for the results of all pairs. Muted results are shown and count for nothing.
///
/// # Errors
/// `classifier`, the thresholds or the groups of an unmuted metric are missing.
pub(crate) fn score(
    judge_name: &'static str,
    config: Option<&CanaryConfig>,
    thresholds: Option<Thresholds>,
    results: Vec<AnalysisResult>,
) -> Result<JudgeResult, Error> {
    let missing = |part: &str| Error::Missing(part.to_owned());
    let config = config.ok_or_else(|| missing("canaryConfig"))?;
    let classifier = config.classifier.as_ref();
    let weights = classifier.ok_or_else(|| missing("canaryConfig.classifier"))?;
    let counting: Vec<&AnalysisResult> = results.iter().filter(|result| !result.muted).collect();
    let groups = groups(&counting)?;
    let thresholds = thresholds.ok_or_else(|| missing("scoreThresholds"))?;
    let (score, reason) = verdict(&counting, &groups, weights.as_ref());
    let classification = if score >= thresholds.pass {
        "Pass"
    } else if score >= thresholds.marginal {
        "Marginal"
    } else {
        "Fail"
    };
    let group_scores = groups
        .iter()
        .map(|group| GroupScore {
            name: group.name.map(str::to_owned),
            score: Number(group.score.unwrap_or(0.0)),
            classification: "",
            classification_reason: "",
        })
        .collect();
    Ok(JudgeResult {
        judge_name,
        group_scores,
        score: Score {
            score: Number(score),
            classification,
            classification_reason: reason,
        },
        results,
    })
}

/// A group with the share of its metrics that passed; `None` when none of them says anything.
struct Group<'r> {
    name: Option<&'r str>,
    score: Option<f64>,
}

fn groups<'r>(results: &[&'r AnalysisResult]) -> Result<Vec<Group<'r>>, Error> {
    let mut labels: IndexMap<Option<&str>, Vec<Label>> = IndexMap::new();
    for result in results {
        let Some(groups) = &result.groups else {
            let name = result.name.as_deref().unwrap_or("null");
            return Err(Error::Missing(format!("groups of metric {name}")));
        };
        for group in groups {
            labels
                .entry(group.as_deref())
                .or_default()
                .push(result.classification);
        }
    }
    let names: Vec<Option<&str>> = labels.keys().copied().collect();
    Ok(order::of_group_by(&names)
        .into_iter()
        .map(|at| Group {
            name: names[at],
            score: share_passed(&labels[at]),
        })
        .collect())
}

fn share_passed(labels: &[Label]) -> Option<f64> {
    let count = |wanted: &[Label]| {
        let found = labels.iter().filter(|label| wanted.contains(label)).count();
        u32::try_from(found).map_or(f64::INFINITY, f64::from)
    };
    let total = count(&[
        Label::Pass,
        Label::High,
        Label::Low,
        Label::NodataFailMetric,
    ]);
    (total > 0.0).then(|| count(&[Label::Pass]) / total * 100.0)
}

/// The summary score and its reason.
fn verdict(
    results: &[&AnalysisResult],
    groups: &[Group<'_>],
    weights: Option<&IndexMap<String, f64>>,
) -> (f64, String) {
    let failed =
        |result: &&&AnalysisResult| result.critical && result.classification != Label::Pass;
    if let Some(failure) = results.iter().find(failed) {
        let reason = failure.classification_reason.as_deref().unwrap_or("null");
        return (0.0, format!("Canary Failed: {reason}"));
    }
    let missing = results
        .iter()
        .filter(|result| result.classification == Label::Nodata)
        .count();
    if !results.is_empty() && 2 * missing >= results.len() {
        let reason = "Canary Failed: 50% or more metrics returned NODATA";
        return (0.0, reason.to_owned());
    }
    (weighted_sum(groups, weights), String::new())
}

/// Groups without a configured weight share what is left of 100; groups without anything to say count fully.
fn weighted_sum(groups: &[Group<'_>], weights: Option<&IndexMap<String, f64>>) -> f64 {
    let weight_of = |group: &Group<'_>| Some(*weights?.get(group.name?)?);
    let sum = weights.map_or(0.0, |weights| {
        let names: Vec<Option<&str>> = weights.keys().map(|name| Some(name.as_str())).collect();
        let ordered = order::of_map(&names);
        ordered.into_iter().fold(0.0, |sum, at| sum + weights[at])
    });
    let others = groups
        .iter()
        .filter(|group| weight_of(group).is_none())
        .count();
    let share = u32::try_from(others).map_or(0.0, |others| (100.0 - sum) / f64::from(others));
    let mut total = 0.0;
    for group in groups {
        let effective = group.score.unwrap_or(100.0);
        total += effective * (weight_of(group).unwrap_or(share) / 100.0);
    }
    rounded(total)
}

/// commons-math's `Precision.round(value, 2)`: half up on the decimal text of the double.
fn rounded(value: f64) -> f64 {
    if !value.is_finite() {
        return value;
    }
    let text = value.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let kept: String = fraction.chars().chain("00".chars()).take(2).collect();
    let is_up = fraction
        .as_bytes()
        .get(2)
        .is_some_and(|digit| *digit >= b'5');
    let digits = format!("{whole}{kept}");
    let digits = if is_up { incremented(&digits) } else { digits };
    let (whole, kept) = digits.split_at(digits.len() - 2);
    let magnitude: f64 = format!("{whole}.{kept}").parse().unwrap_or(f64::NAN);
    magnitude.copysign(value)
}

/// The next number, in decimal digits.
fn incremented(digits: &str) -> String {
    let mut bytes = digits.as_bytes().to_vec();
    for byte in bytes.iter_mut().rev() {
        if *byte == b'9' {
            *byte = b'0';
        } else {
            *byte += 1;
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
    format!("1{}", String::from_utf8_lossy(&bytes))
}

#[cfg(test)]
mod tests;
