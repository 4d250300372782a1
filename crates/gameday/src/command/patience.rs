//! How far something is that takes longer than people like to wait without a word.

use std::time::Duration;

use gameday_core::{Clock, Offset};

use crate::output;

/// So long nothing is said, and then as often.
const QUIET: Duration = Duration::from_secs(2);

/// Counts steps, and says on stderr how many are done when it takes long.
#[derive(Debug)]
pub(crate) struct Patience {
    what: &'static str,
    all: usize,
    done: usize,
    clock: Clock,
    said: Offset,
}

impl Patience {
    pub(crate) fn new(what: &'static str, all: usize) -> Self {
        Self {
            what,
            all,
            done: 0,
            clock: Clock::start(),
            said: Offset::default(),
        }
    }

    /// One step is done.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        let now = self.clock.offset();
        if now.since(self.said).as_micros() >= QUIET.as_micros() && self.done < self.all {
            self.said = now;
            output::say(&format!("{} of {} {}", self.done, self.all, self.what));
        }
    }
}
