//! One field of an expression.

use crate::Invalid;

/// What the numbers of a field count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
    Year,
}

/// One item of a list of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// `*`.
    Every,
    /// `5`.
    One(From),
    /// `5-10`; the end may lie before the start, which goes around.
    Range(u32, u32),
    /// `5/10`, `*/10`; every so many from a number on.
    Step(From, u32),
    /// `5-20/5`.
    RangeStep(u32, u32, u32),
}

/// Where something begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// At a number.
    Number(u32),
    /// `H`: at one that follows from the trigger.
    Hash,
}

/// The field of days of the month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Days {
    /// `?`.
    Unspecified,
    /// `1,15`.
    Numbers(Vec<Number>),
    /// `L`, `L-3`: so many days before the last one.
    Last(u32),
    /// `LW`, `L-3W`: the weekday nearest to that.
    LastWeekday(u32),
    /// `15W`: the weekday nearest to a day.
    Nearest(u32),
}

/// The field of days of the week; 1 is Sunday.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Weekdays {
    /// `?`.
    Unspecified,
    /// `MON-FRI`.
    Numbers(Vec<Number>),
    /// `6L`: the last one in the month.
    Last(u32),
    /// `6#3`: the n-th one in the month.
    Nth(u32, u32),
}

pub(crate) const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

pub(crate) const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Unit {
    /// Smallest and largest number.
    pub(crate) const fn range(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::Day => (1, 31),
            Self::Month => (1, 12),
            Self::Weekday => (1, 7),
            Self::Year => (1970, 2199),
        }
    }

    /// Quartz's words for a number that is out of range.
    fn out_of_range(self) -> Invalid {
        let (least, most) = self.range();
        let what = match self {
            Self::Second | Self::Minute => "Minute and Second",
            Self::Hour => "Hour",
            Self::Day => "Day of month",
            Self::Month => "Month",
            Self::Weekday => "Day-of-Week",
            Self::Year => "Year",
        };
        Invalid::new(format!("{what} values must be between {least} and {most}"))
    }

    /// Names that stand for numbers, from the smallest number on.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::Weekday => &WEEKDAYS,
            Self::Second | Self::Minute | Self::Hour | Self::Day | Self::Year => &[],
        }
    }

    /// Whether `H` may stand for a number (echo `CronExpressionFuzzer`).
    const fn takes_hash(self) -> bool {
        match self {
            Self::Second | Self::Minute | Self::Hour => true,
            Self::Day | Self::Month | Self::Weekday | Self::Year => false,
        }
    }
}

/// A field that is a list of numbers.
pub(crate) fn numbers(unit: Unit, text: &str) -> Result<Vec<Number>, Invalid> {
    if text == "?" {
        return Err(Invalid::new(
            "'?' can only be specified for Day-of-Month or Day-of-Week.",
        ));
    }
    text.split(',')
        .map(|item| item_of(unit, item, text))
        .collect()
}

/// The field of days of the month.
pub(crate) fn days(text: &str) -> Result<Days, Invalid> {
    if text == "?" {
        return Ok(Days::Unspecified);
    }
    if text.contains('L') && text.contains(',') {
        return Err(Invalid::new(
            "Support for specifying 'L' and 'LW' with other days of the month is not implemented",
        ));
    }
    if let Some(rest) = text.strip_prefix('L') {
        let (offset, is_weekday) = match rest.strip_suffix('W') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let offset = match offset.strip_prefix('-') {
            None if offset.is_empty() => 0,
            Some(digits) => number(digits).ok_or_else(|| illegal(text))?,
            None => return Err(illegal(text)),
        };
        if offset > 30 {
            return Err(Invalid::new("Offset from last day must be <= 30"));
        }
        return Ok(match is_weekday {
            true => Days::LastWeekday(offset),
            false => Days::Last(offset),
        });
    }
    if let Some(digits) = text.strip_suffix('W') {
        return match number(digits) {
            Some(day @ 1..=31) => Ok(Days::Nearest(day)),
            Some(0) => Err(Unit::Day.out_of_range()),
            Some(_) => Err(Invalid::new(
                "The 'W' option does not make sense with values larger than 31 (max number of days in a month)",
            )),
            None => Err(illegal(text)),
        };
    }
    numbers(Unit::Day, text).map(Days::Numbers)
}

/// The field of days of the week.
pub(crate) fn weekdays(text: &str) -> Result<Weekdays, Invalid> {
    if text == "?" {
        return Ok(Weekdays::Unspecified);
    }
    if text.matches('#').count() > 1 {
        return Err(Invalid::new(
            "Support for specifying multiple \"nth\" days is not implemented.",
        ));
    }
    if text == "L" {
        return Ok(Weekdays::Numbers(vec![Number::One(From::Number(7))]));
    }
    if let Some((day, nth)) = text.split_once('#') {
        let day = value(Unit::Weekday, day, text)?;
        return match number(nth) {
            Some(nth @ 1..=5) => Ok(Weekdays::Nth(day, nth)),
            Some(_) | None => Err(Invalid::new(
                "A numeric value between 1 and 5 must follow the '#' option",
            )),
        };
    }
    if let Some(day) = text.strip_suffix('L') {
        return value(Unit::Weekday, day, text).map(Weekdays::Last);
    }
    numbers(Unit::Weekday, text).map(Weekdays::Numbers)
}

fn item_of(unit: Unit, item: &str, text: &str) -> Result<Number, Invalid> {
    let (from, step) = match item.split_once('/') {
        Some((from, step)) => (from, Some(step_of(unit, step)?)),
        None => (item, None),
    };
    let least = unit.range().0;
    match (from, step) {
        ("*", None) => return Ok(Number::Every),
        ("*" | "", Some(step)) => return Ok(Number::Step(From::Number(least), step)),
        ("H", step) if unit.takes_hash() => {
            return Ok(match step {
                Some(step) => Number::Step(From::Hash, step),
                None => Number::One(From::Hash),
            });
        }
        _ => {}
    }
    match from.split_once('-') {
        None => {
            let from = From::Number(value(unit, from, text)?);
            Ok(match step {
                Some(step) => Number::Step(from, step),
                None => Number::One(from),
            })
        }
        Some((from, to)) => {
            let (from, to) = (value(unit, from, text)?, value(unit, to, text)?);
            if unit == Unit::Year && from > to {
                return Err(Invalid::new("Start year must be less than stop year"));
            }
            Ok(match step {
                Some(step) => Number::RangeStep(from, to, step),
                None => Number::Range(from, to),
            })
        }
    }
}

fn step_of(unit: Unit, text: &str) -> Result<u32, Invalid> {
    let step = number(text)
        .filter(|step| *step > 0)
        .ok_or_else(|| Invalid::new("'/' must be followed by an integer."))?;
    let (least, most) = unit.range();
    // Quartz says one more than the largest number, as if that were allowed.
    let most = match unit {
        Unit::Second | Unit::Minute | Unit::Hour => most + 1,
        Unit::Day | Unit::Month | Unit::Weekday => most,
        Unit::Year => most - least,
    };
    let is_too_large = match unit {
        Unit::Second | Unit::Minute | Unit::Hour => step >= most,
        Unit::Day | Unit::Month | Unit::Weekday | Unit::Year => step > most,
    };
    if is_too_large {
        return Err(Invalid::new(format!("Increment > {most} : {step}")));
    }
    Ok(step)
}

/// A number of the field, or a name that stands for one.
fn value(unit: Unit, text: &str, field: &str) -> Result<u32, Invalid> {
    let (least, most) = unit.range();
    if let Some(number) = number(text) {
        return match (least..=most).contains(&number) {
            true => Ok(number),
            false => Err(unit.out_of_range()),
        };
    }
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    match unit.names().iter().position(|name| *name == text) {
        Some(place) => Ok(least + u32::try_from(place).unwrap_or(0)),
        None if is_word && unit == Unit::Month => {
            Err(Invalid::new(format!("Invalid Month value: '{text}'")))
        }
        None if is_word && unit == Unit::Weekday => {
            Err(Invalid::new(format!("Invalid Day-of-Week value: '{text}'")))
        }
        None => Err(illegal(field)),
    }
}

/// Digits only, and few enough: `+5` is a number to Rust and not to Quartz.
fn number(text: &str) -> Option<u32> {
    let is_number =
        !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn illegal(field: &str) -> Invalid {
    Invalid::new(format!("Illegal cron expression format ({field})"))
}
