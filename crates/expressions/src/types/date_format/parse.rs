//! `SimpleDateFormat.parse` and `Date.parse`.

use jiff::tz::TimeZone;

use super::{DAYS, ERAS, MONTHS, Piece, pieces, zones};
use crate::error::{Error, Result};
use crate::types::calendar::{self, Day, Field, Fields, Moment};

/// What two digits of a year mean: the century that begins 80 years before now.
struct Century {
    start_ms: i64,
    start_year: i64,
}

impl Century {
    fn around(now_ms: i64, zone: &TimeZone) -> Result<Self> {
        let today = Moment::of(now_ms, zone)?;
        let year = today.day.year - 80;
        let mut fields = Fields::default();
        fields.set(Field::Year, year);
        fields.set(Field::Month, today.day.month - 1);
        let last =
            Day::of(calendar::of_parts(year, today.day.month + 1, 0, 0) / calendar::DAY_MILLIS);
        fields.set(Field::DayOfMonth, today.day.day.min(last.day));
        fields.set(Field::Millisecond, today.millis_of_day);
        Ok(Self {
            start_ms: fields.millis(zone).unwrap_or(i64::MIN),
            start_year: year,
        })
    }
}

struct Reader<'t> {
    text: &'t [char],
    at: usize,
    fields: Fields,
    zone: &'t TimeZone,
    now_ms: i64,
    century: Century,
    is_ambiguous: bool,
}

/// `SimpleDateFormat.parse`: values out of range carry over, text behind the date is ignored.
pub(crate) fn parse(pattern: &str, text: &str, now_ms: i64, zone: &TimeZone) -> Result<i64> {
    let failure = || {
        Error::new(
            "java.text.ParseException",
            format!("Unparseable date: \"{text}\""),
        )
    };
    let pieces = pieces(pattern)?;
    let characters: Vec<char> = text.chars().collect();
    let mut reader = Reader {
        text: &characters,
        at: 0,
        fields: Fields::default(),
        zone,
        now_ms,
        century: Century::around(now_ms, zone)?,
        is_ambiguous: false,
    };
    for (at, piece) in pieces.iter().enumerate() {
        let read = match piece {
            Piece::Literal(literal) => reader.literal(literal),
            Piece::Field(field, count) => {
                let width = match pieces.get(at + 1) {
                    Some(Piece::Field(next, more)) if is_numeric(*next, *more) => Some(*count),
                    _ => None,
                };
                reader.field(*field, *count, width)
            }
        };
        read.ok_or_else(failure)?;
    }
    if reader.at == 0 {
        return Err(failure());
    }
    let millis = reader.fields.millis(zone).ok_or_else(failure)?;
    if reader.is_ambiguous && millis < reader.century.start_ms {
        reader.fields.add_years(100);
        return reader.fields.millis(zone).ok_or_else(failure);
    }
    Ok(millis)
}

fn is_numeric(field: char, count: usize) -> bool {
    match field {
        'M' | 'L' => count <= 2,
        other => "ydkHmsSDFwWhKYu".contains(other),
    }
}

fn plain_field(letter: char) -> Option<Field> {
    Some(match letter {
        'd' => Field::DayOfMonth,
        'H' => Field::HourOfDay,
        'm' => Field::Minute,
        's' => Field::Second,
        'S' => Field::Millisecond,
        'D' => Field::DayOfYear,
        'F' => Field::DayOfWeekInMonth,
        'w' => Field::WeekOfYear,
        'W' => Field::WeekOfMonth,
        'K' => Field::Hour,
        _ => return None,
    })
}

impl Reader<'_> {
    fn rest(&self) -> &[char] {
        &self.text[self.at..]
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        for wanted in literal.chars() {
            if self.rest().first() != Some(&wanted) {
                return None;
            }
            self.at += 1;
        }
        Some(())
    }

    fn field(&mut self, letter: char, count: usize, width: Option<usize>) -> Option<()> {
        let start = self.at;
        while matches!(self.rest().first()?, ' ' | '\t') {
            self.at += 1;
        }
        let first = self.at;
        match letter {
            'G' => self.name(
                start,
                Field::Era,
                &ERAS.map(|(short, _)| short),
                &ERAS.map(|(_, long)| long),
            ),
            'M' | 'L' if count >= 3 => {
                self.name(start, Field::Month, &MONTHS.map(|name| &name[..3]), &MONTHS)
            }
            'E' => {
                self.name(start, Field::DayOfWeek, &DAYS.map(|name| &name[..3]), &DAYS)?;
                Some(())
            }
            'a' => self.name(start, Field::Half, &["AM", "PM"], &[]),
            'z' | 'Z' => self.general_zone(start),
            'X' => self.iso_zone(count),
            _ => {
                let end = match width {
                    Some(width) if start + width > self.text.len() => return None,
                    Some(width) => start + width,
                    None => self.text.len(),
                };
                let value = self.number(end)?;
                self.set_number(letter, count, value, first);
                Some(())
            }
        }
    }

    fn set_number(&mut self, letter: char, count: usize, value: i64, first: usize) {
        match letter {
            'y' | 'Y' => {
                let digits = &self.text[first..self.at];
                let mut year = value;
                if count <= 2 && digits.len() == 2 && digits.iter().all(char::is_ascii_digit) {
                    let start = self.century.start_year;
                    self.is_ambiguous = value == start % 100;
                    year += start / 100 * 100 + if value < start % 100 { 100 } else { 0 };
                }
                if letter == 'Y' {
                    self.fields.set_week_year(year);
                } else {
                    self.fields.set(Field::Year, year);
                }
            }
            'M' | 'L' => self.fields.set(Field::Month, value - 1),
            'k' => self
                .fields
                .set(Field::HourOfDay, if value == 24 { 0 } else { value }),
            'h' => self
                .fields
                .set(Field::Hour, if value == 12 { 0 } else { value }),
            'u' => self
                .fields
                .set(Field::DayOfWeek, calendar::from_monday(value)),
            other => {
                if let Some(field) = plain_field(other) {
                    self.fields.set(field, value);
                }
            }
        }
    }

    /// An integer that ends before `end`. One that is too long becomes what Java makes of it as an `int`.
    fn number(&mut self, end: usize) -> Option<i64> {
        let slice = &self.text[self.at..end.max(self.at)];
        let negative = slice.first() == Some(&'-');
        let digits: String = slice
            .iter()
            .skip(usize::from(negative))
            .take_while(|c| c.is_ascii_digit())
            .collect();
        if digits.is_empty() {
            return None;
        }
        self.at += digits.len() + usize::from(negative);
        let sign = if negative { -1 } else { 1 };
        Some(match digits.parse::<i64>() {
            #[expect(clippy::cast_possible_truncation, reason = "as Java's `intValue`")]
            Ok(value) => i64::from((sign * value) as i32),
            Err(_) => i64::from(if negative { i32::MIN } else { i32::MAX }),
        })
    }

    /// The longest name that begins at `start`: Java skips blanks before numbers only.
    fn name(&mut self, start: usize, field: Field, short: &[&str], long: &[&str]) -> Option<()> {
        let names = short.iter().enumerate().chain(long.iter().enumerate());
        let (at, name) = names
            .filter(|(_, name)| zones::begins_with(&self.text[start..], name))
            .max_by_key(|(_, name)| name.len())?;
        let first = if field == Field::DayOfWeek { 1 } else { 0 };
        self.fields.set(field, i64::try_from(at).ok()? + first);
        self.at = start + name.len();
        Some(())
    }

    /// `z` and `Z`: `+hhmm`, `GMT`, `GMT+h:mm` or a name.
    fn general_zone(&mut self, start: usize) -> Option<()> {
        let first = *self.rest().first()?;
        if let Some(sign) = sign(first) {
            self.at += 1;
            return self.offset(sign, 0, false);
        }
        if matches!(first, 'G' | 'g') && zones::begins_with(&self.text[start..], "GMT") {
            self.at = start + 3;
            return match self.rest().first().copied().and_then(sign) {
                Some(sign) => {
                    self.at += 1;
                    self.offset(sign, 0, true)
                }
                None => {
                    self.set_offset(0);
                    Some(())
                }
            };
        }
        let (minutes, length) = zones::read(self.rest(), self.zone, self.now_ms)?;
        self.at += length;
        self.set_offset(minutes);
        Some(())
    }

    /// `X`: `Z` or `+hh`, `+hhmm`, `+hh:mm`, by the number of letters.
    fn iso_zone(&mut self, count: usize) -> Option<()> {
        let first = *self.rest().first()?;
        self.at += 1;
        if first == 'Z' {
            self.set_offset(0);
            return Some(());
        }
        self.offset(sign(first)?, count, count == 3)
    }

    fn offset(&mut self, sign: i64, count: usize, colon: bool) -> Option<()> {
        let mut hours = self.digit()?;
        // A number of the form `h:mm` may have one digit; something must follow it.
        match self.rest().first()? {
            c if c.is_ascii_digit() => hours = hours * 10 + self.digit()?,
            _ if count > 0 || !colon => return None,
            _ => {}
        }
        if hours > 23 {
            return None;
        }
        let mut minutes = 0;
        if count != 1 {
            if colon && self.rest().first() == Some(&':') {
                self.at += 1;
            } else if colon {
                return None;
            }
            minutes = self.digit()? * 10 + self.digit()?;
            if minutes > 59 {
                return None;
            }
        }
        self.set_offset(sign * (hours * 60 + minutes));
        Some(())
    }

    fn digit(&mut self) -> Option<i64> {
        let digit = self.rest().first()?.to_digit(10)?;
        self.at += 1;
        Some(digit.into())
    }

    fn set_offset(&mut self, minutes: i64) {
        self.fields.set(Field::ZoneOffset, minutes * 60_000);
        self.fields.set(Field::DaylightOffset, 0);
    }
}

fn sign(c: char) -> Option<i64> {
    match c {
        '+' => Some(1),
        '-' => Some(-1),
        _ => None,
    }
}

/// Words of [`parse_legacy`] that say nothing about the date.
const IGNORED: [&str; 7] = DAYS;
/// Zones of [`parse_legacy`], in minutes west of Greenwich.
const ZONES: [(&str, i64); 11] = [
    ("pdt", 7 * 60),
    ("pst", 8 * 60),
    ("mdt", 6 * 60),
    ("mst", 7 * 60),
    ("cdt", 5 * 60),
    ("cst", 6 * 60),
    ("edt", 4 * 60),
    ("est", 5 * 60),
    ("utc", 0),
    ("ut", 0),
    ("gmt", 0),
];

/// What [`parse_legacy`] has read so far.
#[derive(Default)]
struct Legacy {
    year: Option<i64>,
    /// From 0.
    month: Option<i64>,
    day: Option<i64>,
    hour: Option<i64>,
    minute: Option<i64>,
    second: Option<i64>,
    /// Minutes west of Greenwich.
    west: Option<i64>,
}

/// The deprecated `Date.parse`: numbers, words and signs in nearly any order.
pub(crate) fn parse_legacy(text: &str, now_ms: i64, zone: &TimeZone) -> Option<i64> {
    let text: Vec<char> = text.chars().collect();
    let mut read = Legacy::default();
    let mut before = None;
    let mut at = 0;
    while at < text.len() {
        let c = text[at];
        at += 1;
        match c {
            _ if c <= ' ' || c == ',' => {}
            '(' => at = behind_comment(&text, at),
            '0'..='9' => {
                let mut number = i64::from(c.to_digit(10)?);
                while let Some(digit) = text.get(at).and_then(|c| c.to_digit(10)) {
                    // Longer numbers are wrong wherever they stand.
                    number = (number * 10 + i64::from(digit)).min(i64::from(i32::MAX));
                    at += 1;
                }
                read.number(number, before, text.get(at).copied())?;
                before = None;
            }
            '/' | ':' | '+' | '-' => before = Some(c),
            _ => {
                let start = at - 1;
                while text.get(at).is_some_and(char::is_ascii_alphabetic) {
                    at += 1;
                }
                let word: String = text[start..at].iter().collect();
                read.word(&word)?;
                before = None;
            }
        }
    }
    read.millis(now_ms, zone)
}

/// Comments may hold others.
fn behind_comment(text: &[char], mut at: usize) -> usize {
    let mut depth = 1;
    while at < text.len() && depth > 0 {
        match text[at] {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

impl Legacy {
    fn number(&mut self, number: i64, before: Option<char>, next: Option<char>) -> Option<()> {
        if before == Some('+') || (before == Some('-') && self.year.is_some()) {
            if self.west.is_some_and(|west| west != 0) {
                return None;
            }
            let west = if number < 24 {
                number * 60
            } else {
                number % 100 + number / 100 * 60
            };
            self.west = Some(if before == Some('+') { -west } else { west });
            return Some(());
        }
        let ends = next.is_none_or(|c| c <= ' ' || c == ',');
        let place = if number >= 70 {
            if !ends && next != Some('/') {
                return None;
            }
            &mut self.year
        } else if next == Some(':') {
            if self.hour.is_none() {
                &mut self.hour
            } else {
                &mut self.minute
            }
        } else if next == Some('/') {
            if self.month.is_none() {
                self.month = Some(number - 1).filter(|month| *month >= 0);
                return Some(());
            }
            &mut self.day
        } else if !ends && next != Some('-') {
            return None;
        } else if self.hour.is_some() && self.minute.is_none() {
            &mut self.minute
        } else if self.minute.is_some() && self.second.is_none() {
            &mut self.second
        } else if self.day.is_none() {
            &mut self.day
        } else if self.month.is_some() {
            &mut self.year
        } else {
            return None;
        };
        if place.is_some() {
            return None;
        }
        *place = Some(number);
        Some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let length = word.chars().count();
        let is = |name: &str| {
            length >= 2
                && name
                    .get(..word.len())
                    .is_some_and(|part| part.eq_ignore_ascii_case(word))
        };
        // Java looks from the end of its list.
        if let Some((_, west)) = ZONES.iter().find(|(name, _)| is(name)) {
            self.west = Some(*west);
        } else if let Some(month) = MONTHS.iter().rposition(|name| is(name)) {
            if self.month.is_some() {
                return None;
            }
            self.month = Some(i64::try_from(month).ok()?);
        } else if IGNORED.iter().any(|name| is(name)) {
        } else if is("pm") {
            let hour = self.hour.filter(|hour| (1..=12).contains(hour))?;
            self.hour = Some(if hour < 12 { hour + 12 } else { hour });
        } else if is("am") {
            let hour = self.hour.filter(|hour| (1..=12).contains(hour))?;
            self.hour = Some(if hour == 12 { 0 } else { hour });
        } else {
            return None;
        }
        Some(())
    }

    fn millis(&self, now_ms: i64, zone: &TimeZone) -> Option<i64> {
        let (mut year, month, day) = (self.year?, self.month?, self.day?);
        if year < 100 {
            let start = Moment::of(now_ms, zone).ok()?.day.year - 80;
            year += start / 100 * 100;
            if year < start {
                year += 100;
            }
        }
        let part = |part: Option<i64>| part.unwrap_or(0);
        let seconds = part(self.hour) * 3_600 + part(self.minute) * 60 + part(self.second);
        let millis = calendar::of_parts(year, month + 1, day, seconds);
        match self.west {
            Some(west) => millis.checked_add(west * 60_000),
            None => calendar::in_zone(millis, zone).ok(),
        }
    }
}
