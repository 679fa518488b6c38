//! `java.time` arithmetic on jiff's civil types.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::time_unit::ChronoUnit;
use crate::error::{Error, Result};
use crate::value::Value;

const NANOS_PER_DAY: i128 = 86_400_000_000_000;

pub(crate) fn exception(text: impl Into<String>) -> Error {
    Error::new("java.time.DateTimeException", text)
}

fn beyond() -> Error {
    exception("a time outside of the years -9999 to 9999 is not supported")
}

fn unsupported(unit: ChronoUnit) -> Error {
    Error::new(
        "java.time.temporal.UnsupportedTemporalTypeException",
        format!("Unsupported unit: {}", unit.display()),
    )
}

pub(crate) fn instant_of_millis(millis: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|_| beyond())
}

/// Civil time at an instant.
pub(crate) fn civil(millis: i64, zone: &TimeZone) -> Result<DateTime> {
    Ok(instant_of_millis(millis)?.to_zoned(zone.clone()).datetime())
}

/// Epoch milliseconds of a civil time; gaps move forward as Java's calendar does.
pub(crate) fn millis(time: DateTime, zone: &TimeZone) -> Result<i64> {
    let zoned = time.to_zoned(zone.clone()).map_err(|_| beyond())?;
    Ok(zoned.timestamp().as_millisecond())
}

/// Days since 1970-01-01.
pub(crate) fn epoch_day(date: Date) -> i64 {
    let shifted = if date.month() <= 2 {
        i64::from(date.year()) - 1
    } else {
        i64::from(date.year())
    };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month = (i64::from(date.month()) + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + i64::from(date.day()) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

pub(crate) fn of_epoch_day(days: i64) -> Result<Date> {
    if !(-4_371_587..=2_932_896).contains(&days) {
        return Err(beyond());
    }
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Date::new(year as i16, month as i8, day as i8).map_err(|_| beyond())
}

const MONTHS: [&str; 12] = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
];

/// `LocalDate.of`
pub(crate) fn date(year: i32, month: i32, day: i32) -> Result<Date> {
    let in_range = |name: &str, value: i32, high: i32| match (1..=high).contains(&value) {
        true => Ok(()),
        false => Err(exception(format!(
            "Invalid value for {name} (valid values 1 - {}): {value}",
            match high {
                31 => "28/31".to_owned(),
                other => other.to_string(),
            }
        ))),
    };
    in_range("MonthOfYear", month, 12)?;
    in_range("DayOfMonth", day, 31)?;
    let year_small = i16::try_from(year)
        .ok()
        .filter(|y| (-9999..=9999).contains(y))
        .ok_or_else(beyond)?;
    Date::new(year_small, month as i8, day as i8).map_err(|_| match (month, day) {
        (2, 29) => exception(format!(
            "Invalid date 'February 29' as '{year}' is not a leap year"
        )),
        _ => exception(format!(
            "Invalid date '{} {day}'",
            MONTHS[(month - 1) as usize]
        )),
    })
}

/// `LocalTime.of`
pub(crate) fn time(hour: i32, minute: i32, second: i32, nano: i32) -> Result<Time> {
    let check = |name: &str, value: i32, high: i32| match (0..=high).contains(&value) {
        true => Ok(()),
        false => Err(exception(format!(
            "Invalid value for {name} (valid values 0 - {high}): {value}"
        ))),
    };
    check("HourOfDay", hour, 23)?;
    check("MinuteOfHour", minute, 59)?;
    check("SecondOfMinute", second, 59)?;
    check("NanoOfSecond", nano, 999_999_999)?;
    Time::new(hour as i8, minute as i8, second as i8, nano).map_err(|_| beyond())
}

/// The day of the month is lowered where the month is shorter.
pub(crate) fn plus_months(date: Date, months: i64) -> Result<Date> {
    let count = (i64::from(date.year()) * 12 + i64::from(date.month()) - 1)
        .checked_add(months)
        .ok_or_else(beyond)?;
    let year = i16::try_from(count.div_euclid(12)).map_err(|_| beyond())?;
    let first = Date::new(year, (count.rem_euclid(12) + 1) as i8, 1).map_err(|_| beyond())?;
    let day = date.day().min(first.days_in_month());
    Date::new(first.year(), first.month(), day).map_err(|_| beyond())
}

pub(crate) fn plus_days(date: Date, days: i64) -> Result<Date> {
    of_epoch_day(epoch_day(date).checked_add(days).ok_or_else(beyond)?)
}

fn nano_of_day(time: Time) -> i128 {
    time.duration_since(Time::midnight()).as_nanos()
}

fn at_nano(date: Date, nano: i128) -> Result<DateTime> {
    let days = i64::try_from(nano.div_euclid(NANOS_PER_DAY)).map_err(|_| beyond())?;
    let rest = nano.rem_euclid(NANOS_PER_DAY);
    let (seconds, nanos) = (rest / 1_000_000_000, rest % 1_000_000_000);
    let clock = time(
        (seconds / 3_600) as i32,
        (seconds / 60 % 60) as i32,
        (seconds % 60) as i32,
        nanos as i32,
    )?;
    Ok(plus_days(date, days)?.to_datetime(clock))
}

/// `plus(amount, unit)` of dates, date-times and instants.
pub(crate) fn plus<'a>(value: &Value<'a>, amount: i64, unit: ChronoUnit) -> Result<Value<'a>> {
    match value {
        Value::LocalDate(date) => plus_date(*date, amount, unit).map(Value::LocalDate),
        Value::LocalDateTime(time) => match unit.nanos().filter(|_| unit.is_time_based()) {
            Some(nanos) => at_nano(
                time.date(),
                nano_of_day(time.time()) + i128::from(amount) * nanos,
            )
            .map(Value::LocalDateTime),
            None => Ok(Value::LocalDateTime(
                plus_date(time.date(), amount, unit)?.to_datetime(time.time()),
            )),
        },
        Value::Instant(instant) => {
            let nanos = unit
                .nanos()
                .filter(|_| unit <= ChronoUnit::Days)
                .ok_or_else(|| unsupported(unit))?;
            let moved = instant.as_nanosecond() + i128::from(amount) * nanos;
            Timestamp::from_nanosecond(moved)
                .map(Value::Instant)
                .map_err(|_| beyond())
        }
        _ => Ok(Value::Null),
    }
}

fn plus_date(date: Date, amount: i64, unit: ChronoUnit) -> Result<Date> {
    match unit {
        ChronoUnit::Days => plus_days(date, amount),
        ChronoUnit::Weeks => plus_days(date, amount.checked_mul(7).ok_or_else(beyond)?),
        unit => match unit.months() {
            Some(months) => plus_months(date, amount.checked_mul(months).ok_or_else(beyond)?),
            None => Err(unsupported(unit)),
        },
    }
}

/// `from.until(to, unit)`
pub(crate) fn until(from: &Value<'_>, to: &Value<'_>, unit: ChronoUnit) -> Result<i64> {
    let cannot = |what: &str| {
        let class = super::class_name(to);
        exception(format!(
            "Unable to obtain {what} from TemporalAccessor: {} of type {class}",
            crate::value::text::java(to)
        ))
    };
    match from {
        Value::LocalDate(from) => {
            let to = match to {
                Value::LocalDate(date) => *date,
                Value::LocalDateTime(time) => time.date(),
                _ => return Err(cannot("LocalDate")),
            };
            date_until(*from, to, unit)
        }
        Value::LocalDateTime(from) => {
            let Value::LocalDateTime(to) = to else {
                return Err(cannot("LocalDateTime"));
            };
            if let Some(nanos) = unit.nanos().filter(|_| unit.is_time_based()) {
                let total = |time: &DateTime| {
                    i128::from(epoch_day(time.date())) * NANOS_PER_DAY + nano_of_day(time.time())
                };
                return i64::try_from((total(to) - total(from)) / nanos).map_err(|_| overflow());
            }
            let mut end = to.date();
            if end > from.date() && to.time() < from.time() {
                end = plus_days(end, -1)?;
            } else if end < from.date() && to.time() > from.time() {
                end = plus_days(end, 1)?;
            }
            date_until(from.date(), end, unit)
        }
        Value::Instant(from) => {
            let Value::Instant(to) = to else {
                return Err(cannot("Instant"));
            };
            let nanos = unit
                .nanos()
                .filter(|_| unit <= ChronoUnit::Days)
                .ok_or_else(|| unsupported(unit))?;
            i64::try_from((to.as_nanosecond() - from.as_nanosecond()) / nanos)
                .map_err(|_| overflow())
        }
        _ => Err(unsupported(unit)),
    }
}

fn date_until(from: Date, to: Date, unit: ChronoUnit) -> Result<i64> {
    let days = epoch_day(to) - epoch_day(from);
    match unit {
        ChronoUnit::Days => Ok(days),
        ChronoUnit::Weeks => Ok(days / 7),
        unit => {
            let months = unit.months().ok_or_else(|| unsupported(unit))?;
            let packed = |date: Date| {
                (i64::from(date.year()) * 12 + i64::from(date.month()) - 1) * 32
                    + i64::from(date.day())
            };
            Ok((packed(to) - packed(from)) / 32 / months)
        }
    }
}

fn overflow() -> Error {
    Error::new("java.lang.ArithmeticException", "long overflow")
}

/// `truncatedTo(unit)` of date-times and instants.
pub(crate) fn truncated<'a>(value: &Value<'a>, unit: ChronoUnit) -> Result<Value<'a>> {
    let nanos = unit
        .nanos()
        .filter(|_| unit <= ChronoUnit::Days)
        .ok_or_else(|| {
            Error::new(
                "java.time.temporal.UnsupportedTemporalTypeException",
                "Unit is too large to be used for truncation",
            )
        })?;
    match value {
        Value::LocalDateTime(time) => {
            let of_day = nano_of_day(time.time());
            at_nano(time.date(), of_day - of_day % nanos).map(Value::LocalDateTime)
        }
        Value::Instant(instant) => {
            let total = instant.as_nanosecond();
            let cut = total - total.rem_euclid(nanos);
            Timestamp::from_nanosecond(cut)
                .map(Value::Instant)
                .map_err(|_| beyond())
        }
        other => Ok(other.clone()),
    }
}

fn unparsable(text: &str, at: usize) -> Error {
    Error::new(
        "java.time.format.DateTimeParseException",
        format!("Text '{text}' could not be parsed at index {at}"),
    )
}

/// Year, month and day as written; they are checked when the whole text has the right form.
type RawDate = (i32, i32, i32);
/// Hour, minute, second, nanosecond as written.
type RawTime = (i32, i32, i32, i32);

/// `yyyy-MM-dd`
pub(crate) fn parse_date(text: &str) -> Result<Date> {
    let (raw, rest) = date_prefix(text, text)?;
    if !rest.is_empty() {
        return Err(trailing(text, text.len() - rest.len()));
    }
    checked_date(raw, text)
}

/// `yyyy-MM-ddTHH:mm[:ss[.fraction]]`
pub(crate) fn parse_date_time(text: &str) -> Result<DateTime> {
    let (date, rest) = date_prefix(text, text)?;
    let at = text.len() - rest.len();
    let rest = rest
        .strip_prefix(['T', 't'])
        .ok_or_else(|| unparsable(text, at))?;
    let (time, rest) = time_prefix(text, rest, false)?;
    if !rest.is_empty() {
        return Err(trailing(text, text.len() - rest.len()));
    }
    Ok(checked_date(date, text)?.to_datetime(checked_time(time, text)?))
}

/// `Instant.parse`: date, time with seconds, and `Z` or an offset.
pub(crate) fn parse_instant(text: &str) -> Result<Timestamp> {
    let (date, rest) = date_prefix(text, text)?;
    let at = text.len() - rest.len();
    let rest = rest
        .strip_prefix(['T', 't'])
        .ok_or_else(|| unparsable(text, at))?;
    let (time, rest) = time_prefix(text, rest, true)?;
    let at = text.len() - rest.len();
    let offset_seconds = match rest {
        "Z" | "z" => 0,
        rest => offset(rest).ok_or_else(|| unparsable(text, at))?,
    };
    let local = checked_date(date, text)?.to_datetime(checked_time(time, text)?);
    let utc = local.to_zoned(TimeZone::UTC).map_err(|_| beyond())?;
    let nanos = utc.timestamp().as_nanosecond() - i128::from(offset_seconds) * 1_000_000_000;
    Timestamp::from_nanosecond(nanos).map_err(|_| beyond())
}

/// `+HH`, `+HH:mm`
fn offset(text: &str) -> Option<i32> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = digits(&text[1..], 2)?;
    let minutes = match rest.strip_prefix(':') {
        Some(rest) => digits(rest, 2).filter(|(_, rest)| rest.is_empty())?.0,
        None if rest.is_empty() => 0,
        None => return None,
    };
    Some(sign * (hours * 3_600 + minutes * 60))
}

fn trailing(text: &str, at: usize) -> Error {
    Error::new(
        "java.time.format.DateTimeParseException",
        format!("Text '{text}' could not be parsed, unparsed text found at index {at}"),
    )
}

fn digits(text: &str, count: usize) -> Option<(i32, &str)> {
    let part = text
        .get(..count)
        .filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?;
    Some((part.parse().ok()?, &text[count..]))
}

fn date_prefix<'t>(whole: &str, text: &'t str) -> Result<(RawDate, &'t str)> {
    let at = |rest: &str| unparsable(whole, whole.len() - rest.len());
    let (year, rest) = digits(text, 4).ok_or_else(|| at(text))?;
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        // A year of more digits needs a sign.
        return Err(at(text));
    }
    let rest = rest.strip_prefix('-').ok_or_else(|| at(rest))?;
    let (month, rest) = digits(rest, 2).ok_or_else(|| at(rest))?;
    let rest = rest.strip_prefix('-').ok_or_else(|| at(rest))?;
    let (day, rest) = digits(rest, 2).ok_or_else(|| at(rest))?;
    Ok(((year, month, day), rest))
}

fn time_prefix<'t>(whole: &str, text: &'t str, seconds_needed: bool) -> Result<(RawTime, &'t str)> {
    let at = |rest: &str| unparsable(whole, whole.len() - rest.len());
    let (hour, rest) = digits(text, 2).ok_or_else(|| at(text))?;
    let rest = rest.strip_prefix(':').ok_or_else(|| at(rest))?;
    let (minute, rest) = digits(rest, 2).ok_or_else(|| at(rest))?;
    let (mut second, mut nano, mut rest) = (0, 0, rest);
    if let Some(after) = rest.strip_prefix(':') {
        let (value, after) = digits(after, 2).ok_or_else(|| at(after))?;
        second = value;
        rest = after;
        if let Some(fraction) = rest.strip_prefix('.') {
            let count = fraction
                .bytes()
                .take(9)
                .take_while(u8::is_ascii_digit)
                .count();
            let text = format!("{:0<9}", &fraction[..count]);
            nano = text.parse().unwrap_or(0);
            rest = &fraction[count..];
        }
    } else if seconds_needed {
        return Err(at(rest));
    }
    Ok(((hour, minute, second, nano), rest))
}

fn checked_date((year, month, day): RawDate, whole: &str) -> Result<Date> {
    date(year, month, day).map_err(|error| invalid(error, whole))
}

fn checked_time((hour, minute, second, nano): RawTime, whole: &str) -> Result<Time> {
    time(hour, minute, second, nano).map_err(|error| invalid(error, whole))
}

fn invalid(error: Error, whole: &str) -> Error {
    let reason = error.message().unwrap_or("").to_owned();
    error.wrapped(
        "java.time.format.DateTimeParseException",
        format!("Text '{whole}' could not be parsed: {reason}"),
    )
}

/// A zone by id: IANA names, `Z`, `UTC`, offsets.
pub(crate) fn zone(id: &str) -> Result<TimeZone> {
    if matches!(id, "Z" | "UTC" | "GMT" | "UT") {
        return Ok(TimeZone::UTC);
    }
    if let Some(rest) = id.strip_prefix(['+', '-']) {
        let mut parts = rest.split(':').map(|part| part.parse::<i32>().ok());
        let hours = parts.next().flatten();
        let minutes = parts.next().map_or(Some(0), |part| part);
        if let (Some(hours), Some(minutes)) = (hours, minutes) {
            let total = (hours * 3_600 + minutes * 60) * if id.starts_with('-') { -1 } else { 1 };
            if let Ok(offset) = jiff::tz::Offset::from_seconds(total) {
                return Ok(TimeZone::fixed(offset));
            }
        }
        return Err(exception(format!(
            "Invalid ID for ZoneOffset, invalid format: {id}"
        )));
    }
    TimeZone::get(id).map_err(|_| {
        Error::new(
            "java.time.zone.ZoneRulesException",
            format!("Unknown time-zone ID: {id}"),
        )
    })
}
