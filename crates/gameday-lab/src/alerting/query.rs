//! The few queries that are answered: `time()`, a name, a name with `=` matchers, and a range of it.

use std::time::Duration;

/// A query, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Query {
    /// `time()`
    Time,
    /// `name{label="value",…}[30m]`, or without a range: the newest value.
    Select {
        name: String,
        matchers: Vec<(String, String)>,
        range: Option<Duration>,
    },
}

/// Reads a query; `None` for all that is not answered.
pub(super) fn parse(text: &str) -> Option<Query> {
    let text = text.trim();
    if text == "time()" {
        return Some(Query::Time);
    }
    let (text, range) = match text.strip_suffix(']') {
        Some(text) => {
            let (text, range) = text.rsplit_once('[')?;
            (text, Some(duration(range)?))
        }
        None => (text, None),
    };
    let (name, matchers) = match text.strip_suffix('}') {
        Some(text) => {
            let (name, inner) = text.split_once('{')?;
            (name, matchers(inner)?)
        }
        None => (text, Vec::new()),
    };
    is_name(name).then(|| Query::Select {
        name: name.to_owned(),
        matchers,
        range,
    })
}

/// Reads `a="1", b="2"`; the values gameday asks for hold neither commas nor quotes.
fn matchers(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs.map(matcher).collect()
}

/// Reads `name="value"`.
pub(super) fn matcher(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
    let sound = is_name(name.trim()) && !value.contains(['"', '\\', ',']);
    sound.then(|| (name.trim().to_owned(), value.to_owned()))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reads `30m`, `90s` or `500ms`, of a day at most.
fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|char: char| !char.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    let ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let duration = Duration::from_millis(number.checked_mul(ms)?);
    (!duration.is_zero() && duration <= Duration::from_secs(86_400)).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gameday_asks_is_understood() {
        assert_eq!(parse("time()"), Some(Query::Time));
        let select = |name: &str, matchers: &[(&str, &str)], range| Query::Select {
            name: name.into(),
            matchers: matchers.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect(),
            range,
        };
        assert_eq!(parse("up"), Some(select("up", &[], None)));
        assert_eq!(
            parse("ALERTS{alertname=\"X\", severity=\"page\"}[30m]"),
            Some(select(
                "ALERTS",
                &[("alertname", "X"), ("severity", "page")],
                Some(Duration::from_secs(1800))
            ))
        );
    }

    #[test]
    fn everything_else_is_not() {
        for text in [
            "",
            "rate(up[5m])",
            "up offset 5m",
            "up{job=~\"a\"}",
            "up[5]",
            "up[0s]",
            "up > 0",
            "up[99999999999999999999h]",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
