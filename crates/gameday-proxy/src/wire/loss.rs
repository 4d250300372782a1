//! Real packet loss on the proxy's own TCP connections: the kernel drops segments that come in, their sender sends them
//! again, and the bytes stay whole.
//!
//! A classic BPF filter with the kernel's own dice stands on the socket from which a direction reads. It drops segments
//! that carry data and spares all others (SYN, bare ACK, FIN, RST), so a connection can still begin and end. The kernel
//! asks for `CAP_NET_ADMIN`; without it the toxic is refused when it is attached.
//!
//! The filter sees what the network card or the loopback hands up, which may be many segments in one. So connections
//! that begin while such a toxic is there tell their peer to send segments of [`SEGMENT_BYTES`]; those that were open
//! before keep theirs, and lose fewer and larger ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use rand::rngs::StdRng;
use socket2::{Domain, SockFilter, SockRef, Type};
use tokio::sync::Notify;

use super::diag::{Diag, Ends};
use super::socket::Socket;
use crate::attached::{Attached, Stream, Visitor};
use crate::toxic::{Line, ToxicSpec};

/// What a segment holds at most on an Ethernet.
pub(crate) const SEGMENT_BYTES: u32 = 1448;
/// How often the dice of bursts fall.
const BURST_TICK: Duration = Duration::from_millis(10);
/// How often what was dropped is counted.
const COUNT_TICK: Duration = Duration::from_millis(100);
/// Of so many connections at a time: each asks the kernel a question.
const COUNTED_AT_ONCE: usize = 256;

/// Why this process cannot lose packets of TCP connections; nothing if it can.
pub(crate) fn refusal() -> Option<&'static str> {
    static PERMITTED: OnceLock<bool> = OnceLock::new();
    let permitted = PERMITTED.get_or_init(|| {
        let probe = socket2::Socket::new(Domain::IPV4, Type::STREAM, None);
        probe.is_ok_and(|socket| socket.attach_filter(&filter(0.0)).is_ok())
    });
    (!permitted).then_some(
        "`packet_loss` on TCP connections needs CAP_NET_ADMIN: run the proxy as root, give it the capability \
         (`setcap cap_net_admin+ep` on the binary), or run it in a network of its own (`unshare -Urn`)",
    )
}

/// Drops a share of the segments that carry data. At a TCP socket a filter sees the segment from its TCP header on.
fn filter(share: f64) -> [SockFilter; 10] {
    let op = |code: u32, if_so: u8, if_not: u8, k: u32| {
        SockFilter::new(u16::try_from(code).unwrap_or_default(), if_so, if_not, k)
    };
    let (load, jump, give) = (libc::BPF_LD, libc::BPF_JMP, libc::BPF_RET | libc::BPF_K);
    let random = (libc::SKF_AD_OFF + libc::SKF_AD_RANDOM).cast_unsigned();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share is from 0 to 1, and casts of floats saturate"
    )]
    let below = (share * 4_294_967_296.0) as u32;
    // 2^32 is no number of 32 bits: to lose everything, no dice are thrown.
    let dice = if share >= 1.0 {
        op(jump | libc::BPF_JA, 0, 0, 0)
    } else {
        op(jump | libc::BPF_JGE | libc::BPF_K, 1, 0, below)
    };
    [
        // The header's length in words of 4 bytes is the high half of byte 12.
        op(load | libc::BPF_B | libc::BPF_ABS, 0, 0, 12),
        op(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, 0xf0),
        op(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, 0, 0, 2),
        op(libc::BPF_MISC | libc::BPF_TAX, 0, 0, 0),
        op(load | libc::BPF_W | libc::BPF_LEN, 0, 0, 0),
        // No longer than its header: nothing to lose.
        op(jump | libc::BPF_JGT | libc::BPF_X, 0, 3, 0),
        op(load | libc::BPF_W | libc::BPF_ABS, 0, 0, random),
        dice,
        op(give, 0, 0, 0),
        op(give, 0, 0, u32::MAX),
    ]
}

/// Whether connections of this direction that begin now are to use small segments.
pub(crate) fn is_lossy(toxics: &[Arc<Attached>], stream: Stream) -> bool {
    lossy(toxics, stream).next().is_some()
}

/// The toxics that lose packets of a direction.
pub(crate) fn lossy(toxics: &[Arc<Attached>], stream: Stream) -> impl Iterator<Item = &Arc<Attached>> {
    toxics
        .iter()
        .filter(move |toxic| toxic.stream == stream && matches!(toxic.spec, ToxicSpec::PacketLoss(_)))
}

/// What one direction of a connection knows of loss: the socket that it reads from is the one that loses.
pub(crate) struct Ward<'a> {
    losses: &'a Arc<Losses>,
    visitor: &'a Visitor,
    stream: Stream,
    place: Option<Box<Place>>,
}

impl<'a> Ward<'a> {
    pub(crate) fn new(losses: &'a Arc<Losses>, visitor: &'a Visitor, stream: Stream) -> Self {
        Self {
            losses,
            visitor,
            stream,
            place: None,
        }
    }

    /// These are the proxy's toxics now.
    pub(crate) fn learn(&mut self, socket: &Socket, toxics: &[Arc<Attached>]) {
        if self.place.is_none() && !is_lossy(toxics, self.stream) {
            return;
        }
        let meant: Vec<Arc<Attached>> = lossy(toxics, self.stream)
            .filter(|toxic| self.visitor.is_met_by(toxic))
            .map(Arc::clone)
            .collect();
        self.losses
            .meet(&mut self.place, socket, None, self.visitor.number, &meant);
    }
}

/// The connections of a proxy that lose packets.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    book: Mutex<Book>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Book {
    lossy: BTreeMap<u64, Lossy>,
    made: u64,
    /// The last one that was counted.
    counted: u64,
    diag: Option<Diag>,
}

/// One socket that loses what comes in.
#[derive(Debug)]
struct Lossy {
    ends: Option<Ends>,
    socket: Handle,
    lines: Vec<(Arc<Attached>, Line, StdRng)>,
    share: f64,
    drops: u32,
}

/// How a socket is reached between its own reads and writes. It is not kept open by that, save in a burst, where the
/// place in the book goes before the socket does.
#[derive(Debug)]
enum Handle {
    Nothing,
    Own(socket2::Socket),
    Shared(Weak<Socket>),
}

/// A socket's place in the book.
#[derive(Debug)]
pub(crate) struct Place {
    losses: Arc<Losses>,
    id: u64,
    revisions: Vec<(u64, u64)>,
}

impl Losses {
    /// Makes a socket lose what these toxics say, and all others nothing; `place` is what it had before.
    pub(crate) fn meet(
        self: &Arc<Self>,
        place: &mut Option<Box<Place>>,
        socket: &Socket,
        shared: Option<&Arc<Socket>>,
        number: u64,
        toxics: &[Arc<Attached>],
    ) {
        let revisions: Vec<(u64, u64)> = toxics.iter().map(|toxic| (toxic.id, toxic.revision)).collect();
        let before = place.as_ref().map_or(&[][..], |place| &place.revisions);
        if before == revisions {
            return;
        }
        *place = None;
        if toxics.is_empty() {
            // It can only fail on a socket that is gone.
            SockRef::from(socket).detach_filter().ok();
            return;
        }
        let bursts = |toxic: &Arc<Attached>| matches!(&toxic.spec, ToxicSpec::PacketLoss(loss) if loss.burst.is_some());
        let handle = match shared {
            _ if !toxics.iter().any(bursts) => Handle::Nothing,
            Some(shared) => Handle::Shared(Arc::downgrade(shared)),
            None => SockRef::from(socket)
                .try_clone()
                .map_or(Handle::Nothing, Handle::Own),
        };
        let mut lossy = Lossy {
            ends: socket.ends().map(|(local, peer)| Ends { local, peer }),
            socket: handle,
            lines: toxics.iter().filter_map(|toxic| line_of(toxic, number)).collect(),
            share: 0.0,
            drops: 0,
        };
        lossy.share = lossy.wanted();
        SockRef::from(socket).attach_filter(&filter(lossy.share)).ok();
        let id = self.enter(lossy);
        *place = Some(Box::new(Place {
            losses: Arc::clone(self),
            id,
            revisions,
        }));
    }

    fn enter(&self, mut lossy: Lossy) -> u64 {
        let mut book = self.lock();
        if book.diag.is_none() {
            book.diag = Diag::new().ok();
        }
        // What was dropped before is no doing of these toxics.
        lossy.drops = book.seen(&lossy).unwrap_or(0);
        book.made += 1;
        let id = book.made;
        book.lossy.insert(id, lossy);
        drop(book);
        self.changed.notify_one();
        id
    }

    /// Turns bursts on and off and counts what was lost, until it is dropped.
    pub(crate) async fn keep(&self) {
        let mut since_counted = Duration::ZERO;
        loop {
            let tick = self.lock().tick();
            match tick {
                None => self.changed.notified().await,
                Some(tick) => {
                    tokio::time::sleep(tick).await;
                    since_counted += tick;
                }
            }
            let mut book = self.lock();
            book.turn();
            if since_counted >= COUNT_TICK {
                since_counted = Duration::ZERO;
                book.count_some();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line_of(toxic: &Arc<Attached>, number: u64) -> Option<(Arc<Attached>, Line, StdRng)> {
    let ToxicSpec::PacketLoss(loss) = &toxic.spec else {
        return None;
    };
    let rng = toxic.dice(number).stage_rng(toxic.id);
    Some((Arc::clone(toxic), loss.line(), rng))
}

impl Lossy {
    /// The share that is lost now, by whichever of its toxics.
    fn wanted(&self) -> f64 {
        let spared: f64 = self.lines.iter().map(|(_, line, _)| 1.0 - line.share()).product();
        1.0 - spared
    }

    fn turn(&mut self) {
        for (_, line, rng) in &mut self.lines {
            line.turn(rng);
        }
        let wanted = self.wanted();
        if wanted.to_bits() == self.share.to_bits() {
            return;
        }
        self.share = wanted;
        let filter = filter(wanted);
        match &self.socket {
            Handle::Nothing => {}
            Handle::Own(socket) => drop(socket.attach_filter(&filter)),
            Handle::Shared(socket) => {
                if let Some(socket) = socket.upgrade() {
                    SockRef::from(&*socket).attach_filter(&filter).ok();
                }
            }
        }
    }

    /// Notes what the kernel has dropped since it was asked last.
    fn note(&mut self, drops: u32) {
        let new = drops.wrapping_sub(self.drops);
        self.drops = drops;
        // Of several toxics the filter does not tell which one it was.
        if new > 0
            && let Some((toxic, ..)) = self.lines.first()
        {
            toxic.touches.note();
            toxic.touches.add(u64::from(new) - 1);
        }
    }
}

impl Book {
    fn tick(&self) -> Option<Duration> {
        if self.lossy.is_empty() {
            return None;
        }
        let bursts = |lossy: &Lossy| !matches!(lossy.socket, Handle::Nothing);
        Some(if self.lossy.values().any(bursts) {
            BURST_TICK
        } else {
            COUNT_TICK
        })
    }

    fn turn(&mut self) {
        self.lossy.values_mut().for_each(Lossy::turn);
    }

    fn seen(&self, lossy: &Lossy) -> Option<u32> {
        Some(self.diag.as_ref()?.ask(lossy.ends?).ok()?.drops)
    }

    fn count_some(&mut self) {
        let after = self
            .lossy
            .range(self.counted + 1..)
            .chain(self.lossy.range(..=self.counted));
        let ids: Vec<u64> = after.map(|(id, _)| *id).take(COUNTED_AT_ONCE).collect();
        for id in ids {
            self.counted = id;
            self.count(id);
        }
    }

    fn count(&mut self, id: u64) {
        let Some(drops) = self.lossy.get(&id).and_then(|lossy| self.seen(lossy)) else {
            return;
        };
        if let Some(lossy) = self.lossy.get_mut(&id) {
            lossy.note(drops);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut book = self.losses.lock();
        book.count(self.id);
        book.lossy.remove(&self.id);
    }
}
