//! `java.util.GregorianCalendar`: the Julian calendar up to 4 October 1582, the Gregorian one from the day after, which is
//! 15 October; weeks as in the United States (they begin on Sunday, the first may be short).
//!
//! Days are counted from 1970-01-01.

mod fields;

pub(crate) use self::fields::{Field, Fields, from_monday};

use jiff::tz::{AmbiguousOffset, TimeZone};

use super::time;
use crate::error::Result;

pub(crate) const DAY_MILLIS: i64 = 86_400_000;
/// 15 October 1582.
const CUTOVER: i64 = -141_427;
pub(crate) const CUTOVER_YEAR: i64 = 1582;

/// A day of the calendar. The year before 1 is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    pub count: i64,
    pub year: i64,
    /// From 1.
    pub month: i64,
    pub day: i64,
}

/// A day, the time in it, and how far its zone is from UTC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub day: Day,
    pub millis_of_day: i64,
    pub offset_seconds: i64,
}

impl Moment {
    pub fn of(millis: i64, zone: &TimeZone) -> Result<Self> {
        let offset_seconds = offset_seconds(millis, zone)?;
        let local = millis + offset_seconds * 1_000;
        Ok(Self {
            day: Day::of(local.div_euclid(DAY_MILLIS)),
            millis_of_day: local.rem_euclid(DAY_MILLIS),
            offset_seconds,
        })
    }

    pub fn hour(&self) -> i64 {
        self.millis_of_day / 3_600_000
    }

    pub fn minute(&self) -> i64 {
        self.millis_of_day / 60_000 % 60
    }

    pub fn second(&self) -> i64 {
        self.millis_of_day / 1_000 % 60
    }
}

impl Day {
    pub fn of(count: i64) -> Self {
        let gregorian = count >= CUTOVER;
        // Years that begin in March and months of them, in periods after which leap years repeat.
        let (days, years) = if gregorian {
            (146_097, 400)
        } else {
            (1_461, 4)
        };
        let since = count + if gregorian { 719_468 } else { 719_470 };
        let (period, day) = (since.div_euclid(days), since.rem_euclid(days));
        let year = if gregorian {
            (day - day / 1_460 + day / 36_524 - day / 146_096) / 365
        } else {
            (day - day / 1_460) / 365
        };
        let day_of_year = if gregorian {
            day - (365 * year + year / 4 - year / 100)
        } else {
            day - 365 * year
        };
        let month = (5 * day_of_year + 2) / 153;
        Self {
            count,
            year: year + period * years + i64::from(month >= 10),
            month: if month < 10 { month + 3 } else { month - 9 },
            day: day_of_year - (153 * month + 2) / 5 + 1,
        }
    }

    /// The year as it is written, before Christ as after.
    pub fn year_of_era(&self) -> i64 {
        if self.year <= 0 {
            1 - self.year
        } else {
            self.year
        }
    }

    /// 1 is Sunday, as Java's calendar counts.
    pub fn weekday(&self) -> i64 {
        weekday(self.count)
    }

    pub fn day_of_year(&self) -> i64 {
        self.count - self.first_of_year() + 1
    }

    /// How many days of the month come before this one. Those that October 1582 does not have are no days.
    fn in_month(&self) -> i64 {
        let cut = self.count >= CUTOVER && self.year == CUTOVER_YEAR && self.month == 10;
        self.day - 1 - if cut { 10 } else { 0 }
    }

    pub fn weekday_in_month(&self) -> i64 {
        self.in_month() / 7 + 1
    }

    pub fn week_of_month(&self) -> i64 {
        week(self.count - self.in_month(), self.count)
    }

    pub fn week_of_year(&self) -> i64 {
        self.week_and_year().0
    }

    /// The year that the week belongs to.
    pub fn week_year(&self) -> i64 {
        self.week_and_year().1
    }

    fn week_and_year(&self) -> (i64, i64) {
        let next = first_of_year(self.year + 1);
        if self.count >= on_or_before(next, 1) && weekday(next) != 1 {
            return (1, self.year + 1);
        }
        (week(self.first_of_year(), self.count), self.year)
    }

    fn first_of_year(&self) -> i64 {
        first_of_year(self.year)
    }
}

fn first_of_year(year: i64) -> i64 {
    if year <= CUTOVER_YEAR {
        julian(year, 1, 1)
    } else {
        gregorian(year, 1, 1)
    }
}

/// The week of a day in a period that begins with `first`.
fn week(first: i64, day: i64) -> i64 {
    (day - on_or_before(first, 1)).div_euclid(7) + 1
}

/// 1 is Sunday.
fn weekday(count: i64) -> i64 {
    (count + 4).rem_euclid(7) + 1
}

/// The last such day of a week that is not after the day.
fn on_or_before(count: i64, day: i64) -> i64 {
    count - (weekday(count) - day).rem_euclid(7)
}

/// Months lie in 1 to 12; days may lie outside of the month.
fn gregorian(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let days = year * 365 + year / 4 - year / 100 + march_based(month) + day - 1;
    era * 146_097 + days - 719_468
}

fn julian(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    year * 365 + year.div_euclid(4) + march_based(month) + day - 1 - 719_470
}

fn march_based(month: i64) -> i64 {
    (153 * ((month + 9) % 12) + 2) / 5
}

/// Epoch milliseconds of a local time. What a zone skips moves forward, what it has twice is the second.
pub(crate) fn in_zone(local_millis: i64, zone: &TimeZone) -> Result<i64> {
    if *zone == TimeZone::UTC {
        return Ok(local_millis);
    }
    let local = time::civil(local_millis, &TimeZone::UTC)?;
    let offset = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } => before,
        AmbiguousOffset::Fold { after, .. } => after,
    };
    let millis = local_millis - i64::from(offset.seconds()) * 1_000;
    match millis < FIRST_CHANGE_MS {
        true => Ok(local_millis - standard_seconds(zone)? * 1_000),
        false => Ok(millis),
    }
}

/// How far a zone is from UTC at an instant, as `java.util.TimeZone` has it: what was before 1900 it does not know.
pub(crate) fn offset_seconds(millis: i64, zone: &TimeZone) -> Result<i64> {
    match is_known(millis) {
        true => Ok(zone
            .to_offset(time::instant_of_millis(millis)?)
            .seconds()
            .into()),
        false => standard_seconds(zone),
    }
}

/// Whether the zone's history reaches back so far.
pub(crate) fn is_known(millis: i64) -> bool {
    millis >= FIRST_CHANGE_MS
}

/// 1900-01-01T00:00:00Z.
const FIRST_CHANGE_MS: i64 = -2_208_988_800_000;

/// A January and a July that all changes of today lie before.
pub(crate) const LATE_MS: [i64; 2] = [2_114_380_800_000, 2_130_019_200_000];

/// The zone's offset without summer time, as it is today.
fn standard_seconds(zone: &TimeZone) -> Result<i64> {
    let [january, july] = LATE_MS.map(|millis| -> Result<i64> {
        Ok(zone
            .to_offset(time::instant_of_millis(millis)?)
            .seconds()
            .into())
    });
    Ok(january?.min(july?))
}

/// Epoch milliseconds of a date of `java.util.Date`: the calendar goes by the year alone; all parts may be out of range.
pub(crate) fn of_parts(year: i64, month: i64, day: i64, seconds: i64) -> i64 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    let first = if year >= CUTOVER_YEAR {
        gregorian(year, month, 1)
    } else {
        julian(year, month, 1)
    };
    (first + day - 1)
        .saturating_mul(DAY_MILLIS)
        .saturating_add(seconds * 1_000)
}
