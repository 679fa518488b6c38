//! `java.text.SimpleDateFormat` (English names) and `Date.toString`.

mod parse;
mod zones;

pub(crate) use self::parse::{parse, parse_legacy};

use jiff::tz::TimeZone;

use super::calendar::Moment;
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
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const ERAS: [(&str, &str); 2] = [("BC", "Before Christ"), ("AD", "Anno Domini")];
const LETTERS: &str = "GyMdkHmsSEDFwWahKzZYuXL";

/// `Date.toString`
pub(crate) fn date_text(millis: i64, zone: &TimeZone) -> String {
    format("EEE MMM dd HH:mm:ss zzz y", millis, zone).unwrap_or_else(|_| format!("{millis}"))
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
    let moment = Moment::of(millis, zone)?;
    let mut out = String::new();
    for piece in pieces(pattern)? {
        match piece {
            Piece::Literal(text) => out.push_str(&text),
            Piece::Field(field, count) => {
                if let Some(number) = number(field, &moment) {
                    push_number(&mut out, field, count, number);
                } else {
                    push_name(&mut out, field, count, &moment, millis, zone);
                }
            }
        }
    }
    Ok(out)
}

/// What a letter stands for, if that is a number.
fn number(field: char, moment: &Moment) -> Option<i64> {
    let day = moment.day;
    Some(match field {
        'y' => day.year_of_era(),
        'Y' => day.week_year(),
        'M' | 'L' => day.month,
        'd' => day.day,
        'k' if moment.hour() == 0 => 24,
        'k' | 'H' => moment.hour(),
        'K' => moment.hour() % 12,
        'h' => (moment.hour() + 11) % 12 + 1,
        'm' => moment.minute(),
        's' => moment.second(),
        'S' => moment.millis_of_day % 1_000,
        'u' => (day.weekday() + 5) % 7 + 1,
        'D' => day.day_of_year(),
        'F' => day.weekday_in_month(),
        'w' => day.week_of_year(),
        'W' => day.week_of_month(),
        _ => return None,
    })
}

fn push_number(out: &mut String, field: char, count: usize, number: i64) {
    if matches!(field, 'M' | 'L') && count >= 3 {
        let name = usize::try_from(number - 1).map_or("", |at| MONTHS[at % 12]);
        out.push_str(if count == 3 { &name[..3] } else { name });
        return;
    }
    let two = matches!(field, 'y' | 'Y') && count == 2;
    if number < 0 {
        out.push('-');
    }
    let shown = if two {
        number.abs() % 100
    } else {
        number.abs()
    };
    out.push_str(&format!("{shown:0count$}"));
}

fn push_name(
    out: &mut String,
    field: char,
    count: usize,
    moment: &Moment,
    millis: i64,
    zone: &TimeZone,
) {
    match field {
        'G' => {
            out.push_str(ERAS[usize::from(moment.day.year > 0)].0);
        }
        'E' => {
            let name = usize::try_from(moment.day.weekday() - 1).map_or("", |at| DAYS[at % 7]);
            out.push_str(if count >= 4 { name } else { &name[..3] });
        }
        'a' => out.push_str(if moment.hour() < 12 { "AM" } else { "PM" }),
        'z' => out.push_str(&zones::name(zone, millis, count >= 4)),
        _ => {
            let seconds = moment.offset_seconds;
            let sign = if seconds < 0 { '-' } else { '+' };
            let (hours, minutes) = (seconds.abs() / 3_600, seconds.abs() / 60 % 60);
            out.push_str(&match (field, count) {
                ('X', _) if seconds == 0 => "Z".to_owned(),
                ('X', 1) => format!("{sign}{hours:02}"),
                ('X', 3) => format!("{sign}{hours:02}:{minutes:02}"),
                _ => format!("{sign}{hours:02}{minutes:02}"),
            });
        }
    }
}
