//! What a rule matches on: a glob (`/v1/*`, `payment:*`), or a regular expression between slashes (`/(?i)^update/`).

use std::fmt;

use regex::Regex;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A longer text is no pattern that a person wrote.
const LONGEST: usize = 1000;
/// What a compiled expression may take at most, in bytes.
const LARGEST: usize = 1 << 20;

/// A pattern over a text. A glob must match the whole of it (`*` is any run of characters), an expression any part.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with the expression, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("a pattern has at most {LONGEST} bytes"));
        }
        let inner = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
        let expression = match inner.filter(|inner| !inner.is_empty()) {
            Some(expression) => expression.to_owned(),
            None => {
                let parts: Vec<String> = text.split('*').map(regex::escape).collect();
                format!("(?s)^{}$", parts.join(".*"))
            }
        };
        let built = regex::RegexBuilder::new(&expression).size_limit(LARGEST).build();
        let regex = built.map_err(|error| error.to_string().replace('\n', " "))?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    /// Whether a text is meant. Takes time linear in the text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_the_whole_text_and_expressions_any_part() {
        for (pattern, text, matches) in [
            ("/v1/charges", "/v1/charges", true),
            ("/v1/charges", "/v1/charges/7", false),
            ("/v1/*", "/v1/charges/7", true),
            ("a.c", "abc", false),
            ("/(?i)update/", "BEGIN; UPDATE x", true),
            ("/^a/", "ba", false),
            ("*", "two\nlines", true),
            ("/", "/", true),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches(text),
                matches,
                "{pattern} {text}"
            );
        }
        assert!(Pattern::parse("/(/").is_err());
        assert!(Pattern::parse("/(a{1000}){1000}/").is_err());
    }
}
