//! Service level objectives of probes: what they promise, what is left of their budgets, whom to call.
//!
//! ```text
//!  probe files ─► Promise ─┐
//!  looks ──────► Budgets ──┴─► gameday_slo_* · /v1/slo · alerts ─► notify/
//! ```
//!
//! Burn rates themselves are computed in `gameday-alert`.

mod budgets;
mod keep;
mod open;
mod promise;
mod seen;
mod show;
mod store;
mod tell;

pub(crate) use budgets::Budgets;
pub(crate) use open::Opened;
pub(crate) use promise::{Id, Promise, promises};
pub(crate) use seen::{Judge, Trust};
pub(crate) use show::{as_json, write_metrics};

use std::time::Duration;

/// A length of time as people say it: its two largest units.
pub(crate) fn spoken(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    if seconds < 1.0 {
        return format!("{:.0}ms", seconds * 1e3);
    }
    if seconds < 10.0 && span.subsec_millis() > 0 {
        return format!("{seconds:.1}s");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most some years"
    )]
    let seconds = seconds.round() as u64;
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let two = units.iter().skip(first).take(2);
    two.filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect()
}

/// A share as a percentage, without a tail.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.4}", share * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_two_units() {
        for (ms, said) in [
            (0, "0ms"),
            (417, "417ms"),
            (2500, "2.5s"),
            (9999, "10.0s"),
            (51_840, "52s"),
            (59_999, "1m"),
            (129_600, "2m10s"),
            (3_600_000, "1h"),
            (43 * 60_000 + 12_000, "43m12s"),
            (86_400_000, "1d"),
            (30 * 86_400_000, "30d"),
            (90_061_000, "1d1h"),
        ] {
            assert_eq!(spoken(Duration::from_millis(ms)), said, "{ms}");
        }
        assert_eq!(
            (
                percent(0.999).as_str(),
                percent(0.0144).as_str(),
                percent(-0.4).as_str()
            ),
            ("99.9%", "1.44%", "-40%")
        );
    }
}
