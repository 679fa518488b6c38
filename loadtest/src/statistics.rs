//! Percentiles of what was measured, and of histograms that a server keeps.

/// Times in milliseconds, to be asked for percentiles.
#[derive(Clone, Debug, Default)]
pub struct Times {
    sorted_ms: Vec<f64>,
}

impl Times {
    /// Takes times in any order.
    pub fn new(mut ms: Vec<f64>) -> Self {
        ms.sort_by(f64::total_cmp);
        Self { sorted_ms: ms }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.sorted_ms.len()
    }

    /// The value below which this share of all lies (nearest rank); `None` when there is none.
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let count = self.sorted_ms.len();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank within a list in memory"
        )]
        let rank = (share * count as f64).ceil() as usize;
        self.sorted_ms.get(rank.clamp(1, count.max(1)) - 1).copied()
    }
}

/// Buckets of a Prometheus histogram: upper limit and the count up to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets(pub Vec<(f64, f64)>);

impl Buckets {
    /// Reads the buckets of `name` from a page of metrics, summed over its labels.
    pub fn read(page: &str, name: &str) -> Self {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for line in page
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix("_bucket{"))
        {
            let Some((labels, value)) = line.rsplit_once('}') else {
                continue;
            };
            let limit = labels
                .split(',')
                .find_map(|label| label.strip_prefix("le=\"")?.strip_suffix('"'));
            let limit = limit.and_then(|limit| {
                if limit == "+Inf" {
                    Some(f64::INFINITY)
                } else {
                    limit.parse().ok()
                }
            });
            let (Some(limit), Ok(value)) = (limit, value.trim().parse::<f64>()) else {
                continue;
            };
            match buckets.iter_mut().find(|(known, _)| *known == limit) {
                Some((_, count)) => *count += value,
                None => buckets.push((limit, value)),
            }
        }
        buckets.sort_by(|one, two| one.0.total_cmp(&two.0));
        Self(buckets)
    }

    /// What was counted since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |limit: f64| {
            earlier
                .0
                .iter()
                .find(|(known, _)| *known == limit)
                .map_or(0.0, |(_, count)| *count)
        };
        Self(
            self.0
                .iter()
                .map(|(limit, count)| (*limit, count - before(*limit)))
                .collect(),
        )
    }

    /// The upper limit of the bucket in which this share is reached; `None` when nothing was counted.
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let all = self
            .0
            .last()
            .map(|(_, count)| *count)
            .filter(|count| *count > 0.0)?;
        self.0
            .iter()
            .find(|(_, count)| *count >= share * all)
            .map(|(limit, _)| *limit)
    }
}

/// The sum of a metric over its labels.
pub fn metric(page: &str, name: &str) -> Option<f64> {
    let values = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = if rest.starts_with('{') {
            rest.rsplit_once('}')?.1
        } else {
            rest
        };
        value
            .starts_with(' ')
            .then(|| value.trim().parse::<f64>().ok())
            .flatten()
    });
    values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times = Times::new((1..=100).rev().map(f64::from).collect());
        assert_eq!(
            (
                times.percentile(0.5),
                times.percentile(0.99),
                times.percentile(1.0)
            ),
            (Some(50.0), Some(99.0), Some(100.0))
        );
        assert_eq!(Times::new(vec![7.0]).percentile(0.01), Some(7.0));
        assert_eq!(Times::default().percentile(0.5), None);
    }

    #[test]
    fn histograms_are_read_and_subtracted() {
        let page = "# TYPE x histogram\nx_bucket{p=\"0\",le=\"0.01\"} 4\nx_bucket{p=\"1\",le=\"0.01\"} 1\n\
                    x_bucket{p=\"0\",le=\"+Inf\"} 8\nx_bucket{p=\"1\",le=\"+Inf\"} 2\nx_count{p=\"0\"} 8\n";
        let read = Buckets::read(page, "x");
        assert_eq!(read, Buckets(vec![(0.01, 5.0), (f64::INFINITY, 10.0)]));
        assert_eq!(read.percentile(0.5), Some(0.01));
        assert_eq!(read.since(&read).percentile(0.5), None);
    }

    #[test]
    fn a_metric_is_summed_over_its_labels() {
        let page = "a{p=\"0\"} 1\na{p=\"1\"} 2.5\nab 7\nb 3\n";
        assert_eq!(
            (metric(page, "a"), metric(page, "b"), metric(page, "c")),
            (Some(3.5), Some(3.0), None)
        );
    }
}
