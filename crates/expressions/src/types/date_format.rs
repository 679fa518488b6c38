//! `java.text.SimpleDateFormat` (English names) and `Date.toString`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::time;
use crate::error::{Error, Result};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const LETTERS: &str = "GyMdkHmsSEDFwWahKzZYuXL";

/// `Date.toString`
pub(crate) fn date_text(millis: i64, zone: &TimeZone) -> String {
    format("EEE MMM dd HH:mm:ss zzz yyyy", millis, zone).unwrap_or_else(|_| format!("{millis}"))
}

enum Piece {
    Literal(String),
    Field(char, usize),
}

/// Checks a pattern as the constructor does.
pub(crate) fn check(pattern: &str) -> Result<()> {
    pieces(pattern).map(drop)
}

fn pieces(pattern: &str) -> Result<Vec<Piece>> {
    let mut out = Vec::new();
    let mut literal = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            if chars.next_if_eq(&'\'').is_some() {
                literal.push('\'');
                continue;
            }
            loop {
                match chars.next() {
                    None => return Err(Error::illegal_argument("Unterminated quote")),
                    Some('\'') if chars.peek() == Some(&'\'') => {
                        literal.push('\'');
                        chars.next();
                    }
                    Some('\'') => break,
                    Some(c) => literal.push(c),
                }
            }
            continue;
        }
        if !c.is_ascii_alphabetic() {
            literal.push(c);
            continue;
        }
        if !LETTERS.contains(c) {
            return Err(Error::illegal_argument(format!(
                "Illegal pattern character '{c}'"
            )));
        }
        let mut count = 1;
        while chars.next_if_eq(&c).is_some() {
            count += 1;
        }
        if c == 'X' && count > 3 {
            return Err(Error::illegal_argument(format!(
                "invalid ISO 8601 format: length={count}"
            )));
        }
        if !literal.is_empty() {
            out.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        out.push(Piece::Field(c, count));
    }
    if !literal.is_empty() {
        out.push(Piece::Literal(literal));
    }
    Ok(out)
}

/// `SimpleDateFormat.format`
pub(crate) fn format(pattern: &str, millis: i64, zone: &TimeZone) -> Result<String> {
    let timestamp = time::instant_of_millis(millis)?;
    let zoned = timestamp.to_zoned(zone.clone());
    let t = zoned.datetime();
    let mut out = String::new();
    let number =
        |out: &mut String, value: i64, width: usize| out.push_str(&format!("{value:0width$}"));
    for piece in pieces(pattern)? {
        let (field, count) = match piece {
            Piece::Literal(text) => {
                out.push_str(&text);
                continue;
            }
            Piece::Field(field, count) => (field, count),
        };
        match field {
            'G' => out.push_str(if t.year() > 0 { "AD" } else { "BC" }),
            'y' | 'Y' => {
                let year = if field == 'Y' {
                    week_year(t).0
                } else {
                    i64::from(t.year())
                };
                let year = if year <= 0 { 1 - year } else { year };
                if count == 2 {
                    number(&mut out, year % 100, 2)
                } else {
                    number(&mut out, year, count)
                }
            }
            'M' | 'L' => {
                let name = MONTHS[t.month() as usize - 1];
                match count {
                    0..=2 => number(&mut out, t.month().into(), count),
                    3 => out.push_str(&name[..3]),
                    _ => out.push_str(name),
                }
            }
            'd' => number(&mut out, t.day().into(), count),
            'k' => number(
                &mut out,
                if t.hour() == 0 { 24 } else { t.hour().into() },
                count,
            ),
            'H' => number(&mut out, t.hour().into(), count),
            'K' => number(&mut out, i64::from(t.hour()) % 12, count),
            'h' => {
                let hour = i64::from(t.hour()) % 12;
                number(&mut out, if hour == 0 { 12 } else { hour }, count);
            }
            'm' => number(&mut out, t.minute().into(), count),
            's' => number(&mut out, t.second().into(), count),
            'S' => number(
                &mut out,
                i64::from(t.subsec_nanosecond() / 1_000_000),
                count,
            ),
            'E' => {
                let name = DAYS[weekday(t) as usize - 1];
                out.push_str(if count >= 4 { name } else { &name[..3] });
            }
            'u' => number(&mut out, weekday(t), count),
            'D' => number(&mut out, t.date().day_of_year().into(), count),
            'F' => number(&mut out, (i64::from(t.day()) - 1) / 7 + 1, count),
            'w' => number(&mut out, week_year(t).1, count),
            'W' => {
                // Weeks begin on Sunday; the first of a month may be short.
                let first = (weekday(t) % 7 - (i64::from(t.day()) - 1)).rem_euclid(7);
                number(&mut out, (i64::from(t.day()) - 1 + first) / 7 + 1, count);
            }
            'a' => out.push_str(if t.hour() < 12 { "AM" } else { "PM" }),
            'z' => out.push_str(&zone_name(zone, timestamp, count >= 4)),
            'Z' | 'X' => {
                let seconds = zoned.offset().seconds();
                let sign = if seconds < 0 { '-' } else { '+' };
                let (hours, minutes) = (seconds.abs() / 3_600, seconds.abs() / 60 % 60);
                out.push_str(&match (field, count) {
                    ('X', _) if seconds == 0 => "Z".to_owned(),
                    ('X', 1) => format!("{sign}{hours:02}"),
                    ('X', 3) => format!("{sign}{hours:02}:{minutes:02}"),
                    _ => format!("{sign}{hours:02}{minutes:02}"),
                });
            }
            _ => {}
        }
    }
    Ok(out)
}

/// 1 is Monday.
fn weekday(t: DateTime) -> i64 {
    i64::from(t.weekday().to_monday_one_offset())
}

/// Year and week as the calendar of the United States counts them: Sunday first, week 1 holds January 1.
fn week_year(t: DateTime) -> (i64, i64) {
    let sunday_based = weekday(t) % 7;
    let day = i64::from(t.date().day_of_year()) - 1;
    let first_weekday = (sunday_based - day).rem_euclid(7);
    let week = (day + first_weekday) / 7 + 1;
    let length = i64::from(t.date().days_in_year());
    let next_first = (first_weekday + length) % 7;
    if next_first != 0 && day >= length - next_first {
        (i64::from(t.year()) + 1, 1)
    } else {
        (i64::from(t.year()), week)
    }
}

fn zone_name(zone: &TimeZone, timestamp: jiff::Timestamp, long: bool) -> String {
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

#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    hour12: Option<i64>,
    pm: Option<bool>,
    minute: i64,
    second: i64,
    millis: i64,
    offset: Option<i64>,
    zone: Option<TimeZone>,
}

/// `SimpleDateFormat.parse`, lenient: values out of range carry over, text behind the date is ignored.
pub(crate) fn parse(pattern: &str, text: &str, zone: &TimeZone) -> Result<i64> {
    let failure = || {
        Error::new(
            "java.text.ParseException",
            format!("Unparseable date: \"{text}\""),
        )
    };
    let pieces = pieces(pattern)?;
    let mut fields = Fields::default();
    let mut rest = text;
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => rest = skip_literal(rest, literal).ok_or_else(failure)?,
            Piece::Field(field, count) => {
                let adjoining = matches!(pieces.get(at + 1), Some(Piece::Field(next, _)) if is_numeric(*next, 1));
                rest =
                    read_field(&mut fields, *field, *count, adjoining, rest).ok_or_else(failure)?;
            }
        }
    }
    resolve(&fields, zone).ok_or_else(failure)
}

fn is_numeric(field: char, count: usize) -> bool {
    match field {
        'M' | 'L' => count <= 2,
        'y' | 'Y' | 'd' | 'k' | 'H' | 'm' | 's' | 'S' | 'D' | 'F' | 'w' | 'W' | 'h' | 'K' | 'u' => {
            true
        }
        _ => false,
    }
}

fn skip_literal<'t>(text: &'t str, literal: &str) -> Option<&'t str> {
    text.strip_prefix(literal)
}

fn read_number(text: &str, width: Option<usize>) -> Option<(i64, usize, &str)> {
    let trimmed = text.trim_start_matches([' ', '\t']);
    let (sign, unsigned) = match trimmed.strip_prefix('-') {
        Some(rest) if width.is_none() => (-1, rest),
        _ => (1, trimmed),
    };
    let most = width.unwrap_or(18);
    let count = unsigned
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    if count == 0 || width.is_some_and(|width| count < width) {
        return None;
    }
    let value: i64 = unsigned[..count].parse().ok()?;
    Some((sign * value, count, &unsigned[count..]))
}

fn read_name<'t>(text: &'t str, names: &[&str]) -> Option<(i64, &'t str)> {
    let text = text.trim_start_matches([' ', '\t']);
    let starts = |name: &str| {
        text.get(..name.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(name))
    };
    let full = names
        .iter()
        .position(|name| starts(name))
        .map(|at| (at, names[at].len()));
    let (at, length) = full.or_else(|| {
        names
            .iter()
            .position(|name| starts(&name[..3]))
            .map(|at| (at, 3))
    })?;
    Some((at as i64 + 1, &text[length..]))
}

fn read_field<'t>(
    fields: &mut Fields,
    field: char,
    count: usize,
    adjoining: bool,
    text: &'t str,
) -> Option<&'t str> {
    match field {
        'G' => {
            let trimmed = text.trim_start();
            return trimmed
                .strip_prefix("AD")
                .or_else(|| trimmed.strip_prefix("BC"));
        }
        'M' | 'L' if count >= 3 => {
            let (month, rest) = read_name(text, &MONTHS)?;
            fields.month = Some(month);
            return Some(rest);
        }
        'E' => return read_name(text, &DAYS).map(|(_, rest)| rest),
        'a' => {
            let trimmed = text.trim_start();
            let half = trimmed.get(..2)?;
            fields.pm = Some(if half.eq_ignore_ascii_case("PM") {
                true
            } else if half.eq_ignore_ascii_case("AM") {
                false
            } else {
                return None;
            });
            return Some(&trimmed[2..]);
        }
        'z' | 'Z' | 'X' => return read_zone(fields, text),
        _ => {}
    }
    let width = adjoining.then_some(count);
    let (value, digits, rest) = read_number(text, width)?;
    match field {
        'y' | 'Y' => {
            // Two digits mean the century around now: 80 years back, 20 ahead of 2025.
            let short = count <= 2 && digits == 2 && value >= 0;
            fields.year = Some(match short {
                true if value > 45 => 1_900 + value,
                true => 2_000 + value,
                false => value,
            });
        }
        'M' | 'L' => fields.month = Some(value),
        'd' => fields.day = Some(value),
        'D' => fields.day_of_year = Some(value),
        'H' => fields.hour = Some(value),
        'k' => fields.hour = Some(if value == 24 { 0 } else { value }),
        'h' => fields.hour12 = Some(if value == 12 { 0 } else { value }),
        'K' => fields.hour12 = Some(value),
        'm' => fields.minute = value,
        's' => fields.second = value,
        'S' => fields.millis = value,
        _ => {}
    }
    Some(rest)
}

fn read_zone<'t>(fields: &mut Fields, text: &'t str) -> Option<&'t str> {
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix('Z') {
        fields.offset = Some(0);
        return Some(rest);
    }
    let body = text.strip_prefix("GMT").unwrap_or(text);
    if let Some(rest) = body.strip_prefix(['+', '-']) {
        let sign = if body.starts_with('-') { -1 } else { 1 };
        let digits: String = rest
            .chars()
            .filter(|c| c.is_ascii_digit())
            .take(4)
            .collect();
        let used = rest
            .char_indices()
            .take_while(|(at, c)| c.is_ascii_digit() && *at < 5 || *c == ':' && *at == 2)
            .count();
        let hours: i64 = digits.get(..2)?.parse().ok()?;
        let minutes: i64 = digits.get(2..4).map_or(Some(0), |m| m.parse().ok())?;
        fields.offset = Some(sign * (hours * 3_600 + minutes * 60));
        return rest.get(used..);
    }
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '/' || c == '_'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let hours = match name {
        "UTC" | "GMT" | "UT" => Some(0),
        "EST" => Some(-5),
        "EDT" => Some(-4),
        "CST" => Some(-6),
        "CDT" => Some(-5),
        "MST" => Some(-7),
        "MDT" => Some(-6),
        "PST" => Some(-8),
        "PDT" => Some(-7),
        "CET" => Some(1),
        "CEST" => Some(2),
        "JST" => Some(9),
        _ => None,
    };
    match hours {
        Some(hours) => fields.offset = Some(hours * 3_600),
        None => fields.zone = Some(time::zone(name).ok()?),
    }
    Some(rest)
}

fn resolve(fields: &Fields, zone: &TimeZone) -> Option<i64> {
    let limit = |value: i64| {
        (-100_000_000_000..=100_000_000_000)
            .contains(&value)
            .then_some(value)
    };
    let month = limit(fields.month.unwrap_or(1))? - 1;
    let year = limit(fields.year.unwrap_or(1970))? + month.div_euclid(12);
    let first = time::date(
        i32::try_from(year).ok()?,
        month.rem_euclid(12) as i32 + 1,
        1,
    )
    .ok()?;
    let mut days = time::epoch_day(first) + limit(fields.day.unwrap_or(1))? - 1;
    if let Some(day_of_year) = fields
        .day_of_year
        .filter(|_| fields.day.is_none() && fields.month.is_none())
    {
        days = time::epoch_day(first) + limit(day_of_year)? - 1;
    }
    let hour = match (fields.hour, fields.hour12) {
        (Some(hour), _) => hour,
        (None, Some(hour)) => hour + if fields.pm == Some(true) { 12 } else { 0 },
        (None, None) => 0,
    };
    let seconds = limit(hour)? * 3_600 + limit(fields.minute)? * 60 + limit(fields.second)?;
    let millis = seconds
        .checked_mul(1_000)?
        .checked_add(limit(fields.millis)?)?;
    let total = days.checked_mul(86_400_000)?.checked_add(millis)?;
    if let Some(offset) = fields.offset {
        return total.checked_sub(offset * 1_000);
    }
    let local = time::civil(total, &TimeZone::UTC).ok()?;
    time::millis(local, fields.zone.as_ref().unwrap_or(zone)).ok()
}

/// The deprecated `new Date("…")`: the forms that occur.
pub(crate) fn parse_legacy(text: &str, zone: &TimeZone) -> Option<i64> {
    let forms = [
        "EEE MMM dd HH:mm:ss zzz yyyy",
        "EEE, dd MMM yyyy HH:mm:ss zzz",
        "dd MMM yyyy HH:mm:ss zzz",
        "dd MMM yyyy HH:mm:ss",
        "MMM dd, yyyy HH:mm:ss",
        "yyyy/MM/dd HH:mm:ss",
        "MM/dd/yyyy HH:mm:ss",
        "dd MMM yyyy",
        "MMM dd, yyyy",
        "yyyy/MM/dd",
        "MM/dd/yyyy",
    ];
    forms.iter().find_map(|form| parse(form, text, zone).ok())
}
