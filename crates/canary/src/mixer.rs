//! Series of both sides become pairs (Kayenta `MetricSetMixerService`).
//!
//! Sides are never aligned, resampled or made equally long; what is missing is NaN at the end.

use std::collections::{BTreeMap, BTreeSet};

use gennaker_judge::{MetricSetPair, Scope as PairScope};

use crate::metric_set::MetricSet;

/// The pairs of one metric. `id` numbers them.
///
/// # Errors
/// Kayenta's words: a side has no series at all, or the sides are told apart by different tags.
pub(crate) fn pairs(
    metric: &str,
    mut control: Vec<MetricSet>,
    mut experiment: Vec<MetricSet>,
    id: &str,
) -> Result<Vec<MetricSetPair>, String> {
    for (side, sets) in [("control", &control), ("experiment", &experiment)] {
        if sets.is_empty() {
            return Err(format!(
                "No {side} metrics found for {metric} and the metric service did not create a placeholder."
            ));
        }
    }
    let keys = |sets: &[MetricSet]| -> BTreeSet<String> {
        sets.iter()
            .flat_map(|set| set.tags.keys().cloned())
            .collect()
    };
    let (of_control, of_experiment) = (keys(&control), keys(&experiment));
    if !of_control.is_empty() && !of_experiment.is_empty() && of_control != of_experiment {
        return Err(format!(
            "Control metrics have different tag keys than the experiment tag set ({of_control:?} != {of_experiment:?})."
        ));
    }
    // A side without tags against one with tags is a placeholder: it stands empty beside each series of the other.
    let (blank_control, blank_experiment) = (emptied(&control[0]), emptied(&experiment[0]));
    let is_untagged = |sets: &[MetricSet]| sets.iter().any(|set| set.tags.is_empty());
    match (is_untagged(&control), is_untagged(&experiment)) {
        (true, false) => control.clear(),
        (false, true) => experiment.clear(),
        (true, true) | (false, false) => {}
    }
    let (control, experiment) = (by_tags(control), by_tags(experiment));
    let tags: BTreeSet<_> = control.keys().chain(experiment.keys()).cloned().collect();
    let side = |sets: &BTreeMap<_, MetricSet>, tags: &_, blank: &MetricSet| {
        padded(sets.get(tags).unwrap_or(blank))
    };
    let pairs = tags.into_iter().enumerate().map(|(number, tags)| {
        let (control, control_scope) = side(&control, &tags, &blank_control);
        let (experiment, experiment_scope) = side(&experiment, &tags, &blank_experiment);
        MetricSetPair {
            name: Some(metric.to_owned()),
            id: Some(format!("{id}-{number}")),
            tags: Some(
                tags.into_iter()
                    .map(|(key, value)| (key, Some(value)))
                    .collect(),
            ),
            experiment: Some(experiment),
            control: Some(control),
            experiment_scope: Some(experiment_scope),
            control_scope: Some(control_scope),
        }
    });
    Ok(pairs.collect())
}

/// Of several with the same tags the first counts.
fn by_tags(sets: Vec<MetricSet>) -> BTreeMap<BTreeMap<String, String>, MetricSet> {
    let mut by_tags = BTreeMap::new();
    for set in sets {
        by_tags.entry(set.tags.clone()).or_insert(set);
    }
    by_tags
}

fn emptied(set: &MetricSet) -> MetricSet {
    MetricSet {
        values: Vec::new(),
        ..set.clone()
    }
}

fn padded(set: &MetricSet) -> (Vec<f64>, PairScope) {
    let mut values = set.values.clone();
    let missing = set.expected().saturating_sub(values.len());
    values.extend(std::iter::repeat_n(f64::NAN, missing));
    let scope = PairScope {
        start_ms: set.start_ms,
        step_ms: set.step_ms,
    };
    (values, scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(tags: &[(&str, &str)], values: &[f64]) -> MetricSet {
        MetricSet {
            tags: tags
                .iter()
                .map(|&(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            start_ms: 0,
            end_ms: 3_000,
            step_ms: 1_000,
            values: values.to_vec(),
            query: String::new(),
        }
    }

    fn mixed(control: Vec<MetricSet>, experiment: Vec<MetricSet>) -> Vec<(Vec<f64>, Vec<f64>)> {
        let pairs = pairs("m", control, experiment, "id").unwrap();
        pairs
            .into_iter()
            .map(|pair| (pair.control.unwrap(), pair.experiment.unwrap()))
            .collect()
    }

    #[test]
    fn short_series_end_in_nan_and_long_ones_stay() {
        let found = mixed(
            vec![set(&[], &[1.0])],
            vec![set(&[], &[1.0, 2.0, 3.0, 4.0, 5.0])],
        );
        assert_eq!(found.len(), 1);
        assert!(found[0].0.len() == 3 && found[0].0[1].is_nan() && found[0].0[2].is_nan());
        assert_eq!(found[0].1, [1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn pairs_are_made_over_the_union_of_tags() {
        let full = [1.0, 2.0, 3.0];
        let control = vec![set(&[("pod", "a")], &full), set(&[("pod", "a")], &[9.0; 3])];
        let experiment = vec![
            set(&[("pod", "a")], &[4.0; 3]),
            set(&[("pod", "b")], &[5.0; 3]),
        ];
        let found = mixed(control, experiment);
        assert_eq!(found[0], (full.to_vec(), vec![4.0; 3]));
        assert!(found[1].0.iter().all(|value| value.is_nan()) && found[1].1 == [5.0; 3]);
    }

    #[test]
    fn an_untagged_side_is_discarded_beside_a_tagged_one() {
        let experiment = vec![
            set(&[("pod", "a")], &[4.0; 3]),
            set(&[("pod", "b")], &[5.0; 3]),
        ];
        let found = mixed(vec![set(&[], &[1.0; 3])], experiment);
        assert_eq!(found.len(), 2);
        assert!(
            found
                .iter()
                .all(|(control, _)| control.len() == 3 && control[0].is_nan())
        );
    }

    #[test]
    fn sides_that_cannot_be_mixed() {
        let said = |control, experiment| pairs("m", control, experiment, "id").unwrap_err();
        assert_eq!(
            said(vec![], vec![set(&[], &[])]),
            "No control metrics found for m and the metric service did not create a placeholder."
        );
        assert!(said(vec![set(&[], &[])], vec![]).starts_with("No experiment metrics found for m"));
        let text = said(vec![set(&[("a", "1")], &[])], vec![set(&[("b", "1")], &[])]);
        assert!(
            text.starts_with("Control metrics have different tag keys"),
            "{text}"
        );
    }
}
