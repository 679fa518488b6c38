//! A schedule in words. Echo takes them from a library; nobody depends on its wording.

use crate::{
    Schedule,
    field::{Days, From, Number, Unit, Weekdays},
};

/// The same names stand in `expressions`, which prints dates. Neither crate needs anything else of the other, and a third one for
/// nineteen words that never change would only be one more thing to know.
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

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

const ORDINALS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

pub(crate) fn sentence(schedule: &Schedule) -> String {
    let mut parts = time(schedule);
    parts.push(day(schedule));
    if let Some(months) = named(&schedule.months, Unit::Month) {
        parts.push(months);
    }
    if let Some(years) = named(&schedule.years, Unit::Year) {
        parts.push(years);
    }
    parts.join(", ")
}

/// One instant of the day, or a phrase for each of seconds, minutes and hours.
fn time(schedule: &Schedule) -> Vec<String> {
    let one = |numbers: &[Number]| match numbers {
        [Number::One(From::Number(number))] => Some(*number),
        _ => None,
    };
    let clock = (
        one(&schedule.hours),
        one(&schedule.minutes),
        one(&schedule.seconds),
    );
    if let (Some(hour), Some(minute), Some(second)) = clock {
        return vec![format!("at {hour:02}:{minute:02}:{second:02}")];
    }
    [
        (&schedule.seconds, "second", "a"),
        (&schedule.minutes, "minute", "a"),
        (&schedule.hours, "hour", "an"),
    ]
    .map(|(numbers, unit, article)| {
        let phrases: Vec<String> = numbers
            .iter()
            .map(|number| counted(*number, unit, article))
            .collect();
        phrases.join(" and ")
    })
    .to_vec()
}

fn counted(number: Number, unit: &str, article: &str) -> String {
    match number {
        Number::Every => format!("every {unit}"),
        Number::One(From::Number(number)) => format!("at {unit} {number}"),
        Number::One(From::Hash) => format!("at {article} {unit} that follows from the trigger"),
        Number::Range(from, to) => format!("every {unit} from {from} to {to}"),
        Number::Step(From::Number(0), step) => every(step, unit),
        Number::Step(From::Number(from), step) => format!("{} from {from}", every(step, unit)),
        Number::Step(From::Hash, step) => {
            format!(
                "{} from one that follows from the trigger",
                every(step, unit)
            )
        }
        Number::RangeStep(from, to, step) => {
            format!("{} from {from} to {to}", every(step, unit))
        }
    }
}

fn day(schedule: &Schedule) -> String {
    match (&schedule.days, &schedule.weekdays) {
        (Days::Unspecified, Weekdays::Unspecified) => "every day".to_owned(),
        (Days::Unspecified, Weekdays::Numbers(days)) => {
            named(days, Unit::Weekday).unwrap_or_else(|| "every day".to_owned())
        }
        (Days::Unspecified, Weekdays::Last(day)) => {
            format!("on the last {} of the month", weekday(*day))
        }
        (Days::Unspecified, Weekdays::Nth(day, nth)) => {
            let nth = name(&ORDINALS, *nth, 1);
            format!("on the {nth} {} of the month", weekday(*day))
        }
        (Days::Numbers(days), _) => {
            named(days, Unit::Day).unwrap_or_else(|| "every day".to_owned())
        }
        (Days::Last(0), _) => "on the last day of the month".to_owned(),
        (Days::Last(before), _) => format!("{before} days before the last day of the month"),
        (Days::LastWeekday(0), _) => "on the last weekday of the month".to_owned(),
        (Days::LastWeekday(before), _) => {
            format!("on the weekday nearest to {before} days before the last day of the month")
        }
        (Days::Nearest(day), _) => {
            format!("on the weekday nearest to day {day} of the month")
        }
    }
}

/// A phrase for days, months or years; `None` when it is every one.
fn named(numbers: &[Number], unit: Unit) -> Option<String> {
    if numbers.contains(&Number::Every) {
        return None;
    }
    if let [number @ (Number::Step(..) | Number::RangeStep(..))] = numbers {
        return Some(stepped(*number, unit));
    }
    let items: Vec<String> = numbers
        .iter()
        .map(|number| match number {
            Number::One(From::Number(number)) => value(*number, unit),
            Number::Range(from, to) => format!("{} to {}", value(*from, unit), value(*to, unit)),
            Number::Step(..) | Number::RangeStep(..) => stepped(*number, unit),
            Number::Every | Number::One(From::Hash) => "any".to_owned(),
        })
        .collect();
    let items = items.join(" and ");
    Some(match unit {
        Unit::Day => format!("on day {items} of the month"),
        Unit::Weekday => format!("on {items}"),
        Unit::Second | Unit::Minute | Unit::Hour | Unit::Month | Unit::Year => {
            format!("in {items}")
        }
    })
}

fn stepped(number: Number, unit: Unit) -> String {
    let word = match unit {
        Unit::Day | Unit::Weekday => "day",
        Unit::Month => "month",
        Unit::Second | Unit::Minute | Unit::Hour | Unit::Year => "year",
    };
    let shown = |number| match unit {
        Unit::Day => format!("day {number} of the month"),
        _ => value(number, unit),
    };
    match number {
        Number::Step(From::Number(from), step) => {
            format!("{} from {}", every(step, word), shown(from))
        }
        Number::RangeStep(from, to, step) => {
            format!(
                "{} from {} to {}",
                every(step, word),
                shown(from),
                shown(to)
            )
        }
        Number::Every | Number::One(_) | Number::Range(..) | Number::Step(From::Hash, _) => {
            every(1, word)
        }
    }
}

fn every(step: u32, unit: &str) -> String {
    match step {
        1 => format!("every {unit}"),
        step => format!("every {step} {unit}s"),
    }
}

fn value(number: u32, unit: Unit) -> String {
    match unit {
        Unit::Month => name(&MONTHS, number, 1).to_owned(),
        Unit::Weekday => weekday(number).to_owned(),
        Unit::Second | Unit::Minute | Unit::Hour | Unit::Day | Unit::Year => number.to_string(),
    }
}

fn weekday(number: u32) -> &'static str {
    name(&WEEKDAYS, number, 1)
}

fn name(names: &'static [&'static str], number: u32, first: u32) -> &'static str {
    let place = usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX);
    names.get(place).copied().unwrap_or("?")
}
