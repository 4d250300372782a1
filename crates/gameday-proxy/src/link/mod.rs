//! One direction of one connection as a state machine: what came in, and what is to be done when.
//!
//! ```text
//!   source ─► Input::Data ─► chain of toxics ─► queue, by due time ─► Action::Write ─► destination
//!                                   └─────────► cuts, by due time ──► Action::Close, Action::Reset
//! ```
//!
//! It has no socket and no clock, so the simulation in the tests drives exactly what a connection drives.

mod chain;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::attached::{Attached, Stream, Visitor};
use crate::delays::Delay;
use crate::toxic::{Chunk, Step};
use chain::{Chain, Cut, Emitted};

/// At this many queued chunks the link stops reading: Toxiproxy's number. One read more may still be cut into pieces.
pub(crate) const MOST_CHUNKS: usize = 1024;
/// At this many queued bytes the link stops reading, whatever the number of chunks.
pub(crate) const MOST_BYTES: usize = 4 * 1024 * 1024;

/// How a source ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It sent a FIN.
    Finish,
    /// It sent an RST.
    Reset,
}

/// What happens to a link.
#[derive(Debug)]
pub(crate) enum Input<'a> {
    /// The proxy's toxics are these now.
    Toxics(&'a [Arc<Attached>]),
    /// The source sent bytes.
    Data(Bytes),
    /// Bytes that were read when there was no toxic and could not be written yet: they go first.
    Unsent(Bytes),
    /// The source will send no more.
    End(Ending),
    /// The destination takes no more; what is queued is lost.
    Broken,
}

/// What the owner of the sockets is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Write these bytes to the destination.
    Write(Bytes),
    /// Send the destination a FIN; this direction is over.
    Finish,
    /// Close the whole connection.
    Close,
    /// Reset the whole connection.
    Reset,
}

/// One direction of one connection.
pub(crate) struct Link {
    chain: Chain,
    queue: VecDeque<Item>,
    queued_bytes: usize,
    /// When the last item in the queue leaves: no later one leaves earlier.
    last_due: Option<Instant>,
    cuts: Vec<Cut>,
    ended: Option<Ending>,
    /// Of the bytes that left last, if a toxic had delayed them.
    delayed: Option<Delay>,
    /// When what is being carried has come in.
    arrived: Option<Instant>,
    /// Whether the end is in the queue or has left; a toxic may swallow it for as long as it is there.
    end_queued: bool,
}

struct Item {
    /// When it came in, if it is to leave later than that.
    arrived: Option<Instant>,
    due: Instant,
    what: What,
}

enum What {
    Bytes(Bytes),
    End(Ending),
    /// The end of the whole connection.
    Last,
}

impl Link {
    /// A direction of a connection.
    pub(crate) fn new(stream: Stream, visitor: Arc<Visitor>) -> Self {
        Self {
            chain: Chain::new(stream, visitor),
            queue: VecDeque::new(),
            queued_bytes: 0,
            last_due: None,
            cuts: Vec::new(),
            ended: None,
            delayed: None,
            arrived: None,
            end_queued: false,
        }
    }

    /// Takes in what has happened.
    pub(crate) fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.arrived = Some(now);
        match input {
            Input::Toxics(toxics) if self.chain.differs(toxics) => self.change(now, toxics),
            Input::Toxics(_) => {}
            Input::Data(bytes) => self.carry(Step::Send(Chunk { bytes, due: now })),
            Input::Unsent(bytes) => self.enqueue(now, What::Bytes(bytes)),
            Input::End(ending) => {
                self.ended = Some(ending);
                self.carry(Step::Finish(now));
            }
            Input::Broken => {
                (self.ended, self.end_queued) = (Some(Ending::Reset), true);
                self.queue.clear();
                self.queued_bytes = 0;
            }
        }
    }

    /// Whether the source may be read: it has not ended, and there is room.
    pub(crate) fn wants_data(&self) -> bool {
        self.ended.is_none() && self.queue.len() < MOST_CHUNKS && self.queued_bytes < MOST_BYTES
    }

    /// Whether bytes may pass by without asking: no toxic acts and nothing waits.
    pub(crate) fn is_transparent(&self) -> bool {
        self.chain.is_empty() && self.queue.is_empty() && self.cuts.is_empty() && self.ended.is_none()
    }

    /// When there will be something to do; while the destination is blocked, only cuts count.
    pub(crate) fn due(&self, can_write: bool) -> Option<Instant> {
        let front = self.queue.front().map(|item| item.due).filter(|_| can_write);
        front.into_iter().chain(self.cuts.iter().map(|cut| cut.at)).min()
    }

    /// The next thing to do by now, if any; while the destination is blocked, only a cut.
    pub(crate) fn next_action(&mut self, now: Instant, can_write: bool) -> Option<Action> {
        let cut = self
            .cuts
            .iter()
            .filter(|cut| cut.at <= now)
            .min_by_key(|cut| cut.at);
        let front = self.queue.front().filter(|item| can_write && item.due <= now);
        match (front, cut) {
            (Some(front), Some(cut)) if front.due > cut.at => Some(Self::cut(cut)),
            (Some(_), _) => self.queue.pop_front().map(|item| self.release(now, item)),
            (None, Some(cut)) => Some(Self::cut(cut)),
            (None, None) => None,
        }
    }

    /// The delay of the bytes that left last, if a toxic had delayed them.
    pub(crate) fn delayed(&mut self) -> Option<Delay> {
        self.delayed.take()
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn queued(&self) -> (usize, usize) {
        (self.queue.len(), self.queued_bytes)
    }

    fn cut(cut: &Cut) -> Action {
        cut.by.touches.note();
        if cut.reset { Action::Reset } else { Action::Close }
    }

    fn release(&mut self, now: Instant, item: Item) -> Action {
        self.delayed = item.arrived.map(|arrived| Delay {
            requested: item.due.saturating_duration_since(arrived),
            achieved: now.saturating_duration_since(arrived),
        });
        match item.what {
            What::Bytes(bytes) => {
                self.queued_bytes -= bytes.len();
                Action::Write(bytes)
            }
            What::End(Ending::Finish) => Action::Finish,
            What::End(Ending::Reset) => Action::Reset,
            What::Last => Action::Close,
        }
    }

    /// The chain becomes another one: what is queued leaves at once and in order.
    fn change(&mut self, now: Instant, toxics: &[Arc<Attached>]) {
        for item in &mut self.queue {
            if now < item.due {
                // Nobody asks for its delay any more.
                (item.due, item.arrived) = (now, None);
            }
        }
        self.last_due = self.queue.back().map(|item| item.due);
        let mut emitted = Emitted::default();
        self.chain.become_chain_of(now, toxics, &mut emitted);
        let chain = &self.chain;
        self.cuts.retain(|cut| chain.has(&cut.by));
        self.accept(emitted);
        if self.ended.is_some() && !self.end_queued {
            self.carry(Step::Finish(now));
        }
    }

    fn carry(&mut self, step: Step) {
        let mut emitted = Emitted::default();
        self.chain.carry(step, &mut emitted);
        self.accept(emitted);
    }

    fn accept(&mut self, emitted: Emitted) {
        self.cuts.extend(emitted.cuts);
        for step in emitted.steps {
            match step {
                Step::Send(Chunk { bytes, due }) => self.enqueue(due, What::Bytes(bytes)),
                Step::Finish(at) if !self.end_queued => {
                    self.end_queued = true;
                    self.enqueue(at, What::End(self.ended.unwrap_or(Ending::Finish)));
                }
                Step::Last(at) if !self.end_queued => {
                    // Whatever the source still sends, nobody will get it.
                    self.end_queued = true;
                    self.ended.get_or_insert(Ending::Finish);
                    self.enqueue(at, What::Last);
                }
                // The chain has sorted the cuts out, and an end is told once.
                Step::Finish(_) | Step::Last(_) | Step::Close(_) | Step::Reset(_) => {}
            }
        }
    }

    fn enqueue(&mut self, due: Instant, what: What) {
        let due = self.last_due.map_or(due, |last| last.max(due));
        self.last_due = Some(due);
        if let What::Bytes(bytes) = &what {
            self.queued_bytes += bytes.len();
        }
        let arrived = self.arrived.filter(|arrived| *arrived < due);
        self.queue.push_back(Item { arrived, due, what });
    }
}
