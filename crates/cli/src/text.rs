//! Text for people: durations, times, widths, names that may contain anything, and "did you mean".

use jiff::{Timestamp, tz::TimeZone};

/// A duration in milliseconds as people say it: `0.4s`, `41s`, `3m 2s`, `1h 04m 12s`, `2d 03h 04m`.
#[must_use]
pub fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    let seconds = ms / 1000;
    let (days, hours, minutes, rest) = (
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    );
    if ms < 1000 {
        format!("0.{}s", ms / 100)
    } else if seconds < 60 {
        format!("{rest}s")
    } else if seconds < 3600 {
        format!("{minutes}m {rest}s")
    } else if days == 0 {
        format!("{hours}h {minutes:02}m {rest:02}s")
    } else {
        format!("{days}d {hours:02}h {minutes:02}m")
    }
}

/// An instant in epoch milliseconds, relative below a day and absolute beyond.
#[must_use]
pub fn ago(now_ms: i64, then_ms: i64) -> String {
    let seconds = (now_ms - then_ms).max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds}s ago"),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86_400 => format!("{}h ago", seconds / 3600),
        _ => format_utc(then_ms, "%Y-%m-%d %H:%MZ"),
    }
}

/// An instant as `2026-11-20T12:04:31Z`.
#[must_use]
pub fn instant(ms: i64) -> String {
    format_utc(ms, "%Y-%m-%dT%H:%M:%SZ")
}

/// An instant as `2026-11-20T12:04:31.220Z`, for machines.
#[must_use]
pub fn instant_ms(ms: i64) -> String {
    format_utc(ms, "%Y-%m-%dT%H:%M:%S.%3fZ")
}

/// Reads `90s`, `5m`, `2h`, `7d`, `1w` (a span before now), a date, or an RFC 3339 instant; epoch milliseconds.
///
/// # Errors
/// A sentence that says what is accepted.
pub fn since(text: &str, now_ms: i64) -> Result<i64, String> {
    let wrong = || {
        format!(
            "'{}' is no time: write 90s, 5m, 2h, 7d, 2026-11-20 or 2026-11-20T12:00:00Z",
            clean(text)
        )
    };
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp.as_millisecond());
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        let zoned = date.to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
        return Ok(zoned.timestamp().as_millisecond());
    }
    let (digits, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    let unit_ms = match unit {
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(unit_ms)
        .map(|span| now_ms - span)
        .ok_or_else(wrong)
}

/// One line without anything that a terminal would obey: control characters become `?`, line ends and tabs a blank.
/// Names and messages come from documents that others wrote.
#[must_use]
pub fn clean(text: &str) -> String {
    printable(text.trim())
}

/// As [`clean`], with the blanks at both ends: for text in which places are counted.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_unprintable(c) => '?',
            c => c,
        })
        .collect()
}

/// The first line of what somebody wrote, cleaned, at most `columns` wide.
#[must_use]
pub fn first_line(text: &str, columns: usize) -> String {
    fit(
        &clean(text.trim().lines().next().unwrap_or_default()),
        columns,
    )
}

/// Columns that the text takes on a terminal.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// The text cut to at most `limit` columns, ending in `..` where something was cut.
#[must_use]
pub fn fit(text: &str, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(2);
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += char_columns(c);
        if used > room {
            break;
        }
        cut.push(c);
    }
    cut.push_str(&".."[..limit.min(2)]);
    cut
}

/// The text cut or filled with blanks to exactly `width` columns.
#[must_use]
pub fn pad(text: &str, width: usize) -> String {
    let mut padded = fit(text, width);
    padded.extend(std::iter::repeat_n(
        ' ',
        width.saturating_sub(columns(&padded)),
    ));
    padded
}

/// Rows under a heading, in columns as wide as their widest cell but for the last one. Lines never end in blanks.
#[must_use]
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let widths: Vec<usize> = (0..heading.len())
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| columns(cell))
                .chain([heading[column].len()])
                .max()
                .unwrap_or_default()
        })
        .collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| pad(cell, *width))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    std::iter::once(line(heading.to_vec()))
        .chain(
            rows.iter()
                .map(|row| line(row.iter().map(String::as_str).collect())),
        )
        .collect()
}

/// One segment of a path or one value of a query, percent-encoded: everything outside `A-Z a-z 0-9 - . _ ~`.
#[must_use]
pub fn encode(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The candidate that the word was probably meant to be: at most a third of its letters differ, case aside.
#[must_use]
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = word.to_lowercase().chars().take(100).collect();
    let limit = (wanted.len() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `1 stage`, `2 stages`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn format_utc(ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(ms).map_or_else(
        |_| ms.to_string(),
        |timestamp| {
            timestamp
                .to_zoned(TimeZone::UTC)
                .strftime(format)
                .to_string()
        },
    )
}

/// Control characters, and marks that reorder the text around them.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Near enough for tables: combining marks take no column, East Asian wide letters and emoji take two.
fn char_columns(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Edits between two words; a swap of neighbours counts as one.
fn distance(wanted: &[char], candidate: &str) -> usize {
    let other: Vec<char> = candidate.chars().take(100).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in wanted.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut best = (previous[j] + usize::from(a != b))
                .min(previous[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && wanted[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let said = [-5, 430, 41_000, 182_000, 3_852_000, 183_840_000].map(duration);
        assert_eq!(
            said,
            ["0.0s", "0.4s", "41s", "3m 2s", "1h 04m 12s", "2d 03h 04m"]
        );
    }

    #[test]
    fn instants_are_relative_for_a_day_and_carry_their_zone_afterwards() {
        let now = 1_763_640_271_220;
        assert_eq!(instant(now), "2025-11-20T12:04:31Z");
        assert_eq!(instant_ms(now), "2025-11-20T12:04:31.220Z");
        assert_eq!(ago(now, now - 5_000), "5s ago");
        assert_eq!(ago(now, now - 7_200_000), "2h ago");
        assert_eq!(ago(now, now - 172_800_000), "2025-11-18 12:04Z");
    }

    #[test]
    fn since_takes_spans_dates_and_instants_and_says_so_otherwise() {
        let now = 1_763_640_271_220;
        assert_eq!(since("7d", now), Ok(now - 604_800_000));
        assert_eq!(since("2025-11-20", now), Ok(1_763_596_800_000));
        assert_eq!(
            since("2025-11-20T12:04:31.220Z", now),
            Ok(1_763_640_271_220)
        );
        for wrong in ["", "7", "7y", "99999999999999999999d", "yesterday"] {
            assert!(
                since(wrong, now).unwrap_err().contains("write 90s"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn names_cannot_move_the_cursor() {
        assert_eq!(
            clean(" a\u{1b}[2J\nb\u{7}\u{202e}c\u{9b}d "),
            "a?[2J b??c?d"
        );
    }

    #[test]
    fn widths_count_columns_and_cuts_say_so() {
        assert_eq!(columns("部署e\u{301}"), 5);
        assert_eq!(fit("deploy everything", 9), "deploy ..");
        assert_eq!(fit("部署部署", 6), "部署..");
        assert_eq!(pad("ab", 4), "ab  ");
        assert_eq!(fit("abc", 1), ".");
    }

    #[test]
    fn tables_align_and_do_not_end_in_blanks() {
        let rows = vec![
            vec!["a".to_owned(), "long cell".to_owned(), String::new()],
            vec!["bb".to_owned(), "c".to_owned(), "d".to_owned()],
        ];
        assert_eq!(
            table(&["X", "Y", "Z"], &rows),
            ["X   Y          Z", "a   long cell", "bb  c          d"]
        );
    }

    #[test]
    fn segments_are_encoded_byte_by_byte() {
        assert_eq!(encode("a/b c.ü~"), "a%2Fb%20c.%C3%BC~");
    }

    #[test]
    fn a_near_miss_is_suggested_and_nothing_else() {
        let known = ["webhook", "wait", "manualJudgment"];
        assert_eq!(closest("manualJudgement", known), Some("manualJudgment"));
        assert_eq!(closest("wiat", known), Some("wait"));
        assert_eq!(closest("deployManifest", known), None);
    }
}
