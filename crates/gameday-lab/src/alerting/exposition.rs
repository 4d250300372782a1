//! Reads the text format of `/metrics`.

use std::collections::BTreeMap;

/// More samples than this are refused.
const MAX_SAMPLES: usize = 5_000;

/// One line of `/metrics`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// Reads all samples; the first bad line is an error, as a scrape counts whole or not at all.
pub(super) fn parse(text: &str) -> Result<Vec<Sample>, String> {
    let mut samples = Vec::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if samples.len() == MAX_SAMPLES {
            return Err(format!("more than {MAX_SAMPLES} samples"));
        }
        samples.push(parse_line(line).ok_or_else(|| format!("cannot read the line `{line}`"))?);
    }
    Ok(samples)
}

fn parse_line(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => parse_labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    // A time may follow the value; the API never writes one.
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    (!name.is_empty()).then(|| Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// Reads `a="1",b="2"}` and returns what follows.
fn parse_labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = parse_quoted(after)?;
        labels.insert(name.trim().to_owned(), value);
        rest = after;
    }
}

/// Reads up to the closing quote and returns what follows.
fn parse_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_labels_and_values_are_read() {
        let text = "# HELP a b\n# TYPE a counter\na{code=\"200\",x=\"q\\\"\\n}\"} 12\n\nb_bucket{le=\"+Inf\"} +Inf\nc 1.5e3 17\n";
        let samples = parse(text).unwrap();
        assert_eq!(samples.len(), 3);
        assert_eq!(samples[0].labels["x"], "q\"\n}");
        assert_eq!(samples[0].value, 12.0);
        assert_eq!(samples[1].value, f64::INFINITY);
        assert_eq!(samples[2].value, 1500.0);
    }

    #[test]
    fn a_bad_line_spoils_the_scrape() {
        for text in ["a", "a{x=\"1\" 2", "a{x=\"1\"} two", "{} 1", "a{x=\"1"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"a 1\n".repeat(MAX_SAMPLES + 1)).is_err());
    }
}
