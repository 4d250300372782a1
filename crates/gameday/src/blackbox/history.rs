//! The last results, and the last failures beyond them.

use std::collections::VecDeque;
use std::sync::Arc;

use gameday_probe::blackbox::{Module, Probed};

/// One result.
pub(super) struct Entry {
    pub(super) module_name: String,
    pub(super) target: String,
    pub(super) module: Arc<Module>,
    pub(super) probed: Probed,
}

impl Entry {
    /// What was done and found, as text.
    pub(super) fn debug(&self) -> String {
        self.probed.debug(&self.module_name, &self.module, &self.target)
    }
}

/// Results by their numbers, counted from 0.
pub(super) struct History {
    limit: usize,
    next: u64,
    last: VecDeque<(u64, Arc<Entry>)>,
    /// Failures that are no longer among the last: a failure is worth more than the successes after it.
    failed: VecDeque<(u64, Arc<Entry>)>,
}

impl History {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            next: 0,
            last: VecDeque::new(),
            failed: VecDeque::new(),
        }
    }

    pub(super) fn add(&mut self, entry: Entry) -> Arc<Entry> {
        let entry = Arc::new(entry);
        self.last.push_back((self.next, Arc::clone(&entry)));
        self.next += 1;
        if self.last.len() > self.limit
            && let Some((number, old)) = self.last.pop_front()
            && !old.probed.success
        {
            self.failed.push_back((number, old));
            if self.failed.len() > self.limit {
                self.failed.pop_front();
            }
        }
        entry
    }

    /// All that are kept, the newest first.
    pub(super) fn list(&self) -> impl Iterator<Item = &(u64, Arc<Entry>)> {
        self.last.iter().rev().chain(self.failed.iter().rev())
    }

    pub(super) fn get(&self, number: u64) -> Option<Arc<Entry>> {
        let found = self.list().find(|(known, _)| *known == number)?;
        Some(Arc::clone(&found.1))
    }

    /// The newest result of a target by a module.
    pub(super) fn of(&self, target: &str, module: &str) -> Option<Arc<Entry>> {
        let found = self
            .list()
            .find(|(_, entry)| entry.target == target && entry.module_name == module)?;
        Some(Arc::clone(&found.1))
    }
}
