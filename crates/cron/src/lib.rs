//! Schedules as Quartz writes them, with Echo's `H`: read, checked, told in words, and when they fire.
//!
//! Six or seven fields: seconds, minutes, hours, day of the month, month, day of the week, and perhaps the year. One of the two
//! fields of days is `?`. `H` in seconds, minutes or hours stands for a number that follows from the trigger's id, so that not
//! everything starts at the full hour.
//!
//! It must never look at a clock or start anything, and knows nothing of pipelines. `gate` tells people with it what a schedule
//! says, `triggers` asks it when the next instant is.
//!
//! Source: Quartz `CronExpression`, echo `CronExpressionFuzzer`. What is refused is refused in Quartz's words.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod field;
mod fires;
mod words;

use field::{Days, Number, Unit, Weekdays};

/// Longest expression, in bytes.
const BYTES_MAX: usize = 1_024;

/// A valid schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    seconds: Vec<Number>,
    minutes: Vec<Number>,
    hours: Vec<Number>,
    days: Days,
    months: Vec<Number>,
    weekdays: Weekdays,
    years: Vec<Number>,
}

pub use fires::Fires;

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(String);

impl Invalid {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl Schedule {
    /// Reads an expression; letters in any case.
    ///
    /// # Errors
    /// [`Invalid`] with a sentence for people.
    pub fn parse(expression: &str) -> Result<Self, Invalid> {
        if expression.len() > BYTES_MAX {
            return Err(Invalid::new(format!(
                "The expression has more than {BYTES_MAX} bytes."
            )));
        }
        let expression = expression.to_ascii_uppercase();
        let fields: Vec<&str> = expression.split_ascii_whitespace().collect();
        let (first, year) = match fields.as_slice() {
            [first @ .., year] if fields.len() == 7 => (first, Some(*year)),
            first if fields.len() == 6 => (first, None),
            less if less.len() < 6 => return Err(Invalid::new("Unexpected end of expression.")),
            _ => {
                return Err(Invalid::new("The expression has more than seven fields."));
            }
        };
        let &[seconds, minutes, hours, days, months, weekdays] = first else {
            return Err(Invalid::new("Unexpected end of expression."));
        };
        let schedule = Self {
            seconds: field::numbers(Unit::Second, seconds)?,
            minutes: field::numbers(Unit::Minute, minutes)?,
            hours: field::numbers(Unit::Hour, hours)?,
            days: field::days(days)?,
            months: field::numbers(Unit::Month, months)?,
            weekdays: field::weekdays(weekdays)?,
            years: field::numbers(Unit::Year, year.unwrap_or("*"))?,
        };
        match (&schedule.days, &schedule.weekdays) {
            (Days::Unspecified, Weekdays::Unspecified) => Err(Invalid::new(
                "'?' can only be specified for Day-of-Month -OR- Day-of-Week.",
            )),
            (Days::Unspecified, _) | (_, Weekdays::Unspecified) => Ok(schedule),
            _ => Err(Invalid::new(
                "Support for specifying both a day-of-week AND a day-of-month parameter is not implemented.",
            )),
        }
    }

    /// What it says, in one sentence without a full stop.
    #[must_use]
    pub fn description(&self) -> String {
        words::sentence(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(expression: &str) -> Result<String, String> {
        Schedule::parse(expression)
            .map(|schedule| schedule.description())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn schedules_are_told_in_words() {
        for (expression, words) in [
            ("0 0 12 * * ?", "at 12:00:00, every day"),
            ("0 15 10 ? * *", "at 10:15:00, every day"),
            ("30 15 10 ? * 2 2030", "at 10:15:30, on Monday, in 2030"),
            (
                "0 0/15 9-17 ? * MON-FRI",
                "at second 0, every 15 minutes, every hour from 9 to 17, on Monday to Friday",
            ),
            (
                "0 * 14 * * ?",
                "at second 0, every minute, at hour 14, every day",
            ),
            (
                "*/5 5-20/5 * ? JAN-MAR,7 SUN,sat",
                "every 5 seconds, every 5 minutes from 5 to 20, every hour, on Sunday and Saturday, in January to March and July",
            ),
            (
                "0 0 3/6 L * ?",
                "at second 0, at minute 0, every 6 hours from 3, on the last day of the month",
            ),
            (
                "0 0 1 L-3 * ?",
                "at 01:00:00, 3 days before the last day of the month",
            ),
            (
                "0 0 1 LW * ?",
                "at 01:00:00, on the last weekday of the month",
            ),
            (
                "0 0 1 15W * ?",
                "at 01:00:00, on the weekday nearest to day 15 of the month",
            ),
            (
                "0 0 1 1,15-20 * ?",
                "at 01:00:00, on day 1 and 15 to 20 of the month",
            ),
            (
                "0 0 1 1/2 * ?",
                "at 01:00:00, every 2 days from day 1 of the month",
            ),
            (
                "0 0 1 ? * 6L",
                "at 01:00:00, on the last Friday of the month",
            ),
            ("0 0 1 ? * L", "at 01:00:00, on Saturday"),
            (
                "0 0 1 ? * FRI#3",
                "at 01:00:00, on the third Friday of the month",
            ),
            (
                "H H H * * ?",
                "at a second that follows from the trigger, at a minute that follows from the trigger, \
                at an hour that follows from the trigger, every day",
            ),
            (
                "0 H/15 * * * ?",
                "at second 0, every 15 minutes from one that follows from the trigger, every hour, every day",
            ),
            (
                "0 0 22-2 ? * FRI-MON",
                "at second 0, at minute 0, every hour from 22 to 2, on Friday to Monday",
            ),
            (
                "0 0 0 1 1 ? 2030-2040/2",
                "at 00:00:00, on day 1 of the month, in January, every 2 years from 2030 to 2040",
            ),
        ] {
            assert_eq!(told(expression).as_deref(), Ok(words), "{expression}");
        }
    }

    #[test]
    fn what_quartz_refuses_is_refused() {
        for (expression, message) in [
            ("", "Unexpected end of expression."),
            ("* * * * *", "Unexpected end of expression."),
            (
                "0 0 0 ? * ? * *",
                "The expression has more than seven fields.",
            ),
            (
                "60 0 0 ? * *",
                "Minute and Second values must be between 0 and 59",
            ),
            (
                "0 60 0 ? * *",
                "Minute and Second values must be between 0 and 59",
            ),
            ("0 0 24 ? * *", "Hour values must be between 0 and 23"),
            (
                "0 0 0 0 * ?",
                "Day of month values must be between 1 and 31",
            ),
            (
                "0 0 0 32 * ?",
                "Day of month values must be between 1 and 31",
            ),
            ("0 0 0 ? 13 *", "Month values must be between 1 and 12"),
            ("0 0 0 ? * 8", "Day-of-Week values must be between 1 and 7"),
            ("0 0 0 ? * 0", "Day-of-Week values must be between 1 and 7"),
            ("0 0 0 ? * MOO", "Invalid Day-of-Week value: 'MOO'"),
            ("0 0 0 ? FOO *", "Invalid Month value: 'FOO'"),
            (
                "0 0 0 ? * MON 1969",
                "Year values must be between 1970 and 2199",
            ),
            (
                "0 0 0 ? * MON 2040-2030",
                "Start year must be less than stop year",
            ),
            (
                "? 0 0 ? * *",
                "'?' can only be specified for Day-of-Month or Day-of-Week.",
            ),
            (
                "0 0 0 ? * ?",
                "'?' can only be specified for Day-of-Month -OR- Day-of-Week.",
            ),
            (
                "0 0 0 * * *",
                "Support for specifying both a day-of-week AND a day-of-month parameter is not implemented.",
            ),
            (
                "0 0 0 1,L * ?",
                "Support for specifying 'L' and 'LW' with other days of the month is not implemented",
            ),
            (
                "0 0 0 ? * MON#1,TUE#2",
                "Support for specifying multiple \"nth\" days is not implemented.",
            ),
            (
                "0 0 0 ? * MON#6",
                "A numeric value between 1 and 5 must follow the '#' option",
            ),
            (
                "0 0 0 32W * ?",
                "The 'W' option does not make sense with values larger than 31 (max number of days in a month)",
            ),
            ("0 0 0 L-31 * ?", "Offset from last day must be <= 30"),
            ("0/60 0 0 ? * *", "Increment > 60 : 60"),
            ("0 0 0/24 ? * *", "Increment > 24 : 24"),
            ("0/ 0 0 ? * *", "'/' must be followed by an integer."),
            ("0/0 0 0 ? * *", "'/' must be followed by an integer."),
            ("1,,2 0 0 ? * *", "Illegal cron expression format (1,,2)"),
            ("a 0 0 ? * *", "Illegal cron expression format (A)"),
            ("0 0 0 H * ?", "Illegal cron expression format (H)"),
            (
                "99999999999 0 0 ? * *",
                "Illegal cron expression format (99999999999)",
            ),
            ("-1 0 0 ? * *", "Illegal cron expression format (-1)"),
            ("1- 0 0 ? * *", "Illegal cron expression format (1-)"),
        ] {
            assert_eq!(told(expression), Err(message.to_owned()), "{expression}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,40}", fields in "[0-9*?/,LWH# -]{0,30}( [0-9*?/,LWH#A-Z-]{1,6}){0,7}") {
            for expression in [&text, &fields] {
                if let Ok(schedule) = Schedule::parse(expression) {
                    prop_assert!(!schedule.description().is_empty());
                }
            }
        }
    }
}
