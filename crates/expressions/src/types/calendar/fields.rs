//! Which fields say what instant is meant when several were set: the ones that were set last.

use jiff::tz::TimeZone;

use super::{CUTOVER, CUTOVER_YEAR, DAY_MILLIS, Day, gregorian, in_zone, julian, on_or_before};

/// A field of the calendar, by its number in Java.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Field {
    /// 0 is BC.
    Era,
    Year,
    /// From 0.
    Month,
    WeekOfYear,
    WeekOfMonth,
    DayOfMonth,
    DayOfYear,
    /// 1 is Sunday.
    DayOfWeek,
    DayOfWeekInMonth,
    /// 1 is after noon.
    Half,
    Hour,
    HourOfDay,
    Minute,
    Second,
    Millisecond,
    /// Milliseconds.
    ZoneOffset,
    /// Milliseconds.
    DaylightOffset,
}

const COUNT: usize = Field::DaylightOffset as usize + 1;

/// The fields that were set, lenient in their values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    values: [i64; COUNT],
    /// When a field was set; 0 is never.
    stamps: [u32; COUNT],
    next: u32,
    week_year: Option<(i64, u32)>,
}

/// The combination of fields that says which day is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    DayOfMonth,
    WeekOfMonth,
    DayOfWeekInMonth,
    DayOfYear,
    WeekOfYear,
}

impl Fields {
    pub fn set(&mut self, field: Field, value: i64) {
        self.next += 1;
        self.values[field as usize] = value;
        self.stamps[field as usize] = self.next;
    }

    /// The year that a week belongs to. It counts only if no year is set after it.
    pub fn set_week_year(&mut self, year: i64) {
        self.next += 1;
        self.week_year = Some((year, self.next));
    }

    /// Adds to the year, and to the one of the week.
    pub fn add_years(&mut self, years: i64) {
        self.values[Field::Year as usize] += years;
        if let Some((year, _)) = &mut self.week_year {
            *year += years;
        }
    }

    fn stamp(&self, field: Field) -> u32 {
        self.stamps[field as usize]
    }

    fn is_set(&self, field: Field) -> bool {
        self.stamp(field) > 0
    }

    fn value(&self, field: Field) -> i64 {
        self.values[field as usize]
    }

    /// Epoch milliseconds; none if the era is no era or the date is beyond all years.
    pub fn millis(&self, zone: &TimeZone) -> Option<i64> {
        match self.week_year {
            Some((year, stamp)) if stamp > self.stamp(Field::Year) => {
                self.in_week(year)?.resolved(zone)
            }
            _ => self.resolved(zone),
        }
    }

    /// With the day of the week instead of whatever else was set for the day.
    fn in_week(&self, year: i64) -> Option<Self> {
        let mut week = if self.is_set(Field::WeekOfYear) {
            self.value(Field::WeekOfYear)
        } else {
            1
        };
        let mut weekday = if self.is_set(Field::DayOfWeek) {
            self.value(Field::DayOfWeek)
        } else {
            1
        };
        if weekday > 7 {
            weekday -= 1;
            week += weekday / 7;
            weekday = from_monday(weekday % 7 + 1);
        } else if weekday < 1 {
            while weekday < 1 {
                weekday += 7;
                week -= 1;
            }
            weekday = from_monday(weekday);
        }
        let mut first = Self::default();
        first.set(Field::Year, year);
        first.set(Field::WeekOfYear, 1);
        first.set(Field::DayOfWeek, 1);
        let start = first.resolved(&TimeZone::UTC)?.div_euclid(DAY_MILLIS);
        let day = Day::of(start + (weekday - 1).rem_euclid(7) + 7 * (week - 1));
        let mut fields = self.clone();
        fields.set(Field::Era, i64::from(day.year > 0));
        fields.set(Field::Year, day.year_of_era());
        fields.set(Field::Month, day.month - 1);
        fields.set(Field::DayOfMonth, day.day);
        Some(fields)
    }

    fn resolved(&self, zone: &TimeZone) -> Option<i64> {
        let year = if self.is_set(Field::Year) {
            self.value(Field::Year)
        } else {
            1970
        };
        let year = match self.value(Field::Era) {
            _ if !self.is_set(Field::Era) => year,
            0 => 1 - year,
            1 => year,
            _ => return None,
        };
        let time = self.time_of_day();
        let days = self.day(year, time.div_euclid(DAY_MILLIS));
        let local = days.checked_mul(DAY_MILLIS)? + time.rem_euclid(DAY_MILLIS);
        if self.is_set(Field::ZoneOffset) && self.is_set(Field::DaylightOffset) {
            return Some(local - self.value(Field::ZoneOffset) - self.value(Field::DaylightOffset));
        }
        in_zone(local, zone).ok()
    }

    fn time_of_day(&self) -> i64 {
        let of_day = self.stamp(Field::HourOfDay);
        let of_half = both(self.stamp(Field::Hour), self.stamp(Field::Half));
        let mut best = of_day.max(of_half);
        if best == 0 {
            best = self.stamp(Field::Hour).max(self.stamp(Field::Half));
        }
        let hours = if best == of_day && best > 0 {
            self.value(Field::HourOfDay)
        } else if best > 0 {
            self.value(Field::Hour) + 12 * self.value(Field::Half)
        } else {
            0
        };
        ((hours * 60 + self.value(Field::Minute)) * 60 + self.value(Field::Second)) * 1_000
            + self.value(Field::Millisecond)
    }

    /// `Calendar.selectFields`: the combination whose newest field is the newest.
    fn selected(&self) -> By {
        let weekday = self.stamp(Field::DayOfWeek);
        let mut of_month = self.stamp(Field::DayOfMonth);
        let mut by_week_of_month = both(self.stamp(Field::WeekOfMonth), weekday);
        let mut by_weekday = both(self.stamp(Field::DayOfWeekInMonth), weekday);
        let of_year = self.stamp(Field::DayOfYear);
        let mut by_week_of_year = both(self.stamp(Field::WeekOfYear), weekday);
        let mut best = [
            of_month,
            by_week_of_month,
            by_weekday,
            of_year,
            by_week_of_year,
        ]
        .into_iter()
        .max()
        .unwrap_or(0);
        if best == 0 {
            by_week_of_month = self.stamp(Field::WeekOfMonth);
            by_weekday = self.stamp(Field::DayOfWeekInMonth).max(weekday);
            by_week_of_year = self.stamp(Field::WeekOfYear);
            best = by_week_of_month.max(by_weekday).max(by_week_of_year);
            if best == 0 {
                of_month = self.stamp(Field::Month);
                best = of_month;
            }
        }
        let (week_of_month, week_of_year) = (
            self.stamp(Field::WeekOfMonth),
            self.stamp(Field::WeekOfYear),
        );
        let in_month = self.stamp(Field::DayOfWeekInMonth);
        if best == of_month {
            By::DayOfMonth
        } else if (best == by_week_of_month && week_of_month >= week_of_year)
            || (best == by_weekday && in_month >= week_of_year)
        {
            let week = if by_week_of_month == by_weekday {
                week_of_month >= in_month
            } else {
                best == by_week_of_month
            };
            if week {
                By::WeekOfMonth
            } else {
                By::DayOfWeekInMonth
            }
        } else if best == of_year {
            By::DayOfYear
        } else {
            By::WeekOfYear
        }
    }

    /// `GregorianCalendar.computeTime`: around the change of calendars both are tried.
    fn day(&self, year: i64, more: i64) -> i64 {
        let by = self.selected();
        let in_gregorian = more + self.day_in(year, by, gregorian);
        let in_julian = more + self.day_in(year, by, julian);
        if year > CUTOVER_YEAR && in_gregorian >= CUTOVER {
            return in_gregorian;
        }
        if year < CUTOVER_YEAR || matches!(by, By::DayOfYear | By::WeekOfYear) {
            return in_julian;
        }
        if in_gregorian >= CUTOVER {
            in_gregorian
        } else {
            in_julian
        }
    }

    fn day_in(&self, year: i64, by: By, count: fn(i64, i64, i64) -> i64) -> i64 {
        let month = match by {
            By::DayOfYear | By::WeekOfYear => 0,
            _ => self.value(Field::Month),
        };
        let (year, month) = (year + month.div_euclid(12), month.rem_euclid(12));
        let first = count(year, month + 1, 1);
        let weekday_set = self.is_set(Field::DayOfWeek);
        let asked = self.value(Field::DayOfWeek);
        match by {
            By::DayOfMonth if self.is_set(Field::DayOfMonth) => {
                first + self.value(Field::DayOfMonth) - 1
            }
            By::DayOfMonth => first,
            By::DayOfYear => first + self.value(Field::DayOfYear) - 1,
            By::WeekOfMonth | By::WeekOfYear => {
                let week = match by {
                    By::WeekOfMonth => self.value(Field::WeekOfMonth),
                    _ => self.value(Field::WeekOfYear),
                };
                let mut start = on_or_before(first, 1);
                if weekday_set {
                    start = on_or_before(start + 6, asked);
                }
                start + 7 * (week - 1)
            }
            By::DayOfWeekInMonth => {
                let weekday = if weekday_set { asked } else { 1 };
                let nth = if self.is_set(Field::DayOfWeekInMonth) {
                    self.value(Field::DayOfWeekInMonth)
                } else {
                    1
                };
                if nth >= 0 {
                    on_or_before(first + 7 * nth - 1, weekday)
                } else {
                    let next = count(year + i64::from(month == 11), (month + 1) % 12 + 1, 1);
                    on_or_before(next + 7 * (nth + 1) - 1, weekday)
                }
            }
        }
    }
}

/// The newer of two that are both set.
fn both(a: u32, b: u32) -> u32 {
    if a == 0 || b == 0 { 0 } else { a.max(b) }
}

/// Of a weekday counted from Monday, as the calendar counts it.
pub(crate) fn from_monday(day: i64) -> i64 {
    if (1..=7).contains(&day) {
        day % 7 + 1
    } else {
        day
    }
}
