//! When a schedule fires.
//!
//! A schedule says local times. Between two changes of the zone's offset, local times and instants are the same thing; a search
//! walks these stretches one after the other. At the changes:
//!
//! * **A local time that does not exist** (clocks go forward) fires as much later as the clocks went, as in Quartz: 02:30 at 03:30.
//! * **A local time that exists twice** (clocks go back) fires the first time only; a schedule for every hour fires both times,
//!   as it is elapsed time that it means. Quartz leaves the second hour out there.

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, DateTime, Time, Weekday},
    tz::{Offset, TimeZone},
};

use crate::{
    Schedule,
    field::{Days, From, Number, Unit, Weekdays},
};

/// A schedule whose `H` is settled, in a time zone.
#[derive(Clone, Debug)]
pub struct Fires {
    seconds: Set,
    minutes: Set,
    hours: Set,
    days: Days,
    day_numbers: Set,
    months: Set,
    weekdays: Weekdays,
    weekday_numbers: Set,
    years: Vec<Number>,
    zone: TimeZone,
}

/// Numbers below 64 as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Set(u64);

/// A time between two changes of the offset.
struct Stretch {
    offset: Offset,
    /// The change that it begins with; none for the one in which the search begins without one.
    begins: Option<Change>,
    /// The instant of the next change.
    ends: Option<Timestamp>,
}

/// A change of the offset.
#[derive(Clone, Copy)]
struct Change {
    at: Timestamp,
    before: Offset,
}

impl Schedule {
    /// The schedule of the trigger with this id (which says what `H` is) in a time zone.
    ///
    /// Source: echo `CronExpressionFuzzer`: `abs(id.hashCode() % 60)`, or `% 24` for hours.
    #[must_use]
    pub fn fires(&self, trigger_id: &str, zone: TimeZone) -> Fires {
        let hash = hash_code(trigger_id);
        let set = |unit, numbers: &[Number]| Set::of(unit, numbers, hash);
        Fires {
            seconds: set(Unit::Second, &self.seconds),
            minutes: set(Unit::Minute, &self.minutes),
            hours: set(Unit::Hour, &self.hours),
            day_numbers: match &self.days {
                Days::Numbers(numbers) => set(Unit::Day, numbers),
                Days::Unspecified | Days::Last(_) | Days::LastWeekday(_) | Days::Nearest(_) => {
                    Set::default()
                }
            },
            days: self.days.clone(),
            months: set(Unit::Month, &self.months),
            weekday_numbers: match &self.weekdays {
                Weekdays::Numbers(numbers) => set(Unit::Weekday, numbers),
                Weekdays::Unspecified | Weekdays::Last(_) | Weekdays::Nth(..) => Set::default(),
            },
            weekdays: self.weekdays.clone(),
            years: self.years.clone(),
            zone,
        }
    }
}

impl Fires {
    /// The first instant after `after` at which it fires; `None` if it never does again.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        // Whole seconds: nothing fires between them.
        let from = Timestamp::from_second(after.as_second().checked_add(1)?).ok()?;
        let mut stretch = self.stretch_around(from);
        let mut from = from;
        loop {
            let found = [self.in_gap(&stretch, from), self.within(&stretch, from)];
            if let Some(found) = found.into_iter().flatten().min() {
                return Some(found);
            }
            let ends = stretch.ends?;
            if i32::from(stretch.offset.to_datetime(ends).year()) > YEAR_MAX {
                return None;
            }
            stretch = self.stretch_from(ends, stretch.offset);
            from = ends;
        }
    }

    /// The stretch with an instant, known from a change so near before it that its gap or second pass may reach there.
    fn stretch_around(&self, instant: Timestamp) -> Stretch {
        let preceding = self.zone.preceding(instant + 1.second()).next();
        let begins = preceding.and_then(|change| {
            let at = change.timestamp();
            let before = at.checked_sub(1.second()).ok()?;
            Some(Change {
                at,
                before: self.zone.to_offset(before),
            })
        });
        Stretch {
            offset: self.zone.to_offset(instant),
            begins,
            ends: self.change_after(instant),
        }
    }

    fn stretch_from(&self, at: Timestamp, before: Offset) -> Stretch {
        Stretch {
            offset: self.zone.to_offset(at),
            begins: Some(Change { at, before }),
            ends: self.change_after(at),
        }
    }

    fn change_after(&self, instant: Timestamp) -> Option<Timestamp> {
        self.zone.following(instant).next().map(|it| it.timestamp())
    }

    /// Local times that the beginning of the stretch left out, told as much later as the clocks went.
    fn in_gap(&self, stretch: &Stretch, from: Timestamp) -> Option<Timestamp> {
        let change = stretch.begins?;
        let (first, end) = (
            change.before.to_datetime(change.at),
            stretch.offset.to_datetime(change.at),
        );
        if first >= end {
            return None;
        }
        // By the clock that was not put forward, the left out times lie right after the change.
        let start = first.max(change.before.to_datetime(from));
        let local = self.local_from(start, end)?;
        change.before.to_timestamp(local).ok()
    }

    /// Local times that the stretch has.
    fn within(&self, stretch: &Stretch, from: Timestamp) -> Option<Timestamp> {
        let mut start = stretch.offset.to_datetime(from);
        if let Some(change) = stretch.begins
            && self.hours != Set::EVERY_HOUR
        {
            // They were there before the change already.
            start = start.max(change.before.to_datetime(change.at));
        }
        let end = match stretch.ends {
            Some(ends) => stretch.offset.to_datetime(ends),
            None => DateTime::MAX,
        };
        let local = self.local_from(start, end)?;
        stretch.offset.to_timestamp(local).ok()
    }

    /// The first matching local time from `start` on and before `end`.
    fn local_from(&self, start: DateTime, end: DateTime) -> Option<DateTime> {
        let mut date = start.date();
        let mut earliest = start.time();
        while date.to_datetime(Time::midnight()) < end && i32::from(date.year()) <= YEAR_MAX {
            if !self.has_month(date) {
                date = date.first_of_month().checked_add(1.month()).ok()?;
            } else {
                if let Some(time) = self
                    .has_day(date)
                    .then(|| self.time_from(earliest))
                    .flatten()
                {
                    let found = date.to_datetime(time);
                    return (found < end).then_some(found);
                }
                date = date.tomorrow().ok()?;
            }
            earliest = Time::midnight();
        }
        None
    }

    fn time_from(&self, earliest: Time) -> Option<Time> {
        let [hour, minute, second] =
            [earliest.hour(), earliest.minute(), earliest.second()].map(i8::unsigned_abs);
        let first = |set: Set| set.from(0);
        if self.hours.has(hour) {
            if self.minutes.has(minute)
                && let Some(second) = self.seconds.from(second)
            {
                return time(hour, minute, second);
            }
            if let Some(minute) = self.minutes.from(minute + 1) {
                return time(hour, minute, first(self.seconds)?);
            }
        }
        let hour = self.hours.from(hour + 1)?;
        time(hour, first(self.minutes)?, first(self.seconds)?)
    }

    fn has_month(&self, date: Date) -> bool {
        let year = u32::from(date.year().unsigned_abs());
        self.months.has(date.month().unsigned_abs())
            && self.years.iter().any(|number| is_year(number, year))
    }

    fn has_day(&self, date: Date) -> bool {
        let (day, last) = (date.day(), date.days_in_month());
        let offset = |days: u32| i8::try_from(days).unwrap_or(i8::MAX);
        match self.days {
            Days::Unspecified => self.has_weekday(date),
            Days::Numbers(_) => self.day_numbers.has(day.unsigned_abs()),
            Days::Last(before) => day == last - offset(before),
            Days::LastWeekday(before) => nearest(date, last - offset(before)) == Some(day),
            Days::Nearest(wanted) => nearest(date, offset(wanted)) == Some(day),
        }
    }

    fn has_weekday(&self, date: Date) -> bool {
        let weekday = date.weekday().to_sunday_one_offset().unsigned_abs();
        let (day, last) = (date.day(), date.days_in_month());
        match self.weekdays {
            Weekdays::Unspecified => false,
            Weekdays::Numbers(_) => self.weekday_numbers.has(weekday),
            Weekdays::Last(wanted) => u32::from(weekday) == wanted && day + 7 > last,
            Weekdays::Nth(wanted, nth) => {
                let before = u32::from(day.unsigned_abs() - 1) / 7;
                u32::from(weekday) == wanted && before + 1 == nth
            }
        }
    }
}

/// The last year that Quartz knows.
const YEAR_MAX: i32 = 2199;

impl Set {
    const EVERY_HOUR: Self = Self((1 << 24) - 1);

    fn of(unit: Unit, numbers: &[Number], hash: i32) -> Self {
        let mut set = Self::default();
        for number in numbers {
            for value in values(unit, *number, hash) {
                set.0 |= 1_u64.checked_shl(value).unwrap_or(0);
            }
        }
        set
    }

    fn has(self, number: u8) -> bool {
        number < 64 && self.0 & (1 << number) != 0
    }

    /// The smallest number that is not below this one.
    fn from(self, least: u8) -> Option<u8> {
        let rest = self.0.checked_shr(u32::from(least))?;
        let zeros = u8::try_from(rest.trailing_zeros()).ok()?;
        (rest != 0).then(|| least + zeros)
    }
}

/// Source: Quartz `CronExpression.addToSet`; a range whose end lies before its start goes around.
fn values(unit: Unit, number: Number, hash: i32) -> impl Iterator<Item = u32> {
    let (least, most) = unit.range();
    let count = most - least + 1;
    let start = |from| match from {
        From::Number(number) => number,
        From::Hash => (hash % i32::try_from(count).unwrap_or(i32::MAX)).unsigned_abs(),
    };
    let (from, to, step) = match number {
        Number::Every => (least, most, 1),
        Number::One(from) => (start(from), start(from), 1),
        Number::Range(from, to) => (from, to, 1),
        Number::Step(from, step) => (start(from), most, step),
        Number::RangeStep(from, to, step) => (from, to, step),
    };
    let to = if to < from { to + count } else { to };
    (from..=to)
        .step_by(usize::try_from(step.max(1)).unwrap_or(usize::MAX))
        .map(move |value| least + (value - least) % count)
}

fn is_year(number: &Number, year: u32) -> bool {
    let (least, most) = Unit::Year.range();
    let (from, to, step) = match *number {
        Number::Every => (least, most, 1),
        Number::One(From::Number(year)) => (year, year, 1),
        Number::Range(from, to) => (from, to, 1),
        Number::Step(From::Number(from), step) => (from, most, step),
        Number::RangeStep(from, to, step) => (from, to, step),
        // Years take no `H`.
        Number::One(From::Hash) | Number::Step(From::Hash, _) => return false,
    };
    (from..=to).contains(&year) && (year - from).is_multiple_of(step.max(1))
}

/// The day of the month that is Monday to Friday and nearest to `day`, in the same month; none if the month has no such day.
///
/// Source: Quartz `CronExpression.getTimeAfter`.
fn nearest(month: Date, day: i8) -> Option<i8> {
    let last = month.days_in_month();
    if !(1..=last).contains(&day) {
        return None;
    }
    let date = Date::new(month.year(), month.month(), day).ok()?;
    Some(match date.weekday() {
        Weekday::Saturday if day == 1 => day + 2,
        Weekday::Saturday => day - 1,
        Weekday::Sunday if day == last => day - 2,
        Weekday::Sunday => day + 1,
        Weekday::Monday
        | Weekday::Tuesday
        | Weekday::Wednesday
        | Weekday::Thursday
        | Weekday::Friday => day,
    })
}

fn time(hour: u8, minute: u8, second: u8) -> Option<Time> {
    let [hour, minute, second] = [hour, minute, second].map(|number| i8::try_from(number).ok());
    Time::new(hour?, minute?, second?, 0).ok()
}

/// Java's `String.hashCode`.
fn hash_code(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

#[cfg(test)]
mod tests;
