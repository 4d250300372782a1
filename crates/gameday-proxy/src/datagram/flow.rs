//! One direction of one client's datagrams: what toxics do to each, and when it leaves. It has no clock and no socket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::stage::{Packet, Stage};
use super::tally::{Tally, count};
use crate::attached::{Attached, Counters, Stream, Visitor};
use crate::delays::Delay;

/// A direction holds no more datagrams than this; what comes then is dropped.
const MOST_QUEUED: usize = 1024;
/// Nor more bytes.
const MOST_QUEUED_BYTES: usize = 4 * 1024 * 1024;

/// The datagrams of one direction.
pub(crate) struct Datagrams {
    stream: Stream,
    visitor: Arc<Visitor>,
    counters: Arc<Counters>,
    stages: Vec<Stage>,
    /// Those that act above datagrams, as DNS faults do.
    above: Vec<(u64, u64)>,
    /// By when each leaves, then in the order of arrival.
    queue: BTreeMap<(Instant, u64), Queued>,
    queued_bytes: usize,
    taken: u64,
}

struct Queued {
    bytes: Bytes,
    arrived: Instant,
    /// Set for what was delayed.
    due: Option<Instant>,
}

impl Datagrams {
    pub(crate) fn new(stream: Stream, visitor: Arc<Visitor>, counters: Arc<Counters>) -> Self {
        Self {
            stream,
            visitor,
            counters,
            stages: Vec::new(),
            above: Vec::new(),
            queue: BTreeMap::new(),
            queued_bytes: 0,
            taken: 0,
        }
    }

    /// These are the toxics now. When others act than before, what is queued leaves at once and in order.
    pub(crate) fn learn(&mut self, now: Instant, toxics: &[Arc<Attached>]) {
        let wanted: Vec<&Arc<Attached>> = toxics
            .iter()
            .filter(|toxic| toxic.stream == self.stream && self.visitor.is_met_by(toxic))
            .collect();
        let mut old = std::mem::take(&mut self.stages);
        let before: Vec<(u64, u64)> = old.iter().map(id_of).collect();
        for toxic in wanted {
            let kept = old.iter().position(|stage| stage.is(toxic));
            let stage = match kept {
                Some(place) => Some(old.remove(place)),
                None => Stage::of(toxic, self.visitor.number),
            };
            self.stages.extend(stage);
        }
        let above = toxics.iter().filter(|toxic| !toxic.on_stream);
        let above: Vec<(u64, u64)> = above.map(|toxic| (toxic.id, toxic.revision)).collect();
        let above_changed = std::mem::replace(&mut self.above, above) != self.above;
        if above_changed || !self.stages.iter().map(id_of).eq(before) {
            drop(old);
            self.stages = std::mem::take(&mut self.stages)
                .into_iter()
                .map(Stage::flushed)
                .collect();
            self.flush(now);
        }
    }

    fn flush(&mut self, now: Instant) {
        for ((due, _), queued) in std::mem::take(&mut self.queue) {
            self.taken += 1;
            self.queue.insert((due.min(now), self.taken), queued);
        }
    }

    /// A datagram has come; one that is to be held back for a time is overtaken by others meanwhile.
    pub(crate) fn take(&mut self, now: Instant, bytes: Bytes, hold: Duration) {
        let counters = Arc::clone(&self.counters);
        let tally = counters.datagrams(self.stream);
        count(&tally.received);
        counters.flow(self.stream, &self.visitor).read(bytes.len());
        let mut packets = vec![Packet {
            bytes,
            due: now + hold,
            held: !hold.is_zero(),
        }];
        for stage in &mut self.stages {
            let mut next = Vec::with_capacity(packets.len());
            for packet in packets {
                stage.act(packet, tally, &mut next);
            }
            packets = next;
        }
        for packet in packets {
            self.enqueue(now, packet, tally);
        }
    }

    /// A datagram that is answered or lost above: it was received and goes no further.
    pub(crate) fn lose(&self, bytes: usize) {
        let tally = self.counters.datagrams(self.stream);
        count(&tally.received);
        count(&tally.dropped);
        self.counters.flow(self.stream, &self.visitor).read(bytes);
    }

    fn enqueue(&mut self, now: Instant, packet: Packet, tally: &Tally) {
        let bytes = self.queued_bytes + packet.bytes.len();
        if self.queue.len() >= MOST_QUEUED || bytes > MOST_QUEUED_BYTES {
            count(&tally.dropped);
            return;
        }
        self.queued_bytes = bytes;
        self.taken += 1;
        let queued = Queued {
            bytes: packet.bytes,
            arrived: now,
            due: (packet.due > now).then_some(packet.due),
        };
        self.queue.insert((packet.due, self.taken), queued);
    }

    /// When the next datagram leaves.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|((due, _), _)| *due)
    }

    /// The next datagram that is due by now; [`Self::left`] is to be told what became of it.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Bytes> {
        let first = self.queue.first_entry().filter(|first| first.key().0 <= now)?;
        let queued = first.remove();
        self.queued_bytes -= queued.bytes.len();
        if let Some(due) = queued.due {
            self.counters.delays(self.stream).record(Delay {
                requested: due.saturating_duration_since(queued.arrived),
                achieved: now.saturating_duration_since(queued.arrived),
            });
        }
        Some(queued.bytes)
    }

    /// A datagram that was given out was sent, or could not be.
    pub(crate) fn left(&self, bytes: usize, sent: bool) {
        let tally = self.counters.datagrams(self.stream);
        if sent {
            count(&tally.sent);
            self.counters.flow(self.stream, &self.visitor).wrote(bytes);
        } else {
            count(&tally.dropped);
        }
    }
}

fn id_of(stage: &Stage) -> (u64, u64) {
    (stage.attached.id, stage.attached.revision)
}

/// What is still queued when the session ends is never sent.
impl Drop for Datagrams {
    fn drop(&mut self) {
        let tally = self.counters.datagrams(self.stream);
        for _ in 0..self.queue.len() {
            count(&tally.dropped);
        }
    }
}
