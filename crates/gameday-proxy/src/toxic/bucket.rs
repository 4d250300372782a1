//! Who has been let in to a rate, and when the last byte will have left: of one direction, or of all that share it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// A rate that several directions share; a clone is the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bucket {
    book: Arc<Mutex<Book>>,
}

#[derive(Debug, Default)]
struct Book {
    /// When the last byte that was let in has left.
    free_at: Option<Instant>,
    turns: VecDeque<Turn>,
    /// Some guest has gone, perhaps before its turns came.
    stale: bool,
}

/// The time that a guest's bytes take.
#[derive(Debug)]
struct Turn {
    guest: Weak<()>,
    until: Instant,
    takes: Duration,
}

/// One direction that takes turns. What it has booked and not used by when it goes is given back.
#[derive(Debug)]
pub(crate) struct Guest {
    bucket: Bucket,
    is: Arc<()>,
}

impl Guest {
    pub(crate) fn of(bucket: Bucket) -> Self {
        Self {
            bucket,
            is: Arc::default(),
        }
    }

    /// Books so much time after all that was booked before; returns when it begins.
    pub(crate) fn book(&self, now: Instant, takes: Duration) -> Instant {
        let mut book = self.bucket.lock();
        book.settle(now);
        let begins_at = book.free_at.map_or(now, |free_at| free_at.max(now));
        let until = begins_at + takes;
        book.free_at = Some(until);
        book.turns.push_back(Turn {
            guest: Arc::downgrade(&self.is),
            until,
            takes,
        });
        begins_at
    }

    /// How long what was booked before takes yet.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        let mut book = self.bucket.lock();
        book.settle(now);
        book.free_at
            .map_or(Duration::ZERO, |free_at| free_at.saturating_duration_since(now))
    }

    /// Gives back what it has booked: its bytes have left already, or never will.
    pub(crate) fn give_back(&mut self) {
        self.is = Arc::default();
        self.bucket.lock().stale = true;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Bucket {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Forgets turns that are over, and takes those back whose guest has gone.
    fn settle(&mut self, now: Instant) {
        while self.turns.front().is_some_and(|turn| turn.until <= now) {
            self.turns.pop_front();
        }
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let mut unused = Duration::ZERO;
        self.turns.retain(|turn| {
            let is_there = turn.guest.strong_count() > 0;
            if !is_there {
                unused += turn.takes.min(turn.until.saturating_duration_since(now));
            }
            is_there
        });
        self.free_at = self.free_at.and_then(|free_at| free_at.checked_sub(unused));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_goes_gives_back_what_it_has_not_used() {
        let (bucket, start) = (Bucket::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        let (gone, stays) = (Guest::of(bucket.clone()), Guest::of(bucket.clone()));
        let second = Duration::from_secs(1);
        assert_eq!(gone.book(at(0), 60 * second), at(0));
        assert_eq!(stays.book(at(0), second), at(60), "after the other one");
        drop(gone);
        // 60 s were booked by the one that went, and 10 s of them used.
        assert_eq!(stays.book(at(10), second), at(11));
        assert_eq!(bucket.lock().turns.len(), 2);
        assert_eq!(stays.book(at(70), second), at(70));
        assert_eq!(bucket.lock().turns.len(), 1, "what is over is forgotten");
    }
}
