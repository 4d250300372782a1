//! Datagrams on simulated time: what comes out, and when.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::flow::Datagrams;
use super::tally::DatagramCounts;
use crate::attached::{Attached, Counters, Stream, Visitor};
use crate::toxic::ToxicSpec;

/// One direction of one client.
pub(super) struct Sim {
    pub(super) zero: Instant,
    pub(super) flow: Datagrams,
    pub(super) counters: Arc<Counters>,
}

/// Toxics in a scenario's words, one a line.
pub(super) fn toxics(text: &str, zero: Instant) -> Vec<Arc<Attached>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let specs = lines.map(|line| toml::from_str::<ToxicSpec>(line).unwrap());
    specs
        .zip(1..)
        .map(|(spec, id)| {
            spec.check().unwrap();
            let mut toxic = Attached::new(spec);
            (toxic.id, toxic.seed, toxic.anchor.attached_at) = (id, 7, zero);
            Arc::new(toxic)
        })
        .collect()
}

impl Sim {
    pub(super) fn new(text: &str) -> Self {
        let (zero, counters) = (Instant::now(), Arc::<Counters>::default());
        let visitor = Visitor::new(None, 1);
        let mut flow = Datagrams::new(Stream::Downstream, visitor, Arc::clone(&counters));
        flow.learn(zero, &toxics(text, zero));
        Self { zero, flow, counters }
    }

    pub(super) fn at(&self, ms: u64) -> Instant {
        self.zero + Duration::from_millis(ms)
    }

    pub(super) fn take(&mut self, ms: u64, bytes: &[u8]) {
        let now = self.at(ms);
        self.flow.take(now, Bytes::copy_from_slice(bytes), Duration::ZERO);
    }

    /// All that leaves up to that moment, each at its time.
    pub(super) fn run(&mut self, until_ms: u64) -> Vec<(u64, Bytes)> {
        let mut out = Vec::new();
        while let Some(due) = self.flow.due().filter(|due| *due <= self.at(until_ms)) {
            let ms = u64::try_from(due.saturating_duration_since(self.zero).as_millis()).unwrap();
            assert!(
                due == self.zero || self.flow.next(due - Duration::from_nanos(1)).is_none(),
                "early"
            );
            let bytes = self.flow.next(due).unwrap();
            self.flow.left(bytes.len(), true);
            out.push((ms, bytes));
        }
        out
    }

    /// As `0ms:a 1ms:b`.
    pub(super) fn text(&mut self, until_ms: u64) -> String {
        self.run(until_ms)
            .into_iter()
            .fold(String::new(), |mut text, (ms, bytes)| {
                write!(text, "{ms}ms:{} ", String::from_utf8_lossy(&bytes)).unwrap();
                text
            })
            .trim_end()
            .to_owned()
    }

    pub(super) fn counts(&self) -> DatagramCounts {
        self.counters.datagrams(Stream::Downstream).counts()
    }
}
