use gennaker_model::Map;

use super::*;

const NOW: i64 = 1_735_689_600_000;

#[test]
fn every_state_meets_every_order() {
    let running = Outcome::Running {
        again_ms: 10_000,
        context: Map::new(),
    };
    let failed = Outcome::Failed {
        exception: None,
        context: Map::new(),
        outputs: Map::new(),
    };
    let success = succeeded();
    let table: Vec<(Option<State>, Step<'_>, Step<'_>)> = vec![
        (None, Step::Claim, Step::Seal),
        (
            Some(intent("other", 1, NOW)),
            Step::Hold { look_ms: 2_000 },
            Step::Hold { look_ms: 2_000 },
        ),
        (
            Some(intent("other", 1, NOW - STALE_AFTER_MS)),
            Step::TakeOver {
                quiet_ms: SETTLE_MS,
            },
            Step::TakeOver {
                quiet_ms: SETTLE_MS,
            },
        ),
        (
            Some(intent("other", 1, NOW - STALE_AFTER_MS - SETTLE_MS)),
            Step::TakeOver { quiet_ms: 0 },
            Step::TakeOver { quiet_ms: 0 },
        ),
        // An own intent of this attempt is not waited for, one of another attempt is like anybody's.
        (
            Some(intent("me", 7, NOW)),
            Step::TakeOver {
                quiet_ms: SETTLE_MS,
            },
            Step::TakeOver {
                quiet_ms: SETTLE_MS,
            },
        ),
        (
            Some(intent("me", 6, NOW)),
            Step::Hold { look_ms: 2_000 },
            Step::Hold { look_ms: 2_000 },
        ),
        // "Nothing done, try later" ends the attempts up to the one that said it.
        (Some(idle(6, Some(&running))), Step::Claim, Step::Seal),
        (
            Some(idle(7, Some(&running))),
            Step::Report {
                outcome: &running,
                reference: None,
            },
            Step::Seal,
        ),
        (
            Some(idle(8, Some(&running))),
            Step::Report {
                outcome: &running,
                reference: None,
            },
            Step::Seal,
        ),
        (Some(idle(6, None)), Step::Claim, Step::Seal),
        (Some(idle(7, None)), Step::Claim, Step::Seal),
        (Some(idle(8, None)), Step::Claim, Step::Seal),
        (
            Some(State::Done {
                attempt: AttemptId(1),
                outcome: succeeded(),
                reference: None,
                uncertain: false,
            }),
            Step::Report {
                outcome: &success,
                reference: None,
            },
            Step::Undo {
                reference: None,
                happened: true,
            },
        ),
        (
            Some(State::Done {
                attempt: AttemptId(1),
                outcome: succeeded(),
                reference: Some("q/7".into()),
                uncertain: false,
            }),
            Step::Report {
                outcome: &success,
                reference: Some("q/7"),
            },
            Step::Undo {
                reference: Some("q/7"),
                happened: true,
            },
        ),
        (
            Some(State::Done {
                attempt: AttemptId(1),
                outcome: failed.clone(),
                reference: None,
                uncertain: false,
            }),
            Step::Report {
                outcome: &failed,
                reference: None,
            },
            Step::Undo {
                reference: None,
                happened: false,
            },
        ),
        (
            Some(State::Done {
                attempt: AttemptId(1),
                outcome: failed.clone(),
                reference: Some("q/7".into()),
                uncertain: false,
            }),
            Step::Report {
                outcome: &failed,
                reference: Some("q/7"),
            },
            Step::Undo {
                reference: Some("q/7"),
                happened: true,
            },
        ),
        (
            Some(State::Closed {
                attempt: AttemptId(1),
                remains: Some("a build".into()),
            }),
            Step::Drop,
            Step::ReportClosed {
                remains: Some("a build"),
            },
        ),
    ];
    for (state, run, close) in table {
        let entry = state.map(Entry::new);
        assert_eq!(
            decide(entry.as_ref(), look(0, 0), me(Order::Run)),
            run,
            "run: {entry:?}"
        );
        assert_eq!(
            decide(entry.as_ref(), look(0, 0), me(Order::Close)),
            close,
            "close: {entry:?}"
        );
    }
}

#[test]
fn a_heartbeat_grows_stale_at_thirty_seconds_to_the_millisecond() {
    for (age, stale) in [
        (-60_000, false),
        (0, false),
        (29_999, false),
        (30_000, true),
        (90_000, true),
    ] {
        let entry = Entry::new(intent("other", 1, NOW - age));
        let step = decide(Some(&entry), look(0, 0), me(Order::Run));
        assert_eq!(
            matches!(step, Step::TakeOver { .. }),
            stale,
            "{age}: {step:?}"
        );
    }
}

#[test]
fn a_slow_clock_of_the_writer_does_not_make_it_look_dead() {
    let entry = Entry::new(intent("other", 1, NOW - 3_600_000));
    let fresh = Look {
        now_ms: NOW,
        stored_ms: NOW - 1_000,
        watched_ms: 0,
    };
    assert!(matches!(
        decide(Some(&entry), fresh, me(Order::Run)),
        Step::Hold { .. }
    ));
}

#[test]
fn a_fast_clock_of_the_writer_does_not_keep_it_alive_for_ever() {
    let entry = Entry::new(intent("other", 1, NOW + 3_600_000));
    assert!(matches!(
        decide(Some(&entry), look(0, 29_999), me(Order::Run)),
        Step::Hold { .. }
    ));
    assert_eq!(
        decide(Some(&entry), look(0, STALE_AFTER_MS), me(Order::Run)),
        Step::TakeOver {
            quiet_ms: SETTLE_MS
        }
    );
}

#[test]
fn looking_again_comes_sooner_when_the_heartbeat_is_almost_stale() {
    for (age, look_ms) in [(0, 2_000), (28_000, 2_000), (29_000, 1_000), (29_990, 250)] {
        let entry = Entry::new(intent("other", 1, NOW - age));
        assert_eq!(
            decide(Some(&entry), look(0, 0), me(Order::Close)),
            Step::Hold { look_ms },
            "{age}"
        );
    }
}

#[test]
fn a_call_ends_before_its_heartbeat_is_stale() {
    let table = [
        // age, wanted, granted
        (0, 20_000, Some(20_000)),
        (0, 120_000, Some(29_500)),
        (500, 120_000, Some(29_000)),
        (9_000, 20_000, Some(20_000)),
        (10_000, 20_000, None),
        (5_000, 60_000, None),
        (10_000, 5_000, Some(5_000)),
        (10_001, 5_000, None),
        (40_000, 1, None),
        // The clock went back: the age is not known.
        (-1, 1, None),
    ];
    for (age, wanted, granted) in table {
        let limit = call_limit_ms(NOW - age, NOW, wanted);
        assert_eq!(limit, granted, "age {age}, wanted {wanted}");
        if let Some(limit) = limit {
            assert!(age + limit < STALE_AFTER_MS);
        }
    }
}

#[test]
fn nobody_may_call_while_the_former_call_can_still_arrive() {
    // Whatever the age at the take-over, the former call (limited as above) is over before the probe.
    for age in 0..70_000 {
        let entry = Entry::new(intent("other", 1, NOW - age));
        if let Step::TakeOver { quiet_ms } = decide(Some(&entry), look(0, 0), me(Order::Run)) {
            assert!(age + quiet_ms >= STALE_AFTER_MS + SETTLE_MS, "{age}");
            assert!(quiet_ms <= SETTLE_MS, "{age}");
        }
    }
}

#[test]
fn entries_survive_being_written() {
    for state in [
        intent("w", 3, 5),
        State::Intent {
            worker: "w".into(),
            attempt: AttemptId(3),
            heartbeat_ms: 5,
            reference: Some("r".into()),
        },
        idle(3, None),
        idle(3, Some(&succeeded())),
        State::Done {
            attempt: AttemptId(3),
            outcome: succeeded(),
            reference: Some("r".into()),
            uncertain: false,
        },
        State::Closed {
            attempt: AttemptId(3),
            remains: Some("x".into()),
        },
    ] {
        let entry = Entry::new(state);
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(
            serde_json::from_str::<Entry>(&text).unwrap(),
            entry,
            "{text}"
        );
    }
}

fn succeeded() -> Outcome {
    Outcome::Succeeded {
        context: Map::new(),
        outputs: Map::new(),
    }
}

fn intent(worker: &str, attempt: u64, heartbeat_ms: i64) -> State {
    State::Intent {
        worker: worker.into(),
        attempt: AttemptId(attempt),
        heartbeat_ms,
        reference: None,
    }
}

fn idle(attempt: u64, outcome: Option<&Outcome>) -> State {
    State::Idle {
        attempt: AttemptId(attempt),
        outcome: outcome.cloned(),
    }
}

fn look(stored_ms: i64, watched_ms: i64) -> Look {
    Look {
        now_ms: NOW,
        stored_ms,
        watched_ms,
    }
}

fn me(order: Order) -> Me<'static> {
    Me {
        worker: "me",
        attempt: AttemptId(7),
        order,
    }
}
