//! A time over the trials of a drill: what came, what surely never did, and what nobody knows, each counted.

use serde::Serialize;

use crate::measure::Digest;
use crate::words;

/// A time over the trials of a drill.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// Trials in which a fault was ordered.
    pub trials: u64,
    /// Those in which it came and was measured.
    pub came: u64,
    /// Those in which it surely did not come while it was watched.
    pub never: u64,
    /// Those of which it is not known.
    pub unknown: u64,
    /// The middle value, those that never came standing last; null when fewer than half came.
    pub median_ms: Option<i64>,
    /// The smallest.
    pub min_ms: Option<i64>,
    /// The largest that came.
    pub max_ms: Option<i64>,
}

impl Times {
    /// Of a report's digest. Trials that it left out had a value that counts nowhere.
    pub(super) fn of(digest: &Digest) -> Self {
        let came = digest.had().saturating_sub(digest.excluded);
        Self {
            trials: digest.trials,
            came,
            never: digest.never,
            unknown: digest.trials.saturating_sub(came).saturating_sub(digest.never),
            median_ms: digest.median_ms,
            min_ms: digest.min_ms,
            max_ms: digest.max_ms,
        }
    }

    /// For people: one value as it is, several as median and range, always with what did not come or is not known.
    pub(crate) fn text(&self) -> String {
        let value = match (self.min_ms, self.max_ms, self.trials) {
            (_, _, 0) => return "—".to_owned(),
            (Some(min), _, 1) => return words::span(min),
            (Some(min), Some(max), _) => {
                let median = self
                    .median_ms
                    .map_or_else(|| "not reached".to_owned(), words::span);
                let most = match self.never {
                    0 => words::span(max),
                    _ => "never".to_owned(),
                };
                format!("{median} [{}, {most}]", words::span(min))
            }
            _ if self.never == self.trials => "never".to_owned(),
            _ if self.never == 0 => "not known".to_owned(),
            _ => "not reached".to_owned(),
        };
        match (self.trials, self.unknown) {
            (1, _) => value,
            (trials, 0) => format!("{value}, {} of {trials}", self.came),
            (trials, unknown) => format!("{value}, {} of {trials}, {unknown} not known", self.came),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_came_and_what_is_not_known_is_said_and_not_averaged() {
        let times = |trials, came, never, values: Option<[i64; 2]>, median_ms| Times {
            trials,
            came,
            never,
            unknown: trials - came - never,
            median_ms,
            min_ms: values.map(|values| values[0]),
            max_ms: values.map(|values| values[1]),
        };
        for (times, said) in [
            (times(0, 0, 0, None, None), "—"),
            (times(1, 1, 0, Some([8_970, 8_970]), Some(8_970)), "9.0 s"),
            (times(1, 0, 1, None, None), "never"),
            (times(1, 0, 0, None, None), "not known"),
            (
                times(5, 5, 0, Some([1_000, 3_000]), Some(2_000)),
                "2.0 s [1.0 s, 3.0 s], 5 of 5",
            ),
            (
                times(5, 4, 1, Some([1_000, 3_000]), Some(2_500)),
                "2.5 s [1.0 s, never], 4 of 5",
            ),
            (
                times(5, 1, 3, Some([1_000, 1_000]), None),
                "not reached [1.0 s, never], 1 of 5, 1 not known",
            ),
            (times(3, 0, 2, None, None), "not reached, 0 of 3, 1 not known"),
        ] {
            assert_eq!(times.text(), said, "{times:?}");
        }
    }
}
