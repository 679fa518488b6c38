//! Promises kept, seeds that repeat, and rules that are broken on purpose and must be noticed.

use super::*;

/// Seeds within which a broken rule must be noticed here; most need fewer than ten.
const NOTICED_WITHIN: u64 = 40;

fn notices(rule: Rule) -> Violation {
    let mut outcomes = (1..=NOTICED_WITHIN).map(|seed| run_seed(seed, Some(rule), false));
    outcomes
        .find_map(|outcome| outcome.violation)
        .unwrap_or_else(|| panic!("nobody noticed that {rule:?} was broken"))
}

#[test]
fn promises_are_kept() {
    for seed in 1..=10 {
        let outcome = run_seed(seed, None, false);
        assert_eq!(outcome.violation, None, "seed {seed}");
        assert!(
            outcome.summary.executions > 0 || outcome.summary.log_messages > 0,
            "seed {seed} did nothing"
        );
    }
}

#[test]
fn a_seed_gives_the_same_bytes_twice() {
    for seed in 101..=105 {
        let first = run_seed(seed, None, false);
        // Looking on changes nothing.
        let second = run_seed(seed, None, true);
        assert_eq!(
            (&first.summary, &first.violation),
            (&second.summary, &second.violation)
        );
        assert_eq!(first.summary.to_string(), second.summary.to_string());
        let third = run_seed(seed, None, true);
        assert_eq!(happenings(&second), happenings(&third));
    }
}

/// The trace without what the parts logged: which thread's log statements are switched on is decided for the whole process,
/// and tests share one.
fn happenings(outcome: &Outcome) -> Vec<&String> {
    let is_logged = |line: &&String| {
        [" INFO ", " WARN ", "ERROR "]
            .iter()
            .any(|level| line.contains(level))
    };
    let happened: Vec<_> = outcome
        .trace
        .iter()
        .filter(|line| !is_logged(line))
        .collect();
    assert!(happened.len() > 10);
    happened
}

#[test]
fn different_seeds_differ() {
    let digests: std::collections::BTreeSet<u64> = (1..=5)
        .map(|seed| run_seed(seed, None, false).summary.digest)
        .collect();
    assert_eq!(digests.len(), 5);
}

#[test]
fn a_missing_fence_is_noticed() {
    assert_eq!(notices(Rule::Fence).promise, Promise::NeverBackwards);
}

#[test]
fn a_missing_ledger_is_noticed() {
    assert_eq!(notices(Rule::Ledger).promise, Promise::EffectOnce);
}

#[test]
fn a_missing_proof_is_noticed() {
    assert_eq!(notices(Rule::Proof).promise, Promise::NeverBackwards);
}

#[test]
fn an_end_that_nobody_hears_is_noticed() {
    assert_eq!(notices(Rule::Tell).promise, Promise::Ends);
}

#[test]
fn executions_that_do_not_meet_are_noticed() {
    assert_eq!(notices(Rule::Route).promise, Promise::Limits);
}
