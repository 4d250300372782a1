//! Reads Prometheus' text exposition format, as far as counters and gauges go.

use crate::error::Unreadable;

/// One sample: a name, labels and a finite value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exposed<'a> {
    /// The metric's name.
    pub(crate) name: &'a str,
    labels: Vec<(&'a str, String)>,
    /// Its value.
    pub(crate) value: f64,
}

impl Exposed<'_> {
    /// The value of a label; none when it has no such label.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(label, _)| *label == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Its value as a count; none when it can be none.
    pub(crate) fn count(&self) -> Option<u64> {
        const MOST: f64 = 9_007_199_254_740_992.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within what a float counts exactly"
        )]
        (0.0..=MOST).contains(&self.value).then_some(self.value as u64)
    }
}

/// The samples of a body whose names are wanted; lines that are no samples are passed over.
pub(crate) fn samples<'a>(
    body: &'a [u8],
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Exposed<'a>>, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|_| Unreadable("the metrics are not UTF-8".to_owned()))?;
    Ok(text.lines().filter_map(|line| sample(line, &wanted)).collect())
}

/// `name{label="x",…} value`.
fn sample<'a>(line: &'a str, wanted: impl Fn(&str) -> bool) -> Option<Exposed<'a>> {
    let end_of_name = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end_of_name);
    if !wanted(name) {
        return None;
    }
    let mut labels = Vec::new();
    if let Some(listed) = rest.strip_prefix('{') {
        rest = listed;
        while !rest.starts_with('}') {
            let (label, value, after) = label(rest)?;
            labels.push((label, value));
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some(Exposed { name, labels, value })
}

/// `label="value"` at the head of `text`, and what follows it.
fn label(text: &str) -> Option<(&str, String, &str)> {
    let (label, quoted) = text.split_once("=\"")?;
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((label.trim(), value, &quoted[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}
