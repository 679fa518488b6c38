//! Names of time zones, in English.

use jiff::tz::TimeZone;

use crate::types::{calendar, time};

/// Minutes from UTC and the name, as `DateFormatSymbols.getZoneStrings` has them; of zones with one name the first.
const NAMES: &str = include_str!("zones.txt");

/// How a zone is called at an instant.
pub(super) fn name(zone: &TimeZone, millis: i64, long: bool) -> String {
    let millis = match calendar::is_known(millis) {
        true => millis,
        false => winter(zone),
    };
    let Ok(timestamp) = time::instant_of_millis(millis) else {
        return String::new();
    };
    let info = zone.to_offset_info(timestamp);
    let short = info.abbreviation().to_owned();
    if long {
        let known = match short.as_str() {
            "UTC" => "Coordinated Universal Time",
            "GMT" => "Greenwich Mean Time",
            "CET" => "Central European Standard Time",
            "CEST" => "Central European Summer Time",
            "EST" => "Eastern Standard Time",
            "EDT" => "Eastern Daylight Time",
            "CST" => "Central Standard Time",
            "CDT" => "Central Daylight Time",
            "MST" => "Mountain Standard Time",
            "MDT" => "Mountain Daylight Time",
            "PST" => "Pacific Standard Time",
            "PDT" => "Pacific Daylight Time",
            "JST" => "Japan Standard Time",
            _ => return short,
        };
        return known.to_owned();
    }
    if short.starts_with(['+', '-']) {
        let seconds = info.offset().seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        return format!(
            "GMT{sign}{:02}:{:02}",
            seconds.abs() / 3_600,
            seconds.abs() / 60 % 60
        );
    }
    short
}

/// An instant at which there is no summer time.
fn winter(zone: &TimeZone) -> i64 {
    let [january, july] = calendar::LATE_MS;
    let seconds = |millis| calendar::offset_seconds(millis, zone).unwrap_or_default();
    match seconds(july) < seconds(january) {
        true => july,
        false => january,
    }
}

/// What a name at the start of a text says, and the characters of the name. Names that the zone itself has go first.
pub(super) fn read(text: &[char], zone: &TimeZone, now_ms: i64) -> Option<(i64, usize)> {
    const HALF_A_YEAR: i64 = 182 * 86_400_000;
    for millis in [now_ms, now_ms + HALF_A_YEAR] {
        for long in [true, false] {
            let own = name(zone, millis, long);
            if own.starts_with(|c: char| c.is_ascii_alphabetic()) && begins_with(text, &own) {
                let offset = zone.to_offset(time::instant_of_millis(millis).ok()?);
                return Some((i64::from(offset.seconds()) / 60, own.chars().count()));
            }
        }
    }
    NAMES.lines().find_map(|line| {
        let (minutes, name) = line.split_once(' ')?;
        if !begins_with(text, name) {
            return None;
        }
        Some((minutes.parse().ok()?, name.chars().count()))
    })
}

/// Whether the text begins with the name, in whatever case.
pub(super) fn begins_with(text: &[char], name: &str) -> bool {
    let mut characters = text.iter();
    name.chars().all(|wanted| {
        characters
            .next()
            .is_some_and(|found| found.eq_ignore_ascii_case(&wanted))
    })
}
