//! `[quiet]`: hours in which nobody is told of a ticket. Pages always pass.
//!
//! ```text
//! tickets = "22:00-07:00 Europe/Berlin"
//! ```

use gameday_core::{Table, Timestamp};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use toml::Spanned;

/// From one time of the day to another, perhaps over midnight.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quiet {
    from: Time,
    until: Time,
    zone: TimeZone,
}

/// Reads the table.
pub(crate) fn read_quiet(root: &mut Table<'_, '_>) -> Option<Quiet> {
    let mut table = root.table("quiet")?;
    let problems = table.problems();
    let typed: Option<Spanned<String>> = table.need_spanned("tickets");
    table.finish();
    let typed = typed?;
    match Quiet::parse(typed.get_ref()) {
        Ok(quiet) => Some(quiet),
        Err(why) => {
            let problem = problems.source().problem(typed.span(), why);
            problems.push(problem.hint("write it as \"22:00-07:00 Europe/Berlin\""));
            None
        }
    }
}

impl Quiet {
    fn parse(text: &str) -> Result<Self, String> {
        let refuse = || format!("`{text}` is not a time of the day to another, and a time zone");
        let (span, zone) = text.trim().split_once(' ').ok_or_else(refuse)?;
        let (from, until) = span.split_once('-').ok_or_else(refuse)?;
        let time = |text: &str| {
            Time::strptime("%H:%M", text).map_err(|_| format!("`{text}` is not a time of the day"))
        };
        let zone = zone.trim();
        let quiet = Self {
            from: time(from)?,
            until: time(until)?,
            zone: TimeZone::get(zone).map_err(|_| format!("no time zone is named `{zone}`"))?,
        };
        if quiet.from == quiet.until {
            return Err("quiet hours that begin when they end are none".to_owned());
        }
        Ok(quiet)
    }

    /// Whether it is quiet then.
    pub(super) fn holds(&self, at: Timestamp) -> bool {
        let Ok(instant) = jiff::Timestamp::from_microsecond(at.as_micros()) else {
            return false;
        };
        let time = instant.to_zoned(self.zone.clone()).time();
        match self.from < self.until {
            true => (self.from..self.until).contains(&time),
            false => time >= self.from || time < self.until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(quiet: &str, at: &str, expected: bool) {
        let quiet = Quiet::parse(quiet).unwrap();
        assert_eq!(quiet.holds(Timestamp::parse(at).unwrap()), expected, "{at}");
    }

    #[test]
    fn hours_are_those_of_the_zone_in_summer_and_in_winter() {
        let night = "22:00-07:00 Europe/Berlin";
        check(night, "2026-01-15T20:59:59Z", false);
        check(night, "2026-01-15T21:00:00Z", true);
        check(night, "2026-01-16T05:59:59Z", true);
        check(night, "2026-01-16T06:00:00Z", false);
        check(night, "2026-07-15T20:00:00Z", true);
        check(night, "2026-07-15T19:59:59Z", false);
        check("09:00-17:00 UTC", "2026-07-15T12:00:00Z", true);
        check("09:00-17:00 UTC", "2026-07-15T17:00:00Z", false);
    }

    #[test]
    fn what_is_no_span_of_hours_is_refused() {
        for (text, why) in [
            ("22:00-07:00", "is not a time of the day to another"),
            ("22-7 UTC", "`22` is not a time of the day"),
            ("25:00-07:00 UTC", "`25:00` is not a time"),
            ("22:00-07:00 Berlin", "no time zone is named `Berlin`"),
            ("22:00-22:00 UTC", "are none"),
        ] {
            let told = Quiet::parse(text).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }
}
