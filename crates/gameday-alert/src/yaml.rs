//! Reads the configurations that Prometheus and Alertmanager tell of themselves.

use saphyr::{LoadableYamlNode, Scalar, Yaml};

use crate::error::{Unreadable, one_line};

/// Nothing that a person configures is nested as deep; what is must not use up the stack.
const DEEPEST: usize = 500;

/// The one document of a text.
pub(crate) fn read(text: &str) -> Result<Yaml<'_>, Unreadable> {
    if is_deep(text) {
        return Err(Unreadable(format!("its YAML is nested deeper than {DEEPEST}")));
    }
    let documents = Yaml::load_from_str(text).map_err(|error| Unreadable(one_line(&error.to_string())))?;
    let first = documents.into_iter().next();
    first.ok_or_else(|| Unreadable("its YAML is empty".to_owned()))
}

/// A value of a mapping, unless it is null.
pub(crate) fn get<'y>(yaml: &'y Yaml<'y>, key: &str) -> Option<&'y Yaml<'y>> {
    yaml.as_mapping_get(key)
        .filter(|value| !matches!(value, Yaml::Value(Scalar::Null)))
}

/// The items of a list under a key; none of a missing one.
pub(crate) fn list<'y>(yaml: &'y Yaml<'y>, key: &str) -> &'y [Yaml<'y>] {
    get(yaml, key)
        .and_then(Yaml::as_sequence)
        .map_or(&[], Vec::as_slice)
}

/// A scalar as it was written, near enough: both programs quote strings that look like something else.
pub(crate) fn text(yaml: &Yaml<'_>) -> Option<String> {
    let Yaml::Value(scalar) = yaml else { return None };
    Some(match scalar {
        Scalar::String(text) => text.clone().into_owned(),
        Scalar::Integer(number) => number.to_string(),
        Scalar::FloatingPoint(number) => number.to_string(),
        Scalar::Boolean(truth) => truth.to_string(),
        Scalar::Null => return None,
    })
}

/// The text under a key.
pub(crate) fn text_at(yaml: &Yaml<'_>, key: &str) -> Option<String> {
    text(get(yaml, key)?)
}

/// The texts of a list under a key.
pub(crate) fn texts(yaml: &Yaml<'_>, key: &str) -> Vec<String> {
    list(yaml, key).iter().filter_map(text).collect()
}

/// The entries of a mapping under a key, as texts.
pub(crate) fn pairs(yaml: &Yaml<'_>, key: &str) -> Vec<(String, String)> {
    let mapping = get(yaml, key).and_then(Yaml::as_mapping);
    mapping.map_or_else(Vec::new, |mapping| {
        let pair = |(key, value): (&Yaml<'_>, &Yaml<'_>)| Some((text(key)?, text(value)?));
        mapping.iter().filter_map(pair).collect()
    })
}

/// Whether brackets, or dashes on one line, are nested too deep. Those inside of strings count as well:
/// they mostly come in pairs.
fn is_deep(text: &str) -> bool {
    let mut open = 0_usize;
    for line in text.lines() {
        let dashes = line
            .split_ascii_whitespace()
            .take_while(|word| matches!(*word, "-" | "?"));
        // Each level of a block takes one more space.
        let indent = line.len() - line.trim_start_matches(' ').len();
        if dashes.count() > DEEPEST || indent > 2 * DEEPEST {
            return true;
        }
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => open += 1,
                b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
            if open > DEEPEST {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_texts_again() {
        let yaml = read("a: 10s\nb: 5\nc: 'yes'\nd: true\ne: null\nf: [1, x]\ng: {h: 1.5}\n").unwrap();
        assert_eq!(text_at(&yaml, "a").as_deref(), Some("10s"));
        assert_eq!(text_at(&yaml, "b").as_deref(), Some("5"));
        assert_eq!(text_at(&yaml, "c").as_deref(), Some("yes"));
        assert_eq!(text_at(&yaml, "d").as_deref(), Some("true"));
        assert_eq!(text_at(&yaml, "e"), None);
        assert_eq!(texts(&yaml, "f"), ["1", "x"]);
        assert_eq!(pairs(&yaml, "g"), [("h".to_owned(), "1.5".to_owned())]);
        assert_eq!(texts(&yaml, "a"), Vec::<String>::new());
    }

    #[test]
    fn hostile_yaml_is_refused_and_uses_up_nothing() {
        for bomb in [
            "[".repeat(100_000),
            "- ".repeat(100_000),
            "? ".repeat(100_000),
            "a: &a [x]\nb: [*c]".to_owned(),
            String::new(),
            (0..3000).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
        ] {
            assert!(read(&bomb).is_err(), "{}", &bomb[..bomb.len().min(20)]);
        }
    }
}
