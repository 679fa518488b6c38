//! When an execution window is open.

use gennaker_expressions::TimeZone;
use jiff::{Timestamp, civil::Date};
use serde_json::Value;

use crate::read;

/// Days that are looked at: a week and the days at its ends.
const DAYS_AHEAD: usize = 9;

/// Windows that a stage may have.
const WINDOWS_MAX: usize = 1_000;

/// Hours of days in a time zone.
#[derive(Debug)]
pub(super) struct Schedule {
    /// 1 is Sunday; empty means every day.
    days: Vec<i8>,
    /// From one minute of the day to another, both included.
    windows: Vec<(Minute, Minute)>,
    zone: TimeZone,
}

/// Hour and minute.
type Minute = (i8, i8);

impl Schedule {
    /// Reads `restrictedExecutionWindow`; `zone` counts unless it names its own.
    pub fn read(written: Option<&Value>, zone: &TimeZone) -> Result<Self, String> {
        let written = written.filter(|written| written.is_object());
        let written = written.ok_or("restrictedExecutionWindow is missing")?;
        let list = |key: &str| {
            let items = written.get(key).and_then(Value::as_array);
            items.into_iter().flatten()
        };
        let days = list("days")
            .map(|day| whole(Some(day), 1, 7).ok_or_else(|| format!("{day} is no day of the week")))
            .collect::<Result<Vec<i8>, String>>()?;
        let mut windows = Vec::new();
        for window in list("whitelist").take(WINDOWS_MAX) {
            let at = |hour: &str, minute: &str| {
                let minute = match window.get(minute) {
                    None | Some(Value::Null) => Some(0),
                    minute => whole(minute, 0, 59),
                };
                whole(window.get(hour), 0, 23)
                    .zip(minute)
                    .ok_or_else(|| format!("{window} is no time of the day"))
            };
            let (start, end) = (at("startHour", "startMin")?, at("endHour", "endMin")?);
            // Orca compares the hours alone, so that 10:30 to 10:15 is never.
            if start.0 > end.0 {
                windows.push((start, (23, 59)));
                windows.push(((0, 0), end));
            } else {
                windows.push((start, end));
            }
        }
        if windows.is_empty() {
            if days.is_empty() {
                return Err("it has neither days nor a whitelist".to_owned());
            }
            windows.push(((0, 0), (23, 59)));
        }
        windows.sort_unstable();
        let zone = match written.get("timeZone").and_then(Value::as_str) {
            Some(name) => TimeZone::get(name).map_err(|_| format!("{name} is no time zone"))?,
            None => zone.clone(),
        };
        Ok(Self {
            days,
            windows,
            zone,
        })
    }

    /// The first instant from `now` (epoch milliseconds) on at which a window is open: `now` itself if one is.
    pub fn next(&self, now: i64) -> Result<i64, String> {
        let today = Timestamp::from_millisecond(now)
            .map_err(|error| error.to_string())?
            .to_zoned(self.zone.clone())
            .date();
        for date in today.series(jiff::Span::new().days(1)).take(DAYS_AHEAD) {
            let weekday = date.weekday().to_sunday_one_offset();
            if !self.days.is_empty() && !self.days.contains(&weekday) {
                continue;
            }
            for (start, end) in &self.windows {
                let start = self.instant(date, *start, 0)?;
                let end = self.instant(date, *end, 59_999)?;
                if now <= end && start <= end {
                    return Ok(start.max(now));
                }
            }
        }
        Err("no time of any day is in it".to_owned())
    }

    /// The instant `ms` after the beginning of a minute of a day. A time that clocks skip is taken as if they did not.
    fn instant(&self, date: Date, (hour, minute): Minute, ms: i64) -> Result<i64, String> {
        let zoned = date
            .at(hour, minute, 0, 0)
            .to_zoned(self.zone.clone())
            .map_err(|error| error.to_string())?;
        Ok(zoned.timestamp().as_millisecond() + ms)
    }
}

fn whole(value: Option<&Value>, least: i8, most: i8) -> Option<i8> {
    let number = read::number(value?)?;
    (least..=most).find(|candidate| (f64::from(*candidate) - number).abs() < f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `2027-01-15T08:00Z`, a Friday, and so on, as epoch milliseconds.
    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn next(window: Value, zone: &str, now: &str) -> Result<String, String> {
        let zone = TimeZone::get(zone).unwrap();
        let next = Schedule::read(Some(&window), &zone)?.next(at(now))?;
        Ok(Timestamp::from_millisecond(next).unwrap().to_string())
    }

    fn hours(start: (u8, u8), end: (u8, u8)) -> Value {
        json!({"whitelist": [{"startHour": start.0, "startMin": start.1, "endHour": end.0, "endMin": end.1}]})
    }

    #[test]
    fn an_open_window_is_now_and_its_end_is_inclusive() {
        let office = || hours((9, 0), (17, 30));
        for now in ["2027-01-15T09:00:00Z", "2027-01-15T17:30:59Z"] {
            assert_eq!(next(office(), "UTC", now).unwrap(), now);
        }
        for (now, opens) in [
            ("2027-01-15T08:59:59Z", "2027-01-15T09:00:00Z"),
            ("2027-01-15T17:31:00Z", "2027-01-16T09:00:00Z"),
        ] {
            assert_eq!(next(office(), "UTC", now).unwrap(), opens);
        }
    }

    #[test]
    fn days_are_counted_from_sunday() {
        let mut window = hours((9, 0), (17, 0));
        window["days"] = json!([2, "3", 4, 5, 6]);
        let friday_evening = "2027-01-15T18:00:00Z";
        assert_eq!(
            next(window, "UTC", friday_evening).unwrap(),
            "2027-01-18T09:00:00Z"
        );
        let sundays = json!({"days": [1], "whitelist": []});
        assert_eq!(
            next(sundays, "UTC", friday_evening).unwrap(),
            "2027-01-17T00:00:00Z"
        );
    }

    #[test]
    fn a_window_over_midnight_is_two() {
        let night = || hours((22, 0), (4, 0));
        let late = "2027-01-15T23:59:59.5Z";
        assert_eq!(next(night(), "UTC", late).unwrap(), late);
        let noon = "2027-01-15T12:00:00Z";
        assert_eq!(next(night(), "UTC", noon).unwrap(), "2027-01-15T22:00:00Z");
    }

    #[test]
    fn hours_are_those_of_the_zone_also_where_clocks_change() {
        let now = "2027-01-15T12:00:00Z";
        let los_angeles = "America/Los_Angeles";
        assert_eq!(
            next(hours((9, 0), (17, 0)), los_angeles, now).unwrap(),
            "2027-01-15T17:00:00Z"
        );
        // 2:30 does not exist in this night.
        let before = "2027-03-14T08:00:00Z";
        assert_eq!(
            next(hours((2, 30), (5, 0)), los_angeles, before).unwrap(),
            "2027-03-14T10:30:00Z"
        );
        let mut own = hours((9, 0), (17, 0));
        own["timeZone"] = json!("Asia/Tokyo");
        assert_eq!(next(own, los_angeles, now).unwrap(), "2027-01-16T00:00:00Z");
    }

    #[test]
    fn what_makes_no_sense_says_why() {
        let now = "2027-01-15T12:00:00Z";
        for (window, why) in [
            (json!({}), "neither days nor a whitelist"),
            (json!({"days": [8]}), "no day of the week"),
            (hours((25, 0), (26, 0)), "no time of the day"),
            (hours((10, 30), (10, 15)), "no time of any day"),
            (
                json!({"days": [1], "timeZone": "Mars/Olympus"}),
                "no time zone",
            ),
        ] {
            let said = next(window, "UTC", now).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        assert!(Schedule::read(Some(&json!("x")), &TimeZone::UTC).is_err());
    }
}
