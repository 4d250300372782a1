//! Numbers for people: one way to say a span, a share and a count, the same in every rendering.

use gameday_core::{Unit, printable};

use crate::{AlertReport, Predicted};

/// A span for reading: `850 ms`, `42.1 s`, `3 min 05 s`.
pub(crate) fn span(ms: i64) -> String {
    let (sign, size) = (if ms < 0 { "−" } else { "" }, ms.unsigned_abs());
    match size {
        0..1_000 => format!("{sign}{size} ms"),
        // Rounded half up in whole numbers: a float would round 42.05 one way or the other.
        1_000..119_950 => format!("{sign}{}.{} s", (size + 50) / 1000, (size + 50) / 100 % 10),
        _ => format!(
            "{sign}{} min {:02} s",
            (size + 500) / 60_000,
            (size + 500) / 1000 % 60
        ),
    }
}

/// A span to the millisecond: `14.206 s`.
pub(crate) fn exact(ms: i64) -> String {
    let (sign, size) = (if ms < 0 { "−" } else { "" }, ms.unsigned_abs());
    format!("{sign}{}.{:03} s", size / 1000, size % 1000)
}

/// A span that may be unknown, to the millisecond.
pub(crate) fn exact_or_dash(ms: Option<i64>) -> String {
    ms.map_or_else(|| "—".to_owned(), exact)
}

/// A span that may be unknown, for reading.
pub(crate) fn span_or_dash(ms: Option<i64>) -> String {
    ms.map_or_else(|| "—".to_owned(), span)
}

/// A predicted time: exactly, within an interval, or at the earliest.
pub(crate) fn predicted(range: Option<(i64, Option<i64>)>) -> String {
    match range {
        None => "—".to_owned(),
        Some((ms, Some(latest))) if latest == ms => exact(ms),
        Some((ms, Some(latest))) => format!("{} to {}", exact(ms), exact(latest)),
        Some((ms, None)) => format!("≥ {}", exact(ms)),
    }
}

/// What is to be said of an alert's marks beyond their times: one line each.
pub(crate) fn remarks(alert: &AlertReport) -> Vec<String> {
    let mut lines = alert.notes.clone();
    lines.extend(
        alert
            .unclean
            .iter()
            .map(|why| format!("its group stage is not clean: {why}")),
    );
    lines.extend(alert.kept_firing.as_ref().map(|kept| {
        let since = match (&kept.since, &kept.why) {
            (Some(since), _) => format!("its condition was false since {}", since.clock()),
            (None, why) => format!(
                "since when its condition was false is not known: {}",
                why.as_deref().unwrap_or_default()
            ),
        };
        let held = span(i64::try_from(kept.for_ms).unwrap_or(i64::MAX));
        format!("the rule fires on for {held} when its condition is over (`keep_firing_for`); {since}")
    }));
    lines
}

/// A span that is known exactly, or to lie between two, or not at all.
pub(crate) fn span_or_between(ms: Option<i64>, between: Option<[i64; 2]>) -> String {
    match (ms, between) {
        (None, Some([least, most])) => format!("{} to {}", span(least), span(most)),
        (ms, _) => span_or_dash(ms),
    }
}

/// As [`span_or_between`], to the millisecond.
pub(crate) fn exact_or_between(ms: Option<i64>, between: Option<[i64; 2]>) -> String {
    match (ms, between) {
        (None, Some([least, most])) => predicted(Some((least, Some(most)))),
        (ms, _) => exact_or_dash(ms),
    }
}

/// What was said before the fault, beyond times: one line each.
pub(crate) fn foretold(predicted: &Predicted) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(predicted.never.iter().map(|why| format!("never: {why}")));
    if let Some(receiver) = &predicted.receiver {
        let route = predicted.route.as_ref().filter(|route| !route.is_empty());
        let by = route.map_or_else(String::new, |route| format!(", by the route `{route}`"));
        lines.push(format!("it reaches `{receiver}`{by}"));
    }
    if let Some(odds) = predicted.odds {
        lines.push(format!(
            "it fires with a probability of {:.1} %: each evaluation sees the fault with {:.1} %, {} in a row must, of {}",
            odds.fires * 100.0,
            odds.hit * 100.0,
            odds.row,
            odds.ticks
        ));
    }
    if let Some(spent) = predicted.budget_spent {
        lines.push(format!(
            "the fault costs {:.1} % of the error budget",
            spent * 100.0
        ));
    }
    lines.extend(predicted.assumes.iter().map(|what| format!("if {what}")));
    lines.extend(predicted.warnings.iter().map(|what| format!("beware: {what}")));
    lines
}

/// How sure something is, in percent; what is nearly certain is not rounded to certain.
pub(crate) fn sure(share: f64) -> String {
    let percent = share * 100.0;
    let digits = if (99.0..100.0).contains(&percent) { 2 } else { 1 };
    let text = format!("{percent:.digits$}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A time that is shorter than the interval at which somebody looked.
pub(crate) fn within_a_look(look_ms: u64) -> String {
    format!("within one look ({})", limit(look_ms))
}

/// A number and what it is compared with, with as many digits as show that they differ.
pub(crate) fn number_beside(value: f64, limit: f64) -> (String, String) {
    #[expect(clippy::float_cmp, reason = "equal numbers have equal digits")]
    let digits = (3..12)
        .find(|digits| value == limit || number(value, *digits) != number(limit, *digits))
        .unwrap_or(12);
    (number(value, digits), number(limit, digits))
}

/// A number with so many digits that count.
fn number(value: f64, digits: usize) -> String {
    let size = value.abs();
    if value != 0.0 && !(1e-4..1e9).contains(&size) {
        return format!("{value:.*e}", digits - 1);
    }
    // As many zeros after the point count for nothing.
    let zeros = (1..5).filter(|zeros| size < 10_f64.powi(-zeros)).count();
    let whole = format!("{size:.0}").len();
    let decimals = match size >= 1.0 {
        true => digits.saturating_sub(whole),
        false => digits + zeros,
    };
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A limit of the plan, without needless decimals: `30 s`, `2.5 s`, `250 ms`.
pub(crate) fn limit(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        _ if ms.is_multiple_of(86_400_000) => format!("{} d", ms / 86_400_000),
        _ if ms.is_multiple_of(3_600_000) => format!("{} h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{} min", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{} s", ms / 1_000),
        _ => format!(
            "{} s",
            format!("{}.{:03}", ms / 1000, ms % 1000).trim_end_matches('0')
        ),
    }
}

/// A value in its unit.
pub(crate) fn value(value: f64, unit: Unit) -> String {
    match unit {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, and it is shown only"
        )]
        Unit::Ms => limit(value.max(0.0).round() as u64),
        Unit::Ratio => {
            let text = format!("{:.2}", value * 100.0);
            format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
        }
        Unit::Number => {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

/// A small span in microseconds: `412 µs`, `2.5 ms`, `1.234 s`.
pub(crate) fn micros(us: i64) -> String {
    let (sign, size) = (if us < 0 { "−" } else { "" }, us.unsigned_abs());
    match size {
        0..1_000 => format!("{sign}{size} µs"),
        1_000..1_000_000 => format!("{sign}{}.{} ms", size / 1_000, size / 100 % 10),
        _ => format!("{sign}{}.{:03} s", size / 1_000_000, size / 1_000 % 1_000),
    }
}

/// A share in percent with as many digits as matter: `0.02 %`, `3.4 %`, `41 %`, `99.95 %`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let text = match percent.abs() {
        0.0..0.1 => format!("{percent:.3}"),
        0.1..1.0 => format!("{percent:.2}"),
        1.0..10.0 => format!("{percent:.1}"),
        // What is nearly all is not all.
        99.0..100.0 => format!("{percent:.3}"),
        _ => format!("{percent:.0}"),
    };
    let short = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{short} %")
}

/// With a capital first letter, as it stands alone.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `1 look`, `2 looks`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A word of the vocabulary for people: `not_effective` becomes `not effective`.
pub(crate) fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

/// Text on one line, in which nothing steers a terminal, breaks XML or turns letters around: such marks are
/// shown as escapes, as they are on a terminal.
pub(crate) fn clean(text: &str) -> String {
    printable(&text.replace(['\n', '\t'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_the_unit_people_would_use() {
        for (ms, said) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (-1, "−1 ms"),
            (1_000, "1.0 s"),
            (42_149, "42.1 s"),
            (42_150, "42.2 s"),
            (119_949, "119.9 s"),
            (119_950, "2 min 00 s"),
            (185_400, "3 min 05 s"),
            (-14_206, "−14.2 s"),
        ] {
            assert_eq!(span(ms), said);
        }
        assert_eq!(exact(14_206), "14.206 s");
        assert_eq!(
            (limit(30_000), limit(2_500), limit(250), limit(120_000)),
            ("30 s".into(), "2.5 s".into(), "250 ms".into(), "2 min".into())
        );
        assert_eq!(
            (limit(7_200_000), limit(2_592_000_000)),
            ("2 h".into(), "30 d".into())
        );
        assert_eq!(
            (percent(0.9995), percent(1.0), percent(0.41)),
            ("99.95 %".into(), "100 %".into(), "41 %".into())
        );
    }

    #[test]
    fn text_that_reorders_or_controls_is_shown_as_escapes() {
        assert_eq!(
            clean("a\u{202e}b\u{1b}[31m\0c\nd\u{fffe}"),
            "a\\u{202e}b\\u{1b}[31m\\u{0}c d\\u{fffe}"
        );
        assert_eq!(clean("שלום 👩‍💻"), "שלום 👩‍💻");
    }
}
