//! The list of traps in what Spinnaker does with events, and which test shows each.
//!
//! The numbers are those of section 14 of `docs/reference/events.md`. A test that is renamed or removed is missed here. Where Gennaker
//! departs on purpose, `docs/compatibility.md` says so.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

/// One item of the list.
struct Item {
    number: u32,
    /// What is to be shown.
    what: &'static str,
    /// Files and the tests in them.
    tests: &'static [(&'static str, &'static str)],
    /// Words on the page on compatibility that tell of a departure.
    departure: Option<&'static str>,
}

const fn item(
    number: u32,
    what: &'static str,
    tests: &'static [(&'static str, &'static str)],
) -> Item {
    Item {
        number,
        what,
        tests,
        departure: None,
    }
}

impl Item {
    const fn departing(self, words: &'static str) -> Self {
        Self {
            departure: Some(words),
            ..self
        }
    }
}

const GIT: &str = "crates/intake/src/matching/git/tests.rs";
const MATCHING: &str = "crates/intake/src/matching/tests.rs";
const TRIGGERS: &str = "crates/triggers/src/tests.rs";

const ITEMS: &[Item] = &[
    item(
        1,
        "a webhook is answered before it is matched, whether or not a pipeline matches",
        &[
            (
                "crates/gate/src/tests/starts.rs",
                "an_event_is_stored_before_its_sender_is_answered",
            ),
            (
                "tests/tests/webhooks.rs",
                "every_webhook_that_was_answered_starts_its_pipeline_although_triggers_is_killed",
            ),
        ],
    )
    .departing("an event is stored before it is answered"),
    item(
        2,
        "signatures of git: both or neither, over the raw bytes",
        &[
            (GIT, "secrets_and_signatures_are_compared"),
            (
                TRIGGERS,
                "the_shared_secret_is_read_at_each_use_and_never_told",
            ),
        ],
    )
    .departing("Signatures by SHA-256 and GitLab's token are compared"),
    item(
        3,
        "branches and tags match as a whole, constraints anywhere",
        &[
            (GIT, "what_the_trigger_asks_is_compared"),
            (MATCHING, "constraints_follow_echo"),
            (
                "crates/intake/src/matching/docker.rs",
                "a_tag_is_matched_as_a_whole_and_an_empty_one_excludes_latest",
            ),
        ],
    ),
    item(
        4,
        "no tag means any but latest",
        &[(
            "crates/intake/src/matching/docker.rs",
            "a_tag_is_matched_as_a_whole_and_an_empty_one_excludes_latest",
        )],
    ),
    item(
        5,
        "the slug of Bitbucket Cloud is owner/repo",
        &[(GIT, "each_system_is_read_as_echo_reads_it")],
    ),
    item(
        6,
        "constraints look for the key first, then for the JSON path",
        &[(MATCHING, "constraints_follow_echo")],
    ),
    item(
        7,
        "one artifact that matches is enough",
        &[(
            MATCHING,
            "one_artifact_that_matches_one_expectation_is_enough",
        )],
    ),
    item(
        8,
        "who has no runAsUser is anonymous",
        &[(
            MATCHING,
            "rule_4_9_run_as_user_is_the_user_of_the_trigger_else_anonymous",
        )],
    ),
    item(
        9,
        "schedules: Quartz with H, Los Angeles, what was missed",
        &[
            ("crates/cron/src/lib.rs", "what_quartz_refuses_is_refused"),
            ("crates/cron/src/fires/tests.rs", "h_follows_from_the_id"),
            (
                TRIGGERS,
                "instants_that_nobody_saw_are_made_up_for_as_far_as_the_settings_say",
            ),
        ],
    )
    .departing("Instants that nobody was there to see are made up for"),
    item(
        11,
        "a manual start of a disabled pipeline",
        &[(
            "crates/gate/src/tests/starts.rs",
            "a_refused_start_tells_why_and_v2_shows_the_failed_execution",
        )],
    )
    .departing("Of a pipeline that is disabled"),
    item(
        20,
        "what is not known is kept and ignored",
        &[
            (MATCHING, "only_triggers_of_the_kind_are_considered"),
            (
                "crates/gate/src/tests/round_trip.rs",
                "a_pipeline_reads_back_as_it_was_saved",
            ),
        ],
    ),
];

/// Items whose parts have lists of their own.
const ELSEWHERE: &[(u32, &str)] = &[
    (10, "ends of pipelines that start others"),
    (12, "no notification of a cancelled execution"),
    (13, "notifications of the application are merged"),
    (14, "notifications of judgements"),
    (15, "the protocol of Jenkins"),
    (16, "a build that is NOT_BUILT does not end its stage"),
    (17, "the first look at a registry fires nothing"),
    (18, "thresholds of pollers"),
    (19, "what Google Chat and Slack are sent"),
];

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_item_has_tests_that_exist() {
    for item in ITEMS {
        assert!(!item.tests.is_empty(), "{} {}", item.number, item.what);
        for (path, name) in item.tests {
            let text = read(path);
            let place = text.find(&format!("fn {name}("));
            let place = place.unwrap_or_else(|| {
                panic!(
                    "item {} ({}): {path} has no test {name}",
                    item.number, item.what
                )
            });
            let before = &text[..place];
            let last = before.rfind("test").unwrap_or(0);
            assert!(
                before[last..].len() < 80,
                "item {}: {name} in {path} is no test",
                item.number
            );
        }
    }
}

#[test]
fn every_departure_stands_on_the_page() {
    let page = read("docs/compatibility.md");
    let source = read("crates/gate/src/compatibility.rs");
    for item in ITEMS {
        if let Some(words) = item.departure {
            // The page is made from the table in the source.
            assert!(
                page.contains(words) || source.contains(words),
                "item {} ({}): {words:?} is not told",
                item.number,
                item.what
            );
        }
    }
}

#[test]
fn no_item_is_forgotten() {
    let mut numbers: Vec<u32> = ITEMS.iter().map(|item| item.number).collect();
    numbers.extend(ELSEWHERE.iter().map(|(number, _)| number));
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
}
