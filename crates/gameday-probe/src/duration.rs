//! Durations in the units of the journal.

use std::time::Duration;

/// Whole microseconds; what is longer than 584,000 years is cut.
pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Whole milliseconds; what is longer than 584 million years is cut.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
