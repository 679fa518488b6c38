use std::time::Duration;

use super::*;

fn leak<M: Metric + 'static>(metric: M) -> &'static M {
    Box::leak(Box::new(metric))
}

/// Without the process's own, which differ from run to run.
fn rendered(registry: &Registry) -> String {
    let text = registry.render();
    let end = text.find("# HELP process_").unwrap_or(text.len());
    text[..end].to_owned()
}

#[test]
fn renders_the_text_format() {
    let registry = Registry::default();
    let plain = leak(Counter::new("b_total", "Things\nof \\ kind b."));
    let by = leak(Counter::labelled("a_total", "Things.", ["pool", "outcome"]));
    let depth = leak(Gauge::new("depth", "Depth."));
    registry.register(&[plain, by, depth]).unwrap();
    plain.add((1 << 60) + 1);
    by.inc_for(["deploy", "retry"]);
    by.inc_for(["a\"b\\c\nd", "done"]);
    by.inc_for(["deploy", "retry"]);
    depth.add(2.5);
    depth.add(-4.0);
    let expected = r#"# HELP a_total Things.
# TYPE a_total counter
a_total{pool="a\"b\\c\nd",outcome="done"} 1
a_total{pool="deploy",outcome="retry"} 2
# HELP b_total Things\nof \\ kind b.
# TYPE b_total counter
b_total 1152921504606846977
# HELP depth Depth.
# TYPE depth gauge
depth -1.5
"#;
    assert_eq!(rendered(&registry), expected);
    assert_eq!((by.value(["deploy", "retry"]), depth.value([])), (2, -1.5));
}

#[test]
fn histograms_add_up() {
    let registry = Registry::default();
    let plain = leak(Histogram::new("h_seconds", "Times.", &[0.1, 1.0]));
    let by = leak(Histogram::labelled("i_seconds", "Times.", &[1.0], ["pool"]));
    registry.register(&[plain, by]).unwrap();
    for value in [0.05, 0.1, 0.5, 7.0] {
        plain.observe(value);
    }
    plain.observe_duration(Duration::from_millis(1_250));
    by.observe_for(["deploy"], 2.0);
    let expected = r#"# HELP h_seconds Times.
# TYPE h_seconds histogram
h_seconds_bucket{le="0.1"} 2
h_seconds_bucket{le="1"} 3
h_seconds_bucket{le="+Inf"} 5
h_seconds_sum 8.9
h_seconds_count 5
# HELP i_seconds Times.
# TYPE i_seconds histogram
i_seconds_bucket{pool="deploy",le="1"} 0
i_seconds_bucket{pool="deploy",le="+Inf"} 1
i_seconds_sum{pool="deploy"} 2
i_seconds_count{pool="deploy"} 1
"#;
    assert_eq!(rendered(&registry), expected);
    plain.observe(f64::NAN);
    assert_eq!(plain.count([]), 6);
    assert!(SECONDS.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn series_are_bounded() {
    let counter = leak(Counter::labelled("c_total", "Things.", ["id"]));
    for id in 0..SERIES_MAX * 2 {
        counter.inc_for([&id.to_string()]);
    }
    let mut out = String::new();
    counter.write_samples(&mut out);
    assert_eq!(out.lines().count(), SERIES_MAX);
    let together = u64::try_from(SERIES_MAX + 1).unwrap();
    assert_eq!(counter.value(["other"]), together);
}

#[test]
fn names_are_checked_and_unique() {
    let registry = Registry::default();
    let one = leak(Counter::new("one_total", ""));
    registry.register(&[one]).unwrap();
    assert_eq!(registry.register(&[one]), Ok(()), "the same again");
    let other = leak(Counter::new("one_total", ""));
    assert_eq!(
        registry.register(&[other]),
        Err(InvalidMetric::Twice("one_total"))
    );
    for name in ["", "1a", "a-b", "a b", "__a", "a:b", "ü"] {
        assert_eq!(
            registry.register(&[leak(Gauge::new(name, ""))]),
            Err(InvalidMetric::Name(name))
        );
    }
    let label = leak(Gauge::labelled("x", "", ["le"]));
    assert_eq!(registry.register(&[label]), Err(InvalidMetric::Name("le")));
}

#[test]
fn counts_from_many_threads() {
    let counter = leak(Counter::labelled("t_total", "", ["k"]));
    let gauge = leak(Gauge::new("t", ""));
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                for _ in 0..1_000 {
                    counter.inc_for(["v"]);
                    gauge.add(1.0);
                }
            });
        }
    });
    assert_eq!((counter.value(["v"]), gauge.value([])), (8_000, 8_000.0));
}
