//! Daylight saving in six zones that have it and two that have none, leap days, ends of years, and what Quartz means by its signs.

use proptest::prelude::*;

use super::*;

/// The next instants, told in the zone with their offsets.
fn next(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let zone = TimeZone::get(zone).unwrap();
    let fires = Schedule::parse(expression)
        .unwrap()
        .fires("5bb4e8a4-5e0f-4c4a-9f2b-0d4c4c4f3a11", zone.clone());
    let mut at = after.parse::<Timestamp>().unwrap();
    let mut told = Vec::new();
    for _ in 0..count {
        let Some(found) = fires.next_after(at) else {
            break;
        };
        told.push(
            found
                .to_zoned(zone.clone())
                .strftime("%Y-%m-%d %H:%M:%S %:z")
                .to_string(),
        );
        at = found;
    }
    told
}

#[track_caller]
fn assert_next(expression: &str, zone: &str, after: &str, expected: &[&str]) {
    assert_eq!(
        next(expression, zone, after, expected.len()),
        expected,
        "{expression} in {zone} after {after}"
    );
}

#[test]
fn a_time_that_does_not_exist_fires_as_much_later_as_the_clocks_went() {
    const EARLY: &str = "0 30 2 * * ?";
    const MIDNIGHT: &str = "0 30 0 * * ?";
    for (zone, expression, after, expected) in [
        (
            "America/Los_Angeles",
            EARLY,
            "2026-03-07T12:00:00Z",
            ["2026-03-08 03:30:00 -07:00", "2026-03-09 02:30:00 -07:00"],
        ),
        (
            "Europe/Berlin",
            EARLY,
            "2026-03-28T12:00:00Z",
            ["2026-03-29 03:30:00 +02:00", "2026-03-30 02:30:00 +02:00"],
        ),
        (
            "Australia/Sydney",
            EARLY,
            "2026-10-03T12:00:00Z",
            ["2026-10-04 03:30:00 +11:00", "2026-10-05 02:30:00 +11:00"],
        ),
        // There the clocks go by half an hour: 02:00 becomes 02:30, so 02:30 exists.
        (
            "Australia/Lord_Howe",
            EARLY,
            "2026-10-03T12:00:00Z",
            ["2026-10-04 02:30:00 +11:00", "2026-10-05 02:30:00 +11:00"],
        ),
        // There they go at midnight.
        (
            "Africa/Cairo",
            MIDNIGHT,
            "2026-04-23T12:00:00Z",
            ["2026-04-24 01:30:00 +03:00", "2026-04-25 00:30:00 +03:00"],
        ),
        (
            "America/Santiago",
            MIDNIGHT,
            "2026-09-05T12:00:00Z",
            ["2026-09-06 01:30:00 -03:00", "2026-09-07 00:30:00 -03:00"],
        ),
        // Nothing changes.
        (
            "Asia/Kolkata",
            EARLY,
            "2026-03-28T12:00:00Z",
            ["2026-03-29 02:30:00 +05:30", "2026-03-30 02:30:00 +05:30"],
        ),
        (
            "UTC",
            EARLY,
            "2026-03-28T12:00:00Z",
            ["2026-03-29 02:30:00 +00:00", "2026-03-30 02:30:00 +00:00"],
        ),
    ] {
        assert_next(expression, zone, after, &expected);
    }
}

#[test]
fn a_time_that_exists_twice_fires_the_first_time() {
    for (zone, expression, after, expected) in [
        (
            "America/Los_Angeles",
            "0 30 1 * * ?",
            "2026-10-31T12:00:00Z",
            ["2026-11-01 01:30:00 -07:00", "2026-11-02 01:30:00 -08:00"],
        ),
        (
            "Europe/Berlin",
            "0 30 2 * * ?",
            "2026-10-24T12:00:00Z",
            ["2026-10-25 02:30:00 +02:00", "2026-10-26 02:30:00 +01:00"],
        ),
        (
            "Australia/Sydney",
            "0 30 2 * * ?",
            "2026-04-04T00:00:00Z",
            ["2026-04-05 02:30:00 +11:00", "2026-04-06 02:30:00 +10:00"],
        ),
        (
            "Australia/Lord_Howe",
            "0 45 1 * * ?",
            "2026-04-04T00:00:00Z",
            ["2026-04-05 01:45:00 +11:00", "2026-04-06 01:45:00 +10:30"],
        ),
        // Back to the day before.
        (
            "Africa/Cairo",
            "0 30 23 * * ?",
            "2026-10-29T12:00:00Z",
            ["2026-10-29 23:30:00 +03:00", "2026-10-30 23:30:00 +02:00"],
        ),
        (
            "America/Santiago",
            "0 30 23 * * ?",
            "2026-04-04T12:00:00Z",
            ["2026-04-04 23:30:00 -03:00", "2026-04-05 23:30:00 -04:00"],
        ),
    ] {
        assert_next(expression, zone, after, &expected);
    }
}

#[test]
fn a_schedule_for_every_hour_goes_by_elapsed_time() {
    assert_next(
        "0 0/30 * * * ?",
        "America/Los_Angeles",
        "2026-11-01T08:15:00Z",
        &[
            "2026-11-01 01:30:00 -07:00",
            "2026-11-01 01:00:00 -08:00",
            "2026-11-01 01:30:00 -08:00",
            "2026-11-01 02:00:00 -08:00",
        ],
    );
    assert_next(
        "0 0/30 * * * ?",
        "America/Los_Angeles",
        "2026-03-08T09:15:00Z",
        &[
            "2026-03-08 01:30:00 -08:00",
            "2026-03-08 03:00:00 -07:00",
            "2026-03-08 03:30:00 -07:00",
            "2026-03-08 04:00:00 -07:00",
        ],
    );
}

#[test]
fn two_hours_that_meet_in_a_gap_fire_once() {
    assert_next(
        "0 0,45 2,3 * * ?",
        "Europe/Berlin",
        "2026-03-28T22:00:00Z",
        &[
            "2026-03-29 03:00:00 +02:00",
            "2026-03-29 03:45:00 +02:00",
            "2026-03-30 02:00:00 +02:00",
        ],
    );
}

#[test]
fn the_search_may_begin_within_a_gap_or_a_second_pass() {
    // 01:10Z is 03:10 in Berlin, ten minutes after the clocks went forward.
    assert_next(
        "0 30 2 * * ?",
        "Europe/Berlin",
        "2026-03-29T01:10:00Z",
        &["2026-03-29 03:30:00 +02:00"],
    );
    // 01:10Z is 02:10 for the second time.
    assert_next(
        "0 30 2 * * ?",
        "Europe/Berlin",
        "2026-10-25T01:10:00Z",
        &["2026-10-26 02:30:00 +01:00"],
    );
}

#[test]
fn leap_days_and_ends_of_years() {
    assert_next(
        "0 0 0 29 2 ?",
        "UTC",
        "2026-01-01T00:00:00Z",
        &["2028-02-29 00:00:00 +00:00", "2032-02-29 00:00:00 +00:00"],
    );
    assert_next(
        "0 0 12 29 2 ? 2097-2110",
        "UTC",
        "2026-01-01T00:00:00Z",
        &["2104-02-29 12:00:00 +00:00", "2108-02-29 12:00:00 +00:00"],
    );
    assert_next(
        "59 59 23 31 12 ?",
        "Pacific/Auckland",
        "2026-12-30T00:00:00Z",
        &["2026-12-31 23:59:59 +13:00", "2027-12-31 23:59:59 +13:00"],
    );
    assert_next(
        "0 0/30 * * * ?",
        "UTC",
        "2026-12-31T23:30:00Z",
        &["2027-01-01 00:00:00 +00:00"],
    );
}

#[test]
fn days_as_quartz_means_them() {
    for (expression, expected) in [
        ("0 0 1 L * ?", ["01-31", "02-28", "03-31"]),
        ("0 0 1 L-3 * ?", ["01-28", "02-25", "03-28"]),
        // 31 January 2026 is a Saturday, 28 February too.
        ("0 0 1 LW * ?", ["01-30", "02-27", "03-31"]),
        // 1 February 2026 is a Sunday, 1 March too; a Saturday on the first goes forward.
        ("0 0 1 1W * ?", ["01-01", "02-02", "03-02"]),
        ("0 0 1 31W * ?", ["01-30", "03-31", "05-29"]),
        ("0 0 1 ? * 6L", ["01-30", "02-27", "03-27"]),
        ("0 0 1 ? * FRI#3", ["01-16", "02-20", "03-20"]),
        ("0 0 1 ? * FRI#5", ["01-30", "05-29", "07-31"]),
        ("0 0 1 ? * L", ["01-03", "01-10", "01-17"]),
        ("0 0 1 ? * FRI-MON", ["01-02", "01-03", "01-04"]),
        ("0 0 1 1,15-16 * ?", ["01-01", "01-15", "01-16"]),
        ("0 0 1 5/10 * ?", ["01-05", "01-15", "01-25"]),
        ("0 0 1 31 * ?", ["01-31", "03-31", "05-31"]),
        ("0 0 1 1 NOV-FEB ?", ["01-01", "02-01", "11-01"]),
    ] {
        let found: Vec<String> = next(expression, "UTC", "2025-12-31T23:00:00Z", 3)
            .iter()
            .map(|told| told[5..10].to_owned())
            .collect();
        assert_eq!(found, expected, "{expression}");
    }
    assert_next(
        "0 0 22-1 * * ?",
        "UTC",
        "2026-01-01T21:00:00Z",
        &[
            "2026-01-01 22:00:00 +00:00",
            "2026-01-01 23:00:00 +00:00",
            "2026-01-02 00:00:00 +00:00",
            "2026-01-02 01:00:00 +00:00",
            "2026-01-02 22:00:00 +00:00",
        ],
    );
}

#[test]
fn what_never_fires_again_says_so() {
    assert!(next("0 0 0 30 2 ?", "Europe/Berlin", "2026-01-01T00:00:00Z", 1).is_empty());
    assert!(next("0 0 0 1 1 ? 2020", "UTC", "2026-01-01T00:00:00Z", 1).is_empty());
    assert!(next("* * * * * ?", "UTC", "2199-12-31T23:59:59Z", 1).is_empty());
}

#[test]
fn h_follows_from_the_id() {
    // As Java has it.
    assert_eq!(hash_code("hello"), 99_162_322);
    assert_eq!(hash_code("trigger-1"), -648_753_828);
    assert_eq!(hash_code(""), 0);
    let fires = Schedule::parse("H H H * * ?")
        .unwrap()
        .fires("trigger-1", TimeZone::UTC);
    let told = fires.next_after("2026-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(told.unwrap().to_string(), "2026-01-01T12:48:48Z");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Compared with a look at every second, around changes of the offset.
    #[test]
    fn it_is_the_first_second_that_matches(
        second in 0_u8..60, minute in 0_u8..60, hour in 0_u8..24, every in prop::sample::select(vec!["hour", "minute", "none"]),
        zone in prop::sample::select(vec!["America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca"]),
        day in 0_i64..366,
    ) {
        let expression = match every {
            "hour" => format!("{second} {minute} * * * ?"),
            "minute" => format!("{second} * {hour} * * ?"),
            _ => format!("{second} {minute} {hour} * * ?"),
        };
        let zone = TimeZone::get(zone).unwrap();
        let fires = Schedule::parse(&expression).unwrap().fires("", zone.clone());
        let after = Timestamp::from_second(1_767_225_600 + day * 86_400).unwrap();
        let found = fires.next_after(after).unwrap();
        prop_assert!(found > after);
        let matches = |at: Timestamp| {
            let time = at.to_zoned(zone.clone()).time();
            let same = |is: i8, wanted: u8| is.unsigned_abs() == wanted;
            same(time.second(), second)
                && (every == "minute" || same(time.minute(), minute))
                && (every == "hour" || same(time.hour(), hour))
        };
        // Before it nothing matches, unless it is the second pass of a local time.
        for seconds in 1..found.duration_since(after).as_secs().min(90_000) {
            let at = after + seconds.seconds();
            if matches(at) {
                let is_second = (zone.to_offset(at) != zone.to_offset(at - 3.hours())) && every != "hour";
                prop_assert!(is_second, "{expression} left {at} out");
            }
        }
        // What it found matches, unless it lies behind a gap.
        prop_assert!(matches(found) || zone.to_offset(found) != zone.to_offset(found - 1.hour()), "{expression}: {found}");
    }
}
