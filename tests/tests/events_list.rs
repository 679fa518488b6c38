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
        10,
        "the end of an execution starts others, once and with the parent whole",
        &[
            (
                "crates/intake/src/matching/ended/tests.rs",
                "list_14_10_a_child_gets_its_parent_whole_and_a_correlation_of_its_own",
            ),
            (
                "crates/intake/src/matching/ended/tests.rs",
                "list_14_10_the_words_of_statuses",
            ),
        ],
    ),
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
        12,
        "cancelled executions send nothing",
        &[(
            "crates/intake/tests/notices.rs",
            "list_14_12_cancelled_executions_send_no_notifications",
        )],
    ),
    item(
        13,
        "notifications of the application are merged",
        &[
            (
                "crates/intake/tests/notices.rs",
                "list_14_13_what_the_application_adds_while_it_runs_is_told_at_its_end",
            ),
            (
                "crates/engine/src/notice/configured.rs",
                "list_14_13_merging_again_at_the_end_adds_only_what_is_new",
            ),
        ],
    ),
    item(
        14,
        "judgements are told once for each state",
        &[(
            "crates/intake/tests/notices/judgments.rs",
            "list_14_14_each_state_is_told_once_and_decisions_need_send_notifications",
        )],
    ),
    item(
        15,
        "the protocol of Jenkins",
        &[
            (
                "crates/jenkins/src/tests.rs",
                "a_build_is_started_followed_and_read",
            ),
            (
                "crates/jenkins/src/tests.rs",
                "what_cannot_be_started_says_why",
            ),
        ],
    ),
    item(
        16,
        "a build that is NOT_BUILT does not end its stage",
        &[(
            "crates/jenkins/src/monitor.rs",
            "not_built_never_ends_the_stage",
        )],
    ),
    item(
        17,
        "the first look fires nothing",
        &[
            (
                "crates/pollers/src/tests.rs",
                "ten_thousand_tags_are_seen_for_the_first_time_and_one_more_fires_once",
            ),
            (
                "tests/tests/registry.rs",
                "ten_thousand_tags_fire_nothing_and_one_more_fires_once_whoever_is_killed",
            ),
        ],
    )
    .departing("Nothing fires on first sight, of no source"),
    item(
        18,
        "thresholds warn and hold nothing back",
        &[(
            "crates/pollers/src/tests.rs",
            "above_the_threshold_everything_fires",
        )],
    )
    .departing("are a warning and all become events"),
    item(
        19,
        "what Google Chat and Slack are sent",
        &[
            (
                "crates/channels/src/google_chat/tests.rs",
                "list_14_19_cards_are_an_object",
            ),
            (
                "crates/channels/src/slack/tests.rs",
                "list_14_19_a_bot_posts_an_attachment",
            ),
        ],
    ),
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

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether a text has a test of that name.
fn has_test(text: &str, name: &str) -> bool {
    text.find(&format!("fn {name}(")).is_some_and(|place| {
        let before = &text[..place];
        let attribute = before.rfind("test").unwrap_or(0);
        before[attribute..].len() < 80
    })
}

#[test]
fn every_item_has_tests_that_exist() {
    for item in ITEMS {
        assert!(!item.tests.is_empty(), "{} {}", item.number, item.what);
        for (path, name) in item.tests {
            assert!(
                has_test(&read(path), name),
                "item {} ({}): {path} has no test {name}",
                item.number,
                item.what
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
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
}
