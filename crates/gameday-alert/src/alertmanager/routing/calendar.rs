//! Named time intervals: when a route is muted or active.

use std::ops::RangeInclusive;

use gameday_core::Timestamp;
use jiff::Zoned;
use jiff::tz::TimeZone;
use saphyr::Yaml;

use crate::yaml::{list, text_at, texts};

/// A named time interval: any of its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar(Vec<Part>);

/// Everything that is stated must hold; what is left out always does.
#[derive(Debug, Clone, PartialEq, Default)]
struct Part {
    /// Minutes of the day, the second left out.
    times: Option<Vec<(i64, i64)>>,
    /// From Sunday, 0.
    weekdays: Option<Vec<RangeInclusive<i64>>>,
    /// From 1, or from the end of the month, −1.
    days: Option<Vec<RangeInclusive<i64>>>,
    months: Option<Vec<RangeInclusive<i64>>>,
    years: Option<Vec<RangeInclusive<i64>>>,
    /// None is UTC.
    location: Option<String>,
}

const WEEKDAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Calendar {
    pub(super) fn read(parts: &[Yaml<'_>]) -> Self {
        Self(parts.iter().map(Part::read).collect())
    }

    /// Whether a moment lies in it.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.0.iter().any(|part| part.holds(at))
    }
}

impl Part {
    fn read(yaml: &Yaml<'_>) -> Self {
        let ranges = |key: &str, names: &'static [&'static str], first: i64| {
            let texts = texts(yaml, key);
            let range = |text: &String| range(text, names, first);
            (!texts.is_empty()).then(|| texts.iter().filter_map(range).collect())
        };
        let times = list(yaml, "times");
        let time = |one: &Yaml<'_>| {
            Some((
                minute(&text_at(one, "start_time")?)?,
                minute(&text_at(one, "end_time")?)?,
            ))
        };
        Self {
            times: (!times.is_empty()).then(|| times.iter().filter_map(time).collect()),
            weekdays: ranges("weekdays", &WEEKDAYS, 0),
            days: ranges("days_of_month", &[], 1),
            months: ranges("months", &MONTHS, 1),
            years: ranges("years", &[], 0),
            location: text_at(yaml, "location"),
        }
    }

    fn holds(&self, at: Timestamp) -> bool {
        let Some(at) = self.local(at) else { return false };
        let minute = i64::from(at.hour()) * 60 + i64::from(at.minute());
        let (day, last) = (i64::from(at.day()), i64::from(at.days_in_month()));
        let in_any = |ranges: &Option<Vec<RangeInclusive<i64>>>, value: i64| {
            ranges
                .as_ref()
                .is_none_or(|ranges| ranges.iter().any(|range| range.contains(&value)))
        };
        let from_start = |day: i64| {
            if day < 0 {
                (last + day + 1).max(1)
            } else {
                day.min(last)
            }
        };
        let in_days = self.days.as_ref().is_none_or(|days| {
            days.iter()
                .any(|range| (from_start(*range.start())..=from_start(*range.end())).contains(&day))
        });
        self.times
            .as_ref()
            .is_none_or(|times| times.iter().any(|(start, end)| (*start..*end).contains(&minute)))
            && in_days
            && in_any(&self.weekdays, i64::from(at.weekday().to_sunday_zero_offset()))
            && in_any(&self.months, i64::from(at.month()))
            && in_any(&self.years, i64::from(at.year()))
    }

    fn local(&self, at: Timestamp) -> Option<Zoned> {
        let zone = match self.location.as_deref() {
            None | Some("" | "UTC") => TimeZone::UTC,
            Some(name) => TimeZone::get(name).ok()?,
        };
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        Some(at.to_zoned(zone))
    }
}

/// `monday:friday`, `1:5` or `5`.
fn range(text: &str, names: &[&str], first: i64) -> Option<RangeInclusive<i64>> {
    let number = |text: &str| {
        let text = text.trim().to_ascii_lowercase();
        let named = names.iter().position(|name| *name == text);
        match named {
            Some(at) => i64::try_from(at).ok().map(|at| at + first),
            None => text.parse().ok(),
        }
    };
    let (start, end) = text.split_once(':').unwrap_or((text, text));
    Some(number(start)?..=number(end)?)
}

/// `22:00` as a minute of the day; `24:00` is its end.
fn minute(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    Some(hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?)
}
