//! What one toxic does to the datagrams of one direction of one client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;

use super::tally::{Tally, count};
use crate::attached::Attached;
use crate::toxic::{Bandwidth, Bucket, Guest, Latency, Line, Noise, Ramp, Reorder, ToxicSpec, never};

/// The most that waits for a rate: what comes then is dropped, as at the tail of a router's queue.
const QUEUE_BYTES: f64 = 64.0 * 1024.0;

/// A datagram on its way.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) bytes: Bytes,
    /// When it leaves.
    pub(super) due: Instant,
    /// Whether it was taken out of the order: others neither wait for it nor it for them.
    pub(super) held: bool,
}

/// A toxic that acts on this direction.
pub(super) struct Stage {
    pub(super) attached: Arc<Attached>,
    work: Work,
    rng: StdRng,
    /// When the last datagram in order came out: a toxic never puts one before another unasked.
    last_out: Option<Instant>,
}

enum Work {
    Lose(Line),
    Twice(f64),
    HoldBack(Reorder),
    Lag(Latency, Ramp),
    Narrow(Bandwidth, Ramp, Guest),
    Spoil(Noise),
}

impl Stage {
    /// Nothing for a toxic that does nothing to datagrams.
    pub(super) fn of(attached: &Arc<Attached>, connection: u64) -> Option<Self> {
        let anchor = &attached.anchor;
        let work = match &attached.spec {
            ToxicSpec::PacketLoss(loss) => Work::Lose(loss.line()),
            ToxicSpec::Duplicate(duplicate) => Work::Twice(duplicate.share.get()),
            ToxicSpec::Reorder(reorder) => Work::HoldBack(*reorder),
            ToxicSpec::Latency(latency) => Work::Lag(*latency, Ramp::new(anchor.attached_at, latency.over)),
            ToxicSpec::Bandwidth(bandwidth) => {
                let bucket = if bandwidth.shared {
                    anchor.bucket.clone()
                } else {
                    Bucket::default()
                };
                Work::Narrow(
                    *bandwidth,
                    Ramp::new(anchor.attached_at, bandwidth.over),
                    Guest::of(bucket),
                )
            }
            ToxicSpec::Corrupt(corrupt) => Work::Spoil(corrupt.noise(anchor.attached_at)),
            _ => return None,
        };
        Some(Self {
            attached: Arc::clone(attached),
            work,
            rng: attached.dice(connection).stage_rng(attached.id),
            last_out: None,
        })
    }

    pub(super) fn is(&self, attached: &Attached) -> bool {
        self.attached.id == attached.id && self.attached.revision == attached.revision
    }

    /// All that was queued has left: forget what was planned.
    pub(super) fn flushed(mut self) -> Self {
        if let Work::Narrow(_, _, guest) = &mut self.work {
            guest.give_back();
        }
        self.last_out = None;
        self
    }

    /// Acts on one datagram that comes by at `packet.due`.
    pub(super) fn act(&mut self, packet: Packet, tally: &Tally, out: &mut Vec<Packet>) {
        let rng = &mut self.rng;
        let touches = &self.attached.touches;
        match &mut self.work {
            Work::Lose(line) => {
                if line.loses(rng) {
                    touches.note();
                    count(&tally.dropped);
                } else {
                    out.push(packet);
                }
            }
            Work::Twice(share) => {
                if rng.random::<f64>() < *share {
                    touches.note();
                    count(&tally.duplicated);
                    out.push(packet.clone());
                }
                out.push(packet);
            }
            Work::HoldBack(reorder) => {
                let mut packet = packet;
                if rng.random::<f64>() < reorder.share.get() {
                    touches.note();
                    count(&tally.reordered);
                    packet.due += reorder.delay.get();
                    packet.held = true;
                }
                out.push(packet);
            }
            Work::Lag(latency, ramp) => {
                let delay = latency.sample(rng).mul_f64(ramp.at(packet.due));
                let due = packet.due + delay;
                out.push(self.delayed(packet, due));
            }
            Work::Narrow(bandwidth, ramp, guest) => match turn(*bandwidth, *ramp, guest, &packet) {
                Some(due) => out.push(self.delayed(packet, due)),
                None => {
                    touches.note();
                    count(&tally.dropped);
                }
            },
            Work::Spoil(noise) => {
                let spoiled = noise.spoil(packet.bytes.clone(), packet.due, rng);
                if spoiled.as_ptr() != packet.bytes.as_ptr() {
                    touches.note();
                    count(&tally.corrupted);
                }
                out.push(Packet {
                    bytes: spoiled,
                    ..packet
                });
            }
        }
    }

    /// The datagram at another time, behind those that came before it.
    fn delayed(&mut self, mut packet: Packet, due: Instant) -> Packet {
        let due = match self.last_out {
            Some(last) if !packet.held => due.max(last),
            _ => due,
        };
        if !packet.held {
            self.last_out = Some(due);
        }
        if due > packet.due {
            self.attached.touches.note();
        }
        packet.due = due;
        packet
    }
}

/// When a datagram will have passed at a rate; nothing when too much waits before it.
fn turn(bandwidth: Bandwidth, ramp: Ramp, guest: &mut Guest, packet: &Packet) -> Option<Instant> {
    let now = packet.due;
    #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact to the byte")]
    let rate = bandwidth.rate.get() as f64 / ramp.at(now).max(1e-6);
    if rate <= 0.0 {
        // Nothing passes; the queue of the direction bounds what is kept.
        return Some(never(now));
    }
    let room = Duration::from_secs_f64((QUEUE_BYTES / rate).min(1e9));
    if guest.wait(now) > room {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a datagram is far below 2^52 bytes")]
    let takes = Duration::from_secs_f64((packet.bytes.len() as f64 / rate).min(1e9));
    Some(guest.book(now, takes) + takes)
}
