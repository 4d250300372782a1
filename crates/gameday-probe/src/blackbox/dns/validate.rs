//! Whether the records of a section are as a module wants them.

use hickory_proto::rr::Record;

use super::super::config::{Block, Pattern};
use super::record;

#[derive(Debug, Default)]
pub(super) struct Validator {
    fail_if_matches: Vec<Pattern>,
    fail_if_all_match: Vec<Pattern>,
    fail_if_not_matches: Vec<Pattern>,
    fail_if_none_matches: Vec<Pattern>,
}

impl Validator {
    pub(super) fn read(block: Option<&Block>) -> Self {
        let Some(block) = block else {
            return Self::default();
        };
        Self {
            fail_if_matches: block.patterns("fail_if_matches_regexp"),
            fail_if_all_match: block.patterns("fail_if_all_match_regexp"),
            fail_if_not_matches: block.patterns("fail_if_not_matches_regexp"),
            fail_if_none_matches: block.patterns("fail_if_none_matches_regexp"),
        }
    }

    /// # Errors
    /// In words: the first rule that does not hold.
    pub(super) fn judge(&self, records: &[Record]) -> Result<(), String> {
        for (key, patterns) in [
            ("fail_if_not_matches_regexp", &self.fail_if_not_matches),
            ("fail_if_none_matches_regexp", &self.fail_if_none_matches),
        ] {
            if records.is_empty() && !patterns.is_empty() {
                return Err(format!("{key} specified but no RRs returned"));
            }
        }
        let texts: Vec<String> = records.iter().map(record::text).collect();
        let is_match = |pattern: &Pattern, text: &String| pattern.regex.is_match(text.as_bytes());
        for text in &texts {
            if let Some(one) = self.fail_if_matches.iter().find(|one| is_match(one, text)) {
                return Err(format!("at least one RR matched regexp {}: {text}", one.text));
            }
            if let Some(one) = self.fail_if_not_matches.iter().find(|one| !is_match(one, text)) {
                return Err(format!(
                    "at least one RR did not match regexp {}: {text}",
                    one.text
                ));
            }
        }
        let all = |patterns: &[Pattern]| {
            texts
                .iter()
                .all(|text| patterns.iter().all(|pattern| is_match(pattern, text)))
        };
        // Inverted in theirs, whatever its name says: it fails when they do not all match.
        if !self.fail_if_all_match.is_empty() && !all(&self.fail_if_all_match) {
            return Err("not all RRs matched regexp".to_owned());
        }
        let mut any = texts.iter().flat_map(|text| {
            self.fail_if_none_matches
                .iter()
                .map(move |pattern| (pattern, text))
        });
        if !self.fail_if_none_matches.is_empty() && !any.any(|(pattern, text)| is_match(pattern, text)) {
            return Err("none of the RRs did matched any regexp".to_owned());
        }
        Ok(())
    }
}
