//! `java.time.temporal.ChronoUnit`.

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChronoUnit {
    /// Nanoseconds
    Nanos,
    /// Microseconds
    Micros,
    /// Milliseconds
    Millis,
    /// Seconds
    Seconds,
    /// Minutes
    Minutes,
    /// Hours
    Hours,
    /// Half days
    HalfDays,
    /// Days
    Days,
    /// Weeks
    Weeks,
    /// Months
    Months,
    /// Years
    Years,
    /// Decades
    Decades,
    /// Centuries
    Centuries,
    /// Millennia
    Millennia,
    /// Eras
    Eras,
    /// Forever
    Forever,
}

const ALL: [(ChronoUnit, &str, &str); 16] = [
    (ChronoUnit::Nanos, "NANOS", "Nanos"),
    (ChronoUnit::Micros, "MICROS", "Micros"),
    (ChronoUnit::Millis, "MILLIS", "Millis"),
    (ChronoUnit::Seconds, "SECONDS", "Seconds"),
    (ChronoUnit::Minutes, "MINUTES", "Minutes"),
    (ChronoUnit::Hours, "HOURS", "Hours"),
    (ChronoUnit::HalfDays, "HALF_DAYS", "HalfDays"),
    (ChronoUnit::Days, "DAYS", "Days"),
    (ChronoUnit::Weeks, "WEEKS", "Weeks"),
    (ChronoUnit::Months, "MONTHS", "Months"),
    (ChronoUnit::Years, "YEARS", "Years"),
    (ChronoUnit::Decades, "DECADES", "Decades"),
    (ChronoUnit::Centuries, "CENTURIES", "Centuries"),
    (ChronoUnit::Millennia, "MILLENNIA", "Millennia"),
    (ChronoUnit::Eras, "ERAS", "Eras"),
    (ChronoUnit::Forever, "FOREVER", "Forever"),
];

impl ChronoUnit {
    /// `ChronoUnit.valueOf`
    pub fn from_name(name: &str) -> Option<Self> {
        ALL.iter()
            .find(|(_, known, _)| *known == name)
            .map(|(unit, ..)| *unit)
    }

    /// `name()`
    pub fn name(self) -> &'static str {
        ALL[self as usize].1
    }

    /// `toString()`
    pub fn display(self) -> &'static str {
        ALL[self as usize].2
    }

    /// All units in order.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(|(unit, ..)| *unit)
    }

    /// Nanoseconds of a unit of fixed length.
    pub fn nanos(self) -> Option<i128> {
        const SECOND: i128 = 1_000_000_000;
        Some(match self {
            Self::Nanos => 1,
            Self::Micros => 1_000,
            Self::Millis => 1_000_000,
            Self::Seconds => SECOND,
            Self::Minutes => 60 * SECOND,
            Self::Hours => 3_600 * SECOND,
            Self::HalfDays => 43_200 * SECOND,
            Self::Days => 86_400 * SECOND,
            Self::Weeks => 7 * 86_400 * SECOND,
            _ => return None,
        })
    }

    /// Months of a calendar unit.
    pub fn months(self) -> Option<i64> {
        Some(match self {
            Self::Months => 1,
            Self::Years => 12,
            Self::Decades => 120,
            Self::Centuries => 1_200,
            Self::Millennia => 12_000,
            _ => return None,
        })
    }

    /// `isDateBased`
    pub fn is_date_based(self) -> bool {
        self >= Self::Days && self != Self::Forever
    }

    /// `isTimeBased`
    pub fn is_time_based(self) -> bool {
        self < Self::Days
    }
}
